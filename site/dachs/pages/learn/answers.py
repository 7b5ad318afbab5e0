"""The answers to the exercises, from the data that the server publishes.

This runs in the Python of DaCHS.
"""

import functools
import itertools
import os

import numpy as np
from gavo import base
from gavo.utils import loadPythonModule

from .. import database
from .sources import blazars

RELEASE = "ant20_01"
"""The release that the exercises are about."""
MANY_HITS = 100
"""What an event with many hits is, in the first exercise."""
BRIGHTEST = 10
"""How many events the second exercise compares with blazars."""
RADIUS = 3.0
"""Of the circles, in deg."""
SKIES = 1000
_SEED = 2013
"""Of the random numbers, so that the answer is the same until the data change."""


def answers():
    """Return the answers; they are computed again after an import.

    Returns
    -------
    dict
        ``brightest`` (list of dict), the ``closest`` two of them, ``n_events``, ``n_many``,
        ``resolution`` (deg); ``pairs``, each bright event
        with the nearest blazar; ``expected_pairs``; ``circles``, one for each blazar; ``best``, the
        circle with the smallest p-value, and ``p_trials``; ``skies``, how many skies with
        scrambled right ascensions had 0, 1, 2… events in that circle. What needs the list of
        blazars is left out if there is none.
    """
    service = base.caches.getRD(f"{RELEASE}/nu").getById("ps")
    return _answers(_samples().of(service))


@functools.cache
def _samples():
    place = os.path.join(base.getConfig("inputsDir"), "km3net", "samples")
    module, _ = loadPythonModule(place)
    return module.Samples(module.load_analysis())


@functools.lru_cache(1)
def _answers(sample):
    analysis = _samples()._analysis
    bright = database.rows(
        f"SELECT id, mjd, ra, decl, beta, nhit FROM {RELEASE}.main ORDER BY nhit DESC, id"
        f" LIMIT {BRIGHTEST}"
    )
    many = database.row(f"SELECT count(*) AS n FROM {RELEASE}.main WHERE nhit > {MANY_HITS}")
    found = {
        "brightest": bright,
        "n_events": len(sample.ra),
        "n_many": many["n"],
        "resolution": sample.resolution,
        "closest": _closest(bright),
    }
    return found | _of_blazars(sample, analysis, bright) if blazars() else found


def _closest(bright):
    pairs = [
        {
            "first": one["id"],
            "second": two["id"],
            "separation": float(separation(one["ra"], one["decl"], two["ra"], two["decl"])),
        }
        for one, two in itertools.combinations(bright, 2)
    ]
    return min(pairs, key=lambda pair: pair["separation"])


def _of_blazars(sample, analysis, bright):
    ra, dec = (np.array([one[name] for one in blazars()]) for name in ("ra", "dec"))
    counted = analysis.search(sample, ra, dec, RADIUS)
    circles = [
        blazar
        | {
            "observed": int(counted.n_obs[i]),
            "expected": float(counted.n_bkg[i]),
            "p_value": float(counted.p_value[i]),
        }
        for i, blazar in enumerate(blazars())
        if np.isfinite(counted.n_obs[i])
    ]
    best = min(circles, key=lambda one: one["p_value"])
    trials = analysis.sidak([best["p_value"]], len(circles))
    share = sum(one["expected"] for one in circles) / len(sample.ra)
    return {
        "pairs": [_with_nearest(event, ra, dec) for event in bright],
        "expected_pairs": BRIGHTEST * share,
        "circles": circles,
        "best": best,
        "p_trials": float(trials[0]),
        "skies": _scrambled(sample, best),
    }


def _with_nearest(event, ra, dec):
    separations = separation(event["ra"], event["decl"], ra, dec)
    i = int(np.argmin(separations))
    return event | {"blazar": blazars()[i]["name"], "separation": float(separations[i])}


def _scrambled(sample, circle):
    """Return how many skies with random right ascensions have 0, 1, 2… events in a circle."""
    near = sample.dec[np.abs(sample.dec - circle["dec"]) < RADIUS]
    ra = np.random.default_rng(_SEED).uniform(0, 360, (SKIES, len(near)))
    inside = separation(circle["ra"], circle["dec"], ra, near) < RADIUS
    return [int(n) for n in np.bincount(inside.sum(axis=1))]


def separation(ra1, dec1, ra2, dec2):
    """Return the angle between two directions; all in deg."""
    ra, dec1, dec2 = np.radians(ra2) - np.radians(ra1), np.radians(dec1), np.radians(dec2)
    # Vincenty's formula, which is exact also for small angles
    y = np.hypot(
        np.cos(dec2) * np.sin(ra),
        np.cos(dec1) * np.sin(dec2) - np.sin(dec1) * np.cos(dec2) * np.cos(ra),
    )
    x = np.sin(dec1) * np.sin(dec2) + np.cos(dec1) * np.cos(dec2) * np.cos(ra)
    return np.degrees(np.arctan2(y, x))
