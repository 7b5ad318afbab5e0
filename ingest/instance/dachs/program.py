"""How the programs of DaCHS are started in an instance."""

from __future__ import annotations

from pathlib import Path

from ingest.instance import postgres
from ingest.instance.dachs import configuration
from ingest.instance.layout import ARCHIVE_VARIABLE, Layout

PROGRAM = Path("/usr/bin/dachs")
"""Exists where DaCHS is installed; it is started by our launcher, which patches it."""
PYTHON = Path("/usr/bin/python3")
"""The Python for which DaCHS is installed."""


def command(layout: Layout) -> tuple[Path, ...]:
    """Return the words that start a command of DaCHS."""
    return PYTHON, configuration.launcher(layout) / "launch.py"


def environment(layout: Layout) -> dict[str, str]:
    """Return the environment variables of DaCHS."""
    return {
        # The launcher is replaced with each upgrade; DaCHS' own files are compiled already.
        "PYTHONDONTWRITEBYTECODE": "1",
        "GAVOSETTINGS": str(configuration.settings(layout)),
        "GAVOCUSTOM": "/dev/null",
        # the alert services serve files from the archive
        ARCHIVE_VARIABLE: str(layout.archive),
        # for [database] sslmode; without a file by this name it is not read
        "PGSSLROOTCERT": str(layout.var / postgres.CERTIFICATE),
    }


def staged_inputs(layout: Layout) -> dict[str, str]:
    """Return the environment variables with which DaCHS reads the staged descriptors."""
    return {"GAVO_INPUTSDIR": str(layout.staged.resolve())}


def error_excerpt(output: str, lines: int = 8) -> str:
    """Return the error messages in the output of DaCHS, or its last lines if there are none."""
    shown = [line.rstrip() for line in output.splitlines() if line.strip()]
    for index, line in enumerate(shown):
        if line.startswith(("*** Error", "***Error", "Error")):
            return "\n".join(shown[index : index + lines])
    return "\n".join(shown[-lines:])
