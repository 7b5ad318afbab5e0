"""Releases as HATS catalogues: their Parquet files once more, partitioned by position.

LSDB and other programs for large catalogues read only the partitions of the sky that they need,
on many machines at the same time. hats-import, which makes them, is an optional dependency.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ingest.core.descriptors import (
    PublishedColumn,
    expand_descriptor,
    licence,
    published_columns,
)
from ingest.core.errors import ImportFailedError, InputError, UnavailableError
from ingest.events.delivery import Manifest, load_manifest
from ingest.instance import Layout
from ingest.publish.release.places import require_release

LARGE: Final = 10_000_000
"""From how many rows on an import makes a HATS catalogue as well."""
HATS: Final = "hats"
"""The directory of the catalogue, beside the event lists."""
ROWS_PER_PARTITION: Final = 1_000_000

_CELL: Final = PublishedColumn(
    name="_healpix_29",
    type="bigint",
    unit="",
    ucd="pos.healpix",
    description="HEALPix cell of the position, of order 29 in nested numbering.",
    fits="",
)
"""The column by which the rows of a partition are sorted, which hats-import adds as the first."""


def has_hats_import() -> bool:
    """Return whether the packages that make HATS catalogues are installed."""
    return importlib.util.find_spec("hats_import") is not None


def write_hats(name: str, layout: Layout, rows_per_partition: int = ROWS_PER_PARTITION) -> Path:
    """Write a HATS catalogue of a release that is online, in place of an earlier one.

    The server has it at once. The next import of other rows deletes it.

    Parameters
    ----------
    name : str
        The release.
    layout : Layout
        The instance, locked.
    rows_per_partition : int
        Partitions with more rows are divided.

    Returns
    -------
    pathlib.Path
        Its directory.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no such release, or it is not online with Parquet files.
    ingest.core.errors.UnavailableError
        If hats-import is not installed.
    ingest.core.errors.ImportFailedError
        If hats-import fails; an earlier catalogue stays.
    """
    if not has_hats_import():
        raise UnavailableError(
            "hats-import, which makes HATS catalogues, is not installed",
            expected="the packages of the extra hats",
            remedy="in a checkout: ./setup.sh; elsewhere: pip install 'km3net-vo[hats]'",
        )
    require_release(name)
    data = layout.inputs / name / "data"
    files = sorted(data.glob("*.parquet"))
    if not files:
        raise InputError(
            "the release has no Parquet files that are online",
            file=name,
            expected="a release of events that was imported",
            remedy=f"type: km3vo import --release {name}",
        )
    with tempfile.TemporaryDirectory(prefix=f"{HATS}-", dir=layout.scratch) as folder:
        made = _partition(load_manifest(name), files, Path(folder), rows_per_partition)
        for path in (made, *made.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
        place, former = data / HATS, Path(folder) / "former"
        if place.exists():
            place.rename(former)
        made.rename(place)
    return place


def _partition(manifest: Manifest, files: Sequence[Path], folder: Path, rows: int) -> Path:
    """Run hats-import in this process, with a single thread of Dask."""
    # not at the top: optional, and slow to load
    import dask
    import pyarrow.parquet as pq
    from distributed import Client
    from hats_import import ImportArguments, pipeline_with_client

    from ingest.events.product.columns import schema_with

    ra, dec, time = _position_and_time(manifest)
    schema = folder / "schema.parquet"
    pq.write_table(schema_with(files[0], _CELL).empty_table(), schema)
    # the temporary directory of hats-import has the name of the catalogue
    output, work = folder / "output", folder / "work"
    output.mkdir()
    work.mkdir()
    arguments = ImportArguments(
        output_path=output,
        output_artifact_name=manifest.name,
        input_file_list=list(files),
        file_reader="parquet",
        ra_column=ra,
        dec_column=dec,
        sort_columns=time,
        pixel_threshold=rows,
        use_schema_file=schema,
        expected_total_rows=sum(pq.read_metadata(one).num_rows for one in files),
        addl_hats_properties=_properties(manifest),
        tmp_dir=work,
        dask_tmp=work,
        resume=False,
        progress_bar=False,
    )
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with (
        dask.config.set({"temporary-directory": str(work)}),
        Client(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as client,
    ):
        try:
            pipeline_with_client(arguments, client)
        # whatever it is, the release is online
        except Exception as error:
            raise ImportFailedError(
                "hats-import failed; the release itself is online",
                file=manifest.name,
                value=f"{type(error).__name__}: {error}",
                remedy=f"type: km3vo release hats {manifest.name}",
            ) from error
    shutil.rmtree(work)
    return output / manifest.name


def _position_and_time(manifest: Manifest) -> tuple[str, str, str]:
    """Return the names of the columns with right ascension, declination and time."""
    columns = published_columns(expand_descriptor(manifest.release.descriptor))
    by_ucd = {one.ucd: one.name for one in columns}
    return by_ucd["pos.eq.ra;meta.main"], by_ucd["pos.eq.dec;meta.main"], by_ucd["time.epoch"]


def _properties(manifest: Manifest) -> dict[str, str]:
    """Return what the properties of the catalogue say besides what hats-import does."""
    release = manifest.release
    found = {
        "obs_title": release.title,
        "obs_regime": "Neutrino",
        "bib_reference": release.bibcode or release.doi,
        "hats_copyright": licence(),
    }
    return {key: value for key, value in found.items() if value}
