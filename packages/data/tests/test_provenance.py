import numpy as np
import pytest

from dolmen.data import (
    Flat,
    FlatWriter,
    MapDataset,
    TextLines,
    batched,
    experimental,
    transforms,
)


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def add_noise(x, rng):
    return x + rng.integers(1)


def letters(count):
    return MapDataset.range(count).seed(count).shuffle()


PIPELINES = {
    "range": MapDataset.range(20),
    "shuffle, slice": MapDataset.range(30).seed(0).shuffle()[3:25:2].repeat(3),
    "not reseeded": (
        MapDataset.range(9).shuffle(1).repeat(3, reseed_each_epoch=False).shuffle(2)
    ),
    "maps": (
        MapDataset.range(9)
        .seed(0)
        .map(lambda x: x)
        .map(batched(lambda x: x))
        .map_with_index(lambda i, x: x)
        .random_map(add_noise)
        .filter(lambda x: True)
    ),
    "mixture": MapDataset.mix([letters(20), letters(30)], weights=[0.4, 0.6]),
    "window shuffle": letters(23).window_shuffle(5, seed=1).repeat(2),
    "concatenation": MapDataset.concatenate([letters(7), letters(8)]).repeat(2),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_record_named_is_the_record_given(name):
    ds = PIPELINES[name]

    named = [ds.why(i) for i in range(len(ds))]

    assert [[origin.record] for origins in named for origin in origins] == [
        [element] for element in ds
    ]


def test_every_row_of_a_batch_is_named():
    ds = letters(20).repeat().batch(3)

    origins = ds.why(9)

    assert [origin.record for origin in origins] == ds[9].tolist()
    assert [origin.epoch for origin in origins] == [1, 1, 1]
    assert [ds.why(9, row=row)[0] for row in range(3)] == list(origins)


def test_a_row_of_a_zip_of_batches_is_of_every_part():
    ds = MapDataset.zip([letters(20).batch(3), letters(30).batch(3)[:7]])

    named = [origin.record for origin in ds.why(4, row=1)]

    assert named == [int(part[1]) for part in ds[4]]


def test_the_key_of_random_numbers_gives_them_again():
    ds = MapDataset.range(8).seed(5).shuffle().random_map(add_noise).repeat().batch(4)

    (origin,) = ds.why(5, row=2)

    (key,) = origin.random
    assert (key.name, key.seed, key.epoch) == ("random_map(add_noise)", 5, 2)
    assert key.index == 4 * 5 + 2 - 2 * 8
    assert str(key) == "random_map(add_noise): seed 5, epoch 2, index 6"


def test_files_and_bytes_are_named(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("one\ntwo\nthree\n")
    flat = tmp_path / "a.flat"
    with FlatWriter(flat) as writer:
        for record in (b"first", b"second"):
            writer.write(record)
    fields = tmp_path / "fields.flat"
    with FlatWriter(fields, fields={"x": np.int32(0)}) as writer:
        for i in range(3):
            writer.write({"x": i})

    (line,) = MapDataset.source(TextLines(text)).why(2)
    (record,) = MapDataset.source(Flat(flat)).why(1)
    (row,) = MapDataset.source(Flat([fields, fields])).why(5)

    assert (line.file, line.number, line.offset) == (str(text), 2, 8)
    assert text.read_bytes()[line.offset :].startswith(b"three")
    assert (record.file, record.number) == (str(flat), 1)
    assert flat.read_bytes()[record.offset :].startswith(b"second")
    assert (row.file, row.number) == (str(fields), 2)
    assert fields.read_bytes()[row.offset :].startswith(b"\2\0\0\0")
    assert str(line) == (
        f"record 2 of source(TextLines(3)), epoch 0\n"
        f"  in {text}: record 2, at byte 8\n"
        f"  by way of source(TextLines(3)) 2"
    )


class Twice(transforms.FlatMap):
    max_fan_out = 3

    def flat_map(self, element):
        return [element, element]


def test_parts_of_a_record_are_named_and_counted_as_one():
    ds = letters(8).pipe(experimental.FlatMapMapDataset, Twice())

    named = [origin.record for i in range(len(ds)) for origin in ds.why(i)]

    assert named[::3] == named[1::3] == list(ds)[::2]
    assert ds.audit(2).is_exact


def test_nothing_is_read():
    class Unreadable:
        def __len__(self):
            return 5

        def __getitem__(self, index):
            raise AssertionError("read")

    ds = MapDataset.source(Unreadable()).shuffle(0).batch(2)

    assert len(ds.why(1)) == 2
    assert ds.audit().is_exact


def test_rows_that_are_not_there_are_told():
    ds = MapDataset.range(5).batch(2)

    assert message_of(ds.why, 0, row=2) == (
        "why: `row` must be below 2, the size of element 0 of batch(2), got 2."
    )
    assert message_of(ds.why, -1) == "why: `step` must be at least 0, got -1."
    assert message_of(MapDataset.range(0).why, 0) == "why: the dataset has no elements."


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 7, 40])
def test_endless_shuffles_are_exact_in_every_number_of_epochs(epochs, size):
    ds = MapDataset.range(40).seed(0).shuffle().repeat().batch(size)

    audit = ds.audit(epochs)

    (source,) = audit.sources
    assert audit.is_exact
    assert (source.reads, source.least, source.most) == (40 * epochs, epochs, epochs)
    assert (source.missing, source.examples) == (0, ())


def test_left_out_and_repeated_records_are_found():
    short = MapDataset.range(10).batch(4, drop_remainder=True).audit()
    twice = MapDataset.concatenate([letters(6), letters(6)[:2]]).audit(2)

    assert not short.is_exact
    assert str(short) == (
        "2 elements in 1 epochs: NOT once per epoch\n"
        "  source(range(0, 10)): 10 records, each 0 to 1 times; 2 never; for example "
        "8, 9"
    )
    # Both parts are read from sources of their own.
    assert [source.missing for source in twice.sources] == [0, 2]
    assert not twice.is_exact


def test_one_source_in_two_places_is_counted_together():
    records = letters(6)

    audit = MapDataset.concatenate([records, records]).audit()

    (source,) = audit.sources
    assert (source.least, source.most) == (2, 2)
    assert not audit.is_exact


def test_more_elements_than_are_looked_at_together_are_counted(monkeypatch):
    from dolmen.data import _audit

    monkeypatch.setattr(_audit, "_AT_ONCE", 7)

    assert MapDataset.range(50).shuffle(0).audit(2).is_exact


def test_without_repeat_several_epochs_are_those_of_indices():
    assert MapDataset.range(5).shuffle(0).audit(3).is_exact
    assert message_of(MapDataset.range(5).audit, 0) == (
        "audit: `epochs` must be at least 1, got 0."
    )
