"""MOCs in ASCII as DaCHS reads them: separated by commas within an order, by blanks between."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocpy import MOC


def moc_text(moc: MOC) -> str:
    """Return a MOC as text."""
    words = moc.to_string(format="ascii").split()
    return "".join(f" {word}" if "/" in word else f",{word}" for word in words).strip()


def read_moc(text: str) -> MOC:
    """Return the MOC that :func:`moc_text` wrote; mocpy does not read commas."""
    # imported here because it loads slowly
    from mocpy import MOC

    return MOC.from_string(text.replace(",", " "), "ascii")
