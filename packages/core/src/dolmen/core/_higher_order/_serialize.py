"""Compiled functions as bytes.

The format: a magic line; the length of what follows in eight bytes (little endian) and
that, JSON that describes the function; the executable, in the backend's own format; the
values of the arrays it closed over, one after the other.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._ir import ArrayType, Program, array_type, dtypes, message, value_error
from .._lowering import Executable
from .._tracing import AbstractRef, typeof
from ._stages import Arguments, Compiled
from ._trace_cache import TracedFunction

_MAGIC = b"dolmen-compiled-1\n"


def serialize(compiled: Compiled) -> tuple[bytes, Any, Any]:
    """A compiled function as bytes, and the trees of its arguments and results.

    Args:
        compiled: what `jit(f).lower(...).compile()` returns.

    Returns:
        The arguments of `deserialize_and_load`. The trees can be pickled if their
        containers can.

    Raises:
        ValueError: the function calls Python while it runs, works on refs, or was
            loaded from bytes itself.
    """
    executable, traced = compiled._executable, compiled._traced
    takes_refs = any(isinstance(t, AbstractRef) for t in compiled._arguments.types)
    if executable.calls_host or traced.stateful or takes_refs:
        why = "calls Python while it runs" if executable.calls_host else "uses refs"
        raise value_error(
            f"serialize: {traced.name} {why}, and what is outside it can't be stored.",
            "Serialize the part of the function without it.",
        )
    if compiled._afresh is None:
        raise value_error(
            f"serialize: {traced.name} was itself loaded from bytes, which the runtime "
            "can't serialize again.",
            "Pass those bytes on.",
        )
    if len(executable.devices) > 1:
        raise value_error(
            f"serialize: {traced.name} runs on {len(executable.devices)} devices; only "
            "functions on one can be stored.",
        )
    arguments = compiled._arguments
    from_compiler = executable.origin == "compiler"
    loaded = executable.loaded if from_compiler else compiled._afresh()
    body = _backend.serialize_executable(loaded)
    values = [np.ascontiguousarray(_backend.host_value(c)) for c in traced.captures]
    about = {
        "name": traced.name,
        "made by": _backend.platform_fingerprint(executable.device),
        "arguments": [describe(type) for type in arguments.types],
        "donated": list(arguments.donated),
        "names": arguments.names(),
        "results": [describe(type) for type in executable.out_types],
        "kept": list(executable.kept),
        "captures": [describe(typeof(value)) for value in traced.captures],
        "bytes": len(body),
    }
    header = json.dumps(about).encode()
    parts = (_MAGIC, len(header).to_bytes(8, "little"), header, body)
    return (
        b"".join([*parts, *(value.tobytes() for value in values)]),
        compiled.in_tree,
        compiled.out_tree,
    )


def deserialize_and_load(
    serialized: bytes,
    in_tree: Any,
    out_tree: Any,
    backend: str | None = None,
    execution_devices: Sequence[Any] | None = None,
) -> Compiled:
    """The compiled function in the result of `serialize`.

    Args:
        serialized: the bytes. They hold machine code: load only what you trust.
        in_tree: tree of the arguments.
        out_tree: tree of the results.
        backend: name of the platform; that of this process is the only one there is.
        execution_devices: the device to run on, in a sequence; by default the first.

    Returns:
        The function, to be called with arguments of the types it was compiled for.

    Raises:
        ValueError: these are not such bytes, they were made on another kind of machine
            or by another version, or there is no such backend.
    """
    device = execution_devices[0] if execution_devices else _backend.default_device()
    if backend not in (None, device.platform):
        raise value_error(
            f"deserialize_and_load: backend={backend!r}, but this process runs on "
            f"{device.platform!r}."
        )
    about, content = _parse(serialized)
    here = _backend.platform_fingerprint(device)
    if about["made by"] != here:
        differ = [k for k in here if about["made by"].get(k) != here[k]]
        raise value_error(
            f"deserialize_and_load: {about['name']} was compiled elsewhere:\n"
            + "\n".join(
                f"  {k}: expected {here[k]}, got {about['made by'].get(k)}"
                for k in differ
            ),
            "Compile it here again.",
        )
    body, rest = content[: about["bytes"]], content[about["bytes"] :]
    options = _backend.compile_options((device,))
    loaded = _backend.deserialize_executable(body, (device,), options)
    results = tuple(map(described_type, about["results"]))
    kept = tuple(about["kept"])
    here = _backend.device_sharding(device)
    executable = Executable(
        loaded,
        about["name"],
        kept,
        results,
        (device,),
        (here,) * len(kept),
        (here,) * len(results),
        origin="bytes",
    )
    types = tuple(map(described_type, about["arguments"]))
    captures = _arrays(list(map(described_type, about["captures"])), rest, device)
    return Compiled(
        about["name"],
        Arguments(in_tree, types, tuple(about["donated"]), lambda: about["names"]),
        results,
        executable,
        TracedFunction(Program([], [], []), captures, out_tree, about["name"]),
    )


def _parse(serialized: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(_MAGIC) + 8
    if not serialized.startswith(_MAGIC) or len(serialized) < start:
        raise ValueError(
            message(
                "deserialize_and_load: expected bytes that `serialize` returned, got "
                f"{serialized[:20]!r}...",
            )
        )
    end = start + int.from_bytes(serialized[len(_MAGIC) : start], "little")
    return json.loads(serialized[start:end]), serialized[end:]


def describe(type: ArrayType | AbstractRef) -> list[Any]:
    """A type as JSON holds it."""
    assert isinstance(type, ArrayType), type  # functions of refs are refused
    return [list(type.shape), type.dtype.name, type.weak_type]


def described_type(
    described: Sequence[Any], function: str = "deserialize_and_load"
) -> ArrayType:
    """The way back from `describe`; `function` is whose message an error is."""
    shape, dtype, weak_type = described
    named = dtypes.as_dtype(dtype, function=function)
    return array_type(tuple(shape), named, weak_type)


def _arrays(types: Sequence[ArrayType], data: bytes, device: Any) -> list[Any]:
    """Arrays of these types from their bytes, one after the other."""
    made, start = [], 0
    for type in types:
        end = start + type.nbytes
        value = np.frombuffer(data[start:end], type.dtype).reshape(type.shape)
        made.append(_backend.put(value, type, device))
        start = end
    return made
