"""Sources: where the records of a pipeline come from."""

from ._sources import (
    ArrayRecordDataSource as ArrayRecordDataSource,
    Arrays as Arrays,
    RandomAccessDataSource as RandomAccessDataSource,
    RangeDataSource as RangeDataSource,
    TokenWindows as TokenWindows,
)
