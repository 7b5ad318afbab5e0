"""A notice in words, for people who read mails and chats.

Names and numbers come from packets of others. Each line is one line of printable characters of
limited length, so that nobody can forge headers or further lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.alerts.archive import printable
from ingest.alerts.publishing.facts import Facts

_LONGEST: Final = 200
_WORDS: Final = {"initial": "Alert", "update": "Update", "retraction": "Retraction"}


def subject(facts: Facts) -> str:
    """Return the notice in a line."""
    test = "TEST " if facts["test"] else ""
    number = "" if facts["record"] is None else f", record {facts['record']}"
    return one_line(f"[{facts['stream']}] {test}{_WORDS[facts['type']]} {facts['name']}{number}")


def text(facts: Facts) -> str:
    """Return the notice in some lines."""
    return "\n".join(one_line(line) for line in _lines(facts))


def one_line(value: str) -> str:
    """Return a text as one line of printable characters."""
    value = printable(value)
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"


def _lines(facts: Facts) -> Iterator[str]:
    yield subject(facts)
    if facts["test"]:
        yield "This is a test. Do not observe."
    elif facts["type"] == "retraction":
        yield "The alert is retracted. Do not observe."
    if facts["time"]:
        yield f"Time         {facts['time']}"
    if facts["ra"] is not None and facts["dec"] is not None:
        radius = facts["radius_90"]
        error = "" if radius is None else f", error radius {radius:.4g} deg (90 %)"
        yield f"Position     RA {facts['ra']:.7g}, Dec {facts['dec']:+.7g} deg (ICRS){error}"
    if facts["far"]:
        years = 1 / facts["far"] / 86400 / 365.25
        yield f"False alarms {facts['far']:.3g} Hz, one in {years:.3g} years"
    if facts["energy"]:
        yield f"Energy       {facts['energy']:.4g} GeV"
    if facts["topology"]:
        number = facts["n_events"]
        count = f", {number} event{'' if number == 1 else 's'}" if number else ""
        yield f"Topology     {facts['topology']}{count}"
    if facts["pipelines"]:
        yield f"Found by     {', '.join(map(str, facts['pipelines']))}"
    for event in facts["events"][:20]:
        yield f"Event        {event}"
    if facts.get("remark"):  # outboxes of earlier versions do not have it
        yield f"Remark       {facts['remark']}"
    yield f"Identifier   {facts['ivorn']}"
