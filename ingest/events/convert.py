"""From a release's delivered files to its archive product: the order of the steps.

read → check → write: the files of one release become one GADF event list with a
provenance document. Nothing is published here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest import __version__
from ingest.errors import ManifestError
from ingest.events import gadf
from ingest.events.checks import Checker, CheckReport, Expectations
from ingest.events.detectors import detector
from ingest.events.manifest import Manifest
from ingest.events.readers import READERS
from ingest.events.sources import Acquired, verify
from ingest.provenance import Making, Source, check_steps, write_provenance
from ingest.publish.descriptor import read_descriptor

_SECONDS_PER_DAY = 86_400.0
_WHOLE_SAMPLE = 1
"""OBS_ID of a product that holds a whole release."""


@dataclass(frozen=True)
class Conversion:
    """A product that was made, and how the checks went."""

    product: Path
    provenance: Path
    kid: str
    rows: int
    checks: CheckReport

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for a report in JSON."""
        return {"product": self.product.name, "kid": self.kid, "checks": self.checks.to_dict()}


def convert_release(
    manifest: Manifest, acquired: Sequence[Acquired], directory: Path
) -> Conversion:
    """Make the archive product of a release.

    Parameters
    ----------
    manifest : Manifest
        The release.
    acquired : sequence of Acquired
        Its files, in the manifest's order.
    directory : pathlib.Path
        Where the product and its provenance document go.

    Raises
    ------
    ingest.errors.InputError
        If a file is damaged, an event fails a check, a checksum or the number of events is
        not what the manifest says. Nothing is left in `directory` then.
    """
    release = manifest.release
    try:
        reader_class = READERS[release.format]
    except KeyError:
        raise ManifestError(
            "there is no reader for the format",
            file=manifest.folder / "release.toml",
            where="release.format",
            value=release.format,
            expected="one of " + ", ".join(sorted(READERS)),
            remedy="correct the format",
        ) from None
    readers = [reader_class(file.path) for file in acquired]
    checker = Checker(
        readers,
        Expectations(
            rows=release.events,
            start_mjd=release.start_mjd,
            stop_mjd=release.stop_mjd,
            reject=manifest.checks.reject,
        ),
    )
    making = Making(
        product=f"{manifest.name}.fits",
        sources=[
            Source.of(file.path, reader.facts().provenance, _public_origin(file))
            for file, reader in zip(acquired, readers, strict=True)
        ],
        version=__version__,
        parameters=release.model_dump(mode="json") | {"reject": sorted(manifest.checks.reject)},
        command=f"km3vo import --release {manifest.name}",
    )
    product = directory / making.product
    try:
        written = gadf.write_event_list(
            product,
            checker.checked_chunks(),
            _metadata(manifest, making, any(file.simulated for file in acquired)),
        )
        # Last, so that of a damaged file the damage is told and not only its checksum.
        for file, found in zip(manifest.files, acquired, strict=True):
            verify(file, found)
        provenance = write_provenance(product, making, check_steps(checker.report.to_dict()))
    except BaseException:
        product.unlink(missing_ok=True)
        raise
    return Conversion(product, provenance, making.kid, written.rows, checker.report)


def _metadata(manifest: Manifest, making: Making, simulated: bool) -> gadf.Metadata:
    release = manifest.release
    site = detector(release.detector)
    descriptor = read_descriptor(release.descriptor)
    days = release.livetime_days
    return gadf.Metadata(
        release=manifest.name,
        obs_id=_WHOLE_SAMPLE,
        telescope=site.telescope,
        instrument=release.instrument,
        longitude=site.longitude,
        latitude=site.latitude,
        height=site.height,
        creator=f"km3net-vo {__version__}",
        kid=making.kid,
        provenance=making.summary,
        title=descriptor.title,
        reference=f"doi:{descriptor.doi}",
        licence=descriptor.licence,
        gtis=[(release.start_mjd, release.stop_mjd)],
        livetime=None if days is None else days * _SECONDS_PER_DAY,
        simulated=simulated,
    )


def _public_origin(file: Acquired) -> str:
    """Return a source that means something to others; a path on this machine does not."""
    return file.source if "://" in file.source or file.simulated else ""
