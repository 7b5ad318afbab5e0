"""From delivered files to archive products: the order of the steps.

read → check → locate on the sky → write: the files become GADF event lists, each with a
provenance document. Nothing is published here. What a :class:`Recipe` says comes from a
release's manifest here, and from the files themselves in :mod:`ingest.events.standalone`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest import __version__
from ingest.core.descriptors import read_descriptor
from ingest.core.errors import InputError, ManifestError
from ingest.core.prefetch import prefetch
from ingest.core.progress import ProgressCallback
from ingest.core.prov_document import write_provenance
from ingest.core.provenance import Production, Source, Step, check_steps
from ingest.core.timescales import DAY
from ingest.events.checks import Checker, CheckReport, Expectations
from ingest.events.delivery import Acquired, Manifest, verify
from ingest.events.fields import MISSING_INTEGER, Chunk
from ingest.events.product import gadf, observation_cards, write_index
from ingest.events.readers import AUTO, READERS, FileFacts, Reader, open_reader
from ingest.events.sky import detector, detector_with_id, locate_chunks

WHOLE_SAMPLE: Final = 1
"""OBS_ID of a product that holds a whole release, or whose run is not known."""


@dataclass(frozen=True)
class Delivered:
    """A delivered file, opened: its reader, what its header says, and its provenance."""

    reader: Reader
    facts: FileFacts
    source: Source


@dataclass(frozen=True)
class Recipe:
    """How delivered files become a product.

    Parameters
    ----------
    detector : str
        ``antares``, ``arca`` or ``orca``.
    det_id : int, optional
        The detector's configuration; all events must have it, and those that say none get it.
    expectations : Expectations
        For the checks.
    metadata : gadf.Metadata
        For the headers; the number of the observation and the provenance are completed.
    parameters, command
        For the provenance, as in :class:`ingest.core.provenance.Production`.
    """

    detector: str
    det_id: int | None
    expectations: Expectations
    metadata: gadf.Metadata
    parameters: Mapping[str, Any]
    command: str
    galactic: bool = False
    """Whether to add galactic coordinates."""


@dataclass(frozen=True)
class Conversion:
    """A product that was made, and how the checks went.

    ``outside`` counts the events outside the good time intervals.
    """

    product: Path
    provenance: Path
    kid: str
    rows: int
    outside: int
    checks: CheckReport

    def lines(self) -> list[str]:
        """Return the facts for reading."""
        lines = self.checks.lines()
        if self.outside:
            lines.append(f"{self.outside} events outside the good time intervals")
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for a report in JSON."""
        return {
            "product": self.product.name,
            "kid": self.kid,
            "rows": self.rows,
            "outside_good_times": self.outside,
            "checks": self.checks.to_dict(),
        }


def open_delivered(path: Path, format: str, origin: str = "") -> Delivered:
    """Open a delivered file; `origin` is where others can get it."""
    reader = open_reader(path, format)
    facts = reader.facts()
    return Delivered(reader, facts, Source.of(path, facts.provenance, origin))


def convert_release(
    manifest: Manifest, acquired: Sequence[Acquired], directory: Path
) -> list[Conversion]:
    """Make the archive products of a release.

    Parameters
    ----------
    manifest : Manifest
        The release.
    acquired : sequence of Acquired
        Its files, in the manifest's order.
    directory : pathlib.Path
        An empty directory for the products with their provenance documents and pictures. If
        each file becomes a product, gammapy's index of them is written there as well.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or a simulation, an event fails a check, a checksum or the number
        of events is not what the manifest says. What is in `directory` then is to be thrown away.
    """
    release = manifest.release
    if release.format not in (AUTO, *READERS):
        raise ManifestError(
            "there is no such format",
            file=manifest.folder / "release.toml",
            where="release.format",
            value=release.format,
            expected="one of " + ", ".join((AUTO, *sorted(READERS))),
            remedy="correct the format",
        )
    recipe = release_recipe(manifest, simulated=any(file.simulated for file in acquired))
    delivered = [
        open_delivered(file.path, release.format, _public_origin(file)) for file in acquired
    ]
    for one in delivered:
        refuse_simulated(one)
    if release.products == "one":
        done = [make_product(recipe, directory / f"{manifest.name}.fits", delivered)]
    else:
        done = [
            make_product(
                recipe, directory / product_name(manifest, one.reader.path), [one], obs_id=number
            )
            for one, number in zip(delivered, _obs_ids(delivered), strict=True)
        ]
    # Last, so that the damage of a file is reported and not only its checksum.
    for file, found in zip(manifest.files, acquired, strict=True):
        verify(file, found)
    check_rows(manifest, done)
    # Loading what draws takes long, and bad input does not come this far.
    from ingest.events.product.preview import write_preview

    for made in done:
        write_preview(made.product)
    if release.products == "per-file":
        write_index(directory, [made.product for made in done])
    return done


def refuse_simulated(delivered: Delivered, wanted: bool = False) -> None:
    """Refuse a simulated file, unless it is wanted.

    Raises
    ------
    ingest.core.errors.InputError
        If the file says that it is simulated.
    """
    if delivered.facts.simulated and not wanted:
        raise InputError(
            "the file is a simulation",
            file=delivered.reader.path,
            expected="measured events",
            remedy="deliver measured data; km3vo events convert --simulation converts it all the"
            " same, to a product that is marked and cannot be published",
        )


def release_recipe(
    manifest: Manifest, simulated: bool = False, reject: Iterable[str] = ()
) -> Recipe:
    """Return how the files of a release become products.

    Parameters
    ----------
    manifest : Manifest
        The release.
    simulated : bool
        Whether the files are a simulated stand-in.
    reject : iterable of str
        Rules that may leave rows out besides the manifest's.
    """
    release = manifest.release
    site = detector(release.detector)
    descriptor = read_descriptor(release.descriptor)
    # Without a livetime nothing is known of when data were taken but the events themselves.
    days = release.livetime_days
    more = frozenset(reject) - manifest.checks.reject
    parameters = manifest.model_dump(mode="json", exclude={"files"})
    if more:
        parameters["rejected_besides"] = sorted(more)
    return Recipe(
        detector=release.detector,
        det_id=release.det_id,
        expectations=Expectations(
            # of several products only the sum is known
            rows=release.events if release.products == "one" else None,
            start_mjd=release.start_mjd,
            stop_mjd=release.stop_mjd,
            reject=manifest.checks.reject | more,
        ),
        metadata=gadf.Metadata(
            release=manifest.name,
            obs_id=WHOLE_SAMPLE,
            telescope=site.telescope,
            instrument=release.instrument,
            longitude=site.longitude,
            latitude=site.latitude,
            height=site.height,
            creator=f"km3net-vo {__version__}",
            kid="",
            title=descriptor.title,
            reference=f"doi:{descriptor.doi}" if descriptor.doi else "",
            licence=descriptor.licence,
            gtis=[] if days is None else [(release.start_mjd, release.stop_mjd)],
            livetime=None if days is None else days * DAY,
            simulated=simulated,
            more=tuple(observation_cards(manifest.observation, site.facility)),
        ),
        parameters=parameters,
        command=f"km3vo import --release {manifest.name}",
    )


def product_name(manifest: Manifest, path: Path) -> str:
    """Return the name of the product that one file of a release becomes."""
    return f"{manifest.name}_{path.stem}.fits"


def check_rows(manifest: Manifest, done: Sequence[Conversion]) -> None:
    """Compare the number of events in all products of a release with the one announced.

    Raises
    ------
    ingest.core.errors.InputError
        If they differ.
    """
    rows = sum(one.rows for one in done)
    if rows != manifest.release.events:
        raise InputError(
            "the files of the release together do not hold the number of events announced",
            file=manifest.folder / "release.toml",
            where="release.events",
            value=f"{rows} events in {len(done)} files",
            expected=str(manifest.release.events),
            remedy="fetch the files again if one is incomplete, else correct the number",
        )


def make_product(
    recipe: Recipe,
    product: Path,
    delivered: Sequence[Delivered],
    on_progress: ProgressCallback | None = None,
    dry_run: bool = False,
    obs_id: int | None = None,
) -> Conversion:
    """Make one product of some files, and the provenance document beside it.

    Parameters
    ----------
    recipe : Recipe
        How.
    product : pathlib.Path
        The FITS file.
    delivered : sequence of Delivered
        The files.
    on_progress : ProgressCallback, optional
        Called with the number of events read so far.
    dry_run : bool
        Do everything but writing.
    obs_id : int, optional
        The product's OBS_ID; where None, the files' run.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or an event fails a check.
    """
    checker = Checker([one.reader for one in delivered], recipe.expectations)
    production = Production(
        product=product.name,
        sources=[one.source for one in delivered],
        version=__version__,
        parameters=recipe.parameters,
        command=recipe.command,
    )
    checked = prefetch(_of_detector(checker.checked_chunks(), recipe, delivered))
    if on_progress is not None:
        checked = _with_progress(checked, checker, on_progress)
    written = gadf.write_event_list(
        product,
        locate_chunks(checked, recipe.detector, recipe.det_id, recipe.galactic),
        replace(
            recipe.metadata,
            obs_id=_obs_id(delivered) if obs_id is None else obs_id,
            kid=production.kid,
            provenance=production.summary,
        ),
        dry_run=dry_run,
    )
    steps = [
        *check_steps(checker.report.to_dict()),
        Step(
            "sky location",
            "directions in the detector's axes and UTC times became ICRS positions",
            {"detector": recipe.detector, "rows": written.rows},
        ),
    ]
    provenance = product.with_name(f"{product.name}.prov.json")
    if not dry_run:
        write_provenance(product, production, steps)
    return Conversion(
        product, provenance, production.kid, written.rows, written.outside, checker.report
    )


def _of_detector(
    chunks: Iterable[Chunk], recipe: Recipe, delivered: Sequence[Delivered]
) -> Iterator[Chunk]:
    """Yield the chunks; refuse events of another detector, which would be placed wrongly."""
    for chunk in chunks:
        if "det_id" in (chunk.dtype.names or ()):
            for det_id in np.unique(chunk["det_id"]).tolist():
                site = detector_with_id(det_id)
                if det_id == MISSING_INTEGER or (
                    recipe.det_id in (None, det_id)
                    and (site is None or site.name == recipe.detector)
                ):
                    continue
                wanted = "" if recipe.det_id is None else f" with det_id {recipe.det_id}"
                raise InputError(
                    "there are events of another detector",
                    file=", ".join(str(one.reader.path) for one in delivered),
                    value=f"det_id {det_id}" + (f", of {site.name}" if site else ""),
                    expected=f"only events of {recipe.detector}{wanted}",
                    remedy="give each detector its own product, or correct the detector",
                )
        yield chunk


def _with_progress(
    chunks: Iterable[Chunk], checker: Checker, on_progress: ProgressCallback
) -> Iterator[Chunk]:
    for chunk in chunks:
        on_progress(checker.report.read)
        yield chunk


def _obs_ids(delivered: Sequence[Delivered]) -> list[int]:
    """Return an OBS_ID for each file: its run, or where these do not serve, its place."""
    runs = [_obs_id([one]) for one in delivered]
    return runs if len(set(runs)) == len(runs) else list(range(1, len(runs) + 1))


def _obs_id(delivered: Sequence[Delivered]) -> int:
    """Return the run, if the files are of one run and say so."""
    runs = {run for one in delivered for run in one.facts.runs}
    return runs.pop() if len(runs) == 1 else WHOLE_SAMPLE


def _public_origin(file: Acquired) -> str:
    """Return a source that means something to others; a path on this machine does not."""
    return file.source if "://" in file.source or file.simulated else ""
