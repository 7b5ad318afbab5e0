"""The published metadata of a release, in one typed model.

:mod:`ingest.publish.documents.voresource` fills it from the release's VOResource record, which
DaCHS makes from the resource descriptor; all documents for repositories and search engines are
made from it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ingest.core.configuration import StrictModel

ICRS_MOC = "https://www.ivoa.net/documents/MOC/"


class Agent(StrictModel):
    """A person or an organisation.

    Attributes
    ----------
    name : str
        ``Last, First`` for a person, the full name for an organisation.
    orcid : str, optional
        Such as ``0000-0002-1825-0097``.
    """

    name: str
    is_organisation: bool
    orcid: str | None = None

    @property
    def family_name(self) -> str:
        """A person's name before the comma."""
        return self.name.partition(",")[0].strip()

    @property
    def given_name(self) -> str:
        """A person's name after the comma."""
        return self.name.partition(",")[2].strip()


class Contact(StrictModel):
    """The address for questions about the data."""

    name: str
    email: str


class Subject(StrictModel):
    """A concept of the Unified Astronomy Thesaurus, as the IVOA's vocabulary writes it."""

    term: str
    label: str
    uri: str


class Licence(StrictModel):
    """The licence of the data."""

    spdx: str
    """Its SPDX identifier, such as CC-BY-4.0."""
    uri: str
    text: str


class Coverage(StrictModel):
    """The sky, time and energies that the release covers.

    Attributes
    ----------
    sky : str
        An ASCII MOC in ICRS; empty if unknown.
    times : tuple of float, optional
        First and last MJD (UTC).
    energies : tuple of float, optional
        Lowest and highest energy in J.
    """

    sky: str = ""
    times: tuple[float, float] | None = None
    energies: tuple[float, float] | None = None


class Service(StrictModel):
    """A way to query the release."""

    standard: str
    """The IVOA's identifier of the protocol."""
    url: str


class Relation(StrictModel):
    """A relation to another version of the release."""

    type: Literal["IsNewVersionOf", "IsPreviousVersionOf"]
    """The term of VOResource, which DataCite has as well."""
    release: str
    page: str
    """The address of its description."""
    doi: str | None = None
    """Its DOI, if the data centre registered one."""


class TableColumn(StrictModel):
    """A column of a table; `type` is VOTable's."""

    name: str
    type: str
    arraysize: str | None
    unit: str
    ucd: str
    description: str

    @property
    def is_plain(self) -> bool:
        """Whether a cell is a single number or text, which a CSV file can hold."""
        return self.arraysize is None or self.type in ("char", "unicodeChar")


class PublishedTable(StrictModel):
    """A table that can be queried by TAP."""

    name: str
    description: str
    rows: int | None
    columns: tuple[TableColumn, ...]


class DataFile(StrictModel):
    """A file for download; `size` in bytes."""

    name: str
    url: str
    size: int
    sha256: str
    media_type: str
    description: str


class ReleaseRecord(StrictModel):
    """A release as it is published.

    Attributes
    ----------
    release : str
        Its name, and that of its database schema.
    identifier : str
        Its IVOA identifier.
    doi : str, optional
        The DOI of the data, if the data centre registered it.
    paper_doi, bibcode : str, optional
        The paper to cite together with the data.
    open_data_id : str
        Its name in KM3NeT's Open Data Center.
    kid : str, optional
        KM3NeT's identifier of the data product, which links it to its provenance.
    reference_url : str
        The release's web page.
    """

    release: str
    identifier: str
    doi: str | None
    paper_doi: str | None
    bibcode: str | None
    title: str
    short_name: str
    description: str
    creators: tuple[Agent, ...]
    contributors: tuple[Agent, ...]
    contact: Contact
    publisher: str
    created: datetime
    updated: datetime
    version: str | None
    subjects: tuple[Subject, ...]
    licence: Licence
    reference_url: str
    type: str
    facilities: tuple[str, ...]
    instruments: tuple[str, ...]
    coverage: Coverage
    services: tuple[Service, ...]
    relations: tuple[Relation, ...] = ()
    tables: tuple[PublishedTable, ...]
    files: tuple[DataFile, ...]
    open_data_id: str
    kid: str | None

    def service(self, standard: str) -> str | None:
        """Return the address of the service with an IVOA standard's identifier, if there is one."""
        for one in self.services:
            if one.standard.lower() == standard.lower():
                return one.url
        return None

    @property
    def cone_search(self) -> str | None:
        """Address of the cone search, ready for parameters."""
        return self.service("ivo://ivoa.net/std/ConeSearch")

    @property
    def tap(self) -> str | None:
        """Address of the TAP service."""
        return self.service("ivo://ivoa.net/std/TAP#aux") or self.service("ivo://ivoa.net/std/TAP")

    @property
    def main_table(self) -> PublishedTable:
        """The table of the events."""
        return self.tables[0]
