"""Putting resource descriptors and products where DaCHS serves them.

DaCHS never serves from the working tree but from a copy below ``var/``: what a curator edits
is online after ``make import`` and not while it is half typed, and the server's account needs
no access to the checkout. A release's folder and the one all releases share are replaced
together, as wholes, and can be taken back until :func:`keep` is called.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from ingest.core.checkout import RD
from ingest.core.errors import ManifestError
from ingest.instance.layout import Layout

SHARED = "km3net"
"""The folder whose streams and grammars all releases use."""
SIMULATED_WARNING = "[SIMULATED stand-in, not real data]"
SUFFIXES = (".rd", ".py", ".rst", ".md", ".html")
_SIMULATED = re.compile(r'(<macDef name="simulated">)[^<]*(</macDef>)')
_MARK_ON_A_LINE = re.compile(r"(?m)^([ \t]*)\\simulated$")
_TO_REGISTRY = re.compile(r'sets="[^"]*ivo_managed[^"]*"')
_PUBLISH = re.compile(r"<publish\b[^>]*(?:/>|>.*?</publish>)", re.DOTALL)


def exists(layout: Layout, folder: str) -> bool:
    """Say whether a release is deployed."""
    return (layout.inputs / folder).exists()


def put(
    layout: Layout,
    folder: str,
    products: Sequence[Path],
    simulated: bool = False,
    known_to_registries: bool = False,
) -> None:
    """Put the shared folder, and a release's with its products, in the place of the former.

    Parameters
    ----------
    layout : Layout
        The instance.
    folder : str
        The release's folder below ``rd/``.
    products : sequence of pathlib.Path
        Files for its ``data`` folder; they are moved.
    simulated : bool
        Whether to mark what the descriptors publish as a simulated stand-in, and to keep it
        out of every registry.
    known_to_registries : bool
        Whether registries may have its record from before. A stand-in is then left out of the
        server's own list of services, too: only so DaCHS tells them that the record is gone.
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
        _hand_over(layout, _draft(target))
    # Slow and fallible work is done; what follows are renames.
    for target in targets.values():
        if target.exists():
            target.rename(_previous(target))
        _draft(target).rename(target)


def keep(layout: Layout, folder: str) -> None:
    """Forget what was there before."""
    for name in (SHARED, folder):
        shutil.rmtree(_previous(layout.inputs / name), ignore_errors=True)


def take_back(layout: Layout, folder: str, existed: bool) -> None:
    """Put back what was there before; can be done again where it was interrupted.

    Parameters
    ----------
    layout, folder : Layout, str
        As in :func:`put`.
    existed : bool
        Whether the release's folder was there before; otherwise it goes away.
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
    """Say whether a deployed release is a simulated stand-in."""
    descriptors = (layout.inputs / folder).glob("*.rd")
    return any(SIMULATED_WARNING in path.read_text("utf-8") for path in descriptors)


def _copy_descriptors(source: Path, target: Path, simulated: bool, unlist: bool) -> None:
    target.mkdir()
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.suffix not in SUFFIXES or inside.parts[0] == "data":
            continue
        copy = target / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        if simulated and path.suffix == ".rd":
            text, marks = _SIMULATED.subn(rf"\g<1> {SIMULATED_WARNING}\g<2>", text)
            if marks != 1:
                raise ManifestError(
                    "a simulated stand-in cannot be marked as one",
                    file=path,
                    expected='exactly one <macDef name="simulated"></macDef>',
                    remedy="add the macro, and use it in title and description",
                )
            if not _TO_REGISTRY.search(text):
                raise ManifestError(
                    "a simulated stand-in cannot be kept out of the registry",
                    file=path,
                    expected='<publish … sets="…ivo_managed…"/> in this file, to be changed',
                    remedy="write the publication here and not in a shared stream",
                )
            text = _PUBLISH.sub("", text) if unlist else _TO_REGISTRY.sub('sets="local"', text)
        if path.suffix == ".rd":
            # Here and not by DaCHS, which would expand the macro again for each answer: that
            # took a third of the time of a cone search.
            mark = SIMULATED_WARNING if simulated else ""
            text = _MARK_ON_A_LINE.sub(rf"\g<1>{mark}", text)
            text = text.replace("\\simulated", f" {mark}" if simulated else "")
        copy.write_text(text, "utf-8")


def _hand_over(layout: Layout, folder: Path) -> None:
    """Give the deployed files to the servers' account, readable for it alone."""
    for path in (folder, *folder.rglob("*")):
        layout.account.chown(path)
        path.chmod(0o700 if path.is_dir() else 0o600)


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
