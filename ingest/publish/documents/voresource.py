"""Reading a release's metadata from its VOResource record.

The running instance serves the record by OAI-PMH, as registries harvest it. Checksums and sizes
of files, which no registry record has, are read from the files that the instance serves.
"""

from __future__ import annotations

import re
import urllib.parse
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, get_args

from lxml import etree
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from ingest.core.checkout import RD
from ingest.core.errors import InstanceError, ManifestError
from ingest.events.delivery import MANIFEST, Manifest, load_manifest
from ingest.instance import Layout, lifecycle, load_site
from ingest.instance.dachs import VOCABULARY_ROOT, VOCABULARY_TERMS
from ingest.publish import oai
from ingest.publish.documents import serving
from ingest.publish.documents.record import (
    Agent,
    Contact,
    Coverage,
    DataFile,
    Licence,
    PublishedTable,
    Relation,
    ReleaseRecord,
    Service,
    Subject,
    TableColumn,
)

_OAI: Final = "{http://www.openarchives.org/OAI/2.0/}"
_SPDX: Final = re.compile(r"https?://spdx\.org/licenses/([^/]+?)(?:\.html|\.json)?/?")
_DOI: Final = re.compile(r"doi:(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ORCID: Final = re.compile(r"https?://orcid\.org/(\d{4}-\d{4}-\d{4}-\d{3}[\dX])")
_ORGANISATION: Final = re.compile(
    r"\b(collaboration|consortium|team|group|observatory|institute?|university|cent(er|re))\b",
    re.IGNORECASE,
)


def read_record(release: str, layout: Layout) -> ReleaseRecord:
    """Return the metadata that the running instance publishes about a release.

    Raises
    ------
    ManifestError
        If the release does not exist, or a metadata item cannot be published.
    InstanceError
        If the instance is not up, or does not publish the release.
    """
    manifest = load_manifest(release)
    if not manifest.is_registered():
        raise ManifestError(
            "the release has no registry record, from which its documents are made",
            file=manifest.folder / MANIFEST,
            expected='kind = "sample", and data or metadata that are public',
            remedy="correct the manifest, or wait for the end of the embargo",
        )
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    site = load_site()
    identifier = f"ivo://{site.authority.id}/{manifest.release.descriptor}/cone"
    resource = _fetch(layout, found.url, identifier, release)
    files = serving.files(manifest, layout, found.url)
    return parse(
        resource, manifest, site.deposit.doi_prefixes, files, serving.kid(manifest, layout)
    )


def parse(
    resource: etree._Element,
    manifest: Manifest,
    doi_prefixes: tuple[str, ...] = (),
    files: tuple[DataFile, ...] = (),
    kid: str | None = None,
) -> ReleaseRecord:
    """Return a release's metadata from a VOResource element and its manifest.

    Parameters
    ----------
    resource : lxml.etree._Element
        The element ``ri:Resource``.
    manifest : Manifest
        The release.
    doi_prefixes : tuple of str
        The prefixes under which the data centre registers DOIs; other DOIs, except for the
        manifest's `data_doi`, are those of papers.
    files, kid
        Information that a registry record does not have.

    Raises
    ------
    ManifestError
        If a metadata item is missing, or repositories would not accept it.
    """
    rd = RD / f"{manifest.release.descriptor}.rd"
    read = _ResourceReader(resource, rd)
    dois = [m[1] for text in read.all("altIdentifier") if (m := _DOI.fullmatch(text))]
    of_data = manifest.release.data_doi
    own = [doi for doi in dois if doi == of_data or doi.partition("/")[0] in doi_prefixes]
    others = [doi for doi in dois if doi not in own]
    bibcodes = resource.xpath("content/source[@format='bibcode']/text()")
    schema = read.schema(manifest.name)
    reader = _ResourceReader(schema, rd)
    return ReleaseRecord(
        release=manifest.name,
        identifier=read.one("identifier"),
        doi=own[0] if own else None,
        paper_doi=others[0] if others else None,
        bibcode=bibcodes[0].strip() if bibcodes else None,
        # the schema describes the release, the rest of the record its cone search
        title=reader.one("title"),
        description=reader.one("description"),
        short_name=read.one("shortName"),
        creators=read.agents("curation/creator", "name"),
        contributors=read.agents("curation/contributor", "."),
        contact=Contact(
            name=read.one("curation/contact/name"), email=read.one("curation/contact/email")
        ),
        publisher=read.one("curation/publisher"),
        created=_moment(resource.get("created")),
        updated=_moment(resource.get("updated")),
        version=read.some("curation/version"),
        subjects=read.subjects(),
        licence=read.licence(),
        reference_url=read.one("content/referenceURL"),
        type=read.one("content/type"),
        facilities=tuple(read.all("facility")),
        instruments=tuple(read.all("instrument")),
        coverage=read.coverage(),
        services=read.services(),
        relations=_relations(read, manifest.name),
        tables=tuple(_table(element) for element in schema.iterfind("table")),
        files=files,
        open_data_id=manifest.publication.open_data_id or manifest.name,
        kid=kid,
    )


class _ResourceReader:
    """Reads and validates the items of a VOResource element."""

    def __init__(self, element: etree._Element, rd: Path) -> None:
        self.element = element
        self.rd = rd

    def all(self, path: str) -> list[str]:
        """Return the texts at `path`, with single spaces."""
        return [" ".join((one.text or "").split()) for one in self.element.iterfind(path)]

    def some(self, path: str) -> str | None:
        return next(iter(self.all(path)), None) or None

    def one(self, path: str) -> str:
        if text := self.some(path):
            return text
        name = path.rpartition("/")[2]
        raise self._refusal(f"the metadata item {name} is missing", path, None, "a text")

    def schema(self, name: str) -> etree._Element:
        for element in self.element.iterfind("tableset/schema"):
            if element.findtext("name") == name:
                return element
        raise self._refusal("the record has no table of the release", "tableset", None, name)

    def agents(self, path: str, name: str) -> tuple[Agent, ...]:
        agents = []
        for element in self.element.iterfind(path):
            text = " ".join((element.findtext(name) or element.text or "").split())
            organisation = bool(_ORGANISATION.search(text))
            if not organisation and not re.fullmatch(r"[^,]+,\s*[^,\s][^,]*", text):
                raise self._refusal(
                    "a creator is neither a person nor an organisation",
                    path,
                    text,
                    '"Last, First" for a person, or a name with Collaboration, Consortium or'
                    " Institute in it",
                )
            orcids = (_ORCID.fullmatch(one.text or "") for one in element.iterfind("altIdentifier"))
            orcid = next((found[1] for found in orcids if found), None)
            agents.append(Agent(name=text, is_organisation=organisation, orcid=orcid))
        if not agents and path.endswith("creator"):
            raise self._refusal("there is no creator", path, None, 'at least one, as "Last, First"')
        return tuple(agents)

    def subjects(self) -> tuple[Subject, ...]:
        known = VOCABULARY_TERMS["uat"]
        subjects = []
        for term in self.all("content/subject"):
            if term not in known:
                raise self._refusal(
                    "an unknown subject",
                    "content/subject",
                    term,
                    "a concept of the Unified Astronomy Thesaurus: " + ", ".join(sorted(known)),
                    "correct it, or add it to ingest/instance/dachs/vocabularies.py if it is in"
                    f" {VOCABULARY_ROOT}uat",
                )
            subjects.append(
                Subject(term=term, label=known[term], uri=f"{VOCABULARY_ROOT}uat#{term}")
            )
        if not subjects:
            raise self._refusal("there is no subject", "content/subject", None, "at least one")
        return tuple(subjects)

    def licence(self) -> Licence:
        element = self.element.find("rights")
        uri = "" if element is None else element.get("rightsURI", "")
        found = _SPDX.fullmatch(uri)
        try:
            spdx = canonicalize_license_expression(found[1]) if found else None
        except InvalidLicenseExpression:
            spdx = None
        if element is None or spdx is None:
            raise self._refusal(
                "the licence is not in the SPDX list",
                "rights.rightsURI",
                uri or None,
                "such as https://spdx.org/licenses/CC-BY-4.0.html",
            )
        text = " ".join((element.text or "").split())
        return Licence(spdx=str(spdx), uri=uri, text=text)

    def coverage(self) -> Coverage:
        return Coverage(
            sky=(self.some("coverage/spatial") or "").replace(", ", ","),
            times=_range(self.all("coverage/temporal")),
            energies=_range(self.all("coverage/spectral")),
        )

    def services(self) -> tuple[Service, ...]:
        return tuple(
            Service(standard=one.get("standardID"), url=url.strip())
            for one in self.element.iterfind("capability")
            if one.get("standardID") and (url := one.findtext("interface/accessURL"))
        )

    def _refusal(
        self, problem: str, where: str, value: str | None, expected: str, remedy: str = ""
    ) -> ManifestError:
        return ManifestError(
            problem,
            file=self.rd,
            where=where,
            value=value,
            expected=expected,
            remedy=remedy or "correct the resource descriptor, then import the release again",
        )


def _relations(read: _ResourceReader, name: str) -> tuple[Relation, ...]:
    """Return the relations to other versions of a release."""
    services = read.services()
    relations = []
    for element in read.element.iterfind("content/relationship"):
        kind = element.findtext("relationshipType")
        if kind not in get_args(Relation.model_fields["type"].annotation):
            continue
        for other in element.iterfind("relatedResource"):
            release = " ".join((other.text or "").split())
            page = services[0].url.partition(f"/{name}/")[0] + f"/{release}/nu/cone/info"
            relations.append(Relation(type=kind, release=release, page=page, doi=_doi_of(release)))
    return tuple(relations)


def _doi_of(release: str) -> str | None:
    try:
        return load_manifest(release).release.data_doi
    except ManifestError:
        return None


def _table(element: etree._Element) -> PublishedTable:
    rows = element.findtext("nrows")
    return PublishedTable(
        name=element.findtext("name"),
        description=" ".join((element.findtext("description") or "").split()),
        rows=int(rows) if rows else None,
        columns=tuple(
            TableColumn(
                name=column.findtext("name"),
                type=column.findtext("dataType"),
                arraysize=column.find("dataType").get("arraysize"),
                unit=column.findtext("unit") or "",
                ucd=column.findtext("ucd") or "",
                description=" ".join((column.findtext("description") or "").split()),
            )
            for column in element.iterfind("column")
        ),
    )


def _range(texts: list[str]) -> tuple[float, float] | None:
    """Return the range that covers all `texts`, each of two numbers."""
    numbers = [float(word) for text in texts for word in text.split()]
    return (min(numbers), max(numbers)) if numbers else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fetch(layout: Layout, url: str, identifier: str, release: str) -> etree._Element:
    """Return the VOResource element that the instance serves for `identifier`."""
    query = urllib.parse.urlencode(
        {"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": identifier}
    )
    address = f"{url}{oai.PATH}?{query}"
    with serving.ask(layout, address) as reply:
        answer = oai.parse_answer(address, reply.read())
    metadata = answer.find(f".//{_OAI}metadata")
    if metadata is None or len(metadata) == 0:
        raise InstanceError(
            f"the instance does not publish {release}",
            where=identifier,
            expected="a record in its OAI-PMH interface; simulated stand-ins have none",
            remedy=f"make import RELEASE={release}, with the real data",
        )
    return metadata[0]
