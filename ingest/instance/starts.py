"""How often the supervisor had to start a server again."""

from __future__ import annotations

import contextlib
import json

from ingest.core.files import atomic_write, read_regular
from ingest.instance.layout import Layout


def count_start(layout: Layout, server: str) -> None:
    """Count a start of a server, such as ``database``; a full disk must not prevent the start."""
    counts = server_starts(layout)
    with contextlib.suppress(OSError):
        layout.metrics.mkdir(mode=0o700, exist_ok=True)
        with atomic_write(layout.metrics / "starts.json") as stream:
            stream.write(json.dumps(counts | {server: counts.get(server, 0) + 1}).encode())


def server_starts(layout: Layout) -> dict[str, int]:
    """Return the number of starts of each server by the supervisor."""
    try:
        content = json.loads(read_regular(layout.metrics / "starts.json"))
        return {str(name): int(number) for name, number in content.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
