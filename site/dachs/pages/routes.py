"""Which address leads to which page. This runs in the Python of DaCHS."""

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from patches import protected

from . import assets, front, logins, releases, searching, services, skypictures, stylesheets
from .alerts import about, alert, feed, index, search, stream
from .learn import page as learn
from .query import around
from .query import pages as query
from .release.page import release_page
from .sky import alerts as sky_alerts
from .sky import density, events, view
from .status import page as status

SOON = 5
"""For how many seconds answers with alerts are kept, unless there are new ones before."""
_SEARCH = (*search.FIELDS, "after")
_CONE = ("ra", "dec", "radius", "mjd_min", "mjd_max", "limit")


class Route(NamedTuple):
    """A page.

    Attributes
    ----------
    function : callable
        Makes the answer to a visit, or is a resource that does.
    seconds : float
        For how long an answer is kept, unless a release changes before; 0 for not at all.
    parameters : collection of str
        The parameters in the address with which it is kept.
    """

    function: Callable
    seconds: float = 0
    parameters: Collection[str] = ()


_ROUTES = (
    (r"", front.front_page, SOON),
    (r"robots\.txt", searching.robots, 60),
    (r"sitemap\.xml", searching.site_map, 60),
    (r"sitemap-pages\.xml", searching.site_map_of_pages, 60),
    (r"sitemap-alerts-\d{1,9}\.xml", searching.site_map_of_alerts, 60),
    (r"sky-map\.png", skypictures.picture, 60),
    (r"sky-map/[a-z][a-z0-9_]*\.svg", skypictures.release_map, 60, ("v",)),
    (r"query", query.query_page, 60, ("example",)),
    (r"query/adql\.json", query.query_json),
    (r"query/answer", query.answer_page),
    (r"around", around.around_page),
    (r"learn", learn.learn_page, 60, learn.CORNERS),
    (r"browse", services.services_page, 60),
    (r"status", status.status_page),
    (r"status\.json", status.status_document),
    (r"\.well-known/oauth-protected-resource", logins.resource),
    (r"assets/[\w./-]+", assets.asset),
    (r"favicon\.ico|apple-touch-icon\.png", assets.asset),
    (r"alerts", index.index, SOON, _SEARCH),
    (r"alerts/about", about.about, 600),
    (r"alerts/feed\.atom", feed.feed, SOON, _SEARCH),
    (r"alerts/live", stream.Stream),
    (r"sky", view.view, 60),
    (r"sky/target.json", view.target),
    (r"sky/events.json", events.events, 60, ("release", *_CONE, "minimum", "event")),
    (r"sky/alerts.json", sky_alerts.alerts, SOON, (*_CONE, "alert")),
    (r"sky/hips/\w+/properties", density.properties),
    (r"sky/hips/\w+/Moc\.fits", density.coverage),
    (r"sky/hips/\w+/Norder3/Allsky\.png", density.allsky),
    (r"sky/hips/\w+/Norder\d/Dir0/Npix\d{1,4}\.png", density.tile),
    # whatever is not a page above; alerts/nu is DaCHS'
    (r"alerts/(?!nu(?:/|$))(?s:.+)", alert.alert_page, SOON, alert.PARAMETERS),
    (r"favicon\.ico", assets.icon),
    (r"static/xsl/[\w-]+\.xsl", stylesheets.style_sheet),
)
"""Patterns of paths, and their :class:`Route`; the first that fits is taken."""
_RELEASE = Route(release_page, 60)


def page_for(path, request):
    """Return the route of the page at a path; None if the path is one of DaCHS'.

    A release that the visitor may not know of has no page, so that the answer is that of DaCHS for
    any other name.
    """
    for pattern, *route in _ROUTES:
        if re.fullmatch(pattern, path):
            return Route(*route)
    if (
        re.fullmatch(r"[a-z][a-z0-9_]*", path)
        and releases.is_release(path)
        and (not releases.is_hidden(path) or protected.is_member(request))
    ):
        return _RELEASE
    return None
