"""The list of all services and tables, ``/browse``. This runs in the Python of DaCHS."""

import os
from dataclasses import dataclass

from gavo import base
from patches import protected

from .releases import is_release, releases
from .templates import page


@dataclass(frozen=True)
class Collection:
    """What belongs together: the services and tables of a descriptor.

    Attributes
    ----------
    title, description : str
        What its curators say.
    address : str
        The path of its page.
    services, tables : list of Entry
        What can be used.
    is_closed : bool
        Whether its data are not public yet.
    """

    title: str
    description: str
    address: str
    services: list
    tables: list
    is_closed: bool = False


@dataclass(frozen=True)
class Entry:
    """A service or a table: its name, what it is, and the path of its page."""

    name: str
    title: str
    address: str
    form: str = ""


def services_page(visit):
    """Return the list."""
    made = [
        _collection(one.rd, one.title, one.text("description"), one.address, one.is_closed)
        for one in releases(visit)
    ]
    return page("services.html", visit, common=list(_common()), releases=made)


def _common():
    """Yield what does not belong to a release."""
    folder = base.getConfig("inputsDir")
    for name in sorted(os.listdir(folder)):
        if is_release(name) or not os.path.exists(os.path.join(folder, name, "nu.rd")):
            continue
        try:
            rd = base.caches.getRD(f"{name}/nu")
        except base.NotFoundError:  # an import replaces it just now
            continue
        # releases whose import has not ended are nobody's business
        if protected.protection(rd) is None:
            yield _collection(
                rd, _text(rd, "title"), _text(rd, "description"), f"/browse/{name}/nu"
            )


def _collection(rd, title, description, address, is_closed=False):
    services = [_service(one) for one in rd.services if one.publications]
    tables = [
        Entry(one.getQName(), _text(one, "title"), f"/tableinfo/{one.getQName()}")
        for one in rd.tables
        if one.onDisk and one.adql
    ]
    return Collection(title, description, address, services, tables, is_closed)


def _service(service):
    path = f"/{service.rd.sourceId}/{service.id}"
    form = f"{path}/form" if "form" in service.allowed else ""
    return Entry(_text(service, "shortName"), _text(service, "title"), f"{path}/info", form)


def _text(of, key):
    return " ".join(str(of.getMeta(key, default="") or "").split())
