"""The Parquet files of a release, beside its event lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.delivery import Manifest, read_texts


def write_release_columns(manifest: Manifest, products: Iterable[Path]) -> list[Path]:
    """Write each event list of a release as a Parquet file beside it, unless there is one.

    Parameters
    ----------
    manifest : Manifest
        The release.
    products : iterable of pathlib.Path
        Its event lists.

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
    columns = published_columns(resource)
    text = read_texts(manifest).description
    written = []
    for product in products:
        path = product.with_suffix(SUFFIX)
        if not path.exists():
            write_columns(product, columns, manifest.release.table, text)
        written.append(path)
    return written
