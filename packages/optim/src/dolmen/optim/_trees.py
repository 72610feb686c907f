"""Trees that belong together: checks that name every path that does not fit."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree, tree_util, typeof

_MOST_LINES = 8


def check_structures(
    function: str, first: tuple[str, Any], second: tuple[str, Any], fix: str
) -> None:
    """Raise unless two named trees have the same structure and leaf shapes.

    Args:
        function: whose arguments they are.
        first: name and tree.
        second: name and tree.
        fix: advice that ends the message.

    Raises:
        ValueError: they differ; all differences are listed by path.
    """
    check_containers(function, first, second, fix)
    (name_a, a), (name_b, b) = first, second
    if list(map(_shape, tree.leaves(a))) != list(map(_shape, tree.leaves(b))):
        lines = [
            f"{path_text(path)}: {name_a} {type_text(x)}, {name_b} {type_text(y)}"
            for (path, x), y in zip(
                tree.leaves_with_path(a), tree.leaves(b), strict=True
            )
            if _shape(x) != _shape(y)
        ]
        raise _mismatch(function, f"{name_a} and {name_b}", "leaf shapes", lines, fix)


def check_containers(
    function: str, first: tuple[str, Any], second: tuple[str, Any], fix: str
) -> None:
    """Raise unless two named trees have the same structure, whatever their leaves.

    Raises:
        ValueError: they differ; all differences are listed by path.
    """
    (name_a, a), (name_b, b) = first, second
    if tree.structure(a) != tree.structure(b):
        lines = _structure_differences(name_a, a, name_b, b)
        raise _mismatch(function, f"{name_a} and {name_b}", "structure", lines, fix)


def check_floating(function: str, name: str, values: Any) -> None:
    """Raise unless all leaves of a tree are floating-point or complex arrays.

    Raises:
        TypeError: some are not; they are listed by path.
    """
    _check_leaves(
        is_inexact,
        f"{function}: the leaves of {name} must be floating-point arrays, got",
        values,
        "Differentiate and optimize only the trained part of the tree.",
    )


def check_arrays(function: str, name: str, values: Any) -> None:
    """Raise unless all leaves of a tree are arrays or numbers.

    Raises:
        TypeError: some are not; they are listed by path.
    """
    _check_leaves(
        _is_array,
        f"{function}: the leaves of {name} must be arrays, got",
        values,
        "Pass the part of the tree that is the state of an optimizer.",
    )


def check_real(function: str, name: str, values: Any) -> None:
    """Raise unless all leaves of a tree are real, where complex ones have no meaning.

    Raises:
        TypeError: some are complex; they are listed by path.
    """
    _check_leaves(
        lambda leaf: not jnp.iscomplexobj(leaf),
        f"{function}: the leaves of {name} must be real, got",
        values,
        "Take real and imaginary parts as two parameters.",
    )


def check_real_floating(function: str, name: str, values: Any) -> None:
    """Raise unless all leaves of a tree are real floating-point arrays.

    Raises:
        TypeError: some are not; they are listed by path.
    """
    check_floating(function, name, values)
    check_real(function, name, values)


def _check_leaves(
    is_right: Callable[[Any], bool], problem: str, values: Any, fix: str
) -> None:
    if not all(map(is_right, tree.leaves(values))):
        lines = [
            f"{path_text(path)}: {type_text(leaf)}"
            for path, leaf in tree.leaves_with_path(values)
            if not is_right(leaf)
        ]
        text = "\n".join([problem, *_shortened(lines)])
        raise TypeError(extend.error_message(text, fix))


def check_params(function: str, params: Any) -> None:
    """Raise if parameters are missing.

    Raises:
        ValueError: they are None.
    """
    if params is None:
        raise ValueError(
            extend.error_message(
                f"{function}: `params` must be given, got None.",
                "Call `update(grads, state, params)`.",
            )
        )


def check_against_state(
    function: str, slot: tuple[str, Any], updates: Any, params: Any
) -> None:
    """Raise unless updates and parameters are like a tree of the state.

    Args:
        function: whose arguments they are.
        slot: name of the state's field and its tree.
        updates: tree.
        params: tree, or None.

    Raises:
        ValueError: parameters are missing, or a tree differs; all differences are
            listed by path.
    """
    check_params(function, params)
    name, values = slot
    fix = "Make the state with `init` from these parameters."
    for argument, given in (("`updates`", updates), ("`params`", params)):
        check_structures(function, (argument, given), (f"`state.{name}`", values), fix)


def type_or_none(leaf: Any) -> Any:
    """The type of a leaf; None if it is nothing array-like."""
    try:
        return typeof(leaf)
    except TypeError:
        return None


def is_inexact(leaf: Any) -> bool:
    """Whether a leaf is a floating-point or complex array or scalar."""
    type = type_or_none(leaf)
    return type is not None and _is_inexact_dtype(type.dtype)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") or type_or_none(leaf) is not None


@functools.cache
def _is_inexact_dtype(dtype: Any) -> bool:
    return bool(jnp.issubdtype(dtype, jnp.inexact))


def _shape(leaf: Any) -> tuple[int, ...]:
    shape = getattr(leaf, "shape", None)
    return jnp.shape(leaf) if shape is None else shape


def _mismatch(
    function: str, names: str, what: str, lines: Sequence[str], fix: str
) -> ValueError:
    problem = f"{function}: {names} must have the same {what}:"
    text = "\n".join([problem, *_shortened(lines)])
    return ValueError(extend.error_message(text, fix))


def _structure_differences(name_a: str, a: Any, name_b: str, b: Any) -> list[str]:
    paths_a = [path_text(path) for path, _ in tree.leaves_with_path(a)]
    paths_b = [path_text(path) for path, _ in tree.leaves_with_path(b)]
    known_a, known_b = set(paths_a), set(paths_b)
    lines = [f"only in {name_a}: {path}" for path in paths_a if path not in known_b]
    lines += [f"only in {name_b}: {path}" for path in paths_b if path not in known_a]
    return lines or [
        f"same paths in other containers: {name_a} is {tree.structure(a)}, "
        f"{name_b} is {tree.structure(b)}"
    ]


def no_prefix(
    function: str, name: str, prefix: Any, values: Any, fix: str
) -> ValueError:
    """The error for a tree that is no prefix of another one."""
    above = [tuple(path) for path, _ in tree.leaves_with_path(prefix)]
    below = [tuple(path) for path, _ in tree.leaves_with_path(values)]
    lines = [
        f"only in the tree: {path_text(path)}"
        for path in below
        if not any(path[: len(start)] == start for start in above)
    ]
    lines += [
        f"only in {name}: {path_text(start)}"
        for start in above
        if not any(path[: len(start)] == start for path in below)
    ]
    lines = lines or [
        f"same paths in other containers: {name} is {tree.structure(prefix)}, the tree "
        f"{tree.structure(values)}"
    ]
    problem = f"{function}: {name} must be a prefix of the tree:"
    return ValueError(
        extend.error_message("\n".join([problem, *_shortened(lines)]), fix)
    )


def check_not_complex(
    function: str, name: str, updates: Any, other: tuple[str, Any], fix: str
) -> None:
    """Raise if complex updates meet real leaves of another tree of their structure.

    Raises:
        TypeError: some do; they are listed by path.
    """
    name_of_other, others = other
    lines = [
        f"{path_text(path)}: {name} {type_text(g)}, {name_of_other} {type_text(x)}"
        for (path, g), x in zip(
            tree.leaves_with_path(updates), tree.leaves(others), strict=True
        )
        if jnp.iscomplexobj(g) and not jnp.iscomplexobj(x)
    ]
    if lines:
        problem = f"{function}: {name} of real {name_of_other} must be real, got"
        text = "\n".join([problem, *_shortened(lines)])
        raise TypeError(extend.error_message(text, fix))


def _shortened(lines: Sequence[str]) -> list[str]:
    shown = [f"  {line}" for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        shown.append(f"  and {len(lines) - _MOST_LINES} more")
    return shown


def path_text(path: Sequence[Any]) -> str:
    """A leaf's path as messages show it."""
    return tree_util.keystr(path) or "the tree itself"


def type_text(leaf: Any) -> str:
    """A leaf's type as messages show it: ``f32[4,3]``."""
    try:
        return repr(typeof(leaf)).removeprefix("~")
    except TypeError:
        return type(leaf).__name__
