"""Import of a release: acquire its files, convert them, publish the products."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest import __version__
from ingest.core.descriptors import expand_descriptor, table_structure
from ingest.core.errors import ImportFailedError, InputError, UnavailableError
from ingest.core.files import atomic_write, read_regular
from ingest.events.delivery import (
    AcquiredFile,
    DeliveredFile,
    DeliveryStore,
    Manifest,
    acquire,
    read_texts,
    verify,
)
from ingest.events.deployment import (
    deployment,
    origin_of_texts,
    predecessor_deployment,
    publication_of,
)
from ingest.events.history import HistoryEntry, append, describing
from ingest.events.life import refuse_successor, refuse_withdrawn
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import Deployment, count, deploy, is_simulated, publish

if TYPE_CHECKING:
    from ingest.events.report import ImportReport

logger = logging.getLogger(__name__)

_COUNTS: Final = ("read", "accepted", "rejected", "imported")
_LOADER: Final = f"{deploy.SHARED}/bulkload.py"


@dataclass(frozen=True)
class ImportResult:
    """The result of an import, as recorded below ``var``.

    Attributes
    ----------
    release, source : str
        The release, and the sources of its files.
    read, accepted, rejected, imported : int
        Numbers of rows: read from the files, accepted and rejected by the checks, and now in
        the table.
    seconds : float
        Duration of the import.
    unchanged : bool
        Whether everything was already online and nothing had to be done.
    revised : bool
        Whether only descriptions changed, and no rows.
    simulated : bool
        Whether a simulated stand-in was imported.
    unavailable : tuple of str
        Sources that were tried before and did not have a file, with the reasons.
    report : str
        The page about the last import that changed rows.
    """

    release: str
    source: str
    read: int
    accepted: int
    rejected: int
    imported: int
    seconds: float
    unchanged: bool
    revised: bool
    simulated: bool
    unavailable: tuple[str, ...]
    report: str


def import_release(
    manifest: Manifest,
    layout: Layout,
    state: InstanceState,
    overlay: Path | None = None,
    force: bool = False,
    announce: Callable[[str], None] = logger.info,
) -> ImportResult:
    """Bring a release online, or leave everything unchanged.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    force : bool
        Import even if nothing changed since the last import.
    announce : callable, optional
        Called with each line about the difference of rows, before they go online.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is unavailable or fails the checks, or only a simulated stand-in is available
        while real data are online; the table is unchanged.
    ingest.core.errors.ImportFailedError
        If DaCHS could not load the product; the table is unchanged.
    """
    start = time.monotonic()
    refuse_withdrawn(manifest)
    refuse_successor(manifest, layout)
    record = layout.record(manifest.name)
    last = _read_record(record)
    store = DeliveryStore(layout.deliveries)

    def find(files: Sequence[DeliveredFile]) -> list[AcquiredFile]:
        kept = [store.find(_checksums(file, last), file.name) for file in files]
        return [
            acquire(manifest, file, overlay, layout.scratch, copy)
            for file, copy in zip(files, kept, strict=True)
        ]

    acquired = find(manifest.files)
    online = count(publication_of(manifest), layout, state)
    simulated = any(file.simulated for file in acquired)
    if online and simulated and not is_simulated(layout, manifest.name):
        _refuse_to_replace_real_data(manifest, acquired)
    responses = [] if simulated else find(manifest.responses)
    delivered = [*acquired, *responses]
    data = _data_fingerprint(manifest, delivered)
    same_rows = (
        not force
        and online is not None
        and last.get("data") == data
        and last["result"]["imported"] == online
    )
    page = layout.report_page(manifest.name)
    if same_rows:
        counts = {name: last["result"][name] for name in _COUNTS}
        origin = origin_of_texts(manifest, layout, state, simulated)
        if last.get("origin") == origin:
            return _result(manifest, acquired, counts, start, page, unchanged=True)
        present = deployment(manifest, layout, state, simulated=simulated)
        texts = _text_fingerprint(present)
        unchanged = last.get("texts") == texts
        if not unchanged:
            others = predecessor_deployment(manifest, layout, state)
            publish(publication_of(manifest), layout, state, [present, *others], online or 0)
        result = _result(manifest, acquired, counts, start, page, unchanged, revised=not unchanged)
        if not unchanged:
            logger.info("%s: descriptions revised", manifest.name)
            append(
                layout,
                manifest.name,
                HistoryEntry("revised", result.imported, **describing(manifest)),
            )
            origin = origin_of_texts(manifest, layout, state, simulated)
        _write_record(record, last | {"texts": texts, "origin": origin})
        return result
    # not at the top: the libraries of all formats take longer to load than an import that finds
    # nothing new
    from ingest.events.report import ImportReport, write_report
    from ingest.events.survey import Survey

    # until the end the record does not describe what is online
    survey = Survey(manifest.release.start_mjd, manifest.release.stop_mjd)
    report = ImportReport(manifest, acquired, survey, dachs=state.dachs_version)
    try:
        report, texts = _convert_and_publish(report, responses, layout, state, announce)
    except (InputError, ImportFailedError) as reason:
        failed = replace(report, error=reason, seconds=time.monotonic() - start)
        with contextlib.suppress(OSError):  # a full disk, say
            reason.report = write_report(record.parent, failed)
        raise
    report = replace(report, seconds=time.monotonic() - start)
    counts = {
        "read": survey.read,
        "accepted": survey.accepted,
        "rejected": survey.rejected,
        "imported": report.imported,
    }
    result = _result(manifest, acquired, counts, start, page)
    logger.info("%s: %s from %s", manifest.name, counts, result.source)
    files = {file.path.name: file.sha256 for file in delivered if not file.simulated}
    imported = HistoryEntry(
        "imported",
        result.imported,
        files=files,
        simulated=result.simulated,
        **describing(manifest),
    )
    append(layout, manifest.name, imported)
    content = {
        "data": data,
        "texts": texts,
        "origin": origin_of_texts(manifest, layout, state, simulated),
        "files": files,
        "result": asdict(result),
        "conversions": [one.to_dict() for one in report.conversions],
        "difference": report.difference and report.difference.to_dict(),
    }
    _write_record(record, content)
    write_report(record.parent, report)
    return result


def _checksums(file: DeliveredFile, last: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the checksums that a file may have: those listed, or the one imported last."""
    known = last.get("files", {})
    return file.sha256 or ((known[file.name],) if file.name in known else ())


def _refuse_to_replace_real_data(manifest: Manifest, acquired: Sequence[AcquiredFile]) -> None:
    raise UnavailableError(
        f"only a simulated stand-in is available, and does not replace the real data of"
        f" {manifest.name} that are online",
        file=manifest.folder / "release.toml",
        value="\n".join(_unavailable(acquired)),
        expected="one of these sources to have the file",
        remedy="name the directory of the file with INPUTS=",
    )


def _convert_and_publish(
    report: ImportReport,
    responses: Sequence[AcquiredFile],
    layout: Layout,
    state: InstanceState,
    announce: Callable[[str], None],
) -> tuple[ImportReport, str]:
    """Convert the files in a staging directory, and publish the products.

    Return the report with the result, and the fingerprint of the texts that are online now.
    """
    from ingest.events.product import RESPONSES, write_bundle
    from ingest.events.release_conversion import convert_release
    from ingest.events.report import difference_to_online

    manifest, acquired = report.manifest, report.files
    read_texts(manifest)
    store = DeliveryStore(layout.deliveries)
    staging = layout.scratch / manifest.name
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir()
    try:
        conversions = convert_release(manifest, acquired, staging, report.survey)
        simulated = any(file.simulated for file in acquired)
        products = [one.product for one in conversions]
        difference, before = difference_to_online(manifest, layout, products, simulated)
        for line in difference.lines() if difference else ():
            announce(f"{manifest.name}: {line}")
        for file, found in zip(manifest.files, acquired, strict=True):
            if found.simulated:
                continue
            kept = store.keep(found.path, found.sha256)
            # DaCHS would read a FITS file as a product
            if file.public and not file.name.endswith(".fits"):
                shutil.copyfile(kept, staging / file.name)
        for response, found in zip(manifest.responses, responses, strict=bool(responses)):
            verify(response, found)
            (staging / RESPONSES).mkdir(exist_ok=True)
            kept = store.keep(found.path, found.sha256)
            shutil.copyfile(kept, staging / RESPONSES / response.name)
        for one in conversions:
            write_bundle(one.product)
        release = deployment(manifest, layout, state, sorted(staging.iterdir()), simulated)
        others = predecessor_deployment(manifest, layout, state)
        layout.record(manifest.name).unlink(missing_ok=True)
        rows = sum(one.rows for one in conversions)
        publish(publication_of(manifest), layout, state, [release, *others], rows)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    report = replace(
        report,
        conversions=conversions,
        imported=rows,
        difference=difference,
        compared_with=before,
    )
    return report, _text_fingerprint(release)


def _result(
    manifest: Manifest,
    acquired: Sequence[AcquiredFile],
    counts: Mapping[str, int],
    start: float,
    page: Path,
    unchanged: bool = False,
    revised: bool = False,
) -> ImportResult:
    return ImportResult(
        release=manifest.name,
        source="; ".join(dict.fromkeys(file.source for file in acquired)),
        seconds=time.monotonic() - start,
        unchanged=unchanged,
        revised=revised,
        simulated=any(file.simulated for file in acquired),
        unavailable=_unavailable(acquired),
        report=str(page),
        **counts,
    )


def _unavailable(acquired: Sequence[AcquiredFile]) -> tuple[str, ...]:
    return tuple(reason for file in acquired for reason in file.unavailable)


def _data_fingerprint(manifest: Manifest, acquired: Sequence[AcquiredFile]) -> str:
    """Return a checksum of everything that determines the rows and products of a release."""
    facts = json.dumps(manifest.row_facts())
    digest = hashlib.sha256(f"{__version__} {facts}".encode())
    for file in acquired:
        digest.update(f"{file.sha256} {file.simulated}".encode())
    digest.update(table_structure(expand_descriptor(manifest.release.descriptor)).encode())
    for name, content in deploy.sources(deploy.SHARED):
        if name == _LOADER:
            digest.update(content)
    return digest.hexdigest()


def _text_fingerprint(release: Deployment) -> str:
    """Return a checksum of everything else that is deployed."""
    digest = hashlib.sha256()
    for name, content in (*deploy.sources(release.folder), *sorted(release.generated.items())):
        digest.update(name.encode() + content)
    return digest.hexdigest()


def _read_record(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(read_regular(path))
        return content
    except (FileNotFoundError, ValueError):
        return {}


def _write_record(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_write(path) as stream:
        stream.write(json.dumps(content, indent=1, default=str).encode())
