import pickle
import sys
import threading
import types

import numpy as np
import pytest

from dolmen.data import MapDataset, config, experimental


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, RuntimeError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_a_pipeline_that_resumes_exactly_passes():
    ds = MapDataset.range(9).seed(0).shuffle().to_iter_dataset()

    experimental.assert_equal_output_after_checkpoint(ds.filter(lambda x: x % 3))


def test_pipelines_that_do_not_resume_exactly_fail():
    drawn = iter(range(1000))

    with pytest.raises(AssertionError, match="What follows step 0 has changed"):
        experimental.assert_equal_output_after_checkpoint(
            MapDataset.range(3).map(lambda x: next(drawn))
        )
    with pytest.raises(AssertionError, match="has no elements"):
        experimental.assert_equal_output_after_checkpoint(MapDataset.range(0))


def test_the_spec_of_elements_is_that_of_the_first():
    records = {"x": np.zeros((6, 3), np.float32), "y": np.arange(6)}
    ds = MapDataset.source(records).batch(4)

    spec = experimental.get_element_spec(ds)

    assert spec == {
        "x": experimental.ShapeDtypeStruct((4, 3), np.dtype(np.float32)),
        "y": experimental.ShapeDtypeStruct((4,), np.dtype(np.int64)),
    }
    assert isinstance(spec["x"], experimental.ShapeDtypeStructProtocol)
    assert experimental.get_element_spec(MapDataset.source(["a"])) == (
        experimental.ShapeDtypeStruct((), str)
    )
    assert message_of(experimental.get_element_spec, MapDataset.range(0)) == (
        "get_element_spec: `ds` has no elements."
    )


def test_a_pool_gives_every_index_numbers_of_its_own():
    pool = pickle.loads(pickle.dumps(experimental.RngPool(0)))
    first, second = pool.acquire_rng(1), pool.acquire_rng(2)
    drawn = first.random(), second.random()
    pool.release_rng(first)
    pool.release_rng(second)

    again = pool.acquire_rng(2)

    assert again in (first, second)
    assert again.random() == drawn[1] != drawn[0]
    assert pool.acquire_rng(2, op_seed=1).random() != drawn[1]
    assert message_of(pool.release_rng, np.random.default_rng()) == (
        "RngPool.release_rng: `rng` must be a generator that this pool has lent and "
        "not yet taken back."
    )


@pytest.mark.parametrize("size", [1, 10, 100])
def test_an_index_shuffle_is_a_permutation_for_every_seed(size):
    orders = [
        tuple(experimental.index_shuffle(i, size - 1, seed, 4) for i in range(size))
        for seed in range(3)
    ]

    assert all(sorted(order) == list(range(size)) for order in orders)
    assert len(set(orders)) == (1 if size == 1 else 3)


def test_arguments_of_an_index_shuffle_are_checked():
    assert message_of(experimental.index_shuffle, 5, 4, 0, 4) == (
        "index_shuffle: `max_index` must be at least 5, got 4."
    )
    assert message_of(experimental.index_shuffle, 0, 4, 0, 3) == (
        "index_shuffle: `rounds` must be at least 4, got 3."
    )


def test_an_iterator_tells_its_index_and_goes_to_another():
    iterator = iter(MapDataset.range(10).filter(lambda x: x % 3 == 2))
    next(iterator)
    assert experimental.get_next_index(iterator) == 3

    experimental.set_next_index(iterator, 6)

    assert list(iterator) == [8]
    assert message_of(experimental.set_next_index, iterator, 11) == (
        "set_state: step 11 lies beyond the end, the pipeline has 10 elements."
    )


@pytest.fixture
def library(monkeypatch):
    """Stands for the array library; notes what it puts where, and by which thread."""
    module = types.ModuleType("dolmen.core")
    module.put = []
    module.device_put = lambda x, device: (
        module.put.append((int(x), threading.current_thread().name)) or (device, x)
    )
    module.block_until_ready = lambda x: x
    monkeypatch.setitem(sys.modules, "dolmen.core", module)
    return module


def test_elements_are_put_on_a_device_ahead_of_their_use(library):
    ds = MapDataset.range(20).to_iter_dataset()

    with iter(experimental.device_put(ds, "gpu", device_buffer_size=3)) as iterator:
        first = next(iterator)
        second = next(iterator)

    assert (first, second) == (("gpu", 0), ("gpu", 1))
    assert 2 <= len(library.put) <= 6
    assert all(name != threading.main_thread().name for _, name in library.put)


def test_a_state_belongs_to_the_pipeline_with_and_without_devices(library):
    ds = MapDataset.range(20).to_iter_dataset()
    with iter(experimental.device_put(ds, "gpu")) as iterator:
        next(iterator)
        state = iterator.get_state()

    other = iter(ds)
    other.set_state(state)

    assert next(other) == 1
    other.close()


def test_devices_need_an_array_library(monkeypatch):
    monkeypatch.delitem(sys.modules, "dolmen.core", raising=False)
    ds = MapDataset.range(3).to_iter_dataset()

    assert message_of(experimental.device_put, ds, None) == (
        "device_put: needs `dolmen.core`, which this program has not imported. Add "
        "`import dolmen.core` before it."
    )


def test_tracebacks_keep_all_frames_if_asked():
    def frames():
        with pytest.raises(ZeroDivisionError) as caught:
            next(iter(MapDataset.range(3).map(lambda x: 1 // x)))
        traceback, count = caught.value.__traceback__, 0
        while traceback is not None:
            traceback, count = traceback.tb_next, count + 1
        return count

    few = frames()
    config.update("py_traceback_filtering", "off")
    many = frames()
    config.update("py_traceback_filtering", "auto")

    assert few == 2
    assert many > few


def test_unknown_settings_are_refused():
    known = "There is py_traceback_filtering."

    assert message_of(config.update, "speed", 1) == (
        f"config: there is no setting 'speed'. {known}"
    )
    with pytest.raises(AttributeError) as missing:
        config.speed  # noqa: B018 - asked for on purpose
    assert str(missing.value) == f"config: there is no setting 'speed'. {known}"
    assert message_of(setattr, config, "py_traceback_filtering", "off") == (
        "config: settings are changed by `config.update('py_traceback_filtering', "
        "'off')`."
    )
    assert message_of(config.update, "py_traceback_filtering", 3) == (
        "config.update: `py_traceback_filtering` must be one of auto, off, "
        "tracebackhide, quiet_remove_frames, remove_frames, got 3."
    )


def divides_by_20(x):
    return x % 20 == 0


FILTERED = {
    "by index": MapDataset.range(2500).filter(divides_by_20).to_iter_dataset(),
    "in order": MapDataset.range(2500).to_iter_dataset().filter(divides_by_20).batch(2),
}


@pytest.mark.parametrize("name", FILTERED)
def test_filters_that_drop_too_much_are_told(name, caplog):
    dataset = FILTERED[name]
    watched = experimental.WithOptionsIterDataset(
        dataset, experimental.DatasetOptions()
    )

    given = list(watched)

    np.testing.assert_equal(given, list(dataset))
    assert [record.getMessage() for record in caplog.records] == 2 * [
        "filter(divides_by_20) dropped 95% of the last 1000 elements, more than 0.9. "
        "They were made in vain."
    ]


@pytest.mark.parametrize("name", FILTERED)
def test_filters_that_drop_far_too_much_are_an_error(name):
    options = experimental.DatasetOptions(filter_raise_threshold_ratio=0.5)
    watched = experimental.WithOptionsIterDataset(FILTERED[name], options)

    assert message_of(list, watched) == (
        "filter(divides_by_20) dropped 95% of the last 1000 elements, more than "
        "`filter_raise_threshold_ratio` = 0.5."
    )


def test_filters_that_drop_little_are_not_told(caplog):
    # Threads make the last 1000 elements not quite those of the order.
    options = experimental.DatasetOptions(filter_warn_threshold_ratio=0.97)

    list(experimental.WithOptionsIterDataset(FILTERED["by index"], options))

    assert caplog.records == []


def test_options_change_no_state_and_may_measure():
    dataset = FILTERED["in order"]
    options = experimental.DatasetOptions(
        filter_warn_threshold_ratio=None,
        execution_tracking_mode=experimental.ExecutionTrackingMode.STAGE_TIMING,
    )
    with iter(experimental.WithOptionsIterDataset(dataset, options)) as iterator:
        next(iterator)
        state = iterator.get_state()
        report = iterator.report()
    other = iter(dataset)
    other.set_state(state)

    assert next(other).tolist() == [40, 60]
    assert report.parts[1].name == "filter(divides_by_20)"
    other.close()


def test_given_options_win_over_others_and_those_over_defaults():
    mine = experimental.DatasetOptions(filter_warn_threshold_ratio=None)
    others = experimental.DatasetOptions(
        filter_warn_threshold_ratio=0.2, min_shm_size=7
    )

    merged = mine.merge(others)

    assert merged == experimental.DatasetOptions(
        filter_warn_threshold_ratio=None, min_shm_size=7
    )
    assert mine.merge(None) is mine
    assert message_of(
        experimental.DatasetOptions, filter_raise_threshold_ratio=1.5
    ) == (
        "DatasetOptions: `filter_raise_threshold_ratio` must be between 0 and 1 or "
        "None, got 1.5."
    )


@pytest.mark.parametrize(("size", "is_ahead"), [(0, False), (3, True)])
def test_a_buffer_decides_which_thread_makes_elements(size, is_ahead):
    threads = set()
    ds = MapDataset.range(5).to_iter_dataset()
    noted = ds.map(lambda x: (threads.add(threading.current_thread()), x)[1])
    ahead = experimental.ThreadPrefetchIterDataset(noted, prefetch_buffer_size=size)

    with iter(ahead) as iterator:
        first = next(iterator)
        state = iterator.get_state()
    with iter(noted) as plain:
        plain.set_state(state)
        made_by = set(threads)
        second = next(plain)

    assert (first, second) == (0, 1)
    assert (threading.main_thread() not in made_by) == is_ahead


def test_a_negative_buffer_of_a_thread_is_refused():
    ds = MapDataset.range(5).to_iter_dataset()

    message = message_of(
        experimental.ThreadPrefetchIterDataset, ds, prefetch_buffer_size=-1
    )

    assert message == (
        "ThreadPrefetchIterDataset: `prefetch_buffer_size` must be at least 0, got -1."
    )
