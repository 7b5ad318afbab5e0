"""The notebooks as they are under version control: without outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.checkout import CHECKOUT
from ingest.core.errors import InputError

FOLDER: Final = CHECKOUT / "docs" / "notebooks"
DEFAULT_NODE: Final = "http://localhost:8080"
"""The node that notebooks query unless the environment variable ``KM3VO_NODE`` names another."""


@dataclass(frozen=True)
class Notebook:
    """A notebook, and the file it was read from."""

    path: Path
    content: Any
    """As nbformat reads it."""

    @property
    def name(self) -> str:
        """The name of its file without the suffix, and of its page."""
        return self.path.stem

    @property
    def title(self) -> str:
        """The heading with which it begins."""
        return self._opening()[0]

    @property
    def summary(self) -> str:
        """The paragraph below the heading, as Markdown."""
        return self._opening()[1]

    def _opening(self) -> tuple[str, str]:
        text = self.content.cells[0].source if self.content.cells else ""
        heading, _, rest = text.partition("\n")
        paragraph = rest.strip().partition("\n\n")[0]
        if not heading.startswith("# ") or not paragraph:
            raise InputError(
                "a notebook has to say what it is about",
                file=self.path,
                where="first cell",
                value=text,
                expected="a heading, '# …', and a paragraph",
            )
        return heading.removeprefix("# ").strip(), " ".join(paragraph.split())


def notebooks() -> list[Notebook]:
    """Return all notebooks, in the order that their metadata give, then by name."""
    with privileges.caller():
        found = [_read(path) for path in sorted(FOLDER.glob("*.ipynb"))]
    return sorted(found, key=lambda one: one.content.metadata.get("order", len(found)))


def find(names: Sequence[str]) -> list[Notebook]:
    """Return the notebooks with these names, or all if no name is given.

    Raises
    ------
    InputError
        If there is no notebook with one of the names.
    """
    known = {one.name: one for one in notebooks()}
    for name in names:
        if name not in known:
            raise InputError(
                "there is no notebook of this name",
                file=FOLDER,
                value=name,
                expected="one of " + ", ".join(known),
            )
    return [known[name] for name in names] if names else list(known.values())


def _read(path: Path) -> Notebook:
    import nbformat

    try:
        return Notebook(path, nbformat.read(path, as_version=4))
    except (ValueError, nbformat.ValidationError) as error:
        raise InputError(f"not a notebook: {error}", file=path) from None
