"""The files of a release of the software, from the last commit: ``make dist``.

``dist/`` then has a wheel and a source distribution for package indices, an archive of the
repository for Zenodo and the ESCAPE OSSR, the packages that a node needs as a software bill of
materials (CycloneDX), and the checksums of these. Two runs make the same bytes: times are those
of the commit, owners and permissions are fixed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import codemeta
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SBOM = "sbom.cdx.json"
CHECKSUMS = "SHA256SUMS"
_BUILD = "import setuptools.build_meta as b, sys; getattr(b, 'build_' + sys.argv[1])(sys.argv[2])"


def make(target: Path, root: Path = ROOT) -> list[Path]:
    """Make the files of a release, and return their paths.

    Parameters
    ----------
    target : pathlib.Path
        The directory for the files, which is emptied first.
    root : pathlib.Path, optional
        The clone of the repository; its last commit is released.

    Raises
    ------
    SystemExit
        If the descriptions of the software contradict each other.
    """
    project = tomllib.loads(git(root, "show", "HEAD:pyproject.toml").decode())["project"]
    moment = git(root, "log", "-1", "--format=%ct").decode().strip()
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "source")
        source.mkdir()
        subprocess.run(["tar", "-xC", source], input=git(root, "archive", "HEAD"), check=True)
        for path in source.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        _check(source)
        for kind in ("wheel", "sdist"):
            subprocess.run(
                [sys.executable, "-c", _BUILD, kind, target.resolve()],
                cwd=source,
                env=os.environ | {"SOURCE_DATE_EPOCH": moment},
                stdout=subprocess.DEVNULL,
                check=True,
            )
        _write_sbom(source, target / SBOM)
    for path in target.glob("*.tar.gz"):
        _repack(path, int(moment))
    name = f"{project['name']}-{project['version']}"
    archive_path = target / f"{name}.zip"
    archive_path.write_bytes(git(root, "archive", "--format=zip", f"--prefix={name}/", "HEAD"))
    made = sorted(target.iterdir())
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (target / CHECKSUMS).write_text("".join(sums))
    return [*made, target / CHECKSUMS]


def needed(root: Path, extra: str) -> set[str]:
    """Return the packages that an extra of ours needs, with those that they need.

    Parameters
    ----------
    root : pathlib.Path
        The tree with ``pyproject.toml``.
    extra : str
        A name from ``[project.optional-dependencies]``.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    lines = (*project["dependencies"], *project["optional-dependencies"][extra])
    waiting = [Requirement(line) for line in lines]
    found: set[tuple[str, str]] = set()
    while waiting:
        one = waiting.pop()
        for wanted in ("", *sorted(one.extras)):
            key = (canonicalize_name(one.name), wanted)
            if key in found:
                continue
            found.add(key)
            for requirement in map(Requirement, distribution(one.name).requires or ()):
                if not requirement.marker or requirement.marker.evaluate({"extra": wanted}):
                    waiting.append(requirement)
    return {name for name, _ in found}


def locked(root: Path, extra: str) -> str:
    """Return the part of ``constraints.txt`` with the packages that an extra needs."""
    names = needed(root, extra)
    blocks = re.split(r"\n(?=\S)", (root / "constraints.txt").read_text("utf-8"))
    return "\n".join(
        block for block in blocks if canonicalize_name(re.split(r"[=<>; \[]", block)[0]) in names
    )


def _check(source: Path) -> None:
    """End the program unless version and descriptions agree."""
    described = codemeta.describe(source)
    version = described["version"]
    cited = codemeta.citation(source)["version"]
    if cited != version:
        sys.exit(f"CITATION.cff: version {cited}, but pyproject.toml has {version}; correct one")
    if (source / codemeta.FILE.name).read_text("utf-8") != codemeta.text(source):
        sys.exit("codemeta.json is not up to date; run: python packaging/codemeta.py")
    if f"\n## [{version}] " not in (source / "CHANGELOG.md").read_text("utf-8"):
        sys.exit(f"CHANGELOG.md has no section [{version}]; name the section of this release so")


def _write_sbom(source: Path, path: Path) -> None:
    lock = source / "node.txt"
    lock.write_text(locked(source, "node"))
    program = Path(sys.executable).with_name("cyclonedx-py")
    words = ["requirements", "--output-reproducible", "--of", "JSON", "--sv", "1.6", "-o", path]
    pyproject = ["--pyproject", source / "pyproject.toml"]
    subprocess.run([program, *words, *pyproject, lock], stderr=subprocess.DEVNULL, check=True)
    lock.unlink()


def _repack(path: Path, moment: int) -> None:
    """Write a source distribution again, in alphabetical order, with fixed times and owners."""
    packed = io.BytesIO()
    with (
        tarfile.open(path) as old,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            member.mtime, member.pax_headers = moment, {}
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with path.open("wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=moment) as zipped:
        zipped.write(packed.getvalue())


def git(root: Path, *words: str) -> bytes:
    """Return what a git command prints about a clone."""
    # zip archives have local times
    environment = os.environ | {"TZ": "UTC"}
    done = subprocess.run(
        ["git", "-C", root, *words], env=environment, capture_output=True, check=True
    )
    return done.stdout


def main() -> None:
    """Make the files in the directory that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, nargs="?", default=ROOT / "dist")
    for path in make(parser.parse_args().target):
        print(f"{path.stat().st_size:>10,} bytes  {path}")


if __name__ == "__main__":
    main()
