"""Collectives over the named axes of `vmap`, against NumPy on the whole batch."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core._transforms import _collectives, _exchanges

LANES = 4
X = np.random.default_rng(0).normal(size=(LANES, LANES, 8))
PERM = [(0, 2), (2, 1), (3, 3)]


def repeated(x):
    return np.broadcast_to(x, (LANES, *np.shape(x)))


def permuted(x):
    out = np.zeros_like(x)
    out[[2, 1, 3]] = x[[0, 2, 3]]
    return out


# Name: what a lane computes, and the same on the stack of all lanes. The primitives
# that these must show are listed below.
CASES = {
    "psum": (lambda x: lax.psum(x, "i"), lambda x: repeated(x.sum(0))),
    "pmean": (lambda x: lax.pmean(x, "i"), lambda x: repeated(x.mean(0))),
    "pmax": (lambda x: lax.pmax(x, "i"), lambda x: repeated(x.max(0))),
    "pmin": (lambda x: lax.pmin(x, "i"), lambda x: repeated(x.min(0))),
    "all_gather": (
        lambda x: lax.all_gather(x, "i", axis=1),
        lambda x: repeated(np.moveaxis(x, 0, 1)),
    ),
    "all_gather tiled": (
        lambda x: lax.all_gather(x, "i", axis=-1, tiled=True),
        lambda x: repeated(np.concatenate(list(x), -1)),
    ),
    "psum_scatter": (lambda x: lax.psum_scatter(x, "i"), lambda x: x.sum(0)),
    "psum_scatter tiled": (
        lambda x: lax.psum_scatter(x, "i", scatter_dimension=1, tiled=True),
        lambda x: np.stack(np.split(x.sum(0), LANES, 1)),
    ),
    "all_to_all": (
        lambda x: lax.all_to_all(x, "i", 0, 1),
        lambda x: np.transpose(x, (1, 2, 0)),
    ),
    "all_to_all tiled": (
        lambda x: lax.all_to_all(x, "i", 1, 0, tiled=True),
        lambda x: np.stack(
            [np.concatenate([row[:, 2 * j : 2 * j + 2] for row in x]) for j in range(4)]
        ),
    ),
    "pswapaxes": (lambda x: lax.pswapaxes(x, "i", 0), lambda x: x.swapaxes(0, 1)),
    "ppermute": (lambda x: lax.ppermute(x, "i", PERM), permuted),
    "pshuffle": (
        lambda x: lax.pshuffle(x, "i", [2, 0, 1, 3]),
        lambda x: x[[2, 0, 1, 3]],
    ),
    "pbroadcast": (lambda x: lax.pbroadcast(x, "i", 2), lambda x: repeated(x[2])),
    "axis_index": (
        lambda x: x * lax.axis_index("i"),
        lambda x: x * np.arange(LANES)[:, None, None],
    ),
}

# Ways to reach the collective that must not change what it does.
WRAPPERS = {
    "plain": lambda f: f,
    "jit": dc.jit,
    "checkpoint": dc.checkpoint,
    "scan": lambda f: lambda x: lax.scan(lambda _, x: (0, f(x)), 0, x[None])[1][0],
    "cond": lambda f: lambda x: lax.cond(True, f, f, x),
    "cond per lane": lambda f: lambda x: lax.cond(x.sum() > 0, f, f, x),
    "while": lambda f: (
        lambda x: lax.while_loop(
            lambda c: c[0] < 1, lambda c: (c[0] + 1, f(x)), (0, 0.0 * f(x))
        )[1]
    ),
    "custom_jvp": lambda f: _with_rule(f),
    "unnamed vmap": lambda f: lambda x: dc.vmap(f)(x[None])[0],
    "named vmap": lambda f: (
        lambda x: dc.vmap(f, axis_name="j", in_axes=2, out_axes=-1)(jnp.stack([x], 2))[
            ..., 0
        ]
    ),
}


def _with_rule(f):
    made = dc.custom_jvp(f)
    made.defjvp(lambda primals, tangents: dc.jvp(f, primals, tangents))
    return made


def mapped(f):
    return dc.vmap(f, axis_name="i")


def test_every_collective_primitive_is_in_a_case():
    shown = set()
    with dc.enable_x64():
        for lane, _ in CASES.values():
            printed = []

            def spy(x, lane=lane, printed=printed):
                printed.append(dc.make_jaxpr(lane)(x).jaxpr)
                return lane(x)

            mapped(spy)(X)
            shown |= {type(e.primitive) for e in printed[0].eqns}

    assert shown >= {
        cls
        for module in (_collectives, _exchanges)
        for cls in vars(module).values()
        if isinstance(cls, type)
        and issubclass(cls, _collectives.Collective)
        and not cls.__subclasses__()
    }


@pytest.mark.parametrize("name", CASES)
def test_value_agrees_with_numpy(name):
    lane, stacked = CASES[name]

    with dc.enable_x64():
        got = mapped(lane)(X)

    np.testing.assert_allclose(got, stacked(X), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_value_of_an_operand_shared_by_all_lanes(name):
    lane, stacked = CASES[name]

    with dc.enable_x64():
        got = dc.vmap(lambda: lane(jnp.asarray(X[0])), axis_name="i", axis_size=LANES)()

    np.testing.assert_allclose(got, stacked(np.stack([X[0]] * LANES)), rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_central_differences(name):
    lane, stacked = CASES[name]
    rng = np.random.default_rng(1)
    weights, direction = rng.normal(size=stacked(X).shape), rng.normal(size=X.shape)
    step = 1e-6

    with dc.enable_x64():
        outside = dc.grad(lambda x: (mapped(lane)(x) * weights).sum())(X)
        # One lane's results are pulled back in all lanes, which add up what they got.
        inside = mapped(lambda x, w: dc.vjp(lane, x)[1](w)[0])(X, weights)

    ahead, back = stacked(X + step * direction), stacked(X - step * direction)
    want = (weights * (ahead - back) / (2 * step)).sum()
    np.testing.assert_allclose((outside * direction).sum(), want, rtol=1e-6)
    np.testing.assert_allclose(inside, outside, rtol=1e-12)


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize(
    "name", ["psum", "pmax", "all_gather", "ppermute", "axis_index"]
)
def test_inside_other_transformations(name, wrapper):
    lane, stacked = CASES[name]
    wrapped = WRAPPERS[wrapper](lane)

    with dc.enable_x64():
        value = mapped(wrapped)(X)
        tangent = dc.jvp(mapped(wrapped), (X,), (X,))[1]
        plain = dc.jvp(mapped(lane), (X,), (X,))[1]

    np.testing.assert_allclose(value, stacked(X), rtol=1e-12)
    np.testing.assert_allclose(tangent, plain, rtol=1e-12)


@pytest.mark.parametrize("wrapper", sorted(set(WRAPPERS) - {"while"}))
@pytest.mark.parametrize("name", ["pmean", "psum_scatter"])
def test_pulled_back_inside_the_batch(name, wrapper):
    lane, stacked = CASES[name]
    wrapped = WRAPPERS[wrapper](lane)
    weights = np.random.default_rng(2).normal(size=stacked(X).shape)

    with dc.enable_x64():
        got = mapped(lambda x, w: dc.vjp(wrapped, x)[1](w)[0])(X, weights)
        plain = dc.grad(lambda x: (mapped(lane)(x) * weights).sum())(X)

    np.testing.assert_allclose(got, plain, rtol=1e-12)


BOTH = ("i", "j")
FLAT = X.reshape(16, 8)
NESTED = {
    "psum": (lambda x: lax.psum(x, BOTH), lambda x: x * 0 + x.sum(0)),
    "psum of one": (
        lambda x: lax.psum(x, "i"),
        lambda x: np.tile(x.reshape(2, 8, 8).sum(0), (2, 1)),
    ),
    "pmean": (lambda x: lax.pmean(x, BOTH), lambda x: x * 0 + x.mean(0)),
    "all_gather": (
        lambda x: lax.all_gather(x, BOTH),
        lambda x: np.broadcast_to(x, (16, 16, 8)),
    ),
    "psum_scatter": (
        lambda x: lax.psum_scatter(jnp.tile(x, 2), BOTH),
        lambda x: np.tile(x.sum(0), 2),
    ),
    "psum_scatter tiled": (
        lambda x: lax.psum_scatter(jnp.tile(x, 4), BOTH, tiled=True),
        lambda x: np.tile(x.sum(0), 4).reshape(16, 2),
    ),
    "all_to_all": (
        lambda x: lax.all_to_all(jnp.outer(jnp.arange(16), x), BOTH, 0, 1),
        lambda x: np.arange(16)[:, None, None] * x.T,
    ),
    "ppermute": (
        lambda x: lax.ppermute(x, BOTH, [(i, i + 1) for i in range(15)]),
        lambda x: np.concatenate([np.zeros((1, 8)), x[:-1]]),
    ),
    "pbroadcast": (lambda x: lax.pbroadcast(x, BOTH, 9), lambda x: x * 0 + x[9]),
    "axis_index": (
        lambda x: x + lax.axis_index(BOTH),
        lambda x: x + np.arange(16)[:, None],
    ),
    "axis_size": (lambda x: x * lax.axis_size(BOTH), lambda x: x * 16),
}


@pytest.mark.parametrize("inner_first", [False, True])
@pytest.mark.parametrize("name", NESTED)
def test_two_axes_count_as_one_of_which_the_first_varies_slowest(name, inner_first):
    lane, stacked = NESTED[name]
    # ("i", "j") is the order of significance, whichever `vmap` stands outside.
    outer, inner = ("j", "i") if inner_first else ("i", "j")
    sizes = {"i": 2, "j": 8}
    grid = FLAT.reshape(2, 8, 8)
    grid = grid.swapaxes(0, 1) if inner_first else grid

    with dc.enable_x64():
        got = dc.vmap(dc.vmap(lane, axis_name=inner), axis_name=outer)(grid)

    got = np.asarray(got)
    assert got.shape[:2] == (sizes[outer], sizes[inner])
    got = got.swapaxes(0, 1) if inner_first else got
    np.testing.assert_allclose(
        got.reshape(16, *got.shape[2:]), stacked(FLAT), rtol=1e-12
    )


def test_python_numbers_give_python_numbers():
    seen = []

    mapped(lambda x: seen.append((lax.psum(1, "i"), lax.pmean(3.0, "i"))) or x)(X)

    assert seen == [(4, 3.0)]
    assert [type(v) for v in seen[0]] == [int, float]


def test_psum_of_trees_and_booleans():
    got = mapped(lambda x: lax.psum({"a": x > 1, "b": (x, 2)}, "i"))(jnp.arange(4))

    assert got["a"].tolist() == [2] * 4
    assert got["b"][0].tolist() == [6] * 4
    assert got["b"][1].tolist() == [8] * 4


def test_a_jitted_function_is_traced_anew_for_axes_of_another_size():
    count = dc.jit(lambda: lax.psum(1.0, "i"))

    got = [dc.vmap(count, axis_name="i", axis_size=n)().tolist() for n in (2, 3, 2)]

    assert got == [[2.0] * 2, [3.0] * 3, [2.0] * 2]


def test_make_jaxpr_binds_the_axes_it_is_given():
    program = dc.make_jaxpr(lambda x: lax.psum(x, "i"), axis_env=[("i", 4)])(1.0)

    assert [e.primitive.name for e in program.eqns] == ["psum"]


def test_the_inner_of_two_axes_with_one_name_counts():
    got = mapped(lambda x: mapped(lambda y: lax.psum(y, "i"))(jnp.arange(3)) + x)(
        jnp.arange(2)
    )

    assert got.tolist() == [[3, 3, 3], [4, 4, 4]]


def test_custom_vjp_rules_may_use_the_axis():
    @dc.custom_vjp
    def mean(x):
        return lax.pmean(x, "i")

    mean.defvjp(lambda x: (mean(x), None), lambda _, ct: (10.0 * lax.psum(ct, "i"),))

    outside = dc.grad(lambda x: mapped(mean)(x).sum())(jnp.ones(3))
    inside = mapped(dc.grad(mean))(jnp.ones(3))

    assert outside.tolist() == [30.0] * 3
    assert inside.tolist() == [30.0] * 3


def test_custom_jvp_rules_may_use_the_axis():
    @dc.custom_jvp
    def double(x):
        return 2.0 * x

    double.defjvp(lambda p, t: (double(p[0]), 10.0 * lax.pmean(t[0], "i")))

    outside = dc.jvp(mapped(double), (jnp.ones(3),), (jnp.arange(3.0),))[1]
    inside = mapped(lambda x, t: dc.jvp(double, (x,), (t,))[1])(
        jnp.ones(3), jnp.arange(3.0)
    )
    transposed = dc.grad(lambda x: dc.jit(mapped(double))(x)[0])(jnp.ones(4))

    assert outside.tolist() == [10.0] * 3
    assert inside.tolist() == [10.0] * 3
    assert transposed.tolist() == [2.5] * 4


def error_of(f, x=X):
    with pytest.raises(Exception) as caught:
        mapped(f)(x)
    lines = str(caught.value).split("\n")
    return type(caught.value), [x for x in lines if not x.startswith("  at ")]


@pytest.mark.parametrize(
    ("function", "cls", "lines"),
    [
        (
            lambda x: lax.psum(x, "k"),
            NameError,
            [
                "psum: axis name 'k' is not bound; the bound axes are: 'i' (size 4).",
                "Call the function under `vmap(..., axis_name='k')`.",
            ],
        ),
        (
            lambda x: lax.psum(x, "i", axis_index_groups=[[0, 1]]),
            NotImplementedError,
            [
                "psum: expected axis_index_groups=None, got [[0, 1]]: collectives "
                "within groups of lanes are not supported.",
                "Reshape the batch to two axes and nest two `vmap` with a name each.",
            ],
        ),
        (
            lambda x: lax.psum("x", "i"),
            TypeError,
            ["psum: expected arrays or Python numbers as leaves, got str 'x'."],
        ),
        (
            lambda x: lax.psum_scatter(x, "i", scatter_dimension=1),
            ValueError,
            [
                "psum_scatter: the size of axis 1 must be 4, the number of lanes, got "
                "f32[4,8].",
                "Pass `tiled=True` to give each lane several indices.",
            ],
        ),
        (
            lambda x: lax.all_to_all(x[:, :6], "i", 1, 0, tiled=True),
            ValueError,
            [
                "all_to_all: the size of axis 1 must be a multiple of 4, the number of "
                "lanes, got f32[4,6].",
            ],
        ),
        (
            lambda x: lax.ppermute(x, "i", [(0, 1), (2, 1)]),
            ValueError,
            [
                "ppermute: sources and targets must be distinct and between 0 and 3, "
                "got [(0, 1), (2, 1)].",
            ],
        ),
        (
            lambda x: lax.pshuffle(x, "i", [0, 1]),
            ValueError,
            ["pshuffle: expected a permutation of range(4), got [0, 1]."],
        ),
        (
            lambda x: lax.pbroadcast(x, "i", 4),
            ValueError,
            ["pbroadcast: `source` must be between 0 and 3, got 4."],
        ),
        (
            lambda x: lax.all_gather(x, "i", to="reduced"),
            ValueError,
            ["all_gather: expected `to` to be 'varying', got 'reduced'."],
        ),
    ],
)
def test_errors(function, cls, lines):
    assert error_of(function) == (cls, lines)


def test_an_unbound_name_outside_of_vmap():
    with pytest.raises(NameError) as caught:
        dc.jit(lambda x: lax.psum(x, "i"))(1.0)

    assert str(caught.value).startswith(
        "psum: axis name 'i' is not bound; the bound axes are: none.\n  at "
    )
