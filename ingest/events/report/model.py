"""What the page of an import shows."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from ingest import __version__
from ingest.core import privileges
from ingest.core.errors import IngestError
from ingest.events.checks import RuleCount
from ingest.events.conversion import Conversion
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.difference import Difference
from ingest.events.survey import Survey

_LIBRARIES: Final = ("numpy", "astropy", "pyerfa", "astropy-iers-data")
"""Those that determine positions and times."""


@dataclass(frozen=True)
class ImportReport:
    """An import, successful or not.

    Parameters
    ----------
    manifest : Manifest
        The release.
    files : sequence of AcquiredFile
        Its files.
    survey : Survey
        What was read of them.
    conversions : sequence of Conversion
        The products; none if the import failed before.
    imported : int
        Number of rows that are online now.
    seconds : float
        Duration.
    difference : Difference, optional
        Between the version online before and the new one.
    compared_with : str
        The version before: the name of a release, or a description.
    error : IngestError, optional
        Why the release was refused; nothing online was changed.
    dachs : str
        The version of DaCHS.
    """

    manifest: Manifest
    files: Sequence[AcquiredFile]
    survey: Survey
    conversions: Sequence[Conversion] = ()
    imported: int = 0
    seconds: float = 0.0
    difference: Difference | None = None
    compared_with: str = ""
    error: IngestError | None = None
    dachs: str = ""

    @property
    def simulated(self) -> bool:
        """Whether a simulated stand-in was imported."""
        return any(file.simulated for file in self.files)

    @property
    def rules(self) -> list[RuleCount]:
        """The rules, with counts and first rows over all products."""
        found: dict[str, RuleCount] = {}
        for checks in self.survey.checks:
            for name, one in checks.rules.items():
                total = found.setdefault(name, RuleCount(one.rule))
                total.count += one.count
                total.add_examples(one.examples)
        return list(found.values())

    @property
    def versions(self) -> Mapping[str, str]:
        """The software that made the products."""
        found = {"km3net-vo": __version__, "Python": platform.python_version()}
        found |= {name: version(name) for name in _LIBRARIES}
        return found | ({"DaCHS": self.dachs} if self.dachs else {})

    def size(self, file: AcquiredFile) -> int | None:
        """Return the size of a file in bytes; None if it is gone."""
        with contextlib.suppress(OSError), privileges.reading(file.path):
            return file.path.stat().st_size
        return None
