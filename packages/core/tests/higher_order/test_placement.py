"""Devices, shardings and options of the compiler."""

import re

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.sharding import SingleDeviceSharding, make_single_device_sharding


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


@pytest.fixture
def here():
    return SingleDeviceSharding(dc.devices()[0])


def add(x, y):
    return x + y["a"]


@pytest.mark.parametrize("form", ["leaf", "tuple", "list", "tree", "partly"])
def test_shardings_of_arguments_are_a_prefix_of_their_tree(here, form):
    shardings = {
        "leaf": here,
        "tuple": (here, here),
        "list": [here, here],
        "tree": (None, {"a": here}),
        "partly": (here, None),
    }[form]

    out = dc.jit(add, in_shardings=shardings)(jnp.ones(2), {"a": 1.0})

    assert out.committed


def test_shardings_of_results_commit_them(here):
    out = dc.jit(lambda x: {"y": x}, out_shardings={"y": here})(1.0)

    assert out["y"].committed
    assert not dc.jit(lambda x: {"y": x})(1.0)["y"].committed


def test_a_device_commits_results_even_without_arguments(here):
    f = dc.jit(lambda: jnp.ones(2), device=dc.devices()[0])

    assert [f().committed, f().committed] == [True, True]


def test_a_tree_of_shardings_that_does_not_fit_is_refused(here):
    f = dc.jit(add, in_shardings=(here,))

    got = error_of(lambda: f(1.0, {"a": 1.0}), ValueError)

    assert got == (
        "jit of add: in_shardings: expected a sharding, None or a container with the "
        "entries [0], [1], got a container with the entries [0].\n"
        "  at HERE\n"
        "Give it the structure of the value it stands for, or a single entry for all "
        "of that value."
    )


def test_result_shardings_that_do_not_fit_are_refused(here):
    f = dc.jit(lambda x: (x, x), out_shardings=(here,))

    assert error_of(lambda: f(1.0), ValueError).startswith(
        "jit of <lambda>: out_shardings: expected a sharding, None or a container with "
        "the entries [0], [1], got a container with the entries [0]."
    )


def test_arguments_by_name_have_no_sharding(here):
    f = dc.jit(add, in_shardings=(here, here))

    assert error_of(lambda: f(1.0, y={"a": 1.0}), ValueError) == (
        "jit of add: in_shardings is a tree over the positional arguments, but 'y' "
        "came by name.\n  at HERE\n"
        "Pass every argument by position."
    )


def test_something_else_than_a_sharding_is_refused():
    got = error_of(lambda: dc.jit(add, in_shardings=(None, 3)), TypeError)

    assert got == (
        "jit of add: in_shardings[1] must be a sharding, a PartitionSpec or None, got "
        "3.\n"
        "  at HERE\n"
        "Write `NamedSharding(mesh, PartitionSpec(...))` for several devices, "
        "`SingleDeviceSharding(device)` for one."
    )


def test_device_and_backend_exclude_each_other():
    device = dc.devices()[0]

    got = error_of(lambda: dc.jit(add, device=device, backend="cpu"), ValueError)

    assert got == (
        f"jit of add: device={device} and backend='cpu' are both given.\n  at HERE\n"
        "Give the device only."
    )


def test_an_unknown_backend_is_refused():
    got = error_of(lambda: dc.jit(add, backend="abacus"), RuntimeError)

    assert got == (
        "jit of add: there is no backend 'abacus'; this process runs on 'cpu'.\n"
        "  at HERE"
    )


def test_equal_shardings_are_one_object():
    device = dc.devices()[0]

    first, second = (make_single_device_sharding(device) for _ in range(2))

    assert first is second
    assert first.device_set == jnp.ones(2).devices()


def test_a_sharding_prints_its_device(here):
    assert repr(here).startswith(f"SingleDeviceSharding(device={dc.devices()[0]!r}")


# ---- options of the compiler -------------------------------------------------------


def fused(x):
    return jnp.sin(x) * 2.0 + 1.0


def kernels(compiled):
    """How many operations the compiled program is left with."""
    (entry,) = re.findall(r"ENTRY .*?\n}", compiled.as_text(), re.DOTALL)
    return len(re.findall(r" (fusion|sine|multiply|add|call)\(", entry))


def test_options_reach_the_compiler():
    """Without its optimizations, XLA does not fuse."""
    options = {"xla_disable_all_hlo_passes": True}

    plain = dc.jit(fused).lower(jnp.ones(3)).compile()
    chosen = dc.jit(fused, compiler_options=options).lower(jnp.ones(3)).compile()

    assert kernels(plain) == 1
    assert kernels(chosen) > 1


def test_options_given_to_compile_add_to_those_of_jit():
    lowered = dc.jit(fused).lower(jnp.ones(3))

    assert kernels(lowered.compile({"xla_disable_all_hlo_passes": True})) > 1


@pytest.mark.parametrize("options", ["xla_nothing", {"xla_nothing": [1]}, {1: True}])
def test_options_that_are_none_are_refused(options):
    got = error_of(lambda: dc.jit(fused, compiler_options=options), TypeError)

    assert got == (
        "jit of fused: compiler_options must be a mapping from names to numbers, "
        f"booleans and strings, got {options!r}.\n"
        "  at HERE\n"
        "Write `compiler_options={'xla_cpu_enable_fast_math': True}`."
    )


def test_an_unknown_option_is_named():
    f = dc.jit(lambda x: x + 1.0, compiler_options={"xla_nonsense": 1})

    got = error_of(lambda: f(1.0), RuntimeError)

    assert got == (
        "compiler_options: No such compile option: 'xla_nonsense'.\n"
        "  at HERE\n"
        "Names and values are those of XLA's options, without dashes: "
        "`compiler_options={'xla_cpu_enable_fast_math': True}`."
    )


def test_options_of_a_function_inside_another_are_refused():
    inner = dc.jit(lambda x: x + 1.0, compiler_options={"xla_cpu_use_onednn": False})

    got = error_of(lambda: dc.jit(lambda x: inner(x))(1.0), ValueError)

    assert got == (
        "jit of <lambda>: compiler_options hold for a whole program, but this is "
        "called inside another one that is being traced: "
        "{'xla_cpu_use_onednn': False}.\n"
        "  at HERE\n"
        "Give compiler_options to the outermost `jit`."
    )
