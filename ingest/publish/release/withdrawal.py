"""Withdrawal of a release: offline, deleted in registries, and marked in its manifest."""

from __future__ import annotations

from contextlib import nullcontext, suppress

from ingest.core.errors import ManifestError
from ingest.events.delivery import (
    MANIFEST,
    Manifest,
    load_manifest,
    load_responses,
    release_names,
    responses_names,
)
from ingest.events.deployment import deployment, facts_online, online_predecessor
from ingest.events.history import HistoryEntry, append, history
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import Deployment, withdraw
from ingest.publish.release.editing import write_facts
from ingest.publish.release.places import NAME


def withdraw_release(name: str, reason: str, layout: Layout, state: InstanceState) -> list[str]:
    """Withdraw a release; an interrupted withdrawal is completed by calling this again.

    Parameters
    ----------
    name : str
        The release; one without a manifest is only taken offline.
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
        If there is no such release, or it was never online.
    ingest.core.errors.ImportFailedError
        If DaCHS fails; the release is still online then.
    """
    manifest = load_manifest(name) if name in release_names() else None
    is_online = name in facts_online(layout)
    marked = manifest is not None and manifest.release.withdrawn is not None
    if manifest is not None and not is_online and not marked and not history(layout, name):
        raise ManifestError(
            f"the release {name} was never online",
            file=manifest.folder / MANIFEST,
            remedy=f"km3vo release remove {name}",
        )
    if manifest is not None and not marked:
        write_facts(name, {"withdrawn": reason})
    entries = history(layout, name)
    if marked and not is_online and entries and entries[-1].what == "withdrawn":
        return []
    # after an interruption there may be nothing left to withdraw
    with suppress(ManifestError) if marked else nullcontext():
        return take_offline(name, reason, layout, state)
    append(layout, name, HistoryEntry("withdrawn", 0, reason=reason))
    return []


def take_offline(name: str, reason: str, layout: Layout, state: InstanceState) -> list[str]:
    """Take a release offline without a mark in its manifest: the next import brings it back.

    Parameters and exceptions are those of :func:`withdraw_release`.
    """
    manifest = load_manifest(name) if name in release_names() else None
    gone = withdraw(name, layout, state, _predecessors_online(manifest, layout, state))
    if NAME.fullmatch(name):
        append(layout, name, HistoryEntry("withdrawn", 0, reason=reason))
    return gone


def undo_withdrawal(name: str) -> None:
    """Remove the mark from the manifest, so that the next import brings the release back.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the release was not withdrawn.
    """
    manifest = load_responses(name) if name in responses_names() else load_manifest(name)
    if manifest.release.withdrawn is None:
        raise ManifestError(
            f"the release {name} is not withdrawn",
            file=manifest.path,
            remedy=f"km3vo release show {name} says what it is",
        )
    write_facts(name, {"withdrawn": None})


def _predecessors_online(
    manifest: Manifest | None, layout: Layout, state: InstanceState
) -> list[Deployment]:
    """Return the deployment of the release that is current again."""
    former = None if manifest is None else online_predecessor(manifest, layout)
    if manifest is None or former is None:
        return []
    return [deployment(load_manifest(former), layout, state, without=manifest.name)]
