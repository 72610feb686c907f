"""Functions of a module and their calls: which of them the compiler keeps as calls.

XLA copies a function into its callers before it optimizes them. On the CPU that makes
compiling a deep network many times slower, and the step no faster (figures in the
design note on repeated blocks). So repeated blocks are kept as calls there, and XLA is
told to copy them late. On TPU that gains nothing and costs memory.
"""

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .._backend import _mlir as mlir
from .._ir import Equation
from ._repeats import MIN_BLOCK, MIN_REPETITIONS


class Function:
    """A function of the module and the operations that call it."""

    def __init__(
        self, made: Any, equations: Sequence[Equation], results: Sequence[Any]
    ) -> None:
        self.made = made
        self.size = len(equations)
        self.fuses = _fuses(equations, results)
        self.calls: list[Any] = []

    @property
    def is_block(self) -> bool:
        """Whether it repeats, and is more than the compiler makes one loop of."""
        # A call keeps results from being written where donated arguments were. What
        # fuses whole compiles as fast in place.
        repeats = self.size >= MIN_BLOCK and len(self.calls) >= MIN_REPETITIONS
        return repeats and not self.fuses


def _fuses(equations: Sequence[Equation], results: Sequence[Any]) -> bool:
    """Whether functions of these equations end where loops that read them begin."""
    primitives = [equation.primitive for equation in equations]
    # Sums over arrays, as those of a norm: no network hands scalars on between layers,
    # so that their loops don't grow into each other.
    sums = all(type.size == 1 for type in results)
    return all(p.fuses() or (sums and p.reduces()) for p in primitives)


@functools.cache
def _not_inlineable() -> Any:
    return mlir.dictionary({"inlineable": mlir.string("false")})


def keep(call: Any) -> None:
    """Have the compiler leave this call as it is."""
    call.attributes["mhlo.frontend_attributes"] = _not_inlineable()


def _is_kept(call: Any) -> bool:
    return "mhlo.frontend_attributes" in call.attributes


def keep_repeated_calls(
    functions: Collection[Function], new_name: Callable[[str], str]
) -> bool:
    """Have the compiler leave calls of repeated blocks as calls.

    Args:
        functions: callees before their callers.
        new_name: a name that no function has, from one that is taken.

    Returns:
        Whether a function is called repeatedly by calls that are kept.
    """
    for function in functions:
        if function.is_block:
            for call in function.calls:
                keep(call)
    repeated = any(
        sum(map(_is_kept, function.calls)) >= MIN_REPETITIONS for function in functions
    )
    if repeated:
        _copy_for_each_call(functions, new_name)
    return repeated


def _copy_for_each_call(
    functions: Collection[Function], new_name: Callable[[str], str]
) -> None:
    """Give each call that is not kept a function of its own.

    XLA copies late if any call is kept: then it inlines functions before it fuses only
    if they are called once. Else it would fuse apart what others could have fused with.
    """
    by_name = {mlir.name_of(function.made): function for function in functions}
    for name, function in reversed(by_name.items()):
        if any(map(_is_kept, function.calls)):
            continue
        calls_others = bool(mlir.calls_in(function.made))
        for call in function.calls[1:]:
            copy = mlir.copied_function(function.made, new_name(name))
            call.attributes["callee"] = mlir.symbol(mlir.name_of(copy))
            for inner in mlir.calls_in(copy) if calls_others else ():
                by_name[mlir.callee(inner)].calls.append(inner)
