"""Messages that threads received and that are not stored yet, each with who waits for that."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ingest.alerts.live.source import BATCH_BYTES, BATCH_SECONDS, Batch, Message

_POLL: Final = 0.2
"""Time in s after which an idle source looks whether it is stopped."""
_WAITING: Final = 16
"""Number of messages that wait at most; the peers of others have to wait before they are read."""


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
        self._waiting: queue.Queue[Delivery] = queue.Queue(_WAITING)

    def put(self, delivery: Delivery, stop: threading.Event) -> bool:
        """Add a delivery as soon as there is room; return False if it was stopped before."""
        while not stop.is_set():
            try:
                self._waiting.put(delivery, timeout=_POLL)
            except queue.Full:
                continue
            return True
        return False

    def batches(self, stop: threading.Event) -> Iterator[Batch]:
        """Yield what arrives within a short time; the position is the deliveries."""
        while not stop.is_set():
            deliveries: list[Delivery] = []
            size, deadline = 0, time.monotonic() + _POLL
            while size < BATCH_BYTES and len(deliveries) < _WAITING:
                try:
                    delivery = self._waiting.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    break
                if not deliveries:
                    deadline = time.monotonic() + BATCH_SECONDS
                deliveries.append(delivery)
                size += len(delivery.message.content)
            if deliveries:
                yield Batch([one.message for one in deliveries], deliveries)


def confirm(batch: Batch) -> None:
    """Confirm all deliveries of a batch."""
    for delivery in batch.position:
        delivery.confirm()
