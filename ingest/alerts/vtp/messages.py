"""Transport messages, by which the two sides of a connection talk about VOEvents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from ingest.core.xml import XMLError, parse_xml

NAMESPACE: Final = "http://www.telescope-networks.org/xml/Transport/v1.1"
_SCHEMA: Final = "http://www.telescope-networks.org/schema/Transport-v1.1.xsd"
_INSTANCE: Final = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION: Final = f"{{{_INSTANCE}}}schemaLocation"
_LARGEST: Final = 1 << 16
"""Number of bytes of the largest transport message that is read."""
_LONGEST: Final = 500


@dataclass(frozen=True, slots=True)
class Transport:
    """A transport message.

    Attributes
    ----------
    role : str
        ``iamalive``, ``authenticate``, ``ack`` or ``nak``.
    origin : str
        Who began the exchange; in an answer to a VOEvent, the identifier of that event.
    result : str
        A reason, mostly of a ``nak``; at most 500 characters of what the peer wrote.
    """

    role: str
    origin: str
    result: str = ""


def read_transport(content: bytes) -> Transport | None:
    """Return a transport message; None if it is something else, such as a VOEvent."""
    if len(content) > _LARGEST:
        return None
    try:
        root = parse_xml(content)
    except XMLError:
        return None
    if _name(root) != "Transport":
        return None
    return Transport(root.get("role", ""), _text(root, "Origin"), _text(root, "Meta/Result"))


def transport(role: str, origin: str, response: str = "", result: str = "") -> bytes:
    """Return a transport message as it is sent.

    Parameters
    ----------
    role, origin, result : str
        See :class:`Transport`.
    response : str
        The identifier of the one who answers; empty for a message that is no answer.
    """
    root = etree.Element(
        f"{{{NAMESPACE}}}Transport",
        {
            "role": role,
            "version": "1.0",
            f"{{{_INSTANCE}}}schemaLocation": f"{NAMESPACE} {_SCHEMA}",
        },
        nsmap={"trn": NAMESPACE, "xsi": _INSTANCE},
    )
    etree.SubElement(root, "Origin").text = origin
    if response:
        etree.SubElement(root, "Response").text = response
    etree.SubElement(root, "TimeStamp").text = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if result:
        etree.SubElement(etree.SubElement(root, "Meta"), "Result").text = result
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def event_identifier(content: bytes) -> str:
    """Return the identifier of a VOEvent, whether or not it is valid.

    Raises
    ------
    XMLError
        If the content is no VOEvent, or has no identifier.
    """
    root = parse_xml(content)
    identifier = str(root.get("ivorn", ""))
    if _name(root) != "VOEvent" or not identifier:
        raise XMLError(
            "the document is no VOEvent with an identifier",
            where=_name(root)[:100],
            expected="<VOEvent ivorn=…>",
        )
    return identifier


def _name(root: etree._Element) -> str:
    return str(etree.QName(root).localname)


def _text(root: etree._Element, path: str) -> str:
    """Return the text of a descendant, whatever its namespace, in one line."""
    found = root.find("/".join(f"{{*}}{name}" for name in path.split("/")))
    text = "" if found is None else found.text or ""
    return " ".join(text.split())[:_LONGEST]
