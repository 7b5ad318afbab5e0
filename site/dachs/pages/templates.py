"""The templates of the pages, in Jinja's language. This runs in the Python of DaCHS."""

import functools
from pathlib import Path

import jinja2
from gavo import base

from . import assets, formats
from .alerts.names import visible
from .answers import HTML, Answer, page_policy
from .visits import server_url

FOLDER = Path(__file__).resolve().parent.parent / "web" / "templates"
NAVIGATION = (
    ("", "Home"),
    ("sky", "Sky"),
    ("alerts", "Alerts"),
    ("query", "Query"),
    ("learn", "Learn"),
    ("status", "Status"),
)
"""The pages that each page leads to: path and label."""


def page(template, visit, *, status=200, policy=None, max_age=0, media_type=HTML, **context):
    """Return a page made from a template.

    Parameters
    ----------
    template : str
        The name of the file in ``web/templates``.
    visit : Visit
        The request, which the template knows as ``visit``.
    status, policy, max_age, media_type
        As for an :class:`~pages.answers.Answer`.
    **context
        What else the template may use.
    """
    text = _environment().get_template(template).render(visit=visit, **context)
    return Answer(text.encode(), media_type, status, policy or page_policy(), max_age)


def text(template, **context):
    """Return a text made from a template, such as a drawing."""
    return _environment().get_template(template).render(**context)


def fragment(template, **context):
    """Return a part of a page, made from a template that needs no request."""
    return _environment().get_template(template).render(visit=None, **context)


@functools.cache
def _environment():
    # undefined names are errors, and all values are escaped
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= formats.FILTERS | {"visible": visible}
    made.globals |= {
        "asset": assets.address_of,
        "navigation": NAVIGATION,
        "server_url": server_url(),
        "site_name": base.getConfig("web", "sitename"),
        "site_description": _site_meta("site.description"),
        "contact": _site_meta("contact.email"),
    }
    return made


def _site_meta(key):
    from patches import versions

    return str(versions.site_meta().getMeta(key, default="") or "")
