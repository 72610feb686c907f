"""Statistics of gradients by groups."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(2)
GRADS = {
    "layers": [
        {"kernel": RNG.normal(size=(3, 4)), "bias": RNG.normal(size=4)},
        {"kernel": RNG.normal(size=(4, 2)), "bias": RNG.normal(size=2)},
    ],
    "scale": np.float64(-7.0),
}
GROUPS = optim.labels_by_path({"**/bias": "biases", "layers/**": "kernels"}, "others")


def expected(*arrays):
    """By NumPy, of all elements as one vector."""
    x = np.concatenate([np.ravel(a) for a in arrays])
    return np.linalg.norm(x), np.sqrt(np.mean(x**2)), np.abs(x).max(), 0


def assert_statistics(got, *arrays):
    np.testing.assert_allclose(np.stack(got), expected(*arrays), rtol=1e-6)


@pytest.mark.parametrize("compiled", [False, True])
def test_groups_are_measured_as_wholes(compiled):
    measure = optim.statistics(GROUPS)

    got = (dc.jit(measure) if compiled else measure)(GRADS)

    first, second = GRADS["layers"]
    assert set(got) == {"biases", "kernels", "others"}
    assert_statistics(got["biases"], first["bias"], second["bias"])
    assert_statistics(got["kernels"], first["kernel"], second["kernel"])
    assert_statistics(got["others"], GRADS["scale"])


def test_without_groups_each_parameter_has_its_path():
    got = optim.statistics()(GRADS)

    assert sorted(got) == [
        *("layers/0/bias", "layers/0/kernel", "layers/1/bias", "layers/1/kernel"),
        "scale",
    ]
    assert_statistics(got["layers/1/kernel"], GRADS["layers"][1]["kernel"])


def test_what_is_not_finite_is_counted_where_it_is():
    grads = {
        "good": jnp.ones(3),
        "bad": jnp.asarray([1.0, np.nan, -np.inf, np.inf]),
        "none": jnp.ones((0, 2)),
    }

    got = optim.statistics()(grads)

    assert {name: int(one.not_finite) for name, one in got.items()} == {
        "good": 0,
        "bad": 3,
        "none": 0,
    }
    assert [float(x) for x in got["none"]] == [0.0, 0.0, 0.0, 0.0]
    assert got["bad"].not_finite.dtype == "int32"


def test_squares_of_half_precision_do_not_overflow():
    (got,) = optim.statistics("all")({"w": jnp.full(4, 1000.0, "float16")}).values()

    assert got.norm.dtype == got.rms.dtype == got.largest.dtype == "float32"
    np.testing.assert_allclose(np.stack(got), [2000.0, 1000.0, 1000.0, 0.0])


def test_a_chain_measures_on_its_way_and_in_a_loop():
    optimizer = optim.chain(
        optim.snapshot("gradients", optim.statistics(GROUPS)),
        optim.sgd(0.5),
        optim.snapshot("updates", optim.statistics(GROUPS)),
    )
    params = dc.tree.map(lambda g: jnp.asarray(g, "float32"), GRADS)

    def step(state, factor):
        grads = dc.tree.map(lambda p: factor * p, params)
        _, state = optimizer.update(grads, state, params)
        return state, state

    factors = jnp.asarray([1.0, 2.0])
    _, states = dc.lax.scan(step, optimizer.init(params), factors)

    norms = states[0].measurement["gradients"]["others"].norm
    np.testing.assert_allclose(norms, [7.0, 14.0])
    norms = states[2].measurement["updates"]["others"].norm
    np.testing.assert_allclose(norms, [3.5, 7.0])


def test_integers_are_told_by_path():
    with pytest.raises(TypeError) as raised:
        optim.statistics()({"w": jnp.ones(2), "step": jnp.zeros((), "int32")})

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "statistics: the leaves of the measured tree must be floating-point arrays, "
        "got\n"
        "  ['step']: i32[]\n"
        "  at <here>\n"
        "Differentiate and optimize only the trained part of the tree."
    )
