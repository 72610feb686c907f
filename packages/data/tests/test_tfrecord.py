import pickle
import struct
import sys

import numpy as np
import pytest

from dolmen.data import DamagedFileError, MapDataset, TFRecordDataSource

RECORDS = [b"", b"a", bytes(range(256)) * 9, b"end"]


def crc32c(data):
    """CRC-32C bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def encoded(record):
    length = struct.pack("<Q", len(record))
    checksums = [struct.pack("<I", masked(part)) for part in (length, record)]
    return length + checksums[0] + record + checksums[1]


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "records"
    file.write_bytes(b"".join(map(encoded, RECORDS)))
    return file


def message_of(function, *args, **kwargs):
    with pytest.raises(Exception) as error:
        function(*args, **kwargs)
    return str(error.value)


def test_checksum_of_the_test_is_that_of_the_standard():
    # RFC 3720, section B.4.
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43


def test_records_come_back_in_any_order(path):
    source = TFRecordDataSource(path)

    assert len(source) == 4
    assert source.__getitems__([3, 0, 2, -1, 1]) == [
        RECORDS[i] for i in (3, 0, 2, 3, 1)
    ]


def test_files_follow_one_another_also_in_another_process(path, tmp_path):
    other, empty = tmp_path / "other", tmp_path / "empty"
    other.write_bytes(encoded(b"more"))
    empty.write_bytes(b"")
    source = TFRecordDataSource([other, empty, path])
    again = pickle.loads(pickle.dumps(source))

    assert [again[i] for i in range(5)] == [b"more", *RECORDS]


def test_a_pipeline_shuffles_tfrecords(path):
    ds = MapDataset.source(TFRecordDataSource(path)).shuffle(0)

    assert list(ds) == [RECORDS[i] for i in MapDataset.range(4).shuffle(0)]


def test_every_altered_byte_is_noticed(path):
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    edges = [*range(40), *range(len(good) - 30, len(good))]
    for place in {*edges, *rng.integers(0, len(good), 20).tolist()}:
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(DamagedFileError):
            TFRecordDataSource(path).__getitems__(range(4))


def test_a_cut_within_a_record_is_noticed(path):
    good = path.read_bytes()
    ends = np.cumsum([len(encoded(r)) for r in RECORDS])
    for size in {*range(1, 60), *range(len(good) - 40, len(good))} - {*ends.tolist()}:
        path.write_bytes(good[:size])
        with pytest.raises(DamagedFileError, match="cut short"):
            TFRecordDataSource(path)


def test_damage_is_told_with_file_and_byte(path):
    data = bytearray(path.read_bytes())
    begin = len(encoded(b"")) + len(encoded(b"a")) + 12
    data[begin + 100] ^= 1
    path.write_bytes(data)
    source = TFRecordDataSource(path)

    assert source[3] == b"end"
    assert message_of(lambda: source[2]) == (
        f"TFRecordDataSource: {path} is damaged at byte {begin}: its 2304 bytes from "
        "there on are altered. Copy the file anew, or pass `on_damage='skip'` to leave "
        "out and count what can't be read."
    )


def test_damage_is_skipped_and_counted_if_asked(path):
    data = bytearray(path.read_bytes())
    second = len(encoded(b""))
    data[second + 12] ^= 1
    data[second + len(encoded(b"a")) + len(encoded(RECORDS[2]))] ^= 1
    path.write_bytes(data)
    source = TFRecordDataSource(path, on_damage="skip")

    # The length of the last record is damaged, and the bytes of the second one.
    assert source.__getitems__(range(3)) == [b"", None, RECORDS[2]]
    assert (len(source), source.damaged) == (3, 2)


def test_missing_checksum_package_is_told(path, monkeypatch):
    from dolmen.data import _tfrecord

    _tfrecord._crc32c.cache_clear()
    monkeypatch.setitem(sys.modules, "google_crc32c", None)

    assert message_of(TFRecordDataSource, path) == (
        "TFRecordDataSource: the package google-crc32c is not installed. Install it "
        "with `pip install dolmen-data[tfrecord]`."
    )


def test_wrong_arguments_are_refused(path):
    source = TFRecordDataSource(path)

    assert message_of(lambda: source[4]) == (
        "TFRecordDataSource: index 4 is out of range, there are 4 records."
    )
    assert message_of(TFRecordDataSource, []) == (
        "TFRecordDataSource: `paths` names no file."
    )
