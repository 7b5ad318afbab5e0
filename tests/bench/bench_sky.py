"""How fast events are located on the sky, next to astropy: ``python -m tests.bench.bench_sky``.

Both run on one core and on the same events; astropy on some of them only, in batches as large.
"""

import argparse
import time

import astropy_iers_data
import numpy as np
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers

from ingest.events.detectors import detector
from ingest.events.sky import locate, mjd_utc

BEGIN = 1_577_836_800  # 2020-01-01


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


def main():
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--astropy-events", type=int, default=20_000)
    parser.add_argument("--detector", default="orca")
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()

    iers.conf.auto_download = False
    iers.earth_orientation_table.set(iers.IERS_A.open(astropy_iers_data.IERS_A_FILE))

    print(f"{args.events:,} events, {args.detector}, best of {args.repeat}")
    print(
        f"{'events over':>12} {'SkyCoord/s':>11} {'locate/s':>11} {'ratio':>6} {'at most off':>12}"
    )
    for days in (1, 30, 365, 5 * 365):
        dirs, seconds, nanoseconds = sample(args.events, days)
        ours, here = best(args.repeat, locate, *dirs, seconds, nanoseconds, args.detector)
        few = slice(0, args.astropy_events)
        mjd = mjd_utc(seconds[few], nanoseconds[few])
        theirs, there = best(
            args.repeat, with_astropy, here.zenith[few], here.azimuth[few], mjd, args.detector
        )
        off = SkyCoord(here.ra[few], here.dec[few], unit="deg").separation(there).arcsec.max()
        rates = args.events / ours, there.size / theirs
        print(
            f"{days:>10} d {rates[1]:>11,.0f} {rates[0]:>11,.0f} {rates[0] / rates[1]:>6.0f}"
            f' {off:>11.4f}"'
        )


if __name__ == "__main__":
    main()
