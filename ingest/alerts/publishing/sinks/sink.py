"""What a sink is: somebody who gets notices, and confirms each one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ingest.core.errors import IngestError


class SinkError(IngestError):
    """A notice was not sent.

    Parameters
    ----------
    problem : str
        What is wrong, without secrets.
    about_notice : bool
        Whether the recipient refuses this notice, but may take others.
    """

    def __init__(self, problem: str, about_notice: bool = False) -> None:
        super().__init__(problem)
        self.about_notice = about_notice


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A notice to be sent.

    Attributes
    ----------
    content : bytes
        Its bytes, as they are in the archive.
    sha256 : str
        Their checksum.
    facts : dict
        What it says; see :mod:`ingest.alerts.publishing.facts`.
    """

    content: bytes
    sha256: str
    facts: dict[str, Any]


class Receipt(NamedTuple):
    """Where a broker stored a message; None for sinks without such a place."""

    partition: int | None = None
    offset: int | None = None


class SinkClient(Protocol):
    """A connection to a recipient. A new kind of sink is a module with a class of this form."""

    def send(self, notice: Outgoing) -> Receipt:
        """Send a notice, and return when the recipient has confirmed it.

        Raises
        ------
        SinkError
            If it did not.
        """

    def close(self) -> None:
        """Give up the connection; :meth:`send` makes a new one."""
