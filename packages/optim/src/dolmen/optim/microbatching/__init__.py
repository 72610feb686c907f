"""Large batches in several small ones, to save memory.

Row ``i`` of a batch of ``n`` microbatches is in microbatch ``i % n``: neighbors, which
are often alike, come apart, and a batch that is sharded stays so.
"""

from ._accumulators import (
    AccumulationType as AccumulationType,
    Accumulator as Accumulator,
)
from ._microbatch import (
    microbatch as microbatch,
    reshape_batch_axis as reshape_batch_axis,
)
from ._per_example import (
    IndividualOutputs as IndividualOutputs,
    micro_grad as micro_grad,
    micro_vmap as micro_vmap,
)
