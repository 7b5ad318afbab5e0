"""What changed from one notice of an alert to the next, in words.

This needs only the standard library.
"""

import math

from .words import angle, rate

_SAME_TIME = 1e-3
"""Times closer than this, in s, are the same."""
_SAME_PLACE = 1e-6
"""Positions closer than this, in deg, are the same."""
_FACTOR = 1.05
"""The smallest ratio of two rates that is worth a word."""
_PLAIN = (
    ("energy", "energy", lambda value: f"{value:.3g} GeV"),
    ("signalness", "signalness", lambda value: f"{value:.3g}"),
    ("p_value", "p-value", lambda value: f"{value:.3g}"),
    ("n_events", "number of detector events", str),
)
"""Columns whose values are shown as they are: name, word, format."""


def changes(before, after):
    """Return in words what differs between two notices of an alert.

    Parameters
    ----------
    before, after : dict
        With the columns of ``alerts.notices``.

    Returns
    -------
    list of str
        Such as ``position moved by 0.3°`` and ``error radius 2.2° → 1.1°``. Of retractions only
        that they are: they have no values.
    """
    if after["notice_type"] == "retraction":
        return ["retracted"] if before["notice_type"] != "retraction" else ["retracted again"]
    if before["notice_type"] == "retraction":
        return ["valid again, after the retraction"]
    return [
        *_position(before, after),
        *_error(before, after),
        *_sky_map(before, after),
        *_time(before, after),
        *_rate(before, after),
        *_values(before, after),
        *_class(before, after),
    ]


def separation(first, second):
    """Return the angle between two positions.

    Parameters
    ----------
    first, second : tuple of float
        Right ascension and declination in deg.

    Returns
    -------
    float
        The angle in deg.
    """
    (ra_1, dec_1), (ra_2, dec_2) = (map(math.radians, one) for one in (first, second))
    half = math.sin((dec_2 - dec_1) / 2) ** 2
    half += math.cos(dec_1) * math.cos(dec_2) * math.sin((ra_2 - ra_1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1, math.sqrt(half))))


def _position(before, after):
    old, new = ((one["ra"], one["dec"]) for one in (before, after))
    if None in old and None in new:
        return
    if None in old or None in new:
        yield "position " + ("added" if None in old else "no longer given")
    elif (moved := separation(old, new)) > _SAME_PLACE:
        yield f"position moved by {angle(moved)}"


def _error(before, after):
    old, new = before["pos_err"], after["pos_err"]
    if old != new:
        yield f"error radius {_angle(old)} → {_angle(new)}"
    old, new = before["pos_err_cl"], after["pos_err_cl"]
    if old != new and None not in (before["pos_err"], after["pos_err"]):
        yield f"containment of the error radius {_percent(old)} → {_percent(new)}"


def _sky_map(before, after):
    old, new = ((one["sky_map"], one["sky_map_url"]) for one in (before, after))
    if old != new:
        word = "replaced" if any(old) and any(new) else "added" if any(new) else "removed"
        yield f"sky map {word}"


def _time(before, after):
    old, new = before["event_mjd"], after["event_mjd"]
    if old is None and new is None:
        return
    if old is None or new is None:
        yield "time of the event " + ("added" if old is None else "no longer given")
    elif abs(seconds := (new - old) * 86400) > _SAME_TIME:
        yield f"time of the event changed by {seconds:+,.3f} s"


def _rate(before, after):
    old, new = before["far"], after["far"]
    if old == new:
        return
    if not old or not new:
        yield f"false-alarm rate {rate(old)} → {rate(new)}"
        return
    ratio = max(old / new, new / old)
    if ratio >= _FACTOR:
        word = "smaller" if new < old else "larger"
        yield (
            f"false-alarm rate {ratio:.2g} times {word}"
            if ratio < 100
            else (f"false-alarm rate {rate(old)} → {rate(new)}")
        )


def _values(before, after):
    for name, word, shown in _PLAIN:
        old, new = before[name], after[name]
        if old != new:
            texts = ["not given" if value is None else shown(value) for value in (old, new)]
            if texts[0] != texts[1]:
                yield f"{word} {texts[0]} → {texts[1]}"


def _class(before, after):
    old, new = before["topology"], after["topology"]
    if old != new:
        yield f"topology {old or 'not given'} → {new or 'not given'}"


def _angle(value):
    return "not given" if value is None else angle(value)


def _percent(value):
    return "not stated" if value is None else f"{100 * value:.3g} %"
