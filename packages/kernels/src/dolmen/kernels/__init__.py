"""Custom accelerator kernels, under the names of Pallas, with a checked interpreter."""

from ._call import Target as Target, kernel_call as kernel_call
from ._interpreter import KernelError as KernelError
from ._refs import (
    Ref as Ref,
    loop as loop,
    num_programs as num_programs,
    program_id as program_id,
    when as when,
)
from ._rms_norm import rms_norm as rms_norm
from ._specs import (
    BlockSpec as BlockSpec,
    GridSpec as GridSpec,
    Slice as Slice,
    cdiv as cdiv,
    ds as ds,
)

pallas_call = kernel_call
dslice = ds
