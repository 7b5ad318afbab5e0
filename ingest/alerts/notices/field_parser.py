"""Conversion of the texts of a packet into numbers and times.

An invalid value does not invalidate the packet. Its field stays empty, the text remains among
the parameters, and a remark says where it was, what it was and what was expected.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ingest.alerts.notices import times
from ingest.alerts.notices.model import Rate
from ingest.core.timescales import DAY
from ingest.core.units import JULIAN_YEAR

MAX_INTEGER: Final = 2**31 - 1
"""The largest value of an integer column of the database."""

_POWERS_OF_TEN: Final = {"ev": -9, "kev": -6, "mev": -3, "gev": 0, "tev": 3, "pev": 6, "eev": 9}
"""Exponents of the factors to GeV: added to the exponent in the text, they cause no rounding."""
_DEGREES: Final = {
    "deg": 1.0,
    "degree": 1.0,
    "degrees": 1.0,
    "deg-deg": 1.0,
    "arcmin": 1 / 60,
    "arcsec": 1 / 3600,
    "rad": math.degrees(1),
    "rad-rad": math.degrees(1),
    "mas": 1 / 3_600_000,
}
_HERTZ: Final = {
    "hz": 1.0,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 1 / 60,
    "h": 1 / 3600,
    "hr": 1 / 3600,
    "hour": 1 / 3600,
    "d": 1 / DAY,
    "day": 1 / DAY,
    "week": 1 / (7 * DAY),
    "month": 12 / JULIAN_YEAR,
    "yr": 1 / JULIAN_YEAR,
    "y": 1 / JULIAN_YEAR,
    "a": 1 / JULIAN_YEAR,
    "year": 1 / JULIAN_YEAR,
}
_RATE_UNIT: Final = re.compile(r"(?:1?\s*(?:/|per)\s*)?([a-z]+?)s?(?:\s*(?:\^|\*\*)?\s*\(?-1\)?)?")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUE: Final = frozenset({"true", "t", "yes", "y"})
_MAX_SHOWN: Final = 80
_MAX_REMARKS: Final = 100


def hertz_per_unit(unit: str) -> float | None:
    """Return the value of a unit of rate in Hz, or None if it is not a unit of rate."""
    text = unit.strip().lower()
    match = _RATE_UNIT.fullmatch(text)
    if match is None or (
        text != "hz" and "1" not in text and "/" not in text and "per" not in text
    ):
        return None
    return _HERTZ.get(match[1])


def is_true(text: str | None) -> bool:
    """Return whether a flag is set: true, yes, or a number other than 0."""
    word = (text or "").strip().lower()
    if word in _TRUE:
        return True
    return bool(_NUMBER.fullmatch(word)) and float(word) != 0


def is_false(text: str | None) -> bool:
    """Return whether a flag is present and not set: false, no, or 0."""
    word = (text or "").strip().lower()
    return word in ("false", "f", "no", "n") or (
        bool(word) and _NUMBER.fullmatch(word) is not None and float(word) == 0
    )


class FieldParser:
    """Convert the texts of one packet into values, and collect the remarks.

    The methods return None for an empty text, without a remark, and for an invalid one, with a
    remark. Their first arguments are the place of the value in the packet, for the remark, and
    the text.

    Attributes
    ----------
    remarks : list of str
        What was noticed, and how it was treated.
    """

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Add a remark, unless there are too many already."""
        if len(self.remarks) < _MAX_REMARKS:
            self.remarks.append(text)

    def reject(self, where: str, value: object, expected: str) -> None:
        """Add a remark that a value is invalid and its field therefore empty."""
        self.remark(
            f"{where}: {shown(value)} is not {expected}; it is ignored here, and preserved"
            " among the parameters"
        )

    def number(
        self,
        where: str,
        text: str | None,
        expected: str = "a number",
        low: float = -math.inf,
        high: float = math.inf,
    ) -> float | None:
        """Return a finite number from `low` to `high`."""
        if text is None or not (stripped := text.strip()):
            return None
        if _NUMBER.fullmatch(stripped):
            value = float(stripped)
            if math.isfinite(value) and low <= value <= high:
                return value + 0.0
        self.reject(where, text, expected)
        return None

    def integer(self, where: str, text: str | None, low: int = -MAX_INTEGER) -> int | None:
        """Return an integer from `low` to :data:`MAX_INTEGER`."""
        value = self.number(where, text, "an integer")
        if value is None:
            return None
        if value != int(value) or not low <= value <= MAX_INTEGER:
            self.reject(where, text, f"an integer from {low} to {MAX_INTEGER}")
            return None
        try:
            return int(str(text).strip())
        except ValueError:
            return int(value)

    def probability(self, where: str, text: str | None) -> float | None:
        """Return a probability."""
        return self.number(where, text, "a probability from 0 to 1", 0, 1)

    def mjd(self, where: str, text: str | None, scale: str = "UTC") -> float | None:
        """Return a time in ISO 8601 as MJD in UTC; see :func:`.times.iso_to_mjd`."""
        if text is None or not text.strip():
            return None
        mjd = times.iso_to_mjd(text, scale)
        if mjd is None:
            self.reject(where, text, times.EXPECTED)
        return mjd

    def right_ascension(self, where: str, text: str | None) -> float | None:
        """Return degrees in [0, 360); 360 becomes 0, and values from −180 are wrapped."""
        value = self.number(where, text, "a right ascension from 0 to 360 deg", -180, 360)
        if value is None:
            return None
        if value < 0:
            self.remark(f"{where}: {text} deg is interpreted as {value + 360:g} deg")
        value %= 360.0
        return 0.0 if value == 360.0 else value

    def declination(self, where: str, text: str | None) -> float | None:
        """Return degrees from −90 to 90."""
        return self.number(where, text, "a declination from -90 to 90 deg", -90, 90)

    def radius(self, where: str, text: str | None, unit: str | None = None) -> float | None:
        """Return an error radius in deg; 0 stands for an unknown radius, and gives None."""
        factor = self._degrees_per_unit(where, unit)
        if factor is None:
            return None
        value = self.number(where, text, "a radius from 0 to 180 deg", 0, 180 / factor)
        if value == 0:
            self.remark(f"{where}: a radius of 0 is interpreted as unknown")
            return None
        return None if value is None else min(value * factor, 180.0)

    def in_degrees(self, where: str, text: str | None, unit: str | None) -> str | None:
        """Return the text of an angle converted to deg, not yet checked for its range."""
        factor = self._degrees_per_unit(where, unit)
        if factor is None:
            return None
        if factor == 1.0:
            return text
        value = self.number(where, text)
        return None if value is None else repr(value * factor)

    def _degrees_per_unit(self, where: str, unit: str | None) -> float | None:
        factor = _DEGREES.get((unit or "").strip().lower() or "deg")
        if factor is None:
            self.reject(f"{where} unit", unit, "a unit of angle")
        return factor

    def energy(self, where: str, text: str | None, unit: str | None) -> float | None:
        """Return an energy in GeV."""
        if text is None or not text.strip():
            return None
        power = _POWERS_OF_TEN.get((unit or "").strip().lower())
        if power is None:
            self.reject(f"{where} unit", unit or "", "a unit of energy (GeV, TeV, PeV …)")
            return None
        if self.number(where, text, "a non-negative energy", 0, 1e300) is None:
            return None
        mantissa, _, exponent = text.strip().lower().partition("e")
        return float(f"{mantissa}e{int(exponent or 0) + power}")

    def rate(
        self,
        where: str,
        text: str | None,
        unit: str | None,
        *,
        zero_is_missing: bool = False,
        hertz_up_to: float | None = None,
    ) -> Rate | None:
        """Return a false-alarm rate.

        Parameters
        ----------
        where, text, unit : str
            Place, value and unit in the packet.
        zero_is_missing : bool
            Whether 0 stands for an unknown rate.
        hertz_up_to : float, optional
            Values up to this one are interpreted as Hz, whatever their unit.
        """
        value = self.number(where, text, "a non-negative rate", 0)
        if value is None:
            return None
        if value == 0 and zero_is_missing:
            self.remark(f"{where}: a rate of 0 is interpreted as unknown")
            return None
        factor = hertz_per_unit(unit or "")
        if factor is None:
            self.reject(f"{where} unit", unit or "", "a unit of rate (Hz, yr^-1 …)")
            return None
        doubtful = hertz_up_to is not None and factor != 1.0 and value <= hertz_up_to
        if doubtful:
            self.remark(
                f"{where}: {text} {unit} is below every rate that this stream sends;"
                " it is interpreted as Hz"
            )
        return Rate(
            hertz=value if doubtful else value * factor, value=value, unit=unit, doubtful=doubtful
        )


def shown(value: object) -> str:
    """Return the representation of a value for a remark, cut off after a line."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
