"""Checksums of what is online of a release, which show whether an import has anything to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ingest import __version__
from ingest.core import privileges
from ingest.core.descriptors import expand_descriptor, table_structure
from ingest.events.delivery import AcquiredFile, Manifest, read_texts
from ingest.events.deployment import facts_online, publication_of, successor
from ingest.events.release_conversion import product_facts
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import Deployment, deploy, known_to_registries

_LOADER: Final = (f"{deploy.SHARED}/bulkload.py", f"{deploy.SHARED}/skyorder.py")
_COLUMNS: Final = ("product/columns.py", "product/voparquet.py")
"""What makes Parquet files of the products."""
_CODE: Final = ("about.py", "coverage.py", "deployment.py", "repeats.py")
"""What makes the files that describe a release."""


def of_rows(manifest: Manifest, delivered: Iterable[AcquiredFile]) -> str:
    """Return a checksum of everything that determines the rows and products of a release."""
    facts = json.dumps(manifest.row_facts())
    digest = hashlib.sha256(f"{__version__} {facts}".encode())
    for file in delivered:
        digest.update(f"{file.sha256} {file.simulated}".encode())
    digest.update(_structure(manifest))
    for name, content in deploy.sources(deploy.SHARED):
        if name in _LOADER:
            digest.update(content)
    digest.update(_code(_COLUMNS))
    return digest.hexdigest()


def of_making(manifest: Manifest, responses: Iterable[AcquiredFile]) -> str:
    """Return a checksum of what the products of a release depend on, besides their own files."""
    facts = json.dumps(product_facts(manifest))
    digest = hashlib.sha256(f"{__version__} {facts} {read_texts(manifest)}".encode())
    for file in responses:
        digest.update(f"{file.path.name} {file.sha256}".encode())
    digest.update(_structure(manifest) + _code(_COLUMNS))
    return digest.hexdigest()


def _structure(manifest: Manifest) -> bytes:
    return table_structure(expand_descriptor(manifest.release.descriptor)).encode()


def _code(names: Iterable[str]) -> bytes:
    with privileges.caller():
        return b"".join((Path(__file__).parent / name).read_bytes() for name in names)


def of_texts(release: Deployment) -> str:
    """Return a checksum of everything else that is deployed of a release."""
    digest = hashlib.sha256()
    for name, content in (*deploy.sources(release.folder), *sorted(release.generated.items())):
        digest.update(name.encode() + content)
    return digest.hexdigest()


def of_origins(manifest: Manifest, layout: Layout, state: InstanceState, simulated: bool) -> str:
    """Return a checksum of all that the texts are made from, and of the files beside them.

    While it is the same, so are the texts, and making them again takes much longer. Parameters
    are those of :func:`.deployment`.
    """
    known = known_to_registries(publication_of(manifest), layout, state)
    newer = successor(manifest.name, layout)
    facts = (manifest.is_public_today(), simulated, known, newer, facts_online(layout))
    products = [
        (str(path.relative_to(layout.inputs)), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(layout.inputs.glob("*/data/*.fits"))
    ]
    digest = hashlib.sha256(f"{__version__} {json.dumps(manifest.facts())}".encode())
    digest.update(f"{read_texts(manifest)} {json.dumps(facts)} {products}".encode())
    digest.update(_code(_CODE))
    for name, content in deploy.sources(manifest.name):
        digest.update(name.encode() + content)
    return digest.hexdigest()
