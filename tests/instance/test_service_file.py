"""The units for systemd."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.instances import ROOT

UNITS = sorted((ROOT / "site" / "systemd").iterdir())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", [path.name for path in UNITS])
def test_systemd_accepts_every_line_of_the_units(tmp_path, name: str) -> None:
    for path in UNITS:  # they name each other
        text = path.read_text().replace("/opt/km3vo", str(ROOT))
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert name not in done.stderr, "a line is ignored"
