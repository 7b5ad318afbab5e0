"""Packets against their schemas, and against what a reader could not use."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ingest.alerts.conversion import to_voevent
from ingest.alerts.conversion.validation import (
    SCHEMAS,
    published_schemas,
    validate_json,
    validate_voevent,
    voevent_schema,
)


@pytest.fixture
def notice(delivered: Path) -> dict[str, Any]:
    """Return KM3NeT's example, which has no findings."""
    path = delivered / "alerts" / "gcn" / "km3net_alert.multiplet.example.json"
    document: dict[str, Any] = json.loads(path.read_bytes())
    assert validate_json(document) == []
    return document


def test_the_installed_schemas_are_the_pinned_ones() -> None:
    lock = json.loads((SCHEMAS / "gcn" / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/@nasa-gcn/schema"]["version"]
    for path, schema in published_schemas().items():
        assert schema["$id"] == f"https://gcn.nasa.gov/schema/v{version}/gcn/{path}"


def test_every_example_of_the_package_conforms_to_the_schema_it_names() -> None:
    """The package has the same test; other findings do not concern the schema."""
    package = SCHEMAS / "gcn" / "node_modules" / "@nasa-gcn" / "schema" / "gcn"
    examples = sorted((package / "notices").rglob("*.example.json"))
    assert len(examples) > 40
    for path in examples:
        for finding in validate_json(json.loads(path.read_bytes())):
            assert "missing" in finding or "healpix_file" in finding, (path, finding)


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"ra": "10.82"}, 'ra: found "10.82", expected a number'),
        ({"ra": 999}, "ra: found 999, expected 0 to 360 deg"),
        ({"dec": -90.5}, "dec: found -90.5, expected -90 to 90 deg"),
        ({"ra_dec_error": -1}, "ra_dec_error: found -1, expected 0 to 180 deg"),
        ({"ra_dec_error": []}, "ra_dec_error: found [], expected a number or a list"),
        ({"id": 1}, "id: found 1, expected a string or a list"),
        ({"healpix_url": None}, "healpix_url: found null, expected a string"),
        (
            {"alert_type": "recalled"},
            'alert_type: found "recalled", expected one of initial, subsequent, update, retraction',
        ),
        ({"record_number": 1.5}, "record_number: found 1.5, expected 0, 1, 2 …"),
        ({"far": 2.5}, "far: found 2.5, expected Hz below KM3NeT's threshold of 3.9e-07"),
        ({"far": -1e-9}, "far: found -1e-09, expected a non-negative rate"),
        ({"number_of_events": 3}, "number_of_events: found 3, expected 2 as in event_details"),
        (
            {"counterpart_info": "No match"},
            "counterpart_info: expected a list, because potential_counterpart is true",
        ),
        (
            {"trigger_time": "yesterday"},
            "trigger_time: found 'yesterday', expected YYYY-MM-DDTHH:MM:SSZ",
        ),
        ({"containment_probability": 90}, "containment_probability: found 90, expected 0 to 1"),
        ({"healpix_file": "AAAA"}, "healpix_file: expected a FITS file in base64"),
        (
            {"$schema": "https://gcn.nasa.gov/schema/main/gcn/notices/none.schema.json"},
            '$schema: found "https://gcn.nasa.gov/schema/main/gcn/notices/none.schema.json",'
            " expected the URL of a GCN schema",
        ),
    ],
)
def test_a_wrong_value_is_found_with_its_place(
    notice: dict[str, Any], changes: dict[str, Any], finding: str
) -> None:
    assert finding in validate_json(notice | changes)


def test_a_wrong_value_within_the_details_is_found_with_its_place(notice: dict[str, Any]) -> None:
    notice["event_details"][1] |= {"cos_zenith": 2, "id": "234.23492", "prob_evt_topology": "muon"}
    assert validate_json(notice) == [
        'event_details[1].prob_evt_topology: found "muon",'
        " expected one of track, starting track, shower",
        "event_details[1].id: found '234.23492', expected"
        " km3.<detector>.<run>.<frame index>.<trigger counter>",
        "event_details[1].cos_zenith: found 2, expected -1 to 1",
    ]


def test_an_empty_notice_conforms_to_the_schema_and_yet_lacks_everything() -> None:
    assert validate_json({}) == [
        "$schema: missing, expected the URL of a schema at gcn.nasa.gov",
        "id, event_name: missing, expected at least one of them",
        "alert_datetime: missing",
        "trigger_time: missing",
        "ra: missing",
        "dec: missing",
    ]


def test_a_retraction_needs_no_position(notice: dict[str, Any]) -> None:
    for key in ("ra", "dec", "trigger_time", "ra_dec_error"):
        del notice[key]
    assert validate_json(notice | {"alert_type": "retraction"}) == []
    assert "ra: missing" in validate_json(notice)


def test_a_sky_map_within_the_notice_is_a_fits_file(notice: dict[str, Any]) -> None:
    fits = base64.b64encode(b"SIMPLE  =                    T").decode()
    assert validate_json(notice | {"healpix_file": fits}) == []


def test_json_other_than_an_object_is_a_finding() -> None:
    assert validate_json([1]) == ["the document: found [1], expected an object"]


def test_findings_in_real_packets(delivered: Path) -> None:
    packets = delivered / "alerts" / "voevent"

    def findings(name: str) -> str:
        return "\n".join(validate_voevent((packets / name).read_bytes()))

    for valid in ("icecube_gold.xml", "amon.xml", "Gaia16aac.xml", "VOEvent__voevent-ex1.xml"):
        assert findings(valid) == ""
    assert "Error2Radius99" in findings("KM3-230213A.xml")
    assert "No matching global declaration" in findings("Antares_1438351269.xml")
    assert "No matching global declaration" in findings("no_namespace_packet.xml")
    assert 'version: found "1.1"' in findings("swift_xrt_v1.1.xml")
    assert "not a VOEvent" in findings("not_a_voevent_quakeml.xml")
    assert "not well-formed" in findings("not_well_formed.xml")


def test_version_2_1_allows_what_2_0_does_not() -> None:
    """The additions that VOEvent 2.1 lists: a contributor's role, an interval, errors per axis."""
    packet = to_voevent({"id": "1", "ra": 1, "dec": 2, "ra_dec_error": 3}, "2.1")
    additions = {
        b"</Author>": b'<Contributor role="Editor" ivorn="ivo://a/b">N</Contributor></Author>',
        b"<Position2D": b"<Time><TimeInterval><ISOTimeStart>2024-01-01T00:00:00</ISOTimeStart>"
        b"</TimeInterval></Time><PositionName>Crab</PositionName><Position2D",
        b"<Error2Radius>3</Error2Radius>": b"<Error2><C1>1</C1><C2>2</C2></Error2>",
        b'<AstroCoordSystem id="UTC-ICRS-GEO"/>': b'<AstroCoordSystem id="mine"><TimeFrame>'
        b"<TimeScale>TT</TimeScale></TimeFrame></AstroCoordSystem>",
    }
    for old, new in additions.items():
        assert packet.count(old) == 1
        changed = packet.replace(old, new)
        assert validate_voevent(changed) == []
        older = changed.replace(b"VOEvent/v2.1", b"VOEvent/v2.0").replace(
            b'version="2.1"', b'version="2.0"'
        )
        assert not voevent_schema("2.0").validate(etree.fromstring(older))
    assert validate_voevent(packet.replace(b"</Author>", b"<nobody/></Author>")) != []
