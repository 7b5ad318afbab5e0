"""``km3vo release check``: what a release lacks before it can be imported and published."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from astropy import units
from astropy.io.votable import ucd
from lxml import etree
from pydantic import ValidationError

from ingest.core.checkout import RD
from ingest.core.configuration import BLANK, blanks, read_toml
from ingest.core.descriptors import expand_descriptor
from ingest.core.errors import IngestError, ManifestError
from ingest.core.units import gev_to_joule
from ingest.events.delivery import DeliveredFile, Manifest, acquire, verify
from ingest.publish.release.draft import paths

METADATA: Final = (
    "title", "description", "creationDate", "creator", "subject", "rights", "rights.rightsURI",
    "coverage.waveband", "contentLevel", "type", "facility", "instrument", "referenceURL",
    "_longdoc",
)  # fmt: skip
"""The metadata items that every descriptor needs, besides a DOI or the reason for having none."""
_DOI: Final = re.compile(r"10\.\d{4,9}/\S+")
_NO_DOI: Final = re.compile(r"\s*No DOI:\s*\S+")
_ENERGY_TOLERANCE: Final = 1e-4
_TIME_TOLERANCE: Final = 1e-4  # d, as the fifth digit of an MJD


@dataclass(frozen=True)
class ReleaseCheck:
    """The result of one check of a release."""

    check: str
    subject: str
    passed: bool
    finding: str


def check_release(name: str, overlay: Path | None = None) -> list[ReleaseCheck]:
    """Return what a release has and what it lacks, in the order of a curator's work.

    Parameters
    ----------
    name : str
        The release.
    overlay : pathlib.Path, optional
        A directory with local inputs.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the release has neither manifest nor descriptor.
    """
    toml, rd = paths(name)
    if not (toml.is_file() or rd.is_file()):
        raise ManifestError(
            f"there is no release {name}",
            file=toml,
            remedy=f"correct the name, or create it with km3vo release new {name}",
        )
    findings = [
        ReleaseCheck("blank", f"{_short(path)} {where}", False, wanted)
        for path in (toml, rd)
        for where, wanted in blanks(path)
    ]
    manifest, problems = _manifest(toml, name)
    findings += problems
    if manifest is not None:
        for file in manifest.files:
            findings += _file(manifest, file, overlay)
    try:
        resource = expand_descriptor(f"{name}/nu", RD)
    except IngestError as error:
        return [*findings, ReleaseCheck("descriptor", _short(rd), False, str(error))]
    findings.append(ReleaseCheck("descriptor", _short(rd), True, "well-formed"))
    findings += _metadata(resource)
    findings += _columns(resource)
    findings += _test_position(resource)
    findings += _names(resource, name, manifest)
    if manifest is not None:
        findings += _coverage(resource, manifest)
    return findings


def _manifest(path: Path, name: str) -> tuple[Manifest | None, list[ReleaseCheck]]:
    """Return the manifest if it is valid, and the results of its checks."""
    try:
        content = read_toml(path)
        manifest = Manifest.model_validate(content)
    except IngestError as error:
        return None, [ReleaseCheck("manifest", _short(path), False, str(error))]
    except ValidationError as failure:
        findings = [
            ReleaseCheck("manifest", ".".join(map(str, one["loc"])), False, one["msg"])
            for one in failure.errors(include_url=False)
            if not _is_blank(one["input"])
        ]
        return None, findings
    if manifest.name != name:
        finding = f"release.name is {manifest.name}, but the folder is {name}"
        return manifest, [ReleaseCheck("manifest", _short(path), False, finding)]
    return manifest, [ReleaseCheck("manifest", _short(path), True, "valid")]


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and BLANK in value


def _file(manifest: Manifest, file: DeliveredFile, overlay: Path | None) -> Iterator[ReleaseCheck]:
    known = bool(file.sha256)
    yield ReleaseCheck("checksum", file.name, known, "given" if known else "sha256 is missing")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = acquire(manifest, file, overlay, Path(scratch))
            verify(file, found)
        except IngestError as error:
            value = f": {error.value}" if error.value else ""
            yield ReleaseCheck("file", file.name, False, f"{error.problem}{value}")
            return
    finding = "only a simulated stand-in is available" if found.simulated else found.source
    yield ReleaseCheck("file", file.name, not found.simulated, finding)


def _metadata(resource: etree._Element) -> Iterator[ReleaseCheck]:
    stated = {
        meta.get("name"): " ".join("".join(meta.itertext()).split())
        for meta in resource.findall("meta")
    }
    for name in METADATA:
        finding = stated.get(name, "").replace("\\simulated", "").strip()
        if BLANK not in finding:
            yield ReleaseCheck("metadata", name, bool(finding), _cut(finding) or "missing")
    if "doi" in stated:
        if BLANK not in stated["doi"]:
            good = bool(_DOI.fullmatch(stated["doi"]))
            yield ReleaseCheck(
                "metadata", "doi", good, stated["doi"] if good else _not_doi(stated["doi"])
            )
    else:
        reasons = [one.text for one in resource.iter(etree.Comment) if _NO_DOI.match(one.text)]
        finding = "missing; add it, or a comment <!-- No DOI: reason -->"
        yield ReleaseCheck(
            "metadata", "doi", bool(reasons), _cut(reasons[0] if reasons else finding)
        )
    marks = [one for one in resource.findall("macDef") if one.get("name") == "simulated"]
    if len(marks) != 1:
        finding = 'there must be one <macDef name="simulated"></macDef>'
        yield ReleaseCheck("metadata", "simulated", False, finding)


def _not_doi(text: str) -> str:
    return f"{text} is not a DOI of the form 10.…/… without https://doi.org/"


def _columns(resource: etree._Element) -> Iterator[ReleaseCheck]:
    columns = list(resource.iter("column"))
    wrong = [
        f"{column.get('name')}: {finding}" for column in columns for finding in _faults(column)
    ]
    for finding in wrong:
        yield ReleaseCheck("columns", finding.partition(":")[0], False, finding.partition(": ")[2])
    if not wrong:
        finding = f"units, UCDs and descriptions of {len(columns)} columns are valid"
        yield ReleaseCheck(
            "columns", "all", bool(columns), finding if columns else "there are no columns"
        )


def _faults(column: etree._Element) -> Iterator[str]:
    if not (column.get("description") or "").strip():
        yield "has no description"
    unit, word = column.get("unit"), column.get("ucd")
    if unit:
        try:
            units.Unit(unit, format="vounit")
        except ValueError:
            yield f"the unit {unit} is not one of VOUnits"
    if not word:
        yield "has no UCD"
    elif not ucd.check_ucd(word, check_controlled_vocabulary=True):
        yield f"the UCD {word} is not valid"


def _test_position(resource: etree._Element) -> Iterator[ReleaseCheck]:
    for service in resource.iter("service"):
        query = next((m for m in service.iter("meta") if m.get("name") == "testQuery"), None)
        if service.find("scsCore") is None:
            continue
        stated = {} if query is None else {m.get("name"): m.text for m in query.iter("meta")}
        try:
            ra, dec = float(stated.get("ra") or ""), float(stated.get("dec") or "")
            good = 0 <= ra < 360 and -90 <= dec <= 90
            finding = f"{ra}, {dec}"
        except ValueError:
            good, finding = False, "the position of an event is missing"
        yield ReleaseCheck("test position", str(service.get("id")), good, finding)


def _names(
    resource: etree._Element, name: str, manifest: Manifest | None
) -> Iterator[ReleaseCheck]:
    schema = resource.get("schema")
    tables = [f"{schema}.{table.get('id')}" for table in resource.findall("table")]
    wanted = manifest.release.table if manifest else f"{name}.main"
    yield ReleaseCheck(
        "table", wanted, wanted in tables and schema == name, f"declared: {', '.join(tables)}"
    )
    if manifest and manifest.release.descriptor != f"{name}/nu":
        finding = f"release.descriptor is {manifest.release.descriptor}"
        yield ReleaseCheck("table", f"{name}/nu", False, finding)
    expected = {"release": name, "detector": manifest.release.instrument if manifest else None}
    for column in resource.iterfind("table/column"):
        value = expected.get(column.get("name"))
        stated = (column.findtext("property") or "").strip("'")
        if value and stated != value and BLANK not in stated + value:
            finding = f"the table has {stated}, the manifest {value}"
            yield ReleaseCheck("table", str(column.get("name")), False, finding)


def _coverage(resource: etree._Element, manifest: Manifest) -> Iterator[ReleaseCheck]:
    observation, release = manifest.observation, manifest.release
    low, high = observation.min_energy_gev, observation.max_energy_gev
    joules = gev_to_joule(low), gev_to_joule(high)
    text = resource.findtext("coverage/spectral")
    finding = f"{joules[0]:.10g} {joules[1]:.10g} J, for {low:g} to {high:g} GeV"
    yield _range("spectral", text, joules, _ENERGY_TOLERANCE * joules[0], finding)
    days = release.start_mjd, release.stop_mjd
    text = resource.findtext("coverage/temporal")
    finding = (
        f"{days[0]:.5f} {days[1]:.5f}, for {release.start:%Y-%m-%d} to {release.stop:%Y-%m-%d}"
    )
    yield _range("temporal", text, days, _TIME_TOLERANCE, finding)


def _range(
    subject: str, text: str | None, wanted: tuple[float, float], tolerance: float, finding: str
) -> ReleaseCheck:
    try:
        stated = [float(word) for word in (text or "").split()]
    except ValueError:
        stated = []
    good = len(stated) == 2 and all(
        abs(one - other) <= tolerance for one, other in zip(stated, wanted, strict=True)
    )
    if good:
        return ReleaseCheck("coverage", subject, True, finding)
    return ReleaseCheck("coverage", subject, False, f"{_cut(text or 'missing')}; must be {finding}")


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])


def _cut(text: str, length: int = 60) -> str:
    finding = " ".join(text.split())
    return finding if len(finding) <= length else finding[: length - 1] + "…"
