"""Catalogues of sources, read from the files that a site configures."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.alerts.matching.directions import WHOLE_SKY, Floats
from ingest.core import privileges
from ingest.core.errors import InputError

if TYPE_CHECKING:
    from astropy.table import Table

_FORMATS: Final = {
    ".ecsv": "ascii.ecsv",
    ".csv": "ascii.csv",
    ".fits": "fits",
    ".fit": "fits",
    ".vot": "votable",
    ".xml": "votable",
}
MAX_SOURCES: Final = 1_000_000
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, eq=False)
class Catalogue:
    """A catalogue in memory; arrays have shape (n,).

    Attributes
    ----------
    settings : CatalogueSettings
        What the configuration says of it.
    names, classes : sequence of str
        Names and classes of the sources; empty where not given.
    ra, dec : array of float64
        Positions in deg, ICRS.
    flux, redshift : array of float64
        NaN where not given.
    """

    settings: CatalogueSettings
    names: Sequence[str]
    classes: Sequence[str]
    ra: Floats
    dec: Floats
    flux: Floats
    redshift: Floats

    @property
    def density(self) -> float:
        """The mean density of sources in sr^-1."""
        area = self.settings.sky.area if self.settings.sky else WHOLE_SKY
        return len(self.names) / area

    @cached_property
    def weights(self) -> Floats:
        """Weights of mean 1: the fluxes; a source without one has the mean."""
        given = np.isfinite(self.flux)
        if not given.any():
            return np.ones(len(self.names))
        return np.where(given, self.flux / self.flux[given].mean(), 1.0)

    @cached_property
    def density_as_bright(self) -> Floats:
        """The density in sr^-1 of sources with at least the weight of each."""
        falling = np.sort(-self.weights)
        brighter = np.searchsorted(falling, -self.weights, side="right")
        return np.asarray(self.density * brighter / len(self.names))


def read_catalogue(settings: CatalogueSettings) -> Catalogue:
    """Read the table of a catalogue.

    Parameters
    ----------
    settings : CatalogueSettings
        Its section of the configuration.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or a source has no position.
    """
    path = settings.file
    table = _table(path, settings.skip)
    columns = settings.columns
    wanted = [columns.name, columns.ra, columns.dec, columns.source_class, columns.flux,
              columns.redshift]  # fmt: skip
    missing = [name for name in wanted if name is not None and name not in table.colnames]
    if missing:
        raise InputError(
            f"the catalogue has no column {missing[0]}",
            file=path,
            expected="one of " + ", ".join(table.colnames),
            remedy="correct [catalogue.columns]",
        )
    if len(table) > MAX_SOURCES:
        raise InputError(
            "the catalogue has too many sources",
            file=path,
            value=f"{len(table)}",
            expected=f"at most {MAX_SOURCES}",
            remedy="select those that may be origins of neutrinos",
        )
    ra, dec = _numbers(table, columns.ra, path, "deg"), _numbers(table, columns.dec, path, "deg")
    bad = np.flatnonzero(~((ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90)))
    if len(bad):
        raise InputError(
            "a source has no valid position",
            file=path,
            where=f"row {bad[0] + 1}",
            value=f"{ra[bad[0]]}, {dec[bad[0]]}",
            expected="right ascension 0 to 360 and declination -90 to 90 deg",
            remedy="correct or remove the row",
        )
    flux = _optional(table, columns.flux, path)
    classes = _texts(table, columns.source_class) if columns.source_class else None
    return Catalogue(
        settings,
        _texts(table, columns.name),
        classes or [settings.source_class or ""] * len(table),
        ra,
        dec,
        # an upper limit or a placeholder is no flux
        np.where(flux > 0, flux, np.nan),
        _optional(table, columns.redshift, path),
    )


def _table(path: Path, skip: int) -> Table:
    # imported here because they load slowly
    from astropy.table import Table

    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(
            "the format of the catalogue is not known",
            file=path,
            value=path.suffix,
            expected="one of " + ", ".join(_FORMATS),
            remedy="rename or convert the file",
        )
    lines: dict[str, Any] = {"header_start": skip} if form == "ascii.csv" else {}
    try:
        with privileges.caller(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # astropy takes it for the end of a value, and mixes up rows
            if form.startswith("ascii") and b"\0" in path.read_bytes():
                raise ValueError("a NUL character")
            return Table.read(path, format=form, **lines)
    except Exception as error:
        # astropy's parsers raise all kinds of errors
        raise InputError(
            "the catalogue cannot be read",
            file=path,
            value=" ".join(str(error).split())[:200] or type(error).__name__,
            expected=f"a table as {form}",
            remedy="correct the file, or its name in the configuration",
        ) from None


def _numbers(table: Table, name: str, path: Path, unit: str | None = None) -> Floats:
    """Return a column as numbers, NaN where it has no value."""
    column = table[name]
    try:
        values = np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan)
        if unit is not None and getattr(column, "unit", None) is not None:
            values = values * column.unit.to(unit)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"the column {name} is not of numbers",
            file=path,
            value=str(error)[:200],
            expected="a number in each row" + (f", in {unit}" if unit else ""),
            remedy="correct the file",
        ) from None
    return np.asarray(values, np.float64).reshape(-1)


def _optional(table: Table, name: str | None, path: Path) -> Floats:
    if name is None:
        return np.full(len(table), np.nan)
    values = _numbers(table, name, path)
    return np.where(np.isfinite(values), values, np.nan)


def _texts(table: Table, name: str) -> list[str]:
    column = table[name]
    empty = np.ma.getmaskarray(np.ma.asarray(column))
    return ["" if none else _text(one) for one, none in zip(column, empty, strict=True)]


def _text(value: object) -> str:
    """Return a name in one line of ASCII, as VOTables need it, of a length that fits an index."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    text = "".join(_ascii(one) for one in unicodedata.normalize("NFKD", text))
    return " ".join(text.split())[:_LONGEST_NAME]


def _ascii(one: str) -> str:
    """Return a character in ASCII: accents are left out, and Greek letters become their names."""
    if one.isascii():
        return one if one.isprintable() else " "
    if unicodedata.combining(one):
        return ""
    if one == "\u2212" or unicodedata.category(one) == "Pd":
        return "-"  # the minus sign of declinations, and dashes
    name = unicodedata.name(one, "").split()
    if name[:1] == ["GREEK"]:
        return name[-1].lower()
    return one.encode("unicode_escape").decode() if one.isprintable() else " "
