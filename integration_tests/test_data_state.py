"""The state of a data iterator is saved beside the model, and input goes on exactly."""

import json
from pathlib import Path

import numpy as np
import pytest

from dolmen import ckpt
from dolmen.data import DataLoader, IterDataset, MapDataset, ReadOptions, experimental
from dolmen.data.samplers import IndexSampler
from dolmen.data.transforms import Batch

FAST = ReadOptions(num_threads=2, prefetch_buffer_size=4)


def is_kept(number: int) -> bool:
    return number % 3 != 1


def tokens(number: int) -> dict[str, np.ndarray]:
    return {"x": np.full(number % 7 + 1, number)}


def shuffled() -> MapDataset[int]:
    return MapDataset.range(60).seed(0).shuffle().repeat(2)


def filtered(options: ReadOptions) -> IterDataset[np.ndarray]:
    return shuffled().filter(is_kept).to_iter_dataset(options).batch(4)


def mixed(options: ReadOptions) -> IterDataset[np.ndarray]:
    parts = [shuffled(), MapDataset.range(100, 160).seed(1).shuffle().repeat(2)]
    return MapDataset.mix(parts, [0.5, 0.5]).batch(4).to_iter_dataset(options)


def packed(options: ReadOptions) -> IterDataset[np.ndarray]:
    rows = experimental.FirstFitPackIterDataset(
        shuffled().map(tokens).to_iter_dataset(options),
        length_struct={"x": 12},
        num_packing_bins=3,
    )
    return rows.map(lambda row: row["x"]).window_shuffle(5, seed=2)


def loaded(options: ReadOptions) -> DataLoader[np.ndarray]:
    return DataLoader(
        data_source=range(60),
        sampler=IndexSampler(60, shuffle=True, num_epochs=2, seed=0),
        operations=[Batch(4)],
        read_options=options,
    )


PIPELINES = [filtered, mixed, packed, loaded]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_checkpoint_holds_the_state_of_the_input(pipeline, tmp_path: Path):
    with iter(pipeline(FAST)) as iterator:
        for _ in range(7):
            next(iterator)
        model = {"weights": np.arange(3.0)}
        ckpt.save(tmp_path / "7", {"model": model, "data": iterator.get_state()})
        expected = [batch.tolist() for batch in iterator]

    iterator = iter(pipeline(ReadOptions(0, 0)))
    saved = ckpt.load(tmp_path / "7")
    iterator.set_state(saved["data"])

    assert [batch.tolist() for batch in iterator] == expected
    assert len(expected) > 7
    np.testing.assert_equal(saved["model"], model)


@pytest.mark.parametrize("pipeline", PIPELINES[:3])
def test_a_state_in_a_checkpoint_is_as_good_as_in_json(pipeline, tmp_path: Path):
    iterator = iter(pipeline(FAST))
    next(iterator)
    state = iterator.get_state()
    iterator.close()

    with ckpt.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(1, {"data": state})
        checkpointer.wait()
        restored = checkpointer.restore(like={"data": ...})["data"]

    assert restored == state == json.loads(json.dumps(state))
    assert len(json.dumps(restored)) <= 200
