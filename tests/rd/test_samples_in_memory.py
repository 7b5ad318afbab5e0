"""The samples that the services of limits keep in memory, in the Python of DaCHS."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.instances import ROOT
from tests.probes import environment


def output(probe: str, home: Path, *arguments: Path) -> str:
    """Run a probe; return what it prints."""
    done = subprocess.run(
        ["/usr/bin/python3", Path(__file__).with_name(probe), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(home),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sample_is_read_again_after_an_import_and_only_then(tmp_path: Path) -> None:
    """Times and sizes of files may be those of the import before."""
    found = output("samples_probe.py", tmp_path, ROOT / "rd" / "km3net" / "samples", tmp_path, ROOT)
    first, again, more, response, response_again, simulated, last = json.loads(found)
    assert first[::2] == [3, True]
    assert again[::2] == [3, False]
    assert more[::2] == [4, True]
    # another response with the same events
    assert response[1] == 2 * more[1]
    assert response[::2] == [4, True]
    assert response_again[::2] == [4, False]
    assert "no real sample here" in simulated
    assert last[::2] == [5, True]


def test_the_analysis_is_loaded_while_other_threads_import_modules(tmp_path: Path) -> None:
    assert output("analysis_probe.py", tmp_path, ROOT).splitlines() == ["2.0", "[]"]
