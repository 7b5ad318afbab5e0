"""Patches of DaCHS' DataLink."""

import functools
import inspect

from gavo import base, rscdef
from gavo.protocols import datalink
from gavo.web import ifpages
from twisted.web import static

_COLUMN = {
    "name": "content_qualifier",
    "type": "text",
    "ucd": "meta.code",
    "tablehead": "Content",
    "description": "What the linked resource is, such as aeff for an effective area.",
    "verbLevel": 1,
}


def qualify_contents():
    """Let DaCHS write the column ``content_qualifier``.

    For DaCHS 2.7; later versions have it.

    It came with DataLink 1.1. Here links get it by the argument ``contentQualifier``, as in later
    versions of DaCHS.
    """
    if "contentQualifier" in inspect.signature(datalink.LinkDef.__init__).parameters:
        return
    begin, describe = datalink.LinkDef.__init__, datalink.LinkDef.asDict
    complete = datalink.DatalinkCoreBase.completeElement

    @functools.wraps(begin)
    def begin_with_qualifier(self, *words, contentQualifier=None, **named):
        begin(self, *words, **named)
        self.content_qualifier = contentQualifier

    @functools.wraps(describe)
    def describe_with_qualifier(self):
        return describe(self) | {"content_qualifier": self.content_qualifier}

    @functools.wraps(complete)
    def complete_with_qualifier(self, context):
        _add_column(base.caches.getRD("//datalink"))
        return complete(self, context)

    datalink.LinkDef.__init__ = begin_with_qualifier
    datalink.LinkDef.asDict = describe_with_qualifier
    datalink.DatalinkCoreBase.completeElement = complete_with_qualifier


def _add_column(rd):
    """Add the column to the table of links, and to what makes its rows."""
    table = rd.getById("dlresponse")
    if _COLUMN["name"] in table.columns.nameIndex:
        return
    table.feedObject("column", base.makeStruct(rscdef.Column, parent_=table, **_COLUMN))
    (make,) = rd.getById("make_response").makes
    make.rowmaker = rscdef.RowmakerDef.makeIdentityFromTable(table)


def name_types_of_static_files():
    """Serve files with the media types that DataLink states for them.

    For DaCHS 2.7; from 2.10 on, FITS files have the type ``application/fits`` everywhere.

    The static renderer calls FITS tables ``image/fits``, and delivered texts that end in ``.dat``
    web pages, which a browser would show as such. A file that was delivered in compressed form is
    sent with ``Content-Encoding: gzip``, so that clients decompress it, and what they store is not
    the file that was delivered. DaCHS means files of unknown types to be
    ``application/octet-stream``, but the constructor of Twisted makes them web pages again.
    """
    static.File.contentTypes[".fits"] = "application/fits"
    static.File.contentTypes[".dat"] = "text/plain"
    static.File.contentTypes[".gz"] = "application/gzip"
    static.File.contentTypes[".parquet"] = "application/vnd.apache.parquet"
    static.File.contentTypes[".properties"] = "text/plain"
    ifpages.StaticFile.contentEncodings = {}
    construct = ifpages.StaticFile.__init__

    @functools.wraps(construct)
    def keep_default_type(self, *arguments, **named):
        construct(self, *arguments, **named)
        self.defaultType = ifpages.StaticFile.defaultType

    ifpages.StaticFile.__init__ = keep_default_type
