"""Import of a release: acquire its files, convert them, publish the products."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest.core.errors import ImportFailedError, InputError, UnavailableError
from ingest.core.parallel import in_processes
from ingest.events import fingerprints
from ingest.events.delivery import (
    AcquiredFile,
    DeliveredFile,
    DeliveryStore,
    Manifest,
    acquire,
    read_texts,
)
from ingest.events.deployment import deployment, predecessor_deployment, publication_of
from ingest.events.history import HistoryEntry, append, append_revision, describing
from ingest.events.import_progress import ImportProgress
from ingest.events.import_record import ImportResult, read_record, withheld, write_record
from ingest.events.kept import KeptProducts, Stock, as_record, replace_surveys
from ingest.events.life import refuse_successor, refuse_withdrawn
from ingest.events.periods import write_periods
from ingest.events.release_conversion import products_of
from ingest.instance import InstanceState, Layout
from ingest.instance.dachs import count, is_simulated, publish, started_early

if TYPE_CHECKING:
    from ingest.events.report import ImportReport
    from ingest.events.workflow import Collection

logger = logging.getLogger(__name__)

_COUNTS: Final = ("read", "accepted", "rejected", "imported")


def import_release(
    manifest: Manifest,
    layout: Layout,
    state: InstanceState,
    overlay: Path | None = None,
    force: bool = False,
    announce: Callable[[str], None] = logger.info,
    converted: Collection | None = None,
    tell: Callable[[str], None] = logger.debug,
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
    tell : callable, optional
        Called about every second with how far the import has come.
    converted : Collection, optional
        What a workflow has converted, so that only the rest is left to do.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is unavailable or fails the checks, or only a simulated stand-in is available
        while real data are online; the table is unchanged.
    ingest.core.errors.ImportFailedError
        If DaCHS could not load the product; the table is unchanged.
    """
    start = time.monotonic()
    if converted is not None:
        manifest = converted.manifest
    refuse_withdrawn(manifest)
    refuse_successor(manifest, layout)
    last = read_record(layout.record(manifest.name))
    delivery = _Delivery.find(manifest, layout, overlay, last, converted)
    online = count(publication_of(manifest), layout, state)
    if online and delivery.is_simulated and not is_simulated(layout, manifest.name):
        _refuse_to_replace_real_data(manifest, delivery)
    rows = fingerprints.of_rows(manifest, delivery.all)
    has_these_rows = (
        online is not None and last.get("data") == rows and last["result"]["imported"] == online
    )
    if has_these_rows and not force:
        return _revise(delivery, layout, state, last, start)
    before = {} if force else last
    return _replace(delivery, before, layout, state, rows, start, announce, ImportProgress(tell))


@dataclass(frozen=True)
class _Delivery:
    """The files of a release on this machine."""

    manifest: Manifest
    files: Sequence[AcquiredFile]
    responses: Sequence[AcquiredFile]
    tables: Sequence[AcquiredFile]
    converted: Collection | None

    @classmethod
    def find(
        cls,
        manifest: Manifest,
        layout: Layout,
        overlay: Path | None,
        last: Mapping[str, Any],
        converted: Collection | None,
    ) -> _Delivery:
        """Find the files, or those kept from earlier imports."""
        store = DeliveryStore(layout.deliveries)

        def found(files: Sequence[DeliveredFile]) -> list[AcquiredFile]:
            return list(in_processes(find, files))

        def find(file: DeliveredFile) -> AcquiredFile:
            kept = store.find(_checksums(file, last), file.name)
            return acquire(manifest, file, overlay, layout.scratch, kept)

        files = found(manifest.files) if converted is None else converted.files()
        simulated = any(file.simulated for file in files)
        beside = [] if simulated else [manifest.responses, manifest.table_files]
        responses, tables = (found(one) for one in beside or ((), ()))
        return cls(manifest, files, responses, tables, converted)

    @property
    def all(self) -> list[AcquiredFile]:
        return [*self.files, *self.responses, *self.tables]

    def by_product(self, directory: Path) -> dict[Path, list[AcquiredFile]]:
        """Return the files of each product in a directory."""
        return {
            directory / name: [self.files[place] for place in places]
            for name, places in products_of(self.manifest).items()
        }

    @property
    def is_simulated(self) -> bool:
        return any(file.simulated for file in self.files)

    @property
    def unavailable(self) -> tuple[str, ...]:
        return tuple(reason for file in self.files for reason in file.unavailable)

    def result(
        self,
        counts: Mapping[str, int],
        layout: Layout,
        start: float,
        *,
        unchanged: bool = False,
        revised: bool = False,
    ) -> ImportResult:
        return ImportResult(
            release=self.manifest.name,
            source="; ".join(dict.fromkeys(file.source for file in self.files)),
            seconds=time.monotonic() - start,
            unchanged=unchanged,
            revised=revised,
            simulated=self.is_simulated,
            unavailable=self.unavailable,
            report=str(layout.report_page(self.manifest.name)),
            **counts,
        )


def _revise(
    delivery: _Delivery,
    layout: Layout,
    state: InstanceState,
    last: Mapping[str, Any],
    start: float,
) -> ImportResult:
    """Bring descriptions up to date, if they are not."""
    manifest, simulated = delivery.manifest, delivery.is_simulated
    counts = {name: last["result"][name] for name in _COUNTS}
    origins = fingerprints.of_origins(manifest, layout, state, simulated)
    if last.get("origin") == origins:
        return delivery.result(counts, layout, start, unchanged=True)
    present = deployment(manifest, layout, state, simulated=simulated)
    texts = fingerprints.of_texts(present)
    unchanged = last.get("texts") == texts
    if not unchanged:
        others = predecessor_deployment(manifest, layout, state)
        publish(publication_of(manifest), layout, state, [present, *others], counts["imported"])
        logger.info("%s: descriptions revised", manifest.name)
        origins = fingerprints.of_origins(manifest, layout, state, simulated)
    append_revision(layout, manifest, counts["imported"])
    write_record(layout.record(manifest.name), {**last, "texts": texts, "origin": origins})
    return delivery.result(counts, layout, start, unchanged=unchanged, revised=not unchanged)


def _replace(
    delivery: _Delivery,
    before: Mapping[str, Any],
    layout: Layout,
    state: InstanceState,
    rows: str,
    start: float,
    announce: Callable[[str], None],
    progress: ImportProgress,
) -> ImportResult:
    """Convert the files and publish the products; write record, history and report."""
    # not at the top: the libraries of all formats take longer to load than an import that finds
    # nothing new
    from ingest.events.report import ImportReport, write_report
    from ingest.events.survey import Survey

    manifest = delivery.manifest
    record = layout.record(manifest.name)
    survey = Survey(manifest.release.start_mjd, manifest.release.stop_mjd)
    report = ImportReport(manifest, delivery.files, survey, dachs=state.dachs_version)
    try:
        # one for the table of a period, and one for the switch
        with started_early(layout, 2 if manifest.release.periods else 1):
            report, stock, texts = _convert_and_publish(
                report, delivery, before, layout, state, announce, progress
            )
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
    result = delivery.result(counts, layout, start)
    logger.info("%s: %s from %s", manifest.name, counts, result.source)
    files = {file.path.name: file.sha256 for file in delivery.all if not file.simulated}
    entry = HistoryEntry(
        "imported",
        result.imported,
        files=files,
        simulated=result.simulated,
        **describing(manifest),
    )
    append(layout, manifest.name, entry)
    content = {
        "data": rows,
        "texts": texts,
        "origin": fingerprints.of_origins(manifest, layout, state, result.simulated),
        "files": files,
        "result": asdict(result),
        "conversions": [one.to_dict() for one in report.conversions],
        "products": as_record(stock),
        "difference": report.difference and report.difference.to_dict(),
        "workflow": delivery.converted and delivery.converted.summary(),
    }
    write_record(record, content)
    write_report(record.parent, report)
    return result


def _checksums(file: DeliveredFile, last: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the checksums that a file may have: those listed, or the one imported last."""
    known = last.get("files", {})
    return file.sha256 or ((known[file.name],) if file.name in known else ())


def _refuse_to_replace_real_data(manifest: Manifest, delivery: _Delivery) -> None:
    raise UnavailableError(
        f"only a simulated stand-in is available, and does not replace the real data of"
        f" {manifest.name} that are online",
        file=manifest.folder / "release.toml",
        value="\n".join(delivery.unavailable),
        expected="one of these sources to have the file",
        remedy="name the directory of the file with INPUTS=",
    )


def _convert_and_publish(
    report: ImportReport,
    delivery: _Delivery,
    before: Mapping[str, Any],
    layout: Layout,
    state: InstanceState,
    announce: Callable[[str], None],
    progress: ImportProgress,
) -> tuple[ImportReport, dict[str, Stock], str]:
    """Convert the files in a staging directory, and publish the products.

    Return the report with the result, the stock of the products, and the fingerprint of the texts
    that are online now.
    """
    from ingest.events.completion import jobs_to_keep, keep_and_complete, provide_responses
    from ingest.events.further_tables import write_tables
    from ingest.events.release_conversion import convert_release
    from ingest.events.repeats import refuse_repeated_events
    from ingest.events.report import difference_to_online

    manifest = delivery.manifest
    read_texts(manifest)
    kept = None
    if manifest.release.products == "per-file":
        making = fingerprints.of_making(manifest, delivery.responses)
        kept = KeptProducts(manifest, layout, before, making)
    staging, parts = layout.scratch / manifest.name, layout.scratch / f"{manifest.name}-surveys"
    for directory in (staging, parts):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
    try:
        if delivery.converted is None:
            with progress.reading(report.survey, manifest.release.events):
                conversions = convert_release(
                    *(manifest, delivery.files, staging, report.survey),
                    *((kept, parts) if kept else ()),
                )
        else:
            conversions = delivery.converted.place(staging, report.survey, parts if kept else None)
        simulated = delivery.is_simulated
        store = DeliveryStore(layout.deliveries)
        tables = write_tables(manifest, delivery.tables, staging, store)
        products = [one.product for one in conversions]
        made_of = delivery.by_product(staging)
        stock, unchanged = kept.take_stock(made_of) if kept else ({}, set())
        refuse_repeated_events(products, layout.scratch, unchanged)
        same = {name: stock[name].content.rows for name in unchanged}
        difference, former = difference_to_online(manifest, layout, products, simulated, same)
        for line in difference.lines() if difference else ():
            announce(f"{manifest.name}: {line}")
        provide_responses(manifest, delivery.responses, staging, store)
        rows = sum(one.rows for one in conversions)
        with progress.writing_columns(rows) as on_rows:
            keep = jobs_to_keep(manifest, delivery.files, kept, store, staging)
            keep_and_complete(manifest, conversions, keep, on_rows)
        contents = {name: one.content for name, one in stock.items()}
        periods = write_periods(manifest, contents, staging)
        release = deployment(manifest, layout, state, sorted(staging.iterdir()), simulated)
        others = predecessor_deployment(manifest, layout, state)
        with (
            withheld(layout.record(manifest.name)),
            progress.loading(layout, state, rows),
        ):
            publish(
                *(publication_of(manifest), layout, state, [release, *others], rows, tables),
                periods=periods,
            )
            if kept:
                replace_surveys(layout, manifest.name, parts)
    finally:
        for directory in (staging, parts):
            shutil.rmtree(directory, ignore_errors=True)
    report = replace(
        report,
        conversions=conversions,
        imported=rows,
        difference=difference,
        compared_with=former,
    )
    return report, stock, fingerprints.of_texts(release)
