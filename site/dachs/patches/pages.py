"""Patches of DaCHS' web pages."""

import functools
import inspect
import re

from gavo.formal import nevowc
from gavo.web import caching, htmltable, ifpages
from twisted.web import template
from twisted.web.template import tags

_FIRST_VISITORS = (
    *("content-encoding", "access-control-allow-origin", "vary"),
    *("content-length", "transfer-encoding"),
)
"""Headers that depend on who asks, and how the answer was sent."""
_SAFE_LINK = re.compile(r"(?:https?://|mailto:|[/?#]|[\w.%+-]+(?:[/?#]|$))", re.IGNORECASE)
"""The beginning of an address that runs no script: of the web, or relative."""
_EXPORT = re.compile(rb"module\.exports\s*=\s*\{\s*samp\s*\};?\s*\Z")
_TEMPLATING = r"""
renderTemplate = function (templateId, data) {
    const text = document.getElementById(templateId).innerHTML;
    return text.replace(/[\r\t\n]/g, " ").replace(/\$(!?)([a-zA-Z_]+)/g, (_, raw, key) => {
        const value = data[key] ?? "";
        return raw ? (value.html ? value.html() : value) : htmlEscape(value);
    }).trim();
};
"""
"""DaCHS' function that fills in templates, without compiling them as programs."""
_LOADING = r"""
$.getScript = function (url, done) {
    return $.ajax({url: url, dataType: "script", crossDomain: true, cache: true, success: done});
};
"""
"""jQuery's function that loads a script: by an element with its address, not with its text."""


_DRAWING = r"""
document.addEventListener("DOMContentLoaded", () => {
    const about = document.querySelector("div.result .resmeta");
    if (!about || !document.querySelector("table.results td")) return;
    const link = document.createElement("a");
    link.href = "/query/answer?of=" + encodeURIComponent(location.pathname + location.search);
    link.textContent = "On the sky and as a diagram";
    about.appendChild(document.createElement("p")).append(link);
});
"""
"""Adds to the answer of a form the link to our page that draws it."""


def cache_pages_without_visitor():
    """Let DaCHS keep pages in its cache without what concerns their first visitor only.

    For DaCHS 2.7 and 2.11.

    ``gavo.web.caching`` stores the page before it is compressed, but with the headers of the
    compressed response. If the first visitor of a page accepts gzip and a later one does not, the
    later one gets an uncompressed page with ``Content-Encoding: gzip`` and cannot read it. In the
    same way all get the first one's ``Access-Control-Allow-Origin``, and pages of other origins
    cannot read the answer. With Twisted 24 the headers contain ``Transfer-Encoding: chunked``, but
    the page is sent with ``Content-Length``, and nobody can read it. We suggest to remove these
    headers in ``CachedPage.__init__``; they are set again for those whom they concern.
    """
    caching.CachedPage = _PageWithoutVisitor


class _PageWithoutVisitor(caching.CachedPage):
    def __init__(self, content, headers, lastModified):
        for name in _FIRST_VISITORS:
            headers.removeHeader(name)
        super().__init__(content, headers, lastModified)


def escape_tables():
    """Let DaCHS escape what it writes into HTML tables.

    For DaCHS 2.7 and 2.11.

    ``HeadCellsMixin.headCell`` inserts the heading of a column as markup. In the answer to an
    ADQL query the heading is what the query says. Cells become links to any address, also to
    ``javascript:``, and the display hint ``keephtml`` inserts the value as markup. We suggest to
    insert headings as text, and to make links to addresses of the web only.
    """
    htmltable.HeadCellsMixin.headCell = _head_cell
    make = htmltable.HTMLDataRenderer._makeSerializer

    @functools.wraps(make)
    def make_serializer(self):
        make(self)
        serialize = self.serializeRow
        self.serializeRow = lambda row: [_safe_cell(value) for value in serialize(row)]

    htmltable.HTMLDataRenderer._makeSerializer = make_serializer


@template.renderer
def _head_cell(self, request, tag):
    """Render the heading of a column; as DaCHS does, but as text."""
    column = tag.slotData
    if hasattr(column, "key"):
        column = self.serManager.getColumnByName(column.key)
    label = column.original.getLabel()
    tag = tag(title=column["description"] or label)[label]
    if column["unit"]:
        tag[tags.br, f"[{column['unit']}]"]
    note = column["note"]
    if note:
        tag[tags.sup[tags.a(href=f"#note-{note.tag}")[note.tag]]]
    return tag


def _safe_cell(value):
    """Return a cell without links that run scripts, and without values inserted as markup."""
    if isinstance(value, nevowc.Passthrough):
        return value.getContent().decode("utf-8", "replace")
    if inspect.isgenerator(value):
        return [_safe_cell(part) for part in value]
    if isinstance(value, template.Tag):
        for name in ("href", "src"):
            if name in value.attributes and not _SAFE_LINK.match(str(value.attributes[name])):
                return str(value.attributes[name])
    return value


def run_scripts_from_files_only():
    """Let the scripts of DaCHS' pages run no text as a program.

    For DaCHS 2.7 and 2.11.

    ``renderTemplate`` in ``gavo.js`` and ``sodapars.js`` compiles each template with
    ``new Function``, and ``openFlotPlot`` lets jQuery run the text of a file; a strict
    Content-Security-Policy forbids both. ``flotplot.js`` inserts the headings of columns as
    markup into its menus of axes. We suggest replacements as in ``_TEMPLATING`` and
    ``_LOADING``, and to escape the headings. ``samp.js`` of 2.11 ends with an assignment to
    ``module``, which browsers do not have, so that the rest of the script fails.
    """
    minify = ifpages.StaticFile.processors[".js"]

    def process(request, path):
        text = minify(request, path)
        if b"renderTemplate" in text and b"new Function" in text:
            text += (_TEMPLATING + _LOADING + _DRAWING).encode()
        text = _EXPORT.sub(b"", text)
        return text.replace(b"$(head).text()", b"htmlEscape($(head).text())")

    ifpages.StaticFile.processors = ifpages.StaticFile.processors | {".js": process}
