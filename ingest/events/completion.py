"""What becomes of the files of an import before they go online, apart from the products.

Delivered files are kept, and the bundle and the Parquet file of each product are written. Copies
wait for the disk and Parquet files for a core, so both are made at the same time.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.core.parallel import cores, in_processes
from ingest.core.progress import ProgressCallback
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.conversion import Conversion
from ingest.events.delivery import (
    AcquiredFile,
    DeliveredFile,
    DeliveryStore,
    Manifest,
    read_texts,
)
from ingest.events.kept import KeptProducts
from ingest.events.product import RESPONSES, Instrument, write_bundle, write_responses
from ingest.events.product.columns import SUFFIX, write_columns
from ingest.events.sky import detector

Job = Callable[[], int]
"""Work of an import; it returns the number of rows that were written as Parquet."""


def keep_and_complete(
    manifest: Manifest,
    conversions: Sequence[Conversion],
    keep: Sequence[Job],
    on_rows: ProgressCallback,
) -> None:
    """Keep the delivered files, and write the bundle and the Parquet file of each product.

    Parameters
    ----------
    manifest : Manifest
        The release.
    conversions : sequence of Conversion
        What its products are, in the staging directory. Files beside them stay as they are.
    keep : sequence of callable
        The result of :func:`jobs_to_keep`.
    on_rows : ProgressCallback
        Called with each number of rows that were written as Parquet.

    Raises
    ------
    ingest.core.errors.InputError
        If a delivered file has changed since it was read.
    ingest.core.errors.ImportFailedError
        If the lists do not fit the table that the descriptor declares.
    """
    resource = expand_descriptor(manifest.release.descriptor, about=about(manifest)[ABOUT])
    write = partial(
        write_columns,
        columns=published_columns(resource),
        table=manifest.release.table,
        text=read_texts(manifest).description,
    )

    def complete(made: Conversion, on_rows: ProgressCallback | None = None) -> int:
        product = made.product
        if not product.with_suffix(".tar").exists():
            write_bundle(product)
        if not product.with_suffix(SUFFIX).exists():
            write(product, on_rows=on_rows)
        return made.rows

    if len(conversions) == 1:
        _run(keep)
        complete(conversions[0], on_rows)
        return
    jobs = [partial(complete, one) for one in conversions]
    # in turns, so that at any time some wait for the disk and others compute
    _run([one for pair in zip_longest(jobs, keep) for one in pair if one is not None], on_rows)


def jobs_to_keep(
    manifest: Manifest,
    files: Sequence[AcquiredFile],
    before: KeptProducts | None,
    store: DeliveryStore,
    staging: Path,
) -> list[Job]:
    """Return jobs that keep delivered files, and put those to be published into a directory.

    Parameters
    ----------
    manifest : Manifest
        The release.
    files : sequence of AcquiredFile
        Its files, in the order of the manifest.
    before : KeptProducts, optional
        What is online; copies of the same files are linked.
    store : DeliveryStore
        Where to keep them.
    staging : pathlib.Path
        The directory of what is to be published.
    """
    # those of the same content together, of which the store has one
    same: dict[str, list[tuple[DeliveredFile, AcquiredFile]]] = {}
    for file, found in zip(manifest.files, files, strict=True):
        if not (found.simulated or found.remote):
            same.setdefault(found.sha256, []).append((file, found))

    def keep(files: Sequence[tuple[DeliveredFile, AcquiredFile]]) -> int:
        for file, found in files:
            kept = store.keep(found.path, found.sha256)
            # DaCHS would read a FITS file as a product
            if not file.public or file.name.endswith(".fits"):
                continue
            if before is None or not before.link_delivered(found, staging):
                shutil.copyfile(kept, staging / file.name)
        return 0

    return [partial(keep, files) for files in same.values()]


def provide_responses(
    manifest: Manifest, responses: Sequence[AcquiredFile], staging: Path, store: DeliveryStore
) -> None:
    """Keep the instrument responses of a release, and write them into the staging directory."""
    if not responses:
        return
    site, release = detector(manifest.release.detector), manifest.release
    of = Instrument(manifest.name, site.telescope, release.instrument)
    write_responses(manifest.responses, responses, of, staging / RESPONSES, manifest.path, store)


def _run(jobs: Sequence[Job], on_rows: ProgressCallback | None = None) -> None:
    """Run jobs in processes, one more than there are cores because they also wait for the disk."""
    for rows in in_processes(lambda number: jobs[number](), range(len(jobs)), cores() + 1):
        if on_rows is not None and rows:
            on_rows(rows)
