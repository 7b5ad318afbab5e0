"""Events that two products of a release have, or two releases online.

The conversion looks for repeated events in each product alone, so those of several products are
compared before they go online.

A file may be delivered twice, or two samples of one detector may overlap. Each event is then
counted once in ``km3net.events``, see ``rd/km3net/union.py``. This does not concern ANTARES, whose
public events have running numbers instead of the detector's identifiers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.core.fitsrows import TableRows
from ingest.core.parallel import in_processes
from ingest.events.checks import HashFile, hash_rows
from ingest.events.delivery import Manifest
from ingest.instance import Layout
from ingest.instance.dachs import facts_in

_WITHOUT_IDENTIFIERS: Final = "antares"
_IN_MEMORY: Final = 10_000_000
"""Up to so many events that are new, their names alone are compared with the others."""
_BITS: Final = 24
_BYTES_PER_PART: Final = 1 << 29
"""The part of an event list of which the names are compared together."""

Hashes = npt.NDArray[np.uint64]


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


def refuse_repeated_events(
    products: Sequence[Path], scratch: Path, unchanged: Collection[str] = ()
) -> None:
    """Refuse a release of several event lists if an event is in two of them.

    Parameters
    ----------
    products : sequence of pathlib.Path
        The event lists.
    scratch : pathlib.Path
        The directory of a temporary file, 8 bytes per event.
    unchanged : collection of str
        The names of those that were compared with each other before.

    Raises
    ------
    ingest.core.errors.InputError
        If two rows have the same name.
    ingest.core.errors.IngestError
        If the disk is full.
    """
    repeated = _repeated(products, scratch, unchanged) if len(products) > 1 else ()
    if not len(repeated):
        return
    first: dict[int, str] = {}
    for product in products:
        for begin, names, hashes in _named(TableRows(product)):
            for index in np.flatnonzero(np.isin(hashes, repeated)).tolist():
                place = f"EVENTS row {begin + index + 1}"
                earlier = first.setdefault(int(hashes[index]), f"{product.name}, {place}")
                if earlier != f"{product.name}, {place}":
                    raise InputError(
                        f"the event has the same name as {earlier}"
                        f" (names that occur twice or more: {len(repeated):,})",
                        file=product.name,
                        where=place,
                        value=names[index].decode("ascii", "replace").rstrip("\0 "),
                        expected="each event once in all files of a release",
                        remedy="leave one of the delivered files out, or correct the identifiers;"
                        " nothing was changed",
                    )


def _repeated(products: Sequence[Path], scratch: Path, unchanged: Collection[str]) -> Hashes:
    """Return the hashes of names that two products have, or one of those that changed has twice."""
    changed = [product for product in products if product.name not in unchanged]
    if len(changed) == len(products) or sum(len(TableRows(one)) for one in changed) > _IN_MEMORY:
        return _names(products, scratch).repeated()
    parts = [np.empty(0, np.uint64), *_hashes(changed)]
    known, counts = np.unique(np.concatenate(parts), return_counts=True)
    # few of the others share so many bits with one of these, and only those are compared
    may_be_known = np.zeros(1 << _BITS, np.bool_)
    may_be_known[known % len(may_be_known)] = True
    others = [np.empty(0, np.uint64)]
    for hashes in _hashes([product for product in products if product.name in unchanged]):
        others.append(hashes[may_be_known[hashes % len(may_be_known)]])
    return np.union1d(known[counts > 1], np.intersect1d(known, np.concatenate(others)))


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
    found = HashFile(scratch)
    for hashes in _hashes(products):
        found.add(hashes)
    return found


def _hashes(products: Sequence[Path]) -> Iterator[Hashes]:
    """Yield the hashes of the names of all events that have one, in parts."""
    parts = []
    for product in products:
        count = -(-product.stat().st_size // _BYTES_PER_PART)
        parts += [(product, number, count) for number in range(count)]
    return in_processes(_hashes_of, parts)


def _hashes_of(part: tuple[Path, int, int]) -> Hashes:
    product, number, count = part
    rows = TableRows(product)
    first, last = (len(rows) * one // count for one in (number, number + 1))
    found = [np.extract(hashes != 0, hashes) for _, _, hashes in _named(rows, first, last)]
    return np.concatenate([np.empty(0, np.uint64), *found])


def _named(
    table: TableRows, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, npt.NDArray[np.bytes_], Hashes]]:
    """Yield the names of events in blocks: the first row, names, hashes; 0 without a name."""
    if "EVENT_NAME" not in (table.dtype.names or ()):
        return
    for rows in table.blocks(first, last):
        yield first, rows["EVENT_NAME"], hash_rows((rows["EVENT_NAME"],))
        first += len(rows)
