"""Validation with the IVOA's XML schemas, which DaCHS includes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ingest.instance.dachs import Dachs


def violations(dachs: Dachs, documents: Mapping[str, bytes]) -> dict[str, str]:
    """Validate documents in one run of ``dachs admin xsdValidate``.

    Parameters
    ----------
    dachs : Dachs
        The instance whose DaCHS validates the documents.
    documents : mapping of str to bytes
        XML documents by name.

    Returns
    -------
    dict of str to str
        The errors, by the names of the invalid documents.
    """
    if not documents:
        return {}
    with tempfile.TemporaryDirectory(dir=dachs.layout.scratch) as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)
        dachs.account.chown(folder)
        paths = {}
        for number, (name, content) in enumerate(documents.items()):
            path = folder / f"{number}.xml"
            path.write_bytes(content)
            path.chmod(0o644)
            dachs.account.chown(path)
            paths[name] = path
        done = dachs.run("admin", "xsdValidate", *map(str, paths.values()))
    output = done.stdout + done.stderr
    wrong = {}
    for name, path in paths.items():
        verdict = output.partition(f"{path} -- ")[2]
        if not verdict.startswith("valid\n"):
            until = verdict.find(f"{folder}/", 1)
            # DaCHS prints the repr of a text with line breaks.
            text = verdict[: until if until > 0 else None].replace("\\n", "\n").strip()
            wrong[name] = text or output.strip() or "DaCHS' validator did not run"
    return wrong
