"""The service that folds a flux with an instrument response: expected events of a source.

The numbers come from the package ``analysis``. This runs in the Python of DaCHS.
"""

import json
import os
import threading

import numpy as np
from gavo import base
from gavo.utils import loadPythonModule

_HERE = os.path.abspath(__file__)
limits, _ = loadPythonModule("../km3net/limits", relativeTo=_HERE)
samples, _ = loadPythonModule("../km3net/samples", relativeTo=_HERE)
analysis = samples.load_analysis()
_SECONDS_PER_DAY = 86400.0
_MOST_DAYS = 36525.0
_LARGEST_FLUX = 1e3
_PARAMETERS = {
    "norm": "NORM",
    "cutoff": "CUTOFF",
    "livetime": "LIVETIME",
    "energy_min": "EMIN",
    "energy_max": "EMIN",
}
_KINDS = {
    "aeff": analysis.EffectiveArea,
    "psf": analysis.PointSpread,
    "bkgrate": analysis.BackgroundRate,
}
ROWS = "SELECT * FROM irf.{table} WHERE release = %(release)s ORDER BY response"
_lock = threading.Lock()
_known = {}


def run(core, service, arguments, query_meta):
    """Answer a request.

    Parameters
    ----------
    core : gavo.svcs.Core
        The core, whose output table has the columns of the answer.
    service : gavo.svcs.Service
        The service.
    arguments : gavo.svcs.CoreArgs
        The parameters of the request.
    query_meta : gavo.svcs.QueryMeta
        What DaCHS knows of the request.

    Returns
    -------
    gavo.rsc.Data
        The table with the answer, and that of bins of energy.
    """
    given = limits.given(arguments)
    if "DEC" not in given:
        raise limits.invalid("DEC", "DEC is missing; please give the declination of the source")
    if not -90 <= given["DEC"] <= 90:
        raise limits.invalid("DEC", f"the declination {given['DEC']:g} is not from -90 to 90 deg")
    if not 0 < given["SR"] < 90:
        raise limits.invalid("SR", f"the radius {given['SR']:g} is not between 0 and 90 deg")
    if not 0 < given["LIVETIME"] <= _MOST_DAYS:
        raise limits.invalid(
            "LIVETIME", f"{given['LIVETIME']:g} is not above 0 and up to {_MOST_DAYS:g} days"
        )
    if not 0 <= given["NORM"] <= _LARGEST_FLUX:
        raise limits.invalid(
            "NORM", f"the flux {given['NORM']:g} is not from 0 to {_LARGEST_FLUX:g}"
        )
    if not given["EMIN"] >= 0:
        raise limits.invalid("EMIN", f"the energy {given['EMIN']:g} is not 0 or more")
    if not -10 <= given["INDEX"] <= 10:
        raise limits.invalid(
            "INDEX", f"the spectral index {given['INDEX']:g} is not from -10 to 10"
        )
    facts, responses = _responses(given["RELEASE"])
    try:
        answer, bins = _expected(given, facts["latitude_deg"], responses)
    except analysis.AnalysisError as error:
        raise limits.explain(error, _PARAMETERS) from None
    return limits.answer(
        service,
        limits.table(core.outputTable, answer, query_meta),
        [limits.table(service.rd.getById("expected_bins"), bins, query_meta)],
        {"release": given["RELEASE"], "citation": facts["reference"] or ""},
    )


def _expected(given, latitude, responses):
    """Return the columns of the answer, and of the bins of energy."""
    (area,) = responses["aeff"]
    flux = analysis.PowerLaw(given["NORM"], given["INDEX"], given.get("CUTOFF"))
    seconds = given["LIVETIME"] * _SECONDS_PER_DAY
    place = given["DEC"], latitude, seconds
    events = analysis.events_by_energy(area, flux, *place)
    inside = np.full(events.shape, np.nan)
    if responses["psf"]:
        inside = analysis.events_by_energy(
            responses["psf"][0].contained_area(area, given["SR"]), flux, *place
        )
    background = [
        analysis.expected_background(
            one, given["DEC"], given["SR"], seconds, latitude, energy_min=given["EMIN"]
        )
        for one in responses["bkgrate"]
    ]
    answer = {
        "release": given["RELEASE"],
        "dec": given["DEC"],
        "norm": given["NORM"],
        "index": given["INDEX"],
        "cutoff": given.get("CUTOFF"),
        "livetime": given["LIVETIME"],
        "radius": given["SR"],
        "energy_min": given["EMIN"],
        "n_sig": float(events.sum()),
        "n_sig_inside": float(inside.sum()),
        "n_bkg": float(sum(background)) if background else None,
        "up_going": float(analysis.zenith_fractions(given["DEC"], latitude, [90.0, 180.0])[0]),
        "remark": "; ".join(_remarks(responses)) or None,
    }
    bins = {
        "energy_true_lo": area.energy_edges[:-1],
        "energy_true_hi": area.energy_edges[1:],
        "exposure": analysis.exposure_by_energy(area, *place),
        "n_sig": events,
        "n_sig_inside": inside,
    }
    return {name: [value] for name, value in answer.items()}, bins


def _remarks(responses):
    if not responses["psf"]:
        yield "the release has no point-spread function, so n_sig_inside is unknown"
    if not responses["bkgrate"]:
        yield "the release has no background rate, so n_bkg is unknown"


def _responses(release):
    """Return the facts of a release of responses, and its responses by kind.

    They are read again when the release has been imported again.
    """
    path = os.path.join(base.getConfig("inputsDir"), os.path.basename(release), "responses.json")
    try:
        with open(path, encoding="utf-8") as stream:
            facts = json.load(stream)
        key = os.stat(path).st_mtime_ns
    except OSError:
        facts, key = {}, None
    with _lock:
        if key is not None and _known.get(release, (None,))[0] != key:
            _known[release] = key, _read(release)
        found = _known[release][1] if key is not None else None
    if found is None or len(found["aeff"]) != 1:
        raise limits.invalid(
            "RELEASE",
            f"{release[:60]} is not a release of responses with one effective area; see irf.aeff",
        )
    return facts, found


def _read(release):
    found = {}
    with base.getTableConn() as connection:
        for table, kind in _KINDS.items():
            rows = list(connection.queryToDicts(ROWS.format(table=table), {"release": release}))
            names = sorted({row["response"] for row in rows})
            found[table] = [
                kind.from_rows(_columns([row for row in rows if row["response"] == name]))
                for name in names
            ]
    return found


def _columns(rows):
    """Return rows of the database as arrays, with NaN in place of NULL."""
    return {
        name: np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=float)
        for name in rows[0]
        if name not in ("release", "response")
    }
