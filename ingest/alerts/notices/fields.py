"""Values of a packet as numbers and times, and what was wrong with them.

A value that cannot be right never costs the packet: it is left out of its field, stays among
the parameters as it stands, and a remark tells where it is, what it is and what was expected.
"""

from __future__ import annotations

import math
import re
from typing import Final

from ingest.alerts.notices import times
from ingest.alerts.notices.model import Rate

JULIAN_YEAR: Final = 31_557_600.0
"""s; 365.25 days (IAU)."""
LARGEST: Final = 2**31 - 1
"""Of whole numbers: what a database holds as an integer, as which they are published."""

_GEV: Final = {"ev": -9, "kev": -6, "mev": -3, "gev": 0, "tev": 3, "pev": 6, "eev": 9}
"""Powers of ten, so that 352.6956 TeV are 352695.6 GeV and not 352695.60000000003."""
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
    "d": 1 / 86_400,
    "day": 1 / 86_400,
    "week": 1 / 604_800,
    "month": 12 / JULIAN_YEAR,
    "yr": 1 / JULIAN_YEAR,
    "y": 1 / JULIAN_YEAR,
    "a": 1 / JULIAN_YEAR,
    "year": 1 / JULIAN_YEAR,
}
_PER: Final = re.compile(r"(?:1?\s*(?:/|per)\s*)?([a-z]+?)s?(?:\s*(?:\^|\*\*)?\s*\(?-1\)?)?")
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_TRUE: Final = frozenset({"true", "t", "yes", "y"})
_SHOWN: Final = 80
_MOST_REMARKS: Final = 100


def rate_in_hertz(unit: str) -> float | None:
    """Return how many Hz one `unit` is, or None for a unit that is no rate."""
    text = unit.strip().lower()
    match = _PER.fullmatch(text)
    if match is None or (
        text != "hz" and "1" not in text and "/" not in text and "per" not in text
    ):
        return None
    return _HERTZ.get(match[1])


def is_true(text: str | None) -> bool:
    """Return whether a flag is set: the words for yes, and every number but 0."""
    word = (text or "").strip().lower()
    if word in _TRUE:
        return True
    return bool(_NUMBER.fullmatch(word)) and float(word) != 0


def is_false(text: str | None) -> bool:
    """Return whether a flag is there and says no."""
    word = (text or "").strip().lower()
    return word in ("false", "f", "no", "n") or (
        bool(word) and _NUMBER.fullmatch(word) is not None and float(word) == 0
    )


class Reader:
    """Turn texts of one packet into values, and collect the remarks."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Note something; a packet that is all faults does not get endless remarks."""
        if len(self.remarks) < _MOST_REMARKS:
            self.remarks.append(text)

    def refuse(self, where: str, value: object, expected: str) -> None:
        """Note that a value is not what was expected and was left out of its field."""
        self.remark(f"{where}: {shown(value)} is not {expected}; it is kept as a parameter only")

    def number(
        self,
        where: str,
        text: str | None,
        expected: str = "a number",
        low: float = -math.inf,
        high: float = math.inf,
    ) -> float | None:
        """Return a finite number from `low` to `high`, or None.

        An empty text is a value that is not there, and gets no remark.
        """
        if text is None or not (stripped := text.strip()):
            return None
        if _NUMBER.fullmatch(stripped):
            value = float(stripped)
            if math.isfinite(value) and low <= value <= high:
                return value + 0.0
        self.refuse(where, text, expected)
        return None

    def integer(self, where: str, text: str | None, low: int = -LARGEST) -> int | None:
        """Return a whole number up to :data:`LARGEST`, or None."""
        value = self.number(where, text, "a whole number")
        if value is None:
            return None
        if value != int(value) or not low <= value <= LARGEST:
            self.refuse(where, text, f"a whole number from {low} to {LARGEST}")
            return None
        try:
            return int(str(text).strip())
        except ValueError:
            return int(value)

    def fraction(self, where: str, text: str | None) -> float | None:
        """Return a probability."""
        return self.number(where, text, "a probability from 0 to 1", 0, 1)

    def time(self, where: str, text: str | None, scale: str = "UTC") -> float | None:
        """Return an ISO time as MJD in UTC, or None."""
        if text is None or not text.strip():
            return None
        mjd = times.iso_to_mjd(text, scale)
        if mjd is None:
            self.refuse(where, text, times.EXPECTED)
        return mjd

    def right_ascension(self, where: str, text: str | None) -> float | None:
        """Return degrees from 0 to less than 360; 360 is 0, and −180 to 0 is wrapped."""
        value = self.number(where, text, "a right ascension from 0 to 360 deg", -180, 360)
        if value is None:
            return None
        if value < 0:
            self.remark(f"{where}: {text} deg is taken as {value + 360:g} deg")
        value %= 360.0
        return 0.0 if value == 360.0 else value

    def declination(self, where: str, text: str | None) -> float | None:
        """Return degrees from −90 to 90."""
        return self.number(where, text, "a declination from -90 to 90 deg", -90, 90)

    def radius(self, where: str, text: str | None, unit: str | None = None) -> float | None:
        """Return an error radius in deg; 0 stands for one that is not known, and is None."""
        factor = _DEGREES.get((unit or "deg").strip().lower() or "deg")
        if factor is None:
            self.refuse(f"{where} unit", unit, "a unit of angle")
            return None
        value = self.number(where, text, "a radius from 0 to 180 deg", 0, 180 / factor)
        if value == 0:
            self.remark(f"{where}: a radius of 0 is taken as not known")
            return None
        return None if value is None else min(value * factor, 180.0)

    def degrees(self, where: str, text: str | None, unit: str | None) -> str | None:
        """Return an angle in deg as text, so that its range can be checked as any other's."""
        factor = _DEGREES.get((unit or "deg").strip().lower() or "deg")
        if factor is None:
            self.refuse(f"{where} unit", unit, "a unit of angle")
            return None
        if factor == 1.0:
            return text
        value = self.number(where, text)
        return None if value is None else repr(value * factor)

    def energy(self, where: str, text: str | None, unit: str | None) -> float | None:
        """Return an energy in GeV."""
        if text is None or not text.strip():
            return None
        power = _GEV.get((unit or "").strip().lower())
        if power is None:
            self.refuse(f"{where} unit", unit or "", "a unit of energy (GeV, TeV, PeV …)")
            return None
        if self.number(where, text, "an energy, which is not negative", 0, 1e300) is None:
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
        """Return a false alarm rate.

        Parameters
        ----------
        where, text, unit : str
            Place, value and unit in the packet.
        zero_is_missing : bool
            Whether 0 stands for a rate that is not known.
        hertz_up_to : float, optional
            A value up to this, although given per year, is taken as Hz.
        """
        value = self.number(where, text, "a rate, which is not negative", 0)
        if value is None:
            return None
        if value == 0 and zero_is_missing:
            self.remark(f"{where}: a rate of 0 is taken as not known")
            return None
        factor = rate_in_hertz(unit or "")
        if factor is None:
            self.refuse(f"{where} unit", unit or "", "a unit of rate (Hz, yr^-1 …)")
            return None
        doubtful = hertz_up_to is not None and factor != 1.0 and value <= hertz_up_to
        if doubtful:
            self.remark(
                f"{where}: {text} {unit} is below what this stream sends per year;"
                " it is taken as Hz"
            )
        return Rate(
            hertz=value if doubtful else value * factor, value=value, unit=unit, doubtful=doubtful
        )


def shown(value: object) -> str:
    """Return a value for a remark, never longer than a line."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
