"""How fast events are located on the sky, next to astropy.

Both run on one core and on the same events; astropy on some of them only, in batches as large.
"""

import time

import astropy_iers_data
import numpy as np
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from ingest.events.sky.coordinates import locate, mjd_utc
from ingest.events.sky.detectors import detector
from tests.bench.report import rates

BEGIN = 1_577_836_800  # 2020-01-01
ASTROPY_EVENTS = 20_000
REPEAT = 3


def sample(n, days):
    """Return directions and times of `n` events, in no order, over `days`."""
    random = np.random.default_rng(230_213)
    seconds = random.integers(BEGIN, BEGIN + 86_400 * days, n)
    return random.normal(size=(3, n)), seconds, random.integers(0, 10**9, n)


def with_astropy(zenith, azimuth, mjd, name):
    """Return ICRS coordinates by astropy's own transformation."""
    site = detector(name)
    frame = AltAz(
        obstime=Time(mjd, format="mjd", scale="utc"),
        location=EarthLocation.from_geodetic(site.longitude, site.latitude, site.height),
    )
    return SkyCoord(azimuth, 90 - zenith, unit="deg", frame=frame).icrs


def best(repeat, function, *args):
    """Return the shortest of some durations in s, and the last result."""
    durations = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function(*args)
        durations.append(time.perf_counter() - start)
    return min(durations), result


def lines(events):
    """Yield a line per time span; the astrometry of a day is prepared once."""
    iers.conf.auto_download = False
    iers.earth_orientation_table.set(iers.IERS_A.open(astropy_iers_data.IERS_A_FILE))
    few = slice(0, ASTROPY_EVENTS)
    for days in (1, 365, 5 * 365):
        dirs, seconds, nanoseconds = sample(events, days)
        ours, here = best(REPEAT, locate, *dirs, seconds, nanoseconds, "orca")
        mjd = mjd_utc(seconds[few], nanoseconds[few])
        theirs, there = best(REPEAT, with_astropy, here.zenith[few], here.azimuth[few], mjd, "orca")
        off = SkyCoord(here.ra[few], here.dec[few], unit="deg").separation(there).arcsec.max()
        what = f'{events:,} events over {days} d, at most {off:.3f}" apart'
        yield rates(what, events / ours, there.size / theirs, "SkyCoord(AltAz).icrs", "≥ 80")
