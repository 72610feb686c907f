import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from array_record.python import array_record_module

from dolmen.data import ArrayRecordDataSource, DamagedFileError, MapDataset


def message_of(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError, LookupError, OSError)) as caught:
        call(*args, **kwargs)
    return str(caught.value)


def write_records(path, records, options="group_size:1"):
    writer = array_record_module.ArrayRecordWriter(str(path), options)
    for record in records:
        writer.write(record)
    writer.close()
    return path


@pytest.fixture
def record_files(tmp_path):
    """Three files of 4, 1 and 6 records, and the records."""
    records = [f"record {i}".encode() * (i % 3 + 1) for i in range(11)]
    parts = [records[:4], records[4:5], records[5:]]
    paths = [write_records(tmp_path / f"{i}", part) for i, part in enumerate(parts)]
    return paths, records


def test_array_record_files_follow_one_another(record_files):
    paths, records = record_files
    source = ArrayRecordDataSource(paths)

    assert len(source) == 11
    assert [source[i] for i in range(11)] == records
    assert source.__getitems__([10, 0, 4, 4, 7]) == [
        records[i] for i in (10, 0, 4, 4, 7)
    ]


def test_array_record_files_shuffle_as_one(record_files):
    paths, records = record_files

    ds = MapDataset.source(ArrayRecordDataSource(paths)).shuffle(0).batch(11)

    order = list(MapDataset.range(11).shuffle(0))
    assert ds[0].tolist() == [records[i] for i in order]


def test_one_array_record_file_needs_no_list(record_files):
    paths, records = record_files

    assert ArrayRecordDataSource(str(paths[0]))[3] == records[3]
    assert ArrayRecordDataSource(paths[0]).paths == [str(paths[0])]


def test_a_pickled_array_record_source_opens_its_files_again(record_files):
    paths, records = record_files

    source = pickle.loads(pickle.dumps(ArrayRecordDataSource(paths)))

    assert source[10] == records[10]


def test_bad_array_record_arguments_are_refused(record_files, tmp_path):
    paths, _ = record_files
    absent = str(tmp_path / "absent")

    assert message_of(ArrayRecordDataSource, []) == (
        "ArrayRecordDataSource: `paths` names no file."
    )
    assert message_of(ArrayRecordDataSource, [paths[0], absent]) == (
        f"ArrayRecordDataSource: there is no file {absent!r}."
    )
    for index in (11, -12):
        assert message_of(lambda i=index: ArrayRecordDataSource(paths)[i]) == (
            f"ArrayRecordDataSource: index {index} is out of range, there are 11 "
            "records."
        )


def test_a_part_of_a_file_is_a_source(record_files):
    paths, records = record_files
    instruction = SimpleNamespace(
        filename=str(paths[2]), skip=1, take=3, examples_in_shard=6
    )

    source = ArrayRecordDataSource([f"{paths[0]}[1:3]", instruction, paths[1]])

    expected = records[1:3] + records[6:9] + records[4:5]
    assert [source[i] for i in range(6)] == expected
    assert source.origin(3) == (str(paths[2]), 2, None)


def test_a_pattern_stands_for_the_files_that_match_by_name(record_files):
    paths, records = record_files

    source = ArrayRecordDataSource(paths[0].parent / "?")

    assert source.paths == [str(path) for path in paths]
    assert source.__getitems__(range(11)) == records


def test_readers_are_closed_and_opened_again(record_files):
    paths, records = record_files

    with ArrayRecordDataSource(paths) as source:
        assert source[3] == records[3]

    assert source[-1] == records[-1]


def test_reader_options_reach_the_reader(record_files):
    paths, records = record_files
    options = {"index_storage_option": "offloaded", "footer_prefetch_bytes": "0"}

    assert ArrayRecordDataSource(paths, options)[7] == records[7]
    assert message_of(ArrayRecordDataSource, paths, {"no_option": "1"}).startswith(
        "Unknown option no_option"
    )


@pytest.fixture
def grouped(tmp_path):
    """A file of 8 records in groups of 2, its bytes and its records."""
    records = [bytes([65 + i]) * (i + 1) for i in range(8)]
    path = write_records(tmp_path / "grouped", records, "group_size:2")
    return path, path.read_bytes(), records


def places_of_interest(data):
    """Every byte that is not filling, a few of the fillings, and the ends."""
    used = np.flatnonzero(np.frombuffer(data, np.uint8)).tolist()
    return [*used, 600, 70_000, len(data) - 1]


def altered(data, place):
    bad = bytearray(data)
    bad[place] ^= 4
    return bytes(bad)


def offset_of_damage(path):
    """Where the file is damaged, or its records if nothing is told."""
    try:
        return ArrayRecordDataSource(path).__getitems__(range(8))
    except DamagedFileError as error:
        return error.offset


def test_no_altered_byte_changes_a_record_silently(grouped):
    path, good, records = grouped
    places = places_of_interest(good)
    outcomes = {}
    for place in places:
        path.write_bytes(altered(good, place))
        outcomes[place] = offset_of_damage(path)

    told = {place: found for place, found in outcomes.items() if found != records}

    # The others mean nothing: filling, or read by nobody.
    assert len(told) > len(places) * 0.8
    assert all(0 <= place - offset < 300 for place, offset in told.items())


def test_every_cut_is_told_when_the_file_is_opened(grouped):
    path, good, _ = grouped
    for size in [0, 1, 63, 64, 500, 65535, 65536, 65537, 66000, len(good) - 1]:
        path.write_bytes(good[:size])

        with pytest.raises(DamagedFileError, match="cut short") as error:
            ArrayRecordDataSource(path)

        assert error.value.offset == size


def test_damage_is_told_with_file_byte_and_record(grouped):
    path, good, records = grouped
    begin = good.index(b"BBCCC") if b"BBCCC" in good else 110
    path.write_bytes(altered(good, begin))
    source = ArrayRecordDataSource(path)

    assert source[7] == records[7]
    assert message_of(source.__getitems__, [7, 1]) == (
        f"ArrayRecordDataSource: {path} is damaged at byte 64: record 1 can't be read "
        "(chunk data hash mismatch). Copy the file anew, or pass `on_damage='skip'` to "
        "leave out and count what can't be read."
    )


def test_damage_is_skipped_and_counted_if_asked(grouped, record_files):
    path, good, records = grouped
    others, more = record_files
    path.write_bytes(altered(good, 110))
    others[1].write_bytes(others[1].read_bytes()[:-1])
    source = ArrayRecordDataSource([path, *others], on_damage="skip")

    expected = [None, None, *records[2:], *more[:4], *more[5:]]
    assert source.__getitems__(range(18)) == expected
    assert source.damaged == 2
    assert list(MapDataset.source(source)) == expected[2:]


def test_a_source_that_skips_is_batched_after_its_gaps_are_closed(grouped):
    path, _, records = grouped
    ds = MapDataset.source(ArrayRecordDataSource(path, on_damage="skip"))

    assert message_of(ds.batch, 2) == (
        "MapDataset.batch: `batch` can not follow `filter` or a source that skips, "
        "because a dropped element keeps its index. Call `to_iter_dataset()` between "
        "them."
    )
    assert next(iter(ds.to_iter_dataset().batch(2))).tolist() == records[:2]


def test_a_part_that_a_file_has_not_is_refused(record_files):
    paths, _ = record_files
    source = ArrayRecordDataSource(f"{paths[0]}[2:9]")

    assert message_of(source.__getitem__, 0) == (
        f"ArrayRecordDataSource: asked for records 2 to 9 of {paths[0]}, which has 4."
    )


def test_a_missing_package_is_told(record_files, monkeypatch):
    from dolmen.data import _array_record

    paths, _ = record_files
    _array_record._reader_class.cache_clear()
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_module", None)

    with pytest.raises(ImportError) as caught:
        ArrayRecordDataSource(paths)

    assert str(caught.value) == (
        "ArrayRecordDataSource: the package array-record is not installed. Install it "
        "with `pip install dolmen-data[array-record]`."
    )
