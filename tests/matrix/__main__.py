"""``python3 -m tests.matrix SUITE… [-- pytest arguments]``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.matrix import ROOT, options, results
from tests.matrix.results import Result
from tests.matrix.system import System, reserved

PROGRAMS: Final = ("debootstrap", "git", "setpriv", "unshare")
PYTEST: Final = (".venv/bin/pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
_REPORT: Final = "root/junit.xml"


def main() -> None:
    """Test in each system, and print the table; exit with 1 if anything failed."""
    wanted = options.parse(sys.argv[1:])
    if os.geteuid() != 0:
        _refuse("this needs root, to make and enter other systems: sudo make matrix")
    if missing := [name for name in PROGRAMS if not shutil.which(name)]:
        _refuse(
            f"these programs are missing: {', '.join(missing)}; apt-get install debootstrap git"
        )
    if _output("git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"):
        _say("HEAD is tested, without the changes that are not committed")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    wanted.output.mkdir(parents=True, exist_ok=True)
    found = []
    try:
        for suite in wanted.suites:
            result = Result(suite)
            found.append(result)
            _test(System(suite), result, wanted)
            results.write(found, wanted.output)
    except KeyboardInterrupt:
        results.write(found, wanted.output)
        raise SystemExit(130) from None
    sys.stdout.write((wanted.output / "results.txt").read_text())
    raise SystemExit(not all(one.is_good for one in found))


def _test(system: System, result: Result, wanted: options.argparse.Namespace) -> None:
    """Test in one system."""
    logs = wanted.output / system.suite
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir()
    with reserved(system, wanted.keep):
        with _timed(result, "base"):
            try:
                system.create(wanted.frozen)
                result.commit = system.clone()
            except subprocess.CalledProcessError as error:
                result.exit_code = error.returncode
                return
        with _timed(result, "setup"):
            script = (
                "apt-get -qq update && apt-get -qq upgrade --yes"
                " && apt-get -qq install --yes --no-install-recommends make && ./setup.sh test"
            )
            result.exit_code = system.run(["sh", "-c", script], logs / "setup.log", network=True)
            system.run(
                ["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n"],
                logs / "packages.txt",
                network=False,
            )
            result.versions = results.versions((logs / "packages.txt").read_text())
            if result.exit_code:
                return
        with _timed(result, "tests"):
            report = system.root / _REPORT
            report.unlink(missing_ok=True)
            result.exit_code = system.run(
                [*PYTEST, *wanted.tests] if wanted.tests else ["make", "test"],
                logs / "tests.log",
                network=wanted.network,
                extra={"PYTEST_ADDOPTS": f"--junit-xml=/{_REPORT}"},
            )
            if report.exists():
                shutil.copy(report, logs / "junit.xml")
                result.count(logs / "junit.xml")


@contextmanager
def _timed(result: Result, stage: str) -> Iterator[None]:
    _say(f"{result.suite}: {stage}")
    result.stage = stage
    begin = time.monotonic()
    try:
        yield
    finally:
        result.seconds[stage] = round(time.monotonic() - begin, 1)


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _say(text: str) -> None:
    print(f"matrix: {text}", file=sys.stderr, flush=True)


def _refuse(text: str) -> None:
    _say(text)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
