r"""Alert × catalogue: which known sources an alert may come from, and how probable each is.

The probability that source i of a catalogue is the origin is the reliability of Sutherland &
Saunders (1992, MNRAS 259, 413; see also Fioc 2014, A&A 566, A8),

.. math:: P_i = \frac{L_i}{\sum_j L_j + 1 - Q}, \qquad L_i = Q \frac{w_i p(x_i)}{\rho}

with the probability density p of the alert's direction at the source, the mean density ρ of the
catalogue's sources on the sky, and Q, the probability that the origin is in the catalogue at all,
which its section of the configuration sets. The weights, of mean 1, are the sources' fluxes, on
the assumption that the neutrino flux is proportional to them; they are 1 where fluxes are not
given. The :math:`P_i` and the probability that it is none of them add up to 1.

Besides, the probability that chance alone puts a source so close and so bright there is (Bloom et
al. 2002, AJ 123, 1111) :math:`1 - e^{-\rho_i \Omega_i}`, with the density of sources at least
as bright, and the area in which the alert's direction is at least as probable as at the source:
π r² for a circular error. All functions are pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.alerts.matching.catalogues import Catalogue
from ingest.alerts.matching.directions import Direction, Floats


@dataclass(frozen=True)
class Association:
    """A source that an alert may come from.

    Attributes
    ----------
    catalogue : CatalogueSettings
        Where it is listed.
    name, source_class : str
        Its name, and its class or an empty text.
    ra, dec : float
        Its position in deg, ICRS.
    flux, redshift : float or None
        As the catalogue gives them.
    separation : float
        Distance in deg from the most probable direction.
    probability : float
        Probability that it is the origin.
    p_value : float
        Probability that chance puts a source as bright so close.
    """

    catalogue: CatalogueSettings
    name: str
    source_class: str
    ra: float
    dec: float
    flux: float | None
    redshift: float | None
    separation: float
    probability: float
    p_value: float


def probabilities(catalogue: Catalogue, density: Floats) -> Floats:
    """Return the probability that each source is the origin, shape (n,).

    Parameters
    ----------
    catalogue : Catalogue
        The sources.
    density : array of float64, shape (n,)
        Probability density in sr^-1 of the alert's direction at each source.
    """
    prior = catalogue.settings.prior
    likelihoods = prior * catalogue.weights * density / catalogue.density
    return np.asarray(likelihoods / (likelihoods.sum() + 1 - prior))


def chance(catalogue: Catalogue, area: Floats) -> Floats:
    """Return the probability of a source as bright within an area by chance, shape (n,).

    Parameters
    ----------
    catalogue : Catalogue
        The sources.
    area : array of float64, shape (n,)
        For each, the solid angle in sr where the direction is at least as probable.
    """
    return np.asarray(-np.expm1(-catalogue.density_as_bright * area))


def associations(
    catalogue: Catalogue, direction: Direction, containment: float = 0.99
) -> list[Association]:
    """Return the sources in the region of an alert, the most probable first.

    Parameters
    ----------
    catalogue : Catalogue
        The sources.
    direction : Direction
        The alert's direction.
    containment : float, optional
        Probability that the region contains the source.
    """
    if not len(catalogue.names):
        return []
    here = direction.at(catalogue.ra, catalogue.dec)
    probability = probabilities(catalogue, here.density)
    p_value = chance(catalogue, here.area)
    inside = np.flatnonzero((here.density > 0) & (here.containment <= containment))
    return [
        Association(
            catalogue=catalogue.settings,
            name=catalogue.names[index],
            source_class=catalogue.classes[index],
            ra=float(catalogue.ra[index]),
            dec=float(catalogue.dec[index]),
            flux=_known(catalogue.flux[index]),
            redshift=_known(catalogue.redshift[index]),
            separation=float(here.separation[index]),
            probability=float(probability[index]),
            p_value=float(p_value[index]),
        )
        for index in sorted(inside.tolist(), key=lambda index: -float(probability[index]))
    ]


def counterpart_info(found: Sequence[Association]) -> list[dict[str, Any]] | str:
    """Return the value of ``counterpart_info`` in KM3NeT's notices, as GCN's schema has it.

    Returns
    -------
    list of dict, or str
        ``No match`` without associations.
    """
    if not found:
        return "No match"
    return [
        {
            key: value
            for key, value in {
                "name": one.name,
                "ref_type": one.source_class or None,
                "reference": {
                    "catalog": one.catalogue.reference,
                    **({"url": one.catalogue.url} if one.catalogue.url else {}),
                },
                "ra": one.ra,
                "dec": one.dec,
                "angular_distance": round(one.separation, 4),
                "redshift": one.redshift,
                "association_probability": float(f"{one.probability:.3g}"),
            }.items()
            if value is not None
        }
        for one in found
    ]


def _known(value: np.float64) -> float | None:
    return float(value) if math.isfinite(value) else None
