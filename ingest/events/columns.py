"""The Parquet files of a release, beside its event lists."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.core.fitsrows import TableRows
from ingest.core.parallel import in_processes
from ingest.core.progress import ProgressCallback
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.delivery import Manifest, read_texts


def write_release_columns(
    manifest: Manifest, products: Iterable[Path], on_progress: ProgressCallback | None = None
) -> list[Path]:
    """Write each event list of a release as a Parquet file beside it, unless there is one.

    Parameters
    ----------
    manifest : Manifest
        The release.
    products : iterable of pathlib.Path
        Its event lists.
    on_progress : ProgressCallback, optional
        Called with the number of rows written so far.

    Returns
    -------
    list of pathlib.Path
        The Parquet files, in the order of the lists.

    Raises
    ------
    ingest.core.errors.ImportFailedError
        If the lists do not fit the table that the descriptor declares.
    """
    # not at the top: pyarrow is needed only by an import that has something to do
    from ingest.events.product.columns import SUFFIX, write_columns

    resource = expand_descriptor(manifest.release.descriptor, about=about(manifest)[ABOUT])
    text = read_texts(manifest).description
    products = list(products)
    new = [one for one in products if not one.with_suffix(SUFFIX).exists()]
    written = 0

    def add(rows: int) -> None:
        nonlocal written
        written += rows
        if on_progress is not None:
            on_progress(written)

    write = partial(
        write_columns,
        columns=published_columns(resource),
        table=manifest.release.table,
        text=text,
        # of several, those written by other processes are added below
        on_rows=add if len(new) == 1 else None,
    )
    for product, _ in zip(new, in_processes(write, new), strict=True):
        if len(new) > 1:
            add(len(TableRows(product)))
    return [one.with_suffix(SUFFIX) for one in products]
