"""Binned data of KM3NeT's oscillation analyses: observed events, muons, and the neutrino response.

ROOT files as those of the open data of ORCA6, 433 kton-years. Two versions are known: 0.5 has the
axes of the bins in the file, neutrinos by their PDG code, and the class as ``AnaClass``; 0.4 has
``Flav`` with ``IsNB`` and ``Class``, and the edges of the bins in a JSON file of their own. Bins
are counted from 1, as by ROOT. Data and muons have an entry for each class and bin, also for those
without events; a file that lacks some is an extract. The branch ``WE`` contains the sum of the
squared weights, that is the variance of ``W``, as KM3io documents it; its square root becomes the
error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ingest.core.errors import InputError
from ingest.core.fitstable import FitsColumn, row_dtype
from ingest.events.readers import ROOT
from ingest.events.tables._files import read_json
from ingest.events.tables.base import REDELIVER, Table, require_unique

Array = npt.NDArray[Any]
_AXES: Final = {
    "E_reco": ("E_reco_bins", "energy", "GeV"),
    "Ct_reco": ("cosT_reco_bins", "cos_zenith", ""),
    "E_true": ("E_true_bins", "true_energy", "GeV"),
    "Ct_true": ("cosT_true_bins", "true_cos_zenith", ""),
}
"""By the name of an axis: its name in the JSON file, that of its columns, and their unit."""
_RECO: Final = ("E_reco", "Ct_reco")
_TRUE: Final = ("E_true", "Ct_true")
_CLASSES: Final = (1, 2, 3)
_PDG: Final = (12, 14, 16)
"""Electron, muon and tau neutrinos; those of antineutrinos are negative."""
_CENTRE_TOLERANCE: Final = 1e-6
_RESPONSE_UNIT: Final = "GeV m2 s sr"


def data(path: Path, bins: Path | None = None) -> Table:
    """Return the observed events per bin.

    Raises
    ------
    ingest.core.errors.InputError
        If the file is damaged, has no axes and none are given, or a value cannot be right.
    """
    tree = _Tree(path, "binned_data", bins)
    counts = tree.numbers("W", low=0)
    return tree.table(_RECO, {"n_events": ("f8", "", counts)})


def muons(path: Path, bins: Path | None = None) -> Table:
    """Return the expected atmospheric muons per bin; errors as for :func:`data`."""
    tree = _Tree(path, "binned_muon", bins)
    values = {
        "n_events": ("f8", "", tree.numbers("W", low=0)),
        "n_events_err": ("f8", "", np.sqrt(tree.numbers("WE", low=0))),
    }
    return tree.table(_RECO, values)


def neutrinos(path: Path, bins: Path | None = None) -> Table:
    """Return the response to neutrinos: one row for true and reconstructed bin, class and kind.

    The weight times the flux per energy, area, time and solid angle is the number of expected
    events. Errors as for :func:`data`.
    """
    tree = _Tree(path, "binned_nu_response", bins)
    pdg, is_cc = tree.pdg(), tree.integers("IsCC", (0, 1))
    values = {
        "pdg": ("i2", "", pdg),
        "is_cc": ("i2", "", is_cc),
        "weight": ("f8", _RESPONSE_UNIT, tree.numbers("W", low=0)),
        "weight_err": ("f8", _RESPONSE_UNIT, np.sqrt(tree.numbers("WE", low=0))),
    }
    return tree.table((*_RECO, *_TRUE), values, keys=("pdg", "is_cc"))


PARTS: Final = {"data": data, "muons": muons, "neutrinos": neutrinos}


class _Tree:
    """The branches of a tree and the edges of its bins.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The name of the tree.
    bins : pathlib.Path, optional
        The JSON file with the edges of the bins.
    """

    def __init__(self, path: Path, name: str, bins: Path | None) -> None:
        self.path, self.name = path, name
        with ROOT.opened(path) as file:
            with ROOT.guard(path):
                names = set(file.keys(recursive=False, cycle=False))
            if name not in names:
                raise InputError(
                    "the tree is missing",
                    file=path,
                    where=name,
                    value=", ".join(sorted(names)) or "nothing",
                    expected="the trees binned_data, binned_muon and binned_nu_response",
                    remedy="give the file's actual format, or fetch the file again",
                )
            with ROOT.guard(path, name):
                self.branches: Mapping[str, Array] = file[name].arrays(library="np")
            self.edges = _axes_in(file, names, path) if bins is None else _axes_of(bins)
        if not len(next(iter(self.branches.values()), ())):
            raise InputError(
                "the tree is empty", file=path, where=name, remedy="fetch the file again"
            )

    def numbers(self, branch: str, low: float = -np.inf) -> Array:
        """Return the values of a branch, which must be finite."""
        values = self._branch(branch).astype("f8")
        self._require(branch, np.isfinite(values) & (values >= low), f"at least {low:g}", values)
        return values

    def integers(self, branch: str, allowed: tuple[int, ...]) -> Array:
        """Return the values of a branch, each of them one of those allowed."""
        values = self._branch(branch).astype("i8")
        expected = "one of " + ", ".join(map(str, allowed))
        self._require(branch, np.isin(values, allowed), expected, values)
        return values

    def pdg(self) -> Array:
        """Return the PDG codes, also of version 0.4, which has flavour and antineutrino."""
        if "Pdg" in self.branches:
            return self.integers("Pdg", (*_PDG, *(-one for one in _PDG)))
        codes = np.array(_PDG)[self.integers("Flav", (0, 1, 2))]
        return np.where(self.integers("IsNB", (0, 1)) == 1, -codes, codes)

    def table(
        self,
        axes: tuple[str, ...],
        values: Mapping[str, tuple[str, str, Array]],
        keys: tuple[str, ...] = (),
    ) -> Table:
        """Return the table with the class, the bins of some axes, and further values.

        Parameters
        ----------
        axes : tuple of str
            The names of the axes.
        values : mapping of str to (str, str, numpy.ndarray)
            By the name of the column: its type, unit and values.
        keys : tuple of str
            The values that, with class and bins, identify a row.
        """
        columns: dict[str, tuple[str, str, Array]] = {"event_class": ("i2", "", self._classes())}
        for axis in axes:
            _, name, unit = _AXES[axis]
            number, edges = self._bins(axis)
            columns[f"{name}_bin"] = ("i2", "", number)
            columns[f"{name}_lo"] = ("f8", unit, edges[number - 1])
            columns[f"{name}_hi"] = ("f8", unit, edges[number])
        columns |= values
        described = tuple(FitsColumn(name, one[0], one[1]) for name, one in columns.items())
        rows = np.empty(len(columns["event_class"][2]), row_dtype(described))
        for name, (_, _, content) in columns.items():
            rows[name] = content
        sizes = [len(self.edges[axis]) - 1 for axis in axes]
        cells = None if keys else len(_CLASSES) * math.prod(sizes)
        found = Table(described, rows, cells)
        bins = tuple(f"{_AXES[axis][1]}_bin" for axis in axes)
        require_unique(self.path, found, ("event_class", *bins, *keys), f"{self.name} entry")
        return found

    def _classes(self) -> Array:
        return self.integers("AnaClass" if "AnaClass" in self.branches else "Class", _CLASSES)

    def _bins(self, axis: str) -> tuple[Array, Array]:
        """Return the numbers of the bins, and the edges of all bins of an axis."""
        edges = self.edges[axis]
        branch = f"{axis}_bin"
        number = self._branch(branch).astype("i8")
        inside = (number >= 1) & (number < len(edges))
        self._require(branch, inside, f"from 1 to {len(edges) - 1}", number)
        if (centres := self.branches.get(f"{branch}_center")) is not None:
            low, high = edges[number - 1], edges[number]
            expected = np.sqrt(low * high) if axis.startswith("E") else (low + high) / 2
            right = abs(centres - expected) <= _CENTRE_TOLERANCE * abs(high)
            self._require(f"{branch}_center", right, "the centre of the bin on its axis", centres)
        return number, edges

    def _branch(self, name: str) -> Array:
        if name not in self.branches:
            raise InputError(
                "the branch is missing",
                file=self.path,
                where=f"{self.name}/{name}",
                value=", ".join(self.branches),
                expected="the branches of version 0.4 or 0.5",
                remedy="give the file's actual format, or fetch the file again",
            )
        values = self.branches[name]
        if values.dtype.kind not in "biuf":
            raise InputError(
                "the branch has no numbers",
                file=self.path,
                where=f"{self.name}/{name}",
                value=str(values.dtype),
                remedy=REDELIVER,
            )
        return values

    def _require(self, branch: str, right: Array, expected: str, values: Array) -> None:
        wrong = np.flatnonzero(~right)
        if len(wrong):
            raise InputError(
                f"the value of {branch} cannot be right",
                file=self.path,
                where=f"{self.name} entry {wrong[0]}",
                value=values[wrong[0]].item(),
                expected=expected,
                remedy=REDELIVER,
            )


def _axes_in(file: Any, names: set[str], path: Path) -> dict[str, Array]:
    """Return the edges of the bins that are in the file, by the names of the axes."""
    missing = [f"{axis}_axis" for axis in _AXES if f"{axis}_axis" not in names]
    if missing:
        raise InputError(
            "the file has no axes",
            file=path,
            where=", ".join(missing),
            expected="the edges of the bins, in this file or in another",
            remedy='name the other file in the manifest: bins = { name = "…" }',
        )
    with ROOT.guard(path, "the axes"):
        found = {axis: np.asarray(file[f"{axis}_axis"].edges(), "f8") for axis in _AXES}
    return _checked(found, path, "_axis")


def _axes_of(path: Path) -> dict[str, Array]:
    """Return the edges of the bins that a JSON file has, by the names of the axes."""
    content = read_json(path)
    found = {}
    for axis, (name, _, _) in _AXES.items():
        edges = content.get(name) if isinstance(content, dict) else None
        numbers = isinstance(edges, list) and all(type(one) in (int, float) for one in edges)
        found[axis] = np.array(edges if numbers else [], "f8")
    return _checked(found, path, "_bins")


def _checked(axes: dict[str, Array], path: Path, end: str) -> dict[str, Array]:
    """Return axes, each of which has increasing edges in the range of its quantity."""
    for axis, edges in axes.items():
        low, high = (0, np.inf) if axis.startswith("E") else (-1, 1)
        span = f" from {edges[0]:g} to {edges[-1]:g}" if len(edges) else ""
        if (
            len(edges) < 2
            or not (np.diff(edges) > 0).all()
            or not low <= edges[0]
            or not edges[-1] <= high
            or not np.isfinite(edges).all()
        ):
            raise InputError(
                "the edges of the bins cannot be right",
                file=path,
                where=f"{axis}{end}" if end == "_axis" else _AXES[axis][0],
                value=f"{len(edges)} edges{span}",
                expected="increasing numbers, positive for energies and from -1 to 1 for cosines",
                remedy=REDELIVER,
            )
    return axes
