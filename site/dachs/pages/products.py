"""The data products of releases, from km3net.observations. This runs in the Python of DaCHS."""

import urllib.parse
from dataclasses import dataclass

from . import database

_BUNDLE, _RESPONSE, _COLUMNS = "hea-event-bundle", "response-function", "measurements"
_QUERY = """
    SELECT release, product_type, product_subtype, title, accref, accsize, mime, ev_xel, t_min,
        t_max, s_resolution, energy_min, energy_max, instrument, kid
    FROM km3net.observations ORDER BY release, product_type, product_subtype, accref"""


@dataclass(frozen=True)
class Products:
    """The data products of a release, each a row of km3net.observations.

    Attributes
    ----------
    lists, bundles, columns, responses : list of dict
        Its event lists, their bundles with provenance and responses, their Parquet files, and
        instrument responses.
    """

    lists: list
    bundles: list
    columns: list
    responses: list

    @property
    def files(self):
        """All products, each with its ``address``."""
        return self.lists + self.bundles + self.columns + self.responses

    @property
    def events(self):
        """The number of events; None if there are none, or if it is not public yet."""
        numbers = [one["ev_xel"] for one in self.lists if one["ev_xel"] is not None]
        return sum(numbers) if numbers else None

    @property
    def period(self):
        """The first and the last time of the data or of their validity (MJD, UTC), or None."""
        known = [one for one in self.files if one["t_min"] is not None]
        if not known:
            return None
        return min(one["t_min"] for one in known), max(one["t_max"] for one in known)

    @property
    def resolution(self):
        """The median angular resolution (deg); None if it is not stated."""
        known = [one["s_resolution"] for one in self.files if one["s_resolution"] is not None]
        return known[0] / 3600 if known else None


def products():
    """Return the products of the releases, by their names; those of hidden ones have none."""
    found = {}
    for row in database.rows_if_online(_QUERY):
        made = found.setdefault(row["release"], Products([], [], [], []))
        row["address"] = "/getproduct/" + urllib.parse.quote(row["accref"])
        kind = row["product_type"]
        parts = {_BUNDLE: made.bundles, _COLUMNS: made.columns, _RESPONSE: made.responses}
        parts.get(kind, made.lists).append(row)
    return found


NOTHING = Products([], [], [], [])
"""What a release has whose products are not online."""
