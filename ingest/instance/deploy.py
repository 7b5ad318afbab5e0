"""Putting resource descriptors and products where DaCHS serves them.

DaCHS never serves from the working tree but from a copy below ``var/``: what a curator edits
is online after ``make import`` and not while it is half typed, and the server's account needs
no access to the checkout. A folder is replaced as a whole and can be taken back.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.errors import ManifestError
from ingest.instance.layout import RD, Layout

SHARED = "km3net"
"""The folder whose streams and grammars all releases use."""
_SUFFIXES = (".rd", ".py", ".rst", ".md", ".html")
_SIMULATED = re.compile(r'(<macDef name="simulated">)[^<]*(</macDef>)')
_TO_REGISTRY = re.compile(r'sets="[^"]*ivo_managed[^"]*"')
SIMULATED_WARNING = "[SIMULATED stand-in, not real data]"


@contextmanager
def deployed(
    layout: Layout, schema: str, products: Sequence[Path] = (), simulated: bool = False
) -> Iterator[Path]:
    """Put a folder of descriptors and its products in place, for the block and after it.

    If the block raises, the folder that was there before is back afterwards.

    Parameters
    ----------
    layout : Layout
        The instance.
    schema : str
        The folder below ``rd/``.
    products : sequence of pathlib.Path
        Files for its ``data`` folder; they are moved.
    simulated : bool
        Whether to mark what the descriptors publish as a simulated stand-in, and to keep it
        out of every registry.
    """
    target = layout.inputs / schema
    draft, previous = _draft(target), _previous(target)
    recover(target)
    shutil.rmtree(draft, ignore_errors=True)
    _copy_descriptors(RD / schema, draft, simulated)
    (draft / "data").mkdir()
    for product in products:
        shutil.move(product, draft / "data" / product.name)
    _hand_over(layout, draft)
    if target.exists():
        target.rename(previous)
    draft.rename(target)
    try:
        yield target
    except BaseException:
        if not recover(target):
            shutil.rmtree(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def deploy_shared(layout: Layout) -> None:
    """Put the folder with the shared streams and grammars in place."""
    with deployed(layout, SHARED):
        pass


def recover(target: Path) -> bool:
    """Put back the folder from before an interrupted deployment; say whether there was one."""
    previous = _previous(target)
    if not previous.exists():
        return False
    shutil.rmtree(target, ignore_errors=True)
    previous.rename(target)
    return True


def _copy_descriptors(source: Path, target: Path, simulated: bool) -> None:
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if path.suffix not in _SUFFIXES or inside.parts[0] == "data":
            continue
        copy = target / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        if simulated and path.suffix == ".rd":
            text, marks = _SIMULATED.subn(rf"\g<1>{SIMULATED_WARNING}\g<2>", text)
            if marks != 1:
                raise ManifestError(
                    "a simulated stand-in cannot be marked as one",
                    file=path,
                    expected='exactly one <macDef name="simulated"></macDef>',
                    remedy="add the macro, and use it in title and description",
                )
            text = _TO_REGISTRY.sub('sets="local"', text)
        copy.write_text(text)


def _hand_over(layout: Layout, folder: Path) -> None:
    """Give the deployed files to the servers' account, readable for it alone."""
    for path in (folder, *folder.rglob("*")):
        layout.account.own(path)
        path.chmod(0o700 if path.is_dir() else 0o600)


def _draft(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
