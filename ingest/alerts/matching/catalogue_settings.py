"""The sections of ``matches.toml`` for catalogues of sources."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from ingest.core.configuration import StrictModel


class Circle(StrictModel):
    """The part of the sky that a catalogue covers; all in deg, ICRS."""

    ra: Annotated[float, Field(ge=0, lt=360)]
    dec: Annotated[float, Field(ge=-90, le=90)]
    radius: Annotated[float, Field(gt=0, le=180)]

    @property
    def area(self) -> float:
        """The solid angle in sr."""
        return 2 * math.pi * (1 - math.cos(math.radians(self.radius)))


class Columns(StrictModel):
    """The names that the columns of a catalogue have in its file.

    Attributes
    ----------
    name, ra, dec : str
        Name of the source, and its position, ICRS; in deg if the file states no unit.
    source_class, flux, redshift : str or None
        ``class`` in the configuration; flux in any unit, linear, positive.
    """

    name: str
    ra: str
    dec: str
    source_class: Annotated[str | None, Field(alias="class")] = None
    flux: str | None = None
    redshift: str | None = None


class CatalogueSettings(StrictModel):
    """``[[catalogue]]``: a table of sources that alerts are compared with.

    Attributes
    ----------
    name : str
        Its name in ``alerts.matches``.
    alerts : tuple of str
        The groups of streams that are compared with it.
    file : pathlib.Path
        VOTable, FITS, ECSV or CSV, by its suffix; relative to the directory of the configuration.
    reference, url, licence : str
        What to cite, where it comes from, and its licence.
    columns : Columns
        The names of its columns.
    source_class : str or None
        ``class`` in the configuration: that of all sources.
    sky : Circle or None
        The part of the sky that it covers; None for all of it.
    prior : float
        Probability that the origin of a neutrino alert is one of its sources.
    skip : int
        Lines of a CSV file before the one with the names of the columns.
    tap, query : str or None
        A TAP service, such as VizieR's, and the query that ``km3vo alerts catalogues --fetch``
        sends to it; `file` is then a VOTable that this command writes.
    timeout : float
        Time in s that the service has to answer.
    """

    name: Annotated[str, Field(min_length=1, max_length=60)]
    alerts: Annotated[tuple[str, ...], Field(min_length=1)]
    file: Path
    reference: str
    url: str | None = None
    licence: str
    columns: Columns
    source_class: Annotated[str | None, Field(alias="class")] = None
    sky: Circle | None = None
    prior: Annotated[float, Field(gt=0, lt=1)]
    skip: Annotated[int, Field(ge=0)] = 0
    tap: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    query: str | None = None
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0

    @model_validator(mode="after")
    def _complete(self) -> CatalogueSettings:
        if (self.tap is None) != (self.query is None):
            raise ValueError("both tap and query, or neither")
        if self.tap is not None and self.file.suffix != ".vot":
            raise ValueError("a file that ends in .vot, because it comes from a TAP service")
        return self
