"""Settings that forbid, check, log or explain what is traced, compiled and run."""

import logging
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config, extend, lax
from dolmen.core._backend import _client, _flag as flags

X = np.ones(3, np.float32)


def without_line(text):
    return "\n".join(x for x in text.splitlines() if not x.startswith("  at "))


def warnings_of(caplog):
    return [
        without_line(record.getMessage())
        for record in caplog.records
        if record.levelno == logging.WARNING
    ]


@pytest.fixture
def updated():
    """Changes settings of the process for one test."""
    before = {}

    def update(name, value):
        before.setdefault(name, config.read(name))
        config.update(name, value)

    yield update
    for name, value in before.items():
        config.update(name, value)


# ---- no_tracing, no_execution ----


def test_no_tracing_lets_known_signatures_run_and_refuses_others():
    f = dc.jit(lambda x: x * 2)
    f(X)

    with dc.no_tracing():
        known = f(X)
        with pytest.raises(RuntimeError) as raised:
            f(np.ones(4, np.float32))

    np.testing.assert_array_equal(known, 2 * X)
    assert without_line(str(raised.value)) == (
        "jit of <lambda>: would be traced, because `x` is f32[4], was f32[3] in the "
        "nearest earlier signature, but no_tracing is set.\n"
        "Call it with such arguments once before."
    )


def test_no_tracing_refuses_a_new_function_and_nothing_is_kept_of_it():
    f = dc.jit(lambda x: x * 3)

    with dc.no_tracing(), pytest.raises(RuntimeError, match="for the first time"):
        f(X)

    np.testing.assert_array_equal(f(X), 3 * X)


def test_no_execution_refuses_compiled_calls_that_have_run_before():
    f = dc.jit(lambda x: x * 2)
    compiled = f.lower(X).compile()
    x = jnp.ones(3)
    f(x), x + x

    messages = []
    with dc.no_execution():
        for run in (lambda: f(x), lambda: x + x, lambda: compiled(x)):
            with pytest.raises(RuntimeError) as raised:
                run()
            messages.append(without_line(str(raised.value)).splitlines()[0])
        traced = dc.make_jaxpr(lambda x: x + x)(x)

    assert messages == [
        "jit__lambda_: would be run, but no_execution is set.",
        "jit_add: would be run, but no_execution is set.",
        "jit__lambda_: would be run, but no_execution is set.",
    ]
    assert len(traced.eqns) == 1
    np.testing.assert_array_equal(f(x), 2 * X)


# ---- enable_checks ----


class WrongShape(extend.Primitive):
    """A rule of differentiation that is wrong, and a type that changes."""

    def infer_type(self, arg_types):
        (x,) = arg_types
        kinds.append(x)
        return x if len(kinds) == 1 else extend.array_type((7,), x.dtype)


kinds = []


def test_enable_checks_checks_every_program_that_is_traced():
    kinds.clear()

    with dc.enable_checks(), pytest.raises(AssertionError, match="wrong_shape infers"):
        dc.jit(lambda x: extend.bind(WrongShape(), x))(X)


def test_well_formed_programs_pass_the_checks():
    def f(x):
        y = lax.scan(lambda c, x: (jnp.sin(c) * x, c), 1.0, x)[1]
        return lax.cond(y[0] > 0, jnp.sum, lambda y: y.prod(), y)

    with dc.enable_checks():
        value = dc.jit(dc.vmap(dc.grad(f)))(np.ones((2, 3), np.float32))

    assert value.shape == (2, 3)


# ---- reports ----


def test_log_compiles_reports_each_step_with_its_duration(caplog):
    def reported(x):
        return jnp.sin(x) * 7

    with dc.log_compiles():
        dc.jit(reported)(X)
        dc.jit(reported)(X)

    lines = [line for line in warnings_of(caplog) if "reported" in line]
    assert [re.sub(r"[\d.]+ s\.$", "T s.", line) for line in lines[:2]] == [
        "Finished tracing of reported in T s.",
        "Finished lowering of jit_reported in T s.",
    ]
    assert any("jit_reported" in line and "of" in line for line in lines[2:])
    assert sum(line.startswith("Finished tracing") for line in lines) == 1


def test_without_log_compiles_nothing_is_logged_aloud(caplog):
    dc.jit(lambda x: jnp.sin(x) * 8)(X)

    assert warnings_of(caplog) == []


def test_explain_cache_misses_says_why_a_function_is_traced(caplog):
    f = dc.jit(lambda x, n: x * n, static_argnames="n")

    with dc.explain_cache_misses():
        f(X, n=2)
        f(X, n=3)
        f(X, n=3)
        with dc.default_matmul_precision("high"):
            f(X, n=3)

    lines = [line for line in warnings_of(caplog) if line.startswith("jit of")]
    assert lines == [
        "jit of <lambda>: is traced, for the first time.",
        "jit of <lambda>: is traced, because static `n` is 3, was 2 in the nearest "
        "earlier signature.",
        "jit of <lambda>: is traced, because the setting default_matmul_precision is "
        "'high', was None in the nearest earlier signature.",
    ]


def test_loggers_of_modules_print_to_stderr(capfd, updated):
    updated("debug_log_modules", "dolmen.core._lowering")
    dc.jit(lambda x: jnp.sin(x) * 9)(X)
    updated("debug_log_modules", "")
    dc.jit(lambda x: jnp.sin(x) * 10)(X)

    lines = [x for x in capfd.readouterr().err.splitlines() if "lowering" in x]
    assert len(lines) >= 1
    assert lines[0].startswith("DEBUG:")
    assert sum("Finished lowering of jit__lambda_" in line for line in lines) == 1


def test_the_logging_level_decides_what_is_printed(capfd, updated):
    logger = logging.getLogger("dolmen.core.something")

    updated("logging_level", "INFO")
    logger.info("loud")
    logger.debug("low")
    updated("logging_level", "NOTSET")
    logger.info("nothing")

    printed = capfd.readouterr().err
    assert "loud" in printed
    assert "low" not in printed.replace("lowering", "")
    assert "nothing" not in printed


def test_a_message_is_printed_once_however_many_settings_ask_for_it(capfd, updated):
    updated("debug_log_modules", "dolmen.core, dolmen.core.something")
    updated("logging_level", "INFO")

    logging.getLogger("dolmen.core.something").warning("once")

    assert capfd.readouterr().err.count("once") == 1


def test_programs_are_dumped_where_asked(tmp_path, updated):
    def dumped(x):
        return jnp.cos(x) + 1

    updated("dump_ir_to", str(tmp_path / "dumps"))
    updated("dump_ir_modes", "jaxpr, stablehlo")
    dc.jit(dumped)(X)

    module, program = sorted((tmp_path / "dumps").glob("*jit_dumped*"))
    assert "stablehlo.cosine" in module.read_text()
    assert "test_settings.py" in module.read_text()  # lines are in it
    assert " = cos " in program.read_text()


def test_lines_can_be_left_out_of_dumps(tmp_path, updated):
    updated("dump_ir_to", str(tmp_path))
    updated("include_debug_info_in_dumps", False)
    dc.jit(lambda x: jnp.cos(x) + 3)(X)

    (module,) = tmp_path.glob("*jit__lambda_*.mlir")
    assert "stablehlo.cosine" in module.read_text()
    assert "test_settings.py" not in module.read_text()


def test_an_unknown_form_of_dumps_is_an_error(tmp_path, updated):
    updated("dump_ir_to", str(tmp_path))
    updated("dump_ir_modes", "hlo")

    with pytest.raises(ValueError) as raised:
        dc.jit(lambda x: jnp.cos(x) + 2)(X)

    assert without_line(str(raised.value)) == (
        "dump_ir_modes: expected some of 'jaxpr', 'stablehlo', separated by commas, "
        "got 'hlo'."
    )


# ---- compilation ----


def option(name):
    """An option that programs are compiled with now."""
    options = dc._backend.compile_options(dc.devices()[:1])
    build = options.executable_build_options  # lives as long as `options`
    return getattr(build.debug_options if name.startswith("xla_") else build, name)


@pytest.mark.parametrize(
    ("name", "value", "chosen", "expected"),
    [
        ("optimization_level", "O1", "optimization_level", 19),
        ("memory_fitting_level", "O3", "memory_fitting_level", 39),
        ("disable_most_optimizations", True, "xla_backend_optimization_level", 0),
        ("disable_most_optimizations", True, "xla_llvm_disable_expensive_passes", True),
        (
            "compiler_enable_remat_pass",
            False,
            "xla_disable_hlo_passes",
            "rematerialization",
        ),
    ],
)
def test_settings_reach_the_compiler(name, value, chosen, expected, updated):
    before = option(chosen)

    updated(name, value)

    assert option(chosen) == expected != before


EFFORTS = [
    ("exec_time_optimization_effort", -0.5, "optimization_level"),
    ("memory_fitting_effort", 1, "memory_fitting_level"),
]


class Options:
    """The compiler's options, of a jaxlib that knows these."""

    def __init__(self, **known):
        vars(self).update(known)


@pytest.mark.parametrize(("name", "value", "successor"), EFFORTS)
def test_efforts_reach_compilers_that_know_them(name, value, successor, updated):
    updated(name, value)
    options = Options(**{name: 0.0})

    _client._set_effort(options, flags.FLAGS[name], successor)

    assert getattr(options, name) == value


@pytest.mark.parametrize(("name", "value", "successor"), EFFORTS)
def test_efforts_are_refused_where_jaxlib_has_replaced_them(
    name, value, successor, updated
):
    updated(name, value)

    with pytest.raises(RuntimeError) as caught:
        _client._set_effort(Options(), flags.FLAGS[name], successor)

    assert str(caught.value) == (
        f"{name}: this version of jaxlib has replaced it. Set `{successor}`, from "
        "'O0' to 'O3', instead."
    )


def test_a_compiler_setting_compiles_again_and_traces_no_more(updated, caplog):
    def compiled_again(x):
        return jnp.tanh(x) @ x

    f = dc.jit(compiled_again)
    updated("log_compiles", True)
    first = f(X)
    updated("disable_most_optimizations", True)
    second = f(X)

    lines = [x for x in warnings_of(caplog) if "compiled_again" in x]
    assert sum("Finished tracing" in line for line in lines) == 1
    assert sum("Finished lowering" in line for line in lines) == 2
    np.testing.assert_allclose(first, second, rtol=1e-6)
