"""Trees as vectors, and as states: arithmetic, norms, dtypes, keys, search.

The same functions have longer names in `tree_utils`.
"""

from ._arithmetic import (
    tree_add as add,
    tree_add_scale as add_scale,
    tree_batch_shape as batch_shape,
    tree_clip as clip,
    tree_conj as conj,
    tree_div as div,
    tree_full_like as full_like,
    tree_mul as mul,
    tree_ones_like as ones_like,
    tree_real as real,
    tree_scale as scale,
    tree_sub as sub,
    tree_where as where,
    tree_zeros_like as zeros_like,
)
from ._dtypes import (
    tree_cast as cast,
    tree_cast_like as cast_like,
    tree_dtype as dtype,
)
from ._moments import (
    tree_bias_correction as bias_correction,
    tree_update_infinity_moment as update_infinity_moment,
    tree_update_moment as update_moment,
    tree_update_moment_per_elem_norm as update_moment_per_elem_norm,
)
from ._params import (
    tree_map_params as map_params,
)
from ._random import (
    tree_random_like as random_like,
    tree_split_key_like as split_key_like,
    tree_unwrap_random_key_data as unwrap_random_key_data,
)
from ._reductions import (
    tree_allclose as allclose,
    tree_max as max,
    tree_min as min,
    tree_norm as norm,
    tree_size as size,
    tree_sum as sum,
    tree_vdot as vdot,
)
from ._search import (
    tree_get as get,
    tree_get_all_with_path as get_all_with_path,
    tree_set as set,
)

__all__ = [
    "add",
    "add_scale",
    "allclose",
    "batch_shape",
    "bias_correction",
    "cast",
    "cast_like",
    "clip",
    "conj",
    "div",
    "dtype",
    "full_like",
    "get",
    "get_all_with_path",
    "map_params",
    "max",
    "min",
    "mul",
    "norm",
    "ones_like",
    "random_like",
    "real",
    "scale",
    "set",
    "size",
    "split_key_like",
    "sub",
    "sum",
    "unwrap_random_key_data",
    "update_infinity_moment",
    "update_moment",
    "update_moment_per_elem_norm",
    "vdot",
    "where",
    "zeros_like",
]
