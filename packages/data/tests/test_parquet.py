import pickle
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dolmen.data import DamagedFileError, MapDataset, ParquetDataSource

COLUMNS = {
    "number": list(range(10)),
    "text": [f"row {i}" for i in range(10)],
    "gap": [None if i % 3 == 0 else i for i in range(10)],
    "list": [[i] * (i % 3) for i in range(10)],
}


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, LookupError, OSError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def write(path, columns, rows_in_group=4):
    table = pa.table(columns)
    pq.write_table(table, path, row_group_size=rows_in_group, write_page_checksum=True)
    return path


@pytest.fixture
def path(tmp_path):
    """A file of 10 rows in groups of 4, 4 and 2."""
    return write(tmp_path / "rows.parquet", COLUMNS)


def test_rows_are_dictionaries_of_numpy_values(path):
    source = ParquetDataSource(path)

    row = source[4]

    assert (row["number"], row["text"], row["gap"]) == (4, "row 4", 4.0)
    assert isinstance(row["number"], np.int64)
    assert row["list"].tolist() == [4]
    assert np.isnan(source[3]["gap"])
    assert [r["number"] for r in source.__getitems__([9, -10, 5, 5])] == [9, 0, 5, 5]
    assert len(source) == 10


def test_files_follow_one_another_also_in_another_process(path, tmp_path):
    other = write(tmp_path / "other.parquet", {"number": [10, 11], "text": ["a", "b"]})

    source = ParquetDataSource([other, path], columns=["text", "number"])
    again = pickle.loads(pickle.dumps(source))

    assert [row["number"] for row in again.__getitems__(range(12))] == [
        10,
        11,
        *range(10),
    ]
    assert list(again[5]) == ["text", "number"]
    assert again.origin(2) == (str(path), 0, None)
    assert again.origin(11) == (str(path), 9, None)


def test_columns_of_numbers_are_batched_as_columns(path):
    numbers = ParquetDataSource(path, columns=["number"])
    mixed = ParquetDataSource(path)

    batch = MapDataset.source(numbers).shuffle(0).batch(10)[0]

    assert batch["number"].tolist() == list(MapDataset.range(10).shuffle(0))
    assert hasattr(numbers, "gather")
    assert not hasattr(mixed, "gather")


@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
def test_row_groups_are_kept_as_long_as_there_is_room(path, cache_bytes, monkeypatch):
    read = []
    original = pq.ParquetFile.read_row_group

    def counted(self, group, **options):
        read.append(group)
        return original(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    source = ParquetDataSource(path, columns=["number"], cache_bytes=cache_bytes)

    for row in (0, 1, 9, 2):
        source[row]

    assert read == ([0, 2] if cache_bytes else [0, 2, 0])


def test_the_row_group_that_was_used_longest_ago_is_given_up(path, monkeypatch):
    read = []
    original = pq.ParquetFile.read_row_group

    def counted(self, group, **options):
        read.append(group)
        return original(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counted)
    source = ParquetDataSource(path, columns=["number"], cache_bytes=64)

    for row in (0, 4, 1, 8, 2):
        source[row]

    assert read == [0, 1, 2]


def offset_of_damage(path, columns=None):
    """Where the file is damaged, or its rows if nothing is told."""
    try:
        return repr(ParquetDataSource(path, columns=columns).__getitems__(range(10)))
    except DamagedFileError as error:
        return error.offset


@pytest.mark.parametrize("columns", [None, ["number"]])
def test_no_altered_byte_changes_a_value_silently(path, columns):
    good = path.read_bytes()
    directory = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    places = range(0, directory, 3)
    rows = offset_of_damage(path, columns)
    outcomes = {}
    for place in places:
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        path.write_bytes(bad)
        outcomes[place] = offset_of_damage(path, columns)

    told = {place: found for place, found in outcomes.items() if found != rows}

    # The others are in statistics and the like, which nobody reads.
    assert len(told) > len(places) * (0.5 if columns is None else 0.05)
    assert all(0 <= place - offset < 300 for place, offset in told.items())


def test_an_altered_directory_is_told(path):
    good = path.read_bytes()
    directory = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    bad = bytearray(good)
    bad[directory : directory + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(bad)

    with pytest.raises(DamagedFileError, match="its directory can't be read") as error:
        ParquetDataSource(path)

    assert error.value.offset == directory


def test_every_cut_is_told_when_the_file_is_opened(path):
    good = path.read_bytes()
    for size in [0, 1, 4, 8, 100, len(good) // 2, len(good) - 8, len(good) - 1]:
        path.write_bytes(good[:size])

        with pytest.raises(DamagedFileError, match="cut short") as error:
            ParquetDataSource(path)

        assert error.value.offset == size


def test_damage_is_told_with_file_byte_and_row_group(path):
    begin = pq.ParquetFile(path).metadata.row_group(1).column(1).dictionary_page_offset
    bad = bytearray(path.read_bytes())
    bad[begin + 40] ^= 1
    path.write_bytes(bad)
    source = ParquetDataSource(path)

    assert source[9]["text"] == "row 9"
    assert message_of(source.__getitem__, 5) == (
        f"ParquetDataSource: {path} is damaged at byte {begin}: row group 1 can't be "
        "read (could not verify page integrity, CRC checksum verification failed for "
        "page_ordinal 0). Copy the file anew, or pass `on_damage='skip'` to leave out "
        "and count what can't be read."
    )


def test_damage_is_skipped_and_counted_if_asked(path, tmp_path):
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(path.read_bytes()[:-1])
    begin = pq.ParquetFile(path).metadata.row_group(1).column(1).dictionary_page_offset
    bad = bytearray(path.read_bytes())
    bad[begin + 40] ^= 1
    path.write_bytes(bad)

    source = ParquetDataSource([cut, path], on_damage="skip")
    rows = list(MapDataset.source(source))

    assert [row["number"] for row in rows] == [0, 1, 2, 3, 8, 9]
    assert len(source) == 10
    assert source.damaged == 2


def test_wrong_arguments_are_refused(path):
    assert message_of(ParquetDataSource, path, columns=["text", "txt"]) == (
        f"ParquetDataSource: {path} has no column 'txt', its columns are number, text, "
        "gap, list."
    )
    assert message_of(ParquetDataSource(path).__getitem__, 10) == (
        "ParquetDataSource: index 10 is out of range, there are 10 rows."
    )
    assert message_of(ParquetDataSource, path, on_damage="no") == (
        "ParquetDataSource: `on_damage` must be 'error' or 'skip', got 'no'."
    )


def test_a_missing_package_is_told(path, monkeypatch):
    from dolmen.data import _parquet

    _parquet._arrow.cache_clear()
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    assert message_of_import(ParquetDataSource, path) == (
        "ParquetDataSource: the package pyarrow is not installed. Install it with "
        "`pip install dolmen-data[parquet]`."
    )


def message_of_import(call, *args):
    with pytest.raises(ImportError) as caught:
        call(*args)
    return str(caught.value)
