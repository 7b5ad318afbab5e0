"""The command line: help, exit codes, and what a person sees when something unforeseen happens."""

from __future__ import annotations

import contextlib
import errno
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from instances import KM3VO

from ingest import cli
from ingest.core.errors import ExitCode, IngestError, InputError, UnavailableError


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), (*path, name))


COMMANDS = list(walk(cli.commands))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(p) for p, _ in COMMANDS])
def test_every_command_and_option_has_help(path, command, capsys, monkeypatch) -> None:
    assert command.help and command.help.strip().endswith(".")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{' '.join(path)} {parameter.name}"
    monkeypatch.setattr("sys.argv", ["km3vo", *path, "--help"])
    assert run(monkeypatch, *path, "--help") == 0
    assert "Usage: km3vo" in capsys.readouterr().out


def run(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["km3vo", *arguments])
    try:
        cli.main()
    except SystemExit as request:
        return int(request.code or 0)
    return 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["no-such-command"],
        ["import", "--no-such-option"],
        ["import", "unwanted argument"],
        ["instance", "up", "--port", "many"],
        ["instance", "sideways"],
    ],
)
def test_a_bad_command_line(arguments, monkeypatch, capsys) -> None:
    assert run(monkeypatch, *arguments) == ExitCode.BAD_INPUT
    told = capsys.readouterr()
    assert "Error:" in told.err
    assert told.out == ""


def test_bringing_the_server_up_does_not_load_what_reads_events() -> None:
    program = "import sys, ingest.cli; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_version(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "--version") == 0
    assert re.fullmatch(r"km3vo, version \d+\.\d+\.\d+\n", capsys.readouterr().out)


def failing(error: BaseException):
    def fail(*_args, **_more):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (InputError("bad row", file="f.dat", where="line 3"), 2, "error: f.dat, line 3: bad row\n"),
        (UnavailableError("nowhere"), 2, "error: nowhere\n"),
        (IngestError("broken"), 1, "error: broken\n"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 1, "error: /x: the disk is full\n"),
        (OSError(errno.EDQUOT, "Quota", "/x"), 1, "error: /x: the disk is full\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "error: /x: Permission den"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_failures_become_messages_and_exit_codes(monkeypatch, capsys, error, code, told) -> None:
    monkeypatch.setattr(cli.lifecycle, "status", failing(error))
    assert run(monkeypatch, "instance", "status") == code
    shown = capsys.readouterr().err
    assert told in shown
    assert "Traceback" not in shown


def test_the_unforeseen_is_written_to_a_log(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cli.lifecycle, "status", failing(ZeroDivisionError("so what")))
    assert run(monkeypatch, "instance", "status") == ExitCode.FAILURE
    shown = capsys.readouterr().err
    assert "this is a fault of km3vo, not of your input (ZeroDivisionError)" in shown
    assert "Traceback" not in shown
    log = Path(re.search(r"with the file (\S+)", shown)[1])
    try:
        assert "so what" in log.read_text()
        assert "Traceback" in log.read_text()
    finally:
        log.unlink()


def test_a_closed_pipe_is_no_fault(instance) -> None:
    command = f"{KM3VO} import --release ant20_01 | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env=instance.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "fault of km3vo" not in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_is_shown_on_a_terminal_only(instance) -> None:
    command = [KM3VO, "import", "--release", "ant20_01"]
    piped = subprocess.run(command, env=instance.environment, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout + piped.stderr
    assert b"\r" not in piped.stdout + piped.stderr

    ours, theirs = pty.openpty()
    environment = instance.environment | {"TERM": "xterm"}
    with subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        # Linux reports the other end's closing as an error.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65_536):
                shown += piece
    os.close(ours)
    assert process.returncode == 0
    assert b"importing ant20_01" in shown
    assert b"\x1b" in shown
