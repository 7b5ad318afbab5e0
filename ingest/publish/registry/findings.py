"""What has to be corrected before a server can be registered, and by whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from ingest.core.errors import ExitCode


class Party(Enum):
    """Who can correct a finding."""

    CURATOR = "For the curator: facts of a release"
    SITE = "For the site: address, contact, authority"
    OURS = "Ours: faults of this software, to be reported to its developers"


@dataclass(frozen=True)
class Finding:
    """A problem that has to be corrected before registries may harvest a record.

    Attributes
    ----------
    party : Party
        Who can correct it.
    rule : str
        The rule's stable name.
    subject : str
        The record's identifier, or the file or setting concerned.
    where : str
        The place in the subject: an XPath, a line or a key.
    value : str
        The value found; empty if there is none.
    expected, remedy : str
        The value expected, and what to do.
    """

    party: Party
    rule: str
    subject: str
    where: str
    value: str
    expected: str
    remedy: str


def by_party(findings: Iterable[Finding]) -> dict[Party, list[Finding]]:
    """Return the findings of each party that has any, in the order of the parties."""
    groups: dict[Party, list[Finding]] = {party: [] for party in Party}
    for finding in findings:
        groups[finding.party].append(finding)
    return {party: group for party, group in groups.items() if group}


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return 2 if the curator or the site has something to correct, 1 if only we have."""
    parties = {finding.party for finding in findings}
    if not parties:
        return ExitCode.OK
    return ExitCode.FAILURE if parties == {Party.OURS} else ExitCode.BAD_INPUT
