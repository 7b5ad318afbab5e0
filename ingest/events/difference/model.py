"""What differs between two versions of a release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

EXAMPLES: Final = 5
"""Number of events listed of each kind."""


@dataclass(frozen=True)
class ColumnChange:
    """How the values of a column, or a direction of two columns, changed.

    Attributes
    ----------
    name, unit : str
        The column of the event list, such as ``ANG_ERR``, or two, such as ``RA, DEC``.
    count : int
        Number of events with another value.
    largest, median : float or None
        The largest and the median absolute change, for directions the angular separation. None
        if no event has a number before and after.
    filled, emptied : int
        How many of these events had no value before, and have none now.
    """

    name: str
    unit: str
    count: int
    largest: float | None = None
    median: float | None = None
    filled: int = 0
    emptied: int = 0

    def line(self) -> str:
        """Return the change in one line."""
        parts = [f"{self.name}: {self.count} changed"]
        if self.largest is not None and self.median is not None:
            unit = f" {self.unit}" if self.unit else ""
            parts.append(f"by up to {self.largest:.3g}{unit}, median {self.median:.3g}{unit}")
        if self.filled:
            parts.append(f"{self.filled} had no value before")
        if self.emptied:
            parts.append(f"{self.emptied} have no value now")
        return "; ".join(parts)


@dataclass(frozen=True)
class Example:
    """One event that differs: its name, time (MJD UTC) and position (ICRS, deg).

    Of a changed event, time and position are the new ones.
    """

    kind: str
    """``added``, ``removed`` or ``changed``."""
    event: str
    mjd: float
    ra: float
    dec: float

    def line(self) -> str:
        """Return the event in one line."""
        name = f"{self.event}, " if self.event else ""
        return f"{self.kind}: {name}MJD {self.mjd:.6f}, RA {self.ra:.4f}, Dec {self.dec:+.4f} deg"


@dataclass(frozen=True)
class Difference:
    """The difference between two versions of a release.

    Attributes
    ----------
    before, after : int
        Numbers of events in the old and in the new version.
    identity : str
        What identifies an event in both: ``event name`` or ``time``.
    added, removed, changed : int
        Numbers of events only in the new version, only in the old one, and in both with another
        value in at least one column.
    renumbered : int
        Number of events with another EVENT_ID.
    columns : tuple of ColumnChange
        The columns with changes.
    new_columns, lost_columns : tuple of str
        Columns that only one version has; they are not compared.
    examples : tuple of Example
        The first events of each kind.
    """

    before: int
    after: int
    identity: str
    added: int
    removed: int
    changed: int
    renumbered: int = 0
    columns: tuple[ColumnChange, ...] = ()
    new_columns: tuple[str, ...] = ()
    lost_columns: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything differs."""
        counts = (self.added, self.removed, self.changed, self.renumbered)
        return any(counts) or bool(self.new_columns or self.lost_columns)

    def lines(self) -> list[str]:
        """Return the difference as text: a summary, and what differs in detail."""
        summary = (
            f"{self.before} events before, {self.after} now: {self.added} added,"
            f" {self.removed} removed, {self.changed} changed (identified by {self.identity})"
        )
        return [summary, *(f"  {line}" for line in self.details())]

    def details(self) -> Iterator[str]:
        """Yield what differs: columns, and the first events of each kind."""
        for one in self.columns:
            yield one.line()
        if self.renumbered:
            yield f"EVENT_ID: {self.renumbered} events have another number"
        for name in self.new_columns:
            yield f"{name}: a new column"
        for name in self.lost_columns:
            yield f"{name}: no longer a column"
        for example in self.examples:
            yield example.line()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return asdict(self)
