"""Buffers shared with other libraries, NumPy standing for them all."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import _backend, dlpack, lax

DTYPES = [
    *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
    *("float16", "float32", "complex64"),
]


def aligned(values, dtype):
    """A NumPy array that begins at a multiple of 64 bytes, as XLA wants it."""
    values = np.asarray(values, dtype)
    memory = np.empty(values.nbytes + 64, np.uint8)
    start = -memory.ctypes.data % 64
    made = memory[start : start + values.nbytes].view(dtype).reshape(values.shape)
    made[...] = values
    return made


def lines_of(error, function):
    with pytest.raises(error) as caught:
        function()
    return str(caught.value).splitlines()


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_reads_an_array_without_a_copy(dtype):
    x = jnp.array([[1, 0, 3]], dtype)

    seen = np.from_dlpack(x)

    assert seen.ctypes.data == x.unsafe_buffer_pointer()
    assert not seen.flags.writeable
    np.testing.assert_array_equal(seen, np.asarray([[1, 0, 3]], dtype), strict=True)


def test_a_shared_buffer_outlives_the_array():
    seen = np.from_dlpack(jnp.arange(1000.0))

    np.testing.assert_array_equal(seen, np.arange(1000.0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_an_aligned_buffer_is_taken_without_a_copy(dtype):
    value = aligned([[1, 0], [3, 4]], dtype)

    x = dlpack.from_dlpack(value)

    assert x.unsafe_buffer_pointer() == value.ctypes.data
    assert (x.dtype, x.shape, x.weak_type) == (value.dtype, (2, 2), False)
    np.testing.assert_array_equal(x, value)


def test_a_buffer_out_of_line_is_copied():
    value = aligned(range(5), "float32")[1:]

    x = dlpack.from_dlpack(value)

    assert x.unsafe_buffer_pointer() != value.ctypes.data
    np.testing.assert_array_equal(x, [1, 2, 3, 4])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_transposed_buffer_keeps_its_meaning(dtype):
    x = dlpack.from_dlpack(aligned([[0, 1, 2], [3, 4, 5]], dtype).T)

    np.testing.assert_array_equal(x, [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(x + 1, [[1, 4], [2, 5], [3, 6]])


def test_copy_true_always_copies():
    value = aligned([1, 2], "int32")

    x = jnp.from_dlpack(value, copy=True)
    value[0] = 7

    np.testing.assert_array_equal(x, [1, 2])


def test_arrays_that_come_in_work_with_everything():
    x = dlpack.from_dlpack(aligned([1.0, 2.0], "float32"))

    np.testing.assert_allclose(dc.jit(dc.grad(lambda y: jnp.sum(y**3)))(x), [3.0, 12.0])
    np.testing.assert_allclose(x + jnp.ones(2), [2.0, 3.0])
    assert x.device == dc.devices()[0]


def test_our_own_arrays_are_shared_too():
    x = jnp.arange(3.0)

    assert dlpack.from_dlpack(x).unsafe_buffer_pointer() == x.unsafe_buffer_pointer()


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"])
def test_8_bit_floats_are_shared_between_arrays(dtype):
    x = jnp.array([1, 2, 0.5], dtype)

    again = dlpack.from_dlpack(x)

    assert (again.dtype, again.tolist()) == (x.dtype, [1, 2, 0.5])
    assert again.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()


def test_bfloat16_goes_both_ways():
    x = jnp.array([1.5, 2.5], "bfloat16")

    again = dlpack.from_dlpack(x)

    assert again.dtype == "bfloat16"
    np.testing.assert_array_equal(again.astype("float32"), [1.5, 2.5])


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [("float64", "float32"), ("int64", "int32"), ("complex128", "complex64")],
)
def test_wide_elements_are_converted_without_64_bit_types(wide, narrow):
    x = dlpack.from_dlpack(aligned([1, 2, -3], wide))

    assert x.dtype == narrow
    np.testing.assert_array_equal(x, [1, 2, -3])


def test_wide_elements_are_shared_with_64_bit_types():
    value = aligned([1.0, 2.0], "float64")

    with dc.enable_x64(True):
        x = dlpack.from_dlpack(value)

        assert x.dtype == "float64"
        assert x.unsafe_buffer_pointer() == value.ctypes.data


@pytest.mark.parametrize("device", [0, "sharding"])
def test_a_device_may_be_named(device):
    x = jnp.ones(2)
    where = {0: dc.devices()[0], "sharding": x.sharding}[device]

    assert dlpack.from_dlpack(x, device=where).device == dc.devices()[0]


def test_a_capsule_of_a_copy_is_the_consumers_own():
    x = jnp.arange(3.0)

    copy = dlpack.from_dlpack(Lent(x.__dlpack__(copy=True)))

    assert copy.unsafe_buffer_pointer() != x.unsafe_buffer_pointer()
    np.testing.assert_array_equal(copy, [0, 1, 2])


def test_a_buffer_that_is_wanted_in_host_memory_is_copied_there(monkeypatch):
    x = jnp.arange(3.0)
    monkeypatch.setattr(_backend, "dlpack_device", lambda array: (2, 0))  # as on a GPU

    copy = dlpack.from_dlpack(Lent(x.__dlpack__(dl_device=(1, 0))))

    np.testing.assert_array_equal(copy, [0, 1, 2])
    with pytest.raises(
        BufferError, match=r"own device \(2, 0\), or \(1, 0\) with a copy"
    ):
        x.__dlpack__(dl_device=(1, 0), copy=False)


def test_no_copy_is_lent_where_none_may_be_made():
    x = jnp.arange(3.0)

    again = dlpack.from_dlpack(Lent(x.__dlpack__(dl_device=(1, 0), copy=False)))

    assert again.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()


@pytest.mark.parametrize("copy", [None, True])
def test_a_read_only_buffer_is_taken(copy):
    value = aligned([1, 2], "int32")
    value.flags.writeable = False

    x = dlpack.from_dlpack(value, copy=copy)

    np.testing.assert_array_equal(x, [1, 2])


@pytest.mark.parametrize("version", [(0, 8), (1, 0), (2, 5)])
def test_consumers_may_name_the_newest_version_that_they_know(version):
    x = jnp.arange(3.0)

    again = dlpack.from_dlpack(Lent(x.__dlpack__(max_version=version)))

    np.testing.assert_array_equal(again, [0, 1, 2])


def test_numpy_takes_a_copy_that_it_may_write_to():
    x = jnp.arange(3.0)

    copy = np.from_dlpack(x, copy=True)

    assert copy.ctypes.data != x.unsafe_buffer_pointer()
    assert np.from_dlpack(x, device="cpu", copy=False).ctypes.data == (
        x.unsafe_buffer_pointer()
    )


class Lent:
    """An exporter of one capsule."""

    def __init__(self, capsule, device=(1, 0)):
        self.capsule, self.device = capsule, device

    def __dlpack__(self):
        return self.capsule

    def __dlpack_device__(self):
        return self.device


def test_the_device_is_the_cpu():
    assert jnp.ones(2).__dlpack_device__() == (1, 0)


def test_an_eager_gradient_lends_its_value():
    seen = []

    def f(x):
        seen.append(np.from_dlpack(x))
        return jnp.sum(x)

    dc.grad(f)(jnp.arange(2.0))

    np.testing.assert_array_equal(seen[0], [0, 1])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", True),
        ("bfloat16", True),
        (bool, True),
        (jnp.complex64, True),
        ("float64", True),
        ("int4", False),
        ("float8_e4m3fn", False),
    ],
)
def test_supported_dtypes(dtype, expected):
    assert dlpack.is_supported_dtype(dtype) is expected


# ---- errors ------------------------------------------------------------------------


def test_an_object_without_the_protocol():
    lines = lines_of(TypeError, lambda: dlpack.from_dlpack([1, 2]))

    assert lines[0] == (
        "from_dlpack: `external_array` must have the methods __dlpack__ and "
        "__dlpack_device__, got list."
    )


def test_a_buffer_on_a_device_that_is_not_used():
    lent = Lent(None, (2, 1))

    lines = lines_of(ValueError, lambda: dlpack.from_dlpack(lent))

    assert lines[0] == (
        "from_dlpack: the buffer is on the device of kind 2 and number 1, which this "
        "process does not use."
    )
    assert lines[2] == (
        "Move the array to one of `dolmen.core.devices()` with its own library."
    )


def test_a_device_that_is_none():
    lines = lines_of(TypeError, lambda: dlpack.from_dlpack(np.ones(2), device="cpu"))

    assert lines[0] == (
        "from_dlpack: `device` must be a device, a sharding or None, got 'cpu'."
    )


def test_elements_with_gaps_between_them():
    lines = lines_of(
        ValueError, lambda: dlpack.from_dlpack(np.ones(6, np.float32)[::2])
    )

    assert lines[0].startswith("from_dlpack: the buffer can't be used: UNIMPLEMENTED: ")
    assert lines[-1] == (
        "Allow a copy with `copy=None`; if the elements are not compact, make them so "
        "first, such as with `numpy.ascontiguousarray`."
    )


def test_a_copy_that_is_forbidden_but_needed_for_alignment():
    value = aligned(range(5), "float32")[1:]

    lines = lines_of(ValueError, lambda: dlpack.from_dlpack(value, copy=False))

    assert lines[0].startswith(
        "from_dlpack: the buffer can't be used: INVALID_ARGUMENT"
    )


def test_a_copy_that_is_forbidden_but_needed_for_the_order():
    value = aligned([[0, 1, 2], [3, 4, 5]], "float32").T

    lines = lines_of(ValueError, lambda: dlpack.from_dlpack(value, copy=False))

    assert lines[0] == (
        "from_dlpack: the buffer can't be used: the elements are not in row-major order"
    )


def test_a_copy_that_is_forbidden_but_needed_for_the_dtype():
    value = aligned([1.0], "float64")

    lines = lines_of(ValueError, lambda: dlpack.from_dlpack(value, copy=False))

    assert lines[0] == (
        "from_dlpack: `copy` is False, but an array of 32-bit elements takes a copy of "
        f"the buffer of float64 on {dc.devices()[0]}."
    )
    assert lines[2] == (
        "Allow it with `copy=None`, or enable 64-bit types if it is those."
    )


@pytest.mark.parametrize(("dtype", "short"), [("int4", "i4"), ("uint2", "u2")])
def test_a_dtype_the_protocol_lacks(dtype, short):
    x = jnp.ones(2, dtype)

    lines = lines_of(BufferError, lambda: np.from_dlpack(x))

    assert lines[0] == f"__dlpack__: DLPack has no dtype for {short}[2]."
    assert lines[2] == (
        "Convert the array first, for example with `.astype('float32')`."
    )


def test_another_device_than_the_arrays_own():
    x = jnp.ones(2)

    lines = lines_of(BufferError, lambda: x.__dlpack__(dl_device=(2, 0)))

    assert lines[0] == (
        "__dlpack__: `dl_device` must be the array's own device (1, 0), or (1, 0) with "
        "a copy, got (2, 0)."
    )
    assert lines[2] == "Move the array first, with `device_put`."


def test_a_stream_for_host_memory():
    lines = lines_of(ValueError, lambda: jnp.ones(2).__dlpack__(stream=1))

    assert lines[0] == "__dlpack__: `stream` must be None for host memory, got 1."


def test_a_traced_value_has_no_buffer():
    traced = dc.jit(lambda x: np.from_dlpack(x) + lax.sin(x))

    lines = lines_of(dc.errors.TracerArrayConversionError, lambda: traced(jnp.ones(2)))

    assert lines[0].startswith("__dlpack_device__()") or lines[0].startswith(
        "__dlpack__()"
    )


def test_a_deleted_array_has_no_buffer():
    x = jnp.ones(2)
    x.delete()

    assert lines_of(RuntimeError, x.__dlpack__)[0].startswith(
        "array f32[2] was deleted or donated"
    )
