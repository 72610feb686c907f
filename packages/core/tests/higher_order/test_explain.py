"""What `explain` counts, against numbers computed by hand."""

import inspect

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

N, M, K = 4, 6, 8
W = np.ones((M, K), np.float32)
X = np.ones((N, M), np.float32)


def rows_of(explanation):
    return {line.source: line for line in explanation.lines}


def dense(w, x):
    product = x @ w
    active = jnp.tanh(product)
    return active.sum()


def test_work_bytes_and_results_of_each_line():
    found = rows_of(dc.explain(dense, compiled=False)(W, X))

    out = 4 * N * K  # bytes
    product = found["product = x @ w"]
    active = found["active = jnp.tanh(product)"]
    total = found["return active.sum()"]
    assert product.flops == 2 * N * M * K
    assert (product.bytes, product.results) == (4 * (N * M + M * K) + out, out)
    assert (active.flops, active.bytes, active.results) == (N * K, 2 * out, out)
    assert (total.flops, total.bytes, total.results) == (N * K - 1, out + 4, 4)
    assert len(found) == 3


def test_lines_are_sorted_by_work_and_say_where_they_are():
    found = dc.explain(dense, compiled=False)(W, X)

    flops = [line.flops for line in found.lines]
    first = inspect.getsourcelines(dense)[1]
    assert flops == sorted(flops, reverse=True)
    assert found.lines[0].line == first + 1
    assert found.lines[0].function == "dense"
    assert found.lines[0].file == __file__


def test_a_scan_counts_its_body_for_every_step():
    def loop(x):
        def body(carry, _):
            carry = carry * 2.0 + 1.0
            return carry, None

        return lax.scan(body, x, None, length=5)[0]

    found = rows_of(dc.explain(loop, compiled=False)(np.ones(3, np.float32)))

    line = found["carry = carry * 2.0 + 1.0"]
    assert line.flops == 5 * (3 + 3)
    assert line.bytes == 5 * (24 + 24)


def test_a_while_loop_counts_once_and_says_so():
    found = dc.explain(
        lambda x: lax.while_loop(lambda c: c < 9, lambda c: c * 2, x), compiled=False
    )(1)

    assert found.flops == 2
    assert found.notes == [
        "A `while_loop` counts as one iteration: how many run is unknown."
    ]


def test_of_a_cond_the_branch_with_most_work_counts():
    def choose(x):
        return lax.cond(x.sum() > 0, lambda x: x * x, lambda x: x @ x, x)

    found = dc.explain(choose, compiled=False)(np.ones((3, 3), np.float32))

    assert found.flops == (9 - 1) + 1 + 2 * 27  # the sum, the comparison, the product


def test_calls_count_for_the_lines_inside():
    inner = dc.jit(dense)

    found = rows_of(dc.explain(lambda w, x: inner(w, x), compiled=False)(W, X))

    assert found["product = x @ w"].flops == 2 * N * M * K


def test_operations_that_call_a_function_count_for_its_lines():
    def solve(x):
        def solver(_, b):
            doubled = b + b
            return doubled

        return lax.custom_linear_solve(lambda v: v, x, solver, solver)

    found = rows_of(dc.explain(solve, compiled=False)(np.ones(3, np.float32)))

    assert found["doubled = b + b"].flops == 3


def test_the_backward_pass_counts_for_the_forward_lines():
    found = rows_of(dc.explain(dc.grad(dense, argnums=(0, 1)), compiled=False)(W, X))

    product, active = found["product = x @ w"], found["active = jnp.tanh(product)"]
    assert product.flops == 3 * 2 * N * M * K  # forward, and back to each operand
    assert active.flops > N * K


def test_loops_of_the_backward_pass_count_for_the_forward_lines():
    def loop(w, x):
        def body(carry, _):
            carry = jnp.tanh(carry @ w)
            return carry, None

        return lax.scan(body, x, None, length=5)[0].sum()

    square = np.ones((M, M), np.float32)
    found = rows_of(dc.explain(dc.grad(loop), compiled=False)(square, X))

    assert found["carry = jnp.tanh(carry @ w)"].flops >= 5 * 3 * 2 * N * M * M


def test_memory_at_the_peak_by_line():
    def wide(x):
        big = jnp.broadcast_to(x, (100, 10))
        also = big * 2.0
        small = also.sum()
        return jnp.stack([small, small])

    found = dc.explain(wide, compiled=False)(np.ones(10, np.float32))
    rows = rows_of(found)

    assert found.arguments == 40
    assert found.peak == 8000
    assert rows["big = jnp.broadcast_to(x, (100, 10))"].peak == 4000
    assert rows["also = big * 2.0"].peak == 4000
    assert rows["return jnp.stack([small, small])"].peak == 0


def test_what_is_dead_at_the_peak_does_not_count():
    def two_parts(x):
        first = jnp.broadcast_to(x, (10, 10))
        total = first.sum()
        second = jnp.broadcast_to(total, (100, 10))
        return second.sum()

    rows = rows_of(dc.explain(two_parts, compiled=False)(np.ones(10, np.float32)))

    assert rows["first = jnp.broadcast_to(x, (10, 10))"].peak == 0
    assert rows["second = jnp.broadcast_to(total, (100, 10))"].peak == 4000


def test_memory_inside_a_loop_comes_on_top():
    def loop(x):
        outer = x * 2.0

        def body(carry, _):
            inner = jnp.outer(carry, carry)
            return inner.sum(0), None

        return lax.scan(body, x, None, length=2)[0] + outer

    found = dc.explain(loop, compiled=False)(np.ones(10, np.float32))

    rows = rows_of(found)
    assert rows["inner = jnp.outer(carry, carry)"].peak >= 400
    assert rows["outer = x * 2.0"].peak == 40


def test_static_arguments_and_descriptions():
    f = dc.jit(lambda x, n: x * n, static_argnames="n")

    found = dc.explain(f, compiled=False)(dc.ShapeDtypeStruct((7,), "float32"), n=2.0)

    assert found.flops == 7


def test_what_is_not_counted_is_listed():
    found = dc.explain(lambda x: jnp.sort(x), compiled=False)(np.ones(3, np.float32))

    assert found.notes == ["Work not counted: sort."]


def test_the_compilers_totals():
    found = dc.explain(dense)(W, X)

    assert found.compiled.flops == 2 * N * M * K + N * K - 1
    assert found.compiled.transcendentals == N * K
    assert found.compiled.arguments == 4 * (N * M + M * K)
    assert found.compiled.outputs == 4


def test_the_table():
    found = dc.explain(dense, compiled=False)(W, X)

    place = found.lines[0].place.rpartition(":")[0]
    first = inspect.getsourcelines(dense)[1]
    pad = " " * (len(f"{place}:{first}") - 4)
    assert str(found) == (
        "dense: 447 FLOPs, 804 B read and written, at most 256 B alive beside 288 B of "
        "arguments\n\n"
        f"FLOPs     %  bytes  results  at peak  line{pad}\n".rstrip()
        + "\n"
        f"  384  85.9  416 B    128 B    128 B  {place}:{first + 1}  product = x @ w\n"
        f"   32   7.2  256 B    128 B    128 B  {place}:{first + 2}  "
        "active = jnp.tanh(product)\n"
        f"   31   6.9  132 B      4 B      0 B  {place}:{first + 3}  "
        "return active.sum()"
    )
    assert repr(found) == str(found)


def test_html_escapes_what_the_source_says():
    found = dc.explain(lambda x: jnp.where(x < 2, x, 0 * x), compiled=False)(1.0)

    page = found.to_html()

    assert found._repr_html_() == page
    assert "jnp.where(x &lt; 2, x, 0 * x)" in page
    assert page.count("<tr>") == 1 + len(found.lines)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (1234, "1.23 k"), (5_000_000, "5 M")]
)
def test_counts_have_three_digits(number, text):
    from dolmen.core._higher_order._units import count_text

    assert count_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1536, "1.5 KiB"), (3 << 30, "3 GiB")],
)
def test_sizes_have_three_digits(number, text):
    from dolmen.core._higher_order._units import size_text

    assert size_text(number) == text
