"""From what is asked to the notice that will be published; nothing is changed by this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from ingest.alerts.archive import Archive, Outbox, Recipient
from ingest.alerts.matching import MatchConfig
from ingest.alerts.notices import parse
from ingest.alerts.publishing import earlier, facts, pipelines, subscriptions
from ingest.alerts.publishing.checking import checked
from ingest.alerts.publishing.configuration import Sinks
from ingest.alerts.publishing.counterparts import add_counterparts
from ingest.alerts.publishing.document import Document, complete, follow
from ingest.alerts.publishing.facts import Facts
from ingest.alerts.tables import Store
from ingest.core import moments
from ingest.core.errors import InputError

_RECENT = 1000
"""Notices published here among which other pipelines' alerts of the same event are looked for."""


@dataclass(frozen=True)
class Request:
    """What is to be published.

    Attributes
    ----------
    documents : tuple of dict
        Alerts of the same event, one or more; or the changes of an update or a retraction.
    live : bool
        Whether it is real; otherwise it becomes a test.
    update, retract : str or None
        The alert that is updated or retracted: its name, or the ivorn of one of its notices.
    originals : tuple of bytes
        The documents as they were given, which are kept.
    """

    documents: tuple[Document, ...]
    live: bool = False
    update: str | None = None
    retract: str | None = None
    originals: tuple[bytes, ...] = ()

    @property
    def checksum(self) -> str:
        """Identifies the request: the same is published once."""
        asked = [list(self.documents), self.live, self.update, self.retract]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


@dataclass
class Draft:
    """A notice that could be published.

    Attributes
    ----------
    document : dict
        The notice.
    content : bytes
        Its bytes.
    facts : dict
        What it says.
    recipients : tuple of Recipient
        Who would get it.
    remarks : list of str
        What its author should know.
    """

    document: Document
    content: bytes
    facts: Facts
    recipients: tuple[Recipient, ...]
    remarks: list[str] = field(default_factory=list)

    @property
    def alert(self) -> str:
        """The same for all notices of the alert."""
        return facts.alert_of(self.facts)


def draft(
    archive: Archive,
    outbox: Outbox,
    store: Store | None,
    config: Sinks,
    request: Request,
    matches: MatchConfig | None = None,
) -> Draft:
    """Return the notice that a request leads to; nothing is changed.

    Parameters
    ----------
    archive, outbox : Archive, Outbox
        The archive and its outbox, up to date.
    store : Store or None
        The tables; None if the database does not run.
    config : Sinks
        Who gets it.
    request : Request
        What is to be published.
    matches : MatchConfig, optional
        The catalogues that are searched for counterparts. By default, none is.

    Raises
    ------
    InputError
        If it cannot be published.
    """
    remarks: list[str] = []
    document, before = _document(archive, outbox, store, config, request, remarks)
    content = checked(document, request.live)
    notice = parse(content, "application/json")
    if matches is not None and request.retract is None:
        add_counterparts(document, notice.position, matches, store, before, remarks)
        content = checked(document, request.live)
        notice = parse(content, "application/json")
    found = facts.of_notice(notice, document)
    had = outbox.recipients_of(facts.alert_of(found))
    region = None
    if notice.sky_map is not None and any(one.filter.region for one in config.sink):
        from ingest.alerts.skymaps import map_regions

        region = map_regions(notice.sky_map).region_90
    who = subscriptions.recipients(config.sink, found, region, had, ours=True)
    if not who:
        kind = "real alerts" if request.live else "tests"
        remarks.append(f"no sink of live.toml gets {kind} like this one: it is archived only")
    return Draft(document, content, found, who, remarks)


def _document(
    archive: Archive,
    outbox: Outbox,
    store: Store | None,
    config: Sinks,
    request: Request,
    remarks: list[str],
) -> tuple[Document, str | None]:
    """Return the notice, and the SHA-256 of the one before, if any."""
    documents = [part for one in request.documents for part in pipelines.split(one)]
    tolerance = config.publish.same_event
    now = moments.isoformat(moments.now())
    name = request.update or request.retract
    if name is not None:
        last = earlier.newest(outbox, store, name, request.live)
        before = earlier.document_of(archive, outbox, last)
        changes = pipelines.merge(documents, tolerance) if documents else {}
        if request.update is not None and not changes:
            raise InputError(
                "an update without changes",
                value=name,
                expected="a file or --set field=value",
                remedy="say what changed; nothing was published",
            )
        kind = "retraction" if request.retract is not None else "update"
    else:
        alert = pipelines.merge(documents, tolerance)
        known = _same_event(archive, outbox, alert, request.live, tolerance)
        if known is None:
            made = complete(alert, request.live, remarks, now)
            _refuse_known_name(outbox, store, made, request.live)
            return made, None
        last, before = known
        changes, kind = _add_pipeline(before, documents, remarks), "update"
    made = follow(before, changes, kind, last.record + 1, last.ivorn, request.live, remarks, now)
    return made, last.sha256


def _same_event(
    archive: Archive, outbox: Outbox, alert: Document, live: bool, tolerance: float
) -> tuple[earlier.Version, Document] | None:
    """Return the newest notice of the alert of the same event that was published, if any."""
    ours = [one for one in outbox.notices.values() if one.request is not None]
    seen = set()
    for one in reversed(ours[-_RECENT:]):
        if one.facts["test"] == live or one.alert in seen:
            continue
        seen.add(one.alert)
        if one.facts["type"] == "retraction":
            continue
        last = earlier.newest(outbox, None, str(one.facts["name"]), live)
        before = earlier.document_of(archive, outbox, last)
        if pipelines.is_same_event(before, alert, tolerance):
            return last, before
    return None


def _add_pipeline(before: Document, documents: Sequence[Document], remarks: list[str]) -> Document:
    """Return the changes of a published alert by what other pipelines found."""
    known = {one.get("pipeline") for one in before.get("pipelines") or [before]}
    merged, fills = dict(before), False
    for new in documents:
        name = new.get("pipeline")
        if name in known or not isinstance(name, str):
            raise InputError(
                "this event was published before",
                value=f"{before.get('event_name')}, found by {', '.join(map(str, known))}",
                expected="the alert of another pipeline",
                remedy=f"to change it: --update {before.get('event_name')}",
            )
        changes, better = pipelines.add(merged, new)
        merged |= changes
        fills |= better
    which = "fills the notice" if fills else "has the higher false-alarm rate"
    remarks.append(
        f"{before.get('event_name')} is the same event: this pipeline is added by an update,"
        f" and {which}"
    )
    return {key: value for key, value in merged.items() if before.get(key) != value}


def _refuse_known_name(outbox: Outbox, store: Store | None, made: Document, live: bool) -> None:
    name = made.get("event_name")
    if not isinstance(name, str):
        return  # reported with everything else
    if earlier.exists(outbox, store, name, live):
        raise InputError(
            "there is an alert of this name",
            where="event_name",
            value=name,
            expected="the name of a new alert",
            remedy=f"to change it: --update {name}; another event needs another name",
        )
