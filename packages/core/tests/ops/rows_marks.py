"""Rows of the identities that carry a mark."""

import numpy as np

import dolmen.core as dc
from dolmen.core._ops import _marks, _sharding

from .rows import COMPLEX, FLOATS, Row, uniform


def whole_on_a_mesh(x):
    """A copy on each of two devices."""
    sharding = dc.NamedSharding(dc.make_mesh((2,), ("x",)), dc.P())
    return _sharding.constrained(x, sharding)


ROWS = [
    Row(
        _sharding.ShardingConstraint,
        whole_on_a_mesh,
        np.positive,
        uniform(-2, 2),
        dtypes=(*FLOATS, *COMPLEX),
        smooth=(0,),
    ),
    Row(
        _marks.Name,
        lambda x: _marks.named(x, "x"),
        np.positive,
        uniform(-2, 2),
        dtypes=(*FLOATS, *COMPLEX),
        smooth=(0,),
    ),
    Row(
        _marks.InMemory,
        lambda x: _marks.in_memory(x, "pinned_host"),
        np.positive,
        uniform(-2, 2),
        smooth=(0,),
    ),
    Row(
        _marks.DceSink,
        lambda x: (_marks.dce_sink(x, prevent_mlir_dce=True), x)[1],
        np.positive,
        uniform(-2, 2),
        smooth=(0,),
    ),
]
