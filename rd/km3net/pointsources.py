"""The service that searches for events around sources, and sets limits.

The numbers come from the package ``analysis``; here are the parameters of requests, and the rows of
answers. This runs in the Python of DaCHS.
"""

import os

import numpy as np
from gavo.utils import loadPythonModule

_HERE = os.path.abspath(__file__)
limits, _ = loadPythonModule("limits", relativeTo=_HERE)
names, _ = loadPythonModule("names", relativeTo=_HERE)
samples, _ = loadPythonModule("samples", relativeTo=_HERE)
sourcelists, _ = loadPythonModule("sourcelists", relativeTo=_HERE)
analysis = samples.load_analysis()
_samples = samples.Samples(analysis)
MOST_ROWS = sourcelists.MOST_SOURCES
_MOST_BYTES = 10_000_000
_MOST_PAIRS = 4_000_000
"""Pairs of a source and an event at about its declination: half a second of the processor."""
_SHOWN = "please give RA and DEC, or TARGET, or SOURCES"


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
        The table of answers, and that of the events inside the circles.
    """
    given = limits.given(arguments)
    sample = _samples.of(service)
    sources = _sources(given, sample)
    try:
        answers, events = _search(sample, sources, given["CONFIDENCE"], core.outputTable.columns)
    except analysis.AnalysisError as error:
        raise limits.explain(error) from None
    inside = limits.table(service.rd.getById("ps_events"), events, query_meta)
    notes = {"release": sample.release, "trials": np.isfinite(answers["p_value"]).sum()}
    return limits.answer(
        service, limits.table(core.outputTable, answers, query_meta), [inside], notes
    )


def _sources(given, sample):
    """Return the sources of a request, a dict for each row of the answer."""
    ways = [name for name in ("SOURCES", "TARGET") if name in given]
    ways += ["RA"] if {"RA", "DEC"} & given.keys() else []
    if len(ways) != 1:
        found = " and ".join(sorted({"RA", "DEC", "TARGET", "SOURCES"} & given.keys()))
        # what is missing, or what is too much
        name = ways[0] if ways else "RA"
        raise limits.invalid(
            name, f"{found} cannot be combined; {_SHOWN}" if ways else f"nothing is given; {_SHOWN}"
        )
    wanted = limits.indices(given["INDEX"], sample)
    _check_radius(given)
    (way,) = ways
    if way == "SOURCES":
        listed = sourcelists.read(limits.content_of(given["SOURCES"], "SOURCES", _MOST_BYTES))
    elif way == "TARGET":
        ra, dec = names.resolve(given["TARGET"], sample)
        _check_position(ra, dec, sample, ("TARGET", "TARGET"))
        listed = [{"name": given["TARGET"], "ra": ra, "dec": dec}]
    else:
        for name in ("RA", "DEC"):
            if name not in given:
                raise limits.invalid(name, f"{name} is missing; {_SHOWN}")
        _check_position(given["RA"], given["DEC"], sample, ("RA", "DEC"))
        listed = [{"ra": given["RA"], "dec": given["DEC"]}]
    rows = []
    for source in listed:
        radius, own = source.get("radius"), source.get("index")
        common = {
            "name": source.get("name"),
            "ra": source["ra"],
            "dec": source["dec"],
            "radius": given.get("SR") if radius is None else radius,
        }
        rows += [{**common, "index": index} for index in (wanted if own is None else [own])]
    if len(rows) > MOST_ROWS:
        raise limits.invalid(
            "INDEX",
            f"{len(listed)} sources with {len(wanted)} spectral indices each are {len(rows)} rows;"
            f" a request may have {MOST_ROWS}",
        )
    return rows


def _check_radius(given):
    """Raise an error if the radius that holds for all sources is invalid."""
    radius = given.get("SR")
    if radius is not None and not 0 < radius < 90:
        raise limits.invalid("SR", f"the radius {radius:g} is not between 0 and 90 deg")


def _check_position(ra, dec, sample, parameters):
    """Raise an error if nothing can be said of a position."""
    if not 0 <= ra <= 360:
        raise limits.invalid(parameters[0], f"the right ascension {ra:g} is not from 0 to 360 deg")
    if not -90 <= dec <= 90:
        raise limits.invalid(parameters[1], f"the declination {dec:g} is not from -90 to 90 deg")
    if not sample.sees(dec):
        raise limits.invalid(
            parameters[1], f"the sample sees no source at the declination of {dec:g} deg"
        )


def _search(sample, sources, confidence, columns):
    """Return the columns of the answers, with NaN where nothing can be computed, and of events."""
    faults = [_fault(one) for one in sources]
    given = {
        name: np.array([_number(one[name]) for one in sources])
        for name in ("ra", "dec", "radius", "index")
    }
    good = np.flatnonzero([fault is None for fault in faults])
    ra, dec, radius, index = (values[good] for values in given.values())
    _check_work(sample, dec, radius)
    found = analysis.search(sample, ra, dec, radius, index, confidence)
    answers = {}
    for name in (column.name for column in columns if hasattr(found, column.name)):
        if name != "remark":
            answers[name] = given.get(name, np.full(len(sources), np.nan))
            answers[name][good] = getattr(found, name)
    remarks = dict(zip(good.tolist(), found.remark, strict=True))
    answers["name"] = [one["name"] for one in sources]
    answers["remark"] = [fault or remarks[number] for number, fault in enumerate(faults)]
    answers["p_sidak"] = analysis.sidak(answers["p_value"])
    answers["q_bh"] = analysis.benjamini_hochberg(answers["p_value"])
    return answers, _events(sample, found.events, good, answers["name"])


def _number(value):
    return value if isinstance(value, float) else np.nan


def _fault(source):
    """Return which value of a source in a list is not a number, or None."""
    for name in ("ra", "dec", "radius", "index"):
        value = source[name]
        if isinstance(value, str):
            return f"{name} is '{value}', which is not a number"
        if value is None and name != "radius":
            return f"{name} is missing"
    return None


def _check_work(sample, dec, radius):
    """Raise an error if the circles meet so many events that other requests would have to wait."""
    radius = np.nan_to_num(radius, nan=1.0)
    pairs = sample.polynomial.in_band(dec - radius, dec + radius)
    pairs = float(np.nansum(np.maximum(pairs, 0)))
    if pairs > _MOST_PAIRS:
        raise limits.invalid(
            "SR",
            f"{len(dec)} circles of this size have to be compared with about {pairs:.2g} events;"
            f" the limit is {_MOST_PAIRS:.2g}, so please use smaller circles or fewer sources",
        )


def _events(sample, events, good, names):
    """Return the columns of the events inside the circles."""
    some = slice(limits.MOST_EVENTS)
    numbers, inside = good[events.source[some]], events.event[some]
    return {
        "name": [names[number] for number in numbers],
        "answer": numbers + 1,
        "event_id": sample.event_id[inside],
        "ra": sample.ra[inside],
        "dec": sample.dec[inside],
        "mjd": sample.mjd[inside],
        "ang_err": sample.ang_err[inside],
        "separation": events.separation[some],
        "weight": events.weight[some],
    }
