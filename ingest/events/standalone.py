"""Recipes for files that belong to no release: all facts come from the files themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ingest import __version__
from ingest.core.errors import InputError
from ingest.core.timescales import DAY
from ingest.events.checks import Expectations
from ingest.events.conversion import WHOLE_SAMPLE, OpenedFile, Recipe, refuse_simulated
from ingest.events.fields import MISSING_INTEGER
from ingest.events.product import ProductMetadata
from ingest.events.readers import FileFacts, Reader
from ingest.events.sky import DETECTORS, Detector, detector, detector_with_id

_ROUNDING: Final = 1.0
"""s; headers give start and stop in whole seconds, but the exact livetime."""


def standalone_recipe(
    files: Sequence[OpenedFile],
    detector_name: str | None = None,
    reject: Iterable[str] = (),
    simulation: bool = False,
    command: str = "",
) -> Recipe:
    """Return the recipe for files without a release.

    Parameters
    ----------
    files : sequence of OpenedFile
        The files.
    detector_name : str, optional
        The detector, if the files do not state it.
    reject : iterable of str
        Rules that may reject rows.
    simulation : bool
        Whether simulated files are allowed; their product is marked as simulated.
    command : str
        For the provenance.

    Raises
    ------
    ingest.core.errors.InputError
        If the detector is unknown or not unique, or a file is simulated and that is not allowed.
    """
    for file in files:
        refuse_simulated(file, simulation)
    sites = [detector_of(file.reader, file.facts, detector_name) for file in files]
    site = sites[0]
    if other := next((one for one in sites if one.name != site.name), None):
        raise InputError(
            "the files are of different detectors",
            file=", ".join(str(file.reader.path) for file in files),
            value=f"{site.name} and {other.name}",
            expected="one detector",
            remedy="convert the files of each detector separately",
        )
    gtis, livetime = good_times(files)
    rejected = frozenset(reject)
    title = files[0].reader.path.name
    if len(files) > 1:
        title += f" and {len(files) - 1} more"
    return Recipe(
        detector=site.name,
        det_id=None,
        expectations=Expectations(reject=rejected),
        metadata=ProductMetadata(
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
            simulated=any(file.facts.simulated for file in files),
            more=(("FACILITY", site.facility, "facility in ObsCore"),),
        ),
        parameters={"detector": site.name, "reject": sorted(rejected), "simulation": simulation},
        command=command,
    )


def detector_of(reader: Reader, facts: FileFacts, detector_name: str | None = None) -> Detector:
    """Return the detector of a file: the one named, in its header, or of its first event.

    Raises
    ------
    ingest.core.errors.InputError
        If the detector is unknown, or the header contradicts the name.
    """
    det_id = facts.det_id
    if det_id is None and facts.detector is None and detector_name is None:
        det_id = _first_det_id(reader)
    by_id = None if det_id is None else detector_with_id(det_id)
    found = facts.detector or (by_id.name if by_id else None)
    if detector_name and found not in (None, detector_name):
        raise InputError(
            "the file is of another detector",
            file=reader.path,
            value=found,
            expected=detector_name,
            remedy=f"leave --detector out, or give --detector {found}",
        )
    if name := detector_name or found:
        return detector(name)
    raise InputError(
        "the file does not state its detector",
        file=reader.path,
        value=None if det_id is None else f"det_id {det_id}, which is not listed",
        expected="one of " + ", ".join(DETECTORS),
        remedy="give --detector"
        + ("" if det_id is None else ", or add the number to ingest/events/sky/detectors.toml"),
    )


def good_times(
    files: Sequence[OpenedFile],
) -> tuple[list[tuple[float, float]], float | None]:
    """Return the good time intervals, MJD UTC, and the livetime, s, from the headers.

    There are intervals only if every file states start and stop of data taking, and a livetime
    only if every file states it and their times do not overlap: files that are parts of a run
    each state the livetime of the whole run.
    """
    facts = [file.facts for file in files]
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
