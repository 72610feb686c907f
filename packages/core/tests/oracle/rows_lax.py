"""Rows of `lax`: special values and special calls.

Random values of elementwise functions, and the definitions of windows, convolutions,
gathers and scatters spelled out, are in the tables of `tests/ops`.
"""

import ml_dtypes
import numpy as np
from scipy import special

from dolmen.core import lax

from .rows import Row

INF, NAN = np.inf, np.nan
REAL = np.array([0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -3.0, 20.0, INF, -INF, NAN])
COMPLEX = np.array([0.5 + 0.25j, -2 - 1j, 1j, -0.75, 2.0, -1 + 1e-3j])
LEFT, RIGHT = (part.ravel() for part in np.meshgrid(REAL, REAL))
NATURAL = np.array([[5, 3, 0, 255], [7, 128, 1, 6]], np.uint8)
WHOLE = np.array([[5, -3, 0, 127], [-128, 64, 1, -7]], np.int8)
A = np.array([[0.5, -1.25, 2.0, 2.0], [3.5, -0.75, NAN, 1.0]])
B = np.array([[0.5, -1.25, 2.0, 2.0], [3.5, -0.75, -4.0, 1.0]])
NONE = np.zeros((2, 0))
SHAPES_AND_POINTS = (np.array([0.5, 3, 0.75]), np.array([0.25, 2, 30]))


def rounded(x, method):
    if method is lax.RoundingMethod.TO_NEAREST_EVEN:
        return np.round(x)
    return np.trunc(x + np.copysign(0.5, x))


def of_mantissa(x, exponent_bits, mantissa_bits):
    """Rounded to a format that has a dtype."""
    formats = {(5, 10): np.float16, (8, 7): ml_dtypes.bfloat16}
    return x.astype(formats[exponent_bits, mantissa_bits]).astype(x.dtype)


def by_key(operands, dimension=-1, num_keys=1, is_stable=True):
    order = np.lexsort(operands[:num_keys][::-1], dimension)
    return [np.take_along_axis(x, order, dimension) for x in operands]


def largest(x, k):
    order = np.argsort(-x, -1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order.astype(np.int32)


def extremum(function):
    def place(x, axis, dtype):
        return function(x, axis).astype(dtype)

    return place


def logsumexp_up_to(x, axis, reverse=False):
    x = np.flip(x, axis) if reverse else x
    made = np.logaddexp.accumulate(x, axis)
    return np.flip(made, axis) if reverse else made


def accumulated(ufunc):
    def run(x, axis, reverse=False):
        x = np.flip(x, axis) if reverse else x
        made = ufunc.accumulate(x, axis)
        return np.flip(made, axis) if reverse else made

    return run


def cut(x, starts, sizes):
    """Slices that reach beyond the array begin earlier."""
    at = [
        min(max(start, 0), n - size)
        for start, size, n in zip(starts, sizes, x.shape, strict=True)
    ]
    return x[tuple(slice(a, a + s) for a, s in zip(at, sizes, strict=True))]


def overwritten(x, update, starts):
    made = x.copy()
    cut(made, starts, update.shape)[...] = update
    return made


def spaced(x, value, config):
    for axis, (low, high, interior) in enumerate(config):
        n = x.shape[axis]
        row = np.full(n + max(n - 1, 0) * interior, -1)
        row[:: interior + 1] = np.arange(n)
        row = np.pad(row, (max(low, 0), max(high, 0)), constant_values=-1)
        row = row[max(-low, 0) : len(row) - max(-high, 0)]
        taken = np.take(x, np.maximum(row, 0), axis)
        mask = (row < 0).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        x = np.where(mask, value, taken)
    return x


def unary(names, args, label="", **options):
    """Functions that have an oracle under another name are given as pairs."""
    return binary(names, (args,), label, **options)


def binary(names, args, label="", **options):
    # The tables of `tests/ops` map each of them.
    return [
        Row(f"lax.{n}", args, oracle=oracle, label=label, mapped=False, **options)
        for n, oracle in ((n, None) if isinstance(n, str) else n for n in names)
    ]


ELEMENTWISE = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "ceil", "cos",
    "cosh", ("erf", special.erf), ("erfc", special.erfc),
    ("erf_inv", special.erfinv), "exp", "exp2", "expm1", "floor",
    ("is_finite", np.isfinite), "log", "log1p", ("logistic", special.expit),
    ("neg", np.negative), "reciprocal", ("rsqrt", lambda x: 1 / np.sqrt(x)), "sign",
    "sin", "sinh", "sqrt", "square", "tan", "tanh",
    ("bessel_i0e", special.i0e), ("bessel_i1e", special.i1e),
]  # fmt: skip
OF_COMPLEX = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "conj", "cos", "cosh",
    "exp", "expm1", ("imag", np.imag), ("real", np.real), "log", "log1p",
    ("neg", np.negative), "reciprocal", "sin", "sinh", "sqrt", "square", "tan", "tanh",
    ("sign", lambda z: z / np.where(z == 0, 1, np.abs(z))),
]  # fmt: skip
PAIRS = [
    "add", ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide),
    ("max", np.maximum), ("min", np.minimum), ("rem", np.fmod), "pow",
    ("atan2", np.arctan2), ("eq", np.equal), ("ne", np.not_equal),
    ("lt", np.less), ("le", np.less_equal), ("gt", np.greater),
    ("ge", np.greater_equal),
]  # fmt: skip
LOGIC = ["bitwise_and", "bitwise_or", "bitwise_xor"]
NEVEN, AWAY = lax.RoundingMethod.TO_NEAREST_EVEN, lax.RoundingMethod.AWAY_FROM_ZERO
HALVES = np.array([0.5, 1.5, -0.5, -2.5, 0.49999997, 7.5, INF, NAN])
KEYS = np.array([[2, 1, 2, 1, 2], [3, 3, 1, 1, 1]], np.int32)
SECOND = np.array([[1.0, 5.0, 0.0, 5.0, 0.0], [2.0, -1.0, 0.5, 0.5, -3.0]])
PLACES = np.arange(10, dtype=np.int32).reshape(2, 5)
MATRIX = np.arange(12.0).reshape(3, 4)
CUBE = np.arange(24.0).reshape(2, 3, 4) / 7 - 1

ROWS = [
    *unary(ELEMENTWISE, REAL, "special"),
    *unary(["sin", "exp", "log", "abs"], NONE, "empty"),
    *unary(OF_COMPLEX, COMPLEX, "complex", slack=10.0),
    *binary(PAIRS, (LEFT, RIGHT), "special"),
    *binary(PAIRS[:4], (COMPLEX, COMPLEX[::-1].copy()), "complex"),
    *binary(LOGIC, (NATURAL, NATURAL[::-1].copy())),
    *binary(LOGIC, (WHOLE, WHOLE[::-1].copy()), "signed"),
    *unary([("bitwise_not", np.invert)], WHOLE),
    *unary([("population_count", np.bitwise_count)], NATURAL),
    *unary([("clz", lambda x: 8 - np.ceil(np.log2(x + 1.0)).astype(int))], NATURAL),
    Row(
        "lax.mulhi",
        (WHOLE, WHOLE[:, ::-1].copy()),
        oracle=lambda x, y: (x.astype(int) * y.astype(int)) >> 8,
    ),
    *(
        Row(
            f"lax.{name}",
            (x, np.array([[0, 1, 3, 7], [2, 8, 9, 1]], x.dtype)),
            oracle=oracle,
            label=str(x.dtype),
        )
        for x in (NATURAL, WHOLE)
        for name, oracle in (
            ("shift_left", lambda x, y: np.left_shift(x, y, dtype=x.dtype)),
            (
                "shift_right_arithmetic",
                lambda x, y: (x.view(np.int8) >> np.minimum(y, 7).astype(np.int8)).view(
                    x.dtype
                ),
            ),
            ("shift_right_logical", lambda x, y: x.view(np.uint8).astype(int) >> y),
        )
    ),
    Row(
        "lax.round",
        (HALVES,),
        lambda f, x: f(x, NEVEN),
        oracle=rounded,
        label="to even",
    ),
    Row("lax.round", (HALVES,), lambda f, x: f(x, AWAY), oracle=rounded, label="away"),
    Row("lax.nextafter", (LEFT, RIGHT), single=False),
    Row(
        "lax.integer_pow",
        (REAL,),
        lambda f, x: [f(x, n) for n in (0, 1, 3, -2)],
        oracle=lambda x, n: x ** np.float64(n),
        mapped=False,
    ),
    Row(
        "lax.lgamma",
        (np.array([0.5, 1, 2, 1e3, -0.5, 0, INF, NAN]),),
        oracle=special.gammaln,
    ),
    Row(
        "lax.digamma",
        (np.array([0.5, 1, 2, 1e3, -0.5, INF, NAN]),),
        oracle=special.digamma,
        slack=5.0,
    ),
    Row(
        "lax.polygamma",
        (np.array([1.0, 2, 3, 1]), np.array([0.5, 2, 3, 9])),
        oracle=lambda n, x: special.polygamma(n.astype(int), x),
        slack=5.0,
    ),
    Row(
        "lax.zeta",
        (np.array([2.0, 3, 1.5, 4]), np.array([1.0, 0.5, 3, 9])),
        oracle=special.zeta,
        slack=5.0,
    ),
    Row(
        "lax.igamma",
        (np.array([0.5, 3, 10, 2, 2]), np.array([0.25, 0, 12, INF, NAN])),
        oracle=special.gammainc,
        slack=5.0,
    ),
    Row(
        "lax.igammac",
        (np.array([0.5, 3, 10, 2, 2]), np.array([0.25, 0, 12, INF, NAN])),
        oracle=special.gammaincc,
        slack=5.0,
    ),
    # SciPy has neither; computed with mpmath to 40 digits.
    Row(
        "lax.igamma_grad_a",
        SHAPES_AND_POINTS,
        oracle=lambda a, x: np.array(
            [-0.79794731678322294, -0.23184867204398959, -1.4627201821992962e-13]
        ),
        slack=5.0,
    ),
    Row(
        "lax.random_gamma_grad",
        SHAPES_AND_POINTS,
        oracle=lambda a, x: np.array(
            [0.90801449176411132, 0.85657142209780672, 4.4829079356999601]
        ),
        slack=5.0,
    ),
    Row(
        "lax.betainc",
        (
            np.array([0.5, 2, 3, 1]),
            np.array([2.0, 2, 0.5, 1]),
            np.array([0.25, 0, 1, NAN]),
        ),
        oracle=special.betainc,
        slack=5.0,
    ),
    # ---- conversions -----------------------------------------------------------------
    *(
        Row(
            "lax.reduce_precision",
            (np.array([1 / 3, 65519.0, -1e-3, INF, NAN, 2.0**-14]),),
            lambda f, x, bits=bits: f(x, *bits),
            oracle=of_mantissa,
            label=str(bits),
        )
        for bits in ((5, 10), (8, 7))
    ),
    Row(
        "lax.convert_element_type",
        (np.array([1.75, -1.75, 0.0, 100.25]),),
        lambda f, x: [f(x, np.int32), f(x, bool)],
        oracle=lambda x, dtype: x.astype(dtype),
    ),
    Row(
        "lax.bitcast_convert_type",
        (np.array([1.0, -2.5, INF], np.float32).view(np.int32),),
        lambda f, x: [f(x, np.float32), f(x, np.uint8)],
        oracle=lambda x, dtype: (
            x.view(dtype) if np.dtype(dtype).itemsize == 4 else x[:, None].view(dtype)
        ),
    ),
    Row("lax.complex", (REAL[:8], REAL[7::-1].copy()), oracle=lambda x, y: x + 1j * y),
    Row("lax.stop_gradient", (B,), oracle=np.positive),
    # ---- selection -------------------------------------------------------------------
    Row(
        "lax.clamp",
        (
            np.array([-1.0, 0, 2, 0]),
            np.array([5.0, NAN, 1, -3]),
            np.array([1.0, 1, 1, 1]),
        ),
        oracle=lambda low, x, high: np.minimum(np.maximum(low, x), high),
    ),
    Row("lax.select", (B > 0, B, -B), oracle=np.where),
    Row(
        "lax.select_n",
        (np.array([0, 2, 1, 0], np.int32), REAL[2:6], REAL[4:8], REAL[5:9]),
        oracle=lambda which, *cases: np.choose(which, cases),
    ),
    # ---- reductions ------------------------------------------------------------------
    *(
        Row(
            f"lax.reduce_{name}",
            (x,),
            lambda f, x, axes=axes: f(x, axes),
            oracle=lambda x, axes, ufunc=ufunc: ufunc.reduce(x, axes),
            label=label,
            mapped=False,
        )
        for name, ufunc in (
            ("sum", np.add),
            ("prod", np.multiply),
            ("max", np.maximum),
            ("min", np.minimum),
        )
        for x, axes, label in (
            (A, (0,), "nan"),
            (CUBE, (0, 2), "axes"),
            (B, (), "none"),
        )
    ),
    *(
        Row(
            f"lax.reduce_{name}",
            (WHOLE,),
            lambda f, x: f(x, (1,)),
            oracle=lambda x, axes, ufunc=ufunc: ufunc.reduce(x, axes),
        )
        for name, ufunc in (
            ("and", np.bitwise_and),
            ("or", np.bitwise_or),
            ("xor", np.bitwise_xor),
        )
    ),
    *(
        Row(
            f"lax.arg{name}",
            (x,),
            lambda f, x: [f(x, axis, np.int32) for axis in range(x.ndim)],
            oracle=extremum(oracle),
            label=label,
            mapped=False,
        )
        for name, oracle in (("max", np.argmax), ("min", np.argmin))
        for x, label in (
            (A, "nan"),
            (WHOLE, "int"),
            (np.array([[-INF, -INF, 2.0], [INF, INF, INF]]), "infinite"),
            (B > 0, "bool"),
        )
    ),
    *(
        Row(
            f"lax.{name}",
            (x,),
            lambda f, x, reverse=reverse: f(x, 1, reverse),
            oracle=accumulated(ufunc),
            mapped=False,
            label=f"{label} {'reverse' if reverse else ''}",
        )
        for name, ufunc in (
            ("cumsum", np.add),
            ("cumprod", np.multiply),
            ("cummax", np.maximum),
            ("cummin", np.minimum),
        )
        for x, label in ((A, "nan"), (CUBE, "cube"))
        for reverse in (False, True)
    ),
    *(
        Row(
            "lax.cumlogsumexp",
            (np.array([[1.0, -INF, 80.0, 3.0], [-INF, -INF, 0.0, NAN]]),),
            lambda f, x, reverse=reverse: f(x, 1, reverse),
            oracle=logsumexp_up_to,
            mapped=False,
            label=f"reverse={reverse}",
        )
        for reverse in (False, True)
    ),
    # ---- order -----------------------------------------------------------------------
    Row("lax.sort", (A,), lambda f, x: [f(x, 0), f(x, 1)], oracle=np.sort),
    *(
        Row(
            "lax.sort",
            (KEYS, SECOND, PLACES),
            lambda f, *x, n=n: f(x, num_keys=n),
            oracle=by_key,
            label=f"{n} keys",
        )
        for n in (1, 2)
    ),
    Row(
        "lax.sort_key_val",
        (KEYS, PLACES),
        oracle=lambda key, value: by_key([key, value]),
    ),
    Row("lax.top_k", (SECOND,), lambda f, x: f(x, 3), oracle=largest, label="ties"),
    Row("lax.top_k", (SECOND,), lambda f, x: f(x, 0), oracle=largest, label="none"),
    Row("lax.approx_max_k", (SECOND,), lambda f, x: f(x, 2), oracle=largest),
    Row(
        "lax.approx_min_k",
        (SECOND,),
        lambda f, x: f(x, 2),
        oracle=lambda x, k: [
            part * s for part, s in zip(largest(-x, k), (-1, 1), strict=True)
        ],
    ),
    # ---- parts -----------------------------------------------------------------------
    *(
        Row(
            "lax.dynamic_slice",
            (MATRIX,),
            lambda f, x, starts=starts: f(x, starts, (2, 3)),
            oracle=cut,
            smooth=(0,),
            label=str(starts),
        )
        for starts in ((1, 1), (2, 3), (-9, 0))
    ),
    *(
        Row(
            "lax.dynamic_update_slice",
            (MATRIX, -CUBE[0, :2, :3]),
            lambda f, x, update, starts=starts: f(x, update, starts),
            oracle=overwritten,
            smooth=(0, 1),
            label=str(starts),
        )
        for starts in ((1, 0), (2, 9), (-9, 1))
    ),
    Row(
        "lax.dynamic_slice_in_dim",
        (MATRIX,),
        lambda f, x: [f(x, np.int32(3), 2, axis=1), f(x, 1, 1)],
        oracle=lambda x, start, size, axis=0: np.take(
            x, min(start, x.shape[axis] - size) + np.arange(size), axis
        ),
        smooth=(0,),
    ),
    Row(
        "lax.dynamic_index_in_dim",
        (MATRIX,),
        lambda f, x: [f(x, np.int32(-1), 1), f(x, 9, 0, keepdims=False)],
        oracle=lambda x, index, axis, keepdims=True: np.take(
            x, [min(index, x.shape[axis] - 1)] if keepdims else -1, axis
        ),
        smooth=(0,),
    ),
    Row(
        "lax.dynamic_update_slice_in_dim",
        (MATRIX, -MATRIX[:, :2]),
        lambda f, x, update: f(x, update, np.int32(3), 1),
        oracle=lambda x, update, start, axis: overwritten(x, update, (0, start)),
        smooth=(0, 1),
    ),
    Row(
        "lax.dynamic_update_index_in_dim",
        (MATRIX, -MATRIX[1]),
        lambda f, x, update: f(x, update, np.int32(1), 0),
        oracle=lambda x, update, index, axis: overwritten(x, update[None], (index, 0)),
        smooth=(0, 1),
    ),
    Row(
        "lax.index_in_dim",
        (MATRIX,),
        lambda f, x: [f(x, -1, 1), f(x, 1, 0, keepdims=False)],
        oracle=lambda x, index, axis, keepdims=True: np.take(
            x, [index] if keepdims else index, axis
        ),
        smooth=(0,),
    ),
    Row(
        "lax.slice_in_dim",
        (MATRIX,),
        lambda f, x: [f(x, 1, None, 2, axis=1), f(x, -2, -1)],
        oracle=lambda x, start, stop, stride=1, axis=0: np.take(
            x, range(x.shape[axis])[start:stop:stride], axis
        ),
        smooth=(0,),
    ),
    Row(
        "lax.slice",
        (MATRIX,),
        lambda f, x: f(x, (0, 1), (3, 4), (2, 2)),
        oracle=lambda x, start, stop, step: x[0 : 3 : step[0], 1 : 4 : step[1]],
        smooth=(0,),
    ),
    Row(
        "lax.index_take",
        (CUBE,),
        lambda f, x: f(x, [np.int8([1, -1, 0]), np.int32([-4, 2, 1])], (0, 2)),
        oracle=lambda x, places, axes: np.moveaxis(x[places[0], :, places[1]], 0, 0),
        smooth=(0,),
    ),
    *(
        Row(
            "lax.pad",
            (MATRIX, np.float64(0.5)),
            lambda f, x, value, config=config: f(x, value, config),
            oracle=spaced,
            smooth=(0, 1),
            label=str(config),
        )
        for config in (
            ((1, 2, 0), (0, 0, 2)),
            ((-1, 0, 1), (2, -3, 0)),
            ((-1, -1, 0), (-2, -2, 1)),
        )
    ),
    # ---- shapes ----------------------------------------------------------------------
    Row(
        "lax.broadcast_to_rank",
        (B,),
        lambda f, x: f(x, 4),
        oracle=lambda x, n: x[None, None],
        smooth=(0,),
    ),
    Row(
        "lax.broadcast_like",
        (B[:1],),
        lambda f, x: f(x, CUBE.reshape(3, 2, 4)),
        oracle=lambda x, like: np.broadcast_to(x, like.shape),
        smooth=(0,),
    ),
    Row(
        "lax.collapse",
        (CUBE,),
        lambda f, x: [f(x, 1), f(x, 0, 2), f(x, -2, 3)],
        oracle=lambda x, start, stop=3: x.reshape(
            *x.shape[: start % 3], -1, *x.shape[stop:]
        ),
        smooth=(0,),
    ),
    Row(
        "lax.expand_dims",
        (B,),
        lambda f, x: [f(x, (0, 2)), f(x, (-1,))],
        oracle=np.expand_dims,
        smooth=(0,),
    ),
    Row(
        "lax.full",
        (np.float64(2.5),),
        lambda f, value: [f((2, 3), value), f((), value, np.int32)],
        oracle=lambda shape, value, dtype=None: np.full(shape, value, dtype),
    ),
    Row(
        "lax.iota",
        (),
        lambda f: [f(np.int32, 4), f(np.float32, 0)],
        oracle=lambda dtype, size: np.arange(size, dtype=dtype),
        mapped=False,
    ),
    Row(
        "lax.full_like",
        (B,),
        lambda f, x: [f(x, 2.5), f(x, 3, np.int32, (2,))],
        oracle=lambda x, value, dtype=None, shape=None: np.full_like(
            x, value, dtype, shape=shape
        ),
    ),
    Row(
        "lax.tile",
        (B,),
        lambda f, x: f(x, (2, 3)),
        smooth=(0,),
    ),
    Row("lax.stack", (B, -B), lambda f, *x: f(x, axis=1), smooth=(0, 1)),
    Row("lax.unstack", (B,), lambda f, x: f(x, axis=1), smooth=(0,)),
    # ---- products --------------------------------------------------------------------
    Row(
        "lax.dot_general",
        (CUBE, np.moveaxis(CUBE, 0, 2).copy()),
        lambda f, x, y: f(x, y, (((2,), (1,)), ((0, 1), (2, 0)))),
        oracle=lambda x, y, numbers: np.einsum("abc,bca->ab", x, y),
        smooth=(0, 1),
        label="all batch",
    ),
    Row(
        "lax.dot_general",
        (CUBE, MATRIX[:2]),
        lambda f, x, y: f(x, y, (((), ()), ((0,), (0,)))),
        oracle=lambda x, y, numbers: np.einsum("abc,ad->abcd", x, y),
        smooth=(0, 1),
        label="outer",
    ),
    Row(
        "lax.conv_with_general_padding",
        (CUBE.reshape(1, 2, 12), CUBE[:, :, :2].reshape(3, 2, 2)),
        lambda f, x, w: f(x, w, (2,), [(1, 2)], (2,), (3,)),
        oracle=lambda x, w, strides, padding, lhs, rhs: one_axis_convolution(
            x, w, strides[0], padding[0], lhs[0], rhs[0]
        ),
        smooth=(0, 1),
    ),
]


def one_axis_convolution(x, w, stride, padding, x_dilation, w_dilation):
    spread = np.zeros((*x.shape[:2], (x.shape[2] - 1) * x_dilation + 1))
    spread[:, :, ::x_dilation] = x
    spread = np.pad(spread, ((0, 0), (0, 0), padding))
    span = (w.shape[2] - 1) * w_dilation + 1
    starts = range(0, spread.shape[2] - span + 1, stride)
    seen = [spread[:, :, s : s + span : w_dilation] for s in starts]
    return np.stack([np.einsum("bik,oik->bo", part, w) for part in seen], 2)
