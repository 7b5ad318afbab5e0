"""The service of expected events, against sums over the tables of the responses."""

from __future__ import annotations

import io
import urllib.parse
import urllib.request

import numpy as np
import pytest
from astropy.io import votable
from astropy.io.votable.ucd import check_ucd

SERVICE = "/irf/nu/expected/api"
LATITUDE = 36.27
"""Of ARCA, deg; the pole is far enough from the edges of bins."""
POLE = 90 + LATITUDE
"""The zenith angle of the south celestial pole, deg, which does not change over the day."""
SECONDS = 365.25 * 86400


@pytest.fixture(scope="module")
def ask(instance):
    def send(**parameters):
        url = f"{instance.url}{SERVICE}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as reply:
            return votable.parse(io.BytesIO(reply.read()))

    return send


def tables(answer):
    return [one.to_table(use_names_over_ids=True) for one in answer.resources[0].tables]


@pytest.mark.parametrize("release", ["irf_arca230", "irf_arca115"])
def test_at_the_pole_the_signal_is_the_sum_over_the_bins_of_energy(ask, tap, release):
    rows = tap.search(
        "SELECT energy_true_lo AS low, energy_true_hi AS high, aeff FROM irf.aeff"
        f" WHERE release = '{release}' AND zenith_lo < {POLE} AND zenith_hi > {POLE}"
    ).to_table()
    low, high = np.asarray(rows["low"], float), np.asarray(rows["high"], float)
    expected = (1e-8 * (1 / low - 1 / high) * np.asarray(rows["aeff"]) * 1e4 * SECONDS).sum()
    (row,), bins = tables(ask(RELEASE=release, DEC=-90))
    assert row["n_sig"] == pytest.approx(expected, rel=1e-5)
    assert row["n_sig"] == pytest.approx(bins["n_sig"].sum())
    assert row["up_going"] == 1


def test_the_background_of_a_small_circle_is_the_rate_times_its_area(ask, tap):
    rows = tap.search(
        "SELECT energy_reco_lo AS low, energy_reco_hi AS high, rate FROM irf.bkgrate"
        " WHERE release = 'irf_arca230' AND dec_lo < -2 AND dec_hi > -0.9"
    ).to_table()
    assert len(rows) > 10
    rate = ((np.asarray(rows["high"], float) - rows["low"]) * rows["rate"]).sum()
    area = 2 * np.pi * (1 - np.cos(np.radians(0.5)))
    ((row,), _) = tables(ask(DEC=-1.43, SR=0.5))
    assert row["n_bkg"] == pytest.approx(rate * area * SECONDS, rel=1e-5)


def test_a_cutoff_and_a_radius_leave_less_signal(ask):
    ((all_of_it,), _) = tables(ask(RELEASE="irf_arca115", DEC=10, SR=3))
    ((cut,), _) = tables(ask(RELEASE="irf_arca115", DEC=10, SR=0.3, CUTOFF=1e5))
    assert 0 < cut["n_sig_inside"] < cut["n_sig"] < all_of_it["n_sig"]
    assert cut["n_sig_inside"] / cut["n_sig"] < all_of_it["n_sig_inside"] / all_of_it["n_sig"] < 1


def test_columns_are_described_and_the_responses_cited(ask):
    answer = ask(DEC=-30)
    for table in answer.resources[0].tables:
        for field in table.fields:
            assert field.description
            assert field.ucd and check_ucd(field.ucd, check_controlled_vocabulary=True)
    infos = {(one.name, one.value) for one in answer.resources[0].infos}
    assert ("citation", "doi:10.48550/arXiv.2402.08363") in infos
    ((row,), _) = tables(answer)
    assert "no point-spread function" in row["remark"]


BAD = {
    "no declination": ({}, "DEC", "missing"),
    "declination": ({"DEC": 91}, "DEC", "-90 to 90"),
    "release": ({"DEC": 1, "RELEASE": "../irf"}, "RELEASE", "not a release of responses"),
    "release without areas": ({"DEC": 1, "RELEASE": "ant20_01"}, "RELEASE", "not a release of"),
    "flux": ({"DEC": 1, "NORM": -1}, "NORM", "not from 0"),
    "too much": ({"DEC": 1, "NORM": 1e300}, "NORM", "not from 0"),
    "index": ({"DEC": 1, "INDEX": "nan"}, "INDEX", "finite"),
    "cutoff": ({"DEC": 1, "CUTOFF": 0}, "CUTOFF", "positive"),
    "livetime": ({"DEC": 1, "LIVETIME": 0}, "LIVETIME", "above 0"),
    "radius": ({"DEC": 1, "SR": 90}, "SR", "between 0 and 90"),
    "energy": ({"DEC": 1, "EMIN": -1}, "EMIN", "0 or more"),
}


@pytest.mark.parametrize(("parameters", "name", "reason"), BAD.values(), ids=BAD)
def test_bad_input_is_an_error_that_names_the_parameter(ask, parameters, name, reason):
    (info,) = (one for one in ask(**parameters).resources[0].infos if one.name == "QUERY_STATUS")
    assert info.value == "ERROR"
    assert info.content.startswith(f"Field {name}: ")
    assert reason in info.content
