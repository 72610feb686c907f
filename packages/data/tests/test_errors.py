import threading
import traceback

import numpy as np
import pytest

from dolmen.data import (
    DataLoader,
    Flat,
    MapDataset,
    ReadOptions,
    TextLines,
    batched,
    experimental,
    load,
)

SYNC = ReadOptions(0, 0)


class OurError(Exception):
    pass


def fail_at_7(x, *_):
    if np.any(np.asarray(x) == 7):
        raise OurError(f"saw {x}")
    return x


def is_not_7(x):
    return fail_at_7(x) != 7


def failing(options):
    """Every operation that calls a user's function, and what its error notes."""
    order = MapDataset.range(20).seed(0).shuffle()
    pairs = order.batch(2, batch_fn=list)
    elements = order.to_iter_dataset(options)
    record = "record 7 of source(range(0, 20))"
    place = list(order).index(7)
    batch = f"2 records from record {order[place // 2 * 2]} of source(range(0, 20))"
    return {
        "map": (
            order.map(fail_at_7).to_iter_dataset(options),
            "map(fail_at_7)",
            record,
        ),
        "map of many": (
            order.map(batched(fail_at_7)).to_iter_dataset(options),
            "map(fail_at_7)",
            record,
        ),
        "map_with_index": (
            order.map_with_index(lambda i, x: fail_at_7(x)).to_iter_dataset(options),
            "map_with_index(<lambda>)",
            record,
        ),
        "random_map": (
            order.random_map(fail_at_7).to_iter_dataset(options),
            "random_map(fail_at_7)",
            record,
        ),
        "filter": (
            order.filter(is_not_7).to_iter_dataset(options),
            "filter(is_not_7)",
            record,
        ),
        "after batch": (
            pairs.map(fail_at_7).to_iter_dataset(options),
            "map(fail_at_7)",
            batch,
        ),
        "before batch": (
            order.map(fail_at_7).batch(2).to_iter_dataset(options),
            "map(fail_at_7)",
            record,
        ),
        "stage map": (elements.map(fail_at_7), "map(fail_at_7)", record),
        "stage random_map": (
            elements.random_map(fail_at_7),
            "random_map(fail_at_7)",
            record,
        ),
        "stage filter": (elements.filter(is_not_7), "filter(is_not_7)", record),
        "stage prefetched": (
            elements.map(fail_at_7).prefetch(3),
            "map(fail_at_7)",
            record,
        ),
        "stage after prefetch": (
            elements.prefetch(3).map(fail_at_7),
            "map(fail_at_7)",
            record,
        ),
    }


def drain(iterator):
    """The elements before an error, and the error."""
    elements = []
    with pytest.raises(OurError) as caught:
        elements.extend(map(elements.append, iterator))
    return [e for e in elements if e is not None], caught.value


@pytest.mark.parametrize("name", failing(SYNC))
def test_an_error_comes_in_its_turn_and_names_the_record(name, options):
    dataset, culprit, record = failing(options)[name]
    order = list(MapDataset.range(20).seed(0).shuffle())
    with iter(dataset) as iterator:
        elements, error = drain(iterator)

        assert error.__notes__ == [f"dolmen.data: raised by {culprit} for {record}."]
        before = order.index(7)
        assert (
            np.ravel(elements).tolist()
            == order[: before - before % np.size(elements[0])]
        )


@pytest.mark.parametrize("name", failing(SYNC))
def test_after_an_error_the_iterator_stands_before_the_element(name, options):
    dataset, _, _ = failing(options)[name]
    with iter(dataset) as iterator:
        elements, _ = drain(iterator)
        state = iterator.get_state()

        again, error = drain(iterator)

        assert state["step"] == len(elements)
        assert iterator.get_state() == state
        assert again == []
        assert len(error.__notes__) == 1


def test_a_step_over_the_failing_element_goes_on(options):
    ds = MapDataset.range(10).map(fail_at_7).to_iter_dataset(options)
    with iter(ds) as iterator:
        drain(iterator)

        iterator.set_state({"step": iterator.get_state()["step"] + 1})

        assert list(iterator) == [8, 9]


def test_the_traceback_shows_the_users_frames_and_none_within_the_package(options):
    ds = MapDataset.range(10).map(fail_at_7).batch(5).to_iter_dataset(options)
    with iter(ds) as iterator:
        next(iterator)
        with pytest.raises(OurError) as caught:
            next(iterator)

    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[1:] == ["fail_at_7"]


def test_stop_iteration_of_a_function_does_not_end_the_data_silently(options):
    def stop(x):
        return next(iter([]))

    ds = MapDataset.range(3)
    message = (
        r"map\(stop\) raised StopIteration for record 0 of source\(range\(0, 3\)\)\."
    )

    for dataset in (
        ds.map(stop).to_iter_dataset(options),
        ds.to_iter_dataset(options).map(stop),
    ):
        with iter(dataset) as iterator, pytest.raises(RuntimeError, match=message):
            next(iterator)


def test_an_exit_in_a_thread_reaches_the_caller():
    def leave(x):
        raise SystemExit(3)

    ds = MapDataset.range(3).map(leave).to_iter_dataset(ReadOptions(1, 1))

    with iter(ds) as iterator, pytest.raises(SystemExit):
        next(iterator)


def test_an_interrupted_wait_loses_no_element(monkeypatch):
    go_on = threading.Event()
    ds = MapDataset.range(6).map(lambda x: go_on.wait(5) and x)
    with iter(ds.to_iter_dataset(ReadOptions(2, 3))) as iterator:
        wait = threading.Condition.wait

        def interrupted(condition, timeout=None):
            if threading.current_thread() is threading.main_thread():
                go_on.set()
                raise KeyboardInterrupt
            return wait(condition, timeout)

        monkeypatch.setattr(threading.Condition, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(iterator)
        monkeypatch.undo()

        assert list(iterator) == [0, 1, 2, 3, 4, 5]


def test_errors_of_sources_name_the_record():
    class Broken:
        def __len__(self):
            return 10

        def __getitem__(self, index):
            raise OurError("disk")

    class BrokenTogether(Broken):
        def __getitems__(self, indices):
            raise OurError("disk")

    def note_of(source, batch_size):
        with pytest.raises(OurError) as caught:
            MapDataset.source(source).batch(batch_size)[1]
        return caught.value.__notes__

    assert note_of(Broken(), 3) == [
        "dolmen.data: raised by source(Broken(10)) for record 3 of source(Broken(10))."
    ]
    assert note_of(BrokenTogether(), 3) == [
        "dolmen.data: raised by source(BrokenTogether(10)) for one of the 3 records "
        "3, 4, 5."
    ]


def test_a_pipeline_inside_a_source_is_blamed_once():
    inner = MapDataset.range(10).map(fail_at_7)

    with pytest.raises(OurError) as caught:
        MapDataset.source(inner)[7]

    assert caught.value.__notes__ == [
        "dolmen.data: raised by map(fail_at_7) for record 7 of source(range(0, 10))."
    ]


TEN = MapDataset.range(10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: TEN.to_iter_dataset(4),
            "MapDataset.to_iter_dataset: `read_options` must be of type ReadOptions, "
            "got int.",
        ),
        (
            lambda: TEN.to_iter_dataset().mp_prefetch(4),
            "IterDataset.mp_prefetch: `options` must be of type "
            "MultiprocessingOptions, got int.",
        ),
        (
            lambda: TEN.batch(2).loader(shard_options=3),
            "loader: `shard_options` must be of type ShardOptions, got int.",
        ),
        (
            lambda: TEN.apply(abs),
            "apply: expected instances of the classes in `dolmen.data.transforms`, got "
            "builtin_function_or_method.",
        ),
        (
            lambda: experimental.multithread_prefetch(TEN, 1, 1),
            "multithread_prefetch: `ds` must be of type IterDataset, got MapDataset. "
            "Call `to_iter_dataset()` on a MapDataset.",
        ),
        (
            lambda: experimental.ThreadPrefetchIterDataset(TEN, prefetch_buffer_size=1),
            "ThreadPrefetchIterDataset: `parent` must be of type IterDataset, got "
            "MapDataset. Call `to_iter_dataset()` on a MapDataset.",
        ),
        (
            lambda: DataLoader(data_source=[1, 2], sampler=None),
            "DataLoader: `sampler` must be one of `dolmen.data.samplers`, or have "
            "`__getitem__`, got NoneType.",
        ),
        (
            lambda: load(iter([1])),
            "MapDataset.source: `source` must have `__len__` and `__getitem__`, got "
            "list_iterator. Wrap it in a class that has both, or use `list(...)` if it "
            "fits in memory.",
        ),
        (lambda: Flat(3), "Flat: `paths` must be a path or several, got int."),
    ],
)
def test_arguments_of_another_kind_are_told(call, message):
    with pytest.raises(TypeError) as caught:
        call()

    assert str(caught.value) == message


def test_a_folder_is_told_from_a_file(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        TextLines(tmp_path)

    assert str(caught.value) == (
        f"TextLines: {str(tmp_path)!r} is a folder. Name its files, as in "
        f"{str(tmp_path / '*')!r}."
    )


def test_a_report_of_nothing_says_so():
    report = MapDataset.range(0).report()

    assert report.advice == "No element was made: there is nothing to tell."
