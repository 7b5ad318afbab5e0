"""Writing the page of an import, and keeping those of the imports before."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ingest.core.files import atomic_write
from ingest.core.pages import render
from ingest.events.report.model import ImportReport
from ingest.events.report.plot import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, plot

REFUSED: Final = "refused.html"
_TEMPLATE: Final = "events/report/page.html"
_STAMP: Final = "%Y-%m-%dT%H%M%SZ"


def write_report(folder: Path, report: ImportReport) -> Path:
    """Write the page of an import.

    Parameters
    ----------
    folder : pathlib.Path
        The directory of the release's reports. The page of a successful import is there as
        ``index.html`` and, to stay when the next one comes, under its time. That of the last
        refused one is there until an import succeeds.
    report : ImportReport
        The import.

    Returns
    -------
    pathlib.Path
        The page.
    """
    refused = folder / REFUSED
    plots = [plot(one) for one in report.survey.distributions]
    html = render(
        _TEMPLATE,
        report=report,
        release=report.manifest.release,
        earlier=sorted((path.name for path in folder.glob("????-??-??T*Z.html")), reverse=True),
        sky=_sky(report),
        plots=[one for one in plots if one is not None],
        box={
            "width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP,
            "bottom": BOTTOM,
        },
    ).encode("utf-8", "replace")  # fmt: skip
    if report.error is not None:
        return _write(refused, html)
    _write(folder / f"{datetime.now(UTC).strftime(_STAMP)}.html", html)
    newest = _write(folder / "index.html", html)
    refused.unlink(missing_ok=True)
    return newest


def _sky(report: ImportReport) -> str | None:
    """Return the map of the accepted events; None if there are none."""
    if not report.survey.sky.count:
        return None
    # imported here because matplotlib loads slowly
    from ingest.events.report.sky import sky_map

    return sky_map(report.survey.sky)


def _write(path: Path, html: bytes) -> Path:
    with atomic_write(path) as stream:
        stream.write(html)
    return path
