"""A private instance for a bench, and releases of simulated deliveries in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingest.events.manifest import DeliveredFile, Manifest, load_manifest
from ingest.instance import lifecycle
from ingest.instance.account import Account
from ingest.instance.layout import Layout, Memory
from ingest.instance.postgres import free_port

PORT = 18_600
RELEASE = "evts21_01"
"""The release whose descriptor is used; its events are replaced by simulated ones."""


@contextmanager
def private_instance(serve: bool = False) -> Iterator[tuple[Layout, Memory]]:
    """Make an instance for the block, with its server if asked for, and remove it after."""
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as folder:
        Path(folder).chmod(0o755)
        layout = Layout(Path(folder) / "var", Account.current())
        try:
            if serve:
                lifecycle.up(layout, free_port(PORT))
            yield layout, lifecycle.require_database(layout)
        finally:
            lifecycle.reset(layout)


def release_of(path: Path, events: int, form: str) -> Manifest:
    """Return the manifest of a release with the events of one simulated delivery."""
    manifest = load_manifest(RELEASE)
    times = {"start": datetime(2019, 12, 1, tzinfo=UTC), "stop": datetime(2040, 1, 1, tzinfo=UTC)}
    release = manifest.release.model_copy(update={"events": events, "format": form, **times})
    file = DeliveredFile.model_validate({"name": path.name, "sources": [{"kind": "overlay"}]})
    return manifest.model_copy(update={"release": release, "files": (file,)})
