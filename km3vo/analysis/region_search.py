"""What a sample says about a region of the sky, or of a source somewhere in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arrays import Floats, Integers, numbers
from .errors import AnalysisError
from .healpix import cell_area, sin_dec
from .intervals import feldman_cousins, p_value
from .region import Region
from .region_rings import (
    Rings,
    declinations,
    events_inside,
    expected_in_rings,
    rings_of,
    shares_of_events,
)
from .sample import Sample
from .scan import averaged_over_points
from .sphere import SQUARE_DEGREES


@dataclass(frozen=True, eq=False)
class Bands:
    """A region in bands of declination, those of the acceptance: arrays with one row per band.

    Attributes
    ----------
    dec_lo, dec_hi : ndarray
        Limits in deg.
    area : ndarray
        Area of the region in the band in deg².
    probability : ndarray
        Probability of the map in the band.
    n_obs, n_bkg : ndarray
        Number of events in the region and the band, and the background expected.
    n_sig_up : ndarray
        Upper limit of the mean number of signal events.
    flux_limit : ndarray
        Φ₀ in GeV⁻¹ cm⁻² s⁻¹ of a source in the band that causes `n_sig_up` events.
    """

    dec_lo: Floats
    dec_hi: Floats
    area: Floats
    probability: Floats
    n_obs: Floats
    n_bkg: Floats
    n_sig_up: Floats
    flux_limit: Floats


@dataclass(frozen=True, eq=False)
class RegionAnswer:
    """What a sample says about a region.

    Attributes
    ----------
    area : float
        Area of the region in deg².
    visible : float
        Probability of the map, or without one the fraction of the area, where the sample sees.
    index, confidence : float
        Spectral index, and confidence of intervals and limits.
    n_obs : int
        Number of events in the region.
    n_bkg : float
        Background expected, by the published polynomial.
    n_bkg_scrambled, n_bkg_err : float
        The same from the sample with scrambled right ascensions, and its standard error.
    p_value : float
        Probability of `n_obs` events or more from `n_bkg` alone.
    n_sig_lo, n_sig_up : float
        Interval of Feldman and Cousins for the mean number of signal events in the region.
    source_obs, source_bkg, source_sig_lo, source_sig_up : float
        For a source at each point of the region, in the circle with the best radius around it:
        events, background and interval, averaged with the map's probability over what is visible.
    flux_norm, flux_limit, sensitivity : float
        The same for Φ₀ in GeV⁻¹ cm⁻² s⁻¹: see `PointSources`.
    bands : Bands
        The region in bands of declination.
    event : ndarray
        Indices of the events in the region.
    remark : str or None
        Why values are NaN, or to be used with care.
    """

    area: float
    visible: float
    index: float
    confidence: float
    n_obs: int
    n_bkg: float
    n_bkg_err: float
    n_bkg_scrambled: float
    p_value: float
    n_sig_lo: float
    n_sig_up: float
    source_obs: float
    source_bkg: float
    source_sig_lo: float
    source_sig_up: float
    flux_norm: float
    flux_limit: float
    sensitivity: float
    bands: Bands
    event: Integers
    remark: str | None


def search_region(
    sample: Sample,
    region: Region,
    index: float = 2.0,
    confidence: float = 0.9,
    containment: float | None = None,
) -> RegionAnswer:
    """Count events in a region, compare with the background, and limit the flux of a source in it.

    Parameters
    ----------
    sample : Sample
        The events, with background and acceptance.
    region : Region
        The cells, with or without probabilities.
    index : float
        Spectral index.
    confidence : float
        Confidence of intervals and limits.
    containment : float, optional
        Take the smallest part of the map with this probability, in place of all of it.

    Raises
    ------
    AnalysisError
        If an argument is not valid, or a containment is given for a region without probabilities.
    """
    if not sample.acceptance.in_range(numbers("index", index)).all():
        lowest, highest = sample.acceptance.indices[[0, -1]]
        raise AnalysisError("index", index, f"a spectral index from {lowest:g} to {highest:g}")
    if containment is not None:
        region = region.smallest(containment)
    by_ring = rings_of(region)
    event = events_inside(sample, region)
    expected = expected_in_rings(sample, by_ring)
    shares = shares_of_events(sample, by_ring)
    visible = sample.sees(declinations(by_ring.y))
    sees = bool(visible.any())
    n_bkg = float(expected.sum()) if sees else float("nan")
    low, up = feldman_cousins(len(event), n_bkg, confidence)
    source = averaged_over_points(sample, region, index, confidence)
    part = float(by_ring.probability[visible].sum())
    remarks = []
    if not sees:
        remarks.append("the sample sees no part of the region")
    elif part < 0.9995:
        remarks.append(f"the sample sees {part:.1%} of it; averages are over that part")
    if region.unknown:
        remarks.append(f"{region.unknown} cells without a value count as probability 0")
    return RegionAnswer(
        area=region.area,
        visible=part,
        index=float(index),
        confidence=float(confidence),
        n_obs=len(event),
        n_bkg=n_bkg,
        n_bkg_err=float(np.sqrt((shares**2).sum())),
        n_bkg_scrambled=float(shares.sum()),
        p_value=float(p_value(len(event), n_bkg)),
        n_sig_lo=float(low),
        n_sig_up=float(up),
        bands=_bands(sample, by_ring, expected, event, index, confidence),
        event=event,
        remark="; ".join(remarks) or None,
        **source,
    )


def _bands(
    sample: Sample,
    by_ring: Rings,
    expected: Floats,
    event: Integers,
    index: float,
    confidence: float,
) -> Bands:
    edges = sample.acceptance.sin_dec_edges
    size = len(edges) - 1
    at = sample.acceptance.bins(sin_dec(by_ring.y))
    area = np.bincount(at, cell_area(by_ring.order) * by_ring.number, size).astype(np.float64)
    chance: Floats = np.bincount(at, by_ring.probability, size).astype(np.float64)
    n_bkg: Floats = np.bincount(at, expected, size).astype(np.float64)
    n_bkg[n_bkg == 0] = np.nan  # the sample sees nothing there
    band_of_event = sample.acceptance.bins(np.sin(np.radians(sample.dec[event])))
    n_obs = np.bincount(band_of_event, minlength=size)
    some = area > 0
    dec = np.degrees(np.arcsin((edges[1:] + edges[:-1]) / 2))
    up = feldman_cousins(n_obs[some], n_bkg[some], confidence)[1]
    limits = np.degrees(np.arcsin(np.clip(edges, -1, 1)))
    return Bands(
        dec_lo=limits[:-1][some],
        dec_hi=limits[1:][some],
        area=area[some] * SQUARE_DEGREES,
        probability=chance[some],
        n_obs=n_obs[some].astype(np.float64),
        n_bkg=n_bkg[some],
        n_sig_up=up,
        flux_limit=up / sample.acceptance.at(dec, index)[some],
    )
