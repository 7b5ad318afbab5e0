"""The DataLink rows of a data product, besides the product itself and its preview.

Runs inside DaCHS, under Debian's Python.
"""

import os
import time

from gavo import base
from gavo.utils import loadPythonModule
from gavo.web import ifpages
from twisted.web import static

facts_of = loadPythonModule("facts", relativeTo=os.path.abspath(__file__))[0].facts_of

PRODUCTS = """
    SELECT accref, obs_id, product_type, product_subtype, title, mime, accsize
    FROM km3net.observations WHERE release = %(release)s
    ORDER BY product_type, product_subtype, accref"""
BUNDLE, RESPONSE, COLUMNS = "hea-event-bundle", "response-function", "measurements"
NOTICES = """
    SELECT notice_id, event_name FROM alerts.notices WHERE ivorn = %(ivorn)s
    ORDER BY notice_id DESC LIMIT 1"""
OURS = (".fits", ".fits.gz", ".parquet", ".prov.json", ".png", "structured-data.json")
"""Ends of the names of files that are neither products nor delivered."""
HATS = "hats/hats.properties"
"""The file that describes a HATS catalogue, as written by ``km3vo release hats``."""
_PATIENCE, _PAUSE = 20, 0.02
"""How often, and after how many seconds, it is asked whether an import has ended."""
GADF, TABLE = ".gadf.fits", ".table.fits"
"""Ends of the names of files made from a delivered response, see ``products.py``."""


def links(descriptor):
    """Yield the links of a product.

    Parameters
    ----------
    descriptor : gavo.protocols.datalink.ProductDescriptor
        The product.
    """
    release = descriptor.accref.partition("/")[0]
    products = _products(release)
    this = products[descriptor.accref]
    for one in products.values():
        if one is not this:
            yield _product(descriptor, this, one)
    if this["product_type"] == RESPONSE:
        yield from _table(descriptor, release)
    else:
        yield from _beside(descriptor, release, products)
        yield from _partitions(descriptor, release)
        yield from _further_tables(descriptor, release)
        yield from _alert(descriptor, release)
    yield from _documentation(descriptor, release)


def _products(release):
    """Return the products of a release by their names.

    At the end of an import the database changes some milliseconds before the files do. Links to
    some of both would be those of no release, so this waits until the sizes agree.
    """
    for _ in range(_PATIENCE):
        with base.getTableConn() as connection:
            found = list(connection.queryToDicts(PRODUCTS, {"release": release}))
        if all(one["accsize"] == _size(one["accref"]) for one in found):
            break
        time.sleep(_PAUSE)
    return {one["accref"]: one for one in found}


def _size(accref):
    try:
        return os.path.getsize(os.path.join(base.getConfig("inputsDir"), accref))
    except OSError:
        return None


def _product(descriptor, this, other):
    """Return the link to another product of the release, or None if they are not related."""
    kind, qualifier = other["product_type"], other["product_subtype"] or other["product_type"]
    if kind == RESPONSE != this["product_type"]:
        semantics = "#calibration"
    elif this["obs_id"] != other["obs_id"]:
        return None
    elif kind == RESPONSE:
        if _stem(this["accref"]) != _stem(other["accref"]):
            return None
        semantics = "#derivation" if other["accref"].endswith(GADF) else "#progenitor"
    elif COLUMNS in (kind, this["product_type"]):
        if BUNDLE in (kind, this["product_type"]):
            return None
        semantics = "#derivation" if kind == COLUMNS else "#progenitor"
    elif kind == BUNDLE:
        semantics = "#package"
    elif this["product_type"] == BUNDLE:
        semantics = "#progenitor"
    else:
        return None
    return descriptor.makeLink(
        base.makeAbsoluteURL("getproduct/" + other["accref"]),
        description=other["title"],
        semantics=semantics,
        contentType=other["mime"],
        contentLength=other["accsize"],
        contentQualifier=qualifier,
    )


def _stem(accref):
    """Return what the files made from the same delivered response share in their names."""
    return accref.removesuffix(GADF) if accref.endswith(GADF) else os.path.splitext(accref)[0]


def _table(descriptor, release):
    """Yield the link to the rows that a response has in the schema irf, as a file."""
    name = os.path.basename(_stem(descriptor.accref)) + TABLE
    path = os.path.join(base.getConfig("inputsDir"), release, "data", "responses", name)
    if os.path.exists(path):
        yield descriptor.makeLink(
            base.makeAbsoluteURL(f"{release}/nu/files/static/responses/{name}"),
            description="The same response with one row per bin, as in the schema irf",
            semantics="#derivation",
            contentType="application/fits",
            contentLength=os.path.getsize(path),
        )


def _documentation(descriptor, release):
    """Yield the links to the pages of the release, and of those before and after it."""
    facts = facts_of(release)
    for other, text in (
        (facts.get("superseded_by"), "The release that has replaced this one: {}"),
        (facts.get("supersedes"), "The release that this one replaces: {}"),
        (release, "Description of the release and how to use it"),
    ):
        if other:
            page = facts_of(other).get("page", "cone/info")
            yield descriptor.makeLink(
                base.makeAbsoluteURL(f"{other}/nu/{page}"),
                description=text.format(other),
                semantics="#documentation",
                contentType="text/html",
            )


def _beside(descriptor, release, products):
    """Yield the links to what is beside an event list and is no product itself."""
    files = base.makeAbsoluteURL(f"{release}/nu/files/static/")
    name = os.path.splitext(os.path.basename(descriptor.accref))[0] + ".fits"
    yield descriptor.makeLink(
        f"{files}{name}.prov.json",
        description="Provenance of the data product (W3C PROV-JSON)",
        semantics="#provenance",
        contentType="application/json",
    )
    folder = os.path.join(base.getConfig("inputsDir"), release, "data")
    for original in sorted(os.listdir(folder)):
        path = os.path.join(folder, original)
        # names with a dot: files that are being written
        if (
            not original.startswith(".")
            and os.path.isfile(path)
            and f"{release}/data/{original}" not in products
            and not original.endswith(OURS)
        ):
            yield descriptor.makeLink(
                files + original,
                description="Original file, as delivered by the collaboration",
                semantics="#progenitor",
                contentType=_media_type(original),
                contentLength=os.path.getsize(path),
            )


def _partitions(descriptor, release):
    """Yield the link to the rows of the release partitioned by position, if they are."""
    path = os.path.join(base.getConfig("inputsDir"), release, "data", HATS)
    if os.path.exists(path):
        yield descriptor.makeLink(
            base.makeAbsoluteURL(f"{release}/nu/files/static/{HATS}"),
            description="All rows of the release, partitioned by position: the properties of a"
            " HATS catalogue, which LSDB opens by the address of their directory",
            semantics="#derivation",
            contentType="text/plain",
            contentLength=os.path.getsize(path),
        )


def _further_tables(descriptor, release):
    """Yield the links to the files of which further tables were made, and to these as FITS."""
    files = base.makeAbsoluteURL(f"{release}/nu/files/static/tables/")
    folder = os.path.join(base.getConfig("inputsDir"), release, "data", "tables")
    listed = facts_of(release).get("tables", ())
    # a file that fills several tables is linked once
    titles = {one["name"]: one["title"] for one in listed}
    titles |= {one["table"] + ".fits": "Table {}".format(one["table"]) for one in listed}
    for name, title in titles.items():
        path = os.path.join(folder, name)
        # a simulated stand-in has none
        if os.path.exists(path):
            yield descriptor.makeLink(
                files + name,
                description=title,
                semantics="#auxiliary",
                contentType=_media_type(name),
                contentLength=os.path.getsize(path),
            )


def _media_type(name):
    """Return the media type with which the server sends a file."""
    served = ifpages.StaticFile
    kind, _ = static.getTypeAndEncoding(
        name, served.contentTypes, served.contentEncodings, served.defaultType
    )
    return kind


def _alert(descriptor, release):
    """Yield the link to the notice that announced the event of a release, if it is archived."""
    ivorn = facts_of(release).get("alert")
    if not ivorn:
        return
    with base.getTableConn() as connection:
        (archive,) = connection.queryToDicts("SELECT to_regclass('alerts.notices') AS found")
        found = archive["found"] and list(connection.queryToDicts(NOTICES, {"ivorn": ivorn}))
    for notice in found or ():
        yield descriptor.makeLink(
            base.makeAbsoluteURL("alerts/nu/dl/dlmeta?ID={}".format(notice["notice_id"])),
            description="The alert {}: its packet and what is linked to it".format(
                notice["event_name"] or ivorn
            ),
            semantics="#coderived",
            contentType="application/x-votable+xml;content=datalink",
        )
