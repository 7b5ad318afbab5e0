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
from ingest.core.configuration import refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.xml import XMLError, parse_xml

_SHARED: Final = "km3net/common"
"""DaCHS' id of the descriptor with the streams that all releases use."""
_MACRO: Final = re.compile(r"\\\w+")


@dataclass(frozen=True)
class Descriptor:
    """The metadata of a whole resource.

    Attributes
    ----------
    path : pathlib.Path
        The descriptor.
    title : str
        The resource's title.
    doi : str
        DOI of the paper to cite; empty if there is none.
    licence : str
        SPDX identifier of the licence.
    """

    path: Path
    title: str
    doi: str
    licence: str


def read_descriptor(rd_id: str, folder: Path = RD) -> Descriptor:
    """Read the metadata of a resource descriptor.

    Parameters
    ----------
    rd_id : str
        DaCHS' id of the descriptor, such as ``ant20_01/nu``.
    folder : pathlib.Path, optional
        The folder of all descriptors.

    Raises
    ------
    ManifestError
        If the file is missing, not well-formed, not filled in, or lacks an item of metadata.
    """
    path = folder / f"{rd_id}.rd"
    resource = _parse(path)
    refuse_blanks(path)
    rights = _meta(_parse(folder / f"{_SHARED}.rd"), "rights.rightsURI", path)
    return Descriptor(
        path,
        title=_meta(resource, "title", path),
        doi=_meta(resource, "doi", path, required=False),
        licence=rights.rpartition("/")[2].removesuffix(".html"),
    )


def expand_descriptor(rd_id: str, folder: Path = RD) -> etree._Element:
    """Return the root element of a descriptor, with its comments and with streams replayed.

    Each ``FEED`` of a stream of the same descriptor or of ``km3net/common`` is replaced by the
    elements of the stream, and the definitions of streams are left out. Streams of DaCHS
    itself are not replayed.

    Parameters
    ----------
    rd_id : str
        DaCHS' id of the descriptor, such as ``ant20_01/nu``.
    folder : pathlib.Path, optional
        The folder of all descriptors.

    Raises
    ------
    ManifestError
        If either file is missing or not well-formed, or a stream is not defined.
    """
    path = folder / f"{rd_id}.rd"
    resource = _parse(path)
    shared = _parse(folder / f"{_SHARED}.rd")
    streams = {f"{_SHARED}#{one.get('id')}": one for one in shared.iter("STREAM")}
    for stream in list(resource.iter("STREAM")):
        streams[stream.get("id")] = stream
        stream.getparent().remove(stream)
    _replay(resource, streams, path)
    return resource


def table_columns(resource: etree._Element) -> dict[str, dict[str, str]]:
    """Return the types of the columns of all tables of an expanded descriptor.

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
        table.get("id"): {column.get("name"): column.get("type") for column in table.iter("column")}
        for table in resource.iter("table")
    }


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
            remedy="correct descriptor = in the release's release.toml, or write it",
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


def _replay(element: etree._Element, streams: Mapping[str, etree._Element], path: Path) -> None:
    """Replace the ``FEED`` elements below `element` by the contents of their streams."""
    for feed in list(element.iter("FEED")):
        source = feed.get("source", "")
        if "#" in source and not source.startswith(f"{_SHARED}#"):
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


def _meta(resource: etree._Element, name: str, path: Path, required: bool = True) -> str:
    """Return the text of a meta element, without macros and line breaks."""
    for element in resource.iter("meta"):
        if element.get("name") == name and element.getparent().tag in ("resource", "STREAM"):
            return " ".join(_MACRO.sub("", element.text or "").split())
    if not required:
        return ""
    raise ManifestError(
        f"the metadata item {name} is missing",
        file=path,
        where=f'/resource/meta[@name="{name}"]',
        remedy=f'add <meta name="{name}">…</meta>',
    )
