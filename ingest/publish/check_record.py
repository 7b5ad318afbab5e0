"""The results of the last run of the validators, where the page ``/status`` finds them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest import __version__
from ingest.core.checkout import CHECKOUT
from ingest.core.files import atomic_write
from ingest.instance import Layout

if TYPE_CHECKING:
    from ingest.publish.validators import CheckResult

_NAME: Final = "checks.json"
"""In DaCHS' root directory, where it is not among what DaCHS serves."""
_MOST_DETAILS: Final = 20
_LONGEST_DETAIL: Final = 500
"""Lines of a result, and characters of a line; the page shows no more."""


def path_of(layout: Layout) -> Path:
    """Return the file with the results."""
    return layout.dachs / _NAME


def store(
    layout: Layout, results: Sequence[CheckResult], started: datetime, seconds: float
) -> None:
    """Store results in place of the former ones.

    Parameters
    ----------
    layout : Layout
        The instance.
    results : sequence of CheckResult
        The results of all validators.
    started : datetime.datetime
        When the run began (UTC).
    seconds : float
        How long the run took.
    """
    content = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        "version": __version__,
        "results": [_shown(result, layout) for result in results],
    }
    with atomic_write(path_of(layout)) as stream:
        stream.write(json.dumps(content, indent=1).encode())
    layout.account.chown(path_of(layout))


def _shown(result: CheckResult, layout: Layout) -> dict[str, object]:
    """Return a result without the places of files on this machine, which visitors need not know."""
    details = [line[:_LONGEST_DETAIL] for line in result.details[:_MOST_DETAILS]]
    for place, name in ((layout.var, "var"), (layout.path, "var"), (CHECKOUT, ".")):
        details = [line.replace(str(place), name) for line in details]
    return dataclasses.asdict(result) | {"details": details, "seconds": round(result.seconds, 3)}
