"""Gradient transformations that compose, with losses and schedules."""

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from ._adam import ScaleByAdamState as ScaleByAdamState, scale_by_adam as scale_by_adam
from ._apply import apply_updates as apply_updates
from ._chain import chain as chain
from ._clipping import clip as clip, clip_by_global_norm as clip_by_global_norm
from ._counts import safe_increment as safe_increment
from ._masking import (
    MaskedNode as MaskedNode,
    MaskedState as MaskedState,
    masked as masked,
)
from ._momentum import TraceState as TraceState, trace as trace
from ._norms import global_norm as global_norm
from ._optimizers import adam as adam, adamw as adamw, sgd as sgd
from ._scaling import (
    ScaleByScheduleState as ScaleByScheduleState,
    scale as scale,
    scale_by_learning_rate as scale_by_learning_rate,
    scale_by_schedule as scale_by_schedule,
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

if TYPE_CHECKING:
    from .losses import *  # noqa: F403 - what `__getattr__` finds
    from .schedules import *  # noqa: F403

# Loaded at first use: who trains needs few of them, and importing should be quick.
_MODULES = ("losses", "schedules")
# Modules whose names are offered here too.
_ALSO_HERE = ("losses", "schedules")


def __getattr__(name: str) -> object:
    """Load a module, or the losses and schedules for one of their names."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if not name.startswith("_"):
        for names in map(vars, _modules_also_here()):
            if name in names:
                return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Names that are here or are found by `__getattr__`."""
    names = {*globals(), *_MODULES}
    for module in _modules_also_here():
        names.update(name for name in vars(module) if not name.startswith("_"))
    return sorted(names)


def _modules_also_here() -> Iterator[ModuleType]:
    return (importlib.import_module(f"{__name__}.{name}") for name in _ALSO_HERE)
