"""The array API of NumPy, on arrays that never change.

Functions have the names, arguments and meanings of `jax.numpy`. They are differentiable
and work under every transformation. They take arrays, NumPy arrays and Python scalars,
but no lists: write `jnp.array(...)` around those.
"""

import importlib as _importlib
from typing import Any as _Any

from ..dtypes import (
    can_cast as can_cast,
    finfo as finfo,
    iinfo as iinfo,
    isdtype as isdtype,
    promote_types as promote_types,
    result_type as result_type,
)
from ._arithmetic import (
    abs as abs,
    absolute as absolute,
    cbrt as cbrt,
    clip as clip,
    copysign as copysign,
    divide as divide,
    divmod as divmod,
    fabs as fabs,
    float_power as float_power,
    floor_divide as floor_divide,
    fmax as fmax,
    fmin as fmin,
    fmod as fmod,
    heaviside as heaviside,
    mod as mod,
    nextafter as nextafter,
    positive as positive,
    pow as pow,
    power as power,
    reciprocal as reciprocal,
    remainder as remainder,
    sign as sign,
    signbit as signbit,
    sqrt as sqrt,
    square as square,
    true_divide as true_divide,
)
from ._constants import (
    ComplexWarning as ComplexWarning,
    character as character,
    complexfloating as complexfloating,
    dtype as dtype,
    e as e,
    euler_gamma as euler_gamma,
    flexible as flexible,
    floating as floating,
    generic as generic,
    get_printoptions as get_printoptions,
    inexact as inexact,
    inf as inf,
    integer as integer,
    iterable as iterable,
    nan as nan,
    ndarray as ndarray,
    number as number,
    object_ as object_,
    pi as pi,
    printoptions as printoptions,
    set_printoptions as set_printoptions,
    signedinteger as signedinteger,
    unsignedinteger as unsignedinteger,
)
from ._creation import (
    arange as arange,
    array as array,
    array_repr as array_repr,
    array_str as array_str,
    asarray as asarray,
    astype as astype,
    copy as copy,
    diag_indices as diag_indices,
    empty as empty,
    empty_like as empty_like,
    eye as eye,
    frombuffer as frombuffer,
    full as full,
    full_like as full_like,
    geomspace as geomspace,
    identity as identity,
    indices as indices,
    isscalar as isscalar,
    linspace as linspace,
    logspace as logspace,
    meshgrid as meshgrid,
    ndim as ndim,
    ones as ones,
    ones_like as ones_like,
    shape as shape,
    size as size,
    tri as tri,
    tril as tril,
    tril_indices as tril_indices,
    triu as triu,
    triu_indices as triu_indices,
    zeros as zeros,
    zeros_like as zeros_like,
)
from ._einsum import (
    einsum as einsum,
    einsum_path as einsum_path,
)
from ._exponential import (
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
)
from ._interchange import from_dlpack as from_dlpack
from ._joining import (
    append as append,
    array_split as array_split,
    block as block,
    column_stack as column_stack,
    concat as concat,
    concatenate as concatenate,
    dsplit as dsplit,
    dstack as dstack,
    hsplit as hsplit,
    hstack as hstack,
    split as split,
    stack as stack,
    unstack as unstack,
    vsplit as vsplit,
    vstack as vstack,
)
from ._logic import (
    allclose as allclose,
    array_equal as array_equal,
    array_equiv as array_equiv,
    bitwise_count as bitwise_count,
    bitwise_invert as bitwise_invert,
    bitwise_left_shift as bitwise_left_shift,
    bitwise_not as bitwise_not,
    bitwise_right_shift as bitwise_right_shift,
    equal as equal,
    greater as greater,
    greater_equal as greater_equal,
    invert as invert,
    isclose as isclose,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    isneginf as isneginf,
    isposinf as isposinf,
    left_shift as left_shift,
    less as less,
    less_equal as less_equal,
    logical_not as logical_not,
    nan_to_num as nan_to_num,
    not_equal as not_equal,
    right_shift as right_shift,
    where as where,
)
from ._manipulation import (
    atleast_1d as atleast_1d,
    atleast_2d as atleast_2d,
    atleast_3d as atleast_3d,
    broadcast_arrays as broadcast_arrays,
    broadcast_shapes as broadcast_shapes,
    broadcast_to as broadcast_to,
    diag as diag,
    diagflat as diagflat,
    diagonal as diagonal,
    expand_dims as expand_dims,
    flip as flip,
    fliplr as fliplr,
    flipud as flipud,
    matrix_transpose as matrix_transpose,
    moveaxis as moveaxis,
    permute_dims as permute_dims,
    ravel as ravel,
    repeat as repeat,
    reshape as reshape,
    resize as resize,
    roll as roll,
    rollaxis as rollaxis,
    rot90 as rot90,
    squeeze as squeeze,
    swapaxes as swapaxes,
    tile as tile,
    trace as trace,
    transpose as transpose,
)
from ._methods import install as _install_methods
from ._padding import (
    pad as pad,
    trim_zeros as trim_zeros,
)
from ._products import (
    cross as cross,
    dot as dot,
    inner as inner,
    kron as kron,
    matmul as matmul,
    matvec as matvec,
    outer as outer,
    tensordot as tensordot,
    vdot as vdot,
    vecdot as vecdot,
    vecmat as vecmat,
)
from ._reductions import (
    all as all,
    amax as amax,
    amin as amin,
    any as any,
    argmax as argmax,
    argmin as argmin,
    average as average,
    count_nonzero as count_nonzero,
    cumprod as cumprod,
    cumsum as cumsum,
    cumulative_prod as cumulative_prod,
    cumulative_sum as cumulative_sum,
    max as max,
    mean as mean,
    min as min,
    nanargmax as nanargmax,
    nanargmin as nanargmin,
    nancumprod as nancumprod,
    nancumsum as nancumsum,
    nanmax as nanmax,
    nanmean as nanmean,
    nanmin as nanmin,
    nanprod as nanprod,
    nanstd as nanstd,
    nansum as nansum,
    nanvar as nanvar,
    prod as prod,
    ptp as ptp,
    std as std,
    sum as sum,
    var as var,
)
from ._rounding import (
    angle as angle,
    around as around,
    ceil as ceil,
    conj as conj,
    conjugate as conjugate,
    floor as floor,
    imag as imag,
    iscomplex as iscomplex,
    iscomplexobj as iscomplexobj,
    isreal as isreal,
    isrealobj as isrealobj,
    real as real,
    rint as rint,
    round as round,
    trunc as trunc,
)
from ._scalar_types import (
    bfloat16 as bfloat16,
    bool_ as bool_,
    cdouble as cdouble,
    complex64 as complex64,
    complex128 as complex128,
    complex_ as complex_,
    csingle as csingle,
    double as double,
    float4_e2m1fn as float4_e2m1fn,
    float6_e2m3fn as float6_e2m3fn,
    float6_e3m2fn as float6_e3m2fn,
    float8_e3m4 as float8_e3m4,
    float8_e4m3 as float8_e4m3,
    float8_e4m3b11fnuz as float8_e4m3b11fnuz,
    float8_e4m3fn as float8_e4m3fn,
    float8_e4m3fnuz as float8_e4m3fnuz,
    float8_e5m2 as float8_e5m2,
    float8_e5m2fnuz as float8_e5m2fnuz,
    float8_e8m0fnu as float8_e8m0fnu,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    float_ as float_,
    int1 as int1,
    int2 as int2,
    int4 as int4,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int_ as int_,
    issubdtype as issubdtype,
    single as single,
    uint as uint,
    uint1 as uint1,
    uint2 as uint2,
    uint4 as uint4,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
)
from ._searching import (
    argwhere as argwhere,
    bincount as bincount,
    choose as choose,
    compress as compress,
    delete as delete,
    extract as extract,
    flatnonzero as flatnonzero,
    insert as insert,
    nonzero as nonzero,
    select as select,
    unique as unique,
)
from ._sorting import (
    argpartition as argpartition,
    argsort as argsort,
    digitize as digitize,
    lexsort as lexsort,
    partition as partition,
    searchsorted as searchsorted,
    sort as sort,
    sort_complex as sort_complex,
)
from ._statistics import (
    diff as diff,
    median as median,
    nanmedian as nanmedian,
    nanpercentile as nanpercentile,
    nanquantile as nanquantile,
    percentile as percentile,
    quantile as quantile,
    trapezoid as trapezoid,
)
from ._taking import (
    put_along_axis as put_along_axis,
    take as take,
    take_along_axis as take_along_axis,
)
from ._trigonometric import (
    acos as acos,
    acosh as acosh,
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atan2 as atan2,
    atanh as atanh,
    cos as cos,
    cosh as cosh,
    deg2rad as deg2rad,
    degrees as degrees,
    hypot as hypot,
    rad2deg as rad2deg,
    radians as radians,
    sin as sin,
    sinc as sinc,
    sinh as sinh,
    tan as tan,
    tanh as tanh,
)
from ._ufunc import (
    frompyfunc as frompyfunc,
    ufunc as ufunc,
)
from ._ufuncs import (
    add as add,
    bitwise_and as bitwise_and,
    bitwise_or as bitwise_or,
    bitwise_xor as bitwise_xor,
    logaddexp as logaddexp,
    logaddexp2 as logaddexp2,
    logical_and as logical_and,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    negative as negative,
    subtract as subtract,
)

_install_methods()

bool = bool_
newaxis = None
__array_api_version__ = "2024.12"

# Families that few programs use, loaded with the first of their names.
_FAMILIES = {
    "_calculus": "ediff1d gradient interp unwrap",
    "_files": "fromfile fromiter fromstring load save savez",
    "_grids": (
        "c_ diag_indices_from fill_diagonal index_exp ix_ mask_indices mgrid ogrid "
        "place put r_ ravel_multi_index s_ tril_indices_from triu_indices_from "
        "unravel_index"
    ),
    "_histograms": "histogram histogram2d histogram_bin_edges histogramdd",
    "_inspection": "__array_namespace_info__",
    "_integers": "gcd lcm packbits unpackbits",
    "_mantissas": "frexp ldexp modf spacing",
    "_polynomials": (
        "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots "
        "vander"
    ),
    "_sets": (
        "intersect1d isin setdiff1d setxor1d union1d unique_all unique_counts "
        "unique_inverse unique_values"
    ),
    "_signals": "convolve corrcoef correlate cov",
    "_vectorizing": (
        "apply_along_axis apply_over_axes fromfunction piecewise vectorize"
    ),
    "_windows": "bartlett blackman hamming hanning i0 kaiser",
}
_HOMES = {name: home for home, names in _FAMILIES.items() for name in names.split()}
_MODULES = ("fft", "linalg")


def __getattr__(name: str) -> _Any:
    """Load a module, or a family at the first use of one of its names."""
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return globals().setdefault(name, getattr(home, name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
