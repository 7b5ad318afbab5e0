"""A DaCHS grammar that describes data products from their FITS headers.

It yields one row per file for the table km3net.observations. What may be corrected later without
a new product, such as the title, is in ``release.json`` in the folder of the release, not in the
headers. This runs in the Python of DaCHS.
"""

import datetime
import json
import os

from astropy.io import fits
from astropy.time import Time, TimeDelta
from gavo import base
from gavo.grammars.customgrammar import CustomRowIterator

EV_PER_GEV = 1e9
# m eV: the wavelength of a photon of 1 eV is h c / e, exact because the SI defines h, c and e
WAVELENGTH_OF_EV = 6.62607015e-34 * 299792458 / 1.602176634e-19


def facts_of(folder):
    """Return the facts of a release; none if it was imported by a version that did not write them.

    The next import of the release writes them.
    """
    try:
        with open(os.path.join(folder, "release.json"), encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        return {}


class RowIterator(CustomRowIterator):
    """Reads the headers of one product."""

    def _iterRows(self):
        path = self.sourceToken
        facts = facts_of(os.path.dirname(os.path.dirname(path)))
        if facts.get("hidden"):
            return
        embargo = facts.get("embargo")
        with fits.open(path) as hdus:
            primary, events = hdus[0].header, hdus["EVENTS"].header
        reference = Time(
            events["MJDREFI"], events["MJDREFF"], format="mjd", scale=events["TIMESYS"].lower()
        )

        def utc(seconds):
            return float((reference + TimeDelta(seconds, format="sec")).utc.mjd)

        low, high = primary["ENERGMIN"] * EV_PER_GEV, primary["ENERGMAX"] * EV_PER_GEV
        resolution = primary.get("ANGRES")
        title = facts.get("title", primary["TITLE"])
        if primary["SIMULATE"]:
            title += " [SIMULATED stand-in, not real data]"
        folder = os.path.relpath(os.path.dirname(path), base.getConfig("inputsDir"))
        yield {
            "release": primary["RELEASE"],
            "obs_id": "{}/{}".format(primary["RELEASE"], primary["OBS_ID"]),
            "title": title,
            "collection": facts.get("collection", primary["OBSCOLL"]),
            "facility": primary["FACILITY"],
            "instrument": primary["INSTRUME"],
            "t_min": utc(events["TSTART"]),
            "t_max": utc(events["TSTOP"]),
            "livetime": events["LIVETIME"] or None,
            "s_ra": primary["FOV_RA"],
            "s_dec": primary["FOV_DEC"],
            "s_fov": primary["FOV_DIAM"],
            "s_resolution": None if resolution is None else resolution * 3600,
            "energy_min": low,
            "energy_max": high,
            "em_min": WAVELENGTH_OF_EV / high,
            "em_max": WAVELENGTH_OF_EV / low,
            # the numbers of events and bytes are not public before the data
            "ev_xel": None if facts.get("protected") else events["NAXIS2"],
            "size": None if facts.get("protected") else os.path.getsize(path),
            "event_type": primary["EVTTYPE"],
            "obs_mode": primary["HEAMODE"],
            "analysis_mode": primary.get("ANMODE"),
            "messenger_name": primary["MESSENGR"],
            "messenger_pdgid": primary.get("PDGID"),
            "kid": primary["KID"],
            "reference": facts.get("reference", primary.get("REFERENC")),
            "owner": facts.get("owner"),
            "embargo": embargo and datetime.date.fromisoformat(embargo),
            "folder": folder,
        }

    def getLocator(self):
        return self.sourceToken
