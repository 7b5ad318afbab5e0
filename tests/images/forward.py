"""Forwards connections of a socket that is already open: FD ADDRESS PORT."""

from __future__ import annotations

import shutil
import socket
import sys
import threading


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        with source.makefile("rb", 0) as stream, target.makefile("wb", 0) as out:
            shutil.copyfileobj(stream, out)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def main() -> None:
    """Forward until the process is ended."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    while True:
        client, _ = listening.accept()
        try:
            server = socket.create_connection((sys.argv[2], int(sys.argv[3])), 10)
        except OSError:
            client.close()
            continue
        server.settimeout(None)
        for pair in ((client, server), (server, client)):
            threading.Thread(target=_copy, args=pair, daemon=True).start()


if __name__ == "__main__":
    main()
