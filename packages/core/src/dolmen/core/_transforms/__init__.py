"""Differentiation and vectorisation, from the rules of primitives."""

from ._autodiff import grad as grad
from ._autodiff import hessian as hessian
from ._autodiff import jacfwd as jacfwd
from ._autodiff import jacrev as jacrev
from ._autodiff import jvp as jvp
from ._autodiff import linear_transpose as linear_transpose
from ._autodiff import linearize as linearize
from ._autodiff import value_and_grad as value_and_grad
from ._autodiff import vjp as vjp
from ._batch import batch_program as batch_program
from ._batch import batch_size as batch_size
from ._batch import to_front as to_front
from ._jvp import jvp_program as jvp_program
from ._jvp import tangent_type as tangent_type
from ._jvp import zeros_for as zeros_for
from ._linearize import Linearization as Linearization
from ._linearize import linearize_program as linearize_program
from ._linearize import not_reversible as not_reversible
from ._linearize import transpose_program as transpose_program
from ._vmap import vmap as vmap
