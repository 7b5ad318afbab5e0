"""Pages that say why there is no page, and where to go. This runs in the Python of DaCHS."""

import difflib

from .releases import releases
from .templates import page

_TITLES = {
    301: "This page has moved",
    302: "This page is elsewhere",
    303: "This page is elsewhere",
    400: "This cannot be shown",
    401: "Please log in",
    403: "This is not open",
    404: "There is no such page",
    405: "This address is for programs",
    406: "This cannot be delivered",
    413: "This is too large",
    500: "This page does not work",
    503: "Please try again later",
}
_ADVICE = {
    400: "Please check the values in the address or the form.",
    401: "The data here are not public yet; members of the collaboration can log in. To try again,"
    " reload this page.",
    403: "The address exists, but it does not offer what was asked for.",
    404: "It may have been moved, or the address may be misspelt.",
    405: "A browser shows it only in part; the pages below lead on.",
    413: "Please send less at once, or use an asynchronous job.",
    500: "If your request is valid, please write to us and say what you did.",
    503: "Usually this takes some minutes.",
}
_KNOWN = ("sky", "alerts", "query", "learn", "status", "browse", "tap", "adql")
"""Addresses that a visitor may have meant, besides those of releases."""


def problem_page(visit, status, text, title=None, moved_to=None):
    """Return a page about a problem.

    Parameters
    ----------
    visit : Visit
        The request.
    status : int
        The HTTP status.
    text : str or Markup
        What was wrong.
    title : str, optional
        Its heading, if there is a better one than that of the status.
    moved_to : str, optional
        Where the page is now.
    """
    return page(
        "error.html",
        visit,
        status=status,
        title=title or _TITLES.get(status, "This did not work"),
        text=text,
        code=status,
        advice=_ADVICE.get(status, ""),
        moved_to=moved_to,
        similar=_similar(visit) if status == 404 else [],
    )


def _similar(visit):
    """Return the addresses that resemble the one of a request, and their titles."""
    known = dict.fromkeys(_KNOWN) | {one.name: one.title for one in releases(visit)}
    words = [word.lower()[:80] for word in visit.path.split("/")[:3] if word]
    found = {}
    for word in words:
        for name in difflib.get_close_matches(word, known, n=3, cutoff=0.6):
            found[f"/{name}"] = known[name] or name.capitalize()
    found.pop(f"/{visit.path}", None)
    return list(found.items())


def blocked(visit):
    """Return the page of a service that the operator has blocked."""
    text = "This service is being maintained. Please come back in some minutes, or tomorrow."
    return problem_page(visit, 503, text, "Under maintenance")
