"""Numbers as people read them: three digits and a unit."""

from collections.abc import Sequence

_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def count_text(number: int) -> str:
    """`1.23 M` for 1,234,567."""
    return _scaled(number, 1000, _DECIMAL)


def size_text(number: int) -> str:
    """`1.5 MiB` for 1,572,864 bytes."""
    return _scaled(number, 1024, _BINARY)


def _scaled(number: int, base: int, units: Sequence[str]) -> str:
    value, index = float(number), 0
    # Three digits show 999.5 as 1000.
    while value >= 999.5 and index + 1 < len(units):
        value, index = value / base, index + 1
    text = f"{value:.3g}" if index else str(number)
    return f"{text} {units[index]}".rstrip()
