"""The answers to the questions of the review, each with its evidence."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import prov.model
from astropy.io import fits, votable
from lxml import etree
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ingest.core import files, privileges
from ingest.core.checkout import CHECKOUT
from ingest.core.errors import IngestError
from ingest.events.delivery import MANIFEST, TEXTS, Manifest
from ingest.instance import load_site
from ingest.instance.dachs import SIMULATED_WARNING
from ingest.publish import oai
from ingest.publish.registry import is_doi
from ingest.publish.release import check_metadata
from ingest.publish.validators import TAP_PATH

_FEWEST_WORDS: Final = 100
"""Minimum length of a release's documentation."""


class Result(Enum):
    """The result of a question."""

    OK = "ok"
    MISSING = "missing"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Answer:
    """A result and its evidence: files or addresses, and what was found there."""

    result: Result
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """A release that is online.

    Attributes
    ----------
    name : str
        Its name.
    manifest : Manifest
        Its manifest.
    descriptor : lxml.etree._Element
        Its resource descriptor, with the shared parts of ``km3net/common.rd`` expanded.
    folder : pathlib.Path
        The directory that DaCHS serves.
    record : pathlib.Path
        The report of the import.
    url : str
        The address of the server.
    """

    name: str
    manifest: Manifest
    descriptor: etree._Element
    folder: Path
    record: Path
    url: str

    @property
    def rd(self) -> str:
        """The path of the descriptor in the repository."""
        return f"rd/{self.manifest.release.descriptor}.rd"

    @property
    def toml(self) -> str:
        """The path of the manifest in the repository."""
        return f"inputs/{self.name}/{MANIFEST}"

    @property
    def texts(self) -> str:
        """The path of the texts in the repository."""
        return f"inputs/{self.name}/{TEXTS}"

    @property
    def products(self) -> list[Path]:
        """The event lists that are served."""
        originals = {file.name for file in self.manifest.files}
        return sorted(
            path for path in (self.folder / "data").glob("*.fits") if path.name not in originals
        )

    def meta(self, name: str) -> str:
        """Return the metadata item `name` in one line; empty if it is missing."""
        texts = (
            "".join(one.itertext())
            for one in self.descriptor.findall("meta")
            if one.get("name") == name
        )
        return " ".join(" ".join(texts).split())


def _answer(good: bool, evidence: Iterable[str]) -> Answer:
    return Answer(Result.OK if good else Result.MISSING, tuple(evidence))


def _readme(release: Release) -> Answer:
    n_words = len(release.meta("_longdoc").split())
    address = f"{release.url}/{release.manifest.release.descriptor}/cone/info"
    evidence = [f"{release.texts}: {n_words} words"]
    try:
        shown = release.meta("title") in oai.ask(address).decode("utf-8", "replace")
        evidence.append(f"{address}: {'is the page' if shown else 'is another page'}")
    except IngestError as error:
        shown = False
        evidence.append(f"{address}: {error.value}")
    return _answer(n_words >= _FEWEST_WORDS and shown, evidence)


def _description(release: Release) -> Answer:
    values = {name: release.meta(name) for name in ("title", "description")}
    return _answer(
        all(values.values()),
        (f"{release.toml}, {name}: {text or 'missing'}" for name, text in values.items()),
    )


def _licence(release: Release) -> Answer:
    uri = release.meta("rights.rightsURI")
    name = uri.rpartition("/")[2].removesuffix(".html")
    try:
        good = bool(name) and canonicalize_license_expression(name) == name
    except InvalidLicenseExpression:
        good = False
    with privileges.caller():
        software = (CHECKOUT / "LICENSE").is_file()
    evidence = [
        f"{release.rd}, rights.rightsURI: {uri or 'missing'}",
        f"LICENSE, of the software: {'exists' if software else 'missing'}",
    ]
    return _answer(good and software, evidence)


def _citation(release: Release) -> Answer:
    values = {name: release.meta(name) for name in ("creator", "source", "doi", "referenceURL")}
    evidence = [f"{release.toml}, {name}: {text}" for name, text in values.items() if text]
    cited = values["source"] or values["doi"] or values["referenceURL"]
    return _answer(bool(values["creator"] and cited), evidence or [f"{release.toml}: no citation"])


def _doi(release: Release) -> Answer:
    doi = release.meta("doi")
    if doi:
        return _answer(is_doi(f"doi:{doi}"), [f"{release.toml}, doi: {doi}"])
    if reason := release.manifest.release.no_doi:
        return Answer(Result.NOT_APPLICABLE, (f"{release.toml}, no_doi: {reason}",))
    return _answer(False, [f"{release.toml}, doi: missing"])


def _environment(release: Release) -> Answer:
    with privileges.caller():
        versions = (CHECKOUT / "constraints.txt").read_text("utf-8")
        settings = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    pins = {
        canonicalize_name(line.partition("==")[0])
        for line in versions.splitlines()
        if "==" in line and not line.startswith("#")
    }
    project = tomllib.loads(settings)["project"]
    needed = {canonicalize_name(Requirement(one).name) for one in project["dependencies"]}
    evidence = [f"constraints.txt: {len(pins)} packages with versions"]
    if free := sorted(needed - pins):
        evidence.append(f"constraints.txt: no version for {', '.join(free)}")
    makers = {path.name: fits.getheader(path, 1).get("CREATOR", "") for path in release.products}
    evidence += [f"{name}, CREATOR: {maker or 'missing'}" for name, maker in makers.items()]
    known = all(re.search(r"\d+\.\d+", maker) for maker in makers.values())
    return _answer(not free and bool(makers) and known, evidence)


def _checksums(release: Release) -> Answer:
    good = True
    evidence = []
    for file in release.manifest.files:
        place = f"{release.toml}, {file.name}"
        if not file.sha256:
            good = False
            evidence.append(f"{place}: no sha256")
            continue
        evidence.append(f"{place}: sha256 {', '.join(one[:16] + '…' for one in file.sha256)}")
        online = release.folder / "data" / file.name
        if file.public and online.exists():
            same = files.sha256(online) in file.sha256
            good &= same
            evidence.append(f"{online.name}, online: {'identical' if same else 'DIFFERENT'}")
    return _answer(good, evidence)


def _provenance(release: Release) -> Answer:
    good = bool(release.products)
    evidence = []
    for product in release.products:
        path = product.with_name(f"{product.name}.prov.json")
        try:
            text = files.read_regular(path).decode()
            known = len(prov.model.ProvDocument.deserialize(content=text, format="json").records)
        except Exception as error:  # raised by prov for unreadable documents
            known, text = 0, ""
            evidence.append(f"{path.name}: not readable ({type(error).__name__})")
        sums = [one for file in release.manifest.files for one in file.sha256]
        linked = any(one in text for one in sums) and files.sha256(product) in text
        good &= known > 0 and linked
        if known:
            preposition = "with" if linked else "WITHOUT"
            evidence.append(
                f"{path.name}: {known} records, {preposition} the checksums of both files"
            )
    return _answer(good, evidence or ["the release has no products"])


def _formats(release: Release) -> Answer:
    good = bool(release.products)
    evidence = []
    for product in release.products:
        header = fits.getheader(product, 1)
        standard = f"{header.get('HDUCLASS')} {header.get('HDUVERS')} {header.get('HDUCLAS1')}"
        good &= standard.startswith("GADF") and standard.endswith("EVENTS")
        evidence.append(f"{product.name}: FITS, {standard}")
    address = f"{release.url}/{release.manifest.release.descriptor}/cone/scs.xml"
    try:
        answer = oai.ask(address, RA="0", DEC="0", SR="0.1")
        with privileges.caller():  # astropy reads the list of UCDs
            votable.parse(io.BytesIO(answer), verify="ignore").get_first_table()
        evidence.append(f"{address}: VOTable")
    except Exception as error:  # also what astropy raises
        good = False
        evidence.append(f"{address}: {getattr(error, 'value', error)}")
    return _answer(good, evidence)


def _metadata(release: Release) -> Answer:
    found = check_metadata(release.name, release.manifest)
    wrong = [one for one in found if not one.passed]
    evidence = [f"{release.rd}: {len(found) - len(wrong)} of {len(found)} checks passed"]
    evidence += [f"{release.rd}, {one.subject}: {one.finding}" for one in wrong]
    return _answer(not wrong, evidence)


def _numbers(release: Release) -> Answer:
    table = release.manifest.release.table
    query = f"SELECT count(*) AS n FROM {table}"
    address = f"{release.url}{TAP_PATH}/sync"
    counts: dict[str, object] = {f"{release.toml}, events": release.manifest.release.events}
    recorded = f"reports/{release.name}/{release.record.name}, imported"
    try:
        record = json.loads(files.read_regular(release.record))
        counts[recorded] = record["result"]["imported"]
    except (OSError, ValueError, KeyError) as error:
        counts[recorded] = type(error).__name__
    counts["products, rows"] = sum(fits.getheader(one, 1)["NAXIS2"] for one in release.products)
    try:
        answer = oai.ask(address, LANG="ADQL", QUERY=query, RESPONSEFORMAT="csv").decode()
        counts[f"{address}, {query}"] = int(answer.split()[-1])
    except (IngestError, ValueError, IndexError) as error:
        counts[f"{address}, {query}"] = str(error)
    expected = release.manifest.release.events
    text = f"{release.meta('description')} {release.meta('_longdoc')}"
    number = rf"(?<![\d,.])(?:{expected:,}|{expected})(?![\d,])"
    is_stated = expected == 1 or re.search(number, text) is not None
    stated = (
        "not needed for one event" if expected == 1 else "stated" if is_stated else "NOT stated"
    )
    evidence = [f"{place}: {value}" for place, value in counts.items()]
    evidence.append(f"{release.texts}, number of events in the text: {stated}")
    return _answer(is_stated and all(one == expected for one in counts.values()), evidence)


def _real(release: Release) -> Answer:
    marked = [
        path.name
        for path in release.folder.glob("*.rd")
        if SIMULATED_WARNING in path.read_text("utf-8")
    ]
    mark = f"marked as simulated: {', '.join(marked)}" if marked else "not marked as simulated"
    return _answer(not marked, [f"the descriptor that is online: {mark}"])


def _contact(_: Release) -> Answer:
    contact = load_site().contact
    return _answer(bool(contact.email), [f"site.toml, contact: {contact.name}, {contact.email}"])


CHECKS: Final[dict[str, Callable[[Release], Answer]]] = {
    "readme": _readme,
    "description": _description,
    "licence": _licence,
    "citation": _citation,
    "doi": _doi,
    "environment": _environment,
    "checksums": _checksums,
    "provenance": _provenance,
    "formats": _formats,
    "metadata": _metadata,
    "numbers": _numbers,
    "real": _real,
    "contact": _contact,
}
"""The functions by the ids of their questions."""
