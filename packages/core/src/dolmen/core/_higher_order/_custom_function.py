"""What `custom_jvp` and `custom_vjp` share: a function and how its calls are read."""

import functools
import inspect
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any

from .._ir import message
from .._tracing import Cell
from .._transforms._arguments import Callee, call_arguments
from .._transforms._trees import argument_leaves, flatten, name_of, set_refs_aside


class CustomFunction:
    """A function with a rule of its own.

    Attributes:
        fun: the function.
        nondiff_argnums: positions of arguments that the rule gets first, as they are.
    """

    kind: str

    def __init__(
        self,
        fun: Callable[..., Any],
        nondiff_argnums: Sequence[int] = (),
        nondiff_argnames: Sequence[str] = (),
    ) -> None:
        functools.update_wrapper(self, fun)
        self.fun = fun
        self.nondiff_argnums = _positions(
            self.kind, fun, nondiff_argnums, nondiff_argnames
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function; where it is differentiated, its own rule applies."""
        raise NotImplementedError(type(self).__name__)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def _read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Call":
        if kwargs or self.nondiff_argnums or self._has_defaults:
            args = self._positional(args, kwargs)
        return Call(self, args)

    @functools.cached_property
    def _signature(self) -> inspect.Signature | None:
        try:
            return inspect.signature(self.fun)
        except (TypeError, ValueError):  # a builtin that does not say
            return None

    @functools.cached_property
    def _has_defaults(self) -> bool:
        signature = self._signature
        return signature is not None and any(
            p.default is not p.empty for p in signature.parameters.values()
        )

    def _positional(self, args: Any, kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """All arguments by position, defaults included, as the rules take them."""
        if self._signature is None:
            return args
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if bound.kwargs:
            raise TypeError(
                message(
                    f"{self.kind} of {name_of(self.fun)}: the rules take arguments by "
                    f"position, but {', '.join(bound.kwargs)} can only be passed by "
                    "name.",
                    "Remove the `*` from the function's parameters.",
                )
            )
        return bound.args


class Call:
    """The arguments of one call: leaves, and the static ones apart.

    Attributes:
        leaves: arrays in the differentiable arguments.
        tree: the tree of the tuple of those arguments; it keeps the refs among them.
        static: the `nondiff` arguments, by position.
    """

    __slots__ = ("callee", "count", "leaves", "static", "tree")

    def __init__(self, function: CustomFunction, args: tuple[Any, ...]) -> None:
        self.callee = Callee(function.fun)
        self.count = len(args)
        numbers = {n % len(args) for n in function.nondiff_argnums}
        self.static = {n: args[n] for n in sorted(numbers)}
        dynamic = tuple([a for i, a in enumerate(args) if i not in numbers])
        leaves, tree = argument_leaves(function.kind, function.fun, dynamic, refs=True)
        self.leaves, self.tree = set_refs_aside(leaves, tree)

    @property
    def leading(self) -> list[Any]:
        """The static arguments, as rules get them."""
        return list(self.static.values())

    @property
    def described(self) -> Callable[[Sequence[Any]], Any]:
        """From leaves to what they are in the call, for messages.

        The program keeps it, so it must not keep the call's own leaves.
        """
        callee, tree, static = self.callee, self.tree, list(self.static)

        def describe(leaves: Sequence[Any]) -> Any:
            dynamic = (tree.unflatten(leaves), {})
            found = call_arguments(callee, dynamic, static=static)
            arrays = [not isinstance(leaf, Cell) for leaf in flatten(dynamic)[0]]
            return list(compress(found, arrays))

        return describe

    def arguments(self, leaves: Sequence[Any]) -> list[Any]:
        """All arguments, with other leaves."""
        rest = iter(self.tree.unflatten(leaves))
        static = self.static
        return [static[i] if i in static else next(rest) for i in range(self.count)]


def _positions(
    kind: str, fun: Callable[..., Any], nums: Sequence[int], names: Sequence[str]
) -> tuple[int, ...]:
    """Positions of arguments given by number or by name."""
    numbers = (nums,) if isinstance(nums, int) else tuple(nums)
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names:
        return numbers
    parameters = list(inspect.signature(fun).parameters)
    for name in names:
        if name not in parameters:
            raise ValueError(
                message(
                    f"{kind} of {name_of(fun)}: nondiff_argnames names {name!r}, but "
                    f"the function has the parameters ({', '.join(parameters)})."
                )
            )
    return tuple(sorted({*numbers, *map(parameters.index, names)}))
