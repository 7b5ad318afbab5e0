"""Notices of KM3NeT on their way out: read strictly, completed, and checked against the schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ingest.alerts.conversion import (
    KM3NET_CONSTANTS,
    KM3NET_REFERENCE,
    load_json,
    published_schemas,
)
from ingest.core.errors import InputError
from ingest.core.moments import isoformat

Document = dict[str, Any]

LARGEST: Final = 4 << 20
"""Number of bytes of the largest notice: GCN's broker refuses larger messages."""
PIPELINES: Final = "pipelines"
"""Key of what each pipeline found, an extension that the schema allows."""
SCHEMA: Final = "notices/km3net/alert.schema.json"
_FIXED: Final = ("messenger", "mission", "record_number", "alert_type", "event_name", "id")
"""What an update cannot change."""
_MAP: Final = ("healpix_file", "healpix_url")
_PLACE: Final = ("ra", "dec", "ra_dec_error", "src_error_50", "containment_probability")


def read_document(content: bytes, file: str) -> Document:
    """Read an alert as the collaboration's database gives it.

    Parameters
    ----------
    content : bytes
        The JSON document.
    file : str
        Its name, for error messages.

    Raises
    ------
    InputError
        If it is not a JSON object, or larger than :data:`LARGEST`.
    """
    try:
        check_size(content)
        return load_json(content)
    except InputError as error:
        error.file = file
        raise


def check_size(content: bytes) -> None:
    """Raise an error if an alert has more than :data:`LARGEST` bytes."""
    if len(content) > LARGEST:
        raise InputError(
            "the alert is too large",
            value=f"{len(content)} bytes",
            expected=f"at most {LARGEST} bytes",
            remedy="give the address of the sky map (healpix_url) instead of the map",
        )


def settings(pairs: Sequence[str]) -> Document:
    """Return the fields that ``--set field=value`` give; values are JSON, else text.

    Raises
    ------
    InputError
        If a pair has no ``=``, a field occurs twice, or a number is not finite.
    """
    found: Document = {}
    for pair in pairs:
        field, equals, text = pair.partition("=")
        if not (field and equals) or field in found:
            raise InputError(
                "a field is not set correctly",
                value=pair,
                expected="--set field=value, each field once",
                remedy="for example --set ra=10.82",
            )
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            found[field] = text
        else:
            # strictly: without NaN, repeated keys and numbers out of range
            found[field] = load_json(f'{{"value": {text}}}'.encode())["value"]
    return found


def complete(document: Document, live: bool, remarks: list[str], now: str) -> Document:
    """Return an initial notice with everything that follows from the rest.

    Parameters
    ----------
    document : dict
        The alert.
    live : bool
        Whether it is a real alert; otherwise it becomes a test.
    remarks : list of str
        What was changed is added here.
    now : str
        The time of the notice, unless the alert has one.

    Raises
    ------
    InputError
        If it says that it is no initial notice, or is a test but to be published as real.
    """
    kind = document.get("alert_type", "initial")
    if kind not in ("initial", "subsequent"):
        raise InputError(
            "this is not the first notice of an alert",
            where="alert_type",
            value=kind,
            expected="initial or subsequent",
            remedy="publish it with --update NAME or --retract NAME",
        )
    made = {"$schema": _schema()["$id"], **KM3NET_CONSTANTS} | {
        key: value for key, value in document.items() if value is not None
    }
    made |= {
        "$schema": _own_schema(document.get("$schema")),
        "alert_tense": _tense(document.get("alert_tense"), live, remarks),
        "alert_type": kind,
        "record_number": document.get("record_number", 1),
        "alert_datetime": document.get("alert_datetime") or now,
    }
    return _counted(made)


def follow(
    before: Document,
    changes: Document,
    kind: str,
    record: int,
    ivorn: str,
    live: bool,
    remarks: list[str],
    now: str,
) -> Document:
    """Return the next notice of an alert: all that does not change is that of the notice before.

    Parameters
    ----------
    before : dict
        The newest notice so far.
    changes : dict
        Fields with new values; None removes a field.
    kind : {"update", "retraction"}
        What it is.
    record : int
        Its record number.
    ivorn : str
        Identifier of the notice before, which is cited.
    live, remarks, now
        As in :func:`complete`.

    Raises
    ------
    InputError
        If what identifies the alert would change.
    """
    for key in _FIXED:
        wrong = key in changes and changes[key] != before.get(key)
        if wrong and not (
            key in ("record_number", "alert_type") and changes[key] in (record, kind)
        ):
            raise InputError(
                "an update cannot change what identifies the alert",
                where=key,
                value=changes[key],
                expected=repr(before.get(key)),
                remedy="leave the field out; another alert is published without --update",
            )
    new = {key: value for key, value in changes.items() if key not in _FIXED}
    made = {**before, **new}
    moved = any(key in new and new[key] != before.get(key) for key in _PLACE)
    for key in _MAP:
        if key in made and key not in new and (moved or (kind, key) == ("retraction", _MAP[0])):
            del made[key]
            if moved:
                remarks.append(f"{key} of the notice before was left out: the position changed")
    tense = new.get("alert_tense", before.get("alert_tense"))
    made |= {
        "$schema": _own_schema(new.get("$schema")),
        "alert_tense": _tense(tense, live, remarks),
        "alert_type": kind,
        "record_number": record,
        "alert_datetime": _later(new.get("alert_datetime") or now, before.get("alert_datetime")),
        "reference": {**_reference(made.get("reference")), KM3NET_REFERENCE: ivorn},
    }
    return _counted({key: value for key, value in made.items() if value is not None})


def event_ids(document: Mapping[str, Any]) -> list[str]:
    """Return the identifiers of the detector events of an alert."""
    events = document.get("event_details")
    found = events if isinstance(events, list) else []
    ids = [one.get("id") for one in found if isinstance(one, dict)]
    return [one for one in ids if isinstance(one, str)]


def _schema() -> dict[str, Any]:
    return published_schemas()[SCHEMA]


def _own_schema(named: object) -> str:
    """Return the URL of the pinned schema."""
    pinned = str(_schema()["$id"])
    suffix = f"gcn/{SCHEMA}"
    if named is not None and not (isinstance(named, str) and named.endswith(suffix)):
        raise InputError(
            "the alert names another schema",
            where="$schema",
            value=named,
            expected=pinned,
            remedy="leave it out",
        )
    return pinned


def _tense(given: object, live: bool, remarks: list[str]) -> object:
    if live:
        if given == "test":
            raise InputError(
                "a test cannot be published as a real alert",
                where="alert_tense",
                value=given,
                expected="current",
                remedy="publish it without --live, or set alert_tense=current",
            )
        return given or "current"
    if given not in (None, "test"):
        remarks.append(f"alert_tense is test instead of {given}: without --live, all is a test")
    return "test"


def _counted(document: Document) -> Document:
    events = document.get("event_details")
    if isinstance(events, list) and events and "number_of_events" not in document:
        document["number_of_events"] = len(events)
    return document


def _later(now: object, before: object) -> object:
    """Return `now`, or shortly after the notice before if the clock was set back."""
    try:
        this, last = (datetime.fromisoformat(str(one)) for one in (now, before))
        if this > last:
            return now
        moment = last.astimezone(UTC) + timedelta(milliseconds=1)
    except (ValueError, TypeError, OverflowError):
        return now
    return isoformat(moment)


def _reference(value: object) -> Document:
    return value if isinstance(value, dict) else {}
