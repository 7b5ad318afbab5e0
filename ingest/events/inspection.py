"""Inspection of a delivered file: its header and its events, and what a release needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.core.progress import ProgressCallback
from ingest.core.timescales import DAY, UNIX_EPOCH_MJD
from ingest.events.checks import REJECTING, Checker, CheckReport, Expectations
from ingest.events.fields import ALERT, ERROR_RADII, FIELDS, GALACTIC, MISSING_INTEGER, Chunk
from ingest.events.readers import FileFacts, Reader, open_reader
from ingest.events.sky import Detector, detector_with_id, locate_chunks, mjd_utc
from ingest.events.standalone import detector_of

_DERIVED: Final = ("event_name", "event_no", "mjd", "ra", "dec", "zenith", "azimuth")
"""Fields that are computed where a reader does not give them."""
_LONGEST_TEXT: Final = 200


@dataclass
class EventSummary:
    """A summary of the accepted events.

    Attributes
    ----------
    det_ids, runs : set of int
        All values that occur.
    topologies : set of str
        All values that occur.
    first_mjd, last_mjd, min_energy, max_energy : float
        MJD UTC and GeV; NaN if no event has a value.
    example : tuple of (str, float, float), optional
        Name, right ascension and declination, deg, of the first event with a position.
    """

    det_ids: set[int] = field(default_factory=set)
    runs: set[int] = field(default_factory=set)
    topologies: set[str] = field(default_factory=set)
    first_mjd: float = np.nan
    last_mjd: float = np.nan
    min_energy: float = np.nan
    max_energy: float = np.nan
    example: tuple[str, float, float] | None = None

    def include(self, chunk: Chunk) -> None:
        """Add the events of a chunk."""
        names = chunk.dtype.names or ()
        for into, name in ((self.det_ids, "det_id"), (self.runs, "run_id")):
            if name in names:
                into |= set(np.unique(chunk[name]).tolist()) - {MISSING_INTEGER}
        if "topology" in names:
            self.topologies |= set(np.unique(chunk["topology"]).tolist()) - {""}
        if "mjd" in names:
            mjd = chunk["mjd"]
        else:
            mjd = mjd_utc(chunk["unix_seconds"], chunk["unix_nanoseconds"])
        self.first_mjd = float(np.fmin(self.first_mjd, np.fmin.reduce(mjd)))
        self.last_mjd = float(np.fmax(self.last_mjd, np.fmax.reduce(mjd)))
        if "energy" in names:
            self.min_energy = float(np.fmin(self.min_energy, np.fmin.reduce(chunk["energy"])))
            self.max_energy = float(np.fmax(self.max_energy, np.fmax.reduce(chunk["energy"])))
        if self.example is None and {"ra", "event_name"} <= set(names):
            first = chunk[0]
            self.example = (first["event_name"].decode(), float(first["ra"]), float(first["dec"]))


@dataclass(frozen=True)
class Inspection:
    """A file that was read completely.

    Attributes
    ----------
    path, size, sha256
        The file, its size in bytes, and its checksum.
    format, title : str
        The format's name and description.
    facts : FileFacts
        What the header says.
    gives : tuple of str
        The fields of the file.
    site : Detector or None
        The detector; None if it is unknown.
    events : EventSummary
        The accepted events; all rows that violate a rule are excluded.
    checks : CheckReport
        The result of the checks of all rows.
    problems : tuple of str
        What prevents a release of the file as it is.
    """

    path: Path
    size: int
    sha256: str
    format: str
    title: str
    facts: FileFacts
    gives: tuple[str, ...]
    site: Detector | None
    events: EventSummary
    checks: CheckReport
    problems: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The published fields that are not in the file and cannot be computed."""
        given = {*self.gives, *(_DERIVED if self.site or "ra" in self.gives else ())}
        vectors = {"dir_x", "dir_y", "dir_z", "unix_seconds", "unix_nanoseconds"}
        optional = vectors | {*ERROR_RADII, *GALACTIC, *ALERT}
        return tuple(name for name in FIELDS if name not in given | optional)

    @property
    def runs(self) -> tuple[int, ...]:
        """The runs of the header and of the events."""
        return tuple(sorted({*self.facts.runs, *self.events.runs}))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        found = asdict(self.events)
        times = {key: _number(found[key]) for key in ("first_mjd", "last_mjd")}
        energies = {key: _number(found[key]) for key in ("min_energy", "max_energy")}
        return {
            "file": self.path.name,
            "size": self.size,
            "sha256": self.sha256,
            "format": self.format,
            "detector": self.site.name if self.site else None,
            "header": asdict(self.facts),
            "events": {
                "det_ids": sorted(self.events.det_ids),
                "runs": sorted(self.events.runs),
                "topologies": sorted(self.events.topologies),
                **times,
                **energies,
            },
            "fields_taken": list(self.gives),
            "fields_missing": list(self.missing),
            "checks": self.checks.to_dict(),
            "problems": list(self.problems),
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield a summary as text: headings with their texts."""
        facts, events = self.facts, self.events
        yield "format", f"{self.format}, {self.title}"
        yield "size", f"{self.size} bytes, sha256 {self.sha256}"
        yield "detector", self.site.name if self.site else "not stated in the file"
        yield "det_id", _list(sorted(events.det_ids)) or "not given"
        yield "runs", _list(self.runs) or "not given"
        yield "simulated", {True: "yes", False: "no", None: "not stated"}[facts.simulated]
        if facts.start_mjd is not None and facts.stop_mjd is not None:
            yield "data taking", _span(facts.start_mjd, facts.stop_mjd)
        if facts.livetime is not None:
            yield "livetime", f"{facts.livetime} s, of the runs in the header"
        if np.isfinite(events.first_mjd):
            yield "events from", _span(events.first_mjd, events.last_mjd)
        for number, line in enumerate(self.checks.lines()):
            yield "" if number else "events", line.strip()
        if np.isfinite(events.min_energy):
            yield "energies", f"{events.min_energy:.4g} to {events.max_energy:.4g} GeV"
        yield "fields taken", ", ".join(self.gives)
        yield "fields missing", ", ".join(self.missing) or "none"
        for name, value in facts.provenance.items():
            text = " ".join(str(value).split())
            yield f"header: {name}", text[:_LONGEST_TEXT] + "…" * (len(text) > _LONGEST_TEXT)
        for number, line in enumerate(self.problems):
            yield "" if number else "for a release", line


def inspect_file(
    path: Path,
    format: str,
    detector_name: str | None = None,
    on_progress: ProgressCallback | None = None,
    topology: str | None = None,
) -> Inspection:
    """Read a file completely; problems with its events are reported instead of raised.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A name of :data:`ingest.events.readers.READERS`, or ``auto``.
    detector_name : str, optional
        The detector, for a file that does not state it.
    on_progress : ProgressCallback, optional
        Called with the number of events read so far.
    topology : str, optional
        ``track`` or ``shower``: which reconstruction to take, if the file has several.

    Raises
    ------
    ingest.core.errors.InputError
        If the file has no known format, has a damaged header, or is of another detector.
    """
    reader = open_reader(path, format, topology)
    facts = reader.facts()
    problems = []
    if facts.simulated:
        problems.append("the file is a simulation: it cannot be published")
    site = _find_detector(reader, facts, detector_name, problems)
    checker = Checker(reader, Expectations(reject=REJECTING))
    events = EventSummary()
    try:
        chunks: Iterator[Chunk] = checker.checked_chunks()
        if site is not None:
            chunks = locate_chunks(chunks, site.name, facts.det_id)
        for chunk in chunks:
            events.include(chunk)
            if on_progress is not None:
                on_progress(checker.report.read)
    except InputError as error:
        problems.append(_problem_and_remedy(error))
    problems += [
        f"{found.count} rows violate the rule {name}: correct the file, or give --reject {name}"
        for name, found in checker.report.rules.items()
        if found.count and name in REJECTING
    ]
    if len(events.det_ids) > 1:
        problems.append("the events are of several configurations: omit det_id")
    if others := {one.name for n in events.det_ids if (one := detector_with_id(n))} - {
        site.name if site else ""
    }:
        problems.append(f"there are also events of {', '.join(sorted(others))}")
    if facts.start_mjd is None or facts.stop_mjd is None:
        problems.append("the header does not state start and stop of data taking")
    if facts.livetime is None:
        problems.append("the header does not state the livetime")
    return Inspection(
        path=path,
        size=path.stat().st_size,
        sha256=sha256(path),
        format=reader.format,
        title=reader.title,
        facts=facts,
        gives=reader.gives,
        site=site,
        events=events,
        checks=checker.report,
        problems=tuple(dict.fromkeys(problems)),
    )


def _find_detector(
    reader: Reader, facts: FileFacts, detector_name: str | None, problems: list[str]
) -> Detector | None:
    try:
        return detector_of(reader, facts, detector_name)
    except InputError as error:
        if detector_name:
            raise
        problems.append(_problem_and_remedy(error))
        return None


def _problem_and_remedy(error: InputError) -> str:
    place = f"{error.where}: " if error.where else ""
    return f"{place}{error.problem}; {error.remedy}"


def utc_iso(mjd: float) -> str:
    """Return a time MJD UTC, as ``yyyy-mm-ddThh:mm:ssZ``, truncated to seconds."""
    moment = datetime.fromtimestamp(round((mjd - UNIX_EPOCH_MJD) * DAY, 3), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _span(start: float, stop: float) -> str:
    return f"{utc_iso(start)} to {utc_iso(stop)} (MJD {start:.5f} to {stop:.5f})"


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _list(numbers: tuple[int, ...] | list[int]) -> str:
    text = ", ".join(map(str, numbers))
    return text[:_LONGEST_TEXT] + "…" * (len(text) > _LONGEST_TEXT)
