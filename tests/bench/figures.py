"""What a run of the benches measured, as JSON: points of cost curves, comparisons, the machine."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from ingest import __version__
from tests.bench.report import Line

COMMITTED: Final = Path(__file__).parents[2] / "docs" / "performance" / "figures.json"
"""The figures of docs/performance.md."""
LATEST: Final = Path(__file__).parents[2] / "build" / "bench.json"
_PACKAGES: Final = ("numpy", "astropy", "h5py", "pyerfa", "psycopg2-binary", "mocpy", "lxml")
_PROGRAMS: Final = {
    "PostgreSQL": ("psql", "--version"),
    "DaCHS": ("dpkg-query", "-W", "-f", "${Version}", "python3-gavo"),
}


@dataclass(frozen=True)
class Point:
    """The cost of one step for one number of rows.

    Attributes
    ----------
    step : str
        A name of :data:`tests.bench.steps.STEPS`.
    n : int
        Number of events, identifiers or notices.
    seconds : float
        Median of the repetitions.
    memory : float, optional
        Largest resident memory of any process but PostgreSQL's, MiB.
    disk : int, optional
        Bytes that the result takes.
    """

    step: str
    n: int
    seconds: float
    memory: float | None = None
    disk: int | None = None


@dataclass
class Figures:
    """All that a run measured."""

    taken: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))
    machine: dict[str, Any] = field(default_factory=lambda: machine())
    versions: dict[str, str] = field(default_factory=lambda: versions())
    points: list[Point] = field(default_factory=list)
    comparisons: dict[str, list[Line]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    """Duration of each bench."""

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Read the figures of an earlier run."""
        content = json.loads(path.read_text())
        content["points"] = [Point(**one) for one in content["points"]]
        content["comparisons"] = {
            name: [Line(*line) for line in lines] for name, lines in content["comparisons"].items()
        }
        return cls(**content)

    def write(self, path: Path) -> None:
        """Write the figures."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    def add(self, point: Point) -> None:
        """Add a point, in place of an earlier one of the same step and number."""
        same = (point.step, point.n)
        self.points = [one for one in self.points if (one.step, one.n) != same] + [point]

    def of(self, step: str) -> list[Point]:
        """Return the points of a step, in ascending order of the number of rows."""
        return sorted((one for one in self.points if one.step == step), key=lambda one: one.n)


def machine() -> dict[str, Any]:
    """Return what the speed depends on: processor, cores, memory, load when the run began."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "load": round(os.getloadavg()[0], 1),
    }


def versions() -> dict[str, str]:
    """Return the versions of the software that is measured and that it is compared with."""
    found = {"km3net-vo": __version__, "Python": platform.python_version()}
    for name, command in _PROGRAMS.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
        found[name] = number[0] if number else "unknown"
    return found | {name: metadata.version(name) for name in _PACKAGES if _is_installed(name)}


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
