"""``km3vo release new``: manifest and descriptor of a new release, filled in from its file.

Blanks mark what the file does not contain.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final
from xml.sax.saxutils import escape

from ingest.core.checkout import INPUTS, RD
from ingest.core.configuration import BLANK
from ingest.core.errors import InputError, ManifestError
from ingest.core.files import atomic_write
from ingest.core.timescales import DAY, UNIX_EPOCH_MJD, unix_to_mjd
from ingest.core.units import gev_to_joule
from ingest.events.checks import REJECTING
from ingest.events.inspection import Inspection, utc_iso

NAME: Final = re.compile(r"[a-z]{2,10}\d\d_\d\d")
_CREATORS: Final = {"antares": "ANTARES Collaboration"}


@dataclass(frozen=True)
class CuratorInput:
    """What the curator states on the command line; None leaves a blank.

    Parameters
    ----------
    title, instrument : str, optional
        The title of the release, and the detector's configuration, such as ORCA6.
    energies_gev : tuple of (float, float), optional
        The energy range.
    reject : tuple of str
        Rules that may reject rows.
    """

    title: str | None = None
    instrument: str | None = None
    energies_gev: tuple[float, float] | None = None
    reject: tuple[str, ...] = ()


def check_name(name: str) -> None:
    """Check the name of a new release.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it does not follow the pattern of releases, or is taken.
    """
    if not NAME.fullmatch(name):
        raise ManifestError(
            "this is not a valid name for a release",
            value=name,
            expected="kind, year and running number, such as evts24_01",
            remedy="choose another name",
        )
    for path in paths(name):
        if path.exists():
            raise ManifestError(
                f"the release {name} exists already",
                file=path,
                remedy="use the next number; a published release does not change",
            )


def paths(name: str) -> tuple[Path, Path]:
    """Return a release's manifest and resource descriptor."""
    return INPUTS / name / "release.toml", RD / name / "nu.rd"


def begin_release(name: str, inspection: Inspection, given: CuratorInput) -> tuple[Path, Path]:
    """Write the manifest and the resource descriptor of a new release.

    Parameters
    ----------
    name : str
        Its name; see :func:`check_name`.
    inspection : Inspection
        Its file.
    given : CuratorInput
        What the curator states.

    Raises
    ------
    ingest.core.errors.InputError
        If the file cannot become a release: it is simulated, its detector is unknown, or none
        of its events passes the checks.
    """
    _refuse_unfit(inspection)
    manifest, descriptor = paths(name)
    text = _filled("release.toml", _manifest_values(name, inspection, given))
    rd = _filled("release.rd", _descriptor_values(name, inspection, given))
    for path, content in ((manifest, text), (descriptor, rd)):
        with atomic_write(path) as stream:
            stream.write(content.encode())
    return manifest, descriptor


def _refuse_unfit(inspection: Inspection) -> None:
    if inspection.facts.simulated or inspection.site is None or not inspection.checks.accepted:
        raise InputError(
            "the file cannot become a release",
            file=inspection.path,
            value="\n".join(inspection.problems),
            expected="measured events of a known detector",
            remedy="km3vo events inspect shows the details of the file",
        )


def _manifest_values(name: str, inspection: Inspection, given: CuratorInput) -> dict[str, object]:
    site, events, facts = inspection.site, inspection.events, inspection.facts
    assert site is not None
    start, stop, times = _times(inspection)
    energies = given.energies_gev or (None, None)
    broken = {
        rule: found
        for rule, found in inspection.checks.rules.items()
        if found.count and rule in REJECTING
    }
    return {
        "name": name,
        "detector": site.name,
        "instrument": _text(_instrument(given)),
        "det_id": f"det_id = {_det_id(inspection)}"
        if _det_id(inspection) is not None
        else "# No det_id: the events have none, or different ones.",
        "format": inspection.format,
        "times": times,
        "start": utc_iso(start),
        "stop": utc_iso(stop),
        "livetime": "# No livetime_days: the header does not contain it."
        if facts.livetime is None
        else f'livetime_days = "{BLANK} {min(facts.livetime / DAY, stop - start):.6g}'
        ' if the file has all events of its runs, else the true value; or remove the line"',
        "events": inspection.checks.accepted,
        "collection": f"{BLANK} its name in ObsCore, such as KM3NeT-ORCA6-sample",
        "energies": f"{events.min_energy:.3g} to {events.max_energy:.3g} GeV"
        if math.isfinite(events.min_energy)
        else "not given",
        "min_energy": _number(energies[0], "the lowest energy in GeV, as a number"),
        "max_energy": _number(energies[1], "the highest energy in GeV, as a number"),
        "event_type": next(iter(events.topologies))
        if len(events.topologies) == 1
        else f"{BLANK} track or shower",
        "broken": "; ".join(
            f"{rule}: {found.count} rows, first {found.examples[0].where}"
            for rule, found in broken.items()
        )
        or "No row of the file breaks a rule.",
        "reject": ", ".join(_rejects(broken, given.reject)),
        "file": inspection.path.name,
        "size": inspection.size,
        "sha256": inspection.sha256,
    }


def _descriptor_values(name: str, inspection: Inspection, given: CuratorInput) -> dict[str, object]:
    site = inspection.site
    assert site is not None
    start, stop, _ = _times(inspection)
    event, ra, dec = inspection.events.example or ("", 0.0, 0.0)
    spectral = f"{BLANK} the energy range in J; km3vo release check computes it"
    if given.energies_gev:
        spectral = " ".join(f"{gev_to_joule(energy):.10g}" for energy in given.energies_gev)
    runs = inspection.runs
    values = {
        "name": name,
        "title": given.title or f"{BLANK} the title, such as KM3NeT/ORCA6 event sample",
        "description": f"{BLANK} in two sentences, what the sample is and contains",
        "today": f"{datetime.now(UTC):%Y-%m-%d}T00:00:00Z",
        "creator": _CREATORS.get(site.name, "KM3NeT Collaboration"),
        "facility": site.facility,
        "instrument": _instrument(given),
        "doi": f"{BLANK} 10.…, the DOI to cite; or, instead of this line, a comment that begins"
        " with No DOI: and gives the reason",
        "reference": "https://www.km3net.org",
        "selection": f"{BLANK} how the events were selected, and what they are suited for",
        "columns": f"{BLANK} what users need to know about angular error, energy and likelihood",
        "runs": f", run {runs[0]}" if len(runs) == 1 else "",
        "temporal": f"{start:.5f} {stop:.5f}",
        "spectral": spectral,
        "short_name": name,
        "ra": f"{ra:.2f}",
        "dec": f"{dec:.2f}",
        "event": event,
    }
    return {key: escape(value, {'"': "&quot;"}) for key, value in values.items()}


def _times(inspection: Inspection) -> tuple[float, float, str]:
    """Return start and end of data taking in whole seconds, and their source."""
    facts, events = inspection.facts, inspection.events
    if facts.start_mjd is not None and facts.stop_mjd is not None:
        start, stop, comment = facts.start_mjd, facts.stop_mjd, "From the header."
    else:
        start, stop = events.first_mjd, events.last_mjd
        comment = "From the first and the last event: correct them if data taking was longer."
    # 0.1 ms absorb rounding; the last second is included
    first = math.floor((start - UNIX_EPOCH_MJD) * DAY + 1e-4)
    last = math.floor((stop - UNIX_EPOCH_MJD) * DAY + 1e-4) + 1
    return unix_to_mjd(first), unix_to_mjd(last), comment


def _det_id(inspection: Inspection) -> int | None:
    ids = inspection.events.det_ids or ({inspection.facts.det_id} - {None})
    return next(iter(ids)) if len(ids) == 1 else None


def _instrument(given: CuratorInput) -> str:
    return given.instrument or f"{BLANK} the detector as in papers, such as ORCA6"


def _number(value: float | None, wanted: str) -> str:
    return f'"{BLANK} {wanted}"' if value is None else f"{value:.10g}"


def _text(value: str) -> str:
    """Return a text escaped for a TOML string."""
    return json.dumps(value, ensure_ascii=False)[1:-1]


def _rejects(broken: Iterable[str], agreed: Iterable[str]) -> list[str]:
    """Return the entries of ``reject``: the rules agreed on, and blanks for the others."""
    named = sorted(agreed)
    undecided = [
        f"{BLANK} {rule}, if these rows should be left out; otherwise repair the file"
        for rule in broken
        if rule not in named
    ]
    return [f'"{_text(one)}"' for one in (*named, *undecided)]


def _filled(template: str, values: dict[str, object]) -> str:
    text = resources.files(__package__).joinpath("templates", template).read_text("utf-8")
    return Template(text).substitute(values)
