"""Recordings of what programs do."""

import gzip
import json
import socket
import threading
import time
import urllib.request

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import profiler


def heavy(x):
    return jnp.tanh(x @ x).sum()


@pytest.fixture
def recorded(tmp_path):
    """A folder with a recording of three steps."""
    step = dc.jit(heavy)
    x = jnp.ones((300, 300))
    step(x)
    with profiler.trace(tmp_path, create_perfetto_trace=True):
        for number in range(3):
            with profiler.StepTraceAnnotation("train", step_num=number):
                step(x).block_until_ready()
        with profiler.TraceAnnotation("by hand", part="first"):
            time.sleep(0.01)
        annotated()
    return tmp_path


@profiler.annotate_function
def annotated():
    """Says something."""
    return 3


def events(folder):
    (path,) = folder.glob("**/*.xplane.pb")
    data = profiler.ProfileData.from_file(str(path))
    return [
        (event.name, dict(event.stats), event.duration_ns)
        for plane in data.planes
        for line in plane.lines
        for event in line.events
    ]


def test_a_recording_has_what_was_named(recorded):
    found = events(recorded)

    steps = [stats["step_num"] for name, stats, _ in found if name == "train"]
    assert sorted(steps) == [0, 1, 2]
    (by_hand,) = [e for e in found if e[0] == "by hand"]
    assert by_hand[1]["part"] == "first"
    assert by_hand[2] > 9e6
    assert any(name == "annotated" for name, _, _ in found)
    assert annotated.__doc__ == "Says something."


def test_a_summary_says_which_operations_took_the_time(recorded):
    report = profiler.summary(recorded)

    assert {row.module for row in report.rows} == {"jit_heavy"}
    # The last events may come too late to be recorded, and threads share operations.
    assert all(row.count >= 1 for row in report.rows)
    assert list(report.rows) == sorted(report.rows, key=lambda r: -r.total_ms)
    lines = str(report).splitlines()
    assert lines[0].split() == ["operation", "count", "ms", "share"]
    assert lines[1].startswith(f"jit_heavy: {report.rows[0].name}")
    (path,) = recorded.glob("**/*.xplane.pb")
    assert profiler.summary(path) == report


def test_perfetto_gets_a_file_of_its_own(recorded):
    (path,) = recorded.glob("**/perfetto_trace.json.gz")
    with gzip.open(path) as stream:
        names = {event.get("name") for event in json.load(stream)["traceEvents"]}
    assert "by hand" in names


def test_perfetto_gets_a_link_and_fetches_the_file(tmp_path, capsys):
    fetched = []

    def follow():
        address = f"http://127.0.0.1:{profiler._PERFETTO_PORT}/perfetto_trace.json.gz"
        for _ in range(200):
            try:
                with urllib.request.urlopen(address) as answer:
                    allowed = answer.headers["Access-Control-Allow-Origin"]
                    fetched.append((allowed, answer.read()))
                return
            except OSError:
                time.sleep(0.05)

    browser = threading.Thread(target=follow)
    browser.start()
    with profiler.trace(tmp_path, create_perfetto_link=True):
        dc.jit(heavy)(jnp.ones((10, 10)))
    browser.join()

    ((allowed, content),) = fetched
    assert allowed == "https://ui.perfetto.dev"
    assert json.loads(gzip.decompress(content))["traceEvents"]
    assert (
        "https://ui.perfetto.dev/#!/?url=http://127.0.0.1:" in capsys.readouterr().out
    )


def test_options(tmp_path):
    options = profiler.ProfileOptions()
    options.host_tracer_level = 0
    with (
        profiler.trace(tmp_path, profiler_options=options),
        profiler.TraceAnnotation("unseen"),
    ):
        pass
    assert all(name != "unseen" for name, _, _ in events(tmp_path))


def test_misuse(tmp_path):
    with pytest.raises(RuntimeError, match=r"nothing is being recorded(.|\n)*start_tr"):
        profiler.stop_trace()
    with (
        profiler.trace(tmp_path),
        pytest.raises(RuntimeError, match="is going on already, to"),
    ):
        profiler.start_trace(tmp_path)
    with pytest.raises(TypeError, match="expected ProfileOptions"):
        profiler.start_trace(tmp_path, profiler_options={"host_tracer_level": 1})
    with pytest.raises(ValueError, match="there is no recording in"):
        profiler.summary(tmp_path / "elsewhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        profiler.start_trace(tmp_path / "file")
    with pytest.raises(RuntimeError, match="there is no server"):
        profiler.stop_server()


def test_a_server():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port = found.getsockname()[1]
    assert profiler.start_server(port) is not None
    with pytest.raises(RuntimeError, match="there is a server already"):
        profiler.start_server(port)
    with socket.create_connection(("localhost", port), timeout=5):
        pass
    profiler.stop_server()


def make_large():
    return jnp.zeros((1000, 1000)) + 1


def test_memory_by_the_line_that_made_it(tmp_path):
    large = make_large()
    profiler.save_device_memory_profile(tmp_path / "memory.prof")

    content = (tmp_path / "memory.prof").read_bytes()
    assert b"make_large" in content
    assert large.shape == (1000, 1000)
