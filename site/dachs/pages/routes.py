"""Which address leads to which page. This runs in the Python of DaCHS."""

import re

from patches import protected

from . import assets, front, releases, searching, services, skypictures, stylesheets
from .alerts import about, feed, index, stream
from .alerts.alert import alert_page
from .learn import page as learn
from .query import around
from .query import pages as query
from .release.page import release_page
from .sky import alerts as sky_alerts
from .sky import density, events, view
from .status import page as status

_ROUTES = (
    (r"", front.front_page),
    (r"robots\.txt", searching.robots),
    (r"sitemap\.xml", searching.site_map),
    (r"sitemap-pages\.xml", searching.site_map_of_pages),
    (r"sitemap-alerts-\d{1,9}\.xml", searching.site_map_of_alerts),
    (r"sky-map\.png", skypictures.picture),
    (r"sky-map/[a-z][a-z0-9_]*\.svg", skypictures.release_map),
    (r"query", query.query_page),
    (r"query/adql\.json", query.query_json),
    (r"query/answer", query.answer_page),
    (r"around", around.around_page),
    (r"learn", learn.learn_page),
    (r"browse", services.services_page),
    (r"status", status.status_page),
    (r"status\.json", status.status_document),
    (r"assets/[\w./-]+", assets.asset),
    (r"favicon\.ico|apple-touch-icon\.png", assets.asset),
    (r"alerts", index.index),
    (r"alerts/about", about.about),
    (r"alerts/feed\.atom", feed.feed),
    (r"alerts/live", stream.Stream),
    (r"sky", view.view),
    (r"sky/target.json", view.target),
    (r"sky/events.json", events.events),
    (r"sky/alerts.json", sky_alerts.alerts),
    (r"sky/hips/\w+/properties", density.properties),
    (r"sky/hips/\w+/Moc\.fits", density.coverage),
    (r"sky/hips/\w+/Norder3/Allsky\.png", density.allsky),
    (r"sky/hips/\w+/Norder\d/Dir0/Npix\d{1,4}\.png", density.tile),
    # whatever is not a page above; alerts/nu is DaCHS'
    (r"alerts/(?!nu(?:/|$))(?s:.+)", alert_page),
    (r"favicon\.ico", assets.icon),
    (r"static/xsl/[\w-]+\.xsl", stylesheets.style_sheet),
)
"""Patterns of paths, and the functions of their pages; the first that fits is taken."""


def page_for(path, request):
    """Return the function of the page at a path; None if the path is one of DaCHS'.

    A release that the visitor may not know of has no page, so that the answer is that of DaCHS for
    any other name.
    """
    for pattern, function in _ROUTES:
        if re.fullmatch(pattern, path):
            return function
    if (
        re.fullmatch(r"[a-z][a-z0-9_]*", path)
        and releases.is_release(path)
        and (not releases.is_hidden(path) or protected.is_member(request))
    ):
        return release_page
    return None
