"""The conversion of a release by jobs of Snakemake: two at a time against one, and no Snakemake."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.core.files import sha256
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.release_conversion import convert_release
from ingest.events.workflow import WorkDirectory, run_workflow
from tests.bench.instance import release_of
from tests.bench.report import Line, timed
from tests.bench.samples import write_km3pipe

FILES = 16


def lines(events: int) -> Iterator[Line]:
    """Yield how many times as fast two jobs at a time are."""
    with tempfile.TemporaryDirectory(prefix="km3vo-bench-") as name:
        folder = Path(name)
        inputs = folder / "in"
        inputs.mkdir()
        manifest = _release(inputs, events // FILES)
        seconds = {cores: timed(_convert, manifest, folder, cores) for cores in (1, 2)}
        total = manifest.release.events
        yield Line(
            f"{FILES} files, {total:,} events, by jobs of Snakemake",
            f"two at a time {total / seconds[2]:,.0f}/s",
            f"one at a time {total / seconds[1]:,.0f}/s",
            f"{seconds[1] / seconds[2]:.2f}",
            "1.8",
        )
        alone = timed(_without, manifest, folder)
        yield Line(
            "by two jobs at a time",
            f"{total / seconds[2]:,.0f}/s",
            f"by an ordinary import, which uses all cores, {total / alone:,.0f}/s",
            f"{alone / seconds[2]:.2f}",
        )


def _release(inputs: Path, events: int) -> Manifest:
    paths = [write_km3pipe(inputs / f"run{n:02d}.h5", events, seed=n) for n in range(FILES)]
    first, *more = paths
    return release_of(first, events * FILES, "km3pipe-hdf5", *more, products="per-file")


def _convert(manifest: Manifest, folder: Path, cores: int) -> None:
    profile = folder / f"profile{cores}"
    profile.mkdir()
    (profile / "config.yaml").write_text(f"cores: {cores}\n")
    work = WorkDirectory(folder / f"work{cores}" / manifest.name)
    run_workflow(manifest, str(profile), folder / "in", work)


def _without(manifest: Manifest, folder: Path) -> None:
    paths = [folder / "in" / file.name for file in manifest.files]
    acquired = [AcquiredFile(path, "bench", sha256(path), simulated=False) for path in paths]
    (folder / "out").mkdir()
    convert_release(manifest, acquired, folder / "out")
