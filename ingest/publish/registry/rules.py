"""Rules for registry records beyond the XML schemas.

Each rule is a small function with a stable name in :data:`RULES`. It reads one record and yields
its violations, without network access.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree
from mocpy import MOC
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from ingest.publish.oai import RegistryRecord
from ingest.publish.registry.findings import Finding, Party

TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
CONE: Final = "ivo://ivoa.net/std/conesearch"
TAP: Final = "ivo://ivoa.net/std/tap"
MIN_MOC_ORDER: Final = 6
"""About 1 degree: what VODataService 1.2, section 3.3.1, recommends for discovery."""
_MJD: Final = (15020.0, 88069.0)
"""From 1900 to 2100. A Julian Date, a year and a Unix time are all outside."""
_JOULE: Final = (1.602e-19, 1.602e3)
"""From 1 eV to 10²² eV, in J. A range in GeV or as a wavelength is outside."""
_COLLECTIVE: Final = re.compile(r"\b(Collaboration|Consortium|Team|Observatory|Centre|Center)$")
_PERSON: Final = re.compile(r"[^\s,][^,]*, [^\s,.]\S*\.?( \S+)*")
_RIGHTS: Final = re.compile(r"https://spdx\.org/licenses/([A-Za-z0-9.+-]+)\.html")
_DOI: Final = re.compile(r"doi:10\.\d{4,9}/\S+")


@dataclass(frozen=True)
class Context:
    """What the rules need besides the record.

    Attributes
    ----------
    authority : str
        The naming authority, without ``ivo://``.
    url : str
        The public address of the server.
    releases : frozenset of str
        The names of the releases, which are path segments of their identifiers.
    subjects : frozenset of str
        The terms of the Unified Astronomy Thesaurus.
    unregistered : frozenset of str
        The releases that must not have a record: samples for tests, and what is not public.
    """

    authority: str
    url: str
    releases: frozenset[str]
    subjects: frozenset[str]
    unregistered: frozenset[str] = frozenset()


_Violation = tuple[str, str, str, str]
"""XPath, value, expectation, remedy."""
Check = Callable[[RegistryRecord, etree._Element, Context], Iterator[_Violation]]


@dataclass(frozen=True)
class RecordRule:
    """A rule: its name, its requirement in one sentence, its function, and who can correct it."""

    name: str
    requirement: str
    check: Check
    party: Party

    def responsible(self, record: RegistryRecord, context: Context) -> Party:
        """Return who can correct a finding in `record`; curators describe releases only."""
        if self.party is Party.CURATOR and not release_of(record, context):
            return Party.OURS
        return self.party


def judge(records: Iterable[RegistryRecord], context: Context) -> list[Finding]:
    """Apply all rules to all records that are not deleted."""
    findings = []
    for record in records:
        if record.deleted:
            continue
        if record.metadata is None:
            expected = "a resource", "read DaCHS' log, then publish the descriptor again"
            found = record.identifier, "/record/metadata", "", *expected
            findings.append(Finding(Party.OURS, "record", *found))
            continue
        for rule in RULES:
            faults = rule.check(record, record.metadata, context)
            party = rule.responsible(record, context)
            findings += [Finding(party, rule.name, record.identifier, *one) for one in faults]
    return findings


def is_data(resource: etree._Element) -> bool:
    """Return whether a record describes data, not a registry, an organisation or a TAP service."""
    kind = (resource.get(TYPE) or "").rpartition(":")[2]
    return kind.startswith(("Catalog", "Data")) and TAP not in standards(resource)


def standards(resource: etree._Element) -> set[str]:
    """Return the standards of a resource's capabilities; lower case, as IVOIDs ignore case."""
    return {(one.get("standardID") or "").lower() for one in resource.iterfind("capability")}


def release_of(record: RegistryRecord, context: Context) -> str:
    """Return the release that a record belongs to; empty if there is none."""
    path = record.identifier.removeprefix(f"ivo://{context.authority}/")
    name = path.partition("/")[0]
    return name if name in context.releases else ""


def _identifier(
    record: RegistryRecord, resource: etree._Element, context: Context
) -> Iterator[_Violation]:
    found = _text(resource, "identifier")
    authority = f"ivo://{context.authority}"
    if found != record.identifier or not (found == authority or found.startswith(f"{authority}/")):
        yield (
            "/Resource/identifier",
            found,
            f"{record.identifier}, below {authority}",
            "correct [authority] id in the site's file, and run make up",
        )


def _contact(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    found = _text(resource, "curation/contact/email")
    if "@" not in found:
        path = "/Resource/curation/contact/email"
        yield path, found, "an e-mail address", "write [contact] email into the site's file"


def _addresses(
    _: RegistryRecord, resource: etree._Element, context: Context
) -> Iterator[_Violation]:
    for element in resource.iterfind("capability/interface/accessURL"):
        if element.getparent().get("standardID"):
            continue  # the endpoint of a stream, which another server may provide
        found = (element.text or "").strip()
        if not (found + "/").startswith(context.url.rstrip("/") + "/"):
            yield (
                _path(element),
                found,
                f"an address below {context.url}",
                "write [site] url into the site's file, and run make up",
            )


def _not_simulated(
    _: RegistryRecord, resource: etree._Element, __: Context
) -> Iterator[_Violation]:
    for element in resource.iter("title", "description"):
        if "SIMULATED" in (element.text or ""):
            yield (
                _path(element),
                " ".join(element.text.split()),
                "real data",
                "import the delivered file, or withdraw the release",
            )


def _hidden(record: RegistryRecord, _: etree._Element, context: Context) -> Iterator[_Violation]:
    if (name := release_of(record, context)) in context.unregistered:
        yield (
            "/Resource/identifier",
            record.identifier,
            "no record, since the manifest says that it is a test or not public",
            f"make import RELEASE={name}",
        )


def _subjects(
    _: RegistryRecord, resource: etree._Element, context: Context
) -> Iterator[_Violation]:
    elements = resource.findall("content/subject")
    if not elements:
        remedy = '<meta name="subject">…</meta> in rd/km3net/common.rd'
        yield "/Resource/content/subject", "", "at least one subject", remedy
    for element in elements:
        found = (element.text or "").strip()
        if found not in context.subjects:
            yield (
                _path(element),
                found,
                "a term of the Unified Astronomy Thesaurus, in the form neutrino-astronomy",
                "correct the subject in the descriptor; if the term is new, add it to"
                " ingest/instance/dachs/vocabularies.py",
            )


def _creators(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    elements = resource.findall("curation/creator/name")
    if not elements:
        remedy = '<meta name="creator">…</meta> in the descriptor'
        yield "/Resource/curation/creator/name", "", "at least one creator", remedy
    for element in elements:
        found = (element.text or "").strip()
        if not (_COLLECTIVE.search(found) or _PERSON.fullmatch(found)):
            yield (
                _path(element),
                found,
                "Last, F. for a person, or the name of a collaboration",
                'correct <meta name="creator"> in the descriptor; persons are separated by ;',
            )


def _rights(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    if not is_data(resource):
        return
    uris = [one.get("rightsURI") or "" for one in resource.iterfind("rights")]
    if not any(_is_licence(uri) for uri in uris):
        yield (
            "/Resource/rights/@rightsURI",
            " ".join(uris),
            "https://spdx.org/licenses/NAME.html with a name of the SPDX list",
            'correct <meta name="rights.rightsURI"> in rd/km3net/common.rd',
        )


def _is_licence(uri: str) -> bool:
    found = _RIGHTS.fullmatch(uri)
    try:
        return found is not None and canonicalize_license_expression(found[1]) == found[1]
    except InvalidLicenseExpression:
        return False


def _content(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    wanted = {"contentLevel": ("Research",), "type": ("Catalog", "Archive")}
    for name, values in wanted.items() if is_data(resource) else ():
        found = [(one.text or "").strip() for one in resource.iterfind(f"content/{name}")]
        if not set(found) & set(values):
            yield (
                f"/Resource/content/{name}",
                " ".join(found),
                " or ".join(values),
                f'<meta name="{name}">{values[0]}</meta> in the descriptor',
            )


def _doi(
    record: RegistryRecord, resource: etree._Element, context: Context
) -> Iterator[_Violation]:
    name = release_of(record, context)
    found = [(one.text or "").strip() for one in resource.iterfind("altIdentifier")]
    if (
        name
        and name not in context.unregistered
        and is_data(resource)
        and not any(is_doi(one) for one in found)
    ):
        yield (
            "/Resource/altIdentifier",
            " ".join(found),
            "doi:10.…/…",
            f'<meta name="doi">10.…/…</meta> in rd/{name}/nu.rd',
        )


def is_doi(text: str) -> bool:
    """Return whether a text is a DOI as VOResource writes it, ``doi:10.…/…``."""
    return _DOI.fullmatch(text) is not None


def _spatial(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    if not is_data(resource):
        return
    found = _text(resource, "coverage/spatial")
    if not is_good_moc(found):
        yield (
            "/Resource/coverage/spatial",
            found,
            f"a MOC of order {MIN_MOC_ORDER} or more, such as 6/21368; 0/0-11 for the whole sky",
            '<coverage> with <updater sourceTable="main" mocOrder="6"/> and <spatial/> in the'
            " descriptor, then make publish",
        )


def is_good_moc(text: str) -> bool:
    """Return whether a text is an ASCII MOC fine enough for discovery, or the whole sky."""
    try:
        # The standard allows commas and line breaks; mocpy expects spaces.
        moc = MOC.from_string(" ".join(re.split(r"[,\s]+", text.strip())))
    except (OSError, ValueError):  # raised by mocpy for a text that is not a MOC
        return False
    return not moc.empty() and (moc.max_order >= MIN_MOC_ORDER or moc.sky_fraction == 1)


def _temporal(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    yield from _range(resource, "temporal", _MJD, "begin and end as MJD, such as 54129 58119")


def _spectral(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    expected = "lowest and highest energy in Joule, such as 1.6e-8 1.6e-2"
    yield from _range(resource, "spectral", _JOULE, expected)


def _range(
    resource: etree._Element, name: str, limits: tuple[float, float], expected: str
) -> Iterator[_Violation]:
    if not is_data(resource):
        return
    found = [(one.text or "").strip() for one in resource.iterfind(f"coverage/{name}")]
    if not found or not all(_is_range(one, limits) for one in found):
        remedy = (
            f"<coverage> with <{name}>…</{name}> in the descriptor;"
            " make publish runs an updater in it"
        )
        yield f"/Resource/coverage/{name}", " | ".join(found), expected, remedy


def _is_range(text: str, limits: tuple[float, float]) -> bool:
    try:
        low, high = (float(word) for word in text.split())
    except ValueError:
        return False
    return limits[0] <= low <= high <= limits[1]


def _waveband(_: RegistryRecord, resource: etree._Element, __: Context) -> Iterator[_Violation]:
    found = [(one.text or "").strip() for one in resource.iterfind("coverage/waveband")]
    if is_data(resource) and "Neutrino" not in found:
        remedy = '<meta name="coverage.waveband">Neutrino</meta> in the descriptor'
        yield "/Resource/coverage/waveband", " ".join(found), "Neutrino", remedy


def _text(resource: etree._Element, path: str) -> str:
    return " ".join((resource.findtext(path) or "").split())


def _path(element: etree._Element) -> str:
    """Return the XPath of an element below the resource."""
    steps = []
    while element.getparent() is not None and not element.tag.endswith("}Resource"):
        same = element.getparent().findall(element.tag)
        place = f"[{same.index(element) + 1}]" if len(same) > 1 else ""
        steps.append(f"{element.tag}{place}")
        element = element.getparent()
    return "/Resource/" + "/".join(reversed(steps))


RULES: Final = (
    RecordRule("identifier", "the identifier is below our authority", _identifier, Party.SITE),
    RecordRule("contact", "the contact has an e-mail address", _contact, Party.SITE),
    RecordRule("address", "the services are at the public address", _addresses, Party.SITE),
    RecordRule("simulated", "the data are not simulated", _not_simulated, Party.CURATOR),
    RecordRule("hidden", "tests and what is not public have no record", _hidden, Party.CURATOR),
    RecordRule("subject", "subjects are in the Unified Astronomy Thesaurus", _subjects, Party.OURS),
    RecordRule("creator", 'creators are "Last, F.", or collaborations', _creators, Party.CURATOR),
    RecordRule("rights", "the licence is an address in the SPDX list", _rights, Party.OURS),
    RecordRule("content", "content level and type are given", _content, Party.OURS),
    RecordRule("doi", "a release has a DOI", _doi, Party.CURATOR),
    RecordRule("spatial", "the spatial coverage is a MOC of order 6 or more", _spatial, Party.OURS),
    RecordRule("temporal", "the temporal coverage is given as MJD", _temporal, Party.CURATOR),
    RecordRule("spectral", "the spectral coverage is given in Joule", _spectral, Party.CURATOR),
    RecordRule("waveband", "the waveband is Neutrino", _waveband, Party.OURS),
)
"""All rules, in the order of their findings."""
