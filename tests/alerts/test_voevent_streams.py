import math

import pytest
from astropy.time import Time

from ingest.alerts.notices.parsing import parse
from tests.alerts.sample_packets import group, param, voevent, where_when

YEAR = 365.25 * 86_400


def mjd(text, scale="utc"):
    return Time(text, scale=scale).utc.mjd


def seconds_apart(one, other):
    return abs(one - other) * 86_400


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
    ("ivo://org.svom/fsc#sb25031103_grm-trigger", "svom", 0.9),
    ("ivo://nasa.gsfc.gcn/LVC#G184098-1-Initial", "ligo-virgo-kagra", None),
    ("ivo://amon/icecube_gold#24_132910_57145925_1", "icecube/gold", 0.9),
    ("ivo://nvo.caltech/voeventnet/catot#1", "ivo://nvo.caltech/voeventnet/catot", None),
    ("ivo://servo.aob.rs/alertsim#0", "ivo://servo.aob.rs/alertsim", None),
]


@pytest.mark.parametrize(("ivorn", "stream", "containment"), STREAMS)
def test_the_containment_of_a_radius_depends_on_the_stream(ivorn, stream, containment):
    notice = parse(voevent(param("TrigID", "537"), ivorn=ivorn))
    assert notice.stream == stream
    assert (notice.position.radius, notice.position.containment) == (1.5, containment)


def test_packet_types_distinguish_amon_streams():
    for number, stream in (("172", "amon/nu-em"), ("171", "hawc"), ("158", "icecube/hese")):
        ivorn = "ivo://nasa.gsfc.gcn/AMON#Event2021-01-01T00:00:00.00_1"
        assert parse(voevent(param("Packet_Type", number), ivorn=ivorn)).stream == stream


def test_a_containment_in_the_packet_takes_precedence_over_the_profile():
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


def test_early_hese_packets_have_no_identifier():
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
def test_placeholders_of_a_missing_position_are_recognised(ra, dec, radius, description):
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
def test_right_ascensions_are_wrapped(ra, expected):
    notice = parse(voevent(where=where_when(ra=ra)))
    assert notice.position.ra == expected
    assert math.copysign(1, notice.position.ra) == 1
    assert bool(notice.remarks) == (ra in ("-10", "-180"))


@pytest.mark.parametrize(
    ("system", "accepted"),
    [
        ("UTC-FK5-GEO", True),
        ("UTC-ICRS-TOPO", True),
        ("TDB-ICRS-BARY", True),
        ("UTC-GEOD-TOPO", False),
        ("UTC-GALACTIC-GEO", False),
        (None, True),
    ],
)
def test_only_equatorial_frames_give_a_position(system, accepted):
    notice = parse(voevent(where=where_when(system=system)))
    assert (notice.position is not None) == accepted
    if system is None or not accepted:
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
def test_notations_of_times_in_packets(written, meant):
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
def test_invalid_times_get_a_remark(written):
    notice = parse(voevent(where=where_when(time=written)))
    assert notice.event_mjd is None
    (remark,) = notice.remarks
    assert "ISOTime" in remark and written in remark and "ISO 8601" in remark


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
def test_rates_are_converted_to_hertz(unit, hertz):
    rate = parse(voevent(param("FAR", "2.0", unit=unit))).far
    assert rate.hertz == pytest.approx(hertz, rel=1e-12)
    assert (rate.value, rate.unit) == (2.0, unit)


@pytest.mark.parametrize("unit", ["tbd", "", "yr"])
def test_a_rate_without_a_unit_of_rate_is_ignored_with_a_remark(unit):
    notice = parse(voevent(param("FAR", "2.0", unit=unit)))
    assert notice.far is None
    assert "FAR" in notice.remarks[0] and "rate" in notice.remarks[0]


def test_a_plausible_yearly_rate_of_km3net_is_per_year():
    notice = parse(voevent(param("FAR", "1.5", unit="yr^-1"), ivorn="ivo://KM3NeT_Neutrino#x"))
    assert (notice.far.hertz, notice.far.doubtful) == (pytest.approx(1.5 / YEAR), False)


def test_amon_writes_0_for_an_unknown_rate():
    notice = parse(
        voevent(param("far", "0", unit="yr^-1"), ivorn="ivo://amon/icecube_gold#24_1_2_0")
    )
    assert notice.far is None


@pytest.mark.parametrize(
    ("value", "unit", "gev"), [("120", "PeV", 120e6), ("0.1", "TeV", 100), ("5e3", "MeV", 5)]
)
def test_energies_are_converted_to_gev(value, unit, gev):
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


# --- what versions allow beyond the usual ----------------------------------------------------


def test_the_time_of_an_interval_is_its_start():
    packet = voevent().replace(
        b"<TimeInstant><ISOTime>2020-01-02T03:04:05</ISOTime></TimeInstant>",
        b"<TimeInterval><ISOTimeStart>2020-01-02T03:00:00</ISOTimeStart>"
        b"<ISOTimeStop>2020-01-02T04:00:00</ISOTimeStop></TimeInterval>",
    )
    notice = parse(packet)
    assert seconds_apart(notice.event_mjd, mjd("2020-01-02T03:00:00")) < 2e-6
    assert any("interval" in remark for remark in notice.remarks)


def test_a_coordinate_system_may_be_given_by_elements():
    system = (
        b"<ObservationLocation><AstroCoordSystem><TimeFrame><ReferencePosition>BARYCENTER"
        b"</ReferencePosition><TimeScale>TT</TimeScale></TimeFrame><SpaceFrame><SpaceRefFrame>"
        b"%b</SpaceRefFrame></SpaceFrame></AstroCoordSystem>"
    )
    packet = voevent(where=where_when(system=None), version="2.1")
    changed = packet.replace(b"<ObservationLocation>", system % b"ICRS")
    notice = parse(changed)
    assert seconds_apart(notice.event_mjd, mjd("2020-01-02T03:04:05", "tt")) < 2e-5
    assert notice.position.ra == 150.5
    assert any("barycentre" in remark for remark in notice.remarks)
    assert parse(packet.replace(b"<ObservationLocation>", system % b"GALACTIC")).position is None


@pytest.mark.parametrize(
    ("unit", "ra", "dec", "radius"),
    [
        ("rad", "1.5707963267948966", "-0.5", "0.01"),
        ("arcmin", "5400", "-1718.873385", "34.377468"),
    ],
)
def test_positions_in_other_units_are_converted_to_degrees(unit, ra, dec, radius):
    position = parse(voevent(where=where_when(ra=ra, dec=dec, radius=radius, unit=unit))).position
    assert position.ra == pytest.approx(90)
    assert position.dec == pytest.approx(math.degrees(-0.5), rel=1e-8)
    assert position.radius == pytest.approx(math.degrees(0.01), rel=1e-6)


def test_a_coordinate_may_have_a_unit_of_its_own():
    packet = voevent().replace(b"<Error2Radius>", b'<Error2Radius pos_unit="arcmin">')
    assert parse(packet).position.radius == pytest.approx(1.5 / 60)


def test_the_radius_is_the_larger_error_of_two_axes():
    more = "<Error2><C1>0.2</C1><C2>0.3</C2></Error2>"
    notice = parse(voevent(where=where_when(radius=None, more=more)))
    assert notice.position.radius == 0.3
    assert any("Error2" in remark for remark in notice.remarks)


def test_declination_may_come_first():
    packet = voevent().replace(b"<Name1>RA</Name1>", b"<Name1>Dec</Name1>")
    packet = packet.replace(b"<C1>150.5</C1><C2>-20.25</C2>", b"<C1>-20.25</C1><C2>150.5</C2>")
    assert (parse(packet).position.ra, parse(packet).position.dec) == (150.5, -20.25)
