"""Differentiation and vectorisation, from the rules of primitives."""

from ._batch import (
    BatchTrace as BatchTrace,
    ResultAxes as ResultAxes,
    batch_program as batch_program,
    batch_size as batch_size,
    run_batched as run_batched,
    to_front as to_front,
)
from ._gradient import grad as grad, value_and_grad as value_and_grad
from ._jacobian import (
    hessian as hessian,
    jacfwd as jacfwd,
    jacobian as jacobian,
    jacrev as jacrev,
)
from ._jvp import (
    jvp_program as jvp_program,
    tangent_type as tangent_type,
    with_tangents as with_tangents,
    zeros_for as zeros_for,
)
from ._linearize import Linearization as Linearization
from ._linearize_program import (
    linearize_program as linearize_program,
    transpose_linearized as transpose_linearized,
)
from ._products import (
    jvp as jvp,
    linear_transpose as linear_transpose,
    linearize as linearize,
    vjp as vjp,
)
from ._tape import LinearizedCall as LinearizedCall
from ._transpose import (
    not_reversible as not_reversible,
    run_transposed as run_transposed,
    transpose_program as transpose_program,
)
from ._vmap import vmap as vmap
