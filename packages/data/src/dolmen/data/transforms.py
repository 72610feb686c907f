"""Transformations as classes, for `MapDataset.apply` and `DataLoader`."""

from ._transforms import (
    Batch as Batch,
    DatasetSelectionMap as DatasetSelectionMap,
    Filter as Filter,
    FlatMap as FlatMap,
    Map as Map,
    MapWithIndex as MapWithIndex,
    RandomMap as RandomMap,
    TfRandomMap as TfRandomMap,
)
