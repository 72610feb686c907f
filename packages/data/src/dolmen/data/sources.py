"""Sources: where the records of a pipeline come from."""

from ._flat import Flat as Flat
from ._flat_format import FlatWriter as FlatWriter
from ._sources import (
    ArrayRecordDataSource as ArrayRecordDataSource,
    Arrays as Arrays,
    RandomAccessDataSource as RandomAccessDataSource,
    RangeDataSource as RangeDataSource,
    TokenWindows as TokenWindows,
)
from ._tfrecord import TFRecordDataSource as TFRecordDataSource
