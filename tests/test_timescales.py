import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from ingest.core import timescales

REFERENCE = Time(timescales.MJD_REFERENCE, format="mjd", scale="tt")
RESOLUTION = 2.4e-7  # s; of a double that counts 1e9 s, twice


@pytest.mark.parametrize(
    ("mjd", "tt_minus_utc"),
    [
        # IERS Bulletin C: TAI-UTC, plus 32.184 s
        (53735.9, 64.184),  # 2005-12-31
        (53736.0, 65.184),  # 2006-01-01
        (54832.0, 66.184),  # 2009-01-01
        (56109.0, 67.184),  # 2012-07-01
        (57204.0, 68.184),  # 2015-07-01
        (57753.5, 68.184),  # 2016-12-31 noon, within a day of 86 401 s
        (57754.0, 69.184),  # 2017-01-01
        (60000.25, 69.184),
    ],
)
def test_leap_seconds(mjd, tt_minus_utc):
    whole, fraction = divmod(mjd, 1)
    length = 86401 if whole in (53735, 57753) else 86400
    utc = (whole - timescales.MJD_REFERENCE) * 86400 + fraction * length
    assert timescales.utc_mjd_to_tt(mjd) == pytest.approx(utc + tt_minus_utc, abs=RESOLUTION)


@given(st.floats(53_000, 61_500))
def test_mjd_agrees_with_astropy(mjd):
    expected = (Time(mjd, format="mjd", scale="utc").tt - REFERENCE).sec
    assert timescales.utc_mjd_to_tt(mjd) == pytest.approx(expected, abs=RESOLUTION)


@given(st.integers(1_072_915_200, 1_800_000_000), st.integers(0, 999_999_999))
def test_unix_agrees_with_astropy(seconds, nanoseconds):
    expected = (Time(seconds, nanoseconds / 1e9, format="unix").tt - REFERENCE).sec
    if (seconds // 86400) in {day - 40587 for day in (53735, 54831, 56108, 57203, 57753)}:
        return  # astropy stretches the seconds of a day that has one more
    assert timescales.unix_to_tt(seconds, nanoseconds) == pytest.approx(expected, abs=RESOLUTION)


def test_unix_seconds_around_a_leap_second():
    # 2016-12-31T23:59:59 and 2017-01-01T00:00:00 UTC are two SI seconds apart
    before, after = timescales.unix_to_tt([1483228799, 1483228800])
    assert after - before == 2
    assert before == (Time("2016-12-31T23:59:59", scale="utc").tt - REFERENCE).sec


def test_dates_are_tt():
    assert timescales.tt_to_iso(0.0) == "2000-01-01T00:00:00.000"
    start = float(timescales.utc_mjd_to_tt(57754.0))
    assert timescales.tt_to_iso(start) == "2017-01-01T00:01:09.184"


def test_unix_time_and_mjd_agree_with_astropy():
    time = Time(["2008-01-29T12:34:56.789012", "2023-02-13T01:16:47.703"], scale="utc")
    seconds, nanoseconds = timescales.split_mjd(time.mjd)
    # a double resolves an MJD to about 1 µs
    np.testing.assert_allclose(seconds + nanoseconds / 1e9, time.unix, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(seconds, np.floor(time.unix))
    np.testing.assert_allclose(timescales.unix_to_mjd(time.unix), time.mjd, rtol=0, atol=1e-11)
