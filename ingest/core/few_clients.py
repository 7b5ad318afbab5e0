"""Servers that serve a limited number of clients at a time."""

from __future__ import annotations

import socketserver
import threading
from typing import Any


class FewClients(socketserver.ThreadingMixIn):
    """Serves each client in a thread; those that are too many are turned away.

    Attributes
    ----------
    most : int
        The number of clients at a time.
    """

    daemon_threads = True
    block_on_close = False
    most: int

    def __init__(self, *arguments: Any) -> None:
        self._free = threading.BoundedSemaphore(self.most)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client in a thread, or turn it away."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.turn_away(client_address)
            self.shutdown_request(request)  # type: ignore[attr-defined]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a client."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def turn_away(self, client_address: Any) -> None:
        """Do nothing more than close the connection of a client that is too many."""
