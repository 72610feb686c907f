import gc
import json
import threading

import numpy as np
import pytest
from reading import assert_reads, with_states

from dolmen.data import DatasetIterator, IterDataset, MapDataset, ReadOptions
from dolmen.data.experimental import (
    ThreadPrefetchDatasetIterator,
    ThreadPrefetchIterDataset,
    get_next_index,
    multithread_prefetch,
    set_next_index,
)

SYNC = ReadOptions(0, 0)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


class Counter:
    """An iterator of somebody else's, whose state is one dictionary that it changes."""

    def __init__(self, stop=10):
        self.state = {"next": 0}
        self.stop = stop

    def __next__(self):
        if self.state["next"] == self.stop:
            raise StopIteration
        self.state["next"] += 1
        return self.state["next"] - 1

    def get_state(self):
        return self.state

    def set_state(self, state):
        self.state = state


# ---- multithread_prefetch ----


@pytest.mark.parametrize(("threads", "size"), [(1, 1), (3, 2), (2, 40)])
def test_threads_change_neither_elements_nor_states(pipeline, threads, size):
    expected = with_states(iter(pipeline(SYNC)))
    dataset = multithread_prefetch(pipeline(ReadOptions()), threads, size)

    with iter(dataset) as iterator:
        assert_reads(iterator, *expected)


def test_functions_run_in_as_many_threads_as_were_asked_for():
    both_are_here = threading.Barrier(2, timeout=30)

    def meet(x):
        both_are_here.wait()
        return x

    dataset = MapDataset.range(8).to_iter_dataset(SYNC).map(meet)

    with iter(multithread_prefetch(dataset, 2, 1)) as iterator:
        assert list(iterator) == list(range(8))


def test_no_more_is_made_than_the_buffers_hold():
    made = []
    dataset = MapDataset.range(100).to_iter_dataset(SYNC).map(made.append)

    with iter(multithread_prefetch(dataset, 1, 5)) as iterator:
        next(iterator)

    # One was given out, five wait, and one was being made.
    assert len(made) <= 7


def test_an_error_comes_in_its_turn_and_leaves_the_iterator_before_it():
    failing = {4}

    def fail(x):
        if x in failing:
            raise KeyError(x)
        return x

    dataset = MapDataset.range(8).to_iter_dataset(SYNC).map(fail)
    with iter(multithread_prefetch(dataset, 2, 3)) as iterator:
        before = [next(iterator) for _ in range(4)]
        with pytest.raises(KeyError) as caught:
            next(iterator)
        state = iterator.get_state()
        failing.clear()

        assert before == [0, 1, 2, 3]
        assert caught.value.__notes__ == [
            "dolmen.data: raised by map(fail) for record 4 of source(range(0, 8))."
        ]
        assert state["step"] == 4
        assert list(iterator) == [4, 5, 6, 7]


def test_threads_end_with_their_iterator():
    before = threading.active_count()
    dataset = multithread_prefetch(MapDataset.range(99).to_iter_dataset(), 3, 2)

    iterator = iter(dataset)
    next(iterator)
    assert threading.active_count() == before + 3
    iterator.close()
    assert threading.active_count() == before

    forgotten = iter(dataset)
    next(forgotten)
    del forgotten
    gc.collect()
    for thread in threading.enumerate():
        if thread.name.startswith("dolmen-data"):
            thread.join(5)
    assert threading.active_count() == before


def test_without_threads_or_buffers_the_dataset_stays_as_it_is():
    dataset = MapDataset.range(3).to_iter_dataset()

    assert multithread_prefetch(dataset, 0, 4) is dataset
    assert multithread_prefetch(dataset, 4, 0) is dataset


def test_processes_and_threads_strip_each_other():
    dataset = MapDataset.range(9).to_iter_dataset().filter(lambda x: x % 2).batch(2)

    inner = multithread_prefetch(dataset, 2, 2).map(np.sum)
    outer = multithread_prefetch(inner, 2, 2).prefetch(1)

    assert list(outer) == [4, 12]
    assert iter(outer).get_state() == iter(dataset.map(np.sum)).get_state()


def test_wrong_arguments_of_threads_are_told():
    dataset = MapDataset.range(3).to_iter_dataset()

    assert message_of(multithread_prefetch, dataset, -1, 1) == (
        "multithread_prefetch: `num_threads` must be at least 0, got -1."
    )
    assert message_of(multithread_prefetch, dataset, 1, 1.5) == (
        "multithread_prefetch: `buffer_size` must be an integer, got float 1.5."
    )
    assert message_of(multithread_prefetch, dataset, 1, 1, True) == (
        "multithread_prefetch: `sequential_slice` must be False, got True: with a part "
        "of the source for each worker, their number would decide the order of "
        "elements. Leave it out: consecutive records are read together anyway. To read "
        "several parts at once, in an order that you choose, use "
        "`experimental.InterleaveIterDataset` over slices."
    )
    assert message_of(dataset.mp_prefetch, sequential_slice=True).startswith(
        "IterDataset.mp_prefetch: `sequential_slice` must be False, got True: "
    )


# ---- ThreadPrefetchDatasetIterator ----


@pytest.mark.parametrize("size", [0, 1, 3])
def test_an_iterator_in_a_thread_gives_its_elements_and_states(pipeline, size):
    elements, states = with_states(iter(pipeline(SYNC)))

    with ThreadPrefetchDatasetIterator(iter(pipeline(SYNC)), size) as iterator:
        assert with_states(iterator) == (elements, states)

        iterator.set_state(json.loads(states[2]))
        assert with_states(iterator, 2) == (elements[2:4], states[2:5])


@pytest.mark.parametrize("size", [0, 2])
def test_states_that_an_iterator_changes_in_place_are_kept_apart(size):
    iterator = ThreadPrefetchDatasetIterator(Counter(), size)
    with iterator:
        states = [iterator.get_state()]
        for number in range(4):
            assert next(iterator) == number
            states.append(iterator.get_state())
        states[0]["next"] += 7  # the caller's own
        states[0]["next"] -= 7

        iterator.set_state(states[1])
        assert [next(iterator), next(iterator)] == [1, 2]

    assert states == [{"next": number} for number in range(5)]


@pytest.mark.parametrize("size", [0, 2])
def test_both_iterators_stand_before_the_element_of_an_error(size):
    failing = {2}

    def fail(x):
        if x in failing:
            raise KeyError(x)
        return x

    parent = iter(MapDataset.range(4).map(fail))
    with ThreadPrefetchDatasetIterator(parent, size) as iterator:
        next(iterator), next(iterator)
        with pytest.raises(KeyError):
            next(iterator)
        failing.clear()

        assert iterator.get_state()["step"] == parent.get_state()["step"] == 2
        assert list(iterator) == [2, 3]


@pytest.mark.parametrize("size", [0, 2])
def test_an_iterator_that_goes_on_before_it_fails_is_set_back(size):
    class Failing(Counter):
        fails = True

        def __next__(self):
            number = super().__next__()
            if number == 2 and self.fails:
                raise KeyError(number)
            return number

    parent = Failing(4)
    with ThreadPrefetchDatasetIterator(parent, size) as iterator:
        next(iterator), next(iterator)
        with pytest.raises(KeyError):
            next(iterator)
        parent.fails = False

        assert iterator.get_state() == {"next": 2}
        assert list(iterator) == [2, 3]


def test_an_iterator_in_a_thread_tells_its_index_and_goes_to_another():
    parent = iter(MapDataset.range(20).filter(lambda x: x % 3 == 2))
    with ThreadPrefetchDatasetIterator(parent, 4) as iterator:
        next(iterator)
        assert get_next_index(iterator) == 3
        assert next(iterator) == 5

        set_next_index(iterator, 9)

        assert next(iterator) == 11
    assert message_of(get_next_index, ThreadPrefetchDatasetIterator(Counter(), 1)) == (
        "get_next_index: an iterator of the type Counter does not tell an index."
    )


def test_closing_an_iterator_in_a_thread_closes_its_own():
    before = threading.active_count()
    parent = iter(MapDataset.range(20).to_iter_dataset(ReadOptions(2, 4)))
    iterator = ThreadPrefetchDatasetIterator(parent, 2)
    next(iterator)

    iterator.close()

    assert threading.active_count() == before
    assert message_of(next, parent) == message_of(next, iterator)


class Own(IterDataset):
    """A dataset as Grain's users write them, whose iterator runs ahead."""

    def __iter__(self):
        return ThreadPrefetchDatasetIterator(iter(self._parent), 2)


def test_an_iterator_in_a_thread_is_part_of_pipelines():
    dataset = Own(MapDataset.range(6).to_iter_dataset()).map(lambda x: -x).batch(2)

    with iter(dataset) as iterator:
        first = next(iterator)
        state = json.loads(json.dumps(iterator.get_state()))
        rest = [batch.tolist() for batch in iterator]
    with iter(dataset) as iterator:
        iterator.set_state(state)
        again = [batch.tolist() for batch in iterator]

    assert first.tolist() == [0, -1]
    assert rest == again == [[-2, -3], [-4, -5]]


def test_a_state_changed_in_place_does_not_mislead_a_thread_behind_a_dataset():
    class Counting(IterDataset):
        def __iter__(self):
            return CountingIterator()

    class CountingIterator(Counter, DatasetIterator):
        def __init__(self):
            Counter.__init__(self)
            DatasetIterator.__init__(self)

    with iter(Counting().prefetch(4)) as iterator:
        next(iterator)
        state = iterator.get_state()
        rest = list(iterator)
        iterator.set_state(state)

        assert list(iterator) == rest == list(range(1, 10))


def test_wrong_parents_of_an_iterator_in_a_thread_are_told():
    assert message_of(ThreadPrefetchDatasetIterator, iter([1]), 2) == (
        "ThreadPrefetchDatasetIterator: `parent` must be an iterator with __next__, "
        "get_state, set_state, got list_iterator, which lacks get_state, set_state."
    )
    assert message_of(ThreadPrefetchDatasetIterator, Counter(), -1) == (
        "ThreadPrefetchDatasetIterator: `prefetch_buffer_size` must be at least 0, got "
        "-1."
    )
    assert list(
        ThreadPrefetchIterDataset(
            MapDataset.range(3).to_iter_dataset(), prefetch_buffer_size=2
        )
    ) == [0, 1, 2]
