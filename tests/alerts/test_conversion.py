"""Notices in JSON as VOEvents and back, with KM3NeT's own packets as the measure."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.alerts.conversion import load_json, save_json, to_json, to_voevent
from ingest.alerts.conversion.gcn_core import core_notice
from ingest.alerts.conversion.json_to_voevent import radius_90
from ingest.alerts.conversion.validation import (
    published_schemas,
    validate_json,
    validate_voevent,
    voevent_schema,
)
from ingest.alerts.notices import ivorn_of, parse
from ingest.alerts.notices.model import Notice, NoticeType, Position, Rate
from ingest.core.errors import InputError

TWINS = {
    "km3net_alert.example.json": "km3net_gcn_single_he.xml",
    "km3net_alert.multiplet.example.json": "km3net_gcn_multiplet.xml",
}
KM3NET = "notices/km3net/alert.schema.json"
ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With control characters, lone surrogates and what else XML cannot hold."""
ANY_NUMBER = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 0.0, -0.0, 1, 1.0, 1e-8, 8.029e-8, 120000, 1e22, 10**30]),
)
ANY_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | ANY_NUMBER | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
TIMES = st.one_of(
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
    st.datetimes().map(lambda time: time.isoformat() + "+02:00"),
    st.sampled_from(["2024-09-01", "2024-09-01T01:16:47.0Z", "2016-12-31T23:59:60Z", "soon"]),
)


def document_of(path: Path) -> dict[str, Any]:
    return load_json(path.read_bytes())


def as_json(value: object) -> str:
    """Return JSON in which 1, 1.0 and true differ, but not the order of keys."""
    return json.dumps(value, sort_keys=True)


def canonical(packet: bytes) -> str:
    text: str = etree.canonicalize(etree.fromstring(packet))
    return text


def from_schema(schema: Any, path: str) -> st.SearchStrategy[Any]:
    """Return a strategy for values that conform to one of the published schemas."""
    if schema is True:
        return st.just("https://gcn.nasa.gov/schema/main/gcn/" + KM3NET)
    if "$ref" in schema:
        if schema["$ref"].startswith("#/$defs/"):
            return from_schema(published_schemas()[path]["$defs"][schema["$ref"][8:]], path)
        target = (Path("/") / Path(path).parent / schema["$ref"]).resolve().relative_to("/")
        return from_schema(published_schemas()[target.as_posix()], target.as_posix())
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    for words in ("oneOf", "anyOf"):
        if words in schema:
            return st.one_of([from_schema(option, path) for option in schema[words]])
    kinds = schema.get("type", "object")
    if isinstance(kinds, list):
        return st.one_of([from_schema(schema | {"type": kind}, path) for kind in kinds])
    if kinds == "array":
        low, high = schema.get("minItems", 0), schema.get("maxItems", 3)
        return st.lists(from_schema(schema["items"], path), min_size=low, max_size=high)
    if kinds == "object":
        return objects(schema, path)
    return {"string": ANY_TEXT | TIMES, "number": ANY_NUMBER, "boolean": st.booleans()}[kinds]


def objects(schema: Any, path: str) -> st.SearchStrategy[dict[str, Any]]:
    parts = [from_schema(part, path) for part in schema.get("allOf", [])]
    keys = {key: from_schema(part, path) for key, part in schema.get("properties", {}).items()}
    free = schema.get("additionalProperties")
    if keys:
        parts.append(st.fixed_dictionaries({}, optional=keys))
    elif free:
        parts.append(st.dictionaries(ANY_TEXT, from_schema(free, path), max_size=3))
    if not parts:
        return st.just({})
    return st.tuples(*parts).map(lambda made: {k: v for part in made for k, v in part.items()})


@cache
def conforming() -> st.SearchStrategy[Any]:
    return from_schema({"$ref": KM3NET}, "")


@st.composite
def notices(draw: Callable[[st.SearchStrategy[Any]], Any]) -> dict[str, Any]:
    """Notices that conform to KM3NeT's schema, with keys that it does not know."""
    document: dict[str, Any] = dict(draw(conforming()))
    names = [document.get(key) for key in ("id", "event_name")]
    if not any("".join(name).strip() for name in names if name):
        document["id"] = draw(st.sampled_from(["1", ["1", ""], ["", "1"]]))
    extra = st.dictionaries(
        ANY_TEXT | st.sampled_from(["TrigID", "FAR", "Notice", "nu_energy", "a\\u0000", "\\\\"]),
        ANY_JSON,
        max_size=3,
    )
    return draw(extra) | document


@pytest.mark.parametrize(("notice", "twin"), TWINS.items())
def test_the_voevent_has_the_params_of_km3nets_own(delivered: Path, notice: str, twin: str) -> None:
    """Only the unit of FAR, which is Hz, and the multiplet's pipeline differ between twins."""
    alerts = delivered / "alerts"
    document = document_of(alerts / "gcn" / notice)
    made = etree.fromstring(to_voevent(document))
    theirs = etree.parse(alerts / "voevent" / twin).getroot()

    def params(root: Any) -> dict[tuple[str, str], str]:
        return {
            (param.getparent().get("name", ""), param.get("name")): param.get("value")
            for param in root.iterfind("What//Param")
            if param.getparent().get("name") != "Notice"
        }

    ours, wanted = params(made), params(theirs)
    assert list(ours) == list(wanted)
    for place, value in wanted.items():
        if place[1] == "Pipeline":
            assert ours[place] == document["pipeline"]
        elif place[1] == "reference":
            assert json.loads(ours[place]) == {"url": "url to catalog or notice"}
        else:
            try:
                assert float(ours[place]) == float(value)
            except ValueError:
                assert ours[place] == value
    assert made.attrib["ivorn"] == theirs.attrib["ivorn"]
    assert made.attrib["role"] == theirs.attrib["role"]
    assert made.find("What/Param[@name='FAR']").get("unit") == "Hz"


@pytest.mark.parametrize(("notice", "twin"), TWINS.items())
def test_the_voevent_is_at_the_place_and_time_of_km3nets_own(
    delivered: Path, notice: str, twin: str
) -> None:
    made = etree.fromstring(to_voevent(document_of(delivered / "alerts" / "gcn" / notice)))
    theirs = etree.parse(delivered / "alerts" / "voevent" / twin).getroot()
    place = "WhereWhen/ObsDataLocation/ObservationLocation/AstroCoords"
    assert made.find(place).attrib == theirs.find(place).attrib
    for name in ("Value2/C1", "Value2/C2", "Error2Radius"):
        ours = made.findtext(f"{place}/Position2D/{name}")
        assert float(ours) == float(theirs.findtext(f"{place}/Position2D/{name}"))
    time = made.findtext(f"{place}/Time/TimeInstant/ISOTime")
    assert time == theirs.findtext(f"{place}/Time/TimeInstant/ISOTime") + ".0"


@pytest.mark.parametrize("version", ["2.0", "2.1"])
@pytest.mark.parametrize("notice", TWINS)
def test_the_voevent_conforms_to_its_schema(delivered: Path, notice: str, version: str) -> None:
    packet = to_voevent(document_of(delivered / "alerts" / "gcn" / notice), version)
    assert etree.fromstring(packet).get("version") == version
    assert validate_voevent(packet) == []


@pytest.mark.parametrize(("notice", "twin"), TWINS.items())
def test_km3nets_own_voevent_becomes_its_twin_in_json(
    delivered: Path, notice: str, twin: str
) -> None:
    wanted = document_of(delivered / "alerts" / "gcn" / notice)
    made = to_json((delivered / "alerts" / "voevent" / twin).read_bytes())
    assert validate_json(made) == []
    # the packet does not have these
    del wanted["additional_info"]
    if isinstance(wanted["counterpart_info"], str):
        del wanted["counterpart_info"]
    # and has these with fewer digits of the seconds
    wanted["alert_datetime"] = wanted["alert_datetime"].replace(":00.00Z", ":00Z")
    wanted["trigger_time"] = wanted["trigger_time"].replace(":47.0Z", ":47Z")
    # what the collaboration wrote into the two samples of the multiplet differs
    pipelines = {"KM3-240901A": "orca_HE", "KM3-240901B": "multiplet_arca"}
    wanted["pipeline"] = pipelines[wanted["event_name"]]
    assert made == wanted


def test_a_rate_above_the_threshold_in_a_packet_of_km3net_is_per_year(delivered: Path) -> None:
    packet = (delivered / "alerts" / "voevent" / "km3net_gcn_single_he.xml").read_bytes()
    made = to_json(packet.replace(b'value="8.029e-08"', b'value="2.0"'))
    assert made["far"] == pytest.approx(2.0 / (365.25 * 86400), rel=1e-15)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=notices(), version=st.sampled_from(["2.0", "2.1"]))
@example({"id": "1", "$schema": "", "ra": 999, "dec": 0}, "2.0")
@example({"id": ["1"], "healpix_url": None, "event_details": [{}], "counterpart_info": []}, "2.0")
@example({"id": "1", "event_details": [{"ra": "13", "reference": "{'a': 1}"}]}, "2.1")
@example({"id": "1", "record_number": "1", "potential_counterpart": "True"}, "2.0")
@example({"id": "1", "ra_dec_error": 1, "containment_probability": 5e-324}, "2.0")
@example({"id": "1", "trigger_time": "0001-01-01T00:00:00+02:00", "far": 1}, "2.0")
@pytest.mark.slow
def test_nothing_is_lost_from_json_to_voevent_and_back(
    document: dict[str, Any], version: str
) -> None:
    packet = to_voevent(document, version)
    schema = voevent_schema(version)
    assert schema.validate(etree.fromstring(packet)), schema.error_log
    back = to_json(packet)
    assert as_json(back) == as_json(document)
    assert canonical(to_voevent(back, version)) == canonical(packet)
    assert load_json(save_json(back)) == document


@settings(max_examples=100, deadline=None)
@given(
    document=st.dictionaries(ANY_TEXT, ANY_JSON, max_size=4),
    name=st.text(min_size=1, max_size=60),  # of a longer one no identifier can be made
)
def test_nothing_is_lost_of_notices_that_conform_to_no_schema(
    document: dict[str, Any], name: str
) -> None:
    document["event_name"] = f"KM3-{name}"
    packet = to_voevent(document)
    assert voevent_schema("2.0").validate(etree.fromstring(packet))
    assert as_json(to_json(packet)) == as_json(document)


def test_nothing_is_lost_of_a_notice_of_another_mission(delivered: Path) -> None:
    for path in sorted((delivered / "alerts" / "gcn").glob("*.json")):
        document = document_of(path)
        packet = to_voevent(document)
        assert validate_voevent(packet) == []
        assert as_json(to_json(packet)) == as_json(document)


def test_a_notice_without_identifier_cannot_be_a_voevent() -> None:
    for document in ({}, {"id": " "}, {"id": [], "event_name": None}, {"ra": 1.0, "dec": 2.0}):
        with pytest.raises(InputError, match="no usable identifier") as caught:
            to_voevent(document)
        assert caught.value.where == "event_name, id, alert_datetime, trigger_time"


def test_injections_and_tests_have_the_role_of_a_test() -> None:
    for tense, role in {
        "current": "observation",
        "archival": "observation",
        "injection": "test",
        "test": "test",
        "planned": "prediction",
    }.items():
        packet = to_voevent({"id": "1", "alert_tense": tense})
        assert etree.fromstring(packet).get("role") == role


def test_the_voevents_radius_is_that_of_90_percent() -> None:
    """A two-dimensional Gaussian has 50 % within 1.1774 σ and 90 % within 2.1460 σ."""
    assert radius_90({"ra_dec_error": 0.9}) == 0.9
    assert radius_90({"ra_dec_error": [2, 1, 30]}) == 2
    half = radius_90({"ra_dec_error": 1.1774, "containment_probability": 0.5})
    assert half == pytest.approx(2.1460, rel=1e-4)
    assert radius_90({"ra_dec_error": 1, "containment_probability": 1}) is None
    packet = to_voevent(
        {"id": "1", "ra": 1, "dec": 2, "ra_dec_error": 1.1774, "containment_probability": 0.5}
    )
    text = etree.fromstring(packet).findtext(".//Error2Radius")
    assert float(text) == pytest.approx(2.1460, rel=1e-4)
    assert to_json(packet)["ra_dec_error"] == 1.1774


def test_a_position_outside_the_sphere_is_in_no_wherewhen() -> None:
    packet = to_voevent({"id": "1", "ra": 999, "dec": 20})
    assert etree.fromstring(packet).find(".//Position2D") is None
    assert to_json(packet) == {"id": "1", "ra": 999, "dec": 20}


def test_a_position_without_radius_has_none_in_either_version() -> None:
    document = {"id": "1", "ra": 10, "dec": 20}
    old, new = (etree.fromstring(to_voevent(document, version)) for version in ("2.0", "2.1"))
    assert old.findtext(".//Error2Radius") == "NaN"
    assert new.find(".//Error2Radius") is None


def test_identifiers_are_as_in_km3nets_packets() -> None:
    document = {
        "$schema": f"https://gcn.nasa.gov/schema/v7.2.3/gcn/{KM3NET}",
        "event_name": ["KM3-240901A", "other"],
        "id": "1",
        "alert_datetime": "2024-09-01T12:01:00.00Z",
    }
    wanted = "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z"
    assert ivorn_of(document) == wanted
    del document["id"]
    assert ivorn_of(document) == wanted.replace("_1_", "_")
    assert ivorn_of({"id": "a b#c", "mission": "KM3NeT"}) == "ivo://KM3NeT_Neutrino#a_b%23c"


def test_identifiers_of_other_missions_have_the_path_of_their_schema() -> None:
    document = {
        "$schema": "https://gcn.nasa.gov/schema/v4.2.0/gcn/notices/chime/frb.schema.json",
        "id": "408",
        "alert_type": "retraction",
    }
    assert ivorn_of(document) == "ivo://gcn.nasa.gov/chime/frb#408_retraction"
    numbered = document | {"record_number": 2, "alert_datetime": "2024-09-01T12:01:00Z"}
    assert ivorn_of(numbered) == "ivo://gcn.nasa.gov/chime/frb#408_2_2024-09-01T12:01:00Z"


def test_a_value_too_long_for_xml_parsers_is_refused() -> None:
    with pytest.raises(InputError, match="too long") as caught:
        to_voevent({"id": "1", "healpix_file": "A" * 10_000_001})
    assert caught.value.where == "healpix_file"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"far": 1, "far": 2}', "a key occurs twice"),
        (b'{"far": 1e999}', "a number is out of range"),
        (b'{"far": NaN}', "not well-formed"),
        (b'{"far": ', "not well-formed"),
        (b'{"far": ' + b"9" * 5000 + b"}", "cannot be decoded"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[1]", "not a notice"),
        (b'{"a": "\xff"}', "cannot be decoded"),
    ],
)
def test_json_that_would_lose_content_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        load_json(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<VOEvent>", "not well-formed"),
        (b"<quakeml/>", "not a VOEvent"),
        (b"", "not well-formed"),
        (
            b'<!DOCTYPE VOEvent [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
            b'<VOEvent ivorn="ivo://a#b">&b;</VOEvent>',
            "declares entities",
        ),
    ],
)
def test_xml_that_is_not_a_voevent_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        to_json(content)


@pytest.mark.parametrize("depth", [50, 300, 600, 900, 940, 960, 980, 990, 2000])
@pytest.mark.parametrize("key", ["id", "far", "event_details", "unknown"])
def test_deep_nesting_is_converted_or_refused(key: str, depth: int) -> None:
    text = f'{{"event_name": "a", "{key}": ' + "[" * depth + '"1"' + "]" * depth + "}"
    try:
        document = load_json(text.encode())
        packet = to_voevent(document)
    except InputError as error:
        assert depth > 600
        assert "nested too deeply" in error.problem
    else:
        assert as_json(to_json(packet)) == as_json(document)


ICECUBE = Notice(
    ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0",
    media_format="voevent-2.0",
    stream="icecube/gold",
    ids=("137467_64735045",),
    revision=0,
    event_mjd=59936 + (7 * 3600 + 43 * 60 + 0.52) / 86400,
    notice_mjd=59936 + (7 * 3600 + 43 * 60 + 47) / 86400,
    position=Position(ra=350.5486, dec=34.7110, radius=0.6596, containment=0.9),
    far=Rate(hertz=0.2464 / 31557600, value=0.2464, unit="yr^-1"),
    signalness=0.7949,
)
"""What the packet icecube_gold.xml says, by hand."""


def test_the_shared_fields_of_another_collaborations_packet_conform_to_gcns_schema() -> None:
    document = core_notice(ICECUBE)
    assert validate_json(document) == []
    assert document["mission"] == "IceCube"
    assert document["id"] == "137467_64735045"
    assert document["trigger_time"] == "2022-12-23T07:43:00.520000Z"
    assert document["alert_datetime"] == "2022-12-23T07:43:47Z"
    assert (document["ra"], document["dec"]) == (350.5486, 34.7110)
    assert (document["ra_dec_error"], document["containment_probability"]) == (0.6596, 0.9)
    assert document["far"] == pytest.approx(7.808e-9, rel=1e-3)
    assert document["p_astro"] == 0.7949
    assert ICECUBE.ivorn in document["additional_info"]


def test_a_radius_of_unknown_containment_appears_only_in_words() -> None:
    unknown = Position(ra=1.0, dec=2.0, radius=0.4)
    changes = {"position": unknown, "notice_type": NoticeType.RETRACTION, "stream": "antares"}
    document = core_notice(ICECUBE.model_copy(update=changes))
    assert "ra_dec_error" not in document
    assert "0.4 deg, of unknown containment" in document["additional_info"]
    assert document["alert_type"] == "retraction"


def test_a_packet_without_event_name_is_identified_by_its_ivorn() -> None:
    changes = {"ids": (), "stream": "ivo://raptor.lanl/VOEvent"}
    changes["ivorn"] = "ivo://raptor.lanl/VOEvent#235649409"
    document = core_notice(ICECUBE.model_copy(update=changes))
    assert (document["id"], document["mission"]) == ("235649409", "raptor.lanl")
    assert validate_json(document) == []


def test_every_real_voevent_becomes_a_notice_that_conforms_and_converts_back(
    delivered: Path,
) -> None:
    unreadable = {"not_a_voevent_quakeml.xml", "not_well_formed.xml"}
    for path in sorted((delivered / "alerts" / "voevent").glob("*.xml")):
        if path.name in unreadable:
            with pytest.raises(InputError):
                to_json(path.read_bytes())
            continue
        document = to_json(path.read_bytes())
        assert validate_json(document) == [], path
        again = to_voevent(document)
        assert validate_voevent(again) == [], path
        assert as_json(to_json(again)) == as_json(document)
        if path.name.startswith("icecube_gold"):
            for key, value in core_notice(ICECUBE).items():
                assert key in ("id", "additional_info") or document[key] == value, key
            assert parse(path.read_bytes()).ivorn == ICECUBE.ivorn
