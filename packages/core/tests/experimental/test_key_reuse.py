"""Random keys that are used twice. Which programs fail was taken from JAX."""

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, random
from dolmen.core.errors import KeyReuseError
from dolmen.core.experimental import key_reuse

HERE = __file__
FIX = (
    "\nMake new keys with `random.split` or `random.fold_in`; or, if the repetition is "
    "meant, pass `random.clone(key)`."
)


@pytest.fixture(autouse=True)
def checking():
    with dc.debug_key_reuse(True):
        yield


def place(function, offset):
    code = function.__code__
    name = getattr(code, "co_qualname", code.co_name)
    return f"{HERE}:{code.co_firstlineno + offset} in {name}"


def message_of(function, *args, error=KeyReuseError):
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value)


def used_twice(second, first, where, again):
    return (
        f"{second}: the key was used before, by {first} at {where}, so the numbers "
        f"would be the same, or not independent.\n  at {again}{FIX}"
    )


def new_key():
    return random.key(0)


def draw_twice(key):
    x = random.normal(key)
    return x + random.uniform(key)


# ---- what fails ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: f,
        dc.jit,
        lambda f: lambda key: dc.grad(lambda x: x * f(key))(1.0),
        lambda f: lambda key: dc.jit(dc.grad(lambda x, k: x * f(k)))(1.0, key),
        lambda f: lambda key: dc.vmap(lambda x: x * f(key))(jnp.ones(2)),
        lambda f: lambda key: dc.vmap(f)(random.split(key)),
        lambda f: lambda key: lax.map(f, random.split(key)),
        lambda f: dc.checkpoint(f),
        lambda f: lambda key: lax.cond(True, f, lambda k: 0.0, key),
    ],
)
def test_both_lines_are_named(transform):
    text = message_of(transform(draw_twice), new_key())

    assert text == used_twice(
        "random.uniform", "random.normal", place(draw_twice, 1), place(draw_twice, 2)
    )


def split_then_draw(key):
    random.split(key)
    random.normal(key)


def draw_then_split(key):
    random.normal(key)
    random.split(key)


def draw_from_one_of_several(key):
    keys = random.split(key, 3)
    random.normal(keys[1])
    random.normal(keys[-2])


def draw_from_one_of_several_by_iteration(key):
    _, one, _ = keys = random.split(key, 3)
    random.normal(one)
    random.normal(keys[1])


def draw_from_all_and_one(key):
    keys = random.split(key, 3)
    dc.vmap(random.normal)(keys)
    random.normal(keys[1])


def draw_from_one_and_all(key):
    keys = random.split(key, 3)
    random.normal(keys[1])
    dc.vmap(random.normal)(keys)


def draw_from_another_arrangement(key):
    random.normal(key.reshape(1, 1)[0, 0])
    random.normal(key)


def draw_in_a_jitted_function_twice(key):
    draw = dc.jit(lambda k: random.normal(k))
    draw(key)
    draw(key)


def draw_in_jitted_functions_of_parts(key):
    keys = random.split(key)
    draw = dc.jit(lambda k: random.normal(k[0]))
    draw(keys)
    random.normal(keys[0])


def draw_in_a_batch_twice(key):
    keys = random.split(key)
    dc.vmap(random.normal)(keys)
    dc.vmap(dc.jit(random.normal))(keys)


def draw_in_a_branch_and_after(key):
    lax.cond(True, random.normal, lambda k: 0.0, key)
    random.normal(key)


def draw_in_grad_and_after(key):
    dc.grad(lambda x: x * random.normal(key))(1.0)
    random.normal(key)


def draw_in_a_checkpoint_and_after(key):
    dc.checkpoint(random.normal)(key)
    random.normal(key)


def draw_from_a_key_that_jit_returns(key):
    key = dc.jit(lambda k: (random.normal(k), k))(key)[1]
    random.normal(key)


def draw_from_a_key_that_scan_returns(key):
    def step(key, _):
        key, _ = random.split(key)
        return key, None

    key, _ = lax.scan(step, key, None, length=2)
    random.normal(key)
    random.normal(key)


def draw_from_rows_and_one(key):
    keys = random.split(key, 3)
    lax.scan(lambda c, k: (c, random.normal(k)), None, keys)
    random.normal(keys[0])


def consume_and_draw(key):
    random.normal(key_reuse.consume(key))


REUSES = [
    split_then_draw,
    draw_then_split,
    draw_from_one_of_several,
    draw_from_one_of_several_by_iteration,
    draw_from_all_and_one,
    draw_from_one_and_all,
    draw_from_another_arrangement,
    draw_in_a_jitted_function_twice,
    draw_in_jitted_functions_of_parts,
    draw_in_a_batch_twice,
    draw_in_a_branch_and_after,
    draw_in_grad_and_after,
    draw_in_a_checkpoint_and_after,
    draw_from_a_key_that_jit_returns,
    draw_from_a_key_that_scan_returns,
    draw_from_rows_and_one,
    consume_and_draw,
]


@pytest.mark.parametrize("function", REUSES)
@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_second_use_is_found(transform, function):
    assert "the key was used before, by" in message_of(transform(function), new_key())


def test_a_use_inside_a_jitted_function_names_the_call():
    draw = dc.jit(lambda k: random.normal(k))

    def call(key):
        draw(key)
        random.split(key)

    assert message_of(call, new_key()) == used_twice(
        "random.split", "random.normal in <lambda>", place(call, 1), place(call, 2)
    )


@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_a_loop_that_closes_over_a_key_repeats_it(transform):
    def step(total, key):
        return total + random.normal(key), None

    def loop(key):
        return lax.scan(lambda c, _: step(c, key), 0.0, None, length=3)

    assert message_of(transform(loop), new_key()) == (
        f"scan of <lambda>: each step would repeat random.normal at {place(step, 1)} "
        "with the same key, because the function closes over it.\n"
        f"  at {place(loop, 1)}\n"
        "Pass a key for each step as `xs` (`random.split`), or use "
        "`random.fold_in(key, step)`."
    )


def test_a_loop_that_carries_on_a_used_key_repeats_it():
    def body(carry):
        key, total = carry
        return key, total + random.normal(key)

    def loop(key):
        return lax.while_loop(lambda carry: carry[1] < 3, body, (key, 0.0))

    assert message_of(loop, new_key()) == (
        f"while_loop of body: each step would repeat random.normal at {place(body, 2)} "
        "with the same key, because the function carries on a key that it has used.\n"
        f"  at {place(loop, 1)}\n"
        "Carry on a fresh key (`random.split`), or use `random.fold_in(key, step)`."
    )


def test_a_loop_that_carries_on_a_new_but_used_key_repeats_it():
    def step(key, _):
        _, key = random.split(key)
        return key, random.normal(key)

    assert "carries on a key that it has used" in message_of(
        lambda: lax.scan(step, new_key(), None, length=2)
    )


# ---- what does not -------------------------------------------------------------------


def fold_in_twice(key):
    return [random.normal(random.fold_in(key, i)) for i in range(3)]


def fold_in_and_draw(key):
    return random.normal(random.fold_in(key, 1)), random.normal(key)


def clone_and_draw(key):
    return random.normal(random.clone(key)), random.normal(key)


def draw_and_clone(key):
    return random.normal(key), dc.jit(random.normal)(random.clone(key))


def wrap_again(key):
    return random.normal(key), random.normal(random.wrap_key_data(random.key_data(key)))


def split_in_a_python_loop(key):
    for _ in range(3):
        key, one = random.split(key)
        random.normal(one)
    return random.normal(key)


def draw_from_each(key):
    keys = random.split(key, 3)
    return random.normal(keys[0]), random.uniform(keys[1]), random.bits(keys[2])


def draw_from_each_in_another_arrangement(key):
    keys = random.split(key, 4)
    table = keys.reshape(2, 2)
    return (
        random.normal(keys[1]),
        random.normal(table[1, 0]),
        random.normal(table.T[1, 1]),
    )


def draw_by_a_traced_index(key):
    keys = random.split(key, 3)
    return lax.fori_loop(0, 3, lambda i, c: c + random.normal(keys[i]), 0.0)


def draw_by_traced_indices(key):
    draw = dc.jit(lambda keys, i: random.normal(keys[i]))
    keys = random.split(key, 3)
    return draw(keys, 0), draw(keys, 1)


def split_in_a_loop(key):
    def step(key, _):
        key, one = random.split(key)
        return key, random.normal(one)

    return lax.scan(step, key, None, length=3)[1]


def fold_in_in_a_loop(key):
    def step(total, i):
        return total + random.normal(random.fold_in(key, i)), None

    return lax.scan(step, 0.0, jnp.arange(3))[0]


def draw_in_both_branches(key):
    return lax.cond(True, random.normal, random.uniform, key)


def make_a_key_inside(_):
    draw = dc.jit(lambda x: x + random.normal(random.key(1)))
    return draw(1.0), draw(2.0)


def compare_and_look(key):
    return random.normal(key), key == key, random.key_data(key), key.shape


def plain_words(_):
    key = random.PRNGKey(0)
    return random.normal(key), random.normal(key)


FINE = [
    fold_in_twice,
    fold_in_and_draw,
    clone_and_draw,
    draw_and_clone,
    wrap_again,
    split_in_a_python_loop,
    draw_from_each,
    draw_from_each_in_another_arrangement,
    draw_by_a_traced_index,
    draw_by_traced_indices,
    split_in_a_loop,
    fold_in_in_a_loop,
    draw_in_both_branches,
    make_a_key_inside,
    compare_and_look,
    plain_words,
]


@pytest.mark.parametrize("function", FINE)
@pytest.mark.parametrize("transform", [lambda f: f, dc.jit])
def test_different_keys_are_no_reuse(transform, function):
    transform(function)(new_key())


def test_nothing_is_noted_without_the_setting():
    key = new_key()

    with dc.debug_key_reuse(False):
        draw_twice(key)

    random.normal(key)


# ---- the functions of the module -----------------------------------------------------


def test_uses_can_be_asserted():
    key = new_key()

    def unused():
        key_reuse.assert_consumed(key)

    def used():
        key_reuse.assert_unconsumed(key)

    assert message_of(unused, error=AssertionError) == (
        f"expected a used key, got an unused one.\n  at {place(unused, 1)}"
    )
    used()
    random.normal(key)
    unused()
    assert message_of(used, error=AssertionError) == (
        f"expected an unused key, got a used one.\n  at {place(used, 1)}"
    )


def test_a_function_is_checked_without_running_it():
    with dc.debug_key_reuse(False):
        key_reuse.check_key_reuse(random.normal, new_key())
        text = message_of(key_reuse.check_key_reuse, draw_twice, new_key())

    assert text == used_twice(
        "random.uniform", "random.normal", place(draw_twice, 1), place(draw_twice, 2)
    )
