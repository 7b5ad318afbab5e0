"""A DaCHS grammar that tells what an archive product holds, from its FITS headers.

It yields one row per file: obs_id, title, t_min and t_max (MJD, UTC), livetime (s), n_events,
kid. This runs in the Python of DaCHS.
"""

from astropy.io import fits
from astropy.time import Time, TimeDelta
from gavo.grammars.customgrammar import CustomRowIterator


class RowIterator(CustomRowIterator):
    """Reads the headers of one product."""

    def _iterRows(self):
        with fits.open(self.sourceToken) as hdus:
            primary, events = hdus[0].header, hdus["EVENTS"].header
        reference = Time(
            events["MJDREFI"], events["MJDREFF"], format="mjd", scale=events["TIMESYS"].lower()
        )

        def utc(seconds):
            return float((reference + TimeDelta(seconds, format="sec")).utc.mjd)

        yield {
            "obs_id": "{RELEASE}/{OBS_ID}".format(**events),
            "title": primary["TITLE"],
            "t_min": utc(events["TSTART"]),
            "t_max": utc(events["TSTOP"]),
            "livetime": events["LIVETIME"],
            "n_events": events["NAXIS2"],
            "kid": events["KID"],
        }

    def getLocator(self):
        """Return the place for error messages."""
        return self.sourceToken
