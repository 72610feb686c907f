"""Policies: which values `checkpoint` keeps for the backward pass, and where.

A policy is called with a primitive, the types of its arguments, and its parameters by
name. It says what becomes of the results: `Saveable` (or True), `Recompute` (or False),
or `Offloadable(src, dst)` to keep them in another memory.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NamedTuple

from .._ir import Primitive, type_error, value_error
from .._ops import _marks
from .._tracing import is_array_like
from .._transforms._trees import flatten, flatten_with_path, path_text


class RecomputeType:
    """See `Recompute`."""

    def __repr__(self) -> str:
        return "Recompute"


class SaveableType:
    """See `Saveable`."""

    def __repr__(self) -> str:
        return "Saveable"


Recompute = RecomputeType()
Saveable = SaveableType()


class Offloadable(NamedTuple):
    """A policy's answer: keep the value in the memory `dst`, and fetch it to `src`."""

    src: str
    dst: str


Decision = bool | RecomputeType | SaveableType | Offloadable
Policy = Callable[..., Decision]


def decide(policy: Policy, primitive: Primitive, types: Any) -> Decision:
    """What `policy` says of a primitive's results, made plain.

    Returns:
        True, False, or an `Offloadable`.

    Raises:
        TypeError: the policy returned something else.
    """
    answer = policy(primitive, *types, **primitive.params)
    if isinstance(answer, bool | Offloadable):
        return answer
    if isinstance(answer, SaveableType | RecomputeType):
        return answer is Saveable
    raise type_error(
        f"checkpoint: the policy must return a bool, `Recompute`, `Saveable` or "
        f"`Offloadable(src, dst)`, got {answer!r:.60} for the primitive "
        f"{primitive.name!r}.",
        "Choose one of `checkpoint_policies`, or import the answers from "
        "`dolmen.core.ad_checkpoint`.",
    )


def checkpoint_name(x: Any, name: str) -> Any:
    """Give a value a name that policies of `checkpoint` can choose it by.

    Args:
        x: an array or a tree of arrays.
        name: the name; several values may have the same.

    Returns:
        The same tree.

    Raises:
        TypeError: `name` is no string, or a leaf of `x` no array.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.ad_checkpoint import checkpoint_name
        >>> policy = dc.checkpoint_policies.save_only_these_names("hidden")
        >>> def f(x):
        ...     return jnp.sin(checkpoint_name(jnp.sin(x), "hidden"))
        >>> dc.grad(dc.checkpoint(f, policy=policy))(0.0)
        Array(1., dtype=float32, weak_type=True)
    """
    if not isinstance(name, str):
        raise type_error(
            f"checkpoint_name: expected a string as name, got {type(name).__name__} "
            f"{name!r:.60}."
        )
    leaves, tree = flatten(x)
    if not all(map(is_array_like, leaves)):
        wrong = [
            f"  x{path_text(path)}: {type(leaf).__name__} {leaf!r:.60}"
            for path, leaf in flatten_with_path(x)[0]
            if not is_array_like(leaf)
        ]
        raise type_error(
            f"checkpoint_name of {name!r}: expected arrays, got\n" + "\n".join(wrong)
        )
    return tree.unflatten([_marks.named(leaf, name) for leaf in leaves])


# ---- ready-made policies -------------------------------------------------------------


def everything_saveable(*_: Any, **__: Any) -> bool:
    """Keep everything, as without `checkpoint`."""
    return True


def nothing_saveable(*_: Any, **__: Any) -> bool:
    """Keep only the arguments."""
    return False


def dots_saveable(prim: Primitive, *args: Any, **params: Any) -> bool:
    """Keep the results of matrix products and convolutions."""
    return prim.name in ("dot_general", "conv_general_dilated")


def dots_with_no_batch_dims_saveable(
    prim: Primitive, *args: Any, **params: Any
) -> bool:
    """Keep the results of matrix products without batch axes (weight products)."""
    if prim.name != "dot_general":
        return False
    (_, _), (lhs_batch, rhs_batch) = params["dimension_numbers"]
    return not lhs_batch and not rhs_batch


def offload_dot_with_no_batch_dims(offload_src: str, offload_dst: str) -> Policy:
    """Keep the results of matrix products without batch axes in another memory.

    Args:
        offload_src: the memory they are needed in, such as `device`.
        offload_dst: the memory they are kept in, such as `pinned_host`. Where it is
            the same memory, as on CPU, they are simply kept.
    """

    def policy(prim: Primitive, *args: Any, **params: Any) -> Decision:
        if dots_with_no_batch_dims_saveable(prim, *args, **params):
            return Offloadable(offload_src, offload_dst)
        return Recompute

    return policy


def _name_given(prim: Primitive, params: dict[str, Any]) -> str | None:
    return params["name"] if prim.name == "name" else None


def save_anything_except_these_names(*names_not_to_save: str) -> Policy:
    """Keep everything but the values with these names, given by `checkpoint_name`."""
    names = frozenset(names_not_to_save)

    def policy(prim: Primitive, *args: Any, **params: Any) -> bool:
        return _name_given(prim, params) not in names

    return policy


def save_any_names_but_these(*names_not_to_save: str) -> Policy:
    """Keep the values that have a name, unless it is one of these."""
    names = frozenset(names_not_to_save)

    def policy(prim: Primitive, *args: Any, **params: Any) -> bool:
        name = _name_given(prim, params)
        return name is not None and name not in names

    return policy


def save_only_these_names(*names_which_can_be_saved: str) -> Policy:
    """Keep the values with one of these names, given by `checkpoint_name`."""
    names = frozenset(names_which_can_be_saved)

    def policy(prim: Primitive, *args: Any, **params: Any) -> bool:
        return _name_given(prim, params) in names

    return policy


def save_from_both_policies(policy_1: Policy, policy_2: Policy) -> Policy:
    """Keep what either of two policies keeps; the first one's answer counts."""

    def policy(prim: Primitive, *args: Any, **params: Any) -> Decision:
        first = policy_1(prim, *args, **params)
        if first is False or isinstance(first, RecomputeType):
            return policy_2(prim, *args, **params)
        return first

    return policy


def save_and_offload_only_these_names(
    *,
    names_which_can_be_saved: Any,
    names_which_can_be_offloaded: Any,
    offload_src: str,
    offload_dst: str,
) -> Policy:
    """Keep the values with some names, and those with others in another memory.

    Args:
        names_which_can_be_saved: names of values to keep where they are.
        names_which_can_be_offloaded: names of values to keep in `offload_dst`.
        offload_src: the memory they are needed in, such as `device`.
        offload_dst: the memory they are kept in, such as `pinned_host`. Where it is
            the same memory, as on CPU, they are simply kept.

    Raises:
        ValueError: a name is in both lists.
    """
    saved = frozenset(names_which_can_be_saved)
    offloaded = frozenset(names_which_can_be_offloaded)
    if saved & offloaded:
        raise value_error(
            "save_and_offload_only_these_names: a name can be saved or offloaded, not "
            f"both, but {', '.join(map(repr, sorted(saved & offloaded)))} is in "
            "`names_which_can_be_saved` and in `names_which_can_be_offloaded`."
        )

    def policy(prim: Primitive, *args: Any, **params: Any) -> Decision:
        name = _name_given(prim, params)
        if name in offloaded:
            return Offloadable(offload_src, offload_dst)
        return Saveable if name in saved else Recompute

    return policy


checkpoint_policies = SimpleNamespace(
    everything_saveable=everything_saveable,
    nothing_saveable=nothing_saveable,
    dots_saveable=dots_saveable,
    checkpoint_dots=dots_saveable,
    dots_with_no_batch_dims_saveable=dots_with_no_batch_dims_saveable,
    checkpoint_dots_with_no_batch_dims=dots_with_no_batch_dims_saveable,
    offload_dot_with_no_batch_dims=offload_dot_with_no_batch_dims,
    save_anything_except_these_names=save_anything_except_these_names,
    save_any_names_but_these=save_any_names_but_these,
    save_only_these_names=save_only_these_names,
    save_from_both_policies=save_from_both_policies,
    save_and_offload_only_these_names=save_and_offload_only_these_names,
)
