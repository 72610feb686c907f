"""Which arguments of a function are static or donated, and what they are called."""

import functools
import inspect
import operator
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from .._ir import message
from .._transforms._trees import flatten, name_of, path_text

# The static part of a call: pairs of a position or name and its value, in order.
Static = tuple[tuple[int | str, Any], ...]


class Signature:
    """Static and donated arguments of a function, by number and by name.

    A parameter that can be passed either way is known under both, whichever was given.
    Messages call it `transform` of the function.
    """

    def __init__(
        self,
        fun: Callable[..., Any],
        static_argnums: Any = None,
        static_argnames: Any = None,
        donate_argnums: Any = None,
        donate_argnames: Any = None,
        *,
        transform: str = "jit",
    ) -> None:
        self.fun = fun
        self.transform = transform
        self.static_nums, self.static_names = self._resolve(
            "static", static_argnums, static_argnames
        )
        self.donate_nums, self.donate_names = self._resolve(
            "donate", donate_argnums, donate_argnames
        )
        self._check_disjoint()

    @property
    def _who(self) -> str:
        return f"{self.transform} of {name_of(self.fun)}"

    # ---- what the user asked for ---------------------------------------------------

    @functools.cached_property
    def _parameters(self) -> list[inspect.Parameter] | None:
        """The parameters; None for a callable that does not tell."""
        try:
            return list(inspect.signature(self.fun).parameters.values())
        except (TypeError, ValueError):
            return None

    @property
    def _positional(self) -> list[str]:
        """Names of the parameters that can be passed by position."""
        kinds = (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        return [p.name for p in self._parameters or () if p.kind in kinds]

    def _name_of_kind(self, kind: Any) -> str | None:
        """Name of the `*args` or `**kwargs` parameter, if there is one."""
        found = (p.name for p in self._parameters or () if p.kind is kind)
        return next(found, None)

    @property
    def _var_positional(self) -> str | None:
        return self._name_of_kind(inspect.Parameter.VAR_POSITIONAL)

    def _accepts_any(self, kind: Any) -> bool:
        return self._parameters is None or self._name_of_kind(kind) is not None

    def _resolve(
        self, what: str, nums: Any, names: Any
    ) -> tuple[tuple[int, ...], frozenset[str]]:
        """Numbers and names of the same arguments, whichever of the two was given."""
        numbers = self._numbers(what, nums)
        named = self._names(what, names)
        if not numbers and not named:
            return (), frozenset()
        positional = self._positional
        by_number = {
            positional[n] for n in numbers if -len(positional) <= n < len(positional)
        }
        by_name = {positional.index(name) for name in named if name in positional}
        return tuple(sorted({*numbers, *by_name})), frozenset(by_number | set(named))

    def _numbers(self, what: str, nums: Any) -> list[int]:
        if nums is None:
            return []
        try:
            given = [operator.index(nums)]
        except TypeError:
            try:
                given = [operator.index(n) for n in nums]
            except TypeError:
                raise TypeError(
                    message(
                        f"{self._who}: {what}_argnums must be an "
                        f"integer or a sequence of integers, got {nums!r:.60}.",
                        f"Arguments are named with {what}_argnames.",
                    )
                ) from None
        if not given or self._accepts_any(inspect.Parameter.VAR_POSITIONAL):
            return given
        count = len(self._positional)
        for number in given:
            if not -count <= number < count:
                raise ValueError(
                    message(
                        f"{self._who}: {what}_argnums={number}, but the "
                        f"function has {count} positional parameters."
                    )
                )
        # Without `*args` a number from the end is one from the start.
        return [number % count for number in given]

    def _names(self, what: str, names: Any) -> list[str]:
        given: list[Any]
        try:
            given = [names] if isinstance(names, str) else list(names or ())
        except TypeError:
            given = [names]
        if not all(isinstance(name, str) for name in given):
            raise TypeError(
                message(
                    f"{self._who}: {what}_argnames must be a name or a "
                    f"sequence of names, got {names!r:.60}.",
                    f"Positions are given with {what}_argnums.",
                )
            )
        if not given or self._accepts_any(inspect.Parameter.VAR_KEYWORD):
            return given
        known = [p.name for p in self._parameters or ()]
        for name in given:
            if name not in known:
                raise ValueError(
                    message(
                        f"{self._who}: {what}_argnames names {name!r}, "
                        f"but the function has the parameters ({', '.join(known)})."
                    )
                )
        return given

    def _check_disjoint(self) -> None:
        if not self.donate_nums and not self.donate_names:
            return
        both = sorted(self.static_names & self.donate_names) or sorted(
            set(self.static_nums) & set(self.donate_nums)
        )
        if both:
            raise ValueError(
                message(
                    f"{self._who}: {', '.join(map(repr, both))} cannot "
                    "be both static and donated.",
                    "A static argument has no buffer to donate: remove it from one.",
                )
            )

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for equal static and donated arguments."""
        return self.static_nums, self.static_names, self.donate_nums, self.donate_names

    @property
    def counts_from_end(self) -> bool:
        """Whether which argument is static depends on how many are passed."""
        return any(n < 0 for n in self.static_nums)

    # ---- calls ---------------------------------------------------------------------

    def separate(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Static, tuple[tuple[Any, ...], dict[str, Any]]]:
        """Static part (hashable) and dynamic `(args, kwargs)` of a call.

        Raises:
            ValueError: a static argument is not hashable.
        """
        if not self.static_nums and not self.static_names:
            return (), (tuple(args), kwargs)
        nums = {n % len(args) for n in self.static_nums if -len(args) <= n < len(args)}
        static: list[tuple[int | str, Any]] = []
        dynamic_args = []
        for index, arg in enumerate(args):
            if index in nums:
                static.append((index, self._hashable(index, arg)))
            else:
                dynamic_args.append(arg)
        dynamic_kwargs = {}
        for key in sorted(kwargs):
            if key in self.static_names:
                static.append((key, self._hashable(key, kwargs[key])))
            else:
                dynamic_kwargs[key] = kwargs[key]
        return tuple(static), (tuple(dynamic_args), dynamic_kwargs)

    def can_hash(self, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
        """Whether all static arguments of a call are hashable."""
        try:
            self.separate(args, kwargs)
        except ValueError:
            return False
        return True

    def _hashable(self, which: int | str, value: Any) -> Hashable:
        try:
            hash(value)
        except TypeError:
            advice = "Pass a tuple instead of a list, or make the argument dynamic."
            raise ValueError(
                message(
                    f"{self._who}: static argument "
                    f"{self.name_of_static(which)!r} must be hashable, got "
                    f"{type(value).__name__}: {value!r:.60}.",
                    advice,
                )
            ) from None
        return value

    def call(self, static: Static, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Call the function with the static arguments put back."""
        if not static:
            return self.fun(*args, **kwargs)
        full, rest = list(args), dict(kwargs)
        for which, value in static:
            if isinstance(which, int):
                full.insert(which, value)
            else:
                rest[which] = value
        return self.fun(*full, **rest)

    def donated(self, static: Static, dynamic: Any) -> tuple[bool, ...]:
        """For each leaf of the dynamic arguments whether its buffer is given away.

        Empty when none is.
        """
        if not self.donate_nums and not self.donate_names:
            return ()
        args, kwargs = dynamic
        positions = _dynamic_positions(static, len(args))
        total = len(args) + sum(isinstance(which, int) for which, _ in static)
        nums = {n % total for n in self.donate_nums if -total <= n < total}
        mask: list[bool] = []
        for position, arg in zip(positions, args, strict=True):
            mask += [position in nums] * len(flatten(arg)[0])
        for key in sorted(kwargs):
            mask += [key in self.donate_names] * len(flatten(kwargs[key])[0])
        return tuple(mask)

    # ---- names for messages --------------------------------------------------------

    def name_of_static(self, which: int | str) -> str:
        """What a static argument is called: its parameter's name if it has one."""
        return self._name_of_position(which) if isinstance(which, int) else which

    def _name_of_position(self, position: int) -> str:
        positional = self._positional
        if position < len(positional):
            return positional[position]
        rest = self._var_positional
        if rest is None:
            return f"args[{position}]"
        return f"{rest}[{position - len(positional)}]"

    def path_text(self, static: Static, path: Sequence[Any]) -> str:
        """A key path into the dynamic `(args, kwargs)` in terms of the parameters.

        Example: `params['dense'].weight`.
        """
        if len(path) < 2:
            return ("args", "kwargs")[path[0].idx] if path else "the arguments"
        if path[0].idx == 1:
            return f"{path[1].key}{path_text(path[2:])}"
        # One more than any dynamic position, so that this one is among them.
        position = _dynamic_positions(static, path[1].idx + 1)[path[1].idx]
        return self._name_of_position(position) + path_text(path[2:])


def _dynamic_positions(static: Static, count: int) -> list[int]:
    """Positions in the call of its first `count` dynamic positional arguments."""
    statics = {which for which, _ in static if isinstance(which, int)}
    total = count + len(statics)
    return [i for i in range(total) if i not in statics][:count]
