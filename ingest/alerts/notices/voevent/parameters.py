"""The parameters of a VOEvent: all its values with their paths, in the order of the packet.

Elements are recognised by their local names, because packets use the ``voe`` prefix, another
prefix, a default namespace, an ``https`` namespace or no namespace.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from lxml import etree

from ingest.alerts.notices.common_fields import MAX_DEPTH, MAX_PARAMETERS, MAX_SIZE
from ingest.alerts.notices.model import PacketError, Parameter

_SECTIONS: Final = frozenset({"Who", "What", "WhereWhen", "How", "Why", "Citations"})
_ROOT: Final = "VOEvent"
_NAME: Final = frozenset({"name"})
_new: Final = partial(tuple.__new__, Parameter)
"""Makes a parameter of a tuple with all its fields, in half the time that its class takes."""


def local_name(name: str) -> str:
    """Return the name of an element or attribute without its namespace."""
    return name if name[0] != "{" else name[name.rfind("}") + 1 :]


class _Collector:
    """Walk through the elements of a packet and collect the parameters.

    This takes half of the time spent on a packet. The methods therefore test for what most
    elements lack before they call another method.
    """

    def __init__(self) -> None:
        self.parameters: list[Parameter] = []
        self.size = 0

    def add(self, section: str, path: str, value: str | None) -> None:
        self.parameters.append(_new((section, path, value, None, None, None, None)))
        self.size += len(path)
        if self.size > MAX_SIZE or len(self.parameters) > MAX_PARAMETERS:
            raise _too_many(section)

    def text(self, section: str, path: str, text: str | None) -> None:
        if text and (stripped := text.strip()):
            self.add(section, path or "#text", stripped)

    def attributes(
        self, items: Any, section: str, path: str, known: frozenset[str] = frozenset()
    ) -> None:
        for name, value in items:
            if name not in known and (local := local_name(name)) != "schemaLocation":
                self.add(section, f"{path}/@{local}" if path else f"@{local}", value)

    def element(self, element: Any, section: str, path: str, depth: int) -> None:
        """Add an element of any kind: its text, its attributes, its children."""
        if depth > MAX_DEPTH:
            raise _too_deep(section, path)
        before = len(self.parameters)
        if text := element.text:
            self.text(section, path, text)
        if attributes := element.items():
            self.attributes(attributes, section, path)
        for child in element:
            name = local_name(child.tag)
            self.element(child, section, f"{path}/{name}" if path else name, depth + 1)
            if tail := child.tail:
                self.text(section, path, tail)
        if len(self.parameters) == before and path:
            self.add(section, path, None)

    def group(self, element: Any, section: str, path: str, depth: int) -> None:
        """Add What, a Group or a Table, whose children are distinguished by their names."""
        if depth > MAX_DEPTH:
            raise _too_deep(section, path)
        before = len(self.parameters)
        self.text(section, path, element.text)
        self.attributes(element.items(), section, path, _NAME if path else frozenset())
        prefix = f"{path}/" if path else ""
        columns: list[Parameter] = []
        for child in element:
            kind = local_name(child.tag)
            name = child.get("name")
            below = prefix + (kind if name is None else name)
            if kind == "Param":
                self.param(child, section, below, depth + 1)
            elif kind == "Field":
                columns.append(self.param(child, section, below, depth + 1))
            elif kind in ("Group", "Table"):
                self.group(child, section, below, depth + 1)
            elif kind == "Data":
                self.table(child, section, path, columns, depth + 1)
            else:
                self.element(child, section, prefix + kind, depth + 1)
            if tail := child.tail:
                self.text(section, path, tail)
        if len(self.parameters) == before and path:
            self.add(section, path, None)

    def param(self, element: Any, section: str, path: str, depth: int) -> Parameter:
        """Add a Param or the Field of a table as one parameter, and what else it contains."""
        place = len(self.parameters)
        self.add(section, path, None)  # its place, before what else it contains
        value = unit = ucd = data_type = description = None
        for name, text in element.items():
            if name == "value":
                value = text
            elif name == "unit":
                unit = text
            elif name == "ucd":
                ucd = text
            elif name == "dataType":
                data_type = text
            elif name != "name":
                self.add(section, f"{path}/@{local_name(name)}", text)
        if (text := element.text) and (text := text.strip()):
            if value is None:
                value = text
            else:
                self.add(section, f"{path}/#text", text)
        for child in element:
            kind = local_name(child.tag)
            text = (child.text or "").strip()
            simple = bool(text) and len(child) == 0 and not child.attrib
            if simple and kind == "Description" and description is None:
                description = text
            elif simple and kind == "Value" and value is None:
                value = text
            else:
                self.element(child, section, f"{path}/{kind}", depth + 1)
            if tail := child.tail:
                self.text(section, path, tail)
        parameter = _new((section, path, value, unit, ucd, data_type, description))
        self.parameters[place] = parameter
        return parameter

    def table(
        self, data: Any, section: str, path: str, columns: list[Parameter], depth: int
    ) -> None:
        """Add the cells of a table, row by row, each under the path of its Field."""
        if depth > MAX_DEPTH:
            raise _too_deep(section, path)
        below = f"{path}/Data" if path else "Data"
        self.text(section, below, data.text)
        self.attributes(data.items(), section, below)
        for row in data:
            if local_name(row.tag) != "TR":
                self.element(row, section, f"{below}/{local_name(row.tag)}", depth + 1)
            else:
                self.table_row(row, section, below, columns, depth)
            self.text(section, below, row.tail)

    def table_row(
        self, row: Any, section: str, path: str, columns: list[Parameter], depth: int
    ) -> None:
        """Add the cells of a row."""
        self.text(section, f"{path}/TR", row.text)
        self.attributes(row.items(), section, f"{path}/TR")
        for number, cell in enumerate(row):
            simple = len(cell) == 0 and not cell.attrib and local_name(cell.tag) == "TD"
            if simple and number < len(columns):
                column = columns[number]
                text = (cell.text or "").strip()
                # the path, unit and UCD of the column are repeated in each row
                self.size += sum(len(part) for part in column if part) - len(column.path)
                self.add(section, column.path, text or None)
                self.parameters[-1] = column._replace(value=text or None, description=None)
            else:
                self.element(cell, section, f"{path}/TR/{local_name(cell.tag)}", depth + 2)
            self.text(section, f"{path}/TR", cell.tail)


def _too_many(section: str) -> PacketError:
    return PacketError(
        "the packet has too many values or too long names",
        where=f"/VOEvent/{section}",
        expected=f"at most {MAX_PARAMETERS} values",
        remedy="ask its author; no alert needs that many",
    )


def _too_deep(section: str, path: str) -> PacketError:
    return PacketError(
        "the packet is nested too deeply",
        where=f"/VOEvent/{section}/{path[:200]}",
        expected=f"at most {MAX_DEPTH} levels",
        remedy="ask its author; no alert needs that many",
    )


def parameters_of(root: etree._Element) -> list[Parameter]:
    """Return all values of a packet with their paths.

    Parameters
    ----------
    root : lxml.etree._Element
        The packet, without comments.

    Returns
    -------
    list of Parameter
        Each attribute is a parameter of its own, with ``@`` before its name, unless it belongs
        to a Param or Field and is a field of :class:`~ingest.alerts.notices.model.Parameter`.
        Texts are stripped of surrounding whitespace, attributes are not. Values outside the six
        sections have the section VOEvent.

    Raises
    ------
    PacketError
        If the packet is nested too deeply or has too many values.
    """
    collector = _Collector()
    collector.attributes(root.items(), _ROOT, "")
    collector.text(_ROOT, "", root.text)
    for child in root:
        kind = local_name(child.tag)
        if kind == "What":
            collector.group(child, kind, "", 2)
        elif kind in _SECTIONS:
            collector.element(child, kind, "", 2)
        else:
            collector.element(child, _ROOT, kind, 2)
        collector.text(_ROOT, "", child.tail)
    return collector.parameters
