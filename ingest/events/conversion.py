"""Conversion of delivered files to a product: read, check, locate on the sky, write.

A product is a GADF event list with a provenance document beside it. Nothing is published here. The
:class:`Recipe` comes from the manifest of a release (:mod:`ingest.events.release_conversion`) or
from the files themselves (:mod:`ingest.events.standalone`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest import __version__
from ingest.core.errors import IngestError, InputError
from ingest.core.prefetch import prefetch
from ingest.core.progress import ProgressCallback
from ingest.core.prov_document import write_provenance
from ingest.core.provenance import Production, Source, Step, check_steps
from ingest.events.checks import Checker, CheckReport, Expectations
from ingest.events.fields import MISSING_INTEGER, Chunk
from ingest.events.product import ProductMetadata, write_event_list
from ingest.events.readers import FileFacts, Reader, open_reader
from ingest.events.sky import detector_with_id, locate_chunks
from ingest.events.survey import Survey

WHOLE_SAMPLE: Final = 1
"""OBS_ID of a product with a whole sample, or with an unknown run."""


@dataclass(frozen=True)
class OpenedFile:
    """A delivered file with its reader, the facts in its header, and its provenance."""

    reader: Reader
    facts: FileFacts
    source: Source


@dataclass(frozen=True)
class Recipe:
    """How delivered files are converted to a product.

    Parameters
    ----------
    detector : str
        ``antares``, ``arca`` or ``orca``.
    det_id : int, optional
        The detector's configuration: events that state one must have this one; it is set for
        all others.
    expectations : Expectations
        For the checks.
    metadata : ProductMetadata
        For the headers; the observation number and the provenance are filled in later.
    parameters, command
        For the provenance, as in :class:`ingest.core.provenance.Production`.
    """

    detector: str
    det_id: int | None
    expectations: Expectations
    metadata: ProductMetadata
    parameters: Mapping[str, Any]
    command: str
    galactic: bool = False
    """Whether to add galactic coordinates."""
    job: Mapping[str, Any] = field(default_factory=dict)
    """The job of a workflow, for the provenance."""


@dataclass(frozen=True)
class Conversion:
    """A product that was written, and the result of the checks."""

    product: Path
    provenance: Path
    kid: str
    rows: int
    outside: int
    """Number of events outside the good time intervals."""
    checks: CheckReport
    run: int
    """The run of the files, or :data:`WHOLE_SAMPLE`."""
    obs_id: int

    def moved(self, directory: Path) -> Conversion:
        """Return the same of the product in another directory."""
        places = {one: directory / getattr(self, one).name for one in ("product", "provenance")}
        return replace(self, **places)

    def lines(self) -> list[str]:
        """Return a summary as text."""
        lines = self.checks.lines()
        if self.outside:
            lines.append(f"{self.outside} events outside the good time intervals")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON."""
        return {
            "product": self.product.name,
            "kid": self.kid,
            "rows": self.rows,
            "outside_good_times": self.outside,
            "checks": self.checks.to_dict(),
            "run": self.run,
            "obs_id": self.obs_id,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], directory: Path) -> Conversion:
        """Return what :meth:`to_dict` returned of a product in a directory."""
        product = directory / content["product"]
        return cls(
            product,
            product.with_name(f"{product.name}.prov.json"),
            content["kid"],
            content["rows"],
            content["outside_good_times"],
            CheckReport.from_dict(content["checks"]),
            content["run"],
            content["obs_id"],
        )


def open_file(path: Path, format: str, origin: str = "", topology: str | None = None) -> OpenedFile:
    """Open a delivered file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    format : str
        A name of :data:`ingest.events.readers.READERS`, or ``auto``.
    origin : str
        Its public source, for the provenance.
    topology : str, optional
        ``track`` or ``shower``: which reconstruction to take, if the file has several.
    """
    reader = open_reader(path, format, topology)
    facts = reader.facts()
    return OpenedFile(reader, facts, Source.of(path, facts.provenance, origin))


def refuse_simulated(file: OpenedFile, allowed: bool = False) -> None:
    """Reject a simulated file, unless simulations are allowed.

    Raises
    ------
    ingest.core.errors.InputError
        If the file says that it is simulated.
    """
    if file.facts.simulated and not allowed:
        raise InputError(
            "the file is a simulation",
            file=file.reader.path,
            expected="measured events",
            remedy="deliver measured data; km3vo events convert --simulation converts the file to a"
            " product that is marked as simulated and cannot be published",
        )


def write_product(
    recipe: Recipe,
    product: Path,
    files: Sequence[OpenedFile],
    on_progress: ProgressCallback | None = None,
    dry_run: bool = False,
    obs_id: int | None = None,
    survey: Survey | None = None,
) -> Conversion:
    """Convert files to one product, with a provenance document beside it.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    product : pathlib.Path
        The FITS file.
    files : sequence of OpenedFile
        The files.
    on_progress : ProgressCallback, optional
        Called with the number of events read so far.
    dry_run : bool
        Do everything except writing.
    obs_id : int, optional
        The product's OBS_ID; by default the run of the files.
    survey : Survey, optional
        Collects what a report shows, also if the conversion fails.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or an event fails a check.
    """
    checker = Checker(
        [file.reader for file in files],
        recipe.expectations,
        observe=None if survey is None else survey.include,
        scratch=None if dry_run else product.parent,
    )
    production = Production(
        product=product.name,
        sources=[file.source for file in files],
        version=__version__,
        parameters=recipe.parameters,
        command=recipe.command,
        job=recipe.job,
    )
    checked = prefetch(_of_detector(checker.checked_chunks(), recipe, files))
    if on_progress is not None:
        checked = _with_progress(checked, checker, on_progress)
    located = locate_chunks(checked, recipe.detector, recipe.det_id, recipe.galactic)
    if survey is not None:
        survey.checks.append(checker.report)
        located = survey.located(located)
    run = observation_number(files)
    metadata = replace(
        recipe.metadata,
        obs_id=run if obs_id is None else obs_id,
        kid=production.kid,
        provenance=production.summary,
    )
    try:
        written = write_event_list(product, located, metadata, dry_run=dry_run)
    except InputError:
        if survey is not None and checker.withheld is not None:
            with contextlib.suppress(IngestError):
                for _ in survey.located(locate_chunks([checker.withheld], recipe.detector)):
                    pass
        raise
    steps = [
        *check_steps(checker.report.to_dict()),
        Step(
            "sky location",
            "directions in the detector frame and UTC times were converted to ICRS positions",
            {"detector": recipe.detector, "rows": written.rows},
        ),
    ]
    provenance = product.with_name(f"{product.name}.prov.json")
    if not dry_run:
        write_provenance(product, production, steps)
    return Conversion(
        product,
        provenance,
        production.kid,
        written.rows,
        written.outside,
        checker.report,
        run,
        metadata.obs_id,
    )


def _of_detector(
    chunks: Iterable[Chunk], recipe: Recipe, files: Sequence[OpenedFile]
) -> Iterator[Chunk]:
    """Yield the chunks; reject events of another detector, which would be located wrongly."""
    for chunk in chunks:
        if "det_id" in (chunk.dtype.names or ()):
            for det_id in np.unique(chunk["det_id"]).tolist():
                site = detector_with_id(det_id)
                if det_id == MISSING_INTEGER or (
                    recipe.det_id in (None, det_id)
                    and (site is None or site.name == recipe.detector)
                ):
                    continue
                configuration = "" if recipe.det_id is None else f" with det_id {recipe.det_id}"
                raise InputError(
                    "the files contain events of another detector",
                    file=", ".join(str(file.reader.path) for file in files),
                    value=f"det_id {det_id}" + (f", of {site.name}" if site else ""),
                    expected=f"only events of {recipe.detector}{configuration}",
                    remedy="convert the files of each detector separately, or correct the detector",
                )
        yield chunk


def _with_progress(
    chunks: Iterable[Chunk], checker: Checker, on_progress: ProgressCallback
) -> Iterator[Chunk]:
    for chunk in chunks:
        on_progress(checker.report.read)
        yield chunk


def observation_number(files: Sequence[OpenedFile]) -> int:
    """Return the OBS_ID of files: their run, or :data:`WHOLE_SAMPLE` if there is not just one."""
    runs = {run for file in files for run in file.facts.runs}
    return runs.pop() if len(runs) == 1 else WHOLE_SAMPLE
