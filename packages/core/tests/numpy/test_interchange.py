"""Arrays among other libraries, copies, other processes, and objects in their place."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, random, tree

# ---- NumPy -------------------------------------------------------------------------


def test_numpy_sees_the_buffer_itself_read_only():
    x = jnp.arange(6.0).reshape(2, 3)

    seen = np.asarray(x)

    assert seen.ctypes.data == x.unsafe_buffer_pointer()
    assert not seen.flags.writeable
    assert x.__array__().ctypes.data == x.unsafe_buffer_pointer()


def test_numpy_array_is_a_copy_to_write_to():
    x = jnp.arange(3.0)

    changed = np.array(x)
    changed[0] = 7.0

    np.testing.assert_array_equal(x, [0, 1, 2])


def test_numpy_converts_to_a_dtype_unless_it_may_not_copy():
    x = jnp.arange(3)

    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.asarray(x, copy=False).dtype == np.int32
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.asarray(x, np.float64, copy=False)


def test_the_array_method_refuses_a_copy_by_itself():
    with pytest.raises(ValueError, match="must be copied to become float64") as caught:
        jnp.arange(3).__array__(np.float64, copy=False)

    assert str(caught.value) == (
        "numpy.asarray(copy=False): i32[3] must be copied to become float64."
    )


@pytest.mark.parametrize(
    ("dtype", "form"),
    [("float32", "=f"), ("int32", "=i"), ("bool", "?"), ("complex64", "=Zf")],
)
def test_the_buffer_protocol_shows_the_elements(dtype, form):
    x = jnp.array([[1, 0, 3]], dtype)

    view = memoryview(x)

    assert (view.format, view.shape, view.readonly) == (form, (1, 3), True)
    assert bytes(view) == x.tobytes()


def test_operators_with_numpy_arrays_and_scalars_give_arrays():
    x = jnp.arange(2.0)

    for made in (np.ones(2, "f4") + x, np.float32(2) * x, np.ones((1, 2), "f4") @ x):
        assert isinstance(made, dc.Array)


def test_arrays_are_made_of_buffers_and_lists_of_arrays():
    x = jnp.arange(2.0)

    np.testing.assert_array_equal(jnp.asarray([x, x + 1]), [[0, 1], [1, 2]])
    np.testing.assert_array_equal(
        jnp.asarray([[x[0], 5], [1.0, x[1]]]), [[0, 5], [1, 1]]
    )
    np.testing.assert_array_equal(jnp.asarray(memoryview(b"ab")), [97, 98])
    np.testing.assert_array_equal(
        dc.jit(lambda x: jnp.asarray([x, 2 * x, np.ones(2)]))(x),
        [[0, 1], [0, 2], [1, 1]],
    )


# ---- copies and pickles ------------------------------------------------------------

VALUES = {
    "float": lambda: jnp.arange(3.0),
    "weak": lambda: jnp.asarray(2.0),
    "bfloat16": lambda: jnp.array([[1.5]], "bfloat16"),
    "int4": lambda: jnp.array([1, -2], "int4"),
    "empty": lambda: jnp.zeros((0, 2), bool),
    "key": lambda: random.key(3),
    "keys": lambda: random.split(random.key(3, impl="rbg"), 2),
}


def described(x):
    words = random.key_data(x) if isinstance(x, type(random.key(0))) else x
    return x.dtype, x.shape, x.weak_type, np.asarray(words).tobytes()


WAYS = {
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "pickle5": lambda x: pickle.loads(pickle.dumps(x, protocol=5)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("way", WAYS)
def test_copies_are_equal_in_every_respect(way, value):
    x = VALUES[value]()

    made = WAYS[way](x)

    assert made is not x
    assert described(made) == described(x)
    assert made.unsafe_buffer_pointer() != x.unsafe_buffer_pointer()


@pytest.mark.parametrize("way", ["copy", "deepcopy"])
@pytest.mark.parametrize("value", ["float", "key", "keys"])
def test_copies_can_be_traced(way, value):
    x = VALUES[value]()

    made = dc.jit(WAYS[way])(x)

    assert described(made) == described(x)


def test_pickled_buffers_can_travel_out_of_band():
    x = jnp.arange(1000.0)
    buffers = []

    data = pickle.dumps(x, protocol=5, buffer_callback=buffers.append)

    assert len(data) < 500
    np.testing.assert_array_equal(pickle.loads(data, buffers=buffers), x)


@pytest.mark.parametrize(
    "value",
    [jnp.float32, jnp.bfloat16, jnp.dtype("bfloat16"), random.key(0).dtype],
    ids=repr,
)
def test_dtypes_survive_pickling(value):
    assert pickle.loads(pickle.dumps(value)) == value


def test_pickles_are_read_by_another_process(tmp_path):
    whole = {"x": jnp.arange(2.0), "key": random.key(7), "weak": jnp.asarray(1)}
    path = tmp_path / "pickled"
    path.write_bytes(pickle.dumps((whole, tree.structure(whole)), protocol=5))
    program = (
        "import pickle, sys\n"
        "whole, structure = pickle.load(open(sys.argv[1], 'rb'))\n"
        "from dolmen.core import tree\n"
        "assert tree.structure(whole) == structure\n"
        "print(whole)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True
    )

    assert done.stdout == f"{whole}\n", done.stderr


# ---- devices -----------------------------------------------------------------------


@pytest.mark.parametrize("value", ["float", "keys"])
def test_an_array_on_one_device_has_one_shard(value):
    x = VALUES[value]()

    (shard,) = x.addressable_shards

    assert (shard.device, shard.replica_id) == (dc.devices()[0], 0)
    assert shard.index == (slice(None),) * x.ndim
    assert described(shard.data) == described(x.addressable_data(0)) == described(x)
    assert x.is_fully_addressable
    assert x.is_fully_replicated
    assert x.devices() == {x.device} == {dc.devices()[0]}


@pytest.mark.parametrize("value", ["float", "key"])
def test_sizes_and_transfers(value):
    x = VALUES[value]()

    x.copy_to_host_async()
    moved = x.to_device(dc.devices()[0])

    assert x.on_device_size_in_bytes() == x.nbytes
    assert x.block_until_ready() is x
    assert x.is_ready()
    assert (x.committed, moved.committed) == (False, True)
    assert described(moved) == described(x)
    assert described(x.to_device(x.sharding)) == described(x)


def test_transfers_go_to_devices():
    with pytest.raises(TypeError, match="device_put") as caught:
        jnp.ones(2).to_device("cpu")

    assert str(caught.value).splitlines()[0] == (
        "device_put: device must be a device, a sharding or None, got 'cpu'."
    )


def test_transfers_know_no_streams():
    with pytest.raises(ValueError, match="to_device") as caught:
        jnp.ones(2).to_device(dc.devices()[0], stream=1)

    lines = str(caught.value).splitlines()
    assert lines[0] == "to_device: `stream` is not supported, got 1."
    assert lines[2] == "Leave it out: transfers are ordered by the runtime."


USES = {
    "operator": lambda x: x + 1.0,
    "function": jnp.sin,
    "jit": dc.jit(lambda x: x * 2.0),
    "grad": dc.grad(lambda x: jnp.sum(x * x)),
    "numpy": np.asarray,
    "copy": copy.copy,
    "host": lambda x: x.copy_to_host_async(),
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("use", USES)
def test_a_deleted_array_is_refused_by_every_use(use):
    shape = (3, 1, 2)  # nobody donates such arrays, else the message would say who
    USES[use](jnp.ones(shape))  # so that the call is compiled already
    x = jnp.ones(shape)
    np.asarray(x)
    x.delete()

    with pytest.raises(RuntimeError) as caught:
        USES[use](x)

    assert x.is_deleted()
    assert str(caught.value) == (
        "array f32[3,1,2] was deleted or donated: its buffer was freed by `delete()`, "
        "or given to a compiled call (donate_argnums or donate_argnames). Use that "
        "call's result instead, or don't donate this argument."
    )


def test_traced_values_know_what_types_say():
    sizes = []

    dc.jit(lambda x: sizes.append((x.nbytes, x.itemsize)) or x)(
        jnp.ones((2, 3), "int16")
    )

    assert sizes == [(12, 2)]


@pytest.mark.parametrize(
    ("ask", "call"),
    [
        (lambda x: x.devices(), "devices()"),
        (lambda x: x.is_deleted(), "is_deleted()"),
        (lambda x: x.unsafe_buffer_pointer(), "unsafe_buffer_pointer()"),
        (lambda x: x.addressable_data(0), "addressable_data()"),
        (lambda x: x.addressable_shards, "addressable_shards"),
        (lambda x: x.is_fully_addressable, "is_fully_addressable"),
        (lambda x: x.committed, "committed"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_traced_values_are_on_no_device(ask, call):
    with pytest.raises(dc.errors.ConcretizationTypeError) as caught:
        dc.jit(ask)(jnp.ones(2))

    assert str(caught.value).startswith(f"{call}: expected a concrete value, got ")


def test_values_of_an_eager_gradient_are_on_a_device():
    seen = []

    dc.grad(lambda x: seen.append((x.devices(), x.is_fully_addressable)) or x)(1.0)

    assert seen == [({dc.devices()[0]}, True)]


def test_traced_values_follow_the_computation():
    seen = []

    def like(x):
        seen.append(x.device)
        return x.to_device(x.device) + jnp.ones(2, device=x.device)

    made = dc.jit(like)(jnp.ones(2))
    dc.grad(lambda x: like(x).sum())(jnp.ones(2))
    dc.vmap(like)(jnp.ones((1, 2)))

    np.testing.assert_array_equal(made, [2, 2])
    assert seen == [None, dc.devices()[0], None]


@pytest.mark.parametrize(
    "make",
    [
        lambda place: jnp.zeros(2, device=place),
        lambda place: jnp.full(2, 0.0, device=place),
        lambda place: jnp.asarray([0.0, 0.0], device=place),
        lambda place: jnp.asarray(np.zeros(2, np.float32), device=place),
        lambda place: jnp.asarray(jnp.zeros(2), device=place),
        lambda place: jnp.zeros(2).astype(float, device=place),
        lambda place: jnp.linspace(0.0, 0.0, 2, device=place),
        lambda place: jnp.fft.fftfreq(2, device=place) * 0,
    ],
)
def test_functions_take_a_device_or_a_sharding(make):
    device = dc.devices()[0]

    for place in (device, jnp.ones(2, device=device).sharding):
        made = make(place)

        assert (made.device, made.committed) == (device, True)
        np.testing.assert_array_equal(made, [0, 0])
    with pytest.raises(TypeError) as caught:
        make("cpu")
    assert str(caught.value).splitlines()[0] == (
        "`device` must be a device, a sharding or None, got 'cpu'."
    )


# ---- objects that stand for arrays -------------------------------------------------


class Boxed:
    """Stands for an array without being one."""

    def __init__(self, array):
        self.array = array

    def __jax_array__(self):
        return self.array


BOX = Boxed(jnp.arange(3.0))
ONES = jnp.ones(3)

PLACES = {
    "operator": lambda b: ONES + b,
    "comparison": lambda b: b < ONES,
    "matmul": lambda b: ONES @ b,
    "numpy function": lambda b: jnp.add(b, 1.0),
    "reduction": lambda b: jnp.sum(b),
    "list": lambda b: jnp.array([b, ONES]),
    "list of elements": lambda b: jnp.array([[Boxed(ONES[0]), 2], [3, 4.0]]),
    "asarray": jnp.asarray,
    "stack": lambda b: jnp.stack([b, ONES]),
    "where": lambda b: jnp.where(ONES > 0, b, 0.0),
    "at": lambda b: ONES.at[:].add(b),
    "index": lambda b: ONES[Boxed(jnp.array([0, 2]))],
    "einsum": lambda b: jnp.einsum("i,i", b, ONES),
    "lax": lambda b: lax.mul(b, ONES),
    "jit": lambda b: dc.jit(lambda x: x * 2)(b),
    "result of jit": lambda b: dc.jit(lambda x: Boxed(x * 2))(b),
    "grad": lambda b: dc.grad(lambda x: jnp.sum(x**2))(b),
    "result of grad": lambda b: dc.grad(lambda x: Boxed(jnp.sum(x**2)))(b),
    "auxiliary result of grad": lambda b: dc.grad(
        lambda x: (jnp.sum(x), Boxed(x * 2)), has_aux=True
    )(b)[1],
    "auxiliary result of vjp": lambda b: dc.vjp(
        lambda x: (x, Boxed(x * 2)), b, has_aux=True
    )[2],
    "value_and_grad": lambda b: dc.value_and_grad(lambda x: jnp.sum(x**2))(b)[0],
    "vjp": lambda b: dc.vjp(jnp.sin, b)[1](b)[0],
    "jvp": lambda b: dc.jvp(lambda x: x, (b,), (b,))[1],
    "linearize": lambda b: dc.linearize(lambda x: x * 1.0, b)[1](b),
    "vmap": lambda b: dc.vmap(lambda x: x + 1)(b),
    "scan": lambda b: lax.scan(lambda c, x: (c + x, c), 0.0, b)[1],
    "carry": lambda b: lax.scan(lambda c, x: (c + x, x), b, ONES)[0],
    "cond": lambda b: lax.cond(True, lambda x: x + 1, lambda x: x, b),
    "while": lambda b: lax.while_loop(lambda x: x[0] < 3, lambda x: x + 1, b),
    "fori": lambda b: lax.fori_loop(0, 2, lambda _, x: x + 1, b),
    "map": lambda b: lax.map(lambda x: x + 1, b),
    "checkpoint": lambda b: dc.grad(lambda x: jnp.sum(dc.checkpoint(jnp.sin)(x)))(b),
    "eval_shape": lambda b: jnp.zeros(dc.eval_shape(lambda x: x, b).shape),
    "device_put": dc.device_put,
    "random": lambda b: random.uniform(random.key(0), (3,), minval=b),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_object_that_stands_for_an_array_is_taken_like_it(place):
    got = PLACES[place](BOX)
    expected = PLACES[place](BOX.array)

    assert isinstance(got, dc.Array)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("place", ["operator", "list", "cond", "scan", "stack", "jvp"])
def test_such_an_object_may_hold_a_traced_value(place):
    got = dc.jit(lambda x: PLACES[place](Boxed(x)))(BOX.array)

    np.testing.assert_allclose(got, PLACES[place](BOX.array))
