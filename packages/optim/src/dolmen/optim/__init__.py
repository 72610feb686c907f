"""Gradient transformations that compose, with losses and schedules."""

from ._adam import ScaleByAdamState as ScaleByAdamState, scale_by_adam as scale_by_adam
from ._apply import apply_updates as apply_updates
from ._chain import chain as chain
from ._classification import (
    sigmoid_binary_cross_entropy as sigmoid_binary_cross_entropy,
    softmax_cross_entropy as softmax_cross_entropy,
    softmax_cross_entropy_with_integer_labels as softmax_cross_entropy_with_integer_labels,  # noqa: E501 - the name is Optax's
)
from ._clipping import clip as clip, clip_by_global_norm as clip_by_global_norm
from ._counts import safe_increment as safe_increment
from ._inject import (
    InjectHyperparamsState as InjectHyperparamsState,
    inject_hyperparams as inject_hyperparams,
)
from ._masking import (
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    masked as masked,
)
from ._momentum import TraceState as TraceState, trace as trace
from ._norms import global_norm as global_norm
from ._optimizers import adam as adam, adamw as adamw, sgd as sgd
from ._regression import (
    huber_loss as huber_loss,
    l2_loss as l2_loss,
    squared_error as squared_error,
)
from ._scaling import (
    ScaleByScheduleState as ScaleByScheduleState,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_schedule as scale_by_schedule,
)
from ._schedules import (
    constant_schedule as constant_schedule,
    cosine_decay_schedule as cosine_decay_schedule,
    exponential_decay as exponential_decay,
    join_schedules as join_schedules,
    linear_schedule as linear_schedule,
    piecewise_constant_schedule as piecewise_constant_schedule,
    polynomial_schedule as polynomial_schedule,
    warmup_cosine_decay_schedule as warmup_cosine_decay_schedule,
)
from ._transformation import (
    EmptyState as EmptyState,
    GradientTransformation as GradientTransformation,
    GradientTransformationExtraArgs as GradientTransformationExtraArgs,
    identity as identity,
    init_empty_state as init_empty_state,
    with_extra_args_support as with_extra_args_support,
)
from ._weight_decay import (
    WeightDecaySchedule as WeightDecaySchedule,
    add_decayed_weights as add_decayed_weights,
)
