"""A function exported before, as an operation of programs."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, Primitive, message


class CallExported(Primitive):
    """Runs a module that was made for each of some platforms.

    Attributes:
        modules: pairs of a platform and the module for it, portable.
        out_types: types of the results.
        any_platform: run the first module where none was made for the platform.
    """

    interned = False
    multiple_results = True

    label: str
    modules: tuple[tuple[str, bytes], ...]
    out_types: tuple[ArrayType, ...]
    any_platform: bool

    @property
    def params(self) -> dict[str, Any]:
        platforms = tuple([platform for platform, _ in self.modules])
        return {"name": self.label, "platforms": platforms}

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise NotImplementedError(
            message(
                f"the exported function {self.label} has no derivative.",
                "Export it with `exported.serialize(vjp_order=1)`; reverse mode then "
                "works, forward mode (`jvp`, `jacfwd`) does not.",
            )
        )

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        raise NotImplementedError(
            message(
                f"vmap of the exported function {self.label}: its shapes are fixed.",
                "Export the batched function, or loop with `lax.map`.",
            )
        )

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        found = dict(self.modules).get(builder.platform)
        if found is None and self.any_platform:
            found = self.modules[0][1]
        if found is None:
            have = ", ".join(platform for platform, _ in self.modules)
            raise ValueError(
                message(
                    f"the exported function {self.label} was made for {have}, not for "
                    f"{builder.platform}.",
                    f"Export it with `platforms=(..., {builder.platform!r})`.",
                )
            )
        return builder.call_portable(found, args)
