"""What is known about the releases. This runs in the Python of DaCHS.

The facts come from descriptors, and from the files that an import writes beside them.
"""

import functools
import json
import os
from dataclasses import dataclass

import jinja2
from gavo import base
from patches import protected

_FACTS = ("release.json", "responses.json")
"""The files with the facts of a release of events, and of one of responses only."""

_PLACES = (*_FACTS, "nu.rd", "data", "data/structured-data.json", "data/documents")
"""What imports and curators rewrite."""


@dataclass(frozen=True)
class Release:
    """A release of events or of instrument responses.

    Attributes
    ----------
    name : str
        Its name, which is also that of its schema, such as ``ant20_01``.
    rd : gavo.rscdesc.RD
        Its descriptor.
    facts : dict
        What the import wrote about it.
    has_events : bool
        Whether it has a table of events.
    """

    name: str
    rd: object
    facts: dict
    has_events: bool

    @property
    def title(self):
        return self.facts["title"]

    @property
    def address(self):
        """The path of its page."""
        return f"/{self.name}"

    @property
    def is_closed(self):
        """Whether its data are not public yet, so that no page can read them from the database.

        Its description may be, or nobody but members may know of it.
        """
        return protected.protection(self.rd) is not None

    def text(self, key):
        """Return an item of metadata as plain text; empty if there is none.

        Parameters
        ----------
        key : str
            Such as ``description``, ``creator``, ``rights`` or ``doi``.
        """
        found = self.rd.getMeta(key, default=None)
        return " ".join(str(found).split()) if found is not None else ""

    def html(self, key):
        """Return an item of metadata as markup, such as ``_longdoc``, which curators write."""
        found = self.rd.getMeta(key, default=None)
        return jinja2.utils.markupsafe.Markup(found.getContent("html", self.rd) if found else "")

    @property
    def picture(self):
        """The path of a picture of the sky with its events; None if there is none."""
        return f"/{self.name}/nu/files/static/{self.name}.png" if self.has_events else None


def releases(visit):
    """Return the releases that a visitor may know of, those of events first, newest first.

    Parameters
    ----------
    visit : Visit
        The request; members of the collaboration see all.

    Returns
    -------
    list of Release
        The releases.
    """
    found = [one for one in map(_release, _names()) if one and _is_visible(one, visit)]
    found.sort(key=lambda one: (one.facts["created"], one.name), reverse=True)
    found.sort(key=lambda one: not one.has_events)
    return found


def release(name, visit):
    """Return a release; None if it does not exist, as far as the visitor may know."""
    found = _release(name) if name in _names() else None
    return found if found and _is_visible(found, visit) else None


def is_release(name):
    """Return whether a name is that of a release, which some may not know of."""
    return name in _names()


def is_hidden(name):
    """Return whether nobody but members may know of a release."""
    found = _release(name)
    return found is None or protected.protection(found.rd) == "everything"


def state():
    """Return what changes whenever a release does: its files, or who may see them."""
    folder = base.getConfig("inputsDir")
    return tuple(
        (
            one.name,
            protected.protection(one.rd),
            *(_changed(os.path.join(folder, one.name, place)) for place in _PLACES),
        )
        for one in map(_release, _names())
        if one
    )


def _changed(path):
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino


def _names():
    folder = base.getConfig("inputsDir")
    return [
        name
        for name in sorted(os.listdir(folder))
        if any(os.path.exists(os.path.join(folder, name, file)) for file in _FACTS)
    ]


def _release(name):
    for file in _FACTS:
        path = os.path.join(base.getConfig("inputsDir"), name, file)
        try:
            facts = _read(path, os.stat(path).st_mtime_ns)
            return Release(name, base.caches.getRD(f"{name}/nu"), facts, file == _FACTS[0])
        except (FileNotFoundError, base.RDNotFound):  # an import replaces them just now
            continue
    return None


@functools.lru_cache(100)
def _read(path, _modified):
    with open(path, encoding="utf-8") as stream:
        return json.load(stream)


def _is_visible(one, visit):
    return visit.is_member or protected.protection(one.rd) != "everything"
