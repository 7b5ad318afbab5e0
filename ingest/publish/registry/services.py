"""Checks that the services of a registry record behave as the record states.

Searchable registries test services regularly, and flag those that do not answer.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Final

from astropy.io import votable
from lxml import etree

from ingest.core import privileges
from ingest.core.errors import IngestError
from ingest.publish import oai
from ingest.publish.oai import RegistryRecord
from ingest.publish.registry.findings import Finding, Party
from ingest.publish.registry.rules import CONE, TAP

_AVAILABILITY: Final = "ivo://ivoa.net/std/vosi#availability"
_CAPABILITIES: Final = "ivo://ivoa.net/std/vosi#capabilities"
_TABLES: Final = "ivo://ivoa.net/std/vosi#tables"
_VOSI: Final = "{http://www.ivoa.net/xml/VOSIAvailability/v1.0}available"
_REMEDY: Final = "open this address in a browser, then see the server's logs"


def ask_all(records: Iterable[RegistryRecord]) -> Iterator[Finding]:
    """Send each service its test queries; yield the failures."""
    for record in records:
        if record.deleted or record.metadata is None:
            continue
        for capability in record.metadata.iterfind("capability"):
            yield from _ask(record, capability)


def _ask(record: RegistryRecord, capability: etree._Element) -> Iterator[Finding]:
    standard = (capability.get("standardID") or "").lower()
    address = (capability.findtext("interface/accessURL") or "").strip()
    test = {
        CONE: _cone,
        TAP: _tap,
        _AVAILABILITY: _availability,
        _CAPABILITIES: _capabilities,
        _TABLES: _tables,
    }.get(standard)
    if test is None:
        return
    expected = _EXPECTED[test.__name__]
    try:
        value = test(address, capability, record)
    except IngestError as error:
        address, value = error.where or address, f"{error.problem}: {error.value}"
    except Exception as error:  # raised by astropy and lxml for an unreadable answer
        value = f"not readable: {str(error).splitlines()[0] if str(error) else type(error)}"
    if value:
        found = record.identifier, address, value, expected, _REMEDY
        yield Finding(Party.OURS, "answers", *found)


def _cone(address: str, capability: etree._Element, _: RegistryRecord) -> str:
    query = capability.find("testQuery")
    if query is None:
        return "the record has no testQuery"
    parameters = {name.upper(): query.findtext(name, "") for name in ("ra", "dec", "sr")}
    rows = _rows(oai.ask(address, **parameters))
    return "" if rows >= 1 else f"{rows} rows for {parameters}"


def _tap(address: str, _: etree._Element, record: RegistryRecord) -> str:
    for path in ("availability", "capabilities", "tables"):
        oai.ask_xml(f"{address}/{path}")
    query = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 table_name FROM tap_schema.tables"}
    rows = _rows(oai.ask(f"{address}/sync", **query))
    return "" if rows == 1 else f"{rows} rows for {query['QUERY']} in {record.identifier}"


def _rows(content: bytes) -> int:
    """Return the number of rows of a VOTable; raise IngestError if it reports a failure."""
    with privileges.caller():  # astropy reads the list of UCDs
        answer = votable.parse(io.BytesIO(content), verify="ignore")
    for info in (*answer.infos, *(one for res in answer.resources for one in res.infos)):
        if info.name.lower() in ("query_status", "error") and info.value.upper() != "OK":
            raise IngestError("the service reports an error", value=info.content or info.value)
    return sum(len(table.array) for table in answer.iter_tables())


def _availability(address: str, _: etree._Element, __: RegistryRecord) -> str:
    answer = (oai.ask_xml(address).findtext(_VOSI) or "").strip()
    return "" if answer in ("true", "1") else f"available is {answer or 'missing'}"


def _capabilities(address: str, capability: etree._Element, _: RegistryRecord) -> str:
    # Registries compare the capabilities of the record with those of the service.
    promised = {one.get("standardID") for one in capability.getparent().iterfind("capability")}
    offered = {one.get("standardID") for one in oai.ask_xml(address).iter("capability")}
    missing = {one for one in promised - offered if one and not one.lower().endswith("#aux")}
    return f"{', '.join(sorted(missing))} is in the record only" if missing else ""


def _tables(address: str, capability: etree._Element, _: RegistryRecord) -> str:
    promised = capability.getparent().find("tableset//table")
    answer = oai.ask_xml(address)
    return "" if promised is None or answer.find(".//table") is not None else "no tables"


_EXPECTED: Final = {
    "_cone": "at least one row in answer to the record's testQuery",
    "_tap": "availability, capabilities, tables, and an answer to a query",
    "_availability": "available is true",
    "_capabilities": "the capabilities that the record has",
    "_tables": "the tables that the record has",
}
