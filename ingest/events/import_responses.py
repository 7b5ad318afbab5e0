"""Import of releases of instrument responses, which have no events."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ingest import __version__
from ingest.core import privileges
from ingest.core.descriptors import expand_descriptor, table_structure
from ingest.core.errors import ImportFailedError, IngestError, InputError, ManifestError
from ingest.events.about_responses import about_responses
from ingest.events.delivery import (
    AcquiredFile,
    DeliveryStore,
    ResponsesManifest,
    acquire,
    load_responses,
)
from ingest.events.history import HistoryEntry, append
from ingest.events.import_record import ImportResult, read_record, write_record
from ingest.events.sky import detector
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import (
    Deployment,
    deploy,
    online_responses,
    publish_responses,
)

logger = logging.getLogger(__name__)

_CODE: Final = Path(__file__).parents[1] / "responses"
"""What makes tables, GADF files and previews of responses."""


@dataclass(frozen=True)
class _Prepared:
    """A release that is ready to go online."""

    manifest: ResponsesManifest
    files: Sequence[AcquiredFile]
    deployment: Deployment
    rows: int
    tables: Mapping[str, int]
    record: Mapping[str, Any]
    revised: bool
    start: float

    def result(self, layout: Layout) -> ImportResult:
        return _result(
            self.manifest, self.files, layout, self.rows, self.start, revised=self.revised
        )


def import_responses(
    names: Sequence[str],
    layout: Layout,
    state: InstanceState,
    overlay: Path | None = None,
    force: bool = False,
) -> tuple[list[ImportResult], dict[str, IngestError]]:
    """Bring releases of responses online together; those that are refused stay as they were.

    Parameters
    ----------
    names : sequence of str
        The releases.
    layout, state : Layout, InstanceState
        The instance, locked; its database must be running.
    overlay : pathlib.Path, optional
        A directory with local inputs.
    force : bool
        Import even if nothing changed since the last import.

    Returns
    -------
    results : list of ImportResult
        Those that are online now.
    refused : dict of str to IngestError
        Why the others were refused.
    """
    results: list[ImportResult] = []
    refused: dict[str, IngestError] = {}
    prepared: list[_Prepared] = []
    staging = layout.scratch / "responses"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for name in names:
            try:
                one = _prepare(load_responses(name), layout, staging / name, overlay, force)
            except InputError as reason:
                refused[name] = reason
                continue
            if isinstance(one, ImportResult):
                results.append(one)
            else:
                prepared.append(one)
        if prepared:
            try:
                tables = {one.manifest.name: one.tables for one in prepared}
                publish_responses(layout, state, [one.deployment for one in prepared], tables)
            except ImportFailedError as reason:
                return results, refused | {one.manifest.name: reason for one in prepared}
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    for one in prepared:
        results.append(_recorded(one, layout))
    return results, refused


def responses_deployment(
    manifest: ResponsesManifest, products: Sequence[Path] | None = None
) -> Deployment:
    """Return the deployment of a release of responses.

    Parameters
    ----------
    manifest : ResponsesManifest
        The release.
    products : sequence of pathlib.Path, optional
        What comes into its ``data`` folder; by default that stays.
    """
    return Deployment(manifest.name, about_responses(manifest), products)


def _prepare(
    manifest: ResponsesManifest,
    layout: Layout,
    folder: Path,
    overlay: Path | None,
    force: bool,
) -> _Prepared | ImportResult:
    """Write the files of a release into a directory; return the result if it is online already."""
    start = time.monotonic()
    release = manifest.release
    if release.withdrawn is not None:
        raise ManifestError(
            f"the release {manifest.name} was withdrawn",
            file=manifest.path,
            where="release.withdrawn",
            value=release.withdrawn,
            remedy="remove the line, if it is to be online again",
        )
    last = read_record(layout.record(manifest.name))
    store = DeliveryStore(layout.deliveries)
    files = [
        acquire(manifest, one, overlay, layout.scratch, store.find(one.sha256, one.name))
        for one in (*manifest.responses, *manifest.table_files)
    ]
    described = responses_deployment(manifest)
    data, texts = _data(manifest, files), _texts(described)
    is_online = manifest.name in online_responses(layout)
    if is_online and not force and (last.get("data"), last.get("texts")) == (data, texts):
        rows = int(last["result"]["imported"])
        return _result(manifest, files, layout, rows, start, unchanged=True)
    # not at the top: an import that finds nothing new does not need matplotlib
    from ingest.events.further_tables import write_tables
    from ingest.events.product import RESPONSES, Instrument, write_responses

    of = Instrument(manifest.name, detector(release.detector).telescope, release.instrument)
    place = folder / RESPONSES
    folder.mkdir(parents=True)
    number = len(manifest.responses)
    rows = write_responses(manifest.responses, files[:number], of, place, manifest.path, store)
    tables = write_tables(manifest, files[number:], folder, store)
    return _Prepared(
        manifest=manifest,
        files=files,
        deployment=responses_deployment(manifest, sorted(folder.iterdir())),
        rows=rows + sum(tables.values()),
        tables=tables,
        record={"data": data, "texts": texts},
        revised=is_online and not force and last.get("data") == data,
        start=start,
    )


def _recorded(one: _Prepared, layout: Layout) -> ImportResult:
    """Write the record and the history of a release that is online now; return its result."""
    name, result = one.manifest.name, one.result(layout)
    files = {file.path.name: file.sha256 for file in one.files}
    logger.info("%s: %d rows from %s", name, result.imported, result.source)
    entry = HistoryEntry(
        "revised" if one.revised else "imported",
        result.imported,
        files=files,
        facts=one.manifest.facts(),
    )
    append(layout, name, entry)
    record = {**one.record, "files": files, "result": asdict(result)}
    layout.record(name).parent.mkdir(exist_ok=True)
    write_record(layout.record(name), record)
    return result


def _data(manifest: ResponsesManifest, files: Sequence[AcquiredFile]) -> str:
    """Return a checksum of what the files and rows of a release depend on."""
    listed = [
        one.model_dump(mode="json", exclude={"title", "coverage"})
        for one in (*manifest.responses, *manifest.tables)
    ]
    digest = hashlib.sha256(f"{__version__} {json.dumps(listed)}".encode())
    for file in files:
        digest.update(file.sha256.encode())
    digest.update(table_structure(expand_descriptor(manifest.release.descriptor)).encode())
    with privileges.caller():
        for path in sorted(_CODE.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _texts(described: Deployment) -> str:
    """Return a checksum of all else that is deployed of a release."""
    digest = hashlib.sha256()
    for name, content in (
        *deploy.sources(described.folder),
        *sorted(described.generated.items()),
    ):
        digest.update(name.encode() + content)
    return digest.hexdigest()


def _result(
    manifest: ResponsesManifest,
    files: Sequence[AcquiredFile],
    layout: Layout,
    rows: int,
    start: float,
    unchanged: bool = False,
    revised: bool = False,
) -> ImportResult:
    return ImportResult(
        release=manifest.name,
        source="; ".join(dict.fromkeys(file.source for file in files)),
        read=rows,
        accepted=rows,
        rejected=0,
        imported=rows,
        seconds=time.monotonic() - start,
        unchanged=unchanged,
        revised=revised,
        simulated=False,
        unavailable=(),
        report=str(layout.record(manifest.name)),
    )
