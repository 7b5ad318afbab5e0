"""Reading published metadata from a resource descriptor, where they are written once."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ingest.core.checkout import RD
from ingest.core.configuration import refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.xml import XMLError, parse_xml

_MACRO = re.compile(r"\\\w+")


@dataclass(frozen=True)
class Descriptor:
    """What a resource descriptor says about the whole resource."""

    path: Path
    title: str
    doi: str
    """Of the paper to cite; empty if there is none."""
    licence: str
    """The licence's SPDX name."""


def read_descriptor(rd_id: str, folder: Path = RD) -> Descriptor:
    """Read the resource descriptor with DaCHS' id `rd_id`, such as ``ant20_01/nu``.

    Raises
    ------
    ManifestError
        If there is none, it is not well-formed, or it lacks a piece of metadata.
    """
    path = folder / f"{rd_id}.rd"
    resource = parse(path)
    refuse_blanks(path)
    return Descriptor(
        path,
        title=_meta(resource, "title", path),
        doi=_meta(resource, "doi", path, required=False),
        licence=_meta(parse(folder / "km3net" / "common.rd"), "rights.rightsURI", path)
        .rpartition("/")[2]
        .removesuffix(".html"),
    )


def parse(path: Path) -> etree._Element:
    """Return the root element of an RD, with its comments."""
    try:
        return parse_xml(path.read_bytes(), keep_comments=True)
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


def expanded(rd_id: str, folder: Path = RD) -> etree._Element:
    """Return the root of a descriptor with the streams of ``km3net/common.rd`` in their places.

    Raises
    ------
    ManifestError
        If either file is missing or not well-formed, or there is no such stream.
    """
    path = folder / f"{rd_id}.rd"
    resource = parse(path)
    shared = parse(folder / "km3net" / "common.rd")
    streams = {stream.get("id"): stream for stream in shared.iter("STREAM")}
    for feed in list(resource.iter("FEED")):
        place, _, name = feed.get("source", "").partition("#")
        if place != "km3net/common":
            continue
        if name not in streams:
            raise ManifestError(
                "there is no such stream",
                file=path,
                where=f"line {feed.sourceline}",
                value=name,
                expected=f"one of {', '.join(sorted(streams))}",
                remedy="correct the name after km3net/common#",
            )
        for child in streams[name].iterchildren(etree.Element):
            if child.tag != "doc":
                feed.addprevious(_with_macros(copy.deepcopy(child), dict(feed.attrib)))
        feed.getparent().remove(feed)
    return resource


def _with_macros(element: etree._Element, values: dict[str, str]) -> etree._Element:
    """Replace the macros of a stream by the values its user gave."""

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
