import pytest

from dolmen.data import DatasetIterator, IterDataset, MapDataset, ReadOptions
from dolmen.data.experimental import assert_equal_output_after_checkpoint


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


class Backwards(MapDataset):
    """A dataset as Grain's users write them."""

    def __init__(self, parent):
        super().__init__(parent)

    def __len__(self):
        return len(self._parent)

    def __getitem__(self, index):
        epoch, place = divmod(index, len(self))
        return self._parent[epoch * len(self) + len(self) - 1 - place]


class Sums(IterDataset):
    """Sums of all elements so far."""

    def __iter__(self):
        return SumsIterator(iter(self._parent))


class SumsIterator(DatasetIterator):
    def __init__(self, parent):
        super().__init__(parent)
        self._sum = 0

    def __next__(self):
        self._sum += next(self._parent)
        return self._sum

    def get_state(self):
        return {"sum": self._sum, "parent": self._parent.get_state()}

    def set_state(self, state):
        self._sum = state["sum"]
        self._parent.set_state(state["parent"])


def test_a_map_dataset_of_ones_own_is_part_of_pipelines(options):
    ds = Backwards(MapDataset.range(5).seed(0))

    pipeline = ds.map(lambda x: 10 * x).repeat(2).batch(5)

    assert [b.tolist() for b in pipeline.to_iter_dataset(options)] == 2 * [
        [40, 30, 20, 10, 0]
    ]
    assert ds.shuffle().why(0)[0].source == "Backwards"
    assert repr(ds.batch(5)) == (
        "MapDataset(source(range(0, 5)) > seed(0) > Backwards > batch(5))"
    )
    assert_equal_output_after_checkpoint(pipeline)


def test_epochs_reach_a_map_dataset_of_ones_own():
    ds = Backwards(MapDataset.range(5).shuffle(0))

    two = list(ds.repeat(2))

    order = list(MapDataset.range(5).shuffle(0).repeat(2))
    assert two == order[4::-1] + order[:4:-1]


def test_reports_and_audits_stop_at_what_they_can_not_see():
    ds = Backwards(MapDataset.range(5)).batch(2)
    own = Sums(MapDataset.range(6).to_iter_dataset()).map(abs)

    with own.loader() as loader:
        given = list(loader)
        report = loader.report()

    assert ds.report().records == 5
    assert ds.audit().is_exact
    assert given == [0, 1, 3, 6, 10, 15]
    assert [part.name for part in report.parts] == ["map(abs)", "Sums"]


def test_an_iter_dataset_of_ones_own_is_part_of_pipelines(options):
    ds = Sums(MapDataset.range(6).to_iter_dataset(options))

    pipeline = ds.map(lambda x: -x).filter(lambda x: x % 2).prefetch(2)

    with iter(pipeline) as iterator:
        assert list(iterator) == [-1, -3, -15]
    with iter(ds) as iterator:
        assert list(iterator) == [0, 1, 3, 6, 10, 15]


def test_an_iter_dataset_of_ones_own_resumes():
    ds = Sums(MapDataset.range(6).to_iter_dataset(ReadOptions(0, 0)))

    assert_equal_output_after_checkpoint(ds)
    assert_equal_output_after_checkpoint(ds.map(lambda x: -x).batch(2))


def test_parents_are_shown():
    first, second = MapDataset.range(3), MapDataset.range(4)
    own = Backwards(first)

    assert own.parents == (first,)
    assert [repr(p) for p in MapDataset.zip([first, first]).parents] == [
        "MapDataset(source(range(0, 3)))"
    ] * 2
    assert [repr(p) for p in second.map(abs).parents] == [
        "MapDataset(source(range(0, 4)))"
    ]
    assert first.parents == []
    batches = second.to_iter_dataset().map(abs).batch(2)
    assert [repr(p) for p in batches.parents] == [
        "IterDataset(source(range(0, 4)) > map(abs))"
    ]


def test_classes_without_methods_of_their_own_are_refused():
    class NoMap(MapDataset):
        pass

    class NoIterator(DatasetIterator):
        def __next__(self):
            return 1

    assert message_of(NoMap) == (
        "NoMap: a class of its own kind of MapDataset must define `__len__` and "
        "`__getitem__`."
    )
    assert message_of(IterDataset) == (
        "IterDataset: a class of its own kind of IterDataset must define `__iter__`."
    )
    assert message_of(NoIterator) == (
        "NoIterator: a class of its own kind of DatasetIterator must define "
        "`get_state` and `set_state`."
    )
    assert message_of(Backwards, [1, 2]) == (
        "Backwards: `parents` must be instances of MapDataset, got int."
    )
