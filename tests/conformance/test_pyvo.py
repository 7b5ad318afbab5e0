"""TAP and cone search as pyvo and astropy see them."""

import numpy as np
import pytest
import pyvo
from astropy import units
from astropy.io.votable.ucd import check_ucd
from astropy.table import Table

SYNC = "/__system__/tap/run/tap/sync?LANG=ADQL&QUERY="


@pytest.fixture(scope="module")
def sky(antares_list):
    """Return ra, decl and beta of the public file, in degrees, and the ids."""
    decl, ra, _, beta, _ = np.loadtxt(antares_list, skiprows=2).T
    return ra % 360, decl, beta, np.array([f"ANT{i:04d}" for i in range(1, len(ra) + 1)])


def separation(ra, decl, centre):
    """Return angular distances in degrees, by haversines."""
    ra, decl, ra0, decl0 = map(np.radians, (ra, decl, *centre))
    half = np.sin((decl - decl0) / 2) ** 2
    half += np.cos(decl) * np.cos(decl0) * np.sin((ra - ra0) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(half)))


def test_a_job_gives_the_same_as_a_direct_query(tap, no_warnings):
    query = "SELECT id, mjd, ra, decl FROM ant20_01.main WHERE mjd < 54400 ORDER BY mjd"
    direct = tap.run_sync(query).to_table()
    job = tap.submit_job(query)
    try:
        job.run().wait(phases=["COMPLETED", "ERROR", "ABORTED"], timeout=60)
        job.raise_if_error()
        by_job = job.fetch_result().to_table()
    finally:
        job.delete()
    assert len(direct) > 100
    assert all((direct[name] == by_job[name]).all() for name in direct.colnames)


def test_an_uploaded_list_is_joined_with_the_events(tap, sky, no_warnings):
    sources = Table({"name": ["a", "b"], "ra": [43.0, 20.0], "dec": [35.0, 30.0]})
    rows = tap.run_sync(
        "SELECT u.name, m.id FROM TAP_UPLOAD.mine AS u JOIN ant20_01.main AS m"
        " ON DISTANCE(u.ra, u.dec, m.ra, m.decl) < 2.5",
        uploads={"mine": sources},
    ).to_table()
    ra, decl, _, ids = sky
    expected = {
        (source["name"], event)
        for source in sources
        for event in ids[separation(ra, decl, (source["ra"], source["dec"])) < 2.5]
    }
    assert {(str(row["name"]), str(row["id"])) for row in rows} == expected
    assert ("b", "ANT5087") in expected


@pytest.mark.parametrize("radius", [0.0, 0.9, 1.0, 1.001, 30.0, 180.0])
@pytest.mark.parametrize("centre", [(43.0, 35.0), (0.0, -89.9), (359.9, 2.0)])
def test_a_cone_holds_the_events_within_its_radius(cone_url, sky, centre, radius):
    ra, decl, _, ids = sky
    rows = pyvo.dal.SCSService(cone_url).search(centre, radius, maxrec=100_000)
    assert sorted(rows["ID"]) == sorted(ids[separation(ra, decl, centre) <= radius])


def test_error_circles_that_contain_a_point_are_found(tap, sky):
    ra, decl, beta, ids = sky
    centre = (266.4168, -29.0078)
    inside = ids[separation(ra, decl, centre) < beta]
    rows = tap.search(
        "SELECT id FROM ant20_01.main"
        f" WHERE 1 = CONTAINS(POINT({centre[0]}, {centre[1]}), origin_est)"
    )
    assert sorted(rows["id"]) == sorted(inside)
    assert len(inside) > 0


def test_error_circles_that_touch_a_circle_are_found(tap, sky):
    ra, decl, beta, ids = sky
    centre, radius = (266.4168, -29.0078), 2.03
    touching = ids[separation(ra, decl, centre) < beta + radius]
    rows = tap.search(
        "SELECT id FROM ant20_01.main"
        f" WHERE 1 = INTERSECTS(CIRCLE({centre[0]}, {centre[1]}, {radius}), origin_est)"
    )
    assert sorted(rows["id"]) == sorted(touching)
    assert len(touching) > len(ids[separation(ra, decl, centre) < radius])


def test_error_circle_is_beta_around_the_direction(tap):
    rows = tap.search("SELECT ra, decl, beta, origin_est FROM ant20_01.main", maxrec=20_000)
    table = rows.to_table()
    ra, decl, radius = np.array(table["origin_est"].tolist()).T
    assert separation(ra, decl, (table["ra"], table["decl"])).max() < 1e-6
    assert np.abs(radius - table["beta"]).max() < 1e-12


def test_each_example_of_the_tap_service_runs_and_finds_something(tap):
    examples = [example["QUERY"] for example in tap.examples]
    assert len(examples) >= 4
    for query in examples:
        # test_circulars.py and test_live.py run those where there is something to find
        is_elsewhere = "circulars" in query or "matches" in query
        assert len(tap.search(query)) >= (0 if is_elsewhere else 1), query


def test_units_and_ucds_of_each_published_column_are_valid(tap):
    columns = tap.search(
        "SELECT table_name, column_name, unit, ucd, description FROM tap_schema.columns"
        " WHERE table_name NOT LIKE 'tap_schema.%'",
        maxrec=10_000,
    )
    assert len(columns) >= 7
    for row in columns:
        where = f"{row['table_name']}.{row['column_name']}"
        units.Unit(row["unit"], format="vounit")
        if row["table_name"] == "ant20_01.main":
            assert row["ucd"] and row["description"], where
        if row["ucd"] and not row["ucd"].startswith("VOX:"):  # DaCHS' columns of products
            assert check_ucd(row["ucd"], check_controlled_vocabulary=True), where


@pytest.mark.parametrize(
    "path",
    [
        "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3",
        "/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3&VERB=3",
        "/ant20_01/nu/cone/scs.xml?RA=0&DEC=90&SR=1",
        "/ant20_01/nu/cone/form?__nevow_form__=genForm&hscs_pos=43,35&hscs_sr=180"
        "&_FORMAT=VOTable&submit=Go",
        SYNC + "SELECT+TOP+5+*+FROM+ant20_01.main",
        SYNC + "SELECT+TOP+5+*+FROM+ant20_01.main&RESPONSEFORMAT=votable/td",
        SYNC + "SELECT+TOP+5+*+FROM+ant20_01.main&RESPONSEFORMAT=votable/b2",
        SYNC + "SELECT+*+FROM+tap_schema.columns",
    ],
)
def test_astropy_reads_the_answer_without_a_warning(fetch, read_strictly, path):
    assert read_strictly(fetch(path).read()).get_first_table().fields


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/ant20_01/nu/cone/scs.xml?RA=43&DEC=35&SR=3", {"RA", "Decl"}),
        (SYNC + "SELECT+TOP+1+*+FROM+ant20_01.main", {"ra", "decl"}),
    ],
)
def test_answers_say_in_which_frame_positions_are(fetch, read_strictly, path, names):
    (resource,) = read_strictly(fetch(path).read()).resources
    (frame,) = resource.coordinate_systems
    assert frame.system == "ICRS"
    assert names <= {one.name for one in resource.tables[0].fields if one.ref == frame.ID}


@pytest.mark.parametrize("column", ["mjd", "beta", "nhit", "ra", "decl", "id", "origin_est"])
def test_each_column_can_be_asked_for_alone(tap, column):
    assert len(tap.search(f"SELECT TOP 3 {column} FROM ant20_01.main")) == 3
