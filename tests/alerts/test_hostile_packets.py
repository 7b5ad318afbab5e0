"""Any bytes give a notice or a PacketError, quickly."""

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.notices.model import Notice, PacketError
from ingest.alerts.notices.parsing import MAX_BYTES, parse
from tests.alerts.corpus import mutated
from tests.alerts.sample_packets import group, icecube, param, voevent, where_when


def outcome(content):
    """Return the notice or PacketError of a packet; anything else fails the test."""
    try:
        notice = parse(content)
    except PacketError as error:
        assert error.problem and error.expected and error.remedy
        str(error).encode()
        return error
    # a database and JSON must be able to hold it
    notice.model_dump_json(exclude={"sky_map"}).encode()
    for parameter in notice.parameters:
        assert "\0" not in (parameter.value or "")
    return notice


def refused(content):
    with pytest.raises(PacketError) as error:
        parse(content)
    return error.value


def billion_laughs(encoding="utf-8"):
    lines = ['<!ENTITY a0 "ha">']
    lines += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12)]
    text = (
        f"<!DOCTYPE VOEvent [{''.join(lines)}]>"
        + '<VOEvent ivorn="ivo://x/y#z" a="{0}">{0}</VOEvent>'
    )
    return text.replace("{0}", "&a11;").encode(encoding)


ENTITIES = {
    "billion laughs": billion_laughs(),
    "in UTF-16": billion_laughs("utf-16"),
    "in an attribute": b'<!DOCTYPE v [<!ENTITY a "b">]><VOEvent ivorn="ivo://x/y#&a;"/>',
    "a file": b'<!DOCTYPE v [<!ENTITY a SYSTEM "file:///etc/passwd">]><VOEvent a="">&a;</VOEvent>',
    "a parameter entity": b'<!DOCTYPE v [<!ENTITY % a SYSTEM "http://127.0.0.1/">%a;]><VOEvent/>',
}


@pytest.mark.parametrize("content", ENTITIES.values(), ids=ENTITIES)
def test_entities_are_refused_quickly(content):
    start = time.monotonic()
    error = refused(content)
    assert time.monotonic() - start < 1
    assert "entities" in error.problem
    assert "root:" not in str(error)


def test_quadratic_blowup_is_refused_quickly():
    big = '<!DOCTYPE v [<!ENTITY a "' + "x" * 100_000 + '">]><VOEvent ivorn="x">' + "&a;" * 10_000
    start = time.monotonic()
    refused((big + "</VOEvent>").encode())
    assert time.monotonic() - start < 1


def test_nothing_is_fetched():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        packet = voevent(
            param("skymap_fits", f"{url}/map.fits"),
            rest=f'<How><Reference uri="{url}/reference"/></How>'
            f'<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{url}/x"/></x>',
        ).replace(b"<voe:VOEvent", f'<!DOCTYPE v SYSTEM "{url}/dtd"><voe:VOEvent'.encode(), 1)
        notice = parse(packet)
        assert notice.sky_map_urls == (f"{url}/map.fits",)
        parse(json.dumps({"id": "x", "healpix_url": f"{url}/json.fits"}).encode())
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


def test_a_document_type_alone_is_harmless():
    packet = voevent().replace(b"<voe:VOEvent", b"<!DOCTYPE voe:VOEvent><voe:VOEvent", 1)
    assert parse(packet).position.ra == 150.5


TOO_MUCH = {
    "100 MB": b"<VOEvent>" + b"x" * 100_000_000,
    "a byte too many": b" " * (MAX_BYTES + 1),
    "a million elements": b'<VOEvent ivorn="x">' + b"<a/>" * 1_000_000 + b"</VOEvent>",
    "many attributes": voevent("<Param " + " ".join(f"a{i}='1'" for i in range(99_000)) + "/>"),
    "deep XML": b'<VOEvent ivorn="x">' + b"<a>" * 200 + b"</a>" * 200 + b"</VOEvent>",
    "very deep XML": b'<VOEvent ivorn="x">' + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</VOEvent>",
    "deep groups": voevent("<Group>" * 100 + "</Group>" * 100),
    "deep JSON": b'{"id": "x", "a": ' + b"[" * 100 + b"]" * 100 + b"}",
    "very deep JSON": b'{"id": "x", "a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": b'{"id": "x", "a": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "many values": b'{"id": "x", "a": [' + b"1," * 200_000 + b"1]}",
    "a long name again and again": voevent(
        group("n" * 1_000_000, *(f"<Param name='{i}'/>" for i in range(500)))
    ),
    "a long identifier": voevent(ivorn="ivo://x/y#" + "z" * 5000),
    "a long id": json.dumps({"id": "x" * 5000}).encode(),
}


@pytest.mark.parametrize("content", TOO_MUCH.values(), ids=TOO_MUCH)
def test_packets_beyond_the_limits_are_refused_quickly(content):
    start = time.process_time()
    refused(content)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "content",
    [
        json.dumps({"id": "x", "$schema": "/gcn/" * 500_000}).encode(),
        json.dumps({"id": "x", "counterpart_info": [{"reference": "{'a': '" * 300_000}]}).encode(),
        voevent(param("FAR", "1", unit="/" + "s" * 1_000_000 + "!")),
        voevent(param("src_error_90", "1", description="stat " * 500_000)),
        voevent(where=where_when(time=" " * 1_000_000 + "x")),
        voevent() + b"</VOEvent>" * 50_000,
    ],
    ids=["schema", "reference", "unit", "description", "time", "ends"],
)
def test_long_texts_take_no_quadratic_time(content):
    start = time.process_time()
    outcome(content)
    assert time.process_time() - start < 3


def test_large_packets_within_the_limits_are_parsed():
    rows = "".join(f"<TR><TD>{i}</TD><TD>x</TD></TR>" for i in range(20_000))
    packet = voevent(
        f'<Table name="t"><Field name="a"/><Field name="b"/><Data>{rows}</Data></Table>'
    )
    assert len(parse(packet).parameters) > 40_000


PACKET = voevent(param("name", "Möller"), ivorn="ivo://example.org/s#1").decode()

ENCODINGS = {
    "UTF-8": (PACKET.encode(), False),
    "UTF-8 with a mark": (PACKET.encode("utf-8-sig"), False),
    "UTF-16": (PACKET.replace("UTF-8", "UTF-16").encode("utf-16"), False),
    "UTF-16 that says UTF-8": (PACKET.encode("utf-16"), False),
    "UTF-16 without a mark": (PACKET.encode("utf-16-le"), False),
    "UTF-32": (PACKET.encode("utf-32"), False),
    "Latin-1": (PACKET.replace("UTF-8", "ISO-8859-1").encode("latin-1"), False),
    "Latin-1 that says UTF-8": (PACKET.encode("latin-1"), True),
    "UTF-8 that says Latin-1": (PACKET.replace("UTF-8", "ISO-8859-1").encode(), False),
    "an unknown one": (PACKET.replace("UTF-8", "X-KLINGON").encode(), False),
    "leading blanks": (b" \r\n\t\0" + PACKET.encode(), False),
    "trailing blanks": (PACKET.encode() + b"\n\0\0\0", False),
    "no declaration": (PACKET.partition("\n")[2].encode(), False),
}


@pytest.mark.parametrize(("content", "remarked"), ENCODINGS.values(), ids=ENCODINGS)
def test_encodings_are_recognised_by_the_bytes(content, remarked):
    notice = parse(content)
    assert "Möller" in [p.value for p in notice.parameters]
    assert any("Latin-1" in remark for remark in notice.remarks) == remarked


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_encodings_of_json(encoding):
    notice = parse('  {"id": "1", "mission": "Möller"}\n'.encode(encoding))
    assert "Möller" in [p.value for p in notice.parameters]


def test_content_after_the_end_of_a_packet_is_ignored_with_a_remark():
    for content in (voevent() + b"garbage", b'{"id": "x"} garbage'):
        notice = parse(content)
        assert "after the end" in notice.remarks[0]


def test_two_packets_in_one_are_refused():
    refused(b'{"id": "a"}\n{"id": "b"}')


@pytest.mark.parametrize("text", ["\\u0000", "\\ud800", "\\udfff x"])
def test_characters_that_postgresql_cannot_store_are_replaced(text):
    notice = outcome(
        b'{"id": "x", "event_name": "' + text.encode() + b'", "' + text.encode() + b'": 1}'
    )
    assert isinstance(notice, Notice)
    assert "�" in notice.event_name


def test_errors_name_place_value_expectation_and_remedy(delivered):
    alerts = delivered / "alerts" / "voevent"
    error = refused((alerts / "not_a_voevent_quakeml.xml").read_bytes())
    assert "quakeml" in str(error) and "VOEvent" in error.expected
    error = refused((alerts / "not_well_formed.xml").read_bytes())
    assert error.where == "line 1, column 213"
    assert "xsi" in str(error)
    assert "/VOEvent/@ivorn" in str(refused(b"<VOEvent/>"))
    assert refused(b"").remedy
    assert refused(b"\x89PNG\r\n\x1a\n\0\0").remedy


OUT_OF_RANGE = [
    ({"ra": "999"}, "999"),
    ({"ra": "-180.5"}, "-180.5"),
    ({"dec": "-95"}, "-95"),
    ({"dec": "NaN"}, "NaN"),
    ({"dec": "1e999"}, "1e999"),
    ({"ra": "23:0:4.13"}, "23:0:4.13"),
    ({"ra": "1_000"}, "1_000"),
    ({"ra": ""}, None),
    ({"unit": "furlong"}, "furlong"),
]


@pytest.mark.parametrize(("place", "value"), OUT_OF_RANGE)
def test_a_position_outside_the_sphere_empties_only_its_field(place, value):
    notice = parse(voevent(param("TrigID", "7"), where=where_when(**place)))
    assert notice.position is None
    assert notice.event_mjd is not None
    assert any("Position2D" in r and (value or "one coordinate") in r for r in notice.remarks)
    assert value is None or value in [p.value for p in notice.parameters]


def test_a_radius_beyond_the_sphere_empties_only_its_field():
    notice = parse(voevent(where=where_when(radius="181")))
    assert (notice.position.ra, notice.position.radius) == (150.5, None)
    assert any("Error2Radius" in r and "181" in r and "180" in r for r in notice.remarks)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("energy", "-5", "energy"),
        ("FAR", "-1", "far"),
        ("signalness", "1.01", "signalness"),
        ("pvalue", "nan", "p_value"),
        ("N_events", "-2", "n_events"),
        ("record_number", "9" * 400, "record_number"),
        ("record_number", "2147483648", "record_number"),
        ("N_events", "1e18", "n_events"),
        ("energy", "1e308", "energy"),
    ],
)
def test_a_value_out_of_range_empties_only_its_field(name, value, field):
    units = {"energy": "TeV", "FAR": "Hz"}
    notice = parse(voevent(param(name, value, unit=units.get(name, ""))))
    assert getattr(notice, field) is None
    assert any(name.lower() in r.lower() and value[:20] in r for r in notice.remarks)
    assert value in [p.value for p in notice.parameters]


def test_repeated_params_are_all_preserved_and_the_first_is_used():
    notice = parse(voevent(param("energy", "1", unit="TeV"), param("energy", "2", unit="TeV")))
    assert notice.energy == 1000
    assert [p.value for p in notice.parameters if p.path == "energy"] == ["1", "2"]


def test_the_number_of_remarks_is_limited():
    events = [{"ra": "x", "dec": "y"} for _ in range(5000)]
    notice = parse(json.dumps({"id": "1", "event_details": events}).encode())
    assert len(notice.events) == 5000
    assert len(notice.remarks) <= 100


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_notice_or_an_error(content):
    outcome(content)
    outcome(b"<VOEvent ivorn='x'>" + content)
    outcome(b'{"id": "x", "a": "' + content)


@pytest.fixture(scope="module")
def corpus(delivered):
    real = [path.read_bytes() for path in sorted((delivered / "alerts").glob("*/*"))]
    assert len(real) >= 25
    return [*real, icecube(), voevent(), voevent(citations=(("retraction", "ivo://a/b#c"),))]


@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.integers(0, 2**32))
def test_mutated_real_packets_are_a_notice_or_an_error(corpus, seed):
    chance = random.Random(seed)
    content = chance.choice(corpus)
    outcome(mutated(content, chance))
