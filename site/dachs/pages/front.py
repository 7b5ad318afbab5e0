"""The front page. This runs in the Python of DaCHS."""

from .releases import releases
from .templates import page


def front_page(visit):
    """Return the front page."""
    return page("front.html", visit, releases=releases(visit))
