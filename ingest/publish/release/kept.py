"""The delivered files that are kept in the instance, and which releases refer to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.core.checkout import INPUTS
from ingest.core.configuration import read_toml
from ingest.core.errors import ManifestError
from ingest.events.delivery import (
    RESPONSES_MANIFEST,
    DeliveryStore,
    KeptFile,
    release_names,
    responses_names,
)
from ingest.events.deployment import facts_online
from ingest.events.history import history
from ingest.instance import Layout
from ingest.instance.dachs import online_responses
from ingest.publish.release.places import places


@dataclass(frozen=True)
class Delivery:
    """A delivered file that is kept.

    Attributes
    ----------
    kept : KeptFile
        The file.
    releases : tuple of str
        The releases that refer to it: their manifests list it, or their rows came from it.
    is_loaded : bool
        Whether rows online came from it.
    """

    kept: KeptFile
    releases: tuple[str, ...]
    is_loaded: bool

    @property
    def state(self) -> str:
        """``loaded``, ``delivered`` if it waits for an import, or ``superseded``."""
        if self.is_loaded:
            return "loaded"
        return "delivered" if self.releases else "superseded"


def deliveries(layout: Layout, name: str | None = None) -> list[Delivery]:
    """Return the kept files, of one release if it is named.

    Raises
    ------
    ingest.core.errors.ManifestError
        If a manifest cannot be read: its files would seem to be unused.
    """
    referring: dict[tuple[str, str], set[str]] = {}
    loaded: set[tuple[str, str]] = set()
    online = {*facts_online(layout), *online_responses(layout)}
    for release in {*release_names(), *responses_names(), *online}:
        imported = _imported(release, layout)
        if release in online:
            loaded.update(imported)
        for file in (*_listed(release), *imported):
            referring.setdefault(file, set()).add(release)
    found = []
    for kept in DeliveryStore(layout.deliveries).files():
        file = kept.sha256, kept.path.name
        found.append(Delivery(kept, tuple(sorted(referring.get(file, ()))), file in loaded))
    return [one for one in found if name is None or name in one.releases]


def prune(layout: Layout, unused: Iterable[Delivery]) -> None:
    """Delete kept files."""
    store = DeliveryStore(layout.deliveries)
    for one in unused:
        store.remove(one.kept)


def _listed(release: str) -> list[tuple[str, str]]:
    """Return checksums and names of the files in a manifest, also of a draft."""
    if release in responses_names():
        path = INPUTS / release / RESPONSES_MANIFEST
    elif release in release_names():
        path = places(release).manifest
    else:
        return []
    content = read_toml(path)
    try:
        return [
            (str(checksum), str(file["name"]))
            for file in _files(content)
            for checksum in file.get("sha256", [])
        ]
    except (TypeError, KeyError, AttributeError):
        raise ManifestError(
            "the list of files cannot be read",
            file=path,
            where="files",
            expected='tables with "name" and "sha256"',
            remedy=f"km3vo release check {release}",
        ) from None


def _files(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield all files that a manifest lists."""
    for section in ("files", "responses", "tables"):
        for file in content.get(section, []):
            yield file
            if "bins" in file:
                yield file["bins"]


def _imported(release: str, layout: Layout) -> list[tuple[str, str]]:
    """Return checksums and names of the files of the last import."""
    imports = [one for one in history(layout, release) if one.what == "imported"]
    return [(checksum, name) for name, checksum in imports[-1].files.items()] if imports else []
