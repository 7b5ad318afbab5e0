"""The state of each release: what it is in the project, and what is online of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ingest.core.configuration import read_toml
from ingest.core.errors import IngestError, ManifestError
from ingest.events.delivery import (
    Manifest,
    is_draft,
    load_manifest,
    predecessors,
    read_texts,
    release_names,
)
from ingest.events.deployment import facts_online, successor
from ingest.events.history import HistoryEntry, differences, history
from ingest.instance import InstanceState, Layout
from ingest.publish.release.places import places, require_release


class State(StrEnum):
    """Where a release is in its life."""

    DRAFT = "draft"
    """Something is missing before it can be imported."""
    READY = "ready"
    """It can be imported."""
    ONLINE = "online"
    CHANGED = "changed"
    """It is online, and not as it is in the project."""
    SUPERSEDED = "superseded"
    EMBARGOED = "embargoed"
    """It is online for the collaboration only."""
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class ReleaseState:
    """A release and its state.

    Attributes
    ----------
    name, title : str
        Its name, and its title if that is known.
    state : State
        Where it is in its life.
    rows : int or None
        Number of rows online.
    imported : str or None
        When these were imported, in UTC.
    problem : str or None
        What is wrong with its manifest or texts.
    differs : tuple of str
        What differs between the project and what is online.
    manifest : Manifest or None
        Its manifest, if that is valid.
    """

    name: str
    title: str
    state: State
    rows: int | None
    imported: str | None
    problem: str | None
    differs: tuple[str, ...]
    manifest: Manifest | None


def list_releases(layout: Layout) -> list[ReleaseState]:
    """Return all releases of the project and of the instance, in alphabetical order."""
    names = {*release_names(), *facts_online(layout)}
    return [state_of(name, layout) for name in sorted(names)]


def state_of(name: str, layout: Layout) -> ReleaseState:
    """Return the state of a release; see :class:`ReleaseState`.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it is neither in the project nor online.
    """
    online = facts_online(layout).get(name)
    if online is None:
        require_release(name)
    manifest, problem = _manifest(name)
    imports = [one for one in history(layout, name) if one.what != "withdrawn"]
    last = imports[-1] if imports and online is not None else None
    differs = _differences(last, manifest) if online is not None else ()
    imported = [one.date for one in imports if one.what == "imported"]
    return ReleaseState(
        name=name,
        title=_title(name, manifest, online),
        state=_state(name, manifest, problem, online, differs, layout),
        rows=last.rows if last else None,
        imported=imported[-1] if imported and last else None,
        problem=problem,
        differs=differs,
        manifest=manifest,
    )


def describe(one: ReleaseState, layout: Layout) -> dict[str, Any]:
    """Return everything about a release, by heading."""
    found: dict[str, Any] = {
        "name": one.name,
        "title": one.title,
        "state": str(one.state),
        "problem": one.problem,
        "rows": one.rows,
        "imported": one.imported,
        "differs": list(one.differs),
        "files": {
            "manifest": str(places(one.name).manifest),
            "texts": str(places(one.name).texts),
            "descriptor": str(places(one.name).descriptor),
        },
    }
    if one.manifest is not None:
        release = one.manifest.release
        found |= {
            "kind": release.kind,
            "access": release.access,
            "embargo_until": release.embargo_until and str(release.embargo_until),
            "withdrawn": release.withdrawn,
            "supersedes": release.supersedes,
            "superseded_by": successor(one.name, layout),
            "doi": release.doi or release.data_doi,
            "created": str(release.created),
            "updated": release.updated and str(release.updated),
            "revisions": list(release.revisions),
            "events": release.events,
            "delivered": {file.name: list(file.sha256) for file in one.manifest.files},
        }
    state = InstanceState.read(layout)
    if one.name in facts_online(layout) and state is not None:
        server = state.server_url
        found["addresses"] = {
            "page": f"{server}/{one.name}/nu/cone/info",
            "form": f"{server}/{one.name}/nu/cone/form",
            "cone search": f"{server}/{one.name}/nu/cone/scs.xml",
            "table": f"{server}/tableinfo/{one.name}.main",
            "TAP": f"{server}/tap",
        }
    return found


def _manifest(name: str) -> tuple[Manifest | None, str | None]:
    """Return the manifest if it is valid, and what is wrong with it or the texts."""
    try:
        manifest = load_manifest(name)
    except ManifestError as error:
        return None, _first_line(error)
    try:
        read_texts(manifest)
        predecessors(manifest)
    except ManifestError as error:
        return manifest, _first_line(error)
    return manifest, None


def _first_line(error: IngestError) -> str:
    return str(error).splitlines()[0]


def _title(name: str, manifest: Manifest | None, online: Mapping[str, Any] | None) -> str:
    if manifest is not None:
        return manifest.release.title
    if online is not None:
        return str(online.get("title", ""))
    try:
        return str(read_toml(places(name).manifest).get("release", {}).get("title", ""))
    except (ManifestError, AttributeError):
        return ""


def _differences(last: HistoryEntry | None, manifest: Manifest | None) -> tuple[str, ...]:
    if manifest is None:
        return ("the manifest is missing or not valid",)
    if last is None or not last.facts:
        return ()
    try:
        return tuple(differences(last, manifest))
    except OSError:
        return ("the texts are missing",)


def _state(
    name: str,
    manifest: Manifest | None,
    problem: str | None,
    online: Mapping[str, Any] | None,
    differs: tuple[str, ...],
    layout: Layout,
) -> State:
    if manifest is not None and manifest.release.withdrawn is not None:
        return State.WITHDRAWN
    if online is None:
        return State.DRAFT if problem or is_draft(name) else State.READY
    if differs or problem:
        return State.CHANGED
    if online.get("protected"):
        return State.EMBARGOED
    if successor(name, layout) is not None:
        return State.SUPERSEDED
    return State.ONLINE
