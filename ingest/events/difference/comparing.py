"""Comparison of two versions of a release by their event lists.

One pass over each version makes two hashes and a time per row, 24 bytes. Only the values of events
that changed are read again, one column at a time.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import erfa
import numpy as np
import numpy.typing as npt

from ingest.core.fitsrows import TableRows
from ingest.core.units import GEV_PER_TEV
from ingest.events.checks import hash_rows
from ingest.events.difference.matching import Keys, Numbers, match
from ingest.events.difference.model import EXAMPLES, ColumnChange, Difference, Example
from ingest.events.fields import MISSING_INTEGER

_DIRECTIONS: Final = (("RA", "DEC"), ("AZIMUTH", "ZENITH"), ("GLON", "GLAT"))
"""Longitude and latitude, or polar distance, which gives the same separations."""
_POLAR: Final = frozenset({"ZENITH"})
_NOT_COMPARED: Final = frozenset({"EVENT_ID", "TIME"})
"""Changes of the number are counted separately, and TIME is MJD on another scale."""
_LOOKED_AT: Final = 1000
_NUMBERED: Final = re.compile(rb"[^0-9]*0*([1-9][0-9]*)")


def compare(
    old: Sequence[Path], new: Sequence[Path], unchanged: Mapping[Path, int] | None = None
) -> Difference:
    """Compare the event lists of two versions of a release.

    Events are identified by their names. Where names only number the lines of a file, as in
    ANTARES' public list, or are missing, they are identified by their times.

    Parameters
    ----------
    old, new : sequence of pathlib.Path
        The products of each version, as :func:`ingest.events.product.write_event_list` makes
        them.
    unchanged : mapping of pathlib.Path to int, optional
        Further products, which are the same in both versions, and their numbers of events.

    Returns
    -------
    Difference
        Energies are in GeV, all else in the units of the new products.
    """
    like = next(iter(unchanged), None) if unchanged else None
    before, after = _Version(old, like), _Version(new, like)
    same = sum(unchanged.values()) if unchanged else 0
    common = [name for name in after.units if after.is_text.get(name) == before.is_text.get(name)]
    named = before.has_names and after.has_names
    compared = [
        name for name in common if name not in _NOT_COMPARED and (named or name != "EVENT_NAME")
    ]
    matches = match(before.keys(compared, named), after.keys(compared, named))
    changes, changed = _changes(before, after, compared, *matches.different)
    renumbered = sum(
        int(np.count_nonzero(before.take("EVENT_ID", i) != after.take("EVENT_ID", j)))
        for i, j in (matches.identical, matches.different)
    )
    return Difference(
        before=len(before) + same,
        after=len(after) + same,
        identity="event name" if named else "time",
        added=len(matches.added),
        removed=len(matches.removed),
        changed=int(np.count_nonzero(changed)),
        renumbered=renumbered,
        columns=tuple(changes),
        new_columns=tuple(name for name in after.units if name not in common),
        lost_columns=tuple(name for name in before.units if name not in common),
        examples=(
            *after.examples("added", matches.added),
            *before.examples("removed", matches.removed),
            *after.examples("changed", matches.different[1][changed]),
        ),
    )


class _Version:
    """The rows of products of one version, numbered through; `like` may be one more product."""

    def __init__(self, products: Sequence[Path], like: Path | None) -> None:
        self._parts = [TableRows(path) for path in products]
        self._ends = np.cumsum([len(part) for part in self._parts])
        self._all = self._parts if like is None else [*self._parts, TableRows(like)]
        common = set.intersection(*(set(part.units) for part in self._all))
        self.units = {name: unit for name, unit in self._all[-1].units.items() if name in common}
        self.is_text = {name: self._all[0].dtype[name].kind == "S" for name in self.units}

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def has_names(self) -> bool:
        """Whether the first names say more than the number of the line."""
        if "EVENT_NAME" not in self.units:
            return False
        for part in self._all:
            for rows in itertools.islice(part.blocks(), 1):
                first = rows[:_LOOKED_AT]
                for name, number in zip(first["EVENT_NAME"], first["EVENT_ID"], strict=True):
                    found = _NUMBERED.fullmatch(name)
                    if name and not (found and int(found[1]) == number):
                        return True
        return False

    def keys(self, compared: Sequence[str], named: bool) -> Keys:
        """Return the keys of all rows, where `compared` columns make rows identical."""
        row, other = np.empty(len(self), np.uint64), np.empty(len(self), np.uint64)
        mjd = np.empty(len(self), np.float64)
        first = 0
        for part in self._parts:
            for rows in part.blocks():
                here = slice(first, first + len(rows))
                row[here] = hash_rows(rows[name] for name in compared)
                # the hash of an empty name is 0
                other[here] = hash_rows(
                    rows[name] for name in (("EVENT_NAME",) if named else ("RA", "DEC"))
                )
                mjd[here] = rows["MJD"]
                first += len(rows)
        return Keys(row, mjd, name=other) if named else Keys(row, mjd, direction=other)

    def take(self, name: str, numbers: Numbers) -> npt.NDArray[Any]:
        """Return the values of a column in rows."""
        values: npt.NDArray[Any] | None = None
        start = 0
        for part, end in zip(self._parts, self._ends, strict=True):
            here = (numbers >= start) & (numbers < end)
            found = part.take(name, numbers[here] - start)
            if values is None:
                values = np.empty(len(numbers), found.dtype.newbyteorder("="))
            values[here] = found
            start = int(end)
        return np.empty(0, self._all[0].dtype[name].newbyteorder("=")) if values is None else values

    def examples(self, kind: str, numbers: Numbers) -> Iterator[Example]:
        """Yield the first of these rows."""
        first = np.sort(numbers)[:EXAMPLES]
        names = (
            np.char.decode(self.take("EVENT_NAME", first), "ascii", "replace")
            if "EVENT_NAME" in self.units
            else np.full(len(first), "")
        )
        columns = [self.take(name, first).tolist() for name in ("MJD", "RA", "DEC")]
        for name, mjd, ra, dec in zip(names.tolist(), *columns, strict=True):
            yield Example(kind, name, mjd, ra, dec)


def _changes(
    before: _Version, after: _Version, compared: Sequence[str], old: Numbers, new: Numbers
) -> tuple[list[ColumnChange], npt.NDArray[np.bool_]]:
    """Return the columns with changes, and which pairs of rows differ at all."""
    any_change = np.zeros(len(old), np.bool_)
    found = []
    pairs = [pair for pair in _DIRECTIONS if set(pair) <= set(compared)]
    in_pairs = {name for pair in pairs for name in pair}
    groups = [*pairs, *((name,) for name in compared if name not in in_pairs)]
    for names in sorted(groups, key=lambda names: compared.index(names[0])):
        values = [(before.take(name, old), after.take(name, new)) for name in names]
        different = np.logical_or.reduce([_differ(a, b) for a, b in values])
        if different.any():
            any_change |= different
            found.append(_change(names, after, [(a[different], b[different]) for a, b in values]))
    return found, any_change


def _change(
    names: Sequence[str], after: _Version, values: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]
) -> ColumnChange:
    """Describe the change of one column, or of two that are a direction."""
    unit = after.units[names[0]]
    label = ", ".join(names if len(names) == 1 or names[0] == "RA" else names[::-1])
    count = len(values[0][0])
    if values[0][0].dtype.kind not in "fiu":
        return ColumnChange(label, unit, count)
    gone_before, gone_now = (
        np.logical_or.reduce([_missing(pair[place]) for pair in values]) for place in (0, 1)
    )
    usable = ~(gone_before | gone_now)
    numbers = [(a[usable].astype(float), b[usable].astype(float)) for a, b in values]
    if len(names) == 2:
        sizes = _separation(numbers[0], numbers[1], names[1] in _POLAR)
    else:
        sizes = np.abs(numbers[0][1] - numbers[0][0])
    if unit == "TeV":
        unit, sizes = "GeV", sizes * GEV_PER_TEV
    return ColumnChange(
        label,
        unit,
        count,
        largest=float(sizes.max()) if len(sizes) else None,
        median=float(np.median(sizes)) if len(sizes) else None,
        filled=int(np.count_nonzero(gone_before & ~gone_now)),
        emptied=int(np.count_nonzero(gone_now & ~gone_before)),
    )


def _separation(
    longitudes: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    latitudes: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    polar: bool,
) -> npt.NDArray[np.float64]:
    """Return the angular separations of directions, deg."""
    if polar:
        latitudes = 90 - latitudes[0], 90 - latitudes[1]
    a, b = np.radians(longitudes)
    separations = erfa.seps(a, np.radians(latitudes[0]), b, np.radians(latitudes[1]))
    degrees: npt.NDArray[np.float64] = np.degrees(separations)
    return degrees


def _differ(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where two columns differ; a missing value is equal to another one."""
    different: npt.NDArray[np.bool_] = np.asarray(a != b)
    if a.dtype.kind == "f" and b.dtype.kind == "f":
        different &= ~(np.isnan(a) & np.isnan(b))
    return different


def _missing(numbers: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which numbers of a column stand for a missing value."""
    missing: npt.NDArray[np.bool_]
    missing = np.isnan(numbers) if numbers.dtype.kind == "f" else numbers == MISSING_INTEGER
    return missing
