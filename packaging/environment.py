"""The tools as one directory that runs anywhere: for CVMFS and batch systems.

``make environment`` writes ``dist/km3net-vo-<version>-<machine>``, and a tar file of it. It has its
own Python, its own C library and the packages of a node, so it needs nothing of the host but a
Linux kernel of the same processor; it may be moved, be read-only and belong to another user.
Decision 044 explains why it is made so.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import dist

ROOT = dist.ROOT
_FILES = Path(__file__).with_name("grid")
_TREE = ("ingest", "km3vo", "rd", "site", "inputs", "LICENSE", "constraints.txt", "pyproject.toml")
"""What of the repository the tools read."""
_SCHEMAS = "ingest/alerts/conversion/schemas/gcn/node_modules"
_NOT_COPIED = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "ensurepip",
    "lib2to3",
    "turtledemo",
    "pydoc_data",
    "config-*",
    "_tkinter*",
    "__pycache__",
)
"""Parts of the standard library that no tool needs."""
_PACKAGES = Path("lib", "python3", "dist-packages")
"""Where Debian's Python looks for packages outside of ``/usr``."""
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_LOADED = ("libnss_dns.so.2", "libnss_files.so.2")
"""Libraries that the C library loads by itself."""


def make(target: Path, root: Path = ROOT) -> Path:
    """Make the directory, from the last commit and the packages of the running Python.

    Parameters
    ----------
    target : pathlib.Path
        The directory that will contain it.
    root : pathlib.Path, optional
        The clone of the repository.

    Returns
    -------
    pathlib.Path
        The tar file beside it.
    """
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    name = f"km3net-vo-{version}-{platform.machine()}"
    place = target / name
    shutil.rmtree(place, ignore_errors=True)
    (place / "bin").mkdir(parents=True)
    _copy_python(place)
    for one in sorted(dist.needed(root, "node")):
        _copy_package(one, place / _PACKAGES)
    _copy_libraries(place)
    _copy_tree(root, place, version)
    for path in _FILES.rglob("*"):
        if path.is_file():
            copy = place / path.relative_to(_FILES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text("utf-8").replace("@VERSION@", version), "utf-8")
            copy.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    # CVMFS makes a catalogue of its own for this directory
    (place / ".cvmfscatalog").touch()
    # they stay valid when the files get other times and paths
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        place, quiet=2, stripdir=str(place), invalidation_mode=unchecked, workers=0
    )
    for path in place.rglob("*"):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)
    packed = target / f"{name}.tar.gz"
    with tarfile.open(packed, "w:gz", compresslevel=6) as archive:
        archive.add(place, name, filter=_anonymous)
    return packed


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _copy_python(place: Path) -> None:
    """Copy the interpreter and its standard library."""
    program = Path(sys.executable).resolve()
    (place / "libexec").mkdir()
    shutil.copy(program, place / "libexec" / "python3")
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        place / "lib" / library.name,
        ignore=shutil.ignore_patterns(*_NOT_COPIED),
        ignore_dangling_symlinks=True,
    )
    # Debian's hook for crash reports
    (place / "lib" / library.name / "sitecustomize.py").unlink(missing_ok=True)


def _copy_libraries(place: Path) -> None:
    """Copy the libraries of the host that interpreter and packages load."""
    host = place / "lib" / "host"
    host.mkdir()
    objects = [place / "libexec" / "python3", *(place / "lib").rglob("*.so*")]
    found = {Path(one) for path in objects for one in _LIBRARY.findall(_ldd(path))}
    folder = next(path.parent for path in found if path.name.startswith("libc.so"))
    for path in {*found, *(folder / name for name in _LOADED)}:
        if path.exists() and not path.is_relative_to(place):
            shutil.copy(path, host / path.name)


def _ldd(path: Path) -> str:
    return subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout


def _copy_package(name: str, packages: Path) -> None:
    """Copy an installed package, without its programs and compiled files."""
    one = distribution(name)
    for path in one.files or ():
        if path.parts[0] != ".." and path.suffix != ".pyc":
            copy = packages / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(one.locate_file(path)), copy)


def _copy_tree(root: Path, place: Path, version: str) -> None:
    """Copy what the tools need of the repository, as of its last commit."""
    tree = place / "share" / "km3net-vo"
    tree.mkdir(parents=True)
    archive = dist.git(root, "archive", "HEAD", *_TREE)
    subprocess.run(["tar", "-xC", tree], input=archive, check=True)
    if (root / _SCHEMAS).exists():
        shutil.copytree(root / _SCHEMAS, tree / _SCHEMAS)
    info = place / _PACKAGES / f"km3net_vo-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: km3net-vo\nVersion: {version}\n")
    up = os.path.relpath(tree, place / _PACKAGES)
    (place / _PACKAGES / "km3net-vo.pth").write_text(f"{up}\n")


def main() -> None:
    """Make the directory below the one that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, nargs="?", default=ROOT / "dist")
    packed = make(parser.parse_args().target)
    print(f"{packed.stat().st_size / 2**20:.0f} MiB  {packed}")


if __name__ == "__main__":
    main()
