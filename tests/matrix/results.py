"""What came out: versions, numbers of tests and times, as a table and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

PACKAGES: Final = {
    "DaCHS": r"python3-gavo",
    "PostgreSQL": r"postgresql-\d+",
    "q3c": r"postgresql-\d+-q3c",
    "pgSphere": r"postgresql-\d+-pgsphere",
    "Python": r"python3",
}
"""By name in the table: the Debian package, whose version is shown."""


@dataclass
class Result:
    """The result for one release of Debian.

    Attributes
    ----------
    suite : str
        The release.
    commit : str
        The commit that was tested.
    stage : str
        How far it came: base, setup, tests.
    exit_code : int
        Of the last stage; 0 if all tests passed.
    versions : dict
        Of `PACKAGES`.
    passed, failed, skipped : int
        The number of tests; those with errors in set-up count as failed.
    failures : list of str
        Which tests failed.
    seconds : dict
        How long each stage took.
    """

    suite: str
    commit: str = ""
    stage: str = "base"
    exit_code: int = 1
    versions: dict[str, str] = field(default_factory=dict)
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        """Whether tests ran and none failed."""
        return self.stage == "tests" and self.exit_code == 0 and self.passed > 0

    def count(self, junit: Path) -> None:
        """Count the tests that pytest reported in a file."""
        for case in ElementTree.parse(junit).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed += 1
                self.failures.append(f"{case.get('classname')}::{case.get('name')}")
            elif case.find("skipped") is not None:
                self.skipped += 1
            else:
                self.passed += 1


def versions(listed: str) -> dict[str, str]:
    """Return the versions of `PACKAGES` from lines with package and version of dpkg.

    Of several versions of PostgreSQL, the newest counts.
    """
    found: dict[str, str] = {}
    installed = [line.split() for line in listed.splitlines() if len(line.split()) == 2]
    installed.sort(key=lambda words: [int(digits) for digits in re.findall(r"\d+", words[0])])
    for name, pattern in PACKAGES.items():
        for package, version in installed:
            if re.fullmatch(pattern, package):
                # without epoch, Debian's revision and what it left out of the source
                found[name] = re.sub(r"^\d+:|[-+].*$", "", version)
    return found


def table(results: Iterable[Result]) -> str:
    """Return the results as a table of plain text, one line for each release."""
    head = ["Debian", *PACKAGES, "passed", "failed", "skipped", "set-up", "tests", "result"]
    lines = [head, *(_line(one) for one in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "".join(
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )


def _line(result: Result) -> list[str]:
    verdict = "good" if result.is_good else f"{result.stage} failed ({result.exit_code})"
    return [
        result.suite,
        *(result.versions.get(name, "–") for name in PACKAGES),
        *map(str, (result.passed, result.failed, result.skipped)),
        *(_minutes(result.seconds.get(stage)) for stage in ("setup", "tests")),
        verdict,
    ]


def _minutes(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds / 60:.1f} min"


def write(results: Sequence[Result], directory: Path) -> None:
    """Write the table, the failures and the same as JSON."""
    failures = "".join(f"{one.suite}: {name}\n" for one in results for name in one.failures)
    (directory / "results.txt").write_text(table(results) + failures)
    (directory / "results.json").write_text(
        json.dumps([asdict(one) for one in results], indent=1) + "\n"
    )
