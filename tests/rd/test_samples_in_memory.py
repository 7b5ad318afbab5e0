"""The samples that the services of limits keep in memory, in the Python of DaCHS."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.instances import ROOT
from tests.probes import environment

PROBE = Path(__file__).with_name("samples_probe.py")


def test_a_sample_is_read_again_after_an_import_and_only_then(tmp_path) -> None:
    """Times and sizes of files may be those of the import before."""
    done = subprocess.run(
        ["/usr/bin/python3", PROBE, ROOT / "rd" / "km3net" / "samples", tmp_path, ROOT],
        capture_output=True,
        text=True,
        check=False,
        env=environment(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    first, again, more, response, response_again, simulated, last = json.loads(done.stdout)
    assert first[::2] == [3, True]
    assert again[::2] == [3, False]
    assert more[::2] == [4, True]
    # another response with the same events
    assert response[1] == 2 * more[1]
    assert response[::2] == [4, True]
    assert response_again[::2] == [4, False]
    assert "no real sample here" in simulated
    assert last[::2] == [5, True]
