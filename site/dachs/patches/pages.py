"""Patches of DaCHS' web pages."""

from gavo.web import caching


def cache_pages_without_encoding():
    """Let DaCHS keep pages in its cache without the encoding of their first transfer.

    For DaCHS 2.7.

    ``gavo.web.caching`` stores the page before it is compressed, but with the headers of the
    compressed response. If the first visitor of a page accepts gzip and a later one does not, the
    later one gets an uncompressed page with ``Content-Encoding: gzip`` and cannot read it. We
    suggest to remove the header in ``CachedPage.__init__``; ``EncodingResourceWrapper`` sets it
    again for those who accept it.
    """
    caching.CachedPage = _PageWithoutEncoding


class _PageWithoutEncoding(caching.CachedPage):
    def __init__(self, content, headers, lastModified):
        headers.removeHeader("content-encoding")
        super().__init__(content, headers, lastModified)
