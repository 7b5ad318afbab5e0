"""The notices of every topic in ``site/live.toml``, from the examples of GCN's schemas.

Expected values are those of the examples, in the units that the schemas state.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time

from ingest.alerts.archive import MAX_PARSED_BYTES, Archive, Packet
from ingest.alerts.conversion.validation import SCHEMAS
from ingest.alerts.live.configuration import Kafka, load_live
from ingest.alerts.notices import Notice, NoticeType, Role, parse
from ingest.alerts.pipeline.steps import make_rows
from ingest.alerts.skymaps import map_regions
from ingest.alerts.tables.rows import NOTICE_COLUMNS
from ingest.core.checkout import CHECKOUT
from tests.alerts.sample_maps import multi_order
from tests.alerts.sample_packets import group, param, voevent, where_when

EXAMPLES = SCHEMAS / "gcn" / "node_modules" / "@nasa-gcn" / "schema" / "gcn" / "notices"
INITIAL, UPDATE, RETRACTION = NoticeType.INITIAL, NoticeType.UPDATE, NoticeType.RETRACTION


def example(name: str) -> bytes:
    return (EXAMPLES / f"{name}.example.json").read_bytes()


def mjd(text: str) -> float:
    return float(Time(text, scale="utc").mjd)


def circle(notice: Notice) -> tuple[float | None, ...] | None:
    place = notice.position
    return place and (place.ra, place.dec, place.radius, place.containment)


# example, stream, key of the event, kind, record number, time of the event, circle
FERMI, GUANO, SVOM = "fermi/745121685", "swift-guano/694215995", "test/svom/sb24022203"
BURST, TRIGGER = "2024-08-24T02:14:40.43", "2022-12-31T21:46:05.13"
SVOM_TIME, FRB_TIME = "2024-02-22T08:51:31.32", "2024-09-18T07:19:10.765268"
FRB = (346.77850859547, 12.632485229956252, 0.598921231135782, 0.9)
FIELDS: list[tuple[Any, ...]] = [
    ("km3net/alert", "km3net", "km3net/KM3-240901A", INITIAL, 1, "2024-09-01T01:16:47",
     (10.82, 20.01, 0.9, 0.9)),
    ("km3net/alert.multiplet", "km3net", "km3net/KM3-240901B", INITIAL, 1, "2025-01-01T01:16:47",
     (13.81, 18.85, 0.41, 0.9)),
    ("icecube/single_neutrino_alerts.gold_bronze_track_alerts", "icecube/bronze",
     "icecube/137840_57034692", INITIAL, 1, "2023-04-16T05:22:26.150574", (345.82, 9.01, 0.5, 0.9)),
    ("icecube/lvk_nu_track_search", "icecube/lvk", "icecube-lvk/S230914ak", INITIAL, None,
     "2023-09-14T11:14:01", (17.49, 16.18, None, None)),
    ("einstein_probe/wxt/alert", "einstein-probe", "einstein-probe/01708973486", INITIAL, None,
     "2024-03-01T21:46:05.13", (120, 40, 0.02, 0.9)),
    ("fermi/gbm/trigger.alert", "fermi/gbm", FERMI, INITIAL, 1, BURST, None),
    ("fermi/gbm/trigger.flight1", "fermi/gbm", FERMI, UPDATE, 2, BURST,
     (136.917, -78.117, 8.32, 0.68)),
    ("fermi/gbm/trigger.ground1", "fermi/gbm", FERMI, UPDATE, 5, BURST,
     (92.17, -66.98, 1.34, 0.68)),
    ("fermi/gbm/trigger.final", "fermi/gbm", FERMI, UPDATE, 7, BURST, (29.24, -63.62, 1, 0.68)),
    ("swift/bat/Guano", "swift/guano", GUANO, INITIAL, 1, TRIGGER, None),
    ("swift/bat/guano.loc_map", "swift/guano", GUANO, UPDATE, 2, TRIGGER, None),
    ("swift/bat/guano.loc_arc_min", "swift/guano", GUANO, UPDATE, 3, TRIGGER,
     (336.26, 25.139, 0.5, 0.9)),
    ("swift/bat/Guano.Retraction", "swift/guano", GUANO, RETRACTION, 4, TRIGGER, None),
    ("svom/grm/trigger", "svom/grm", SVOM, INITIAL, None, SVOM_TIME,
     (143.2478, -68.0289, 0.1, 0.9)),
    ("svom/eclairs/trigger.wakeup", "svom/eclairs", SVOM, INITIAL, None, SVOM_TIME,
     (143.2478, -68.0289, 0.1, 0.9)),
    ("svom/eclairs/trigger.slewing", "svom/eclairs", SVOM, UPDATE, None, SVOM_TIME,
     (143.2478, -68.0289, 0.1, 0.9)),
    ("superk/sn_alert.real", "super-kamiokande", "super-kamiokande/10070", INITIAL, 1,
     "2023-08-01T00:00:01", (270.82, 31.46, 0.91, 0.68)),
    ("superk/sn_alert.test", "super-kamiokande", "test/super-kamiokande/10070", INITIAL, 1,
     "2023-08-01T00:00:01", (270.82, 31.46, 0.91, 0.68)),
    ("chime/frb.detection", "chime", "chime/427325191", INITIAL, None, FRB_TIME, FRB),
    # another burst of the same source, and not an update
    ("chime/frb.subsequent", "chime", "chime/427325192", INITIAL, None, FRB_TIME, FRB),
    ("chime/frb.update", "chime", "chime/427325191", UPDATE, None, FRB_TIME, None),
    ("chime/frb.retraction", "chime", "chime/427325191", RETRACTION, None, FRB_TIME, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "stream", "key", "kind", "record", "time", "place"), FIELDS, ids=lambda x: str(x)[:40]
)
def test_the_fields_of_an_example(
    name: str, stream: str, key: str, kind: NoticeType, record: int | None, time: str, place: Any
) -> None:
    notice = parse(example(name))
    assert (notice.stream, notice.event_key, notice.notice_type) == (stream, key, kind)
    assert notice.record_number == record
    assert notice.event_mjd == pytest.approx(mjd(time), abs=1e-10)
    assert circle(notice) == place
    is_test = key.startswith("test/")
    assert (notice.is_test, notice.role is Role.TEST) == (is_test, is_test)
    assert not notice.is_injection


RATES = {
    "km3net/alert": 8.029e-8,
    "icecube/single_neutrino_alerts.gold_bronze_track_alerts": 8.029e-8,
    "swift/bat/Guano": 1e-5,
    "swift/bat/Guano.Retraction": None,
    "fermi/gbm/trigger.alert": None,
    "superk/sn_alert.real": None,
    "chime/frb.detection": None,
}


@pytest.mark.parametrize(("name", "hertz"), RATES.items())
def test_false_alarm_rates_of_the_core_schema_are_in_hertz(name: str, hertz: float | None) -> None:
    far = parse(example(name)).far
    assert (far and far.hertz) == hertz


def test_energies_are_those_of_neutrinos_only() -> None:
    # nu_energy is in TeV; rate_energy_range and the like are not the energy of an event
    neutrino = parse(example("icecube/single_neutrino_alerts.gold_bronze_track_alerts"))
    assert neutrino.energy == 127_290
    for name in ("superk/sn_alert.real", "swift/bat/Guano", "einstein_probe/wxt/alert"):
        assert parse(example(name)).energy is None


def test_what_an_alert_follows_up_is_a_counterpart() -> None:
    guano = parse(example("swift/bat/Guano")).counterparts
    assert [(one.name, one.description) for one in guano] == [("Fermi 694215970", "GRB")]
    (search,) = parse(example("icecube/lvk_nu_track_search")).counterparts
    assert search.name == "S230914ak"
    (burst,) = parse(example("chime/frb.subsequent")).counterparts
    assert burst.name == "FRB 20231013B"


def test_the_search_for_neutrinos_lists_them() -> None:
    notice = parse(example("icecube/lvk_nu_track_search"))
    assert (notice.p_value, notice.n_events, notice.far) == (0.0191, 2, None)
    assert [(one.event_id, one.ra, one.dec, one.radius) for one in notice.events] == [
        ("138590_39138551", 17.48, 16.15, 0.5),
        ("138590_39164579", 13.82, 18.66, 0.5),
    ]
    assert [one.ivorn for one in notice.citations] == ["ivo://gwnet/LVC#S230914ak-2-Preliminary"]


@pytest.mark.parametrize(
    ("name", "statistical", "systematic"),
    [
        ("fermi/gbm/trigger.flight1", True, True),
        ("fermi/gbm/trigger.final", True, False),
        ("swift/bat/guano.loc_arc_min", True, True),
        ("einstein_probe/wxt/alert", True, True),
        ("chime/frb.detection", None, None),
    ],
)
def test_which_errors_a_radius_includes(
    name: str, statistical: bool | None, systematic: bool | None
) -> None:
    position = parse(example(name)).position
    assert position is not None
    assert (position.statistical, position.systematic) == (statistical, systematic)


def svom(kind: str, number: int, instrument: str, radius: str | None, *more: str) -> bytes:
    """Return a notice as fsc.svom.org documents them."""
    place: dict[str, Any] = {"radius": radius} if radius else {"ra": None, "dec": None}
    return voevent(
        param("Packet_Type", str(number)),
        param("Pkt_Ser_Num", "1"),
        param("Instrument", instrument),
        group("Svom_Identifiers", param("Burst_Id", "sb25020701")),
        *more,
        ivorn=f"ivo://org.svom/fsc#sb25020701_{kind}",
        where=where_when(system="UTC-ICRS-GEO", **place),
        citations=(("retraction", "ivo://org.svom/fsc#sb25020701_eclairs-wakeup"),)
        if kind == "retraction"
        else (("followup", "ivo://org.svom/fsc#sb25020701_grm-trigger"),),
    )


@pytest.mark.parametrize(
    ("kind", "number", "instrument", "stream", "type_"),
    [
        ("grm-trigger", 201, "GRM", "svom/grm", INITIAL),
        ("eclairs-wakeup", 202, "ECLAIRs", "svom/eclairs", INITIAL),
        ("eclairs-catalog", 203, "ECLAIRs", "svom/eclairs", INITIAL),
        ("slewing", 204, "ECLAIRs", "svom/eclairs", UPDATE),
        ("not-slewing", 205, "ECLAIRs", "svom/eclairs", UPDATE),
        ("mxt-initial_qf1", 209, "MXT", "svom/mxt", INITIAL),
        ("mxt-update_qf2", 210, "MXT", "svom/mxt", UPDATE),
        ("retraction", 219, "ECLAIRs", "svom/eclairs", RETRACTION),
    ],
)
def test_the_notices_of_svom(
    kind: str, number: int, instrument: str, stream: str, type_: NoticeType
) -> None:
    notice = parse(svom(kind, number, instrument, "0.0643"))
    assert (notice.stream, notice.notice_type) == (stream, type_)
    assert (notice.event_name, notice.ids) == ("sb25020701", ("sb25020701",))
    assert notice.event_key == "svom/sb25020701"
    position = notice.position
    assert position is not None
    assert (position.radius_90, position.statistical, position.systematic) == (0.0643, True, True)


def test_grm_cannot_give_a_radius_nor_a_position_with_two_detectors() -> None:
    three = parse(svom("grm-trigger", 201, "GRM", "-1.0000"))
    assert circle(three) == (150.5, -20.25, None, None)
    assert parse(svom("grm-trigger", 201, "GRM", None)).position is None


def test_a_known_source_of_eclairs_is_a_counterpart() -> None:
    source = group("Target_Info", param("Source_Name", "GX 340-00"))
    notice = parse(svom("eclairs-catalog", 203, "ECLAIRs", "0.08", source))
    assert [one.name for one in notice.counterparts] == ["GX 340-00"]


def igwn(**changes: Any) -> dict[str, Any]:
    """Return an alert with the keys of LIGO/Virgo/KAGRA's schema (igwn-gwalert-schema 1.2)."""
    text = base64.b64encode(multi_order()).decode()
    event = {
        "time": "2023-09-14T11:14:01.123Z",
        "far": 1.5e-8,
        "significant": True,
        "instruments": ["H1", "L1"],
        "group": "CBC",
        "pipeline": "gstlal",
        "search": "AllSky",
        "classification": {"BBH": 0.97, "Terrestrial": 0.03},
        "properties": {"HasNS": 0.0},
        "skymap": text,
    }
    return {
        "superevent_id": "S230914ak",
        "alert_type": "PRELIMINARY",
        "time_created": "2023-09-14T11:19:02Z",
        "urls": {"gracedb": "https://gracedb.ligo.org/superevents/S230914ak/view/"},
        "event": event,
        "external_coinc": None,
        **changes,
    }


def test_a_gravitational_wave() -> None:
    notice = parse(json.dumps(igwn()).encode(), topic="igwn.gwalert")
    assert (notice.stream, notice.event_name) == ("ligo-virgo-kagra", "S230914ak")
    assert notice.event_key == "ligo-virgo-kagra/S230914ak"
    assert (notice.notice_type, notice.alert_type) == (INITIAL, "PRELIMINARY")
    assert notice.far is not None and (notice.far.hertz, notice.far.unit) == (1.5e-8, "Hz")
    assert notice.event_mjd == pytest.approx(mjd("2023-09-14T11:14:01.123"), abs=1e-10)
    assert notice.notice_mjd == pytest.approx(mjd("2023-09-14T11:19:02"), abs=1e-10)
    assert (notice.instrument, notice.pipeline) == ("H1,L1", "gstlal")
    assert (notice.position, notice.energy, notice.revision) == (None, None, None)
    values = {one.path: one.value for one in notice.parameters}
    assert values["event/classification/BBH"] == "0.97"
    assert values["event/significant"] == "true"
    assert notice.sky_map == multi_order()
    assert map_regions(notice.sky_map).region_90


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("EARLYWARNING", INITIAL),
        ("PRELIMINARY", INITIAL),
        ("INITIAL", INITIAL),
        ("UPDATE", UPDATE),
        ("RETRACTION", RETRACTION),
    ],
)
def test_the_types_of_alerts_of_gravitational_waves(word: str, kind: NoticeType) -> None:
    changes = {"event": None} if word == "RETRACTION" else {}
    notice = parse(json.dumps(igwn(alert_type=word, **changes)).encode())
    assert (notice.notice_type, notice.event_key) == (kind, "ligo-virgo-kagra/S230914ak")


def test_the_map_combined_with_another_event_is_not_kept_as_text() -> None:
    text = base64.b64encode(multi_order()).decode()
    coincidence = {
        "ivorn": "ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos2023-09-14T11:14:01.00_1_0-1",
        "time_coincidence_far": 2e-9,
        "combined_skymap": text,
    }
    notice = parse(json.dumps(igwn(external_coinc=coincidence)).encode())
    values = {one.path: one.value or "" for one in notice.parameters}
    assert values["external_coinc/combined_skymap"].startswith("sha256:")
    assert values["external_coinc/time_coincidence_far"] == "2e-09"
    assert notice.far is not None and notice.far.hertz == 1.5e-8
    assert [one.kind for one in notice.citations] == ["external_coinc"]
    assert any("combined_skymap" in remark for remark in notice.remarks)


def test_the_topic_identifies_the_stream_of_a_packet_that_does_not() -> None:
    bare = json.dumps({"id": ["017"], "alert_datetime": "2024-01-01T00:00:00Z"}).encode()
    assert parse(bare).stream == "notice"
    assert parse(bare, topic="gcn.notices.einstein_probe.wxt.alert").stream == "einstein-probe"
    guano = json.dumps({"id": ["694"], "mission": "Swift"}).encode()
    assert parse(guano).stream == "swift"
    assert parse(guano, topic="gcn.notices.swift.bat.guano").stream == "swift/guano"
    xml = voevent(ivorn="ivo://example.org/unknown#1")
    assert parse(xml).stream == "ivo://example.org/unknown"
    assert parse(xml, topic="gcn.notices.km3net.voevent").stream == "km3net"


def test_a_packet_takes_precedence_over_its_topic() -> None:
    for name in ("km3net/alert", "swift/bat/Guano"):
        other = parse(example(name), topic="gcn.notices.superk.sn_alert")
        assert other == parse(example(name))
    assert parse(svom("slewing", 204, "ECLAIRs", "0.1"), topic="gcn.notices.km3net.voevent") == (
        parse(svom("slewing", 204, "ECLAIRs", "0.1"))
    )


@pytest.mark.parametrize("topic", ["gcn.notices.km3net.test", "gcn.notices.km3net.alert-test"])
def test_a_topic_for_tests_makes_a_packet_a_test(topic: str) -> None:
    notice = parse(example("km3net/alert"), topic=topic)
    assert (notice.is_test, notice.event_key) == (True, "test/km3net/KM3-240901A")
    assert parse(voevent(), topic=topic).is_test
    assert not parse(voevent(), topic="gcn.notices.fastest.alert").is_test


def test_the_archive_knows_the_topic_of_a_packet(tmp_path: Path) -> None:
    bare = json.dumps({"id": ["017"], "ra": 1, "dec": 2}).encode()
    packets = [
        Packet(bare, "gcn:gcn.notices.einstein_probe.wxt.alert/0/7", datetime.now(UTC)),
        Packet(bare + b" ", "file:gcn.notices.superk.sn_alert/0/7", datetime.now(UTC)),
    ]
    archive = Archive(tmp_path / "alerts")
    entries = [entry for entry in archive.add(packets) if entry is not None]
    assert [entry.topic for entry in entries] == ["gcn.notices.einstein_probe.wxt.alert", None]
    rows = make_rows(archive, list(archive.entries()), parse, MAX_PARSED_BYTES).rows
    streams = [row.notice.decode().split("\t")[NOTICE_COLUMNS.index("stream")] for row in rows]
    assert streams == ["einstein-probe", "notice"]


def test_every_topic_of_notices_in_the_configuration_has_a_profile() -> None:
    sources = load_live(CHECKOUT / "site" / "live.toml").source
    topics = [topic for one in sources if isinstance(one, Kafka) for topic in one.topics]
    topics.remove("gcn.circulars")  # which are recognised by their keys
    assert len(topics) >= 13
    for topic in topics:
        stream = parse(json.dumps({"id": ["017"]}).encode(), topic=topic).stream
        assert stream != "notice" and "_" not in stream, topic
