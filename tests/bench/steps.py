"""The steps whose cost is measured for several numbers of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Step:
    """A step.

    Attributes
    ----------
    title : str
        What is done.
    of : str
        What is counted.
    sorts : bool
        Whether it sorts its rows, or builds indices that do.
    disk : str
        What the bytes are of, if they are measured.
    goal : str
        What was to be reached.
    """

    title: str
    of: str = "events"
    sorts: bool = False
    disk: str = ""
    goal: str = ""


STEPS: Final = {
    "convert": Step(
        "read, check, locate on the sky, write FITS, draw, on all cores",
        disk="products",
        goal="≥ 300,000/s per core",
    ),
    "uniqueness": Step("compare identifiers", "identifiers", True, goal="10⁸ in ≤ 1 GiB"),
    "online": Step("from the delivered file until the table answers", sorts=True),
    "complete": Step(
        "… with the view of all samples, circles and statistics",
        sorts=True,
        disk="table and indices",
        goal="10⁷ in ≤ 70 s",
    ),
    "copy": Step("peer: psql \\copy of the same rows, without indices"),
    "alerts": Step(
        "archive packets and make their rows", "notices", True, "archive and tables", "≥ 3,500/s"
    ),
    "rebuild": Step("make all tables of alerts again", "notices", True),
}
QUERIES: Final = {
    "cone": Step("cone search"),
    "region": Step("polygon, by TAP"),
    "window": Step("time window, by TAP"),
    "view": Step("cone in km3net.events, by TAP"),
    "alert cone": Step("cone search of alerts", "notices"),
}
"""Requests with about :data:`ANSWERS` rows as the answer, whatever the number of rows is."""
ANSWERS: Final = 100
PER_FILE: Final = 250_000
"""Events in a file of a delivery, or fewer."""
