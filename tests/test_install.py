"""Installation for the service manager of a Debian host: ``packaging/install.sh``."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.instances import ROOT

PROGRAM = ROOT / "packaging" / "install.sh"
UNITS = sorted(path.name for path in (ROOT / "site" / "systemd").iterdir())
SITE = '[site]\nurl = "https://vo.example.org"\n'


def run(place: Path, action: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"DESTDIR": str(place), "PREFIX": "/srv/software"} | settings
    return subprocess.run(
        [PROGRAM, action],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def place(tmp_path) -> Path:
    site = tmp_path / "our site.toml"
    site.write_text(SITE)
    done = run(tmp_path / "host", "install", SITE=str(site))
    assert done.returncode == 0, done.stderr
    return tmp_path / "host"


def files(place: Path) -> set[str]:
    return {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}


def test_units_settings_and_the_command_are_installed(place) -> None:
    units = place / "etc" / "systemd" / "system"
    assert sorted(path.name for path in units.iterdir()) == UNITS
    for path in units.glob("*.service"):
        assert "/opt/km3vo" not in path.read_text()
        if path.name != "km3vo-gateway.service":  # runs Apache
            assert "ExecStart=/srv/software/km3vo/.venv/bin/km3vo " in path.read_text()
    assert (place / "etc/km3vo/site.toml").read_text() == SITE
    software = place / "srv/software/km3vo"
    assert software.is_symlink()
    assert (software / "rd/km3net/common.rd").is_file()
    assert not (software / "var").exists()
    command = place / "usr/local/bin/km3vo"
    assert os.access(command, os.X_OK)
    assert "/srv/software/km3vo/.venv/bin/km3vo" in command.read_text()


def test_another_installation_changes_nothing(place) -> None:
    before = {name: (place / name).read_bytes() for name in files(place)}
    assert run(place, "install").returncode == 0
    assert {name: (place / name).read_bytes() for name in files(place)} == before


def test_files_that_the_site_changed_stay(place) -> None:
    changed = {
        "etc/default/km3vo": "KM3VO_VAR=/srv/instance\n",
        "etc/systemd/system/km3vo.service": "[Unit]\n",
        "etc/km3vo/site.toml": "# ours\n",
    }
    for name, text in changed.items():
        (place / name).write_text(text)
    done = run(place, "install")
    assert done.returncode == 0
    assert {name: (place / name).read_text() for name in changed} == changed
    assert "/etc/default/km3vo was changed here and stays" in done.stderr
    assert (place / "etc/default/km3vo.new").is_file()
    done = run(place, "uninstall")
    assert done.returncode == 0
    assert {name: (place / name).read_text() for name in changed} == changed


def test_a_file_of_the_site_with_the_name_of_ours_stays(tmp_path) -> None:
    ours = tmp_path / "host/etc/logrotate.d/km3vo"
    ours.parent.mkdir(parents=True)
    ours.write_text("# written before km3vo was installed\n")
    done = run(tmp_path / "host", "install")
    assert done.returncode == 0
    assert ours.read_text() == "# written before km3vo was installed\n"
    assert run(tmp_path / "host", "uninstall").returncode == 0
    assert ours.exists()


def test_removal_leaves_data_and_settings_only(place) -> None:
    packet = place / "var/lib/km3vo/alerts/packet"
    packet.parent.mkdir(parents=True)
    packet.write_text("data")
    done = run(place, "uninstall")
    assert done.returncode == 0, done.stderr
    assert files(place) == {"var/lib/km3vo/alerts/packet", "etc/km3vo/site.toml"}
    done = run(place, "uninstall")
    assert done.returncode == 2
    assert "nothing is installed" in done.stderr


def test_a_site_file_that_is_missing_is_reported_before_anything_is_written(tmp_path) -> None:
    done = run(tmp_path / "host", "install", SITE="/nonexistent/site.toml")
    assert done.returncode == 2
    assert done.stderr == "install: SITE: there is no file /nonexistent/site.toml\n"
    assert not (tmp_path / "host").exists()


@pytest.mark.parametrize("prefix", ["opt", "/srv/a#g;s#km3vo#root", "/srv/a b", "/srv/../etc"])
def test_a_prefix_that_is_no_plain_path_is_refused(tmp_path, prefix) -> None:
    done = run(tmp_path / "host", "install", PREFIX=prefix)
    assert done.returncode == 2
    assert "is not an absolute path" in done.stderr
    assert not (tmp_path / "host").exists()


def test_a_record_that_others_can_write_is_not_believed(tmp_path) -> None:
    """Whoever writes it could make root delete any file whose checksum is known."""
    place = tmp_path / "host"
    state = place / "var/lib/km3vo"
    state.mkdir(parents=True)
    victim = place / "etc/passwd"
    victim.parent.mkdir()
    victim.write_text("root")
    digest = hashlib.sha256(b"root").hexdigest()
    (state / "installed").write_text(f"{digest}  /etc/passwd\n")
    state.chmod(0o777)
    for action in ("install", "uninstall"):
        done = run(place, action)
        assert done.returncode == 2
        assert "nobody else may write there" in done.stderr
    assert victim.exists()
    assert not (place / "srv").exists()


def test_the_account_can_read_the_software_whatever_the_umask_is(tmp_path) -> None:
    former = os.umask(0o077)
    try:
        assert run(tmp_path / "host", "install").returncode == 0
    finally:
        os.umask(former)
    software = (tmp_path / "host/srv/software/km3vo").resolve()
    assert software.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "host/etc/km3vo").stat().st_mode & 0o777 == 0o755


def test_shellcheck_finds_nothing() -> None:
    scripts = [PROGRAM, ROOT / "packaging" / "system" / "km3vo"]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_logrotate_accepts_the_configuration_and_acts_as_the_account() -> None:
    text = (ROOT / "packaging" / "system" / "logrotate").read_text()
    assert "\n    su km3vo km3vo\n" in text
    program = shutil.which("logrotate", path="/usr/sbin:/usr/bin")
    path = ROOT / "packaging" / "system" / "logrotate"
    done = subprocess.run([program, "--debug", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error:" not in done.stderr
