"""A record to make documents of: what DaCHS 2.7 gives for ant20_01, with the host changed."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from ingest.events.delivery.manifest import load_manifest
from ingest.publish.documents.record import DataFile, ReleaseRecord
from ingest.publish.documents.voresource import parse

DOI = "10.5072/km3net.ant20-01"
"""10.5072 is DataCite's prefix for tests."""
FILES = (
    DataFile(
        name="ant20_01.fits",
        url="https://vo.example.org/getproduct/ant20_01/data/ant20_01.fits",
        size=1632960,
        sha256="0" * 64,
        media_type="application/fits",
        description="The events as a FITS table (GADF event list).",
    ),
)


def resource() -> etree._Element:
    """Return the VOResource record as an element, to be changed."""
    path = Path(__file__).with_name("ant20_01.xml")
    return etree.parse(path, etree.XMLParser(remove_blank_text=True)).getroot()


def with_person(element: etree._Element) -> etree._Element:
    """Add a person with an ORCID to the creators."""
    creator = etree.SubElement(element.find("curation"), "creator")
    etree.SubElement(creator, "name").text = "Curie, Marie"
    # ORCID's own example
    etree.SubElement(creator, "altIdentifier").text = "https://orcid.org/0000-0002-1825-0097"
    return element


def record(doi: bool = True) -> ReleaseRecord:
    """Return a record with a collaboration and a person as creators."""
    element = with_person(resource())
    if doi:
        other = etree.Element("altIdentifier")
        other.text = f"doi:{DOI}"
        element.find("altIdentifier").addnext(other)
    return parse(element, load_manifest("ant20_01"), ("10.5072",), FILES, "a-kid")
