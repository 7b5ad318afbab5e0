"""What the archive of alerts is. This runs in the Python of DaCHS."""

from gavo import base
from jinja2.utils import markupsafe

from .. import database
from ..answers import NotFound
from ..templates import page
from . import streams
from .listing import TIME
from .names import stream_label

_TABLE = f"""
    SELECT CASE WHEN stream LIKE 'ivo:%%' THEN '{streams.OTHERS}' ELSE stream END AS stream,
        sum(is_latest) AS alerts, count(*) AS notices, min({TIME}) AS first, max({TIME}) AS last
    FROM alerts.notices
    WHERE is_test = 0 AND is_injection = 0 AND role != 'utility'
    GROUP BY 1 ORDER BY 1"""


def about(visit):
    """Return the page about the archive: what is in it, and how to use it."""
    if not streams.exist():
        raise NotFound("This server has no archive of alerts yet.")
    rd = base.caches.getRD("alerts/nu")
    table = _streams()
    return page(
        "alerts_about.html",
        visit,
        title=str(rd.getMeta("title")),
        summary=" ".join(str(rd.getMeta("description")).split()),
        text=_text(rd),
        table=table,
        alerts=sum(row["alerts"] for row in table),
        notices=sum(row["notices"] for row in table),
    )


def _text(rd):
    """Return the description that the descriptor has, its headings below those of the page."""
    found = rd.getMeta("_longdoc", default=None)
    return markupsafe.Markup(found.getContent("html", rd)) if found else ""


def _streams():
    """Return the number of alerts and notices of each stream."""
    table = database.rows(_TABLE) if streams.exist() else []
    for row in table:
        is_other = row["stream"] == streams.OTHERS
        row["label"] = "Other senders" if is_other else stream_label(row["stream"])
    return table
