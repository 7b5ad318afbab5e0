"""The index of alerts: the newest ones, and searches. This runs in the Python of DaCHS."""

import math
import urllib.parse

from .. import formats
from ..templates import page
from . import listing, search, streams, words
from .names import is_unverified, stream_label

_ROWS = 50
_COUNTED = 1000
STATES = (("valid", "Not retracted"), ("retracted", "Retracted"))
"""The choices of the form: values and labels."""


def index(visit):
    """Return the page with the newest alerts, or with those of a search."""
    wanted = search.read(visit)
    after = _place(visit.get("after"))
    found = listing.find(
        _from(wanted, after),
        _with_place(wanted, after),
        _ROWS + 1,
        wanted.distance,
        wanted.is_by_distance,
        wanted.is_narrow,
    )
    rows, more = found[:_ROWS], len(found) > _ROWS
    return page(
        "alerts.html",
        visit,
        search=wanted,
        rows=[_described(row) for row in rows],
        number=_number(wanted, len(rows), more or after is not None),
        older=_next(wanted, rows[-1]) if more else None,
        is_first=after is None,
        last=listing.last_received(),
        streams=streams.choices(),
        states=STATES,
        downloads=_downloads(wanted),
        is_archive_empty=not (rows or streams.names()),
    )


def _described(row):
    """Return an alert with what the page says about it in words."""
    return row | {
        "label": stream_label(row["stream"]),
        "rate": words.rate(row["far"]) if row["far"] is not None else "",
        "error": words.angle(row["pos_err"]),
        "power": _energy(row["energy"]),
        "point": _point(row["ra"], row["dec"]),
        "is_unverified": is_unverified(row["alert_id"]),
        "separation": words.angle(row["distance"])
        if row["distance"] is not None and row["distance"] <= 180
        else "",
    }


def _energy(value):
    """Return an energy in GeV, TeV or PeV."""
    if value is None:
        return ""
    size, unit = next(
        (pair for pair in ((1e6, "PeV"), (1e3, "TeV")) if value >= pair[0]), (1, "GeV")
    )
    return formats.quantity(value / size, 3, unit)


def _number(wanted, shown, is_part):
    """Return how many alerts the search finds, in words."""
    if not is_part:
        return f"{shown:,}"
    if wanted.position:  # counting takes as long as finding
        return f"more than {_ROWS}"
    number = listing.count(wanted.condition, wanted.parameters, _COUNTED)
    return f"{number:,}" if number <= _COUNTED else f"more than {_COUNTED:,}"


# -- pages: each begins after an alert, so that it stays the same when new ones arrive -------------


def _place(text):
    """Return after which value and notice a page begins; None for the first page."""
    value, _, number = text.partition("_")
    try:
        value, number = float(value), int(number)
    except ValueError:
        return None
    return (value, number) if math.isfinite(value) and 0 <= number < 2**63 else None


def _from(wanted, after):
    if after is None:
        return wanted.condition
    if wanted.is_by_distance:
        return f"{wanted.condition} AND ({wanted.distance}, notice_id) > (%(value)s, %(number)s)"
    return f"{wanted.condition} AND ({listing.TIME}, notice_id) < (%(value)s, %(number)s)"


def _with_place(wanted, after):
    value, number = after or (None, None)
    return wanted.parameters | {"value": value, "number": number}


def _next(wanted, row):
    value = row["distance"] if wanted.is_by_distance else row["time"]
    return wanted.address("/alerts", after=f"{value!r}_{row['notice_id']}")


def _downloads(wanted):
    """Return labels and addresses of the search as a table."""
    asked = {"LANG": "ADQL", "QUERY": wanted.adql, "MAXREC": "100000"}
    formats = (("VOTable", "votable"), ("CSV", "csv"))
    return [
        (label, "/tap/sync?" + urllib.parse.urlencode(asked | {"FORMAT": name}))
        for label, name in formats
    ]


def _point(ra, dec):
    """Return where a position is on a small map of the sky (Hammer projection, 36 × 18)."""
    if ra is None or dec is None or not (math.isfinite(ra) and math.isfinite(dec)):
        return None
    longitude, latitude = math.radians(180 - ra % 360), math.radians(dec)
    scale = 1 / math.sqrt(1 + math.cos(latitude) * math.cos(longitude / 2))
    x = 18 * scale * math.cos(latitude) * math.sin(longitude / 2)
    y = 9 * scale * math.sin(latitude)
    return round(18 + x, 1), round(9 - y, 1)
