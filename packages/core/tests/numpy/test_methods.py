"""Operators, methods, text and conversions of arrays and tracers."""

import copy
import operator
import pickle

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

X = np.array([[1.0, -2.0, 3.0], [4.0, 5.5, -6.0]], np.float32)
N = np.array([1, 2, 5], np.int32)

FLOAT_OPERATORS = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
]
INTEGER_OPERATORS = ["and_", "or_", "xor", "lshift", "rshift"]


@pytest.mark.parametrize("name", FLOAT_OPERATORS)
def test_operator_agrees_with_numpy_in_both_orders(name):
    apply = getattr(operator, name)
    positive = np.abs(X)

    expected = apply(positive, np.float32(2)), apply(np.float32(2), positive)
    made = apply(jnp.asarray(positive), 2.0), apply(2.0, jnp.asarray(positive))
    recorded = dc.jit(lambda x: (apply(x, 2.0), apply(2.0, x)))(positive)

    for own, traced, wanted in zip(made, recorded, expected, strict=True):
        np.testing.assert_allclose(own, wanted, rtol=1e-6)
        np.testing.assert_allclose(traced, wanted, rtol=1e-6)


@pytest.mark.parametrize("name", INTEGER_OPERATORS)
def test_bit_operator_agrees_with_numpy(name):
    apply = getattr(operator, name)

    np.testing.assert_array_equal(apply(jnp.asarray(N), 2), apply(N, 2))
    np.testing.assert_array_equal(apply(7, jnp.asarray(N)), apply(7, N))


def test_unary_operators():
    x = jnp.asarray(X)

    np.testing.assert_array_equal(-x, -X)
    np.testing.assert_array_equal(+x, X)
    np.testing.assert_array_equal(abs(x), np.abs(X))
    np.testing.assert_array_equal(~jnp.asarray(N), ~N)


def test_matmul_and_divmod_operators():
    x = jnp.asarray(X)
    quotient, remainder = divmod(jnp.asarray(N), 2)

    np.testing.assert_allclose(x @ x.T, X @ X.T)
    assert (quotient.tolist(), remainder.tolist()) == ([0, 1, 2], [1, 0, 1])


def test_numpy_array_on_the_left_gives_an_array():
    assert isinstance(np.ones(3) + jnp.ones(3), dc.Array)
    assert isinstance(np.float32(2) * jnp.ones(3), dc.Array)


def test_operators_leave_strangers_to_their_own_methods():
    class Stranger:
        def __radd__(self, other):
            return "mine"

    x = jnp.ones(2)

    assert x + Stranger() == "mine"
    assert (x == None) is False  # noqa: E711 (the operator is what is tested)
    assert (x == "text") is False
    with pytest.raises(TypeError, match="unsupported operand"):
        operator.add(x, [1.0, 2.0])


def test_operators_inside_grad_of_concrete_values_run_at_once():
    constant = jnp.asarray(2.0)

    made = dc.grad(lambda x: x * (constant + constant))(3.0)

    assert float(made) == 4.0
    assert float(constant + constant) == 4.0


METHODS = {
    "sum": lambda x: x.sum(axis=1),
    "mean": lambda x: x.mean(),
    "max": lambda x: x.max(axis=0, keepdims=True),
    "reshape": lambda x: x.reshape(3, -1),
    "reshape of a tuple": lambda x: x.reshape((6,)),
    "transpose": lambda x: x.transpose(1, 0),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "ravel": lambda x: x.ravel(),
    "flatten": lambda x: x.flatten(),
    "swapaxes": lambda x: x.swapaxes(0, 1),
    "clip": lambda x: x.clip(-1, 2),
    "cumsum": lambda x: x.cumsum(axis=1),
    "argmax": lambda x: x.argmax(),
    "std": lambda x: x.std(axis=0),
    "astype": lambda x: x.astype("int32"),
    "view": lambda x: x.view("int32"),
    "view narrower": lambda x: x.view("int8"),
    "view complex": lambda x: (x + 1j * x[::-1]).view("float32"),
    "view as complex": lambda x: x[:, :2].view("complex64"),
    "byteswap": lambda x: x.byteswap(),
    "byteswap of complex": lambda x: (x * 1j).byteswap(),
    "byteswap of bool": lambda x: (x > 0).byteswap(),
    "flatten by columns": lambda x: x.flatten("F"),
    "compress": lambda x: x.compress(np.array([True, False, True]), axis=1),
    "real": lambda x: x.real,
    "take": lambda x: x.take(np.array([0, 2]), axis=1),
    "len": lambda x: np.int32(len(x)),
    "iteration": lambda x: list(x)[1],
    "getitem": lambda x: x[1, ::2],
}


@pytest.mark.parametrize("name", METHODS)
def test_method_agrees_with_numpy_eagerly_and_recorded(name):
    method = METHODS[name]
    expected = method(X)

    np.testing.assert_allclose(method(jnp.asarray(X)), expected, rtol=1e-6)
    np.testing.assert_allclose(dc.jit(method)(X), expected, rtol=1e-6)


def test_a_view_of_narrow_integers_packs_them():
    x = jnp.array([[1, 2, 3, 4]], "int4")

    assert x.view("int8").tolist() == [[0x21, 0x43]]
    assert jnp.array([0x21], "int8").view("int4").tolist() == [1, 2]
    assert jnp.array([1, 2, 3, 0], "uint2").view("uint8").tolist() == [0b00111001]


def test_a_view_of_narrow_floats_packs_them():
    x = jnp.array([1, -3, 0.5, 2], "float4_e2m1fn")

    assert x.view("uint8").tolist() == [0xD2, 0x41]
    assert jnp.array([0xD2], "uint8").view("float4_e2m1fn").tolist() == [1, -3]


def test_rounding_by_python_gives_an_array_also_when_traced():
    made = dc.jit(round)(jnp.float32(2.5))

    assert made.dtype == np.int32
    assert round(jnp.float32(2.5)) == made == 2


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize("other", [[1], (1, 2)])
@pytest.mark.parametrize("name", ["eq", "ne"])
def test_equality_with_a_list_is_refused_not_decided(name, other, traced):
    compare = getattr(operator, name)
    function = {"eq": "equal", "ne": "not_equal"}[name]

    with pytest.raises(TypeError) as raised:
        (dc.jit if traced else lambda f: f)(lambda x: compare(x, other))(jnp.ones(2))

    lines = str(raised.value).splitlines()
    assert [line for line in lines if not line.startswith(("  at", "(Frames"))] == [
        f"{function}: expected an array or a scalar, got {other!r}.",
        "Convert it with `jnp.array(...)` first.",
    ]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: x.flat,
            "flat: arrays never change, so there is no iterator over f32[2] that "
            "could. Use `x.ravel()`.",
        ),
        (
            lambda x: x.view(type=np.ndarray),
            "view: `type` must be None, as arrays have one class, got <class "
            "'numpy.ndarray'>.",
        ),
    ],
)
def test_what_arrays_do_not_have_is_told(call, text):
    with pytest.raises(NotImplementedError) as raised:
        call(jnp.ones(2))

    assert str(raised.value) == text


def test_a_view_as_complex_numbers_needs_pairs():
    with pytest.raises(ValueError) as raised:
        jnp.ones((2, 3)).view("complex64")

    assert str(raised.value).splitlines()[0] == (
        "view: the last axis must hold whole complex numbers, got f32[2,3]."
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: jnp.array([1.0, 2.0]), "Array([1., 2.], dtype=float32)"),
        (lambda: jnp.array(1.0), "Array(1., dtype=float32, weak_type=True)"),
        (lambda: jnp.zeros((0, 3)), "Array([], shape=(0, 3), dtype=float32)"),
        (lambda: jnp.ones(3, "bfloat16"), "Array([1, 1, 1], dtype=bfloat16)"),
        (
            lambda: jnp.arange(4).reshape(2, 2),
            "Array([[0, 1],\n       [2, 3]], dtype=int32)",
        ),
    ],
)
def test_text_of_an_array(make, text):
    assert repr(make()) == text


def test_str_and_format_show_the_value():
    assert str(jnp.array([1.0, 2.0])) == "[1. 2.]"
    assert f"{jnp.float32(1.2345):.2f}" == "1.23"


def test_trace_is_a_method_of_traced_arrays_too():
    got = dc.jit(dc.grad(lambda x: x.trace()))(np.ones((2, 2), np.float32))

    np.testing.assert_array_equal(got, np.eye(2))


def test_text_of_a_tracer_is_its_type():
    seen = []

    dc.jit(lambda x: (seen.append(f"{x} {x!r}"), x)[1])(X)

    assert seen == ["Traced<f32[2,3]> Traced<f32[2,3]>"]


def test_conversion_to_python_numbers():
    assert int(jnp.array(2.5)) == 2
    assert float(jnp.array(2)) == 2.0
    assert complex(jnp.array(1j)) == 1j
    assert bool(jnp.array([[0.5]]))
    assert [10, 20][jnp.array(1)] == 20
    assert jnp.array([[7]]).item() == 7
    assert jnp.array([[1, 2]]).tolist() == [[1, 2]]


def test_pickle_and_copies_keep_value_dtype_and_weakness():
    for x in (jnp.array(1.5), jnp.ones(2, "bfloat16")):
        for other in (pickle.loads(pickle.dumps(x)), copy.copy(x), copy.deepcopy(x)):
            assert repr(other) == repr(x)


def test_tracers_are_arrays_to_isinstance():
    seen = []

    dc.jit(lambda x: (seen.append(isinstance(x, jnp.ndarray)), x)[1])(1.0)

    assert seen == [True]


ERRORS = [
    (
        lambda: bool(jnp.ones(2)),
        ValueError,
        "bool(): only an array with one element has a truth value, got f32[2].",
    ),
    (
        lambda: int(jnp.ones(1)),
        TypeError,
        "int(): only an array without axes is a Python number, got f32[1].",
    ),
    (
        lambda: len(jnp.float32(1)),
        TypeError,
        "len(): an array without axes has no length, f32[].",
    ),
    (
        lambda: operator.setitem(jnp.ones(2), 0, 1),
        TypeError,
        "x[...] = value: arrays never change, got f32[2].",
    ),
    (
        lambda: operator.index(jnp.float32(1)),
        TypeError,
        "index: only an integer array without axes is an index, got f32[].",
    ),
]


@pytest.mark.parametrize(("call", "kind", "problem"), ERRORS)
def test_error_says_what_was_expected(call, kind, problem):
    with pytest.raises(kind) as caught:
        call()

    assert str(caught.value).split("\n")[0] == problem


def test_arrays_are_not_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        hash(jnp.ones(2))


@pytest.mark.parametrize("convert", [bool, int, float, np.asarray])
def test_traced_value_has_no_concrete_one(convert):
    with pytest.raises(TypeError, match="expected a concrete value, got the tr"):
        dc.jit(lambda x: convert(x))(np.float32(1))
