"""The command line of the project, ``km3vo``."""

from __future__ import annotations

import ast
import errno
import importlib
import importlib.util
import logging
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

import click

from ingest import __version__
from ingest.commands import run_log
from ingest.commands.output import drop_output, messages, report
from ingest.core.errors import ExitCode, IngestError

# Reading events needs libraries that take a second to load, and starting the server should not
# wait for them: a module is imported when its command is called.
_COMMANDS: Final = {
    "access": ("ingest.commands.access", "access"),
    "alerts": ("ingest.commands.alerts", "alerts"),
    "backup": ("ingest.commands.backup", "backup"),
    "check": ("ingest.commands.check", "check"),
    "cite": ("ingest.commands.cite", "cite"),
    "demo": ("ingest.commands.check", "demo"),
    "doctor": ("ingest.commands.doctor", "doctor"),
    "events": ("ingest.commands.events", "events"),
    "import": ("ingest.commands.imports", "import_"),
    "instance": ("ingest.commands.instance", "instance"),
    "notebooks": ("ingest.commands.notebooks", "notebooks"),
    "qa": ("ingest.commands.qa", "qa"),
    "registry": ("ingest.commands.registry", "registry"),
    "release": ("ingest.commands.release", "release"),
    "restore": ("ingest.commands.backup", "restore"),
    "usage": ("ingest.commands.usage", "usage"),
    "workflow": ("ingest.commands.workflow", "workflow"),
}
_FORMER_NAMES: Final = {"publish": "cite"}
"""Still understood until version 0.2, with a warning."""

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the command line; every failure becomes a message and an exit code."""
    with run_log.recorded() as log:
        sys.exit(_run(log))


def _run(log: run_log.RunLog) -> int:
    try:
        commands(prog_name="km3vo", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("\naborted", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return ExitCode.BAD_INPUT
    except click.exceptions.Exit as request:
        return request.exit_code
    except SystemExit as request:
        return int(request.code or 0)
    except IngestError as error:
        report(str(error))
        return error.exit_code
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        report(_explain(error))
        return ExitCode.FAILURE
    except Exception as error:
        logger.exception("unforeseen")
        report(
            f"this is an error in km3vo, not in your input ({type(error).__name__})\n"
            f"  remedy:   please report it, with the file {log.path or _traceback_file()}"
        )
        return ExitCode.FAILURE
    return ExitCode.OK


class _Commands(click.Group):
    """The groups of commands, each loaded from its module when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in _FORMER_NAMES:
            name = _FORMER_NAMES[name]
            messages.print(f"warning: this command is called km3vo {name} now")
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands with the first line of what each says about itself."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, _summary(name)) for name in self.list_commands(context)])


def _summary(name: str) -> str:
    """Return the first line of a command's docstring without loading the command."""
    module, attribute = _COMMANDS[name]
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    source = ast.parse(Path(spec.origin).read_text("utf-8"))
    (function,) = (
        node for node in source.body if isinstance(node, ast.FunctionDef) and node.name == attribute
    )
    return (ast.get_docstring(function) or "").partition("\n")[0]


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="km3vo")
@click.option("-v", "--verbose", is_flag=True, help="Print the log of the run as well.")
def commands(verbose: bool) -> None:
    """Publish neutrino events of KM3NeT and ANTARES in the Virtual Observatory."""
    if verbose:
        run_log.print_records()


def _traceback_file() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="km3vo-", suffix=".log", delete=False) as file:
        traceback.print_exc(file=file)
    return file.name


def _explain(error: OSError) -> str:
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{place}the disk is full\n  remedy:   free some space, then run the command again;"
            " what was online before still is"
        )
    remedy = ""
    if isinstance(error, PermissionError):
        remedy = "\n  remedy:   correct its owner or mode; km3vo doctor looks for such faults"
    return f"{place}{error.strerror or error}{remedy}"
