"""Padding, transposed convolutions, patches and messages."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import problem

RNG = np.random.default_rng(0)
LAST = ("NHWC", "HWIO", "NHWC")


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("VALID", [(0, 0), (0, 0)]),
        ("SAME", [(1, 1), (0, 1)]),
        ("SAME_LOWER", [(1, 1), (1, 0)]),
        ("same", [(1, 1), (0, 1)]),
    ],
)
def test_padding_in_numbers(padding, expected):
    assert lax.padtype_to_pads((5, 6), (3, 2), (2, 1), padding) == expected


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_transposed_convolution_transposes_the_convolution(padding, stride):
    kernel = RNG.normal(size=(3, 3, 2, 5)).astype(np.float32)
    x = np.zeros((1, 8, 8, 2), np.float32)

    def forward(x):
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), padding, dimension_numbers=LAST
        )

    out, pull = dc.vjp(forward, x)
    ct = RNG.normal(size=out.shape).astype(np.float32)
    got = lax.conv_transpose(
        ct, kernel, (stride, stride), padding, transpose_kernel=True
    )

    # The input may be larger than what the windows reach; then its rest gets zeros.
    (expected,) = pull(ct)
    n = got.shape[1]
    np.testing.assert_allclose(got, expected[:, :n, :n], rtol=1e-4, atol=1e-4)
    assert not np.any(np.asarray(expected)[:, n:])


def test_consistent_padding_is_that_of_the_convolution():
    x = RNG.normal(size=(1, 4, 3)).astype(np.float32)
    kernel = RNG.normal(size=(3, 3, 2)).astype(np.float32)

    got = lax.conv_transpose(x, kernel, (2,), [(1, 0)], use_consistent_padding=True)
    spelled_out = lax.conv_transpose(x, kernel, (2,), [(1, 2)])

    np.testing.assert_array_equal(got, spelled_out)


def test_patches_are_what_the_window_sees():
    x = RNG.normal(size=(2, 4, 5, 3)).astype(np.float32)

    got = np.asarray(
        lax.conv_general_dilated_patches(
            x, (2, 3), (1, 2), "VALID", dimension_numbers=LAST
        )
    )

    assert got.shape == (2, 3, 2, 18)
    seen = x[1, 2:4, 2:5]
    np.testing.assert_array_equal(got[1, 2, 1], np.moveaxis(seen, -1, 0).ravel())


def test_batch_of_no_convolutions_is_empty():
    x = np.zeros((0, 2, 5, 3), np.float32)
    kernel = np.zeros((3, 3, 4), np.float32)

    def one(x, kernel):
        return lax.conv_general_dilated(
            x, kernel, (1,), "SAME", dimension_numbers=("NHC", "HIO", "NHC")
        )

    assert dc.vmap(one, (0, None))(x, kernel).shape == (0, 2, 5, 4)


def test_features_that_do_not_fit_are_named():
    x, w = np.ones((1, 4, 4, 3), np.float32), np.ones((2, 2, 2, 5), np.float32)

    with pytest.raises(ValueError) as error:
        lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=LAST)
    assert problem(error) == (
        "conv_general_dilated: the kernel's input features times `feature_group_count` "
        "must be the input's features: 2 * 1 != 3, got f32[1,4,4,3] and f32[2,2,2,5] "
        "with ConvDimensionNumbers(lhs_spec=(0, 3, 1, 2), rhs_spec=(3, 2, 0, 1), "
        "out_spec=(0, 3, 1, 2)), feature_group_count=1, batch_group_count=1."
    )


def test_unknown_padding_is_refused():
    with pytest.raises(ValueError) as error:
        lax.conv(np.ones((1, 1, 4)), np.ones((1, 1, 2)), (1,), "FULL")
    assert problem(error) == (
        "padding must be 'VALID', 'SAME', 'SAME_LOWER' or pairs of integers, got "
        "'FULL'."
    )


def test_layouts_with_different_letters_are_refused():
    with pytest.raises(ValueError) as error:
        lax.conv_dimension_numbers((1, 2, 3), (1, 2, 3), ("NWC", "HIO", "NHC"))
    assert problem(error) == (
        "conv_dimension_numbers: input and result must have letters N and C, the "
        "kernel O and I, and all of them the same spatial letters, got "
        "('NWC', 'HIO', 'NHC')."
    )


# ---- shapes without convolving -------------------------------------------------------


@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER", "VALID", [(1, 0), (2, 2)]])
def test_shapes_are_those_of_convolutions(padding):
    x, kernel = np.ones((2, 7, 8, 3), np.float32), np.ones((3, 2, 3, 4), np.float32)

    straight = lax.conv_general_dilated(
        x, kernel, (1, 2), padding, dimension_numbers=LAST
    )
    first = lax.conv_shape_tuple((2, 3, 7, 8), (4, 3, 3, 2), (1, 2), padding)
    general = lax.conv_general_shape_tuple(x.shape, kernel.shape, (1, 2), padding, LAST)

    assert general == straight.shape
    assert first == tuple(straight.shape[axis] for axis in (0, 3, 1, 2))


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(1, 0), (2, 2)]])
def test_shapes_are_those_of_transposed_convolutions(padding):
    x, kernel = np.ones((2, 7, 8, 3), np.float32), np.ones((3, 2, 3, 4), np.float32)

    made = lax.conv_transpose(x, kernel, (1, 2), padding)

    assert made.shape == lax.conv_transpose_shape_tuple(
        x.shape, kernel.shape, (1, 2), padding, LAST
    )


def test_groups_split_the_batch_of_a_shape():
    shape = lax.conv_shape_tuple((4, 3, 8), (4, 3, 9), (1,), [(0, 0)], 2)

    assert shape == (2, 4, 0)


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (
            lax.conv_shape_tuple,
            ((1, 3, 8), (4, 3, 3), (1, 1), "SAME"),
            "conv_shape_tuple: expected two shapes of equal length, and one stride and "
            "padding pair for each of their spatial axes, got lhs_shape=(1, 3, 8), "
            "rhs_shape=(4, 3, 3), strides=(1, 1), pads=SAME.",
        ),
        (
            lax.conv_shape_tuple,
            ((1, 3, 8), (4, 3, 3), (1,), "SAME", 2),
            "conv_shape_tuple: the batch size must be a multiple of "
            "`batch_group_count`, got lhs_shape=(1, 3, 8), rhs_shape=(4, 3, 3), "
            "strides=(1,), pads=SAME, batch_group_count=2.",
        ),
        (
            lax.conv_shape_tuple,
            ((2, 3, 8), (4, 3, 3), (1,), "SAME", 0),
            "conv_shape_tuple: the batch size must be a multiple of "
            "`batch_group_count`, got lhs_shape=(2, 3, 8), rhs_shape=(4, 3, 3), "
            "strides=(1,), pads=SAME, batch_group_count=0.",
        ),
        (
            lax.conv_general_permutations,
            (("NHC", "HIO"),),
            "conv_general_permutations: expected three layouts such as ('NHWC', "
            "'HWIO', 'NHWC'), got ('NHC', 'HIO').",
        ),
        (
            lax.conv_general_dilated_local,
            (np.ones((1, 1, 4)), np.ones((2, 3)), (1,), "VALID", (2,)),
            "conv_general_dilated_local: `rhs` must have 3 axes, got f32[2,3].",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused(function, args, message):
    with pytest.raises(ValueError) as error:
        function(*args)
    assert problem(error) == message


def test_a_window_larger_than_the_input_has_no_positions():
    assert lax.conv_shape_tuple((1, 1, 2), (1, 1, 5), (1,), "VALID") == (1, 1, 0)


def test_patches_are_copied_exactly():
    program = dc.make_jaxpr(
        lambda x: lax.conv_general_dilated_patches(x, (2,), (1,), "VALID")
    )(np.ones((1, 1, 4), "f"))

    (equation,) = program.eqns
    assert equation.params["precision"] == (lax.Precision.HIGHEST,) * 2


def test_local_convolutions_in_any_layout_with_dilation():
    layouts = ("HCNW", "HOIW", "CWHN")
    options = {
        "padding": [(1, 0), (0, 2)],
        "lhs_dilation": (1, 2),
        "rhs_dilation": (2, 1),
        "dimension_numbers": layouts,
    }
    x = RNG.normal(size=(4, 2, 3, 3)).astype(np.float32)
    shared = RNG.normal(size=(2, 4, 2, 3)).astype(np.float32)
    # The same kernel for each of 3 by 3 positions.
    whole = np.transpose(shared, (1, 2, 0, 3)).reshape(4, 12)
    kernels = np.broadcast_to(whole, (3, 3, 4, 12)).transpose(0, 2, 3, 1)

    got = lax.conv_general_dilated_local(
        x, kernels, (1, 2), filter_shape=(2, 3), **options
    )
    expected = lax.conv_general_dilated(x, shared, (1, 2), **options)

    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
