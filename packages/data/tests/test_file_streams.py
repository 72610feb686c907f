import itertools
import json
import random
import struct

import google_crc32c
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dolmen.data import DamagedFileError
from dolmen.data._file_streams import Turns
from dolmen.data.experimental import ParquetIterDataset, TFRecordIterDataset

RECORDS = [b"", b"a", bytes(range(256)), b"end"]


def masked(data):
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def encoded(record):
    length = struct.pack("<Q", len(record))
    checksums = [struct.pack("<I", masked(part)) for part in (length, record)]
    return length + checksums[0] + record + checksums[1]


@pytest.fixture
def tfrecords(tmp_path):
    path = tmp_path / "train.tfrecord"
    path.write_bytes(b"".join(map(encoded, RECORDS)))
    return path


def write_rows(path, numbers):
    table = pa.table({"number": numbers})
    pq.write_table(table, path, row_group_size=3, write_page_checksum=True)
    return path


def resumed_at_every_step(dataset):
    """What follows every state, the states having been through JSON."""
    rests = []
    iterator = iter(dataset)
    states = [iterator.get_state()]
    for _ in iterator:
        states.append(iterator.get_state())
    for state in states:
        other = iter(dataset)
        other.set_state(json.loads(json.dumps(state)))
        rests.append(list(other))
    return rests


def test_tfrecords_stream_and_resume(tfrecords):
    dataset = TFRecordIterDataset(tfrecords)

    assert list(dataset) == RECORDS
    assert resumed_at_every_step(dataset) == [RECORDS[i:] for i in range(5)]


def test_a_step_of_a_stream_is_no_position(tfrecords):
    iterator = iter(TFRecordIterDataset(tfrecords))

    with pytest.raises(ValueError, match="position has 2 numbers"):
        iterator.set_state({"step": 2})


def test_errors_of_functions_name_the_record(tfrecords):
    dataset = TFRecordIterDataset(tfrecords).map(lambda r: 1 // len(r))

    with pytest.raises(ZeroDivisionError) as error:
        list(dataset)

    assert error.value.__notes__ == [
        f"dolmen.data: raised by map(<lambda>) for record 0 of {tfrecords}."
    ]


def test_every_altered_byte_of_a_stream_is_told_or_skipped(tfrecords):
    good = tfrecords.read_bytes()
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 16
        tfrecords.write_bytes(bad)
        skipping = TFRecordIterDataset(tfrecords, on_damage="skip")

        with pytest.raises(DamagedFileError):
            list(TFRecordIterDataset(tfrecords))
        left = list(skipping)

        assert skipping.damaged == 1
        assert len(left) < 4
        assert [record for record in RECORDS if record in left] == left


def test_only_the_damaged_record_is_left_out(tfrecords):
    bad = bytearray(tfrecords.read_bytes())
    bad[len(encoded(b"")) + 12] ^= 1
    tfrecords.write_bytes(bad)
    skipping = TFRecordIterDataset(tfrecords, on_damage="skip")

    assert list(skipping) == [RECORDS[0], *RECORDS[2:]]
    assert resumed_at_every_step(skipping)[1] == RECORDS[2:]


def test_every_cut_of_a_stream_is_told(tfrecords):
    good = tfrecords.read_bytes()
    ends = set(itertools.accumulate(len(encoded(r)) for r in RECORDS))
    for size in {*range(1, 60), len(good) - 1} - ends:
        tfrecords.write_bytes(good[:size])
        with pytest.raises(DamagedFileError, match="cut short"):
            list(TFRecordIterDataset(tfrecords))


def test_rows_stream_and_resume(tmp_path):
    dataset = ParquetIterDataset(write_rows(tmp_path / "rows", list(range(8))))

    rows = list(dataset)

    assert [row["number"] for row in rows] == list(range(8))
    assert resumed_at_every_step(dataset) == [rows[i:] for i in range(9)]


def test_rows_of_several_files_come_in_turn(tmp_path):
    parts = [[0, 1, 2, 3], [], [10], [20, 21]]
    paths = [write_rows(tmp_path / f"{i}", part) for i, part in enumerate(parts)]
    dataset = ParquetIterDataset(list(map(str, paths)))

    rows = list(dataset)

    assert [row["number"] for row in rows] == [0, 10, 20, 1, 21, 2, 3]
    assert resumed_at_every_step(dataset) == [rows[i:] for i in range(8)]
    dataset.set_slice(slice(2, 4))
    assert [row["number"] for row in dataset] == [10, 20, 21]


def test_damaged_row_groups_are_told_or_skipped(tmp_path):
    path = write_rows(tmp_path / "rows", list(range(8)))
    begin = pq.ParquetFile(path).metadata.row_group(1).column(0).dictionary_page_offset
    bad = bytearray(path.read_bytes())
    bad[begin + 30] ^= 1
    path.write_bytes(bad)
    skipping = ParquetIterDataset(path, on_damage="skip")

    with pytest.raises(DamagedFileError) as error:
        list(ParquetIterDataset(path))

    assert error.value.offset == begin
    assert [row["number"] for row in skipping] == [0, 1, 2, 6, 7]
    assert skipping.damaged == 1


def test_turns_are_the_same_from_everywhere():
    rng = random.Random(0)
    for _ in range(100):
        lengths = [rng.choice([0, 1, 2, 5, 9]) for _ in range(rng.randint(0, 8))]
        width = rng.randint(1, 4)
        everything = turns_from(0, lengths, width)

        rests = [turns_from(n, lengths, width) for n in range(len(everything) + 1)]

        assert len(everything) == sum(lengths)
        assert rests == [everything[n:] for n in range(len(everything) + 1)]


def turns_from(count, lengths, width):
    turns = Turns(lengths, width)
    turns.go_to(count)
    return [turns.next() for _ in range(sum(lengths) - count)]
