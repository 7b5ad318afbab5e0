"""An author's part of the protocol: one VOEvent to a broker, and its answer."""

from __future__ import annotations

from typing import Final

from ingest.alerts.vtp.frames import VTPError, connect
from ingest.alerts.vtp.messages import read_transport

_TIMEOUT: Final = 30.0
_KNOWN: Final = "previously seen"
"""What Comet says of a VOEvent that it has already: an answer that was lost, sent again."""


class Refused(VTPError):
    """The broker does not accept the VOEvent; it will not accept it later either."""


def submit(content: bytes, host: str, port: int, seconds: float = _TIMEOUT) -> None:
    """Submit a VOEvent to a broker, and wait until it has it.

    Parameters
    ----------
    content : bytes
        The VOEvent, which is sent as it is.
    host, port : str, int
        The broker's address for authors.
    seconds : float
        Time limit of each step.

    Raises
    ------
    Refused
        If the broker answers with ``nak``, unless it only says that it has it already.
    OSError
        If the broker does not answer, or not as it should; the VOEvent may be submitted again.
    """
    connection = connect(host, port, seconds)
    try:
        connection.send(content, seconds)
        answer = read_transport(connection.receive(seconds))
    finally:
        connection.close()
    if answer is None or answer.role not in ("ack", "nak"):
        raise VTPError("the broker answered with something else than ack or nak")
    if answer.role == "nak" and _KNOWN not in answer.result.lower():
        raise Refused(f"the broker refused it: {answer.result or 'no reason given'}")
