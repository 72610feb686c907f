"""The Python array API standard, version 2024.12: names, parameters, results.

What deviates is listed in docs/array_api.md, and pinned at the end.
"""

import inspect

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

# ---- names and parameters ----------------------------------------------------------

OF_ONE_ARRAY = """
abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor
imag isfinite isinf isnan log log10 log1p log2 logical_not negative positive real
reciprocal round sign signbit sin sinh sqrt square tan tanh trunc
"""
OF_TWO_ARRAYS = """
add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
copysign divide equal floor_divide greater greater_equal hypot less less_equal logaddexp
logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal pow
remainder subtract
"""
UNARY, BINARY = OF_ONE_ARRAY.split(), OF_TWO_ARRAYS.split()
FUNCTIONS = """
clip(x, /, min=None, max=None); __array_namespace_info__();
arange(start, /, stop=None, step=1, *, dtype=None, device=None);
asarray(obj, /, *, dtype=None, device=None, copy=None);
empty(shape, *, dtype=None, device=None); empty_like(x, /, *, dtype=None, device=None);
eye(n_rows, n_cols=None, /, *, k=0, dtype=None, device=None);
from_dlpack(x, /, *, device=None, copy=None);
full(shape, fill_value, *, dtype=None, device=None);
full_like(x, /, fill_value, *, dtype=None, device=None);
linspace(start, stop, /, num, *, dtype=None, device=None, endpoint=True);
meshgrid(*arrays, indexing="xy");
ones(shape, *, dtype=None, device=None); ones_like(x, /, *, dtype=None, device=None);
tril(x, /, *, k=0); triu(x, /, *, k=0);
zeros(shape, *, dtype=None, device=None); zeros_like(x, /, *, dtype=None, device=None);
astype(x, dtype, /, *, copy=True, device=None); can_cast(from_, to, /);
finfo(type, /); iinfo(type, /); isdtype(dtype, kind);
result_type(*arrays_and_dtypes);
take(x, indices, /, *, axis=None); take_along_axis(x, indices, /, *, axis=-1);
matmul(x1, x2, /); matrix_transpose(x, /); tensordot(x1, x2, /, *, axes=2);
vecdot(x1, x2, /, *, axis=-1);
broadcast_arrays(*arrays); broadcast_to(x, /, shape); concat(arrays, /, *, axis=0);
expand_dims(x, /, axis); flip(x, /, *, axis=None);
moveaxis(x, source, destination, /); permute_dims(x, /, axes);
repeat(x, repeats, /, *, axis=None); reshape(x, /, shape, *, copy=None);
roll(x, /, shift, *, axis=None); squeeze(x, /, axis); stack(arrays, /, *, axis=0);
tile(x, repetitions, /); unstack(x, /, *, axis=0);
argmax(x, /, *, axis=None, keepdims=False); argmin(x, /, *, axis=None, keepdims=False);
count_nonzero(x, /, *, axis=None, keepdims=False); nonzero(x, /);
searchsorted(x1, x2, /, *, side="left", sorter=None); where(condition, x1, x2, /);
unique_all(x, /); unique_counts(x, /); unique_inverse(x, /); unique_values(x, /);
argsort(x, /, *, axis=-1, descending=False, stable=True);
sort(x, /, *, axis=-1, descending=False, stable=True);
cumulative_prod(x, /, *, axis=None, dtype=None, include_initial=False);
cumulative_sum(x, /, *, axis=None, dtype=None, include_initial=False);
max(x, /, *, axis=None, keepdims=False); min(x, /, *, axis=None, keepdims=False);
mean(x, /, *, axis=None, keepdims=False);
prod(x, /, *, axis=None, dtype=None, keepdims=False);
sum(x, /, *, axis=None, dtype=None, keepdims=False);
std(x, /, *, axis=None, correction=0.0, keepdims=False);
var(x, /, *, axis=None, correction=0.0, keepdims=False);
all(x, /, *, axis=None, keepdims=False); any(x, /, *, axis=None, keepdims=False);
diff(x, /, *, axis=-1, n=1, prepend=None, append=None);
linalg.cholesky(x, /, *, upper=False); linalg.cross(x1, x2, /, *, axis=-1);
linalg.det(x, /); linalg.diagonal(x, /, *, offset=0); linalg.eigh(x, /);
linalg.eigvalsh(x, /); linalg.inv(x, /); linalg.matmul(x1, x2, /);
linalg.matrix_norm(x, /, *, keepdims=False, ord="fro"); linalg.matrix_power(x, n, /);
linalg.matrix_rank(x, /, *, rtol=None); linalg.matrix_transpose(x, /);
linalg.outer(x1, x2, /); linalg.pinv(x, /, *, rtol=None);
linalg.qr(x, /, *, mode="reduced"); linalg.slogdet(x, /); linalg.solve(x1, x2, /);
linalg.svd(x, /, *, full_matrices=True); linalg.svdvals(x, /);
linalg.tensordot(x1, x2, /, *, axes=2); linalg.trace(x, /, *, offset=0, dtype=None);
linalg.vecdot(x1, x2, /, *, axis=-1);
linalg.vector_norm(x, /, *, axis=None, keepdims=False, ord=2);
fft.fftfreq(n, /, *, d=1.0, dtype=None, device=None);
fft.rfftfreq(n, /, *, d=1.0, dtype=None, device=None);
fft.fftshift(x, /, *, axes=None); fft.ifftshift(x, /, *, axes=None)
"""
FFT = [f"fft.{name}" for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")]
FFTN = [f"fft.{name}" for name in ("fftn", "ifftn", "rfftn", "irfftn")]


def by_name(text):
    """What stands between the parentheses of each signature."""
    return dict(line.strip().rstrip(")").split("(", 1) for line in text.split(";"))


SIGNATURES = {
    **dict.fromkeys(UNARY, "x, /"),
    **dict.fromkeys(BINARY, "x1, x2, /"),
    **dict.fromkeys(FFT, "x, /, *, n=None, axis=-1, norm='backward'"),
    **dict.fromkeys(FFTN, "x, /, *, s=None, axes=None, norm='backward'"),
    **by_name(FUNCTIONS),
}
METHODS = """
__array_namespace__(self, /, *, api_version=None);
__dlpack__(self, /, *, stream=None, max_version=None, dl_device=None, copy=None);
__dlpack_device__(self, /); to_device(self, device, /, *, stream=None);
__bool__(self, /); __complex__(self, /); __float__(self, /); __index__(self, /);
__int__(self, /); __getitem__(self, key, /); __setitem__(self, key, value, /);
__abs__(self, /); __invert__(self, /); __neg__(self, /); __pos__(self, /);
__add__(self, other, /); __and__(self, other, /); __eq__(self, other, /);
__floordiv__(self, other, /); __ge__(self, other, /); __gt__(self, other, /);
__le__(self, other, /); __lshift__(self, other, /); __lt__(self, other, /);
__matmul__(self, other, /); __mod__(self, other, /); __mul__(self, other, /);
__ne__(self, other, /); __or__(self, other, /); __pow__(self, other, /);
__rshift__(self, other, /); __sub__(self, other, /); __truediv__(self, other, /);
__xor__(self, other, /); __radd__(self, other, /); __rand__(self, other, /);
__rfloordiv__(self, other, /); __rlshift__(self, other, /);
__rmatmul__(self, other, /); __rmod__(self, other, /); __rmul__(self, other, /);
__ror__(self, other, /); __rpow__(self, other, /); __rrshift__(self, other, /);
__rsub__(self, other, /); __rtruediv__(self, other, /); __rxor__(self, other, /)
"""
METHOD_SIGNATURES = by_name(METHODS)
# Defaults that say the same in other words, and that of `astype`, a deviation.
DEFAULTS = {
    ("arange", "step"): None,
    ("astype", "copy"): False,
    ("std", "correction"): None,  # stands for `ddof`, which is 0
    ("var", "correction"): None,
    **{(name, "norm"): None for name in FFT + FFTN},
}


def lookup(name):
    found = jnp
    for part in name.split("."):
        found = getattr(found, part)
    return found


def parameters_of(text):
    """What a signature of the standard says, as `inspect` has it."""
    made = {}
    exec(f"def f({text}): ...", made)
    return inspect.signature(made["f"]).parameters


def check_parameters(name, function, text):
    """Checks that a function takes what the standard lets callers give."""
    wanted = parameters_of(text)
    signature = inspect.signature(function)
    positional = [p for p in wanted.values() if p.kind < p.VAR_POSITIONAL]
    by_name = [p for p in wanted.values() if p.kind is not p.POSITIONAL_ONLY]

    # All by position, then all by name that may be: each finds its place.
    signature.bind(*[p.name for p in positional])
    named = {p.name: p.name for p in by_name if p.kind is not p.VAR_POSITIONAL}
    bound = signature.bind(
        *[p.name for p in positional if p.kind is p.POSITIONAL_ONLY], **named
    )
    assert {key: bound.arguments[key] for key in named} == named
    for p in wanted.values():
        if p.default is not p.empty:
            order = list(wanted).index(p.name)
            own = signature.parameters.get(p.name)
            own = own or list(signature.parameters.values())[order]
            assert own.default == DEFAULTS.get((name, p.name), p.default)


@pytest.mark.parametrize("name", SIGNATURES)
def test_functions_have_the_parameters_of_the_standard(name):
    check_parameters(name, lookup(name), SIGNATURES[name])


@pytest.mark.parametrize("name", METHOD_SIGNATURES)
def test_arrays_have_the_methods_of_the_standard(name):
    check_parameters(name, getattr(type(jnp.ones(1)), name), METHOD_SIGNATURES[name])


@pytest.mark.parametrize("trace", [dc.jit, dc.vmap, dc.grad], ids=lambda f: f.__name__)
def test_traced_values_have_the_methods_and_attributes_of_the_standard(trace):
    def f(x):
        for name in METHOD_SIGNATURES:
            assert callable(getattr(x, name))
        attributes = ["dtype", "device", "mT", "ndim", "shape", "size", "T"]
        assert all(hasattr(x, name) for name in attributes)
        return x.sum()

    made = trace(f)(jnp.ones((1, 1, 1)) if trace is dc.vmap else jnp.ones((1, 1)))

    assert made.sum() == 1


def test_constants_and_dtypes_are_those_of_the_standard():
    assert (jnp.e, jnp.pi) == (float(np.e), float(np.pi))
    assert jnp.inf == float("inf")
    assert jnp.nan != jnp.nan
    assert jnp.newaxis is None
    with dc.enable_x64(True):
        for name, dtype in jnp.__array_namespace_info__().dtypes().items():
            assert jnp.zeros(1, getattr(jnp, name)).dtype == getattr(jnp, name) == dtype


# ---- elementwise results -----------------------------------------------------------

BOOL = ("bool",)
INTEGERS = ("int8", "uint16", "int64")
FLOATS = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
REAL = (*INTEGERS, *FLOATS)
NUMERIC = (*REAL, *COMPLEX)
REAL_PART = {"complex64": "float32", "complex128": "float64"}
# Names, the dtypes that the standard gives them, and the dtype of the results: of the
# operands ("same"), of their real parts ("real"), or bool.
ELEMENTWISE = [
    ("abs real", NUMERIC, "real"),
    ("imag", COMPLEX, "real"),
    ("square positive negative sign conj round", NUMERIC, "same"),
    ("ceil floor trunc", REAL, "same"),
    ("isfinite isinf isnan", NUMERIC, "bool"),
    ("bitwise_invert", BOOL + INTEGERS, "same"),
    ("logical_not", BOOL, "bool"),
    ("signbit", FLOATS, "bool"),
    (
        "acos acosh asin asinh atan atanh cos cosh exp expm1 log log10 log1p log2 "
        "reciprocal sin sinh sqrt tan tanh",
        FLOATS + COMPLEX,
        "same",
    ),
    ("add multiply subtract", NUMERIC, "same"),
    ("divide", FLOATS + COMPLEX, "same"),
    ("pow", FLOATS + COMPLEX, "same"),
    ("floor_divide remainder maximum minimum", REAL, "same"),
    ("atan2 copysign hypot logaddexp nextafter", FLOATS, "same"),
    ("bitwise_and bitwise_or bitwise_xor", BOOL + INTEGERS, "same"),
    ("bitwise_left_shift bitwise_right_shift", INTEGERS, "same"),
    ("logical_and logical_or logical_xor", BOOL, "bool"),
    ("equal not_equal", BOOL + NUMERIC, "bool"),
    ("greater greater_equal less less_equal", REAL, "bool"),
]
ELEMENTWISE_ROWS = [
    (name, dtype, {"same": dtype, "real": REAL_PART.get(dtype, dtype)}.get(kind, kind))
    for names, dtypes, kind in ELEMENTWISE
    for name in names.split()
    for dtype in dtypes
]


@pytest.mark.parametrize(("name", "dtype", "result"), ELEMENTWISE_ROWS)
def test_elementwise_functions_give_the_dtypes_of_the_standard(name, dtype, result):
    shapes = [(0, 3)] if name in UNARY else [(2, 0, 1), (1, 3)]

    with dc.enable_x64(True):
        args = [dc.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        made = dc.eval_shape(getattr(jnp, name), *args)

    assert made.dtype == result
    assert made.shape == np.broadcast_shapes(*shapes)


def test_every_elementwise_function_is_in_the_table():
    assert {name for name, _, _ in ELEMENTWISE_ROWS} == {*UNARY, *BINARY}


SIGNED = ("int8", "int16", "int32", "int64")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
PROMOTED = [
    *[(a, b) for family in (SIGNED, UNSIGNED) for a in family for b in family],
    *[(a, b) for a in SIGNED for b in UNSIGNED[:3]],
    *[(a, b) for a in FLOATS + COMPLEX for b in FLOATS + COMPLEX],
]


def test_dtypes_are_promoted_as_in_the_tables_of_the_standard():
    with dc.enable_x64(True):
        for a, b in PROMOTED:
            expected = np.result_type(a, b)

            assert jnp.result_type(a, b) == jnp.result_type(b, a) == expected
            assert jnp.result_type(jnp.zeros(1, a), b) == expected
        made = jnp.ones(1, "int8") + jnp.ones(1, "uint32")
        assert made.dtype == "int64"


@pytest.mark.parametrize(
    ("dtype", "scalars"),
    [
        ("bool", [True]),
        ("int8", [2]),
        ("uint64", [2]),
        ("float32", [2, 0.5]),
        ("complex64", [2, 0.5, 1j]),
    ],
)
def test_python_scalars_take_the_dtype_of_the_array(dtype, scalars):
    with dc.enable_x64(True):
        x = dc.ShapeDtypeStruct((2,), dtype)
        for scalar in scalars:
            for call in (
                lambda x, y=scalar: jnp.where(x == y, x, y),
                lambda x, y=scalar: jnp.where(y != x, y, x),
                lambda x, y=scalar: x & y if dtype == "bool" else y * x + y,
            ):
                assert dc.eval_shape(call, x).dtype == dtype


# ---- other results -----------------------------------------------------------------

I8 = np.array([[1, -2, 3], [4, 5, -6]], np.int8)
U8 = np.array([[1, 2, 3], [4, 5, 200]], np.uint8)
F32 = np.array([[0.5, 1.5, -1.0], [2.0, 0.0, 4.0]], np.float32)
F64 = F32.astype(np.float64)
C64 = np.array([[1 + 1j, 2.0, -1j]], np.complex64)
NONE = np.zeros((0, 3), np.float32)
SPD = np.array([[4.0, 2.0], [2.0, 5.0]])
SPDS = np.stack([SPD, 2 * SPD])
NO_MATRICES = np.zeros((0, 2, 2))
EMPTY_MATRICES = np.zeros((2, 0, 0))
TIMES = np.array([1.0, 0.0, -1.0, 0.0])


def f32(values):
    return np.array(values, np.float32)


def f64(values):
    return np.array(values, np.float64)


def i64(values):
    return np.array(values, np.int64)


def i8(values):
    return np.array(values, np.int8)


def c128(values):
    return np.array(values, np.complex128)


def true(values):
    return np.array(values, bool)


# Name, positional and keyword arguments, and what the standard says of the result,
# shapes and dtypes included.
CASES = [
    ("arange", [3], {}, i64([0, 1, 2])),
    ("arange", [1, 2, 0.25], {}, f64([1, 1.25, 1.5, 1.75])),
    ("arange", [5, 0, -2], {"dtype": "int8"}, i8([5, 3, 1])),
    ("arange", [3, 0], {}, i64([])),
    ("asarray", [[[1, 2], [3, 4]]], {}, i64([[1, 2], [3, 4]])),
    ("asarray", [[True, False]], {}, true([1, 0])),
    ("asarray", [[1, 2.5]], {}, f64([1, 2.5])),
    ("asarray", [[1, 2j]], {}, c128([1, 2j])),
    ("asarray", [[]], {}, f64([])),
    ("asarray", [(1, 2)], {"dtype": "float32", "copy": True}, f32([1, 2])),
    ("empty", [(0, 2)], {}, f64(np.zeros((0, 2)))),
    ("empty_like", [NONE], {}, NONE),
    ("eye", [2], {}, f64([[1, 0], [0, 1]])),
    ("eye", [2, 3], {"k": 1, "dtype": "int8"}, i8([[0, 1, 0], [0, 0, 1]])),
    ("eye", [2, 0], {"k": -5}, f64(np.zeros((2, 0)))),
    ("full", [(2,), True], {}, true([1, 1])),
    ("full", [2, 3], {}, i64([3, 3])),
    ("full", [(), 3.5], {}, f64(3.5)),
    ("full", [(1,), 1j], {}, c128([1j])),
    ("full", [2, 2**64 - 1], {"dtype": "uint64"}, np.full(2, 2**64 - 1, np.uint64)),
    ("full_like", [I8, 7], {}, i8([[7] * 3] * 2)),
    ("linspace", [0, 1, 3], {}, f64([0, 0.5, 1])),
    ("linspace", [0, 1, 2], {"endpoint": False}, f64([0, 0.5])),
    ("linspace", [0, 1], {"num": 0, "dtype": "float32"}, f32([])),
    ("linspace", [1j, 1, 2], {}, c128([1j, 1])),
    ("meshgrid", [f32([1, 2]), f32([3])], {}, [f32([[1, 2]]), f32([[3, 3]])]),
    (
        "meshgrid",
        [f32([1, 2]), f32([3])],
        {"indexing": "ij"},
        [f32([[1], [2]]), f32([[3], [3]])],
    ),
    ("ones", [(1, 2)], {}, f64([[1, 1]])),
    ("ones_like", [I8[0]], {}, i8([1, 1, 1])),
    ("tril", [I8], {"k": -1}, i8([[0, 0, 0], [4, 0, 0]])),
    ("triu", [I8], {}, i8([[1, -2, 3], [0, 5, -6]])),
    ("triu", [NONE], {"k": 1}, NONE),
    ("zeros", [2], {"dtype": "complex64"}, np.zeros(2, np.complex64)),
    ("zeros_like", [I8[0]], {"dtype": "float32"}, f32([0, 0, 0])),
    ("astype", [f32([1.7, -1.7]), np.int8], {}, i8([1, -1])),
    ("astype", [i8([0, 2]), np.bool_], {}, true([0, 1])),
    ("astype", [true([0, 1]), np.float32], {"copy": False}, f32([0, 1])),
    ("take", [I8, i64([2, 0])], {"axis": 1}, i8([[3, 1], [-6, 4]])),
    ("take", [I8[0], i64([-1])], {}, i8([3])),
    ("take", [I8, i64([])], {"axis": 0}, i8(np.zeros((0, 3)))),
    ("take_along_axis", [I8, i64([[0, -1], [1, 1]])], {}, i8([[1, 3], [5, 5]])),
    ("take_along_axis", [I8, i64([[1, 0, 1]])], {"axis": 0}, i8([[4, -2, -6]])),
    ("matmul", [F32, F32[0]], {}, f32([3.5, -3])),
    ("matmul", [NONE.T, NONE], {}, f32(np.zeros((3, 3)))),
    ("matmul", [I8[:, :1], U8[:1]], {}, np.array([[1, 2, 3], [4, 8, 12]], np.int16)),
    ("matrix_transpose", [NONE[None]], {}, f32(np.zeros((1, 3, 0)))),
    ("tensordot", [F32, F32], {}, f32(23.5)),
    ("tensordot", [F32, F32[0]], {"axes": 1}, f32([3.5, -3])),
    ("tensordot", [F32, F32], {"axes": ((0, 1), (0, 1))}, f32(23.5)),
    ("vecdot", [C64, C64], {}, np.array([7], np.complex64)),
    ("vecdot", [F32, F32], {"axis": -2}, f32([4.25, 2.25, 17])),
    (
        "broadcast_arrays",
        [i8([1]), f32([[1], [2]])],
        {},
        [i8([[1], [1]]), f32([[1], [2]])],
    ),
    ("broadcast_to", [i8([1]), (2, 0)], {}, i8(np.zeros((2, 0)))),
    ("concat", [[i8([1]), i8([2, 3])]], {}, i8([1, 2, 3])),
    ("concat", [(I8, F32[:, :1])], {"axis": -1}, f32(np.hstack([I8, F32[:, :1]]))),
    ("concat", [[i8([[1]]), i8([2])]], {"axis": None}, i8([1, 2])),
    ("expand_dims", [i8([1, 2])], {"axis": -1}, i8([[1], [2]])),
    ("expand_dims", [i8([1, 2]), 0], {}, i8([[1, 2]])),
    ("flip", [I8], {}, i8([[-6, 5, 4], [3, -2, 1]])),
    ("flip", [I8], {"axis": (-1,)}, i8([[3, -2, 1], [-6, 5, 4]])),
    ("moveaxis", [I8[None], 0, -1], {}, I8[..., None]),
    ("moveaxis", [I8[None], (0, 1), (1, 0)], {}, I8[:, None]),
    ("permute_dims", [I8[None], (2, 0, 1)], {}, np.transpose(I8[None], (2, 0, 1))),
    ("repeat", [i8([1, 2]), 2], {}, i8([1, 1, 2, 2])),
    ("repeat", [I8, i64([0, 2])], {"axis": 0}, i8([I8[1], I8[1]])),
    ("reshape", [I8, (3, -1)], {}, i8([[1, -2], [3, 4], [5, -6]])),
    ("reshape", [I8, (6,)], {"copy": True}, i8([1, -2, 3, 4, 5, -6])),
    ("reshape", [NONE, (0, 5)], {"copy": False}, f32(np.zeros((0, 5)))),
    ("roll", [I8, 1], {}, i8([[-6, 1, -2], [3, 4, 5]])),
    ("roll", [I8, (1, -1)], {"axis": (0, 1)}, i8([[5, -6, 4], [-2, 3, 1]])),
    ("squeeze", [I8[None, :1], (0, 1)], {}, i8([1, -2, 3])),
    ("squeeze", [I8[None], 0], {}, I8),
    ("stack", [[i8([1]), i8([2])]], {"axis": -1}, i8([[1, 2]])),
    ("tile", [i8([1, 2]), (2, 1)], {}, i8([[1, 2], [1, 2]])),
    ("tile", [I8, (2,)], {}, np.tile(I8, (2,))),
    ("unstack", [I8], {"axis": 1}, [i8([1, 4]), i8([-2, 5]), i8([3, -6])]),
    ("unstack", [NONE], {}, []),
    ("argmax", [I8], {}, i64(4)),
    ("argmax", [I8], {"axis": 0, "keepdims": True}, i64([[1, 1, 0]])),
    ("argmin", [I8], {"axis": -1}, i64([1, 2])),
    ("argmin", [i8([2, 1, 1])], {"keepdims": True}, i64([1])),
    ("count_nonzero", [F32], {}, i64(5)),
    ("count_nonzero", [F32], {"axis": 1, "keepdims": True}, i64([[3], [2]])),
    ("nonzero", [true([[0, 1], [1, 0]])], {}, [i64([0, 1]), i64([1, 0])]),
    ("searchsorted", [i64([1, 3, 3]), i64([[3, 0]])], {}, i64([[1, 0]])),
    ("searchsorted", [i64([1, 3, 3]), i64([3])], {"side": "right"}, i64([3])),
    ("searchsorted", [i64([3, 1]), i64([2])], {"sorter": i64([1, 0])}, i64([1])),
    ("where", [true([1, 0]), i8([1, 2]), f32([3, 4])], {}, f32([1, 4])),
    ("where", [true([1, 0]), i8([1, 2]), 0], {}, i8([1, 0])),
    ("unique_values", [i8([[2, 1], [2, 3]])], {}, i8([1, 2, 3])),
    ("unique_counts", [i8([2, 1, 2])], {}, [i8([1, 2]), i64([1, 2])]),
    ("unique_inverse", [i8([[2, 1, 2]])], {}, [i8([1, 2]), i64([[1, 0, 1]])]),
    (
        "unique_all",
        [i8([2, 1, 2])],
        {},
        [i8([1, 2]), i64([1, 0]), i64([1, 0, 1]), i64([1, 2])],
    ),
    ("argsort", [i8([2, -128, 2])], {}, i64([1, 0, 2])),
    ("argsort", [i8([2, -128, 2])], {"descending": True}, i64([0, 2, 1])),
    ("argsort", [NONE], {"axis": 0, "stable": False}, i64(NONE)),
    ("sort", [I8], {"axis": 0, "descending": True}, i8([[4, 5, 3], [1, -2, -6]])),
    ("sort", [U8], {"stable": False}, U8),
    ("cumulative_sum", [I8[0]], {}, i64([1, -1, 2])),
    ("cumulative_sum", [I8], {"axis": 0}, i64([[1, -2, 3], [5, 3, -3]])),
    ("cumulative_sum", [F32[0]], {"include_initial": True}, f32([0, 0.5, 2, 1])),
    ("cumulative_prod", [I8[0]], {"dtype": "float32"}, f32([1, -2, -6])),
    ("cumulative_prod", [f32([])], {"include_initial": True}, f32([1])),
    ("max", [I8], {"axis": (0, 1), "keepdims": True}, i8([[5]])),
    ("max", [NONE], {"axis": 1}, f32([])),
    ("max", [f32([1, np.nan])], {}, f32(np.nan)),
    ("min", [I8], {"axis": 1}, i8([-2, -6])),
    ("min", [np.array([3, 2**64 - 1], np.uint64)], {}, np.uint64(3)),
    ("mean", [F32], {"axis": 1, "keepdims": True}, f32([[1 / 3], [2]])),
    ("mean", [F32], {}, f32(7 / 6)),
    ("prod", [I8], {}, i64(720)),
    ("prod", [NONE], {"axis": 0}, f32([1, 1, 1])),
    ("prod", [U8], {"axis": 1}, np.array([6, 4000], np.uint64)),
    ("sum", [I8], {"axis": 0}, i64([5, 3, -3])),
    ("sum", [U8], {"axis": (-1,), "keepdims": True}, np.array([[6], [209]], np.uint64)),
    ("sum", [I8], {"dtype": "int8"}, i8(5)),
    ("sum", [NONE], {}, f32(0)),
    ("sum", [F32], {"axis": ()}, F32),
    ("std", [f32([1, 3])], {}, f32(1)),
    ("std", [f64([1, 3, 5])], {"correction": 1}, f64(2)),
    ("var", [F32], {"axis": 0, "keepdims": True}, f32([[0.5625, 0.5625, 6.25]])),
    ("var", [f64([1, 3, 5])], {"correction": 1.0}, f64(4)),
    ("all", [true([[1, 0], [1, 1]])], {"axis": 0, "keepdims": True}, true([[1, 0]])),
    ("all", [NONE], {}, true(True)),
    ("any", [F32], {"axis": 1}, true([1, 1])),
    ("any", [NONE], {"axis": 0}, true([0, 0, 0])),
    ("diff", [I8], {}, i8([[-3, 5], [1, -11]])),
    ("diff", [I8[0]], {"n": 2, "axis": 0}, i8([8])),
    ("diff", [i8([3])], {"prepend": i8([1]), "append": i8([7])}, i8([2, 4])),
    ("linalg.cholesky", [SPDS[:1]], {}, f64([[[2, 0], [1, 2]]])),
    ("linalg.cholesky", [SPD], {"upper": True}, f64([[2, 1], [0, 2]])),
    ("linalg.cholesky", [NO_MATRICES], {}, NO_MATRICES),
    ("linalg.cross", [f64([[1, 0, 0]]), f64([0, 1, 0])], {}, f64([[0, 0, 1]])),
    ("linalg.cross", [I8[:1].T, I8[1:].T], {"axis": 0}, i8([[-3], [18], [13]])),
    ("linalg.det", [SPDS], {}, f64([16, 64])),
    ("linalg.det", [EMPTY_MATRICES], {}, f64([1, 1])),
    ("linalg.diagonal", [I8[None]], {"offset": 1}, i8([[-2, -6]])),
    ("linalg.eigvalsh", [f32([[2, 1], [1, 2]])], {}, f32([1, 3])),
    ("linalg.eigvalsh", [np.array([[2, 1j], [-1j, 2]])], {}, f64([1, 3])),
    ("linalg.inv", [SPDS], {}, np.linalg.inv(SPDS)),
    ("linalg.inv", [NO_MATRICES], {}, NO_MATRICES),
    ("linalg.matmul", [F32, F32.T], {}, f32([[3.5, -3], [-3, 20]])),
    ("linalg.matrix_norm", [SPDS], {}, f64([7, 14])),
    ("linalg.matrix_norm", [SPD], {"ord": 1, "keepdims": True}, f64([[7]])),
    ("linalg.matrix_norm", [C64], {"ord": "nuc"}, f32(7**0.5)),
    ("linalg.matrix_power", [SPD, 2], {}, f64([[20, 18], [18, 29]])),
    ("linalg.matrix_power", [SPDS, 0], {}, np.stack([np.eye(2)] * 2)),
    ("linalg.matrix_power", [SPD, -1], {}, np.linalg.inv(SPD)),
    ("linalg.matrix_rank", [SPDS], {}, i64([2, 2])),
    ("linalg.matrix_rank", [SPD], {"rtol": 0.9}, i64(1)),
    ("linalg.matrix_transpose", [F32], {}, F32.T),
    ("linalg.outer", [i8([1, 2]), f32([3, 4])], {}, f32([[3, 4], [6, 8]])),
    (
        "linalg.pinv",
        [f64([[2, 0], [0, 0], [0, 4]])],
        {},
        f64([[0.5, 0, 0], [0, 0, 0.25]]),
    ),
    ("linalg.pinv", [f64([[2, 0], [0, 1]])], {"rtol": 0.6}, f64([[0.5, 0], [0, 0]])),
    ("linalg.slogdet", [-SPD[:1, :1]], {}, [f64(-1), f64(np.log(4))]),
    ("linalg.solve", [SPD, f64([2, 5])], {}, f64([0, 1])),
    ("linalg.solve", [SPDS, f64([[2], [5]])], {}, f64([[[0], [1]], [[0], [0.5]]])),
    ("linalg.solve", [NO_MATRICES, f64([[2], [5]])], {}, np.zeros((0, 2, 1))),
    ("linalg.svdvals", [f32([[0, 3], [2, 0], [0, 0]])], {}, f32([3, 2])),
    ("linalg.svdvals", [np.zeros((2, 0, 3))], {}, np.zeros((2, 0))),
    ("linalg.tensordot", [F32, F32], {"axes": ((0,), (0,))}, F32.T @ F32),
    ("linalg.trace", [I8[None]], {"offset": 1}, i64([-8])),
    ("linalg.trace", [SPD], {"dtype": "float32"}, f32(9)),
    ("linalg.vecdot", [F64, F64], {}, f64([3.5, 20])),
    ("linalg.vector_norm", [f32([[3, 4]])], {}, f32(5)),
    ("linalg.vector_norm", [F32], {"ord": 0, "axis": 1}, f32([3, 2])),
    (
        "linalg.vector_norm",
        [C64],
        {"ord": np.inf, "axis": (0, 1), "keepdims": True},
        f32([[2]]),
    ),
    ("fft.fft", [TIMES], {}, c128([0, 2, 0, 2])),
    ("fft.fft", [TIMES], {"n": 2, "norm": "ortho"}, c128([1, 1] / np.sqrt(2))),
    ("fft.fft", [C64[:, :1]], {"axis": 0}, C64[:, :1]),
    ("fft.ifft", [c128([0, 2, 0, 2])], {}, c128(TIMES)),
    ("fft.rfft", [TIMES], {"norm": "forward"}, c128([0, 0.5, 0])),
    ("fft.rfft", [f32([[1], [1]])], {"axis": -2}, np.array([[2], [0]], np.complex64)),
    ("fft.irfft", [c128([0, 2, 0])], {}, TIMES),
    ("fft.irfft", [c128([0, 2])], {"n": 3}, f64([4, -2, -2]) / 3),
    ("fft.hfft", [c128([0, 2, 0])], {}, 4 * TIMES),
    ("fft.ihfft", [4 * TIMES], {}, c128([0, 2, 0])),
    ("fft.fftn", [np.outer(TIMES, [1, 1])], {}, c128(np.outer([0, 2, 0, 2], [2, 0]))),
    ("fft.fftn", [C64], {"axes": (0,)}, C64),
    (
        "fft.ifftn",
        [c128([[4, 0], [0, 0]])],
        {"s": (2, 1), "axes": (0, 1)},
        c128([[2], [2]]),
    ),
    ("fft.rfftn", [f64([[1, 2], [3, 4]])], {}, c128([[10, -2], [-4, 0]])),
    ("fft.irfftn", [c128([[10, -2], [-4, 0]])], {}, f64([[1, 2], [3, 4]])),
    ("fft.fftfreq", [3], {"d": 0.5}, f64([0, 2, -2]) / 3),
    ("fft.rfftfreq", [4], {"dtype": "float32"}, f32([0, 0.25, 0.5])),
    ("fft.fftshift", [i8([[0, 1, -1]])], {"axes": 1}, i8([[-1, 0, 1]])),
    ("fft.ifftshift", [i8([-1, 0, 1])], {}, i8([0, 1, -1])),
]
ELSEWHERE = {  # tests below, and of other files
    *("__array_namespace_info__", "from_dlpack", "can_cast", "finfo", "iinfo"),
    *("isdtype", "result_type", "clip", "linalg.eigh", "linalg.qr", "linalg.svd"),
}


def test_every_function_has_a_case():
    assert {name for name, *_ in CASES} | ELSEWHERE | {*UNARY, *BINARY} == {*SIGNATURES}


def as_array(x):
    """NumPy arrays as ours, also in a sequence."""
    if isinstance(x, list | tuple):
        return type(x)(map(as_array, x))
    return jnp.asarray(x) if isinstance(x, np.ndarray) else x


@pytest.mark.parametrize(
    ("name", "args", "options", "expected"),
    [pytest.param(*case, id=f"{case[0]}-{i}") for i, case in enumerate(CASES)],
)
def test_results_are_those_of_the_standard(name, args, options, expected):
    with dc.enable_x64(True):
        options = {key: as_array(value) for key, value in options.items()}
        made = lookup(name)(*map(as_array, args), **options)

    several = isinstance(expected, list)
    assert isinstance(made, list | tuple) is several
    pairs = zip(
        made if several else [made], expected if several else [expected], strict=True
    )
    for x, y in pairs:
        assert (x.shape, x.dtype) == (y.shape, y.dtype)
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (lambda: jnp.unique_all(I8), "values indices inverse_indices counts"),
        (lambda: jnp.unique_counts(I8), "values counts"),
        (lambda: jnp.unique_inverse(I8), "values inverse_indices"),
        (lambda: jnp.linalg.eigh(SPD), "eigenvalues eigenvectors"),
        (lambda: jnp.linalg.qr(SPD), "Q R"),
        (lambda: jnp.linalg.slogdet(SPD), "sign logabsdet"),
        (lambda: jnp.linalg.svd(SPD), "U S Vh"),
    ],
)
def test_several_results_have_names(call, fields):
    assert call()._fields == tuple(fields.split())


@pytest.mark.parametrize("batch", [(), (2,), (0,)])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_factors_have_the_shapes_and_dtypes_of_the_standard(batch, dtype):
    def shapes_of(function, rows, **options):
        x = dc.ShapeDtypeStruct((*batch, rows, 2), dtype)
        made = dc.eval_shape(lambda x: tuple(function(x, **options)), x)
        assert all(y.shape[: len(batch)] == batch for y in made)
        return [(y.shape[len(batch) :], y.dtype) for y in made]

    real = REAL_PART.get(dtype, dtype)
    qr, svd, eigh = jnp.linalg.qr, jnp.linalg.svd, jnp.linalg.eigh
    with dc.enable_x64(True):
        assert shapes_of(qr, 3) == [((3, 2), dtype), ((2, 2), dtype)]
        assert shapes_of(qr, 3, mode="complete") == [((3, 3), dtype), ((3, 2), dtype)]
        assert shapes_of(svd, 3) == [((3, 3), dtype), ((2,), real), ((2, 2), dtype)]
        assert shapes_of(svd, 3, full_matrices=False)[0] == ((3, 2), dtype)
        assert shapes_of(eigh, 2) == [((2,), real), ((2, 2), dtype)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [-2, 0, 3]),
        ({"min": 1}, [1, 1, 3]),
        ({"max": 1.0}, [-2, 0, 1]),
        ({"min": -1, "max": np.array([-1, 2, 2], np.float32)}, [-1, 0, 2]),
    ],
)
def test_clip_takes_each_limit_alone(options, expected):
    made = jnp.clip(jnp.asarray([-2.0, 0.0, 3.0]), **options)

    assert made.dtype == "float32"
    np.testing.assert_array_equal(made, expected)


def test_limits_of_dtypes():
    floats, integers = jnp.finfo(jnp.float32), jnp.iinfo(jnp.int8)

    assert (floats.eps, floats.smallest_normal) == (2.0**-23, 2.0**-126)
    assert -floats.min == floats.max == (2 - 2.0**-23) * 2.0**127
    assert (floats.bits, floats.dtype) == (32, jnp.float32)
    assert (integers.bits, integers.min, integers.max) == (8, -128, 127)
    assert (type(integers.max), integers.dtype) == (int, jnp.int8)
    assert jnp.finfo(jnp.complex64).dtype == jnp.float32
    assert jnp.finfo(jnp.ones(1)).bits == jnp.iinfo(jnp.arange(1)).bits == 32


def test_casts_and_kinds():
    assert jnp.can_cast(jnp.int8, jnp.int16)
    assert not jnp.can_cast(jnp.ones(1), jnp.int32)
    assert jnp.isdtype(jnp.float32, ("integral", jnp.float32))
    assert jnp.isdtype(jnp.bool, "bool")
    assert not jnp.isdtype(jnp.int8, "unsigned integer")


# ---- deviations: the rows of the table in docs/array_api.md -------------------------


def test_arrays_never_change():
    x = jnp.ones(2)
    y = x

    y += 1

    np.testing.assert_array_equal(x, [1, 1])
    with pytest.raises(TypeError, match="arrays never change"):
        x[0] = 3


def test_wide_dtypes_are_halved_unless_they_are_enabled():
    with pytest.warns(UserWarning, match="float64 is not enabled"):
        made = jnp.zeros(1, jnp.float64)

    assert (made.dtype, jnp.arange(1).dtype) == ("float32", "int32")


def test_arrays_made_of_python_scalars_give_way():
    assert (jnp.ones(1, "float16") + jnp.asarray(1.0)).dtype == "float16"
    assert (jnp.ones(1, "float16") + jnp.asarray(1.0, "float32")).dtype == "float32"


def test_kinds_can_be_mixed():
    assert (jnp.ones(1, "int8") + jnp.ones(1, "float16")).dtype == "float16"
    assert (jnp.ones(1, "int8") + 0.5).dtype == "float32"


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x[x > 0],
        jnp.nonzero,
        jnp.unique_values,
        lambda x: jnp.repeat(x, x.astype(int)),
        bool,
        int,
        float,
        complex,
    ],
)
def test_what_depends_on_values_is_refused_while_tracing(call):
    x = jnp.ones((), "float32") if isinstance(call, type) else jnp.ones(2)

    call(x)
    with pytest.raises((dc.errors.ConcretizationTypeError, IndexError)):
        dc.jit(call)(x)


def test_copies_that_nobody_could_tell_from_the_array_are_not_made():
    x = jnp.ones(2)

    assert jnp.astype(x, jnp.float32) is x
    assert jnp.astype(x, jnp.float32, copy=True) is not x
    assert jnp.reshape(x, (2,), copy=True) is x
    assert jnp.reshape(x, (2, 1), copy=False).shape == (2, 1)


def test_the_transpose_reverses_all_axes():
    assert jnp.ones((1, 2, 3)).T.shape == (3, 2, 1)


def test_a_wrong_axis_is_a_wrong_value():
    with pytest.raises(ValueError, match="expand_dims: `axis` must be between"):
        jnp.expand_dims(jnp.ones(2), axis=7)


def test_limits_of_floats_are_scalars_of_numpy():
    assert type(jnp.finfo(jnp.float32).eps) is np.float32


def test_signs_of_zeros_that_are_jaxs():
    made = [jnp.sign(-0.0), jnp.remainder(0.0, -1.0), jnp.floor_divide(-0.0, 1.0)]

    assert [bool(jnp.signbit(x)) for x in made] == [True, False, False]


def test_traced_values_have_no_device():
    seen = []

    dc.jit(lambda x: seen.append(x.device) or jnp.ones(1, device=None))(jnp.ones(1))

    assert seen == [None]


def test_transfers_take_no_stream():
    with pytest.raises(ValueError, match="`stream` is not supported"):
        jnp.ones(1).to_device(dc.devices()[0], stream=1)


def test_what_cannot_be_exchanged_is_a_wrong_value():
    with pytest.raises(ValueError, match="from_dlpack: "):
        jnp.from_dlpack(np.ones(6, np.float32)[::2])


def test_subnormal_numbers_count_as_zero():
    tiny = jnp.asarray(np.float32(1e-40))

    assert np.asarray(tiny) > 0
    assert (tiny + 0).item() == (tiny * 2).item() == 0


def test_complex_functions_are_those_of_the_compiler():
    below_the_cut, infinite = complex(-1, -0.0), complex(np.inf, np.nan)

    assert jnp.sqrt(below_the_cut).item() == 1j
    assert jnp.isnan(jnp.log(infinite).real)


def test_what_the_standard_leaves_open():
    singular = jnp.zeros((2, 2))

    assert not jnp.isfinite(jnp.linalg.inv(singular)).all()
    assert jnp.isnan(jnp.linalg.cholesky(-jnp.eye(2))).any()
    assert jnp.arange(3)[jnp.asarray([7])].tolist() == [2]
    assert jnp.isnan(jnp.take(jnp.ones(3), jnp.asarray([7]))).all()
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        jnp.arange(3)[7]
