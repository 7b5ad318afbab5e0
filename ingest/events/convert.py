"""From a release's delivered files to its archive products: the order of the steps.

read → check → locate on the sky → write: the files become GADF event lists, each with a
provenance document and a picture. Nothing is published here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import __version__
from ingest.errors import InputError
from ingest.events import gadf
from ingest.events.ahead import ahead
from ingest.events.checks import Checker, CheckReport, Expectations
from ingest.events.detectors import detector
from ingest.events.gadf_index import write_index
from ingest.events.locate import locate_chunks
from ingest.events.manifest import Manifest
from ingest.events.observation import observation_cards
from ingest.events.preview import write_preview
from ingest.events.readers import Reader, open_reader
from ingest.events.sources import Acquired, verify
from ingest.provenance import Making, Source, Step, check_steps, write_provenance
from ingest.publish.descriptor import read_descriptor

_SECONDS_PER_DAY = 86_400.0
_WHOLE_SAMPLE = 1
"""OBS_ID of a product that holds a whole release, or whose run is not known."""


@dataclass(frozen=True)
class Conversion:
    """A product that was made, and how the checks went."""

    product: Path
    provenance: Path
    preview: Path
    kid: str
    rows: int
    checks: CheckReport

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for a report in JSON."""
        return {"product": self.product.name, "kid": self.kid, "checks": self.checks.to_dict()}


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
        An empty directory for the products and what belongs to them. If each file becomes a
        product, gammapy's index of them is written there as well.

    Raises
    ------
    ingest.errors.InputError
        If a file is damaged, an event fails a check, a checksum or the number of events is
        not what the manifest says. What is in `directory` then is to be thrown away.
    """
    release = manifest.release
    readers = [open_reader(file.path, release.format) for file in acquired]
    simulated = any(file.simulated for file in acquired)
    sources = [
        Source.of(file.path, reader.facts().provenance, _public_origin(file))
        for file, reader in zip(acquired, readers, strict=True)
    ]
    if release.products == "one":
        groups = [(f"{manifest.name}.fits", _one_run(readers), readers, sources)]
        expected = release.events
    else:
        groups = [
            (f"{manifest.name}_{Path(source.name).stem}.fits", number, [reader], [source])
            for reader, source, number in zip(readers, sources, _numbers(readers), strict=True)
        ]
        expected = None
    done = [
        _make(manifest, directory / name, number, some, used, simulated, expected)
        for name, number, some, used in groups
    ]
    # Last, so that of a damaged file the damage is told and not only its checksum.
    for file, found in zip(manifest.files, acquired, strict=True):
        verify(file, found)
    rows = sum(one.rows for one in done)
    if rows != release.events:
        raise InputError(
            "the files of the release together do not hold the number of events announced",
            file=manifest.folder / "release.toml",
            where="release.events",
            value=f"{rows} events in {len(done)} files",
            expected=str(release.events),
            remedy="fetch the files again if one is incomplete, else correct the number",
        )
    if release.products == "per-file":
        write_index(directory, [one.product for one in done])
    return done


def _make(
    manifest: Manifest,
    product: Path,
    obs_id: int,
    readers: Sequence[Reader],
    sources: Sequence[Source],
    simulated: bool,
    expected: int | None,
) -> Conversion:
    """Make one product of some of the files."""
    release = manifest.release
    checker = Checker(
        readers,
        Expectations(
            rows=expected,
            start_mjd=release.start_mjd,
            stop_mjd=release.stop_mjd,
            reject=manifest.checks.reject,
        ),
    )
    making = Making(
        product=product.name,
        sources=sources,
        version=__version__,
        parameters=manifest.model_dump(mode="json", exclude={"files"}),
        command=f"km3vo import --release {manifest.name}",
    )
    # one processor reads and checks, the other locates and writes
    checked = ahead(checker.checked_chunks())
    chunks = locate_chunks(checked, release.detector, release.det_id)
    metadata = _metadata(manifest, making, obs_id, simulated)
    written = gadf.write_event_list(product, chunks, metadata)
    steps = [
        *check_steps(checker.report.to_dict()),
        Step(
            "sky location",
            "directions in the detector's axes and UTC times became ICRS positions",
            {"detector": release.detector, "rows": written.rows},
        ),
    ]
    provenance = write_provenance(product, making, steps)
    preview = write_preview(product)
    return Conversion(product, provenance, preview, making.kid, written.rows, checker.report)


def _metadata(manifest: Manifest, making: Making, obs_id: int, simulated: bool) -> gadf.Metadata:
    release = manifest.release
    site = detector(release.detector)
    descriptor = read_descriptor(release.descriptor)
    # Without a livetime nothing is known of when data were taken but the events themselves.
    days = release.livetime_days
    return gadf.Metadata(
        release=manifest.name,
        obs_id=obs_id,
        telescope=site.telescope,
        instrument=release.instrument,
        longitude=site.longitude,
        latitude=site.latitude,
        height=site.height,
        creator=f"km3net-vo {__version__}",
        kid=making.kid,
        provenance=making.summary,
        title=descriptor.title,
        reference=f"doi:{descriptor.doi}" if descriptor.doi else "",
        licence=descriptor.licence,
        gtis=[] if days is None else [(release.start_mjd, release.stop_mjd)],
        livetime=None if days is None else days * _SECONDS_PER_DAY,
        simulated=simulated,
        more=tuple(observation_cards(manifest.observation, site.facility)),
    )


def _one_run(readers: Sequence[Reader]) -> int:
    """Return the run, if the files are of one run and say so."""
    runs = {run for reader in readers for run in reader.facts().runs}
    return runs.pop() if len(runs) == 1 else _WHOLE_SAMPLE


def _numbers(readers: Sequence[Reader]) -> list[int]:
    """Return an OBS_ID for each file: its run, or where these do not serve, its place."""
    runs = [_one_run([reader]) for reader in readers]
    return runs if len(set(runs)) == len(runs) else list(range(1, len(runs) + 1))


def _public_origin(file: Acquired) -> str:
    """Return a source that means something to others; a path on this machine does not."""
    return file.source if "://" in file.source or file.simulated else ""
