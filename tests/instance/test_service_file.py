"""The service file for systemd."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.instances import ROOT

SERVICE = ROOT / "site" / "systemd" / "km3vo.service"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_every_line_of_the_service_file(tmp_path) -> None:
    unit = tmp_path / SERVICE.name
    unit.write_text(SERVICE.read_text().replace("/opt/km3vo", str(ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(unit.name) not in done.stderr, "a line is ignored"
