"""Installation of resource descriptors and products in DaCHS' inputs directory.

DaCHS serves a copy below ``var/`` and not the working tree, so an edited descriptor goes online
only with ``make import``, and the server's account needs no access to the checkout. The folder of
a release and the shared folder are replaced together and completely: a second directory is made,
with hard links to all that stays, and exchanged for the first; see :mod:`.switch`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.core import privileges
from ingest.core.checkout import ANALYSIS, RD
from ingest.core.files import NotRegularError, read_regular
from ingest.instance.dachs import combined
from ingest.instance.layout import Layout

SHARED = "km3net"
"""The folder with the streams and grammars that all releases use."""
RESPONSES = "irf"
"""The folder of the tables with the instrument responses of all releases."""
_COMMON = (SHARED, RESPONSES)
"""What is deployed with every release."""
SIMULATED_WARNING = "[SIMULATED stand-in, not real data]"
_SUFFIXES = (".rd", ".py", ".json", ".html")


def sources(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files that are deployed with a release: their paths below ``rd/``, and contents.

    Parameters
    ----------
    folder : str
        The release's folder below ``rd/``; the files of the folders that are deployed with every
        release come after its files.
    """
    for name in dict.fromkeys((folder, *_COMMON)):
        for relative, path in _sources(name).items():
            with privileges.caller():
                content = path.read_bytes()
            yield f"{name}/{relative}", content


@dataclass(frozen=True)
class Deployment:
    """What is deployed of a release.

    Parameters
    ----------
    folder : str
        Its folder below ``rd/``.
    generated : mapping of str to bytes
        Names and contents of the files that are made from its manifest.
    products : sequence of pathlib.Path, optional
        Files for its ``data`` folder, which are moved there; by default those that are deployed
        stay.
    """

    folder: str
    generated: Mapping[str, bytes]
    products: Sequence[Path] | None = None


def stage(layout: Layout, deployments: Sequence[Deployment]) -> None:
    """Make the staged inputs directory with new versions of releases and of what they share."""
    _stage_others(layout, (*_COMMON, *(one.folder for one in deployments)))
    for name in _COMMON:
        _copy_descriptors(name, layout.staged / name)
    for one in deployments:
        _stage(layout, one)
    _describe_combined(layout)


def stage_without_products(
    layout: Layout, folder: str, deployments: Sequence[Deployment] = ()
) -> None:
    """Make the staged inputs directory without the products of a release.

    Its descriptor is still there: DaCHS needs it to withdraw the release. Others, of which new
    versions are staged, change with its withdrawal.
    """
    _stage_others(layout, [one.folder for one in deployments])
    for one in deployments:
        _stage(layout, one)
    shutil.rmtree(layout.staged / folder / "data", ignore_errors=True)
    for name in (combined.FACTS, combined.RESPONSES_FACTS):
        (layout.staged / folder / name).unlink(missing_ok=True)
    if not (layout.staged / RESPONSES).exists():  # deployed by a version without them
        _copy_descriptors(RESPONSES, layout.staged / RESPONSES)
    _describe_combined(layout)


def _stage(layout: Layout, one: Deployment) -> None:
    folder = layout.staged / one.folder
    _copy_descriptors(one.folder, folder)
    _write_generated(one, folder)
    if one.products is None:
        shutil.copytree(
            layout.inputs / one.folder / "data",
            folder / "data",
            symlinks=True,
            copy_function=_link,
        )
    else:
        (folder / "data").mkdir()
        for product in one.products:
            shutil.move(product, folder / "data" / product.name)
    _set_owner(layout, folder)


def discard(layout: Layout) -> None:
    """Delete the staged directory, or the former one after the exchange."""
    shutil.rmtree(layout.staged, ignore_errors=True)


def differences(layout: Layout, deployment: Deployment) -> list[str]:
    """Return the deployed descriptors that differ from what :func:`stage` would deploy now.

    Parameters
    ----------
    layout : Layout
        The instance.
    deployment : Deployment
        A release that is deployed.

    Returns
    -------
    list of str
        Their paths below ``rd/``, including files that are missing on either side.
    """
    found = []
    for name in (*_COMMON, deployment.folder):
        present = _contents(layout.inputs / name)
        if name in _COMMON:
            present.pop(f"{name}/{combined.NAME}", None)  # it follows from the releases
        with tempfile.TemporaryDirectory() as place:
            draft = Path(place, name)
            _copy_descriptors(name, draft)
            if name == deployment.folder:
                _write_generated(deployment, draft)
            wanted = _contents(draft)
        names = present.keys() | wanted.keys()
        found += sorted(one for one in names if present.get(one) != wanted.get(one))
    return found


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the deployed files in a folder, by their paths below the folder above."""
    found = {}
    for path in _published(folder):
        try:
            found[str(path.relative_to(folder.parent))] = read_regular(path)
        except NotRegularError as error:
            found[str(path.relative_to(folder.parent))] = str(error).encode()
    return found


def is_simulated(layout: Layout, folder: str) -> bool:
    """Return whether a deployed release is a simulated stand-in."""
    descriptors = (layout.inputs / folder).glob("*.rd")
    return any(SIMULATED_WARNING in read_regular(path).decode() for path in descriptors)


def _copy_descriptors(folder: str, target: Path) -> None:
    target.mkdir()
    for relative, path in _sources(folder).items():
        copy = target / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        with privileges.caller():
            content = path.read_bytes()
        copy.write_bytes(content)


def _describe_combined(layout: Layout) -> None:
    releases = combined.facts_in(layout.staged).values()
    with_responses = combined.facts_of_responses(layout.staged).values()
    for name, parts in (
        (SHARED, combined.coverages(releases)),
        (RESPONSES, combined.coverages_of_responses(with_responses)),
    ):
        folder = layout.staged / name
        folder.mkdir(exist_ok=True)
        path = folder / combined.NAME
        path.unlink(missing_ok=True)  # a link to the one that is served
        path.write_bytes(combined.describe(name, parts))
        _set_owner(layout, folder)


def _write_generated(deployment: Deployment, folder: Path) -> None:
    for name, content in deployment.generated.items():
        (folder / name).write_bytes(content)


def _sources(folder: str) -> dict[str, Path]:
    """Return the files of the checkout that are deployed in a folder, by their paths in it.

    The shared folder has a copy of :mod:`km3vo.analysis`, which DaCHS runs in its own Python.
    """
    with privileges.caller():
        found = {str(path.relative_to(RD / folder)): path for path in _published(RD / folder)}
        if folder == SHARED:
            found |= {f"{ANALYSIS.name}/{path.name}": path for path in _published(ANALYSIS)}
    return found


def _published(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in _SUFFIXES and path.relative_to(folder).parts[0] != "data"
    ]


def _stage_others(layout: Layout, replaced: Sequence[str]) -> None:
    """Link all that is deployed into a new staged directory, except folders to be replaced."""
    discard(layout)
    layout.account.create_directory(layout.inputs)
    layout.account.create_directory(layout.staged)
    for source in layout.inputs.iterdir():
        target = layout.staged / source.name
        if not source.is_dir():
            os.link(source, target, follow_symlinks=False)
        elif source.name not in replaced:
            shutil.copytree(source, target, symlinks=True, copy_function=_link)
            for path in (target, *(one for one in target.rglob("*") if one.is_dir())):
                layout.account.chown(path)


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _set_owner(layout: Layout, folder: Path) -> None:
    """Make the servers' account the owner and only reader of the deployed files."""
    for path in (folder, *folder.rglob("*")):
        layout.account.chown(path)
        path.chmod(0o700 if path.is_dir() else 0o600)
