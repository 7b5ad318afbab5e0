"""The checks that a notice has to pass before it is published, beyond what the schemas require."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from ingest.alerts.conversion import (
    published_schemas,
    save_json,
    to_voevent,
    validate_json,
    validate_voevent,
)
from ingest.alerts.publishing.document import (
    PIPELINES,
    SCHEMA,
    Document,
    check_size,
    event_ids,
)
from ingest.core.errors import InputError

_OURS: Final = (PIPELINES, "reference")
_LIVE_NAME: Final = re.compile(r"KM3-[0-9]{6}[A-Za-z]{1,4}")
_TEST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REMEDY: Final = "correct the alert; nothing was published"


def checked(document: Document, live: bool) -> bytes:
    """Return the bytes of a notice that may be published.

    Raises
    ------
    InputError
        If it does not conform to KM3NeT's schema or, as a VOEvent, to VOEvent's, has unknown
        fields or control characters, or lacks what an alert must have.
    """
    findings = [
        *_unknown(document),
        *_texts(document, ""),
        *_names(document, live),
        *validate_json(document),
        *_multiplet(document),
    ] or validate_voevent(to_voevent(document))
    if findings:
        more = f" ({len(findings)} problems)" if len(findings) > 1 else ""
        raise InputError(
            f"the alert cannot be published{more}",
            value="\n".join(findings[:10]),
            expected="a notice as KM3NeT's schema at GCN describes it",
            remedy=_REMEDY,
        )
    content = save_json(document)
    check_size(content)
    return content


@cache
def _known_fields() -> frozenset[str]:
    """Return the fields of KM3NeT's schema and of those that it includes."""
    schemas = published_schemas()
    found: set[str] = set()

    def collect(path: str) -> None:
        schema = schemas[path]
        found.update(schema.get("properties", ()))
        for part in schema.get("allOf", ()):
            if reference := part.get("$ref"):
                folder = path.rpartition("/")[0].split("/")
                while reference.startswith("../"):
                    folder, reference = folder[:-1], reference[3:]
                collect("/".join([*folder, reference]))

    collect(SCHEMA)
    return frozenset(found)


def _unknown(document: Document) -> Iterator[str]:
    known = {*_known_fields(), *_OURS}
    for key in document:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            yield f"{key[:80]!r}: no field of the schema" + (f"; {close[0]}?" if close else "")


def _texts(value: object, place: str, depth: int = 0) -> Iterator[str]:
    """Yield texts with control characters, which mails, chats and XML cannot transport."""
    if depth > 20:
        yield f"{place[:80]}: nested too deeply"
    elif isinstance(value, dict):
        for key, one in value.items():
            if not key.isprintable():
                yield f"{place}{key[:80]!r}: a field with control characters"
            yield from _texts(one, f"{place}{key[:40]!r}.", depth + 1)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, place, depth + 1)
    elif isinstance(value, str) and not value.isprintable():
        yield f"{place.rstrip('.')}: control characters in {value[:60]!r}"


def _names(document: Document, live: bool) -> Iterator[str]:
    name = document.get("event_name")
    pattern = _LIVE_NAME if live else _TEST_NAME
    if not (isinstance(name, str) and pattern.fullmatch(name)):
        expected = "a name such as KM3-240901A" if live else "a name without blanks"
        yield f"event_name: found {str(name)[:80]!r}, expected {expected}"
    if not isinstance(document.get("alert_datetime"), str):
        yield "alert_datetime: expected a text"
    number = document.get("record_number")
    is_whole = number.is_integer() if isinstance(number, float) else isinstance(number, int)
    if not is_whole or isinstance(number, bool):
        yield f"record_number: found {str(number)[:80]}, expected 1, 2, 3 …"
    if live and document.get("alert_type") != "retraction" and "far" not in document:
        yield "far: missing"


def _multiplet(document: Document) -> Iterator[str]:
    ids = event_ids(document)
    if len(set(ids)) < len(ids):
        yield "event_details: an event occurs twice"
    if document.get("alert_topology") == "Multiplet" and len(ids) < 2:
        yield f"event_details: found {len(ids)} events, expected the events of the multiplet"
