"""Settings: names, values, blocks, threads."""

import threading

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config


def message_of(raised):
    """The message without the line that names this file."""
    lines = str(raised.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


@pytest.fixture
def restored():
    """Puts the settings of the process back."""
    before = {name: config.read(name) for name in dir(config) if _is_setting(name)}
    yield
    for name, value in before.items():
        config.update(name, value)


def _is_setting(name):
    return name in config._flags.FLAGS


def test_settings_are_read_with_jaxs_prefix_or_without():
    assert config.enable_x64 is config.jax_enable_x64 is False
    assert config.read("jax_enable_x64") is config.read("enable_x64") is False


def test_an_unknown_setting_is_an_error_that_names_the_nearest():
    with pytest.raises(AttributeError) as raised:
        config.update("jax_enable_64", True)
    with pytest.raises(AttributeError) as read:
        _ = config.num_devices

    assert message_of(raised) == (
        "config.update: there is no setting 'jax_enable_64'.\n"
        "Did you mean 'enable_x64'?"
    )
    assert message_of(read) == (
        "config: there is no setting 'num_devices'.\nDid you mean 'num_cpu_devices'?"
    )


def test_a_value_of_the_wrong_kind_is_an_error():
    with pytest.raises(TypeError) as raised:
        config.update("enable_x64", "yes")

    assert message_of(raised) == (
        "config.update: enable_x64: expected True or False, got 'yes'."
    )


@pytest.mark.parametrize("value", [True, 1.5, "1"])
def test_whole_numbers_are_neither_booleans_nor_fractions_nor_text(value):
    with pytest.raises(TypeError) as raised:
        config.update("random_seed_offset", value)

    assert message_of(raised) == (
        f"config.update: random_seed_offset: expected a whole number, got {value!r}."
    )


def test_assignment_is_refused_with_what_to_write_instead():
    with pytest.raises(AttributeError) as raised:
        config.jax_enable_x64 = True

    assert message_of(raised) == (
        "config: jax_enable_x64 can't be assigned.\n"
        "Write `config.update('jax_enable_x64', True)`."
    )


def test_a_block_holds_a_setting_and_puts_it_back():
    with dc.enable_x64():
        with dc.enable_x64(False):
            inner = jnp.ones(2).dtype
        outer = jnp.ones(2).dtype

    assert (inner, outer, jnp.ones(2).dtype) == ("float32", "float64", "float32")


def test_a_block_reaches_compiled_calls_that_have_run_before():
    f = dc.jit(lambda: jnp.arange(2.0) * 1.0)
    before = f().dtype

    with dc.enable_x64():
        inside = f().dtype

    assert (before, inside, f().dtype) == ("float32", "float64", "float32")


def test_a_setting_decorates_functions_that_call_themselves():
    seen = []

    @dc.enable_x64(True)
    def descend(n):
        if n:
            descend(n - 1)
        seen.append(config.enable_x64)

    descend(2)

    assert seen == [True, True, True]
    assert config.enable_x64 is False


def test_a_block_holds_for_its_thread_only():
    seen = []

    with dc.enable_x64():
        thread = threading.Thread(target=lambda: seen.append(config.enable_x64))
        thread.start()
        thread.join()

    assert seen == [False]


@pytest.mark.usefixtures("restored")
def test_changes_of_the_process_reach_other_threads_and_compiled_calls():
    f = dc.jit(lambda: jnp.arange(2.0) * 1.0)
    seen = [f().dtype]

    config.update("enable_x64", True)
    thread = threading.Thread(target=lambda: seen.append(f().dtype))
    thread.start()
    thread.join()
    seen.append(f().dtype)

    assert seen == ["float32", "float64", "float64"]


@pytest.mark.usefixtures("restored")
def test_blocks_and_the_process_together_decide_what_a_compiled_call_is():
    """The thread's value stays, and the others follow the process inside its block."""
    f = dc.jit(lambda x: x * np.float64(2))

    with dc.debug_infs(False):
        first = f(1).dtype
        config.update("enable_x64", True)
        second = f(1).dtype
    config.update("enable_x64", False)

    assert (first, second, f(1).dtype) == ("float32", "float64", "float32")


def test_a_block_inside_a_traced_function_changes_its_operations_only():
    def f(x):
        with dc.enable_x64():
            wide = x + jnp.ones((), "float64")
        return wide, jnp.ones(())

    wide, narrow = dc.jit(f)(1.0)

    assert (wide.dtype, narrow.dtype) == ("float64", "float32")


def test_settings_have_no_truth_value():
    with pytest.raises(TypeError) as raised:
        bool(dc.debug_nans)

    assert message_of(raised) == (
        "debug_nans is a setting; it has no truth value of its own.\n"
        "Read it with `dolmen.core.debug_nans.value`."
    )


def test_a_block_without_a_value_says_how_to_write_it():
    with pytest.raises(TypeError) as raised, dc.enable_x64:
        pass

    assert message_of(raised) == (
        "enable_x64 holds no value yet.\n"
        "Call it: `with dolmen.core.enable_x64(value):`."
    )


def test_names_of_settings_are_strings():
    with pytest.raises(TypeError) as raised:
        config.update(dc.enable_x64, True)

    assert message_of(raised) == (
        "config.update: `name` must be the name of a setting, got <setting "
        "enable_x64 = False>."
    )


def test_what_describes_the_devices_cannot_change_once_they_are_in_use():
    jnp.ones(1)

    with pytest.raises(RuntimeError) as raised:
        config.update("num_cpu_devices", 7)

    assert message_of(raised) == (
        "config.update: num_cpu_devices: the devices are in use already. Set it before "
        "the first array is made, or with the environment variable "
        "DOLMEN_NUM_CPU_DEVICES."
    )


def test_printing_lists_every_setting_with_its_value_and_meaning():
    printed = str(config)

    assert (
        "enable_x64 = False\n"
        "    Keep 64-bit dtypes. Otherwise they stand for the 32-bit ones. Values: "
        "True or False.\n"
        "    Variable: DOLMEN_ENABLE_X64.\n"
    ) in printed
    assert all(f"\n{name} = " in f"\n{printed}" for name in config._flags.FLAGS)


def test_a_block_refuses_values_that_are_none():
    with pytest.raises(TypeError) as kind:
        dc.debug_nans("yes")
    with pytest.raises(TypeError) as missing:
        dc.transfer_guard_host_to_device()

    assert message_of(kind) == "debug_nans: expected True or False, got 'yes'."
    assert message_of(missing) == (
        "transfer_guard_host_to_device: expected 'allow', 'log', 'disallow', "
        "'log_explicit', 'disallow_explicit' or None, got no value."
    )


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("optimization_level", "O9", "'UNKNOWN', 'O0', 'O1', 'O2' or 'O3'"),
        ("memory_fitting_effort", 2.5, "a number from -1.0 to 1.0"),
        ("compilation_cache_max_size", -2, "a whole number of at least -1"),
    ],
)
def test_a_value_that_is_not_allowed_is_an_error_that_says_what_is(
    name, value, expected
):
    with pytest.raises(ValueError) as raised:
        config.update(name, value)

    assert message_of(raised) == (
        f"config.update: {name}: expected {expected}, got {value!r}."
    )
