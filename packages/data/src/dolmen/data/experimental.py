"""Names that Grain keeps under `experimental`."""

from ._file_streams import (
    ParquetIterDataset as ParquetIterDataset,
    TFRecordIterDataset as TFRecordIterDataset,
)
