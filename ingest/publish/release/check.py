"""``km3vo release check``: what a release lacks before it can be imported and published."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree
from pydantic import ValidationError

from ingest.core import privileges
from ingest.core.checkout import INPUTS, RD
from ingest.core.configuration import BLANK, blanks, read_toml
from ingest.core.descriptors import expand_descriptor
from ingest.core.errors import IngestError
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.about_responses import about_responses
from ingest.events.delivery import (
    RESPONSES_MANIFEST,
    TEXTS,
    AcquiredFile,
    DeliveredFile,
    DeliveryStore,
    Manifest,
    ResponsesManifest,
    acquire,
    load_responses,
    read_texts,
    responses_names,
    verify,
)
from ingest.events.life import refuse_embargo, refuse_successor, refuse_withdrawn
from ingest.instance import Layout
from ingest.publish.release.places import Places, places, require_release


@dataclass(frozen=True)
class ReleaseCheck:
    """The result of one check of a release."""

    check: str
    subject: str
    passed: bool
    finding: str


def check_release(name: str, layout: Layout, overlay: Path | None = None) -> list[ReleaseCheck]:
    """Return what a release has and what it lacks, in the order of a curator's work.

    Parameters
    ----------
    name : str
        The release.
    layout : Layout
        The instance; its database need not run.
    overlay : pathlib.Path, optional
        A directory with local inputs.

    Raises
    ------
    ingest.core.errors.ManifestError
        If there is no such release.
    """
    if name in responses_names():
        return _check_responses(name, layout, overlay)
    place = require_release(name)
    findings = [
        ReleaseCheck("blank", f"{_short(path)} {where}", False, wanted)
        for path in place
        for where, wanted in blanks(path)
    ]
    manifest, problems = _manifest(place.manifest, name)
    findings += problems
    if manifest is not None:
        findings += _life(manifest, layout)
        files: list[AcquiredFile] = []
        for file in (*manifest.files, *manifest.responses, *manifest.table_files):
            findings += _file(manifest, file, overlay, layout, files)
        names = {file.name for file in manifest.files}
        events = [one for one in files if one.path.name in names]
        if len(events) == len(names):
            findings += _shared(manifest, events, layout)
        findings += _further_tables(manifest, files)
    return findings + check_metadata(name, manifest)


def _check_responses(name: str, layout: Layout, overlay: Path | None) -> list[ReleaseCheck]:
    """Return what a release without events has and lacks."""
    folder, descriptor = INPUTS / name, RD / name / "nu.rd"
    paths = (folder / RESPONSES_MANIFEST, folder / TEXTS, descriptor)
    findings = [
        ReleaseCheck("blank", f"{_short(path)} {where}", False, wanted)
        for path in paths
        for where, wanted in blanks(path)
    ]
    if findings:
        return findings
    try:
        manifest = load_responses(name)
        resource = expand_descriptor(f"{name}/nu", RD, about_responses(manifest)[ABOUT])
    except IngestError as error:
        return [ReleaseCheck("manifest", _short(paths[0]), False, _said(error))]
    findings.append(ReleaseCheck("manifest", _short(paths[0]), True, "valid"))
    files: list[AcquiredFile] = []
    for file in (*manifest.responses, *manifest.table_files):
        findings += _file(manifest, file, overlay, layout, files)
    findings += _further_tables(manifest, files)
    if manifest.tables:
        findings += _columns(resource)
    return findings


def check_metadata(name: str, manifest: Manifest | None) -> list[ReleaseCheck]:
    """Return what the texts and the descriptor of a release have and lack.

    Parameters
    ----------
    name : str
        The release.
    manifest : Manifest or None
        Its manifest; None if that is not valid.
    """
    place = places(name)
    findings = [] if manifest is None else list(_texts(manifest, place))
    made = None
    if manifest is not None and all(one.passed for one in findings):
        made = about(manifest)[ABOUT]
    try:
        resource = expand_descriptor(f"{name}/nu", RD, made)
    except IngestError as error:
        return [
            *findings,
            ReleaseCheck("descriptor", _short(place.descriptor), False, _said(error)),
        ]
    findings += _descriptor(resource, name, place)
    findings += _columns(resource)
    return findings


def _manifest(path: Path, name: str) -> tuple[Manifest | None, list[ReleaseCheck]]:
    """Return the manifest if it is valid, and the results of its checks."""
    try:
        manifest = Manifest.model_validate(read_toml(path))
    except IngestError as error:
        return None, [ReleaseCheck("manifest", _short(path), False, _said(error))]
    except ValidationError as failure:
        findings = [
            ReleaseCheck("manifest", ".".join(map(str, one["loc"])), False, one["msg"])
            for one in failure.errors(include_url=False)
            if not _is_blank(one["input"])
        ]
        return None, findings
    if manifest.name != name:
        finding = f"release.name is {manifest.name}, but the folder is {name}"
        return None, [ReleaseCheck("manifest", _short(path), False, finding)]
    from ingest.events.readers import AUTO, READERS  # loads slowly

    if manifest.release.format not in (AUTO, *READERS):
        finding = f"{manifest.release.format}; it must be one of {', '.join(READERS)}"
        return manifest, [ReleaseCheck("manifest", "release.format", False, finding)]
    return manifest, [ReleaseCheck("manifest", _short(path), True, "valid")]


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and BLANK in value


def _life(manifest: Manifest, layout: Layout) -> Iterator[ReleaseCheck]:
    release = manifest.release
    yield _tried("life", "withdrawn", "no", refuse_withdrawn, manifest)
    former = f"supersedes {release.supersedes}" if release.supersedes else "supersedes none"
    yield _tried("life", "supersedes", former, refuse_successor, manifest, layout)
    access = f"public from {release.embargo_until}" if release.embargo_until else release.access
    yield _tried("life", "access", access, refuse_embargo, manifest, layout, release.created)


def _texts(manifest: Manifest, place: Places) -> Iterator[ReleaseCheck]:
    yield _tried("texts", _short(place.texts), "plain text", read_texts, manifest)
    try:
        documented = bool(read_texts(manifest).documentation)
    except IngestError:
        return
    finding = "given" if documented else "there is nothing below the first paragraph"
    yield ReleaseCheck("texts", "documentation", documented, finding)


def _file(
    manifest: Manifest | ResponsesManifest,
    file: DeliveredFile,
    overlay: Path | None,
    layout: Layout,
    files: list[AcquiredFile],
) -> Iterator[ReleaseCheck]:
    """Check a delivered file; add it to `files` if it is the right one."""
    known = bool(file.sha256)
    yield ReleaseCheck("checksum", file.name, known, "given" if known else "sha256 is missing")
    kept = DeliveryStore(layout.deliveries).find(file.sha256, file.name)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            found = acquire(manifest, file, overlay, Path(scratch), kept)
            verify(file, found)
        except IngestError as error:
            value = f": {error.value}" if error.value else ""
            yield ReleaseCheck("file", file.name, False, f"{error.problem}{value}")
            return
    finding = "only a simulated stand-in is available" if found.simulated else found.source
    yield ReleaseCheck("file", file.name, not found.simulated, finding)
    if not found.simulated:
        files.append(found)


def _shared(
    manifest: Manifest, files: list[AcquiredFile], layout: Layout
) -> Iterator[ReleaseCheck]:
    """Look for events that are online in another release."""
    from ingest.publish.release.overlap import shared_events  # loads slowly

    try:
        found = list(shared_events(manifest, [one.path for one in files], layout))
    except IngestError as error:
        yield ReleaseCheck("events", "readable", False, _said(error))
        return
    for name, number, total in found:
        finding = (
            f"{number} of the first {total} events are in {name}, which is online;"
            f' if this is its new version: supersedes = "{name}"'
        )
        yield ReleaseCheck("events", name, False, finding)
    if not found:
        yield ReleaseCheck("events", "of other releases", True, "none")


def _further_tables(
    manifest: Manifest | ResponsesManifest, files: list[AcquiredFile]
) -> Iterator[ReleaseCheck]:
    """Read the files that fill further tables, and look for these tables in the descriptor."""
    if not manifest.tables:
        return
    from ingest.events.further_tables import read_further_table, require_declared  # loads slowly

    found = {one.path.name: one.path for one in files}
    yield _tried("tables", "descriptor", "declares them", require_declared, manifest)
    for one in manifest.tables:
        if all(file in found for file in (one.name, *((one.bins.name,) if one.bins else ()))):
            name = f"{manifest.name}.{one.table}"
            yield _tried("tables", name, "readable", read_further_table, one, found)


def _descriptor(resource: etree._Element, name: str, place: Places) -> Iterator[ReleaseCheck]:
    """Check what the descriptor declares, and that it takes the rest from the manifest."""
    schema, path = resource.get("schema"), place.descriptor
    tables = [table.get("id") for table in resource.findall("table")]
    finding = f"declared: {', '.join(f'{schema}.{table}' for table in tables) or 'nothing'}"
    yield ReleaseCheck("table", f"{name}.main", schema == name and "main" in tables, finding)
    with privileges.caller():
        text = path.read_text("utf-8")
    wanted = [f"{name}/about#{stream}" for stream in ("metadata", "table", "cone")]
    missing = [source for source in wanted if f'source="{source}"' not in text]
    finding = f'add <FEED source="{missing[0]}"/>' if missing else "uses what the manifest says"
    yield ReleaseCheck("descriptor", _short(path), not missing, finding)


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
    from astropy import units
    from astropy.io.votable import ucd

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


def _tried(
    check: str, subject: str, good: str, function: Callable[..., object], *arguments: object
) -> ReleaseCheck:
    """Return whether a function finds nothing to refuse."""
    try:
        function(*arguments)
    except IngestError as error:
        return ReleaseCheck(check, subject, False, _said(error))
    return ReleaseCheck(check, subject, True, good)


def _said(error: IngestError) -> str:
    """Return an error in one line, without the file, which is the subject."""
    found = "" if error.value is None else f", found {error.value}"
    place = f"{error.where}: " if error.where else ""
    return " ".join(f"{place}{error.problem}{found}; {error.remedy}".split())


def _short(path: Path) -> str:
    return "/".join(path.parts[-3:])
