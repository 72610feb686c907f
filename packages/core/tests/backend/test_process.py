"""What concerns the whole process: jax, devices, the compilation cache."""

import os
import subprocess
import sys
import textwrap

import pytest


def run(code, **environment):
    env = {
        **os.environ,
        "DOLMEN_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env=env,
        timeout=120,
    )


@pytest.fixture
def fake_jax(tmp_path):
    """A directory with a module named jax, in place of the real one."""
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text("loaded = True\n")
    return str(tmp_path)


@pytest.mark.parametrize(
    "order", ["import jax, dolmen.core", "import dolmen.core, jax"]
)
def test_jax_in_the_same_process_is_one_clear_error(order, fake_jax):
    done = run(f"import sys; sys.path.insert(0, {fake_jax!r}); {order}")

    assert done.returncode == 1
    assert "\ndolmen and jax cannot share a process: " in done.stderr


def test_an_absent_jax_stays_an_ordinary_missing_module():
    done = run(
        """
        import importlib.util, sys
        import dolmen.core, dolmen.core.numpy as jnp
        jnp.ones(3) + 1.0
        assert "jax" not in sys.modules
        assert importlib.util.find_spec("jax") is None
        """
    )

    assert done.returncode == 0, done.stderr


def test_number_of_cpu_devices():
    code = "import dolmen.core as dc; print(len(dc.devices()))"

    assert run(code, DOLMEN_NUM_CPU_DEVICES="3").stdout.strip() == "3"
    flag = "--xla_force_host_platform_device_count=2"
    assert run(code, XLA_FLAGS=flag).stdout.strip() == "2"
    done = run(code, DOLMEN_NUM_CPU_DEVICES="many")
    assert "expected a whole number of at least 1 or None, got 'many'" in done.stderr


def test_arrays_committed_to_different_devices_cannot_meet():
    done = run(
        """
        import dolmen.core as dc, dolmen.core.numpy as jnp
        a, b = (dc.device_put(jnp.ones(2), d) for d in dc.devices())
        assert (a + 1.0).device == a.device
        assert (b + 1.0).device == b.device
        dc.jit(lambda a, b: a + b)(a, b)
        """,
        DOLMEN_NUM_CPU_DEVICES="2",
    )

    assert "arguments are committed to different devices" in done.stderr


CACHE_PROGRAM = """
    import pathlib, time
    import dolmen.core as dc, dolmen.core.numpy as jnp
    f = dc.jit(lambda x: jnp.tanh(x @ x).sum())
    print(float(f(jnp.ones((8, 8)))))
"""


def test_compiled_programs_are_kept_and_damage_is_a_miss(tmp_path):
    home = tmp_path / "cache"

    first = run(CACHE_PROGRAM, DOLMEN_COMPILATION_CACHE_DIR=str(home))
    names = {path.name for path in home.iterdir()}
    for path in home.iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    second = run(CACHE_PROGRAM, DOLMEN_COMPILATION_CACHE_DIR=str(home))
    third = run(CACHE_PROGRAM, DOLMEN_COMPILATION_CACHE_DIR=str(home))

    assert first.returncode == second.returncode == third.returncode == 0, second.stderr
    assert first.stdout == second.stdout == third.stdout
    assert names
    assert {path.name for path in home.iterdir()} == names
    assert home.stat().st_mode & 0o777 == 0o700


def test_the_cache_stays_within_its_bound(tmp_path):
    done = run(
        CACHE_PROGRAM,
        DOLMEN_COMPILATION_CACHE_DIR=str(tmp_path),
        DOLMEN_COMPILATION_CACHE_MAX_SIZE="20000",
    )

    assert done.returncode == 0, done.stderr
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20000


def test_an_unwritable_cache_is_no_error():
    done = run(CACHE_PROGRAM, DOLMEN_COMPILATION_CACHE_DIR="/proc/nowhere")

    assert done.returncode == 0, done.stderr
