"""Queries of rows by place, time and other properties."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from astropy import units
from astropy.table import QTable

from km3vo import adql
from km3vo.errors import BadRequestError
from km3vo.places import Place, place_of
from km3vo.tap import Tap, add_time, find

RADIUS: Final = 3.0
"""Degrees around a position, if neither a radius nor a region is given."""
_UNITS: Final = {"time": units.d, "energy": units.GeV}
_MEANING: Final = {"time.epoch": "times", "phys.energy": "energies"}


class Selection:
    """A query of the rows of a table, which is called ``t`` in the conditions.

    Parameters
    ----------
    table : str
        The table, with its schema.
    tap : Tap
        The node.

    Raises
    ------
    BadRequestError
        If there is no such table.
    """

    def __init__(self, table: str, tap: Tap) -> None:
        self._table = table
        self._tap = tap
        self._known = tap.columns(table)
        if not self._known:
            raise BadRequestError(
                f"the node has no table {table}; Node.releases() lists its samples", tap.url
            )
        self._joined = ""
        self._separation = ""
        self._name = ""
        self._conditions: list[str] = []

    def column(self, ucd: str) -> str:
        """Return the name of the column with a UCD.

        Raises
        ------
        BadRequestError
            If there is none.
        """
        name = find(self._known, ucd)
        if name is None:
            raise BadRequestError(f"{self._table} has no {_MEANING.get(ucd, ucd)}")
        return name

    def add(self, condition: str) -> None:
        """Add a condition, in ADQL."""
        self._conditions.append(condition)

    def between(self, what: str, column: str, bounds: Sequence[Any]) -> None:
        """Require that a column lies between two values; `what` is ``time`` or ``energy``."""
        self._conditions += adql.between(f"t.{column}", bounds, _UNITS[what], what)

    def around(self, near: Any, radius: Any) -> None:
        """Require a position near a place, or in the region of an alert; see `Node.events`."""
        place = place_of(near, self._tap)
        point = [f"t.{self.column(f'pos.eq.{one};meta.main')}" for one in ("ra", "dec")]
        if place.ra is not None:
            self._separation, self._name = _distance(place, point), place.name
        if radius is None and place.notice_id is not None:
            self._joined = (
                f" JOIN alerts.notices AS a ON 1 = CONTAINS(POINT({', '.join(point)}), a.region_90)"
            )
            self.add(f"a.notice_id = {place.notice_id}")
        else:
            limit = _radius(RADIUS if radius is None else radius)
            self.add(f"{_distance(place, point)} <= {limit}")

    def containing(self, near: Any, radius: Any) -> None:
        """Require a region that contains a place, or a position near it; see `Node.alerts`."""
        place = place_of(near, self._tap)
        self._separation, self._name = _distance(place, ["t.ra", "t.dec"]), place.name
        if radius is None:
            self.add(f"1 = CONTAINS(POINT({', '.join(place.position())}), t.region_90)")
        else:
            self.add(f"{self._separation} <= {_radius(radius)}")

    def fetch(self, columns: str | Sequence[str] | None) -> QTable:
        """Send the query and return its answer.

        Parameters
        ----------
        columns : str or sequence of str or None
            The columns wanted; see `Node.events`.

        Raises
        ------
        BadRequestError
            If there is no such column.
        ServiceError
            If the node does not answer.
        """
        wanted = self._wanted(columns)
        mjd = "event_mjd" if "event_mjd" in self._known else self.column("time.epoch")
        asked = [f"t.{one}" for one in dict.fromkeys(mjd if o == "time" else o for o in wanted)]
        order = f"t.{mjd}"
        if self._separation:
            asked.append(f"{self._separation} AS separation")
            order = "separation"
        where = f" WHERE {' AND '.join(self._conditions)}" if self._conditions else ""
        found = self._tap.query(
            f"SELECT {', '.join(asked)} FROM {self._table} AS t{self._joined}{where}"
            f" ORDER BY {order}"
        )
        if self._separation:
            found["separation"].info.description = f"Angular distance from {self._name}."
            found["separation"].info.format = ".3f"
        if "time" in wanted:
            add_time(found, mjd)
            if mjd not in wanted:
                found.remove_column(mjd)
        return found

    def _wanted(self, columns: str | Sequence[str] | None) -> list[str]:
        if columns is None:
            return [
                name for name, one in self._known.items() if one.principal and not one.is_geometry
            ]
        if columns == "*":
            return list(self._known)
        wanted = [columns] if isinstance(columns, str) else list(columns)
        for one in wanted:
            if one not in self._known and one != "time":
                raise BadRequestError(
                    f"{self._table} has no column {one!r}, only {', '.join(self._known)}"
                )
        return wanted


def _distance(place: Place, point: Sequence[str]) -> str:
    return f"DISTANCE({', '.join((*point, *place.position()))})"


def _radius(radius: Any) -> str:
    value = adql.degrees(radius, "the radius")
    if not 0 < value <= 180:
        raise BadRequestError(f"the radius is {radius}; it has to be more than 0, at most 180 deg")
    return adql.number(value, "the radius")
