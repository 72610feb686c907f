"""Arrays in files and in text."""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dolmen.core import enable_x64, numpy as jnp

DTYPES = ["bool", "int8", "float16", "complex64", "bfloat16", "float8_e4m3fn"]
DTYPES += ["float8_e5m2", "float8_e8m0fnu", "float4_e2m1fn", "int4", "uint2"]


def written(write, *args, **kwargs):
    file = io.BytesIO()
    write(file, *args, **kwargs)
    file.seek(0)
    return file


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_keeps_dtype_shape_and_values(dtype):
    x = jnp.array([[1, 2, 1], [1, 1, 2]]).astype(dtype)

    made = jnp.load(written(jnp.save, x))

    assert made.dtype == x.dtype
    assert_array_equal(np.asarray(made, "complex64"), np.asarray(x, "complex64"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e5m2", "int4"])
def test_files_of_several_arrays_keep_their_dtypes(dtype):
    x = jnp.array([1, 0, 1]).astype(dtype)

    with jnp.load(written(jnp.savez, x, other=x[:2])) as made:
        assert sorted(made) == sorted(made.files) == ["arr_0", "other"]
        assert len(made) == 2
        assert made["arr_0"].dtype == made["other"].dtype == x.dtype
        assert made["other"].tolist() == [1, 0]


def test_numpy_reads_what_is_written_and_the_other_way_round():
    x = np.array([[1.5, -2.0]], np.float32)

    assert_array_equal(np.load(written(jnp.save, x)), x)
    assert_array_equal(jnp.load(written(np.save, x)), x)


def test_two_raw_bytes_are_bfloat16_as_jax_writes_it():
    file = written(np.save, np.array([0x3FC0], np.uint16).view("V2"))

    assert jnp.load(file).tolist() == [1.5]


def test_a_path_gets_its_suffix(tmp_path):
    jnp.save(tmp_path / "a", np.arange(3))
    jnp.savez(tmp_path / "b", np.arange(3))

    assert jnp.load(tmp_path / "a.npy").tolist() == [0, 1, 2]
    assert jnp.load(tmp_path / "b.npz")["arr_0"].tolist() == [0, 1, 2]


def test_wide_elements_stay_wide_only_where_64_bits_are_on():
    with enable_x64(True):
        wide = jnp.load(written(np.save, np.arange(3.0)))

    assert wide.dtype == np.float64
    assert jnp.load(written(np.save, np.arange(3.0))).dtype == np.float32


def test_raw_bytes_and_text_are_read_from_files(tmp_path):
    path = tmp_path / "raw"
    np.arange(4, dtype=np.int16).tofile(path)
    (tmp_path / "text").write_text("1 2.5 4")

    assert jnp.fromfile(path, "int16", 2, offset=2).tolist() == [1, 2]
    assert jnp.fromfile(path, "bfloat16").dtype == "bfloat16"
    assert jnp.fromfile(tmp_path / "text", sep=" ").tolist() == [1.0, 2.5, 4.0]


def test_iterators_and_text_become_arrays():
    assert jnp.fromiter(iter([1, 2, 3]), "float8_e5m2", 2).tolist() == [1.0, 2.0]
    assert jnp.fromstring("1, 2,3", int, 2, sep=",").tolist() == [1, 2]
    assert jnp.fromstring("1 2", sep=" ").dtype == np.float32


def test_a_file_of_records_is_refused():
    file = written(np.save, np.zeros(2, "f4,i4"))

    with pytest.raises(TypeError, match="arrays can't hold NumPy dtype"):
        jnp.load(file)
