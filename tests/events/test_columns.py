"""Parquet files of event lists, read by the libraries that users have."""

import io
import subprocess

import numpy as np
import polars
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.io import fits, votable
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core.descriptors import PublishedColumn, expand_descriptor, published_columns
from ingest.core.errors import ImportFailedError
from ingest.core.fitstable import FitsColumn, TableWriter, write_primary
from ingest.events.checks.checker import Checker, Expectations
from ingest.events.product import ProductMetadata, columns, write_event_list
from ingest.events.product.columns import write_columns
from ingest.events.readers.antares_text import AntaresTextReader

ABOUT = ProductMetadata(
    release="ant20_01",
    obs_id=1,
    telescope="ANTARES",
    instrument="ANTARES",
    longitude=6.1657,
    latitude=42.7989,
    height=-2475.0,
    creator="km3net-vo",
    kid="09a9c182-e5af-5fd1-b556-0368bc9a130d",
    title="ANTARES 2007-2017 neutrino events",
    reference="doi:10.3847/2041-8213/aad8c0",
    licence="CC-BY-4.0",
    gtis=[(54129.0, 58119.0)],
)
TEXT = "Events of ANTARES <and> a description."


def column(name, kind="real", unit="", ucd="", fits_name=None, computed=None):
    text = f"What {name} is."
    return PublishedColumn(name, kind, unit, ucd, text, fits_name or name, computed)


def write(path, fits_columns, rows):
    with path.open("w+b") as stream:
        write_primary(stream, [("RELEASE", "a", "")])
        table = TableWriter(stream, "EVENTS", fits_columns)
        table.append(np.array(rows, table.dtype))
        table.finish()
    return path


@pytest.fixture(scope="module")
def antares(antares_list, tmp_path_factory):
    """Return the Parquet file of the ANTARES sample, with a group for each 1000 rows."""
    path = tmp_path_factory.mktemp("antares") / "ant20_01.fits"
    checker = Checker(AntaresTextReader(antares_list), Expectations(rows=8754))
    write_event_list(path, checker.checked_chunks(1000), ABOUT)
    declared = published_columns(expand_descriptor("ant20_01/nu"))
    return write_columns(path, declared, "ant20_01.main", TEXT)


def description(path):
    metadata = pq.read_metadata(path).metadata
    assert metadata[b"IVOA.VOTable-Parquet.version"] == b"1.0"
    return metadata[b"IVOA.VOTable-Parquet.content"]


def test_polars_reads_the_rows_of_the_delivered_file(antares, antares_list):
    delivered = np.loadtxt(antares_list, comments="#", unpack=True)
    found = polars.read_parquet(antares)
    assert found.columns == ["mjd", "beta", "nhit", "ra", "decl", "id"]
    assert found.schema["nhit"] == polars.Int32
    assert found["id"].to_list() == [f"ANT{number:04}" for number in range(1, 8755)]
    for name, values in zip(("decl", "ra", "nhit", "beta", "mjd"), delivered, strict=True):
        values = values % 360 if name == "ra" else values  # some are 360
        assert np.array_equal(found[name].to_numpy(), values), name
    brightest = found.filter(polars.col("nhit") > 200)
    assert brightest["id"].to_list() == ["ANT1157"]


def test_astropy_reads_units_and_descriptions(antares):
    found = Table.read(antares, format="parquet.votable")
    assert len(found) == 8754
    assert [found[name].unit for name in ("mjd", "beta", "ra", "decl")] == [
        units.day, units.deg, units.deg, units.deg
    ]  # fmt: skip
    assert found["nhit"].description.split()[:2] == ["Number", "of"]
    assert found["id"][0] == "ANT0001"


def test_the_votable_is_valid_and_says_what_the_file_is(antares, tmp_path):
    path = tmp_path / "metadata.vot"
    path.write_bytes(description(antares))
    done = subprocess.run(["stilts", "votlint", f"votable={path}"], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
    (resource,) = votable.parse(path, verify="exception").resources
    infos = {one.name: one.value for one in resource.infos}
    assert infos["citation"] == "doi:10.3847/2041-8213/aad8c0"
    assert infos["rights"] == "CC-BY-4.0"
    assert infos["kid"] == ABOUT.kid
    (table,) = resource.tables
    assert table.name == "ant20_01.main"
    assert table.description.strip() == TEXT
    assert [one.name for one in table.fields] == pq.read_schema(antares).names
    ucds = {one.name: one.ucd for one in table.fields}
    assert ucds["id"] == "meta.id;meta.main"
    assert ucds["beta"] == "stat.error;pos"
    position = resource.coordinate_systems[0]
    assert (position.system, position.ID) == ("ICRS", table.get_field_by_id("ra").ref)


def test_each_group_of_rows_knows_its_range_of_times(monkeypatch, tmp_path):
    monkeypatch.setattr(columns, "ROWS_PER_GROUP", 2)
    monkeypatch.setattr(columns.TableRows, "blocks", _one_by_one)
    product = write(tmp_path / "a.fits", [FitsColumn("MJD", "f8", "d")], [(5.0,), (7.0,), (9.0,)])
    path = write_columns(product, [column("mjd", "double precision", "d")], "a.main", "")
    metadata = pq.read_metadata(path)
    ranges = [metadata.row_group(n).column(0).statistics for n in range(metadata.num_row_groups)]
    assert [(one.min, one.max) for one in ranges] == [(5.0, 7.0), (9.0, 9.0)]


_blocks = columns.TableRows.blocks


def _one_by_one(self):
    for block in _blocks(self):
        yield from np.split(block, len(block))


def test_the_same_list_gives_the_same_bytes(antares):
    before = antares.read_bytes()
    declared = published_columns(expand_descriptor("ant20_01/nu"))
    again = write_columns(antares.with_suffix(".fits"), declared, "ant20_01.main", TEXT)
    assert again.read_bytes() == before


def test_missing_values_are_null_and_units_those_of_the_table(tmp_path):
    product = write(
        tmp_path / "a.fits",
        [
            FitsColumn("ENERGY", "f8", "TeV"),
            FitsColumn("N_HITS", "i4", null=-1),
            FitsColumn("RUN", "i4"),
            FitsColumn("NAME", "S8"),
        ],
        [(0.5, 3, -1, b"a b  "), (np.nan, -1, 0, b""), (0.0, 0, 7, b"  c")],
    )
    declared = [
        column("name", "text"),
        column("energy", unit="GeV"),
        column("hits", "integer", fits_name="n_hits"),
        column("run", "bigint"),
        column("release", "text", computed="'a20_01'"),
        column("circle", "scircle", computed="scircle(spoint(ra, dec), 1)"),
    ]
    path = write_columns(product, declared, "a.main", "")
    assert polars.read_parquet(path).rows() == [
        ("a b", 500.0, 3, -1, "a20_01"),
        (None, None, None, 0, "a20_01"),
        ("  c", 0.0, 0, 7, "a20_01"),
    ]
    found = Table.read(path, format="parquet.votable")
    assert found["energy"].unit == units.GeV
    assert found["energy"].dtype == np.float32


def test_a_list_without_events_becomes_a_file_without_rows(tmp_path):
    product = write(tmp_path / "a.fits", [FitsColumn("RA", "f8", "deg")], [])
    path = write_columns(product, [column("ra", "double precision", "deg")], "a.main", "")
    assert polars.read_parquet(path).shape == (0, 1)
    assert votable.parse(io.BytesIO(description(path))).get_first_table().fields[0].unit == "deg"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (column("dec"), "found:    'RA'\n  expected: a column DEC"),
        (column("ra", unit="s"), "found:    'deg'\n  expected: s"),
        (column("ra", "spoint", unit="deg"), "found:    'spoint'\n  expected: one of smallint, "),
    ],
)
def test_a_list_that_does_not_fit_the_table(tmp_path, wrong, message):
    product = write(tmp_path / "a.fits", [FitsColumn("RA", "f8", "deg")], [(1.0,)])
    with pytest.raises(ImportFailedError) as caught:
        write_columns(product, [wrong], "a.main", "")
    assert f"a.fits, column {wrong.name}: the event list does not fit the table" in str(
        caught.value
    )
    assert message.replace("'", "") in str(caught.value).replace("'", "")
    assert [one.name for one in tmp_path.iterdir()] == ["a.fits"]


TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(width=64, allow_infinity=False),
            st.integers(-(2**31), 2**31 - 1),
            TEXTS.map(str.encode),
        ),
        max_size=20,
    )
)
def test_what_astropy_reads_from_fits_is_in_the_file(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("random")
    kinds = [FitsColumn("X", "f8"), FitsColumn("N", "i4", null=-5), FitsColumn("T", "S6")]
    product = write(folder / "a.fits", kinds, rows)
    declared = [column("x", "double precision"), column("n", "integer"), column("t", "text")]
    path = write_columns(product, declared, "a.main", "")
    with fits.open(product) as hdus:
        data = hdus["EVENTS"].data
        expected = [
            (None if np.isnan(x) else x, None if n == -5 else n, str(t).rstrip(" ") or None)
            for x, n, t in zip(data["X"], data["N"], data["T"], strict=True)
        ]
    assert polars.read_parquet(path).rows() == expected
