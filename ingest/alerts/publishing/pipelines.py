"""Two pipelines that found the same event: the lower false-alarm rate fills the notice.

What each pipeline found is kept in the field ``pipelines`` of the notice, best first, and the
documents as they were given are kept in the archive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ingest.alerts.publishing.document import PIPELINES, Document, event_ids
from ingest.core.errors import InputError

_KEPT: Final = (
    "pipeline",
    "instrument",
    "far",
    "p_value",
    "trigger_time",
    "ra",
    "dec",
    "ra_dec_error",
    "containment_probability",
    "src_error_50",
    "alert_topology",
    "number_of_events",
)
"""What is kept of each pipeline, beside the identifiers of its events."""


_SHARED: Final = (
    "$schema",
    "messenger",
    "mission",
    "event_name",
    "id",
    "alert_type",
    "record_number",
    "alert_datetime",
    "alert_tense",
    "reference",
)
"""What belongs to the alert, whichever pipeline fills it."""


def split(document: Document) -> list[Document]:
    """Return a document for each pipeline of an alert.

    Parameters
    ----------
    document : dict
        The alert. Each object in ``pipelines`` has the fields in which a pipeline differs.

    Raises
    ------
    InputError
        If ``pipelines`` is not a list of objects.
    """
    parts = document.get(PIPELINES)
    if parts is None:
        return [document]
    if not isinstance(parts, list) or not parts or not all(isinstance(p, dict) for p in parts):
        raise InputError(
            "the pipelines of the alert cannot be read",
            where=PIPELINES,
            value=str(parts)[:80],
            expected="a list of objects, one for each pipeline",
            remedy="correct the alert; nothing was published",
        )
    shared = {key: value for key, value in document.items() if key != PIPELINES}
    return [shared | part for part in parts]


def merge(documents: Sequence[Document], tolerance: float) -> Document:
    """Return one alert from what several pipelines found.

    Parameters
    ----------
    documents : sequence of dict
        The alerts of the pipelines.
    tolerance : float
        Difference of trigger times in s up to which they found the same event.

    Raises
    ------
    InputError
        If they did not find the same event, or two have the same or no pipeline.
    """
    first, *others = documents
    if not others:
        return first
    for other in others:
        if not is_same_event(first, other, tolerance):
            raise InputError(
                "these are not alerts of the same event",
                value=f"{_shown(first)}\n{_shown(other)}",
                expected=f"the same events, or times closer than {tolerance:g} s at one detector",
                remedy="publish them one by one",
            )
    names = [one.get("pipeline") for one in documents]
    if len(set(map(str, names))) < len(names) or not all(isinstance(n, str) for n in names):
        raise InputError(
            "the alerts of an event come from different pipelines",
            where="pipeline",
            value=", ".join(map(str, names)),
            expected="the name of each pipeline once",
            remedy="correct the alert; nothing was published",
        )
    best, *_ = ranked = sorted(documents, key=_rate)
    return best | {PIPELINES: [entry(one) for one in ranked]}


def add(before: Document, new: Document) -> tuple[Document, bool]:
    """Return the alert that was published with what another pipeline found.

    Parameters
    ----------
    before : dict
        The newest notice of the alert.
    new : dict
        The alert of the other pipeline.

    Returns
    -------
    tuple of dict and bool
        The changes of the notice, and whether the other pipeline fills it.
    """
    entries = [
        one for one in before.get(PIPELINES) or [entry(before)]
        if one.get("pipeline") != new.get("pipeline")
    ]  # fmt: skip
    entries = sorted([*entries, entry(new)], key=_rate)
    if entries[0]["pipeline"] != new.get("pipeline"):
        return {PIPELINES: entries}, False
    # all that the notice says is what the better pipeline found
    gone = {key: None for key in before if key not in _SHARED}
    found = {key: value for key, value in new.items() if key not in _SHARED}
    return gone | found | {PIPELINES: entries}, True


def entry(document: Mapping[str, Any]) -> Document:
    """Return what is kept of a pipeline."""
    found = {key: document[key] for key in _KEPT if document.get(key) is not None}
    ids = event_ids(document)
    return found | ({"event_ids": ids} if ids else {})


def is_same_event(one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float) -> bool:
    """Return whether two alerts are of the same event, or the same events of a multiplet.

    They have the same event identifiers, or are from the same detector, of as many events, and
    their trigger times differ by no more than `tolerance` in s.
    """
    ids, others = set(event_ids(one)), set(event_ids(other))
    if ids and ids == others:
        return True
    if (len(ids) or 1) != (len(others) or 1):
        return False
    detectors = [str(document.get("instrument")) for document in (one, other)]
    times = [_time(document) for document in (one, other)]
    if detectors[0] != detectors[1] or times[0] is None or times[1] is None:
        return False
    return abs(times[0] - times[1]) <= tolerance


def _rate(document: Mapping[str, Any]) -> float:
    far = document.get("far")
    number = isinstance(far, int | float) and not isinstance(far, bool)
    return float(far) if number else math.inf  # type: ignore[arg-type]


def _time(document: Mapping[str, Any]) -> float | None:
    try:
        moment = datetime.fromisoformat(str(document.get("trigger_time")))
        return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _shown(document: Mapping[str, Any]) -> str:
    ids = ", ".join(event_ids(document)) or "no event_details"
    return f"{document.get('pipeline')}: {document.get('trigger_time')}, {ids}"[:200]
