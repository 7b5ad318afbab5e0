"""One table, three doors: TAP, FITS and Parquet have the same rows, of every release."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pyarrow.parquet as pq
import pytest
import pyvo
import requests
from astropy import units
from astropy.io import votable
from astropy.table import Table

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.events.delivery.manifest import load_manifest

PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def files(tap: pyvo.dal.TAPService) -> dict[str, dict[str, bytes]]:
    """Return the event lists of the releases, by release and media type, as ObsCore finds them."""
    found: dict[str, dict[str, bytes]] = {}
    rows = tap.search(
        "SELECT obs_id, access_format, access_url FROM ivoa.obscore"
        " WHERE dataproduct_type IN ('hea-event-list', 'measurements')"
        " AND obs_collection NOT LIKE 'alerts/%'"
    )
    for row in rows:
        reply = requests.get(row["access_url"], timeout=60)
        assert reply.headers["content-type"] == row["access_format"]
        of_release = found.setdefault(row["obs_id"].partition("/")[0], {})
        assert of_release.setdefault(row["access_format"], reply.content) is reply.content
    return found


def digests(columns: list[list[object]]) -> list[str]:
    """Return a checksum of each row, in ascending order; one for the rows of each door."""
    assert len({len(one) for one in columns}) == 1
    return sorted(
        hashlib.sha256(repr(row).encode()).hexdigest() for row in zip(*columns, strict=True)
    )


def values(column: np.ndarray, kind: str) -> list[object]:
    """Return a column as Python's own objects; None where a value is missing."""
    found = []
    for one in column.astype(kind).tolist() if not np.ma.isMaskedArray(column) else column:
        if one is np.ma.masked or one in (None, "", b"") or one != one:
            found.append(None)
        elif isinstance(one, bytes | str):
            found.append((one.decode() if isinstance(one, bytes) else one).rstrip(" "))
        else:
            found.append(np.dtype(kind).type(one).item())
    return found


def from_parquet(content: bytes) -> tuple[list[str], list[str], dict[str, str]]:
    """Return the checksums of the rows, and the names of the columns and their types."""
    read = pq.read_table(io.BytesIO(content))
    document = read.schema.metadata[b"IVOA.VOTable-Parquet.content"]
    fields = votable.parse(io.BytesIO(document)).get_first_table().fields
    assert [one.name for one in fields] == read.column_names
    units_of = {one.name: str(one.unit or "") for one in fields}
    # repr of single precision numbers differs from that of the same number in double precision
    return (
        digests([read[name].to_pylist() for name in read.column_names]),
        [(one.name, str(one.type)) for one in read.schema],
        units_of,
    )


def test_all_releases_have_both_files(files, tap) -> None:
    tables = tap.search("SELECT DISTINCT release FROM km3net.observations WHERE ev_xel > 0")
    assert set(files) == set(tables["release"])
    assert len(files) == 4
    assert all(set(one) == {"application/fits", PARQUET} for one in files.values())


@pytest.mark.parametrize("release", ["ant20_01", "evts20_01", "evts21_01", "evts23_01"])
def test_tap_fits_and_parquet_have_the_same_rows(instance, files, release: str) -> None:
    parquet, schema, units_of = from_parquet(files[release][PARQUET])
    names = [name for name, _ in schema]
    kinds = {"string": "O", "float": "f4", "double": "f8", "int32": "i4", "int64": "i8"}
    query = {"LANG": "ADQL", "RESPONSEFORMAT": "votable", "MAXREC": 1_000_000,
        "QUERY": f"SELECT {', '.join(names)} FROM {release}.main"}  # fmt: skip
    reply = requests.get(f"{instance.tap}/sync", query, timeout=120)
    answer = votable.parse(io.BytesIO(reply.content)).get_first_table()
    assert {one.name: str(one.unit or "") for one in answer.fields} == units_of
    tap = answer.to_table(use_names_over_ids=True)
    by_tap = digests([values(tap[name], kinds[kind]) for name, kind in schema])

    fits = Table.read(io.BytesIO(files[release]["application/fits"]), hdu="EVENTS")
    declared = expand_descriptor(load_manifest(release).release.descriptor)
    sources = {one.name: one.fits.upper() for one in published_columns(declared)}
    by_fits = []
    for name, kind in schema:
        if name in ("release", "detector"):  # the same in all rows, so not in the list
            (constant,) = {str(one) for one in tap[name]}
            by_fits.append([constant] * len(fits))
            continue
        column = fits[sources[name]]
        if column.unit and units_of[name]:
            # as the loader does it, in double precision
            column = column * column.unit.to(units.Unit(units_of[name]))
        by_fits.append(values(column, kinds[kind]))

    assert len(parquet) > 0
    assert by_tap == parquet
    assert digests(by_fits) == parquet
