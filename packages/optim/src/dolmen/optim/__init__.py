"""Gradient transformations that compose, with losses and schedules."""

import importlib as _importlib
from collections.abc import Iterator as _Iterator
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

from ._accumulation import (
    ApplyEvery as ApplyEvery,
    MultiSteps as MultiSteps,
    MultiStepsState as MultiStepsState,
    ShouldSkipUpdateFunction as ShouldSkipUpdateFunction,
    apply_every as apply_every,
    skip_large_updates as skip_large_updates,
    skip_not_finite as skip_not_finite,
)
from ._adam import (
    ScaleByAdamState as ScaleByAdamState,
    ScaleByAmsgradState as ScaleByAmsgradState,
    scale_by_adam as scale_by_adam,
    scale_by_adamax as scale_by_adamax,
    scale_by_amsgrad as scale_by_amsgrad,
)
from ._adam_variants import (
    ScaleByAdanState as ScaleByAdanState,
    ScaleByBeliefState as ScaleByBeliefState,
    scale_by_adan as scale_by_adan,
    scale_by_belief as scale_by_belief,
    scale_by_radam as scale_by_radam,
    scale_by_yogi as scale_by_yogi,
)
from ._apply import apply_updates as apply_updates
from ._cautious import cautious as cautious
from ._chain import chain as chain, explain as explain
from ._clipping import (
    AdaptiveGradClipState as AdaptiveGradClipState,
    ClipByGlobalNormState as ClipByGlobalNormState,
    ClipState as ClipState,
    adaptive_grad_clip as adaptive_grad_clip,
    clip as clip,
    clip_by_block_rms as clip_by_block_rms,
    clip_by_global_norm as clip_by_global_norm,
    per_example_global_norm_clip as per_example_global_norm_clip,
    per_example_layer_norm_clip as per_example_layer_norm_clip,
)
from ._conditions import (
    ApplyIfFiniteState as ApplyIfFiniteState,
    ConditionallyMaskState as ConditionallyMaskState,
    ConditionallyTransformState as ConditionallyTransformState,
    apply_if_finite as apply_if_finite,
    conditionally_mask as conditionally_mask,
    conditionally_transform as conditionally_transform,
)
from ._constraints import (
    NonNegativeParamsState as NonNegativeParamsState,
    ZeroNansState as ZeroNansState,
    keep_params_nonnegative as keep_params_nonnegative,
    zero_nans as zero_nans,
)
from ._counts import (
    safe_increment as safe_increment,
    safe_int32_increment as safe_int32_increment,
)
from ._groups import (
    MultiTransformState as MultiTransformState,
    PartitionState as PartitionState,
    freeze as freeze,
    labels_by_path as labels_by_path,
    mask_by_path as mask_by_path,
    multi_transform as multi_transform,
    partition as partition,
    selective_transform as selective_transform,
    set_to_zero as set_to_zero,
)
from ._kronecker import (
    ScaleByShampooState as ScaleByShampooState,
    ScaleBySoapState as ScaleBySoapState,
    scale_by_shampoo as scale_by_shampoo,
    scale_by_soap as scale_by_soap,
    shampoo as shampoo,
    soap as soap,
)
from ._layerwise import (
    ScaleByDistanceOverGradientsState as ScaleByDistanceOverGradientsState,
    ScaleByNovogradState as ScaleByNovogradState,
    ScaleByTrustRatioState as ScaleByTrustRatioState,
    centralize as centralize,
    scale_by_distance_over_gradients as scale_by_distance_over_gradients,
    scale_by_novograd as scale_by_novograd,
    scale_by_param_block_norm as scale_by_param_block_norm,
    scale_by_param_block_rms as scale_by_param_block_rms,
    scale_by_trust_ratio as scale_by_trust_ratio,
)
from ._lbfgs import (
    ScaleByLBFGSState as ScaleByLBFGSState,
    lbfgs as lbfgs,
    scale_by_lbfgs as scale_by_lbfgs,
)
from ._line_searches import (
    BacktrackingLinesearchInfo as BacktrackingLinesearchInfo,
    ScaleByBacktrackingLinesearchState as ScaleByBacktrackingLinesearchState,
    scale_by_backtracking_linesearch as scale_by_backtracking_linesearch,
    value_and_grad_from_state as value_and_grad_from_state,
)
from ._masking import (
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    masked as masked,
)
from ._momentum import (
    EmaState as EmaState,
    TraceState as TraceState,
    ema as ema,
    trace as trace,
)
from ._monitoring import (
    MonitorState as MonitorState,
    SnapshotState as SnapshotState,
    measure_with_ema as measure_with_ema,
    monitor as monitor,
    snapshot as snapshot,
)
from ._noise import (
    AddNoiseState as AddNoiseState,
    add_noise as add_noise,
)
from ._norms import (
    global_norm as global_norm,
    safe_norm as safe_norm,
    safe_root_mean_squares as safe_root_mean_squares,
)
from ._optimism import (
    ScaleByOptimisticGradientState as ScaleByOptimisticGradientState,
    scale_by_optimistic_gradient as scale_by_optimistic_gradient,
)
from ._optimizers import (
    adabelief as adabelief,
    adadelta as adadelta,
    adafactor as adafactor,
    adagrad as adagrad,
    adam as adam,
    adamax as adamax,
    adamaxw as adamaxw,
    adamw as adamw,
    adan as adan,
    amsgrad as amsgrad,
    fromage as fromage,
    lamb as lamb,
    lars as lars,
    lion as lion,
    nadam as nadam,
    nadamw as nadamw,
    noisy_sgd as noisy_sgd,
    novograd as novograd,
    optimistic_adam as optimistic_adam,
    optimistic_adam_v2 as optimistic_adam_v2,
    optimistic_gradient_descent as optimistic_gradient_descent,
    polyak_sgd as polyak_sgd,
    radam as radam,
    rmsprop as rmsprop,
    rprop as rprop,
    sgd as sgd,
    sign_sgd as sign_sgd,
    signum as signum,
    sm3 as sm3,
    yogi as yogi,
)
from ._packed import Packed as Packed
from ._packing import pack as pack
from ._params_average import (
    ParamsEmaState as ParamsEmaState,
    ParamsMeanState as ParamsMeanState,
    params_ema as params_ema,
    params_mean as params_mean,
)
from ._per_parameter import (
    scale_by_depth as scale_by_depth,
    scale_by_width as scale_by_width,
)
from ._polyak import scale_by_polyak as scale_by_polyak
from ._precision import (
    CompensationState as CompensationState,
    MasterWeightsState as MasterWeightsState,
    StochasticRoundingState as StochasticRoundingState,
    with_compensation as with_compensation,
    with_master_weights as with_master_weights,
    with_stochastic_rounding as with_stochastic_rounding,
)
from ._quantized import (
    QuantizedArray as QuantizedArray,
    QuantizedState as QuantizedState,
    dequantized as dequantized,
    quantized as quantized,
    with_8bit_state as with_8bit_state,
)
from ._rms import (
    ScaleByAdaDeltaState as ScaleByAdaDeltaState,
    ScaleByRmsState as ScaleByRmsState,
    ScaleByRssState as ScaleByRssState,
    ScaleByRStdDevState as ScaleByRStdDevState,
    scale_by_adadelta as scale_by_adadelta,
    scale_by_rms as scale_by_rms,
    scale_by_rss as scale_by_rss,
    scale_by_stddev as scale_by_stddev,
)
from ._scaling import (
    ScaleByScheduleState as ScaleByScheduleState,
    ScaleState as ScaleState,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_schedule as scale_by_schedule,
)
from ._sharded_state import shard_state as shard_state
from ._signs import (
    ScaleByLionState as ScaleByLionState,
    ScaleByRpropState as ScaleByRpropState,
    scale_by_lion as scale_by_lion,
    scale_by_rprop as scale_by_rprop,
    scale_by_sign as scale_by_sign,
)
from ._state_bytes import state_bytes as state_bytes
from ._sublinear import (
    FactoredState as FactoredState,
    ScaleBySM3State as ScaleBySM3State,
    scale_by_factored_rms as scale_by_factored_rms,
    scale_by_sm3 as scale_by_sm3,
)
from ._transformation import (
    EmptyState as EmptyState,
    GradientTransformation as GradientTransformation,
    GradientTransformationExtraArgs as GradientTransformationExtraArgs,
    MaskOrFn as MaskOrFn,
    OptState as OptState,
    Params as Params,
    ScalarOrSchedule as ScalarOrSchedule,
    Schedule as Schedule,
    TransformInitFn as TransformInitFn,
    TransformUpdateExtraArgsFn as TransformUpdateExtraArgsFn,
    TransformUpdateFn as TransformUpdateFn,
    Updates as Updates,
    identity as identity,
    init_empty_state as init_empty_state,
    with_extra_args_support as with_extra_args_support,
)
from ._weight_decay import (
    AddDecayedWeightsState as AddDecayedWeightsState,
    WeightDecaySchedule as WeightDecaySchedule,
    add_decayed_weights as add_decayed_weights,
)
from ._wrappers import (
    LookaheadParams as LookaheadParams,
    LookaheadState as LookaheadState,
    flatten as flatten,
    lookahead as lookahead,
    named_chain as named_chain,
    stateless as stateless,
    stateless_with_tree_map as stateless_with_tree_map,
)
from ._zoom import (
    ScaleByZoomLinesearchState as ScaleByZoomLinesearchState,
    ZoomLinesearchInfo as ZoomLinesearchInfo,
    scale_by_zoom_linesearch as scale_by_zoom_linesearch,
)

if _TYPE_CHECKING:
    from ._averages import (
        incremental_update as incremental_update,
        periodic_update as periodic_update,
    )
    from ._distributions import (
        MultiNormal as MultiNormal,
        multi_normal as multi_normal,
    )
    from ._gradients import (
        scale_gradient as scale_gradient,
    )
    from ._linear_algebra import (
        matrix_inverse_pth_root as matrix_inverse_pth_root,
        nnls as nnls,
        power_iteration as power_iteration,
    )
    from ._plots import (
        Plot as Plot,
    )
    from ._qk_clip import (
        QKProjection as QKProjection,
        muonclip as muonclip,
        qk_clip as qk_clip,
    )
    from ._range_test import (
        RangeTest as RangeTest,
        find_learning_rate as find_learning_rate,
    )
    from ._statistics import (
        Statistics as Statistics,
        statistics as statistics,
    )
    from ._transfer import (
        StateTransfer as StateTransfer,
        TransferredArray as TransferredArray,
        transfer_state as transfer_state,
    )
    from ._update_norm import (
        normalize_by_update_norm as normalize_by_update_norm,
    )
    from .contrib import (
        DifferentiallyPrivateAggregateState as DifferentiallyPrivateAggregateState,
        differentially_private_aggregate as differentially_private_aggregate,
        dpsgd as dpsgd,
    )
    from .losses import *  # noqa: F403 - what `__getattr__` finds
    from .microbatching import *  # noqa: F403
    from .schedules import *  # noqa: F403
    from .tree import (
        bias_correction as bias_correction,
        update_infinity_moment as update_infinity_moment,
        update_moment as update_moment,
        update_moment_per_elem_norm as update_moment_per_elem_norm,
    )
    from .tree_utils import (
        tree_map_params as tree_map_params,
    )

# Loaded at first use: who trains needs few of them, and importing should be quick.
_MODULES = (
    "assignment",
    "contrib",
    "losses",
    "microbatching",
    "perturbations",
    "projections",
    "schedules",
    "second_order",
    "transforms",
    "tree",
    "tree_utils",
)
# Names here that few programs need, and the modules they are loaded from.
_SELDOM = {
    "MultiNormal": "_distributions",
    "Plot": "_plots",
    "QKProjection": "_qk_clip",
    "RangeTest": "_range_test",
    "StateTransfer": "_transfer",
    "Statistics": "_statistics",
    "TransferredArray": "_transfer",
    "DifferentiallyPrivateAggregateState": "contrib",
    "bias_correction": "tree",
    "differentially_private_aggregate": "contrib",
    "dpsgd": "contrib",
    "find_learning_rate": "_range_test",
    "incremental_update": "_averages",
    "matrix_inverse_pth_root": "_linear_algebra",
    "multi_normal": "_distributions",
    "muonclip": "_qk_clip",
    "nnls": "_linear_algebra",
    "normalize_by_update_norm": "_update_norm",
    "periodic_update": "_averages",
    "power_iteration": "_linear_algebra",
    "qk_clip": "_qk_clip",
    "scale_gradient": "_gradients",
    "statistics": "_statistics",
    "transfer_state": "_transfer",
    "tree_map_params": "tree_utils",
    "update_infinity_moment": "tree",
    "update_moment": "tree",
    "update_moment_per_elem_norm": "tree",
}
# Modules whose names are offered here too.
_ALSO_HERE = ("losses", "microbatching", "schedules")


def __getattr__(name: str) -> object:
    """Load a module, or the one that a name is from."""
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _SELDOM:
        home = _importlib.import_module(f"{__name__}.{_SELDOM[name]}")
        return getattr(home, name)
    if not name.startswith("_"):
        for names in map(vars, _modules_also_here()):
            if name in names:
                return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names that are here or are found by `__getattr__`."""
    names = {*globals(), *_MODULES, *_SELDOM}
    for module in _modules_also_here():
        names.update(name for name in vars(module) if not name.startswith("_"))
    return sorted(names)


def _modules_also_here() -> _Iterator[_ModuleType]:
    return (_importlib.import_module(f"{__name__}.{name}") for name in _ALSO_HERE)
