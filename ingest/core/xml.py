"""The one XML parser: no entities, no network, no document beyond the limits.

All XML that this project reads, whether from outside or from its own server, is parsed here.
The one exception is VOTables, which astropy reads.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from ingest.core.errors import InputError

MAX_TAGS: Final = 400_000
"""Per document, counted before parsing: the tree takes a hundred times the memory of its tags."""
MAX_ATTRIBUTES: Final = 1000
"""Per element: the time lxml takes to list them grows with the square of their number."""
_SMALL: Final = 1 << 15
"""In bytes; a document up to this size cannot have enough attributes to be slow."""


class XMLError(InputError):
    """A document is not well-formed XML, or is not safe to parse."""


def parse_xml(document: bytes | str, *, keep_comments: bool = False) -> etree._Element:
    """Parse an XML document.

    Parameters
    ----------
    document : bytes or str
        Bytes are decoded as the document declares; for text the declaration is ignored.
    keep_comments : bool
        Whether comments stay in the tree.

    Returns
    -------
    lxml.etree._Element
        The root element. The tree has no processing instructions and no whitespace between
        elements.

    Raises
    ------
    XMLError
        If the document is not well-formed, declares entities, is nested more than 256 levels
        deep (the limit of libxml2), has more than :data:`MAX_TAGS` tags, or has an element with
        more than :data:`MAX_ATTRIBUTES` attributes.

    Notes
    -----
    Entities are refused and not merely left unexpanded: no format read here needs them, and
    they can be used to read files on this machine or to exhaust its memory. External document
    type definitions are not loaded. lxml also refuses texts longer than 10 million bytes.
    """
    content = document.encode("utf-8", "replace") if isinstance(document, str) else document
    if content.count(b"<") > MAX_TAGS:
        raise XMLError(
            "the XML document has too many elements",
            expected=f"at most {MAX_TAGS} tags",
            remedy="ask the sender for a smaller document",
        )
    if b"<!DOCTYPE" in content and b"<!ENTITY" in content:
        raise _declares_entities()
    # a new parser for each document, because a parser remembers names and errors of earlier ones
    parser = etree.XMLParser(
        encoding="utf-8" if isinstance(document, str) else None,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=not keep_comments,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise XMLError(
            "the XML document is not well-formed",
            where=f"line {line}, column {column}",
            value=(error.msg or "")[:300],
            expected="well-formed XML",
            remedy="correct the document, or ask its author for a correct one",
        ) from None
    # the search above does not work for documents in UTF-16 or UTF-32
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(iter(declared.iterentities()), None) is not None:
        raise _declares_entities()
    if len(content) > _SMALL and any(len(e.attrib) > MAX_ATTRIBUTES for e in root.iter("*")):
        raise XMLError(
            "an element of the XML document has too many attributes",
            expected=f"at most {MAX_ATTRIBUTES}",
            remedy="ask the sender for a document with fewer attributes",
        )
    return root


def _declares_entities() -> XMLError:
    return XMLError(
        "the XML document declares entities",
        where="<!DOCTYPE>",
        expected="a document without <!ENTITY>",
        remedy="remove the declarations; entities can be used to attack those who read them",
    )
