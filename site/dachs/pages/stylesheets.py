"""The style sheets that turn DaCHS' XML into pages (XSLT). This runs in the Python of DaCHS.

They are DaCHS' own, with the frame of our pages around the content and without their styles.
"""

import functools
import re
from pathlib import Path

import gavo
from lxml import etree

from .answers import Answer, NotFound
from .frame import frame

_FOLDER = Path(gavo.__file__).parent / "resources" / "web" / "xsl"
_SCRIPT = re.compile(r"<script\b[^>]*>.*?</script>", re.DOTALL)
_EMPTY_SCRIPT = re.compile(r"<script\b[^>]*/>")
_STYLE = re.compile(r"<style\b[^>]*>.*?</style>", re.DOTALL)
_LIST = re.compile(r"<(dl|dt|dd)(?: class=\"([^\"]*)\")?>")
_HIDDEN = re.compile(r"<(div|button)\b[^>]*style=\"[^\"]*display:none\">.*?</\1>", re.DOTALL)
_ITEM = re.compile(r"<(/?)(?:ul|li)\b")
_OWN_FRAME = re.compile(
    r'<xsl:(?:call-template name="local\w+"|include href="dachs-xsl-config.xsl")/>'
)
"""Where DaCHS' style sheets insert the beginning and the end of a page."""
_SCROLL = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'
_CHANGES = (
    ("<html>", '<html lang="en">'),
    ("DaCHS DALI Error", "This request did not work"),
    ("GAVO DC: Down for Maintenance", "Down for maintenance"),
    ("<title>Datalink response</title>", "<title>Files and services</title>"),
    ("Availability information for this service", "Availability of this service"),
    ("<p>TBD: Describe this endpoint</p>", ""),
    ("<table ", _SCROLL + "<table "),
    ("</table>", "</table></div>"),
    ('name="QUERY" style="width:100%"', 'name="QUERY" rows="7" aria-label="Query in ADQL"'),
    ('aria-label="Query in ADQL" rows="7"', 'aria-label="Query in ADQL"'),
    ('name="DESTRUCTION">', 'name="DESTRUCTION" aria-label="Time of deletion">'),
    ('name="EXECUTIONDURATION"', 'name="EXECUTIONDURATION" aria-label="Seconds"'),
)
"""What is replaced in all of them, in this order."""
_HEADS_OF_LINKS = "".join(f'<th scope="col">{name}</th>' for name in ("Link", "What it is", "Kind"))
_KIND_OF_LINK = """class="semantics"><xsl:value-of select="translate(., '#-', '  ')"/>"""
_HEADING_OF_LINKS = """<h1>Files and services</h1>
<p>For <span class="ivoid"><xsl:value-of select="(//vot:TR)[1]/vot:TD[$id_index]"/></span></p>
"""
_OF_LINKS = (
    ("<th>Where?</th><th>Description</th><th>What?</th>", _HEADS_OF_LINKS),
    ('class="semantics"><xsl:value-of select="."/>', _KIND_OF_LINK),
    # the identifier only where it is not that of the heading
    ('"vot:TD[$id_index]"', '"vot:TD[$id_index][. != (//vot:TR)[1]/vot:TD[$id_index]]"'),
    ('alt="[PREVIEW]"', 'alt="Preview" class="preview"'),
    ("<body>", "<body>" + _HEADING_OF_LINKS),
)
"""What is replaced in the one for DataLink. Its scripts fold the table, with words from a server of
the IVOA; here the table remains."""


def style_sheet(visit):
    """Return a style sheet."""
    name = visit.path.rpartition("/")[2]
    if name not in _names():
        raise NotFound(f"There is no style sheet {name}.")
    return Answer(_framed(name), "text/xml; charset=utf-8", max_age=300)


def transform(name, document):
    """Return the page in HTML that a style sheet makes of a document in XML."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    page = _compiled(name)(etree.XML(document, parser)).getroot()
    for element in page.iter(etree.Element):  # in HTML, elements have no namespace
        element.tag = etree.QName(element).localname
    etree.cleanup_namespaces(page)
    return etree.tostring(page, method="html", encoding="utf-8", doctype="<!DOCTYPE html>")


@functools.cache
def _compiled(name):
    # without access to other documents: the text of a document is not ours
    return etree.XSLT(etree.XML(_framed(name)), access_control=etree.XSLTAccessControl.DENY_ALL)


@functools.cache
def _names():
    return {path.name for path in _FOLDER.glob("*.xsl")}


@functools.cache
def _framed(name):
    text = _OWN_FRAME.sub("", (_FOLDER / name).read_text("utf-8"))
    text = _STYLE.sub("", text)
    if name == "datalink-to-html.xsl":
        text = _HIDDEN.sub("", _SCRIPT.sub("", _EMPTY_SCRIPT.sub("", text)))
        for old, new in _OF_LINKS:
            text = text.replace(old, new)
    for old, new in _CHANGES:
        text = text.replace(old, new)
    # some lists have items outside of them, which programs that read aloud cannot follow
    text = _LIST.sub(lambda found: f'<div class="{found[1]} {found[2] or ""}">', text)
    text = re.sub(r"</(dl|dt|dd)>", "</div>", text)
    if name == "oai.xsl":
        text = _ITEM.sub(r"<\1div", text)
    around = frame()
    end = _SCRIPT.sub("", around.end)  # browsers run no modules in documents that were XML
    for old, new in (
        ("</head>", around.head + "</head>"),
        ("<body>", f'<body>{around.top}<main id="content" class="dachs">'),
        ("</body>", f"</main>{end}</body>"),
    ):
        text = text.replace(old, new)
    return text.encode()
