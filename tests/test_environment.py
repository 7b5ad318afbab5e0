"""The environment for CVMFS and batch systems: ``packaging/environment.py``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.table import Table
from km3net_testdata import data_path

from tests.instances import ROOT

GRID = ROOT / "packaging" / "grid"
SCRIPTS = [GRID / "bin" / "km3vo", GRID / "bin" / "python3", GRID / "setup.sh", GRID / "convert.sh"]
EVENTS = data_path("dst/orca6_sample.root")


def test_shellcheck_finds_nothing_in_the_scripts() -> None:
    done = subprocess.run(["shellcheck", *SCRIPTS], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_job_sends_the_script_and_names_what_it_leaves() -> None:
    job = (GRID / "convert.jdl").read_text()
    assert (GRID / job_value(job, "Executable")).is_file()
    assert job_value(job, "Executable") in job_value(job, "InputSandbox")
    assert "report.json" in job_value(job, "OutputSandbox")


def job_value(job: str, name: str) -> str:
    return re.search(rf"^    {name} = \{{?(.*?)\}}?;$", job, re.M)[1].strip('"')


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """Return the environment, moved after it was made, read-only and of root."""
    made = tmp_path_factory.mktemp("made")
    program = ROOT / "packaging" / "environment.py"
    subprocess.run([sys.executable, program, made], check=True, capture_output=True)
    (packed,) = made.glob("*.tar.gz")
    place = Path(tmp_path_factory.mktemp("moved with blanks"), "here")
    place.mkdir()
    subprocess.run(["tar", "-xzf", packed, "-C", place, "--strip-components=1"], check=True)
    shutil.rmtree(made)
    # pytest's directories can be entered by their owner only
    for folder in [*place.parents][:-2]:
        folder.chmod(0o755)
    subprocess.run(["chmod", "-R", "a-w", place], check=True)
    return place


@pytest.fixture
def work(tmp_path) -> Path:
    """Return a directory that anybody may write."""
    for folder in [*tmp_path.parents][:-2]:
        folder.chmod(0o755)
    tmp_path.chmod(0o777)
    return tmp_path


def as_stranger(work: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as another user without home directory, network and anything of the host."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return subprocess.run(
        ["unshare", "--net", *nobody, *command],
        cwd=work,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.mark.long
@needs_root
def test_a_job_converts_files_as_another_user_without_network(environment, work) -> None:
    shutil.copy(EVENTS, work / "events.root")
    (work / "ingest.py").write_text("raise SystemExit('a module of the working directory')")
    words = ["env", f"KM3VO_ENVIRONMENT={environment}", "/bin/sh", GRID / "convert.sh"]
    arguments = job_value((GRID / "convert.jdl").read_text(), "Arguments").split()
    done = as_stranger(work, *words, *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads((work / "report.json").read_text())["conversions"]
    (product,) = work.glob("*.fits")
    here = work / "here"
    here.mkdir()
    program = Path(sys.executable).with_name("km3vo")
    words = [program, "events", "convert", "--output", here, *arguments]
    subprocess.run(words, cwd=work, check=True, capture_output=True)
    ours = Table.read(here / product.name, hdu="EVENTS")
    assert len(ours) > 0
    assert Table.read(product, hdu="EVENTS").as_array().tobytes() == ours.as_array().tobytes()
    assert (work / f"{product.name}.prov.json").is_file()


@pytest.mark.long
@needs_root
def test_it_loads_no_library_and_no_module_of_the_host(environment, work) -> None:
    program = (
        "import sys, lxml.etree, psycopg2, h5py, uproot, mocpy, matplotlib.pyplot\n"
        "lines = [line.split(maxsplit=5) for line in open('/proc/self/maps')]\n"
        "files = {words[5].strip() for words in lines if '.so' in words[-1]}\n"
        f"inside = {str(environment)!r}\n"
        "print([one for one in files if not one.startswith(inside)])\n"
        "print([one for one in sys.path if one.startswith('/usr')])"
    )
    done = as_stranger(work, environment / "bin" / "python3", "-I", "-c", program)
    assert (done.stdout, done.returncode) == ("[]\n[]\n", 0), done.stderr


@pytest.mark.long
@needs_root
def test_a_bad_file_is_reported_as_usual(environment, work) -> None:
    (work / "events.root").write_text("no events")
    words = ["env", f"KM3VO_ENVIRONMENT={environment}", "/bin/sh", GRID / "convert.sh"]
    done = as_stranger(work, *words, "--detector", "orca", "events.root")
    assert done.returncode == 2
    assert "events.root" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.long
def test_the_set_up_adds_the_command_once(environment) -> None:
    program = '. "$0/setup.sh"; . "$0/setup.sh"; command -v km3vo; echo "$PATH"'
    done = subprocess.run(
        ["bash", "-c", program, environment], capture_output=True, text=True, check=True
    )
    command, path = done.stdout.splitlines()
    assert command == f"{environment}/bin/km3vo"
    assert path.split(":").count(f"{environment}/bin") == 1
