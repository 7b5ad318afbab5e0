"""What can be fetched of a release. This runs in the Python of DaCHS."""

import glob
import os
import urllib.parse
from dataclasses import dataclass

from gavo import base
from gavo.utils import loadPythonModule

from .. import database
from ..visits import server_url

_PRODUCTS = """
    SELECT p.*, p.accref AS path FROM km3net.observations AS p
    WHERE p.release = %(release)s ORDER BY product_type, accref"""
_BUNDLE, _RESPONSE, _COLUMNS = "hea-event-bundle", "response-function", "measurements"
_ALL = 20_000_000
"""More rows than the server returns in one response."""
_PLAIN = ("scircle", "spoint", "spoly", "smoc")
"""Beginnings of types of columns that a CSV file cannot hold."""


@dataclass(frozen=True)
class File:
    """A file.

    Attributes
    ----------
    address, name : str
        Where it is, and the name under which browsers save it.
    text : str
        What it is.
    size : int or None
        In bytes.
    sha256 : str
        Its checksum; empty if it is not known.
    """

    address: str
    name: str
    text: str
    size: int = None
    sha256: str = ""


def products(release):
    """Return the rows of a release in ``km3net.observations``."""
    return database.rows(_PRODUCTS, {"release": release.name})


def event_lists(rows):
    """Return the products with events."""
    return [one for one in rows if one["product_type"] not in (_BUNDLE, _COLUMNS, _RESPONSE)]


def files(release, rows, checksums):
    """Return the files of a release by their kinds: what DataLink links to its products.

    Parameters
    ----------
    release : Release
        The release.
    rows : list of dict
        Its products.
    checksums : dict of str to str
        The checksums that are known, by the names of files.

    Returns
    -------
    dict of str to list of File
        ``data``, ``delivered``, ``provenance``, ``responses``, ``tables`` and ``alerts``.
    """
    found = {kind: {} for kind in dict.fromkeys(_KINDS.values())}

    def add(kind, address, text, size):
        address = address.removeprefix(server_url())
        name = address.partition("?")[0].rpartition("/")[2]
        known = checksums.get(name, "") if kind != "responses" else ""
        found[kind].setdefault(address, File(address, name, text, size, known))

    if not rows:  # a release that only members know of is in no table
        made = os.path.join(_folder(release), "*")
        for path in sorted(glob.glob(f"{made}.fits") + glob.glob(f"{made}.parquet")):
            name = os.path.basename(path)
            address = f"/{release.name}/nu/files/static/{name}"
            add("data", address, release.title, os.path.getsize(path))
    lists = event_lists(rows)
    for row in lists + [one for one in rows if one["product_type"] in (_BUNDLE, _COLUMNS)]:
        add("data", f"/getproduct/{row['path']}", row["title"], row["accsize"])
    followed = [one for one in rows if one["product_type"] == _RESPONSE]
    for row in followed:
        add("responses", f"/getproduct/{row['path']}", row["title"], row["accsize"])
    for row in lists[:1] + followed:
        of_response = row["product_type"] == _RESPONSE
        for link in _links().links(_Product(row["path"])):
            if link is not None and link["semantics"] in _KINDS:
                kind = "responses" if of_response else _KINDS[link["semantics"]]
                add(kind, link["url"], link["description"], link["size"])
    return {kind: list(files.values()) for kind, files in found.items()}


_KINDS = {
    "#package": "data",
    "#progenitor": "delivered",
    "#provenance": "provenance",
    "#calibration": "responses",
    "#derivation": "data",
    "#auxiliary": "tables",
    "#coderived": "alerts",
}
"""What the semantics of DataLink mean for a page."""


def _folder(release):
    return os.path.join(base.getConfig("inputsDir"), release.name, "data")


class _Product:
    """What ``rd/km3net/links.py`` needs to know of a product, and how it states a link."""

    def __init__(self, path):
        self.accref = path

    def makeLink(self, url, description, semantics, contentLength=None, **_):
        return {"url": url, "description": description, "semantics": semantics,
                "size": contentLength}  # fmt: skip


def _links():
    return loadPythonModule(os.path.join(base.getConfig("inputsDir"), "km3net", "links"))[0]


def table_address(table, form):
    """Return the address of all rows of a table in a format.

    Parameters
    ----------
    table : Table
        The table; a CSV file has only the columns that are numbers or texts.
    form : str
        Such as ``csv`` or ``votable``.
    """
    names = [one.name for one in table.columns if not one.type.startswith(_PLAIN)]
    what = ", ".join(names) if form == "csv" and len(names) < len(table.columns) else "*"
    query = {
        "LANG": "ADQL", "RESPONSEFORMAT": form, "MAXREC": _ALL,
        "QUERY": f"SELECT {what} FROM {table.name}",
    }  # fmt: skip
    return f"/tap/sync?{urllib.parse.urlencode(query)}"


@dataclass(frozen=True)
class Response:
    """An instrument response: its picture, its files, and the table with its rows."""

    title: str
    picture: str
    files: list
    table: str


def responses(release, found):
    """Return the instrument responses of a release, each with its files.

    Parameters
    ----------
    release : Release
        The release.
    found : list of File
        The files of its responses.
    """
    tables = _tables_of_responses(release) if release.facts["responses"] else {}
    return [_response(release, one, found, tables) for one in release.facts["responses"]]


def _tables_of_responses(release):
    """Return the names of the tables that have the rows of responses, by their names."""
    try:
        tables = [one for one in base.caches.getRD("irf/nu").tables if one.adql]
    except base.RDNotFound:
        return {}
    query = " UNION ".join(
        f"SELECT response, '{one.getQName()}' AS place FROM {one.getQName()}"
        " WHERE release = %(release)s"
        for one in tables
    )
    return {one["response"]: one["place"] for one in
            database.rows(query, {"release": release.name})}  # fmt: skip


def _response(release, stated, found, tables):
    stem = os.path.splitext(stated["name"])[0]
    picture = f"responses/{stem}.png"
    path = os.path.join(_folder(release), picture)
    return Response(
        stated["title"],
        f"/{release.name}/nu/files/static/{picture}" if os.path.exists(path) else "",
        [one for one in found if one.name.startswith(f"{stem}.")],
        tables.get(stem, ""),
    )
