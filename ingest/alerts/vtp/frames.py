"""Messages on a connection: four bytes with the length in network byte order, then the content."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import Final

LARGEST: Final = 16 << 20
"""Number of bytes of the largest message that is read; VOEvents have some 10 kB."""
_HEAD: Final = 4
_PIECE: Final = 1 << 16


class VTPError(OSError):
    """The other side does not follow the protocol."""


class TooSlow(VTPError, TimeoutError):
    """The other side takes too long."""


class Connection:
    """A connection to a peer, which may be hostile.

    Any thread may send; one reads.

    Parameters
    ----------
    stream : socket.socket
        The connected socket.
    largest : int
        Number of bytes of the largest message that is read.
    """

    def __init__(self, stream: socket.socket, largest: int = LARGEST) -> None:
        self._stream = stream
        self._writer = stream.dup()  # with a time limit of its own
        self._largest = largest
        self._writing = threading.Lock()

    def receive(self, seconds: float) -> bytes:
        """Return the next message.

        Parameters
        ----------
        seconds : float
            Time limit for the complete message, however slowly it arrives.

        Raises
        ------
        VTPError
            If the message is too large or is not complete; :class:`TooSlow` if it takes too long.
        OSError
            If the connection breaks.
        """
        deadline = time.monotonic() + seconds
        length = int.from_bytes(self._exactly(_HEAD, deadline), "big")
        if length > self._largest:
            raise VTPError(f"a message of {length} bytes; at most {self._largest} are read")
        return self._exactly(length, deadline)

    def send(self, content: bytes, seconds: float = 10) -> None:
        """Send a message.

        Raises
        ------
        OSError
            If the connection breaks, or the peer does not read.
        """
        with self._writing:
            self._writer.settimeout(seconds)
            self._writer.sendall(len(content).to_bytes(_HEAD, "big") + content)

    def close(self) -> None:
        """Close the connection; a thread that reads from it gets an error."""
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._writer.close()

    def _exactly(self, count: int, deadline: float) -> bytes:
        """Return `count` bytes; memory is taken for those that arrived only."""
        content = bytearray()
        while len(content) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooSlow("no complete message in time")
            self._stream.settimeout(left)
            try:
                piece = self._stream.recv(min(count - len(content), _PIECE))
            except TimeoutError:
                continue
            if not piece:
                raise VTPError("the peer closed the connection")
            content += piece
        return bytes(content)


def connect(host: str, port: int, seconds: float) -> Connection:
    """Return a connection to a broker.

    Raises
    ------
    OSError
        If it does not answer in time.
    """
    return Connection(socket.create_connection((host, port), seconds))
