import math

import pytest
from astropy.time import Time

from ingest.alerts.notice import NoticeType, Role
from ingest.alerts.packets import parse
from tests.alerts.sample_packets import group, icecube, param, voevent, where_when

YEAR = 365.25 * 86_400


def mjd(text, scale="utc"):
    return Time(text, scale=scale).utc.mjd


def seconds_apart(one, other):
    return abs(one - other) * 86_400


@pytest.fixture
def real(shared_data):
    def read(name):
        return parse((shared_data / "alerts" / "voevent" / name).read_bytes())

    return read


# read in the packets: file, stream, key, event, notice, ra, dec, radius, containment, 50 %, 90 %
POSITIONS = [
    (
        "icecube_gold.xml",
        ("icecube/gold", "icecube/137467_64735045"),
        ("2022-12-23T07:43:00.52", "2022-12-23T07:43:47"),
        (350.5486, 34.7110, 0.6596, 0.9, 0.2569, 0.6596),
    ),
    (
        "icecube_bronze.xml",
        ("icecube/bronze", "icecube/136918_45252263"),
        ("2022-08-08T07:59:57.26", "2022-08-08T08:00:42"),
        (132.3328, -42.7168, 0.6521, 0.9, 0.2348, 0.6521),
    ),
    (
        "amon.xml",
        ("icecube/bronze", "icecube/136973_28816141"),
        ("2022-08-22T20:26:30.03", "2022-08-22T20:27:21"),
        (273.4834, 22.1648, 1.2755, 0.9, 0.4968, 1.2755),
    ),
    (
        "icecube_cascade.xml",
        ("icecube/cascade", "icecube/136889_25590129"),
        ("2022-08-01T04:08:34.26", "2022-08-01T04:11:52"),
        (150.1126, -9.1693, 12.8963, 0.9, 7.0757, 12.8963),
    ),
    (
        "KM3-230213A.xml",
        ("km3net", "km3net/KM3-230213A"),
        ("2023-02-13T01:16:47", "2025-02-11T14:00:00"),
        (94.3, -7.8, 2.2, 0.9, 1.2, 2.2),
    ),
    (
        "km3net_gcn_single_he.xml",
        ("km3net", "km3net/KM3-240901A"),
        ("2024-09-01T01:16:47", "2024-09-01T12:01:00"),
        (10.82, 20.01, 0.9, 0.9, 0.49, 0.9),
    ),
    (
        "km3net_gcn_multiplet.xml",
        ("km3net", "km3net/KM3-240901B"),
        ("2025-01-01T01:16:47", "2025-01-01T12:01:00"),
        (13.81, 18.85, 0.41, 0.9, 0.225, 0.41),
    ),
    (
        "Antares_1438351269.xml",
        ("antares", "antares/1438351269"),
        ("2019-11-26T21:55:34", "2019-11-26T21:55:48.081"),
        (156.957, -21.274, 0.325, None, None, None),
    ),
    (
        "swift_xrt_v1.1.xml",
        ("swift/xrt", "swift/644259"),
        ("2015-06-16T23:05:40", "2015-06-16T23:29:11"),
        (314.7162, -53.393, 0.0009, 0.9, None, 0.0009),
    ),
    (
        "VOEvent__voevent-ex1.xml",
        ("ivo://raptor.lanl/VOEvent", None),
        ("2009-09-25T12:00:00", "2005-04-15T14:34:16"),
        (37.0603169, 31.3116578, 0.03, None, None, None),
    ),
]


@pytest.mark.parametrize(
    ("name", "identity", "times", "place"), POSITIONS, ids=[row[0] for row in POSITIONS]
)
def test_real_packets_say_when_and_where(real, name, identity, times, place):
    notice = real(name)
    assert (notice.stream, notice.event_key) == identity
    assert seconds_apart(notice.event_mjd, mjd(times[0])) < 2e-6
    assert seconds_apart(notice.notice_mjd, mjd(times[1])) < 2e-6
    position = notice.position
    assert (
        position.ra,
        position.dec,
        position.radius,
        position.containment,
        position.radius_50,
        position.radius_90,
    ) == place


def test_an_icecube_track_alert(real):
    notice = real("icecube_gold.xml")
    assert notice.ivorn == (
        "ivo://nasa.gsfc.gcn/AMON#ICECUBE_GOLD_Event2022-12-23T07:43:00.52_24_137467_064735045_0"
    )
    assert notice.media_format == "voevent-2.0"
    assert (notice.energy, notice.energy_kind) == (352_695.6, "most probable neutrino energy")
    assert notice.far.hertz == pytest.approx(0.2464 / YEAR, rel=1e-12)
    assert (notice.far.value, notice.far.unit, notice.far.doubtful) == (0.2464, "yr^-1", False)
    assert notice.signalness == 0.7949
    assert (notice.position.statistical, notice.position.systematic) == (True, False)
    assert notice.ids == ("13746764735045", "137467_64735045")
    assert (notice.revision, notice.notice_type) == (0, NoticeType.INITIAL)
    # RADec_valid is false on this good position, and Test is false
    assert not notice.is_test
    assert notice.remarks == ()


def test_a_cascade_has_both_errors_a_name_and_a_map_that_is_no_picture(real):
    notice = real("icecube_cascade.xml")
    assert notice.event_name == "IceCubeCascade-220801a"
    assert (notice.position.statistical, notice.position.systematic) == (True, True)
    assert notice.energy == 111_455.1
    assert notice.sky_map_urls == (
        "https://roc.icecube.wisc.edu/public/hese_cascades/"
        "hese_59792_run00136889.evt000025590129.fits",
    )


def test_the_120_pev_event_of_km3net(real):
    notice = real("KM3-230213A.xml")
    assert notice.event_name == "KM3-230213A"
    assert notice.energy == 120e6
    assert notice.instrument == "ARCA021"
    radii = [p.value for p in notice.parameters if "Error2Radius" in p.path]
    assert radii == ["3.0", "2.2", "1.5", "1.2"]


def test_a_single_event_of_km3net_gives_the_alert_its_energy(real):
    notice = real("km3net_gcn_single_he.xml")
    assert (notice.energy, notice.n_events, notice.topology) == (120_000, 1, "Track")
    assert (notice.pipeline, notice.instrument) == ("orca_HE", "ORCA024")
    assert notice.far.hertz == 8.029e-8
    assert (notice.far.value, notice.far.unit, notice.far.doubtful) == (8.029e-8, "yr^-1", True)
    assert any("FAR" in remark and "Hz" in remark for remark in notice.remarks)


def test_a_multiplet_keeps_energies_with_its_events(real):
    notice = real("km3net_gcn_multiplet.xml")
    assert (notice.energy, notice.energy_kind, notice.n_events) == (None, None, 2)
    first, second = notice.events
    assert first.event_id == "km3.234.22488.72853.13018"
    assert seconds_apart(first.mjd, mjd("2025-01-01T11:56:07")) < 2e-6
    assert (first.ra, first.dec, first.radius, first.containment) == (13.79, 18.56, 0.69, 0.9)
    assert (first.cos_zenith, first.topology, first.energy) == (0.01, "track", 120_000)
    assert (second.ra, second.topology, second.cos_zenith) == (13.82, "shower", -0.02)
    (counterpart,) = notice.counterparts
    assert (counterpart.name, counterpart.ra, counterpart.dec) == ("SourceName", 13.0, 19.5)
    assert (counterpart.angular_distance, counterpart.reference) == (
        1.004,
        "url to catalog or notice",
    )


def test_an_antares_packet_in_the_https_namespace(real):
    notice = real("Antares_1438351269.xml")
    assert notice.p_value == 0.00810926
    assert not notice.is_test
    assert notice.citations == ()
    assert any("EventIVORN" in remark for remark in notice.remarks)


def test_the_chain_of_a_gravitational_wave_ends_with_an_update_after_its_retraction(real):
    kinds = {
        "1-EarlyWarning": (NoticeType.INITIAL, 1, 0),
        "2-Preliminary": (NoticeType.UPDATE, 2, 1),
        "3-Initial": (NoticeType.UPDATE, 3, 2),
        "4-Update": (NoticeType.UPDATE, 4, 3),
        "5-Retraction": (NoticeType.RETRACTION, 5, 4),
        "6-Update": (NoticeType.UPDATE, 6, 5),
    }
    for local, (kind, revision, cited) in kinds.items():
        notice = real(f"MS181101ab-{local}.xml")
        assert notice.ivorn == f"ivo://gwnet/LVC#MS181101ab-{local}"
        assert notice.event_key == "test/ligo-virgo-kagra/MS181101ab"
        assert notice.event_name == "MS181101ab"
        assert (notice.notice_type, notice.revision) == (kind, revision), local
        assert notice.alert_type == local[2:]
        assert [c.kind for c in notice.citations] == ["supersedes"] * cited
        assert (notice.role, notice.is_test, notice.is_injection) == (Role.TEST, True, False)
        assert notice.position is None
        assert seconds_apart(notice.event_mjd, mjd("2018-11-01T22:22:46.654437")) < 2e-6
    assert notice.far.hertz == 9.11069936486e-14
    assert (notice.pipeline, notice.instrument) == ("gstlal", "H1,L1,V1")
    # the first map is within a group of external coincidences, the second in GW_SKYMAP
    assert notice.sky_map_urls[1].endswith("bayestar.multiorder.fits,0")


def test_barycentric_dynamical_time_is_brought_to_utc(real):
    notice = real("Gaia16aac.xml")
    # TT - UTC = 32.184 s + 36 s in January 2016; TDB differs from TT by 2 ms at most
    later = (mjd("2016-01-16T07:52:27") - notice.event_mjd) * 86_400
    assert later == pytest.approx(68.184, abs=0.002)
    assert (notice.position.ra, notice.position.dec) == (73.29423, 7.35212)
    assert notice.position.radius == 0.00002
    assert (notice.stream, notice.event_name) == ("gaia", "Gaia16aac")
    assert any("barycentre" in remark for remark in notice.remarks)


def test_a_swift_packet_of_version_1_1(real):
    notice = real("swift_xrt_v1.1.xml")
    assert notice.media_format == "voevent-1.1"
    assert notice.citations[0].ivorn == "ivo://nasa.gsfc.gcn/SWIFT#BAT_GRB_Pos_644259-771"
    assert notice.citations[0].kind == "followup"
    # its own word in Misc_Flags
    assert notice.notice_type is NoticeType.UPDATE


def test_samples_of_version_2_1(real):
    notice = real("VOEvent__voevent-ex1.xml")
    assert notice.media_format == "voevent-2.1"
    assert notice.counterparts[0].name == "NGC0931"
    cells = [p for p in notice.parameters if p.path == "Table/D" and p.value]
    assert [cell.value for cell in cells] == ["51.3", "46.1", "50.4", "51.3", "55.2", "63.3"]
    assert {(cell.unit, cell.ucd) for cell in cells} == {("Mpc", "pos.distance")}
    prediction = real("VOEvent__voevent-ex2.xml")
    assert prediction.role is Role.PREDICTION
    assert prediction.position is None


def test_a_packet_without_namespace_whose_position_is_none(real):
    notice = real("no_namespace_packet.xml")
    assert (notice.role, notice.is_test, notice.position) == (Role.TEST, True, None)
    assert any("(0, 0)" in remark for remark in notice.remarks)
    addresses = [p.value for p in notice.parameters if p.path == "IP Addresses/IPv4" and p.value]
    assert addresses == ["70.167.219.231", "192.168.2.1", "192.168.100.10"]


def test_a_packet_with_next_to_nothing(real):
    notice = real("kill_socket_v1.1.xml")
    assert notice.media_format == "voevent-1.1"
    assert (notice.event_key, notice.event_mjd, notice.position) == (None, None, None)


# --- streams in the manner of real ones ------------------------------------------------------

STREAMS = [
    ("ivo://nasa.gsfc.gcn/AMON#ICECUBE_HESE_Event2016-04-27T05:52:32.00_1-1", "icecube/hese", 0.9),
    ("ivo://nasa.gsfc.gcn/AMON#ICECUBE_EHE_Event2017-09-22T20:54:30.43_1-1", "icecube/ehe", 0.5),
    ("ivo://nasa.gsfc.gcn/AMON#NU_EM_Event2021-01-01T00:00:00_1", "amon/nu-em", 0.5),
    ("ivo://nasa.gsfc.gcn/HAWC#Burst_Monitor_Event2021-01-01_1", "hawc", 0.68),
    ("ivo://nasa.gsfc.gcn/SWIFT#BAT_GRB_Pos_1149250-1", "swift/bat", 0.9),
    ("ivo://nasa.gsfc.gcn/SWIFT#UVOT_Pos_1149250-1", "swift/uvot", 0.9),
    ("ivo://nasa.gsfc.gcn/Fermi#GBM_Fin_Pos2018-01-16T00:36:52.81_537_0-026", "fermi/gbm", 0.68),
    ("ivo://nasa.gsfc.gcn/Fermi#LAT_GRB_Pos_2018-01-16_537-026", "fermi/lat", 0.68),
    ("ivo://nasa.gsfc.gcn/INTEGRAL#Weak_Pos_009998-0-832", "integral", 0.9),
    ("ivo://nasa.gsfc.gcn/MAXI#Unknown_Pos_2022-08-03_1-0-370", "maxi", None),
    ("ivo://nasa.gsfc.gcn/CALET#GBM_Flt_Lc_2022-08-03_1", "calet", None),
    ("ivo://nasa.gsfc.gcn/KONUS#Lightcurve_2015-07-10_1-877", "konus", None),
    ("ivo://nasa.gsfc.gcn/MOA#Lensing_Event_2015-07-10_1-0-309", "moa", None),
    ("ivo://nasa.gsfc.gcn/SNEWS#Event2018-09-18T16:00:01.00_1-580", "snews", None),
    ("ivo://nasa.gsfc.gcn/SK_SN#Event_2021-03-11T19:42:06.07_000001-069", "super-kamiokande", None),
    ("ivo://nasa.gsfc.gcn/GECAM#FLT_Event_2024-01-12T569:03:04.96_000018-768", "gecam", None),
    ("ivo://nasa.gsfc.gcn/AGILE#MCAL_Alert_2019-01-01_1", "agile", None),
    ("ivo://ca.chimenet.frb/FRB-DETECTION-#2022-03-20-10:00:28UTC+0000_996a", "chime", None),
    ("ivo://voevent.4pisky.org/ASASSN#2016-09-25.47_2016fvf", "4pisky/asassn", None),
    ("ivo://org.svom/fsc#sb25031103_grm-trigger", "svom", None),
    ("ivo://nasa.gsfc.gcn/LVC#G184098-1-Initial", "ligo-virgo-kagra", None),
    ("ivo://amon/icecube_gold#24_132910_57145925_1", "icecube/gold", 0.9),
    ("ivo://nvo.caltech/voeventnet/catot#1", "ivo://nvo.caltech/voeventnet/catot", None),
    ("ivo://servo.aob.rs/alertsim#0", "ivo://servo.aob.rs/alertsim", None),
]


@pytest.mark.parametrize(("ivorn", "stream", "containment"), STREAMS)
def test_what_a_radius_contains_depends_on_the_stream(ivorn, stream, containment):
    notice = parse(voevent(param("TrigID", "537"), ivorn=ivorn))
    assert notice.stream == stream
    assert (notice.position.radius, notice.position.containment) == (1.5, containment)


def test_packet_types_tell_amon_streams_apart():
    for number, stream in (("172", "amon/nu-em"), ("171", "hawc"), ("158", "icecube/hese")):
        ivorn = "ivo://nasa.gsfc.gcn/AMON#Event2021-01-01T00:00:00.00_1"
        assert parse(voevent(param("Packet_Type", number), ivorn=ivorn)).stream == stream


def test_the_packet_itself_knows_better_what_its_radius_contains():
    # AMON's own packets of gold alerts give the 50 % radius as Error2Radius
    notice = parse(
        voevent(
            param("src_error_90", "3.0", unit="deg", description="(90% containment)"),
            param("src_error", "1.5", unit="deg", description="error (50% containment)"),
            ivorn="ivo://amon/icecube_gold#24_132910_57145925_1",
        )
    )
    assert (notice.position.radius, notice.position.containment) == (1.5, 0.5)
    assert (notice.position.radius_50, notice.position.radius_90) == (1.5, 3.0)


def test_early_hese_packets_have_no_number_of_their_own():
    notice = parse(
        voevent(
            param("TrigID", "2147483647"),
            param("False_pos", "5.0003e-01", unit="tbd"),
            param("pvalue", "0.0000e+00", unit="tbd"),
            param("charge", "1510.0", unit="pe"),
            param("signal_trackness", "0.92"),
            param("Nevents", "1"),
            ivorn="ivo://nasa.gsfc.gcn/AMON#ICECUBE_HESE_Event2015-11-15T11:53:44.00_2147483647-644",
        )
    )
    assert notice.event_key is None
    assert (notice.far, notice.p_value, notice.n_events) == (None, None, 1)
    assert notice.signalness == 0.92
    assert any("signal_trackness" in remark for remark in notice.remarks)


def test_a_supernova_whose_radius_is_only_among_the_params():
    notice = parse(
        voevent(
            param("Trigger_Number", "1"),
            param("Src_Error68", "70.7"),
            param("Src_Error90", "118.0"),
            param("Src_Error95", "134.7"),
            param("N_Events", "11"),
            ivorn="ivo://nasa.gsfc.gcn/SK_SN#Event_2021-03-11T19:42:06.07_000001-069",
            where=where_when(radius="0.0000"),
        )
    )
    assert (notice.position.radius, notice.position.containment) == (118.0, 0.9)
    assert notice.n_events == 11


@pytest.mark.parametrize(
    ("ra", "dec", "radius", "description"),
    [
        ("0.0000", "0.0000", "0.0000", "source_object"),
        ("0.0000", "0.0000", "360.0000", "source_object"),
        ("0.0", "0.0", None, "source_object"),
        ("12.0", "34.0", "1.0", "unavailable/inappropriate"),
        ("9999", "9999", "0", "source_object"),
    ],
)
def test_what_stands_for_no_position_is_none_and_is_told(ra, dec, radius, description):
    notice = parse(
        voevent(where=where_when(ra=ra, dec=dec, radius=radius, description=description))
    )
    assert notice.position is None
    assert notice.remarks
    assert ra in [p.value for p in notice.parameters]


def test_a_source_at_the_vernal_equinox_is_not_dropped():
    position = parse(voevent(where=where_when(ra="0.0", dec="0.0", radius="0.5"))).position
    assert (position.ra, position.dec, position.radius) == (0, 0, 0.5)
    far_away = parse(voevent(where=where_when(radius="0"))).position
    assert (far_away.ra, far_away.radius) == (150.5, None)


@pytest.mark.parametrize(
    ("ra", "expected"),
    [("360", 0), ("-0.0", 0), ("-10", 350), ("-180", 180), ("359.9999", 359.9999)],
)
def test_right_ascensions_are_brought_into_their_range(ra, expected):
    notice = parse(voevent(where=where_when(ra=ra)))
    assert notice.position.ra == expected
    assert math.copysign(1, notice.position.ra) == 1
    assert bool(notice.remarks) == (ra in ("-10", "-180"))


@pytest.mark.parametrize(
    ("system", "kept"),
    [
        ("UTC-FK5-GEO", True),
        ("UTC-ICRS-TOPO", True),
        ("TDB-ICRS-BARY", True),
        ("UTC-GEOD-TOPO", False),
        ("UTC-GALACTIC-GEO", False),
        (None, True),
    ],
)
def test_only_equatorial_frames_give_a_position(system, kept):
    notice = parse(voevent(where=where_when(system=system)))
    assert (notice.position is not None) == kept
    if system is None or not kept:
        assert notice.remarks


TIMES = [
    ("2019-11-26T21:55:34.000", "2019-11-26T21:55:34"),
    ("2019-11-26T21:55:34Z", "2019-11-26T21:55:34"),
    ("2019-11-26 21:55:34", "2019-11-26T21:55:34"),
    ("2019-11-26T21:55:34.123456789", "2019-11-26T21:55:34.123456789"),
    ("2019-11-26T23:55:34+02:00", "2019-11-26T21:55:34"),
    ("2019-11-26T20:25:34-0130", "2019-11-26T21:55:34"),
    ("2019-11-26T24:00:00", "2019-11-27T00:00:00"),
    ("2016-12-31T23:59:60.5", "2016-12-31T23:59:60.5"),
    ("2019-11-26", "2019-11-26T00:00:00"),
    ("2021-4-16T02:03:57Z", "2021-04-16T02:03:57"),
]


@pytest.mark.parametrize(("written", "meant"), TIMES)
def test_times_as_packets_write_them(written, meant):
    notice = parse(voevent(where=where_when(time=written)))
    assert seconds_apart(notice.event_mjd, mjd(meant)) < 2e-6


@pytest.mark.parametrize("scale", ["TT", "TDB", "TAI"])
def test_other_time_scales_agree_with_astropy(scale):
    notice = parse(
        voevent(where=where_when(time="2021-07-01T12:00:00", system=f"{scale}-ICRS-GEO"))
    )
    assert seconds_apart(notice.event_mjd, mjd("2021-07-01T12:00:00", scale.lower())) < 2e-5


def test_gps_time_is_19_s_behind_tai():
    gps = parse(voevent(where=where_when(time="2021-07-01T12:00:19", system="GPS-ICRS-GEO")))
    assert seconds_apart(gps.event_mjd, mjd("2021-07-01T12:00:38", "tai")) < 2e-5


@pytest.mark.parametrize(
    "written",
    ["0000-00-00T00:00:00", "9999-12-31T23:59:59", "2024-01-12T569:03:04.96", "2021-02-30", "soon"],
)
def test_times_that_are_none_are_told(written):
    notice = parse(voevent(where=where_when(time=written)))
    assert notice.event_mjd is None
    (remark,) = notice.remarks
    assert "ISOTime" in remark and written in remark and "ISO 8601" in remark


# --- in what life the packet stands ----------------------------------------------------------

RETRACTIONS = {
    "cited": voevent(citations=(("retraction", "ivo://a/b#1"),)),
    "superseding": voevent(
        param("AlertType", "Retraction"), citations=(("supersedes", "ivo://a/b#1"),)
    ),
    "Retraction": icecube(Retraction="true"),
    "RetractFlag": voevent(param("RetractFlag", "1")),
    "retraction": voevent(param("retraction", "1")),
}


@pytest.mark.parametrize("packet", RETRACTIONS.values(), ids=RETRACTIONS)
def test_a_retraction_is_known_in_each_of_its_disguises(packet):
    assert parse(packet).notice_type is NoticeType.RETRACTION


@pytest.mark.parametrize("value", ["false", "0", "", "False"])
def test_a_flag_that_says_no_is_no_retraction(value):
    assert parse(icecube(Retraction=value)).notice_type is NoticeType.INITIAL


TESTS = {
    "role": voevent(param("Test", "false"), role="test"),
    "Test": icecube(Test="true"),
    "InternalTest": icecube(InternalTest="true"),
    "Test_Submission": voevent(group("Misc_Flags", param("Test_Submission", "true"))),
    "isRealAlert": voevent(param("isRealAlert", "false")),
    "Alert_Tense": voevent(param("Alert_Tense", "test"), ivorn="ivo://KM3NeT_Neutrino#x"),
    "Search": voevent(param("Search", "MDC")),
    "T": voevent(param("GraceID", "TS190101a"), ivorn="ivo://gwnet/LVC#TS190101a-1-Initial"),
}


@pytest.mark.parametrize("packet", TESTS.values(), ids=TESTS)
def test_a_test_is_known_whatever_its_role(packet):
    notice = parse(packet)
    assert notice.is_test
    assert (notice.event_key or "test/").startswith("test/")


def test_what_only_sounds_like_a_test_is_none():
    packet = voevent(
        group("Statistics", param("Test", "1.5"), param("retraction", "1")),
        param("GraceID", "S190101a"),
        param("isRealAlert", "true"),
    )
    assert not parse(packet).is_test
    assert parse(packet).notice_type is NoticeType.INITIAL


def test_injections_are_told_apart_from_tests():
    notice = parse(voevent(param("HardwareInj", "1")))
    assert (notice.is_injection, notice.is_test) == (True, False)


def test_revisions_of_an_icecube_alert_share_its_key():
    first, second = parse(icecube(rev=0)), parse(icecube(rev=1))
    assert first.event_key == second.event_key == "icecube/137000_12345678"
    assert (first.revision, first.notice_type) == (0, NoticeType.INITIAL)
    assert (second.revision, second.notice_type) == (1, NoticeType.UPDATE)
    # Pkt_Ser_Num counts what GCN sent, not the versions of an alert
    assert first.revision != 9


def test_a_spacecraft_that_points_is_no_alert():
    notice = parse(
        voevent(
            param("TrigID", "53435214"),
            role="utility",
            ivorn="ivo://nasa.gsfc.gcn/SWIFT#Point_Dir_2022-08-31T23:32:00.00_53435214-375",
        )
    )
    assert (notice.role, notice.event_key) == (Role.UTILITY, None)
    assert notice.position is not None


# --- rates and energies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "hertz"),
    [
        ("Hz", 2.0),
        ("s^-1", 2.0),
        ("1/s", 2.0),
        ("yr^-1", 2 / YEAR),
        ("per year", 2 / YEAR),
        ("1/yr", 2 / YEAR),
        ("day^-1", 2 / 86_400),
    ],
)
def test_rates_are_brought_to_hertz(unit, hertz):
    rate = parse(voevent(param("FAR", "2.0", unit=unit))).far
    assert rate.hertz == pytest.approx(hertz, rel=1e-12)
    assert (rate.value, rate.unit) == (2.0, unit)


@pytest.mark.parametrize("unit", ["tbd", "", "yr"])
def test_a_rate_in_no_unit_of_rate_is_left_out_and_told(unit):
    notice = parse(voevent(param("FAR", "2.0", unit=unit)))
    assert notice.far is None
    assert "FAR" in notice.remarks[0] and "rate" in notice.remarks[0]


def test_a_plausible_yearly_rate_of_km3net_is_believed():
    notice = parse(voevent(param("FAR", "1.5", unit="yr^-1"), ivorn="ivo://KM3NeT_Neutrino#x"))
    assert (notice.far.hertz, notice.far.doubtful) == (pytest.approx(1.5 / YEAR), False)


def test_amon_writes_0_for_a_rate_that_is_not_known():
    notice = parse(
        voevent(param("far", "0", unit="yr^-1"), ivorn="ivo://amon/icecube_gold#24_1_2_0")
    )
    assert notice.far is None


@pytest.mark.parametrize(
    ("value", "unit", "gev"), [("120", "PeV", 120e6), ("0.1", "TeV", 100), ("5e3", "MeV", 5)]
)
def test_energies_are_brought_to_gev(value, unit, gev):
    assert parse(voevent(param("energy", value, unit=unit))).energy == gev


def test_params_in_groups_are_not_those_of_the_source():
    notice = parse(
        voevent(
            group("Nu_Event_1", param("ra", "1"), param("dec", "2"), param("id", "km3.1.2.3.4")),
            group("Other", param("energy", "5", unit="TeV"), param("FAR", "1", unit="Hz")),
            param("TrigID", "77"),
        )
    )
    assert (notice.position.ra, notice.energy, notice.far) == (150.5, None, None)
    assert notice.ids == ("77",)
    assert notice.events[0].event_id == "km3.1.2.3.4"


# --- prefixes, namespaces, versions ----------------------------------------------------------


@pytest.mark.parametrize("version", ["1.1", "2.0", "2.1"])
@pytest.mark.parametrize(
    ("namespace", "prefix"),
    [
        ("http://www.ivoa.net/xml/VOEvent/v{}", "voe"),
        ("https://www.ivoa.net/xml/VOEvent/v{}", "voe"),
        ("http://www.ivoa.net/xml/VOEvent/v{}", "x"),
        ("http://www.ivoa.net/xml/VOEvent/v{}", ""),
        (None, ""),
    ],
)
def test_elements_are_told_by_their_local_names(version, namespace, prefix):
    told = None if namespace is None else namespace.format(version)
    packet = voevent(param("TrigID", "1x"), version=version, namespace=told, prefix=prefix)
    notice = parse(packet)
    assert notice.media_format == f"voevent-{version}"
    assert notice.position.ra == 150.5
    assert notice.ids == ("1x",)


def test_elements_may_all_have_a_prefix():
    packet = voevent(param("TrigID", "1x")).decode()
    for name in ("What", "Param", "WhereWhen", "ObservationLocation", "AstroCoords", "C1"):
        packet = packet.replace(f"<{name}", f"<voe:{name}").replace(f"</{name}", f"</voe:{name}")
    assert parse(packet.encode()).position.ra == 150.5
