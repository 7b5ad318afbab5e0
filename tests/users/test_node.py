"""The class Node against a real server, and against the public file."""

from __future__ import annotations

import doctest
import http.server
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import sesame_database, sesame_url
from astropy.io import fits
from astropy.table import QTable
from astropy.time import Time

import km3vo
from km3vo import BadRequestError, NameResolutionError, Node, NodeError, ServiceError

KM3 = SkyCoord(94.3, -7.8, unit="deg")


@pytest.fixture(scope="module")
def node(instance) -> Node:
    return Node(instance.url)


@pytest.fixture(scope="module")
def public(antares_list) -> QTable:
    """Return the events of the public file with the identifiers that they have here."""
    dec, ra, _, _, mjd = np.loadtxt(antares_list, skiprows=2).T
    names = [f"ANT{i:04d}" for i in range(1, len(ra) + 1)]
    return QTable({"id": names, "sky": SkyCoord(ra, dec, unit="deg"), "mjd": mjd * u.d})


@pytest.fixture
def sesame() -> Iterator[None]:
    """Provide a name resolver on this machine, which knows TXS 0506+056 and nothing else."""

    class Resolver(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = "TXS" in self.path
            text = "# TXS 0506+056\n%J 77.3582 +5.6931 = 05:09:25.96 +05:41:35.3\n" if known else ""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Resolver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with (
            sesame_url.set([f"http://127.0.0.1:{server.server_port}/"]),
            sesame_database.set("simbad"),
        ):
            yield
        server.shutdown()


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder()
    found = [*finder.find(Node, "Node"), *finder.find(km3vo, "km3vo")]
    return [one for one in found if one.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda one: one.name)
def test_the_examples_in_the_documentation_give_the_answers_they_show(example, node):
    example.globs |= {"node": node, "SkyCoord": SkyCoord, "u": u, "print": _print}
    for one in example.examples:
        one.source = one.source.replace("http://localhost:8080", node.url)
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0


def _print(*values: object) -> None:
    print(*("\n".join(map(str.rstrip, str(one).splitlines())) for one in values))


def test_events_in_a_circle_are_those_of_the_public_file(node, public):
    found = node.events("ant20_01", near=KM3, radius=3 * u.deg)
    separation = public["sky"].separation(KM3)
    assert set(found["id"]) == set(public["id"][separation < 3 * u.deg])
    expected = dict(zip(public["id"], separation, strict=True))
    for event in found:
        assert abs(event["separation"] - expected[event["id"]]) < 1e-6 * u.deg
    assert list(found["separation"]) == sorted(found["separation"])
    assert (found["ra"].unit, found["mjd"].unit) == (u.deg, u.d)


def test_events_come_with_whom_to_cite(node):
    meta = node.events("ant20_01", near=KM3).meta
    assert meta["release"] == "ant20_01"
    assert meta["reference"] == "doi:10.3847/2041-8213/aad8c0"
    assert meta["bibcodes"] == ["2018ApJ...863L..30A"]
    assert "CC BY 4.0" in meta["rights"]
    assert meta["how_to_cite"].startswith(node.url)


def test_events_of_a_period_have_times_if_asked(node, public):
    period = Time(["2017-08-12T12:41:04", "2017-08-22T12:41:04"], scale="utc")
    found = node.events("ant20_01", time=period, columns=["id", "time"])
    inside = (public["mjd"].value >= period[0].mjd) & (public["mjd"].value <= period[1].mjd)
    assert set(found["id"]) == set(public["id"][inside])
    assert found.colnames == ["id", "time"]
    assert isinstance(found["time"], Time) and found["time"].scale == "utc"
    expected = dict(zip(public["id"], public["mjd"].value, strict=True))
    assert all(abs(one["time"].mjd - expected[one["id"]]) < 1e-9 for one in found)


@pytest.mark.filterwarnings("ignore:Keyword name")
def test_a_table_can_be_saved_as_fits_and_ecsv(node, tmp_path):
    found = node.events("ant20_01", near=KM3)
    found.write(tmp_path / "events.fits")
    found.write(tmp_path / "events.ecsv")
    again = QTable.read(tmp_path / "events.ecsv")
    assert list(again["id"]) == list(found["id"])
    assert again.meta["reference"] == found.meta["reference"]


def test_energies_are_compared_in_any_unit(node):
    (event,) = node.events("evts23_01", energy=(100 * u.PeV, None))
    assert event["energy"] == 120 * u.PeV  # Nature 638, 376
    assert not len(node.events("evts23_01", energy=(None, 100 * u.PeV)))


def test_the_region_of_an_alert_is_searched_unless_a_radius_is_given(node, public):
    (alert,) = node.alerts(name="KM3-230213A")
    separation = public["sky"].separation(KM3)
    # its 90 % region is a circle of 2.2 deg, made of cells
    for near in (alert, "KM3-230213A", alert["ivorn"]):
        found = set(node.events("ant20_01", near=near)["id"])
        assert set(public["id"][separation < 2.15 * u.deg]) <= found
        assert found <= set(public["id"][separation < 2.4 * u.deg])
    wide = node.events("ant20_01", near=alert, radius=4)
    assert set(wide["id"]) == set(public["id"][separation < 4 * u.deg])


def test_events_around_an_event(node, public):
    (centre,) = public["sky"][public["id"] == "ANT3412"]
    found = node.events("ant20_01", near="ANT3412", radius=2)
    assert found["id"][0] == "ANT3412"
    assert set(found["id"]) == set(public["id"][public["sky"].separation(centre) < 2 * u.deg])


def test_all_samples_together(node):
    found = node.events(near=SkyCoord(43, 35, unit="deg"), radius=3)
    assert {"ANTARES", "ORCA4"} <= set(found["detector"])


@pytest.mark.usefixtures("sesame")
def test_names_of_objects_are_resolved(node, public):
    found = node.events("ant20_01", near="TXS 0506+056", radius=3 * u.deg)
    separation = public["sky"].separation(SkyCoord(77.3582, 5.6931, unit="deg"))
    assert set(found["id"]) == set(public["id"][separation < 3 * u.deg])


@pytest.mark.usefixtures("sesame")
def test_an_unknown_name_is_an_error_that_says_what_to_do(node):
    with pytest.raises(NameResolutionError, match="give a SkyCoord"):
        node.events("ant20_01", near="No such object")


def test_without_a_network_names_fail_with_a_remedy(node):
    with (
        sesame_url.set(["http://127.0.0.1:9/"]),
        pytest.raises(NameResolutionError, match="check the name and the network"),
    ):
        node.events("ant20_01", near="TXS 0506+056")


def test_alerts_by_position_stream_and_time(node):
    (found,) = node.alerts(near=SkyCoord(96.2, -7.8, unit="deg"))
    # README: 1.9 deg from the centre of KM3-230213A, and inside its 90 % region
    assert found["event_name"] == "KM3-230213A"
    assert not len(node.alerts(near=SkyCoord(96.2, -7.8, unit="deg"), radius=1.5))
    assert len(node.alerts(near=SkyCoord(96.2, -7.8, unit="deg"), radius=2))
    since = Time("2022-01-01", scale="utc")
    icecube = node.alerts(stream="icecube*", time=(since, None))
    assert len(icecube) and all(one.startswith("icecube") for one in icecube["stream"])
    assert (icecube["event_mjd"] >= since.mjd * u.d).all()


def test_all_notices_of_an_alert(node):
    # a test alert of LIGO, Virgo and KAGRA, see the examples of the TAP service
    found = node.alerts(name="MS181101*", latest=False, retracted=True)
    assert len(set(found["alert_id"])) == 1
    assert {"initial", "retraction"} <= set(found["notice_type"])
    assert not len(node.alerts(name="MS181101ab", retracted=True))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"release": "ant99_01"}, "no table ant99_01.main"),
        ({"release": "ant20_01; DROP"}, "not a name of letters"),
        ({"energy": (1 * u.TeV, None)}, "has no energies"),
        ({"near": KM3, "radius": 0}, "more than 0"),
        ({"near": KM3, "radius": 1 * u.m}, "a quantity in deg"),
        ({"near": SkyCoord([1, 2], [3, 4], unit="deg")}, "one position"),
        ({"near": 5}, "neither a name"),
        ({"columns": ["energy"]}, "no column 'energy'"),
        ({"near": "ivo://nobody/nothing"}, "no notice"),
        ({"near": {"ra": float("nan"), "dec": 1}}, "right ascension is nan"),
        ({"near": {"notice_id": "1 OR 1"}}, "not a whole number"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(arguments, problem, node):
    with pytest.raises(NodeError, match=problem):
        node.events(**{"release": "ant20_01"} | arguments)


def test_what_the_node_refuses_has_reason_and_address(node):
    with pytest.raises(BadRequestError) as caught:
        node.query("SELECT nothing FROM nowhere")
    assert caught.value.url.startswith(node.url)
    assert "nowhere" in caught.value.reason


def test_a_node_that_is_not_there():
    with pytest.raises(ServiceError) as caught:
        Node("http://127.0.0.1:9").releases()
    assert caught.value.url.startswith("http://127.0.0.1:9")
    with pytest.raises(BadRequestError, match="not the address of a node"):
        Node("vo.example.org")


def test_the_event_list_is_read_by_gammapy(node):
    found = node.event_list("ant20_01")
    assert len(found.table) == 8754
    with pytest.raises(BadRequestError, match="no sample ant99_01"):
        node.event_list("ant99_01")


def test_instrument_responses_are_read_by_gammapy(node, delivered):
    found = node.responses("irf_arca115")
    assert set(found) == {"aeff", "edisp", "psf", "bkg_nu", "bkg_mu"}
    with fits.open(delivered / "irf_arca115" / "aeff.fits") as hdus:
        expected = hdus[1].data["EFFAREA"][0].T * u.Unit(hdus[1].columns["EFFAREA"].unit)
    assert found["aeff"].quantity.shape == expected.shape
    assert u.allclose(found["aeff"].quantity, expected)
    assert (found["bkg_mu"].quantity.value >= 0).all()
    assert set(node.responses("irf_arca230")) == {"aeff", "edisp"}
    with pytest.raises(BadRequestError, match="no instrument responses for gammapy"):
        node.responses("ant20_01")


def test_a_sample_has_events_background_and_acceptance(node, public):
    sample = node.sample("ant20_01")
    assert set(sample.event_id) == set(public["id"])
    # background.txt: 7893.0656 events below 20 deg, as the collaboration's openkm3 evaluates it
    assert sample.polynomial.below(20.0) == pytest.approx(7893.0656, abs=5e-5)
    assert sample.acceptance.values.shape == (16, 20)
    assert sample.resolution == 0.4
    with pytest.raises(BadRequestError, match="no acceptance"):
        node.sample("evts23_01")


def test_without_gammapy_the_error_says_how_to_install_it(node, monkeypatch):
    monkeypatch.setitem(sys.modules, "gammapy.data", None)
    with pytest.raises(ImportError, match="pip install 'gammapy"):
        node.event_list("ant20_01")
