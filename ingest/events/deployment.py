"""Deployment of a release: what is online of it, and what would be."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ingest.core.errors import ManifestError
from ingest.core.fitsrows import TableRows
from ingest.events.about import Circumstances, Example, about
from ingest.events.delivery import Manifest, load_manifest, predecessors
from ingest.events.periods import tables_of_periods
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import (
    Deployment,
    Publication,
    facts_in,
    is_simulated,
    known_to_registries,
)

_DATA: Final = "data"


def publication_of(manifest: Manifest) -> Publication:
    """Return the published resource of a release."""
    return Publication(manifest.release.descriptor, manifest.release.table)


def facts_online(layout: Layout) -> dict[str, dict[str, Any]]:
    """Return what is deployed about the releases that are online, by their names."""
    return facts_in(layout.inputs)


def successor(name: str, layout: Layout, without: str | None = None) -> str | None:
    """Return the public release online that supersedes a release; None if there is none.

    If its direct successor was withdrawn, this is the next one.

    Parameters
    ----------
    name : str
        The release.
    layout : Layout
        The instance.
    without : str, optional
        A release that goes offline, which does not count.
    """
    versions = {}
    for other, facts in facts_online(layout).items():
        if facts.get("protected") or other == without or not facts.get("supersedes"):
            continue
        with suppress(ManifestError):
            former = [facts["supersedes"], *predecessors(load_manifest(other))]
            if name in former:
                versions[other] = former.index(name)
    return min(versions, key=lambda other: versions[other]) if versions else None


def online_predecessor(manifest: Manifest, layout: Layout) -> str | None:
    """Return the newest release online that a release supersedes, also through others."""
    online = facts_online(layout)
    return next((one for one in predecessors(manifest) if one in online), None)


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
    without: str | None = None,
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
    without : str, optional
        A release that goes offline with this deployment.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the texts of the release are missing or have blanks.
    """
    from ingest.events.repeats import repeated_releases

    files = None if products is None else list(products)
    online = layout.inputs / manifest.name / _DATA
    places = list(online.glob("*.*")) if files is None else files
    lists = sorted(path for path in places if path.suffix == ".fits")
    where = Circumstances(
        simulated=is_simulated(layout, manifest.name) if simulated is None else simulated,
        known_to_registries=known_to_registries(publication_of(manifest), layout, state),
        superseded_by=superseded_by or successor(manifest.name, layout, without),
        example=_example(lists),
        repeats=repeated_releases(manifest, lists, layout),
        periods=tables_of_periods(places),
    )
    return Deployment(manifest.name, about(manifest, where), files)


def predecessor_deployment(
    manifest: Manifest, layout: Layout, state: InstanceState
) -> list[Deployment]:
    """Return the deployment of the release online that a public release supersedes, if any."""
    former = online_predecessor(manifest, layout)
    if former is None:
        return []
    # one that is to be hidden may still be public online
    by, without = (manifest.name, None) if manifest.is_public_today() else (None, manifest.name)
    changed = load_manifest(former)
    return [deployment(changed, layout, state, superseded_by=by, without=without)]


def _example(products: list[Path]) -> Example | None:
    """Return the first event of a release."""
    for path in products:
        try:
            rows = TableRows(path)
        except KeyError:  # not an event list
            continue
        for block in rows.blocks():
            row = block[0]
            name = row["EVENT_NAME"].decode().rstrip() if "EVENT_NAME" in rows.units else ""
            return Example(name, float(row["RA"]), float(row["DEC"]))
    return None
