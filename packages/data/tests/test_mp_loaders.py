"""Worker processes under the loaders: they change speed and nothing else."""

import numpy as np
import pytest

from dolmen.data import (
    DataLoader,
    MapDataset,
    MultiprocessingOptions,
    experimental,
    load,
    samplers,
    transforms,
)
from dolmen.data.sharding import ShardOptions


def loader(workers):
    return DataLoader(
        data_source=range(50),
        sampler=samplers.IndexSampler(50, shuffle=True, num_epochs=2, seed=0),
        operations=[transforms.Batch(8)],
        worker_count=workers,
    )


def test_workers_of_a_data_loader_change_neither_batches_nor_states():
    expected = [batch.tolist() for batch in loader(0)]
    with iter(loader(2)) as iterator:
        given = [next(iterator).tolist() for _ in range(3)]
        state = iterator.get_state()

    resumed = iter(loader(0))
    resumed.set_state(state)

    assert given == expected[:3]
    assert [batch.tolist() for batch in resumed] == expected[3:]


def test_workers_make_only_the_rows_of_their_host():
    ds = MapDataset.range(60).seed(0).shuffle().map(abs).repeat().batch(7)

    with ds.loader(workers=2, shard_options=ShardOptions(1, 2)) as part:
        given = [next(part).tolist() for _ in range(3)]
        state, report = part.state(), part.report()

    assert given == [ds[step][4:].tolist() for step in range(3)]
    with ds.loader(state=state) as whole:
        assert next(whole).tolist() == ds[3].tolist()
    assert [shown.name for shown in report.parts] == ["mp_prefetch(2)"]


def test_workers_of_an_elastic_iterator_change_no_batch():
    options = MultiprocessingOptions(num_workers=1)
    iterator = experimental.ElasticIterator(
        MapDataset.range(40), 8, ShardOptions(1, 2), multiprocessing_options=options
    )

    first = next(iterator)
    iterator.set_state({"global_next_index": 16})
    third = next(iterator)
    iterator.close()

    assert np.stack([first, third]).tolist() == [[4, 5, 6, 7], [20, 21, 22, 23]]


def test_load_hands_workers_on_and_counts_are_checked():
    dataset = load(range(9), num_epochs=1, batch_size=3, worker_count=None)

    assert dataset.multiprocessing_options.num_workers >= 1
    with pytest.raises(ValueError) as caught:
        load(range(9), worker_count=-1)
    assert str(caught.value) == (
        "DataLoader: `worker_count` must be at least 0, got -1."
    )
