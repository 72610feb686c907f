"""Programs in the hands of users."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import core, extend, lax
from dolmen.core.errors import JaxprTypeError
from dolmen.core.extend.core import (
    ClosedJaxpr,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    check_jaxpr,
    concrete_or_error,
    gensym,
    jaxpr_as_fun,
    jaxprs_in_params,
    mapped_aval,
    new_jaxpr_eqn,
    primal_dtype_to_tangent_dtype,
    set_current_trace,
    subjaxprs,
    take_current_trace,
    unmapped_aval,
    valid_jaxtype,
)

TABLE = jnp.arange(3.0)


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


def looked_up(x):
    return (TABLE * x).sum() + 1.0


@pytest.fixture
def closed():
    return dc.make_jaxpr(looked_up)(2.0)


def test_arrays_closed_over_are_constants(closed):
    jaxpr = closed.jaxpr

    assert [v.aval for v in jaxpr.constvars] == [dc.typeof(TABLE)]
    assert [v.aval for v in jaxpr.invars] == closed.in_avals == [dc.typeof(1.0)]
    assert closed.consts[0] is TABLE


def test_a_program_is_walked(closed):
    (first, *_, last) = closed.eqns
    constant, argument = [*closed.jaxpr.constvars, *closed.jaxpr.invars]

    assert isinstance(first, JaxprEqn)
    assert constant in first.invars or constant in closed.eqns[1].invars
    assert last.outvars[0] is closed.jaxpr.outvars[0]
    assert isinstance(last.invars[1], Literal)
    assert last.invars[1].val == 1.0
    assert argument not in last.invars
    assert closed.jaxpr.invars.index(argument) == 0


def test_a_program_is_evaluated(closed):
    (out,) = core.eval_jaxpr(closed.jaxpr, closed.consts, 2.0)

    assert float(out) == float(looked_up(2.0))


@pytest.mark.parametrize("transform", [dc.jit, dc.grad, lambda f: dc.jit(dc.grad(f))])
def test_an_evaluated_program_is_transformed(closed, transform):
    function = jaxpr_as_fun(closed)

    got = transform(lambda x: function(x)[0])(2.0)

    np.testing.assert_allclose(got, transform(looked_up)(2.0))


def test_an_evaluated_program_is_batched(closed):
    xs = np.arange(4, dtype=np.float32)

    got = dc.vmap(lambda x: jaxpr_as_fun(closed)(x)[0])(xs)

    np.testing.assert_allclose(got, 3 * xs + 1)


def test_lines_of_an_evaluated_program_are_those_of_the_function(closed):
    again = dc.make_jaxpr(lambda x: jaxpr_as_fun(closed)(x))(2.0)

    assert "looked_up" in again.pretty_print(source_info=True)


def test_lines_of_an_evaluated_program_are_left_out_on_request(closed):
    def evaluated(x):
        return core.eval_jaxpr(
            closed.jaxpr, closed.consts, x, propagate_source_info=False
        )

    text = dc.make_jaxpr(evaluated)(2.0).pretty_print(source_info=True)

    assert "looked_up" not in text
    assert "evaluated" in text


def test_a_wrong_number_of_arguments_is_refused(closed):
    got = error_of(lambda: core.eval_jaxpr(closed.jaxpr, [], 2.0), TypeError)

    assert got == (
        "eval_jaxpr: the program has 2 inputs, so with 0 consts it takes 2 arguments, "
        "got 1.\n  at HERE"
    )


def test_nested_programs_are_found_and_printed():
    def f(x):
        return lax.cond(x > 0, lambda x: x + 1.0, dc.jit(lambda x: x * 2.0), x)

    closed = dc.make_jaxpr(f)(1.0)

    branches = list(subjaxprs(closed.jaxpr))
    inner = list(subjaxprs(branches[0])) + list(subjaxprs(branches[1]))
    assert len(branches) == 2
    assert list(jaxprs_in_params(closed.eqns[-1].params)) == branches
    assert [eqn.primitive.name for eqn in inner[0].eqns] == ["mul"]
    assert repr(closed).count("lambda") == 4


def test_a_rewritten_program_computes_something_else(closed):
    tanh = dc.make_jaxpr(jnp.tanh)(1.0).eqns[0].primitive
    jaxpr = closed.jaxpr
    extra = Var(jaxpr.outvars[0].aval)
    eqns = [*jaxpr.eqns, new_jaxpr_eqn(jaxpr.outvars, [extra], tanh)]

    changed = closed.replace(jaxpr=jaxpr.replace(eqns=eqns, outvars=[extra]))

    check_jaxpr(changed.jaxpr)
    (got,) = jaxpr_as_fun(changed)(0.1)
    np.testing.assert_allclose(got, np.tanh(1.3), rtol=1e-6)


def test_constants_are_replaced(closed):
    other = closed.replace(consts=[TABLE + 1.0])

    assert float(jaxpr_as_fun(other)(1.0)[0]) == 7.0


def test_an_equation_is_copied_with_other_parameters():
    closed = dc.make_jaxpr(lambda x: jnp.cumsum(x))(np.ones(3, np.float32))
    (eqn,) = (e for e in closed.eqns if e.primitive.name == "cumsum")

    turned = eqn.replace(params={"reverse": True})

    assert (eqn.params["reverse"], turned.params["reverse"]) == (False, True)
    assert turned.primitive.replace(reverse=False) is eqn.primitive


def test_a_program_is_made_by_hand():
    x = gensym()(dc.typeof(np.float32(1)))
    add = dc.make_jaxpr(lambda x: x + x)(np.float32(1)).eqns[0].primitive
    y, z = Var(x.aval), Var(x.aval)

    jaxpr = Jaxpr(
        [], [x], [z], [new_jaxpr_eqn([x, x], [y], add), new_jaxpr_eqn([y, x], [z], add)]
    )

    check_jaxpr(jaxpr)
    assert float(core.eval_jaxpr(jaxpr, [], np.float32(2))[0]) == 6.0
    assert repr(ClosedJaxpr(jaxpr)) == (
        "{ lambda a:f32[] .\n"
        "  let b:f32[] = add a a\n"
        "      c:f32[] = add b a\n"
        "  in (c,) }"
    )


def test_parts_of_a_program_print(closed):
    eqn = closed.eqns[-1]

    assert repr(closed.jaxpr.invars) == "[Var(~f32[])]"
    assert repr(eqn) == "b:f32[] = add a 1.0:f32[]"
    assert repr(eqn.invars[1]) == "Literal(1.0, f32[])"


def test_a_program_that_uses_an_undefined_variable_is_refused(closed):
    stranger = Var(closed.jaxpr.outvars[0].aval)

    got = error_of(
        lambda: check_jaxpr(closed.jaxpr.replace(outvars=[stranger])), JaxprTypeError
    )

    assert got.startswith("check_jaxpr: an output is undefined in\n{ lambda ")


def test_an_interpreter_inverts_a_function():
    """The example of JAX's documentation: outputs to inputs, equation by equation."""
    inverses = {"exp": jnp.log, "tanh": jnp.arctanh}

    def inverse(function):
        def inverted(y):
            jaxpr = dc.make_jaxpr(function)(y).jaxpr
            values = {jaxpr.outvars[0]: y}
            for eqn in reversed(jaxpr.eqns):
                (x,), (out,) = eqn.invars, eqn.outvars
                values[x] = inverses[eqn.primitive.name](values[out])
            return values[jaxpr.invars[0]]

        return inverted

    def f(x):
        return jnp.exp(jnp.tanh(x))

    np.testing.assert_allclose(inverse(f)(f(0.3)), 0.3, rtol=1e-5)
    np.testing.assert_allclose(
        dc.grad(inverse(f))(f(0.3)), 1 / dc.grad(f)(0.3), rtol=1e-4
    )


def test_an_interpreter_replaces_operations_inside_loops():
    def with_cosine(jaxpr, args):
        values = dict(zip(jaxpr.invars, args, strict=True))

        def read(atom):
            return atom.val if isinstance(atom, Literal) else values[atom]

        for eqn in jaxpr.eqns:
            inputs = [read(atom) for atom in eqn.invars]
            if eqn.primitive.name == "sin":
                outs = [jnp.cos(*inputs)]
            elif eqn.primitive.multiple_results:
                outs = extend.bind(rewritten(eqn).primitive, *inputs)
            else:
                outs = [extend.bind(eqn.primitive, *inputs)]
            values.update(zip(eqn.outvars, outs, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def rewritten(eqn):
        inner = {
            name: dc.make_jaxpr(lambda *args, value=value: with_cosine(value, args))(
                *[dc.ShapeDtypeStruct(v.aval.shape, v.aval.dtype) for v in value.invars]
            ).jaxpr
            for name, value in eqn.params.items()
            if name == "program"
        }
        return eqn.replace(params=inner)

    def f(x):
        return dc.jit(lambda x: jnp.sin(x) * 2)(x)

    (got,) = with_cosine(dc.make_jaxpr(f)(np.float32(1)).jaxpr, [np.float32(0.5)])

    np.testing.assert_allclose(got, 2 * np.cos(0.5), rtol=1e-6)


def test_a_value_is_concrete_or_an_error_says_who_needs_it():
    def f(x):
        return concrete_or_error(float, x, "the learning rate")

    assert concrete_or_error(float, jnp.ones(())) == 1.0
    assert dc.grad(lambda x: x * concrete_or_error(None, x))(3.0) == 3.0
    assert error_of(lambda: dc.jit(f)(1.0), TypeError).startswith(
        "the learning rate: expected a concrete value, got the traced ~f32[] while "
        "tracing f."
    )


def test_a_trace_is_taken_and_set_again():
    seen = []

    def f(x):
        with set_current_trace(outside):
            seen.append(float(jnp.ones(3).sum()))
        return jnp.sin(x)

    outside = take_current_trace()
    eqns = dc.make_jaxpr(f)(1.0).eqns

    assert seen == [3.0]
    assert [eqn.primitive.name for eqn in eqns] == ["sin"]


# ---- types -------------------------------------------------------------------------


def test_types_are_made_as_in_jax():
    made = core.ShapedArray((2, 3), jnp.float32, weak_type=True)

    assert made is core.ShapedArray([2, 3], "float32", True)
    assert isinstance(dc.typeof(1.0), core.ShapedArray)
    assert core.ShapedArray((), jnp.float32) is dc.typeof(np.float32(1))


def test_axes_are_taken_from_types_and_put_back():
    aval = core.ShapedArray((2, 3), jnp.float32)

    assert mapped_aval(3, 1, aval).shape == (2,)
    assert unmapped_aval(4, 1, aval).shape == (2, 4, 3)
    assert unmapped_aval(4, -1, aval).shape == (2, 3, 4)
    assert mapped_aval(4, None, aval) is unmapped_aval(4, None, aval) is aval


def test_a_batch_of_another_size_is_refused():
    aval = core.ShapedArray((2, 3), jnp.float32)

    assert error_of(lambda: mapped_aval(4, 1, aval), ValueError) == (
        "mapped_aval: axis 1 of f32[2,3] has size 3, expected 4."
    )


def test_tangents_of_integers_have_no_values():
    assert primal_dtype_to_tangent_dtype(np.int32) == dc.dtypes.float0
    assert primal_dtype_to_tangent_dtype(np.float16) == np.float16


@pytest.mark.parametrize(
    ("value", "valid"),
    [(1.0, True), (np.ones(2), True), (TABLE, True), ("a", False), (None, False)],
)
def test_values_that_can_be_arrays(value, valid):
    assert valid_jaxtype(value) is valid


def test_an_array_of_words_is_no_value():
    assert not valid_jaxtype(np.array(["a"]))
