"""Where the source of an alert may be: its sky map, or its error circle as a distribution."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ingest.alerts.archive import Archive
from ingest.alerts.matching.geometry import separation
from ingest.alerts.matching.model import NoticeFacts
from ingest.core.errors import IngestError, InputError
from ingest.core.files import read_regular

if TYPE_CHECKING:
    from ingest.alerts.skymaps import Cells, SkyMap

UNKNOWN_CONTAINMENT: Final = 0.5
"""Containment of error circles whose packets do not state it, as for their regions."""
SMALLEST: Final = 1 / 3600
"""Error radii are at least this large, in deg: no map has finer cells than it needs."""
LARGEST_MAP: Final = 64 << 20
"""Size in bytes of the largest sky map that is read; for larger ones the circle is used."""
_FROM_MAP: Final = "map"
_KEPT: Final = 32
"""Number of sky maps in memory."""
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ErrorCircle:
    """An error circle as a Fisher distribution.

    Attributes
    ----------
    ra, dec : float
        Centre in deg, ICRS.
    radius : float
        In deg.
    containment : float
        Probability that the source is within the radius.
    kappa : float
        Concentration of the distribution.
    """

    ra: float
    dec: float
    radius: float
    containment: float
    kappa: float


def circle_of(notice: NoticeFacts) -> ErrorCircle | None:
    """Return the error circle of a notice; None if it has none, or one as wide as the sky."""
    from ingest.alerts.skymaps import concentration  # takes long to load

    if notice.ra is None or notice.dec is None or notice.pos_err is None:
        return None
    radius = max(notice.pos_err, SMALLEST)
    containment = notice.pos_err_cl or UNKNOWN_CONTAINMENT
    try:
        kappa = concentration(radius, containment)
    except InputError:
        return None
    return ErrorCircle(notice.ra % 360, notice.dec, radius, containment, kappa)


class Localizations:
    """Overlaps of notices' directions. Sky maps are kept in memory for the next ones.

    Parameters
    ----------
    archive : Archive
        With the sky maps.
    most_cells : int, optional
        Number of cells of the maps that are kept.
    """

    def __init__(self, archive: Archive, most_cells: int = 4_000_000) -> None:
        self._archive = archive
        self._most_cells = most_cells
        self._maps: OrderedDict[str, SkyMap | None] = OrderedDict()
        self._cells: OrderedDict[object, Cells] = OrderedDict()

    def sky_map(self, notice: NoticeFacts) -> SkyMap | None:
        """Return the sky map of a notice, if it has one in the archive that could be read.

        A worker process with limited memory has read it before, or it is left out.
        """
        name = notice.sky_map
        if name is None or notice.region_origin != _FROM_MAP:
            return None
        if name not in self._maps:
            self._maps[name] = self._read(name)
        self._maps.move_to_end(name)
        self._shrink(self._maps, lambda sky: len(sky.uniq) if sky else 0)
        return self._maps[name]

    def overlap(self, one: NoticeFacts, other: NoticeFacts) -> tuple[float, str] | None:
        """Return the overlap of two notices' directions, and in words what it was made from.

        Parameters
        ----------
        one, other : NoticeFacts
            The notices.

        Returns
        -------
        (float, str) or None
            None if the direction of one of them is not known.
        """
        from ingest.alerts.skymaps import circle_overlap

        maps = [self.sky_map(notice) for notice in (one, other)]
        circles = [
            None if sky else circle_of(notice)
            for sky, notice in zip(maps, (one, other), strict=True)
        ]
        if any(sky is None and circle is None for sky, circle in zip(maps, circles, strict=True)):
            return None
        words = " and ".join("map" if sky else "circle" for sky in maps)
        first, second = circles
        if first and second:
            angle = separation(first.ra, first.dec, second.ra, second.dec)
            return circle_overlap(angle, first.kappa, second.kappa), words
        return self._prepared(one, first).overlap(self._prepared(other, second)), words

    def _prepared(self, notice: NoticeFacts, circle: ErrorCircle | None) -> Cells:
        from ingest.alerts.skymaps import Cells, make_map

        key = circle or notice.sky_map
        if key not in self._cells:
            sky = self.sky_map(notice)
            if circle is not None:
                sky = make_map(
                    circle.ra, circle.dec, radius=circle.radius, containment=circle.containment
                )
            assert sky is not None  # the caller has asked for either
            self._cells[key] = Cells(sky)
        self._cells.move_to_end(key)
        self._shrink(self._cells, lambda cells: len(cells.density))
        return self._cells[key]

    def _shrink(self, kept: OrderedDict[Any, Value], size: Callable[[Value], int]) -> None:
        """Forget what was used longest ago, until the rest is few and small."""
        total = sum(map(size, kept.values()))
        while len(kept) > 1 and (len(kept) > _KEPT or total > self._most_cells):
            total -= size(kept.popitem(last=False)[1])

    def declination(self, notice: NoticeFacts) -> float | None:
        """Return the declination in deg of the best direction of a notice."""
        sky = self.sky_map(notice) if notice.dec is None else None
        return notice.dec if sky is None else sky.best()[1]

    def _read(self, name: str) -> SkyMap | None:
        from ingest.alerts.skymaps import read_map

        path = self._archive.map_path(name)
        try:
            if path.stat().st_size > LARGEST_MAP:
                return None
            return read_map(read_regular(path))
        except (OSError, IngestError):
            return None
