"""The base class of every operation: fields are its parameters, methods its rules."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast, dataclass_transform

from ._errors import message
from ._types import ArrayType

_NO_EFFECTS: frozenset[str] = frozenset()


class _Interning(type):
    """Gives equal parameters the same instance, so primitives compare with `is`."""

    _instances: dict[Any, Any]

    def __init__(cls, name: str, bases: Any, namespace: Any, **kwargs: Any) -> None:
        super().__init__(name, bases, namespace, **kwargs)
        cls._instances = {}

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # A metaclass can't say that its classes have the attributes of `Primitive`.
        if not cls.interned:  # type: ignore[attr-defined]
            return cls._make(args, kwargs)
        key = (args, *kwargs.items()) if kwargs else args
        found = cls._instances.get(key)
        if found is None:
            made = cls._make(args, kwargs)
            fields = tuple(getattr(made, f.name) for f in dataclasses.fields(made))
            found = cls._instances.setdefault(("fields", fields), made)
            cls._instances[key] = found
        return found

    def _make(cls, args: Any, kwargs: Any) -> Any:
        made = super().__call__(*args, **kwargs)
        object.__setattr__(made, "inferred", {})
        object.__setattr__(made, "derived", {})
        return made


@dataclass_transform(frozen_default=True, eq_default=False)
class Primitive(metaclass=_Interning):
    """An operation that transformations know by its rules.

    A subclass declares its parameters as annotated fields (it becomes a frozen
    dataclass by itself; fields must be hashable) and its rules as methods. Instances
    with equal fields are the same object.

    Every rule takes sequences over the arguments. A primitive with one result (the
    default) takes and gives that result bare; one with `multiple_results` uses
    sequences. Rules `jvp`, `transpose` and `batch` compute with public operations on
    whatever values they are given, so they compose.
    """

    multiple_results: ClassVar[bool] = False
    interned: ClassVar[bool] = True
    # Whether to compute the (one) result again is cheaper than to keep it.
    cheap: ClassVar[bool] = False
    # Whether `infer_type` says over which axes of a mesh results vary. Otherwise they
    # do over those of all arguments.
    infers_varying: ClassVar[bool] = False

    # Per instance: types inferred so far, and rules derived by transformations.
    inferred: ClassVar[dict[tuple[ArrayType, ...], tuple[ArrayType, ...]]]
    derived: ClassVar[dict[Any, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)

    @staticmethod
    def instances() -> list["Primitive"]:
        """Every interned primitive of this process."""
        classes: list[Any] = [Primitive]
        for cls in classes:
            classes += cls.__subclasses__()
        return [made for cls in classes for made in set(cls._instances.values())]

    @property
    def name(self) -> str:
        """The snake-case name that programs print."""
        return _snake_case(type(self).__name__)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by name."""
        fields = dataclasses.fields(cast(Any, self))  # every subclass is a dataclass
        return {f.name: getattr(self, f.name) for f in fields}

    def replace(self, **params: Any) -> "Primitive":
        """This primitive with other parameters."""
        return type(self)(**{**self.params, **params})

    @property
    def effects(self) -> frozenset[str]:
        """Side effects; an equation that has any is never dead code."""
        return _NO_EFFECTS

    @property
    def argument_types(self) -> Sequence[ArrayType] | None:
        """For an operation that runs programs: what those take each argument for.

        Only over which axes of a mesh these vary is of interest. None for an operation
        all of whose arguments vary over the same axes.
        """
        return None

    @property
    def named_axes(self) -> frozenset[Any]:
        """Named axes it refers to itself; those its programs refer to come on top."""
        return _NO_EFFECTS

    @property
    def binds_axes(self) -> frozenset[Any]:
        """Named axes that the operation gives its programs a meaning of."""
        return _NO_EFFECTS

    @property
    def shardings(self) -> tuple[Any, ...]:
        """Shardings over the mesh of devices that the operation itself runs on."""
        return ()

    def fuses(self) -> bool:
        """Whether compilers compute it within its neighbors: it needs no loop alone."""
        return False

    def reduces(self) -> bool:
        """Whether it is a loop that computes what it reads as well, and ends there."""
        return False

    def __repr__(self) -> str:
        fields = ", ".join(f"{k}={v!r}" for k, v in self.params.items())
        return f"{type(self).__name__}({fields})"

    # ---- rules ---------------------------------------------------------------------

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Any:
        """Type of the result (a sequence with `multiple_results`), or an error.

        Raises `TypeError` for wrong dtypes and `ValueError` for wrong shapes.
        """
        raise self._missing("infer_type")

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Results and their tangents, as a pair `(out, tangent)`.

        A tangent that is known to be zero is None, on the way in and on the way out.
        At least one incoming tangent is not None. Tangents have the types of their
        primals; those of integers and booleans are always None.
        """
        raise self._missing("jvp")

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Cotangents of the arguments, a sequence as long as `args`.

        Only for primitives that are linear in some arguments: those are given as
        `Linear(type)` and get a cotangent; the others are values and get None. A
        cotangent of a result nobody used is None; at least one isn't.
        """
        raise self._missing("transpose")

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Results over batched arguments and the batch axis of each: `(out, axis)`.

        `axes[i]` is the batch axis of `args[i]`, None for an argument that is the same
        for the whole batch; at least one isn't None. A result axis may be None.
        """
        raise self._missing("batch")

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Result handles: StableHLO operations emitted through `builder`."""
        raise self._missing("lower")

    def eager(self) -> Callable[..., Any] | None:
        """A function that runs the operation on arrays; None to compile it."""
        return None

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Any:
        """A `Linearization` of its own, or None to derive one from `jvp`."""
        return None

    @property
    def called(self) -> Any:
        """The program that the operation runs once, on its own arguments, if any."""
        return None

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        """Run again, for an operation made of programs, to find a fault inside.

        Calls `run(program, args, place)` for each program in the order in which they
        run; `place` says which, as in `iteration 3`. It returns their results.
        """
        if self.called is not None:
            run(self.called, args)

    def cost(self, arg_types: Sequence[ArrayType]) -> Any:
        """Floating-point operations of one call; None when not modelled."""
        return None

    def _missing(self, rule: str) -> NotImplementedError:
        cls = type(self)
        return NotImplementedError(
            f"primitive {self.name!r} has no {rule!r} rule. Define "
            f"`{cls.__qualname__}.{rule}` in module {cls.__module__}."
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Linear:
    """Stands for an argument in which a primitive is linear, while transposing."""

    type: ArrayType

    def __jax_array__(self) -> Any:
        """An error: a rule computes with values, and this is none."""
        raise TypeError(
            message(
                "transpose: expected a function that is linear in its arguments, but "
                f"it multiplies two values {self.type!r} that both depend on them.",
                "Differentiate it with `grad`, `vjp` or `linearize` instead.",
            )
        )


def infer_types(
    primitive: Primitive, arg_types: Sequence[ArrayType]
) -> tuple[ArrayType, ...]:
    """Types of an operation's results.

    Raises:
        TypeError: a dtype is wrong.
        ValueError: a shape is wrong.
    """
    varying = _NO_EFFECTS
    if not primitive.infers_varying:
        for type in arg_types:
            varying |= type.varying
        if varying:
            arg_types = tuple([type.with_varying(_NO_EFFECTS) for type in arg_types])
    inferred = primitive.infer_type(arg_types)
    types = tuple(inferred) if primitive.multiple_results else (inferred,)
    return tuple([type.with_varying(varying) for type in types]) if varying else types


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
