"""Harvesting a publishing registry by OAI-PMH, as the searchable registries do.

The protocol is OAI-PMH 2.0 with the profile of IVOA's Registry Interfaces 1.1.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.core.errors import InstanceError
from ingest.core.http import get
from ingest.core.xml import XMLError, parse_xml

PATH: Final = "/oai.xml"
"""The path of DaCHS' OAI-PMH interface."""
VORESOURCE: Final = "ivo_vor"
DUBLIN_CORE: Final = "oai_dc"
_OAI: Final = "{http://www.openarchives.org/OAI/2.0/}"
_TIMEOUT: Final = 60.0  # s
_MOST_PAGES: Final = 10_000
"""More than any registry has, in case a server repeats its resumption token."""


@dataclass(frozen=True)
class RegistryRecord:
    """One record of a registry.

    Attributes
    ----------
    identifier : str
        The IVOID of the resource.
    datestamp : str
        Time of the last change of the record, in ISO 8601.
    deleted : bool
        Whether the resource was deleted.
    sets : tuple of str
        The OAI sets it belongs to.
    metadata : lxml.etree._Element or None
        The resource; None for a deleted one.
    """

    identifier: str
    datestamp: str
    deleted: bool
    sets: tuple[str, ...]
    metadata: etree._Element | None


@dataclass(frozen=True)
class Harvest:
    """All responses to a ListRecords request."""

    pages: tuple[bytes, ...]
    records: tuple[RegistryRecord, ...]


def identify(endpoint: str) -> bytes:
    """Return the response to an Identify request, which describes the registry.

    Raises
    ------
    InstanceError
        If there is no such response.
    """
    content = ask(endpoint, verb="Identify")
    _parse(endpoint, content, "Identify")
    return content


def harvest(endpoint: str, prefix: str = VORESOURCE, **more: str) -> Harvest:
    """Return all records of a registry, following its resumption tokens.

    Parameters
    ----------
    endpoint : str
        The address of the registry's OAI-PMH interface.
    prefix : str
        The metadata format: ``ivo_vor`` or ``oai_dc``.
    **more
        Further arguments of the first request.

    Raises
    ------
    InstanceError
        If a response is missing, or is not OAI-PMH.
    """
    pages: list[bytes] = []
    records: list[RegistryRecord] = []
    wanted: dict[str, str] = {"metadataPrefix": prefix, **more}
    for _ in range(_MOST_PAGES):
        content = ask(endpoint, verb="ListRecords", **wanted)
        answer = _parse(endpoint, content, "ListRecords")
        error = answer.find(f"{_OAI}error")
        if error is not None and error.get("code") == "noRecordsMatch":
            break  # DaCHS returns a token even if the last page is exactly full
        pages.append(content)
        records.extend(_records(answer))
        token = (answer.findtext(f"{_OAI}ListRecords/{_OAI}resumptionToken") or "").strip()
        if not token:
            break
        wanted = {"resumptionToken": token}
    else:
        raise InstanceError("the registry's answer does not end", where=endpoint)
    return Harvest(tuple(pages), tuple(records))


def ask(endpoint: str, **arguments: str) -> bytes:
    """Return a server's response to a GET request.

    Raises
    ------
    NoAnswerError
        If the server does not answer.
    """
    address = endpoint.rstrip("?&")
    if arguments:
        address += ("&" if "?" in address else "?") + urllib.parse.urlencode(arguments)
    return get(address, timeout=_TIMEOUT)


def ask_xml(address: str) -> etree._Element:
    """Return the root element of an XML response; see :func:`ask`."""
    return parse_answer(address, ask(address))


def parse_answer(address: str, content: bytes) -> etree._Element:
    """Return the root element of a server's response.

    Raises
    ------
    InstanceError
        If it is not well-formed XML, or unsafe.
    """
    try:
        return parse_xml(content)
    except XMLError as error:
        raise InstanceError(
            f"in the server's answer, {error.problem}",
            where=address,
            value=f"{error.where}: {error.value}",
            expected=error.expected,
        ) from None


def _parse(endpoint: str, content: bytes, verb: str) -> etree._Element:
    answer = parse_answer(endpoint, content)
    fault = answer.find(f"{_OAI}error")
    harmless = fault is not None and fault.get("code") == "noRecordsMatch"
    if answer.tag != f"{_OAI}OAI-PMH" or (answer.find(f"{_OAI}{verb}") is None and not harmless):
        raise InstanceError(
            "the server's answer is not that of a registry",
            where=endpoint,
            value=answer.tag if fault is None else f"{fault.get('code')}: {fault.text}",
            expected=f"an OAI-PMH answer to {verb}",
        )
    return answer


def _records(answer: etree._Element) -> Iterator[RegistryRecord]:
    for record in answer.iter(f"{_OAI}record"):
        header = record.find(f"{_OAI}header")
        metadata = record.find(f"{_OAI}metadata")
        empty = metadata is None or len(metadata) == 0
        yield RegistryRecord(
            identifier=(header.findtext(f"{_OAI}identifier") or "").strip(),
            datestamp=(header.findtext(f"{_OAI}datestamp") or "").strip(),
            deleted=header.get("status") == "deleted",
            sets=tuple((one.text or "").strip() for one in header.iterfind(f"{_OAI}setSpec")),
            metadata=None if empty else metadata[0],
        )
