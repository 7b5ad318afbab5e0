"""How files become a product that belongs to no release: all is taken from the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ingest import __version__
from ingest.core.errors import InputError
from ingest.core.timescales import DAY
from ingest.events.checks import Expectations
from ingest.events.convert import WHOLE_SAMPLE, Delivered, Recipe, refuse_simulated
from ingest.events.fields import MISSING_INTEGER
from ingest.events.product import gadf
from ingest.events.readers import FileFacts, Reader
from ingest.events.sky import DETECTORS, Detector, detector, detector_with_id

_ROUNDING: Final = 1.0
"""s; headers give start and stop in whole seconds, and the livetime exactly."""


def standalone_recipe(
    delivered: Sequence[Delivered],
    named: str | None = None,
    reject: Iterable[str] = (),
    simulation: bool = False,
    command: str = "",
) -> Recipe:
    """Return how files become a product without a release.

    Parameters
    ----------
    delivered : sequence of Delivered
        The files.
    named : str, optional
        The detector, where the files do not tell it.
    reject : iterable of str
        Rules that may leave rows out.
    simulation : bool
        Whether simulated files are wanted; the product is then marked as simulated.
    command : str
        For the provenance.

    Raises
    ------
    ingest.core.errors.InputError
        If the detector is not known, or a file is simulated and that is not wanted.
    """
    for one in delivered:
        refuse_simulated(one, simulation)
    sites = [detector_of(one.reader, one.facts, named) for one in delivered]
    site = sites[0]
    if other := next((one for one in sites if one.name != site.name), None):
        raise InputError(
            "the files are of different detectors",
            file=", ".join(str(one.reader.path) for one in delivered),
            value=f"{site.name} and {other.name}",
            expected="one detector",
            remedy="give each detector its own product",
        )
    gtis, livetime = good_times(delivered)
    rejected = frozenset(reject)
    title = delivered[0].reader.path.name
    if len(delivered) > 1:
        title += f" and {len(delivered) - 1} more"
    return Recipe(
        detector=site.name,
        det_id=None,
        expectations=Expectations(reject=rejected),
        metadata=gadf.Metadata(
            release="",
            obs_id=WHOLE_SAMPLE,
            telescope=site.telescope,
            instrument=site.name.upper(),
            longitude=site.longitude,
            latitude=site.latitude,
            height=site.height,
            creator=f"km3net-vo {__version__}",
            kid="",
            title=title,
            gtis=gtis,
            livetime=livetime,
            simulated=any(one.facts.simulated for one in delivered),
            more=(("FACILITY", site.facility, "facility in ObsCore"),),
        ),
        parameters={"detector": site.name, "reject": sorted(rejected), "simulation": simulation},
        command=command,
    )


def detector_of(reader: Reader, facts: FileFacts, named: str | None = None) -> Detector:
    """Return the detector of a file: as named, as its header says, or by its first event.

    Raises
    ------
    ingest.core.errors.InputError
        If nothing tells the detector, or the header contradicts the name.
    """
    det_id = facts.det_id
    if det_id is None and facts.detector is None and named is None:
        det_id = _first_det_id(reader)
    by_id = None if det_id is None else detector_with_id(det_id)
    declared = facts.detector or (by_id.name if by_id else None)
    if named and declared not in (None, named):
        raise InputError(
            "the file is of another detector",
            file=reader.path,
            value=declared,
            expected=named,
            remedy=f"leave --detector out, or give --detector {declared}",
        )
    if name := named or declared:
        return detector(name)
    raise InputError(
        "the file does not say which detector it is of",
        file=reader.path,
        value=None if det_id is None else f"det_id {det_id}, which is not known here",
        expected="one of " + ", ".join(DETECTORS),
        remedy="give --detector"
        + ("" if det_id is None else ", or add the number to ingest/events/sky/detectors.toml"),
    )


def good_times(
    delivered: Sequence[Delivered],
) -> tuple[list[tuple[float, float]], float | None]:
    """Return the good time intervals, MJD UTC, and the livetime, s, that the headers give.

    There are intervals only if every file says when data taking began and ended, and a livetime
    only if every file says it and none shares its time with another: files that are parts of
    one run each give the livetime of the whole run.
    """
    facts = [one.facts for one in delivered]
    spans = sorted(
        (one.start_mjd, one.stop_mjd)
        for one in facts
        if one.start_mjd is not None and one.stop_mjd is not None
    )
    if len(spans) < len(facts):
        return [], None
    merged: list[tuple[float, float]] = []
    for start, stop in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    livetimes = [one.livetime for one in facts if one.livetime is not None]
    if len(merged) < len(facts) or len(livetimes) < len(facts):
        return merged, None
    ontime = sum(stop - start for start, stop in merged) * DAY
    livetime = sum(livetimes)
    fits = livetime <= ontime + _ROUNDING * len(facts)
    return merged, min(livetime, ontime) if fits else None


def _first_det_id(reader: Reader) -> int | None:
    if "det_id" not in reader.gives:
        return None
    first = next(reader.chunks(1), None)
    if first is None or first["det_id"][0] == MISSING_INTEGER:
        return None
    return int(first["det_id"][0])
