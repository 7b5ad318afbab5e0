"""Requests to the services that compute limits."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import requests
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.io.votable import from_table
from astropy.io.votable import parse as parse_votable
from astropy.io.votable.exceptions import E19
from astropy.table import QTable, Row, Table

from km3vo import adql, products
from km3vo.errors import BadRequestError, ServiceError, unanswered
from km3vo.places import place_of
from km3vo.tap import Tap, tidy

_POINT: Final = "nu/ps/api"
_REGION: Final = "nu/region/api"
_VOTABLE: Final = "votable"


class Limits(QTable):  # type: ignore[misc] # astropy has no types
    """What a sample says about sources or a region: a table with further tables.

    These are not in ``meta``, because files cannot contain them. Parts of the table do not have
    them.

    Attributes
    ----------
    events : astropy.table.QTable or None
        The events around the sources or in the region; for sources with their weights.
    bands : astropy.table.QTable or None
        The region in bands of declination.
    """

    events: QTable | None = None
    bands: QTable | None = None


def limit(
    tap: Tap, release: str, target: Any, index: Any, radius: Any, confidence: float
) -> Limits:
    """Return what a sample says about sources, see :meth:`km3vo.Node.limit`."""
    sent = {"INDEX": _index(index)} | _numbers(CONFIDENCE=confidence)
    if radius is not None:
        sent["SR"] = adql.number(adql.degrees(radius, "the radius"), "the radius")
    files = {}
    if isinstance(target, Table) or (isinstance(target, SkyCoord) and not target.isscalar):
        files["SOURCES"] = _upload(_sources(target))
    elif isinstance(target, list | tuple):
        files["SOURCES"] = _upload(_listed(target, tap))
    else:
        place = place_of(target, tap)
        sent["RA"], sent["DEC"] = place.position()
    return _ask(tap, release, _POINT, sent, files)


def limit_in(
    tap: Tap, release: str, region: Any, index: Any, confidence: float, containment: float | None
) -> Limits:
    """Return what a sample says about a region, see :meth:`km3vo.Node.limit_in`."""
    sent = {"INDEX": _index(index)} | _numbers(CONFIDENCE=confidence)
    if containment is not None:
        sent |= _numbers(CONTAINMENT=containment)
    files = {}
    if _is_file(region):
        try:
            files["MAP"] = (Path(region).name, Path(region).read_bytes(), "application/fits")
        except OSError as error:
            raise BadRequestError(
                f"the sky map {os.fspath(region)!r} cannot be read: {error.strerror}"
            ) from error
    elif hasattr(region, "to_string"):
        sent["MOC"] = region.to_string(format="ascii").strip()
    elif isinstance(region, str) and _is_moc(region):
        sent["MOC"] = region
    elif isinstance(region, str | Row | Mapping):
        place = place_of(region, tap)
        if place.ivorn is None:
            raise BadRequestError(f"{place.name} is not an alert, so it has no region")
        sent["ALERT"] = place.ivorn
    else:
        raise BadRequestError(f"{region!r} is neither a coverage map nor a file nor an alert")
    return _ask(tap, release, _REGION, sent, files)


def _numbers(**values: Any) -> dict[str, str]:
    return {name: adql.number(value, name.lower()) for name, value in values.items()}


def _shorten(table: QTable) -> None:
    """Let numbers be printed with six digits, dates with four decimals; they stay as precise."""
    for name in table.colnames:
        if table[name].dtype.kind == "f":
            table[name].info.format = ".4f" if name == "mjd" else ".6g"


def _index(index: Any) -> str:
    """Return a spectral index, or two for a range, as the service reads it."""
    both = index if isinstance(index, list | tuple) else (index,)
    return " ".join(adql.number(one, "index") for one in both)


def _is_file(region: Any) -> bool:
    """Tell the file of a sky map, which may be missing, from the name of an alert."""
    if isinstance(region, str):
        return os.path.isfile(region) or region.endswith((".fits", ".fits.gz"))
    return isinstance(region, os.PathLike)


def _is_moc(text: str) -> bool:
    return "/" in text and not set(text) - set("0123456789/-, \n\ts")


def _sources(target: Table | SkyCoord) -> Table:
    """Return a table of sources with positions in degrees, as the service wants it."""
    if isinstance(target, SkyCoord):
        return Table({"ra": target.icrs.ra.deg, "dec": target.icrs.dec.deg})
    names = {name.lower(): name for name in target.colnames}
    if "decl" in names:
        names.setdefault("dec", names["decl"])
    if not {"ra", "dec"} <= names.keys():
        raise BadRequestError(f"the table of sources has no ra and dec: {target.colnames}")
    sources = Table()
    for name in ("name", "ra", "dec", "radius", "index"):
        if name in names:
            column = target[names[name]]
            if name in ("ra", "dec", "radius"):
                column = units.Quantity(column, copy=True).astype(float)
                unitless = column.unit == units.dimensionless_unscaled
                column = column.value if unitless else column.to_value(units.deg)
            sources[name] = np.asarray(column)
    return sources


def _listed(targets: list[Any] | tuple[Any, ...], tap: Tap) -> Table:
    """Return the table of sources for a list of names and positions."""
    places = [place_of(one, tap) for one in targets]
    return Table(
        {
            "name": [one.name for one in places],
            "ra": [float(one.position()[0]) for one in places],
            "dec": [float(one.position()[1]) for one in places],
        }
    )


def _upload(sources: Table) -> tuple[str, bytes, str]:
    stream = io.BytesIO()
    from_table(sources).to_xml(stream)
    return ("sources.vot", stream.getvalue(), "application/x-votable+xml")


def _ask(
    tap: Tap,
    release: str,
    path: str,
    sent: dict[str, str],
    files: Mapping[str, tuple[str, bytes, str]],
) -> Limits:
    """Send a request to a service and return its first table, which has the others.

    Raises
    ------
    BadRequestError
        If the service refuses the parameters.
    ServiceError
        If there is no such service, or it does not answer with a table.
    """
    url = f"{tap.url}/{release}/{path}"
    sent = sent | {"RESPONSEFORMAT": _VOTABLE}
    try:
        reply = tap.session.post(url, data=sent, files=files or None)
    except requests.RequestException as error:
        raise unanswered(error, url) from error
    if reply.status_code == 404:
        raise BadRequestError(f"the node has no limits of {release}", url)
    try:
        votable = parse_votable(io.BytesIO(reply.content))
    except (E19, ValueError, OSError, IndexError):
        raise ServiceError(
            f"the answer is not a VOTable ({reply.status_code}): {reply.text[:200]}", url
        ) from None
    for resource in votable.resources:
        for info in resource.infos:
            if info.name == "QUERY_STATUS" and info.value == "ERROR":
                raise BadRequestError(" ".join(str(info.content).split()), url)
    if not reply.ok:
        raise ServiceError(f"HTTP status {reply.status_code}", url)
    tables = [
        (str(one.name), tidy(QTable(one.to_table(use_names_over_ids=True))))
        for one in votable.iter_tables()
    ]
    if not tables:
        raise ServiceError("the answer has no table", url)
    for _, table in tables:
        _shorten(table)
    found = Limits(tables[0][1])
    found.meta = {"node": tap.url, "parameters": sent, **products.reference(release, tap)}
    for name, table in tables[1:]:  # such as ps_events and region_bands
        setattr(found, name.rpartition("_")[2], table)
    return found
