"""The command line: help, exit codes, and what a person sees when something unforeseen happens."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from instances import KM3VO, ROOT, Instance

from ingest import cli
from ingest.commands import run_log
from ingest.core.errors import (
    ExitCode,
    IngestError,
    InputError,
    UnavailableError,
    in_one_line,
)
from ingest.instance import lifecycle


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
    output = capsys.readouterr()
    assert "Error:" in output.err
    assert output.out == ""


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
    ("error", "code", "expected"),
    [
        (InputError("bad row", file="f.dat", where="line 3"), 2, "error: f.dat, line 3: bad row\n"),
        (UnavailableError("nowhere"), 2, "error: nowhere\n"),
        (IngestError("broken"), 1, "error: broken\n"),
        (OSError(errno.ENOSPC, "No space left", "/x"), 1, "error: /x: the disk is full\n"),
        (OSError(errno.EDQUOT, "Quota", "/x"), 1, "error: /x: the disk is full\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "correct its owner or mode"),
        (KeyboardInterrupt(), 130, "aborted\n"),
    ],
)
def test_failures_become_messages_and_exit_codes(
    monkeypatch, capsys, error, code, expected
) -> None:
    monkeypatch.setattr(lifecycle, "status", failing(error))
    assert run(monkeypatch, "instance", "status") == code
    shown = capsys.readouterr().err
    assert expected in shown
    assert "Traceback" not in shown


def test_an_error_in_one_line_has_what_was_found_but_no_advice() -> None:
    error = InputError("bad row", file="f.dat", value="a\n  b", expected="c", remedy="d")
    assert in_one_line(error) == "f.dat: bad row (a b)"
    assert in_one_line(OSError("no\nway")) == "no way"
    assert in_one_line(ValueError()) == "ValueError"


def test_the_unforeseen_is_written_to_a_log(monkeypatch, capsys) -> None:
    monkeypatch.setattr(lifecycle, "status", failing(ZeroDivisionError("so what")))
    assert run(monkeypatch, "instance", "status") == ExitCode.FAILURE
    shown = capsys.readouterr().err
    assert "this is an error in km3vo, not in your input (ZeroDivisionError)" in shown
    assert "Traceback" not in shown
    log = Path(re.search(r"with the file (\S+)", shown)[1])
    try:
        assert "so what" in log.read_text()
        assert "Traceback" in log.read_text()
    finally:
        log.unlink()


def test_the_unforeseen_is_written_to_the_log_of_the_run(monkeypatch, capsys, tmp_path) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("KM3VO_VAR", str(tmp_path))
    monkeypatch.setattr(lifecycle, "status", failing(ZeroDivisionError("so what")))
    assert run(monkeypatch, "instance", "status") == ExitCode.FAILURE
    (log,) = (tmp_path / "logs").iterdir()
    assert str(log) in capsys.readouterr().err
    first, *rest = log.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ km3vo instance status", first)
    assert "ZeroDivisionError: so what" in rest


def test_a_run_that_changes_nothing_leaves_no_log(monkeypatch, tmp_path) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.setenv("KM3VO_VAR", str(tmp_path))
    assert run(monkeypatch, "instance", "status") == ExitCode.NOT_RUNNING
    assert list((tmp_path / "logs").iterdir()) == []


def test_only_the_newest_logs_are_kept(monkeypatch, tmp_path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    monkeypatch.setenv("KM3VO_VAR", str(tmp_path))
    monkeypatch.setattr(run_log, "NEWEST", 3)
    names = [f"km3vo-2020010{day}T000000Z-1.log" for day in range(1, 6)]
    for name in (*names, "dcErrors"):
        (logs / name).touch()
    monkeypatch.setattr(lifecycle, "status", failing(IngestError("broken")))
    assert run(monkeypatch, "instance", "status") == ExitCode.FAILURE
    left = sorted(path.name for path in logs.iterdir())
    assert left[:3] == ["dcErrors", *names[3:]]
    assert len(left) == 4


def test_verbose_prints_the_log(monkeypatch, capsys) -> None:
    monkeypatch.setattr(lifecycle, "status", failing(IngestError("broken")))
    assert run(monkeypatch, "--verbose", "instance", "status") == ExitCode.FAILURE
    assert "ingest.commands.output: broken" in capsys.readouterr().err


def test_a_former_name_of_a_command_is_understood(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "publish", "--help") == 0
    output = capsys.readouterr()
    assert "Usage: km3vo publish [OPTIONS] RELEASE" in output.out
    assert output.err == "warning: this command is called km3vo cite now\n"


def test_a_stopped_instance_is_no_error_of_make(tmp_path) -> None:
    done = subprocess.run(
        ["make", "status"],
        cwd=ROOT,
        env=Instance(tmp_path / "var", 0).environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "There is no instance yet; make up creates it.\n"


TABLES = {
    "release check ant20_01 --all": "check\tsubject\tresult\tfinding",
    "import --release ant20_01": "release\tread\taccepted\trejected\timported\tseconds\tremarks",
    "qa ant20_01": "id\tquestion\tresult\tevidence",
}


@pytest.mark.parametrize("command", TABLES)
def test_a_table_in_a_pipe_has_a_line_per_row(instance, command) -> None:
    done = instance.km3vo(*command.split(), COLUMNS="40")
    lines = done.stdout.splitlines()
    heading = lines.index(TABLES[command])
    rows = [line.split("\t") for line in lines[heading + 1 :] if "\t" in line]
    assert rows and {len(row) for row in rows} == {TABLES[command].count("\t") + 1}


@pytest.mark.parametrize("command", TABLES)
def test_a_table_as_json(instance, command) -> None:
    done = instance.km3vo(*command.split(), "--json")
    rows = json.loads(done.stdout)
    names = TABLES[command].split("\t")
    assert rows and all(row.keys() >= set(names) - {"remarks"} for row in rows)


@pytest.mark.parametrize("command", ["release check ant20_01 --all", "import -r ant20_01 --force"])
def test_a_closed_pipe_neither_stops_a_command_nor_changes_its_exit_code(instance, command) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{KM3VO} {command} | head -0; exit ${{PIPESTATUS[0]}}"],
        env=instance.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
