"""Settings of the package, by Grain's names."""

from typing import Any

_TRACEBACKS = ("auto", "off", "tracebackhide", "quiet_remove_frames", "remove_frames")


class Config:
    """Settings that hold for the whole program; see `config`.

    Settings:
        py_traceback_filtering: "off" leaves the frames of this package in the
            tracebacks of your functions' errors; any other of Grain's values drops
            them, as "auto" does.

    Example:
        >>> config.py_traceback_filtering
        'auto'
        >>> config.update("py_traceback_filtering", "off")
        >>> config.update("py_traceback_filtering", "auto")
    """

    def __init__(self) -> None:
        self.__dict__["_values"] = {"py_traceback_filtering": "auto"}

    def __getattr__(self, name: str) -> Any:
        """The value of a setting."""
        self._check(name, AttributeError)
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """Refused, as in Grain: call `update`."""
        raise ValueError(
            f"config: settings are changed by `config.update({name!r}, {value!r})`."
        )

    def get_or_default(self, name: str) -> Any:
        """The value of a setting."""
        return getattr(self, name)

    def update(self, name: str, value: Any) -> None:
        """Changes a setting.

        Raises:
            ValueError: there is no such setting, or it can't have this value.
        """
        self._check(name, ValueError)
        if value not in _TRACEBACKS:
            raise ValueError(
                f"config.update: `{name}` must be one of {', '.join(_TRACEBACKS)}, got "
                f"{value!r}."
            )
        self._values[name] = value

    def _check(self, name: str, error: type[Exception]) -> None:
        if name not in self.__dict__["_values"]:
            known = ", ".join(self.__dict__["_values"])
            raise error(f"config: there is no setting {name!r}. There is {known}.")


config = Config()
