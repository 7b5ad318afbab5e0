"""Where to look: positions, names of objects, and what a node itself calls events and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from astropy import units
from astropy.coordinates import SkyCoord
from astropy.coordinates.name_resolve import NameResolveError
from astropy.table import QTable, Row

from km3vo import adql
from km3vo.errors import BadRequestError, NameResolutionError
from km3vo.tap import Tap

_ALERT = "SELECT notice_id, alert_id, ivorn, event_name, ra, dec FROM"


@dataclass(frozen=True)
class Place:
    """A place on the sky.

    Parameters
    ----------
    name : str
        What the user called it.
    ra, dec : float or None
        Its position (ICRS) in degrees; None for an alert that has a region only.
    notice_id : int or None
        The number of the notice, if it is an alert's.
    ivorn : str or None
        The identifier of that notice.
    """

    name: str
    ra: float | None
    dec: float | None
    notice_id: int | None = None
    ivorn: str | None = None

    def position(self) -> tuple[str, str]:
        """Return right ascension and declination in degrees, as ADQL.

        Raises
        ------
        BadRequestError
            If it has a region only, or the position is not one of finite numbers.
        """
        if self.ra is None or self.dec is None:
            raise BadRequestError(
                f"{self.name} has a region, but no position: leave out the radius"
            )
        return adql.number(self.ra, "the right ascension"), adql.number(self.dec, "the declination")


def place_of(near: Any, tap: Tap) -> Place:
    """Return the place that a user means.

    Parameters
    ----------
    near : str, astropy.coordinates.SkyCoord, astropy.table.Row or mapping
        The name of an object, event or alert; an alert's identifier (``ivo://…``); a position; or
        a row with ``notice_id``, as :meth:`km3vo.Node.alerts` returns them, or with ``ra`` and
        ``dec`` (or ``decl``).
    tap : Tap
        The node, which is asked for its names first.

    Raises
    ------
    BadRequestError
        If it is anything else, or several positions.
    NameResolutionError
        If the name is unknown, or belongs to several events or alerts.
    """
    if isinstance(near, str):
        return _known(near, tap) or _resolved(near)
    if isinstance(near, SkyCoord):
        if not near.isscalar:
            raise BadRequestError(f"one position is expected, not {len(near)}")
        return Place(near.to_string("hmsdms"), *_icrs(near))
    if isinstance(near, Row | Mapping):
        return _of_row(near, tap)
    raise BadRequestError(
        f"{near!r} is neither a name nor a SkyCoord nor the row"
        " of a table; give numbers as SkyCoord(ra, dec, unit='deg')"
    )


def _of_row(row: Row | Mapping[str, Any], tap: Tap) -> Place:
    names = row.colnames if isinstance(row, Row) else row.keys()
    if "notice_id" in names:
        return _alert(f"notice_id = {_notice(row['notice_id'])}", str(row["notice_id"]), tap)
    dec = next((one for one in ("dec", "decl") if one in names), None)
    if "ra" not in names or dec is None:
        raise BadRequestError(f"the row has neither notice_id nor ra and dec: {list(names)}")
    ra, decl = (adql.degrees(row[one], one) for one in ("ra", dec))
    return Place(f"{ra} {decl}", ra, decl)


def _notice(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise BadRequestError(f"notice_id is {value!r}, not a whole number") from None


def _known(name: str, tap: Tap) -> Place | None:
    """Return the place of an alert or event that the node calls so, or None."""
    if name.startswith("ivo://"):
        return _alert(f"ivorn = {adql.text(name)}", name, tap)
    alerts = tap.query(f"{_ALERT} alerts.latest WHERE event_name = {adql.text(name)}")
    if len(alerts):
        return _one_alert(alerts, name)
    events = tap.query(
        f"SELECT release, ra, dec FROM km3net.events WHERE event_id = {adql.text(name)}"
    )
    if not len(events):
        return None
    if len({(row["ra"], row["dec"]) for row in events}) > 1:
        releases = ", ".join(sorted(set(events["release"])))
        raise NameResolutionError(f"{name} is an event of several releases: {releases}", tap.url)
    return Place(name, float(events["ra"][0].value), float(events["dec"][0].value))


def _alert(condition: str, name: str, tap: Tap) -> Place:
    found = tap.query(f"{_ALERT} alerts.notices WHERE {condition} ORDER BY notice_id DESC")
    if not len(found):
        raise NameResolutionError(f"there is no notice {name}", tap.url)
    # several packets may have the same identifier: the newest counts
    return _one_alert(found[:1], name)


def _one_alert(found: QTable, name: str) -> Place:
    if len(set(found["alert_id"])) > 1:
        raise NameResolutionError(
            f"{name} is the name of several alerts; use the identifier of one:"
            f" {', '.join(found['ivorn'])}"
        )
    ra, dec = (_value(found[one][0]) for one in ("ra", "dec"))
    return Place(name, ra, dec, int(found["notice_id"][0]), str(found["ivorn"][0]))


def _value(cell: Any) -> float | None:
    return None if getattr(cell, "mask", False) else float(cell.value)


def _resolved(name: str) -> Place:
    """Return the position of an astronomical object, as Sesame at CDS gives it."""
    try:
        return Place(name, *_icrs(SkyCoord.from_name(name)))
    except NameResolveError as error:
        raise NameResolutionError(
            f"{name!r} is not an event or alert of this node, and Sesame could not resolve it"
            f" ({' '.join(str(error).split())}): check the name and the network, or give a SkyCoord"
        ) from None


def _icrs(position: SkyCoord) -> tuple[float, float]:
    icrs = position.icrs
    return float(icrs.ra.to_value(units.deg)), float(icrs.dec.to_value(units.deg))
