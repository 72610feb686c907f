"""Mutable arrays: eager, in every transformation, and their errors.

Expected numbers are worked out by hand; each was also taken from JAX, except where JAX
refuses (a batch-invariant write under `vmap`, `grad` of `checkpoint`).
"""

import copy
import pickle

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.errors import UnexpectedTracerError

HERE = __file__


def arange(n=4):
    return jnp.arange(float(n))


def line_of(function, offset):
    return f"{HERE}:{function.__code__.co_firstlineno + offset} in {name_of(function)}"


def name_of(function):
    code = function.__code__
    return getattr(code, "co_qualname", code.co_name)


def accumulate(value):
    """Sum of the powers value, value^2, ... in a ref, by a scan that closes over it."""
    ref = dc.new_ref(jnp.zeros_like(value))

    def step(power, _):
        ref[...] += power
        return power * value, None

    lax.scan(step, value, None, length=3)
    return ref[...]


# ---- eager ---------------------------------------------------------------------------


def test_elements_are_read_and_written_by_any_index():
    ref = dc.new_ref(jnp.arange(6.0).reshape(2, 3))

    ref[0, 1] = 10.0
    ref[1:, ::2] += 1
    ref[jnp.array([0, 1]), 0] = jnp.array([7.0, 8.0])

    np.testing.assert_array_equal(ref[...], [[7, 10, 2], [8, 4, 6]])
    assert ref[-1].tolist() == [8, 4, 6]
    assert (ref.shape, ref.dtype, ref.ndim, ref.size, len(ref)) == (
        (2, 3),
        np.dtype("float32"),
        2,
        6,
        2,
    )


def test_a_ref_made_of_a_number_is_not_weakly_typed():
    ref = dc.new_ref(1.0)
    ref[...] = 2

    assert repr(ref.aval) == "Ref{f32[]}"
    assert repr(dc.typeof(ref[...])) == "f32[]"


def test_the_functions_of_the_module_do_what_indexing_does():
    ref = dc.new_ref(arange())

    dc.ref.set(ref, 0, 5.0)
    before = dc.ref.swap(ref, 1, 6.0)
    dc.ref.addupdate(ref, jnp.array([3, 3]), 1.0)
    ref.addupdate(0.5)

    assert before.item() == 1.0
    assert dc.ref.get(ref).tolist() == [5.5, 6.5, 2.5, 5.5]
    assert dc.ref.get(ref, 2).item() == 2.5


def test_what_is_written_to_a_view_is_written_to_the_ref():
    ref = dc.new_ref(arange())
    view = ref.at[1:]

    view[0] = 7.0
    view.at[1:][...] += 1.0

    assert ref[...].tolist() == [0.0, 7.0, 3.0, 4.0]
    assert view[...].tolist() == [7.0, 3.0, 4.0]
    assert (view.shape, view.ndim, view.size, view.dtype) == (
        (3,),
        1,
        3,
        np.dtype("float32"),
    )


def test_an_empty_ref_has_the_type_asked_for():
    ref = dc.empty_ref(dc.ShapeDtypeStruct((2, 3), "int32"))

    assert (ref.shape, ref.dtype) == ((2, 3), np.dtype("int32"))


def test_a_ref_is_a_leaf_equal_only_to_itself():
    ref = dc.new_ref(1.0)

    assert dc.tree.leaves({"a": [ref]}) == [ref]
    assert ref != dc.new_ref(1.0)
    assert repr(ref) == "Ref(1., dtype=float32)"


@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_ref_holds_random_keys(transform):
    key = dc.random.key(0)
    ref, several = dc.new_ref(key), dc.new_ref(dc.random.split(key, 3))

    def next_key(r):
        r[...], made = dc.random.split(r[...])
        return made

    made = transform(next_key)(ref)
    transform(lambda r, k: dc.ref.set(r, 1, k))(several, key)

    several.at[2][...] = key
    new, expected = dc.random.split(key)
    assert all([made == expected, ref[...] == new])
    assert several[0] == dc.random.split(key, 3)[0]
    assert (several[1:] == key).all()
    assert repr(dc.new_ref(key)) == "Ref((), dtype=key<fry>) overlaying:\n[0 0]"
    assert (several.shape, several.ndim, len(several), str(several.dtype)) == (
        (3,),
        1,
        3,
        "key<fry>",
    )


def test_a_ref_of_keys_takes_only_keys():
    ref = dc.new_ref(dc.random.key(0))

    def store():
        ref[...] = jnp.zeros(2, "uint32")

    def add():
        ref.addupdate(dc.random.key(1))

    assert message_of(ValueError, store) == (
        "ref[...] = value: a ref of dtype key<fry> takes only such keys, got "
        f"Array([0, 0], dtype=uint32).\n  at {line_of(store, 1)}"
    )
    assert "takes only such keys" in message_of(ValueError, add)


def test_a_copy_is_another_ref_with_the_same_value():
    ref = dc.new_ref(arange())

    shallow, deep = copy.copy(ref), copy.deepcopy({"r": ref})["r"]
    ref[0] = 9.0

    assert shallow[...].tolist() == deep[...].tolist() == [0, 1, 2, 3]


def test_a_ref_is_not_pickled():
    def call():
        pickle.dumps(dc.new_ref(1.0))

    assert message_of(TypeError, call) == (
        "pickle: a ref f32[] can't be pickled.\n"
        f"  at {line_of(call, 1)}\n"
        "Pickle its value, `ref[...]`, and make another ref of it."
    )


# ---- jit -----------------------------------------------------------------------------


def test_jit_updates_a_ref_that_is_an_argument_and_traces_once():
    traces = []

    @dc.jit
    def store(tree, value):
        traces.append(None)
        tree["ref"][0] = value
        return tree["ref"][1] + value

    first, second = dc.new_ref(arange()), dc.new_ref(arange())

    assert store({"ref": first}, 5.0).item() == 6.0
    assert store({"ref": first}, 6.0).item() == 7.0
    assert store({"ref": second}, 7.0).item() == 8.0
    assert first[...].tolist() == [6, 1, 2, 3]
    assert second[...].tolist() == [7, 1, 2, 3]
    assert len(traces) == 1


def test_jit_sees_the_present_value_of_a_ref_it_closes_over():
    ref = dc.new_ref(1.0)
    read = dc.jit(lambda x: x + ref[...])

    @dc.jit
    def double():
        ref[...] *= 2

    before = read(0.0).item()
    double()
    double()

    assert (before, read(0.0).item(), ref[...].item()) == (1.0, 4.0, 4.0)


def test_a_ref_made_inside_jit_costs_the_program_nothing():
    def pure(x):
        ref = dc.new_ref(x)
        ref[...] = ref[...] * 2.0
        return dc.freeze(ref)

    assert dc.jit(pure)(arange()).tolist() == [0, 2, 4, 6]
    names = [eqn.primitive.name for eqn in dc.make_jaxpr(pure)(arange()).eqns]
    assert names == ["mul"]


def test_nested_jit_writes_through():
    ref = dc.new_ref(1.0)

    @dc.jit
    def inner(r, x):
        r[...] += x

    @dc.jit
    def outer(r):
        inner(r, 1.0)
        inner(r, 2.0)
        return r[...] * 10

    assert outer(ref).item() == 40.0
    assert ref[...].item() == 4.0


def test_a_compiled_step_updates_refs_too():
    ref = dc.new_ref(arange())
    step = dc.jit(lambda r, x: dc.ref.swap(r, 0, x)).lower(ref, 5.0).compile()

    assert step(ref, 5.0).item() == 0.0
    assert step(ref, 6.0).item() == 5.0
    assert ref[0].item() == 6.0


def test_donating_a_ref_gives_away_only_a_value_that_is_replaced():
    ref = dc.new_ref(arange())

    read = dc.jit(lambda r: r[...] + 1, donate_argnums=0)(ref)
    dc.jit(lambda r: dc.ref.set(r, ..., r[...] * 2), donate_argnums=0)(ref)
    reading = dc.jit(lambda r: r[...] + 1, donate_argnums=0).lower(ref).compile()

    assert read.tolist() == [1, 2, 3, 4]
    assert reading(ref).tolist() == [1, 3, 5, 7]
    assert ref[...].tolist() == [0, 2, 4, 6]


def test_a_ref_that_is_closed_over_can_be_reported_and_lowered():
    ref = dc.new_ref(arange())
    step = dc.jit(lambda x: dc.ref.swap(ref, 0, x))

    step(5.0)
    compiled = step.lower(6.0).compile()

    assert compiled(7.0).item() == 5.0
    assert ref[0].item() == 7.0
    assert len(step.cache_report().rows) == 1


def test_a_static_ref_is_closed_over():
    ref = dc.new_ref(arange())
    store = dc.jit(lambda x, r: dc.ref.set(r, 0, x), static_argnums=1)

    store(3.0, ref)
    store(4.0, ref)

    assert ref[0].item() == 4.0


# ---- differentiation -----------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: dc.grad(f),
        lambda f: dc.jit(dc.grad(f)),
        lambda f: dc.grad(dc.jit(f)),
        lambda f: dc.grad(dc.checkpoint(f)),
        lambda f: lambda x: dc.vjp(f, x)[1](1.0)[0],
        lambda f: lambda x: dc.jvp(f, (x,), (1.0,))[1],
        lambda f: lambda x: dc.linearize(f, x)[1](1.0),
        lambda f: lambda x: dc.vmap(dc.grad(f))(jnp.array([x, x]))[1],
        lambda f: lambda x: dc.grad(lambda v: lax.cond(v > 0, f, lambda w: w, v))(x),
    ],
)
def test_a_ref_made_in_a_differentiated_function_passes_derivatives(transform):
    # d/dx (x + x^2 + x^3) at 2
    assert transform(accumulate)(2.0).item() == 17.0


def test_second_derivatives_pass_refs():
    # d^2/dx^2 (x + x^2 + x^3) at 2
    assert dc.grad(dc.grad(accumulate))(2.0).item() == 14.0


def test_grad_reads_and_updates_a_ref_from_outside():
    ref = dc.new_ref(3.0)

    def loss(r, x):
        value = r[...] * x**2
        r[...] = lax.stop_gradient(x)
        return value

    grad = dc.grad(loss, argnums=1)

    assert grad(ref, 2.0).item() == 12.0
    assert dc.jit(grad)(ref, 5.0).item() == 20.0
    assert ref[...].item() == 5.0


def test_values_kept_without_gradient_leave_a_differentiated_function():
    ref = dc.new_ref(0.0, kind="no_grad_no_remat")

    def loss(x):
        ref[...] = x * 2
        return x * x

    assert dc.grad(loss)(3.0).item() == 6.0
    assert ref[...].item() == 6.0
    assert dc.grad(dc.jit(loss))(4.0).item() == 8.0
    assert ref[...].item() == 8.0


def test_checkpoint_updates_a_ref_once():
    ref = dc.new_ref(1.0, kind="no_grad_no_remat")

    @dc.checkpoint
    def step(r, x):
        r[...] += 1.0
        return jnp.sin(x) * r[...]

    dc.grad(lambda x: step(ref, x))(0.0)

    assert ref[...].item() == 2.0


# ---- vmap ----------------------------------------------------------------------------


def test_a_ref_made_inside_vmap_may_become_batched():
    def twice(x):
        ref = dc.new_ref(0.0)
        ref[...] = x
        ref[...] *= 2
        return ref[...]

    for f in (dc.vmap(twice), dc.jit(dc.vmap(twice)), dc.vmap(dc.jit(twice))):
        assert f(arange()).tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize(
    "transform", [dc.vmap, lambda f: dc.jit(dc.vmap(f)), lambda f: dc.vmap(dc.jit(f))]
)
def test_vmap_updates_a_batched_ref(transform):
    ref = dc.new_ref(arange())

    def add(r, x):
        r[...] += x
        return r[...] * 2

    assert transform(add)(ref, arange()).tolist() == [0, 4, 8, 12]
    assert ref[...].tolist() == [0, 2, 4, 6]


def test_vmap_keeps_the_batch_axis_of_a_ref():
    ref = dc.new_ref(jnp.ones((2, 3)))

    def store(column):
        column[0] = 5.0

    dc.vmap(store, in_axes=1)(ref)

    assert ref[...].tolist() == [[5, 5, 5], [1, 1, 1]]


def test_vmap_writes_what_the_whole_batch_shares():
    ref = dc.new_ref(arange())

    def f(x):
        ref[0] = 5.0
        return x + ref[1]

    assert dc.vmap(f)(arange(2)).tolist() == [1, 2]
    assert ref[...].tolist() == [5, 1, 2, 3]


# ---- control flow --------------------------------------------------------------------


def test_scan_carries_the_refs_it_writes_to():
    total, scale = dc.new_ref(arange()), dc.new_ref(2.0)

    def step(carry, x):
        total[0] += x * scale[...]
        return carry + total[0], total[1]

    carry, ys = lax.scan(step, 0.0, arange(3))

    assert (carry.item(), ys.tolist()) == (8.0, [1, 1, 1])
    assert total[...].tolist() == [6, 1, 2, 3]


def test_scan_over_a_ref_sees_a_ref_for_each_row():
    ref = dc.new_ref(jnp.ones((3, 2)))

    def step(carry, rows):
        row, x = rows
        row[0] = carry
        return carry + x, row[1]

    carry, ys = lax.scan(step, 0.0, (ref, arange(3)))

    assert (carry.item(), ys.tolist()) == (3.0, [1, 1, 1])
    assert ref[...].tolist() == [[0, 1], [0, 1], [1, 1]]


def test_fori_loop_fills_a_ref():
    ref = dc.new_ref(jnp.zeros(3, jnp.int32))

    @dc.jit
    def fill(n):
        def step(i, carry):
            ref[i] = carry
            return carry * 2

        return lax.fori_loop(0, n, step, 1)

    assert fill(3).item() == 8
    assert ref[...].tolist() == [1, 2, 4]


def test_a_while_loop_reads_and_writes_refs_in_condition_and_body():
    ref, count = dc.new_ref(0.0), dc.new_ref(0)

    def condition(x):
        count[...] += 1
        return ref[...] < 10

    def body(x):
        ref[...] += x
        return x + 1

    assert lax.while_loop(condition, body, 1.0).item() == 5.0
    assert ref[...].item() == 10.0
    assert count[...].item() == 5


def test_a_while_loop_reads_in_its_condition_what_the_body_writes():
    ref = dc.new_ref(0.0)

    def body(x):
        ref[...] += x
        return x + 1

    result = dc.jit(lambda x: lax.while_loop(lambda _: ref[...] < 10, body, x))(1.0)

    assert (result.item(), ref[...].item()) == (5.0, 10.0)


@pytest.mark.parametrize(("index", "expected"), [(0, [9, 1]), (1, [0, 8]), (2, [0, 1])])
@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_each_branch_of_a_switch_writes_its_own_refs(transform, index, expected):
    ref, other = dc.new_ref(0.0), dc.new_ref(1.0)

    def first(r, x):
        r[...] = x

    def second(r, x):
        other[...] = x - 1

    def third(r, x):
        pass

    transform(lambda i: lax.switch(i, [first, second, third], ref, 9.0))(index)

    assert [ref[...].item(), other[...].item()] == expected


def test_a_batched_cond_writes_to_a_ref_of_the_batch():
    def f(x):
        ref = dc.new_ref(1.0)

        def store():
            ref[...] = x

        lax.cond(x > 1, store, lambda: None)
        return ref[...]

    assert dc.vmap(f)(arange()).tolist() == [1, 1, 2, 3]


def test_loops_nest():
    ref = dc.new_ref(0)

    def inner(i, _):
        lax.cond(i % 2 == 0, lambda: ref.addupdate(1), lambda: None)

    def outer(carry, _):
        lax.fori_loop(0, 3, inner, None)
        return carry, ref[...]

    _, seen = dc.jit(lambda: lax.scan(outer, None, None, length=2))()

    assert seen.tolist() == [2, 4]
    assert ref[...].item() == 4


# ---- errors --------------------------------------------------------------------------


def message_of(error, function, *args):
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value)


@pytest.mark.parametrize(
    ("end", "how"), [(dc.freeze, "frozen"), (dc.free_ref, "freed")]
)
@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_ref_that_has_ended_names_where(transform, end, how):
    def f():
        ref = dc.new_ref(1.0)
        end(ref)
        return ref[...]

    assert message_of(ValueError, transform(f)) == (
        f"can't read a ref f32[] that was {how} at {line_of(f, 2)}.\n"
        f"  at {line_of(f, 3)}\n"
        f"Use it before it is {how}, or make another one with `new_ref`."
    )


def test_a_ref_from_outside_cannot_be_frozen_inside():
    def f():
        ref = dc.new_ref(1.0)
        dc.jit(lambda r: dc.freeze(r))(ref)

    text = message_of(ValueError, f)
    assert text.startswith(
        "a ref f32[] can't be frozen inside a function that is traced, when it was "
        f"made outside, at {line_of(f, 2)}.\n"
    )
    assert text.endswith("\nFreeze or free it where it was made, after the call.")


def test_jit_refuses_the_same_ref_twice():
    ref = dc.new_ref(1.0)

    def f(a, b):
        a[...] = b[...]

    def g(a):
        a[...] = ref[...]

    def call():
        dc.jit(f)(ref, b=ref)

    def call_closed():
        dc.jit(g)(ref)

    def call_checkpoint():
        dc.checkpoint(f)(ref, ref)

    assert message_of(ValueError, call) == (
        "jit of f: the same ref f32[] is passed as kwargs['b'] and as args[0].\n"
        f"  at {line_of(call, 1)}\n"
        "Pass it once, and use only that argument."
    )
    assert message_of(ValueError, call_checkpoint) == (
        "checkpoint of f: the same ref f32[] is passed as args[1] and as args[0].\n"
        f"  at {line_of(call_checkpoint, 1)}\n"
        "Pass it once, and use only that argument."
    )
    assert message_of(ValueError, call_closed) == (
        "jit of g: the same ref f32[] is passed as args[0] and closed over.\n"
        f"  at {line_of(call_closed, 1)}\n"
        "Pass it once, and use only that argument."
    )


def scan_rows(f):
    def step(carry, row):
        return carry, f(*row)

    return lambda *rows: lax.scan(step, None, rows)[1]


@pytest.mark.parametrize(
    ("name", "transform"), [("vmap of f", dc.vmap), ("scan of step", scan_rows)]
)
def test_a_ref_of_a_batch_is_used_in_one_way_only(name, transform):
    ref = dc.new_ref(arange())

    def f(a, b):
        a[...] = b + ref[0]

    twice = message_of(ValueError, transform(f), ref, ref)
    closed = message_of(ValueError, transform(f), ref, arange())

    assert twice.startswith(f"{name}: the same ref f32[4] is passed twice.\n")
    assert closed == (
        f"can't read a ref f32[4] that is passed to {name}: the function would not see "
        f"what the other writes.\n  at {line_of(f, 1)}\n"
        "Pass it once, and use only that argument."
    )
    assert ref[...].tolist() == [0, 1, 2, 3]


def test_a_ref_cannot_be_returned():
    def call():
        dc.jit(lambda x: {"r": dc.new_ref(x)})(1.0)

    assert message_of(TypeError, call) == (
        "jit of <lambda>: expected the function to return arrays (in any tree of "
        "containers), got\n"
        "  result['r']: Ref Ref(f32[])\n"
        f"  at {line_of(call, 1)}\n"
        "Return the value of a ref, `ref[...]` or `freeze(ref)`, or make it outside "
        "and pass it in."
    )


def test_a_leaked_ref_says_where_it_was_made():
    kept = []

    def f():
        kept.append(dc.new_ref(1.0))

    def use():
        return kept[0][...]

    dc.jit(f)()

    assert repr(kept[0]) == "<Ref f32[], no longer usable>"
    assert message_of(UnexpectedTracerError, use) == (
        f"a ref f32[] that was made inside f, at {line_of(f, 1)}, was used outside.\n"
        f"  at {line_of(use, 1)}\n"
        "Return its value, `ref[...]`, from f; or make the ref outside and pass it in."
    )


def test_a_batched_value_is_not_written_to_an_unbatched_ref():
    def make():
        return dc.new_ref(1.0)

    ref = make()

    def f(x):
        ref[...] = x

    assert message_of(ValueError, dc.vmap(f), arange()) == (
        "can't write to a ref f32[]: the value differs across the batch of a `vmap`, "
        f"but the ref was made outside, at {line_of(make, 1)}.\n"
        f"  at {line_of(f, 1)}\n"
        "Make the ref inside the function, or pass it as a batched argument."
    )
    assert ref[...].item() == 1.0


@pytest.mark.parametrize(
    "transform", [lambda f: dc.grad(f), lambda f: lambda x: dc.jvp(f, (x,), (x,))]
)
def test_a_differentiated_value_is_not_written_to_a_ref_from_outside(transform):
    def make():
        return dc.new_ref(1.0)

    ref = make()

    def f(x):
        ref[...] = x
        return x

    assert message_of(ValueError, transform(f), 2.0) == (
        "can't write to a ref f32[]: the value is being differentiated, but the ref "
        f"was made outside, at {line_of(make, 1)}.\n"
        f"  at {line_of(f, 1)}\n"
        "Make the ref inside the differentiated function, or write "
        "`lax.stop_gradient(...)` of the value."
    )


@dc.custom_vjp
def stash(ref, x):
    return x


def stash_backward(ref, ct):
    ref[...] = ct
    return None, ct


stash.defvjp(lambda ref, x: (x, ref), stash_backward)


def with_stash(x, ref):
    return jnp.sin(stash(ref, 3.0 * x))


@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_backward_rule_stores_a_cotangent_in_a_ref(transform):
    ref = dc.new_ref(0.0)

    grad = transform(dc.grad(with_stash))(2.0, ref)

    np.testing.assert_allclose(grad, 3 * np.cos(6.0), rtol=1e-6)
    np.testing.assert_allclose(ref[...], np.cos(6.0), rtol=1e-6)


def test_a_backward_rule_stores_cotangents_of_a_batch():
    ref = dc.new_ref(jnp.zeros(2))

    dc.vmap(dc.grad(with_stash))(jnp.array([1.0, 2.0]), ref)

    np.testing.assert_allclose(ref[...], np.cos([3.0, 6.0]), rtol=1e-6)


@dc.custom_jvp
def scaled(ref, x):
    return x * ref[...]


scaled.defjvp(
    lambda primals, tangents: (scaled(*primals), 100 * tangents[1] * primals[0][...])
)


@pytest.mark.parametrize(
    "transform",
    [
        dc.grad,
        lambda f: dc.jit(dc.grad(f)),
        lambda f: dc.grad(dc.jit(f)),
        lambda f: dc.grad(dc.checkpoint(f)),
        lambda f: lambda x: dc.jvp(f, (x,), (1.0,))[1],
        lambda f: lambda x: dc.vmap(dc.grad(f))(jnp.array([x]))[0],
    ],
)
def test_a_function_with_its_own_rule_reads_a_ref_that_is_an_argument(transform):
    ref = dc.new_ref(2.0)
    derivative = transform(lambda x: scaled(ref, x))

    assert derivative(3.0).item() == 200.0
    ref[...] = 5.0
    assert derivative(3.0).item() == 500.0


@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_rule_reads_a_ref_that_is_an_argument_of_jit(transform):
    ref = dc.new_ref(2.0)
    derivative = dc.grad(transform(lambda x, r: scaled(r, x)))

    assert derivative(3.0, ref).item() == 200.0
    ref[...] = 5.0
    assert derivative(3.0, ref).item() == 500.0


def test_a_rule_inside_jit_does_not_write_to_refs():
    def make():
        return dc.new_ref(3.0)

    ref = make()

    @dc.custom_jvp
    def stores(x):
        ref[...] = 0.0
        return x

    @dc.custom_jvp
    def rule_stores(x):
        return x

    def rule(primals, tangents):
        ref[...] = 0.0
        return primals[0], tangents[0]

    stores.defjvp(lambda primals, tangents: (primals[0], tangents[0]))
    rule_stores.defjvp(rule)

    def call():
        dc.jit(stores)(2.0)

    def call_rule():
        dc.grad(dc.jit(rule_stores))(2.0)

    for function, name in ((call, "stores"), (call_rule, "a derivative rule")):
        assert message_of(ValueError, function) == (
            f"{name} writes to a ref f32[] that was made outside, at "
            f"{line_of(make, 1)}, but it is recorded apart from the call that it "
            "stands for.\n"
            f"  at {line_of(function, 1)}\n"
            "Return the new value, and write it where the function is called; or let "
            "a derivative rule run inside `jit`, as `jit(grad(f))`."
        )
    assert ref[...].item() == 3.0


def test_a_rule_inside_jit_reads_only_what_its_function_reads():
    def make():
        return dc.new_ref(3.0)

    ref = make()

    @dc.custom_jvp
    def f(x):
        return x

    f.defjvp(lambda primals, tangents: (primals[0], tangents[0] * ref[...]))

    def call():
        dc.grad(dc.jit(f))(2.0)

    assert dc.jit(dc.grad(f))(2.0).item() == 3.0
    assert message_of(ValueError, call) == (
        "a derivative rule reads a ref f32[] that was made outside, at "
        f"{line_of(make, 1)}, but the function it belongs to does not.\n"
        f"  at {line_of(call, 1)}\n"
        "Read the ref in the function, and return its value as a residual; or let the "
        "rule run inside `jit`, as `jit(grad(f))`."
    )


def test_a_rule_does_not_use_a_ref_argument_after_jit_has_returned():
    def call():
        dc.grad(dc.jit(with_stash))(1.0, dc.new_ref(0.0))

    assert message_of(UnexpectedTracerError, call) == (
        "a ref f32[] that is an argument of with_stash was used after with_stash had "
        "returned.\n"
        f"  at {line_of(stash_backward, 1)}\n"
        "Use the caller's ref. A derivative rule that uses it must run inside `jit`, "
        "as `jit(grad(f))`."
    )


def test_dtypes_and_shapes_of_a_ref_stay():
    ref = dc.new_ref(jnp.arange(4))

    def dtype():
        ref[0] = 1.5

    def shape():
        ref[:2] = jnp.arange(3)

    assert message_of(ValueError, dtype) == (
        "ref[...] = value: expected a value of dtype int32, that of the ref, got "
        "~f32[].\n"
        f"  at {line_of(dtype, 1)}\n"
        "Convert it, for example with `.astype('int32')`."
    )
    assert message_of(ValueError, shape) == (
        "i32[4].at[...].set: values of shape (3,) don't broadcast to the shape (2,) of "
        "the indexed elements.\n"
        f"  at {line_of(shape, 1)}"
    )
    assert ref[...].tolist() == [0, 1, 2, 3]


def test_a_ref_is_not_an_array():
    ref = dc.new_ref(1.0)

    def call():
        lax.sin(ref)

    def nested():
        dc.new_ref(ref)

    assert "Ref" in message_of(TypeError, call)
    assert message_of(TypeError, nested) == (
        "expected an array, a NumPy array or a Python scalar, got Ref: Ref(1., "
        "dtype=float32).\n"
        f"  at {line_of(nested, 1)}\n"
        "Read the ref's value, `ref[...]`."
    )
    assert message_of(TypeError, lambda: ref + 1).startswith("unsupported operand")


def test_arguments_of_new_ref_are_checked():
    def call(**options):
        dc.new_ref(1.0, **options)

    assert message_of(ValueError, lambda: call(kind="other")) == (
        "new_ref: expected `kind` None or 'no_grad_no_remat', got 'other'.\n"
        f"  at {line_of(call, 1)}"
    )
    assert message_of(ValueError, lambda: call(memory_space="pinned_host")) == (
        "new_ref: expected `memory_space` None, got 'pinned_host'.\n"
        f"  at {line_of(call, 1)}\n"
        "Leave it out: refs live in the memory of the device."
    )
    assert message_of(ValueError, dc.freeze, 1.0).startswith(
        "freeze: expected a Ref, got float: 1.0."
    )
