"""What must not happen to a release: circles of versions, embargoes that come too late."""

from __future__ import annotations

from datetime import date

from ingest.core.errors import ManifestError
from ingest.events.delivery import MANIFEST, Manifest, predecessors
from ingest.events.deployment import facts_online, successor
from ingest.instance import Layout


def refuse_successor(manifest: Manifest, layout: Layout) -> None:
    """Refuse a release that does not supersede the newest version of another.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the other does not exist, they form a circle, or a third one is between them.
    """
    former = manifest.release.supersedes
    if former is None:
        return
    predecessors(manifest)
    for other, facts in facts_online(layout).items():
        if facts.get("supersedes") == former and other != manifest.name:
            raise ManifestError(
                f"{other} supersedes the same release already",
                file=manifest.folder / MANIFEST,
                where="release.supersedes",
                value=former,
                expected=other,
                remedy=f'supersede the newest release: supersedes = "{other}"',
            )


def refuse_withdrawn(manifest: Manifest) -> None:
    """Refuse a release that was withdrawn.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it was.
    """
    if manifest.release.withdrawn is not None:
        raise ManifestError(
            f"the release {manifest.name} was withdrawn",
            file=manifest.folder / MANIFEST,
            where="release.withdrawn",
            value=manifest.release.withdrawn,
            remedy=f"km3vo release withdraw {manifest.name} --undo, if it is to be online again",
        )


def refuse_embargo(manifest: Manifest, layout: Layout, day: date) -> None:
    """Refuse an embargo that does not protect anything.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout : Layout
        The instance.
    day : datetime.date
        The day before which no embargo can end.

    Raises
    ------
    ingest.core.errors.ManifestError
        If its end is in the past, the release has been public, or another one replaced it.
    """
    release, path = manifest.release, manifest.folder / MANIFEST
    until = release.embargo_until
    if until is None and release.access == "public":
        return
    where = "release.access" if until is None else "release.embargo_until"
    online = facts_online(layout).get(manifest.name)
    if until is not None and until <= day and online is None:
        raise ManifestError(
            "the end of the embargo is in the past",
            file=path,
            where=where,
            value=str(until),
            expected="the first day on which everyone may see the release",
            remedy="correct the date, or remove the embargo: embargo_until=",
        )
    if manifest.is_public_today() or online is None:
        return
    remedy = f"km3vo release withdraw {manifest.name} --reason TEXT takes it offline"
    if (newer := successor(manifest.name, layout)) is not None:
        raise ManifestError(
            f"the release has been replaced by {newer}, and was public",
            file=path,
            where=where,
            expected="an embargo of the newest version, before its import",
            remedy=f"remove the embargo; {remedy}",
        )
    if not online.get("protected"):
        raise ManifestError(
            "the release is public: registries and users may have copies of it",
            file=path,
            where=where,
            expected="an embargo that begins with the first import",
            remedy=f"remove the embargo; {remedy}",
        )
