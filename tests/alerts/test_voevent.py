import pytest
from astropy.time import Time

from ingest.alerts.notices.model import NoticeType, Role
from ingest.alerts.notices.parsing import parse
from tests.alerts.sample_packets import group, icecube, param, voevent

YEAR = 365.25 * 86_400


def mjd(text, scale="utc"):
    return Time(text, scale=scale).utc.mjd


def seconds_apart(one, other):
    return abs(one - other) * 86_400


@pytest.fixture
def real(delivered):
    def read(name):
        return parse((delivered / "alerts" / "voevent" / name).read_bytes())

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
def test_times_and_positions_of_real_packets(real, name, identity, times, place):
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


def test_a_cascade_has_two_radii_a_name_and_a_sky_map(real):
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


def test_barycentric_dynamical_time_is_converted_to_utc(real):
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


def test_a_packet_without_namespace_and_position(real):
    notice = real("no_namespace_packet.xml")
    assert (notice.role, notice.is_test, notice.position) == (Role.TEST, True, None)
    assert any("(0, 0)" in remark for remark in notice.remarks)
    addresses = [p.value for p in notice.parameters if p.path == "IP Addresses/IPv4" and p.value]
    assert addresses == ["70.167.219.231", "192.168.2.1", "192.168.100.10"]


def test_a_packet_with_hardly_any_content(real):
    notice = real("kill_socket_v1.1.xml")
    assert notice.media_format == "voevent-1.1"
    assert (notice.event_key, notice.event_mjd, notice.position) == (None, None, None)


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
def test_retractions_are_recognised_in_all_their_forms(packet):
    assert parse(packet).notice_type is NoticeType.RETRACTION


@pytest.mark.parametrize("value", ["false", "0", "", "False"])
def test_a_flag_that_is_not_set_is_not_a_retraction(value):
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
def test_tests_are_recognised_with_any_role(packet):
    notice = parse(packet)
    assert notice.is_test
    assert (notice.event_key or "test/").startswith("test/")


def test_flags_in_other_groups_are_ignored():
    packet = voevent(
        group("Statistics", param("Test", "1.5"), param("retraction", "1")),
        param("GraceID", "S190101a"),
        param("isRealAlert", "true"),
    )
    assert not parse(packet).is_test
    assert parse(packet).notice_type is NoticeType.INITIAL


def test_injections_are_distinguished_from_tests():
    notice = parse(voevent(param("HardwareInj", "1")))
    assert (notice.is_injection, notice.is_test) == (True, False)


def test_revisions_of_an_icecube_alert_share_its_key():
    first, second = parse(icecube(rev=0)), parse(icecube(rev=1))
    assert first.event_key == second.event_key == "icecube/137000_12345678"
    assert (first.revision, first.notice_type) == (0, NoticeType.INITIAL)
    assert (second.revision, second.notice_type) == (1, NoticeType.UPDATE)
    # Pkt_Ser_Num counts what GCN sent, not the versions of an alert
    assert first.revision != 9


def test_a_utility_notice_has_no_event_key():
    notice = parse(
        voevent(
            param("TrigID", "53435214"),
            role="utility",
            ivorn="ivo://nasa.gsfc.gcn/SWIFT#Point_Dir_2022-08-31T23:32:00.00_53435214-375",
        )
    )
    assert (notice.role, notice.event_key) == (Role.UTILITY, None)
    assert notice.position is not None


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
def test_elements_are_recognised_by_their_local_names(version, namespace, prefix):
    wanted = None if namespace is None else namespace.format(version)
    packet = voevent(param("TrigID", "1x"), version=version, namespace=wanted, prefix=prefix)
    notice = parse(packet)
    assert notice.media_format == f"voevent-{version}"
    assert notice.position.ra == 150.5
    assert notice.ids == ("1x",)


def test_elements_may_all_have_a_prefix():
    packet = voevent(param("TrigID", "1x")).decode()
    for name in ("What", "Param", "WhereWhen", "ObservationLocation", "AstroCoords", "C1"):
        packet = packet.replace(f"<{name}", f"<voe:{name}").replace(f"</{name}", f"</voe:{name}")
    assert parse(packet.encode()).position.ra == 150.5
