"""Sources: where the records of a pipeline come from."""

from ._array_record import ArrayRecordDataSource as ArrayRecordDataSource
from ._flat import Flat as Flat
from ._flat_format import FlatWriter as FlatWriter
from ._parquet import ParquetDataSource as ParquetDataSource
from ._shared_list import SharedMemoryDataSource as SharedMemoryDataSource
from ._sources import (
    Arrays as Arrays,
    RandomAccessDataSource as RandomAccessDataSource,
    RangeDataSource as RangeDataSource,
    TokenWindows as TokenWindows,
)
from ._text_lines import TextLines as TextLines
from ._tfrecord import TFRecordDataSource as TFRecordDataSource
