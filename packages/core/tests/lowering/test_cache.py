"""Compiled programs on disk."""

import errno
import logging
import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config
from dolmen.core._lowering import _cache, forget_executables
from dolmen.core.experimental import compilation_cache


@pytest.fixture
def home(tmp_path):
    """An empty cache that keeps everything, for one test."""
    names = {
        "compilation_cache_dir": str(tmp_path / "cache"),
        "persistent_cache_min_compile_time_secs": 0.0,
        "explain_cache_misses": True,
    }
    before = {name: config.read(name) for name in [*names, *OTHERS]}
    for name, value in names.items():
        config.update(name, value)
    _cache.reset()
    yield tmp_path / "cache"
    for name, value in before.items():
        config.update(name, value)
    _cache.reset()


OTHERS = (
    "compilation_cache_max_size",
    "persistent_cache_min_entry_size_bytes",
    "raise_persistent_cache_errors",
    "enable_compilation_cache",
    "compilation_cache_include_metadata_in_key",
    "optimization_level",
    "log_compiles",
)


def compiled(n=3, scale=2.0):
    """Compiles a new function, equal to that of every other call.

    As in a new process, which has nothing in memory.
    """
    forget_executables()

    def cached_function(x):
        return jnp.tanh(x) * scale

    return dc.jit(cached_function)(np.ones(n, np.float32))


def files(home):
    return {path.name for path in home.glob("jit_cached_function-*")}


def reports(caplog):
    return [
        record.getMessage()
        for record in caplog.records
        if "jit_cached_function" in record.getMessage()
        and record.levelno == logging.WARNING
    ]


def test_the_second_time_a_program_comes_from_disk(home, caplog):
    first = compiled()
    config.update("log_compiles", True)
    second = compiled()

    assert len(files(home)) == 1
    assert any("Finished loading from disk" in line for line in reports(caplog))
    assert not any("Compiling" in line for line in reports(caplog))
    np.testing.assert_array_equal(first, second)


def test_a_first_miss_is_explained(home, caplog):
    compiled()

    assert reports(caplog) == [
        "jit_cached_function (f32[3]) -> (f32[3]) is not on disk: nothing was kept of "
        "jit_cached_function before."
    ]


def test_other_types_are_named_as_the_reason_of_a_miss(home, caplog):
    compiled(3)
    caplog.clear()

    compiled(4)

    assert reports(caplog) == [
        "jit_cached_function (f32[4]) -> (f32[4]) is not on disk: the nearest earlier "
        "entry differs in types ((f32[3]) -> (f32[3]) then, (f32[4]) -> (f32[4]) now)."
    ]


def test_another_program_is_named_as_the_reason_of_a_miss(home, caplog):
    compiled(3)
    compiled(4)
    caplog.clear()

    compiled(4, scale=3.0)

    assert reports(caplog) == [
        "jit_cached_function (f32[4]) -> (f32[4]) is not on disk: the nearest earlier "
        "entry differs in program."
    ]


def test_other_compile_options_are_named_as_the_reason_of_a_miss(home, caplog):
    compiled()
    caplog.clear()

    config.update("optimization_level", "O1")
    compiled()

    assert reports(caplog) == [
        "jit_cached_function (f32[3]) -> (f32[3]) is not on disk: the nearest earlier "
        "entry differs in compile options."
    ]


def test_other_xla_flags_are_named_as_the_reason_of_a_miss(home, caplog, monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    compiled()
    caplog.clear()

    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    compiled()

    assert reports(caplog) == [
        "jit_cached_function (f32[3]) -> (f32[3]) is not on disk: the nearest earlier "
        "entry differs in XLA_FLAGS ( then, --xla_cpu_enable_fast_math=false now)."
    ]


def test_a_damaged_entry_is_a_miss_and_written_again(home, caplog):
    compiled()
    (path,) = home.glob("jit_cached_function-*")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    caplog.clear()

    result = compiled()

    assert reports(caplog)[0].endswith(
        "is not on disk: nothing was kept of jit_cached_function before."
    )
    np.testing.assert_array_equal(result, np.tanh(np.ones(3, np.float32)) * 2)
    assert _cache.read(path.name) is not None


@pytest.mark.parametrize("length", [0, 5, 30, 60])
def test_a_truncated_entry_is_a_miss(home, length):
    compiled()
    (path,) = home.glob("jit_cached_function-*")
    path.write_bytes(path.read_bytes()[:length])

    assert _cache.read(path.name) is None
    assert not path.exists()


def test_a_damaged_entry_raises_where_asked(home):
    compiled()
    (path,) = home.glob("jit_cached_function-*")
    path.write_bytes(b"nonsense")
    config.update("raise_persistent_cache_errors", True)

    with pytest.raises(_cache.DamagedEntryError) as raised:
        compiled()

    assert str(raised.value) == f"compilation cache: {path} is damaged."


def test_entries_of_another_function_do_not_explain_a_miss(home, caplog):
    dc.jit(lambda x: x * 3.5)(np.ones(3, np.float32))

    compiled()

    assert "nothing was kept of jit_cached_function" in reports(caplog)[0]


def test_nothing_is_kept_when_the_cache_is_off(home):
    config.update("enable_compilation_cache", False)

    compiled()

    assert files(home) == set()


def test_programs_that_compile_fast_are_not_kept(home):
    config.update("persistent_cache_min_compile_time_secs", 1000.0)

    compiled()

    assert files(home) == set()


def test_small_programs_are_not_kept(home):
    config.update("persistent_cache_min_entry_size_bytes", 1 << 30)

    compiled()

    assert files(home) == set()


def test_lines_make_no_difference_unless_asked(home):
    f = dc.jit(lambda x: jnp.cos(x) * 2.5)
    g = dc.jit(lambda x: jnp.cos(x) * 2.5)
    x = np.ones(3, np.float32)
    f(x), g(x)
    without = len(list(home.iterdir()))

    config.update("compilation_cache_include_metadata_in_key", True)
    dc.jit(lambda x: jnp.cos(x) * 2.5)(x)
    dc.jit(lambda x: jnp.cos(x) * 2.5)(x)

    assert without == 1
    assert len(list(home.iterdir())) == 3


def test_what_was_unused_for_longest_goes_first(home):
    compiled(3)
    size = sum(path.stat().st_size for path in home.iterdir())
    (oldest,) = files(home)
    compiled(4)
    recent = files(home) - {oldest}
    for age, name in enumerate([*recent, oldest]):
        os.utime(home / name, (1e9 - age, 1e9 - age))

    config.update("compilation_cache_max_size", int(2.5 * size))
    compiled(5)

    assert oldest not in files(home)
    assert recent < files(home)


def test_a_full_directory_is_emptied_by_a_tenth(home):
    compiled(3), compiled(4), compiled(5)
    sizes = sorted(path.stat().st_size for path in home.iterdir())

    left = _cache._shrink(home, sum(sizes) - 1)

    assert left <= 0.9 * (sum(sizes) - 1)
    assert left == sum(path.stat().st_size for path in home.iterdir())


def test_a_directory_is_looked_at_again_only_when_it_may_be_full(home, monkeypatch):
    looks = []
    shrink = _cache._shrink

    def noted(*args):
        looks.append(args)
        return shrink(*args)

    monkeypatch.setattr(_cache, "_shrink", noted)
    compiled(3), compiled(4)
    at_first = len(looks)
    monkeypatch.setattr(_cache, "_SECONDS_BETWEEN_LOOKS", 0.0)
    compiled(5)

    assert (at_first, len(looks)) == (1, 2)


def test_without_a_bound_nothing_goes(home):
    config.update("compilation_cache_max_size", -1)

    compiled(3), compiled(4), compiled(5)

    assert len(files(home)) == 3


def test_a_program_larger_than_the_cache_is_not_written(home):
    config.update("compilation_cache_max_size", 10)

    compiled()

    assert not home.exists()


def fail_to_write(monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(_cache.tempfile, "mkstemp", refuse)


def test_a_full_disk_warns_once(home, monkeypatch):
    fail_to_write(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))

    with pytest.warns(UserWarning, match="kept") as caught:
        compiled(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(4)

    assert [str(warning.message) for warning in caught] == [
        f"compiled programs can't be kept in {home}: [Errno 28] No space left on "
        "device. They are compiled again where they are missing. Choose another "
        "directory with `config.update('compilation_cache_dir', ...)`, or switch the "
        "cache off with `config.update('enable_compilation_cache', False)`."
    ]


def test_a_full_disk_raises_where_asked(home, monkeypatch):
    fail_to_write(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    config.update("raise_persistent_cache_errors", True)

    with pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device$"):
        compiled()


def test_files_of_another_user_are_not_loaded(home, monkeypatch, tmp_path):
    config.update("compilation_cache_dir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    usual = tmp_path / "dolmen" / "executables"
    compiled()
    (path,) = usual.glob("jit_cached_function-*")
    foreign = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: foreign)

    with pytest.warns(UserWarning, match="^compiled programs can't be") as caught:
        result = compiled()

    described = [str(warning.message).split(". They")[0] for warning in caught]
    assert described == [
        f"compiled programs can't be read in {usual}: {path} belongs to another user "
        f"({foreign - 1})",
        f"compiled programs can't be kept in {usual}: {usual} belongs to another user "
        f"({foreign - 1})",
    ]
    np.testing.assert_array_equal(result, np.tanh(np.ones(3, np.float32)) * 2)


def test_an_unreadable_entry_warns_once_and_is_a_miss(home):
    compiled()
    (path,) = home.glob("jit_cached_function-*")
    path.unlink()
    path.mkdir()  # reading it fails, whoever asks

    with pytest.warns(UserWarning, match="^compiled programs can't be") as caught:
        results = compiled(), compiled()

    words = [str(warning.message).split(" in ")[0] for warning in caught]
    assert words == [f"compiled programs can't be {w}" for w in ("read", "kept")]
    np.testing.assert_array_equal(results, 2 * [np.tanh(np.ones(3, np.float32)) * 2])


def test_the_directory_is_chosen_by_function_too(home, tmp_path):
    compilation_cache.set_cache_dir(tmp_path / "other")
    compiled()

    assert compilation_cache.get_cache_dir() == str(tmp_path / "other")
    assert len(files(tmp_path / "other")) == 1
    assert not home.exists()


def test_a_reset_cache_complains_again_and_keeps_its_files(home, monkeypatch):
    compiled()
    kept = files(home)
    fail_to_write(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))

    def twice():
        compiled(4)
        compilation_cache.reset_cache()
        compiled(5)

    with pytest.warns(UserWarning, match="kept") as caught:
        twice()

    assert len(caught) == 2
    assert files(home) == kept


def test_caches_of_xla_itself_are_beside_the_programs_on_a_gpu(home):
    class Gpu:
        platform = "gpu"

    options = dc._backend.compile_options(dc.devices()[:1])
    debug = options.executable_build_options.debug_options
    _cache.keep_xla_caches(options, dc.devices()[0])
    on_cpu = debug.xla_gpu_per_fusion_autotune_cache_dir
    _cache.keep_xla_caches(options, Gpu())

    assert on_cpu == ""
    assert debug.xla_gpu_per_fusion_autotune_cache_dir == str(
        home / "xla_gpu_per_fusion_autotune_cache_dir"
    )
    assert debug.xla_gpu_kernel_cache_file == ""


PROGRAM = """
    import numpy as np
    import dolmen.core as dc, dolmen.core.numpy as jnp
    for n in range(1, 7):
        f = dc.jit(lambda x: jnp.tanh(x) @ x * n)
        assert abs(float(f(np.ones(n, np.float32))) - 0.761594 * n * n) < 1e-3
"""


def test_processes_share_one_cache_at_once(tmp_path):
    environment = {
        **os.environ,
        "DOLMEN_COMPILATION_CACHE_DIR": str(tmp_path),
        "DOLMEN_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "DOLMEN_COMPILATION_CACHE_MAX_SIZE": "40000",  # a few entries: they also go
        "DOLMEN_RAISE_PERSISTENT_CACHE_ERRORS": "1",
    }

    def start(program):
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    processes = [start(PROGRAM) for _ in range(3)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    # Two that write at once may leave too much; who writes next makes room.
    last = start(PROGRAM.replace("n in range(1, 7)", "n in [7]"))
    errors.append(last.communicate(timeout=120)[1])

    assert errors == ["", "", "", ""]
    assert [process.returncode for process in (*processes, last)] == [0, 0, 0, 0]
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert 0 < sum(sizes) <= 40000
    assert not list(tmp_path.glob(".tmp-*"))


def test_programs_that_call_python_are_not_kept(home):
    @dc.jit
    def cached_function(x):
        return dc.pure_callback(np.sin, dc.ShapeDtypeStruct((3,), np.float32), x)

    cached_function(np.ones(3, np.float32))

    assert files(home) == set()
