"""What search engines and browsers ask any site for. This runs in the Python of DaCHS."""

import os
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from gavo import base

from . import database
from .alerts import listing
from .alerts.addresses import address_of
from .answers import DATA_POLICY, Answer, NotFound
from .releases import releases
from .templates import NAVIGATION
from .visits import server_url

_HOUR = 3600
_CHUNK = 20_000
"""Notices for one part of the site map, which may list 50,000 pages."""
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MJD_ZERO = datetime(1858, 11, 17)
_CLOSED = (
    "/__system__/tap/run/",
    "/tap/",
    "/login",
    "/seffe",
    "/sky/",
    "/around?target=",
    "/around?time=",
    "/query/",
)
"""Beginnings of the addresses that are no pages: answers to queries, which are without end."""
_ALERTS = """
    SELECT alert_id, received FROM alerts.latest
    WHERE notice_id >= %(first)s AND notice_id < %(end)s ORDER BY notice_id"""


def robots(visit):
    """Return ``robots.txt`` (RFC 9309), with what the operators add in a file of that name."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in _CLOSED)]
    try:
        own = os.path.join(base.getConfig("webDir"), "robots.txt")
        with open(own, encoding="utf-8") as stream:
            lines.append(stream.read().strip())
    except OSError:
        pass
    lines += ["", f"Sitemap: {server_url()}/sitemap.xml", ""]
    return _file("\n".join(lines), "text/plain; charset=utf-8")


def site_map(visit):
    """Return ``sitemap.xml``, the list of the parts of the site map."""
    parts = range(listing.last_received() // _CHUNK + 1)
    names = ["pages", *(f"alerts-{part}" for part in reversed(parts))]
    places = [f"<sitemap><loc>{server_url()}/sitemap-{name}.xml</loc></sitemap>" for name in names]
    return _xml("sitemapindex", places)


def site_map_of_pages(visit):
    """Return ``sitemap-pages.xml``: all pages except those of alerts."""
    paths = [f"/{path}" for path, _ in NAVIGATION]
    paths += [one.address for one in releases(visit)]
    notebooks = os.path.join(base.getConfig("webDir"), "nv_static", "notebooks", "index.html")
    if os.path.exists(notebooks):
        paths.append("/static/notebooks/index.html")
    return _xml("urlset", [_place(path) for path in dict.fromkeys(paths)])


def site_map_of_alerts(visit):
    """Return ``sitemap-alerts-<n>.xml``: the alerts whose newest notice has a number in a range."""
    part = int(visit.path.removeprefix("sitemap-alerts-").removesuffix(".xml"))
    found = database.rows_if_online(_ALERTS, {"first": part * _CHUNK, "end": (part + 1) * _CHUNK})
    if not found:
        raise NotFound("The site map has no such part; /sitemap.xml lists them.")
    return _xml("urlset", [_place(address_of(row["alert_id"]), row["received"]) for row in found])


def _place(path, mjd=None):
    date = f"<lastmod>{(_MJD_ZERO + timedelta(mjd)).date()}</lastmod>" if mjd else ""
    return f"<url><loc>{escape(server_url() + path)}</loc>{date}</url>"


def _xml(name, elements):
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{name} xmlns="{_NAMESPACE}">']
    return _file("\n".join([*lines, *elements, f"</{name}>", ""]), "application/xml")


def _file(text, media_type):
    return Answer(text.encode(), media_type, policy=DATA_POLICY, max_age=_HOUR)
