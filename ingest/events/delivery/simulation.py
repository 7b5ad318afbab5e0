"""Simulated stand-ins for samples that are not available, for trying out everything else.

They have the format and roughly the distributions of the sample, but none of its events.
Everything published from them is marked as simulated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ingest.core.errors import ManifestError
from ingest.core.files import atomic_write
from ingest.events.delivery.listed import DeliveredFile
from ingest.events.delivery.manifest import Manifest


def write_stand_in(manifest: Manifest, file: DeliveredFile, seed: int, directory: Path) -> Path:
    """Write a stand-in for a file and return its path; the same seed gives the same bytes.

    Raises
    ------
    ManifestError
        If the format of the release cannot be simulated.
    """
    release = manifest.release
    if release.format != "antares-text":
        raise ManifestError(
            f"the format {release.format} cannot be simulated",
            file=manifest.folder / "release.toml",
            where="files.sources",
            remedy="remove the source of kind simulation",
        )
    random = np.random.default_rng(seed)
    count = release.events
    # up-going events at 42.8 deg north: the southern sky, with a density that falls northwards
    sin_dec = random.triangular(-1.0, -0.4, np.sin(np.radians(53.0)), count)
    dec = np.degrees(np.arcsin(sin_dec))
    ra = random.uniform(0.0, 359.9, count)
    n_hits = 13 + random.gamma(2.0, 12.0, count).astype(int)
    beta = np.clip(random.gamma(4.0, 0.11, count), 0.1, 1.0)
    mjd = np.sort(random.uniform(release.start_mjd, release.stop_mjd, count))
    path = directory / f"{manifest.name}-{file.name}"
    with atomic_write(path) as stream:
        stream.write(f"# SIMULATED stand-in for {manifest.name}, seed {seed}\n".encode())
        stream.write(b"# Decl(deg)\tRA(deg)\tNhit\tBeta(deg)\tMJD\n")
        for row in zip(dec, ra, n_hits, beta, mjd, strict=True):
            stream.write("{:.1f}\t{:.1f}\t{}\t{:.1f}\t{:.4f}\n".format(*row).encode())
    return path
