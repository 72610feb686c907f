import gc
import json
import subprocess
import sys
import threading
import time

import pytest
from reading import plain, with_states

from dolmen.data import MapDataset, ReadOptions

SYNC = ReadOptions(0, 0)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def test_threads_and_buffers_change_neither_elements_nor_states(pipeline, options):
    expected = with_states(iter(pipeline(SYNC)))

    assert len(expected[0]) > 3
    assert with_states(iter(pipeline(options))) == expected


def test_a_restored_iterator_goes_on_exactly_from_every_step(pipeline, options):
    elements, states = with_states(iter(pipeline(SYNC)))

    for step, state in enumerate(states):
        with iter(pipeline(options)) as iterator:
            iterator.set_state(json.loads(state))
            assert json.dumps(iterator.get_state()) == state
            rest = [plain(next(iterator)) for _ in elements[step : step + 3]]
            assert rest == elements[step : step + 3]


def test_an_iterator_in_use_goes_to_any_state(pipeline, options):
    elements, states = with_states(iter(pipeline(SYNC)))

    with iter(pipeline(options)) as iterator:
        for step in (2, 0, len(elements), 1):
            iterator.set_state(json.loads(states[step]))
            assert [plain(e) for e in iterator] == elements[step:]
            assert json.dumps(iterator.get_state()) == states[-1]


def test_states_are_small(pipeline):
    _, states = with_states(iter(pipeline(SYNC)))

    assert max(map(len, states)) <= 200


def test_a_state_stays_below_200_bytes_in_long_pipelines():
    ds = MapDataset.range(2**40)
    for _ in range(30):
        ds = ds.map(plain)
    iterator = iter(ds.seed(2**64 - 1).repeat())
    iterator.set_state({"step": 2**60})

    assert len(json.dumps(iterator.get_state())) <= 200


def test_seeking_far_takes_no_longer_than_seeking_near():
    ds = MapDataset.range(10**12).seed(0).shuffle().batch(8)
    iterator = iter(ds)
    start = time.perf_counter()

    iterator.set_state({"step": 10**11})
    element = next(iterator)

    assert time.perf_counter() - start < 10  # passing over 10**11 would take days
    assert element.tolist() == ds[10**11].tolist()


def test_elements_by_index_are_those_of_the_iteration():
    ds = MapDataset.range(30).seed(0).shuffle().repeat(3).batch(4)

    assert [ds[i].tolist() for i in range(len(ds))] == [b.tolist() for b in ds]


def test_a_state_of_another_pipeline_is_refused_with_the_difference():
    ds = MapDataset.range(30).seed(0).shuffle()
    state = iter(ds.batch(4)).get_state()

    for other in (ds.batch(5), ds.batch(4).repeat(), ds.batch(4, drop_remainder=True)):
        assert "was saved by another pipeline" in message_of(
            iter(other).set_state, state
        )
    assert message_of(iter(ds.batch(5)).set_state, state | {"step": 3}) == (
        "set_state: `state` was saved by another pipeline:\n"
        "  saved: source(range(0, 30)) > seed(0) > shuffle > batch(4)\n"
        "  here:  source(range(0, 30)) > seed(0) > shuffle > batch(5)\n"
        "Build the pipeline that it was saved by, or go to the same step of this one "
        "with `set_state({'step': 3})`."
    )


def test_states_that_are_none_are_refused():
    iterator = iter(MapDataset.range(5))
    filtered = MapDataset.range(5).to_iter_dataset().filter(bool)
    counting = iter(filtered.map_with_index(max))

    assert message_of(iterator.set_state, 3) == (
        "set_state: `state` must be the dictionary that `get_state` returned, got int."
    )
    assert message_of(iterator.set_state, {"next_index": 3}) == (
        "set_state: `state` must have the keys of `get_state` (step, pipeline, hash "
        "and perhaps at), got next_index."
    )
    assert message_of(iterator.set_state, {"step": "3"}) == (
        "set_state: `state['step']` must hold integers, got str '3'."
    )
    assert message_of(iterator.set_state, {"step": -3}) == (
        "set_state: `state['step']` must not be negative, got -3."
    )
    assert message_of(iterator.set_state, {"step": 6}) == (
        "set_state: step 6 lies beyond the end, the pipeline has 5 elements."
    )
    assert message_of(counting.set_state, {"step": 1}) == (
        "set_state: this pipeline's position has 2 numbers, `state` has 1: a step "
        "alone does not say where its counting stages stand. Use a state of "
        "`get_state`."
    )
    assert next(iterator) == 0


def test_a_step_says_where_counting_stages_stand_if_nothing_is_filtered():
    iterator = iter(MapDataset.range(9, 19).to_iter_dataset().map_with_index(max))

    iterator.set_state({"step": 4})

    assert list(iterator) == [13, 14, 15, 16, 17, 18]


@pytest.mark.parametrize("prefetched", [False, True])
def test_closing_ends_all_threads(prefetched):
    ds = MapDataset.range(1000).repeat().to_iter_dataset(ReadOptions(3, 8))
    before = threading.active_count()
    iterator = iter(ds.prefetch(2) if prefetched else ds)
    next(iterator)
    running = threading.active_count()

    iterator.close()
    iterator.close()

    assert running == before + 3 + prefetched
    assert threading.active_count() == before
    assert message_of(next, iterator) == (
        "DatasetIterator: it is closed. Make another one with `iter(dataset)`."
    )


@pytest.mark.parametrize("prefetched", [False, True])
def test_a_forgotten_iterator_ends_its_threads(prefetched):
    ds = MapDataset.range(1000).repeat().to_iter_dataset(ReadOptions(3, 8))
    before = set(threading.enumerate())
    iterator = iter(ds.prefetch(2) if prefetched else ds)
    next(iterator)
    threads = set(threading.enumerate()) - before

    del iterator
    gc.collect()

    for thread in threads:
        thread.join(timeout=5)
    assert len(threads) == 3 + prefetched
    assert not any(thread.is_alive() for thread in threads)


PROGRAM_THAT_CLOSES_NOTHING = """
import sys, time
from array_record.python import array_record_module
from dolmen.data import ArrayRecordDataSource, MapDataset, ReadOptions

writer = array_record_module.ArrayRecordWriter(sys.argv[1], "group_size:1")
for _ in range(2000):
    writer.write(bytes(1000))
writer.close()
ds = MapDataset.source(ArrayRecordDataSource(sys.argv[1])).repeat()
ds = ds.batch(2000, batch_fn=len).to_iter_dataset(ReadOptions(2, 1000))
iterator = iter(ds)
prefetched = iter(ds.map(lambda x: time.sleep(0.01) or x).prefetch(100))
assert next(iterator) == next(prefetched) == 2000
"""


def test_a_program_may_end_while_threads_read(tmp_path):
    command = [sys.executable, "-c", PROGRAM_THAT_CLOSES_NOTHING, tmp_path / "records"]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_end_of_the_data_ends_the_threads():
    before = threading.active_count()
    iterator = iter(MapDataset.range(10).to_iter_dataset(ReadOptions(2, 4)))

    list(iterator)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.001)

    assert threading.active_count() == before
    assert next(iterator, "none") == "none"


@pytest.mark.parametrize(
    "options", [ReadOptions(2, 6), ReadOptions(1, 1), ReadOptions(3, 40)], ids=str
)
def test_no_more_is_read_ahead_than_the_buffer_holds(options):
    seen = []
    ds = MapDataset.range(1000).map(lambda x: seen.append(x) or x)

    with iter(ds.to_iter_dataset(options)) as iterator:
        for given in range(1, 100):
            next(iterator)
            assert len(seen) <= given + options.prefetch_buffer_size


def test_nothing_is_read_ahead_without_a_buffer():
    seen = []
    ds = MapDataset.range(1000).map(lambda x: seen.append(x) or x)

    iterator = iter(ds.to_iter_dataset(SYNC))
    next(iterator)

    assert seen == [0]


def test_prefetching_reads_ahead_before_it_is_asked():
    made = threading.Event()
    ds = MapDataset.range(10).map(lambda x: made.set() or x)

    with iter(ds.to_iter_dataset(ReadOptions(1, 2))) as iterator:
        assert not made.is_set()
        iterator.start_prefetch()
        assert made.wait(timeout=5)
        assert next(iterator) == 0


def test_threads_work_at_the_same_time():
    both = threading.Barrier(2, timeout=10)

    def wait_for_the_other(x):
        both.wait()
        return x

    ds = MapDataset.range(8).map(wait_for_the_other)

    assert list(ds.to_iter_dataset(ReadOptions(2, 2))) == list(range(8))


def test_slow_and_fast_elements_keep_their_order():
    def work(x):
        time.sleep(0.002 * (x % 3))
        return x

    ds = MapDataset.range(40).map(work)

    assert list(ds.to_iter_dataset(ReadOptions(4, 8))) == list(range(40))


def test_two_iterators_over_one_dataset_are_independent():
    ds = MapDataset.range(100).seed(0).shuffle().to_iter_dataset(ReadOptions(2, 4))

    with iter(ds) as first, iter(ds) as second:
        next(first)
        pairs = list(zip(first, second, strict=False))

    order = list(ds)
    assert pairs == list(zip(order[1:], order, strict=False))


def test_dropped_elements_are_given_when_asked_for():
    ds = MapDataset.range(4).filter(lambda x: x % 2)

    assert list(ds.to_iter_dataset(allow_nones=True)) == [None, 1, None, 3]


def test_read_options_are_checked():
    assert message_of(ReadOptions, num_threads=-1) == (
        "ReadOptions: `num_threads` must be at least 0, got -1."
    )
    assert message_of(ReadOptions, prefetch_buffer_size=0) == (
        "ReadOptions: 2 threads need a `prefetch_buffer_size` of at least 1, got 0. "
        "For no reading ahead set `num_threads=0` too."
    )
    assert message_of(MapDataset.range(1).to_iter_dataset().prefetch, 0) == (
        "IterDataset.prefetch: `buffer_size` must be at least 1, got 0."
    )
