"""`custom_vjp`: a function whose reverse-mode derivative its author wrote."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, dtypes, message
from .._tracing import EAGER, as_array, bind_custom, is_array_like, state, typeof
from .._transforms._trees import (
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
    set_refs_aside,
)
from ._custom_function import Call, CustomFunction
from ._symbolic_zeros import CustomVJPPrimal, SymbolicZero, zero_of
from ._vjp_call import Backward, VjpCall


class custom_vjp(CustomFunction):
    """A function with its own reverse-mode derivative.

    Outside `jit` the function and both parts of its rule see concrete values, also
    while they are being differentiated.

    Args:
        fun: a function of arrays in trees.
        nondiff_argnums: positions of arguments that are no arrays or not
            differentiated; the backward rule gets them first.
        nondiff_argnames: the same by name.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> @dc.custom_vjp
        ... def clip_gradient(x):
        ...     return x
        >>> def forward(x):
        ...     return x, None
        >>> def backward(residuals, ct):
        ...     return (jnp.clip(ct, -1.0, 1.0),)
        >>> clip_gradient.defvjp(forward, backward)
        >>> dc.grad(lambda x: 10.0 * clip_gradient(x))(2.0)
        Array(1., dtype=float32, weak_type=True)
    """

    kind = "custom_vjp"
    fwd: Callable[..., Any] | None = None
    bwd: Callable[..., Any] | None = None
    symbolic_zeros: bool = False
    optimize_remat: bool = False

    def defvjp(
        self,
        fwd: Callable[..., Any],
        bwd: Callable[..., Any],
        symbolic_zeros: bool = False,
        optimize_remat: bool = False,
    ) -> None:
        """Set the rule.

        Args:
            fwd: like the function, but returns `(out, residuals)`.
            bwd: from `(*nondiff_args, residuals, cotangent)` to a tuple of cotangents,
                one for each differentiated argument; None for a zero one.
            symbolic_zeros: `fwd` gets each leaf as a `CustomVJPPrimal`, which says
                whether it is differentiated, and `bwd` a `SymbolicZero` for each
                cotangent that is known to be zero.
            optimize_remat: under `checkpoint`, run the function rather than `fwd`
                where the residuals would only be thrown away.
        """
        self.fwd, self.bwd = fwd, bwd
        self.symbolic_zeros = symbolic_zeros
        self.optimize_remat = optimize_remat

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; in reverse mode its own rule applies."""
        if self.fwd is None or self.bwd is None:
            raise AttributeError(
                message(
                    f"custom_vjp {name_of(self.fun)}: it has no rule yet.",
                    f"Define one with `{name_of(self.fun)}.defvjp(fwd, bwd)`.",
                )
            )
        if state.trace is EAGER:
            return self.fun(*args, **kwargs)
        call = self._read(args, kwargs)
        out_tree: Any = None
        out_types: list[ArrayType] | None = None

        def run(leaves: Sequence[Any]) -> list[Any]:
            nonlocal out_tree, out_types
            result = self.fun(*call.arguments(leaves))
            outs, out_tree = result_leaves("custom_vjp", self.fun, result)
            out_types = [typeof(out) for out in outs]
            return outs

        def forward(primals: Sequence[Any], active: Sequence[bool]) -> Any:
            nonlocal out_tree
            expected = None if out_types is None else (out_tree, out_types)
            outs, out_tree, residuals, backward = self._run_forward(
                call, primals, active, expected
            )
            return outs, residuals, backward

        made = VjpCall(
            name_of(self.fun), run, forward, self.optimize_remat, call.described
        )
        flat = bind_custom(made, call.leaves)
        return out_tree.unflatten(flat)

    def _run_forward(
        self, call: Call, primals: Sequence[Any], active: Sequence[bool], expected: Any
    ) -> tuple[list[Any], Any, list[Any], Backward]:
        """Results, their tree, residuals, and the backward rule on flat values."""
        assert self.fwd is not None
        types = [typeof(primal) for primal in primals]
        leading, tree = call.leading, call.tree  # `backward` keeps no arguments alive
        given = list(primals)
        if self.symbolic_zeros:
            given = [
                CustomVJPPrimal(p, a) for p, a in zip(primals, active, strict=True)
            ]
        result = self.fwd(*call.arguments(given))
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise TypeError(
                message(
                    f"custom_vjp of {name_of(self.fun)}: the forward rule must return "
                    f"a pair `(out, residuals)`, got {result!r:.80}."
                )
            )
        outs, out_tree = result_leaves("custom_vjp", self.fwd, result[0])
        out_types = [typeof(out) for out in outs]
        if expected is not None:
            self._check_results(expected, out_tree, out_types)
        residuals, residual_tree = set_refs_aside(
            *result_leaves("custom_vjp", self.fwd, result[1], refs=True)
        )

        def backward(residuals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
            assert self.bwd is not None
            full = [
                zero_of(type, self.symbolic_zeros) if ct is None else ct
                for ct, type in zip(cts, out_types, strict=True)
            ]
            result = self.bwd(
                *leading,
                residual_tree.unflatten(residuals),
                out_tree.unflatten(full),
            )
            return self._checked_cotangents(result, tree, types)

        return outs, out_tree, residuals, backward

    def _check_results(self, expected: Any, tree: Any, types: Any) -> None:
        want_tree, want = expected
        if tree != want_tree or [(t.shape, t.dtype) for t in types] != [
            (t.shape, t.dtype) for t in want
        ]:
            raise TypeError(
                message(
                    f"custom_vjp of {name_of(self.fun)}: the forward rule must return "
                    "what the function returns; the function returns "
                    f"{want_tree.unflatten(want)}, the rule {tree.unflatten(types)}."
                )
            )

    def _checked_cotangents(
        self, result: Any, tree: Any, types: Sequence[ArrayType]
    ) -> list[Any]:
        """Cotangents of the argument leaves; None for a zero one."""
        children = tree.children()
        if not isinstance(result, tuple | list) or len(result) != len(children):
            raise TypeError(
                message(
                    f"custom_vjp of {name_of(self.fun)}: the backward rule must return "
                    f"a tuple of {len(children)} cotangents, one for each argument; "
                    f"got {result!r:.80}."
                )
            )
        cts: list[Any] = []
        for number, (ct, child) in enumerate(zip(result, children, strict=True)):
            own = types[len(cts) : len(cts) + child.num_leaves]
            if ct is None:
                cts += [None] * len(own)
                continue
            leaves = self._cotangent_leaves(ct, child, number)
            for index, (leaf, type) in enumerate(zip(leaves, own, strict=True)):
                cts.append(self._checked_cotangent(leaf, type, (number, index, ct)))
        return cts

    def _cotangent_leaves(self, ct: Any, tree: Any, number: int) -> list[Any]:
        """Leaves of the cotangent of an argument; None may stand for one of them."""
        leaves, got_tree = flatten(ct)
        if got_tree == tree:
            return leaves
        try:
            leaves = tree.flatten_up_to(ct)
        except ValueError:
            leaves = []
        if leaves and all(x is None or is_array_like(x) for x in leaves):
            return leaves
        raise TypeError(
            message(
                f"custom_vjp of {name_of(self.fun)}: the backward rule's cotangent "
                f"number {number} must have the tree of its argument {tree}, got "
                f"{got_tree}."
            )
        )

    def _checked_cotangent(self, ct: Any, type: ArrayType, where: Any) -> Any:
        if ct is None or isinstance(ct, SymbolicZero) or not type.is_differentiable:
            return None
        given = typeof(ct)
        if given.shape == type.shape and given.dtype == type.dtype:
            return as_array(ct)
        if given.shape == type.shape and given.weak_type:
            promoted, _ = dtypes.promote([(type.dtype, False), (given.dtype, True)])
            if promoted == type.dtype:  # a Python number that fits
                return np.asarray(ct, type.dtype)
        number, index, whole = where
        paths = flatten_with_path(whole)[0]
        path = path_text(paths[index][0]) if index < len(paths) else ""
        raise ValueError(
            message(
                f"custom_vjp of {name_of(self.fun)}: the backward rule's cotangent "
                f"number {number}{path and ' at ' + path} must be like its argument "
                f"{type!r}, got {given!r}."
            )
        )
