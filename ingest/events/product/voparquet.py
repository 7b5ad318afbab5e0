"""The VOTable in the footer of a Parquet file that describes its columns.

The convention is "Parquet in the VO", version 1.0 (IVOA Note, 2025-01-14): a VOTable document
whose first table has the fields of the file's columns, and no data.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Final

from astropy.io import fits, votable
from astropy.io.votable.tree import (
    CooSys,
    Field,
    Info,
    Resource,
    TableElement,
    TimeSys,
    VOTableFile,
)

from ingest.core.descriptors import PublishedColumn

CONTENT: Final = "IVOA.VOTable-Parquet.content"
_VERSION: Final = "IVOA.VOTable-Parquet.version"

_TYPES: Final = {
    "smallint": ("short", None),
    "integer": ("int", None),
    "bigint": ("long", None),
    "real": ("float", None),
    "double precision": ("double", None),
    "text": ("char", "{}*"),
    "unicode": ("unicodeChar", "{}*"),
}
_POSITION, _TIME = ("pos.eq.ra", "pos.eq.dec"), "time.epoch"
_INFOS: Final = (
    ("TITLE", "title", "title of the release"),
    ("RELEASE", "resource_version", "data release"),
    ("REFERENC", "citation", "publication to cite"),
    ("LICENSE", "rights", "licence, as SPDX identifier"),
    ("CREATOR", "creator_software", "program that made the event list"),
    ("KID", "kid", "identifier of the provenance document of the event list"),
)
"""Keywords of event lists, and what they become."""


def footer(
    columns: Mapping[PublishedColumn, int], table: str, text: str, header: fits.Header
) -> dict[str, str]:
    """Return the metadata of a file with these columns, by their keys.

    The lengths of texts are there for astropy as well, which would look for the longest.

    Parameters
    ----------
    columns : mapping of PublishedColumn to int
        The columns of the file; for those with texts, their largest length.
    table : str
        The table's name in TAP.
    text : str
        What the table is.
    header : astropy.io.fits.Header
        The primary header of the event list.
    """
    document = VOTableFile(version="1.4")
    resource = Resource(type="results")
    document.resources.append(resource)
    element = TableElement(document, name=table)
    element.description = text
    resource.tables.append(element)
    resource.coordinate_systems.append(CooSys(ID="coosys", system="ICRS"))
    resource.time_systems.append(
        TimeSys(
            ID="timesys",
            timeorigin="MJD-origin",
            timescale="UTC",
            refposition="TOPOCENTER",
            config={"version_1_4_or_later": True},
        )
    )
    resource.infos.extend(_infos(header))
    element.fields.extend(_field(document, one, length) for one, length in columns.items())
    stream = io.BytesIO()
    document.to_xml(stream)
    lengths = {f"table::len::{one.name}": str(length) for one, length in columns.items() if length}
    return {_VERSION: "1.0", CONTENT: stream.getvalue().decode(), **lengths}


def describe_added(metadata: Mapping[bytes, bytes], column: PublishedColumn) -> dict[bytes, bytes]:
    """Return the metadata of a file whose first column was added."""
    document = votable.parse(io.BytesIO(metadata[CONTENT.encode()]))
    document.get_first_table().fields.insert(0, _field(document, column, 0))
    stream = io.BytesIO()
    document.to_xml(stream)
    return {**metadata, CONTENT.encode(): stream.getvalue()}


def _infos(header: fits.Header) -> Iterator[Info]:
    for keyword, name, text in _INFOS:
        if header.get(keyword):
            info = Info(name=name, value=str(header[keyword]))
            info.content = text
            yield info
    if header.get("SIMULATE"):
        yield Info(name="simulated", value="true: a stand-in, not real data")


def _field(document: VOTableFile, column: PublishedColumn, length: int) -> Field:
    datatype, size = _TYPES[column.type]
    system = None
    if column.ucd.startswith(_POSITION):
        system = "coosys"
    elif column.ucd.startswith(_TIME) and column.unit == "d":
        system = "timesys"
    field = Field(
        document,
        name=column.name,
        datatype=datatype,
        arraysize=size and size.format(length),
        unit=column.unit or None,
        ucd=column.ucd or None,
        ref=system,
    )
    field.description = column.description
    return field
