"""How the format GADF stores responses: which axes in which columns, which keywords.

GADF 0.3 (https://gamma-astro-data-formats.readthedocs.io) has the angle to the pointing on the axis
THETA. A neutrino telescope does not point, and KM3NeT stores the zenith angle there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class GadfLayout:
    """A class of responses of GADF.

    Parameters
    ----------
    name : str
        HDUCLAS4.
    group : str
        HDUCLAS2.
    extension : str
        EXTNAME, as gammapy expects it.
    axes : tuple of (str, str)
        The axes of the values in the order of GADF, of which the first varies fastest: the
        columns without ``_LO`` and ``_HI``, and the names of our axes.
    column : str
        The column of the values.
    table : str
        The table of such responses, in :data:`ingest.responses.model.TABLES`.
    unit : str
        The unit in which we write the values.
    """

    name: str
    group: str
    extension: str
    axes: tuple[tuple[str, str], ...]
    column: str
    table: str
    unit: str


_TRUE, _THETA = ("ENERG", "energy_true"), ("THETA", "zenith")

LAYOUTS: Final = {
    one.name: one
    for one in (
        GadfLayout(
            "AEFF_2D", "EFF_AREA", "EFFECTIVE AREA", (_TRUE, _THETA), "EFFAREA", "aeff", "m2"
        ),
        GadfLayout(
            "EDISP_2D",
            "EDISP",
            "ENERGY DISPERSION",
            (_TRUE, ("MIGRA", "migration"), _THETA),
            "MATRIX",
            "edisp",
            "",
        ),
        GadfLayout(
            "PSF_TABLE",
            "RPSF",
            "PSF_2D_TABLE",
            (_TRUE, _THETA, ("RAD", "radius")),
            "RPSF",
            "psf",
            "sr-1",
        ),
        GadfLayout(
            "BKG_2D",
            "BKG",
            "BACKGROUND",
            (("ENERG", "energy_reco"), _THETA),
            "BKG",
            "bkgrate",
            "MeV-1 sr-1 s-1",
        ),
    )
}
"""The classes of responses by HDUCLAS4."""
