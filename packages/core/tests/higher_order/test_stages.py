"""Compiling step by step."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import random, stages

X = np.ones(3, np.float32)


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


def model(params, x, n):
    return params["w"] @ x * n, {"x": x}


@pytest.fixture
def traced():
    f = dc.jit(model, static_argnums=2, donate_argnames="x")
    return f.trace({"w": np.ones((2, 3), np.float32)}, x=X, n=3)


def stage(traced, name):
    lowered = traced.lower()
    return {"traced": traced, "lowered": lowered, "compiled": lowered.compile()}[name]


@pytest.mark.parametrize("name", ["traced", "lowered", "compiled"])
@pytest.mark.filterwarnings("ignore:jit of model")
def test_every_stage_knows_trees_and_types(traced, name):
    got = stage(traced, name)

    assert got.in_avals == (
        ({"w": dc.typeof(np.ones((2, 3), np.float32))},),
        {"x": dc.typeof(X)},
    )
    assert got.args_info[1] == {"x": stages.ArgInfo(dc.typeof(X), True)}
    assert got.args_info[0][0]["w"].shape == (2, 3)
    assert not got.args_info[0][0]["w"].donated
    assert got.donate_argnums == (1,)
    assert got.in_tree.num_leaves == 2
    assert got.out_tree == dc.tree.structure((0, {"x": 0}))
    assert got.out_info[0].shape == (2,)
    assert got.out_info[1]["x"].dtype == np.float32


def test_a_jitted_function_is_wrapped():
    assert isinstance(dc.jit(lambda x: x), stages.Wrapped)


def test_traced_names_the_function(traced):
    assert traced.fun_name == "model"


def test_typed_keys_are_arguments_of_stages():
    compiled = dc.jit(lambda key: random.fold_in(key, 1)).lower(random.key(0)).compile()

    got = compiled(random.key(0))

    np.testing.assert_array_equal(
        random.key_data(got), random.key_data(random.fold_in(random.key(0), 1))
    )


def test_compiled_takes_the_arguments_without_the_static_ones():
    compiled = dc.jit(lambda x, n: x * n, static_argnums=1).lower(X, 2).compile()

    np.testing.assert_array_equal(compiled(X), 2 * X)


def test_compiled_is_called_with_refs():
    ref = dc.new_ref(jnp.ones(3))

    def add_to(ref, x):
        ref[...] = ref[...] + x

    compiled = dc.jit(add_to).lower(ref, X).compile()
    compiled(ref, X)

    np.testing.assert_array_equal(ref[...], 2 * X)


def test_compiled_names_the_arguments_that_are_missing_or_too_many():
    compiled = (
        dc.jit(lambda x, n: x["a"], static_argnums=1).lower({"a": X}, 3).compile()
    )

    assert error_of(lambda: compiled({"b": X}, 3), TypeError) == (
        "<lambda>: called with other containers of arguments than it was compiled for\n"
        "  args[0]['a'] is missing\n"
        "  args[0]['b'] is not expected\n"
        "  args[1] is not expected\n"
        "  at HERE\n"
        "Pass all arguments but the static ones, in the same containers."
    )


def test_compiled_refuses_another_container_of_the_same_leaves():
    compiled = dc.jit(lambda x: x[0]).lower([X]).compile()

    assert error_of(lambda: compiled((X,)), TypeError) == (
        "<lambda>: called with other containers of arguments than it was compiled for\n"
        "  expected PyTreeDef((([*],), {}))\n"
        "  got PyTreeDef((((*,),), {}))\n"
        "  at HERE\n"
        "Pass all arguments but the static ones, in the same containers."
    )


def test_compiled_lists_every_wrong_type():
    compiled = dc.jit(lambda x, y: x).lower(X, {"b": [X]}).compile()

    got = error_of(lambda: compiled(np.ones(2, np.float32), {"b": [1]}), TypeError)

    assert got == (
        "<lambda>: called with types it was not compiled for\n"
        "  `x`: expected f32[3], got f32[2]\n"
        "  `y['b'][0]`: expected f32[3], got ~i32[]\n"
        "  at HERE\n"
        "Convert the arguments, or compile for these types too."
    )


@pytest.mark.parametrize("transform", [dc.jit, dc.grad, dc.vmap])
def test_compiled_refuses_to_be_transformed(transform):
    compiled = dc.jit(lambda x: x.sum()).lower(np.float32(1)).compile()
    x = np.ones(2, np.float32) if transform is dc.vmap else np.float32(1)

    got = error_of(lambda: transform(compiled)(x), TypeError)

    assert got == (
        "<lambda>: compiled code can't be transformed, but `x` is the traced f32[].\n"
        "  at HERE\n"
        "Call the function itself inside transformations."
    )


def test_shardings_have_the_trees_of_arguments_and_results():
    compiled = dc.jit(lambda x, y: {"z": x}).lower(X, [X]).compile()

    (device,) = compiled.output_shardings["z"].device_set
    (x, (y,)), kwargs = compiled.input_shardings

    assert device == dc.devices()[0]
    assert x is y is compiled.output_shardings["z"]
    assert kwargs == {}


def test_lowered_estimates_costs_before_optimization():
    cost = dc.jit(lambda x: x @ x.T).lower(np.ones((4, 5), np.float32)).cost_analysis()

    assert cost["flops"] == 2 * 4 * 4 * 5


def test_lowered_shows_hlo():
    lowered = dc.jit(jnp.sin).lower(X)

    assert lowered.as_text("hlo").startswith("HloModule jit_sin")
    assert lowered.compiler_ir("hlo").as_hlo_text().startswith("HloModule jit_sin")
    assert "stablehlo.sine" in str(lowered.compiler_ir())


def test_an_unknown_dialect_is_refused():
    got = error_of(lambda: dc.jit(jnp.sin).lower(X).as_text("mhlo"), ValueError)

    assert got == "dialect must be 'stablehlo' or 'hlo', got 'mhlo'.\n  at HERE"


def test_a_program_is_lowered_for_another_platform_and_not_compiled():
    lowered = dc.jit(lambda x: x + 1.0).trace(X).lower(lowering_platforms=("tpu",))

    assert "stablehlo.add" in lowered.as_text()
    assert error_of(lowered.compile, ValueError) == (
        "compile: <lambda> was lowered for tpu, but its devices are of cpu.\n"
        "  at HERE\n"
        "Lower it without lowering_platforms."
    )


def test_several_platforms_at_once_are_refused():
    traced = dc.jit(lambda x: x).trace(X)

    got = error_of(lambda: traced.lower(lowering_platforms=("cpu", "tpu")), ValueError)

    assert got == (
        "lower: lowering_platforms must be one of cpu, cuda, rocm, tpu, in a tuple, "
        "got ('cpu', 'tpu').\n"
        "  at HERE\n"
        "Lower once for each platform."
    )


def test_make_jaxpr_returns_shapes_beside_the_program():
    program, out = dc.make_jaxpr(
        lambda x, n: {"y": [x] * n}, static_argnums=1, return_shape=True
    )(X, 2)

    assert len(program.out_avals) == 2
    assert [leaf.shape for leaf in out["y"]] == [(3,), (3,)]
