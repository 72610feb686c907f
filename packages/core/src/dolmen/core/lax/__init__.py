"""Operations close to XLA, and structured control flow."""

from typing import Any as _Any

from .._higher_order import (
    associative_scan as associative_scan,
    composite as composite,
    cond as cond,
    custom_linear_solve as custom_linear_solve,
    custom_root as custom_root,
    fori_loop as fori_loop,
    map as map,
    platform_dependent as platform_dependent,
    reduce as reduce,
    reduce_window as reduce_window,
    scaled_dot as scaled_dot,
    scan as scan,
    switch as switch,
    while_loop as while_loop,
    with_sharding_constraint as with_sharding_constraint,
)
from .._ops._accuracy import (
    AccuracyMode as AccuracyMode,
    Tolerance as Tolerance,
)
from .._ops._approximate_top_k import (
    approx_max_k as approx_max_k,
    approx_min_k as approx_min_k,
)
from .._ops._arithmetic import (
    abs as abs,
    add as add,
    atan2 as atan2,
    div as div,
    integer_pow as integer_pow,
    max as max,
    min as min,
    mul as mul,
    neg as neg,
    nextafter as nextafter,
    reciprocal as reciprocal,
    rem as rem,
    sign as sign,
    square as square,
    sub as sub,
)
from .._ops._barrier import (
    after_all as after_all,
    create_token as create_token,
    optimization_barrier as optimization_barrier,
)
from .._ops._bitwise import (
    bitwise_and as bitwise_and,
    bitwise_not as bitwise_not,
    bitwise_or as bitwise_or,
    bitwise_xor as bitwise_xor,
    clz as clz,
    mulhi as mulhi,
    population_count as population_count,
    shift_left as shift_left,
    shift_right_arithmetic as shift_right_arithmetic,
    shift_right_logical as shift_right_logical,
)
from .._ops._comparison import (
    eq as eq,
    ge as ge,
    gt as gt,
    is_finite as is_finite,
    le as le,
    lt as lt,
    ne as ne,
)
from .._ops._conversion import (
    bitcast_convert_type as bitcast_convert_type,
    complex as complex,
    conj as conj,
    convert_element_type as convert_element_type,
    dtype as dtype,
    imag as imag,
    real as real,
    reduce_precision as reduce_precision,
    stop_gradient as stop_gradient,
)
from .._ops._convolution import (
    ConvDimensionNumbers as ConvDimensionNumbers,
    ConvGeneralDilatedDimensionNumbers as ConvGeneralDilatedDimensionNumbers,
    conv as conv,
    conv_dimension_numbers as conv_dimension_numbers,
    conv_general_dilated as conv_general_dilated,
    conv_transpose as conv_transpose,
    conv_with_general_padding as conv_with_general_padding,
    padtype_to_pads as padtype_to_pads,
)
from .._ops._convolution_patches import (
    conv_general_dilated_local as conv_general_dilated_local,
    conv_general_dilated_patches as conv_general_dilated_patches,
)
from .._ops._convolution_shapes import (
    conv_general_permutations as conv_general_permutations,
    conv_general_shape_tuple as conv_general_shape_tuple,
    conv_shape_tuple as conv_shape_tuple,
    conv_transpose_shape_tuple as conv_transpose_shape_tuple,
)
from .._ops._creation import (
    broadcasted_iota as broadcasted_iota,
    empty as empty,
    full as full,
    full_like as full_like,
    iota as iota,
    shape_as_value as shape_as_value,
    stage as stage,
)
from .._ops._cumulative import (
    cumlogsumexp as cumlogsumexp,
    cummax as cummax,
    cummin as cummin,
    cumprod as cumprod,
    cumsum as cumsum,
)
from .._ops._dot import (
    DotDimensionNumbers as DotDimensionNumbers,
    Precision as Precision,
    PrecisionLike as PrecisionLike,
    batch_matmul as batch_matmul,
    dot as dot,
    dot_general as dot_general,
)
from .._ops._dot_algorithms import (
    DotAlgorithm as DotAlgorithm,
    DotAlgorithmPreset as DotAlgorithmPreset,
)
from .._ops._extrema import argmax as argmax, argmin as argmin
from .._ops._fft import FftType as FftType, fft as fft
from .._ops._gather import (
    GatherDimensionNumbers as GatherDimensionNumbers,
    GatherScatterMode as GatherScatterMode,
    ScatterDimensionNumbers as ScatterDimensionNumbers,
    gather as gather,
    index_take as index_take,
    scatter as scatter,
    scatter_add as scatter_add,
    scatter_apply as scatter_apply,
    scatter_max as scatter_max,
    scatter_min as scatter_min,
    scatter_mul as scatter_mul,
    scatter_sub as scatter_sub,
)
from .._ops._joining import (
    concatenate as concatenate,
    split as split,
    stack as stack,
    unstack as unstack,
)
from .._ops._marks import (
    dce_sink as dce_sink,
)
from .._ops._pad import (
    pad as pad,
)
from .._ops._ragged_dot import (
    RaggedDotDimensionNumbers as RaggedDotDimensionNumbers,
    ragged_dot as ragged_dot,
    ragged_dot_general as ragged_dot_general,
)
from .._ops._random_bits import (
    RandomAlgorithm as RandomAlgorithm,
    rng_bit_generator as rng_bit_generator,
    rng_uniform as rng_uniform,
)
from .._ops._reductions import (
    reduce_and as reduce_and,
    reduce_max as reduce_max,
    reduce_min as reduce_min,
    reduce_or as reduce_or,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
    reduce_xor as reduce_xor,
)
from .._ops._rounding import (
    RoundingMethod as RoundingMethod,
    ceil as ceil,
    floor as floor,
    round as round,
)
from .._ops._selection import clamp as clamp, select as select, select_n as select_n
from .._ops._shape import (
    broadcast as broadcast,
    broadcast_in_dim as broadcast_in_dim,
    broadcast_like as broadcast_like,
    broadcast_shapes as broadcast_shapes,
    broadcast_to_rank as broadcast_to_rank,
    collapse as collapse,
    expand_dims as expand_dims,
    reshape as reshape,
    rev as rev,
    squeeze as squeeze,
    tile as tile,
    transpose as transpose,
)
from .._ops._slicing import (
    dynamic_index_in_dim as dynamic_index_in_dim,
    dynamic_slice as dynamic_slice,
    dynamic_slice_in_dim as dynamic_slice_in_dim,
    dynamic_update_index_in_dim as dynamic_update_index_in_dim,
    dynamic_update_slice as dynamic_update_slice,
    dynamic_update_slice_in_dim as dynamic_update_slice_in_dim,
    index_in_dim as index_in_dim,
    slice as slice,
    slice_in_dim as slice_in_dim,
)
from .._ops._sort import sort as sort, sort_key_val as sort_key_val, top_k as top_k
from .._ops._transcendental import (
    acos as acos,
    acosh as acosh,
    asin as asin,
    asinh as asinh,
    atan as atan,
    atanh as atanh,
    cbrt as cbrt,
    cos as cos,
    cosh as cosh,
    digamma as digamma,
    erf as erf,
    erf_inv as erf_inv,
    erfc as erfc,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    lgamma as lgamma,
    log as log,
    log1p as log1p,
    logistic as logistic,
    polygamma as polygamma,
    pow as pow,
    rsqrt as rsqrt,
    sin as sin,
    sinh as sinh,
    sqrt as sqrt,
    tan as tan,
    tanh as tanh,
)
from .._ops._windows import (
    reduce_window_max as reduce_window_max,
    reduce_window_min as reduce_window_min,
    reduce_window_shape_tuple as reduce_window_shape_tuple,
    reduce_window_sum as reduce_window_sum,
)
from .._transforms._collectives import (
    axis_index as axis_index,
    axis_size as axis_size,
    pcast as pcast,
    pmax as pmax,
    pmean as pmean,
    pmin as pmin,
    psum as psum,
)
from .._transforms._exchanges import (
    all_gather as all_gather,
    all_to_all as all_to_all,
    pbroadcast as pbroadcast,
    ppermute as ppermute,
    pshuffle as pshuffle,
    psum_scatter as psum_scatter,
    pswapaxes as pswapaxes,
)

_SPECIAL = frozenset(
    (
        "bessel_i0e",
        "bessel_i1e",
        "betainc",
        "igamma",
        "igamma_grad_a",
        "igammac",
        "random_gamma_grad",
        "zeta",
    )
)


def __getattr__(name: str) -> _Any:
    """Load `linalg` and the special functions that are iterations at first use."""
    import importlib

    if name == "linalg":
        return importlib.import_module(f"{__name__}.linalg")
    if name in _SPECIAL:
        from .. import _special

        return getattr(_special, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SPECIAL, "linalg"})
