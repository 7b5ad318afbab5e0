"""What was found in packet sources besides packets, and what could not be read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from ingest.alerts.archive.index import printable
from ingest.core.errors import InputError

_MAX_PROBLEMS: Final = 1000


class SourceError(InputError):
    """The blocks of a large packet end early; the report of its source has the reason."""


@dataclass
class SourceReport:
    """What packet sources contained.

    Attributes
    ----------
    packets : int
        Number of packets so far.
    skipped : collections.Counter
        Numbers of what is not a packet: links, devices, empty files.
    problems : list of str
        What could not be read, and why; at most the first 1000.
    more_problems : int
        Number of further problems.
    """

    packets: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    more_problems: int = 0

    def add_problem(self, problem: str) -> None:
        """Record something that could not be read."""
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(printable(problem))
        else:
            self.more_problems += 1
