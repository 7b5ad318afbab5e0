"""What the delivered files of a new release say about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ingest.core.errors import InputError
from ingest.core.timescales import DAY, UNIX_EPOCH_MJD

if TYPE_CHECKING:
    from ingest.events.inspection import Inspection

_CREATORS: Final = {"antares": "ANTARES Collaboration"}
_SINGLE: Final = {"antares": "ANTARES"}
"""The detectors that had one configuration."""


@dataclass(frozen=True)
class Delivered:
    """The delivered files of a release, taken together.

    Attributes
    ----------
    files : tuple of (str, str)
        Their names and checksums.
    facts : dict
        What the manifest states of them, by key of ``[release]``.
    has_times : bool
        Whether the headers state start and stop of data taking; otherwise those in `facts` are
        the times of the first and the last event.
    livetime_days : float or None
        As the headers state it.
    topology : str or None
        That of all events, if it is the same.
    energies : str
        The energies of the events, for a person.
    broken : dict of str to str
        The rules that rows break, with their numbers and places.
    """

    files: tuple[tuple[str, str], ...]
    facts: dict[str, Any]
    has_times: bool
    livetime_days: float | None
    topology: str | None
    energies: str
    broken: dict[str, str]


def summarize(inspections: Sequence[Inspection]) -> Delivered:
    """Return what the files of a release say.

    Parameters
    ----------
    inspections : sequence of Inspection
        The files.

    Raises
    ------
    ingest.core.errors.InputError
        If one cannot become a release: it is simulated, its detector is unknown, or none of its
        events passes the checks. Or if they do not belong together.
    """
    for one in inspections:
        _refuse_unfit(one)
    first = inspections[0]
    for one in inspections[1:]:
        _refuse_other(first, one)
    assert first.site is not None
    start, stop, has_times = _times(inspections)
    det_ids = {number for one in inspections for number in _det_ids(one)}
    facts = {
        "detector": first.site.name,
        "format": first.format,
        "start": start,
        "stop": stop,
        "events": sum(one.checks.accepted for one in inspections),
    }
    if len(det_ids) == 1:
        facts["det_id"] = det_ids.pop()
    if first.site.name in _SINGLE:
        facts["instrument"] = _SINGLE[first.site.name]
        facts["creator"] = _CREATORS[first.site.name]
    livetimes = [one.facts.livetime for one in inspections]
    topologies = {name for one in inspections for name in one.events.topologies}
    known = [livetime for livetime in livetimes if livetime is not None]
    return Delivered(
        files=tuple((one.path.name, one.sha256) for one in inspections),
        facts=facts,
        has_times=has_times,
        livetime_days=min(sum(known) / DAY, (stop - start).total_seconds() / DAY)
        if len(known) == len(livetimes)
        else None,
        topology=topologies.pop() if len(topologies) == 1 else None,
        energies=_energies(inspections),
        broken=_broken(inspections),
    )


def _refuse_unfit(inspection: Inspection) -> None:
    if inspection.facts.simulated or inspection.site is None or not inspection.checks.accepted:
        raise InputError(
            "the file cannot become a release",
            file=inspection.path,
            value="\n".join(inspection.problems),
            expected="measured events of a known detector",
            remedy="km3vo events inspect shows the details of the file",
        )


def _refuse_other(first: Inspection, other: Inspection) -> None:
    assert first.site is not None and other.site is not None
    for what, one, two in (
        ("detector", first.site.name, other.site.name),
        ("format", first.format, other.format),
    ):
        if one != two:
            raise InputError(
                f"the files are of another {what} each",
                file=other.path,
                value=two,
                expected=f"{one}, as {first.path.name}",
                remedy="make a release of each",
            )
    if first.path.name == other.path.name:
        raise InputError(
            "two files have the same name",
            file=other.path,
            expected=f"another name than that of {first.path}",
            remedy="name each file once; rename one of two different files",
        )


def _times(inspections: Sequence[Inspection]) -> tuple[datetime, datetime, bool]:
    """Return start and end of data taking in whole seconds, and whether the headers have them."""
    headers = [(one.facts.start_mjd, one.facts.stop_mjd) for one in inspections]
    has_times = all(start is not None and stop is not None for start, stop in headers)
    if has_times:
        spans = headers
    else:
        spans = [(one.events.first_mjd, one.events.last_mjd) for one in inspections]
    # 0.1 ms absorb rounding; the last second is included
    first = min(math.floor((start - UNIX_EPOCH_MJD) * DAY + 1e-4) for start, _ in spans if start)
    last = max(math.floor((stop - UNIX_EPOCH_MJD) * DAY + 1e-4) + 1 for _, stop in spans if stop)
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), has_times


def _det_ids(inspection: Inspection) -> set[int | None]:
    return inspection.events.det_ids or {inspection.facts.det_id} - {None}  # type: ignore[return-value]


def _energies(inspections: Sequence[Inspection]) -> str:
    lows = [one.events.min_energy for one in inspections if math.isfinite(one.events.min_energy)]
    highs = [one.events.max_energy for one in inspections if math.isfinite(one.events.max_energy)]
    return f"{min(lows):.3g} to {max(highs):.3g} GeV" if lows else "not given"


def _broken(inspections: Sequence[Inspection]) -> dict[str, str]:
    from ingest.events.checks import REJECTING  # loads slowly

    found: dict[str, str] = {}
    for one in inspections:
        for rule, rows in one.checks.rules.items():
            if rows.count and rule in REJECTING:
                text = f"{rows.count} rows of {one.path.name}, first {rows.examples[0].where}"
                found[rule] = f"{found[rule]}; {text}" if rule in found else text
    return found
