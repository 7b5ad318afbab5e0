"""The alert archive as astronomers and their programs meet it.

What is in it stands in :mod:`tests.alert_archive`.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import http.client
import http.server
import io
import re
import subprocess
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np
import pytest
import pyvo
from astropy import constants, units
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from ingest.instance.lifecycle import status
from ingest.instance.postgres import Cluster
from tests import alert_archive
from tests.alert_archive import ELSEWHERE, EVIL, PNG, STRANGER

KM3 = "ivo://km3net.org/VOEvent#KM3-230213A"
TWICE = "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z"
"""What a VOEvent and a notice in JSON are both called."""
CHAIN = range(8, 14)
"""The numbers of the notices of MS181101ab, in the order of their revisions."""
OLD = re.compile(
    "E-RUCD.*service_def|E-SMCO.*'(coderived|documentation|counterpart)'|xtype value \"moc\""
    "|Namespaced non-DALI xtype value"
)
"""What is right and STILTS does not know: MOCs, xtypes with a namespace, and without a network the
newer words of the vocabulary of DataLink; and DaCHS' own UCD of service_def."""


@pytest.fixture(scope="module", autouse=True)
def strangers(instance) -> Iterator[None]:
    """Let the archive have what strangers may send."""
    with alert_archive.strangers(instance):
        yield


@pytest.fixture(scope="module")
def packets(delivered: Path) -> Path:
    return delivered / "alerts"


@pytest.fixture
def cursor(instance):
    """Give a cursor whose changes are taken back."""
    layout = alert_archive.layout_of(instance)
    with Cluster(layout).connect(status(layout).postgres_port or 0) as connection:
        yield connection.cursor()
        connection.rollback()


@pytest.fixture(scope="module")
def ask(instance):
    """Return a function that sends a request and returns status, headers and body."""

    def send(path, method="GET", **headers):
        path = path.removeprefix(instance.url)
        connection = http.client.HTTPConnection("localhost", instance.port, timeout=60)
        connection.request(
            method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
        )
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()

    return send


@pytest.fixture(scope="module")
def links(instance):
    """Return a function that returns the DataLink rows of notices."""

    def get(*identifiers):
        query = urlencode({"ID": identifiers}, doseq=True)
        address = f"{instance.url}/alerts/nu/dl/dlmeta?{query}"
        return list(pyvo.dal.adhoc.DatalinkResults.from_result_url(address))

    return get


def of(rows, semantics):
    """Return the rows of one meaning. pyvo's own way asks for the vocabulary on the network."""
    return [row for row in rows if row.semantics == semantics]


def packet(ivorn, **more):
    return "/alerts/nu/packet?" + urlencode({"ivorn": ivorn, **more})


def only_bitmaps(cursor):
    """Let the planner use each index that it can: the table is small, it would rather not."""
    cursor.execute("SET LOCAL enable_seqscan = off")
    cursor.execute("SET LOCAL enable_indexscan = off")


def found_by_region(fetch, **parameters):
    """Return the numbers of the alerts that the search for regions finds."""
    text = fetch(
        "/alerts/nu/region/api?" + urlencode(parameters | {"RESPONSEFORMAT": "csv"})
    ).read()
    return {int(row["notice_id"]) for row in csv.DictReader(io.StringIO(text.decode()))}


# -- positions ---------------------------------------------------------------------------------


def test_a_cone_around_km3_230213a_finds_it(instance, no_warnings):
    cone = pyvo.dal.SCSService(f"{instance.url}/alerts/nu/cone/scs.xml")
    (alert,) = cone.search((94.3, -7.0), 1)
    assert (alert["event_name"], alert["ra"], alert["dec"]) == ("KM3-230213A", 94.3, -7.8)
    assert alert["pos_err_90"] == 2.2
    assert alert["energy"] == 120e6  # 120 PeV in the packet
    assert alert["_r"] == pytest.approx(0.8, abs=1e-6)


def test_a_cone_over_the_whole_sky_has_one_row_per_alert_and_no_test(fetch, read_strictly):
    for verbosity in (1, 2, 3):
        path = f"/alerts/nu/cone/scs.xml?RA=0&DEC=0&SR=180&VERB={verbosity}"
        table = read_strictly(fetch(path).read()).get_first_table().to_table()
        assert sorted(map(int, table["notice_id"])) == [1, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("constraint", "numbers"),
    [
        ({"stream": "km3net"}, {1, 3}),
        ({"event_mjd": "59900 60000"}, {1, 4}),
        ({"far": "-Inf 9e-9"}, {4}),  # 0.2464 a year are 7.8e-9 Hz, 0.3110 are 9.9e-9 Hz
        ({"signalness": "0.75 +Inf"}, {4, 5}),
    ],
)
def test_cones_are_narrowed_down(fetch, read_strictly, constraint, numbers):
    query = urlencode({"RA": 0, "DEC": 0, "SR": 180, **constraint})
    content = fetch(f"/alerts/nu/cone/scs.xml?{query}").read()
    table = read_strictly(content).get_first_table().to_table()
    assert set(map(int, table["notice_id"])) == numbers


# -- regions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "radius", "numbers"),
    [
        (2.1, 0, {1}),  # the packet's radius of 90 % is 2.2
        (2.6, 0, set()),  # a region consists of whole cells, and reaches a little farther
        (4.0, 1.4, set()),
        (4.0, 1.9, {1}),
    ],
)
def test_a_region_is_found_from_inside_and_by_touching(fetch, distance, radius, numbers):
    centre = SkyCoord(94.3, -7.8, unit="deg")
    for angle in range(0, 360, 45):
        place = centre.directional_offset_by(angle * units.deg, distance * units.deg)
        cone = {"RA": place.ra.deg, "DEC": place.dec.deg, "SR": radius}
        assert found_by_region(fetch, **cone) == numbers


def test_a_position_far_from_that_of_the_alert_is_in_its_region(fetch):
    """The galaxy NGC 3115 is 1.9 degrees from the cascade, whose radius is 12.9 degrees."""
    assert found_by_region(fetch, RA=151.3083, DEC=-7.7186) == {5}


def test_an_alert_without_a_region_is_never_found(fetch):
    """Two halves of the sky have all the others."""
    found = found_by_region(fetch, RA=0, DEC=90, SR=90) | found_by_region(
        fetch, RA=0, DEC=-90, SR=90
    )
    assert found == {1, 3, 4, 5, 6, 7}


@pytest.mark.parametrize(
    "parameters",
    [
        {"RA": 10},
        {"DEC": 10},
        {"RA": "x", "DEC": 10},
        {"RA": "NaN", "DEC": 10},
        {"RA": 10, "DEC": 91},
        {"RA": 10, "DEC": 10, "SR": -1},
        {"RA": 10, "DEC": 10, "SR": 91},
        {"RA": 10, "DEC": 10, "SR": "Infinity"},
    ],
)
def test_a_question_that_makes_no_sense_gets_an_error(fetch, parameters):
    try:
        answer = fetch(f"/alerts/nu/region/api?{urlencode(parameters)}").read()
    except urllib.error.HTTPError as error:
        answer = error.read()
    assert b'name="QUERY_STATUS" value="ERROR"' in answer
    assert b"Traceback" not in answer


def test_adql_knows_the_regions(tap):
    point = "SELECT notice_id FROM alerts.latest WHERE 1 = CONTAINS(POINT(96.3, -7.8), region_90)"
    assert list(tap.search(point)["notice_id"]) == [1]
    for shapes in ("CIRCLE(97.3, -7.8, {}), region_90", "region_90, CIRCLE(97.3, -7.8, {})"):
        query = f"SELECT notice_id FROM alerts.latest WHERE 1 = INTERSECTS({shapes})"
        assert list(tap.search(query.format(0.9))["notice_id"]) == [1]
        assert list(tap.search(query.format(0.2))["notice_id"]) == []
    none = point.replace("POINT(96.3, -7.8)", "CIRCLE(94.3, -7.8, 0)")
    assert list(tap.search(none.replace("CONTAINS", "INTERSECTS"))["notice_id"]) == [1]


def test_uploaded_sources_are_matched_with_regions(tap, no_warnings):
    sources = Table({"name": ["in", "out", "galaxy"], "ra": [95.0, 98.0, 151.3083]})
    sources["dec"] = [-7.8, -7.8, -7.7186]
    rows = tap.run_sync(
        "SELECT u.name, a.notice_id FROM TAP_UPLOAD.mine AS u JOIN alerts.latest AS a"
        " ON 1 = CONTAINS(POINT(u.ra, u.dec), a.region_90)",
        uploads={"mine": sources},
    )
    assert {(row["name"], int(row["notice_id"])) for row in rows} == {("in", 1), ("galaxy", 5)}


@pytest.mark.parametrize(
    "condition",
    [
        "spoint(radians(u.ra), radians(u.decl)) <@ region_90",
        "scircle(spoint(radians(u.ra), radians(u.decl)), radians(1)) && region_90",
        "region_90 && u.origin_est",
        "region_90 @> smoc(29, spoint(1, 0))",
        "region_90 && smoc(9, scircle(spoint(1, 0), 0.01))",
    ],
)
def test_questions_for_regions_use_the_index(cursor, condition):
    only_bitmaps(cursor)
    cursor.execute(
        "EXPLAIN SELECT notice_id FROM ant20_01.main AS u, alerts.notices"
        f" WHERE {condition} AND u.id = 'ANT0001'"
    )
    assert "notices_region_90" in str(cursor.fetchall())


S_REGION = (
    "point <@ s_region",
    "scircle(point, 0.01) && s_region",
    "s_region <@ scircle(point, 1)",
)


@pytest.mark.parametrize("condition", S_REGION)
def test_an_index_finds_the_same_outlines_as_reading_all_of_them(cursor, condition):
    """From positions in and around the outlines, where a wrong index would miss some of them."""
    cursor.execute(
        "CREATE TEMPORARY TABLE asked ON COMMIT DROP AS SELECT spoint(radians(s_ra + 1.1 * dx * r),"
        " radians(least(90, greatest(-90, s_dec + 1.1 * dy * r)))) AS point FROM"
        " (SELECT s_ra, s_dec, s_fov / 2 AS r FROM ivoa.obscore WHERE s_region IS NOT NULL) AS o,"
        " (VALUES (0, 0), (0.8, 0), (0, 0.99), (0, -1.01), (-1, 0.2)) AS d (dx, dy)"
        " WHERE abs(s_dec) < 80"
    )
    query = f"SELECT point::text, obs_publisher_did FROM asked, ivoa.obscore WHERE {condition}"
    cursor.execute(query)
    expected = sorted(cursor.fetchall())
    assert expected
    only_bitmaps(cursor)
    # Of so few rows each index seems to be as good as any other.
    cursor.execute(
        "UPDATE pg_index SET indisvalid = indexrelid = 'alerts.notices_outline'::regclass"
        " WHERE indrelid = 'alerts.notices'::regclass"
    )
    cursor.execute(f"EXPLAIN {query}")
    assert "notices_outline" in str(cursor.fetchall())
    cursor.execute(query)
    assert sorted(cursor.fetchall()) == expected


# -- ObsCore -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def entries(tap):
    table = tap.search("SELECT * FROM ivoa.obscore WHERE obs_collection LIKE 'alerts/%'").to_table()
    return {str(row["obs_id"]): row for row in table}


def test_obscore_has_the_newest_notices_and_no_tests(entries):
    assert set(entries) == {
        "km3net/KM3-230213A",
        "km3net/KM3-240901A",
        "icecube/137467_64735045",
        "icecube/136889_25590129",
        "antares/1438351269",
        "swift/644259",
        "ivo://nasa.gsfc.gcn/gcn",
    }


def test_obscore_says_what_the_packet_says(entries):
    entry = entries["km3net/KM3-230213A"]
    assert (entry["dataproduct_type"], entry["obs_collection"]) == ("event", "alerts/km3net")
    assert (entry["facility_name"], entry["instrument_name"]) == ("KM3NeT", "ARCA021")
    assert (entry["s_ra"], entry["s_dec"]) == (94.3, -7.8)
    assert entry["s_fov"] == pytest.approx(4.4)
    assert entry["s_resolution"] == pytest.approx(1.2 * 3600)
    assert entry["t_min"] == entry["t_max"] == pytest.approx(59988.0533217593)
    wavelength = (constants.h * constants.c / (120 * units.PeV)).to_value("m")
    assert entry["em_min"] == entry["em_max"] == pytest.approx(wavelength, rel=1e-6)
    assert entry["obs_publisher_did"].endswith("/~?alerts/1")
    assert entry["obs_creator_did"] == KM3
    unknown = entries["ivo://nasa.gsfc.gcn/gcn"]
    empty = ("s_ra", "s_dec", "s_fov", "s_resolution", "em_min", "em_max")
    assert all(np.ma.is_masked(unknown[name]) for name in empty)


def test_obscore_leads_to_the_packet(entries, packets):
    entry = entries["icecube/137467_64735045"]
    assert entry["access_format"] == "application/x-votable+xml;content=datalink"
    rows = pyvo.dal.adhoc.DatalinkResults.from_result_url(entry["access_url"])
    (this,) = of(rows, "#this")
    content = (packets / "voevent" / "icecube_gold.xml").read_bytes()
    assert pyvo.utils.http.create_session().get(this.access_url).content == content
    assert this["content_length"] == len(content)


@pytest.mark.parametrize("value", [0.0, 5e-324, 1e-60, 1e300])
def test_no_number_of_a_packet_breaks_obscore(cursor, value):
    cursor.execute(
        "UPDATE alerts.notices SET energy = %s, pos_err_50 = %s, pos_err_90 = %s", [value] * 3
    )
    cursor.execute("SELECT * FROM ivoa.obscore")
    assert len(cursor.fetchall()) >= 6


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("obs_collection = 'alerts/km3net'", "notices_collection"),
        ("obs_publisher_did = 'ivo://km3net.org/~?alerts/1'", "notices_did"),
        ("t_min BETWEEN 59000 AND 59001", "notices_event_mjd"),
    ],
)
def test_what_obscore_is_searched_by_uses_an_index(cursor, condition, index):
    only_bitmaps(cursor)
    # Partial indices have just the notices of the view, and of so few they seem to be as good.
    cursor.execute(
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indrelid = 'alerts.notices'::regclass AND indpred IS NOT NULL"
    )
    cursor.execute(f"EXPLAIN SELECT * FROM ivoa.obscore WHERE {condition}")
    assert index in str(cursor.fetchall())


# -- DataLink ----------------------------------------------------------------------------------


def test_rows_of_a_cone_search_lead_to_their_links(instance, packets):
    cone = pyvo.dal.SCSService(f"{instance.url}/alerts/nu/cone/scs.xml")
    (rows,) = cone.search((94.3, -7.8), 1).iter_datalinks()
    (this,) = of(rows, "#this")
    assert this.getdataset().read() == (packets / "voevent" / "KM3-230213A.xml").read_bytes()


def test_rows_of_tap_lead_to_their_links(tap):
    found = tap.search("SELECT sha256 FROM alerts.notices WHERE revision = 3")
    (rows,) = found.iter_datalinks()
    assert [row["ID"] for row in of(rows, "#this")] == list(found["sha256"])


def test_the_notices_of_an_alert_lead_to_each_other_in_the_order_of_revisions(links):
    last = len(CHAIN) - 1
    for place, number in enumerate(CHAIN):
        by_relation = {row["local_semantics"]: row for row in of(links(number), "#coderived")}
        assert ("previous" in by_relation, "next" in by_relation) == (place > 0, place < last)
        if place < last:
            assert by_relation["next"].access_url.endswith(f"notice_id={number + 1}")
    assert "retraction, revision 5" in by_relation["previous"].description


@pytest.fixture
def followups(instance) -> Iterator[None]:
    """Let notices 3 and 5 cite notice 4, which belongs to another alert, for one test."""
    layout = alert_archive.layout_of(instance)
    with Cluster(layout).connect(status(layout).postgres_port or 0) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "INSERT INTO alerts.citations (notice_id, citation_no, cited_ivorn, cite)"
            " SELECT n, 99, ivorn, 'followup' FROM alerts.notices, unnest(ARRAY[3, 5]) AS n"
            " WHERE notice_id = 4"
        )
        connection.commit()
        yield
        cursor.execute("DELETE FROM alerts.citations WHERE citation_no = 99")
        connection.commit()


def test_cited_and_citing_packets_are_linked(links, followups, ask):
    def counterparts(number):
        rows = of(links(number), "#counterpart")
        return [(row["local_semantics"], row.access_url.partition("?")[2]) for row in rows]

    assert counterparts(3) == [("cited", "notice_id=4")]
    assert counterparts(4) == [("citing", "notice_id=3"), ("citing", "notice_id=5")]
    for row in of(links(4), "#counterpart"):
        status_code, headers, content = ask(row.access_url)
        assert (status_code, headers["Content-Type"]) == (200, row.content_type)
        assert len(content) == row.content_length


def test_the_published_event_of_an_alert_is_among_its_links(links):
    (row,) = of(links(1), "#progenitor")
    (event,) = pyvo.dal.DALResults.from_result_url(row.access_url).to_table()
    assert (event["event_id"], event["release"]) == ("KM3-230213A", "evts23_01")


def test_kept_sky_map_and_picture_are_linked_and_a_script_is_not(links, ask):
    rows = {row.semantics: row for row in links(STRANGER)}
    assert set(rows) == {"#this", "#preview", "#coderived", "#documentation"}
    status_code, headers, content = ask(rows["#preview"].access_url)
    assert (status_code, headers["Content-Type"], content) == (200, "image/png", PNG)
    status_code, headers, content = ask(rows["#coderived"].access_url)
    assert (status_code, headers["Content-Type"]) == (200, "application/fits")
    assert fits.open(io.BytesIO(content))[0].header["SIMPLE"]


def test_a_sky_map_elsewhere_is_linked(links, packets):
    addresses = [row.access_url for row in of(links(5), "#coderived")]
    packet_text = (packets / "voevent" / "icecube_cascade.xml").read_text()
    assert addresses == re.findall('name="skymap_fits".*?value="(.*?)"', packet_text)


def test_each_of_several_identifiers_gets_its_rows_or_its_fault(links, entries):
    did = str(entries["km3net/KM3-230213A"]["obs_publisher_did"])
    rows = links(
        did, "3", "999", str(2**70), "0" * 64, "nonsense", "1; DROP TABLE alerts.notices", "-1"
    )
    errors = {
        row["ID"]: row["error_message"].partition(":")[0] for row in rows if row["error_message"]
    }
    assert errors == {
        "999": "NotFoundFault",
        str(2**70): "UsageFault",
        "0" * 64: "NotFoundFault",
        "nonsense": "UsageFault",
        "1; DROP TABLE alerts.notices": "UsageFault",
        "-1": "UsageFault",
    }
    assert {row["ID"] for row in rows if row["access_url"] and row.semantics == "#this"} == {
        did,
        "3",
    }


@pytest.mark.parametrize("identifiers", ["1", "3", "12", "14", "999", "x", "1&ID=999"])
def test_datalinklint_has_nothing_to_say(fetch, stilts, tmp_path, identifiers):
    document = tmp_path / "links.vot"
    document.write_bytes(fetch(f"/alerts/nu/dl/dlmeta?ID={identifiers}").read())
    report = stilts("datalinklint", f"votable={document}", "report=EWF")
    assert [
        line for line in report.splitlines() if re.match("[EWF]-", line) and not OLD.search(line)
    ] == []
    assert "Totals" in report


# -- packets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "file", "media_type"),
    [
        (packet(KM3), "voevent/KM3-230213A.xml", "application/xml"),
        (packet(TWICE), "gcn/km3net_alert.example.json", "application/json"),
        (packet(TWICE, version=2), "gcn/km3net_alert.example.json", "application/json"),
        (packet(TWICE, version=1), "voevent/km3net_gcn_single_he.xml", "application/xml"),
        ("/alerts/nu/packet?notice_id=2", "voevent/km3net_gcn_single_he.xml", "application/xml"),
        (
            "/alerts/nu/packet?sha256=f4671f968770dfde51933601e9db133170b0c18d2fd4602aca21607b7169eb92",
            "voevent/KM3-230213A.xml",
            "application/xml",
        ),
        ("/alerts/nu/packet?IVORN=" + quote(KM3, ""), "voevent/KM3-230213A.xml", "application/xml"),
    ],
)
def test_a_packet_is_given_byte_by_byte(ask, packets, path, file, media_type):
    content = (packets / file).read_bytes()
    status_code, headers, body = ask(path)
    assert (status_code, body) == (200, content)
    assert headers["Content-Type"] == media_type
    assert ask(path, "HEAD")[::2] == (200, b"")
    assert ask(path, Range="bytes=0-9")[::2] == (206, content[:10])
    assert ask(path, If_None_Match=headers["ETag"])[::2] == (304, b"")
    assert hashlib.sha256(content).hexdigest() in headers["ETag"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("ivorn=ivo%3A%2F%2Fnowhere%2Fx%23y", 404),
        (urlencode({"ivorn": KM3, "version": 2}), 404),
        ("notice_id=0", 404),
        ("notice_id=999999999999999999", 404),
        (f"notice_id={ELSEWHERE}", 404),
        ("", 400),
        ("ivorn=%FF", 400),
        ("notice_id=%ED%A0%80", 400),
        ("sha256=%FF", 400),
        ("ivorn=a&ivorn=b", 400),
        ("ivorn=a&notice_id=1", 400),
        ("notice_id=1&version=1", 400),
        ("sha256=" + "0" * 64, 404),
        ("sha256=..%2F..%2Fetc%2Fpasswd", 400),
        ("notice_id=1e3", 400),
        ("notice_id=-1", 400),
        ("ivorn=a%00b", 400),
    ],
)
def test_what_is_not_there_is_refused_in_plain_text(ask, query, code):
    status_code, headers, body = ask(f"/alerts/nu/packet?{query}")
    assert status_code == code
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body.count(b"\n") == 1


def test_a_packet_without_map_or_picture_has_none(ask):
    assert ask("/alerts/nu/map?notice_id=1")[0] == 404
    assert ask("/alerts/nu/preview?notice_id=1")[0] == 404


def test_headers_keep_a_packet_from_doing_harm(ask):
    _, headers, body = ask(f"/alerts/nu/packet?notice_id={STRANGER}")
    assert body == EVIL
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Set-Cookie"] is None
    policy = {rule.strip() for rule in headers["Content-Security-Policy"].split(";")}
    assert policy >= {"default-src 'none'", "sandbox"}
    (name,) = re.findall('^inline; filename="([^"]*)"$', headers["Content-Disposition"])
    assert re.fullmatch(r"[A-Za-z0-9_+-][A-Za-z0-9_.+-]*\.xml", name)


def test_a_script_in_a_packet_does_not_run(instance, tmp_path):
    """The same file from a server without these headers runs it, so the test can fail."""
    (tmp_path / "packet.xml").write_bytes(EVIL.replace(b"<?xml-stylesheet", b"<?none"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert 'data-ran="yes"' in shown(f"http://127.0.0.1:{server.server_port}/packet.xml")
        server.shutdown()
    page = shown(f"{instance.url}/alerts/nu/packet?notice_id={STRANGER}")
    assert "data-ran=" not in page


def shown(address):
    """Return the document that a browser makes of what is at an address."""
    done = subprocess.run(
        ["/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_web_pages_of_other_origins_may_read_packets(fetch):
    reply = fetch("/alerts/nu/packet?notice_id=1", Origin="https://aladin.example.org")
    assert reply.headers["Access-Control-Allow-Origin"] in ("*", "https://aladin.example.org")


# -- pages and validators ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/nu/cone/form",
        "/alerts/nu/cone/form?__nevow_form__=genForm&hscs_pos=94.3,-7.8&hscs_sr=180&submit=Go",
        "/alerts/nu/cone/info",
        "/alerts/nu/region/form",
        "/alerts/nu/region/form?__nevow_form__=genForm&hscs_pos=95.3,-7.8&submit=Go",
        "/alerts/nu/region/info",
        "/alerts/nu/packet/info",
        "/tableinfo/alerts.latest",
        "/tableinfo/alerts.notices",
        "/browse/alerts/nu",
        "/__system__/tap/run/tap/examples",
    ],
)
def test_web_pages_have_no_leftovers_of_markup(fetch, path):
    page = fetch(path).read().decode()
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page)
    assert "System Message" not in text
    assert not re.search(r"\\[a-z]\w+|`__|\.\. \w+::|&lt;meta", text)


@pytest.mark.parametrize("service", ["cone", "region"])
def test_forms_answer_with_the_alert(fetch, service):
    path = (
        f"/alerts/nu/{service}/form?__nevow_form__=genForm&hscs_pos=95,-7.8&hscs_sr=120&submit=Go"
    )
    assert "KM3-230213A" in fetch(path).read().decode()


@pytest.mark.parametrize(
    "path",
    [
        "/alerts/nu/cone/scs.xml?RA=94.3&DEC=-7.8&SR=180&VERB=3",
        "/alerts/nu/region/api?RA=94.3&DEC=-7.8&SR=1&VERB=3",
        "/__system__/tap/run/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+alerts.notices",
    ],
)
def test_votlint_has_nothing_to_say_of_alerts(fetch, stilts, tmp_path, path):
    document = tmp_path / "answer.vot"
    document.write_bytes(fetch(path).read())
    assert b"<VOTABLE" in document.read_bytes()
    report = stilts("votlint", f"votable={document}").splitlines()
    assert [line for line in report if not OLD.search(line)] == []


def test_foreign_keys_are_told(tap):
    keys = tap.search("SELECT from_table, target_table FROM tap_schema.keys")
    references = {(row["from_table"], row["target_table"]) for row in keys}
    for name in ("events", "counterparts", "params", "citations"):
        assert (f"alerts.{name}", "alerts.notices") in references


@pytest.mark.parametrize(("given", "missing"), [("DEC=3", "RA"), ("RA=3", "DEC")])
def test_a_search_by_region_without_a_position_names_the_parameter(instance, given, missing):
    answer = instance.fetch(f"alerts/nu/region/api?{given}").decode()
    assert 'value="ERROR"' in answer and f"{missing} is missing" in answer
