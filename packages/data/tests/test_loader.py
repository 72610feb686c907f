import json
import pickle
from operator import itemgetter

import numpy as np
import pytest

from dolmen.data import Arrays, MapDataset, batched, experimental
from dolmen.data.sharding import ShardOptions


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def add_noise(x, rng):
    return x + rng.normal()


def is_kept(x):
    return x % 3 != 1


def tokens_of(number):
    return {"x": np.full(number % 9 + 1, number)}


def double(x):
    return 2 * x


def documents(seed):
    return MapDataset.range(100 * seed, 100 * seed + 13).seed(seed).shuffle()


# Every kind of pipeline that ends with batches: of 24 steps at least.
PIPELINES = {
    "shuffle": lambda: MapDataset.range(50).seed(0).shuffle().repeat().batch(7),
    "random map": lambda: (
        MapDataset.range(50).seed(1).random_map(add_noise).shuffle().repeat().batch(7)
    ),
    "batched map of columns": lambda: (
        MapDataset.source(Arrays(x=np.arange(40), y=np.arange(40.0)))
        .map(batched(lambda r: {"x": r["x"] + 1, "y": -r["y"]}))
        .shuffle(3)
        .repeat()
        .batch(7)
    ),
    "epochs batched apart": lambda: (
        MapDataset.range(31).seed(2).shuffle().batch(7, drop_remainder=True).repeat()
    ),
    "batches shuffled": lambda: (
        MapDataset.range(200).batch(7, drop_remainder=True).shuffle(5).repeat()[3:]
    ),
    "mixture": lambda: MapDataset.mix(
        [documents(1).repeat(), documents(2).repeat()], weights=[0.7, 0.3]
    ).batch(7),
    "mixture of batches": lambda: MapDataset.mix(
        [documents(1).repeat().batch(7), documents(2).repeat().batch(7)],
        weights=[0.5, 0.5],
    ),
    "batch function": lambda: MapDataset.range(50).repeat().batch(7, batch_fn=np.array),
    "window shuffle": lambda: (
        MapDataset.range(50).window_shuffle(9, seed=4).repeat().batch(7)
    ),
    "window shuffle in order": lambda: (
        MapDataset.range(200)
        .to_iter_dataset()
        .pipe(experimental.WindowShuffleIterDataset, window_size=9, seed=4)
        .batch(7, drop_remainder=True)
    ),
    "filter, then batch": lambda: (
        MapDataset.range(300)
        .seed(0)
        .shuffle()
        .filter(is_kept)
        .to_iter_dataset()
        .batch(7, drop_remainder=True)
    ),
    "packed": lambda: (
        MapDataset.range(1, 400)
        .seed(0)
        .shuffle()
        .map(tokens_of)
        .to_iter_dataset()
        .pipe(
            experimental.FirstFitPackIterDataset,
            length_struct={"x": 16},
            num_packing_bins=5,
        )
        .map(itemgetter("x"))
        .batch(7, drop_remainder=True)
    ),
    "prefetched": lambda: (
        MapDataset.range(300)
        .to_iter_dataset()
        .random_map(add_noise, seed=3)
        .batch(7, drop_remainder=True)
        .prefetch(2)
    ),
}


def rows_of(batches):
    return np.concatenate(
        [np.atleast_1d(b["x"] if isinstance(b, dict) else b) for b in batches]
    )


def parts(pipeline, hosts, steps, **options):
    """What every host gives in some steps."""
    given = []
    for host in range(hosts):
        shard = ShardOptions(host, hosts)
        with pipeline.loader(shard_options=shard, **options) as loader:
            given.append([next(loader) for _ in range(steps)])
    return given


def whole(pipeline, steps):
    (batches,) = parts(pipeline, 1, steps)
    return batches


@pytest.fixture(params=PIPELINES)
def pipeline(request):
    return PIPELINES[request.param]()


@pytest.mark.parametrize("hosts", [2, 3, 7])
def test_parts_of_hosts_are_the_batch_in_order(pipeline, hosts):
    expected = whole(pipeline, 3)

    given = parts(pipeline, hosts, 3)

    for step in range(3):
        joined = rows_of([host[step] for host in given])
        assert joined.tolist() == rows_of([expected[step]]).tolist()
    sizes = [len(rows_of([host[0]])) for host in given]
    assert sum(sizes) == 7
    assert max(sizes) - min(sizes) <= 1


def test_training_goes_on_with_other_hosts_and_identical_batches(pipeline):
    expected = whole(pipeline, 12)
    state, given = None, []
    for hosts in (4, 2, 1, 7):
        steps = [
            pipeline.loader(shard_options=ShardOptions(host, hosts), state=state)
            for host in range(hosts)
        ]
        rows = [rows_of([next(loader) for loader in steps]) for _ in range(3)]
        states = [loader.state() for loader in steps]
        for loader in steps:
            loader.close()
        assert all(other == states[0] for other in states)
        state = json.loads(json.dumps(states[0]))
        given += rows

    assert [rows.tolist() for rows in given] == [
        rows_of([batch]).tolist() for batch in expected
    ]
    assert len(json.dumps(state)) <= 200


def test_a_loader_gives_what_the_dataset_has():
    ds = PIPELINES["random map"]()

    with ds.loader(step=5) as loader:
        sixth = next(loader)
        step = loader.step

    assert sixth.tolist() == ds[5].tolist()
    assert step == 6


def test_a_state_belongs_to_loaders_and_iterators_alike():
    ds = PIPELINES["mixture"]()
    with iter(ds.to_iter_dataset()) as iterator:
        next(iterator)
        state = iterator.get_state()

    with ds.loader(state=state) as loader:
        assert next(loader).tolist() == ds[1].tolist()
        assert loader.get_state() == loader.state() == iterator_state(ds, 2)


def iterator_state(ds, step):
    iterator = iter(ds)
    iterator.set_state({"step": step})
    return iterator.get_state()


def test_a_state_of_a_changed_pipeline_is_refused_and_shows_the_difference():
    with MapDataset.range(50).shuffle(0).batch(5).loader() as loader:
        state = loader.state()

    message = message_of(MapDataset.range(50).shuffle(1).batch(5).loader, state=state)

    assert "  saved: source(range(0, 50)) > shuffle(0) > batch(5)\n" in message
    assert "  here:  source(range(0, 50)) > shuffle(1) > batch(5)\n" in message


def long_pipeline(first=double, second=double, more=()):
    ds = MapDataset.range(50).map(is_kept).map(first).map(double).map(second)
    for function in more:
        ds = ds.map(function)
    return ds.map(double).map(double).map(double).batch(5)


def test_a_change_in_the_middle_of_a_long_pipeline_is_named():
    with long_pipeline().loader() as loader:
        state = loader.state()

    changed = message_of(long_pipeline(second=is_kept).loader, state=state)
    longer = message_of(long_pipeline(more=[is_kept]).loader, state=state)
    shorter = message_of(long_pipeline().loader, state={**state, "hash": "0" * 32})

    assert changed.splitlines()[3] == (
        "  They differ from operation 4 on, here map(is_kept)."
    )
    assert longer.splitlines()[3] == (
        "  They differ from operation 5 on, here map(is_kept)."
    )
    assert shorter.splitlines()[3].startswith("  They differ from operation 0 on")
    with long_pipeline(more=[double]).loader() as loader:
        state = loader.state()
    assert message_of(long_pipeline().loader, state=state).splitlines()[3] == (
        "  They differ from operation 8 on, here batch(5)."
    )


def test_a_spec_is_hashable_printable_and_picklable():
    spec = MapDataset.range(50).seed(0).shuffle().map(double).repeat().batch(7)

    again = pickle.loads(pickle.dumps(spec))

    assert again[1_000_000].tolist() == spec[1_000_000].tolist()
    assert {spec: 1}[spec] == 1
    assert repr(again) == (
        "MapDataset(source(range(0, 50)) > seed(0) > shuffle > map(double) > repeat > "
        "batch(7))"
    )


def test_batches_that_hosts_can_not_share_are_refused():
    two = {"shard_options": ShardOptions(0, 2)}
    ds = MapDataset.range(50)
    advice = (
        "comes after `batch` or there is none. Call `batch` last: functions of single "
        "records, or those marked with `batched`, belong before it."
    )

    assert message_of(ds.loader, **two) == (
        f"loader: several hosts share the rows of batches, but source(range(0, 50)) "
        f"{advice}"
    )
    assert message_of(ds.batch(4).map(double).loader, **two) == (
        f"loader: several hosts share the rows of batches, but map(double) {advice}"
    )
    assert message_of(ds.batch(7).loader, **two) == (
        "loader: batch(7) gives a batch of 1 rows, fewer than the 2 hosts. Pass "
        "`drop_remainder=True` to `batch`, or call `repeat` before it."
    )
    assert message_of(ds.to_iter_dataset().batch(8).loader, **two) == (
        "loader: batch(8) may end with a batch of fewer rows than the 2 hosts. Pass "
        "`drop_remainder=True` to `batch`."
    )
    assert message_of(ds.loader, step=1, state={"step": 1}) == (
        "loader: expected `step` or `state`, got both."
    )


def test_endless_batches_have_no_last_one_that_is_smaller():
    ds = MapDataset.range(50).repeat().batch(6)  # 6 does not divide ``sys.maxsize``

    parts = []
    for host in range(6):
        with ds.loader(shard_options=ShardOptions(host, 6)) as loader:
            parts.append(next(loader))

    assert np.concatenate(parts).tolist() == ds[0].tolist()


def test_one_host_may_do_what_it_likes_with_batches():
    ds = MapDataset.range(50).batch(7).map(double)

    with ds.loader() as loader:
        assert [b.tolist() for b in loader] == [b.tolist() for b in ds]


def test_a_last_batch_is_shared_too():
    ds = MapDataset.range(10).batch(7)

    given = [
        [batch.tolist() for batch in ds.loader(shard_options=ShardOptions(host, 2))]
        for host in range(2)
    ]

    assert given == [[[0, 1, 2, 3], [7, 8]], [[4, 5, 6], [9]]]


def test_elastic_iterators_go_on_with_other_hosts_and_sizes():
    ds = MapDataset.range(40).seed(0).shuffle().random_map(add_noise)
    expected = list(ds)
    seen, state = [], {"global_next_index": 0}
    for hosts, size in [(4, 10), (3, 4), (1, 7)]:
        iterators = [
            experimental.ElasticIterator(ds, size, ShardOptions(host, hosts))
            for host in range(hosts)
        ]
        for iterator in iterators:
            iterator.set_state(state)
        seen += np.concatenate(
            [next(iter(iterator)) for iterator in iterators]
        ).tolist()
        state = iterators[0].get_state()
        for iterator in iterators:
            iterator.close()

    assert seen == expected[:21]
    assert state == {"global_next_index": 21}


def test_elastic_iterators_refuse_what_they_can_not_count():
    ds = MapDataset.range(40)
    one = ShardOptions(0, 1)

    assert message_of(experimental.ElasticIterator, ds.filter(is_kept), 4, one) == (
        "ElasticIterator: `ds` must not filter, because dropped records are not "
        "counted. Use `to_iter_dataset().filter(...).batch(...)` with `loader`."
    )
    iterator = experimental.ElasticIterator(ds, 4, one)
    assert message_of(iterator.set_state, {"step": 3}) == (
        "ElasticIterator.set_state: `state` must have the key 'global_next_index' "
        "alone, got step."
    )
    iterator.close()
