"""The format, byte by byte, as `docs/ckpt_format.md` specifies it."""

import struct

import ml_dtypes
import numpy
import pytest
import xxhash

import dolmen.ckpt as ck
from dolmen.ckpt import _format

ATTEMPT = "0123456789abcdef"
PACK = struct.pack("<3f", 1.0, -2.0, 0.5) + bytes(52) + struct.pack("<2h", 3, -4)

BODY = b"".join(
    [
        b"\x89",  # map of 9
        b"\xa7attempt" + b"\xb0" + ATTEMPT.encode(),
        b"\xa4step" + b"\x07",
        b"\xa7created" + b"\xcf" + struct.pack(">Q", 1_800_000_000_000_000_000),
        b"\xabblock_bytes" + b"\xce" + struct.pack(">I", 8 << 20),
        b"\xa4tree",
        b"\x93\xa4dict\x93\xa1w\x01\xc7\x06\x03\x92\xa1t\xcd\x01\x00",  # keys
        b"\x93\x00\x92\xa4list\x93\x01\x02\x03\x92\xa5tuple\x91\x04",  # children
        b"\xa6leaves\x95",
        b"\x84\xa4kind\xa5numpy\xa5dtype\xa7float32\xa5shape\x91\x03",
        b"\xa6shards\x91\x94\x00\x00\x91\x00\x91\x03",
        b"\x84\xa4kind\xa5numpy\xa5dtype\xa5int16\xa5shape\x92\x02\x01",
        b"\xa6shards\x91\x94\x00\x40\x92\x00\x00\x92\x02\x01",
        b"\x82\xa4kind\xa3int\xa5value\xc7\x09\x01" + bytes(8) + b"\x01",  # 2**64
        b"\x81\xa4kind\xa4none",
        b"\x82\xa4kind\xa7complex\xa5value\xd8\x02" + struct.pack("<2d", 1, -2),
        b"\xa7streams\x91\x82\xa5packs\x91\x92",
        b"\xd9\x20p00000.0123456789abcdef.000.pack\x44",
        b"\xa6hashes\xc4\x08" + struct.pack("<Q", xxhash.xxh3_64_intdigest(PACK)),
        b"\xa7metrics\x81\xa4loss\xcb" + struct.pack(">d", 0.25),
        b"\xa8metadata\xc0",
    ]
)
HEADER = b"DOLMENCK" + struct.pack("<IIQ", 1, 0, len(BODY))
MANIFEST = HEADER + struct.pack("<Q", xxhash.xxh3_64_intdigest(HEADER + BODY)) + BODY

TREE = {
    "w": numpy.array([1.0, -2.0, 0.5], "float32"),
    1: [numpy.array([[3], [-4]], "int16"), 2**64, None],
    ("t", 256): (1 - 2j,),
}


def test_golden_bytes_are_read(tmp_path):
    step = tmp_path / "step_000000007"
    step.mkdir()
    (step / "MANIFEST").write_bytes(MANIFEST)
    (step / f"p00000.{ATTEMPT}.000.pack").write_bytes(PACK)

    tree = ck.load(step)

    numpy.testing.assert_array_equal(tree["w"], TREE["w"], strict=True)
    numpy.testing.assert_array_equal(tree[1][0], TREE[1][0], strict=True)
    assert tree[1][1:] == [2**64, None]
    assert tree["t", 256] == (1 - 2j,)
    assert ck.Checkpointer(tmp_path).metrics(7) == {"loss": 0.25}


def test_golden_bytes_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda size: ATTEMPT)
    monkeypatch.setattr("time.time_ns", lambda: 1_800_000_000_000_000_000)

    with ck.Checkpointer(tmp_path) as checkpointer:
        checkpointer.save(7, TREE, metrics={"loss": 0.25})

    step = tmp_path / "step_000000007"
    assert sorted(file.name for file in step.iterdir()) == [
        "MANIFEST",
        f"p00000.{ATTEMPT}.000.pack",
    ]
    assert (step / f"p00000.{ATTEMPT}.000.pack").read_bytes() == PACK
    assert (step / "MANIFEST").read_bytes() == MANIFEST


def test_every_leaf_starts_at_a_multiple_of_64(tmp_path):
    tree = [numpy.full(size, 255, "uint8") for size in (1, 64, 65, 0, 3)]

    ck.save(tmp_path / "x", tree)
    (pack,) = (tmp_path / "x").glob("*.pack")

    data = pack.read_bytes()
    starts = (0, 64, 128, 256, 256)
    expected = bytearray(259)
    for start, array in zip(starts, tree, strict=True):
        expected[start : start + array.size] = array.tobytes()
    assert data == bytes(expected)


def test_big_endian_and_strided_arrays_are_stored_little_endian_row_major(tmp_path):
    array = numpy.arange(6, dtype=">i4").reshape(2, 3).T

    ck.save(tmp_path / "x", array)

    (pack,) = (tmp_path / "x").glob("*.pack")
    assert pack.read_bytes() == struct.pack("<6i", 0, 3, 1, 4, 2, 5)
    numpy.testing.assert_array_equal(ck.load(tmp_path / "x"), array)


def test_a_newer_version_is_named(tmp_path):
    start = b"DOLMENCK" + struct.pack("<IIQ", 2, 0, 0)
    checksum = struct.pack("<Q", xxhash.xxh3_64_intdigest(start))
    (tmp_path / "MANIFEST").write_bytes(start + checksum)

    with pytest.raises(ck.CorruptCheckpointError) as caught:
        ck.load(tmp_path)

    assert "its format version is 2, this package reads version 1" in str(caught.value)


def manifest_with(**changes):
    fields = {
        "attempt": ATTEMPT,
        "structure": 0,
        "leaves": [
            _format.ArrayLeaf(
                "numpy", "float32", (4,), (_format.Shard(0, 0, (0,), (4,)),)
            )
        ],
        "streams": (
            _format.Stream((_format.Pack(f"p00000.{ATTEMPT}.000.pack", 16),), bytes(8)),
        ),
    }
    return _format.encode_manifest(_format.Manifest(**{**fields, **changes}))


def leaf_with(dtype="float32", shape=(4,), shards=((0, 0, (0,), (4,)),)):
    shards = tuple(_format.Shard(*shard) for shard in shards)
    return {"leaves": [_format.ArrayLeaf("numpy", dtype, shape, shards)]}


def stream_with(name=f"p00000.{ATTEMPT}.000.pack", size=16, hashes=bytes(8)):
    return {"streams": (_format.Stream((_format.Pack(name, size),), hashes),)}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (stream_with(name="../../passwd"), "no pack can be called '../../passwd'"),
        (stream_with(hashes=b""), "0 hash bytes for 1 blocks"),
        (stream_with(size=8), "leaf 0 lies outside its stream"),
        (leaf_with(dtype="object"), "unknown dtype 'object'"),
        (leaf_with(shards=()), "the shards of leaf 0 do not cover it"),
        (leaf_with(shards=((0, 0, (1,), (4,)),)), "a shard lies outside leaf 0"),
        (leaf_with(shards=((0, -4, (0,), (4,)),)), "leaf 0 lies outside its stream"),
        (leaf_with(shards=((-1, 0, (0,), (4,)),)), "leaf 0 lies outside its stream"),
        ({"leaves": [_format.ValueLeaf("banana", 1)]}, "unknown leaf kind 'banana'"),
        ({"leaves": [_format.ValueLeaf("int", "7")]}, "holds '7'"),
    ],
)
def test_records_that_lead_nowhere_are_refused(changes, problem):
    assert _format.decode_manifest(manifest_with()).attempt == ATTEMPT

    with pytest.raises(_format.FormatError, match=".*" + problem.replace(".", r"\.")):
        _format.decode_manifest(manifest_with(**changes))


def test_shards_of_an_array_are_put_together(tmp_path):
    blocks = numpy.arange(16, dtype="int32").reshape(4, 2, 2)
    shards = [
        _format.Shard(row, column * 64, (2 * row, 2 * column), (2, 2))
        for row in range(2)
        for column in range(2)
    ]
    streams = []
    for process in range(2):
        first, second = blocks[2 * process], blocks[2 * process + 1]
        data = first.tobytes() + bytes(48) + second.tobytes()
        name = _format.pack_name(process, ATTEMPT, 0)
        (tmp_path / name).write_bytes(data)
        pack = _format.Pack(name, len(data))
        streams.append(_format.Stream((pack,), _format.block_hash(data)))
    leaf = _format.ArrayLeaf("numpy", "int32", (4, 4), tuple(shards))
    manifest = manifest_with(leaves=[leaf], streams=tuple(streams))
    (tmp_path / "MANIFEST").write_bytes(manifest)

    array = ck.load(tmp_path)

    expected = numpy.block([[blocks[0], blocks[1]], [blocks[2], blocks[3]]])
    numpy.testing.assert_array_equal(array, expected, strict=True)


def test_every_dtype_of_numpy_and_ml_dtypes_is_stored_or_refused_by_name():
    names = [
        name
        for name in dir(ml_dtypes)
        if isinstance(getattr(ml_dtypes, name), type) and name not in ("finfo", "iinfo")
    ]

    stored = [name for name in names if _format.dtype_named(name).name == name]

    assert "bfloat16" in stored
    assert "int4" in stored
    assert stored == names
