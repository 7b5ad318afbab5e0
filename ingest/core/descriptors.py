"""Reading of resource descriptors (RDs), which define all published metadata and columns."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from ingest.core import privileges
from ingest.core.checkout import RD
from ingest.core.errors import ManifestError
from ingest.core.xml import XMLError, parse_xml

_SHARED: Final = "km3net/common"
"""DaCHS' id of the descriptor with the streams that all releases use."""


def licence(folder: Path = RD) -> str:
    """Return the SPDX identifier of the licence of all releases.

    Raises
    ------
    ManifestError
        If the shared descriptor is missing, not well-formed, or does not state it.
    """
    path = folder / f"{_SHARED}.rd"
    for element in _parse(path).iter("meta"):
        if element.get("name") == "rights.rightsURI" and element.text:
            return str(element.text.strip().rpartition("/")[2].removesuffix(".html"))
    raise ManifestError(
        "the licence is missing",
        file=path,
        where='/resource/STREAM/meta[@name="rights.rightsURI"]',
        remedy="add it, as https://spdx.org/licenses/….html",
    )


def expand_descriptor(rd_id: str, folder: Path = RD, about: bytes | None = None) -> etree._Element:
    """Return the root element of a descriptor, with its comments and with streams replayed.

    Each ``FEED`` of a stream of the same descriptor, of one beside it, of ``km3net/common`` or of
    the release's ``about.rd`` is replaced by the elements of the stream, and the definitions of
    streams are left out. Streams of DaCHS itself are not replayed.

    Parameters
    ----------
    rd_id : str
        DaCHS' id of the descriptor, such as ``ant20_01/nu``.
    folder : pathlib.Path, optional
        The folder of all descriptors.
    about : bytes, optional
        The content of ``about.rd``, which is made at deployment. If not given, its streams are
        not replayed.

    Raises
    ------
    ManifestError
        If either file is missing or not well-formed, or a stream is not defined.
    """
    path = folder / f"{rd_id}.rd"
    resource = _parse(path)
    shared = _parse(folder / f"{_SHARED}.rd")
    streams = {f"{_SHARED}#{one.get('id')}": one for one in shared.iter("STREAM")}
    if about is not None:
        name = rd_id.partition("/")[0]
        for one in parse_xml(about).iter("STREAM"):
            streams[f"{name}/about#{one.get('id')}"] = one
    streams |= _streams_beside(resource, rd_id, folder)
    for stream in list(resource.iter("STREAM")):
        streams[stream.get("id")] = stream
        stream.getparent().remove(stream)
    _replay(resource, streams, path)
    return resource


def table_columns(resource: etree._Element) -> dict[str, dict[str, str]]:
    """Return the types that the columns of an expanded descriptor have in the database.

    Parameters
    ----------
    resource : lxml.etree._Element
        What :func:`expand_descriptor` returned.

    Returns
    -------
    dict of dict of str
        By the table's id and the column's name, both in the order of the descriptor.
    """
    return {
        table.get("id"): {
            # the type unicode, which VOTables need for more than ASCII, is text in the database
            column.get("name"): "text" if column.get("type") == "unicode" else column.get("type")
            for column in table.iter("column")
        }
        for table in resource.iter("table")
    }


@dataclass(frozen=True)
class PublishedColumn:
    """A column of a table that a descriptor declares.

    Parameters
    ----------
    name, type, unit, ucd, description : str
        As published; an empty string if there is no unit.
    fits : str
        The FITS column that fills it.
    computed : str, optional
        The SQL expression that fills it instead.
    """

    name: str
    type: str
    unit: str
    ucd: str
    description: str
    fits: str
    computed: str | None = None


def published_columns(resource: etree._Element, table: str = "main") -> list[PublishedColumn]:
    """Return the columns of a table of an expanded descriptor, in their order.

    Parameters
    ----------
    resource : lxml.etree._Element
        What :func:`expand_descriptor` returned.
    table : str, optional
        The table's id.
    """
    found = []
    for column in resource.iterfind(f"table[@id='{table}']/column"):
        properties = {
            one.get("name"): " ".join((one.text or "").split()) for one in column.iter("property")
        }
        name = column.get("name")
        found.append(
            PublishedColumn(
                name=name,
                type=column.get("type", "real"),
                unit=column.get("unit", ""),
                ucd=column.get("ucd", ""),
                description=" ".join(column.get("description", "").split()),
                fits=properties.get("fits", name),
                computed=properties.get("computed"),
            )
        )
    return found


def table_structure(resource: etree._Element) -> str:
    """Return what in the tables of an expanded descriptor determines their rows and indices.

    Texts for people do not: they can change while the rows remain.

    Parameters
    ----------
    resource : lxml.etree._Element
        What :func:`expand_descriptor` returned.
    """
    lines = []
    for table in resource.iter("table"):
        lines.append(f"table {_attributes(table, ('id', 'primary', 'mixin'))}")
        for one in table.iter("mixin", "column", "index", "property"):
            text = " ".join((one.text or "").split()) + " ".join(
                " ".join((part.text or "").split()) for part in one.iter("columns")
            )
            if one.getparent().tag == "table" and one.get("name") == "superseded_by":
                continue
            names = ("name", "type", "unit", "required", "columns", "kind", "method")
            lines.append(f"{one.tag} {_attributes(one, names)} {text}")
    return "\n".join(lines)


def _attributes(element: etree._Element, names: tuple[str, ...]) -> str:
    return " ".join(f"{name}={element.get(name)}" for name in names if element.get(name))


def _parse(path: Path) -> etree._Element:
    """Return the root element of a descriptor, with its comments."""
    try:
        with privileges.caller():
            content = path.read_bytes()
        return parse_xml(content, keep_comments=True)
    except OSError:
        raise ManifestError(
            "there is no such resource descriptor",
            file=path,
            remedy="write it, or correct the name of the release",
        ) from None
    except XMLError as error:
        raise ManifestError(
            error.problem,
            file=path,
            where=error.where,
            value=error.value,
            expected=error.expected,
            remedy="correct the XML at this place or shortly before it",
        ) from None


def _streams_beside(
    resource: etree._Element, rd_id: str, folder: Path
) -> dict[str, etree._Element]:
    """Return the streams of those descriptors in the same directory that a descriptor feeds."""
    place = rd_id.rpartition("/")[0]
    fed = {feed.get("source", "").partition("#")[0] for feed in resource.iter("FEED")}
    return {
        f"{name}#{one.get('id')}": one
        for name in sorted(fed - {"", f"{place}/about"})
        if name.rpartition("/")[0] == place
        for one in _parse(folder / f"{name}.rd").iter("STREAM")
    }


def _replay(element: etree._Element, streams: Mapping[str, etree._Element], path: Path) -> None:
    """Replace the ``FEED`` elements below `element` by the contents of their streams."""
    for feed in list(element.iter("FEED")):
        source = feed.get("source", "")
        if source not in streams and "#" in source and not source.startswith(f"{_SHARED}#"):
            continue
        if source not in streams:
            raise ManifestError(
                "there is no such stream",
                file=path,
                where=f"line {feed.sourceline}",
                value=source,
                expected=f"one of {', '.join(sorted(streams))}",
                remedy="correct source=",
            )
        content = _with_macros(copy.deepcopy(streams[source]), dict(feed.attrib))
        # a stream must not replay itself, which would never end
        _replay(content, {key: one for key, one in streams.items() if key != source}, path)
        for child in content.iterchildren(etree.Element):
            if child.tag != "doc":
                feed.addprevious(child)
        feed.getparent().remove(feed)


def _with_macros(element: etree._Element, values: Mapping[str, str]) -> etree._Element:
    """Replace the macros in a stream by the attributes of its ``FEED``."""

    def replaced(text: str) -> str:
        return re.sub(r"(?<!\\)\\(\w+)", lambda m: values.get(m[1], m[0]), text)

    for one in element.iter():
        one.text = one.text and replaced(one.text)
        for key, value in one.attrib.items():
            one.set(key, replaced(value))
    return element
