"""What shape operations accept, refuse and leave out; dtypes beyond the rule tests."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax
from dolmen.core._tracing import record, typeof

DTYPES = [
    np.bool_,
    np.int8,
    np.uint16,
    np.int32,
    np.complex64,
    np.float16,
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.int4,
]


def equations(function, *args):
    program, _ = record(lambda *xs: [function(*xs)], [typeof(arg) for arg in args])
    return [equation.primitive.name for equation in program.equations]


def problem(error):
    """The message without the line that asked for it."""
    lines = str(error.value).splitlines()
    return "\n".join(line for line in lines if not line.startswith("  at "))


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_can_be_moved(dtype):
    x = np.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)

    def move(x):
        joined = lax.concatenate([lax.rev(x, (1,)), lax.slice(x, (0, 0), (1, 3))], 0)
        padded = lax.pad(lax.transpose(joined, (1, 0)), 1, [(0, 0, 1), (1, 0, 0)])
        return lax.broadcast(lax.reshape(padded, (4, 5)), (2,))

    got = dc.jit(move)(x)

    joined = np.concatenate([x[:, ::-1], x[:1]], 0).T
    padded = np.ones((5, 4), x.dtype)
    padded[::2, 1:] = joined
    assert got.dtype == x.dtype
    np.testing.assert_array_equal(
        np.asarray(got).astype(np.complex64),
        np.broadcast_to(padded.reshape(4, 5), (2, 4, 5)).astype(np.complex64),
    )


def test_operations_that_change_nothing_leave_no_equation():
    x = np.ones((2, 3), np.float32)

    assert equations(lambda x: lax.reshape(x, (2, 3)), x) == []
    assert equations(lambda x: lax.transpose(x, (0, 1)), x) == []
    assert equations(lambda x: lax.broadcast_in_dim(x, (2, 3), (0, 1)), x) == []
    assert equations(lambda x: lax.squeeze(x, ()), x) == []
    assert equations(lambda x: lax.pad(x, 0, [(0, 0, 0)] * 2), x) == []
    assert equations(lambda x: lax.slice(x, (0, 0), (2, 3)), x) == []
    assert equations(lambda x: lax.concatenate([x], 0), x) == []


def test_weak_type_survives_moves_of_a_weak_scalar():
    assert lax.broadcast(1.0, (2,)).weak_type
    assert not lax.broadcast(np.float32(1.0), (2,)).weak_type
    assert not lax.full((2,), 1.0, np.float32).weak_type


def test_gradient_of_split_is_one_concatenation():
    def loss(x):
        first, _, third = lax.split(x, (1, 2, 1), 0)
        return lax.reduce_sum(lax.add(first, third), (0, 1))

    program = dc.make_jaxpr(dc.grad(loss))(np.ones((4, 2), np.float32)).jaxpr

    names = [equation.primitive.name for equation in program.equations]
    assert names.count("concatenate") == 1
    assert "pad" not in names


def test_stack_tile_and_their_inverses_agree_with_numpy():
    x, y = np.arange(6.0).reshape(2, 3), np.ones((2, 3))

    np.testing.assert_array_equal(lax.stack([x, y], -1), np.stack([x, y], -1))
    np.testing.assert_array_equal(lax.tile(x, (2, 1, 3)), np.tile(x, (2, 1, 3)))
    assert [piece.tolist() for piece in lax.unstack(x, 1)] == x.T.tolist()


def test_broadcast_shapes_follows_numpy():
    assert lax.broadcast_shapes((2, 1, 3), (4, 1), ()) == (2, 4, 3)
    with pytest.raises(ValueError) as error:
        lax.broadcast_shapes((2, 3), (4,))
    assert problem(error) == (
        "broadcast_shapes: sizes of an axis, counted from the last, must be equal or "
        "1, got shapes (2, 3), (4,)."
    )


def test_reshape_names_both_numbers_of_elements():
    with pytest.raises(ValueError) as error:
        lax.reshape(np.ones((2, 3), np.float32), (4, 2))
    assert problem(error) == (
        "reshape: the number of elements must stay the same, got f32[2,3] with 6 "
        "elements and new_sizes=(4, 2) with 8."
    )


def test_concatenate_refuses_mixed_dtypes():
    with pytest.raises(TypeError) as error:
        lax.concatenate([np.ones(2, np.float32), np.ones(2, np.int32)], 0)
    assert problem(error) == (
        "concatenate: operands must have equal dtypes, got f32[2], i32[2].\n"
        "Convert them with `.astype(...)`, or use `jnp.concatenate`, which promotes."
    )


def test_axis_out_of_range_is_named():
    with pytest.raises(ValueError) as error:
        lax.squeeze(np.ones((1, 2)), (2,))
    assert problem(error) == (
        "squeeze: `dimensions` must be between -2 and 1 for an operand with 2 axes, "
        "got 2."
    )


def test_message_names_the_line_of_the_caller():
    with pytest.raises(ValueError, match=r"\n  at .*test_shape\.py:\d+ in test_"):
        lax.reshape(np.ones(3), (2,))


def test_optimization_barrier_keeps_the_tree():
    tree = {"a": np.ones(2), "b": (np.zeros(3), 1.0)}

    got = lax.optimization_barrier(tree)

    assert dc.tree.structure(got) == dc.tree.structure(tree)


def test_default_generator_gives_each_key_of_a_batch_its_own_bits():
    keys = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 2, 3]], np.uint32)

    states, bits = dc.vmap(lambda key: lax.rng_bit_generator(key, (2, 3)))(keys)

    each = [lax.rng_bit_generator(key, (2, 3)) for key in keys]
    np.testing.assert_array_equal(states, np.stack([s for s, _ in each]))
    np.testing.assert_array_equal(bits, np.stack([b for _, b in each]))
    assert not np.array_equal(bits[0], bits[1])


def test_arrays_broadcast_to_the_shape_of_another():
    like = np.zeros((2, 3), np.float32)

    got = [lax.broadcast_like(x, like) for x in (np.int8([1, 2, 3]), 1.0, like[:1])]

    assert [x.shape for x in got] == [(2, 3)] * 3
    assert [str(typeof(x)) for x in got] == ["i8[2,3]", "~f32[2,3]", "f32[2,3]"]
    assert got[0].tolist() == [[1, 2, 3]] * 2


@pytest.mark.parametrize("shape", [(2,), (1, 2, 3)])
def test_arrays_that_do_not_broadcast_are_refused(shape):
    x, like = np.zeros(shape, np.float32), np.zeros((2, 3), np.float32)

    with pytest.raises(ValueError) as error:
        lax.broadcast_like(x, like)
    assert problem(error) == (
        "broadcast_like: `arr` must broadcast to the shape of `like_arr`, got "
        f"{typeof(x)} and f32[2,3]."
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("broadcast", lambda s: lax.broadcast(1.0, (2,), out_sharding=s)),
        (
            "broadcast_in_dim",
            lambda s: lax.broadcast_in_dim(1.0, (2,), (), out_sharding=s),
        ),
        (
            "broadcasted_iota",
            lambda s: lax.broadcasted_iota("int32", (2,), 0, out_sharding=s),
        ),
        ("reshape", lambda s: lax.reshape(1.0, (1,), out_sharding=s)),
        ("reduce_sum", lambda s: lax.reduce_sum(np.ones(2), (0,), out_sharding=s)),
        (
            "reduce",
            lambda s: lax.reduce(np.ones(2), 0.0, lax.add, (0,), out_sharding=s),
        ),
        ("empty", lambda s: lax.empty((2,), "int32", out_sharding=s)),
        (
            "rng_bit_generator",
            lambda s: lax.rng_bit_generator(np.zeros(4, "u4"), (1,), out_sharding=s),
        ),
        (
            "conv_general_dilated",
            lambda s: lax.conv_general_dilated(
                np.ones((1, 1, 2)), np.ones((1, 1, 2)), (1,), "SAME", out_sharding=s
            ),
        ),
    ],
)
def test_shardings_of_results_are_refused(name, call):
    with pytest.raises(ValueError) as error:
        call("rows")
    assert problem(error) == (
        f"{name}: `out_sharding` must be None, as arrays lie on one device each, got "
        "'rows'.\nPlace the result with `dolmen.core.device_put`."
    )


@pytest.mark.parametrize("name", ["full", "full_like"])
def test_shardings_of_constants_are_refused(name):
    with pytest.raises(ValueError) as error:
        getattr(lax, name)(np.ones(2).shape, 1.0, sharding="rows")
    assert problem(error) == (
        f"{name}: `sharding` must be None, as arrays lie on one device each, got "
        "'rows'.\nPlace the result with `dolmen.core.device_put`."
    )


def test_constants_like_weakly_typed_arrays_are_so_too():
    weak = lax.full((2,), 1.5)

    assert str(typeof(lax.full_like(weak, 0))) == "~f32[2]"
    assert str(typeof(dc.jit(lax.full_like)(weak, 0.5))) == "~f32[2]"
    assert str(typeof(lax.full_like(weak, 0, shape=(3,)))) == "~f32[3]"
    assert str(typeof(lax.full_like(weak, 0, np.float32))) == "f32[2]"
    assert str(typeof(lax.full_like(np.ones(2, np.float32), 1.0))) == "f32[2]"


def test_staged_numbers_are_arrays():
    traced = dc.make_jaxpr(lambda: lax.stage(1.0))()

    assert str(traced.out_avals[0]) == "~f32[]"
    assert str(typeof(lax.stage(np.arange(3)))) == "i32[3]"


def test_shapes_as_values():
    assert lax.shape_as_value((2, 3)).dtype == np.int32
    assert lax.shape_as_value(()).tolist() == []
    assert lax.shape_as_value((2**40,)).tolist() == [2**40]


def test_empty_arrays_have_a_shape_and_a_dtype():
    got = lax.empty(3, bool), lax.empty((2, 0), "bfloat16")

    assert [str(typeof(x)) for x in got] == ["bool[3]", "bf16[2,0]"]


@pytest.mark.parametrize(
    ("x", "name"),
    [
        (True, "bool"),
        (1.0, "float32"),
        (np.int8(1), "int8"),
        ("bfloat16", "bfloat16"),
        (np.float16, "float16"),
        (float, "float32"),
        (np.ones(2), "float32"),
    ],
)
def test_dtypes_of_what_has_or_names_one(x, name):
    assert lax.dtype(x).name == name


def test_nothing_has_no_dtype():
    with pytest.raises(ValueError) as error:
        lax.dtype(None)
    assert problem(error) == (
        "dtype: expected an array, a number or a dtype, got None."
    )
