"""The model of an instrument response: axes, values, and the columns of its table.

Every reader converts to these units: energies in GeV, angles in deg, areas in m2. Acceptances keep
``GeV cm2 s``, so that they are divided into a number of events to get a flux in GeV-1 cm-2 s-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.core.fitstable import FitsColumn

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """An axis of a response: adjacent bins, or points where it is defined at single values.

    Parameters
    ----------
    name : str
        A key of :data:`AXES`.
    edges : ndarray of float64, shape (bins + 1,) or (points,)
        Increasing, in the unit of :data:`AXES`.
    points : bool
        Whether these are single values instead of edges of bins.
    """

    name: str
    edges: Floats
    points: bool = False

    def __len__(self) -> int:
        return len(self.edges) if self.points else len(self.edges) - 1

    @property
    def unit(self) -> str:
        """The unit, as in FITS."""
        return AXES[self.name]

    @property
    def lo(self) -> Floats:
        """The lower edges of the bins, or the points."""
        return self.edges if self.points else self.edges[:-1]

    @property
    def hi(self) -> Floats:
        """The upper edges of the bins, or the points."""
        return self.edges if self.points else self.edges[1:]


@dataclass(frozen=True)
class Response:
    """An instrument response as its file has it, in the units of this project.

    Parameters
    ----------
    kind : str
        What DataLink calls it: ``aeff``, ``edisp``, ``psf`` or ``bkgrate``.
    table : str
        The table below ``irf`` that holds it, a key of :data:`TABLES`.
    axes : tuple of Axis
        In the order of the dimensions of `values`.
    values : ndarray of float64
        One value per bin, in `unit`.
    meta : mapping
        What else the file says, and under ``notes`` what the reader changed besides units.
    """

    kind: str
    table: str
    axes: tuple[Axis, ...]
    values: Floats
    meta: Mapping[str, str | tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def unit(self) -> str:
        """The unit of the values, as in FITS."""
        return TABLES[self.table].value.unit

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader changed besides units, a sentence each."""
        notes = self.meta.get("notes", ())
        return (notes,) if isinstance(notes, str) else notes

    def axis(self, name: str) -> Axis | None:
        """Return the axis of this name, or None if the response does not depend on it."""
        return next((one for one in self.axes if one.name == name), None)


@dataclass(frozen=True)
class ResponseTable:
    """A table of responses: its axes, and the column with the values.

    Parameters
    ----------
    axes : tuple of str
        Keys of :data:`AXES`. An axis of bins has two columns, ``<axis>_lo`` and ``<axis>_hi``;
        one of points has one column, named like the axis.
    value : FitsColumn
        The column with the values.
    absent : mapping of str to (float, float)
        The bin that stands for an axis that a response does not have. Without an entry, its
        columns are NULL.
    """

    axes: tuple[str, ...]
    value: FitsColumn
    absent: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[FitsColumn, ...]:
        """The columns that hold numbers, in the order of the table."""
        columns: list[FitsColumn] = []
        for name in self.axes:
            if name in POINTS:
                columns.append(FitsColumn(name, POINTS[name], AXES[name]))
            else:
                columns.append(FitsColumn(f"{name}_lo", "f4", AXES[name], "lower edge"))
                columns.append(FitsColumn(f"{name}_hi", "f4", AXES[name], "upper edge"))
        return (*columns, self.value)


AXES: Final[dict[str, str]] = {
    "energy_true": "GeV",
    "energy_reco": "GeV",
    "migration": "",
    "zenith": "deg",
    "dec": "deg",
    "radius": "deg",
    "spectral_index": "",
    "degree": "",
}
"""The units of the axes.

``energy_true`` is the energy of the neutrino, ``energy_reco`` the reconstructed one, and
``migration`` their ratio, reconstructed over true. ``zenith`` is 0 for what comes from above and
180 deg for what has crossed the Earth. ``radius`` is the angle between true and reconstructed
direction. ``spectral_index`` is g of a flux E^-g; ``degree`` is the power of a declination in deg.
"""

POINTS: Final[dict[str, str]] = {"spectral_index": "f4", "degree": "i2"}
"""The axes of single values, with the types of their columns."""

_ALL_SKY: Final = {"zenith": (0.0, 180.0)}

TABLES: Final[dict[str, ResponseTable]] = {
    "aeff": ResponseTable(
        ("energy_true", "zenith"), FitsColumn("aeff", "f8", "m2", "effective area"), _ALL_SKY
    ),
    "edisp": ResponseTable(
        ("energy_true", "zenith", "migration", "energy_reco"),
        FitsColumn("probability", "f8", "", "of this bin, given energy_true and zenith"),
        _ALL_SKY,
    ),
    "psf": ResponseTable(
        ("energy_true", "zenith", "radius"),
        FitsColumn("density", "f8", "sr-1", "probability per solid angle"),
        _ALL_SKY,
    ),
    "bkgrate": ResponseTable(
        ("energy_reco", "zenith", "dec"),
        FitsColumn("rate", "f8", "GeV-1 sr-1 s-1", "background events"),
    ),
    "acceptance": ResponseTable(
        ("spectral_index", "dec"), FitsColumn("acceptance", "f8", "GeV cm2 s", "flux at 1 GeV")
    ),
    "background": ResponseTable(
        ("degree",), FitsColumn("coefficient", "f8", "", "events per deg^degree")
    ),
}
"""The tables of responses by name."""
