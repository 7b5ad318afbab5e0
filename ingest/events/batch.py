"""Conversion of files to event lists, with or without a release: ``km3vo events convert``.

All products appear together at the end: an interrupted or failed run leaves nothing behind, or,
if it was killed, only a hidden directory.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.core.parallel import in_processes
from ingest.core.progress import ProgressCallback
from ingest.events.conversion import (
    Conversion,
    OpenedFile,
    Recipe,
    open_file,
    refuse_simulated,
    write_product,
)
from ingest.events.delivery import AcquiredFile, Manifest, load_manifest, verify
from ingest.events.readers import AUTO, open_reader
from ingest.events.release_conversion import check_event_count, product_name, release_recipe
from ingest.events.standalone import standalone_recipe

_FITS: Final = (".fits", ".fit", ".fts")


@dataclass(frozen=True)
class ConversionRequest:
    """What to convert, and how; checked by :func:`plan`.

    Parameters
    ----------
    files : tuple of pathlib.Path
        The files.
    out : pathlib.Path
        The product, or an existing directory for one product per file.
    release, detector : str, optional
        The release that gives rules and metadata, or the detector of the files.
    format : str
        A name of :data:`ingest.events.readers.READERS`, or ``auto``; by default that
        of the release.
    topology : str, optional
        ``track`` or ``shower``, for files with several reconstructions; by default that of the
        release, or the first of the format.
    reject : tuple of str
        Rules that may reject rows.
    galactic, simulation, overwrite, dry_run : bool
        Add galactic coordinates; allow simulated files; replace products; write nothing.
    """

    files: tuple[Path, ...]
    out: Path
    release: str | None = None
    detector: str | None = None
    format: str = AUTO
    topology: str | None = None
    reject: tuple[str, ...] = ()
    galactic: bool = False
    simulation: bool = False
    overwrite: bool = False
    dry_run: bool = False

    @property
    def command(self) -> str:
        """The command to repeat the conversion, without the paths of this machine."""
        words = ["km3vo events convert", *(path.name for path in self.files)]
        words += [f"--release {self.release}"] * bool(self.release)
        words += [f"--detector {self.detector}"] * bool(self.detector)
        words += [f"--format {self.format}"] * (self.format != AUTO)
        words += [f"--topology {self.topology}"] * bool(self.topology)
        words += [f"--reject {name}" for name in self.reject]
        words += ["--galactic"] * self.galactic + ["--simulation"] * self.simulation
        return " ".join([*words, f"-o {'.' if self.out.is_dir() else self.out.name}"])


@dataclass(frozen=True)
class PlannedProduct:
    """A product to be written, and its files."""

    path: Path
    files: tuple[Path, ...]


def plan(request: ConversionRequest) -> list[PlannedProduct]:
    """Return the products of a request.

    Raises
    ------
    ingest.core.errors.InputError
        If the products cannot be written there, or a file does not belong to the release.
    """
    manifest = load_manifest(request.release) if request.release else None
    for path in request.files:
        if manifest and path.name not in {file.name for file in manifest.files}:
            raise InputError(
                f"the file does not belong to the release {manifest.name}",
                file=path,
                expected=" or ".join(file.name for file in manifest.files),
                remedy="rename the file, or omit --release",
            )
    if repeated := [path for path, count in Counter(request.files).items() if count > 1]:
        raise InputError("the file is given twice", file=repeated[0], remedy="give it once")
    per_file = manifest is not None and manifest.release.products == "per-file"
    if not request.out.is_dir():
        if request.out.suffix.lower() not in _FITS or (per_file and len(request.files) > 1):
            raise InputError(
                "the directory does not exist" + per_file * ", and each file becomes a product",
                file=request.out,
                expected="a FITS file to write, or an existing directory",
                remedy=f"mkdir {request.out}, or end the name with .fits",
            )
        products = [PlannedProduct(request.out, request.files)]
    elif manifest and not per_file:
        products = [PlannedProduct(request.out / f"{manifest.name}.fits", request.files)]
    else:
        products = [
            PlannedProduct(
                request.out / (product_name(manifest, path) if manifest else f"{path.stem}.fits"),
                (path,),
            )
            for path in request.files
        ]
    for product, count in Counter(one.path for one in products).items():
        _check_product(product, request, count)
    return products


def run(
    request: ConversionRequest,
    planned: Sequence[PlannedProduct],
    jobs: int,
    on_progress: ProgressCallback,
) -> list[Conversion]:
    """Write the products.

    Parameters
    ----------
    request : ConversionRequest
        The request.
    planned : sequence of PlannedProduct
        Its products, from :func:`plan`.
    jobs : int
        Number of processes.
    on_progress : ProgressCallback
        Called with the number of events done, or, with several processes, of products.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or an event fails a check; no product is written then.
    """
    with _staging(request) as directory:
        staged = [replace(one, path=directory / one.path.name) for one in planned]
        if jobs == 1 or len(planned) == 1:
            conversions = []
            read = 0
            for one in staged:
                conversions.append(_convert(request, one, partial(_count_on, on_progress, read)))
                read += conversions[-1].checks.read
        else:
            conversions = []
            for done in in_processes(partial(_convert, request), staged, jobs):
                conversions.append(done)
                on_progress(len(conversions))
        if request.release:
            _check_release(load_manifest(request.release), request.files, conversions)
        return [
            _move(request, conversion, one.path)
            for conversion, one in zip(conversions, planned, strict=True)
        ]


def events_in(request: ConversionRequest) -> int | None:
    """Return the number of events in the files; None if a file does not state it."""
    format = _format(request)
    counts = [open_reader(path, format).facts().n_events for path in request.files]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _convert(
    request: ConversionRequest,
    planned: PlannedProduct,
    on_progress: ProgressCallback | None = None,
) -> Conversion:
    manifest = load_manifest(request.release) if request.release else None
    topology = manifest.observation.event_type if manifest else request.topology
    files = [open_file(path, _format(request), topology=topology) for path in planned.files]
    recipe = replace(_recipe(request, manifest, files), galactic=request.galactic)
    return write_product(recipe, planned.path, files, on_progress, request.dry_run)


def _move(request: ConversionRequest, staged: Conversion, product: Path) -> Conversion:
    """Move a staged product to its place."""
    provenance = product.with_name(staged.provenance.name)
    if not request.dry_run:
        # the product last: if it exists, so does its provenance
        staged.provenance.replace(provenance)
        staged.product.replace(product)
    return replace(staged, product=product, provenance=provenance)


def _count_on(on_progress: ProgressCallback, before: int, read: int) -> None:
    on_progress(before + read)


def _format(request: ConversionRequest) -> str:
    if request.release and request.format == AUTO:
        return load_manifest(request.release).release.format
    return request.format


def _recipe(
    request: ConversionRequest, manifest: Manifest | None, files: Sequence[OpenedFile]
) -> Recipe:
    if manifest is None:
        return standalone_recipe(
            files, request.detector, request.reject, request.simulation, request.command
        )
    for file in files:
        refuse_simulated(file, request.simulation)
    simulated = any(file.facts.simulated for file in files)
    recipe = release_recipe(manifest, simulated, request.reject)
    return replace(recipe, command=request.command)


def _check_release(
    manifest: Manifest, files: Sequence[Path], conversions: Sequence[Conversion]
) -> None:
    """Compare checksums and number of events with the manifest, as an import does."""
    given = {path.name: path for path in files}
    for file in manifest.files:
        if path := given.get(file.name):
            verify(file, AcquiredFile(path, str(path), sha256(path), simulated=False))
    if len(given) == len(manifest.files):
        check_event_count(manifest, sum(one.rows for one in conversions), len(conversions))


def _check_product(product: Path, request: ConversionRequest, count: int) -> None:
    if count > 1:
        raise InputError(
            "several files would be written to this product",
            file=product,
            remedy="convert them one by one, with different names",
        )
    if any(product.exists() and product.samefile(path) for path in request.files if path.exists()):
        raise InputError(
            "the product would replace its input", file=product, remedy="give another output name"
        )
    if product.exists() and not request.overwrite and not request.dry_run:
        raise InputError(
            "the product exists already", file=product, remedy="give --overwrite to replace it"
        )
    if not product.parent.is_dir():
        raise InputError(
            "the directory does not exist",
            file=product.parent,
            remedy=f"mkdir -p {product.parent}",
        )


@contextmanager
def _staging(request: ConversionRequest) -> Iterator[Path]:
    """Make a temporary directory on the file system of the products, for an atomic rename."""
    if request.dry_run:
        yield Path(os.devnull).parent
        return
    parent = request.out if request.out.is_dir() else request.out.parent
    try:
        staging = tempfile.TemporaryDirectory(prefix=".km3vo-", dir=parent)
    except OSError as error:
        raise InputError(
            f"the directory cannot be written ({error.strerror})",
            file=parent,
            remedy="choose another directory, or ask for permission to write there",
        ) from None
    with staging as name:
        yield Path(name)
