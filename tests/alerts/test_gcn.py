import base64
import gzip
import hashlib
import json

import pytest
from astropy.time import Time

from ingest.alerts.notices import ivorn_of
from ingest.alerts.notices.model import NoticeType, PacketError, Role
from ingest.alerts.notices.parsing import parse
from tests.alerts.sample_packets import voevent

SCHEMA = "https://gcn.nasa.gov/schema/main/gcn/notices/{}.schema.json"
FITS = b"SIMPLE  =                    T" + b" " * 50


def mjd(text):
    return Time(text, scale="utc").mjd


def notice_of(path=None, **fields):
    schema = {} if path is None else {"$schema": SCHEMA.format(path)}
    return parse(json.dumps({**schema, **fields}).encode())


def km3net(**fields):
    required = {"event_name": "KM3-240901A", "id": "1", "alert_datetime": "2024-09-01T12:01:00.00Z"}
    return notice_of("km3net/alert", **{**required, **fields})


@pytest.fixture
def real(delivered):
    def read(name):
        return parse((delivered / "alerts" / "gcn" / name).read_bytes())

    return read


def test_the_single_event_of_km3net(real):
    notice = real("km3net_alert.example.json")
    assert notice.ivorn == "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z"
    assert (notice.stream, notice.event_key) == ("km3net", "km3net/KM3-240901A")
    assert (notice.event_name, notice.ids) == ("KM3-240901A", ("1",))
    assert (notice.record_number, notice.revision) == (1, 1)
    assert (notice.notice_type, notice.alert_type) == (NoticeType.INITIAL, "initial")
    assert notice.event_mjd == pytest.approx(mjd("2024-09-01T01:16:47"), abs=1e-11)
    assert notice.notice_mjd == pytest.approx(mjd("2024-09-01T12:01:00"), abs=1e-11)
    assert (notice.position.ra, notice.position.dec) == (10.82, 20.01)
    assert (notice.position.radius, notice.position.containment) == (0.9, 0.9)
    assert (notice.position.radius_50, notice.position.radius_90) == (0.49, 0.9)
    assert (notice.far.hertz, notice.far.unit, notice.far.doubtful) == (8.029e-8, "Hz", False)
    assert (notice.energy, notice.n_events) == (120_000, 1)
    assert (notice.topology, notice.pipeline, notice.instrument) == ("Track", "orca_HE", "ORCA024")
    (event,) = notice.events
    assert event.event_id == "km3.234.23492.58968.763"
    assert (event.ra, event.dec, event.radius, event.containment) == (10.82, 20.01, 0.9, 0.9)
    assert (event.cos_zenith, event.topology, event.energy) == (0.01, "track", 120_000)
    assert notice.counterparts == ()
    assert notice.sky_map_urls == ("https://opendata.km3net.de/",)


def test_the_multiplet_of_km3net(real):
    notice = real("km3net_alert.multiplet.example.json")
    assert (notice.energy, notice.n_events, notice.topology) == (None, 2, "Multiplet")
    assert [event.cos_zenith for event in notice.events] == [0.01, -0.02]
    assert [event.energy for event in notice.events] == [120_000, 120_000]
    (counterpart,) = notice.counterparts
    assert (counterpart.name, counterpart.ra, counterpart.dec) == ("SourceName", 13, 19.5)
    assert counterpart.reference == "url to catalog or notice"
    assert counterpart.angular_distance == 1.004
    assert counterpart.mjd == pytest.approx(mjd("2024-12-31T09:56:15"), abs=1e-11)


@pytest.mark.parametrize(
    ("xml", "js"),
    [
        ("km3net_gcn_single_he.xml", "km3net_alert.example.json"),
        ("km3net_gcn_multiplet.xml", "km3net_alert.multiplet.example.json"),
    ],
)
def test_both_formats_of_an_alert_give_the_same_notice(delivered, xml, js):
    alerts = delivered / "alerts"
    first = parse((alerts / "voevent" / xml).read_bytes())
    second = parse((alerts / "gcn" / js).read_bytes())
    same = ["ivorn", "event_key", "event_name", "revision", "notice_type", "event_mjd"]
    same += ["notice_mjd", "position", "energy", "energy_kind", "topology", "n_events", "events"]
    same += ["counterparts", "instrument", "sky_map_urls", "alert_type", "ids", "stream"]
    for field in same:
        assert getattr(first, field) == getattr(second, field), field
    assert first.far.hertz == second.far.hertz


def test_an_icecube_notice(real):
    notice = real("icecube_single_neutrino_alerts.gold_bronze_track_alerts.example.json")
    assert notice.ivorn == (
        "ivo://gcn.nasa.gov/icecube/single_neutrino_alerts#IceCube-230416A_1_2023-04-16T05:42:00.0Z"
    )
    assert (notice.stream, notice.event_key) == ("icecube/bronze", "icecube/137840_57034692")
    assert (notice.position.ra, notice.position.dec) == (345.82, 9.01)
    assert (notice.position.radius_90, notice.position.radius_50) == (0.5, None)
    assert (notice.position.statistical, notice.position.systematic) == (True, False)
    # nu_energy is in TeV, says the schema
    assert notice.energy == 127_290
    assert (notice.signalness, notice.far.hertz) == (0.34064, 8.029e-8)
    # record number 1 is the first notice, which VOEvents call revision 0
    assert (notice.record_number, notice.revision) == (1, 0)


def test_a_voevent_and_a_notice_of_one_icecube_event_share_a_key():
    from tests.alerts.sample_packets import param

    packet = voevent(
        param("run_id", "137840"),
        param("event_id", "57034692"),
        ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_BRONZE_Event_25_137840_057034692_1",
    )
    key = "icecube/137840_57034692"
    assert parse(packet).event_key == key
    common = {"mission": "IceCube", "pipeline": "Gold Track Alert"}
    for ids in (
        "137840_57034692",
        ["137840_57034692"],
        ["137840", "57034692"],
        ["137840_057034692"],
    ):
        assert notice_of("icecube/single_neutrino_alerts", id=ids, **common).event_key == key
    without_params = voevent(
        ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2023_24_137840_057034692_0"
    )
    assert parse(without_params).event_key == key


def test_the_search_for_neutrinos_of_a_gravitational_wave():
    notice = notice_of(
        "icecube/lvk_nu_track_search",
        ref_ID="S230914ak",
        reference={"gcn.notices.LVK.alert": "S230914ak-2-Preliminary"},
        alert_datetime="2023-09-14T11:49:16.526Z",
        trigger_time="2023-09-14T11:14:01Z",
        pval_generic=0.0191,
        n_events_coincident=1,
        coincident_events=[
            {
                "localization": {"ra": 17.48, "dec": 16.15, "ra_dec_error": 0.5},
                "id": ["138590_39138551"],
            }
        ],
        most_probable_direction={"ra": 17.49, "dec": 16.18},
    )
    assert (notice.stream, notice.event_key) == ("icecube/lvk", "icecube-lvk/S230914ak")
    assert (notice.position.ra, notice.position.dec, notice.position.radius) == (17.49, 16.18, None)
    assert notice.citations[0].ivorn == "ivo://gwnet/LVC#S230914ak-2-Preliminary"
    assert (notice.p_value, notice.n_events) == (0.0191, 1)
    assert (notice.events[0].event_id, notice.events[0].ra) == ("138590_39138551", 17.48)


def test_a_retraction_without_position_or_date(real):
    notice = real("chime_frb.retraction.example.json")
    assert notice.notice_type is NoticeType.RETRACTION
    assert (notice.event_key, notice.position) == ("chime/427325191", None)
    assert notice.ivorn == "ivo://gcn.nasa.gov/chime/frb#427325191_retraction"
    detection = notice_of("chime/frb", id="427325191", alert_type="initial")
    assert detection.event_key == notice.event_key
    assert detection.ivorn != notice.ivorn


IGWN = {
    "alert_type": "PRELIMINARY",
    "time_created": "2018-11-01T22:34:49Z",
    "superevent_id": "S181101ab",
    "urls": {"gracedb": "https://example.org/superevents/S181101ab/view/"},
    "event": {
        "time": "2018-11-01T22:22:46.654Z",
        "far": 9.11069936486e-14,
        "instruments": ["H1", "L1", "V1"],
        "pipeline": "gstlal",
        "search": "AllSky",
        "skymap": base64.b64encode(FITS).decode(),
    },
    "external_coinc": None,
}


def test_a_ligo_virgo_kagra_notice_with_its_sky_map():
    notice = notice_of(**IGWN)
    assert (notice.stream, notice.event_key) == ("ligo-virgo-kagra", "ligo-virgo-kagra/S181101ab")
    assert (notice.notice_type, notice.alert_type) == (NoticeType.INITIAL, "PRELIMINARY")
    assert notice.far.hertz == 9.11069936486e-14
    assert notice.event_mjd == pytest.approx(mjd("2018-11-01T22:22:46.654"), abs=1e-11)
    assert notice.notice_mjd == pytest.approx(mjd("2018-11-01T22:34:49"), abs=1e-11)
    assert (notice.instrument, notice.pipeline) == ("H1,L1,V1", "gstlal")
    assert notice.sky_map == FITS
    assert not notice.is_test


def test_mock_and_retracted_ligo_virgo_kagra_notices():
    mock = notice_of(**{**IGWN, "superevent_id": "MS181101ab"})
    assert (mock.is_test, mock.event_key) == (True, "test/ligo-virgo-kagra/MS181101ab")
    gone = notice_of(**{**IGWN, "alert_type": "RETRACTION", "event": None})
    assert gone.notice_type is NoticeType.RETRACTION
    assert gone.event_key == "ligo-virgo-kagra/S181101ab"


@pytest.mark.parametrize("content", [FITS, gzip.compress(FITS, mtime=0)])
def test_a_sky_map_in_a_notice_is_extracted(content):
    text = base64.b64encode(content).decode()
    notice = km3net(healpix_file=text, healpix_url=None)
    assert notice.sky_map == content
    assert notice.sky_map_urls == ()
    (row,) = [p for p in notice.parameters if p.path == "healpix_file"]
    assert row.value == f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.mark.parametrize(
    "text", ["stuff", "hhhh...", "H4sIAAAAAAAC", base64.b64encode(b"GIF89a").decode()]
)
def test_an_invalid_sky_map_remains_a_parameter_with_a_remark(text):
    notice = km3net(healpix_file=text)
    assert notice.sky_map is None
    assert [p.value for p in notice.parameters if p.path == "healpix_file"] == [text]
    assert any("healpix_file" in remark for remark in notice.remarks)


@pytest.mark.parametrize(
    ("error", "radius"), [(0.4, 0.4), ([0.4], 0.4), ([0.3, 0.4], 0.4), ([0.5, 0.2, 30], 0.5)]
)
def test_a_radius_may_be_a_number_or_an_ellipse(error, radius):
    notice = km3net(ra=10, dec=20, ra_dec_error=error)
    assert (notice.position.radius, notice.position.containment) == (radius, 0.9)
    assert bool(notice.remarks) == (isinstance(error, list) and len(error) > 1)


@pytest.mark.parametrize(("said", "meant"), [(None, 0.9), (0.68, 0.68), (68.0, 0.68), (-1, 0.9)])
def test_the_default_containment_is_90_percent(said, meant):
    notice = km3net(ra=10, dec=20, ra_dec_error=1, containment_probability=said)
    assert notice.position.containment == meant


def test_names_and_ids_may_be_lists():
    notice = km3net(event_name=["KM3-240901A", "other"], id=["1", 2])
    assert (notice.event_name, notice.ids) == ("KM3-240901A", ("1", "2"))
    assert notice.ivorn == "ivo://KM3NeT_Neutrino#KM3-240901A_1_2024-09-01T12:01:00.00Z"


@pytest.mark.parametrize("number", [0, 1])
def test_record_numbers_start_at_0_or_1(number):
    notice = km3net(record_number=number)
    assert (notice.record_number, notice.notice_type) == (number, NoticeType.INITIAL)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"alert_type": "update"}, NoticeType.UPDATE),
        ({"record_number": 2}, NoticeType.UPDATE),
        ({"alert_type": "retraction", "record_number": 1}, NoticeType.RETRACTION),
        ({"alert_type": "subsequent"}, NoticeType.INITIAL),
        ({}, NoticeType.INITIAL),
    ],
)
def test_notice_types_in_json(fields, kind):
    assert km3net(**fields).notice_type is kind


@pytest.mark.parametrize("info", ["No search", "No match", [], None, ["x", 5]])
def test_counterpart_info_may_be_a_text(info):
    notice = km3net(counterpart_info=info)
    assert notice.counterparts == ()
    assert info is None or any(p.path == "counterpart_info" for p in notice.parameters)


def test_alert_tenses():
    test, planned = km3net(alert_tense="test"), km3net(alert_tense="planned")
    assert (test.is_test, test.role, test.event_key) == (True, Role.TEST, "test/km3net/KM3-240901A")
    assert (planned.role, planned.is_test) == (Role.PREDICTION, False)
    injected = km3net(alert_tense="injection")
    assert (injected.is_injection, injected.is_test) == (True, False)
    assert notice_of("burstcube/test", id=["240601000"], alert_tense="current").is_test


SCHEMAS = [
    ("fermi/gbm/trigger", {"id": ["745121685", "bn240812094"]}, "fermi/gbm", "fermi/745121685"),
    ("swift/bat/Guano", {"id": ["694215995"]}, "swift/guano", "swift-guano/694215995"),
    ("einstein_probe/wxt/alert", {"id": ["017089"]}, "einstein-probe", "einstein-probe/017089"),
    ("svom/trigger", {"id": ["sb24022203"]}, "svom", "svom/sb24022203"),
    ("superk/sn_alert", {"id": "SN.1", "trigger_number": 10070}, None, "super-kamiokande/10070"),
    ("maxi/gsc.unknown", {"id": "9995289617"}, "maxi", "maxi/9995289617"),
    ("dsa110/frb", {"id": "240918aaaa"}, "dsa110/frb", "dsa110/240918aaaa"),
    ("burstcube/alert", {"id": ["240601000"]}, "burstcube/alert", "burstcube/240601000"),
    (
        "classic/amon/alert",
        {"id": ["135196_31"], "notice_type": "Cascade"},
        None,
        "icecube/135196_31",
    ),
    ("fermi/lat/flare", {"event_name": "OQ 334"}, "fermi/lat", None),
]


@pytest.mark.parametrize(("path", "fields", "stream", "key"), SCHEMAS)
def test_notices_of_other_missions(path, fields, stream, key):
    notice = notice_of(path, alert_datetime="2024-01-01T00:00:00Z", ra=1, dec=2, **fields)
    assert stream is None or notice.stream == stream
    assert notice.event_key == key
    assert notice.ivorn.startswith(f"ivo://gcn.nasa.gov/{path}#")
    assert " " not in notice.ivorn


def test_a_burst_of_chime_has_one_key_in_both_formats():
    from tests.alerts.sample_packets import group, param

    packet = voevent(
        group("event parameters", param("event_no", "217097677")),
        ivorn="ivo://ca.chimenet.frb/FRB-DETECTION-#2022-03-20-10:00:28.960760UTC+0000_996a",
    )
    assert parse(packet).event_key == notice_of("chime/frb", id="217097677").event_key


def test_a_notice_without_schema_is_recognised_by_its_mission():
    assert (
        notice_of(mission="IceCube", pipeline="Gold Track Alert", id="1_2").stream == "icecube/gold"
    )
    assert notice_of(event_name="KM3-250101A").stream == "km3net"
    assert (
        notice_of(id="x", mission="New Telescope").ivorn
        == "ivo://gcn.nasa.gov/new_telescope/notice#x"
    )


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[{}]", "5", '"x"', "null", '{"ra": 1}', '{"id": 1', ""]
)
def test_json_that_is_not_a_notice_is_refused_with_a_reason(text):
    with pytest.raises(PacketError) as refused:
        parse(text.encode())
    assert refused.value.expected
    assert refused.value.remedy


OUT_OF_RANGE = [
    ({"ra": 999, "dec": 1}, "position", "999"),
    ({"ra": 1, "dec": -95}, "position", "-95"),
    ({"ra": float("nan"), "dec": 1}, "position", "NaN"),
    ({"ra": "12h", "dec": 1}, "position", "12h"),
    ({"far": -1}, "far", "-1"),
    ({"p_value": 1.5}, "p_value", "1.5"),
    ({"number_of_events": 2.5}, "n_events", "2.5"),
    ({"record_number": 10**30}, "record_number", str(10**30)),
    ({"trigger_time": "0000-01-01T00:00:00Z"}, "event_mjd", "0000-01-01T00:00:00Z"),
    ({"trigger_time": "9999-12-31T00:00:00Z"}, "event_mjd", "9999-12-31T00:00:00Z"),
]


@pytest.mark.parametrize(("fields", "field", "value"), OUT_OF_RANGE)
def test_a_value_out_of_range_empties_only_its_field(fields, field, value):
    notice = km3net(**fields)
    assert getattr(notice, field) is None
    assert any(value[:50] in remark for remark in notice.remarks)
    assert value in [p.value for p in notice.parameters]
    assert notice.event_key == "km3net/KM3-240901A"


def test_a_negative_energy_empties_only_its_field():
    notice = km3net(
        event_details=[{"id": "km3.1.2.3.4", "energy_measured": -5, "ra": 10, "dec": 1}]
    )
    assert (notice.energy, notice.events[0].energy, notice.events[0].ra) == (None, None, 10)


def test_a_radius_beyond_the_sphere_empties_only_its_field():
    notice = km3net(ra=10, dec=20, ra_dec_error=200)
    assert (notice.position.ra, notice.position.radius) == (10, None)


def test_numbers_and_repeated_keys_are_preserved_as_written():
    text = (
        '{"event_name": "KM3-240901A", "far": 8.0290e-8, "ra": 1, "ra": 2, "dec": 1E1, "n": 1e999}'
    )
    notice = parse(text.encode())
    values = {(p.path, p.value, p.data_type) for p in notice.parameters}
    assert {("far", "8.0290e-8", "number"), ("ra", "1", "number"), ("ra", "2", "number")} <= values
    assert ("n", "1e999", "number") in values
    assert (notice.position.ra, notice.position.dec) == (2, 10)
    assert any("twice" in remark for remark in notice.remarks)


@pytest.mark.parametrize(
    "fields",
    [
        {"event_name": "KM3-1"},
        {"event_name": ["a b", "c"], "id": 5, "record_number": 1},
        {"id": "x", "alert_type": "retraction"},
        {"id": "é#%x", "alert_datetime": "2024-01-01T00:00:00Z"},
        {"mission": "New Telescope", "id": "x"},
        {"trigger_time": "2024-01-01T00:00:00Z"},
        {"alert_datetime": "2024-01-01T00:00:00Z", "ref_ID": "S1"},
    ],
)
@pytest.mark.parametrize("path", [None, "km3net/alert", "chime/frb", "LVK/Igwn"])
def test_the_converter_gives_a_notice_the_same_identifier(path, fields):
    schema = {} if path is None else {"$schema": SCHEMA.format(path)}
    assert notice_of(path, **fields).ivorn == ivorn_of({**schema, **fields})
