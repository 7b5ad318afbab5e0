"""The services of limits as their clients see them: point sources, lists, and bad input."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import urllib.parse
import urllib.request

import numpy as np
import pytest
import pyvo
import requests
from astropy.coordinates import angular_separation
from astropy.io import fits, votable
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table
from astropy_healpix import HEALPix
from scipy import stats

SERVICE = "/ant20_01/nu/ps/api"
HESS = (98.24, 5.81)
"""HESS J0632+057, deg."""


@pytest.fixture(scope="module")
def ask(instance):
    """Return a function that sends parameters to the service, and returns the VOTable."""

    def send(**parameters):
        url = f"{instance.url}{SERVICE}?{urllib.parse.urlencode(parameters, doseq=True)}"
        with urllib.request.urlopen(url, timeout=60) as reply:
            return votable.parse(io.BytesIO(reply.read()))

    return send


@pytest.fixture(scope="module")
def upload(instance):
    """Return a function that sends a list of sources, and returns the table of answers."""

    def send(content, **parameters):
        reply = requests.post(
            instance.url + SERVICE,
            params=parameters,
            files={"SOURCES": ("sources", content)},
            timeout=60,
        )
        return votable.parse(io.BytesIO(reply.content))

    return send


def status(answer):
    """Return the status of an answer, and what is said about it."""
    (info,) = (one for one in answer.resources[0].infos if one.name == "QUERY_STATUS")
    return info.value, info.content


def answers(answer):
    assert status(answer)[0] == "OK", status(answer)
    return answer.resources[0].tables[0].to_table(use_names_over_ids=True)


def test_pyvo_gets_an_answer_with_units_and_ucds(instance, no_warnings):
    service = pyvo.dal.DALService(instance.url + SERVICE)
    found = service.search(RA=HESS[0], DEC=HESS[1], SR=1)
    (row,) = found
    assert row["n_obs"] == 1
    for name in ("flux_norm", "flux_limit", "sensitivity"):
        assert found.getdesc(name).unit.to_string() == "1 / (GeV s cm2)"
    for field in found.votable.get_first_table().fields:
        assert field.description
        assert field.ucd and check_ucd(field.ucd, check_controlled_vocabulary=True)


def test_counts_and_background_are_those_of_tap(ask, tap):
    for ra, dec, radius in ((98.24, 5.81, 1.0), (266.4, -29.0, 3.0), (12.0, -88.9, 4.0)):
        (row,) = answers(ask(RA=ra, DEC=dec, SR=radius))
        (expected,) = tap.search(
            "SELECT COUNT(id) AS n FROM ant20_01.main"
            f" WHERE DISTANCE(ra, decl, {ra}, {dec}) <= {radius} + 1e-9"
        )
        (background,) = tap.search(
            f"SELECT TOP 1 gavo_background_events('ant20_01', {dec}, {radius}) AS n"
            " FROM ant20_01.main"
        )
        assert row["n_obs"] == expected["n"] > 0
        assert row["n_bkg"] == pytest.approx(background["n"], rel=1e-9)


def test_the_second_table_has_the_events_inside(ask, tap):
    answer = ask(RA=266.4, DEC=-29.0, SR=2)
    (row,) = answers(answer)
    events = answer.resources[0].tables[1].to_table(use_names_over_ids=True)
    expected = tap.search(
        "SELECT id FROM ant20_01.main WHERE DISTANCE(ra, decl, 266.4, -29.0) <= 2"
    )
    assert set(events["event_id"]) == set(expected["id"])
    assert len(events) == row["n_obs"]
    assert (np.diff(events["separation"]) >= 0).all()
    assert (events["weight"] >= 0).all()


def test_the_answer_says_how_to_cite_it(ask):
    infos = {(one.name, one.value) for one in ask(RA=1, DEC=1).resources[0].infos}
    assert ("citation", "doi:10.3847/2041-8213/aad8c0") in infos
    # the later name is that of version 1.2 of the note on the origin of data
    assert infos & {(name, "2018ApJ...863L..30A") for name in ("citation", "publication_id")}
    assert ("creator", "ANTARES Collaboration") in infos


def test_a_range_of_indices_has_a_row_for_each_of_the_table(ask):
    rows = answers(ask(RA=1, DEC=1, INDEX="1.8 2.2"))
    assert list(rows["index"]) == [1.8, 1.9, 2.0, 2.1, 2.2]
    assert len(answers(ask(RA=1, DEC=1, INDEX="-Inf +Inf"))) == 16


def test_other_formats_have_the_same_answer(instance):
    url = f"{instance.url}{SERVICE}?RA=1&DEC=1&RESPONSEFORMAT="
    with urllib.request.urlopen(f"{url}csv") as reply:
        by_csv = Table.read(reply.read().decode(), format="ascii.csv")
    with urllib.request.urlopen(f"{url}json") as reply:
        by_json = json.load(reply)
    names = [column["name"] for column in by_json["columns"]]
    assert names == by_csv.colnames
    assert by_json["data"][0][names.index("n_bkg")] == by_csv["n_bkg"][0]


BAD = {
    "nothing": ({}, "RA", "nothing is given"),
    "no right ascension": ({"DEC": 1}, "RA", "missing"),
    "no declination": ({"RA": 1}, "DEC", "missing"),
    "nothing to see": ({"RA": 1, "DEC": 60}, "DEC", "sees no source at the declination of 60"),
    "no declination at all": ({"RA": 1, "DEC": -91}, "DEC", "-90 to 90"),
    "right ascension beyond 360": ({"RA": 361, "DEC": 1}, "RA", "0 to 360"),
    "NaN": ({"RA": "NaN", "DEC": 1}, "RA", "finite"),
    "infinity": ({"RA": 1, "DEC": "-Inf"}, "DEC", "finite"),
    "text": ({"RA": "one", "DEC": 1}, "RA", "one"),
    "two values": ({"RA": [1, 2], "DEC": 1}, "RA", "more than"),
    "radius 0": ({"RA": 1, "DEC": 1, "SR": 0}, "SR", "between 0 and 90"),
    "radius 90": ({"RA": 1, "DEC": 1, "SR": 90}, "SR", "between 0 and 90"),
    "negative radius": ({"RA": 1, "DEC": 1, "SR": -1}, "SR", "between 0 and 90"),
    "radius NaN": ({"RA": 1, "DEC": 1, "SR": "nan"}, "SR", "finite"),
    "index outside": ({"RA": 1, "DEC": 1, "INDEX": 1.4}, "INDEX", "1.5 to 3"),
    "range outside": ({"RA": 1, "DEC": 1, "INDEX": "4 5"}, "INDEX", "1.5 to 3"),
    "no index": ({"RA": 1, "DEC": 1, "INDEX": "hard"}, "INDEX", "neither a number nor a range"),
    "index NaN": ({"RA": 1, "DEC": 1, "INDEX": "nan"}, "INDEX", "neither a number nor a range"),
    "confidence 1": ({"RA": 1, "DEC": 1, "CONFIDENCE": 1}, "CONFIDENCE", "between 0 and 1"),
    "confidence NaN": ({"RA": 1, "DEC": 1, "CONFIDENCE": "nan"}, "CONFIDENCE", "finite"),
    "name and position": ({"TARGET": "M 31", "RA": 1}, "TARGET", "cannot be combined"),
    "too long a name": ({"TARGET": "x" * 101}, "TARGET", "100 characters"),
    "list without columns": ({"SOURCES": "a,b\n1,2"}, "SOURCES", "no column ra"),
    "control characters": ({"SOURCES": "a\x01\uffff,b\n1,2"}, "SOURCES", "no column ra"),
    "index of control characters": ({"RA": 1, "DEC": 1, "INDEX": "2\x01x"}, "INDEX", "neither"),
}


@pytest.mark.parametrize(("parameters", "name", "reason"), BAD.values(), ids=BAD)
def test_bad_input_is_an_error_that_names_the_parameter(ask, parameters, name, reason):
    code, text = status(ask(**parameters))
    assert code == "ERROR"
    assert text.startswith(f"Field {name}: ")
    assert reason in text


LIST = "name,ra,dec,radius,index\n" + "\n".join(
    [
        "HESS J0632+057,98.24,5.81,1,2.0",
        "north,10,80,1,2.0",
        "text,ten,10,1,2.0",
        "empty,,,,",
        "no radius,266.4,-29,,2.5",
        "radius 0,10,10,0,2.0",
        "no such index,10,10,1,4",
    ]
)


def test_a_list_has_a_row_for_each_source_and_reasons_for_missing_values(upload):
    rows = answers(upload(LIST))
    assert list(rows["name"]) == [line.split(",")[0] for line in LIST.splitlines()[1:]]
    computed = ~np.ma.getmaskarray(rows["n_obs"])
    assert list(rows["name"][computed]) == ["HESS J0632+057", "no radius", "no such index"]
    reasons = dict(zip(rows["name"], rows["remark"], strict=True))
    for name, reason in {
        "north": "sees no source at this declination",
        "text": "ra is 'ten', which is not a number",
        "empty": "ra is missing",
        "radius 0": "radius not between 0 and 90",
        "no such index": "spectral index outside 1.5 to 3",
    }.items():
        assert reason in reasons[name]


def test_a_votable_gives_the_same_as_a_csv(upload):
    table = Table({"name": ["a", "b"], "_RAJ2000": [98.24, 10.0], "DEJ2000": [5.81, 20.0]})
    content = io.BytesIO()
    table.write(content, format="votable")
    by_votable = answers(upload(content.getvalue()))
    by_csv = answers(upload("name;ra;dec\na;98.24;5.81\nb;10;20\n"))
    for name in by_csv.colnames:
        assert list(by_votable[name]) == list(by_csv[name])


def test_positions_are_found_by_ucd_and_in_degrees_only(upload):
    table = Table({"id": [1], "lon": [98.24], "lat": [5.81]})
    table["lon"].meta["ucd"], table["lat"].meta["ucd"] = (
        "pos.eq.ra;meta.main",
        "pos.eq.dec;meta.main",
    )
    document = votable.from_table(table)
    fields = document.get_first_table().fields
    content = io.BytesIO()
    document.to_xml(content)
    (row,) = answers(upload(content.getvalue()))
    assert (row["ra"], row["dec"], row["name"]) == (98.24, 5.81, "1")
    fields[1].unit = "rad"
    content = io.BytesIO()
    document.to_xml(content)
    code, text = status(upload(content.getvalue()))
    assert code == "ERROR"
    assert "SOURCES" in text and "deg" in text


def test_p_values_of_a_list_are_corrected_for_trials(upload):
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 50), rng.uniform(-80, 50, 50)
    lines = [f"{one:.3f},{other:.3f}" for one, other in zip(ra, dec, strict=True)]
    rows = answers(upload("\n".join(["ra,dec", *lines])))
    p = np.asarray(rows["p_value"])
    assert np.allclose(rows["p_sidak"], 1 - (1 - p) ** 50)
    assert np.allclose(rows["q_bh"], stats.false_discovery_control(p))


def test_an_upload_as_dali_defines_it_gives_the_same(instance, upload):
    reply = requests.post(
        instance.url + SERVICE,
        data={"UPLOAD": "SOURCES,param:mine", "INDEX": "2.5", "RESPONSEFORMAT": "csv"},
        files={"mine": ("sources.csv", "name,ra,dec\na,98.24,5.81\n")},
        timeout=60,
    )
    (row,) = Table.read(reply.text, format="ascii.csv")
    (other,) = answers(upload("name,ra,dec\na,98.24,5.81\n", INDEX=2.5))
    assert row["index"] == other["index"] == 2.5
    assert row["flux_limit"] == other["flux_limit"]


def test_a_list_beyond_the_limit_is_refused_with_the_limit(upload):
    line = "10.0,20.0\n"
    code, text = status(upload("ra,dec\n" + line * 2001))
    assert code == "ERROR"
    assert text.startswith("Field SOURCES: ") and "2000" in text
    code, text = status(upload("ra,dec\n" + line * 2000, SR=80))
    assert code == "ERROR"
    assert text.startswith("Field SR: ") and "smaller circles or fewer sources" in text
    # negative radii do not make up for large ones
    rows = "1,-1,-89\n" * 1000 + "1,-1,89.9\n" * 1000
    assert "smaller circles" in status(upload("ra,dec,radius\n" + rows))[1]
    code, text = status(upload("ra,dec\n" + line * 1000, INDEX="1.5 3.0"))
    assert code == "ERROR"
    assert text.startswith("Field INDEX: ") and "16 spectral indices" in text


@pytest.mark.parametrize(
    "content",
    [b"\x00\xff\xfe", b"<VOTABLE", b"<VOTABLE/>", b"ra,dec\n", b"#\n", b"ra\n1\n", b"\x1f\x8b"],
)
def test_hostile_lists_are_errors_of_the_list(upload, content):
    code, text = status(upload(content))
    assert code == "ERROR"
    assert text.startswith("Field SOURCES: ")


def test_events_and_alerts_are_known_by_their_names(ask, tap):
    (event,) = tap.search("SELECT ra, decl FROM ant20_01.main WHERE id = 'ANT3412'")
    (row,) = answers(ask(TARGET="ANT3412"))
    assert (row["ra"], row["dec"]) == (event["ra"], event["decl"])
    assert row["n_obs"] >= 1
    (row,) = answers(ask(TARGET="KM3-230213A"))
    assert (row["ra"], row["dec"]) == (94.3, -7.8)


def test_votlint_has_nothing_to_say_of_answers(fetch, stilts, tmp_path):
    document = tmp_path / "answer.vot"
    document.write_bytes(fetch(f"{SERVICE}?RA=98.24&DEC=5.81&SR=2").read())
    assert stilts("votlint", f"votable={document}") == ""


def test_the_page_shows_the_answer_and_the_events(fetch):
    form = fetch("/ant20_01/nu/ps/form").read().decode()
    for text in ("RA [deg]", "Dec [deg]", "Radius [deg]", "or list of", "Spectral index"):
        assert text in form
    page = fetch(
        "/ant20_01/nu/ps/form?__nevow_form__=genForm&RA=98.24&DEC=5.81&SR=1&INDEX=2&CONFIDENCE=0.9"
    ).read()
    for text in ("Flux limit", "1.97e-08", "Events inside the circles", "ANT"):
        assert text in page.decode()


def test_tap_declares_the_functions(tap, fetch):
    capabilities = fetch("/__system__/tap/run/tap/capabilities").read().decode()
    for name in ("gavo_background_density", "gavo_background_events", "gavo_error_distance"):
        assert f"{name}(" in capabilities
    (row,) = tap.search(
        "SELECT TOP 1 gavo_error_distance(10, 0, 10, 2, 0.5) AS four,"
        " gavo_error_distance(10, 0, 10, 2, 0.0) AS nothing,"
        " gavo_background_density('ant20_01', 60) AS north FROM ant20_01.main"
    )
    assert row["four"] == pytest.approx(4)
    assert np.ma.is_masked(row["nothing"]) or np.isnan(row["nothing"])
    assert row["north"] == 0


def test_the_density_integrates_to_the_published_number_below_a_declination(tap):
    # background.txt gives 7893.0656 events below 20 degrees
    edges = np.linspace(-90, 20, 2001)
    middle = (edges[1:] + edges[:-1]) / 2
    table = Table({"dec": middle})
    rows = tap.run_sync(
        "SELECT dec, gavo_background_density('ant20_01', dec) AS density FROM TAP_UPLOAD.t",
        uploads={"t": table},
    ).to_table()
    area = 2 * np.pi * np.diff(np.sin(np.radians(edges)))
    density = np.array([one["density"] for one in sorted(rows, key=lambda row: row["dec"])])
    # what the polynomial has at -90 degrees, where the sample begins
    coefficients = np.loadtxt("inputs/ant20_01/background.txt")
    first = np.polynomial.polynomial.polyval(-90, coefficients)
    assert first + density @ area == pytest.approx(7893.0656, abs=0.05)


@pytest.mark.parametrize("alias", ["a", "b", "c", "n", "p", "q", "v"])
def test_functions_do_not_confuse_aliases_of_queries(tap, alias):
    (row,) = tap.search(
        f"SELECT gavo_background_events('ant20_01', {alias}.decl, {alias}.beta + 0.7) AS n,"
        f" gavo_background_density('ant20_01', {alias}.decl) AS density"
        f" FROM ant20_01.main AS {alias} WHERE {alias}.id = 'ANT0001'"
    )
    (expected,) = tap.search(
        "SELECT gavo_background_events('ant20_01', 19.5, beta + 0.7) AS n,"
        " gavo_background_density('ant20_01', 19.5) AS density"
        " FROM ant20_01.main WHERE id = 'ANT0001'"
    )
    assert row["n"] == pytest.approx(expected["n"]) and row["n"] > 0
    assert row["density"] == expected["density"]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("gavo_background_density('evts20_01', decl)", "no background function of 'evts20_01'"),
        ("gavo_background_density(id, decl)", "string literal"),
        ("gavo_background_density('../../etc', decl)", "no background function"),
        ("gavo_background_events('ant20_01', decl)", "takes a release"),
    ],
)
def test_a_function_says_what_it_cannot_do(tap, query, reason):
    with pytest.raises(pyvo.dal.DALQueryError, match=reason):
        tap.search(f"SELECT {query} FROM ant20_01.main")


def test_curl_sends_a_list(instance, tmp_path):
    (tmp_path / "list.csv").write_text("name,ra,dec\nTXS 0506+056,77.3582,5.6931\n")
    done = subprocess.run(
        ["curl", "-sF", "SOURCES=@list.csv", "-F", "RESPONSEFORMAT=csv", instance.url + SERVICE],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    (row,) = Table.read(done.stdout, format="ascii.csv")
    assert row["name"] == "TXS 0506+056"


REGION = "/ant20_01/nu/region/api"
NSIDE = 64


@pytest.fixture(scope="module")
def ask_region(instance):
    """Return a function that sends parameters, and a map if given, to the service for regions."""

    def send(content=None, **parameters):
        files = None if content is None else {"MAP": ("map.fits", content)}
        method = "GET" if content is None else "POST"
        url = instance.url + REGION
        reply = requests.request(method, url, params=parameters, files=files, timeout=60)
        return votable.parse(io.BytesIO(reply.content))

    return send


def probabilities(order):
    """Return a Gaussian of 5 deg around HESS J0632+057 in the cells of a map."""
    cells = HEALPix(NSIDE, order)
    lon, lat = cells.healpix_to_lonlat(np.arange(cells.npix))
    away = angular_separation(lon.rad, lat.rad, *np.radians(HESS))
    values = np.exp(-(np.degrees(away) ** 2) / 50)
    return values / values.sum()


def fits_file(columns, **keywords):
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update({"PIXTYPE": "HEALPIX", "COORDSYS": "C", "NSIDE": NSIDE} | keywords)
    content = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
    return content.getvalue()


def flat_map(scale=1.0, **keywords):
    values = probabilities("nested") * scale
    return fits_file([fits.Column("PROB", "D", array=values)], **{"ORDERING": "NESTED"} | keywords)


def multiorder_map():
    values = probabilities("nested")
    columns = [
        fits.Column("UNIQ", "K", array=4 * NSIDE**2 + np.arange(len(values))),
        fits.Column("PROBDENSITY", "D", unit="sr-1", array=values * len(values) / 4 / np.pi),
    ]
    return fits_file(columns, ORDERING="NUNIQ")


def partial_ring_map():
    values = probabilities("ring")
    some = np.argsort(-values)[:20_000]
    columns = [
        fits.Column("PIXEL", "J", array=some),
        fits.Column("PROB", "D", array=values[some]),
    ]
    return fits_file(columns, ORDERING="RING", INDXSCHM="EXPLICIT")


def test_a_map_gives_the_events_in_its_smallest_region(ask_region, tap):
    values = probabilities("nested")
    falling = np.argsort(-values)
    count = np.searchsorted(np.cumsum(values[falling]), 0.9) + 1
    events = tap.search("SELECT id, ra, decl FROM ant20_01.main").to_table()
    cells = HEALPix(NSIDE, "nested").lonlat_to_healpix(
        events["ra"].quantity, events["decl"].quantity
    )
    expected = set(events["id"][np.isin(cells, falling[:count])])
    assert len(expected) > 40
    for content in (flat_map(), multiorder_map(), partial_ring_map(), gzip.compress(flat_map())):
        answer = ask_region(content)
        (row,) = answers(answer)
        bands, inside = (
            one.to_table(use_names_over_ids=True) for one in answer.resources[0].tables[1:]
        )
        assert set(inside["event_id"]) == expected
        assert row["n_obs"] == bands["n_obs"].sum() == len(expected)
        assert row["sky_area"] == pytest.approx(count * 41252.96125 / len(values))
        assert row["n_bkg"] == pytest.approx(np.nansum(bands["n_bkg"]))
        assert bands["probability"].sum() == pytest.approx(0.9, abs=0.001)


def test_a_coverage_map_has_the_events_that_tap_finds(ask_region, tap):
    moc = "3/1,4-6 5/700"
    (row,) = answers(ask_region(MOC=moc))
    (expected,) = tap.search(
        "SELECT COUNT(id) AS n FROM ant20_01.main"
        f" WHERE 1 = CONTAINS(POINT(ra, decl), MOC('{moc}'))"
    )
    assert row["n_obs"] == expected["n"] > 0
    assert row["sky_area"] == pytest.approx((4 / 768 + 1 / 12288) * 41252.96125)


def test_the_whole_sky_has_all_events_and_says_what_is_not_seen(ask_region):
    (row,) = answers(ask_region(MOC="0/0-11"))
    assert row["n_obs"] == 8754
    assert "the sample sees 90" in row["remark"]


def test_the_links_of_an_alert_lead_to_its_region(instance, tap, ask_region):
    (alert,) = tap.search(
        "SELECT notice_id, ivorn, region_90 FROM alerts.latest WHERE event_name = 'KM3-230213A'"
    )
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{instance.url}/alerts/nu/dl/dlmeta?ID={alert['notice_id']}"
    )
    (link,) = [one for one in links if one["semantics"] == "#proc"]
    by_link = votable.parse(io.BytesIO(requests.get(link.access_url, timeout=60).content))
    (row,) = answers(by_link)
    for parameters in ({"ALERT": alert["ivorn"]}, {"ALERT": "KM3-230213A", "CONTAINMENT": 0.9}):
        (other,) = answers(ask_region(**parameters))
        assert [row[name] for name in ("sky_area", "n_obs", "flux_limit")] == [
            other[name] for name in ("sky_area", "n_obs", "flux_limit")
        ]
    assert row["name"] == "KM3-230213A"
    (count,) = tap.search(
        "SELECT COUNT(e.id) AS n FROM ant20_01.main AS e JOIN alerts.latest AS a"
        " ON 1 = CONTAINS(POINT(e.ra, e.decl), a.region_90) WHERE a.event_name = 'KM3-230213A'"
    )
    assert row["n_obs"] == count["n"] > 0


BAD_REGIONS = {
    "nothing": ({}, "MOC", "nothing is given"),
    "two": ({"MOC": "3/1", "ALERT": "x"}, "MOC", "cannot be combined"),
    "no coverage map": ({"MOC": "CIRCLE 1 2 3"}, "MOC", "order/cells"),
    "no such cell": ({"MOC": "3/768"}, "MOC", "3/768"),
    "no such order": ({"MOC": "30/1"}, "MOC", "30/1"),
    "empty": ({"MOC": "5/"}, "MOC", "one cell or more"),
    "no such alert": ({"ALERT": "nobody knows"}, "ALERT", "no alert nobody knows"),
    "containment of a coverage map": ({"MOC": "3/1", "CONTAINMENT": 0.5}, "CONTAINMENT", "no prob"),
    "containment 2": ({"ALERT": "KM3-230213A", "CONTAINMENT": 2}, "CONTAINMENT", "up to 1"),
    "no such region": ({"ALERT": "KM3-230213A", "CONTAINMENT": 0.7}, "CONTAINMENT", "neither"),
    "range": ({"MOC": "3/1", "INDEX": "2 2.5"}, "INDEX", "one spectral index"),
    "index": ({"MOC": "3/1", "INDEX": 9}, "INDEX", "1.5 to 3"),
}


@pytest.mark.parametrize(("parameters", "name", "reason"), BAD_REGIONS.values(), ids=BAD_REGIONS)
def test_a_bad_region_is_an_error_that_names_the_parameter(ask_region, parameters, name, reason):
    code, text = status(ask_region(**parameters))
    assert code == "ERROR"
    assert text.startswith(f"Field {name}: ")
    assert reason in text


BAD_MAPS = {
    "sums to two": (lambda: flat_map(2.0), "do not sum to one"),
    "negative": (lambda: flat_map(-1.0), "not probabilities"),
    "nothing but NaN": (lambda: flat_map(np.nan), "not probabilities"),
    "galactic": (lambda: flat_map(COORDSYS="G"), "equatorial"),
    "another size": (lambda: flat_map(NSIDE=32), "expected 12288"),
    "no power of two": (lambda: flat_map(NSIDE=63), "power of 2"),
    "no ordering": (lambda: flat_map(ORDERING="?"), "RING or NESTED"),
    "cut short": (lambda: flat_map()[:20_000], "shorter"),
    "no FITS": (lambda: b"SIMPLY", "not a FITS file"),
    "no end": (lambda: b"SIMPLE  = T" + b" " * 10_000, "no end"),
    "a bomb": (lambda: gzip.compress(b"SIMPLE" + bytes(100_000_000)), "limit"),
    "cut gzip": (lambda: gzip.compress(flat_map())[:-100], "truncated"),
}


@pytest.mark.parametrize(("make", "reason"), BAD_MAPS.values(), ids=BAD_MAPS)
def test_a_hostile_map_is_an_error_of_the_map(ask_region, make, reason):
    code, text = status(ask_region(make()))
    assert code == "ERROR"
    assert text.startswith("Field MAP: ")
    assert reason in text


def test_a_map_beyond_the_limit_is_not_read(ask_region):
    code, text = status(ask_region(bytes(16_500_000)))
    assert code == "ERROR"
    assert "at most 16000000 bytes" in text


def test_votlint_has_nothing_to_say_of_regions(fetch, stilts, tmp_path):
    document = tmp_path / "answer.vot"
    document.write_bytes(fetch(f"{REGION}?MOC=3/1").read())
    assert stilts("votlint", f"votable={document}") == ""
