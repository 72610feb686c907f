"""Recording what programs do when, and what they hold in memory.

A recording holds the calls of Python, what the runtime did and every operation on every
device. TensorBoard's profile plugin, XProf and https://ui.perfetto.dev show it;
`summary` says without any of them which operations took the time.

Example:
    >>> import tempfile
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core import profiler
    >>> step = dc.jit(lambda x: jnp.tanh(x @ x).sum())
    >>> x = jnp.ones((300, 300))
    >>> _ = step(x)  # compiled before, so that only running is recorded
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with profiler.trace(folder):
    ...         for number in range(3):
    ...             with profiler.StepTraceAnnotation("train", step_num=number):
    ...                 y = dc.block_until_ready(step(x))
    ...     report = profiler.summary(folder)
    >>> report.rows[0].count >= 1
    True
"""

import contextlib
import dataclasses
import functools
import gzip
import http.server
import json
import os
import pathlib
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

from ._backend import _profiling
from ._backend._profiling import (
    ProfileData,
    ProfileEvent,
    ProfileOptions,
    ProfilePlane,
    register_subprocess,
)
from ._ir import message, type_error, value_error

__all__ = [
    "OperationTime",
    "ProfileData",
    "ProfileEvent",
    "ProfileOptions",
    "ProfilePlane",
    "StepTraceAnnotation",
    "Summary",
    "TraceAnnotation",
    "annotate_function",
    "device_memory_profile",
    "register_subprocess",
    "save_device_memory_profile",
    "start_server",
    "start_trace",
    "stop_server",
    "stop_trace",
    "summary",
    "trace",
]
__dir__ = __all__.copy

_PERFETTO_PORT = 9001


class _State:
    """The recording and the server of this process; there is one of each at most."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session: Any = None
        self.folder = pathlib.Path()
        self.perfetto = False
        self.link = False
        self.server: Any = None


_state = _State()


def start_trace(
    log_dir: str | os.PathLike[str],
    create_perfetto_link: bool = False,
    create_perfetto_trace: bool = False,
    profiler_options: Any = None,
) -> None:
    """Begin a recording.

    Args:
        log_dir: folder that the files go to, below ``plugins/profile/<time>``.
        create_perfetto_link: when it ends, print a link that shows it in the browser of
            this machine, and wait until it was followed.
        create_perfetto_trace: when it ends, write ``perfetto_trace.json.gz`` too.
        profiler_options: what is recorded how finely.

    Raises:
        RuntimeError: one is going on already.
    """
    options = profiler_options
    if options is not None and not isinstance(options, ProfileOptions):
        raise type_error(
            f"start_trace: expected ProfileOptions or None as `profiler_options`, got "
            f"{options!r:.60}."
        )
    with _state.lock:
        if _state.session is not None:
            raise RuntimeError(
                message(
                    "start_trace: a recording is going on already, to "
                    f"{str(_state.folder)!r}.",
                    "End it first with `stop_trace()`.",
                )
            )
        folder = pathlib.Path(log_dir)
        folder.mkdir(parents=True, exist_ok=True)  # rather fail now than afterwards
        _state.session = _profiling.start_session(options)
        _state.folder = folder
        _state.link = create_perfetto_link
        _state.perfetto = create_perfetto_trace or create_perfetto_link


def stop_trace() -> None:
    """End the recording and write it.

    Raises:
        RuntimeError: there is none.
    """
    with _state.lock:
        if _state.session is None:
            raise RuntimeError(
                message(
                    "stop_trace: nothing is being recorded.",
                    "Begin with `start_trace(folder)`.",
                )
            )
        session, _state.session = _state.session, None
        session.stop_and_export(str(_state.folder))
        if _state.perfetto:
            path = _write_for_perfetto(_state.folder)
            if _state.link:
                _serve_to_perfetto(path)


@contextlib.contextmanager
def trace(
    log_dir: str | os.PathLike[str],
    create_perfetto_link: bool = False,
    create_perfetto_trace: bool = False,
    profiler_options: Any = None,
) -> Iterator[None]:
    """Record what happens in a `with` block; arguments are those of `start_trace`."""
    start_trace(log_dir, create_perfetto_link, create_perfetto_trace, profiler_options)
    try:
        yield
    finally:
        stop_trace()


class TraceAnnotation(_profiling.TraceMe):
    """Names a part of a recording: what runs in the `with` block.

    Args:
        name: what the part is called.
        **kwargs: numbers and strings to show with it.

    Example:
        >>> from dolmen.core import profiler
        >>> with profiler.TraceAnnotation("load", part=3):
        ...     pass
    """


class StepTraceAnnotation(TraceAnnotation):
    """Names a step of training, so that viewers show a summary for each step.

    Args:
        name: what the step is called.
        **kwargs: shown with it; `step_num` is the number of the step.

    Example:
        >>> from dolmen.core import profiler
        >>> with profiler.StepTraceAnnotation("train", step_num=0):
        ...     pass
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, _r=1, **kwargs)


def annotate_function(
    func: Callable[..., Any], name: str | None = None, **decorator_kwargs: Any
) -> Callable[..., Any]:
    """A function whose calls are a named part of a recording.

    Args:
        func: the function.
        name: what its calls are called; by default its own name.
        **decorator_kwargs: shown with each.

    Example:
        >>> from dolmen.core import profiler
        >>> @profiler.annotate_function
        ... def load():
        ...     return 3
        >>> load()
        3
    """
    named = name or getattr(func, "__qualname__", None) or repr(func)

    @functools.wraps(func)
    def annotated(*args: Any, **kwargs: Any) -> Any:
        with TraceAnnotation(named, **decorator_kwargs):
            return func(*args, **kwargs)

    return annotated


def start_server(port: int, requires_backend: bool = True) -> Any:
    """Let viewers record this process while it runs.

    Args:
        port: where it listens; TensorBoard's button for recording asks for it.
        requires_backend: start devices first, so that they are recorded.

    Returns:
        The server, which `stop_server` ends.

    Raises:
        RuntimeError: there is one already.
    """
    with _state.lock:
        if _state.server is not None:
            raise RuntimeError(
                message(
                    "start_server: there is a server already.",
                    "End it first with `stop_server()`.",
                )
            )
        if requires_backend:
            _profiling.client()
        _state.server = _profiling.start_server(port)
        return _state.server


def stop_server() -> None:
    """End the server.

    Raises:
        RuntimeError: there is none.
    """
    with _state.lock:
        if _state.server is None:
            raise RuntimeError(
                message(
                    "stop_server: there is no server.",
                    "Begin with `start_server(port)`.",
                )
            )
        _state.server = None  # nobody else holds it


def device_memory_profile(backend: str | None = None) -> bytes:
    """What arrays and programs hold on the devices, by the lines that made them.

    Args:
        backend: name of a platform, by default the one in use.

    Returns:
        A profile that `pprof <https://github.com/google/pprof>`_ shows.

    Example:
        >>> from dolmen.core import profiler
        >>> b"space" in profiler.device_memory_profile()
        True
    """
    return _profiling.heap_profile(backend)


def save_device_memory_profile(
    filename: str | os.PathLike[str], backend: str | None = None
) -> None:
    """Write `device_memory_profile` to a file.

    Args:
        filename: where to.
        backend: name of a platform, by default the one in use.
    """
    pathlib.Path(filename).write_bytes(device_memory_profile(backend))


# ---- where the time went -------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class OperationTime:
    """How long an operation of a compiled program took in a recording.

    Attributes:
        module: the program.
        name: the operation, as XLA calls it.
        count: how often it ran, on all devices together.
        total_ms: how long, all together, in milliseconds.
    """

    module: str
    name: str
    count: int
    total_ms: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """Which operations took the time of a recording; printing it shows a table.

    Attributes:
        rows: the operations, those first that took longest.
    """

    rows: tuple[OperationTime, ...]

    def __str__(self) -> str:
        total = sum(row.total_ms for row in self.rows)
        shown = self.rows[:_ROWS_SHOWN]
        width = max([len(f"{r.module}: {r.name}") for r in shown], default=9)
        lines = [f"{'operation':{width}}  {'count':>7}  {'ms':>10}  {'share':>6}"]
        lines += [
            f"{f'{row.module}: {row.name}':{width}}  {row.count:7}  "
            f"{row.total_ms:10.3f}  {row.total_ms / (total or 1):6.1%}"
            for row in shown
        ]
        rest = len(self.rows) - len(shown)
        if rest:
            lines.append(f"and {rest} more")
        return "\n".join(lines)


_ROWS_SHOWN = 20


def summary(log_dir: str | os.PathLike[str]) -> Summary:
    """Which operations took the time of a recording.

    Args:
        log_dir: the folder given to `start_trace` (of several recordings the latest
            counts), or a file ``*.xplane.pb``.

    Returns:
        The operations of compiled programs. Those that run within each other, as loops
        and what they hold, are counted each.

    Raises:
        ValueError: there is no recording.
    """
    times: dict[tuple[str, str], list[float]] = {}
    data = ProfileData.from_file(str(_recording_in(pathlib.Path(log_dir))))
    for plane in data.planes:
        for line in plane.lines:
            for event in line.events:
                stats = dict(event.stats)
                if "hlo_op" in stats:
                    key = str(stats.get("hlo_module", "")), str(stats["hlo_op"])
                    times.setdefault(key, []).append(event.duration_ns * 1e-6)
    rows = [
        OperationTime(module, name, len(each), sum(each))
        for (module, name), each in times.items()
    ]
    return Summary(tuple(sorted(rows, key=lambda row: -row.total_ms)))


def _recording_in(path: pathlib.Path) -> pathlib.Path:
    if path.is_file():
        return path
    found = sorted(path.glob("**/*.xplane.pb"), key=lambda p: p.stat().st_mtime_ns)
    if not found:
        raise value_error(
            f"summary: there is no recording in {str(path)!r}.",
            "Pass the folder that `start_trace` got, after `stop_trace`.",
        )
    return found[-1]


# ---- Perfetto ------------------------------------------------------------------------


def _write_for_perfetto(folder: pathlib.Path) -> pathlib.Path:
    """The recording in the form that Perfetto reads, beside the other files."""
    recording = _recording_in(folder)
    source = recording.with_name(recording.name.replace(".xplane.pb", ".trace.json.gz"))
    with gzip.open(source) as stream:
        events = json.load(stream)
    if not events["traceEvents"][-1]:  # the writer leaves an empty one at the end
        del events["traceEvents"][-1]
    target = recording.with_name("perfetto_trace.json.gz")
    with gzip.open(target, "wt", encoding="utf-8") as stream:
        json.dump(events, stream)
    return target


def _serve_to_perfetto(path: pathlib.Path) -> None:
    """Print a link, and wait until the browser has fetched the file."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Origin", "https://ui.perfetto.dev")
            super().end_headers()

        def do_GET(self) -> None:
            self.server.fetched = self.path.endswith(path.name)  # type: ignore[attr-defined]
            super().do_GET()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    socketserver.TCPServer.allow_reuse_address = True
    handler = functools.partial(Handler, directory=str(path.parent))
    with socketserver.TCPServer(("127.0.0.1", _PERFETTO_PORT), handler) as server:
        address = f"http://127.0.0.1:{_PERFETTO_PORT}/{path.name}"
        shown = f"https://ui.perfetto.dev/#!/?url={address}"
        print(f"Open {shown} to see the recording.", flush=True)  # noqa: T201
        while not getattr(server, "fetched", False):
            server.handle_request()
