"""Arrays that lie on several devices."""

import copy
import pickle
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import _backend, lax

VALUE = np.arange(64.0, dtype=np.float32).reshape(8, 8)

SPECS = [
    (),
    ("x",),
    ("y",),
    (None, "x"),
    ("x", "y"),
    ("y", "x"),
    (("x", "y"),),
    (("y", "x"),),
    (None, ("x", "y")),
]


@pytest.mark.parametrize("spec", SPECS)
def test_an_array_has_its_value_however_it_is_laid_out(over, spec):
    array = dc.device_put(VALUE, over(*spec))

    assert array.sharding == over(*spec)
    assert array.committed
    np.testing.assert_array_equal(array, VALUE)
    assert {(s.device, s.data.shape) for s in array.addressable_shards} == {
        (device, over(*spec).shard_shape((8, 8))) for device in dc.devices()
    }
    for shard in array.addressable_shards:
        np.testing.assert_array_equal(shard.data, VALUE[shard.index])


def test_wide_arrays_stay_wide_when_looked_at_without_64_bit_types(over):
    """C++ keeps the types that it makes then for arrays of the same shape."""
    value = np.arange(15.0).reshape(5, 3)
    with dc.enable_x64(True):
        spread = dc.device_put(value, over())

    np.testing.assert_array_equal(spread, value)
    assert {shard.data.dtype for shard in spread.addressable_shards} == {value.dtype}
    with dc.enable_x64(True):
        assert dc.dlpack.from_dlpack(value.copy()).dtype == value.dtype


@pytest.mark.parametrize("before", SPECS[:5])
@pytest.mark.parametrize("after", SPECS[3:])
def test_an_array_can_be_laid_out_anew(over, before, after):
    array = dc.device_put(VALUE, over(*before))

    moved = dc.device_put(array, over(*after))

    assert moved.sharding == over(*after)
    np.testing.assert_array_equal(moved, VALUE)
    np.testing.assert_array_equal(array, VALUE)


def test_where_the_host_is_far_devices_exchange_parts(over, monkeypatch):
    array = dc.device_put(VALUE, over("x"))
    monkeypatch.setattr(_backend, "default_backend", lambda: "gpu")
    monkeypatch.setattr(_backend, "host_value", None)

    put = dc.device_put(array, over("y", "x"))
    constrained = lax.with_sharding_constraint(array, over(None, "y"))

    monkeypatch.undo()
    assert put.sharding == over("y", "x")
    assert constrained.sharding == over(None, "y")
    np.testing.assert_array_equal(put, VALUE)
    np.testing.assert_array_equal(constrained, VALUE)


def test_donating_deletes_nothing_that_the_result_shares(over):
    array = dc.device_put(VALUE, over("x"))
    single = dc.device_put(VALUE, dc.devices()[0])

    alike = dc.device_put(array, over("x", None), donate=True)
    moved = dc.device_put(single, dc.devices()[1], donate=True)

    np.testing.assert_array_equal(alike, VALUE)
    np.testing.assert_array_equal(moved, VALUE)
    assert single.is_deleted()


def test_an_array_moves_between_one_device_and_a_mesh(over):
    single = dc.device_put(VALUE, dc.devices()[3])

    spread = dc.device_put(single, over("x"))
    back = dc.device_put(spread, dc.devices()[2])
    copies = dc.device_put(single, over())

    assert (single.device, back.device) == (dc.devices()[3], dc.devices()[2])
    np.testing.assert_array_equal(back, VALUE)
    assert copies.is_fully_replicated
    assert all((np.asarray(s.data) == VALUE).all() for s in copies.addressable_shards)


def test_replicas_are_numbered(over):
    array = dc.device_put(VALUE, over("x"))

    assert [s.replica_id for s in array.global_shards] == [0, 1] * 4


def test_an_array_says_where_it_is(over):
    array = dc.device_put(VALUE, over("x"))

    assert array.device == over("x")
    assert array.devices() == set(dc.devices())
    assert not array.is_fully_replicated
    assert array.is_fully_addressable
    assert array.addressable_data(2).shape == (2, 8)
    assert dc.device_put(VALUE, over()).is_fully_replicated


def test_changing_the_numpy_array_changes_no_array(over):
    value = VALUE.copy()
    array = dc.device_put(value, over("x"))

    value[:] = -1

    np.testing.assert_array_equal(array, VALUE)


def test_arrays_are_printed_copied_and_pickled(over):
    array = dc.device_put(VALUE, over("x", "y"))
    array.copy_to_host_async()

    assert str(array) == str(VALUE)
    assert copy.deepcopy(array).sharding == array.copy().sharding == array.sharding
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)), VALUE)
    assert float(array[1, 1]) == 9.0


@pytest.mark.parametrize("dtype", [np.int8, "bfloat16", bool, np.complex64])
def test_all_dtypes_are_laid_out(over, dtype):
    value = jnp.asarray(VALUE).astype(dtype)

    np.testing.assert_array_equal(dc.device_put(value, over("x")), np.asarray(value))


def test_keys_are_laid_out(over):
    keys = dc.random.split(dc.random.key(0), 8)

    laid_out = dc.device_put(keys, over("x"))

    assert (dc.random.key_data(laid_out) == dc.random.key_data(keys)).all()


def test_trees_and_functions_that_make_arrays_take_shardings(over):
    tree = dc.device_put({"a": VALUE, "b": VALUE}, {"a": over("x"), "b": None})

    assert tree["a"].sharding == over("x")
    assert len(tree["b"].devices()) == 1
    assert jnp.zeros((8, 2), device=over("x")).sharding == over("x")
    assert jnp.asarray(VALUE, device=over("y")).sharding == over("y")


def test_a_specification_means_the_current_mesh(mesh, over):
    with dc.set_mesh(mesh):
        assert dc.device_put(VALUE, dc.P("x")).sharding == over("x")
    with pytest.raises(ValueError, match="there is no current mesh"):
        dc.device_put(VALUE, dc.P("x"))


def test_a_buffer_on_several_devices_is_not_handed_out(over):
    array = dc.device_put(VALUE, over("x"))

    with pytest.raises(BufferError) as caught:
        np.from_dlpack(array)

    assert str(caught.value) == (
        "__dlpack__: f32[8,8] is spread over 8 devices, but DLPack knows one. Hand "
        "over a part, `x.addressable_shards[0].data`, or move it to one with "
        "`device_put`."
    )


def error_of(call):
    with pytest.raises(ValueError) as caught:
        call()
    return re.sub(r"\n  at .*", "", str(caught.value))


def test_an_axis_that_cannot_be_split_evenly_is_refused(over):
    assert error_of(lambda: dc.device_put(np.ones((6, 8)), over("x"))) == (
        "axis 0 of shape (6, 8) has 6 elements, which P('x') splits in 4 equal parts "
        "over Mesh('x': 4, 'y': 2). Pad it to a multiple of 4, or leave it whole."
    )
    assert error_of(lambda: dc.device_put(1.0, over("x"))) == (
        "P('x') is for arrays of at least 1 axes, got one of 0."
    )
    assert error_of(lambda: dc.device_put(VALUE, over(dc.P.UNCONSTRAINED))) == (
        "P(UNCONSTRAINED) leaves an axis to the compiler, which says nothing of where "
        "an array is. Name its axes, or None."
    )


# ---- made of parts -------------------------------------------------------------------


def test_a_function_gives_the_parts_of_an_array(over):
    asked = []

    def part(index):
        asked.append(index)
        return VALUE[index]

    array = dc.make_array_from_callback((8, 8), over("x"), part)

    np.testing.assert_array_equal(array, VALUE)
    assert len(asked) == 4  # once for each part, not for each device


def test_a_function_that_gives_other_parts_is_refused(over):
    assert error_of(
        lambda: dc.make_array_from_callback((8,), over("x"), lambda index: np.ones(3))
    ) == (
        "make_array_from_callback: data_callback((slice(0, 2, None),)) must return a "
        "part of shape (2,), got (3,)."
    )


def test_local_data_becomes_an_array(over):
    array = dc.make_array_from_process_local_data(over("x", "y"), VALUE)
    same = dc.make_array_from_process_local_data(over("x"), VALUE, (8, 8))

    np.testing.assert_array_equal(array, VALUE)
    np.testing.assert_array_equal(same, VALUE)
    assert error_of(
        lambda: dc.make_array_from_process_local_data(over("x"), VALUE, (16, 8))
    ) == (
        "make_array_from_process_local_data: the devices of this process hold a part "
        "of shape (16, 8) of an array of (16, 8), got local_data of (8, 8)."
    )


def test_parts_become_an_array_without_copies(over):
    array = dc.device_put(VALUE, over("x", "y"))
    parts = [shard.data for shard in array.addressable_shards]

    made = dc.make_array_from_single_device_arrays((8, 8), over("x", "y"), parts[::-1])

    np.testing.assert_array_equal(made, VALUE)
    assert [p.data.unsafe_buffer_pointer() for p in made.addressable_shards] == [
        p.unsafe_buffer_pointer() for p in parts
    ]


def test_parts_that_do_not_fit_are_refused(over):
    parts = [s.data for s in dc.device_put(VALUE, over("x", "y")).addressable_shards]
    made = dc.make_array_from_single_device_arrays

    assert "expected a part on each of the devices cpu:0, cpu:1" in error_of(
        lambda: made((8, 8), over("x", "y"), parts[1:])
    )
    assert error_of(lambda: made((16, 8), over("x", "y"), parts)) == (
        "make_array_from_single_device_arrays: expected parts of shape (4, 4) and "
        "dtype float32, got one of (2, 4) and float32 on cpu:0."
    )
    with pytest.raises(TypeError, match=r"arrays\[0\] must be an array on a single"):
        made((8, 8), over("x", "y"), [VALUE])
