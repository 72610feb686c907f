"""Differentiation and vectorisation, from the rules of primitives."""

from ._autodiff import (
    grad as grad,
    hessian as hessian,
    jacfwd as jacfwd,
    jacrev as jacrev,
    jvp as jvp,
    linear_transpose as linear_transpose,
    linearize as linearize,
    value_and_grad as value_and_grad,
    vjp as vjp,
)
from ._batch import (
    batch_program as batch_program,
    batch_size as batch_size,
    to_front as to_front,
)
from ._jvp import (
    jvp_program as jvp_program,
    tangent_type as tangent_type,
    zeros_for as zeros_for,
)
from ._linearize import (
    Linearization as Linearization,
    linearize_program as linearize_program,
    not_reversible as not_reversible,
    transpose_program as transpose_program,
)
from ._vmap import vmap as vmap
