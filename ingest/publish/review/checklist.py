"""``km3vo qa``: KM3NeT's open-science review of a release, question by question.

The questions are in ``qa.toml``. For each there is a function in
:mod:`ingest.publish.review.checks` that finds the answer and its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ingest.core.configuration import StrictModel, load
from ingest.core.descriptors import expand_descriptor
from ingest.core.errors import InstanceError, ManifestError
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.delivery import load_manifest, release_names
from ingest.instance import Layout, lifecycle
from ingest.publish.review.checks import CHECKS, Answer, Release, Result


class Item(StrictModel):
    """A question of the review."""

    id: str
    title: str
    asks: str


class Checklist(StrictModel):
    """All questions, in order."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Reviewed:
    """A question with its answer."""

    item: Item
    answer: Answer


def checklist() -> tuple[Item, ...]:
    """Return the questions of the review."""
    with resources.as_file(resources.files(__package__).joinpath("qa.toml")) as path:
        return load(Path(path), Checklist).items


def review(name: str, layout: Layout) -> list[Reviewed]:
    """Review a release that is online.

    Parameters
    ----------
    name : str
        The release.
    layout : Layout
        The instance; it must be up.

    Raises
    ------
    ingest.core.errors.ManifestError
        If there is no such release, or it is not online.
    ingest.core.errors.InstanceError
        If the instance is not up.
    """
    manifest = load_manifest(name)
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    folder = layout.inputs / manifest.name
    if not (folder / "data").is_dir():
        raise ManifestError(
            "the release is not online",
            value=name,
            expected=f"one of {', '.join(_online(layout)) or 'none, since no release is online'}",
            remedy=f"make import RELEASE={name}",
        )
    release = Release(
        name=name,
        manifest=manifest,
        descriptor=expand_descriptor(manifest.release.descriptor, about=about(manifest)[ABOUT]),
        folder=folder,
        record=layout.record(name),
        url=found.url,
    )
    return [Reviewed(item, CHECKS[item.id](release)) for item in checklist()]


def passed(reviewed: list[Reviewed]) -> bool:
    """Return whether nothing is missing."""
    return all(one.answer.result is not Result.MISSING for one in reviewed)


def _online(layout: Layout) -> list[str]:
    return [name for name in release_names() if (layout.inputs / name / "data").is_dir()]
