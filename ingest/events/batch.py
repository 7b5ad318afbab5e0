"""``km3vo events convert``: any files to event lists, with or without a release.

Products appear under their names all together at the end: an interrupted or failed run leaves
nothing but, after a kill, a hidden directory.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from ingest.core.errors import InputError
from ingest.core.files import sha256
from ingest.core.progress import ProgressCallback
from ingest.events.convert import (
    Conversion,
    Delivered,
    Recipe,
    check_rows,
    make_product,
    open_delivered,
    product_name,
    refuse_simulated,
    release_recipe,
)
from ingest.events.delivery import Acquired, Manifest, load_manifest, verify
from ingest.events.readers import AUTO, open_reader
from ingest.events.standalone import standalone_recipe

_FITS: Final = (".fits", ".fit", ".fts")


@dataclass(frozen=True)
class Order:
    """What is wanted; :func:`plan` checks it.

    Parameters
    ----------
    files : tuple of pathlib.Path
        What to convert.
    out : pathlib.Path
        The product, or a directory that exists for one product per file.
    release, detector : str, optional
        Whose rules and metadata to take; which detector the files are of.
    format : str
        A name of :data:`ingest.events.readers.READERS`, or ``auto``; a release has its own.
    reject : tuple of str
        Rules that may leave rows out.
    galactic, simulation, overwrite, dry_run : bool
        Add galactic coordinates; take simulated files; replace products; write nothing.
    """

    files: tuple[Path, ...]
    out: Path
    release: str | None = None
    detector: str | None = None
    format: str = AUTO
    reject: tuple[str, ...] = ()
    galactic: bool = False
    simulation: bool = False
    overwrite: bool = False
    dry_run: bool = False

    @property
    def command(self) -> str:
        """The command as it can be typed again, without the paths of this machine."""
        words = ["km3vo events convert", *(path.name for path in self.files)]
        words += [f"--release {self.release}"] * bool(self.release)
        words += [f"--detector {self.detector}"] * bool(self.detector)
        words += [f"--format {self.format}"] * (self.format != AUTO)
        words += [f"--reject {name}" for name in self.reject]
        words += ["--galactic"] * self.galactic + ["--simulation"] * self.simulation
        return " ".join([*words, f"-o {'.' if self.out.is_dir() else self.out.name}"])


@dataclass(frozen=True)
class Task:
    """One product, and the files it is made of."""

    product: Path
    files: tuple[Path, ...]


def plan(order: Order) -> list[Task]:
    """Return the products an order asks for.

    Raises
    ------
    ingest.core.errors.InputError
        If they cannot be written where they are wanted, or a file is not of the release.
    """
    manifest = load_manifest(order.release) if order.release else None
    for path in order.files:
        if manifest and path.name not in {file.name for file in manifest.files}:
            raise InputError(
                f"the file is none of the release {manifest.name}",
                file=path,
                expected=" or ".join(file.name for file in manifest.files),
                remedy="rename the file, or leave --release out",
            )
    if repeated := [path for path, count in Counter(order.files).items() if count > 1]:
        raise InputError("the file is given twice", file=repeated[0], remedy="give it once")
    per_file = manifest is not None and manifest.release.products == "per-file"
    if not order.out.is_dir():
        if order.out.suffix.lower() not in _FITS or (per_file and len(order.files) > 1):
            raise InputError(
                "there is no such directory" + per_file * ", and each file becomes a product",
                file=order.out,
                expected="a FITS file to write, or a directory that exists",
                remedy=f"mkdir {order.out}, or end the name with .fits",
            )
        tasks = [Task(order.out, order.files)]
    elif manifest and not per_file:
        tasks = [Task(order.out / f"{manifest.name}.fits", order.files)]
    else:
        tasks = [
            Task(
                order.out / (product_name(manifest, path) if manifest else f"{path.stem}.fits"),
                (path,),
            )
            for path in order.files
        ]
    for product, count in Counter(task.product for task in tasks).items():
        _check_product(product, order, count)
    return tasks


def run(
    order: Order, tasks: Sequence[Task], jobs: int, on_progress: ProgressCallback
) -> list[Conversion]:
    """Make the products; `on_progress` counts events, or with several jobs products.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or an event fails a check; then no product is written.
    """
    with _staging(order) as directory:
        staged = [replace(task, product=directory / task.product.name) for task in tasks]
        if jobs == 1 or len(tasks) == 1:
            made = []
            read = 0
            for task in staged:
                made.append(_make(order, task, partial(_count_on, on_progress, read)))
                read += made[-1].checks.read
        else:
            made = _in_parallel(order, staged, jobs, on_progress)
        if order.release:
            _check_release(load_manifest(order.release), order.files, made)
        done = []
        for task, one in zip(tasks, made, strict=True):
            document = task.product.with_name(one.provenance.name)
            if not order.dry_run:
                # the product last: where it is, its document is
                one.provenance.replace(document)
                one.product.replace(task.product)
            done.append(replace(one, product=task.product, provenance=document))
        return done


def events_in(order: Order) -> int | None:
    """Return how many events the files hold, None if one does not say."""
    format = _format(order)
    counts = [open_reader(path, format).facts().n_events for path in order.files]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _make(order: Order, task: Task, on_progress: ProgressCallback | None = None) -> Conversion:
    manifest = load_manifest(order.release) if order.release else None
    delivered = [open_delivered(path, _format(order)) for path in task.files]
    recipe = replace(_recipe(order, manifest, delivered), galactic=order.galactic)
    return make_product(recipe, task.product, delivered, on_progress, order.dry_run)


def _count_on(on_progress: ProgressCallback, before: int, read: int) -> None:
    on_progress(before + read)


def _format(order: Order) -> str:
    if order.release and order.format == AUTO:
        return load_manifest(order.release).release.format
    return order.format


def _recipe(order: Order, manifest: Manifest | None, delivered: Sequence[Delivered]) -> Recipe:
    if manifest is None:
        return standalone_recipe(
            delivered, order.detector, order.reject, order.simulation, order.command
        )
    for one in delivered:
        refuse_simulated(one, order.simulation)
    simulated = any(one.facts.simulated for one in delivered)
    recipe = release_recipe(manifest, simulated, order.reject)
    return replace(recipe, command=order.command)


def _in_parallel(
    order: Order, tasks: Sequence[Task], jobs: int, on_progress: ProgressCallback
) -> list[Conversion]:
    with ProcessPoolExecutor(min(jobs, len(tasks))) as pool:
        futures = [pool.submit(_make, order, task) for task in tasks]
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                future.result()
                on_progress(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [future.result() for future in futures]


def _check_release(manifest: Manifest, files: Sequence[Path], made: Sequence[Conversion]) -> None:
    """Compare files and events with what the manifest says, as an import does."""
    given = {path.name: path for path in files}
    for file in manifest.files:
        if path := given.get(file.name):
            verify(file, Acquired(path, str(path), sha256(path), simulated=False))
    if len(given) == len(manifest.files):
        check_rows(manifest, made)


def _check_product(product: Path, order: Order, count: int) -> None:
    if count > 1:
        raise InputError(
            "several files would become this product",
            file=product,
            remedy="convert them one by one, each with a name of its own",
        )
    if any(product.exists() and product.samefile(path) for path in order.files if path.exists()):
        raise InputError("the product would replace its input", file=product, remedy="rename it")
    if product.exists() and not order.overwrite and not order.dry_run:
        raise InputError(
            "the product exists already", file=product, remedy="give --overwrite to replace it"
        )
    if not product.parent.is_dir():
        raise InputError(
            "there is no such directory",
            file=product.parent,
            remedy=f"mkdir -p {product.parent}",
        )


@contextmanager
def _staging(order: Order) -> Iterator[Path]:
    """Make a directory beside the products, from where a rename takes no time."""
    if order.dry_run:
        yield Path(os.devnull).parent
        return
    parent = order.out if order.out.is_dir() else order.out.parent
    try:
        staging = tempfile.TemporaryDirectory(prefix=".km3vo-", dir=parent)
    except OSError as error:
        raise InputError(
            f"the directory cannot be written ({error.strerror})",
            file=parent,
            remedy="choose another, or make room for yourself there",
        ) from None
    with staging as name:
        yield Path(name)
