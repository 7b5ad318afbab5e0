"""The matrix of releases of Debian, without making a system."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.instances import ROOT
from tests.matrix import host, options, results
from tests.matrix.system import System, delete

LISTED = """\
postgresql-15 15.20-0+deb12u1
postgresql-17 17.12-0+deb13u1
postgresql-17-pgsphere 1.5.1-2
postgresql-17-q3c 2.0.1-6
postgresql 17+278
python3 3.13.5-1
python3-gavo 2.11+dfsg-1
"""
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_good" />
<testcase classname="tests.test_a" name="test_bad[x]"><failure message="no">…</failure></testcase>
<testcase classname="tests.test_a" name="test_set_up"><error>…</error></testcase>
<testcase classname="tests.test_a" name="test_elsewhere"><skipped /></testcase>
</testsuite></testsuites>
"""


def test_what_follows_two_dashes_is_for_pytest() -> None:
    wanted = options.parse(["trixie", "sid", "--keep", "--", "tests/events", "-k", "a and --"])
    assert (wanted.suites, wanted.keep) == (["trixie", "sid"], True)
    assert wanted.tests == ["tests/events", "-k", "a and --"]
    assert options.parse(["bookworm"]).tests == []


@pytest.mark.parametrize("name", ["../etc", "Trixie", "x;y", ""])
def test_a_release_is_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        options.parse([name])
    assert end.value.code == 2
    assert "is not the name of a release of Debian" in capsys.readouterr().err


def test_the_table_has_versions_numbers_and_times(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    good = results.Result("trixie", "abc", "tests", 0, results.versions(LISTED), passed=7)
    good.seconds = {"base": 40.0, "setup": 90.0, "tests": 630.0}
    bad = results.Result("sid", "abc", "tests", 1, results.versions(LISTED))
    bad.count(tmp_path / "junit.xml")
    broken = results.Result("forky", "abc", "setup", 100)
    results.write([good, bad, broken], tmp_path)
    lines = (tmp_path / "results.txt").read_text().splitlines()
    assert ["|".join(re.split(r" {2,}", line)) for line in lines[:4]] == [
        "Debian|DaCHS|PostgreSQL|q3c|pgSphere|Python|passed|failed|skipped|set-up|tests|result",
        "trixie|2.11|17.12|2.0.1|1.5.1|3.13.5|7|0|0|1.5 min|10.5 min|good",
        "sid|2.11|17.12|2.0.1|1.5.1|3.13.5|1|2|1|–|–|tests failed (1)",
        "forky|–|–|–|–|–|0|0|0|–|–|setup failed (100)",
    ]
    assert lines[4:] == ["sid: tests.test_a::test_bad[x]", "sid: tests.test_a::test_set_up"]
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [one["suite"] for one in kept] == ["trixie", "sid", "forky"]
    assert not results.Result("sid", stage="tests", exit_code=0).is_good  # no test ran


def test_settings_of_the_machine_name_what_has_to_be_visible(tmp_path: Path, monkeypatch) -> None:
    index, wheels, root = (tmp_path / name for name in ("index", "wheels", "root"))
    (index / "simple").mkdir(parents=True)
    wheels.mkdir()
    (root / str(wheels)[1:]).mkdir(parents=True)  # is there already
    texts = [f"file://{index}/simple https://example.org/simple", f"{wheels}", "/does/not/exist"]
    assert host.named(texts, root) == [index]
    monkeypatch.setenv("https_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    found = host.environment()
    assert found["https_proxy"] == "http://proxy.example.org:3128"
    assert "SECRET_TOKEN" not in found


def test_without_root_nothing_is_made(tmp_path: Path) -> None:
    command = [ROOT / "docker" / "base.sh", "trixie", tmp_path / "system"]
    environment = os.environ | {"KM3VO_CACHE": str(tmp_path / "cache")}
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs root" in done.stderr
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="as debootstrap")
def test_a_base_is_verified_and_kept_where_nobody_else_writes(tmp_path: Path) -> None:
    """Otherwise root would run what others have written."""

    def make(cache: str) -> str:
        hide = "mount -t tmpfs none /usr/share/keyrings"
        script = f"{hide}; exec docker/base.sh trixie {tmp_path}/system"
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script],
            env=os.environ | {"KM3VO_CACHE": cache, "MIRROR": f"file://{tmp_path}"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        return done.stderr

    # a file that says what it is, without a signature
    (tmp_path / "dists" / "trixie").mkdir(parents=True)
    (tmp_path / "dists" / "trixie" / "Release").write_text("Codename: trixie\n")
    assert "nothing can be verified" in make(f"{tmp_path}/cache")
    assert "--force-check-gpg" in (ROOT / "docker" / "base.sh").read_text()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    assert "others can write in" in make(f"{tmp_path}/open")


def test_nothing_is_deleted_below_which_something_is_mounted(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is mounted there"):
        delete(Path("/proc"))
    (tmp_path / "system" / "etc").mkdir(parents=True)
    delete(tmp_path / "system")
    assert not (tmp_path / "system").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_mounts_end_with_the_command(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tests.matrix.system.CACHE", tmp_path / "cache")
    system = System("trixie")
    for name in ("proc", "sys", "run", "dev"):
        (system.root / name).mkdir(parents=True)
    # an empty system, without a shell that could run it
    assert system.run(["true"], tmp_path / "log", network=False) == 127
    assert "failed to run command '/bin/sh'" in re.sub("[‘’]", "'", (tmp_path / "log").read_text())
    assert (tmp_path / "cache" / "downloads" / "apt-trixie").is_dir()
    assert not [*(system.root / "dev").iterdir(), *(system.root / "proc").iterdir()]
    assert str(tmp_path) not in Path("/proc/self/mountinfo").read_text()
