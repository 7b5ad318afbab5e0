"""Deployment of a release: what is online of it, and what would be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ingest.core.errors import ManifestError
from ingest.events.about import Circumstances, Example, about
from ingest.events.delivery import Manifest, load_manifest
from ingest.events.repeats import repeated_releases
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import (
    Deployment,
    Publication,
    facts_in,
    is_simulated,
    known_to_registries,
    online_releases,
)

_DATA: Final = "data"


def publication_of(manifest: Manifest) -> Publication:
    """Return the published resource of a release."""
    return Publication(manifest.release.descriptor, manifest.release.table)


def facts_online(layout: Layout) -> dict[str, dict[str, Any]]:
    """Return what is deployed about the releases that are online, by their names."""
    return facts_in(layout.inputs)


def successor(name: str, layout: Layout) -> str | None:
    """Return the public release online that supersedes a release; None if there is none."""
    for other, facts in facts_online(layout).items():
        if facts.get("supersedes") == name and not facts.get("protected"):
            return other
    return None


def due(layout: Layout) -> list[Manifest]:
    """Return the releases that are online for members only, and by their manifests for everyone.

    An embargo that ends changes nothing that is online; see :func:`.import_release` for that. A
    release without a valid manifest stays as it is.
    """
    found = []
    for name, facts in facts_online(layout).items():
        if not facts.get("protected"):
            continue
        try:
            manifest = load_manifest(name)
        except ManifestError:
            continue
        if manifest.is_public_today() and manifest.release.withdrawn is None:
            found.append(manifest)
    return found


def deployment(
    manifest: Manifest,
    layout: Layout,
    state: InstanceState,
    products: Iterable[Path] | None = None,
    simulated: bool | None = None,
    superseded_by: str | None = None,
) -> Deployment:
    """Return the deployment of a release, with the files that describe it.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout, state : Layout, InstanceState
        The instance; its database must be running.
    products : iterable of pathlib.Path, optional
        Its new products, and the files beside them; by default those online stay.
    simulated : bool, optional
        Whether the products are a simulated stand-in; by default as those online.
    superseded_by : str, optional
        The release that replaces it from now on; by default the one online that does.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the texts of the release are missing or have blanks.
    """
    files = None if products is None else list(products)
    places = (layout.inputs / manifest.name / _DATA).glob("*.fits") if files is None else files
    lists = sorted(path for path in places if path.suffix == ".fits")
    where = Circumstances(
        simulated=is_simulated(layout, manifest.name) if simulated is None else simulated,
        known_to_registries=known_to_registries(publication_of(manifest), layout, state),
        superseded_by=superseded_by or successor(manifest.name, layout),
        example=_example(lists),
        repeats=repeated_releases(manifest, lists, layout),
    )
    return Deployment(manifest.name, about(manifest, where), files)


def predecessor_deployment(
    manifest: Manifest, layout: Layout, state: InstanceState
) -> list[Deployment]:
    """Return the deployment of the release online that a public release supersedes, if any."""
    former = manifest.release.supersedes
    if former not in online_releases(layout) or former is None:
        return []
    by = manifest.name if manifest.is_public_today() else None
    return [deployment(load_manifest(former), layout, state, superseded_by=by)]


def _example(products: list[Path]) -> Example | None:
    """Return the first event of a release."""
    from astropy.io import fits

    for path in products:
        with fits.open(path, memmap=True) as hdus:
            if "EVENTS" not in hdus or len(hdus["EVENTS"].data) == 0:
                continue
            row = hdus["EVENTS"].data[0]
            names = hdus["EVENTS"].columns.names
            name = str(row["EVENT_NAME"]) if "EVENT_NAME" in names else ""
            return Example(name, float(row["RA"]), float(row["DEC"]))
    return None
