import asyncio
import json
import sys
import types

import pytest

from dolmen.data import DataLoader, MapDataset, checkpoint, samplers, sharding


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, OSError, RuntimeError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


@pytest.fixture
def process(monkeypatch):
    """Lets this be another process of several, for an array library."""

    def become(index, count):
        library = types.ModuleType("dolmen.core")
        library.process_index = lambda: index
        library.process_count = lambda: count
        monkeypatch.setitem(sys.modules, "dolmen.core", library)

    return become


def iterator_at(step):
    iterator = iter(MapDataset.range(10).shuffle(0))
    iterator.set_state({"step": step})
    return iterator


def test_an_iterator_goes_on_where_it_was_saved(tmp_path):
    handler = checkpoint.CheckpointHandler()
    handler.save(tmp_path, iterator_at(4))

    restored = handler.restore(
        tmp_path, args=checkpoint.CheckpointRestore(iterator_at(0))
    )

    assert [path.name for path in tmp_path.iterdir()] == ["process_0-of-1.json"]
    assert list(restored) == list(iterator_at(4))


def test_other_processes_restore_from_any_file(tmp_path, process):
    handler = checkpoint.CheckpointHandler()
    process(1, 2)
    handler.save(tmp_path, args=checkpoint.CheckpointSave(iterator_at(4)))
    process(3, 4)

    restored = handler.restore(tmp_path, iterator_at(0))

    assert [path.name for path in tmp_path.iterdir()] == ["process_1-of-2.json"]
    assert list(restored) == list(iterator_at(4))


def test_a_process_prefers_its_own_file(tmp_path, process):
    handler = checkpoint.CheckpointHandler()
    for index in range(2):
        process(index, 2)
        handler.save(tmp_path, iterator_at(4 + index))

    restored = handler.restore(tmp_path, iterator_at(0))

    assert list(restored) == list(iterator_at(5))


def test_an_iterator_of_a_loader_is_saved_likewise(tmp_path):
    loader = DataLoader(data_source="abc", sampler=samplers.SequentialSampler(3))
    iterator = iter(loader)
    next(iterator)
    handler = checkpoint.CheckpointHandler()
    handler.save(tmp_path, iterator)

    assert list(handler.restore(tmp_path, iter(loader))) == ["b", "c"]


def test_iterators_save_themselves_in_paths_that_are_being_made(tmp_path):
    class Path:
        async def await_creation(self):
            return tmp_path

    async def save_and_load(saved, loaded):
        await (await saved.save(Path()))
        await (await loaded.load(tmp_path))

    saved, loaded = iterator_at(4), iterator_at(0)
    asyncio.run(save_and_load(saved, loaded))

    assert loaded.get_state() == saved.get_state()


def test_missing_iterators_and_files_are_told(tmp_path):
    handler = checkpoint.CheckpointHandler()

    assert message_of(handler.save, tmp_path) == (
        "CheckpointHandler.save: expected an iterator as `item` or in `args`, got "
        "neither."
    )
    assert message_of(handler.restore, tmp_path, iterator_at(0)) == (
        f"CheckpointHandler.restore: there is no process_0-of-1.json in {tmp_path}."
    )


def test_the_state_of_another_pipeline_is_refused(tmp_path):
    handler = checkpoint.CheckpointHandler()
    handler.save(tmp_path, iterator_at(4))

    with pytest.raises(ValueError, match="saved by another pipeline"):
        handler.restore(tmp_path, iter(MapDataset.range(10)))


def test_what_managers_call_is_there():
    handler = checkpoint.CheckpointHandler()

    assert handler.typestr() == "dolmen.data._checkpoint.CheckpointHandler"
    assert handler.structure("x") is handler.metadata("x") is None
    handler.finalize("x")
    handler.close()


def test_states_are_plain_values_for_any_other_checkpoint():
    state = iterator_at(4).get_state()

    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(state)) <= 200


def test_a_shard_is_that_of_the_process(process):
    process(1, 3)

    options = sharding.ShardByJaxProcess(drop_remainder=True)

    assert options == sharding.ShardByJaxProcess(drop_remainder=True)
    assert (options.shard_index, options.shard_count) == (1, 3)
    assert options.drop_remainder


def test_a_shard_by_process_needs_an_array_library(monkeypatch):
    monkeypatch.delitem(sys.modules, "dolmen.core", raising=False)
    monkeypatch.delitem(sys.modules, "jax", raising=False)

    assert message_of(sharding.ShardByJaxProcess) == (
        "ShardByJaxProcess: needs `dolmen.core`, which this program has not imported. "
        "Add `import dolmen.core` before it."
    )
