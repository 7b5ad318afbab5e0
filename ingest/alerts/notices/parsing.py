"""Parsing of the bytes of a packet: limits, encodings, and choice of the format's parser.

Packets come from anyone. Parsing fetches nothing, expands no entities, and needs memory in
proportion to the size of the packet, except for Avro, which may be compressed: the limits of the
worker process hold there. For any bytes the only error is
:class:`~ingest.alerts.notices.model.PacketError`.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ingest.alerts.notices import avro, circulars, gcn, voevent
from ingest.alerts.notices.circulars import Circular
from ingest.alerts.notices.field_parser import FieldParser
from ingest.alerts.notices.model import Notice, PacketError
from ingest.core.xml import XMLError, parse_xml

MAX_BYTES: Final = 16 << 20

_WHITESPACE: Final = " \t\r\n\0\f\v\ufeff"
_DECLARED_ENCODING: Final = re.compile(
    rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""", re.ASCII
)
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_SINGLE_BYTE: Final = re.compile(
    r"(iso[-_]?8859[-_]?|latin[-_]?|windows[-_]?125|cp125)\w+", re.ASCII
)
_END_TAG: Final = re.compile(r"</(?:[\w.-]+:)?VOEvent\s*>", re.ASCII)
_ENCODING_BY_START: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\x00<", "utf-16-be"),
    (b"\x00{", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"{\x00", "utf-16-le"),
)


def parse(
    content: bytes,
    media_type: str | None = None,
    max_bytes: int = MAX_BYTES,
    topic: str | None = None,
) -> Notice:
    """Parse a notice; parameters and errors are those of :func:`parse_packet`.

    Returns
    -------
    Notice
        The content of the packet; a circular is an error.
    """
    found = parse_packet(content, media_type, max_bytes, topic)
    if isinstance(found, Circular):
        raise PacketError(
            "the packet is a circular, not a notice",
            value=found.circular_id,
            expected="a VOEvent or a GCN notice",
            remedy="see alerts.circulars",
        )
    return found


def parse_packet(
    content: bytes,
    media_type: str | None = None,
    max_bytes: int = MAX_BYTES,
    topic: str | None = None,
) -> Notice | Circular:
    """Parse a packet.

    Parameters
    ----------
    content : bytes
        A VOEvent in XML, a GCN notice in JSON or Avro, or a GCN circular in JSON.
    media_type : str, optional
        Declared media type, for the error message only; the format is recognised by content.
    max_bytes : int
        Larger packets are refused.
    topic : str, optional
        The Kafka topic from which the packet was received. It identifies the stream if the packet
        does not, and a test topic makes the packet a test.

    Returns
    -------
    Notice or Circular
        The content of the packet.

    Raises
    ------
    PacketError
        If the packet is too large, not well-formed, neither a VOEvent nor a notice or circular
        of GCN, or has no identifier.
    """
    if len(content) > max_bytes:
        raise PacketError(
            "the packet is too large",
            value=f"{len(content)} bytes",
            expected=f"at most {max_bytes} bytes",
            remedy="if it is an alert, raise max_bytes",
        )
    parser = FieldParser()
    try:
        is_avro = content.startswith(avro.MAGIC)
        text = (
            avro.json_of(content, 2 * max_bytes)
            if is_avro
            else _decode(content, parser).strip(_WHITESPACE)
        )
        if text.startswith("<"):
            return voevent.notice_of(_tree(text, parser), parser, topic)
        if text.startswith(("{", "[")):
            document = gcn.load_notice(text, parser)
            if circulars.is_circular(document):
                return circulars.circular_of(document)
            notice = gcn.notice_of(document, parser, topic)
            return notice.model_copy(update={"media_format": "gcn-avro"}) if is_avro else notice
    except PacketError:
        raise
    except XMLError as error:
        raise PacketError(
            error.problem,
            where=error.where,
            value=error.value,
            expected=error.expected,
            remedy="leave it in quarantine, or ask its author for a correct packet",
        ) from None
    except (RecursionError, MemoryError) as error:
        raise PacketError(
            "the packet is nested too deeply or is too large to be parsed",
            value=type(error).__name__,
            expected="a VOEvent or a GCN notice",
            remedy="leave it in quarantine",
        ) from None
    raise PacketError(
        "the packet is neither XML nor a JSON object",
        value=text[:60],
        expected="a VOEvent or a GCN notice",
        remedy=f"leave it in quarantine; its declared media type is {media_type or 'unknown'}",
    )


def _decode(content: bytes, parser: FieldParser) -> str:
    """Decode a packet; the bytes themselves take precedence over the declared encoding."""
    for start, encoding in _ENCODING_BY_START:
        if content.startswith(start):
            return _decode_as(content, encoding)
    try:
        # text in Latin-1 is hardly ever valid UTF-8, so this is right also if Latin-1 is declared
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _DECLARED_ENCODING.match(content[:300])
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    if name in _UTF8 or not _SINGLE_BYTE.fullmatch(name):
        parser.remark(f"the packet is not valid {name.upper()}; it was decoded as Latin-1")
        name = "latin-1"
    return _decode_as(content, name)


def _decode_as(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise PacketError(
            "the packet cannot be decoded",
            value=str(error)[:200],
            expected="UTF-8, or the encoding that the packet declares",
            remedy="leave it in quarantine, or ask its author",
        ) from None


def _tree(text: str, parser: FieldParser) -> etree._Element:
    """Return the root element of a packet; what follows after the end of a VOEvent is ignored."""
    try:
        return parse_xml(text)
    except XMLError as error:
        end = _END_TAG.search(text)
        if end is None or "Extra content" not in str(error.value):
            raise
    parser.remark(f"{len(text) - end.end()} characters after the end of the VOEvent are ignored")
    return parse_xml(text[: end.end()])
