"""What a source of the listener is: batches of messages, each with where it came from."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from ingest.alerts.archive import Silence

BATCH_SECONDS: Final = 0.002
"""Time for which a batch is collected after its first message; what arrives while the batch before
is stored is there at once."""
BATCH_MESSAGES: Final = 500
"""Maximum number of messages in a batch."""
BATCH_BYTES: Final = 16 << 20
"""Size at which a batch is complete."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0


@dataclass(frozen=True, slots=True)
class Message:
    """The bytes of a packet as they were received, and where they came from.

    Attributes
    ----------
    content : bytes
        The bytes.
    received : datetime.datetime
        When they were here, in UTC.
    broker, topic : str
        Who delivered them, and in which stream.
    partition, offset : int or None
        Their place in the topic.
    produced : datetime.datetime or None
        When the producer sent them, according to the broker, in UTC.
    """

    content: bytes
    received: datetime
    broker: str
    topic: str
    partition: int | None = None
    offset: int | None = None
    produced: datetime | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are archived together.

    Attributes
    ----------
    messages : sequence of Message
        The messages, in order of receipt.
    position : object
        What the source needs to commit them.
    silences : sequence of Silence
        Times without heartbeat that are over.
    """

    messages: Sequence[Message]
    position: Any
    silences: Sequence[Silence] = ()


@dataclass
class Health:
    """How a source is; only its thread changes it, others may read it.

    Attributes
    ----------
    state : str
        ``starting``, ``connected``, ``waiting`` or ``stopped``.
    problem : str
        What is wrong at the moment; empty if nothing is.
    messages, bytes, new, quarantined : int
        Messages, their bytes, packets not received before, and those put in quarantine.
    errors : int
        Number of problems so far.
    lag : dict of str to int
        Messages at the broker that were not received yet, by topic and partition.
    last : dict of str to str
        When the last message of a topic was received, ISO 8601 in UTC.
    heartbeat : str or None
        When the last heartbeat was received.
    silences : int
        Number of times without heartbeat.
    missing_topics : set of str
        Topics that the broker does not have.
    """

    state: str = "starting"
    problem: str = ""
    messages: int = 0
    bytes: int = 0
    new: int = 0
    quarantined: int = 0
    errors: int = 0
    lag: dict[str, int] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    heartbeat: str | None = None
    silences: int = 0
    missing_topics: set[str] = field(default_factory=set)

    def fails(self, problem: str) -> bool:
        """Record what is wrong; return whether this is new."""
        self.errors += 1
        changed = problem != self.problem
        self.problem = problem
        return changed

    def works(self) -> None:
        """Record that nothing is wrong."""
        self.state, self.problem = "connected", ""

    def snapshot(self) -> dict[str, Any]:
        """Return the attributes as JSON has them; other threads may change them meanwhile."""
        # copies of whole containers, during which Python does not switch to another thread
        copies = {"lag": dict(self.lag), "last": dict(self.last)}
        return vars(self) | copies | {"missing_topics": sorted(self.missing_topics)}


class Source(Protocol):
    """A stream of messages. A new kind of source is a module with a class of this form.

    Its methods are called by one thread, except that attributes may be read by others.
    """

    name: str
    health: Health

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield batches until `stop` is set; survive what may pass by itself, with back-off."""

    def commit(self, batch: Batch) -> None:
        """Confirm a batch: its bytes are durable, its rows are committed."""

    def close(self) -> None:
        """Leave the stream. What was not committed is delivered again next time."""


class Pause:
    """Pauses between attempts, each twice as long as the one before.

    Parameters
    ----------
    stop : threading.Event
        Ends a pause early.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._seconds = _FIRST_PAUSE

    def wait(self) -> bool:
        """Wait; return False if the listener is stopped."""
        stopped = self._stop.wait(self._seconds)
        self._seconds = min(2 * self._seconds, _LONGEST_PAUSE)
        return not stopped

    def reset(self) -> None:
        """Begin with a short pause again, after a success."""
        self._seconds = _FIRST_PAUSE
