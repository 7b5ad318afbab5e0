"""Releases online with the same detector events as another one.

A file may be delivered twice, or two samples of one detector may overlap. Each event is then
counted once in ``km3net.events``, see ``rd/km3net/union.py``. This does not concern ANTARES, whose
public events have running numbers instead of the detector's identifiers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.fitsrows import TableRows
from ingest.events.checks import HashFile, hash_rows
from ingest.events.delivery import Manifest
from ingest.instance import Layout
from ingest.instance.dachs import facts_in

_WITHOUT_IDENTIFIERS: Final = "antares"


def repeated_releases(
    manifest: Manifest, products: Sequence[Path], layout: Layout
) -> tuple[str, ...]:
    """Return the releases online that have events of a release, in alphabetical order.

    Parameters
    ----------
    manifest : Manifest
        The release.
    products : sequence of pathlib.Path
        Its event lists.
    layout : Layout
        The instance.

    Raises
    ------
    ingest.core.errors.IngestError
        If the disk is full.
    """
    names: HashFile | None = None
    found = []
    for other, facts in facts_in(layout.inputs).items():
        if not _may_have_events_of(manifest, other, facts):
            continue
        if names is None:
            names = _names(products, layout.scratch)
        theirs = sorted((layout.inputs / other / "data").glob("*.fits"))
        if names.shares(_names(theirs, layout.scratch)):
            found.append(other)
    return tuple(found)


def _may_have_events_of(manifest: Manifest, other: str, facts: dict[str, object]) -> bool:
    """Return whether another release is of the same detector and the same time."""
    release = manifest.release
    if other == manifest.name or release.detector == _WITHOUT_IDENTIFIERS:
        return False
    if facts.get("detector") != release.detector:
        return False
    start, stop = (float(mjd) for mjd in facts["coverage"]["temporal"].split())  # type: ignore[index]
    return start < release.stop_mjd and release.start_mjd < stop


def _names(products: Sequence[Path], scratch: Path) -> HashFile:
    """Return hashes of the names of all events that have one."""
    names = HashFile(scratch)
    for product in products:
        for rows in TableRows(product).blocks():
            if "EVENT_NAME" in (rows.dtype.names or ()):
                hashes = hash_rows((rows["EVENT_NAME"],))
                names.add(np.extract(hashes != 0, hashes))
    return names
