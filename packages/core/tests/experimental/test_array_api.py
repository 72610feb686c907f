"""Arrays that can be written to: as NumPy's are, and traced."""

import copy
import pickle

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.experimental import array_api as xp

# Each writes to its argument, an array [2, 3], in some way of NumPy's.
WRITES = {
    "element": lambda x: x.__setitem__((0, 1), 9.0),
    "row": lambda x: x.__setitem__(-1, x[0]),
    "slices": lambda x: x.__setitem__((slice(None), slice(None, None, 2)), 7.0),
    "mask": lambda x: x.__setitem__(x > 2.0, 0.0),
    "mask of rows": lambda x: x.__setitem__(x[:, 0] > 1.0, -1.0),
    "indices": lambda x: x.__setitem__((x[:, 0] * 0 == 1.0, 0), 5.0),
    "everything": lambda x: x.__setitem__(Ellipsis, x[0] + 1.0),
    "broadcast": lambda x: x.__setitem__(slice(None), [1.0, 2.0, 3.0]),
    "view": lambda x: x[1].__setitem__(0, 8.0),
    "view of a view": lambda x: x[1:][0][1:].__setitem__(1, 8.0),
    "new axis": lambda x: x[:, None].__setitem__((1, 0, 2), 8.0),
    "iteration": lambda x: [row.__setitem__(0, row[1]) for row in x],
    "transposed": lambda x: x.T.__setitem__(2, 8.0),
    "reshaped": lambda x: x.reshape(3, 2).__setitem__((1, 0), 8.0),
    "swapped": lambda x: x.swapaxes(0, 1)[1:].__setitem__((1, 1), 8.0),
    "flattened": lambda x: x.ravel().__setitem__(slice(None, None, 4), 8.0),
    "view in place": lambda x: x[0].__iadd__(10.0),
    "copy": lambda x: x.copy().__setitem__(0, 8.0),
    "result": lambda x: (x + 0.0).__setitem__(0, 8.0),
    "truth": lambda x: x[True].__setitem__(Ellipsis, 8.0),
    "advanced": lambda x: x[x > 0.0].__setitem__(0, 8.0),
    **{
        f"in place {name}": lambda x, name=name: getattr(x, f"__i{name}__")(2.0)
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
    },
    "in place of an array": lambda x: x.__imul__(x[:1]),
}


def start():
    return np.array([[0.5, 1.5, 2.5], [3.0, -1.0, 4.0]], np.float32)


@pytest.mark.parametrize("name", WRITES)
def test_writing_changes_what_it_changes_in_numpy(name):
    x, expected = xp.asarray(start()), start()

    WRITES[name](x)
    WRITES[name](expected)

    assert x.dtype == "float32"
    np.testing.assert_allclose(x, expected, rtol=1e-6)


NEEDS_NO_VALUES = [
    name for name in WRITES if name not in ("mask of rows", "indices", "advanced")
]


@pytest.mark.parametrize("name", NEEDS_NO_VALUES)
def test_writing_can_be_traced(name):
    def written(x):
        x = xp.asarray(x)
        WRITES[name](x)
        return x

    expected = start()
    WRITES[name](expected)

    np.testing.assert_allclose(dc.jit(written)(start()), expected, rtol=1e-6)
    np.testing.assert_allclose(
        dc.vmap(written)(start()[None]), expected[None], rtol=1e-6
    )


def test_derivatives_pass_through_writes():
    def f(x):
        x = xp.asarray(x)
        x[x < 0.0] = 0.0
        x[0] *= 3.0
        return xp.sum(x**2)

    assert dc.value_and_grad(f)(jnp.asarray([1.0, -1.0, 2.0]))[0] == 13
    for transformed in (dc.grad(f), dc.jit(dc.grad(f))):
        np.testing.assert_allclose(
            transformed(jnp.asarray([1.0, -1.0, 2.0])), [18, 0, 4]
        )


VIEWED = {
    "jit": lambda f, x: dc.jit(f)(x),
    "grad": lambda f, x: dc.value_and_grad(f)(x)[0],
    "auxiliary": lambda f, x: dc.grad(lambda x: (f(x), f(x)), has_aux=True)(x)[1],
    "vjp": lambda f, x: dc.vjp(f, x)[0],
    "jvp": lambda f, x: dc.jvp(f, (x,), (x,))[0],
    "vmap": lambda f, x: dc.vmap(f)(x[None])[0],
    "jit of grad": lambda f, x: dc.jit(dc.value_and_grad(f))(x)[0],
}


@pytest.mark.parametrize("name", VIEWED)
def test_transformed_functions_may_return_views(name):
    made = VIEWED[name](lambda x: xp.asarray(x * 2.0)[1], jnp.asarray([1.0, 2.0]))

    assert isinstance(made, dc.Array)
    assert made == 4.0


def test_the_array_itself_never_changes():
    plain = jnp.arange(3.0)
    x = xp.asarray(plain)

    x[0] = 5.0
    x += 1.0

    np.testing.assert_array_equal(plain, [0, 1, 2])
    np.testing.assert_array_equal(jnp.asarray(x), [6, 2, 3])


def test_places_are_shared_or_not_as_in_numpy():
    x = xp.asarray([1.0, 2.0])

    same, other = xp.asarray(x), xp.asarray(x, copy=True)
    converted, copied = xp.astype(x, xp.float32), copy.deepcopy(x)
    x[0] = 7.0

    assert same is x is xp.astype(x, xp.float32, copy=False)
    for y in (
        other,
        converted,
        copied,
        copy.copy(other),
        pickle.loads(pickle.dumps(other)),
    ):
        np.testing.assert_array_equal(y, [1, 2])
    np.asarray(x)[0] = 0.0
    assert float(x[0]) == 7.0


def test_an_integer_stays_one_when_written_to():
    x = xp.asarray([1, 2])

    x[0] = 5
    x *= 1.5

    assert x.dtype == "int32"
    np.testing.assert_array_equal(x, [7, 3])


# ---- results -----------------------------------------------------------------------

RESULTS = {
    "operator": lambda x: x * 2,
    "reflected": lambda x: 1 - x,
    "comparison": lambda x: x == x,
    "negative": lambda x: -x,
    "product": lambda x: x @ x,
    "method": lambda x: x.sum(),
    "attribute": lambda x: x.real,
    "function": lambda x: xp.sin(x),
    "sequence": lambda x: xp.concat([x, x]),
    "keyword": lambda x: xp.clip(x, max=x),
    "linalg": lambda x: xp.linalg.vector_norm(x),
    "fft": lambda x: xp.fft.fft(x),
    "several": lambda x: xp.unique_all(x).values,
    "list": lambda x: xp.meshgrid(x, x)[1],
    "creation": lambda x: xp.zeros(2),
    "element": lambda x: x[0],
    "index": lambda x: x[xp.asarray([1])],
    "slice": lambda x: x[: xp.asarray(1)],
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_can_be_written_to(name):
    made = RESULTS[name](xp.asarray([1.0, 2.0]))

    assert isinstance(made, xp.WritableArray)
    made[...] = 0
    np.testing.assert_array_equal(made, np.zeros(made.shape))


@pytest.mark.parametrize(
    ("other", "reflected"),
    [(np.ones(2, np.float32), xp.WritableArray), (jnp.ones(2), dc.Array)],
    ids=["numpy", "array"],
)
def test_operators_with_other_arrays(other, reflected):
    x = xp.asarray([1.0, 2.0])

    for made in (x - other, x @ other, x == other, x < other):
        assert isinstance(made, xp.WritableArray)
    assert isinstance(other - x, reflected)
    np.testing.assert_array_equal(x - other, [0, 1])
    np.testing.assert_array_equal(other - x, [0, -1])


def test_python_gets_its_own_values():
    x = xp.asarray([2.0])

    assert (len(x), bool(x), float(x[0]), int(x[0]), complex(x[0])) == (
        1,
        True,
        2,
        2,
        2,
    )
    assert [10, 20, 30][xp.asarray(2)] == 30
    assert 2.0 in x
    assert (str(x), repr(x)) == ("[2.]", "WritableArray([2.], dtype=float32)")
    assert f"{x[0]:.1f}" == "2.0"
    assert (x.shape, x.ndim, x.size, x.dtype) == ((1,), 1, 1, jnp.float32)
    with pytest.raises(TypeError, match="unhashable"):
        hash(x)


def test_the_namespace_is_that_of_arrays_without_what_changes_them():
    x = xp.asarray([1.0])

    assert x.__array_namespace__(api_version="2024.12") is xp
    assert (xp.pi, xp.float32, xp.__array_api_version__) == (
        jnp.pi,
        jnp.float32,
        "2024.12",
    )
    assert xp.isdtype(x.dtype, "real floating")
    assert xp.__array_namespace_info__().default_dtypes()["integral"] == "int32"
    assert set(dir(xp)) >= {"sin", "linalg", "unique_all", "WritableArray"}
    for name in (
        "put",
        "place",
        "put_along_axis",
        "fill_diagonal",
        "nothing",
        "_eager",
    ):
        assert not hasattr(xp, name)


# ---- errors ------------------------------------------------------------------------


def test_a_result_in_place_keeps_the_shape():
    x = xp.asarray([1.0])

    with pytest.raises(ValueError) as caught:
        x += xp.asarray([1.0, 2.0])

    first, place = str(caught.value).split("\n")
    assert first == "__iadd__: the result must keep the shape (1,), got f32[2]."
    assert "test_array_api.py" in place


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda x: x[5], IndexError, "index 5 is out of bounds for axis 0 of size 2"),
        (lambda x: x.nothing, AttributeError, "no attribute 'nothing'"),
        (lambda x: x.reshape(3), ValueError, "reshape: f32"),
        (lambda x: x.__array_namespace__(api_version="1"), ValueError, "api_version"),
        (lambda x: x.__setitem__(5, 1.0), IndexError, "index 5 is out of bounds"),
    ],
)
def test_what_arrays_refuse_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(xp.asarray([1.0, 2.0]))
