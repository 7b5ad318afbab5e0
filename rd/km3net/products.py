"""A DaCHS grammar that describes the data products of a release for km3net.observations.

For each event list it yields three rows: the list, its bundle with provenance and instrument
responses, and the rows of the table as a Parquet file. Each file with an instrument response has a
row of its own: the delivered one, and the one in GADF. The words are those of ObsCore and of its
extension for high energies. A release without products has no rows, and neither has one that is
hidden. What may be corrected later without a new product, such as the title, is in
``release.json`` in the folder of the release, not in the headers; for a release of responses, all
is in ``responses.json``. This runs in the Python of DaCHS.
"""

import datetime
import glob
import mimetypes
import os

import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta
from gavo import base
from gavo.base import meta
from gavo.grammars.customgrammar import CustomRowIterator
from gavo.utils import loadPythonModule

facts_of = loadPythonModule("facts", relativeTo=os.path.abspath(__file__))[0].facts_of
timemoc, _ = loadPythonModule("timemoc", relativeTo=os.path.abspath(__file__))
EV_PER_GEV = 1e9
# m eV: the wavelength of a photon of 1 eV is h c / e, exact because the SI defines h, c and e
WAVELENGTH_OF_EV = 6.62607015e-34 * 299792458 / 1.602176634e-19
IDENTIFIERS = ("meta.id", "meta.dataset")
"""First words of the UCDs of columns that are not observables."""
SAMPLE = 10_000
"""How many events are looked at to see whether a column has values."""
FITS_TYPE, PARQUET_TYPE = "application/fits", "application/vnd.apache.parquet"
mimetypes.add_type(FITS_TYPE, ".fits")
mimetypes.add_type(PARQUET_TYPE, ".parquet")
GADF, PREVIEW = ".gadf.fits", ".png"
"""Ends of the names of files beside a delivered response, as written by ``ingest``."""

# DaCHS 2.7 has another name for it than 2.11
_site_meta = (meta.CONFIG_META if hasattr(meta, "CONFIG_META") else meta.configMeta).getMeta


class RowIterator(CustomRowIterator):
    """Describes the products beside one descriptor."""

    def _iterRows(self):
        folder = os.path.dirname(self.sourceToken)
        release = os.path.basename(folder)
        products = sorted(glob.glob(os.path.join(folder, "data", "*.fits")))
        facts = facts_of(release)
        place = os.path.join(folder, "data", "responses")
        if "validity" in facts:
            yield from _responses(place, facts, _valid(release, facts))
        if not products or facts.get("hidden"):
            return
        lists = [_event_list(path, facts) for path in products]
        yield from lists
        responses = list(_responses(place, facts, _observed(lists)))
        contents = "provenance and instrument responses" if responses else "provenance"
        for event_list in lists:
            yield from _bundle(event_list, contents, facts)
            yield from _columns(event_list, facts)
        yield from responses

    def getLocator(self):
        return self.sourceToken


def _event_list(path, facts):
    """Return the row of an event list, from its headers and good time intervals."""
    with fits.open(path, memmap=True) as hdus:
        primary, events = hdus[0].header, hdus["EVENTS"].header
        columns = _filled_columns(path, hdus["EVENTS"])
        gti = hdus["GTI"].data
        seconds = np.stack([gti["START"], gti["STOP"]])
    reference = Time(
        events["MJDREFI"], events["MJDREFF"], format="mjd", scale=events["TIMESYS"].lower()
    )

    def times(seconds):
        return reference + TimeDelta(seconds, format="sec")

    intervals = timemoc.microseconds(times(seconds))
    low, high = primary["ENERGMIN"] * EV_PER_GEV, primary["ENERGMAX"] * EV_PER_GEV
    resolution, reference_energy = primary.get("ANGRES"), primary.get("ANGRESEN")
    title, release = facts.get("title", primary["TITLE"]), primary["RELEASE"]
    if primary["SIMULATE"]:
        title += " [SIMULATED stand-in, not real data]"
    picture = path.replace(".fits", ".png")
    has_preview = os.path.exists(picture)
    embargo = facts.get("embargo")
    return {
        **_file(path, facts),
        "product_type": _site_meta("obscore.event_list").getContent("text"),
        "product_subtype": None,
        "preview": f"{_below_inputs(path)}?preview=True" if has_preview else None,
        "preview_path": _below_inputs(picture) if has_preview else None,
        "release": release,
        "obs_id": "{}/{}".format(release, primary["OBS_ID"]),
        "title": title,
        "collection": facts.get("collection", primary["OBSCOLL"]),
        "facility": primary["FACILITY"],
        "instrument": primary["INSTRUME"],
        "t_min": float(times(events["TSTART"]).utc.mjd),
        "t_max": float(times(events["TSTOP"]).utc.mjd),
        "t_intervals": timemoc.ascii_moc(*intervals),
        "intervals": intervals,
        "livetime": events["LIVETIME"] or None,
        "s_ra": primary["FOV_RA"],
        "s_dec": primary["FOV_DEC"],
        "s_fov": primary["FOV_DIAM"],
        "s_resolution": None if resolution is None else resolution * 3600,
        "s_ref_energy": None if reference_energy is None else reference_energy * EV_PER_GEV,
        "energy_min": low,
        "energy_max": high,
        "em_min": WAVELENGTH_OF_EV / high,
        "em_max": WAVELENGTH_OF_EV / low,
        "o_ucd": _observables(release, columns),
        "ev_xel": None if facts.get("protected") else events["NAXIS2"],
        "event_type": primary["EVTTYPE"],
        "obs_mode": primary["HEAMODE"],
        "analysis_mode": primary.get("ANMODE"),
        "messenger_name": primary["MESSENGR"],
        "messenger_pdgid": primary.get("PDGID"),
        "kid": primary["KID"],
        "reference": facts.get("reference", primary.get("REFERENC")),
        "owner": facts.get("owner"),
        "embargo": embargo and datetime.date.fromisoformat(embargo),
    }


def _bundle(event_list, contents, facts):
    """Yield the row of the bundle of an event list, if there is one."""
    bundle = _beside(event_list, ".tar")
    if os.path.exists(bundle):
        yield {
            **event_list,
            **_file(bundle, facts),
            "product_type": "hea-event-bundle",
            "title": "{}, with {}".format(event_list["title"], contents),
        }


def _columns(event_list, facts):
    """Yield the row of the Parquet file of an event list, if there is one.

    It is no event list in the sense of GADF, but has the columns of the table.
    """
    columns = _beside(event_list, ".parquet")
    if os.path.exists(columns):
        yield {
            **event_list,
            **_file(columns, facts),
            "product_type": "measurements",
            "title": "{}, as a table in Parquet".format(event_list["title"]),
        }


def _beside(event_list, ending):
    """Return the path of the file beside an event list that has this ending."""
    path = os.path.join(base.getConfig("inputsDir"), event_list["path"])
    return os.path.splitext(path)[0] + ending


def _observed(lists):
    """Return what holds for the responses that belong to event lists."""
    common = {
        **lists[0],
        "t_min": min(one["t_min"] for one in lists),
        "t_max": max(one["t_max"] for one in lists),
        "t_intervals": timemoc.ascii_moc(*np.hstack([one["intervals"] for one in lists])),
        "livetime": sum(one["livetime"] or 0 for one in lists) or None,
    }
    if len(lists) > 1:
        common["obs_id"] = "{}/all".format(common["release"])
    return common


def _valid(release, facts):
    """Return what holds for the responses of a release without events."""
    seen = facts["observation"]
    resolution = seen["angular_resolution_deg"]
    reference_energy = seen["resolution_energy_gev"]
    return {
        "release": release,
        "obs_id": f"{release}/all",
        "collection": seen["collection"],
        "facility": facts["facility"],
        "instrument": facts["instrument"],
        **_stated({"start_mjd": facts["validity"][0], "stop_mjd": facts["validity"][1], **seen}),
        "s_resolution": None if resolution is None else resolution * 3600,
        "s_ref_energy": None if reference_energy is None else reference_energy * EV_PER_GEV,
        "event_type": seen["event_type"],
        "obs_mode": seen["obs_mode"],
        "analysis_mode": seen["analysis_mode"],
        "messenger_name": seen["messenger"],
        "messenger_pdgid": seen["messenger_pdgid"],
        "reference": facts["reference"],
        "owner": None,
        "embargo": None,
    }


def _stated(seen):
    """Return the columns for what is stated of a coverage in time, sky and energy."""
    columns = {}
    if "start_mjd" in seen:
        period = seen["start_mjd"], seen["stop_mjd"]
        times = timemoc.microseconds(Time(period, format="mjd", scale="utc"))
        columns |= {"t_min": period[0], "t_max": period[1], "livetime": None}
        columns["t_intervals"] = timemoc.ascii_moc(*times.reshape(2, 1))
    if "diameter_deg" in seen:
        columns["s_ra"], columns["s_dec"] = seen["centre_ra_deg"], seen["centre_dec_deg"]
        columns["s_fov"] = seen["diameter_deg"]
    if "min_energy_gev" in seen:
        low, high = seen["min_energy_gev"] * EV_PER_GEV, seen["max_energy_gev"] * EV_PER_GEV
        columns |= {"energy_min": low, "energy_max": high}
        columns |= {"em_min": WAVELENGTH_OF_EV / high, "em_max": WAVELENGTH_OF_EV / low}
    return columns


def _responses(folder, facts, common):
    """Yield the rows of the instrument responses of a release: delivered, and in GADF."""
    for one in facts.get("responses", ()):
        delivered = os.path.join(folder, one["name"])
        # a simulated stand-in has none
        if not os.path.exists(delivered):
            continue
        stem = os.path.splitext(delivered)[0]
        picture = _below_inputs(stem + PREVIEW) if os.path.exists(stem + PREVIEW) else None
        for path, ending in ((delivered, ""), (stem + GADF, " (GADF for gammapy)")):
            if os.path.exists(path):
                yield {
                    **common,
                    **_stated(one.get("observation", {})),
                    **_file(path, facts),
                    "product_type": "response-function",
                    "product_subtype": one["response"],
                    "title": one["title"] + ending,
                    "preview": picture and f"{_below_inputs(path)}?preview=True",
                    "preview_path": picture,
                    "o_ucd": None,
                    "ev_xel": None,
                    "kid": None,
                }


def _file(path, facts):
    """Return what DaCHS' table of products has to know of a file."""
    return {
        "path": _below_inputs(path),
        # like the number of events, not public before the data
        "size": None if facts.get("protected") else os.path.getsize(path),
        "media_type": mimetypes.guess_type(path)[0] or "application/octet-stream",
    }


def _below_inputs(path):
    return os.path.relpath(path, base.getConfig("inputsDir"))


def _filled_columns(path, events):
    """Return the names of the columns that have values, by the first events; in lower case."""
    # not events.data, of which astropy copies all columns when the file is closed
    row = events.columns.dtype.newbyteorder(">")
    with open(path, "rb") as stream:
        stream.seek(events.fileinfo()["datLoc"])
        rows = np.fromfile(stream, row, min(SAMPLE, events.header["NAXIS2"]))
    filled = set()
    for column in events.columns:
        values = rows[column.name]
        if values.dtype.kind == "f":
            present = np.isfinite(values)
        elif values.dtype.kind in "iu":
            present = values != column.null
        else:
            present = np.char.rstrip(values) != b""
        if np.any(present):
            filled.add(column.name.lower())
    return filled


def _observables(release, columns):
    """Return the UCDs of the columns of an event list, joined by ``#``.

    They are in the descriptor of the release, in which a column has the name that it has in the
    database, or that of the list in its property ``fits``.
    """
    ucds = [
        column.ucd
        for column in base.caches.getRD(f"{release}/nu").getById("main")
        if column.getProperty("fits", str(column.name)).lower() in columns
        and not column.ucd.startswith(IDENTIFIERS)
    ]
    return "#".join(dict.fromkeys(ucds))
