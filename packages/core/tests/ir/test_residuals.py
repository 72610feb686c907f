"""What a forward program keeps for the backward one."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core._ir import keep_less
from dolmen.core._tracing import evaluate

X = np.linspace(0.5, 2.0, 12, dtype=np.float32).reshape(3, 4)


def names(program):
    return [equation.primitive.name for equation in program.equations]


def kept_of(function, *args, num_outs=1, lasting=()):
    """What `function` keeps of its results after the first `num_outs`."""
    program = dc.make_jaxpr(function)(*args).jaxpr
    return keep_less(program, num_outs, lasting)


def shapes(kept):
    return [type.shape for type in kept.again.in_types]


def test_what_needs_no_operand_is_not_kept():
    def f(x):
        mask = jnp.tril(jnp.ones((3, 4), bool))
        return jnp.sin(jnp.where(mask, x, 0.0)), mask

    kept = kept_of(f, X)

    assert shapes(kept) == []
    assert "iota" in names(kept.again)


def test_a_quotient_gives_way_to_what_is_kept_beside_it():
    def f(x):
        centered = x - jnp.mean(x, -1, keepdims=True)
        deviation = jnp.sqrt(jnp.sum(centered**2, -1, keepdims=True))
        scaled = centered / deviation
        return scaled * 2.0, centered, scaled

    assert sorted(shapes(kept_of(f, X))) == [(3, 1), (3, 4)]


def test_costly_operations_are_not_done_again():
    kept = kept_of(lambda x: (x, jnp.exp(x), x @ x.T, jnp.sum(x)), X)

    assert kept.again.equations == []
    assert shapes(kept) == [(3, 4), (3, 3), ()]


def test_nothing_larger_is_kept_instead():
    kept = kept_of(lambda x: (jnp.sin(x), (x * 2).astype(jnp.float16)), X)

    assert [t.dtype for t in kept.again.in_types] == [np.float16]


def test_arguments_that_last_cost_nothing():
    def f(x):
        return jnp.sin(x), x.astype(jnp.float16)

    kept = kept_of(f, X, lasting=(True, False))

    assert kept.again.inputs == kept.primal.inputs


def test_results_that_last_cost_nothing():
    def f(x):
        y = jnp.sin(x)
        return y, y.astype(jnp.float16)

    kept = kept_of(f, X, lasting=(False, True))

    assert kept.again.inputs == kept.primal.outputs[:1]


def test_results_that_last_are_read_even_where_they_follow_from_less():
    def f(x):
        wide = jnp.broadcast_to(jnp.exp(x[:, :1]), (3, 2))
        return wide, wide.astype(jnp.int8)

    kept = kept_of(f, X, lasting=(False, True))

    assert kept.again.inputs == kept.primal.outputs[:1]


def test_equal_cheap_operations_are_done_once():
    def f(x):
        return (x + 1.0) * (x + 1.0), jnp.sin(x + 1.0), x + 1.0

    kept = kept_of(f, X)

    assert names(kept.primal).count("add") == 1


def test_literals_of_other_bits_are_other_operations():
    kept = kept_of(lambda x: (jnp.sin(x), x * 0.0, x * -0.0), X)

    assert names(kept.again).count("mul") == 2


def test_an_early_residual_follows_from_what_a_later_one_left():
    def f(x):
        y = jnp.exp(x)
        total = jnp.sum(y, -1, keepdims=True)
        first = y - total
        return jnp.sin(first), first, y * 2.0

    assert sorted(shapes(kept_of(f, X))) == [(3, 1), (3, 4)]


def test_nothing_of_no_size_is_computed_again_at_a_cost():
    empty = np.zeros((0, 4), np.float32)

    kept = kept_of(lambda x: (jnp.sum(x), jnp.exp(x) * 2.0), empty)

    assert "exp" not in names(kept.again)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_programs_keep_no_more_and_lose_nothing(data):
    steps = [
        (
            data.draw(st.sampled_from(["add", "mul", "sin", "sum", "where", "wide"])),
            data.draw(st.integers(0, 5)),
            data.draw(st.integers(0, 5)),
        )
        for _ in range(data.draw(st.integers(1, 14)))
    ]

    def f(x, y):
        made = [x, y]
        for name, i, j in steps:
            a, b = made[-1 - i % len(made)], made[-1 - j % len(made)]
            if name == "sum":
                made.append(jnp.sum(a, -1, keepdims=True))
            elif name == "where":
                made.append(jnp.where(a > b, a, 0.5))
            elif name == "wide":
                made.append(jnp.broadcast_to(a, (3, 4)))
            elif name == "sin":
                made.append(jnp.sin(a))
            else:
                made.append(a + b if name == "add" else a * b)
        return made

    count = len(steps) + 2
    chosen = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    args = X, np.float32([[1.0], [2.0], [3.0]])
    program = dc.make_jaxpr(lambda *a: _order(f(*a), chosen))(*args).jaxpr
    num_outs = count - sum(chosen)
    lasting = data.draw(
        st.sampled_from([(), (True, True), (False, False, *[True] * num_outs)])
    )

    primal, again = keep_less(program, num_outs, lasting)

    flat = evaluate(primal, args)
    results = [*flat[:num_outs], *evaluate(again, flat[num_outs:])]
    for found, expected in zip(results, evaluate(program, args), strict=True):
        np.testing.assert_array_equal(found, expected)
    asked = {a: a.type.nbytes for a in program.outputs[num_outs:]}
    ends = [*primal.inputs, *primal.outputs[:num_outs]]
    free = {a for a, lasts in zip(ends, lasting, strict=False) if lasts}
    new = sum(a.type.nbytes for a in again.inputs if a not in free)
    assert new <= sum(asked.values())


def _order(values, chosen):
    """Those not chosen, then the chosen ones."""
    pairs = list(zip(values, chosen, strict=False))
    return [v for v, c in pairs if not c] + [v for v, c in pairs if c]
