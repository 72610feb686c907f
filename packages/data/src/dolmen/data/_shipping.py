"""How a pipeline gets into worker processes, and elements and exceptions out of them.

Functions and classes are sent by name: a worker imports the user's module and finds
them there. What no name leads to, a lambda or a function within a function, is sent by
value if `cloudpickle` is installed. It is no dependency, because most pipelines need
none of it, and because by value a function takes along, unseen, all it refers to.
"""

import dataclasses
import functools
import importlib.util
import io
import mmap
import multiprocessing
import multiprocessing.spawn
import pickle
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from ._errors import without_our_frames
from ._operations import Operation
from ._slots import Pickled
from ._stages import Stage
from ._transforms import function_name

# Smaller arrays cost less inside the pickle than beside it.
_SMALLEST_BUFFER = 512


def dump(element: Any) -> Pickled:
    """Pickles an element, with the memory of its arrays apart."""
    try:
        return _dump(element, _Pickler)
    except _NoNameError:
        return _dump(element, _by_value(_Pickler))


def dump_pipeline(pipeline: Any) -> Pickled:
    """Pickles what workers work on; files that it maps they map themselves.

    Raises:
        TypeError: a part of it can't be pickled; the message names the part.
    """
    try:
        try:
            return _dump(pipeline, _PipelinePickler)
        except _NoNameError:
            return _dump(pipeline, _by_value(_PipelinePickler))
    except Exception as error:  # noqa: BLE001 - any, as users' classes pickle themselves
        _explain(pipeline, error)


def _dump(element: Any, pickler: type[pickle.Pickler]) -> Pickled:
    buffers: list[memoryview] = []

    def stays_inside(buffer: pickle.PickleBuffer) -> bool:
        memory = buffer.raw()
        if memory.nbytes < _SMALLEST_BUFFER:
            return True
        buffers.append(memory)
        return False

    file = io.BytesIO()
    pickler(file, protocol=5, buffer_callback=stays_inside).dump(element)
    # No `getbuffer`: collecting it as garbage, with the traceback of an exception that
    # refers to it, ends in an error or a crash (seen in Python 3.12 and 3.13).
    return memoryview(file.getvalue()), buffers


class _Pickler(pickle.Pickler):
    """Pickles functions and classes by name, and any array without a needless copy."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, np.ndarray):
            return self.reduce_array(obj)
        if isinstance(obj, types.FunctionType | type) and not _is_found_by_name(obj):
            return self.reduce_nameless(obj)
        return NotImplemented

    def reduce_array(self, array: np.ndarray) -> Any:
        # NumPy hands out the memory of contiguous arrays only; others it copies twice.
        if type(array) is not np.ndarray or array.flags.forc or array.dtype.hasobject:
            return NotImplemented
        return np.ascontiguousarray(array).__reduce_ex__(5)

    def reduce_nameless(self, obj: types.FunctionType | type) -> Any:
        raise _NoNameError(obj)


class _PipelinePickler(_Pickler):
    def reduce_array(self, array: np.ndarray) -> Any:
        return _map_again(array) or super().reduce_array(array)


class _NoNameError(TypeError):
    def __init__(self, obj: types.FunctionType | type):
        code = getattr(obj, "__code__", None)
        place = f" ({code.co_filename}:{code.co_firstlineno})" if code else ""
        super().__init__(
            f"{function_name(obj)}{place} has no name by which another process could "
            "import it. Define it at the top level of a module, or install "
            "`cloudpickle`, with which it is sent by value"
        )


@functools.cache
def _by_value(pickler: type[_Pickler]) -> type[pickle.Pickler]:
    """Does what `pickler` does, and sends by value what has no name."""
    if importlib.util.find_spec("cloudpickle") is None:
        return pickler
    import cloudpickle

    class ByValue(pickler, cloudpickle.Pickler):
        def reduce_nameless(self, obj: types.FunctionType | type) -> Any:
            module = sys.modules.get(obj.__module__)
            by_value = cloudpickle.list_registry_pickle_by_value()
            if module is None or module.__name__ in by_value:
                return cloudpickle.Pickler.reducer_override(self, obj)
            # Otherwise it trusts the name of any module that this process has.
            cloudpickle.register_pickle_by_value(module)
            try:
                return cloudpickle.Pickler.reducer_override(self, obj)
            finally:
                cloudpickle.unregister_pickle_by_value(module)

    return ByValue


# They are not in `builtins`, where they say they are, but `pickle` knows them.
_SPECIAL_TYPES = (types.NoneType, types.EllipsisType, types.NotImplementedType)


def _is_found_by_name(obj: types.FunctionType | type) -> bool:
    """Whether another process finds it by importing its module."""
    if obj in _SPECIAL_TYPES:
        return True
    if not _is_importable(obj.__module__):
        return False
    found: Any = sys.modules.get(obj.__module__)
    for name in obj.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is obj


@functools.cache
def _is_importable(module: str) -> bool:
    """Whether another process could import a module by its name."""
    loaded = sys.modules.get(module)
    if module == "__main__":  # an interactive session is nowhere to be found
        return bool(getattr(loaded, "__spec__", None)) or hasattr(loaded, "__file__")
    if getattr(loaded, "__spec__", None) is None:
        return True
    # What `importlib.util.find_spec` looks for, but not among the modules that this
    # process has: test runners and plugin loaders import files under invented names.
    path, name = None, ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
        specs = (find(name, path) for find in finders if find is not None)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is None:
            return False
        path = spec.submodule_search_locations
    return True


def _map_again(array: np.ndarray) -> Any:
    """How to map a part of a file, for an array that is mapped and only read."""
    root: Any = array
    while isinstance(root, np.ndarray) and not isinstance(root.base, mmap.mmap):
        root = root.base
    if not isinstance(root, np.memmap) or root.filename is None or root.mode != "r":
        return None
    if not array.flags.c_contiguous or not array.size:
        return None
    start = array.ctypes.data - root.ctypes.data + root.offset
    return np.memmap, (root.filename, array.dtype, "r", start, array.shape)


def _explain(pipeline: Any, error: Exception) -> NoReturn:
    for name, part in _parts(pipeline):
        try:
            _dump(part, _by_value(_PipelinePickler))
        except _NoNameError as reason:
            text = f"{reason}."
        except Exception as reason:  # noqa: BLE001 - as above
            text = (
                f"{reason}. What belongs to one process, as open files and locks do, "
                "must be left out by `__getstate__` and made again by `__setstate__`."
            )
        else:
            continue
        raise TypeError(
            f"mp_prefetch: {name} can't be sent to worker processes: {text}"
        ) from error
    raise error


def _parts(pipeline: Any) -> Iterator[tuple[str, Any]]:
    """What the user gave to a pipeline, with the call that it was given to."""
    if isinstance(pipeline, tuple):
        for part in pipeline:
            yield from _parts(part)
    elif isinstance(pipeline, Stage | Operation):
        for field in dataclasses.fields(pipeline):
            value = getattr(pipeline, field.name)
            if isinstance(value, Stage | Operation | tuple):
                yield from _parts(value)
            elif not isinstance(pipeline, Stage) or field.name != "options":
                yield _call(pipeline), value
    else:
        yield f"`{function_name(pipeline)}`", pipeline


def _call(step: Stage | Operation) -> str:
    describe = getattr(step, "describe", None)
    return f"`{describe()}`" if describe else type(step).__name__


def preparation() -> dict[str, Any]:
    """What a worker must know of this process to import the same modules.

    Raises:
        RuntimeError: a worker is importing the main module, which starts workers
            itself because it has no ``if __name__ == "__main__":``.
    """
    prepared = multiprocessing.spawn.get_preparation_data("dolmen-data")
    del prepared["authkey"]  # a secret, for connections that workers do not make
    return prepared


def loader(prepared: dict[str, Any]) -> Callable[..., Any]:
    """A function that loads pipelines in a worker, once it is `prepared`."""
    keys = {"init_main_from_name", "init_main_from_path"}
    main = {key: prepared.pop(key) for key in keys & prepared.keys()}
    multiprocessing.spawn.prepare(prepared)

    class Unpickler(pickle.Unpickler):
        def find_class(self, module_name: str, global_name: str, /) -> Any:
            # Only now: the main module may be a whole program, and seldom matters.
            if module_name == "__main__" and main:
                # What `preparation` looks at, if the main module starts workers.
                process: Any = multiprocessing.current_process()
                process._inheriting = True
                multiprocessing.spawn.prepare(main)
                del process._inheriting
                main.clear()
            return super().find_class(module_name, global_name)

    def load(data: memoryview, buffers: Any) -> Any:
        return Unpickler(io.BytesIO(data), buffers=buffers).load()

    return load


# ---- Exceptions ----


def sendable(error: BaseException, place: str) -> BaseException:
    """An exception that can be sent, with a note of where it was raised.

    It is the same exception, unless that can't be pickled.
    """
    note = f"{place}:\n{_frames(error)}".rstrip()
    error.add_note(note)
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - any, as users' classes pickle themselves
        copy = None
    if type(copy) is type(error):
        return error
    kind = type(error)
    stand_in = RuntimeError(f"{kind.__module__}.{kind.__qualname__}: {error}")
    for line in getattr(error, "__notes__", []):
        stand_in.add_note(line)
    return stand_in


def _frames(error: BaseException) -> str:
    """The traceback and those of causes, without the lines that name the exception."""
    frames = without_our_frames(error.__traceback__)
    told = traceback.TracebackException(type(error), error, frames)
    lines = list(told.format())
    if told.__cause__ is None and told.__context__ is None:
        lines = lines[1:]  # "Traceback (most recent call last):"
    return "".join(lines[: len(lines) - len(list(told.format_exception_only()))])
