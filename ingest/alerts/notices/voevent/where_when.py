"""When and where of a VOEvent: the ObservationLocation, never the ObservatoryLocation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ingest.alerts.notices import shared, times
from ingest.alerts.notices.fields import Reader, shown
from ingest.alerts.notices.model import Parameter, Position
from ingest.alerts.notices.profiles import Profile

_HERE: Final = "ObservationLocation/"
_INSTANT: Final = "AstroCoords/Time/TimeInstant"
_START: Final = "AstroCoords/Time/TimeInterval/ISOTimeStart"
_POSITION: Final = "AstroCoords/Position2D"
_RADIUS: Final = re.compile(r"AstroCoords/Position2D/Error2Radius(\d\d)")
_SOURCE_ERROR: Final = re.compile(r"src_?error_?(\d\d)?")
_PERCENT: Final = re.compile(r"(\d\d)\s*%")
_FRAMES: Final = frozenset({"ICRS", "FK5", "J2000"})
"""What positions may be in. FK5 at J2000 is turned against ICRS by 0.032 arcsec at most (rotation
of FK5 against Hipparcos in ERFA's ``fk5hip``). The smallest error radii in FK5, 1.4 arcsec of
Swift's XRT, are forty times that; so the two are taken as the same."""
_NO_COORDINATES: Final = "unavailable"
_OTHER_SCALES: Final = frozenset({"LOCAL", "UT1"})
_PLACES: Final = frozenset({"GEO", "GEOC", "GEOL", "TOPO", "BARY", "HELI", "EMBA", "LSR"})
"""Reference positions, by their first four letters; where they matter, the barycentre does."""


class Where:
    """The first coordinates in the WhereWhen of a packet.

    Parameters
    ----------
    rows : list of Parameter
        All rows of the packet.
    reader : Reader
        Collects the remarks.
    """

    def __init__(self, rows: list[Parameter], reader: Reader) -> None:
        self.reader = reader
        self.texts: dict[str, Parameter] = {}
        self.description = ""
        for row in rows:
            if row.section == "WhereWhen" and (path := row.path):
                _, found, below = path.partition(_HERE)
                if found:
                    self.texts.setdefault(below, row)
                elif path == "Description":
                    self.description = row.value or ""
        self.scale, self.frame, self.place = self._system()

    def _text(self, path: str) -> str | None:
        row = self.texts.get(path)
        return None if row is None else row.value

    def _system(self) -> tuple[str, tuple[str, ...], str]:
        """Return time scale, words of the frame and reference position; empty if not said."""
        told = self._text("AstroCoords/@coord_system_id") or self._text("AstroCoordSystem/@id")
        scale = place = ""
        frame: tuple[str, ...] = ()
        for word in re.split(r"[-\s/]+", (told or "").upper()):
            if word in times.SCALES or word in _OTHER_SCALES:
                scale = word
            elif word[:4] in _PLACES or word in _PLACES:
                place = word[:4]
            elif word:
                frame = (*frame, word)
        # version 2.1 may spell the system out
        system = "AstroCoordSystem/"
        spelt = self._text(f"{system}SpaceFrame/SpaceRefFrame")
        own = self._text(f"{_INSTANT}/TimeScale") or self._text(f"{system}TimeFrame/TimeScale")
        seen_from = self._text(f"{system}TimeFrame/ReferencePosition")
        return (
            (own or scale).strip().upper(),
            frame or tuple((spelt or "").upper().split()),
            place or (seen_from or "").strip().upper()[:4],
        )

    def time(self) -> float | None:
        """Return the time of the event as MJD in UTC; of an interval, its beginning."""
        path = f"{_INSTANT}/ISOTime"
        text = self._text(path)
        if text is None and (text := self._text(_START)) is not None:
            path = _START
            self.reader.remark(f"WhereWhen/{_HERE}{path}: an interval; its beginning is taken")
        where = f"WhereWhen/{_HERE}{path}"
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

    def position(self, profile: Profile, what: Mapping[str, Parameter]) -> Position | None:
        """Return the direction with its circle, or None.

        Parameters
        ----------
        profile : Profile
            What the stream's packets mean.
        what : mapping
            Params by their path in lower case; some have further radii.
        """
        first, second = f"{_POSITION}/Value2/C1", f"{_POSITION}/Value2/C2"
        ra, dec = self._text(first), self._text(second)
        if ra is None and dec is None:
            if any(path.startswith("AstroCoords/Position3D/") for path in self.texts):
                self._no_position("Position3D is a place and no direction")
            return None
        if not self._is_sky() or self._is_unavailable(what):
            return None
        if (self._text(f"{_POSITION}/Name1") or "").strip().lower().startswith("dec"):
            first, second, ra, dec = second, first, dec, ra
        at = (f"WhereWhen/{_HERE}{first}", f"WhereWhen/{_HERE}{second}")
        circles, words = self._circles(what)
        errors = shared.errors_included(words)
        if errors == (None, None):
            errors = (profile.statistical, profile.systematic)
        return shared.position(
            self.reader,
            at,
            (
                self.reader.degrees(at[0], ra, self._unit(first)),
                self.reader.degrees(at[1], dec, self._unit(second)),
            ),
            self._radius(),
            circles,
            profile.containment,
            errors,
        )

    def _unit(self, path: str) -> str | None:
        return self._text(f"{path}/@pos_unit") or self._text(f"{_POSITION}/@unit")

    def _error(self, path: str) -> float | None:
        return self.reader.radius(f"WhereWhen/{_HERE}{path}", self._text(path), self._unit(path))

    def _radius(self) -> float | None:
        """Return the radius of the error circle, or the larger of the errors of two axes."""
        radius = self._error(f"{_POSITION}/Error2Radius")
        if radius is None:
            axes = [self._error(f"{_POSITION}/Error2/C{axis}") for axis in (1, 2)]
            radius = max((error for error in axes if error is not None), default=None)
            if radius is not None:
                self.reader.remark(f"WhereWhen/{_HERE}{_POSITION}/Error2: the larger one is taken")
        return radius

    def _is_sky(self) -> bool:
        if self.frame and _FRAMES.issuperset(self.frame):
            return True
        if not self.frame:
            self.reader.remark(f"WhereWhen/{_HERE}AstroCoordSystem: no frame is said; ICRS assumed")
            return True
        self._no_position(
            f"{shown('-'.join(self.frame))} is none of the frames {', '.join(sorted(_FRAMES))}"
        )
        return False

    def _is_unavailable(self, what: Mapping[str, Parameter]) -> bool:
        """Return whether the packet says that its coordinates are none, as GCN's do."""
        kind = what.get("coords_string")
        said = ((kind.value or "") if kind else "") + self.description
        if _NO_COORDINATES in said:
            self._no_position("the packet says that its coordinates are unavailable")
            return True
        return False

    def _no_position(self, reason: str) -> None:
        self.reader.remark(f"WhereWhen/{_HERE}AstroCoords: no position is taken: {reason}")

    def _circles(self, what: Mapping[str, Parameter]) -> tuple[dict[float, float], str]:
        """Return further radii in deg by containment, and the words that explain them."""
        circles: dict[float, float] = {}
        words = []
        for path in self.texts:
            if path.startswith(_POSITION) and (match := _RADIUS.fullmatch(path)):
                radius = self._error(path)
                if radius is not None:
                    circles.setdefault(int(match[1]) / 100, radius)
        for path, row in what.items():
            if not (path.startswith("src") and (match := _SOURCE_ERROR.fullmatch(path))):
                continue
            description = row.description or ""
            words.append(description)
            percent = match[1] or ((said := _PERCENT.search(description)) and said[1])
            if percent:
                radius = self.reader.radius(f"What/{row.path}", row.value, row.unit)
                if radius is not None:
                    circles.setdefault(int(percent) / 100, radius)
        return circles, " ".join(words)
