"""What users install: the wheel, with nothing but its own dependencies."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.instances import ROOT, copy_checkout

SERVER_PARTS = ("ingest", "click", "psycopg2", "lxml", "matplotlib", "gammapy", "mocpy", "pydantic")


def closure(names: list[str]) -> set[str]:
    """Return the distributions that are installed with others, these included."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            needed = map(Requirement, distribution(name).requires or ())
            names += [
                one.name for one in needed if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    return found


@pytest.fixture(scope="module")
def user(tmp_path_factory) -> Path:
    """Return the directory of an environment with the wheel and its dependencies only.

    The dependencies are links to those of the tests, so nothing is downloaded.
    """
    place = tmp_path_factory.mktemp("user")
    source = copy_checkout(place / "source")
    for name in ("README.md", "LICENSE"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", place, source]
    subprocess.run(build, check=True)
    environment = place / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (wheel,) = place.glob("km3net_vo-*.whl")
    where = ["--python", environment / "bin" / "python"]
    subprocess.run([*pip, *where, "install", *alone, wheel], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name in closure([Requirement(one).name for one in project["dependencies"]]):
        one = distribution(name)
        for top in {
            path.parts[0] for path in one.files or () if path.parts[0] not in ("..", "__pycache__")
        }:
            if not (packages / top).exists():
                (packages / top).symlink_to(one.locate_file(top))
    return environment


def run(user: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [user / "bin" / arguments[0], *arguments[1:]],
        cwd=user,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_user_needs_no_parts_of_a_server(user):
    program = (
        "import sys, km3vo, km3vo.analysis\n"
        "km3vo.Node('http://127.0.0.1:9')\n"
        f"print([name for name in {SERVER_PARTS} if name in sys.modules])"
    )
    done = run(user, "python", "-I", "-c", program)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_command_says_what_to_install(user):
    done = run(user, "km3vo", "import")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "type make setup" in done.stderr


def test_the_functions_are_loaded_without_pyvo_and_astropy():
    program = (
        "import sys, km3vo.analysis; print({'pyvo', 'astropy', 'requests'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
