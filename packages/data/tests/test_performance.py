import numpy as np
import pytest

from dolmen.data import IterDataset, MapDataset, ReadOptions
from dolmen.data.experimental import PerformanceConfig, pick_performance_config

MEBIBYTE = 2**20


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def picked(dataset, budget, *, workers=64, buffered=None, samples=5):
    config = pick_performance_config(
        dataset,
        ram_budget_mb=budget,
        max_workers=workers,
        max_buffer_size=buffered,
        samples_to_check=samples,
    )
    assert isinstance(config, PerformanceConfig)
    options = config.multiprocessing_options, config.read_options
    return options[0].num_workers, options[1].prefetch_buffer_size


def mebibytes(size, count=8):
    def make(_):
        return {"x": np.zeros(size * MEBIBYTE, np.uint8), "label": np.uint8(1)}

    return MapDataset.range(count).map(make)


def test_as_many_elements_are_made_at_once_as_fit_into_the_memory():
    dataset = mebibytes(2).to_iter_dataset()

    assert picked(dataset, 9) == (4, 4)
    assert picked(dataset, 9, workers=3, buffered=2) == (3, 2)
    assert picked(dataset.batch(4), 9) == (1, 4)  # buffers hold what is not yet a batch


def test_buffers_of_several_parts_share_the_memory():
    parts = [mebibytes(1).to_iter_dataset(), mebibytes(3).to_iter_dataset()]

    assert picked(IterDataset.mix(parts), 13, samples=4) == (6, 3)


def test_without_a_budget_only_the_limits_count():
    dataset = mebibytes(2).to_iter_dataset()

    assert picked(dataset, None, workers=3, buffered=7) == (3, 7)
    assert picked(dataset, None) == (64, 1000)


def test_datasets_without_elements_are_not_measured():
    assert picked(mebibytes(1, 0).to_iter_dataset(), 1, buffered=9) == (64, 9)


def test_few_elements_are_made_in_the_callers_thread():
    made = []

    def note(x):
        made.append(x)
        return x

    dataset = MapDataset.range(100).map(note).to_iter_dataset(ReadOptions(8, 64))
    picked(dataset.prefetch(1), 1, samples=3, buffered=2)

    # For the elements, and for those of the indexed part.
    assert made == [0, 1, 2] * 2


def test_options_of_one_element_are_valid():
    config = pick_performance_config(
        mebibytes(1).to_iter_dataset(),
        ram_budget_mb=1 + 1,
        max_workers=None,
        max_buffer_size=1,
    )

    assert config.read_options == ReadOptions(1, 1)
    assert PerformanceConfig() == PerformanceConfig(None, None)


def test_what_can_not_be_is_told():
    dataset = mebibytes(3).to_iter_dataset()

    assert message_of(picked, dataset, 2) == (
        "pick_performance_config: `ram_budget_mb` must leave room for one element at "
        "least, which takes 3.0 MiB, got 2."
    )
    assert message_of(picked, dataset, 0) == (
        "pick_performance_config: `ram_budget_mb` must be at least 1, got 0."
    )
    assert message_of(picked, dataset, 9, workers=0) == (
        "pick_performance_config: `max_workers` must be at least 1, got 0."
    )
    assert message_of(picked, mebibytes(1), 9) == (
        "pick_performance_config: `ds` must be of type IterDataset, got MapDataset. "
        "Call `to_iter_dataset()` on a MapDataset."
    )
