"""Patches of DaCHS' tables and forms in web pages: they can be read, also aloud.

This runs in the Python of DaCHS.
"""

import functools
import re

from gavo.base import typedmeta
from gavo.formats import texttable
from gavo.rscdef import column
from gavo.svcs import customwidgets
from gavo.web import formrender, htmltable, metarender, serviceresults
from pages import formats
from twisted.web import template
from twisted.web.template import tags

_POWER = re.compile(r"\*\*\(?([+-]?\d+)\)?")
_SUPERSCRIPTS = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LABELS = {
    "_DBOPTIONS_ORDER": "Sort by",
    "_DBOPTIONS_DIR": "Direction",
    "MAXREC": "Limit",
    "_FORMAT": "Output format",
}
"""What the menus of a form are for, by their names."""
_LARGE = 1e6
"""From where on numbers have an exponent."""
_MJD = range(15_020, 88_069)
"""The times (MJD) of the years 1900 to 2099; what is not among them gets no date."""


def written_unit(unit):
    """Return a unit as people write it, such as ``GeV⁻¹ cm⁻² s⁻¹``.

    Parameters
    ----------
    unit : str
        The unit in the syntax of VOUnits, such as ``GeV**-1.cm**-2.s**-1``.
    """
    text = _POWER.sub(lambda found: found[1].translate(_SUPERSCRIPTS), unit)
    return re.sub(r"(?<=[^\d.])\.(?=[^\d.])|(?<=[⁰¹²³⁴⁵⁶⁷⁸⁹])\.", " ", text)


def write_units_for_people():
    """Let DaCHS write units in web pages as people do.

    For DaCHS 2.7 and 2.11.

    In the headings of tables, in the lists of columns and beside the fields of forms, units are in
    the syntax of VOUnits, which is for programs. We suggest to write powers as superscripts, in
    HTML only, and to make the headings of columns without one of their names without underscores.
    """
    label = formrender.getFieldArgsForInputKey

    @functools.wraps(label)
    def label_with_unit(input_key):
        found = label(input_key)
        unit = input_key.inputUnit or input_key.unit
        if input_key.name == "hscs_sr":
            found["label"] += " [arcmin]"
        elif unit and found["label"].endswith(f" [{unit}]"):
            found["label"] = f"{found['label'].removesuffix(f'[{unit}]')}[{written_unit(unit)}]"
        return found

    formrender.getFieldArgsForInputKey = label_with_unit
    describe = column.ColumnBase.asInfoDict

    @functools.wraps(describe)
    def describe_with_unit(self):
        found = describe(self)
        shown = {key: "–" for key, value in found.items() if value == "N/A"}
        return found | shown | ({"unit": written_unit(self.unit)} if self.unit else {})

    column.ColumnBase.asInfoDict = describe_with_unit
    column.ColumnBase.getLabel = _label
    head = htmltable.HeadCellsMixin.headCell

    @template.renderer
    @functools.wraps(head)
    def head_with_unit(self, request, tag):
        done = head(self, request, tag)
        done.children = [
            written_unit(one) if isinstance(one, str) and one.startswith("[") else one
            for one in done.children
        ]
        return done(scope="col" if "thVertical" in str(done.attributes) else "row")

    htmltable.HeadCellsMixin.headCell = head_with_unit


def _label(self):
    """Return the heading of a column; as DaCHS does, but without underscores."""
    if self.tablehead is not None:
        return self.tablehead
    return str(self.key).strip("_").replace("_", " ").capitalize()


def write_values_for_people():
    """Let DaCHS write dates beside the times in tables of web pages, and no rows of zeros.

    For DaCHS 2.7 and 2.11.

    The hint ``sf`` is the number of decimals, whatever the size of the value: an energy is
    ``120000000.000``. Times in days (MJD) tell people nothing. We suggest exponents for large
    values, and the date below such times. Both begin with the number, as what draws them needs.
    """
    htmltable._htmlMFRegistry.registerFactory(_large_numbers)
    htmltable._htmlMFRegistry.registerFactory(_dates)


def _large_numbers(column):
    write = texttable._sfMapperFactory(column)
    if write is None:
        return None
    return lambda value: f"{value:.6g}" if abs(value or 0) >= _LARGE else write(value)


def _dates(column):
    write = texttable._sfMapperFactory(column)
    is_time = str(column["ucd"]).startswith("time.epoch") and column["unit"] == "d"
    if write is None or not is_time:
        return None

    def write_with_date(value):
        if value is None or not _MJD.start <= value < _MJD.stop:
            return write(value)
        return tags.span(write(value), tags.br, tags.small(formats.utc(value)))

    return write_with_date


def make_tables_and_forms_accessible():
    """Let DaCHS write tables and forms that can be used with the keyboard and read aloud.

    For DaCHS 2.7 and 2.11.

    The menus of forms have no label; wide tables cannot be scrolled with the keyboard; the notes
    about columns are items of a list that does not exist. We suggest attributes and elements such
    as these.
    """
    for widget in (customwidgets.DBOptions, serviceresults.OutputFormat):
        widget.render = _labelled(widget.render)
    frame = htmltable.HTMLTableFragment.loader.tag
    frame.attributes |= {"tabindex": "0", "role": "region", "aria-label": "Table of results"}
    for page in (metarender.ServiceInfoRenderer, htmltable.HTMLDataRenderer):
        page.footnotes = _without_list(page.footnotes)
    typedmeta.NoteMeta._getContentAsHTML = _as_paragraph(typedmeta.NoteMeta._getContentAsHTML)


def _labelled(render):
    @functools.wraps(render)
    def render_labelled(self, *arguments):
        made = render(self, *arguments)
        for tag in _menus(made):
            tag(**{"aria-label": _LABELS.get(tag.attributes.get("name"), "Choice")})
        return made

    return render_labelled


def _menus(part):
    """Return the menus in a part of a page."""
    if isinstance(part, (list, tuple)):
        return [menu for one in part for menu in _menus(one)]
    if not isinstance(part, template.Tag):
        return []
    return [part] if part.tagName == "select" else _menus(part.children)


def _as_paragraph(write):
    @functools.wraps(write)
    def write_as_paragraph(self, content):
        text = write(self, content).replace('<dt class="notehead">', "<div><strong>", 1)
        return text.replace("</dt><dd>", "</strong>", 1).removesuffix("</dd>") + "</div>"

    return write_as_paragraph


def _without_list(footnotes):
    @template.renderer
    @functools.wraps(footnotes)
    def footnotes_without_list(self, request, tag):
        made = footnotes(self, request, tag)
        parts = [made] if isinstance(made, template.Tag) else list(made)
        for part in parts:
            if part.tagName == "dl":
                part.tagName = "div"
        return parts

    return footnotes_without_list
