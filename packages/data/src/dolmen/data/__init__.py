"""Exactly resumable input pipelines.

A pipeline is planned by index: every batch is a pure function of pipeline, seed and
step. Threads and buffers change its speed only, and its state is a step.
"""

from . import (
    checkpoint as checkpoint,
    experimental as experimental,
    multiprocessing as multiprocessing,
    python as python,
    samplers as samplers,
    sharding as sharding,
    sources as sources,
    transforms as transforms,
)
from ._array_record import ArrayRecordDataSource as ArrayRecordDataSource
from ._damage import DamagedFileError as DamagedFileError
from ._data_loader import (
    DataLoader as DataLoader,
    DataLoaderIterator as DataLoaderIterator,
)
from ._errors import WorkerDiedError as WorkerDiedError
from ._flat import Flat as Flat
from ._flat_format import FlatWriter as FlatWriter
from ._iter_dataset import IterDataset as IterDataset
from ._iterator import DatasetIterator as DatasetIterator
from ._load import load as load
from ._loader import Loader as Loader
from ._map_dataset import MapDataset as MapDataset
from ._options import (
    MultiprocessingOptions as MultiprocessingOptions,
    ReadOptions as ReadOptions,
)
from ._parquet import ParquetDataSource as ParquetDataSource
from ._record import Record as Record, RecordMetadata as RecordMetadata
from ._settings import config as config
from ._shared_list import SharedMemoryDataSource as SharedMemoryDataSource
from ._sources import (
    Arrays as Arrays,
    RandomAccessDataSource as RandomAccessDataSource,
    TokenWindows as TokenWindows,
)
from ._text_lines import TextLines as TextLines
from ._tfrecord import TFRecordDataSource as TFRecordDataSource
from ._transforms import batched as batched
