"""Time and position in the WhereWhen section of a VOEvent: those of the ObservationLocation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ingest.alerts.notices import common_fields, times
from ingest.alerts.notices.field_parser import FieldParser, shown
from ingest.alerts.notices.model import Parameter, Position
from ingest.alerts.notices.profiles import Profile

_LOCATION: Final = "ObservationLocation/"
_INSTANT: Final = "AstroCoords/Time/TimeInstant"
_START: Final = "AstroCoords/Time/TimeInterval/ISOTimeStart"
_POSITION: Final = "AstroCoords/Position2D"
_RADIUS: Final = re.compile(r"AstroCoords/Position2D/Error2Radius(\d\d)")
_SOURCE_ERROR: Final = re.compile(r"src_?error_?(\d\d)?")
_PERCENT: Final = re.compile(r"(\d\d)\s*%")
_FRAMES: Final = frozenset({"ICRS", "FK5", "J2000"})
"""Supported frames, all treated as ICRS. FK5 at J2000 is rotated with respect to ICRS by at most
0.032 arcsec (rotation of FK5 with respect to Hipparcos in ERFA's ``fk5hip``). The smallest error
radius of positions in FK5, 1.4 arcsec of Swift's XRT, is more than forty times larger."""
_NO_COORDINATES: Final = "unavailable"
_OTHER_SCALES: Final = frozenset({"LOCAL", "UT1"})
_REFERENCE_POSITIONS: Final = frozenset(
    {"GEO", "GEOC", "GEOL", "TOPO", "BARY", "HELI", "EMBA", "LSR"}
)
"""First four letters of reference positions, of which only the barycentre matters here."""


class WhereWhen:
    """The first coordinates in the WhereWhen section of a packet.

    Parameters
    ----------
    parameters : list of Parameter
        All parameters of the packet.
    parser : FieldParser
        Collects the remarks.
    """

    def __init__(self, parameters: list[Parameter], parser: FieldParser) -> None:
        self.parser = parser
        self.coordinates: dict[str, Parameter] = {}
        self.description = ""
        for parameter in parameters:
            if parameter.section == "WhereWhen" and (path := parameter.path):
                _, found, below = path.partition(_LOCATION)
                if found:
                    self.coordinates.setdefault(below, parameter)
                elif path == "Description":
                    self.description = parameter.value or ""
        self.scale, self.frame, self.reference_position = self._coordinate_system()

    def _text(self, path: str) -> str | None:
        parameter = self.coordinates.get(path)
        return None if parameter is None else parameter.value

    def _coordinate_system(self) -> tuple[str, tuple[str, ...], str]:
        """Return time scale, words of the frame and reference position; empty if not given."""
        name = self._text("AstroCoords/@coord_system_id") or self._text("AstroCoordSystem/@id")
        scale = place = ""
        frame: tuple[str, ...] = ()
        for word in re.split(r"[-\s/]+", (name or "").upper()):
            if word in times.SCALES or word in _OTHER_SCALES:
                scale = word
            elif word[:4] in _REFERENCE_POSITIONS or word in _REFERENCE_POSITIONS:
                place = word[:4]
            elif word:
                frame = (*frame, word)
        # version 2.1 allows elements instead of the name
        system = "AstroCoordSystem/"
        space = self._text(f"{system}SpaceFrame/SpaceRefFrame")
        time = self._text(f"{_INSTANT}/TimeScale") or self._text(f"{system}TimeFrame/TimeScale")
        reference = self._text(f"{system}TimeFrame/ReferencePosition")
        return (
            (time or scale).strip().upper(),
            frame or tuple((space or "").upper().split()),
            place or (reference or "").strip().upper()[:4],
        )

    def mjd(self) -> float | None:
        """Return the time of the event as MJD in UTC; of an interval, its start."""
        path = f"{_INSTANT}/ISOTime"
        text = self._text(path)
        if text is None and (text := self._text(_START)) is not None:
            path = _START
            self.parser.remark(f"WhereWhen/{_LOCATION}{path}: an interval; its start is used")
        where = f"WhereWhen/{_LOCATION}{path}"
        scale = self.scale or "UTC"
        if scale not in times.SCALES:
            if text is not None:
                self.parser.reject(f"{where} scale", scale, "a time scale that can be converted")
            return None
        mjd = self.parser.mjd(where, text, scale)
        if mjd is not None and self.reference_position == "BARY":
            self.parser.remark(
                f"{where}: {text} is a time at the solar system barycentre, which differs from"
                f" that at the Earth by up to 8.4 min; only the scale was converted from {scale}"
            )
        return mjd

    def position(self, profile: Profile, params: Mapping[str, Parameter]) -> Position | None:
        """Return the position of the source with its error circle, or None.

        Parameters
        ----------
        profile : Profile
            The profile of the stream.
        params : mapping
            Params of the What section by their path in lower case; some give further radii.
        """
        first, second = f"{_POSITION}/Value2/C1", f"{_POSITION}/Value2/C2"
        ra, dec = self._text(first), self._text(second)
        if ra is None and dec is None:
            if any(path.startswith("AstroCoords/Position3D/") for path in self.coordinates):
                self._no_position("Position3D is a place, not a direction")
            return None
        if not self._is_equatorial() or self._is_unavailable(params):
            return None
        if (self._text(f"{_POSITION}/Name1") or "").strip().lower().startswith("dec"):
            first, second, ra, dec = second, first, dec, ra
        at = (f"WhereWhen/{_LOCATION}{first}", f"WhereWhen/{_LOCATION}{second}")
        circles, descriptions = self._circles(params)
        errors = common_fields.errors_included(descriptions)
        if errors == (None, None):
            errors = (profile.statistical, profile.systematic)
        return common_fields.position(
            self.parser,
            at,
            (
                self.parser.in_degrees(at[0], ra, self._unit(first)),
                self.parser.in_degrees(at[1], dec, self._unit(second)),
            ),
            self._radius(),
            circles,
            profile.containment,
            errors,
        )

    def _unit(self, path: str) -> str | None:
        return self._text(f"{path}/@pos_unit") or self._text(f"{_POSITION}/@unit")

    def _error(self, path: str) -> float | None:
        return self.parser.radius(
            f"WhereWhen/{_LOCATION}{path}", self._text(path), self._unit(path)
        )

    def _radius(self) -> float | None:
        """Return the radius of the error circle, or the larger of two axes' errors."""
        radius = self._error(f"{_POSITION}/Error2Radius")
        if radius is None:
            axes = [self._error(f"{_POSITION}/Error2/C{axis}") for axis in (1, 2)]
            radius = max((error for error in axes if error is not None), default=None)
            if radius is not None:
                where = f"WhereWhen/{_LOCATION}{_POSITION}/Error2"
                self.parser.remark(f"{where}: the larger error is used as the radius")
        return radius

    def _is_equatorial(self) -> bool:
        if self.frame and _FRAMES.issuperset(self.frame):
            return True
        if not self.frame:
            self.parser.remark(
                f"WhereWhen/{_LOCATION}AstroCoordSystem: no frame is given; ICRS is assumed"
            )
            return True
        self._no_position(
            f"{shown('-'.join(self.frame))} is not one of the frames {', '.join(sorted(_FRAMES))}"
        )
        return False

    def _is_unavailable(self, params: Mapping[str, Parameter]) -> bool:
        """Return whether the packet declares its coordinates unavailable, as GCN's do."""
        kind = params.get("coords_string")
        text = ((kind.value or "") if kind else "") + self.description
        if _NO_COORDINATES in text:
            self._no_position("the packet declares its coordinates unavailable")
            return True
        return False

    def _no_position(self, reason: str) -> None:
        self.parser.remark(f"WhereWhen/{_LOCATION}AstroCoords: no position: {reason}")

    def _circles(self, params: Mapping[str, Parameter]) -> tuple[dict[float, float], str]:
        """Return further radii in deg by their containment, and their descriptions."""
        circles: dict[float, float] = {}
        descriptions = []
        for path in self.coordinates:
            if path.startswith(_POSITION) and (match := _RADIUS.fullmatch(path)):
                radius = self._error(path)
                if radius is not None:
                    circles.setdefault(int(match[1]) / 100, radius)
        for path, param in params.items():
            if not (path.startswith("src") and (match := _SOURCE_ERROR.fullmatch(path))):
                continue
            description = param.description or ""
            descriptions.append(description)
            percent = match[1] or ((stated := _PERCENT.search(description)) and stated[1])
            if percent:
                radius = self.parser.radius(f"What/{param.path}", param.value, param.unit)
                if radius is not None:
                    circles.setdefault(int(percent) / 100, radius)
        return circles, " ".join(descriptions)
