"""The result of a deposit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deposit:
    """The result of a deposit.

    Attributes
    ----------
    what : str
        ``reserved`` or ``created``, ``found``, ``updated`` or ``published``.
    identifier : str
        The DOI, or the persistent identifier that a Dataverse assigned.
    state : str
        The state there, such as ``draft`` or ``findable``; empty if unknown.
    """

    what: str
    identifier: str
    state: str = ""
