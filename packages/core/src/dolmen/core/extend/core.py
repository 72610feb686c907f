"""What programs are made of: to walk them, check them, rewrite them, run them.

`make_jaxpr` returns a `ClosedJaxpr`: a `Jaxpr`, and values for its `constvars`. A
`Jaxpr` is a list of equations, `outvars = primitive[params](invars)`, whose inputs are
variables or literals. Parameters of a primitive may hold further programs.

Example:
    An interpreter that computes with cosines where the function said sine:

    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core import extend, lax
    >>> from dolmen.core.extend.core import Literal
    >>> def run(jaxpr, consts, args):
    ...     values = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args]))
    ...     def read(atom):
    ...         return atom.val if isinstance(atom, Literal) else values[atom]
    ...     for eqn in jaxpr.eqns:
    ...         inputs = [read(atom) for atom in eqn.invars]
    ...         if eqn.primitive.name == "sin":
    ...             outs = lax.cos(*inputs)
    ...         else:
    ...             outs = extend.bind(eqn.primitive, *inputs)
    ...         outs = outs if eqn.primitive.multiple_results else [outs]
    ...         values.update(zip(eqn.outvars, outs))
    ...     return [read(atom) for atom in jaxpr.outvars]
    >>> closed = dc.make_jaxpr(lambda x: 2.0 * jnp.sin(x))(0.0)
    >>> run(closed.jaxpr, closed.consts, [0.0])
    [Array(2., dtype=float32, weak_type=True)]

    The same by rewriting the program:

    >>> cos = dc.make_jaxpr(jnp.cos)(0.0).eqns[0].primitive
    >>> def rewritten(eqn):
    ...     return eqn.replace(primitive=cos) if eqn.primitive.name == "sin" else eqn
    >>> eqns = [rewritten(eqn) for eqn in closed.eqns]
    >>> closed = closed.replace(jaxpr=closed.jaxpr.replace(eqns=eqns))
    >>> closed
    { lambda a:~f32[] .
      let b:~f32[] = cos a
          c:~f32[] = mul 2.0:~f32[] b
      in (c,) }
    >>> dc.grad(lambda x: extend.core.jaxpr_as_fun(closed)(x)[0])(0.0)
    Array(-0., dtype=float32, weak_type=True)

    An interpreter need not go forward: this one inverts a function of one argument.

    >>> inverses = {"exp": jnp.log, "tanh": jnp.arctanh}
    >>> def inverse(function):
    ...     def inverted(y):
    ...         jaxpr = dc.make_jaxpr(function)(y).jaxpr
    ...         values = {jaxpr.outvars[0]: y}
    ...         for eqn in reversed(jaxpr.eqns):
    ...             (x,), (out,) = eqn.invars, eqn.outvars
    ...             values[x] = inverses[eqn.primitive.name](values[out])
    ...         return values[jaxpr.invars[0]]
    ...     return inverted
    >>> f = lambda x: jnp.exp(jnp.tanh(x))
    >>> print(f"{inverse(f)(f(0.5)):.4f}")
    0.5000
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._higher_order import (
    ClosedJaxpr as ClosedJaxpr,
    Jaxpr as Jaxpr,
    jaxpr_as_fun as jaxpr_as_fun,
)
from .._ir import (
    ArrayType,
    Equation as JaxprEqn,
    Literal as Literal,
    Primitive as Primitive,
    Program,
    Variable as Var,
    check,
    dtypes,
    subprograms,
)
from .._tracing import (
    Trace,
    Tracer,
    concrete,
    current_trace,
    entering,
    is_array_like,
    is_staging,
    not_concrete,
    typeof,
)
from ..errors import JaxprTypeError

__all__ = [
    "ClosedJaxpr",
    "Jaxpr",
    "JaxprEqn",
    "Literal",
    "Primitive",
    "Var",
    "check_jaxpr",
    "concrete_or_error",
    "gensym",
    "jaxpr_as_fun",
    "jaxprs_in_params",
    "mapped_aval",
    "new_jaxpr_eqn",
    "no_effects",
    "primal_dtype_to_tangent_dtype",
    "set_current_trace",
    "subjaxprs",
    "take_current_trace",
    "unmapped_aval",
    "unsafe_am_i_under_a_jit_DO_NOT_USE",
    "valid_jaxtype",
]
__dir__ = __all__.copy

no_effects: frozenset[str] = frozenset()


def check_jaxpr(jaxpr: Program) -> None:
    """Raise unless a program, with all programs inside it, is well formed.

    Args:
        jaxpr: the program.

    Raises:
        JaxprTypeError: a variable is used before its definition or defined twice, or
            types are not those that the primitives infer.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.extend.core import check_jaxpr
        >>> check_jaxpr(dc.make_jaxpr(lambda x: x + 1.0)(1.0).jaxpr)
    """
    try:
        check(jaxpr)
    except AssertionError as error:
        raise JaxprTypeError(f"check_jaxpr: {error}") from None


def gensym() -> Callable[[ArrayType], Var]:
    """A function from a type to a new variable of that type.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.extend.core import gensym
        >>> gensym()(dc.typeof(1.0)).aval
        ~f32[]
    """
    return Var


def new_jaxpr_eqn(
    invars: Sequence[Var | Literal],
    outvars: Sequence[Var],
    primitive: Primitive,
    params: Mapping[str, Any] | None = None,
    effects: frozenset[str] | None = None,
    source_info: Any = None,
    ctx: Any = None,
) -> JaxprEqn:
    """An equation `outvars = primitive(invars)`.

    Args:
        invars: the inputs.
        outvars: the outputs.
        primitive: with its parameters.
        params: parameters that replace those of `primitive`.
        effects: for compatibility: a primitive knows its own.
        source_info: the user's line, `frame` of another equation.
        ctx: for compatibility: an equation depends on no settings.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.extend.core import Jaxpr, Var, new_jaxpr_eqn
        >>> sin = dc.make_jaxpr(jnp.sin)(1.0).eqns[0].primitive
        >>> x, y = Var(dc.typeof(1.0)), Var(dc.typeof(1.0))
        >>> Jaxpr([], [x], [y], [new_jaxpr_eqn([x], [y], sin)])
        { lambda a:~f32[] .
          let b:~f32[] = sin a
          in (b,) }
    """
    chosen = primitive.replace(**params) if params else primitive
    return JaxprEqn(chosen, list(invars), list(outvars), source_info)


def jaxprs_in_params(params: Mapping[str, Any]) -> Iterator[Program]:
    """The programs among an equation's parameters.

    Args:
        params: of an equation.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.extend.core import jaxprs_in_params
        >>> outer = dc.make_jaxpr(dc.jit(lambda x: x + 1.0))(1.0)
        >>> [len(inner.eqns) for inner in jaxprs_in_params(outer.eqns[0].params)]
        [1]
    """
    for value in params.values():
        items = value if isinstance(value, tuple) else (value,)
        yield from (item for item in items if isinstance(item, Program))


def subjaxprs(jaxpr: Program) -> Iterator[Program]:
    """The programs directly inside the equations of a program.

    Args:
        jaxpr: the program.
    """
    for equation in jaxpr.equations:
        yield from subprograms(equation)


def mapped_aval(size: int, axis: int | None, aval: ArrayType) -> ArrayType:
    """The type of one element of a batch.

    Args:
        size: of the batch.
        axis: of the batch; None for a value that is not batched.
        aval: type of the batch.

    Raises:
        ValueError: the axis has another size.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> from dolmen.core.extend.core import mapped_aval
        >>> mapped_aval(3, 0, dc.typeof(np.ones((3, 2), np.float32)))
        f32[2]
    """
    if axis is None:
        return aval
    if aval.shape[axis] != size:
        raise ValueError(
            f"mapped_aval: axis {axis} of {aval!r} has size {aval.shape[axis]}, "
            f"expected {size}."
        )
    shape = list(aval.shape)
    del shape[axis]
    return aval.with_shape(tuple(shape))


def unmapped_aval(size: int, axis: int | None, aval: ArrayType) -> ArrayType:
    """The type of a batch of values.

    Args:
        size: of the batch.
        axis: where the batch axis goes; None for a value that is not batched.
        aval: type of one value.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> from dolmen.core.extend.core import unmapped_aval
        >>> unmapped_aval(3, 1, dc.typeof(np.ones(2, np.float32)))
        f32[2,3]
    """
    if axis is None:
        return aval
    shape = list(aval.shape)
    shape.insert(axis if axis >= 0 else axis + len(shape) + 1, size)
    return aval.with_shape(tuple(shape))


def primal_dtype_to_tangent_dtype(primal_dtype: Any) -> np.dtype:
    """The dtype of tangents of values: their own, `float0` for integers and booleans.

    Args:
        primal_dtype: of the values.

    Example:
        >>> from dolmen.core.extend.core import primal_dtype_to_tangent_dtype
        >>> primal_dtype_to_tangent_dtype("float32")
        dtype('float32')
    """
    dtype = np.dtype(primal_dtype)
    return dtype if dtypes.is_inexact(dtype) else dtypes.float0


def valid_jaxtype(x: Any) -> bool:
    """Whether `x` is an array or can stand for one, as a Python number can.

    Args:
        x: any value.

    Example:
        >>> from dolmen.core.extend.core import valid_jaxtype
        >>> valid_jaxtype(1.0), valid_jaxtype("one")
        (True, False)
    """
    if not is_array_like(x):
        return False
    try:
        typeof(x)
    except TypeError:  # an array of strings, for example
        return False
    return True


def concrete_or_error(force: Any, val: Any, context: str = "") -> Any:
    """The value behind `val`, which must be known while tracing.

    Args:
        force: a function applied to it, such as `int`; None for nothing.
        val: an array, a Python number, or a traced value.
        context: what needs the value, for the message.

    Raises:
        ConcretizationTypeError: it is not known.

    Example:
        >>> from dolmen.core.extend.core import concrete_or_error
        >>> concrete_or_error(int, 3.0)
        3
    """
    value = concrete(val)
    if value is None and isinstance(val, Tracer):
        raise not_concrete(val, "array", context or "concrete_or_error")
    return value if force is None else force(value)


def take_current_trace() -> Trace:
    """What interprets operations in this thread now."""
    return current_trace()


def set_current_trace(trace: Trace) -> contextlib.AbstractContextManager[None]:
    """A `with` block in which `trace` interprets operations.

    Args:
        trace: from `take_current_trace`.
    """
    return entering(trace)


def unsafe_am_i_under_a_jit_DO_NOT_USE() -> bool:
    """Whether operations are being recorded here. Code should not depend on it."""
    return is_staging()
