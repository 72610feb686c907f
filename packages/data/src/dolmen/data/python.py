"""Every name of Grain's module `grain.python`."""

from . import _checkpoint, _data_loader, _shared_list, _transforms
from ._array_record import ArrayRecordDataSource as ArrayRecordDataSource
from ._data_loader import DataLoader as DataLoader
from ._iter_dataset import IterDataset as IterDataset
from ._iterator import DatasetIterator as DatasetIterator
from ._legacy_operations import (
    BatchOperation as BatchOperation,
    FilterOperation as FilterOperation,
    MapOperation as MapOperation,
    Operation as Operation,
    RandomMapOperation as RandomMapOperation,
)
from ._load import load as load
from ._map_dataset import MapDataset as MapDataset
from ._options import (
    MultiprocessingOptions as MultiprocessingOptions,
    ReadOptions as ReadOptions,
)
from ._record import (
    DATASET_INDEX as DATASET_INDEX,
    EPOCH as EPOCH,
    INDEX as INDEX,
    META_FEATURES as META_FEATURES,
    RECORD as RECORD,
    RECORD_KEY as RECORD_KEY,
    SEED as SEED,
    Record as Record,
    RecordMetadata as RecordMetadata,
)
from ._samplers import (
    IndexSampler as IndexSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
)
from ._settings import config as config
from ._sharding import (
    NoSharding as NoSharding,
    ShardByJaxProcess as ShardByJaxProcess,
    ShardOptions as ShardOptions,
)
from ._shared_array import SharedMemoryArray as SharedMemoryArray
from ._sources import (
    RandomAccessDataSource as RandomAccessDataSource,
    RangeDataSource as RangeDataSource,
)
from ._transforms import (
    Batch as Batch,
    DatasetSelectionMap as DatasetSelectionMap,
)

FilterTransform = _transforms.Filter
InMemoryDataSource = _shared_list.SharedMemoryDataSource
MapTransform = _transforms.Map
MapWithIndexTransform = _transforms.MapWithIndex
PyGrainCheckpointHandler = _checkpoint.CheckpointHandler
PyGrainCheckpointRestore = _checkpoint.CheckpointRestore
PyGrainCheckpointSave = _checkpoint.CheckpointSave
PyGrainDatasetIterator = _data_loader.DataLoaderIterator
RandomMapTransform = _transforms.RandomMap
