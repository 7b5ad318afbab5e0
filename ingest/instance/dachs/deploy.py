"""Installation of resource descriptors and products in DaCHS' inputs directory.

DaCHS serves a copy below ``var/`` and not the working tree, so an edited descriptor goes online
only with ``make import``, and the server's account needs no access to the checkout. The folder of
a release and the shared folder are replaced together and completely, which can be undone with
:func:`roll_back` until :func:`commit` is called.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.core import privileges
from ingest.core.checkout import RD
from ingest.core.errors import ManifestError
from ingest.core.files import read_regular
from ingest.instance.layout import Layout

SHARED = "km3net"
"""The folder with the streams and grammars that all releases use."""
SIMULATED_WARNING = "[SIMULATED stand-in, not real data]"
_SUFFIXES = (".rd", ".py", ".rst", ".md", ".html")
_SIMULATED = re.compile(r'(<macDef name="simulated">)[^<]*(</macDef>)')
_MARK_ON_A_LINE = re.compile(r"(?m)^([ \t]*)\\simulated$")
_TO_REGISTRY = re.compile(r'sets="[^"]*ivo_managed[^"]*"')
_PUBLISH = re.compile(r"<publish\b[^>]*(?:/>|>.*?</publish>)", re.DOTALL)


def exists(layout: Layout, folder: str) -> bool:
    """Return whether a release is deployed."""
    return (layout.inputs / folder).exists()


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


def install(
    layout: Layout,
    folder: str,
    products: Sequence[Path],
    simulated: bool = False,
    known_to_registries: bool = False,
) -> None:
    """Replace the shared folder, and the folder of a release with its products.

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
    targets = {name: layout.inputs / name for name in (SHARED, folder)}
    for name, target in targets.items():
        draft = _draft(target)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(_previous(target), ignore_errors=True)
        _copy_descriptors(RD / name, draft, simulated and name != SHARED, known_to_registries)
    (_draft(targets[folder]) / "data").mkdir()
    for product in products:
        shutil.move(product, _draft(targets[folder]) / "data" / product.name)
    for target in targets.values():
        _set_owner(layout, _draft(target))
    # Only renames from here on, which are fast and do not fail.
    for target in targets.values():
        if target.exists():
            target.rename(_previous(target))
        _draft(target).rename(target)


def commit(layout: Layout, folder: str) -> None:
    """Delete the previous folders."""
    for name in (SHARED, folder):
        shutil.rmtree(_previous(layout.inputs / name), ignore_errors=True)


def roll_back(layout: Layout, folder: str, existed: bool) -> None:
    """Restore the previous folders; can be repeated after an interruption.

    Parameters
    ----------
    layout, folder : Layout, str
        As in :func:`install`.
    existed : bool
        Whether the release was deployed before; otherwise its folder is deleted.
    """
    for name in (SHARED, folder):
        target = layout.inputs / name
        shutil.rmtree(_draft(target), ignore_errors=True)
        if _previous(target).exists():
            shutil.rmtree(target, ignore_errors=True)
            _previous(target).rename(target)
        elif name == folder and not existed:
            shutil.rmtree(target, ignore_errors=True)


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
    with privileges.caller():
        return [
            path
            for path in sorted(folder.rglob("*"))
            if path.suffix in _SUFFIXES and path.relative_to(folder).parts[0] != "data"
        ]


def _set_owner(layout: Layout, folder: Path) -> None:
    """Make the servers' account the owner and only reader of the deployed files."""
    for path in (folder, *folder.rglob("*")):
        layout.account.chown(path)
        path.chmod(0o700 if path.is_dir() else 0o600)


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
