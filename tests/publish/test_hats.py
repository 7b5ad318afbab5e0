"""Releases as HATS catalogues, read by LSDB."""

from __future__ import annotations

import importlib.util
import io
import urllib.parse
import urllib.request

import pyarrow.parquet as pq
import pytest
import pyvo
from astropy.io import votable

from ingest.core.errors import UnavailableError
from ingest.instance.account import Account
from ingest.instance.layout import Layout
from ingest.publish.release import hats
from tests.instances import Instance
from tests.templates import Templates

FILES = "ant20_01/nu/files/static/hats"
AROUND = {"ANT0366", "ANT3412", "ANT3846", "ANT7402"}
"""The events within 3 deg of (43, 35), as the earlier cone search gave them."""


@pytest.mark.long
def test_lsdb_reads_a_release_that_is_partitioned_by_position(
    scratch_instance: Instance, templates: Templates
) -> None:
    import lsdb

    templates.copy("antares", scratch_instance).up()
    done = scratch_instance.km3vo("release", "hats", "ant20_01", "--rows", "1000")
    assert done.returncode == 0, done.stderr
    address = f"{scratch_instance.url}/{FILES}"
    assert done.stdout == f"ant20_01: {address}\n"

    catalogue = lsdb.open_catalog(address)
    assert len(catalogue) == 8754
    assert len(catalogue.get_healpix_pixels()) > 8
    near = catalogue.cone_search(ra=43, dec=35, radius_arcsec=3 * 3600).compute()
    assert set(near["id"]) == AROUND
    hottest = catalogue.query("nhit > 200").compute()
    assert hottest["id"].to_list() == ["ANT1157"]

    with urllib.request.urlopen(f"{address}/hats.properties") as reply:
        assert reply.headers.get_content_type() == "text/plain"
        properties = dict(
            line.split("=", 1) for line in reply.read().decode().splitlines() if "=" in line
        )
    assert properties["obs_title"] == "ANTARES 2007-2017 neutrino events"
    assert properties["bib_reference"] == "2018ApJ...863L..30A"
    assert (properties["hats_col_ra"], properties["hats_col_dec"]) == ("ra", "decl")
    pixel = catalogue.get_healpix_pixels()[0]
    path = f"dataset/Norder={pixel.order}/Dir=0/Npix={pixel.pixel}.parquet"
    partition = pq.read_schema(io.BytesIO(scratch_instance.fetch(f"{FILES}/{path}")))
    document = partition.metadata[b"IVOA.VOTable-Parquet.content"]
    fields = votable.parse(io.BytesIO(document)).get_first_table().fields
    assert [one.name for one in fields] == partition.names
    assert fields[0].name == "_healpix_29"

    (row,) = pyvo.dal.TAPService(scratch_instance.tap).search(
        "SELECT access_url, access_format FROM ivoa.obscore WHERE obs_id = 'ant20_01/1'"
        " AND dataproduct_type = 'measurements'"
    )
    did = scratch_instance.adql(
        "SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_type = 'hea-event-list'"
    )[0][0]
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{scratch_instance.url}/km3net/nu/dl/dlmeta?ID={urllib.parse.quote(did)}"
    )
    found = {one.access_url: one.content_type for one in links if one.semantics == "#derivation"}
    assert found == {
        row["access_url"]: row["access_format"],
        f"{address}/hats.properties": "text/plain",
    }
    assert "hats.properties" in scratch_instance.fetch("ant20_01").decode()

    again = scratch_instance.km3vo("release", "hats", "ant20_01", "--rows", "5000")
    assert again.returncode == 0, again.stderr
    assert len(lsdb.open_catalog(address)) == 8754
    # other rows, no catalogue
    done = scratch_instance.km3vo("import", "--release", "ant20_01", "--force")
    assert done.returncode == 0, done.stderr
    assert "hats.properties" not in scratch_instance.fetch("ant20_01").decode()


def test_what_makes_the_catalogues_may_be_missing(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match="hats-import, which makes HATS") as caught:
        hats.write_hats("ant20_01", Layout(tmp_path, Account.current()))
    assert "./setup.sh" in str(caught.value)


def test_a_release_that_is_not_online_is_refused(empty_instance: Instance) -> None:
    done = empty_instance.km3vo("release", "hats", "evts21_01")
    assert done.returncode == 2
    assert "the release has no Parquet files that are online" in done.stderr
    assert "km3vo import --release evts21_01" in done.stderr
    assert empty_instance.km3vo("release", "hats", "evts99_01").returncode == 2
