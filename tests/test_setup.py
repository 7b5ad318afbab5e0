"""Set-up and Makefile: what a person without rights sees, and paths with blanks."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
from instances import ROOT, copy_checkout
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.templates import port

ENVIRONMENT = Path(sys.executable).parent.parent
PROGRAMS = ("dirname", "id", "find", "sort", "tail", "sed", "grep", "cat", "sha256sum", "getent")


def installed_checkout(place: Path, environment: Path = ENVIRONMENT) -> Path:
    """Return a copy of the working tree that uses the environment of the tests.

    If that is not complete, a set-up of the copy would install the package from the copy into it.
    """
    checkout = copy_checkout(place)
    if not (environment / "installed").exists():
        pytest.skip("the environment was not made by setup.sh: make setup")
    wanted = hashlib.sha256(
        b"".join((checkout / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    )
    if (environment / "installed").read_text().split()[:1] != [wanted.hexdigest()]:
        pytest.fail(f"{environment} is not what constraints.txt lists: run ./setup.sh test first")
    (checkout / ".venv").symlink_to(environment)
    return checkout


def test_a_stale_environment_is_left_alone(tmp_path) -> None:
    environment = tmp_path / "environment"
    environment.mkdir()
    (environment / "installed").write_text(f"{'0' * 64}  -\n")
    with pytest.raises(pytest.fail.Exception, match=r"run \./setup\.sh test"):
        installed_checkout(tmp_path / "checkout", environment)
    assert not (tmp_path / "checkout" / ".venv").exists()


def test_shellcheck_finds_nothing() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed: ./setup.sh test")
    scripts = ["setup.sh", ".ci/run", *map(str, (ROOT / "docker").glob("*.sh"))]
    subprocess.run(
        ["shellcheck", "-o", "all", "-e", "SC2250,SC2310,SC2312", *scripts],
        cwd=ROOT,
        check=True,
    )


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_second_set_up_is_quick_and_silent(tmp_path, shell: str) -> None:
    checkout = installed_checkout(tmp_path / "a checkout")
    begin = time.monotonic()
    done = subprocess.run(
        [shell, checkout / "setup.sh"], cwd="/", capture_output=True, text=True, check=True
    )
    assert time.monotonic() - begin < 5  # it installs nothing
    assert done.stdout + done.stderr == ""


def entries_of_lock() -> list[str]:
    """Return the entries of the lock, with checksums; a package may have one per Python version."""
    return re.split(r"(?m)^(?=[^ #])", (ROOT / "constraints.txt").read_text())[1:]


def locked() -> dict[str, str]:
    """Return the entries of the lock that are for this version of Python, by package."""
    found = {}
    for entry in entries_of_lock():
        requirement = Requirement(entry.partition(" \\")[0])
        if requirement.marker is None or requirement.marker.evaluate():
            found[canonicalize_name(requirement.name)] = entry
    return found


def test_the_lock_has_a_version_and_checksums_of_each_package_and_names_no_host() -> None:
    for entry in entries_of_lock():
        assert re.fullmatch(
            r"[\w.-]+==[\w.]+( ; [^\\\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+\n", entry
        )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    assert {canonicalize_name(Requirement(one).name) for one in wanted} <= set(locked())
    assert "://" not in (ROOT / "constraints.txt").read_text()


def test_the_environment_is_the_one_that_is_locked() -> None:
    versions = {name: re.search(r"==([\w.]+)", entry)[1] for name, entry in locked().items()}
    for found in distributions(path=[str(next(ENVIRONMENT.glob("lib/python*/site-packages")))]):
        name = canonicalize_name(found.metadata["Name"])
        if name not in ("pip", "km3net-vo"):
            assert versions[name] == found.version, name


@pytest.mark.slow
def test_a_package_with_another_checksum_is_not_installed(tmp_path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    version = re.match(r"packaging==([\w.]+)", locked()["packaging"])[1]
    info = f"packaging-{version}.dist-info"
    with zipfile.ZipFile(tmp_path / f"packaging-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("packaging/__init__.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: packaging\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    (checkout / "constraints.txt").write_text(locked()["packaging"])
    done = subprocess.run(
        [checkout / "setup.sh"],
        env=os.environ
        | {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not list(checkout.glob(".venv/lib/python*/site-packages/packaging"))
    assert not (checkout / ".venv" / "installed").exists()


def fake_programs(folder: Path, **scripts: str) -> dict[str, str]:
    """Return an environment with a few real programs and the given ones only."""
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).symlink_to(shutil.which(name))
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return {"PATH": str(folder)}


def test_without_root_and_sudo_it_refers_to_an_administrator(tmp_path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    programs = fake_programs(
        tmp_path / "bin", id="echo 1000", dpkg_query="exit 1", apt_get="exit 1"
    )
    done = subprocess.run(
        ["/bin/sh", checkout / "setup.sh"],
        env=programs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "there is no sudo" in done.stderr
    assert "python3-gavo" in done.stderr
    assert "not found" not in done.stderr


def test_without_apt_it_reports_that_this_is_not_debian(tmp_path) -> None:
    checkout = copy_checkout(tmp_path / "checkout")
    programs = fake_programs(tmp_path / "bin", dpkg_query="exit 1")
    done = subprocess.run(
        ["/bin/sh", checkout / "setup.sh"],
        env=programs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "not a Debian" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="all tests run as an ordinary user: run as root")
@pytest.mark.slow
@pytest.mark.system
def test_an_ordinary_user_in_a_path_with_blanks(tmp_path_factory, antares_list: Path) -> None:
    account = os.environ.get("KM3VO_USER", "km3vo")
    place = Path("/var/tmp") / f"km3vo test {os.getpid()}"
    web_port = port(60)

    def as_user(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *("setpriv", f"--reuid={account}", f"--regid={account}", "--clear-groups"),
                *("--inh-caps=-all", *command),
            ],
            cwd=place / "a checkout",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(place / "a checkout")},
            capture_output=True,
            text=True,
            check=False,
        )

    place.mkdir(mode=0o755)
    try:
        installed_checkout(place / "a checkout")
        inputs = place / "some inputs"
        inputs.mkdir()
        shutil.copy(antares_list, inputs)
        subprocess.run(["chown", "-hR", f"{account}:", place], check=True)
        if as_user("test", "-r", ENVIRONMENT / "bin" / "km3vo").returncode:
            pytest.skip(
                "other users cannot read the environment of the tests: move the checkout to a"
                " folder that they can enter"
            )
        for command in (
            ["make", "up", f"PORT={web_port}"],
            ["make", "import", "RELEASE=ant20_01", f"INPUTS={inputs}"],
            ["make", "import", "RELEASE=ant20_01", "INPUTS=../some inputs"],
            ["make", "status"],
        ):
            done = as_user(*command)
            assert done.returncode == 0, done.stdout + done.stderr
        assert f"http://localhost:{web_port}" in done.stdout
        assert not (place / "a checkout" / "var").is_symlink()
    finally:
        done = as_user(ENVIRONMENT / "bin" / "km3vo", "instance", "reset", "--yes")
        shutil.rmtree(place)
    assert done.returncode == 0, done.stderr
