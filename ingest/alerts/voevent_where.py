"""When and where of a VOEvent: the ObservationLocation, never the ObservatoryLocation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ingest.alerts import parts, times
from ingest.alerts.notice import Position
from ingest.alerts.profiles import Profile
from ingest.alerts.values import Reader, shown
from ingest.alerts.voevent_parameters import Row

_HERE: Final = "ObservationLocation/"
_TIME: Final = "AstroCoords/Time/TimeInstant/ISOTime"
_RADIUS: Final = re.compile(r"AstroCoords/Position2D/Error2Radius(\d\d)")
_SOURCE_ERROR: Final = re.compile(r"src_?error_?(\d\d)?")
_PERCENT: Final = re.compile(r"(\d\d)\s*%")
_FRAMES: Final = frozenset({"ICRS", "FK5", "J2000"})
"""What positions may be in. FK5 and ICRS differ by 0.02 arcsec at most (IERS Conventions), a
thousandth of the best localization here, and are taken as the same."""
_NO_COORDINATES: Final = "unavailable"


class Where:
    """The first coordinates in the WhereWhen of a packet.

    Parameters
    ----------
    rows : iterable of dict
        All rows of the packet.
    reader : Reader
        Collects the remarks.
    """

    def __init__(self, rows: Iterable[Row], reader: Reader) -> None:
        self.reader = reader
        self.texts: dict[str, Row] = {}
        self.description = ""
        for row in rows:
            if row["section"] == "WhereWhen" and (path := row["path"]):
                _, found, below = path.partition(_HERE)
                if found:
                    self.texts.setdefault(below, row)
                elif path == "Description":
                    self.description = row["value"] or ""
        self.scale, self.frame, self.place = self._system()

    def _text(self, path: str) -> str | None:
        row = self.texts.get(path)
        return None if row is None else row["value"]

    def _system(self) -> tuple[str, str, str]:
        """Return time scale, frame and reference position; empty where they are not said."""
        told = self._text("AstroCoords/@coord_system_id") or self._text("AstroCoordSystem/@id")
        scale = frame = place = ""
        for word in re.split(r"[-\s/]+", (told or "").upper()):
            if word in times.SCALES or word in ("LOCAL", "UT1"):
                scale = word
            elif word in _PLACES:
                place = word
            elif word:
                frame = f"{frame}-{word}" if frame else word
        for path, row in self.texts.items():
            # version 2.1 may spell the system out
            if path.startswith("AstroCoordSystem/"):
                value = (row["value"] or path.rpartition("/")[2]).strip().upper()
                if path.endswith("/TimeScale"):
                    scale = scale or value
                elif "SpaceFrame" in path and ("SpaceRefFrame" in path or path.endswith("Name")):
                    frame = frame or value
        return scale, frame, place

    def time(self) -> float | None:
        """Return the time of the event as MJD in UTC."""
        text = self._text(_TIME)
        where = f"WhereWhen/{_HERE}{_TIME}"
        scale = self.scale or "UTC"
        if scale not in times.SCALES:
            if text is not None:
                self.reader.refuse(f"{where} scale", scale, "a time scale that can be converted")
            return None
        mjd = self.reader.time(where, text, scale)
        if mjd is not None and self.place == "BARY":
            self.reader.remark(
                f"{where}: {text} is at the barycentre of the solar system, up to 8.4 min from"
                f" the Earth's; only the scale was converted from {scale}"
            )
        return mjd

    def position(self, profile: Profile, what: Mapping[str, Row]) -> Position | None:
        """Return the direction with its circle, or None.

        Parameters
        ----------
        profile : Profile
            What the stream's packets mean.
        what : mapping
            Params by their path in lower case; some have further radii.
        """
        first = "AstroCoords/Position2D/Value2/C1"
        second = "AstroCoords/Position2D/Value2/C2"
        ra, dec = self._text(first), self._text(second)
        if ra is None and dec is None:
            if any(path.startswith("AstroCoords/Position3D/") for path in self.texts):
                self._no_position("Position3D is a place and no direction")
            return None
        if not self._is_sky() or self._is_unavailable(what):
            return None
        if (self._text("AstroCoords/Position2D/Name1") or "").strip().lower().startswith("dec"):
            first, second, ra, dec = second, first, dec, ra
        unit = self._text("AstroCoords/Position2D/@unit")
        at = (f"WhereWhen/{_HERE}{first}", f"WhereWhen/{_HERE}{second}")
        error = self._text("AstroCoords/Position2D/Error2Radius")
        radius = self.reader.radius(
            f"WhereWhen/{_HERE}AstroCoords/Position2D/Error2Radius", error, unit
        )
        circles, words = self._circles(what, unit)
        errors = parts.errors_included(words)
        if errors == (None, None):
            errors = (profile.statistical, profile.systematic)
        return parts.position(
            self.reader,
            at,
            (self.reader.degrees(at[0], ra, unit), self.reader.degrees(at[1], dec, unit)),
            radius,
            circles,
            profile.containment,
            errors,
        )

    def _is_sky(self) -> bool:
        if self.frame in _FRAMES:
            return True
        if not self.frame:
            self.reader.remark(f"WhereWhen/{_HERE}AstroCoordSystem: no frame is said; ICRS assumed")
            return True
        self._no_position(f"{shown(self.frame)} is none of the frames {', '.join(sorted(_FRAMES))}")
        return False

    def _is_unavailable(self, what: Mapping[str, Row]) -> bool:
        """Return whether the packet says that its coordinates are none, as GCN's do."""
        kind = what.get("coords_string")
        said = ((kind["value"] or "") if kind else "") + self.description
        if _NO_COORDINATES in said:
            self._no_position("the packet says that its coordinates are unavailable")
            return True
        return False

    def _no_position(self, reason: str) -> None:
        self.reader.remark(f"WhereWhen/{_HERE}AstroCoords: no position is taken: {reason}")

    def _circles(self, what: Mapping[str, Row], unit: str | None) -> tuple[dict[float, float], str]:
        """Return further radii in deg by containment, and the words that explain them."""
        circles: dict[float, float] = {}
        words = []
        for path, row in self.texts.items():
            if match := _RADIUS.fullmatch(path):
                radius = self.reader.radius(f"WhereWhen/{_HERE}{path}", row["value"], unit)
                if radius is not None:
                    circles.setdefault(int(match[1]) / 100, radius)
        for path, row in what.items():
            if not (match := _SOURCE_ERROR.fullmatch(path)):
                continue
            description = row.get("description") or ""
            words.append(description)
            percent = match[1] or ((said := _PERCENT.search(description)) and said[1])
            if percent:
                radius = self.reader.radius(f"What/{row['path']}", row["value"], row.get("unit"))
                if radius is not None:
                    circles.setdefault(int(percent) / 100, radius)
        return circles, " ".join(words)


_PLACES: Final = frozenset(
    {"GEO", "TOPO", "BARY", "HELIO", "GEOLUN", "EMBARY", "GALACTICCENTER", "LSR", "RELOCATABLE"}
)
