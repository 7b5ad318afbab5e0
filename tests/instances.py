"""A private instance for tests, and copies of the working tree."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests import loaded

ROOT = Path(__file__).resolve().parent.parent
FIRST_PORT = int(os.environ.get("KM3VO_TEST_PORT", "18080"))
KM3VO = Path(sys.executable).parent / "km3vo"


@dataclass
class Instance:
    """A private instance for tests, driven by the command line as a curator would."""

    var: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def tap(self) -> str:
        return f"{self.url}/__system__/tap/run/tap"

    @property
    def environment(self) -> dict[str, str]:
        settings = {"KM3VO_VAR": str(self.var), "COLUMNS": "200"}
        # make, which runs the tests, passes its variables on to every make started by a test
        made = ("INPUTS", "PORT", "RELEASE", "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS")
        clean = {
            key: value
            for key, value in os.environ.items()
            if key not in made and key != "KM3VO_INPUTS"
        }
        return clean | settings | self.extra

    def km3vo(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this instance; `extra` are environment variables."""
        return loaded.run([str(KM3VO), *arguments], self.environment | extra)

    def adql(self, query: str) -> list[list[str]]:
        """Send a query by TAP and return the cells of the response, without the header.

        Raises
        ------
        ValueError
            If the response is an error.
        """
        sent = urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": query})
        try:
            with urllib.request.urlopen(f"{self.tap}/sync?{sent}", timeout=60) as reply:
                text = reply.read().decode()
        except urllib.error.HTTPError as problem:  # the status of errors, since DaCHS 2.11
            if problem.code != 400:
                raise
            text = problem.read().decode()
        if text.startswith("<"):
            raise ValueError(text)
        return list(csv.reader(io.StringIO(text)))[1:]

    def fetch(self, path: str) -> bytes:
        """Return what the server has at `path` below its URL."""
        with urllib.request.urlopen(f"{self.url}/{path}", timeout=60) as reply:
            return bytes(reply.read())

    def up(self) -> None:
        done = self.km3vo("instance", "up", "--port", str(self.port))
        assert done.returncode == 0, done.stderr

    def reset(self) -> None:
        """Stop and delete the instance."""
        done = self.km3vo("instance", "reset", "--yes", "--with-archive")
        assert done.returncode == 0, done.stderr


def without_the_list(checkout: Path) -> dict[str, str]:
    """Remove the ANTARES list from a checkout, so that only a simulated stand-in is left.

    Returns the environment in which commands use this checkout.
    """
    folder = checkout / "inputs" / "ant20_01"
    (folder / "PublicData_0717.dat").unlink()
    manifest = (folder / "release.toml").read_text()
    last = '{ kind = "folder" }'
    assert last in manifest
    simulation = f'{last}, {{ kind = "simulation", seed = 20070129 }}'
    (folder / "release.toml").write_text(manifest.replace(last, simulation))
    return {"PYTHONPATH": str(checkout)}


def copy_checkout(target: Path) -> Path:
    """Copy what a clone of the repository contains, without tests, documents and history."""
    target.mkdir(parents=True)
    for name in ("ingest", "km3vo", "rd", "site", "web"):
        # with the compiled files, so that Python need not compile them again
        shutil.copytree(ROOT / name, target / name)
    # its programs are not copied
    shutil.copytree(ROOT / "workflow", target / "workflow", ignore=shutil.ignore_patterns(".venv"))
    (target / "workflow" / ".venv").symlink_to(ROOT / "workflow" / ".venv")
    # without files that were downloaded or delivered into a release's folder
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "inputs")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)
    for name in ("Makefile", "setup.sh", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, target / name)
    return target
