"""The addresses of pages about alerts. This needs only the standard library."""

import re
import urllib.parse

_PLAIN = re.compile(r"[\w.+-]+(/[\w.+-]+)+", re.ASCII)
"""Identifiers that are a path as they are."""
_RESERVED = {"nu", "show", "feed.atom", "live", "about"}


def address_of(alert_id):
    """Return the path of an alert's page.

    Parameters
    ----------
    alert_id : str
        As in the column ``alert_id``; it may contain anything.

    Returns
    -------
    str
        Such as ``/alerts/km3net/KM3-230213A``, or ``/alerts/show?id=…`` if the identifier cannot be
        a path.
    """
    first, *others = alert_id.split("/")
    dots = {".", ".."} & {first, *others}
    if _PLAIN.fullmatch(alert_id) and first not in _RESERVED and not dots:
        return f"/alerts/{alert_id}"
    return "/alerts/show?id=" + urllib.parse.quote(alert_id, safe="")
