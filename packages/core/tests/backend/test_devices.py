"""Devices and processes, and where computations run."""

import os
import subprocess
import sys
import textwrap

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_lone_process_counts_itself():
    assert (dc.process_count(), dc.process_index(), dc.process_indices()) == (1, 0, [0])
    assert (dc.host_count(), dc.host_id(), dc.host_ids()) == (1, 0, [0])


def test_devices_are_counted_by_platform():
    assert dc.default_backend() == "cpu"
    assert dc.device_count() == dc.device_count("cpu") == len(dc.devices())
    assert dc.local_device_count() == len(dc.local_devices(0, "cpu"))


def test_a_platform_that_is_not_in_use_is_an_error():
    with pytest.raises(RuntimeError) as raised:
        dc.devices("tpu")

    assert str(raised.value) == (
        "devices: `backend` 'tpu' is not in use, 'cpu' is. Choose the platform before "
        "the first array is made, with `config.update('platforms', ...)` or the "
        "environment variable DOLMEN_PLATFORMS."
    )


def test_an_unknown_process_is_an_error():
    with pytest.raises(ValueError) as raised:
        dc.local_devices(7)

    assert str(raised.value) == (
        "local_devices: `process_index` must be one of [0], got 7."
    )


def test_live_arrays_are_those_that_are_held():
    x = jnp.ones(1237)
    held = [a for a in dc.live_arrays() if a.shape == (1237,)]
    x.delete()

    assert len(held) == 1
    assert not [a for a in dc.live_arrays() if a.shape == (1237,)]


def test_the_environment_is_described(capsys):
    text = dc.print_environment_info(return_string=True)
    dc.print_environment_info()

    assert capsys.readouterr().out == f"{text}\n"
    assert f"python: {sys.version}" in text
    assert "devices: 8, of this process cpu:0, cpu:1, " in text


def test_the_default_device_is_where_uncommitted_work_runs():
    done = run(
        """
        import numpy as np
        import dolmen.core as dc, dolmen.core.numpy as jnp
        from dolmen.core import random
        first, second = dc.devices()
        f = dc.jit(lambda x: x * 2)
        host, x = np.ones(3, np.float32), jnp.ones(3)
        held = dc.device_put(x, first)
        makers = [
            lambda: jnp.zeros(3), lambda: jnp.arange(3), lambda: jnp.array([1.0]),
            lambda: jnp.asarray(host), lambda: dc.device_put(host), lambda: f(host),
            lambda: f(x), lambda: x + 1, lambda: f(2.0), lambda: random.key(0),
            lambda: random.uniform(random.key(1)),
            lambda: dc.grad(lambda x: f(x).sum())(x),
        ]
        for _ in range(3):  # also on the compiled fast path
            for make in makers:
                assert make().device == first, make
            with dc.default_device(second):
                for make in makers:
                    made = make()
                    assert made.device == second, make
                assert not made.committed
                assert f(held).device == first
                with dc.default_device(None):
                    assert f(x).device == first
        dc.config.update("default_device", second)
        assert f(x).device == second
        with dc.default_device("cpu"):
            assert f(x).device == first
        try:
            with dc.default_device("tpu"):
                jnp.zeros(3)
        except RuntimeError as error:
            print(error)
        """,
        DOLMEN_NUM_CPU_DEVICES="2",
    )

    assert done.stderr == ""
    assert done.stdout == (
        "default_device: there is no device of platform 'tpu'; the devices are those "
        "of 'cpu'.\n"
    )


def test_settings_of_the_client_come_from_the_environment_or_from_update():
    code = """
        import dolmen.core as dc
        from dolmen.core import config
        assert config.num_cpu_devices is None
        config.update("num_cpu_devices", 3)
        assert dc.device_count() == 3
        config.update("num_cpu_devices", 3)  # no change
        assert not config.cpu_enable_async_dispatch
        assert config.enable_x64
        assert config.numpy_rank_promotion == "warn"
        assert config.persistent_cache_min_compile_time_secs == 0.5
        assert config.compilation_cache_dir is None
    """

    done = run(
        code,
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
        DOLMEN_CPU_ENABLE_ASYNC_DISPATCH="no",
        DOLMEN_ENABLE_X64="On",
        DOLMEN_NUMPY_RANK_PROMOTION="warn",
        DOLMEN_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0.5",
        DOLMEN_COMPILATION_CACHE_DIR="none",
        JAX_ENABLE_X64="0",  # not ours
    )

    assert done.stderr == ""


def test_a_wrong_value_in_the_environment_names_the_variable():
    done = run("import dolmen.core", DOLMEN_NUMPY_RANK_PROMOTION="maybe")

    assert done.stderr.splitlines()[-1] == (
        "ValueError: environment variable DOLMEN_NUMPY_RANK_PROMOTION: expected "
        "'allow', 'warn' or 'raise', got 'maybe'."
    )


def test_the_platform_has_an_older_name_too():
    done = run(
        """
        import dolmen.core as dc
        dc.config.update("jax_platform_name", "cuda")
        try:
            dc.devices()
        except RuntimeError as error:
            print(error)
        dc.config.update("jax_platforms", "cpu")
        print(dc.default_backend())
        """
    )

    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "cpu"
    assert done.stdout.startswith("platform 'cuda': no PJRT plugin found.")


def test_visible_gpus_are_an_option_of_the_plugin(monkeypatch, tmp_path):
    from dolmen.core._backend import _plugins

    made = []
    monkeypatch.setattr(_plugins, "_cuda_library", lambda: tmp_path)
    client = _plugins.xla_client
    monkeypatch.setattr(client, "pjrt_plugin_loaded", lambda name: True)
    monkeypatch.setattr(client, "pjrt_plugin_initialized", lambda name: True)
    monkeypatch.setattr(client, "make_c_api_client", lambda *args: made.append(args))

    _plugins.make_client("gpu")
    _plugins.flags.CUDA_VISIBLE_DEVICES.set_global("1,3")
    _plugins.make_client("gpu")
    _plugins.flags.CUDA_VISIBLE_DEVICES.set_global("all")

    assert made == [
        ("cuda", {}, None),
        ("cuda", {"visible_devices": [1, 3]}, None),
    ]


def test_a_misspelt_variable_warns_and_names_the_nearest():
    done = run(
        "import dolmen.core", DOLMEN_ENABEL_X64="1", DOLMEN_SOMETHING_ELSE_ENTIRELY="1"
    )

    assert done.stderr.splitlines()[-1] == (
        "UserWarning: environment variable DOLMEN_ENABEL_X64: there is no such "
        "setting. Did you mean DOLMEN_ENABLE_X64?"
    )


def test_processes_have_an_older_name():
    with pytest.raises(ValueError) as raised:
        dc.local_devices(0, host_id=0)

    assert dc.local_devices(host_id=0) == dc.local_devices()
    assert str(raised.value) == (
        "local_devices: `host_id` is an older name of `process_index`; give one of "
        "them."
    )
