"""Our patches of DaCHS do what DaCHS does, and what they are for."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("macros_probe.py")
TEXTS = {
    # what DaCHS' documentation of macros says each becomes
    "": "",
    "no macro": "no macro",
    r"\name": "antares",
    r"of \name, and \name.": "of antares, and antares.",
    r"\twice{ab}": "abab",
    r"\twice{\name}": "antaresantares",
    r"\twice{\twice{a}}b": "aaaab",
    r"\twice{a\}b}": "a}ba}b",
    r"\name\+x": "antaresx",
    "two\\\nlines": "two lines",
    r"a \\ b": r"a \ b",
    r"\\name": r"\name",
    "\t \\name \t": "\t antares \t",
    # a single backslash is no macro
    "\\ ": "\\ ",
    "100 \\%": "100 \\%",
    "end\\": "end\\",
    r"\nothing": "MacroError",
    r"\twice": "MacroError",
    r"Süd \name 💥": "Süd antares 💥",
}


def test_macros_are_expanded_as_by_dachs(tmp_path: Path) -> None:
    done = subprocess.run(
        ["/usr/bin/python3", PROBE, ROOT / "site" / "dachs"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GAVOCUSTOM": "/dev/null"},
        input=json.dumps(list(TEXTS)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    theirs, ours = json.loads(done.stdout)
    assert dict(zip(TEXTS, theirs, strict=True)) == TEXTS
    assert ours == theirs
