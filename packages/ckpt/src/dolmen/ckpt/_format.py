"""The MANIFEST: its records, and their bytes.

`docs/ckpt_format.md` specifies every byte; this module is its only implementation.
"""

from __future__ import annotations

import functools
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import msgpack
import numpy
import xxhash

from ._structure import KEYED, NUMBERED, Node, Structure

__all__ = [
    "ALIGNMENT",
    "BLOCK_BYTES",
    "ArrayLeaf",
    "FormatError",
    "Leaf",
    "Manifest",
    "Pack",
    "Shard",
    "Stream",
    "ValueLeaf",
    "block_hash",
    "decode_manifest",
    "dtype_named",
    "encode_manifest",
    "pack_name",
    "stored_name",
    "value_problem",
]

MAGIC = b"DOLMENCK"
VERSION = 1
HEADER = struct.Struct("<8sIIQQ")  # magic, version, zero, body bytes, xxh3-64

MANIFEST = "MANIFEST"
BLOCK_BYTES = 8 << 20
PACK_BYTES = 1 << 30
ALIGNMENT = 64

PACK_NAME = re.compile(r"p\d{5}\.[0-9a-f]{16}\.\d{3,}\.pack")
MANIFEST_TEMPORARY = re.compile(r"MANIFEST\.[0-9a-f]{16}\.tmp")


class FormatError(ValueError):
    """Bytes that are no MANIFEST of a version we read."""


def pack_name(process: int, attempt: str, number: int) -> str:
    """File name of a process's pack; the attempt keeps a retry apart."""
    return f"p{process:05d}.{attempt}.{number:03d}.pack"


def is_own_file(name: str) -> bool:
    """Whether a file name is one that saving gives out."""
    return bool(
        name == MANIFEST
        or PACK_NAME.fullmatch(name)
        or MANIFEST_TEMPORARY.fullmatch(name)
    )


def block_hash(block: Any) -> bytes:
    """XXH3-64 of a block, as eight little-endian bytes."""
    return xxhash.xxh3_64_intdigest(block).to_bytes(8, "little")


# --- dtypes -------------------------------------------------------------------------

_NUMPY_DTYPES = [
    "bool",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("float16", "float32", "float64", "complex64", "complex128"),
]
_EXTENDED_DTYPES = [
    name
    for name in dir(ml_dtypes)
    if re.fullmatch(r"b?(u?int|float|complex)\d+.*", name)
]


@functools.cache
def dtype_named(name: str) -> numpy.dtype:
    """The little-endian dtype called `name`; `FormatError` for any other word."""
    if name in _NUMPY_DTYPES:
        return numpy.dtype(name).newbyteorder("<")
    if name in _EXTENDED_DTYPES:
        return numpy.dtype(getattr(ml_dtypes, name))
    raise FormatError(f"unknown dtype {name!r}")


@functools.cache
def stored_name(dtype: numpy.dtype) -> str:
    """The name under which `dtype` is stored; empty if it can't be."""
    name = dtype.name  # slow enough to matter for thousands of leaves
    return name if name in _NUMPY_DTYPES or name in _EXTENDED_DTYPES else ""


# --- records ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shard:
    """A box of an array, contiguous at `offset` of a stream."""

    stream: int
    offset: int
    start: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ArrayLeaf:
    """A leaf whose elements lie in streams.

    Attributes:
        kind: ``array``, ``numpy`` or ``key``.
        dtype: name of the dtype; of the words for a key.
        shape: of the stored array; for a key its last axis holds the words.
        shards: boxes that cover it.
        impl: name of a key's algorithm.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    shards: tuple[Shard, ...] = ()
    impl: str | None = None

    def bytes_of(self, shape: tuple[int, ...]) -> int:
        """Bytes that `shape` elements take."""
        return math.prod(shape) * dtype_named(self.dtype).itemsize

    def placed_at(self, offset: int) -> ArrayLeaf:
        """This leaf as one shard at `offset` of the first stream."""
        shard = Shard(0, offset, (0,) * len(self.shape), self.shape)
        return ArrayLeaf(self.kind, self.dtype, self.shape, (shard,), self.impl)


@dataclass(frozen=True, slots=True)
class ValueLeaf:
    """A leaf whose value stands in the MANIFEST.

    Attributes:
        kind: ``scalar`` for one of NumPy, else the name of a Python type: ``int``,
            ``float``, ``bool``, ``complex``, ``str``, ``bytes`` or ``none``.
        value: the value itself.
    """

    kind: str
    value: Any


Leaf = ArrayLeaf | ValueLeaf

ARRAY_KINDS = ("array", "numpy", "key")
PYTHON_KINDS = {
    "int": int,
    "float": float,
    "bool": bool,
    "complex": complex,
    "str": str,
    "bytes": bytes,
    "none": type(None),
}


@dataclass(frozen=True, slots=True)
class Pack:
    """A file of a stream."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Stream:
    """What one process wrote: packs end to end, and the hash of every block."""

    packs: tuple[Pack, ...]
    hashes: bytes

    @property
    def size(self) -> int:
        """Bytes in all packs."""
        return sum(pack.size for pack in self.packs)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a checkpoint but the data."""

    attempt: str
    structure: Structure
    leaves: Sequence[Leaf]
    streams: tuple[Stream, ...]
    step: int | None = None
    created: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    metadata: Any = None
    block_bytes: int = BLOCK_BYTES


# --- values: msgpack, and three extensions ------------------------------------------

_BIG_INT, _COMPLEX, _TUPLE = 1, 2, 3


def _extension(value: Any) -> msgpack.ExtType:
    if isinstance(value, int):
        length = value.bit_length() // 8 + 1
        data = value.to_bytes(length, "little", signed=True)
        return msgpack.ExtType(_BIG_INT, data)
    if isinstance(value, complex):
        data = struct.pack("<dd", value.real, value.imag)
        return msgpack.ExtType(_COMPLEX, data)
    if isinstance(value, tuple):
        return msgpack.ExtType(_TUPLE, _pack(list(value)))
    raise TypeError(f"no encoding for {value!r}")


def _extended(code: int, data: bytes) -> Any:
    if code == _BIG_INT:
        return int.from_bytes(data, "little", signed=True)
    if code == _COMPLEX:
        return complex(*struct.unpack("<dd", data))
    if code == _TUPLE:
        return tuple(_unpack(data))
    raise FormatError(f"unknown extension type {code}")


def _pack(value: Any) -> bytes:
    # Strict types send tuples and subclasses to `_extension`, ints too wide for
    # msgpack go there anyway. Lone surrogates are legal in a Python string.
    packer = msgpack.Packer(
        default=_extension, strict_types=True, unicode_errors="surrogatepass"
    )
    return packer.pack(value)


def _unpack(data: bytes) -> Any:
    return msgpack.unpackb(
        data,
        ext_hook=_extended,
        strict_map_key=False,
        unicode_errors="surrogatepass",
    )


def value_problem(value: Any, where: str = "") -> str | None:
    """Why `value` cannot stand in a MANIFEST, or None.

    Values are None, bool, int, float, complex, str, bytes, and dicts, lists and tuples
    of them; dict keys are any of those but dicts and lists.
    """
    kind = type(value)
    if kind in PYTHON_KINDS.values():
        return None
    if kind is dict:
        items = [(f"{where}[{key!r}]", item) for key, item in value.items()]
        bad_key = next((key for key in value if not is_value_key(key)), None)
        if bad_key is not None:
            return f"{where or 'its'} key {bad_key!r} is a {type(bad_key).__name__}"
    elif kind in (list, tuple):
        items = [(f"{where}[{index}]", item) for index, item in enumerate(value)]
    else:
        return f"{where or 'it'} is a {kind.__name__}"
    problems = (value_problem(item, path) for path, item in items)
    return next((problem for problem in problems if problem), None)


def is_value_key(key: Any) -> bool:
    if type(key) is tuple:
        return all(is_value_key(item) for item in key)
    return type(key) in PYTHON_KINDS.values()


# --- MANIFEST -----------------------------------------------------------------------


def encode_manifest(manifest: Manifest) -> bytes:
    """The bytes of the file."""
    body = _pack(
        {
            "attempt": manifest.attempt,
            "step": manifest.step,
            "created": manifest.created,
            "block_bytes": manifest.block_bytes,
            "tree": _encode_structure(manifest.structure),
            "leaves": [_encode_leaf(leaf) for leaf in manifest.leaves],
            "streams": [
                {
                    "packs": [[pack.name, pack.size] for pack in stream.packs],
                    "hashes": stream.hashes,
                }
                for stream in manifest.streams
            ],
            "metrics": manifest.metrics,
            "metadata": manifest.metadata,
        }
    )
    checksum = _checksum(VERSION, 0, body)
    return HEADER.pack(MAGIC, VERSION, 0, len(body), checksum) + body


def _checksum(version: int, zero: int, body: bytes) -> int:
    start = HEADER.pack(MAGIC, version, zero, len(body), 0)
    hasher = xxhash.xxh3_64(start[:-8])
    hasher.update(body)
    return hasher.intdigest()


def _encode_structure(structure: Structure) -> Any:
    if not isinstance(structure, Node):
        return structure
    children = [_encode_structure(child) for child in structure.children]
    if structure.kind in KEYED:
        return [structure.kind, list(structure.keys), children]
    return [structure.kind, children]


def _encode_leaf(leaf: Leaf) -> dict[str, Any]:
    if isinstance(leaf, ArrayLeaf):
        impl = {} if leaf.impl is None else {"impl": leaf.impl}
        shards = [
            [shard.stream, shard.offset, list(shard.start), list(shard.shape)]
            for shard in leaf.shards
        ]
        record = {"kind": leaf.kind, "dtype": leaf.dtype, "shape": list(leaf.shape)}
        return {**record, "shards": shards, **impl}
    if leaf.kind == "none":
        return {"kind": leaf.kind}
    if leaf.kind == "scalar":
        name = stored_name(leaf.value.dtype)
        little = leaf.value.astype(dtype_named(name))
        return {"kind": leaf.kind, "dtype": name, "value": little.tobytes()}
    return {"kind": leaf.kind, "value": leaf.value}


def decode_manifest(data: bytes) -> Manifest:
    """The records in a MANIFEST's bytes; `FormatError` says what is wrong with them."""
    if len(data) < HEADER.size:
        raise FormatError(f"it has {len(data)} bytes, its header alone {HEADER.size}")
    magic, version, zero, length, checksum = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise FormatError(f"it starts with {magic!r}, not {MAGIC!r}")
    body = data[HEADER.size :]
    if len(body) != length:
        raise FormatError(f"its body has {len(body)} bytes, its header says {length}")
    if _checksum(version, zero, body) != checksum:
        raise FormatError("its checksum does not match its bytes")
    if version != VERSION:
        raise FormatError(
            f"its format version is {version}, this package reads version {VERSION}"
        )
    try:
        manifest = _decode_body(_unpack(body))
        _check_references(manifest)
    except FormatError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, struct.error) as error:
        raise FormatError(f"its records are malformed: {error!r}") from error
    return manifest


def _decode_body(body: dict[str, Any]) -> Manifest:
    return Manifest(
        attempt=body["attempt"],
        structure=_decode_structure(body["tree"]),
        leaves=[_decode_leaf(record) for record in body["leaves"]],
        streams=tuple(
            Stream(tuple(Pack(*pack) for pack in stream["packs"]), stream["hashes"])
            for stream in body["streams"]
        ),
        step=body["step"],
        created=body["created"],
        metrics=body["metrics"],
        metadata=body["metadata"],
        block_bytes=body["block_bytes"],
    )


def _decode_structure(node: Any) -> Structure:
    if isinstance(node, int):
        return node
    kind, *keys, children = node
    if kind not in (KEYED if keys else NUMBERED):
        raise FormatError(f"unknown container {kind!r}")
    names = tuple(keys[0]) if keys else ()
    return Node(kind, names, tuple(_decode_structure(child) for child in children))


def _decode_leaf(record: dict[str, Any]) -> Leaf:
    kind = record["kind"]
    if kind in PYTHON_KINDS:
        value = record.get("value")
        if type(value) is not PYTHON_KINDS[kind]:
            raise FormatError(f"a leaf of kind {kind!r} holds {value!r}")
        return ValueLeaf(kind, value)
    if kind == "scalar":
        (value,) = numpy.frombuffer(record["value"], dtype_named(record["dtype"]))
        return ValueLeaf(kind, value)
    if kind not in ARRAY_KINDS:
        raise FormatError(f"unknown leaf kind {kind!r}")
    shards = tuple(
        Shard(stream, offset, tuple(start), tuple(shape))
        for stream, offset, start, shape in record["shards"]
    )
    shape = tuple(record["shape"])
    return ArrayLeaf(kind, record["dtype"], shape, shards, record.get("impl"))


def _check_references(manifest: Manifest) -> None:
    """Every number that leads somewhere must lead inside what is stored."""
    for stream in manifest.streams:
        blocks = -(-stream.size // manifest.block_bytes)
        if len(stream.hashes) != 8 * blocks:
            raise FormatError(f"{len(stream.hashes)} hash bytes for {blocks} blocks")
        if any(pack.size % manifest.block_bytes for pack in stream.packs[:-1]):
            raise FormatError("a pack that is not the last ends inside a block")
        for pack in stream.packs:
            if not PACK_NAME.fullmatch(pack.name):
                raise FormatError(f"no pack can be called {pack.name!r}")
    sizes = [stream.size for stream in manifest.streams]
    for number, leaf in enumerate(manifest.leaves):
        if isinstance(leaf, ValueLeaf):
            continue
        _check_cover(number, leaf)
        for shard in leaf.shards:
            end = shard.offset + leaf.bytes_of(shard.shape)
            lowest = min(shard.stream, shard.offset, *shard.shape, 0)
            if lowest < 0 or end > sizes[shard.stream]:
                raise FormatError(f"leaf {number} lies outside its stream")


def _check_cover(number: int, leaf: ArrayLeaf) -> None:
    """Shards must lie inside their array and hold as many elements as it has."""
    for shard in leaf.shards:
        boxes = zip(shard.start, shard.shape, leaf.shape, strict=True)
        if any(start < 0 or start + size > whole for start, size, whole in boxes):
            raise FormatError(f"a shard lies outside leaf {number}")
    stored = sum(math.prod(shard.shape) for shard in leaf.shards)
    if stored != math.prod(leaf.shape):
        raise FormatError(f"the shards of leaf {number} do not cover it")
