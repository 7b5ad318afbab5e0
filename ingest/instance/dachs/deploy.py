"""Installation of resource descriptors and products in DaCHS' inputs directory.

DaCHS serves a copy below ``var/`` and not the working tree, so an edited descriptor goes online
only with ``make import``, and the server's account needs no access to the checkout. The folder of
a release and the shared folder are replaced together and completely: a second directory is made,
with hard links to all that stays, and exchanged for the first; see :mod:`.switch`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.core import privileges
from ingest.core.checkout import RD
from ingest.core.errors import ManifestError
from ingest.core.files import NotRegularError, read_regular
from ingest.instance.layout import Layout

SHARED = "km3net"
"""The folder with the streams and grammars that all releases use."""
SIMULATED_WARNING = "[SIMULATED stand-in, not real data]"
_SUFFIXES = (".rd", ".py", ".rst", ".md", ".html")
_SIMULATED = re.compile(r'(<macDef name="simulated">)[^<]*(</macDef>)')
_MARK_ON_A_LINE = re.compile(r"(?m)^([ \t]*)\\simulated$")
_TO_REGISTRY = re.compile(r'sets="[^"]*ivo_managed[^"]*"')
_PUBLISH = re.compile(r"<publish\b[^>]*(?:/>|>.*?</publish>)", re.DOTALL)


def sources(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files in the working tree that are deployed with a release: names and contents.

    Parameters
    ----------
    folder : str
        The release's folder below ``rd/``; the files of the shared folder come after its files.
    """
    for path in (path for name in (folder, SHARED) for path in _sources(RD / name)):
        with privileges.caller():
            content = path.read_bytes()
        yield path.name, content


def stage(
    layout: Layout,
    folder: str,
    products: Sequence[Path],
    simulated: bool = False,
    known_to_registries: bool = False,
) -> None:
    """Make the staged inputs directory with a new version of a release.

    Parameters
    ----------
    layout : Layout
        The instance.
    folder : str
        The release's folder below ``rd/``.
    products : sequence of pathlib.Path
        Files for its ``data`` folder, which are moved there.
    simulated : bool
        Whether to mark the resources as a simulated stand-in and not to publish them in the
        registry.
    known_to_registries : bool
        Whether registries may have harvested a record of the release. A stand-in is then left out
        of the server's own list of services as well, because otherwise DaCHS would not publish
        a deletion record.
    """
    _stage_others(layout, (SHARED, folder))
    for name in (SHARED, folder):
        draft = layout.staged / name
        _copy_descriptors(RD / name, draft, simulated and name != SHARED, known_to_registries)
    (layout.staged / folder / "data").mkdir()
    for product in products:
        shutil.move(product, layout.staged / folder / "data" / product.name)
    for name in (SHARED, folder):
        _set_owner(layout, layout.staged / name)


def stage_without_products(layout: Layout, folder: str) -> None:
    """Make the staged inputs directory without the products of a release.

    Its descriptor is still there: DaCHS needs it to withdraw the release.
    """
    _stage_others(layout, ())
    shutil.rmtree(layout.staged / folder / "data", ignore_errors=True)


def discard(layout: Layout) -> None:
    """Delete the staged directory, or the former one after the exchange."""
    shutil.rmtree(layout.staged, ignore_errors=True)


def differences(layout: Layout, folder: str) -> list[str]:
    """Return the deployed descriptors that differ from what :func:`stage` would deploy now.

    Parameters
    ----------
    layout : Layout
        The instance.
    folder : str
        A deployed folder below ``rd/``.

    Returns
    -------
    list of str
        Their paths below ``rd/``, including files that are missing on either side.
    """
    simulated = is_simulated(layout, folder)
    found = []
    for name in (SHARED, folder):
        present = _contents(layout.inputs / name)
        with tempfile.TemporaryDirectory() as place:
            variants = []
            for unlist in (False, True) if simulated else (False,):
                draft = Path(place, str(unlist), name)
                draft.parent.mkdir()
                _copy_descriptors(RD / name, draft, simulated and name != SHARED, unlist)
                variants.append(_contents(draft))
        if present not in variants:
            wanted = variants[0]
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


def _copy_descriptors(source: Path, target: Path, simulated: bool, unlist: bool) -> None:
    target.mkdir()
    for path in _sources(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        with privileges.caller():
            text = path.read_text("utf-8")
        if path.suffix == ".rd":
            if simulated:
                text = _marked_as_simulated(text, path, unlist)
            # DaCHS would expand the macro for each response, which takes a third of the time
            # of a cone search.
            mark = SIMULATED_WARNING if simulated else ""
            text = _MARK_ON_A_LINE.sub(rf"\g<1>{mark}", text)
            text = text.replace("\\simulated", f" {mark}" if simulated else "")
        copy.write_text(text, "utf-8")


def _marked_as_simulated(text: str, path: Path, unlist: bool) -> str:
    """Return a descriptor that defines the macro ``simulated`` and is kept out of registries."""
    text, marks = _SIMULATED.subn(rf"\g<1> {SIMULATED_WARNING}\g<2>", text)
    if marks != 1:
        raise ManifestError(
            "the simulated stand-in cannot be marked as simulated",
            file=path,
            expected='exactly one <macDef name="simulated"></macDef>',
            remedy="add the macro, and use it in the title and the description",
        )
    if not _TO_REGISTRY.search(text):
        raise ManifestError(
            "the publication of the simulated stand-in in the registry cannot be disabled",
            file=path,
            expected='<publish … sets="…ivo_managed…"/> in this file',
            remedy="move the <publish> element here from the shared stream",
        )
    return _PUBLISH.sub("", text) if unlist else _TO_REGISTRY.sub('sets="local"', text)


def _sources(folder: Path) -> list[Path]:
    """Return the files in a folder of the checkout that are deployed."""
    with privileges.caller():
        return _published(folder)


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
