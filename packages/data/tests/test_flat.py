import os
import pickle

import numpy as np
import pytest

from dolmen.data import DamagedFileError, Flat, FlatWriter, MapDataset

BYTES = [b"", b"a", b"bc" * 20_000, bytes(range(256)), b"", b"end"]
TOKENS = [np.arange(n, dtype=np.uint16) for n in (0, 3, 20_000, 1)]
EXAMPLE = {"x": np.zeros((2, 3), np.float32), "y": np.uint8(0)}


def row(i):
    return {"x": np.full((2, 3), i, np.float32), "y": np.uint8(i % 256)}


def write(path, records, **kind):
    with FlatWriter(path, **kind) as writer:
        for record in records:
            writer.write(record)
    return path


def message_of(function, *args, **kwargs):
    with pytest.raises(Exception) as error:
        function(*args, **kwargs)
    return str(error.value)


@pytest.fixture
def rows(tmp_path):
    return write(tmp_path / "rows", map(row, range(3000)), fields=EXAMPLE)


def test_bytes_come_back(tmp_path):
    source = Flat(write(tmp_path / "a", BYTES))

    assert len(source) == 6
    assert [source[i] for i in range(6)] == BYTES
    assert source.__getitems__([5, -1, 2, 2]) == [b"end", b"end", BYTES[2], BYTES[2]]


def test_arrays_of_any_size_come_back_in_their_dtype(tmp_path):
    source = Flat(write(tmp_path / "a", TOKENS, dtype=np.uint16))

    for found, expected in zip(source.__getitems__(range(4)), TOKENS, strict=True):
        assert found.dtype == np.uint16
        assert found.flags.writeable
        np.testing.assert_array_equal(found, expected)


def test_lengths_are_known_without_reading_records(tmp_path, rows):
    tokens = write(tmp_path / "tokens", TOKENS, dtype=np.uint16)
    more = write(tmp_path / "more", TOKENS[1:3], dtype=np.uint16)
    plain = write(tmp_path / "bytes", BYTES)
    altered = bytearray(plain.read_bytes())
    altered[20] ^= 1  # within a record, which is not looked at
    plain.write_bytes(altered)

    assert Flat([tokens, more]).lengths.tolist() == [0, 3, 20_000, 1, 3, 20_000]
    assert Flat(plain).lengths.tolist() == list(map(len, BYTES))
    assert Flat(write(tmp_path / "none", [])).lengths.tolist() == []
    assert message_of(lambda: Flat(rows).lengths).startswith(
        "Flat.lengths: records with fields have no length, their fields have fixed "
        f"shapes: {rows} holds "
    )


def test_a_damaged_table_of_lengths_is_told(tmp_path):
    path = write(tmp_path / "many", [b"x" * 40] * 4000)
    altered = bytearray(path.read_bytes())
    altered[4000 * 40 + 20_000] ^= 1
    path.write_bytes(altered)

    with pytest.raises(DamagedFileError, match="many is damaged at byte"):
        _ = Flat(path).lengths


def test_records_with_fields_come_back_alone_and_stacked(rows):
    source = Flat(rows)
    places = np.array([2999, 0, 7, 7])

    alone = source.__getitems__(places)
    stacked = source.gather(places)

    for i, record in zip(places, alone, strict=True):
        np.testing.assert_array_equal(record["x"], row(i)["x"])
        assert record["y"] == row(i)["y"]
    assert stacked["x"].shape == (4, 2, 3)
    np.testing.assert_array_equal(stacked["y"], [row(i)["y"] for i in places])


def test_files_follow_one_another(tmp_path):
    paths = [
        write(tmp_path / name, map(row, numbers), fields=EXAMPLE)
        for name, numbers in (("a", [0, 1]), ("b", []), ("c", [2, 3, 4]))
    ]
    source = Flat(paths)
    again = pickle.loads(pickle.dumps(source))

    assert len(source) == 5
    assert source.gather(np.array([4, 0, 2]))["y"].tolist() == [4, 0, 2]
    assert [r["y"] for r in again.__getitems__([3, 1])] == [3, 1]


def test_a_pipeline_batches_a_flat_file(rows):
    ds = MapDataset.source(Flat(rows)).shuffle(0).batch(100)

    order = list(MapDataset.range(3000).shuffle(0))[:100]
    assert ds[0]["x"][:, 1, 2].tolist() == order


def test_an_empty_file_has_no_records(tmp_path):
    source = Flat(write(tmp_path / "a", []))

    assert len(source) == 0
    assert message_of(lambda: source[0]) == (
        "Flat: index 0 is out of range, there are 0 records."
    )


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        (BYTES, {}),
        (TOKENS, {"dtype": np.uint16}),
        (list(map(row, range(300))), {"fields": EXAMPLE}),
    ],
    ids=["bytes", "arrays", "fields"],
)
def test_every_altered_byte_and_every_cut_is_noticed(tmp_path, records, kind):
    path = write(tmp_path / "a", records, **kind)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    # All of the beginning and the end, and something of all between.
    edges = [*range(20), *range(len(good) - 300, len(good))]
    for place in {*edges, *rng.integers(0, len(good), 100).tolist()}:
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="Flat: "):
            Flat(path).__getitems__(range(len(records)))

        path.write_bytes(good[:place])
        with pytest.raises(ValueError, match="Flat: "):
            Flat(path)


def test_damage_is_told_with_file_and_byte(rows):
    data = bytearray(rows.read_bytes())
    data[40_000] ^= 1
    rows.write_bytes(data)
    source = Flat(rows)

    assert source[0]["y"] == 0
    with pytest.raises(DamagedFileError) as error:
        source[40_000 // 25]

    assert (error.value.path, error.value.offset) == (str(rows), 32_768)
    assert str(error.value) == (
        f"Flat: {rows} is damaged at byte 32768: its 16384 bytes from there on are "
        "altered. Copy the file anew, or pass `on_damage='skip'` to leave out and "
        "count what can't be read."
    )
    assert pickle.loads(pickle.dumps(error.value)).offset == 32_768


def test_damaged_records_are_skipped_and_counted_if_asked(rows):
    data = bytearray(rows.read_bytes())
    data[40_000] ^= 1
    rows.write_bytes(data)
    source = Flat(rows, on_damage="skip")
    inside = [i for i in range(3000) if 32_768 - 25 < 16 + 25 * i < 49_152]

    got = source.__getitems__(range(3000))
    kept = list(MapDataset.source(source).to_iter_dataset())

    assert [i for i, record in enumerate(got) if record is None] == inside
    assert source.damaged == 1
    assert len(kept) == 3000 - len(inside)
    assert not hasattr(source, "gather")


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    path = write(tmp_path / "a", [b"old"])
    writer = FlatWriter(path)
    writer.write(b"new")

    assert Flat(path)[0] == b"old"
    writer.close()
    writer.close()
    assert Flat(path)[0] == b"new"
    assert message_of(writer.write, b"") == "FlatWriter.write: the writer is closed."


def test_a_failed_writer_leaves_no_file(tmp_path):
    def fail_after_a_record():
        with FlatWriter(tmp_path / "a") as writer:
            writer.write(b"a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_a_record()

    assert os.listdir(tmp_path) == []


def test_wrong_records_are_refused(tmp_path):
    bytes_, tokens, fields = (
        FlatWriter(tmp_path / "a"),
        FlatWriter(tmp_path / "b", dtype="uint8"),
        FlatWriter(tmp_path / "c", fields=EXAMPLE),
    )

    assert message_of(bytes_.write, "text") == (
        "FlatWriter.write: record 0 must be bytes, got str. For arrays pass `dtype` or "
        "`fields` to FlatWriter."
    )
    assert message_of(tokens.write, [1, 300]) == (
        "FlatWriter.write: record 0 has values that do not fit into uint8."
    )
    assert message_of(tokens.write, [1.0]) == (
        "FlatWriter.write: record 0 must be uint8, got float64. Convert it with "
        "`.astype(...)`."
    )
    assert message_of(tokens.write, [[1]]) == (
        "FlatWriter.write: record 0 must have one axis, got [1, 1]."
    )
    assert message_of(fields.write, {"x": np.zeros((3, 2)), "y": 1}) == (
        "FlatWriter.write: 'x' of record 0 must have the shape [2, 3], got [3, 2]."
    )
    assert message_of(fields.write, {"x": 0}) == (
        "FlatWriter.write: record 0 must be a dictionary with ['x', 'y'], got ['x']."
    )
    for writer in (bytes_, tokens, fields):
        writer.discard()


def test_wrong_arguments_are_refused(tmp_path, rows):
    other = write(tmp_path / "bytes", BYTES)
    text = tmp_path / "text"
    text.write_text("no flat file at all, but a text of some length" * 9)

    assert message_of(FlatWriter, tmp_path / "a", dtype=int, fields=EXAMPLE) == (
        "FlatWriter: expected `dtype` or `fields`, got both."
    )
    assert message_of(FlatWriter, tmp_path / "a", dtype=object) == (
        "FlatWriter: 'dtype' must have a dtype of numbers, booleans or text of fixed "
        "length, got object."
    )
    assert message_of(Flat, text) == (
        f"Flat: {text} is no flat file. Write one with `FlatWriter`."
    )
    assert message_of(Flat, [rows, other]) == (
        "Flat: all files must hold the same kind of records, got\n"
        f"  {rows}: x: <f4[2, 3], y: |u1[]\n"
        f"  {other}: bytes"
    )
    assert message_of(Flat, rows, on_damage="ignore") == (
        "Flat: `on_damage` must be 'error' or 'skip', got 'ignore'."
    )
    assert message_of(Flat, []) == "Flat: `paths` names no file."
    assert message_of(Flat, tmp_path / "absent") == (
        f"Flat: there is no file {str(tmp_path / 'absent')!r}."
    )
