"""How to cite a release: its data, and the paper. This runs in the Python of DaCHS."""

import os
import re
from dataclasses import dataclass

import jinja2
from gavo import base

_BIBCODE = re.compile(r"(\d{4})([A-Za-z&.]{5})([\d.]{4})([A-Za-z.])([\d.]{4})[A-Z.]")


@dataclass(frozen=True)
class Document:
    """A file with metadata for others: its name, its address, and its text."""

    name: str
    address: str
    text: str


@dataclass(frozen=True)
class Paper:
    """The paper that belongs to the data; each item may be empty."""

    doi: str
    bibcode: str
    bibtex: str


def structured_data(release):
    """Return the description for search engines as markup; empty if there is none."""
    # the import escapes what could end the element
    text = _read(release, "structured-data.json")
    return jinja2.utils.markupsafe.Markup(text)


def documents(release):
    """Return the files with metadata that the import wrote, by their names without folder."""
    folder = os.path.join(base.getConfig("inputsDir"), release.name, "data", "documents")
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return {}
    return {
        name: Document(
            name,
            f"/{release.name}/nu/files/static/documents/{name}",
            _read(release, f"documents/{name}"),
        )
        for name in names
        if not name.startswith(".")
    }


def paper(release):
    """Return the paper to cite together with the data; None if none is known."""
    reference, bibcode = release.facts.get("reference") or "", release.text("source")
    doi = reference.removeprefix("doi:") if reference.startswith("doi:") else ""
    if not (doi or bibcode):
        return None
    return Paper(doi, bibcode, bibtex(bibcode, doi))


def bibtex(bibcode, doi):
    """Return what a bibcode and a DOI say about a paper, as BibTeX.

    Authors and title are not among it; ADS has them.
    """
    fields = {}
    found = _BIBCODE.fullmatch(bibcode)
    if found:
        year, journal, volume, letter, page = (one.strip(".") for one in found.groups())
        fields = {"year": year, "journal": journal.replace("&", r"\&"), "volume": volume,
                  "pages": letter + page}  # fmt: skip
    fields |= {"doi": doi, "adsurl": f"https://ui.adsabs.harvard.edu/abs/{bibcode}" * bool(bibcode)}
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@article{{{bibcode or doi},\n{lines}}}"


def _read(release, name):
    path = os.path.join(base.getConfig("inputsDir"), release.name, "data", name)
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
