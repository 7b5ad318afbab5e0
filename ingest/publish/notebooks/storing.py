"""The pages where the server, or the caller, finds them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ingest.core import privileges
from ingest.core.files import atomic_write
from ingest.instance import Layout
from ingest.publish.notebooks.pages import INDEX, Page, index_page
from ingest.publish.notebooks.source import FOLDER, notebooks

_PATH: Final = "static/notebooks"
"""Below the server's address: DaCHS serves the files of a directory there."""
_DATA: Final = "data"
"""The directory with what notebooks read, beside them."""


def publish(pages: Sequence[Page], layout: Layout) -> None:
    """Put pages where the server of an instance serves them; see :func:`address_of`."""
    folder = layout.dachs
    for name in ("web", "nv_static", "notebooks"):
        folder = layout.account.create_directory(folder / name)
    layout.account.create_directory(folder / _DATA)
    for name, content in _files(pages):
        target = folder / name
        with atomic_write(target) as stream:
            stream.write(content)
        layout.account.chown(target)


def address_of(url: str, name: str = INDEX) -> str:
    """Return the address of a published file; `url` is that of the server."""
    return f"{url}/{_PATH}/{name}"


def write(pages: Sequence[Page], folder: Path) -> None:
    """Write pages into a directory of the caller, which is created."""
    with privileges.caller():
        (folder / _DATA).mkdir(parents=True, exist_ok=True)
        for name, content in _files(pages):
            with atomic_write(folder / name) as stream:
                stream.write(content)
            (folder / name).chmod(0o644)


def _files(pages: Sequence[Page]) -> list[tuple[str, bytes]]:
    """Return names and contents; the index, if these are all notebooks, comes last."""
    with privileges.caller():
        files = [
            (f"{_DATA}/{path.name}", path.read_bytes())
            for path in sorted((FOLDER / _DATA).iterdir())
        ]
    for page in pages:
        name = page.notebook.name
        with privileges.caller():
            source = page.notebook.path.read_bytes()
        files += [
            (f"{name}.html", page.html.encode()),
            (f"{name}.png", page.picture),
            (f"{name}.ipynb", source),
        ]
    if len(pages) == len(notebooks()):
        files.append((INDEX, index_page(pages).encode()))
    return files
