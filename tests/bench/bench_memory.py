"""How much memory a conversion takes, for files of two sizes."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ingest.core.files import sha256
from ingest.events.delivery.sources import AcquiredFile
from ingest.events.release_conversion import convert_release
from tests.bench.instance import release_of
from tests.bench.report import Line
from tests.bench.samples import write_km3pipe

FORM = "km3pipe-hdf5"


def lines(events: int) -> Iterator[Line]:
    """Yield a line per size; each is converted in a process of its own."""
    peaks = []
    for count in (events, 4 * events):
        with tempfile.TemporaryDirectory() as folder:
            path = write_km3pipe(Path(folder) / "delivery.h5", count)
            command = [sys.executable, "-m", __name__, str(path), str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
        ratio = f"{peaks[-1] / peaks[0]:.2f}"
        goal = "< 1,024 MiB, ratio ≈ 1"
        yield Line(f"peak of converting {count:,} events", f"{peaks[-1]:,.0f} MiB", "", ratio, goal)


def convert(path: Path, count: int) -> int:
    """Convert a delivery; return the largest resident memory so far in KiB."""
    with tempfile.TemporaryDirectory() as folder:
        delivered = [AcquiredFile(path, "bench", sha256(path), simulated=False)]
        convert_release(release_of(path, count, FORM), delivered, Path(folder))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(convert(Path(sys.argv[1]), int(sys.argv[2])))
