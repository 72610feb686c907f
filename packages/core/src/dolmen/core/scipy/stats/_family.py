"""How the functions of a distribution are made from the formulas that tell it apart.

A formula speaks of the standardized variable alone, inside the support. What all
distributions share is here: promotion of the arguments, location and scale, results
outside the support, NaN for parameters outside their domain, the functions that follow
from others, signatures and docstrings.
"""

import dataclasses
import functools
import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ... import lax, numpy as jnp
from ..._higher_order import jit_when_eager
from ..._ir import dtypes, type_error
from ..._tracing import typeof
from ...numpy._array_like import Array
from ...numpy._eager import python_functions
from ...numpy._promotion import constant_like, promote_args_inexact

Formula: TypeAlias = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Domain:
    """Which values a parameter may have.

    Attributes:
        words: for documentation.
        holds: whether values are in it.
    """

    words: str
    holds: Callable[[Any], Any]


REAL = Domain("a real number", lambda value: value == value)
POSITIVE = Domain("positive", lambda value: value > 0)
NOT_NEGATIVE = Domain("not negative", lambda value: value >= 0)
PROBABILITY = Domain("from 0 to 1", lambda value: (value >= 0) & (value <= 1))

# Parameters after those of the shape, of most distributions of each kind.
CONTINUOUS = ("loc", "scale")
DISCRETE = ("loc",)
STANDARD = ()
_DEFAULTS = {"loc": 0, "scale": 1}
_DESCRIPTIONS = {
    "loc": "a real number, by which the distribution is shifted.",
    "scale": "positive, the factor by which it is stretched.",
}

_SUMMARIES = {
    "pdf": "Density of the {title} distribution.",
    "logpdf": "Logarithm of the density of the {title} distribution.",
    "pmf": "Probabilities of the {title} distribution.",
    "logpmf": "Logarithms of the probabilities of the {title} distribution.",
    "cdf": "Probability of a number of at most `{x}`.",
    "logcdf": "Logarithm of the probability of a number of at most `{x}`.",
    "sf": "Probability of a number above `{x}`.",
    "logsf": "Logarithm of the probability of a number above `{x}`.",
    "ppf": "Inverse of `cdf`: the number not exceeded with probability `{x}`.",
    "isf": "Inverse of `sf`: the number exceeded with probability `{x}`.",
}
_QUANTILES = ("ppf", "isf")
# Values below and above the support.
_OUTSIDE = {
    "pdf": (0.0, 0.0),
    "pmf": (0.0, 0.0),
    "logpdf": (-math.inf, -math.inf),
    "logpmf": (-math.inf, -math.inf),
    "cdf": (0.0, 1.0),
    "logcdf": (-math.inf, 0.0),
    "sf": (1.0, 0.0),
    "logsf": (0.0, -math.inf),
}


@dataclasses.dataclass(frozen=True)
class Family:
    """A distribution, whose functions are made from formulas.

    Attributes:
        module: public module of the functions; messages name its last part.
        title: what docstrings call the distribution.
        formulas: by the name of a function, of a standardized number (or a probability)
            and the shape parameters. Wanted are `logpdf` or `logpmf`; `cdf` or
            `logcdf`; where upper tails matter, `sf` or `logsf`; and `ppf`.
        shapes: names and domains of the shape parameters.
        support: the least number, one inside, the greatest; or a function of the shape
            parameters that gives them. None if the formulas hold everywhere.
        open: whether formulas of probabilities have no derivatives at the ends. These
            are zero then.
    """

    module: str
    title: str
    formulas: Mapping[str, Formula]
    shapes: Mapping[str, Domain] = dataclasses.field(default_factory=dict)
    support: tuple[Any, Any, Any] | Formula | None = None
    open: bool = False

    @property
    def is_discrete(self) -> bool:
        """Whether the numbers are integers."""
        return "logpmf" in self.formulas

    def functions(
        self, *names: str, location: Sequence[str] = CONTINUOUS, quantile: str = "q"
    ) -> list[Callable[..., Array]]:
        """The public functions of these names.

        Args:
            names: which.
            location: names of the parameters after those of the shape.
            quantile: name of the first parameter of `ppf` and `isf`.
        """
        variable = "k" if self.is_discrete else "x"
        return [
            self._public(name, quantile if name in _QUANTILES else variable, location)
            for name in names
        ]

    def _public(
        self, name: str, variable: str, location: Sequence[str]
    ) -> Callable[..., Array]:
        signature = _signature((variable, *self.shapes), location)
        label = f"{self.module.rpartition('.')[2]}.{name}"

        def function(*args: Any, **kwargs: Any) -> Array:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise type_error(f"{label}: {error}.") from None
            bound.apply_defaults()
            dtype, (x, *parameters) = real_numbers(label, bound.args)
            shapes = parameters[: len(self.shapes)]
            made = self._value(name, jnp.asarray(x), shapes, *parameters[len(shapes) :])
            return made if made.dtype == dtype else made.astype(dtype)

        function.__name__ = function.__qualname__ = name
        function.__module__ = self.module
        function.__doc__ = self._docstring(name, variable, location)
        function.__signature__ = signature
        python_functions[label] = function
        return jit_when_eager()(function)

    def _docstring(self, name: str, variable: str, location: Sequence[str]) -> str:
        numbers = "probabilities" if name in _QUANTILES else "numbers"
        described = {variable: f"{numbers}, integers or floating point."}
        described |= {shape: f"{d.words}." for shape, d in self.shapes.items()}
        described |= {parameter: _DESCRIPTIONS[parameter] for parameter in location}
        return "\n".join(
            [
                _SUMMARIES[name].format(title=self.title, x=variable),
                "",
                "Args:",
                *(f"    {key}: {text}" for key, text in described.items()),
                "",
                "Returns:",
                "    A floating-point array of the arguments' broadcast shape; NaN",
                "    where a parameter is outside its domain.",
            ]
        )

    # ---- values --------------------------------------------------------------------

    def _value(
        self, name: str, x: Any, shapes: Sequence[Any], loc: Any = 0, scale: Any = 1
    ) -> Any:
        domains = zip(self.shapes.values(), shapes, strict=True)
        valid = [scale > 0, *(domain.holds(shape) for domain, shape in domains)]
        if name in _QUANTILES:
            valid.append(PROBABILITY.holds(x))
            made = self._standard(name, x, shapes) * scale + loc
        else:
            z = x - loc if self.is_discrete else (x - loc) / scale
            valid.append(z == z)
            made = _rescaled(name, self._within(name, z, shapes), scale)
        return jnp.where(functools.reduce(operator.and_, valid), made, math.nan)

    def _within(self, name: str, z: Any, shapes: Sequence[Any]) -> Any:
        """The formula where `z` is in the support, and what holds outside."""
        if self.support is None:
            return self._standard(name, z, shapes)
        ends = self.support(*shapes) if callable(self.support) else self.support
        low, inner, high = ends
        # Infinite numbers are outside: many formulas become NaN there.
        below, above = (z < low) | (z == -math.inf), (z > high) | (z == math.inf)
        if self.open and "pdf" not in name:
            below, above = below | (z == low), above | (z == high)
        outside = below | above
        if self.is_discrete:
            floor = jnp.floor(z)
            if name in ("pmf", "logpmf"):
                outside |= z > floor
            z = floor
        # Replaced before the formula, so that its derivative is finite, too.
        made = self._standard(name, jnp.where(outside, inner, z), shapes)
        # Typed as `z` is: formulas may be made of shape parameters alone.
        lower, upper = (constant_like(z, value) for value in _OUTSIDE[name])
        return jnp.where(outside, jnp.where(above, upper, lower), made)

    def _standard(self, name: str, z: Any, shapes: Sequence[Any]) -> Any:
        """The formula of this name, or what follows from others."""
        if name in self.formulas:
            return self.formulas[name](z, *shapes)

        def other(name: str, z: Any = z) -> Any:
            return self._standard(name, z, shapes)

        if f"log{name}" in self.formulas:
            return jnp.exp(other(f"log{name}"))
        if name == "logcdf":
            return _log(other("cdf"), other("sf"))
        if name == "logsf":
            return _log(other("sf"), other("cdf"))
        if name == "sf":
            return 1 - other("cdf")
        assert name == "isf", name
        return other("ppf", 1 - z)


def _rescaled(name: str, made: Any, scale: Any) -> Any:
    """Densities are per unit of length, probabilities stay."""
    if name == "pdf":
        return made / scale
    return made - jnp.log(scale) if name == "logpdf" else made


def _log(probability: Any, complement: Any) -> Any:
    """Logarithm of a probability whose complement is known, too.

    Near 1 the complement tells more.
    """
    none, small = probability == 0, probability < complement
    direct = jnp.log(jnp.where(small & ~none, probability, 0.5))
    made = jnp.where(small, direct, jnp.log1p(-jnp.where(small, 0.5, complement)))
    return jnp.where(none, -math.inf, made)


def real_numbers(label: str, args: Sequence[Any]) -> tuple[np.dtype, list[Any]]:
    """The promoted arguments, in at least float32, and their dtype before.

    Raises:
        TypeError: some are complex.
    """
    numbers = promote_args_inexact(label, *args)
    dtype = typeof(numbers[0]).dtype
    if dtypes.kind(dtype) == "c":
        listed = ", ".join(map(repr, map(typeof, args)))
        raise type_error(f"{label}: arguments must be real, got {listed}.")
    if dtype.itemsize >= 4:
        return dtype, list(numbers)
    return dtype, [lax.convert_element_type(number, np.float32) for number in numbers]


def _signature(required: Sequence[str], location: Sequence[str]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind) for name in required]
    for name in location:
        parameters.append(inspect.Parameter(name, kind, default=_DEFAULTS[name]))
    return inspect.Signature(parameters)
