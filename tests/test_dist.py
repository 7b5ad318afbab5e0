"""The files of a release of the software: ``packaging/dist.py``."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import os
import re
import subprocess
import sys
import tomllib
import warnings
import zipfile
from pathlib import Path

import pytest

from tests.instances import ROOT

PROGRAM = ROOT / "packaging" / "dist.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """Return a clone whose last commit has the state of the working tree."""
    place = tmp_path_factory.mktemp("clone")

    def git(*words: str) -> None:
        subprocess.run(["git", "-C", place, "-c", "safe.directory=*", *words], check=True)

    subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", place], check=True)
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes((ROOT / name).read_bytes())
        elif (place / name).is_file():
            (place / name).unlink()
    changelog = place / "CHANGELOG.md"
    section = f"## [{PROJECT['version']}] - 2026-11-28"
    changelog.write_text(changelog.read_text().replace("## [Unreleased]", section))
    git("add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    git(*author, "commit", "--quiet", "--allow-empty", "--message", "State of the tree")
    return place


def run(clone: Path, target: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, clone / "packaging" / "dist.py", target],
        env=os.environ | environment,
        cwd=target.parent,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def made(clone, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("first") / "dist"
    done = run(clone, target)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.slow
def test_two_runs_make_the_same_bytes(clone, made, tmp_path):
    done = run(clone, tmp_path / "second", TZ="Asia/Kathmandu", PYTHONHASHSEED="7", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    first = {path.name: path.read_bytes() for path in made.iterdir()}
    second = {path.name: path.read_bytes() for path in (tmp_path / "second").iterdir()}
    assert first == second


def test_the_checksums_are_those_of_the_files(made):
    for line in (made / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((made / name).read_bytes()).hexdigest() == digest
    assert {path.suffix for path in made.iterdir()} == {".whl", ".gz", ".zip", ".json", ""}


def test_the_source_distribution_builds_the_same_wheel(made, tmp_path):
    (sdist,) = made.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", tmp_path]
    subprocess.run([*pip, *offline, sdist], check=True)
    (again,) = tmp_path.glob("*.whl")
    (wheel,) = made.glob("*.whl")
    assert contents(again) == contents(wheel)


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist() if "RECORD" not in name}


def test_the_archive_is_the_repository_with_its_descriptions(made):
    with zipfile.ZipFile(made / f"km3net-vo-{PROJECT['version']}.zip") as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        assert {"codemeta.json", "CITATION.cff", "LICENSE", "README.md", "Makefile"} <= names
        folders = {name.partition("/")[0] for name in archive.namelist()}
    assert folders == {f"km3net-vo-{PROJECT['version']}"}


def test_the_bill_of_materials_lists_what_a_node_needs_and_no_more(made):
    bill = json.loads((made / "sbom.cdx.json").read_text())
    versions = {one["name"]: one.get("version") for one in bill["components"]}
    locked = dict(
        re.findall(r"^([a-z0-9.-]+)==([^ ;]+)", (ROOT / "constraints.txt").read_text(), re.M)
    )
    needed = [re.match(r"[\w.-]+", one)[0] for one in PROJECT["optional-dependencies"]["node"]]
    assert {*needed, "numpy", "twisted", "urllib3"} <= versions.keys()
    assert not {"pytest", "hypothesis", "gammapy", "ruff"} & versions.keys()
    assert versions == {name: locked[name] for name in versions}
    assert all(one["hashes"] for one in with_hashes(bill))


def with_hashes(bill: dict) -> list[dict]:
    return [
        reference
        for one in bill["components"]
        for reference in one.get("externalReferences", [])
        if reference["type"] == "distribution"
    ]


def test_versions_that_differ_are_refused(clone, tmp_path):
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "--quiet", f"file://{clone}", source], check=True)
    citation = source / "CITATION.cff"
    citation.write_text(
        citation.read_text().replace(f"version: {PROJECT['version']}", "version: 0.9")
    )
    author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", "-C", source, *author, "commit", "-qam", "Wrong"], check=True)
    done = run(source, tmp_path / "dist")
    assert done.returncode == 1
    assert done.stderr == (
        f"CITATION.cff: version 0.9, but pyproject.toml has {PROJECT['version']}; correct one\n"
    )


def test_codemeta_follows_from_the_project_and_passes_the_checks_of_escape(monkeypatch):
    import eossr.metadata.codemeta as escape

    # it asks for the files of a module, which only Python 3.12 and later allow
    monkeypatch.setattr(escape, "files", lambda _: importlib.resources.files("eossr.metadata"))
    described = escape.Codemeta.from_file(ROOT / "codemeta.json")
    with warnings.catch_warnings():
        # some of what it recommends exists for no release yet, such as a DOI
        warnings.simplefilter("ignore", escape.CodemetaRecommendedWarning)
        described.validate()
    assert not list(described.missing_keys("required"))
    assert (described.metadata["name"], described.metadata["version"]) == (
        PROJECT["name"],
        PROJECT["version"],
    )
    program = "import codemeta; print(codemeta.text(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "packaging",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (ROOT / "codemeta.json").read_text()


def test_cffconvert_accepts_the_citation():
    program = Path(sys.executable).with_name("cffconvert")
    words = ["--validate", "-i", ROOT / "CITATION.cff"]
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_version_is_a_semantic_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", PROJECT["version"])
