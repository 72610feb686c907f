"""Whole programs compile for TPUs and GPUs: training, on one device and on many."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from benchmarks.gpt import Model
from dolmen import nn, optim
from dolmen.core import lax, random
from dolmen.core.experimental import topologies
from dolmen.core.sharding import NamedSharding, PartitionSpec as P
from examples.lm.config import Config
from examples.lm.model import LanguageModel, loss
from packages.optim.tests.every import OPTIMIZERS, ready


def described(tree, sharding):
    return dc.tree.map(
        lambda x: dc.ShapeDtypeStruct(x.shape, x.dtype, sharding=sharding), tree
    )


def compiled(function, *args):
    return dc.jit(function).lower(*args).compile()


@pytest.fixture
def mesh(topology):
    return topologies.make_mesh(topology, (4,), ("x",))


@pytest.fixture
def here(device):
    """Where a program on one device is."""
    return dc.sharding.SingleDeviceSharding(device)


def exchanges(program):
    """The exchanges between devices that a compiled program does."""
    names = "all-gather|all-reduce|reduce-scatter|all-to-all|collective-permute"
    return set(re.findall(rf" ({names})(?:-start)?\(", program.as_text()))


# ---- training ------------------------------------------------------------------------


def train_step(config):
    graphdef, params = nn.split(LanguageModel(config, rngs=nn.Rngs(0)), nn.Param)
    optimizer = optim.chain(optim.clip_by_global_norm(1.0), optim.adamw(1e-3))
    state = optimizer.init(params)

    def step(params, state, batch):
        def of_params(params):
            return loss(nn.merge(graphdef, params), batch)

        value, grads = dc.value_and_grad(of_params)(params)
        updates, state = optimizer.update(grads, state, params)
        return optim.apply_updates(params, updates), state, value

    return step, params, state


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_language_model_trains_on_parts_of_a_batch(mesh, dtype):
    step, params, state = train_step(Config(layers=2, features=64, dtype=dtype))
    whole, split = NamedSharding(mesh, P()), NamedSharding(mesh, P("x"))
    batch = dc.ShapeDtypeStruct((64, 129), "int32", sharding=split)
    given = described(params, whole), described(state, whole)

    program = dc.jit(step, donate_argnums=(0, 1)).lower(*given, batch).compile()

    size = sum(x.size * x.dtype.itemsize for x in dc.tree.leaves((params, state)))
    memory = program.memory_analysis()
    assert "all-reduce" in exchanges(program)  # gradients are sums over the devices
    assert memory.alias_size_in_bytes >= size  # what was donated is written over
    assert program.cost_analysis()["flops"] > 1e6


def test_repeated_blocks_compile(here):
    model = Model(dc, jnp, 4, jitted_block=True)
    parameters, batch = described((model.parameters(), model.batch()), here)

    assert compiled(model.train_step, parameters, batch).as_text()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(here, name):
    optimizer = ready(name)
    params = {"w": jnp.ones((4, 3)), "b": jnp.ones(3)}
    state = optimizer.init(params)

    def value_fn(params):
        return jnp.sum(params["w"] ** 2) + jnp.sum(params["b"])

    def step(params, state):
        grads = dc.grad(value_fn)(params)
        updates, state = optimizer.update(grads, state, params, value_fn=value_fn)
        return optim.apply_updates(params, updates), state

    assert compiled(step, *described((params, state), here)).as_text()


# ---- memory --------------------------------------------------------------------------


def test_recomputation_saves_memory(here):
    def network(remat):
        def layer(x, w):
            return jnp.sin(jnp.sin(x @ w)), None

        body = dc.checkpoint(layer) if remat else layer
        return dc.grad(lambda w, x: jnp.sum(lax.scan(body, x, w)[0]))

    weights = dc.ShapeDtypeStruct((16, 512, 512), "float32", sharding=here)
    x = dc.ShapeDtypeStruct((65536, 512), "float32", sharding=here)

    plain, saving = (
        compiled(network(remat), weights, x).memory_analysis().temp_size_in_bytes
        for remat in (False, True)
    )

    assert saving < 0.7 * plain


# ---- devices -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ((P("x"), P()), set()),
        ((P(None, "x"), P("x")), {"all-reduce"}),
    ],
    ids=["rows", "contracted"],
)
def test_products_are_divided(mesh, specs, expected):
    a, b = (
        dc.ShapeDtypeStruct((512, 512), "float32", sharding=NamedSharding(mesh, spec))
        for spec in specs
    )

    program = compiled(lambda a, b: a @ b, a, b)

    assert exchanges(program) == expected
    quarter = 512 * 512 * 4 // 4
    whole = quarter * (1 if P() not in specs else 4)
    assert program.memory_analysis().argument_size_in_bytes == quarter + whole


EXCHANGES = {
    "all-reduce": lambda x: lax.psum(x, "x"),
    "all-gather": lambda x: lax.all_gather(x, "x"),
    "all-to-all": lambda x: lax.all_to_all(x, "x", 0, 1, tiled=True),
    "reduce-scatter": lambda x: lax.psum_scatter(x, "x", tiled=True),
    "collective-permute": lambda x: lax.ppermute(
        x, "x", [(i, (i + 1) % 4) for i in range(4)]
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_programs_by_device_exchange_what_they_say(mesh, name):
    x = dc.ShapeDtypeStruct((64, 512), "float32", sharding=NamedSharding(mesh, P("x")))
    by_device = dc.shard_map(
        EXCHANGES[name], mesh=mesh, in_specs=P("x"), out_specs=P("x"), check_vma=False
    )

    found = exchanges(compiled(by_device, x))

    # The compiler may sum everything first and take a part.
    assert found in ({name}, {name.replace("reduce-scatter", "all-reduce")})


def test_a_pod_of_chips():
    topology = topologies.get_topology_desc("v5e:16x16", "tpu")
    mesh = topologies.make_mesh(topology, (64, 4), ("data", "model"))
    a, b = (
        dc.ShapeDtypeStruct((8192, 8192), "bfloat16", sharding=NamedSharding(mesh, s))
        for s in (P("data", "model"), P("model", None))
    )

    program = compiled(lambda a, b: jnp.tanh(a @ b), a, b)

    assert "all-reduce" in exchanges(program) or "reduce-scatter" in exchanges(program)
    needs = program.memory_analysis()
    assert needs.argument_size_in_bytes == 8192 * 8192 * 2 // 256 + 8192 * 8192 * 2 // 4


# ---- all kinds of programs -----------------------------------------------------------


def key(seed):
    return random.wrap_key_data(jnp.asarray([0, seed], "uint32"))


PROGRAMS = {
    "while": lambda x: lax.while_loop(lambda c: jnp.sum(c) < 9, lambda c: c + 1, x),
    "cond": lambda x: lax.cond(jnp.sum(x) > 0, jnp.sin, jnp.cos, x),
    "switch": lambda x: lax.switch(jnp.int32(x[0, 0]), [jnp.sin, jnp.cos, abs], x),
    "scan of a gradient": lambda x: lax.scan(
        lambda c, r: (dc.grad(lambda c: jnp.sum(jnp.tanh(c) * r))(c), r), x[0], x
    ),
    "associative scan": lambda x: lax.associative_scan(jnp.multiply, x),
    "sort": lambda x: (jnp.sort(x), jnp.argsort(x), jnp.median(x)),
    "top_k": lambda x: lax.top_k(x, 2),
    "random": lambda x: (
        random.normal(key(1), x.shape),
        random.permutation(key(2), x),
        random.categorical(key(3), x),
        random.gamma(key(4), jnp.exp(x)),
    ),
    "generators": lambda x: [
        random.bits(random.key(0, impl=name), x.shape)
        for name in ("threefry2x32", "rbg", "unsafe_rbg")
    ],
    "fft": lambda x: jnp.fft.irfft2(jnp.fft.rfft2(x)),
    "convolution": lambda x: jnp.convolve(x[0], x[1]),
    "images": lambda x: dc.image.resize(x, (16, 16), "lanczos3"),
    "updates": lambda x: x.at[jnp.array([0, 0, 1])].add(x[:3]),
    "statistics": lambda x: dc.scipy.stats.norm.logpdf(x).sum(),
    "hessian": lambda x: dc.hessian(lambda r: jnp.sum(r**3) * r[0])(x[0]),
    "solve": lambda x: jnp.linalg.solve(x @ x.T + jnp.eye(8), x),
    "decompositions": lambda x: (
        jnp.linalg.svd(x),
        jnp.linalg.qr(x),
        jnp.linalg.eigh(x + x.T),
        jnp.linalg.det(x),
        jnp.linalg.cholesky(x @ x.T),
        jnp.linalg.lstsq(x, x),
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(here, name):
    x = dc.ShapeDtypeStruct((8, 8), "float32", sharding=here)

    assert compiled(PROGRAMS[name], x).as_text()


def test_the_branch_is_that_of_the_platform(here, platform):
    x = dc.ShapeDtypeStruct((8,), "float32", sharding=here)

    text = (
        dc.jit(
            lambda x: lax.platform_dependent(x, cpu=jnp.sin, cuda=jnp.cos, tpu=jnp.tanh)
        )
        .lower(x)
        .as_text()
    )

    assert {"cuda": "cosine", "tpu": "tanh"}[platform] in text
    assert "sine %" not in text.replace("cosine", "")


def test_calls_of_python_need_devices_that_are_there(here, platform):
    x = dc.ShapeDtypeStruct((8,), "float32", sharding=here)
    expected = {
        "cuda": "can't be compiled for devices that aren't there",
        "tpu": "can't call Python functions on tpu",
    }

    with pytest.raises(NotImplementedError, match=expected[platform]):
        compiled(lambda x: dc.pure_callback(np.sin, x, x), x)
