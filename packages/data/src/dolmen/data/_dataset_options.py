"""Options that watch a pipeline: what its filters drop, and how long its parts take."""

import dataclasses
import enum
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from . import _operations, _stages
from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._loader import Loader
from ._parts import with_parts

T = TypeVar("T")

_LOG = logging.getLogger("dolmen.data")
# What a filter drops is looked at after every so many elements.
_WINDOW = 1000


@enum.unique
class ExecutionTrackingMode(enum.Enum):
    """What is measured of a pipeline.

    Attributes:
        DISABLED: nothing.
        STAGE_TIMING: how long every part takes; iterators then have a `report`.
    """

    DISABLED = enum.auto()
    STAGE_TIMING = enum.auto()


class _Unset(enum.Enum):
    """Marks options that were not given, so that others can fill them in."""

    UNSET = enum.auto()


_UNSET: Any = _Unset.UNSET
_DEFAULTS: dict[str, Any] = {
    "filter_warn_threshold_ratio": 0.9,
    "filter_raise_threshold_ratio": None,
    "execution_tracking_mode": ExecutionTrackingMode.DISABLED,
    "min_shm_size": 0,
}


@dataclass(frozen=True, kw_only=True)
class DatasetOptions:
    """Options for `WithOptionsIterDataset`.

    Attributes:
        filter_warn_threshold_ratio: log a warning where a filter drops a larger share
            of 1000 elements; None for never.
        filter_raise_threshold_ratio: raise ValueError there instead; None for never.
        execution_tracking_mode: what is measured.
        min_shm_size: accepted for programs written for Grain. Arrays of every size come
            from worker processes in memory that is used again.

    Raises:
        ValueError: a ratio is not between 0 and 1.

    Example:
        >>> mine = DatasetOptions(filter_warn_threshold_ratio=0.5)
        >>> mine.merge(DatasetOptions(filter_warn_threshold_ratio=0.1, min_shm_size=8))
        DatasetOptions(filter_warn_threshold_ratio=0.5, min_shm_size=8)
    """

    filter_warn_threshold_ratio: float | None = _UNSET
    filter_raise_threshold_ratio: float | None = _UNSET
    execution_tracking_mode: ExecutionTrackingMode = _UNSET
    min_shm_size: int = _UNSET
    _given: dict[str, Any] = dataclasses.field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Checks the options and fills in those that were not given."""
        for name, default in _DEFAULTS.items():
            if getattr(self, name) is _UNSET:
                object.__setattr__(self, name, default)
            else:
                self._given[name] = getattr(self, name)
        for name in ("filter_warn_threshold_ratio", "filter_raise_threshold_ratio"):
            ratio = getattr(self, name)
            if ratio is not None and not 0 <= ratio <= 1:
                raise ValueError(
                    f"DatasetOptions: `{name}` must be between 0 and 1 or None, got "
                    f"{ratio}."
                )

    def __repr__(self) -> str:
        """The options that were given."""
        listed = ", ".join(f"{name}={value!r}" for name, value in self._given.items())
        return f"DatasetOptions({listed})"

    def merge(self, other: "DatasetOptions | None") -> "DatasetOptions":
        """These options, and what only `other` was given."""
        return self if other is None else DatasetOptions(**other._given | self._given)


class WithOptionsIterDataset(IterDataset[T]):
    """A dataset that is watched as its options say.

    Elements and states are those of the parent.

    Args:
        parent: the dataset.
        options: what to watch.

    Example:
        >>> from dolmen.data import MapDataset
        >>> options = DatasetOptions(filter_raise_threshold_ratio=0.5)
        >>> kept = MapDataset.range(3000).to_iter_dataset().filter(lambda x: x % 4)
        >>> sum(1 for _ in WithOptionsIterDataset(kept, options))
        2250
    """

    def __init__(self, parent: IterDataset[T], options: DatasetOptions):
        self._options = options
        super().__init__(_with_watched_filters(parent._stage, options))

    def __iter__(self) -> DatasetIterator[T]:
        """An iterator before the first element; it has `report` if it is measured."""
        mode = self._options.execution_tracking_mode
        measured = mode is ExecutionTrackingMode.STAGE_TIMING
        return Loader(self._stage) if measured else DatasetIterator(self._stage)


class _Watch:
    """A condition that counts how often it does not hold."""

    def __init__(
        self, condition: Callable[[Any], bool], name: str, options: DatasetOptions
    ):
        self._condition = condition
        self._name = name
        self._options = options
        self._seen = self._dropped = 0
        self._problem = ""
        self._lock = threading.Lock()

    def __call__(self, element: Any) -> bool:
        if self._problem:  # for elements that are made again, one by one
            raise ValueError(self._problem)
        is_kept = self._condition(element)
        with self._lock:
            self._seen += 1
            self._dropped += not is_kept
            if self._seen < _WINDOW:
                return is_kept
            share = self._dropped / self._seen
            self._seen = self._dropped = 0
        self._tell(share)
        return is_kept

    def __getstate__(self) -> dict[str, Any]:
        """Every process counts for itself."""
        return self.__dict__ | {"_lock": None, "_seen": 0, "_dropped": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def _tell(self, share: float) -> None:
        text = f"{self._name} dropped {share:.0%} of the last {_WINDOW} elements"
        limit = self._options.filter_raise_threshold_ratio
        if limit is not None and share > limit:
            self._problem = (
                f"{text}, more than `filter_raise_threshold_ratio` = {limit}."
            )
            raise ValueError(self._problem)
        limit = self._options.filter_warn_threshold_ratio
        if limit is not None and share > limit:
            _LOG.warning("%s, more than %s. They were made in vain.", text, limit)


def _with_watched_filters(node: Any, options: DatasetOptions) -> Any:
    """The pipeline with every filter counting."""
    parts = _stages.Stage | _operations.Operation
    node = with_parts(node, parts, lambda part: _with_watched_filters(part, options))
    if isinstance(node, _stages.Filter | _operations.Filter):
        watch = _Watch(node.function, node.describe(), options)
        return dataclasses.replace(node, function=watch)
    return node
