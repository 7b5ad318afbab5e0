"""Releases that were never online: they may get another name, or be removed."""

from __future__ import annotations

import re
from pathlib import Path

import tomlkit

from ingest.core import privileges
from ingest.core.checkout import INPUTS, RD
from ingest.core.configuration import read_toml
from ingest.core.errors import ManifestError
from ingest.core.files import read_regular
from ingest.events.delivery import release_names
from ingest.events.history import history
from ingest.instance import Layout
from ingest.instance.dachs import online_releases
from ingest.publish.release.places import NAME, check_name, places, require_release, write


def rename(old: str, new: str, layout: Layout) -> list[str]:
    """Give a release that was never online another name; an interrupted one is completed.

    Returns
    -------
    list of str
        The releases that supersede it and now say so by the new name.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it was online, or the name is not valid or taken.
    """
    if not _was_interrupted(old, new):
        require_release(old)
        _refuse_published(old, layout, f"--supersedes {old}")
        check_name(new)
    with privileges.caller():
        for parent in (RD, INPUTS):
            if (parent / old).exists():
                (parent / old).rename(parent / new)
    place = places(new)
    if place.descriptor.is_file():
        text = _text(place.descriptor)
        write(place.descriptor, re.sub(rf"\b{re.escape(old)}\b", new, text))
    others = [name for name in _superseding(old) if name != new]
    for name in others:
        _put(places(name).manifest, "supersedes", new)
    # last: until then the same command continues
    _put(place.manifest, "name", new)
    return others


def remove(name: str, layout: Layout) -> list[Path]:
    """Remove what ``km3vo release new`` wrote for a release that was never online.

    Returns
    -------
    list of pathlib.Path
        The files that stay in its folders, such as delivered files.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it was online, or another release supersedes it.
    """
    place = require_release(name)
    refuse_removal(name, layout)
    left = []
    with privileges.caller():
        # the manifest last: without it, there is nothing to be continued
        for path in (place.descriptor, place.texts, place.manifest):
            path.unlink(missing_ok=True)
        for folder in (RD / name, INPUTS / name):
            if folder.is_dir():
                left += sorted(folder.iterdir())
                if not any(folder.iterdir()):
                    folder.rmdir()
    return left


def refuse_removal(name: str, layout: Layout) -> None:
    """Refuse to remove a release that was online, or that another one supersedes."""
    require_release(name)
    _refuse_published(name, layout, f"km3vo release withdraw {name} --reason TEXT")
    if others := _superseding(name):
        raise ManifestError(
            f"{others[0]} supersedes this release",
            file=places(others[0]).manifest,
            where="release.supersedes",
            value=name,
            remedy=f"km3vo release set {others[0]} supersedes=   (or the name of another release)",
        )


def _refuse_published(name: str, layout: Layout, instead: str) -> None:
    """Refuse a release that is or was online: others may refer to it."""
    is_online = name in online_releases(layout)
    if not (is_online or history(layout, name)):
        return
    if instead.startswith("--"):
        instead = f"km3vo release new NEW {instead} --from FILE makes a release of another name"
    raise ManifestError(
        f"the release {name} {'is' if is_online else 'was'} online: others may refer to it",
        file=places(name).manifest,
        remedy=instead,
    )


def _was_interrupted(old: str, new: str) -> bool:
    """Return whether a release has the new name already, except in its manifest."""
    place = places(new)
    return (
        bool(NAME.fullmatch(new))
        and not places(old).manifest.exists()
        and place.manifest.is_file()
        and _fact(place.manifest, "name") == old
    )


def _superseding(name: str) -> list[str]:
    """Return the releases whose manifests say that they supersede a release."""
    return [one for one in release_names() if _fact(places(one).manifest, "supersedes") == name]


def _fact(manifest: Path, key: str) -> object:
    try:
        return read_toml(manifest).get("release", {}).get(key)
    except (ManifestError, AttributeError):
        return None


def _put(manifest: Path, key: str, value: str) -> None:
    read_toml(manifest)  # for its messages
    document = tomlkit.parse(_text(manifest))
    document["release"][key] = value
    write(manifest, document.as_string())


def _text(path: Path) -> str:
    with privileges.caller():
        return read_regular(path.resolve()).decode()
