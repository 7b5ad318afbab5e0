"""The service files for systemd."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.instances import ROOT

FOLDER = ROOT / "site" / "systemd"
# km3vo-due requires km3vo.service, which is not installed here
SERVICES = (FOLDER / "km3vo.service", FOLDER / "km3vo-listener.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.stem)
def test_systemd_accepts_every_line_of_the_service_file(service, tmp_path) -> None:
    unit = tmp_path / service.name
    unit.write_text(service.read_text().replace("/opt/km3vo", str(ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(unit.name) not in done.stderr, "a line is ignored"
