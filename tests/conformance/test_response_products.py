"""Instrument responses as tables, as files for gammapy, and in DataLink."""

import io

import numpy as np
import pytest
import requests
from astropy.io import fits
from gammapy.irf import (
    PSF3D,
    Background2D,
    EffectiveAreaTable2D,
    EnergyDispersion2D,
)
from pyvo.dal.adhoc import DatalinkResults

TABLES = {"aeff", "edisp", "psf", "bkgrate", "acceptance", "background"}
GAMMAPY = {
    "aeff": EffectiveAreaTable2D,
    "edisp": EnergyDispersion2D,
    "psf": PSF3D,
    "bkgrate": Background2D,
}


def download(url):
    reply = requests.get(url, timeout=30)
    assert reply.status_code == 200, url
    return reply


@pytest.fixture(scope="module")
def responses(tap):
    """Return all products that are responses, by release and file name."""
    rows = tap.search(
        "SELECT * FROM km3net.observations WHERE product_type = 'response-function'"
    ).to_table()
    return {(row["release"], row["accref"].rpartition("/")[2]): row for row in rows}


@pytest.fixture(scope="module")
def links(instance, responses):
    """Return the DataLink of ARCA115's effective area, by semantics, as rows."""
    did = responses["irf_arca115", "aeff.fits"]["obs_publisher_did"]
    return DatalinkResults.from_result_url(f"{instance.url}/km3net/nu/dl/dlmeta?ID={did}")


def test_every_table_has_rows_and_described_columns(tap):
    tables = {
        name.removeprefix("irf."): table
        for name, table in tap.tables.items()
        if name.startswith("irf.")
    }
    assert set(tables) == TABLES
    for name, table in tables.items():
        assert [column.name for column in table.columns[:2]] == ["release", "response"]
        assert all(column.description and column.ucd for column in table.columns)
        assert tap.search(f"SELECT count(*) AS n FROM irf.{name}")["n"][0] > 0


def test_rows_are_the_values_of_the_delivered_file(tap, delivered):
    rows = tap.search(
        "SELECT * FROM irf.aeff WHERE release = 'irf_arca230'"
        " AND log10(energy_true_lo) BETWEEN 4.84 AND 4.86 ORDER BY zenith_lo DESC"
    ).to_table()
    file = delivered / "irf_arca230" / "aeff_coszen_allnumuCC_track.csv"
    published = np.loadtxt(file, delimiter=",", skiprows=1)
    published = published[np.isclose(published[:, 0], 4.85)]
    assert len(rows) == len(published) == 40
    np.testing.assert_allclose(rows["aeff"], published[:, 6], rtol=1e-12)
    cosines = np.cos(np.radians([rows["zenith_hi"], rows["zenith_lo"]]))
    np.testing.assert_allclose(cosines, published[:, [3, 5]].T, atol=1e-6)


def test_the_background_function_gives_the_number_in_the_documentation_of_openkm3(tap):
    (row,) = tap.search(
        "SELECT SUM(coefficient * POWER(20, degree)) AS n FROM irf.background"
        " WHERE release = 'ant20_01'"
    )
    assert row["n"] == pytest.approx(7893.0656496, abs=1e-7)


def test_gammapy_reads_every_gadf_file(responses):
    seen = set()
    for (release, name), row in responses.items():
        if not name.endswith(".gadf.fits"):
            continue
        with fits.open(io.BytesIO(download(row["accref"]).content), checksum=True) as hdus:
            irf = GAMMAPY[row["product_subtype"]].from_hdulist(hdus)
        assert np.all(np.isfinite(irf.data)), name
        seen.add((release, row["product_subtype"]))
    assert {kind for release, kind in seen if release == "irf_arca115"} == set(GAMMAPY)
    assert ("evts23_01", "aeff") in seen


def test_an_average_over_the_sky_is_for_the_whole_sky_and_its_own_energies(responses):
    for (release, _), row in responses.items():
        if release == "evts23_01":
            assert row["s_fov"] == 360
            # half a step below the first and above the last energy of the file
            assert (row["energy_min"], row["energy_max"]) == pytest.approx((1e14, 1e20))
            assert row["em_min"] < row["em_max"] == pytest.approx(1.2398e-20, rel=1e-4)


def test_a_response_leads_to_its_other_forms(links, responses):
    by_meaning = {}
    for link in links:
        by_meaning.setdefault(link.semantics, []).append(link)
    assert set(by_meaning) == {"#this", "#preview", "#derivation", "#documentation"}
    gadf, table = by_meaning["#derivation"]
    assert gadf.access_url.endswith("/aeff.gadf.fits")
    assert gadf["content_qualifier"] == "aeff"
    for link in links:
        stated = download(link.access_url).headers["content-type"].partition(";")[0]
        assert stated == link.content_type.partition(";")[0], link.access_url
    with fits.open(io.BytesIO(download(table.access_url).content)) as hdus:
        assert len(hdus[1].data) == 576  # 48 energies, 12 zenith angles
    assert download(by_meaning["#preview"][0].access_url).content.startswith(b"\x89PNG")
    page = download(by_meaning["#documentation"][0].access_url).text
    assert "not valid" in page and "transposed" in page


def test_a_gadf_file_leads_back_to_the_delivered_one(instance, responses):
    did = responses["irf_arca115", "bkg_nu.gadf.fits"]["obs_publisher_did"]
    found = DatalinkResults.from_result_url(f"{instance.url}/km3net/nu/dl/dlmeta?ID={did}")
    (origin,) = [link for link in found if link.semantics == "#progenitor"]
    assert origin.access_url.endswith("/bkg_nu.fits")


def test_each_release_states_its_licence_and_doi_in_its_record(instance):
    for name, doi in (
        ("irf_arca115", "doi:10.1140/epjc/s10052-023-12279-z"),
        ("irf_arca230", "doi:10.48550/arXiv.2402.08363"),
    ):
        identifier = f"ivo://km3net.org/{name}/nu/responses"
        record = download(
            f"{instance.url}/oai.xml?verb=GetRecord&metadataPrefix=ivo_vor&identifier={identifier}"
        ).text
        assert "https://spdx.org/licenses/CC-BY-4.0.html" in record
        assert doi in record


def test_the_form_of_a_release_lists_its_files(instance):
    answer = download(
        f"{instance.url}/irf_arca230/nu/responses/form?__nevow_form__=genForm&_FORMAT=CSV"
    ).text
    assert "energyresponse_numuCC_track.csv" in answer
    assert "irf_arca115" not in answer
