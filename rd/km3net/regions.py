"""The service that says what a sample means for a region of the sky.

The region is a coverage map, a sky map, or that of an alert in the archive. The numbers come from
the package ``analysis``. This runs in the Python of DaCHS.
"""

import contextlib
import os
import re
import threading

import numpy as np
from gavo import base
from gavo.utils import loadPythonModule

_HERE = os.path.abspath(__file__)
limits, _ = loadPythonModule("limits", relativeTo=_HERE)
samples, _ = loadPythonModule("samples", relativeTo=_HERE)
skymaps, _ = loadPythonModule("skymaps", relativeTo=_HERE)
analysis = samples.load_analysis()
_samples = samples.Samples(analysis)
_CONTAINMENT = 0.9
_WAYS = ("MOC", "MAP", "ALERT")
_MOST_RANGES = 100_000
"""The largest number of commas, blanks and orders in a coverage map."""
_LONG = 100_000
"""The characters of a coverage map from which it takes as much memory as a sky map."""
_AT_A_TIME = threading.BoundedSemaphore(2)
"""For the regions that take up to 1.5 GB, which is 12.6 million cells of a sky map."""
ALERTS = """
    SELECT * FROM (
        SELECT DISTINCT ON (alert_id) alert_id, notice_id, ivorn, version, media_format, sha256,
            packet_size, sky_map, event_name, region_90::text AS region_90,
            region_50::text AS region_50
        FROM alerts.notices WHERE {condition}
        ORDER BY alert_id, is_latest DESC, version DESC, notice_id DESC) AS newest
    ORDER BY alert_id LIMIT 10"""


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
        The table with the answer, that of bands of declination, and that of events.
    """
    given = limits.given(arguments)
    sample = _samples.of(service)
    (index, *others) = limits.indices(given["INDEX"], sample)
    if others:
        raise limits.invalid("INDEX", "a region takes one spectral index, not a range")
    way = _way(given)
    is_small = way == "MOC" and len(given["MOC"]) < _LONG
    try:
        with contextlib.nullcontext() if is_small else _AT_A_TIME:
            name, region, containment = _region(way, given)
            cut = None if region.probability is None else containment
            found = analysis.search_region(sample, region, index, given["CONFIDENCE"], cut)
    except analysis.AnalysisError as error:
        raise limits.explain(error, {"region": way, "probability": way, "unit": way}) from None
    answer = {
        column.name: [getattr(found, column.name, None)] for column in core.outputTable.columns
    }
    answer |= {"name": [name], "containment": [containment], "sky_area": [found.area]}
    bands = service.rd.getById("region_bands")
    events = service.rd.getById("region_events")
    inside = found.event[: limits.MOST_EVENTS]
    return limits.answer(
        service,
        limits.table(core.outputTable, answer, query_meta),
        [
            limits.table(bands, {"sky_area": found.bands.area, **vars(found.bands)}, query_meta),
            limits.table(
                events,
                {one.name: getattr(sample, one.name)[inside] for one in events.columns},
                query_meta,
            ),
        ],
        {"release": sample.release},
    )


def _way(given):
    """Return the parameter that gives the region."""
    found = [name for name in _WAYS if name in given]
    if len(found) == 1:
        return found[0]
    text = f"{' and '.join(found)} cannot be combined" if found else "nothing is given"
    raise limits.invalid(found[0] if found else "MOC", f"{text}; please give MOC, MAP or ALERT")


def _region(way, given):
    """Return the name of a region, its cells, and the containment of what is to be searched."""
    containment = given.get("CONTAINMENT")
    if way == "MOC":
        if containment is not None:
            raise limits.invalid(
                "CONTAINMENT", "a coverage map has no probabilities; CONTAINMENT is for maps"
            )
        text = given["MOC"]
        if len(re.findall(r"[,/\s]", text)) > _MOST_RANGES:
            raise limits.invalid("MOC", f"it has more than {_MOST_RANGES} ranges of cells")
        return None, analysis.Region.from_moc_text(text), None
    if containment is not None and not 0 < containment <= 1:
        raise limits.invalid(
            "CONTAINMENT", f"the containment {containment:g} is not above 0 and up to 1"
        )
    if way == "MAP":
        content = limits.content_of(given["MAP"], "MAP", skymaps.MOST_BYTES)
        try:
            return None, _cells(content), containment or _CONTAINMENT
        except skymaps.MapError as reason:
            raise limits.invalid("MAP", f"the sky map cannot be used: {reason}") from None
    return _of_alert(given["ALERT"], containment)


def _cells(content):
    """Return the region of a sky map, with its probabilities."""
    values, uniq, flat = skymaps.read(content)
    if uniq is not None:
        return analysis.Region.from_uniq(uniq, values)
    order, is_nested, pixels = flat
    if pixels is None:
        return analysis.Region.from_map(values, order=order, nested_cells=is_nested)
    if not is_nested:
        pixels = analysis.healpix.nested(order, pixels)
    return analysis.Region.from_uniq((np.int64(4) << 2 * order) + pixels, values)


def _of_alert(text, containment):
    """Return name and region of an alert: of its sky map, or else its region in the table."""
    text = text.strip()
    notice = _notice(text)
    archive, _ = loadPythonModule(os.path.join(base.getConfig("inputsDir"), "alerts", "archive"))
    path = archive.path("map", notice)
    name = notice["event_name"] or notice["alert_id"]
    if path is not None:
        try:
            with open(path, "rb") as stream:
                content = stream.read(skymaps.MOST_BYTES + 1)
            return name, _cells(content), containment or _CONTAINMENT
        except (skymaps.MapError, analysis.AnalysisError) as problem:
            base.ui.notifyWarning(f"The sky map of {notice['ivorn']} cannot be used: {problem}")
    column = {0.9: "region_90", 0.5: "region_50"}.get(containment or _CONTAINMENT)
    if column is None:
        raise limits.invalid(
            "CONTAINMENT",
            f"the alert {name} has no sky map here, only the regions of 0.5 and 0.9; the"
            f" containment {containment:g} is neither",
        )
    if notice[column] is None:
        raise limits.invalid("ALERT", f"the alert {name} has no region")
    return name, analysis.Region.from_moc_text(notice[column]), containment or _CONTAINMENT


def _notice(text):
    """Return the row of the newest notice of an alert, by IVORN, number or name."""
    if not 0 < len(text) <= 500 or not text.isprintable():
        raise limits.invalid("ALERT", "an alert is given by its identifier or its name")
    if re.fullmatch("[0-9]{1,18}", text):
        asked = [("notice_id = %(value)s", int(text))]
    else:
        asked = [("ivorn = %(value)s", text), ("event_name = ANY(%(value)s)", [text, text.upper()])]
    with base.getTableConn() as connection:
        (there,) = connection.queryToDicts("SELECT to_regclass('alerts.notices') AS there")
        for condition, value in asked if there["there"] else ():
            query = ALERTS.format(condition=condition)
            found = list(connection.queryToDicts(query, {"value": value}))
            if found:
                break
        else:
            raise limits.invalid(
                "ALERT", f"there is no alert {text[:100]} in this archive; see alerts.latest"
            )
    if len(found) > 1:
        shown = ", ".join(f"{one['ivorn']}" for one in found)
        raise limits.invalid(
            "ALERT", f"several alerts have the name {text[:100]}; please give one of {shown}"
        )
    return found[0]
