"""The streams of which the archive has alerts. This runs in the Python of DaCHS."""

import time

from .. import database
from .names import stream_label

OTHERS = "other"
"""Stands for the streams of unknown senders, which are named by the identifiers of packets."""
BOUNDS = ("ivo:", "ivo;")
"""Between these are their names; there may be as many as packets."""
_SECONDS = 60
_MOST = 300
# jumps from name to name in the index of alerts by stream
_NAMES = f"""
    WITH RECURSIVE found AS (
        (SELECT stream FROM alerts.notices WHERE is_latest = 1 AND role != 'utility'
            ORDER BY stream LIMIT 1)
        UNION ALL
        SELECT (SELECT stream FROM alerts.notices WHERE is_latest = 1 AND role != 'utility'
            AND stream > CASE WHEN found.stream BETWEEN '{BOUNDS[0]}' AND '{BOUNDS[1]}'
                THEN '{BOUNDS[1]}' ELSE found.stream END
            ORDER BY stream LIMIT 1)
        FROM found WHERE found.stream IS NOT NULL)
    SELECT stream FROM found WHERE stream IS NOT NULL LIMIT {_MOST}"""
_kept = {}


def names():
    """Return the names of all streams; of those of unknown senders the first only."""
    when, found = _kept.get("names", (-_SECONDS, []))
    if time.monotonic() - when > _SECONDS:
        found = [row["stream"] for row in database.rows(_NAMES)] if exist() else []
        _kept["names"] = time.monotonic(), found
    return found


def exist():
    """Return whether there are tables of alerts; a node without alerts has none."""
    if "exist" not in _kept:
        found = database.row("SELECT to_regclass('alerts.latest') IS NOT NULL AS exist")
        if not found["exist"]:
            return False
        _kept["exist"] = True
    return True


def choices():
    """Return what a visitor can choose from: values and labels."""
    known = [name for name in names() if not is_other(name)]
    families = {}
    for name in known:
        families.setdefault(name.split("/")[0], []).append(name)
    found = []
    for family, members in families.items():
        if len(members) > 1:
            found.append((family, f"{stream_label(family)}, all"))
        found += [(name, label_of(name)) for name in members if name != family or len(members) == 1]
    found.sort(key=lambda pair: pair[1].lower())
    return found + ([(OTHERS, "Other senders")] if len(known) < len(names()) else [])


def label_of(choice):
    """Return a choice in words."""
    return "other senders" if choice == OTHERS else stream_label(choice)


def members(choice):
    """Return the streams that a choice means: itself, and those below it."""
    return [name for name in names() if name == choice or name.startswith(f"{choice}/")] or [choice]


def is_other(name):
    """Return whether a stream is one of an unknown sender."""
    return BOUNDS[0] <= name < BOUNDS[1]
