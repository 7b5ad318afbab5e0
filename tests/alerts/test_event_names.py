"""Names of events in the subjects of real circulars, and in notices."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.notices import parse
from ingest.alerts.notices.event_names import (
    MAX_NAMES,
    keys_in,
    names_in,
    names_of,
    names_of_notice,
    normalised,
)
from tests.alerts.sample_packets import icecube, param, voevent

SUBJECTS = {
    # subjects of circulars, from GCN's archive and the test cases of its website
    "IceCube-170922A - IceCube observation of a high-energy neutrino candidate event": [
        "ICECUBE170922A"
    ],
    "IceCube-240327B: GRANDMA observations of 4FGL J0555.9+0030": ["ICECUBE240327B"],
    "Fermi-LAT Gamma-ray Observations of IceCube-260315A": ["ICECUBE260315A"],
    "IceCube_Cascade_221223a - IceCube observation of a neutrino": ["ICECUBECASCADE221223A"],
    "GRB 221009A: Swift detection of an extraordinarily bright burst": ["GRB221009A"],
    "Swift detection of a possibly short burst for GRB_230228a": ["GRB230228A"],
    "IPN localization of GRB000801": ["GRB000801"],
    "EP250404a / GRB 250404A: Montarrenti Observatory optical observations ": [
        "EP250404A", "GRB250404A",
    ],
    "XRF040812: possible afterglow second Chandra observation": ["XRF040812"],
    "LIGO/Virgo S190425z: Identification of a GW compact binary merger candidate": ["S190425Z"],
    "LIGO/Virgo/KAGRA S231127cg: Identification of a GW candidate": ["S231127CG"],
    "upper limits from LIGO/VirgoS200224ca AGILE/MCAL observations": ["S200224CA"],
    "LIGO/Virgo G298936: Updated localization from gravitational-wave data": ["G298936"],
    "LIGO/Virgo GW170817: Further Hubble Space Telescope observations": ["GW170817"],
    "GW_250206: Swift UVOT follow-up": ["GW250206"],
    "Fermi-LAT-ANTARES200407a Coincidence": ["ANTARES200407A"],
    "Alert from the HAWC Burst Monitor HAWC-191019A": ["HAWC191019A"],
    "FRB 20250206A: Nondetection of Repeating Bursts from FRB 20250206A with FAST": [
        "FRB20250206A"
    ],
    "ZTF23aabmzlp/AT2023azs: Zwicky Transient Facility discovery of a fast transient": [
        "ZTF23AABMZLP", "AT2023AZS",
    ],
    "SVOM/sb25021804: SVOM detection of a long X-ray transient": ["SB25021804"],
    "Type Ib/c SN2002ap (SN/GRB?)": ["SN2002AP"],
    # no names
    "LIGO/Virgo S200114f: Constraints on a CCSN origin from KM3NeT MeV neutrino search.": [
        "S200114F"
    ],
    "Disregard the Swift-XRT Notices today": [],
    "observed at 2000s after the trigger, in 230416 seconds": [],
    "SGR 1935+2154: Swift-BAT refined analysis": [],
}  # fmt: skip


@pytest.mark.parametrize(("subject", "names"), SUBJECTS.items())
def test_the_subjects_of_real_circulars(subject, names):
    assert names_in(subject) == names


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (("KM3-230213A", "KM3230213A", "KM3 230213A", "km3net-230213a"), "KM3230213A"),
        (("IceCube-170922A", "IC170922A", "IC-170922A", "ICECUBE 170922a"), "ICECUBE170922A"),
        (("GRB 221009A", "GRB221009A", "grb-221009a"), "GRB221009A"),
        (("S190425z", "LIGO/Virgo S190425z", "S190425Z"), "S190425Z"),
        (("SGR 1935+2154", "SGR1935+2154"), "SGR1935+2154"),
    ],
)
def test_the_ways_in_which_a_name_is_written(names, form):
    assert {tuple(names_of(name)) for name in names} == {(form,)}


def test_the_numbers_of_alerts_in_circulars():
    # GCN circulars 33633, 23605, 32603 and 33603
    body = (
        "the initial automated alert (https://gcn.gsfc.nasa.gov/notices_amon_g_b/137840_57034692"
        ".amon), https://gcn.gsfc.nasa.gov/notices_amon/68269692_131999.amon,"
        " triggered and\nlocated GRB 220930A (trigger=1125809).  Swift slewed,"
        " GRB 230410A (trigger 702818765.135562 / 230410476)."
    )
    assert keys_in(body) == [
        "icecube/137840_57034692", "icecube/131999_68269692", "swift/1125809", "fermi/702818765",
    ]  # fmt: skip
    # the same numbers identify the alerts in notices
    hese = "ivo://nasa.gsfc.gcn/AMON#ICECUBE_HESE_Event2019-01-04T08:34:38.00"
    notice = parse(
        voevent(param("run_id", "131999"), param("event_id", "068269692"), ivorn=hese + "_1_0")
    )
    assert notice.event_key == "icecube/131999_68269692"


def test_a_notice_has_the_names_of_both_styles_of_identifier():
    for ivorn in (
        "ivo://KM3NeT_Neutrino#KM3-230213A_1_2024-09-01T12:01:00.00Z",
        "ivo://km3net.org/VOEvent#KM3-230213A",
    ):
        names = names_of_notice(parse(voevent(ivorn=ivorn)))
        assert names == ["KM3230213A", "km3net/KM3-230213A"]
    assert names_of_notice(parse(icecube())) == ["icecube/137000_12345678"]
    assert names_of_notice(parse(voevent(role="test", ivorn=ivorn))) == []


@given(st.text(max_size=300))
def test_any_text(text):
    for name in names_in(text) + names_of(text):
        assert re.fullmatch("[A-Z0-9+]{1,100}", name)
        assert normalised(name) == name
    assert len(names_in(text)) <= MAX_NAMES


@given(
    st.sampled_from(["IceCube", "IC", "GRB", "ANTARES", "HAWC", "EP"]),
    st.text("-_. ", max_size=3),
    st.from_regex(r"[0-9]{6}[A-F]", fullmatch=True),
    st.booleans(),
)
def test_separators_and_case_do_not_matter(mission, separators, rest, lower):
    name = mission + separators + rest
    expected = names_of(mission + rest)
    assert names_of(name.lower() if lower else name) == expected
    assert names_in(f"Follow-up of {name}: nothing") == expected
