"""The Parquet files of a release, beside its event lists."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ingest.core.descriptors import expand_descriptor, published_columns
from ingest.events.about import about
from ingest.events.about_elements import ABOUT
from ingest.events.delivery import Manifest, read_texts


def columns_writer(manifest: Manifest) -> Callable[..., Path]:
    """Return what writes the event lists of a release as Parquet files.

    See :func:`ingest.events.product.columns.write_columns`.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the texts of the release are missing.
    """
    # not at the top: pyarrow is needed only by an import that has something to do
    from ingest.events.product.columns import write_columns

    resource = expand_descriptor(manifest.release.descriptor, about=about(manifest)[ABOUT])
    return partial(
        write_columns,
        columns=published_columns(resource),
        table=manifest.release.table,
        text=read_texts(manifest).description,
    )
