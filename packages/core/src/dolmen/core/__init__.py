"""Transformations of array programs on XLA: `jit`, `grad`, `vmap` and their kin."""

from . import config as config
from . import debug as debug
from . import dtypes as dtypes
from . import lax as lax
from . import numpy as numpy
from . import tree as tree
from . import tree_util as tree_util
from ._backend import Array as Array
from ._backend import Device as Device
from ._backend import devices as devices
from ._higher_order import ClosedProgram as ClosedJaxpr
from ._higher_order import ShapeDtypeStruct as ShapeDtypeStruct
from ._higher_order import block_until_ready as block_until_ready
from ._higher_order import checkpoint as checkpoint
from ._higher_order import checkpoint_policies as checkpoint_policies
from ._higher_order import custom_jvp as custom_jvp
from ._higher_order import custom_vjp as custom_vjp
from ._higher_order import device_get as device_get
from ._higher_order import device_put as device_put
from ._higher_order import eval_shape as eval_shape
from ._higher_order import jit as jit
from ._higher_order import make_jaxpr as make_jaxpr
from ._tracing import typeof as typeof
from ._transforms import grad as grad
from ._transforms import hessian as hessian
from ._transforms import jacfwd as jacfwd
from ._transforms import jacrev as jacrev
from ._transforms import jvp as jvp
from ._transforms import linear_transpose as linear_transpose
from ._transforms import linearize as linearize
from ._transforms import value_and_grad as value_and_grad
from ._transforms import vjp as vjp
from ._transforms import vmap as vmap
from .config import disable_jit as disable_jit
from .config import enable_x64 as enable_x64

remat = checkpoint

__all__ = ["ClosedJaxpr", "remat"]


def __getattr__(name: str) -> object:
    """Load `random`, `nn`, `extend` and `testing` at first use."""
    if name in ("errors", "extend", "nn", "random", "testing"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
