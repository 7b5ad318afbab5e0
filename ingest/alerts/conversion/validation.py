"""Validation of packets against the schema of their format, and for plausibility.

Findings are lines of text for people: where, what was found, what was expected. The content of
a packet raises no errors, and nothing is fetched: GCN's schemas are those of a pinned npm
package, VOEvent's are part of this project (see ``schemas/README.md``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from lxml import etree
from referencing import Registry, Resource

from ingest.alerts.conversion.documents import load_voevent
from ingest.alerts.conversion.field_mapping import KM3NET_SCHEMA
from ingest.alerts.conversion.plausibility import implausible
from ingest.alerts.notices import is_km3net
from ingest.core.errors import InputError, UnavailableError
from ingest.core.xml import parse_xml

SCHEMAS: Final = Path(__file__).parent / "schemas"
_PUBLISHED: Final = SCHEMAS / "gcn" / "node_modules" / "@nasa-gcn" / "schema" / "gcn"
_PATH: Final = re.compile(r"https?://gcn\.nasa\.gov/schema/(?:[^/]+/)?gcn/(.+)")
_CORE: Final = ("Event", "Alert", "Reporter", "Statistics", "Localization", "DateTime")
_LARGEST_JUDGED: Final = 1 << 20
"""Number of bytes of the largest packet that is validated on arrival."""
_MOST_JUDGED: Final = 2000
"""Number of its commas or tags: validation takes up to 0.1 ms for each, others wait meanwhile."""
_NAMES: Final = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
}


def validate_json(document: object) -> list[str]:
    """Validate a notice in JSON.

    Parameters
    ----------
    document : object
        The decoded JSON.

    Returns
    -------
    list of str
        Findings against the published schema that the notice names, always in the pinned
        version; for a notice that names none, against KM3NeT's schema or GCN's core schema. They
        are followed by those of :func:`.implausible`.

    Raises
    ------
    UnavailableError
        If the published schemas are not installed.
    """
    if not isinstance(document, dict):
        return [f"the document: found {_shown(document)}, expected an object"]
    named = document.get("$schema")
    findings = []
    schemas = _schemas(named if isinstance(named, str) else None, is_km3net(document))
    if not isinstance(named, str):
        findings.append("$schema: missing, expected the URL of a schema at gcn.nasa.gov")
    elif not schemas:
        findings.append(f"$schema: found {_shown(named)}, expected the URL of a GCN schema")
        schemas = _schemas(None, is_km3net(document))
    findings += _violations(document, schemas)
    return [*dict.fromkeys(findings), *implausible(document)]


def verdict(content: bytes) -> str:
    """Return in a line what the schema of a packet says of it.

    Parameters
    ----------
    content : bytes
        The packet, a VOEvent or a notice in JSON.

    Returns
    -------
    str
        ``valid``, ``invalid`` with the first finding, or ``none`` if it names no schema that is
        installed, or is too large to be validated on arrival.
    """
    start = content[:4096].lstrip(b" \t\r\n\xef\xbb\xbf")[:1]
    separator = b"<" if start == b"<" else b","
    if len(content) > _LARGEST_JUDGED or content.count(separator) > _MOST_JUDGED:
        return "none"
    if start == b"<":
        findings = validate_voevent(content)
    else:
        try:
            document = json.loads(content)
            named = document.get("$schema") if isinstance(document, dict) else None
            schemas = _schemas(named, False) if isinstance(named, str) else []
        except (ValueError, RecursionError, UnavailableError):
            return "none"
        if not schemas:
            return "none"
        # the first one only: others are waiting behind this packet
        findings = list(islice(_violations(document, schemas), 1))
    return f"invalid: {findings[0]}" if findings else "valid"


def validate_voevent(content: bytes) -> list[str]:
    """Validate a VOEvent packet.

    Parameters
    ----------
    content : bytes
        The packet, of version 2.0 or 2.1. A packet without a namespace does not conform to
        their schemas.

    Returns
    -------
    list of str
        Findings, with line numbers. Any other version is a finding.
    """
    try:
        root = load_voevent(content)
    except InputError as error:
        return [" ".join(str(error).split())]
    findings = []
    version = root.get("version")
    if version in ("2.0", "2.1"):
        schema = voevent_schema(version)
        if not schema.validate(root):
            findings = [f"line {error.line}: {error.message}" for error in schema.error_log]
    else:
        findings.append(f"version: found {_shown(version)}, expected 2.0 or 2.1")
    ivorn = root.get("ivorn", "")
    if not re.fullmatch(r"ivo://[^#\s]+#\S+", ivorn):
        findings.append(f"ivorn: found {_shown(ivorn)}, expected ivo://authority/stream#event")
    return findings


@cache
def voevent_schema(version: str) -> etree.XMLSchema:
    """Return the schema of VOEvent 2.0 or 2.1."""
    return etree.XMLSchema(parse_xml((SCHEMAS / f"VOEvent-v{version}.xsd").read_bytes()))


def published_schemas() -> dict[str, dict[str, Any]]:
    """Return GCN's schemas by their path, such as ``notices/km3net/alert.schema.json``.

    Raises
    ------
    UnavailableError
        If they are not installed.
    """
    found = {
        path.relative_to(_PUBLISHED).as_posix(): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(_PUBLISHED.rglob("*.schema.json"))
    }
    if not found:
        raise UnavailableError(
            "GCN's schemas of notices are not installed",
            file=_PUBLISHED,
            remedy="install npm (apt-get install npm), then run ./setup.sh",
        )
    return found


@cache
def _registry() -> tuple[dict[str, dict[str, Any]], Registry[Any]]:
    schemas = published_schemas()
    resources = ((s["$id"], Resource.from_contents(s)) for s in schemas.values())
    # without a function that retrieves further schemas, so that nothing is fetched
    return schemas, Registry[Any]().with_resources(resources)


def _schemas(url: str | None, km3net: bool) -> list[str]:
    """Return the paths of the schemas with this URL; an empty list if it is unknown."""
    if url is None and not km3net:
        return [f"notices/core/{part}.schema.json" for part in _CORE]
    match = _PATH.fullmatch(url or KM3NET_SCHEMA)
    return [match[1]] if match and match[1] in _registry()[0] else []


def _violations(document: object, paths: Iterable[str]) -> Iterator[str]:
    try:
        for path in paths:
            yield from map(_finding, _validator(path).iter_errors(document))
    except RecursionError:
        yield "the document: nested too deeply"


@cache
def _validator(path: str) -> Any:
    """Return the validator for a published schema."""
    schemas, registry = _registry()
    return Draft202012Validator(schemas[path], registry=registry)


def _finding(error: ValidationError) -> str:
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    )
    where = place.lstrip(".") or "the document"
    return f"{where}: found {_shown(error.instance)}, expected {_expected(error)}"


def _expected(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    match error.validator:
        case "type":
            return _types(wanted)
        case "enum":
            return "one of " + ", ".join(map(str, wanted))
        case "oneOf" | "anyOf":
            return " or ".join(_types(option.get("type", "object")) for option in wanted)
        case "minItems":
            return f"at least {wanted} entries"
        case "maxItems":
            return f"at most {wanted} entries"
    return str(error.message)


def _types(names: str | Iterable[str]) -> str:
    listed = [names] if isinstance(names, str) else names
    return " or ".join(_NAMES.get(name, name) for name in listed)


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:80] + "…"
