"""The list of well-known sources. This runs in the Python of DaCHS."""

import csv
import functools

from .. import assets

LIST = "sources.csv"
"""The name of the file, which km3vo takes from the notebooks."""


@functools.cache
def blazars():
    """Return the blazars of the list, in the order of right ascension.

    Returns
    -------
    list of dict
        ``name``, and ``ra`` and ``dec`` in deg (ICRS); empty if the list is not installed.
    """
    if not assets.exists(LIST):
        return []
    lines = (line for line in assets.text(LIST).splitlines() if not line.startswith("#"))
    found = [
        {"name": row["name"], "ra": float(row["ra"]), "dec": float(row["dec"])}
        for row in csv.DictReader(lines)
        if row["class"] == "blazar"
    ]
    return sorted(found, key=lambda one: one["ra"])
