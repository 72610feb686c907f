"""Products agree with NumPy; each contraction is one dot_general."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dolmen.core import grad, jit, lax, numpy as jnp

_numbers = np.random.default_rng(0)


def _array(*shape):
    return _numbers.integers(-4, 5, shape).astype(np.float32)


MATMULS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((1, 2, 3), (5, 3, 4)),
    ((5, 2, 3), (1, 3, 4)),
    ((6, 1, 2, 3), (1, 5, 3, 4)),
    ((1, 2, 3), (1, 3, 4)),
    ((6, 5, 2, 3), (5, 3, 4)),
    ((2, 0), (0, 4)),
]


@pytest.mark.parametrize(("a", "b"), MATMULS)
def test_matmul_agrees_with_numpy(a, b):
    x, y = _array(*a), _array(*b)

    actual = np.asarray(jnp.matmul(x, y))

    np.testing.assert_array_equal(actual, x @ y)


M, N, V = _array(2, 3), _array(2, 3), _array(3)
C = (_array(2, 3) + 1j * _array(2, 3)).astype(np.complex64)

CALLS = {
    "dot vectors": lambda m: m.dot(V, V),
    "dot scalar": lambda m: m.dot(np.float32(2), M),
    "dot": lambda m: m.dot(M, N.T),
    "dot of three axes": lambda m: m.dot(_A, _B),
    "dot by a vector": lambda m: m.dot(M, V),
    "vdot": lambda m: m.vdot(C, M),
    "inner": lambda m: m.inner(M, N),
    "inner scalar": lambda m: m.inner(M, np.float32(2)),
    "outer": lambda m: m.outer(M, V),
    "vecdot": lambda m: m.vecdot(C, N),
    "vecdot axis": lambda m: m.vecdot(M, N, axis=0),
    "matvec": lambda m: m.matvec(M, V),
    "vecmat": lambda m: m.vecmat(V, N.T),
    "tensordot": lambda m: m.tensordot(_A, _B, axes=([1, 2], [2, 1])),
    "tensordot number": lambda m: m.tensordot(_A, N, axes=0),
    "tensordot one axis": lambda m: m.tensordot(_A, _B, axes=(-1, 1)),
    "kron": lambda m: m.kron(M, V),
    "kron of vectors": lambda m: m.kron(V, V),
    "cross": lambda m: m.cross(M, V),
    "cross axes": lambda m: m.cross(M.T, N.T, axis=0),
}
_A, _B = _array(2, 3, 4), _array(5, 4, 3)


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("name", CALLS)
def test_functions_agree_with_numpy(name):
    expected = CALLS[name](np)

    actual = np.asarray(CALLS[name](jnp))

    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert actual.dtype == np.asarray(expected).dtype


def test_cross_takes_a_vector_in_the_plane_as_one_with_a_third_element_zero():
    # NumPy itself has refused vectors of two elements since 2.5.
    expected = np.cross(np.pad(M[:, :2], ((0, 0), (0, 1))), N)

    np.testing.assert_allclose(jnp.cross(M[:, :2], N), expected, rtol=1e-6)


def test_cross_of_vectors_in_the_plane_is_their_determinant():
    actual = jnp.cross(
        np.array([1.0, 2.0], np.float32), np.array([3.0, 5.0], np.float32)
    )

    assert actual.item() == -1


EXPRESSIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("bqhd,bkhd->bhqk", (2, 4, 3, 5), (2, 6, 3, 5)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iji->j", (3, 2, 3)),
    ("iii->i", (3, 3, 3)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("ij,ij->ji", (2, 3), (2, 3)),
    ("i,->i", (3,), ()),
    ("...ij,...jk->...ik", (5, 2, 3), (3, 4)),
    ("...ij,...jk->...ik", (6, 1, 2, 3), (5, 3, 4)),
    ("i...->...i", (2, 3, 4)),
    ("...i,...i", (2, 3), (2, 3)),
    ("ij,jk,kl->il", (2, 3), (3, 4), (4, 5)),
    ("ij,jk,kl,lm,mn->in", (2, 3), (3, 4), (4, 2), (2, 3), (3, 5)),
    ("i,i,i->", (3,), (3,), (3,)),
    ("ij,ik,il->jkl", (2, 3), (2, 4), (2, 5)),
    ("ab,bc,de->ac", (2, 3), (3, 4), (2, 2)),
    ("ii,ij->j", (3, 3), (3, 2)),
    ("ij,jk->k", (1, 3), (3, 4)),
    (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("ij,jk,kl,lm,mn,no->io", (2, 3), (3, 2), (2, 3), (3, 2), (2, 3), (3, 2)),
]


@pytest.mark.parametrize("case", EXPRESSIONS, ids=str)
def test_einsum_agrees_with_numpy(case):
    subscripts, *shapes = case
    operands = [_array(*shape) for shape in shapes]
    expected = np.einsum(subscripts, *operands)

    actual = np.asarray(jnp.einsum(subscripts, *operands))

    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    assert actual.shape == expected.shape


_SIZES = {"a": 2, "b": 3, "c": 1, "d": 2}


@settings(max_examples=40, deadline=None)
@given(
    terms=st.lists(st.text("abcd", max_size=3), min_size=1, max_size=4), data=st.data()
)
def test_random_expressions_agree_with_numpy(terms, data):
    labels = sorted(set("".join(terms)))
    order = data.draw(st.permutations(labels))
    output = "".join(order[: data.draw(st.integers(0, len(labels)))])
    subscripts = ",".join(terms) + "->" + output
    operands = [
        np.arange(1, 1 + np.prod(shape, dtype=int), dtype=np.float32).reshape(shape) % 5
        for shape in (tuple(_SIZES[label] for label in term) for term in terms)
    ]

    actual = np.asarray(jnp.einsum(subscripts, *operands))

    np.testing.assert_allclose(actual, np.einsum(subscripts, *operands), rtol=1e-5)


@pytest.mark.parametrize(
    "optimize", [False, True, "greedy", "optimal", [(1, 2), (0, 1)]]
)
def test_every_order_of_contractions_gives_the_same(optimize):
    operands = [_array(2, 3), _array(3, 4), _array(4, 5)]
    expected = operands[0] @ operands[1] @ operands[2]

    actual = jnp.einsum("ij,jk,kl->il", *operands, optimize=optimize)

    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(
    ("optimize", "shapes", "path"),
    [
        ("optimal", [(9, 8), (8, 7), (7, 1)], [(1, 2), (0, 1)]),
        ("optimal", [(1, 8), (8, 7), (7, 9)], [(0, 1), (0, 1)]),
        ("greedy", [(2, 3), (3, 50), (50, 2)], [(1, 2), (0, 1)]),
        (False, [(2, 3), (3, 50), (50, 2)], [(0, 1), (0, 1)]),
    ],
)
def test_the_cheap_product_comes_first(optimize, shapes, path):
    operands = [_array(*shape) for shape in shapes]

    actual, _ = jnp.einsum_path("ij,jk,kl->il", *operands, optimize=optimize)

    assert actual == path


def test_lists_of_labels_mean_the_same_as_letters():
    x, y = _array(2, 3), _array(3, 4)

    np.testing.assert_array_equal(jnp.einsum(x, [0, 1], y, [1, 2], [2, 0]), (x @ y).T)
    np.testing.assert_array_equal(jnp.einsum(x, [0, 1], y, [1, 2]), x @ y)


def _operations(function, *args):
    text = jit(function).lower(*args).as_text()
    names = ("dot_general", "transpose", "reshape", "broadcast_in_dim", "reduce")
    return {n: text.count(f"stablehlo.{n}") for n in names if f"stablehlo.{n}" in text}


@pytest.mark.parametrize(
    ("subscripts", "shapes", "expected"),
    [
        ("bqhd,bkhd->bhqk", [(2, 4, 3, 5), (2, 6, 3, 5)], {"dot_general": 1}),
        ("ij,jk->ki", [(2, 3), (3, 4)], {"dot_general": 1}),
        ("bhqk,bkhd->bqhd", [(2, 3, 4, 6), (2, 6, 3, 5)], None),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], {"dot_general": 2}),
    ],
)
def test_a_contraction_is_one_dot_general_and_at_most_one_transpose(
    subscripts, shapes, expected
):
    operands = [_array(*shape) for shape in shapes]

    operations = _operations(lambda *xs: jnp.einsum(subscripts, *xs), *operands)

    assert operations == (expected or {"dot_general": 1, "transpose": 1})


def test_matmul_with_a_matrix_is_one_dot_general():
    assert _operations(jnp.matmul, _array(5, 2, 3), _array(3, 4)) == {"dot_general": 1}


@pytest.mark.parametrize(
    ("a", "b", "dtype"),
    [
        ("int8", "int8", "int8"),
        ("int8", "bfloat16", "bfloat16"),
        ("float32", "bfloat16", "float32"),
        ("bool", "bool", "bool"),
        ("complex64", "float32", "complex64"),
    ],
)
def test_matmul_promotes(a, b, dtype):
    x, y = jnp.ones((2, 2), a), jnp.ones((2, 2), b)
    expected = np.full((2, 2), 1 if dtype == "bool" else 2)

    actual = jnp.matmul(x, y)

    assert actual.dtype.name == dtype
    np.testing.assert_array_equal(np.asarray(actual).astype(complex), expected)


def test_products_can_be_added_in_a_wider_dtype():
    x = jnp.ones((2, 300), "bfloat16")

    for actual in (
        jnp.matmul(x, jnp.matrix_transpose(x), preferred_element_type="float32"),
        jnp.einsum("ij,kj->ik", x, x, preferred_element_type="float32"),
        jnp.einsum("ij,ij,kj->ik", x, x, x, preferred_element_type="float32"),
        jnp.tensordot(x, x, (1, 1), preferred_element_type="float32"),
    ):
        assert actual.dtype == np.float32
        np.testing.assert_array_equal(actual, np.full((2, 2), 300))


def test_einsum_of_python_scalars_is_weak():
    actual = jnp.einsum(",->", 2.0, 3)

    assert (actual.item(), actual.weak_type) == (6.0, True)


def test_gradient_of_einsum_is_an_einsum():
    x, y, w = _array(2, 3), _array(3, 4), _array(2, 4)

    dx, dy = grad(lambda x, y: (jnp.einsum("ij,jk->ik", x, y) * w).sum(), (0, 1))(x, y)

    np.testing.assert_array_equal(dx, w @ y.T)
    np.testing.assert_array_equal(dy, x.T @ w)


def _message(error):
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


ERRORS = [
    (
        lambda: jnp.matmul(M, N),
        ValueError,
        "matmul: contracting sizes must match: `a` is f32[2,3], `b` is f32[2,3] "
        "(3 != 2).\nTranspose `b` (`b.mT`), or name the axes with `einsum`.",
    ),
    (
        lambda: jnp.matmul(2.0, N),
        ValueError,
        "matmul: operands must have axes, got `a` ~f32[] and `b` f32[2,3].\n"
        "Use `*` to multiply by a scalar.",
    ),
    (
        lambda: jnp.matmul(_array(2, 2, 3), _array(5, 3, 4)),
        ValueError,
        "matmul: leading axes don't broadcast: `a` is f32[2,2,3], `b` is f32[5,3,4].",
    ),
    (
        lambda: jnp.matmul([[1.0]], N),
        TypeError,
        "matmul: `a` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.dot(M, N),
        ValueError,
        "dot: contracting sizes must match: `a` is f32[2,3], `b` is f32[2,3] (3 != 2).",
    ),
    (
        lambda: jnp.tensordot(M, N, axes=([0, 1], [1, 0])),
        ValueError,
        "tensordot: contracting sizes must match: `a` is f32[2,3], `b` is f32[2,3] "
        "((2, 3) != (3, 2)).",
    ),
    (
        lambda: jnp.einsum("ij,jk", M, N),
        ValueError,
        "einsum: 'ij,jk': label 'j' has size 2 in operand 1, but 3 before.",
    ),
    (
        lambda: jnp.einsum("ij->k", M),
        ValueError,
        "einsum: 'ij->k': no operand has label 'k' of the result.",
    ),
    (
        lambda: jnp.einsum("ij->ii", M),
        ValueError,
        "einsum: 'ij->ii': the result has label 'i' twice.",
    ),
    (
        lambda: jnp.einsum("ijk->i", M),
        ValueError,
        "einsum: 'ijk->i': term 'ijk' has 3 labels, but operand 0 has 2 axes.",
    ),
    (
        lambda: jnp.einsum("i,j", V),
        ValueError,
        "einsum: 'i,j' describes 2 operands, got 1.",
    ),
    (
        lambda: jnp.einsum("i$->i", M),
        ValueError,
        "einsum: 'i$->i' may hold letters, commas, `...` and one `->`, got '$'.",
    ),
    (
        lambda: jnp.einsum("i->i", [1.0]),
        TypeError,
        "einsum: `operand 0` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error) as caught:
        call()

    assert _message(caught) == text


def test_products_may_be_taken_by_another_function():
    asked = []

    def doubled(a, b, numbers, **options):
        asked.append(numbers)
        return 2 * lax.dot_general(a, b, numbers, **options)

    made = jnp.einsum("ij,jk->ik", np.eye(2), np.eye(2), _dot_general=doubled)

    assert asked == [(((1,), (0,)), ((), ()))]
    assert made.tolist() == [[2, 0], [0, 2]]
