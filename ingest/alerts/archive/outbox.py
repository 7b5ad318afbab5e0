"""The outbox: what is to be sent from here, to whom, and what was sent.

``outbox.jsonl`` has one JSON object per line, of these kinds (key ``what``):

- ``accepted``: a notice is to be sent to the recipients in the line. With this line publication
  begins: the bytes are durable before it, and everything after it is done again until it succeeds;
- ``archived``: the packet has this number in the archive;
- ``sent``: a recipient has confirmed it, with partition and offset if it is a Kafka broker;
- ``failed``: an attempt failed;
- ``dropped``: it is not sent, because the packet is withheld;
- ``relayed``: all notices of others up to this number were considered for subscribers.

``outgoing/<sha256>`` has the bytes of the notices from here, and those of which they were made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ingest.alerts.archive.archive import Archive
from ingest.alerts.archive.durability import replace_durably
from ingest.alerts.archive.index import CHECKSUM, ArchiveError
from ingest.alerts.archive.line_log import append_lines, complete_lines
from ingest.core.files import read_regular
from ingest.core.moments import isoformat, now


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a notice.

    Attributes
    ----------
    sink : str
        Name of the sink in ``live.toml``.
    kind : str
        ``kafka``, ``vtp``, ``email`` or ``webhook``.
    topic : str or None
        Topic of the broker.
    """

    sink: str
    kind: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A notice that is to be sent.

    Attributes
    ----------
    sha256 : str
        Checksum of its bytes.
    when : str
        When it was accepted, ISO 8601 in UTC.
    alert : str
        The same for all notices of an alert, which are sent in the order of acceptance.
    facts : dict
        What the notice says, as far as recipients and later notices need it.
    recipients : tuple of Recipient
        Who gets it; may be empty.
    request : str or None
        Checksum of what was asked for; None for a notice of others that is relayed.
    originals : tuple of str
        Checksums of the documents of which it was made.
    after : int
        Number of packets in the archive before it.
    number : int or None
        Its own number in the archive, if it was there before.
    """

    sha256: str
    when: str
    alert: str
    facts: dict[str, Any]
    recipients: tuple[Recipient, ...]
    request: str | None = None
    originals: tuple[str, ...] = ()
    after: int = 0
    number: int | None = None


@dataclass(slots=True)
class Delivery:
    """A notice on its way to one recipient.

    Attributes
    ----------
    notice : Accepted
        The notice.
    recipient : Recipient
        Who gets it.
    attempts : int
        How often it was sent.
    failed : str or None
        When the last attempt without success ended.
    problem : str
        What the last attempt met; empty if nothing.
    sent : str or None
        When the recipient confirmed it.
    partition, offset : int or None
        Where the broker stored it.
    dropped : bool
        Whether it will not be sent, because the packet is withheld.
    """

    notice: Accepted
    recipient: Recipient
    attempts: int = 0
    failed: str | None = None
    problem: str = ""
    sent: str | None = None
    partition: int | None = None
    offset: int | None = None
    dropped: bool = False

    @property
    def state(self) -> str:
        """In a word: ``sent``, ``dropped`` or ``queued``."""
        if self.sent is not None:
            return "sent"
        return "dropped" if self.dropped else "queued"


@dataclass
class Outbox:
    """The outbox of an archive, as far as :meth:`refresh` has read it.

    Several processes may use it. Lines are written one process at a time; see :meth:`writing`.

    Attributes
    ----------
    notices : dict of str to Accepted
        All notices by their checksums, in order of acceptance.
    numbers : dict of str to int
        Their numbers in the archive.
    deliveries : dict of (str, str) to Delivery
        By checksum and name of the sink, in order of acceptance.
    relayed : int or None
        All notices of others up to this number were considered.
    recorded : int
        The same, as far as it is recorded.
    changed : set of str
        Checksums of the notices about which something was read since it was emptied.
    """

    archive: Archive
    notices: dict[str, Accepted] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    deliveries: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    relayed: int | None = None
    recorded: int = 0
    changed: set[str] = field(default_factory=set)
    _waiting: dict[tuple[str, str], Delivery] = field(default_factory=dict)
    _sent: list[dict[str, Any]] = field(default_factory=list)
    _read: int = 0

    @property
    def path(self) -> Path:
        """The file."""
        return self.archive.root / "outbox.jsonl"

    def refresh(self) -> Outbox:
        """Read the lines that were added since the last time.

        Raises
        ------
        ArchiveError
            If a line is damaged.
        """
        for line in complete_lines(self.path, self._read):
            self._take(line)
            self._read += len(line)
        return self

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer, and know all lines."""
        with self.archive.locked("outbox"):
            self.refresh()
            yield

    def keep(self, content: bytes) -> str:
        """Store bytes durably below ``outgoing/``, and return their checksum."""
        sha256 = hashlib.sha256(content).hexdigest()
        directory = self.archive.root / "outgoing"
        if not directory.exists():
            directory.mkdir(mode=0o750, exist_ok=True)
            if self.archive.account is not None:
                self.archive.account.chown(directory)
        path = directory / sha256
        if not path.exists():
            draft = directory / f".{sha256}.{os.getpid()}"
            draft.unlink(missing_ok=True)
            replace_durably(path, content, draft, self.archive.account)
        return sha256

    def content(self, notice: Accepted) -> bytes:
        """Return the bytes of a notice.

        Raises
        ------
        ArchiveError
            If they are missing or damaged.
        """
        if notice.request is None or notice.sha256 in self.numbers:
            return self.archive.read(notice.sha256)
        path = self.archive.root / "outgoing" / notice.sha256
        try:
            content = read_regular(path)
        except FileNotFoundError:
            content = b""
        if hashlib.sha256(content).hexdigest() != notice.sha256:
            raise ArchiveError(
                "a notice that is to be sent is missing or damaged",
                file=path,
                expected="the bytes with the checksum that is its name",
                remedy="restore it from a backup",
            )
        return content

    def accept(self, notice: Accepted) -> None:
        """Record durably that a notice is to be sent; the caller is :meth:`writing`."""
        self._append([{"what": "accepted"} | asdict(notice)])

    def archived(self, notice: Accepted, number: int) -> None:
        """Record the number of the packet in the archive; the caller is :meth:`writing`."""
        self._append([{"what": "archived", "sha256": notice.sha256, "number": number}])

    def sent(self, delivery: Delivery, partition: int | None, offset: int | None) -> None:
        """Record durably that a recipient has confirmed a notice; see :meth:`record_sent`."""
        place = {"partition": partition, "offset": offset}
        self._sent.append(_about("sent", delivery) | place)
        self.record_sent()

    def record_sent(self) -> None:
        """Record what :meth:`sent` could not, for example because the disk was full.

        While this fails, nothing may be sent: recipients would receive the same notice repeatedly.
        """
        if self._sent:
            with self.writing():
                self._append(self._sent)
            self._sent.clear()

    def failed(self, delivery: Delivery, problem: str) -> None:
        """Record that an attempt to send a notice failed."""
        with self.writing():
            self._append([_about("failed", delivery) | {"problem": problem[:1000]}])

    def dropped(self, delivery: Delivery) -> None:
        """Record durably that a notice is not sent to a recipient."""
        with self.writing():
            self._append([_about("dropped", delivery)])

    def considered(self, number: int) -> None:
        """Record that notices of others up to a number were considered; see :meth:`writing`."""
        self._append([{"what": "relayed", "number": number}])

    def waiting(self, sink: str | None = None) -> list[Delivery]:
        """Return what is not sent yet, to one sink or to all, in order of acceptance."""
        return [one for one in self._waiting.values() if sink in (None, one.recipient.sink)]

    def due(self, sink: str) -> list[Delivery]:
        """Return what may be sent to a sink now: of each alert the first notice that waits."""
        first: dict[str, Delivery] = {}
        for one in self.waiting(sink):
            first.setdefault(one.notice.alert, one)
        return list(first.values())

    def recipients_of(self, alert: str) -> set[str]:
        """Return the names of the sinks that get notices of an alert."""
        return {
            recipient.sink
            for one in self.notices.values()
            if one.alert == alert
            for recipient in one.recipients
        }

    def of(self, notices: Iterable[str]) -> list[Delivery]:
        """Return the deliveries of notices, given by their checksums."""
        wanted = set(notices)
        return [one for (sha256, _), one in self.deliveries.items() if sha256 in wanted]

    def _append(self, records: Sequence[dict[str, Any]]) -> None:
        lines = [json.dumps(one, separators=(",", ":")).encode() + b"\n" for one in records]
        append_lines(self.path, lines, self.archive.account)
        self.refresh()

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            what = record.pop("what")
            if what == "relayed":
                self.relayed = self.recorded = int(record["number"])
                return
            if not CHECKSUM.fullmatch(record["sha256"]):
                raise ValueError("no checksum")
            self.changed.add(record["sha256"])
            if what == "accepted":
                self._begin(record)
            elif what == "archived":
                self.numbers[record["sha256"]] = int(record["number"])
            else:
                self._end(what, record)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ArchiveError(
                "the outbox is damaged",
                file=self.path,
                value=line[:200].decode(errors="backslashreplace"),
                expected="a JSON object as its documentation describes",
                remedy="restore the file from a backup; nothing is sent until then",
            ) from None

    def _begin(self, record: dict[str, Any]) -> None:
        recipients = tuple(Recipient(**one) for one in record.pop("recipients"))
        originals = tuple(record.pop("originals"))
        notice = Accepted(recipients=recipients, originals=originals, **record)
        self.notices[notice.sha256] = notice
        if notice.number is not None:
            self.numbers[notice.sha256] = notice.number
        for one in recipients:
            key = notice.sha256, one.sink
            self._waiting[key] = self.deliveries[key] = Delivery(notice, one)

    def _end(self, what: str, record: dict[str, Any]) -> None:
        key = record["sha256"], record["sink"]
        delivery = self.deliveries[key]
        if what == "dropped":
            delivery.dropped = True
            self._waiting.pop(key, None)
            return
        delivery.attempts += 1
        if what == "failed":
            delivery.failed, delivery.problem = record["when"], record["problem"]
            return
        delivery.sent, delivery.problem = delivery.sent or record["when"], ""
        if delivery.offset is None:
            delivery.partition, delivery.offset = record["partition"], record["offset"]
        self._waiting.pop(key, None)


def _about(what: str, delivery: Delivery) -> dict[str, Any]:
    return {
        "what": what,
        "sha256": delivery.notice.sha256,
        "sink": delivery.recipient.sink,
        "when": isoformat(now()),
    }
