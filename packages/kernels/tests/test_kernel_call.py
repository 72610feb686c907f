"""Kernels written with the public interface, on both targets, against NumPy."""

import functools
import itertools

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import kernels
from dolmen.kernels import _stablehlo

ON_BOTH_TARGETS = pytest.mark.parametrize("interpret", [False, True])
TOLERANCE = {"rtol": 2e-5, "atol": 2e-5}  # float32 sums of some tens of terms


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def matmul_kernel(x_ref, y_ref, o_ref):
    @kernels.when(kernels.program_id(2) == 0)
    def _():
        o_ref[...] = jnp.zeros(o_ref.shape, o_ref.dtype)

    o_ref[...] += x_ref[...] @ y_ref[...]


def matmul(x, y, *, block=(8, 4, 8), **options):
    (m, k), (_, n) = x.shape, y.shape
    bm, bn, bk = block
    return kernels.kernel_call(
        matmul_kernel,
        dc.ShapeDtypeStruct((m, n), "float32"),
        grid=tuple(map(kernels.cdiv, (m, n, k), block)),
        in_specs=[
            kernels.BlockSpec((bm, bk), lambda i, j, k: (i, k)),
            kernels.BlockSpec((bk, bn), lambda i, j, k: (k, j)),
        ],
        out_specs=kernels.BlockSpec((bm, bn), lambda i, j, k: (i, j)),
        **options,
    )(x, y)


def softmax_kernel(x_ref, o_ref):
    x = x_ref[...]
    weights = jnp.exp(x - jnp.max(x, axis=-1, keepdims=True))
    o_ref[...] = weights / jnp.sum(weights, axis=-1, keepdims=True)


def softmax(x, *, rows=4, **options):
    block = kernels.BlockSpec((rows, x.shape[1]), lambda i: (i, 0))
    return kernels.kernel_call(
        softmax_kernel,
        x,
        grid=kernels.cdiv(x.shape[0], rows),
        in_specs=[block],
        out_specs=block,
        **options,
    )(x)


def numpy_softmax(x):
    weights = np.exp(x.astype("float64") - x.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


@ON_BOTH_TARGETS
@pytest.mark.parametrize(
    "semantics",
    [
        None,
        ("parallel", "parallel", "arbitrary"),
        ("arbitrary", "parallel", "arbitrary"),
        ("parallel", "arbitrary", "arbitrary"),
        ("arbitrary", "arbitrary", "arbitrary"),
    ],
)
def test_a_matmul_kernel_multiplies_whatever_runs_in_parallel(interpret, semantics):
    x, y = normal(16, 24), normal(24, 12, seed=1)

    found = matmul(x, y, dimension_semantics=semantics, interpret=interpret)

    np.testing.assert_allclose(found, x @ y, **TOLERANCE)


@ON_BOTH_TARGETS
def test_output_blocks_beyond_the_edge_are_cut(interpret):
    x, y = normal(13, 16), normal(16, 7, seed=1)

    found = matmul(x, y, interpret=interpret)

    np.testing.assert_allclose(found, x @ y, **TOLERANCE)


@ON_BOTH_TARGETS
@pytest.mark.parametrize("rows", [1, 4, 7, 10, 16])
def test_a_softmax_kernel_works_on_any_number_of_rows(interpret, rows):
    x = normal(10, 6)

    found = softmax(x, rows=rows, interpret=interpret)

    np.testing.assert_allclose(found, numpy_softmax(x), **TOLERANCE)


@ON_BOTH_TARGETS
@pytest.mark.parametrize("axes", [(0, None), (None, 1), (1, 0)])
def test_vmap_of_a_kernel_is_a_loop_over_the_batch(interpret, axes):
    x, y = normal(3, 8, 8), normal(3, 8, 4, seed=1)
    args = [
        a[0] if axis is None else np.moveaxis(a, 0, axis)
        for a, axis in zip((x, y), axes, strict=True)
    ]

    found = dc.vmap(functools.partial(matmul, interpret=interpret), axes)(*args)

    expected = [
        (x[0] if axes[0] is None else x[i]) @ (y[0] if axes[1] is None else y[i])
        for i in range(3)
    ]
    np.testing.assert_allclose(found, np.stack(expected), **TOLERANCE)


def test_nested_vmap_batches_twice():
    x, y = normal(2, 3, 8, 8), normal(3, 8, 4, seed=1)

    found = dc.vmap(dc.vmap(matmul), in_axes=(0, None))(x, y)

    np.testing.assert_allclose(found, x @ y, **TOLERANCE)


def test_jit_of_a_kernel_agrees_with_eager():
    x, y = normal(16, 24), normal(24, 12, seed=1)

    found = dc.jit(matmul)(x, y)

    np.testing.assert_array_equal(found, matmul(x, y))


@ON_BOTH_TARGETS
def test_squeezed_axes_are_not_seen_by_the_kernel(interpret):
    x = normal(3, 4, 5)
    seen = []

    def kernel(x_ref, o_ref):
        seen.append((x_ref.shape, o_ref.shape, x_ref.ndim, x_ref.size))
        o_ref[...] = jnp.sum(x_ref[...], axis=0)

    found = kernels.kernel_call(
        kernel,
        dc.ShapeDtypeStruct((3, 5), "float32"),
        grid=(3,),
        in_specs=[kernels.BlockSpec((None, 4, 5), lambda i: (i, 0, 0))],
        out_specs=kernels.BlockSpec((None, 5), lambda i: (i, 0)),
        interpret=interpret,
    )(x)

    assert seen == [((4, 5), (5,), 2, 20)]
    np.testing.assert_allclose(found, x.sum(1), **TOLERANCE)


@ON_BOTH_TARGETS
def test_index_maps_may_compute(interpret):
    """Grouped heads: two query heads share one key head; the order is reversed."""
    x, y = normal(4, 3), normal(2, 3, seed=1)
    specs = [
        kernels.BlockSpec((1, 3), lambda i: (3 - i, 0)),
        kernels.BlockSpec((1, 3), lambda i: (i // 2, 0)),
    ]

    def kernel(x_ref, y_ref, o_ref):
        o_ref[...] = x_ref[...] - y_ref[...]

    found = kernels.kernel_call(
        kernel,
        dc.ShapeDtypeStruct((4, 3), "float32"),
        grid=4,
        in_specs=specs,
        out_specs=kernels.BlockSpec((1, 3), lambda i: (i, 0)),
        interpret=interpret,
    )(x, y)

    np.testing.assert_array_equal(found, x[::-1] - np.repeat(y, 2, axis=0))


@ON_BOTH_TARGETS
def test_refs_read_and_write_windows(interpret):
    x = normal(4, 6)

    def kernel(x_ref, o_ref):
        o_ref[...] = x_ref[:, 1:5]
        o_ref[0] = x_ref[-1, kernels.ds(2, 4)]
        o_ref[kernels.ds(kernels.program_id(0) + 1, 2), 1:3] = 2.0
        o_ref[..., 3] += x_ref[..., 0]

    found = kernels.kernel_call(
        kernel, dc.ShapeDtypeStruct((4, 4), "float32"), grid=(1,), interpret=interpret
    )(x)

    expected = x[:, 1:5].copy()
    expected[0] = x[-1, 2:6]
    expected[1:3, 1:3] = 2.0
    expected[..., 3] += x[..., 0]
    np.testing.assert_array_equal(found, expected)


@ON_BOTH_TARGETS
def test_loops_write_refs_and_nest_conditions(interpret):
    x = np.arange(12.0, dtype="float32").reshape(6, 2)

    def kernel(x_ref, o_ref):
        @kernels.loop(0, x_ref.shape[0])
        def _(row):
            o_ref[row] = x_ref[row]

            @kernels.when(row % 2 == 0)
            def _():
                o_ref[row] = -x_ref[row, :]

    found = kernels.kernel_call(kernel, x, interpret=interpret)(x)

    expected = x.copy()
    expected[::2] *= -1
    np.testing.assert_array_equal(found, expected)


@ON_BOTH_TARGETS
def test_grid_indices_and_sizes_are_those_of_the_step(interpret):
    def kernel(o_ref):
        step = kernels.program_id(0) * kernels.num_programs(1) + kernels.program_id(1)
        o_ref[...] = jnp.full((1, 1), step)

    found = kernels.kernel_call(
        kernel,
        dc.ShapeDtypeStruct((2, 3), "int32"),
        grid_spec=kernels.GridSpec(
            grid=(2, 3), out_specs=kernels.BlockSpec((1, 1), lambda i, j: (i, j))
        ),
        interpret=interpret,
    )()

    np.testing.assert_array_equal(found, np.arange(6).reshape(2, 3))


@ON_BOTH_TARGETS
@pytest.mark.parametrize("container", [tuple, list])
def test_results_come_in_the_container_of_out_shape(interpret, container):
    x = normal(4)

    def kernel(x_ref, double_ref, int_ref):
        double_ref[...] = 2 * x_ref[...]
        int_ref[...] = x_ref[...].astype("int32")

    shapes = container([x, dc.ShapeDtypeStruct((4,), "int32")])
    found = kernels.kernel_call(kernel, shapes, interpret=interpret)(x)

    assert type(found) is container
    np.testing.assert_array_equal(found[0], 2 * x)
    np.testing.assert_array_equal(found[1], x.astype("int32"))


def test_a_kernel_is_traced_once_for_arguments_of_one_type():
    traces = itertools.count()

    def kernel(x_ref, o_ref):
        next(traces)
        o_ref[...] = x_ref[...]

    call = kernels.kernel_call(kernel, normal(4))
    call(normal(4))
    call(normal(4, seed=1))
    dc.jit(call)(normal(4))

    assert next(traces) == 1


def test_only_outputs_are_carried_through_the_loop():
    args = normal(16, 24), normal(24, 12)
    call = functools.partial(matmul, dimension_semantics=("arbitrary",) * 3)
    (equation,) = dc.make_jaxpr(call)(*args).eqns

    program = dc.make_jaxpr(
        lambda *arrays: _stablehlo.run(equation.primitive.kernel, arrays)
    )(*args)

    (loop,) = [e.primitive for e in program.eqns if e.primitive.name == "scan"]
    assert (loop.length, loop.num_carry) == (2 * 3 * 3, 2)  # the counter, the output


def test_parallel_dimensions_become_batch_axes():
    args = normal(16, 24), normal(24, 12)
    (equation,) = dc.make_jaxpr(matmul)(*args).eqns

    program = dc.make_jaxpr(
        lambda *arrays: _stablehlo.run(equation.primitive.kernel, arrays)
    )(*args)

    (loop,) = [e.primitive for e in program.eqns if e.primitive.name == "scan"]
    assert loop.length == 3


def test_an_empty_grid_gives_zeros():
    call = kernels.kernel_call(softmax_kernel, normal(0, 3), grid=0)

    assert call(normal(0, 3)).shape == (0, 3)


def test_blocks_that_the_grid_leaves_out_are_not_computed():
    x = normal(10, 6)
    block = kernels.BlockSpec((2, 6), lambda i: (i, 0))

    found = kernels.kernel_call(
        softmax_kernel, x, grid=3, in_specs=[block], out_specs=block
    )(x)

    np.testing.assert_allclose(found[:6], numpy_softmax(x)[:6], **TOLERANCE)
    assert found.shape == (10, 6)
