"""Names that Grain keeps under `experimental`."""

from . import _transforms
from ._dataset_options import (
    DatasetOptions as DatasetOptions,
    ExecutionTrackingMode as ExecutionTrackingMode,
    WithOptionsIterDataset as WithOptionsIterDataset,
)
from ._device_put import device_put as device_put
from ._elastic_iterator import ElasticIterator as ElasticIterator
from ._element_spec import (
    ShapeDtypeStruct as ShapeDtypeStruct,
    ShapeDtypeStructProtocol as ShapeDtypeStructProtocol,
    get_element_spec as get_element_spec,
)
from ._file_streams import (
    ParquetIterDataset as ParquetIterDataset,
    TFRecordIterDataset as TFRecordIterDataset,
)
from ._grain_names import (
    CacheIterDataset as CacheIterDataset,
    FlatMapIterDataset as FlatMapIterDataset,
    FlatMapMapDataset as FlatMapMapDataset,
    InterleaveIterDataset as InterleaveIterDataset,
    LimitIterDataset as LimitIterDataset,
    RebatchIterDataset as RebatchIterDataset,
    RepeatIterDataset as RepeatIterDataset,
    ThreadPrefetchIterDataset as ThreadPrefetchIterDataset,
    WindowShuffleIterDataset as WindowShuffleIterDataset,
    WindowShuffleMapDataset as WindowShuffleMapDataset,
    ZipIterDataset as ZipIterDataset,
    ZipMapDataset as ZipMapDataset,
    apply_transformations as apply_transformations,
    batch_and_pad as batch_and_pad,
)
from ._packing_names import (
    BestFitPackIterDataset as BestFitPackIterDataset,
    BOSHandling as BOSHandling,
    ConcatThenSplitIterDataset as ConcatThenSplitIterDataset,
    FirstFitPackIterDataset as FirstFitPackIterDataset,
    PackAndBatchOperation as PackAndBatchOperation,
)
from ._performance import (
    PerformanceConfig as PerformanceConfig,
    pick_performance_config as pick_performance_config,
)
from ._rng_pool import (
    RngPool as RngPool,
    get_next_index as get_next_index,
    index_shuffle as index_shuffle,
    set_next_index as set_next_index,
)
from ._testing import (
    assert_equal_output_after_checkpoint as assert_equal_output_after_checkpoint,
)
from ._thread_prefetch import (
    ThreadPrefetchDatasetIterator as ThreadPrefetchDatasetIterator,
    multithread_prefetch as multithread_prefetch,
)

FlatMapTransform = _transforms.FlatMap
MapWithIndexTransform = _transforms.MapWithIndex
