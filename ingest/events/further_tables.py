"""Further tables of a release: files beside the events become FITS tables that DaCHS loads.

The tables and the delivered files are in the directory ``tables`` beside the event lists, so that
nobody takes them for event lists.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from ingest import __version__
from ingest.core.descriptors import expand_descriptor, licence, table_columns
from ingest.core.errors import ManifestError
from ingest.core.files import atomic_write
from ingest.core.fitstable import TableWriter, write_primary
from ingest.core.prov_document import write_provenance
from ingest.core.provenance import Production, Source
from ingest.events.delivery import (
    AcquiredFile,
    DeliveryStore,
    Manifest,
    ResponsesManifest,
    TableFile,
    verify,
)
from ingest.events.tables import Table, read_table

TABLES: Final = "tables"
"""The directory of the tables, and of the files of which they are made."""
_IMPORT: Final = "import_"
"""What the identifiers of the data elements that fill tables begin with."""


def write_tables(
    manifest: Manifest | ResponsesManifest,
    acquired: Sequence[AcquiredFile],
    directory: Path,
    store: DeliveryStore,
) -> dict[str, int]:
    """Write the further tables of a release, each with its provenance document.

    The delivered files come beside them.

    Parameters
    ----------
    manifest : Manifest or ResponsesManifest
        The release.
    acquired : sequence of AcquiredFile
        Its files for tables, in the order of :attr:`.WithTables.table_files`; none if the release
        is a simulated stand-in, whose further tables remain empty.
    directory : pathlib.Path
        The directory of the products.
    store : DeliveryStore
        Keeps the delivered files.

    Returns
    -------
    dict of str to int
        The number of rows by the name of the table.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged, has values that cannot be right, or another checksum than listed, or
        the descriptor does not declare the tables.
    """
    if not manifest.tables:
        return {}
    require_declared(manifest)
    if not acquired:
        return dict.fromkeys((one.table for one in manifest.tables), 0)
    (directory / TABLES).mkdir()
    found = {one.path.name: one.path for one in acquired}
    tables = {one.table: read_further_table(one, found) for one in manifest.tables}
    # after reading, because an error about the damage says more than a wrong checksum
    for listed, file in zip(manifest.table_files, acquired, strict=True):
        verify(listed, file)
    for one in manifest.tables:
        _refuse_extract(manifest, one, tables[one.table])
        _write(manifest, one, tables[one.table], found, directory / TABLES / f"{one.table}.fits")
    for file in acquired:
        kept = store.keep(file.path, file.sha256)
        shutil.copyfile(kept, directory / TABLES / file.path.name)
    return {name: len(table) for name, table in tables.items()}


def read_further_table(one: TableFile, found: Mapping[str, Path]) -> Table:
    """Return a table as it is delivered.

    Parameters
    ----------
    one : TableFile
        Its entry in the manifest.
    found : mapping of str to pathlib.Path
        The delivered files by their names.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged or has values that cannot be right.
    """
    bins = None if one.bins is None else found[one.bins.name]
    return read_table(found[one.name], one.format, one.part, bins)


def require_declared(manifest: Manifest | ResponsesManifest) -> None:
    """Refuse a release whose descriptor lacks a table that its manifest fills.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it does.
    """
    resource = expand_descriptor(manifest.release.descriptor)
    declared = table_columns(resource).keys() - {"main"}
    path = f"rd/{manifest.release.descriptor}.rd"
    loaded = {str(one.get("id")).removeprefix(_IMPORT) for one in resource.iter("data")}
    for table in sorted({one.table for one in manifest.tables}):
        if table not in declared or table not in loaded:
            raise ManifestError(
                "the descriptor does not declare a table that the manifest fills",
                file=manifest.path,
                where="tables.table",
                value=table,
                expected=f'<table id="{table}"> and its import in {path}',
                remedy="declare it, see section 11 of docs/curators-guide-release.md",
            )


def _refuse_extract(manifest: Manifest | ResponsesManifest, one: TableFile, table: Table) -> None:
    """Refuse an extract, unless the release is a test, which is never registered."""
    if table.is_extract and manifest.release.kind != "test":
        raise ManifestError(
            f"{one.name} is an extract: it lacks bins of the table {one.table}",
            file=manifest.path,
            where="release.kind",
            value=f"{manifest.release.kind}, with {len(table)} of {table.cells} bins",
            expected="the complete file, or a release that is never registered",
            remedy='import the complete file, or write kind = "test"',
        )


def _write(
    manifest: Manifest | ResponsesManifest,
    one: TableFile,
    table: Table,
    found: Mapping[str, Path],
    path: Path,
) -> None:
    """Write a table and its provenance document."""
    names = [one.name] if one.bins is None else [one.name, one.bins.name]
    production = Production(
        product=path.name,
        sources=[Source.of(found[name]) for name in names],
        version=__version__,
        parameters={"release": manifest.name, "format": one.format, "part": one.part},
        command=f"km3vo import --release {manifest.name}",
    )
    cards = [
        ("RELEASE", manifest.name, "data release"),
        ("TITLE", one.title, ""),
        ("LICENSE", getattr(manifest.release, "licence", None) or licence(), ""),
        ("KID", production.kid, "identifier of its provenance"),
    ]
    with atomic_write(path) as stream:
        write_primary(stream, cards, [production.summary])
        writer = TableWriter(stream, one.table.upper(), table.columns)
        writer.append(table.rows)
        writer.finish()
    write_provenance(path, production)
