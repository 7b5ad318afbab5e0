"""A private instance for a bench, and releases of simulated deliveries in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ingest.core.checkout import RD
from ingest.events.delivery.listed import DeliveredFile
from ingest.events.delivery.manifest import Manifest, load_manifest
from ingest.events.product import ProductMetadata, write_event_list
from ingest.events.readers import open_reader
from ingest.events.sky.locating import locate_chunks
from ingest.instance import lifecycle
from ingest.instance.account import Account
from ingest.instance.dachs import deploy
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import DATABASE, HOST, SUPERUSER, Cluster, free_port

PORT = 18_600
RELEASE = "evts21_01"
"""The release whose descriptor is used; its events are replaced by simulated ones."""


@contextmanager
def private_instance(serve: bool = False) -> Iterator[tuple[Layout, InstanceState]]:
    """Make an instance for the block, with its server if asked for, and remove it after."""
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as folder:
        Path(folder).chmod(0o755)
        layout = Layout(Path(folder) / "var", Account.current())
        try:
            if serve:
                lifecycle.up(layout, free_port(PORT))
            with lifecycle.database(layout) as state:
                yield layout, state
        finally:
            lifecycle.reset(layout, with_archive=True)


def release_of(path: Path, events: int, form: str, *more: Path, **section: object) -> Manifest:
    """Return the manifest of a release with the events of simulated deliveries."""
    manifest = load_manifest(RELEASE)
    times = {"start": datetime(2019, 12, 1, tzinfo=UTC), "stop": datetime(2060, 1, 1, tzinfo=UTC)}
    section |= {"events": events, "format": form, **times}
    files = tuple(
        DeliveredFile.model_validate({"name": one.name, "sources": [{"kind": "overlay"}]})
        for one in (path, *more)
    )
    release = manifest.release.model_copy(update=section)
    return manifest.model_copy(update={"release": release, "files": files})


def write_product(delivery: Path, form: str, product: Path) -> Path:
    """Write the GADF event list of a simulated delivery."""
    events = locate_chunks(open_reader(delivery, form).chunks(), "orca", 49)
    about = ProductMetadata(
        release=RELEASE,
        obs_id=1,
        telescope="KM3NeT",
        instrument="ORCA6",
        longitude=6.0,
        latitude=42.8,
        height=-2400.0,
        creator="bench",
        kid="bench",
        simulated=True,
    )
    write_event_list(product, events, about)
    return product


def write_descriptor(layout: Layout, text: str, files: dict[str, Path]) -> None:
    """Put a descriptor ``bench/q`` and its data beside those of the releases."""
    shared = layout.inputs / deploy.SHARED
    shutil.copytree(RD / deploy.SHARED, shared, dirs_exist_ok=True)
    for path in (shared, *shared.rglob("*")):
        layout.account.chown(path)
    folder = layout.account.create_directory(layout.inputs / "bench")
    (folder / "q.rd").write_text(text)
    for name, path in files.items():
        shutil.copy(path, folder / name)
    for path in folder.iterdir():
        layout.account.chown(path)


def psql(layout: Layout, state: InstanceState, script: str) -> None:
    """Run a script in one transaction."""
    subprocess.run(
        f"psql -qX1 -v ON_ERROR_STOP=1 -h {HOST} -p {state.postgres_port} -U {SUPERUSER}"
        f" {DATABASE}".split(),
        input=script,
        env=os.environ | {"PGPASSWORD": Cluster(layout).password},
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
