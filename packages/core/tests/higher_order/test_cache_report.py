"""`cache_report`: what was traced and compiled, and why again."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import random
from dolmen.core.stages import CacheReport, CacheRow


def differences(f, *calls):
    """How the signature of the last call differs from the nearest before."""
    for args, kwargs in calls:
        f(*args, **kwargs)
    return f.cache_report().rows[-1].differences


def call(*args, **kwargs):
    return args, kwargs


def ones(*shape, dtype=np.float32):
    return np.ones(shape, dtype)


def loss(params, batch, *, rate=0.1):
    return rate * params["w"].sum() + batch["x"].sum()


def test_a_shape_is_named_by_argument_path():
    got = differences(
        dc.jit(loss),
        call({"w": ones(2)}, {"x": ones(3)}),
        call({"w": ones(2)}, {"x": ones(4)}),
    )

    assert got == ("`batch['x']` is f32[4], was f32[3]",)


def test_a_dtype_and_a_weak_type_are_named():
    got = differences(
        dc.jit(loss),
        call({"w": ones(2)}, {"x": ones(3)}, rate=0.5),
        call({"w": ones(2, dtype=np.int32)}, {"x": ones(3)}, rate=np.float32(0.5)),
    )

    assert got == (
        "`params['w']` is i32[2], was f32[2]",
        "`rate` is f32[], was ~f32[]",
    )


def test_a_static_value_and_its_type_are_named():
    got = differences(
        dc.jit(lambda x, n: x, static_argnums=1), call(1.0, 1), call(1.0, True)
    )

    assert got == ("static `n` is True, was 1",)


def test_a_leaf_more_or_less_is_named():
    f = dc.jit(lambda x: x)

    assert differences(f, call({"a": 1.0}), call({"a": 1.0, "b": [1.0]})) == (
        "`x['b'][0]` ~f32[] is new",
    )
    f.clear_cache()
    assert differences(f, call({"a": 1.0, "b": [1.0]}), call({"a": 1.0})) == (
        "`x['b'][0]` ~f32[] is gone",
    )


def test_another_container_of_equal_leaves_is_named():
    got = differences(dc.jit(lambda x: x), call([1.0]), call((1.0,)))

    assert got == (
        "the tree of the arguments is PyTreeDef((((*,),), {})), was "
        "PyTreeDef((([*],), {}))",
    )


def test_a_setting_is_named():
    f = dc.jit(lambda x: x)

    f(ones(2))
    with dc.enable_x64(True):
        f(ones(2))

    assert f.cache_report().rows[1].differences == (
        "the setting enable_x64 is True, was False",
    )


def test_the_nearest_signature_is_not_the_last():
    f = dc.jit(lambda x, y: x)

    for x, y in [(2, 2), (3, 3), (2, 4)]:
        f(ones(x), ones(y))
    row = f.cache_report().rows[2]

    assert (row.like, row.differences) == (1, ("`y` is f32[4], was f32[2]",))


def test_surplus_positions_are_numbered_by_their_parameter():
    got = differences(
        dc.jit(lambda x, *rest: x), call(1.0, 1.0, 1.0), call(1.0, 1.0, 1)
    )

    assert got == ("`rest[1]` is ~i32[], was ~f32[]",)


def test_a_random_key_is_a_leaf():
    f = dc.jit(lambda params, n: random.key_data(params["key"]), static_argnums=1)

    f({"key": random.key(0)}, 1)

    assert f.cache_report().rows[0].signature == "params['key']: u32[2], n=1"


def test_calls_are_counted():
    f = dc.jit(lambda x: jnp.sin(x))

    for _ in range(5):
        f(ones(2))
    dc.vmap(f)(ones(3, 2))
    (row,) = f.cache_report().rows

    assert (row.traces, row.compiles, row.misses) == (1, 1, 2)
    assert row.trace_seconds > 0
    assert row.compile_seconds > 0
    assert row.signature == "x: f32[2]"


def test_large_captured_arrays_are_listed_with_their_line():
    table = jnp.ones((1 << 18,))

    f = dc.jit(lambda x: x + table)
    f(1.0)
    (row,) = f.cache_report().rows

    (capture,) = row.large_captures
    assert re.fullmatch(
        r"f32\[262144\] \(1\.0 MiB\) at .*test_cache_report\.py:\d+ in \S+", capture
    )
    assert row.captured_bytes == 1 << 20


def test_large_numpy_constants_are_arguments_of_the_executable():
    table = np.arange(1 << 18, dtype=np.float32)

    text = dc.jit(lambda x: jnp.sum(x * jnp.asarray(table))).lower(1.0).as_text()

    assert "dense<" not in text.replace("dense<0.0", "")
    assert "tensor<262144xf32>" in text


def row(**changes):
    fields = {
        "signature": "x: f32[2]",
        "traces": 1,
        "compiles": 1,
        "misses": 1,
        "trace_seconds": 0.0005,
        "lower_seconds": 0.0012,
        "compile_seconds": 0.03,
        "origins": ("compiler",),
        "like": None,
        "differences": (),
        "captured_bytes": 0,
        "large_captures": (),
    }
    return CacheRow(**(fields | changes))


def test_a_report_prints_as_a_table():
    report = CacheReport(
        "step",
        (
            row(),
            row(
                traces=12,
                origins=(),
                compiles=0,
                like=1,
                differences=("`x` is f32[3], was f32[2]", "static `n` is 2, was 1"),
                large_captures=("f32[9] (1.0 MiB) at train.py:3 in step",),
            ),
        ),
    )

    assert str(report) == (
        "jit of step: 2 signatures traced, 1 executables\n"
        "#  traces  compiles  misses   trace   lower  compile      from  signature\n"
        "1       1         1       1  0.5 ms  1.2 ms  30.0 ms  compiler  x: f32[2]\n"
        "2      12         0       1  0.5 ms  1.2 ms  30.0 ms         -  "
        "as 1, but `x` is f32[3], was f32[2]; static `n` is 2, was 1; "
        "closes over f32[9] (1.0 MiB) at train.py:3 in step"
    )


def test_many_leaves_are_counted_rather_than_listed():
    f = dc.jit(lambda xs: xs[0])

    f([1.0] * 7)

    assert f.cache_report().rows[0].signature == (
        "xs[0]: ~f32[], xs[1]: ~f32[], xs[2]: ~f32[], xs[3]: ~f32[], ... 7 leaves"
    )


def test_a_report_of_nothing():
    assert str(dc.jit(lambda x: x).cache_report()) == (
        "jit of <lambda>: 0 signatures traced, 0 executables"
    )


@pytest.mark.parametrize("clear", ["one", "all"])
def test_what_was_cleared_is_not_reported(clear):
    f = dc.jit(lambda x: x)
    f(1.0)

    {"one": f.clear_cache, "all": dc.clear_caches}[clear]()

    assert f.cache_report().rows == ()
