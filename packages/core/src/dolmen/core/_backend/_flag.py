"""One setting: a value of the process, under a value of the thread, checked.

The values live in jaxlib's C++ states, which read them in 50 ns and make those that
jitted calls depend on part of every call's key.

Cached work may depend on a setting, as its `affects` says:

``"trace"``
    what a function is traced to. `trace_key()` holds the values of all of these.
``"compile"``
    what a program is compiled to. `compile_key()` holds the values of all of these.
``"call"``
    how a call that C++ repeats by itself runs, though nothing is compiled anew.
``""``
    nothing that is kept.

Each C++ state in the key costs time at every call, so there are only two: `_SHARED`
holds the process's values of all settings that affect calls, `_THREAD` what this thread
holds against them, which named axes it is among and which mesh is the current one, or
that it is tracing.
"""

import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jaxlib._jax as _jax

_Config = _jax.config.Config
UNSET = _jax.config.unset

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
_NOUNS: dict[Any, str] = {int: "a whole number", float: "a number", str: "a string"}

FLAGS: dict[str, "Flag"] = {}


class _Client:
    """Whether the client exists, which some settings describe."""

    started = False


CLIENT = _Client()
_changing = threading.Lock()
_affecting_calls: list["Flag"] = []


class Flag(_Config):
    """A setting.

    Attributes:
        name: as in `config.update`; the environment variable is `DOLMEN_<NAME>`.
        default: the value unless the environment or the program says otherwise.
        kind: type of the value, or several.
        allowed: the values there are, where they can be listed.
        optional: whether None is a value.
        affects: which cached work depends on it.
        fixed_by_client: whether it describes the client and can't change after its
            start.
        doc: what it does, in a sentence or two.
    """

    def __init__(
        self,
        name: str,
        default: Any,
        doc: str,
        *,
        kind: type | tuple[type, ...] | None = None,
        noun: str = "",
        allowed: Sequence[str] = (),
        optional: bool = False,
        minimum: float | None = None,
        maximum: float | None = None,
        affects: str = "",
        fixed_by_client: bool = False,
        on_process: Callable[[Any], None] | None = None,
        on_thread: Callable[[Any], None] | None = None,
    ) -> None:
        self.default = default
        self.kind = type(default) if kind is None else kind
        self.allowed = tuple(allowed)
        self.noun = noun or _NOUNS.get(self.kind, "")
        self.optional = optional
        self.minimum = minimum
        self.maximum = maximum
        self.affects = affects
        self.fixed_by_client = fixed_by_client
        self.doc = doc
        # Called with each new value; that of a thread may be UNSET.
        self._on_process = on_process
        self._on_thread = on_thread
        super().__init__(name, default, include_in_trace_context=affects == "trace")
        FLAGS[name] = self
        if affects:
            _affecting_calls.append(self)
        text = os.environ.get(self.variable, "")
        value = self._parsed(text) if text else default
        if value != default:
            self.set_global(value)
        elif affects:
            _publish_shared()

    @property
    def variable(self) -> str:
        """The environment variable that sets it at start."""
        return f"DOLMEN_{self.name.upper()}"

    # ---- values ----

    def checked(self, value: Any) -> Any:
        """`value`, if the setting may have it.

        Raises:
            TypeError: it is of the wrong kind.
            ValueError: it is none of the allowed values.
            RuntimeError: the setting can't change any more.
        """
        if self.fixed_by_client and CLIENT.started and value != self.value:
            raise RuntimeError(
                f"{self.name}: the devices are in use already. Set it before the first "
                f"array is made, or with the environment variable {self.variable}."
            )
        if value is None and self.optional:
            return None
        if self.kind is float and type(value) is int:
            value = float(value)
        is_bool = isinstance(value, bool)  # which Python takes for an int
        if not isinstance(value, self.kind) or (is_bool and self.kind is not bool):
            raise TypeError(f"{self.name}: expected {self.expected()}, got {value!r}.")
        if not self._allows(value):
            raise ValueError(f"{self.name}: expected {self.expected()}, got {value!r}.")
        return value

    def _allows(self, value: Any) -> bool:
        if self.allowed:
            return value in self.allowed
        if self.minimum is not None and value < self.minimum:
            return False
        return self.maximum is None or value <= self.maximum

    def expected(self) -> str:
        """The values it may have, in words."""
        if self.allowed:
            words = [repr(value) for value in self.allowed]
        elif self.kind is bool:
            words = ["True", "False"]
        else:
            bounds = "" if self.minimum is None else f" of at least {self.minimum}"
            if self.maximum is not None:
                bounds = f" from {self.minimum} to {self.maximum}"
            words = [f"{self.noun}{bounds}"]
        if self.optional:
            words.append("None")
        return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))

    def _parsed(self, text: str) -> Any:
        """The value that the environment variable's text means.

        Raises:
            ValueError: it means none that the setting may have.
        """
        try:
            if self.optional and text.lower() == "none":
                return None
            if self.kind is bool:
                return _truth(text)
            if self.kind is int or self.kind is float:
                return self.checked(self.kind(text))
            return self.checked(text)
        except (TypeError, ValueError):
            expected = (
                "1/0, true/false, yes/no or on/off"
                if self.kind is bool
                else self.expected()
            )
            raise ValueError(
                f"environment variable {self.variable}: expected {expected}, got "
                f"{text!r}."
            ) from None

    # ---- changes; callers have checked the value ----

    def set_global(self, value: Any) -> None:
        """Change the value of the process."""
        if self._on_process is not None:
            self._on_process(value)
        with _changing:
            super().set_global(value)
            if self.affects:
                _publish_shared()

    def swap_local(self, value: Any) -> Any:
        """Change this thread's value (`UNSET` for none); returns the one before."""
        previous = super().swap_local(value)
        if self._on_thread is not None:
            self._on_thread(value)
        if self.affects:
            _publish_overrides()
        return previous


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(text)


def warn_of_misspelt_variables() -> None:
    """Warn of environment variables that are nearly those of settings."""
    known = [flag.variable for flag in FLAGS.values()]
    for name in os.environ:
        if name.startswith("DOLMEN_") and name not in known:
            import difflib  # here, as it is hardly ever needed

            near = difflib.get_close_matches(name, known, 1, 0.85)
            if near:
                warnings.warn(
                    f"environment variable {name}: there is no such setting. Did you "
                    f"mean {near[0]}?",
                    stacklevel=2,
                )


# ---- what jitted calls depend on ----

_SHARED = _Config("settings of the process", (), include_in_jit_key=True)
_THREAD = _Config("settings of the thread", None, include_in_jit_key=True)
_TRACING = "tracing"


class _Overrides(threading.local):
    values: tuple[tuple[str, Any], ...] = ()
    axes: tuple[Any, ...] = ()
    mesh: Any = None
    key: tuple[Any, ...] | None = None  # all of them, None for nothing


_overrides = _Overrides()


def _publish_shared() -> None:
    _SHARED.set_global(tuple([f.get_global() for f in _affecting_calls]))


def _publish_overrides() -> None:
    held = [(f.name, f.get_local()) for f in _affecting_calls]
    _overrides.values = tuple([x for x in held if x[1] is not UNSET])
    _publish()


def set_bound_axes(axes: tuple[Any, ...]) -> None:
    """Tell C++ which named axes are bound: what calls do may depend on them."""
    _overrides.axes = axes
    _publish()


def current_mesh() -> Any:
    """The current mesh of this thread, None if there is none."""
    return _overrides.mesh


def swap_mesh(mesh: Any) -> Any:
    """Make a mesh the current one; returns the one before.

    C++ is told, since a call may lay its results out over it.
    """
    before, _overrides.mesh = _overrides.mesh, mesh
    _publish()
    return before


def _publish() -> None:
    held = _overrides.values, _overrides.axes, _overrides.mesh
    _overrides.key = held if any(held) else None
    if _THREAD.value is not _TRACING:
        _THREAD.set_local(_overrides.key)


def set_tracing(tracing: bool) -> None:
    """Tell C++ whether this thread records operations.

    Then no call may take the compiled fast path, whatever its arguments.
    """
    _THREAD.set_local(_TRACING if tracing else _overrides.key)


def compile_key() -> tuple[Any, ...]:
    """The values of all settings that affect what programs are compiled to."""
    return tuple([f.value for f in _affecting_calls if f.affects == "compile"])


def trace_settings(key: tuple[Any, ...]) -> dict[str, Any]:
    """The settings that a `trace_key()` holds, by name."""
    return dict(zip(_jax.config.trace_context_names(), key, strict=True))


# The values of all settings that affect traces, as one tuple.
trace_key: Callable[[], tuple[Any, ...]] = _jax.config.trace_context
