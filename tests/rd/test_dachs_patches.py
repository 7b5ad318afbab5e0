"""Our patches of DaCHS do what DaCHS does, and what they are for."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from ingest.instance.dachs import configuration
from ingest.instance.site import load_site
from tests.probes import environment

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("macros_probe.py")
MESSAGES = Path(__file__).with_name("messages_probe.py")
REPLACED = Path(__file__).with_name("replaced_probe.py")
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
        env=environment(tmp_path),
        input=json.dumps(list(TEXTS)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    theirs, ours = json.loads(done.stdout)
    if theirs[list(TEXTS).index(r"\nothing")] == "AttributeError":  # DaCHS 2.13
        theirs = ["MacroError" if one == "AttributeError" else one for one in theirs]
        ours = ["MacroError" if one == "AttributeError" else one for one in ours]
    assert dict(zip(TEXTS, theirs, strict=True)) == TEXTS
    assert ours == theirs


def test_the_log_says_where_an_unexpected_error_was_raised(tmp_path: Path) -> None:
    """The client reads only the number of the error in the log."""
    done = subprocess.run(
        ["/usr/bin/python3", MESSAGES, ROOT / "site" / "dachs"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)
    (logged,) = found["logged"]
    number = re.search("with the number ([0-9a-f]{8})", found["public"])
    assert number and logged.startswith(f"Error {number[1]}: ")
    assert "in place_of_the_fault\n" in logged
    assert logged.endswith("RuntimeError: a secret")
    assert "secret" not in found["public"] and "place" not in found["public"]


def test_it_is_known_which_code_the_patches_replace(tmp_path: Path) -> None:
    settings = load_site().model_dump(mode="json", include=configuration._PATCH_SETTINGS)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(settings | {"software": {"version": "0"}}))
    (tmp_path / "etc").mkdir()
    (tmp_path / "gavo.rc").write_text(f"[general]\nrootDir: {tmp_path}\n")
    for name in ("dsn", "feed", "trustedquery", "untrustedquery"):
        (tmp_path / "etc" / name).write_text("database = gavo\nuser = nobody\n")
    done = subprocess.run(
        ["/usr/bin/python3", REPLACED, ROOT / "site" / "dachs", path],
        env={"GAVOSETTINGS": str(tmp_path / "gavo.rc"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    record = json.loads((ROOT / "site/dachs/patches/replaced.json").read_text())
    for patch, names in found["replaced"].items():
        assert set(names) <= set(record["patches"].get(patch, ())), f"write replaced.json: {patch}"
    if found["version"] in record["versions"]:  # a newer one starts with warnings
        assert found["unknown"] == {}
        assert done.stderr == ""
