"""What operations are lowered to for TPUs and GPUs, run on the CPU.

Where the CPU's compiler takes it, too, values say whether it means what it should.
"""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import _backend
from dolmen.core._ops._lu import Lu

from .rows import all_rows
from .test_rules import assert_close, outputs, wide

# Calls of what only those platforms have, and factorizations that only LAPACK has.
ALONE = {"Eig", "Schur", "Hessenberg", "Tridiagonal"}
ROWS = [row for row in all_rows() if row.primitive.__name__ not in ALONE]
CASES = [
    pytest.param(row, platform, id=f"{platform}-{row}")
    for row in ROWS
    for platform in ("cuda", "tpu")
    # The compiler of TPUs alone knows its factorization.
    if (platform, row.primitive) != ("tpu", Lu)
]


def compiled_here(function, args, platform):
    """A function as it is lowered for a platform, compiled for this one."""
    lowered = dc.jit(function).trace(*args).lower(lowering_platforms=(platform,))
    devices = (dc.devices()[0],)
    loaded = _backend.compile_and_load(
        lowered.compiler_ir(), devices, _backend.compile_options(devices)
    )
    module = lowered._module
    here = (_backend.device_sharding(devices[0]),) * len(module.out_types)

    def run(*args):
        kept = [
            dc.device_put(arg, devices[0])
            for arg, keep in zip(args, module.kept, strict=True)
            if keep
        ]
        return _backend.execute(loaded, kept, module.out_types, here, committed=False)

    return run


def run_here(function, args, platform):
    """The results of a function as it is lowered for a platform."""
    return compiled_here(function, args, platform)(*args)


@pytest.mark.parametrize(("row", "platform"), CASES)
def test_value(row, platform):
    dtype = row.dtypes[0]
    args = row.args(0, row.typical_shape, dtype)

    with dc.enable_x64(True), np.errstate(all="ignore"):
        got = run_here(row.function, args, platform)
        expected = outputs(row.oracle(*map(wide, args)))

    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b, dtype, row.slack)
