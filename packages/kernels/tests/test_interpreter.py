"""The checked interpreter finds what other targets get silently wrong."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import kernels

X = np.arange(8, dtype="float32").reshape(4, 2)


def copy(x_ref, o_ref):
    o_ref[...] = x_ref[...]


def accumulate(x_ref, o_ref):
    @kernels.when(kernels.program_id(0) == 0)
    def _():
        o_ref[...] = jnp.zeros(o_ref.shape, o_ref.dtype)

    o_ref[...] += x_ref[...]


def rows(index_map=lambda i: (i, 0)):
    return kernels.BlockSpec((1, 2), index_map)


def interpret(kernel, *, out=X, grid=4, in_spec=None, out_spec=None, **options):
    return kernels.kernel_call(
        kernel,
        out,
        grid=grid,
        in_specs=[in_spec or rows()],
        out_specs=out_spec or rows(),
        interpret=True,
        **options,
    )(X)


def mistake(kernel, **options):
    """The message, with the place cut down to `file in function`."""
    with pytest.raises(kernels.KernelError) as error:
        interpret(kernel, **options)
    problem, place, fix = str(error.value).split("\n")
    assert place.startswith("  at ")
    assert "test_interpreter.py:" in place
    return problem, place.rpartition(" in ")[2], fix


def test_reading_what_nobody_wrote_names_the_line():
    def kernel(x_ref, o_ref):
        o_ref[...] += x_ref[...]

    problem, place, fix = mistake(kernel)

    assert problem == (
        "kernel_call of kernel: output 0 (`o_ref`): block (0, 0) is read at grid step "
        "(0,) before it was written."
    )
    assert place.endswith("kernel")
    assert fix == "Initialise it at the first step that sees it, with `when`."


def test_reading_the_written_part_of_a_block_is_allowed():
    def kernel(x_ref, o_ref):
        o_ref[0, 0] = x_ref[0, 1]
        o_ref[0, 1] = o_ref[0, 0] + 1

    found = interpret(kernel)

    np.testing.assert_array_equal(found, np.stack([X[:, 1], X[:, 1] + 1], axis=1))


@pytest.mark.parametrize(
    ("options", "role"),
    [
        ({"in_spec": rows(lambda i: (i + 1, 0))}, "input 0 (`x_ref`)"),
        ({"out_spec": rows(lambda i: (i + 1, 0))}, "output 0 (`o_ref`)"),
    ],
)
def test_blocks_out_of_bounds_are_found(options, role):
    problem, _, fix = mistake(copy, **options)

    assert problem == (
        f"kernel_call of copy: {role}: block (4, 0) at grid step (3,) is out of "
        "bounds: f32[4,2] has (4, 1) blocks of shape (1, 2)."
    )
    assert fix == "Correct the index map or the grid."


def test_windows_out_of_bounds_are_found():
    def kernel(x_ref, o_ref):
        o_ref[...] = x_ref[kernels.ds(kernels.program_id(0), 1)]

    problem, place, fix = mistake(kernel)

    assert problem == (
        "kernel_call of kernel: elements 1 to 2 along axis 0 of a block of shape (1, "
        "2) are read at grid step (1,); they lie outside."
    )
    assert place.endswith("kernel")
    assert fix == "Correct the start of the slice."


def test_parallel_steps_that_write_one_block_race():
    one_row = dc.ShapeDtypeStruct((1, 2), "float32")

    problem, _, fix = mistake(
        accumulate,
        out=one_row,
        out_spec=rows(lambda i: (0, 0)),
        dimension_semantics=("parallel",),
    )

    assert problem == (
        "kernel_call of accumulate: output 0 (`o_ref`): grid steps (0,) and (1,) both "
        "write block (0, 0), and they differ along dimension 0, which is parallel."
    )
    assert fix == (
        "Make the index map depend on that dimension, or declare it 'arbitrary'."
    )


def test_steps_in_order_may_write_one_block():
    one_row = dc.ShapeDtypeStruct((1, 2), "float32")

    found = interpret(accumulate, out=one_row, out_spec=rows(lambda i: (0, 0)))

    np.testing.assert_array_equal(found, X.sum(0, keepdims=True))


def test_coming_back_to_a_block_is_found():
    two_rows = dc.ShapeDtypeStruct((2, 2), "float32")

    problem, _, fix = mistake(copy, out=two_rows, out_spec=rows(lambda i: (i % 2, 0)))

    assert problem == (
        "kernel_call of copy: output 0 (`o_ref`): grid step (2,) comes back to block "
        "(0, 0), which was left at step (1,); the block may have been written out by "
        "then."
    )
    assert fix == "Make the dimension along which a block is revisited the last one."


def test_elements_never_written_are_found():
    problem, _, fix = mistake(copy, grid=3)

    assert problem == (
        "kernel_call of copy: output 0 (`o_ref`): 2 of 8 elements are never written, "
        "the first of them (3, 0) in block (3, 0)."
    )
    assert (
        fix == "Let the grid and the index map reach every block, and write all of it."
    )


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", np.nan), ("int32", -(2**31)), ("uint8", 255), ("bool", True)],
)
def test_elements_beyond_the_edge_are_poisoned(dtype, expected):
    x = np.zeros(3, dtype)

    def last(x_ref, o_ref):
        o_ref[0] = x_ref[3]

    found = kernels.kernel_call(
        last,
        dc.ShapeDtypeStruct((1,), dtype),
        grid=1,
        in_specs=[kernels.BlockSpec((4,))],
        interpret=True,
    )(x)

    np.testing.assert_array_equal(found, np.array([expected], dtype))
