"""Which arguments and results of a user's function can be differentiated."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

from .._ir import dtypes, message, type_error
from .._tracing import typeof
from ._trees import flatten_with_path, name_of, path_text

Function = Callable[..., Any]


class Chosen:
    """The positional arguments that `argnums` asks for.

    Args:
        transform: the caller's name, for messages.
        fun: the function that is transformed.
        argnums: an integer, or several.

    Raises:
        TypeError: `fun` is no function, `argnums` no integers, or one of them comes
            twice.
    """

    __slots__ = ("fun", "numbers", "single", "transform")

    def __init__(self, transform: str, fun: Function, argnums: Any) -> None:
        check_callable(transform, fun)
        self.transform = transform
        self.fun = fun
        self.single = not isinstance(argnums, Sequence)
        try:
            given = (argnums,) if self.single else argnums
            self.numbers = tuple(map(operator.index, given))
        except TypeError:
            raise type_error(
                f"{transform} of {name_of(fun)}: expected `argnums` to be an integer "
                f"or a sequence of integers, got {argnums!r:.80}."
            ) from None
        if len(set(self.numbers)) < len(self.numbers):
            raise type_error(
                f"{transform} of {name_of(fun)}: `argnums` names an argument twice: "
                f"{argnums!r}."
            )

    def of(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """The chosen ones among the arguments of a call.

        Raises:
            TypeError: the call has fewer positional arguments.
        """
        for number in self.numbers:
            if not -len(args) <= number < len(args):
                raise type_error(
                    f"{self.transform} of {name_of(self.fun)}: argnums={number} asks "
                    f"for positional argument {number}, but the call has {len(args)}.",
                    "Pass the differentiated arguments by position.",
                )
        return tuple([args[number] for number in self.numbers])

    def put(self, args: Sequence[Any], values: Sequence[Any]) -> list[Any]:
        """`args` with other values for the chosen ones."""
        full = list(args)
        for number, value in zip(self.numbers, values, strict=True):
            full[number] = value
        return full

    def check(self, args: Any, leaves: Sequence[Any], accepted: str) -> list[bool]:
        """Which leaves vary, after refusing those of other kinds than `accepted`.

        Args:
            args: the chosen arguments, for their paths.
            accepted: letters of `f` floating point, `c` complex, `b`, `i`, `u`.
        """
        kinds = [dtypes.kind(typeof(leaf).dtype) for leaf in leaves]
        if all(kind in accepted for kind in kinds):
            return [kind in "fc" for kind in kinds]
        wrong = [
            f"  {self._path(path)}: {typeof(leaf)!r}"
            for (path, _), leaf, kind in zip(
                flatten_with_path(args)[0], leaves, kinds, strict=True
            )
            if kind not in accepted
        ]
        expected = "floating-point" if "f" in accepted else "complex"
        problem = (
            f"{self.transform} of {name_of(self.fun)}: expected {expected} leaves in "
            "the differentiated arguments, got\n" + "\n".join(wrong)
        )
        advice = "Convert them with `.astype(...)`, or choose other `argnums`."
        if "f" not in accepted:
            advice = "Convert them to a complex dtype, or leave `holomorphic` out."
        elif "c" not in accepted and "c" in kinds:
            advice = "Pass `holomorphic=True` if the function is, or use `jacrev`."
        elif "i" not in accepted and "c" in accepted:
            zeros = "`float0`" if self.transform == "grad" else "zero"
            advice = (
                "Convert them with `.astype(...)`, choose other `argnums`, or pass "
                f"`allow_int=True` to get {zeros} gradients for integers."
            )
        raise type_error(problem, advice)

    def _path(self, path: Sequence[Any]) -> str:
        return f"args[{self.numbers[path[0].idx]}]{path_text(path[1:])}"


def check_callable(transform: str, fun: Any) -> None:
    """Raise unless `fun` can be called."""
    if not callable(fun):
        raise type_error(f"{transform}: expected a function, got {fun!r:.80}.")


def split_aux(transform: str, fun: Function, result: Any) -> tuple[Any, Any]:
    """The parts of a result with `has_aux`.

    Raises:
        TypeError: it is no pair.
    """
    if isinstance(result, tuple | list) and len(result) == 2:
        return result[0], result[1]
    got = type(result).__name__
    if isinstance(result, tuple | list):
        got += f" of {len(result)}"
    raise type_error(
        f"{transform} of {name_of(fun)}: with `has_aux` the function must return a "
        f"pair `(result, aux)`, got {got}.",
        "Return a pair, or leave `has_aux` out.",
    )


def refuse_reduce_axes(transform: str, reduce_axes: Sequence[Any]) -> None:
    """Raise if the argument is used, which is there for the sake of old programs."""
    if reduce_axes:
        raise NotImplementedError(
            message(
                f"{transform}: `reduce_axes` is not supported, got {reduce_axes!r}.",
                "Leave it out, and sum over the axes with `lax.psum`.",
            )
        )
