"""What a release is, in words: its facts, its coverage, its texts and columns.

This runs in the Python of DaCHS.
"""

import functools
import re
from dataclasses import dataclass

import healpy
import jinja2
import numpy as np

from .. import formats

_GEV = 1.602176634e-10
"""A GeV in joules, exact because the SI defines the charge of the electron."""
_SKY = 129_600 / np.pi
"""The area of the sky in square degrees."""
_SPDX = re.compile(r"https?://spdx\.org/licenses/([\w.+-]+?)(?:\.html)?")


def text_of(release):
    """Return the long description as markup whose headings fit below one of level 2."""
    html = str(release.html("_longdoc"))
    # addresses of our own sections, and a policy that forbids style attributes
    html = re.sub(r'\s(?:style|id|border)="[^"]*"', "", html)
    first = min(map(int, re.findall(r"<h([1-6])\b", html)), default=3)
    html = re.sub(
        r"<(/?)h([1-6])\b",
        lambda found: f"<{found[1]}h{min(6, int(found[2]) - first + 3)}",
        html,
    )
    return jinja2.utils.markupsafe.Markup(html)


def licence(release):
    """Return the name and the address of the licence; two empty texts if there is none."""
    address = release.text("rights.rightsURI")
    found = _SPDX.fullmatch(address)
    return (found[1] if found else address), address


def energy(gev):
    """Return an energy in the unit in which it is a short number."""
    for unit, factor in (("EeV", 1e9), ("PeV", 1e6), ("TeV", 1e3)):
        if gev >= factor:
            return formats.quantity(gev / factor, 3, unit)
    return formats.quantity(float(gev), 3, "GeV")


@dataclass(frozen=True)
class Coverage:
    """What a release covers, in words; empty texts for what is unknown."""

    sky: str
    time: str
    energy: str


def coverage(facts):
    """Return the coverage that the facts of a release state."""
    stated = facts.get("coverage", {})
    sky = _sky(stated["spatial"]) if stated.get("spatial") else ""
    time = energies = ""
    if stated.get("temporal"):
        start, stop = map(float, stated["temporal"].split())
        # the end of a day is the beginning of the next
        first, last = formats.day(start), formats.day(stop - 1e-5)
        time = first if first == last else f"{first} to {last}"
    if stated.get("spectral"):
        low, high = (energy(float(one) / _GEV) for one in stated["spectral"].split())
        energies = f"{low} to {high}"
    return Coverage(sky, time, energies)


@functools.lru_cache(100)
def _sky(moc):
    """Describe a coverage map in words: its area, and the declinations it reaches."""
    area, heights = 0.0, []
    for part in re.findall(r"(\d+)/([\d,\- ]*)", re.sub(r"\s+(?=\d+/)", "\n", moc)):
        order = int(part[0])
        for cells in filter(None, re.split(r"[, ]+", part[1])):
            first, _, last = cells.partition("-")
            pixels = np.arange(int(first), int(last or first) + 1)
            area += len(pixels) / (12 * 4**order)
            corners = healpy.boundaries(2**order, pixels, step=1, nest=True)
            heights += [corners[..., 2, :].min(), corners[..., 2, :].max()]
    if not heights:
        return ""
    if area > 0.9999:
        return "the whole sky"
    low, high = (float(np.degrees(np.arcsin(np.clip(one, -1, 1)))) for one in
                 (min(heights), max(heights)))  # fmt: skip
    covered = formats.quantity(area * _SKY, 2 if area < 0.01 else 3, "deg²")
    return (
        f"{covered} ({formats.quantity(100 * area, 2)} % of the sky), declinations from about"
        f" {low:+.0f}° to {high:+.0f}°".replace("-", "−")
    )


@dataclass(frozen=True)
class Table:
    """A table of a release, which can be queried."""

    name: str
    title: str
    description: str
    columns: list

    @property
    def anchor(self):
        return f"table-{self.name.partition('.')[2]}"


@dataclass(frozen=True)
class Column:
    """A column, as its descriptor describes it."""

    name: str
    type: str
    unit: str
    ucd: str
    description: str
    note: str


def tables(release):
    """Return the tables of a release, that of the events first."""
    found = [_table(one) for one in release.rd.tables if one.onDisk and one.adql]
    return sorted(found, key=lambda one: not one.name.endswith(".main"))


def _table(table):
    def text(key):
        found = table.getMeta(key, default=None, propagate=False)
        return " ".join(str(found).split()) if found is not None else ""

    columns = [
        Column(
            str(one.name), one.type, one.unit or "", one.ucd or "",
            " ".join((one.description or "").split()),
            " ".join(str(one.note.getContent("text", table)).split()) if one.note else "",
        )
        for one in table
    ]  # fmt: skip
    return Table(table.getQName(), text("title"), text("description"), columns)
