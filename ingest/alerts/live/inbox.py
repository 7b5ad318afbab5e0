"""Messages that threads received and that are not stored yet, each with who waits for that."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ingest.alerts.archive import Silence
from ingest.alerts.live.source import BATCH_BYTES, BATCH_MESSAGES, BATCH_SECONDS, Batch, Message

_POLL: Final = 0.2
"""Time in s after which an idle source looks whether it is stopped."""
_LARGEST: Final = 64 << 20
"""Number of bytes that wait in memory, while the disk is full for example; then peers wait."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message, and what confirms it to its sender.

    Attributes
    ----------
    message : Message
        The message.
    confirm : callable
        Called when it is stored; must not raise.
    """

    message: Message
    confirm: Callable[[], None]


class Inbox:
    """Takes deliveries from any number of threads, and gives them to one in batches."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self._size = 0
        self._silences: list[Silence] = []
        self._changed = threading.Condition()
        self._failure: Exception | None = None

    def note(self, silence: Silence) -> None:
        """Add a time without connection."""
        with self._changed:
            self._silences.append(silence)
            self._changed.notify_all()

    def put(self, delivery: Delivery, stop: threading.Event) -> bool:
        """Add a delivery as soon as there is room; return False if it was stopped before."""
        size = len(delivery.message.content)
        with self._changed:
            while self._waiting and self._size + size > _LARGEST:
                self._changed.wait(_POLL)
                if stop.is_set():
                    return False
            self._waiting.append(delivery)
            self._size += size
            self._changed.notify_all()
        return True

    def fail(self, error: Exception) -> None:
        """Let :meth:`batches` raise an error: the thread that receives messages has ended."""
        self._failure = error

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield what arrives within a short time; the position is the deliveries."""
        while not stop.is_set():
            with self._changed:
                has_any = self._changed.wait_for(
                    lambda: bool(self._waiting or self._silences), _POLL
                )
            if self._failure is not None:
                raise self._failure
            if has_any and not stop.wait(BATCH_SECONDS):
                deliveries, silences = self._take()
                yield Batch([one.message for one in deliveries], deliveries, silences)

    def _take(self) -> tuple[list[Delivery], list[Silence]]:
        taken: list[Delivery] = []
        size = 0
        with self._changed:
            while self._waiting and size < BATCH_BYTES and len(taken) < BATCH_MESSAGES:
                taken.append(self._waiting.popleft())
                size += len(taken[-1].message.content)
            self._size -= size
            silences, self._silences = self._silences, []
            self._changed.notify_all()
        return taken, silences


def confirm(batch: Batch) -> None:
    """Confirm all deliveries of a batch."""
    for delivery in batch.position:
        delivery.confirm()
