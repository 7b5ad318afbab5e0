"""The newest alerts as an Atom feed (RFC 4287). This runs in the Python of DaCHS."""

from gavo import base

from .. import formats
from ..templates import page
from ..visits import server_url
from . import listing, search, streams, words
from .names import stream_label, visible

_ENTRIES = 50
_MEDIA_TYPE = "application/atom+xml; charset=utf-8"


def feed(visit):
    """Return the newest alerts of a search, each with the time of its newest notice."""
    wanted = search.read(visit)
    wanted.texts["order"] = "newest"
    authority = base.getConfig("ivoa", "authority")
    entries = [
        {
            "id": f"tag:{authority},2026:{row['address']}",
            "title": row["name"] + _state(row),
            "address": server_url() + row["address"],
            "updated": _rfc3339(row["received"]),
            "stream": stream_label(row["stream"]),
            "text": _summary(row),
        }
        for row in listing.find(
            wanted.condition, wanted.parameters, _ENTRIES, by_place=wanted.is_narrow
        )
    ]
    # the node may have no alerts, and then no descriptor of them
    described = "alerts/nu" if streams.exist() else "//adql"
    created = base.caches.getRD(described).getMeta("creationDate")
    return page(
        "alerts.atom",
        visit,
        media_type=_MEDIA_TYPE,
        title=wanted.words,
        id=f"tag:{authority},2026:{wanted.address('/alerts')}",
        feed_address=server_url() + wanted.address("/alerts/feed.atom"),
        page_address=server_url() + wanted.address("/alerts"),
        updated=max((entry["updated"] for entry in entries), default=str(created)),
        entries=entries,
        max_age=60,
    )


def _state(row):
    what = "test" if row["is_test"] else "injected signal" if row["is_injection"] else ""
    said = [what] if what else []
    said += ["retracted"] if row["retracted"] else []
    return f" ({', '.join(said)})" if said else ""


def _summary(row):
    """Return what is known about an alert, in a sentence or two."""
    said = [f"Alert of {stream_label(row['stream'])}"]
    if row["event_mjd"] is not None:
        said.append(f"event on {formats.utc(row['event_mjd'])} UTC")
    if row["ra"] is not None and row["dec"] is not None:
        said.append(f"right ascension {row['ra']:.4f}°, declination {row['dec']:+.4f}°")
    if row["far"] is not None:
        said.append(f"false-alarm rate {words.rate(row['far'])}")
    text = ", ".join(said) + "."
    if row["retracted"]:
        text += " It has been retracted."
    return visible(text)


def _rfc3339(mjd):
    return formats.utc(mjd).replace(" ", "T") + "Z"
