"""Notices in Avro say the same as in JSON; hop-client writes them."""

from __future__ import annotations

import base64
import gzip
import json
from io import BytesIO

import fastavro
import pytest
from hop.models import AvroBlob
from hypothesis import given
from hypothesis import strategies as st

from ingest.alerts.notices import PacketError, parse

NOTICES = [
    "km3net_alert.example.json",
    "km3net_alert.multiplet.example.json",
    "icecube_single_neutrino_alerts.gold_bronze_track_alerts.example.json",
    "chime_frb.retraction.example.json",
]
SKY_MAP = gzip.compress(b"SIMPLE  =                    T".ljust(2880))
SUPEREVENT = {
    "superevent_id": "S261127a",
    "time_created": "2026-11-27T12:00:00Z",
    "alert_type": "PRELIMINARY",
    "urls": {"gracedb": "https://example.org/superevents/S261127a/view/"},
    "event": {"time": "2026-11-27T11:59:30.000Z", "far": 1e-9, "skymap": SKY_MAP},
    "external_coinc": None,
}


def test_a_record_number_stored_as_a_double_is_a_whole_number():
    schema = {
        "type": "record",
        "name": "notice",
        "fields": [
            {"name": "event_name", "type": "string"},
            {"name": "record_number", "type": "double"},
            {"name": "alert_datetime", "type": "string"},
        ],
    }
    notice = {"event_name": "E1", "record_number": 1.0, "alert_datetime": "2026-11-27T12:00:00Z"}
    packet = BytesIO()
    fastavro.writer(packet, schema, [notice])
    found = parse(packet.getvalue(), topic="gcn.notices.some")
    assert found.record_number == 1
    assert found.ivorn.endswith("#E1_1_2026-11-27T12:00:00Z")


@pytest.mark.parametrize("name", NOTICES)
def test_real_notices_say_the_same_in_avro(delivered, name):
    content = (delivered / "alerts" / "gcn" / name).read_bytes()
    expected = parse(content, topic="gcn.notices.some")
    found = parse(bytes(AvroBlob(json.loads(content))), topic="gcn.notices.some")
    assert found.media_format == "gcn-avro"
    # numbers are written as Python does, and schemas of maps do not keep the order of keys
    different = {"media_format", "parameters"}
    assert found.model_dump(exclude=different) == expected.model_dump(exclude=different)
    assert {one.path for one in found.parameters} == {one.path for one in expected.parameters}


def test_the_sky_map_of_a_superevent_is_found_in_bytes():
    event = SUPEREVENT["event"] | {"skymap": base64.b64encode(SKY_MAP).decode()}
    expected = parse(json.dumps(SUPEREVENT | {"event": event}).encode(), topic="igwn.gwalert")
    found = parse(bytes(AvroBlob(SUPEREVENT)), topic="igwn.gwalert")
    assert found.sky_map == SKY_MAP == expected.sky_map
    assert (found.stream, found.ivorn) == (expected.stream, expected.ivorn)
    assert found.far.hertz == 1e-9


@given(st.binary(max_size=300))
def test_any_bytes_are_a_notice_or_a_packet_error(content):
    with pytest.raises(PacketError):
        parse(b"Obj\x01" + content)


@pytest.mark.parametrize("records", [[], [{"id": "a"}, {"id": "b"}]])
def test_a_container_has_one_notice(records):
    stream = BytesIO()
    fields = [{"name": "id", "type": "string"}]
    fastavro.writer(stream, {"type": "record", "name": "r", "fields": fields}, records)
    with pytest.raises(PacketError, match="exactly one record"):
        parse(stream.getvalue())


def test_a_container_that_expands_to_too_much_is_refused():
    stream = BytesIO()
    fields = [{"name": "superevent_id", "type": "string"}, {"name": "x", "type": "bytes"}]
    schema = {"type": "record", "name": "r", "fields": fields}
    bomb = {"superevent_id": "S1", "x": b"\0" * (30 << 20)}
    fastavro.writer(stream, schema, [bomb], codec="deflate")
    assert len(stream.getvalue()) < 100_000
    with pytest.raises(PacketError, match="expands to too much"):
        parse(stream.getvalue())
