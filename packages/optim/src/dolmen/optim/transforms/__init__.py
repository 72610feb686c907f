"""Transforms that are neither scalings nor optimizers, under one name."""

from .._accumulation import (
    MultiSteps as MultiSteps,
    MultiStepsState as MultiStepsState,
    ShouldSkipUpdateFunction as ShouldSkipUpdateFunction,
    skip_large_updates as skip_large_updates,
    skip_not_finite as skip_not_finite,
)
from .._chain import (
    chain as chain,
)
from .._clipping import (
    adaptive_grad_clip as adaptive_grad_clip,
    clip as clip,
    clip_by_block_rms as clip_by_block_rms,
    clip_by_global_norm as clip_by_global_norm,
    per_example_global_norm_clip as per_example_global_norm_clip,
    per_example_layer_norm_clip as per_example_layer_norm_clip,
)
from .._conditions import (
    ApplyIfFiniteState as ApplyIfFiniteState,
    ConditionallyMaskState as ConditionallyMaskState,
    ConditionallyTransformState as ConditionallyTransformState,
    apply_if_finite as apply_if_finite,
    conditionally_mask as conditionally_mask,
    conditionally_transform as conditionally_transform,
)
from .._constraints import (
    NonNegativeParamsState as NonNegativeParamsState,
    ZeroNansState as ZeroNansState,
    keep_params_nonnegative as keep_params_nonnegative,
    zero_nans as zero_nans,
)
from .._groups import (
    PartitionState as PartitionState,
    freeze as freeze,
    partition as partition,
    selective_transform as selective_transform,
)
from .._masking import (
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    masked as masked,
)
from .._momentum import (
    EmaState as EmaState,
    TraceState as TraceState,
    ema as ema,
    trace as trace,
)
from .._monitoring import (
    MonitorState as MonitorState,
    SnapshotState as SnapshotState,
    measure_with_ema as measure_with_ema,
    monitor as monitor,
    snapshot as snapshot,
)
from .._noise import (
    AddNoiseState as AddNoiseState,
    add_noise as add_noise,
)
from .._weight_decay import (
    add_decayed_weights as add_decayed_weights,
)
from .._wrappers import (
    flatten as flatten,
    named_chain as named_chain,
)
