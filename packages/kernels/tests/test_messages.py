"""What mistakes in kernels and specs say, and where."""

import functools

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import kernels
from dolmen.core import lax

X = np.ones((4, 6), "float32")


def copy(x_ref, o_ref):
    o_ref[...] = x_ref[...]


def rows(size=2, index_map=lambda i: (i, 0)):
    return kernels.BlockSpec((size, 6), index_map)


def message_of(call, *args):
    """The whole message but for the line it names, which must be in this file."""
    with pytest.raises((TypeError, ValueError, IndexError, RuntimeError)) as error:
        call(*args)
    lines = str(error.value).split("\n")
    places = [line for line in lines if line.startswith("  at ")]
    assert len(places) == 1
    assert "test_messages.py" in places[0]
    return "\n".join(line for line in lines if line not in places)


def kernel_message(kernel, **options):
    return message_of(kernels.kernel_call(kernel, options.pop("out", X), **options), X)


# ---- specs ---------------------------------------------------------------------------

SPEC_MISTAKES = [
    (
        {"in_specs": [kernels.BlockSpec((2,), lambda i: (i, 0))]},
        "kernel_call: input 0 (`x_ref`): the block shape must have one size for each "
        "axis of f32[4,6], got (2,).\n"
        "Use None for an axis of which each step sees one element.",
    ),
    (
        {"out_specs": kernels.BlockSpec((2, 0), lambda i: (i, 0))},
        "kernel_call: output 0 (`o_ref`): sizes of a block must be positive integers "
        "or None, got (2, 0).",
    ),
    (
        {"in_specs": [rows(index_map=lambda: (0, 0))]},
        "kernel_call: input 0 (`x_ref`): the index map must take 1 grid indices for "
        "the grid (2,); its signature is ().",
    ),
    (
        {"in_specs": [rows(index_map=lambda i: i)]},
        "kernel_call: input 0 (`x_ref`): the index map must give one block index for "
        "each axis of f32[4,6], got 1.",
    ),
    (
        {"in_specs": [rows(index_map=lambda i: (i / 2, 0))]},
        "kernel_call: input 0 (`x_ref`): the index map must give integers, got f32[].",
    ),
    (
        {"in_specs": [rows(), rows()]},
        "kernel_call of copy: `in_specs` has 2 block specs, but 1 arrays are passed: "
        "f32[4,6].",
    ),
    (
        {"in_specs": [(2, 6)]},
        "kernel_call of copy: `in_specs` must hold BlockSpec or None, got (2, 6).",
    ),
]


@pytest.mark.parametrize(("options", "expected"), SPEC_MISTAKES)
def test_specs_that_do_not_fit_are_refused(options, expected):
    assert kernel_message(copy, grid=(2,), **options) == expected


CALL_MISTAKES = [
    (
        {"out_specs": [rows(), rows()], "grid": 2},
        "kernel_call of copy: `out_specs` has 2 block specs, but 1 outputs are "
        "declared: f32[4,6].",
    ),
    (
        {"grid": (2, -1)},
        "kernel_call of copy: `grid` must be a non-negative integer or a tuple of "
        "them, got (2, -1).",
    ),
    (
        {"grid": 2, "dimension_semantics": ("sequential",)},
        "kernel_call of copy: `dimension_semantics` must say 'parallel' or 'arbitrary' "
        "for each dimension of the grid (2,), got ('sequential',).",
    ),
    (
        {"grid": 2, "grid_spec": kernels.GridSpec()},
        "kernel_call of copy: got `grid_spec` together with `grid`, `in_specs` or "
        "`out_specs`.\nGive either the one or the others.",
    ),
]


@pytest.mark.parametrize(("options", "expected"), CALL_MISTAKES)
def test_wrong_options_are_refused_before_any_array_comes(options, expected):
    call = functools.partial(kernels.kernel_call, copy, X, **options)

    assert message_of(call) == expected


def test_an_output_needs_shape_and_dtype():
    assert message_of(kernels.kernel_call, copy, (4, 6)) == (
        "kernel_call of copy: `out_shape` must have a shape and a dtype for each "
        "output; output 0 is 4.\nUse `ShapeDtypeStruct(shape, dtype)`."
    )


# ---- kernels -------------------------------------------------------------------------


def store(value, key=...):
    def kernel(x_ref, o_ref):
        o_ref[key] = value(x_ref) if callable(value) else value

    return kernel


def writes_inside_fori_loop(x_ref, o_ref):
    def body(i, total):
        o_ref[i] = x_ref[i]
        return total

    lax.fori_loop(0, 4, body, 0)


def closes_over(array):
    def kernel(x_ref, o_ref):
        o_ref[...] = x_ref[...] + array

    return kernel


KERNEL_MISTAKES = [
    (
        store(lambda x_ref: x_ref[...].astype("bfloat16")),
        "store to `o_ref`: expected dtype float32 of the ref f32[4,6], got bf16[4,6].\n"
        "Convert the value with `.astype(o_ref.dtype)`.",
    ),
    (
        store(lambda x_ref: x_ref[0, :5]),
        "store to `o_ref`: the index selects f32[4,6] of the ref f32[4,6], which a "
        "value f32[5] can't be broadcast to.",
    ),
    (
        store(0.0, (0, 0, 0)),
        "index of `o_ref`: expected at most 2 indices and one `...` for the ref "
        "f32[4,6], got 3 entries.",
    ),
    (
        store(0.0, slice(0, 4, 2)),
        "index of `o_ref`: along axis 0 expected an integer, a slice of step 1 with "
        "known bounds, `...` or `ds(start, size)`, got slice(0, 4, 2).\nLoad the block "
        "with `[...]` and index the loaded value, or use `ds(start, size)` for a start "
        "that is known only when the kernel runs.",
    ),
    (
        store(0.0, kernels.ds(3, 2)),
        "index of `o_ref`: elements 3 to 5 along axis 0 lie outside of the ref "
        "f32[4,6].",
    ),
    (
        lambda x_ref, o_ref: x_ref.__setitem__(0, 1.0),
        "store to `x_ref`: it is input 0 (`x_ref`), and inputs can't be written.\n"
        "Write to an output instead.",
    ),
    (
        store(lambda x_ref: jnp.exp(x_ref)),
        "`x_ref` is a Ref f32[4,6], not an array.\nRead the block first: `x_ref[...]`.",
    ),
    (
        writes_inside_fori_loop,
        "store to `o_ref`: a ref can't be written inside the function of a "
        "transformation or of `lax` control flow, which would lose the write.\nUse "
        "`kernels.when` or `kernels.loop`, or return the value from the function and "
        "store it outside.",
    ),
    (
        closes_over(np.ones((4, 6), "float32")),
        "kernel_call of kernel: the kernel closes over an array f32[4,6].\n"
        "Pass the array as an input.",
    ),
    (
        store(lambda x_ref: kernels.program_id(1)),
        "program_id: `axis` must be one of the 0 dimensions of the grid (), got 1.",
    ),
]


@pytest.mark.parametrize(("kernel", "expected"), KERNEL_MISTAKES)
def test_mistakes_inside_kernels_are_refused_while_tracing(kernel, expected):
    assert kernel_message(kernel) == expected


def test_a_kernel_takes_one_ref_for_each_array():
    def kernel(x_ref):
        """Has no output."""

    assert kernel_message(kernel) == (
        "kernel_call of kernel: the kernel must take 2 refs, 1 of inputs and then 1 of "
        "outputs; its signature is (x_ref)."
    )


def test_an_output_that_is_never_written_is_refused():
    def kernel(x_ref, o_ref):
        x_ref[...]

    assert kernel_message(kernel) == (
        "kernel_call of kernel: the kernel never writes output 0 (`o_ref`).\n"
        "Write it (`o_ref[...] = value`), or leave it out of `out_shape`."
    )


def test_a_kernel_returns_nothing():
    assert kernel_message(lambda x_ref, o_ref: 3) == (
        "kernel_call of <lambda>: the kernel must return None, got 3.\n"
        "Write results to the output refs."
    )


def test_program_id_outside_of_a_kernel_is_refused():
    assert message_of(kernels.program_id, 0) == (
        "program_id: it was called outside of a kernel.\nCall it in the function given "
        "to `kernel_call`; index maps get the grid indices as arguments."
    )


def test_a_kernel_without_a_rule_is_not_differentiated():
    call = kernels.kernel_call(copy, X)

    assert message_of(dc.grad(lambda x: call(x).sum()), X).startswith(
        "kernel_call of copy: a kernel has no derivative of its own.\nGive the "
        "function "
    )


def test_the_interpreter_refuses_to_be_compiled():
    call = kernels.kernel_call(copy, X, interpret=True)

    assert message_of(dc.jit(call), X) == (
        "kernel_call of copy: the interpreter needs concrete arrays, but the call is "
        "being compiled.\nCall it outside of `jit`, `scan` and `grad`, or drop "
        "`interpret=True`."
    )
