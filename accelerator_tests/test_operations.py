"""Every operation compiles for TPUs and GPUs, and so does its derivative."""

import importlib.metadata

import pytest

import dolmen.core as dc
from dolmen.core import lax
from packages.core.tests.ops.rows import all_rows

# The row of sharding constraints wants two devices of this process.
ROWS = [row for row in all_rows() if row.primitive.__name__ != "ShardingConstraint"]
SMOOTH = [row for row in ROWS if row.smooth]

# Factorizations that only LAPACK has.
ON_CPU = {"Eig", "Schur", "Hessenberg", "Tridiagonal"}
# What one release of the compiler for TPUs takes for ill-typed, and what ends it.
REFUSING = "0.0.42."
REFUSED = {"Nextafter"}
ENDING = {"ConvertElementType-complex128"}


@pytest.fixture(autouse=True)
def all_types():
    with dc.enable_x64(True):
        yield


def compiled(function, args, device):
    return dc.jit(function, device=device).lower(*args).compile()


def check(function, row, platform, device):
    args = row.args(0, row.typical_shape, row.dtypes[0])
    if row.primitive.__name__ in ON_CPU:
        with pytest.raises(NotImplementedError, match=f"CPU only, not on {platform}"):
            compiled(function, args, device)
    elif platform == "tpu" and str(row) in ENDING and refuses():
        pytest.skip(f"libtpu {REFUSING}* ends the process for numbers of this dtype")
    elif platform == "tpu" and str(row) in REFUSED and refuses():
        with pytest.raises(dc.errors.JaxRuntimeError, match="different element types"):
            compiled(function, args, device)
    else:
        assert compiled(function, args, device).as_text()


def refuses():
    return importlib.metadata.version("libtpu").startswith(REFUSING)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_operation(row, platform, device):
    check(row.function, row, platform, device)


@pytest.mark.parametrize("row", SMOOTH, ids=str)
def test_derivative(row, platform, device):
    def gradients(*args):
        def of_smooth(*values):
            full = list(args)
            for index, value in zip(row.smooth, values, strict=True):
                full[index] = value
            return row.function(*full)

        outs, pullback = dc.vjp(of_smooth, *(args[index] for index in row.smooth))
        ones = dc.tree.map(lambda x: lax.full_like(x, 1), outs)
        return pullback(ones)

    check(gradients, row, platform, device)
