"""From the bytes of a packet to a notice: limits, encodings, and who reads what.

Packets come from anybody. Nothing here fetches anything, expands an entity, or takes more
memory than the packet's size allows; and whatever the bytes are, the only error is
:class:`~ingest.alerts.notices.model.PacketError`.
"""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from ingest.alerts.notices import gcn, voevent
from ingest.alerts.notices.fields import Reader
from ingest.alerts.notices.model import Notice, PacketError
from ingest.core.xml import XMLError, parse_xml

MAX_BYTES: Final = 16 << 20

_BLANKS: Final = " \t\r\n\0\f\v\ufeff"
_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""", re.ASCII)
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_SINGLE_BYTE: Final = re.compile(
    r"(iso[-_]?8859[-_]?|latin[-_]?|windows[-_]?125|cp125)\w+", re.ASCII
)
_END: Final = re.compile(r"</(?:[\w.-]+:)?VOEvent\s*>", re.ASCII)
_MARKS: Final = (
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


def parse(content: bytes, media_type: str | None = None, max_bytes: int = MAX_BYTES) -> Notice:
    """Return what a packet says.

    Parameters
    ----------
    content : bytes
        A VOEvent in XML or a GCN notice in JSON.
    media_type : str, optional
        What the packet was announced as; the bytes themselves tell, whatever it says.
    max_bytes : int
        Larger packets are refused unread.

    Raises
    ------
    PacketError
        If it is no packet: too large, not well-formed, something else, or without identity.
    """
    if len(content) > max_bytes:
        raise PacketError(
            "the packet is too large",
            value=f"{len(content)} bytes",
            expected=f"at most {max_bytes} bytes",
            remedy="if it is an alert, allow more with max_bytes",
        )
    reader = Reader()
    try:
        text = _text_of(content, reader).strip(_BLANKS)
        if text.startswith("<"):
            return voevent.notice_of(_tree(text, reader), reader)
        if text.startswith(("{", "[")):
            return gcn.notice_of(text, reader)
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
            "the packet is nested too deeply or too large to be read",
            value=type(error).__name__,
            expected="a VOEvent or a GCN notice",
            remedy="leave it in quarantine",
        ) from None
    raise PacketError(
        "the packet is neither XML nor a JSON object",
        value=text[:60],
        expected="a VOEvent or a GCN notice",
        remedy=f"leave it in quarantine; it was announced as {media_type or 'nothing'}",
    )


def _text_of(content: bytes, reader: Reader) -> str:
    """Return the packet's text, in the encoding its bytes show rather than the one they say."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decoded(content, encoding)
    try:
        # XML that declares Latin-1 and is UTF-8 with more than ASCII cannot be meant otherwise
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = _DECLARED.match(content[:300])
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    if name in _UTF8 or not _SINGLE_BYTE.fullmatch(name):
        reader.remark(f"the packet is not in {name.upper()} as it should be; read as Latin-1")
        name = "latin-1"
    return _decoded(content, name)


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise PacketError(
            "the packet's characters cannot be read",
            value=str(error)[:200],
            expected="UTF-8, or the encoding that it declares",
            remedy="leave it in quarantine, or ask its author",
        ) from None


def _tree(text: str, reader: Reader) -> etree._Element:
    """Return the root element of a packet; what follows after the end of a VOEvent is ignored."""
    try:
        return parse_xml(text)
    except XMLError as error:
        end = _END.search(text)
        if end is None or "Extra content" not in str(error.value):
            raise
    reader.remark(f"{len(text) - end.end()} characters after the end of the VOEvent are ignored")
    return parse_xml(text[: end.end()])
