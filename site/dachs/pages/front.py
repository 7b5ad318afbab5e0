"""The front page. This runs in the Python of DaCHS."""

import re

from . import assets, products, skymap
from .alerts import listing
from .releases import releases
from .sky.policy import sky_policy, survey
from .templates import page
from .visits import server_url

_ALERTS = 8
"""How many of the newest alerts are listed and on the map."""


def front_page(visit):
    """Return the front page."""
    known, made = releases(visit), products.products()
    shown = skymap.on_the_map(known, made)
    drawn = skymap.layers(shown, made)
    alerts = listing.newest(_ALERTS)
    return page(
        "front.html",
        visit,
        policy=sky_policy(),
        releases=known,
        products=made,
        nothing=products.NOTHING,
        shown=shown,
        left_out=[
            one
            for one in known
            if one.facts.get("kind") == "test" and made.get(one.name, products.NOTHING).events
        ],
        sky=_sky(shown),
        layers=drawn,
        frame=skymap.frame(),
        alerts=alerts,
        marks=skymap.alert_marks(alerts, drawn.marks),
        licence=licence,
        catalogue=catalogue(known),
    )


def _sky(shown):
    """Return what the script needs to draw the same sky with Aladin Lite."""
    return {
        "script": assets.address_of("skyview.js"),
        "style": assets.address_of("sky.css"),
        "survey": survey(),
        "releases": [
            {"name": one.title, "release": one.name, "limit": skymap.MOST, "colour": "#ffd9a0"}
            for one in shown
        ],
        "alerts": {"kind": "alerts", "name": "Alerts", "limit": _ALERTS, "colour": "#ff7d6b"},
    }


def licence(release):
    """Return the identifier and the address of a release's licence; empty if it has none."""
    address = release.text("rights.rightsURI")
    found = re.search(r"/([\w.-]+?)(?:\.html)?/?$", address)
    return (found[1] if found else address), address


def catalogue(known):
    """Return the site and its releases as search engines read them (schema.org)."""
    from gavo import base
    from patches import versions

    name = base.getConfig("web", "sitename")
    about = " ".join(
        str(versions.site_meta().getMeta("site.description", default="") or name).split()
    )
    return {
        "@context": "https://schema.org/",
        "@graph": [
            {"@type": "WebSite", "@id": f"{server_url()}/#site", "name": name, "url": server_url()},
            {
                "@type": "DataCatalog",
                "@id": f"{server_url()}/#catalogue",
                "name": name,
                "description": about,
                "url": f"{server_url()}/",
                "dataset": [
                    {
                        "@type": "Dataset",
                        "name": one.title,
                        "description": one.text("description"),
                        "url": server_url() + one.address,
                        "license": licence(one)[1],
                        "creator": {"@type": "Organization", "name": one.text("creator")},
                        "isAccessibleForFree": not one.is_closed,
                    }
                    for one in known
                ],
            },
        ],
    }
