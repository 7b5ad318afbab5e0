"""The life of releases of instrument responses, whose manifests are other than those of events."""

from __future__ import annotations

from typing import Any

from ingest.core.checkout import INPUTS
from ingest.core.errors import ManifestError
from ingest.events.delivery import (
    RESPONSES_MANIFEST,
    TEXTS,
    ResponsesManifest,
    is_draft_of_responses,
    load_responses,
    read_texts,
    responses_names,
)
from ingest.events.history import HistoryEntry, append, history
from ingest.events.import_responses import responses_deployment
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import deploy, online_responses, withdraw
from ingest.publish.release.editing import write_facts
from ingest.publish.release.states import ReleaseState, State


def list_responses(layout: Layout) -> list[ReleaseState]:
    """Return all releases of responses, of the project and the instance, in alphabetical order."""
    names = {*responses_names(), *online_responses(layout)}
    return [state_of_responses(name, layout) for name in sorted(names)]


def state_of_responses(name: str, layout: Layout) -> ReleaseState:
    """Return the state of a release of responses."""
    manifest, problem = _manifest(name)
    is_online = name in online_responses(layout)
    entries = [one for one in history(layout, name) if one.what != "withdrawn"]
    last = entries[-1] if entries and is_online else None
    differs = _differences(manifest, layout) if is_online else ()
    return ReleaseState(
        name=name,
        title="" if manifest is None else manifest.release.title,
        state=_state(name, manifest, problem, differs, is_online),
        rows=last.rows if last else None,
        imported=last.date if last else None,
        problem=problem,
        differs=differs,
        manifest=None,
    )


def describe_responses(one: ReleaseState, layout: Layout) -> dict[str, Any]:
    """Return everything about a release of responses, by heading."""
    found: dict[str, Any] = {
        "name": one.name,
        "title": one.title,
        "state": str(one.state),
        "problem": one.problem,
        "rows": one.rows,
        "imported": one.imported,
        "differs": list(one.differs),
        "files": {
            "manifest": str(INPUTS / one.name / RESPONSES_MANIFEST),
            "texts": str(INPUTS / one.name / TEXTS),
        },
    }
    manifest, _ = _manifest(one.name)
    if manifest is not None:
        found |= {
            "withdrawn": manifest.release.withdrawn,
            "doi": manifest.release.doi,
            "licence": manifest.release.licence,
            "created": str(manifest.release.created),
            "delivered": {file.name: list(file.sha256) for file in manifest.responses},
        }
    state = InstanceState.read(layout)
    if one.name in online_responses(layout) and state is not None:
        found["addresses"] = {
            "page": f"{state.server_url}/{one.name}/nu/responses/info",
            "form": f"{state.server_url}/{one.name}/nu/responses/form",
            "TAP": f"{state.server_url}/tap",
        }
    return found


def withdraw_responses(name: str, reason: str, layout: Layout, state: InstanceState) -> list[str]:
    """Withdraw a release of responses; an interrupted withdrawal is completed by this as well.

    Parameters
    ----------
    name : str
        The release.
    reason : str
        Why, in one line.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.

    Returns
    -------
    list of str
        The identifiers of the deletion records.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it was never online.
    ingest.core.errors.ImportFailedError
        If DaCHS fails; the release is still online then.
    """
    manifest = load_responses(name)
    if name not in online_responses(layout) and not history(layout, name):
        raise ManifestError(
            f"the release {name} was never online",
            file=manifest.path,
            remedy=f"remove the folder {manifest.folder}, if it is not wanted",
        )
    if manifest.release.withdrawn is None:
        write_facts(name, {"withdrawn": reason})
    if name not in online_responses(layout):
        return []
    gone = withdraw(name, layout, state)
    append(layout, name, HistoryEntry("withdrawn", 0, reason=reason))
    return gone


def _manifest(name: str) -> tuple[ResponsesManifest | None, str | None]:
    """Return the manifest if it is valid, and what is wrong with it or the texts."""
    try:
        manifest = load_responses(name)
    except ManifestError as error:
        return None, str(error).splitlines()[0]
    try:
        read_texts(manifest)
    except ManifestError as error:
        return manifest, str(error).splitlines()[0]
    return manifest, None


def _differences(manifest: ResponsesManifest | None, layout: Layout) -> tuple[str, ...]:
    if manifest is None:
        return ("the manifest is missing or not valid",)
    try:
        return tuple(
            f"{path}: changed"
            for path in deploy.differences(layout, responses_deployment(manifest))
        )
    except ManifestError:
        return ("the texts are missing",)


def _state(
    name: str,
    manifest: ResponsesManifest | None,
    problem: str | None,
    differs: tuple[str, ...],
    is_online: bool,
) -> State:
    if manifest is not None and manifest.release.withdrawn is not None:
        return State.WITHDRAWN
    if not is_online:
        return State.DRAFT if problem or is_draft_of_responses(name) else State.READY
    return State.CHANGED if differs or problem else State.ONLINE
