"""Events that a release has in common with one that is online and that it does not supersede."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ingest.core import privileges
from ingest.core.errors import IngestError
from ingest.core.timescales import DAY
from ingest.events.checks import REJECTING, Checker, Expectations
from ingest.events.delivery import Manifest, load_manifest, predecessors
from ingest.events.deployment import facts_online
from ingest.events.readers import open_reader
from ingest.events.sky import mjd_utc
from ingest.instance import Layout

_MILLISECONDS: Final = DAY * 1000
"""Per day. Events of a detector have different times; those of ANTARES' list are rounded to
9 s, so that some coincide by chance."""
_SHARE: Final = 0.5


def shared_events(
    manifest: Manifest, files: Sequence[Path], layout: Layout
) -> Iterator[tuple[str, int, int]]:
    """Yield the releases online with events of this one, by the times of its first events.

    Parameters
    ----------
    manifest : Manifest
        The release.
    files : sequence of pathlib.Path
        Its delivered files.
    layout : Layout
        The instance.

    Yields
    ------
    (str, int, int)
        A release; how many events it has of those looked at; how many these are.
    """
    others = [name for name in facts_online(layout) if _could_share(manifest, name)]
    times: npt.NDArray[np.int64] | None = None
    for name in others:
        if times is None:
            times = np.concatenate([_first_times(path, manifest) for path in files])
        found = sum(
            int(np.isin(times, _times_online(path)).sum())
            for path in (layout.inputs / name / "data").glob("*.fits")
        )
        if len(times) and found >= _SHARE * len(times):
            yield name, found, len(times)


def _could_share(manifest: Manifest, name: str) -> bool:
    """Return whether a release may not have the same events, and has the detector and times."""
    if name == manifest.name:
        return False
    try:
        other = load_manifest(name)
        related = name in predecessors(manifest) or manifest.name in predecessors(other)
    except IngestError:
        return False
    one, two = manifest.release, other.release
    same_detector = one.detector == two.detector
    return same_detector and not related and one.start < two.stop and two.start < one.stop


def _first_times(path: Path, manifest: Manifest) -> npt.NDArray[np.int64]:
    """Return the times of the first events of a delivered file, in ms."""
    with privileges.reading(path):
        reader = open_reader(path, manifest.release.format)
        for chunk in Checker(reader, Expectations(reject=REJECTING)).checked_chunks():
            if "mjd" in (chunk.dtype.names or ()):
                return _milliseconds(chunk["mjd"])
            return _milliseconds(mjd_utc(chunk["unix_seconds"], chunk["unix_nanoseconds"]))
    return np.empty(0, np.int64)


def _times_online(path: Path) -> npt.NDArray[np.int64]:
    with fits.open(path, memmap=True) as hdus:
        return _milliseconds(np.asarray(hdus["EVENTS"].data["MJD"]))


def _milliseconds(mjd: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    return np.rint(mjd[np.isfinite(mjd)] * _MILLISECONDS).astype(np.int64)
