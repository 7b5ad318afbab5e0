"""What the proxy does while the server is away, and about clients that are slow."""

from __future__ import annotations

import socket
import time

import pytest

from tests.instances import Instance
from tests.proxy.front import front
from tests.templates import port

PAGE = "/alerts"
CONE = "/alerts/nu/cone/scs.xml?RA=0&DEC=0&SR=1"
KEPT = 6.0
"""Time in s after which the page is over for the proxy."""


@pytest.mark.long
def test_a_page_that_is_over_is_shown_while_the_server_is_away(filled_instance: Instance) -> None:
    with front(filled_instance, port(60)) as one:
        status, _, page = one.ask(PAGE)
        assert status == 200
        assert filled_instance.km3vo("instance", "down").returncode == 0
        time.sleep(KEPT)
        assert one.ask(PAGE)[::2] == (200, page)
        status, headers, body = one.ask(CONE)
        assert status == 502
        assert headers["Retry-After"] == "30"
        assert headers["Content-Type"] == "application/x-votable+xml"
        assert b'value="ERROR">The server is being restarted.' in body


def test_who_is_slow_with_headers_is_not_waited_for_and_delays_nobody(instance: Instance) -> None:
    with front(instance, port(60), settings="[limits]\nheader_time = 2\n") as one:
        slow = [socket.create_connection(("localhost", one.port), 20) for _ in range(300)]
        try:
            for each in slow:
                each.sendall(b"GET /alerts HTTP/1.1\r\nHost: localhost\r\n")
            assert one.ask(PAGE)[0] == 200
            assert all(is_closed(each) for each in slow)
        finally:
            for each in slow:
                each.close()


def is_closed(connection: socket.socket) -> bool:
    """Return whether the other end closes a connection before its timeout."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True
