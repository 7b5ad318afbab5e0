"""GCN circulars: read, kept in all versions, searched, linked to alerts, withheld, rebuilt."""

from __future__ import annotations

import io
import json
import re
import tarfile
import time
import urllib.error

import numpy as np
import pytest
import pyvo
from astropy.io import votable
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.conversion import verdict
from ingest.alerts.notices import Circular, PacketError, parse, parse_packet
from ingest.alerts.notices.circulars import MAX_BODY, without_addresses
from tests.alerts.sample_circulars import (
    FOLLOW_UP,
    HESE,
    HESE_FOLLOW_UP,
    ICECUBE,
    UNRELATED,
    edited,
    packet,
)
from tests.alerts.sample_maps import flat_bytes
from tests.alerts.sample_packets import param, voevent
from tests.alerts.test_curation import answer, archive_of, km3vo, tables
from tests.alerts.test_live import rows
from tests.instances import ROOT, Instance


def circular_of(document, **changes) -> Circular:
    found = parse_packet(packet(document, **changes))
    assert isinstance(found, Circular)
    return found


def test_a_circular_is_read():
    found = circular_of(ICECUBE)
    assert (found.circular_id, found.version, found.text_format) == ("33633", 1, "text/plain")
    assert found.event_name == "IceCube-230416A"
    assert found.names == ("ICECUBE230416A", "icecube/137840_57034692")
    assert found.created == pytest.approx(Time("2023-04-16T12:53:20").mjd, abs=1e-9)
    assert (found.edited, found.bibcode) == (None, None)
    assert found.submitter == "A. E. Einstein at U. Alabama/IceCube"
    later = parse_packet(edited(ICECUBE, 2, "Corrected."))
    assert (later.version, later.edited) == (2, pytest.approx(found.created + 2 / 24, abs=1e-9))
    assert verdict(packet(ICECUBE)) == "valid"
    schema = "ingest/alerts/conversion/schemas/gcn/node_modules/@nasa-gcn/schema/gcn"
    example = (ROOT / schema / "circulars.example.json").read_bytes()
    assert parse_packet(example).names == ("GRB230410A", "fermi/702818765")
    with pytest.raises(PacketError, match="a circular, not a notice"):
        parse(packet(ICECUBE))


@pytest.mark.parametrize(
    ("number", "expected"), [(18448.5, "18448.5"), (-1, "-1"), (0, "0"), ("33633", "33633"),
                             (33633.0, "33633"), (18453.50, "18453.5")],
)  # fmt: skip
def test_the_numbers_of_circulars(number, expected):
    assert circular_of(UNRELATED, circularId=number).circular_id == expected


@pytest.mark.parametrize(
    "changes",
    [{"circularId": None}, {"circularId": "x"}, {"circularId": [1, {}], "body": {}},
     {"body": None}, {"subject": {"a": 1}}, {"body": "x" * MAX_BODY}, {"circularId": 10**40}],
)  # fmt: skip
def test_what_is_not_usable_goes_to_quarantine(changes):
    with pytest.raises(PacketError, match="the circular has no"):
        circular_of(UNRELATED, **changes)


def test_impossible_values_are_missing():
    found = circular_of(UNRELATED, createdOn=1e300, version="next", editedOn="now", format=7)
    assert (found.created, found.version, found.edited) == (None, 1, None)
    assert found.text_format == "text/plain"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Leo at NASA/GSFC <leo.p.s@nasa.example.gov>", "Leo at NASA/GSFC"),
        ("write to roc@icecube.wisc.example.edu.", "write to (e-mail address)."),
        ("D. Grupe (grupe AT astro.psu.example.edu)", "D. Grupe ((e-mail address))"),
        ("x (at) y.example.org, z[at]y.example.org", "(e-mail address), (e-mail address)"),
        ("x" * 100 + "@example.org, o'neil@example.org", "(e-mail address), o'(e-mail address)"),
        ("a@b.c.d.e.f.g.h.i.j.k.l.org", "(e-mail address)"),
        ("a@" + "b" * 100 + ".org", "(e-mail address)"),
        ("x\uff20example.org, x&#64;example.org", "(e-mail address), (e-mail address)"),
        ("x [at] example [dot] org", "(e-mail address)"),
        ("GRB 221009A@z=0.151 at 12:00 AT 3 sigma", "GRB 221009A@z=0.151 at 12:00 AT 3 sigma"),
        ("at http://icecube.wisc.edu/ we look", "at http://icecube.wisc.edu/ we look"),
    ],
)
def test_addresses_are_left_out(text, expected):
    assert without_addresses(text) == expected


@pytest.mark.parametrize("part", [" ", "< ", "a.", "a@a.", "a ( at ) ", "a AT ", "a@b (dot"])
def test_addresses_are_looked_for_quickly(part):
    begin = time.process_time()
    without_addresses("a@a" + part * (MAX_BODY // len(part)))
    assert time.process_time() - begin < 2


@given(st.text(st.sampled_from("aZ9.@<> -_%+\n"), max_size=200))
def test_no_address_remains_whatever_surrounds_it(text):
    assert not re.search(r"(?<![\w.%+-])[\w.%+-]+@[\w-]+\.[\w-]+", without_addresses(text))


@given(st.dictionaries(
    st.sampled_from(sorted(ICECUBE.keys() | FOLLOW_UP.keys() | {"version", "editedOn", "format"})),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.lists(st.text(max_size=5), max_size=2),
))  # fmt: skip
def test_any_circular_is_read_or_refused(changes):
    try:
        found = parse_packet(packet(ICECUBE, **changes))
    except PacketError:
        return
    assert isinstance(found, Circular)


NOTICE = "gcn/icecube_single_neutrino_alerts.gold_bronze_track_alerts.example.json"
ALERT = "icecube/137840_57034692"
HESE_ALERT = "icecube/131999_68269692"


@pytest.fixture
def archive_of_gcn(tmp_path):
    """Return a file like GCN's archive.json.tar.gz, and packets like those of its topic."""
    path = tmp_path / "archive.json.tar.gz"
    hese = voevent(
        param("run_id", "131999"), param("event_id", "68269692"), param("Packet_Type", "158"),
        ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_HESE_Event2019-01-04T08:34:38.00_1_131999_0",
    )  # fmt: skip
    contents = {
        "archive.json/33633.json": packet(ICECUBE),
        "archive.json/33700.json": json.dumps(FOLLOW_UP, indent=2).encode(),
        "archive.json/23605.json": packet(HESE),
        "archive.json/23610.json": packet(HESE_FOLLOW_UP),
        "archive.json/18448.5.json": packet(UNRELATED),
        "archive.json/broken.json": packet(UNRELATED, circularId="x"),
        "notices/hese.xml": hese,
        # the topic later: the versions do not arrive in order
        "topic/3.json": edited(ICECUBE, 3, "Third text, at 1.5 degrees."),
        "topic/2.json": edited(ICECUBE, 2, "Second text."),
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def linked(instance: Instance, alert: str) -> list[str]:
    query = f"SELECT circular_id FROM alerts.circular_alerts WHERE alert_id = '{alert}'"
    return sorted(one for (one,) in instance.adql(query))


@pytest.mark.slow
def test_circulars_beside_alerts(filled_instance, archive_of_gcn):
    node = filled_instance
    counts = json.loads(km3vo(node, "status", "--json"))
    report = km3vo(node, "import", str(archive_of_gcn))
    assert "8  with rows" in report and "1  in quarantine" in report
    now = json.loads(km3vo(node, "status", "--json"))
    assert now["with_rows"] == counts["with_rows"] + 8
    assert (now["in_quarantine"], now["waiting"]) == (counts["in_quarantine"] + 1, 0)
    assert "no differences" in km3vo(node, "verify")
    assert "already there" in km3vo(node, "import", str(archive_of_gcn))

    # all versions, the newest of which is marked
    versions = node.adql(
        "SELECT version, is_latest FROM alerts.circulars WHERE circular_id = '33633'"
        " ORDER BY version"
    )
    assert versions == [["1", "0"], ["2", "0"], ["3", "1"]]
    everything = json.dumps(node.adql("SELECT * FROM alerts.circulars"))
    assert "Marie Curie at Sorbonne" in everything
    assert "@" not in everything and "AT example" not in everything

    # linked by name, by number, and by the name of a circular that has the number
    assert linked(node, ALERT) == ["33633", "33700"]
    assert linked(node, HESE_ALERT) == ["23605", "23610"]
    assert node.adql("SELECT count(*) FROM alerts.circular_alerts") == [["4"]]
    names = node.adql("SELECT event_name FROM alerts.event_names WHERE event_name LIKE 'KM3%'")
    assert {"KM3230213A", "KM3240901A"} <= {name for (name,) in names}

    # words, in any form, by an index
    query = "SELECT circular_id FROM alerts.circulars WHERE 1 = ivo_hasword({}, '{}')"
    assert node.adql(query.format("body", "observe nothing")) == [["33700"]]
    assert node.adql(query.format("subject", "upper limit")) == [["33700"]]
    assert node.adql(query.format("body", "unicorn")) == []
    plan = rows(
        node,
        "SET LOCAL enable_seqscan = off; EXPLAIN SELECT * FROM alerts.circulars"
        " WHERE to_tsvector('english', body) @@ plainto_tsquery('english', 'nothing')",
    )
    assert "circulars_body_words" in str(plan)

    tap = pyvo.dal.TAPService(node.tap)
    queries = [one["QUERY"] for one in tap.examples if "circulars" in one["QUERY"]]
    found = [set(tap.search(query)["circular_id"]) for query in queries]
    assert found == [{"33633", "33700"}, {"33700"}]

    # hostile characters arrive, in form and page
    (hostile,) = tap.search("SELECT * FROM alerts.circulars WHERE circular_id = '18448.5'")
    assert "Observations" in hostile["subject"] and "</script>" in hostile["body"]
    # and so do those of all languages, as far as VOTables can have them
    for form in ("votable/td", "votable/b2", "votable"):
        query = (
            "SELECT body, submitter, circular_id FROM alerts.circulars WHERE submitter LIKE 'Z%'"
        )
        (foreign,) = tap.search(query, responseformat=form)
        assert foreign["body"].endswith("by José: 5 ± 2 µJy, α = 1 \ufffd.")
        assert (foreign["submitter"], foreign["circular_id"]) == ("Zoë One", "18448.5")
    text = answer(node, "alerts/nu/circular?id=18448.5")[1]
    assert "SUBJECT: GRB 970228: Keck/LRIS Optical Observations" in text

    # DataLink, and the text
    ((number,),) = node.adql(
        f"SELECT notice_id FROM alerts.notices WHERE alert_id = '{ALERT}' AND is_latest = 1"
    )
    links = votable.parse(io.BytesIO(node.fetch(f"alerts/nu/dl/dlmeta?ID={number}")))
    table = links.get_first_table().to_table()
    found = [row for row in table if row["local_semantics"] == "circular"]
    assert [row["description"] for row in found] == [
        f"GCN circular {one['circularId']}: {one['subject']}" for one in (ICECUBE, FOLLOW_UP)
    ]
    assert {row["content_type"] for row in found} == {"text/plain"}
    text = node.fetch(str(found[0]["access_url"]).removeprefix(node.url + "/")).decode()
    assert text.startswith("TITLE:   GCN CIRCULAR\nNUMBER:  33633\nSUBJECT: IceCube-230416A: ")
    assert "DATE:    23/04/16 12:53:20 GMT\nFROM:    A. E. Einstein at U. Ala" in text
    assert text.endswith("\n\nThird text, at 1.5 degrees.\n") and "version 3" in text
    assert "Second" in answer(node, "alerts/nu/circular?id=33633&version=2")[1]
    for wrong, code in (
        ("id=1", 404), ("id=x", 400), ("", 400), ("id=33633&version=x", 400), ("id=18448.5", 200),
        ("notice_id=0", 404), ("id=1&id=2", 400), ("id=%ff", 400), ("id=33633&version=9", 404),
    ):  # fmt: skip
        assert answer(node, f"alerts/nu/circular?{wrong}")[0] == code, wrong

    # withheld: the version before is the newest, until it is shown again
    ((packet_number,),) = node.adql(
        "SELECT notice_id FROM alerts.circulars WHERE circular_id = '33633' AND is_latest = 1"
    )
    before = tables(node)
    sky_map = archive_of_gcn.with_name("map.fits")
    sky_map.write_bytes(flat_bytes(np.full(12, 1 / 12), 1))
    assert "no such notice" in km3vo(node, "attach", packet_number, str(sky_map), code=2)
    km3vo(node, "hide", packet_number, "--reason", "a personal datum")
    assert "Second" in answer(node, "alerts/nu/circular?id=33633")[1]
    assert answer(node, f"alerts/nu/circular?notice_id={packet_number}") == (
        403,
        "This packet is withheld: a personal datum\n",
    )
    hidden = tables(node)
    km3vo(node, "verify")
    km3vo(node, "rebuild")
    assert tables(node) == hidden
    km3vo(node, "hide", packet_number, "--undo")
    assert tables(node) == before
    assert archive_of(node).read(archive_of(node).entry(int(packet_number)))


def test_the_page_is_plain_text_for_browsers(instance):
    with pytest.raises(urllib.error.HTTPError) as caught:
        instance.fetch("alerts/nu/circular?id=1")
    headers = caught.value.headers
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
