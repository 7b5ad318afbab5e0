"""The notices of an alert so far: those in the outbox, and those in the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.alerts.archive import Archive, Outbox
from ingest.alerts.conversion import format_of, load_json, to_json
from ingest.alerts.publishing.document import Document
from ingest.alerts.tables import CLAIMED, Store
from ingest.core.errors import InputError

_OURS = "km3net"
"""The stream of the alerts that are published here."""


@dataclass(frozen=True)
class Version:
    """A notice of an alert.

    Attributes
    ----------
    sha256 : str
        Its checksum.
    ivorn : str
        Its identifier.
    record : int
        Its record number; 0 if it has none.
    is_retraction : bool
        Whether it retracts the alert.
    order : tuple
        Newer notices have higher values.
    """

    sha256: str
    ivorn: str
    record: int
    is_retraction: bool
    order: tuple[int, int, int]


def newest(outbox: Outbox, store: Store | None, name: str, live: bool) -> Version:
    """Return the newest notice of an alert.

    Parameters
    ----------
    outbox : Outbox
        What is published here, up to date.
    store : Store or None
        The tables; None if the database does not run.
    name : str
        The name of the alert, or the ivorn of one of its notices.
    live : bool
        Whether a real alert is meant, or a test.

    Raises
    ------
    InputError
        If there is no such alert of KM3NeT, or it is retracted.
    """
    # anyone may send a packet with the name of our alert: what was published here goes on from it
    found = [*_in_outbox(outbox, name, live)] or [*_in_tables(store, name, live)]
    if not found:
        other = [*_in_outbox(outbox, name, not live), *_in_tables(store, name, not live)]
        hint = "it is a test: leave out --live" if live else "it is a real alert: add --live"
        raise InputError(
            "there is no such alert of KM3NeT" + ("" if live else " among the tests"),
            value=name,
            expected="the name of an alert, or the ivorn of a notice",
            remedy=hint
            if other
            else "look it up in alerts.notices; if the database is stopped, start it",
        )
    last = max(found, key=lambda one: one.order)
    if last.is_retraction:
        raise InputError(
            "the alert is retracted",
            value=f"{name}: record {last.record}, {last.ivorn}",
            expected="an alert that is valid",
            remedy="publish it as another alert, with another name",
        )
    return last


def exists(outbox: Outbox, store: Store | None, name: str, live: bool) -> bool:
    """Return whether there is an alert of this name, valid or retracted."""
    return any(True for _ in (*_in_outbox(outbox, name, live), *_in_tables(store, name, live)))


def document_of(archive: Archive, outbox: Outbox, version: Version) -> Document:
    """Return the document of a notice; that of a VOEvent is converted."""
    known = outbox.notices.get(version.sha256)
    content = outbox.content(known) if known else archive.read(version.sha256)
    return load_json(content) if format_of(content) == "json" else to_json(content)


def _in_outbox(outbox: Outbox, name: str, live: bool) -> Iterable[Version]:
    ours = [one for one in outbox.notices.values() if one.request is not None]
    alerts = {
        one.alert
        for one in ours
        if name in (one.facts["name"], one.facts["ivorn"]) and one.facts["test"] != live
    }
    for place, one in enumerate(ours):
        if one.alert in alerts:
            record = int(one.facts["record"] or 0)
            retracts = one.facts["type"] == "retraction"
            yield Version(one.sha256, one.facts["ivorn"], record, retracts, (record, 1, place))


def _in_tables(store: Store | None, name: str, live: bool) -> Iterable[Version]:
    if store is None:
        return
    rows: list[tuple[Any, ...]] = store.fetch(
        "SELECT sha256, ivorn, record_number, notice_type, notice_id FROM alerts.notices"
        " WHERE stream = %s AND NOT starts_with(alert_id, %s)"
        " AND (is_test = 1 OR is_injection = 1) = %s AND alert_id IN"
        " (SELECT alert_id FROM alerts.notices WHERE ivorn = %s OR event_name = %s"
        " OR alert_id = %s)",
        [_OURS, f"{CLAIMED}/", not live, name, name, name],
    )
    for sha256, ivorn, record, kind, number in rows:
        number_of_record = int(record or 0)
        yield Version(
            sha256, ivorn, number_of_record, kind == "retraction", (number_of_record, 0, number)
        )
