"""What a sample says about point sources: counts, background, intervals and flux limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .arrays import Bools, Floats, Integers, numbers
from .containment import best_radius, contained
from .errors import AnalysisError
from .intervals import feldman_cousins, p_value, sensitivity
from .sample import Pairs, Sample

_PAIRS = 2_000_000
"""Pairs of a source and an event that are in memory at a time."""
_CONTAINMENT = 1e-12
"""Smallest fraction of a source's events for which there are fluxes: 2 mas for ANTARES."""
_ROUNDING = 0.1
"""deg; smallest angular error that is believed: that of ANTARES is published with one digit."""


@dataclass(frozen=True, eq=False)
class SourceEvents:
    """The events inside the circles of sources, one row per pair, ordered by source.

    Attributes
    ----------
    source, event : ndarray
        Indices into the rows of the answer, and into the sample.
    separation : ndarray
        Angle between source and event in deg.
    weight : ndarray
        Density of the signal, for one event expected, over that of the background, at the event:
        S/B with S = exp(−ψ²/β²) / (π β²) per sr, where ψ is the separation and β the event's
        angular error, at least 0.1 deg; and B the polynomial's density of events at the event's
        declination.
    """

    source: Integers
    event: Integers
    separation: Floats
    weight: Floats


@dataclass(frozen=True, eq=False)
class PointSources:
    """What a sample says about sources: arrays with one row per source.

    Attributes
    ----------
    ra, dec, radius : ndarray
        Position and radius of the circle in deg.
    index : ndarray
        Spectral index γ.
    confidence : ndarray
        Confidence of intervals and limits.
    containment : ndarray
        Fraction of a source's events that is inside the circle.
    n_obs : ndarray
        Number of events inside, a whole number or NaN.
    n_bkg : ndarray
        Number of background events expected inside, by the published polynomial.
    n_bkg_scrambled, n_bkg_err : ndarray
        The same from the sample with scrambled right ascensions, and its standard error.
    p_value : ndarray
        Probability of `n_obs` events or more from `n_bkg` alone.
    n_sig_lo, n_sig_up : ndarray
        Interval of Feldman and Cousins for the mean number of signal events inside.
    flux_norm, flux_limit, sensitivity : ndarray
        Φ₀ of dN/dE = Φ₀ (E/GeV)^−γ in GeV⁻¹ cm⁻² s⁻¹: the best estimate, from n_obs − n_bkg or 0;
        the limit, from n_sig_up; and the median limit expected without a source. One flavour.
    remark : list of str or None
        Why values are NaN, or to be used with care.
    events : SourceEvents
        The events inside.
    """

    ra: Floats
    dec: Floats
    radius: Floats
    index: Floats
    confidence: Floats
    containment: Floats
    n_obs: Floats
    n_bkg: Floats
    n_bkg_err: Floats
    n_bkg_scrambled: Floats
    p_value: Floats
    n_sig_lo: Floats
    n_sig_up: Floats
    flux_norm: Floats
    flux_limit: Floats
    sensitivity: Floats
    remark: list[str | None]
    events: SourceEvents

    def __len__(self) -> int:
        return len(self.ra)


def search(
    sample: Sample,
    ra: Any,
    dec: Any,
    radius: Any = None,
    index: Any = 2.0,
    confidence: float = 0.9,
) -> PointSources:
    """Search for point sources: count events in circles, and compare with the background.

    Parameters
    ----------
    sample : Sample
        The events, with background and acceptance.
    ra, dec : array_like
        Positions in deg, ICRS.
    radius : array_like, optional
        Radii of the circles in deg, between 0 and 90. Without it, and where it is NaN, the one
        with the lowest expected limit, see `best_radius`.
    index : array_like
        Spectral indices, 1.5 to 3.0 for ANTARES.
    confidence : float
        Confidence of intervals and limits.

    Returns
    -------
    PointSources
        One row per source. What cannot be computed is NaN, with a remark.

    Raises
    ------
    AnalysisError
        If arguments are not numbers, do not broadcast, or the confidence is not between 0 and 1.
    """
    given = {"ra": numbers("ra", ra), "dec": numbers("dec", dec), "index": numbers("index", index)}
    given["radius"] = numbers("radius", np.nan if radius is None else radius)
    try:
        rows = np.broadcast_arrays(*(np.atleast_1d(value) for value in given.values()))
    except ValueError:
        shapes = ", ".join(f"{name} {value.shape}" for name, value in given.items())
        raise AnalysisError("ra", f"of another shape than others: {shapes}", "one shape") from None
    ra_, dec_, index_, radius_ = (row.astype(float).ravel() for row in rows)

    remark: list[str | None] = [None] * len(ra_)
    is_position = np.isfinite(ra_) & (np.abs(dec_) <= 90) & (ra_ >= 0) & (ra_ <= 360)
    _note(remark, ~is_position, "not a position: expected ra 0 to 360, dec -90 to 90 deg")
    seen = is_position & sample.sees(dec_)
    _note(remark, is_position & ~seen, "the sample sees no source at this declination")
    best = best_radius(sample.polynomial.density(dec_), sample.resolution)
    radius_ = np.where(np.isnan(radius_), best, radius_)
    good = seen & (radius_ > 0) & (radius_ < 90)
    _note(remark, seen & ~good, "radius not between 0 and 90 deg")
    known = sample.acceptance.in_range(index_)
    lowest, highest = sample.acceptance.indices[[0, -1]]
    _note(remark, good & ~known, f"spectral index outside {lowest:g} to {highest:g}: no flux")
    reach = np.where(good, radius_, 0)
    ends = np.minimum(dec_ + reach, 90), np.maximum(dec_ - reach, -90)
    cut = good & ~(sample.sees(ends[0]) & sample.sees(ends[1]))
    _note(remark, cut, "the circle reaches into the sky that the sample does not see")

    nan = np.full(len(ra_), np.nan)
    n_obs, scrambled, error = nan.copy(), nan.copy(), nan.copy()
    at = np.flatnonzero(good)
    events = _count(sample, ra_, dec_, radius_, at, n_obs, scrambled, error)
    n_bkg, low, up, p, median = (nan.copy() for _ in range(5))
    n_bkg[at] = sample.polynomial.in_circle(dec_[at], radius_[at])
    low[at], up[at] = feldman_cousins(n_obs[at], n_bkg[at], confidence)
    p[at] = p_value(n_obs[at], n_bkg[at])
    median[at] = sensitivity(n_bkg[at], confidence)
    containment = contained(np.where(good, radius_, np.nan), sample.resolution)
    tiny = good & (containment < _CONTAINMENT)
    _note(remark, tiny, "radius too small to contain events of a source: no flux")
    per_flux = sample.acceptance.at(dec_, index_) * np.where(tiny, np.nan, containment)
    return PointSources(
        ra=ra_,
        dec=dec_,
        radius=radius_,
        index=index_,
        confidence=np.full(len(ra_), float(confidence)),
        containment=containment,
        n_obs=n_obs,
        n_bkg=n_bkg,
        n_bkg_err=error,
        n_bkg_scrambled=scrambled,
        p_value=p,
        n_sig_lo=low,
        n_sig_up=up,
        flux_norm=np.maximum(n_obs - n_bkg, 0) / per_flux,
        flux_limit=up / per_flux,
        sensitivity=median / per_flux,
        remark=remark,
        events=events,
    )


def _note(remark: list[str | None], where: Bools, text: str) -> None:
    for row in np.flatnonzero(where):
        remark[row] = text if remark[row] is None else f"{remark[row]}; {text}"


def _count(
    sample: Sample,
    ra: Floats,
    dec: Floats,
    radius: Floats,
    rows: Integers,
    n_obs: Floats,
    scrambled: Floats,
    error: Floats,
) -> SourceEvents:
    """Fill in the counts of some rows, as many at a time as fit into memory."""
    found: list[Pairs] = []
    # the largest circles meet all events
    step = max(1, _PAIRS // max(len(sample.dec), 1))
    for begin in range(0, len(rows), step):
        some = rows[begin : begin + step]
        pairs = sample.pairs(ra[some], dec[some], radius[some])
        # positions have one digit, so that events at the very edge are common: they are inside
        inside = pairs.separation <= radius[some][pairs.position] + 1e-9
        n_obs[some] = np.bincount(pairs.position[inside], minlength=len(some))
        scrambled[some] = np.bincount(pairs.position, pairs.fraction, len(some))
        error[some] = np.sqrt(np.bincount(pairs.position, pairs.fraction**2, len(some)))
        found.append(
            Pairs(
                some[pairs.position[inside]],
                pairs.event[inside],
                pairs.fraction[inside],
                pairs.separation[inside],
            )
        )
    if not found:
        empty = np.empty(0, dtype=np.int64)
        return SourceEvents(empty, empty, np.empty(0), np.empty(0))
    source = np.concatenate([pairs.position for pairs in found])
    event = np.concatenate([pairs.event for pairs in found])
    separation = np.concatenate([pairs.separation for pairs in found])
    order = np.lexsort((separation, source))
    source, event, separation = source[order], event[order], separation[order]
    return SourceEvents(source, event, separation, weights(sample, event, separation))


def weights(sample: Sample, event: Integers, separation_deg: Floats) -> Floats:
    """Return the ratio of signal to background density for events near a source.

    Parameters
    ----------
    sample : Sample
        The events.
    event : ndarray
        Their indices.
    separation_deg : ndarray
        Their angle from the source in deg.

    Returns
    -------
    ndarray
        S/B, see `SourceEvents`; NaN where the polynomial expects no events. The angular error β
        is the sum in quadrature of those of two perpendicular directions (ANTARES), so that each
        has the variance β²/2. Where it is unknown, it is that of the sample's resolution.
    """
    beta = sample.ang_err[event]
    beta = np.where(beta > 0, np.maximum(beta, _ROUNDING), sample.resolution / np.sqrt(np.log(2)))
    signal = np.exp(-((separation_deg / beta) ** 2)) / (np.pi * np.radians(beta) ** 2)
    background = sample.polynomial.density(sample.dec[event])
    ratio: Floats = signal / np.where(background > 0, background, np.nan)
    return ratio
