"""``km3vo alerts convert`` and ``validate``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from ingest.alerts.conversion import load_json, save_json
from ingest.alerts.conversion.validation import validate_voevent
from ingest.commands.alerts_convert import convert, validate
from ingest.core.errors import ExitCode, InputError


@pytest.fixture
def alerts(delivered: Path) -> Path:
    return delivered / "alerts"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "empty.json"
    path.write_text("{}")
    yield path


def run(command: object, *words: str | Path, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(command, list(map(str, words)), input=stdin)  # type: ignore[arg-type]


def refused(result: Result) -> InputError:
    """Return the error that the command line would print, and exit with 2."""
    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == ExitCode.BAD_INPUT
    assert result.stdout == ""
    return result.exception


def test_a_notice_becomes_a_voevent_on_standard_output(alerts: Path) -> None:
    result = run(convert, alerts / "gcn" / "km3net_alert.example.json", "--to", "voevent")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout_bytes.endswith(b"</voe:VOEvent>\n")
    assert validate_voevent(result.stdout_bytes) == []


def test_the_way_there_and_back_through_pipes_gives_the_same_document(alerts: Path) -> None:
    for path in sorted((alerts / "gcn").glob("*.json")):
        there = run(convert, path, "--to", "voevent", "--voevent-version", "2.1")
        assert etree.fromstring(there.stdout_bytes).get("version") == "2.1"
        back = run(convert, "-", "--to", "json", stdin=there.stdout_bytes)
        assert back.exit_code == 0
        assert back.stdout_bytes == save_json(load_json(back.stdout_bytes))
        assert load_json(back.stdout_bytes) == load_json(path.read_bytes())


def test_a_file_is_written_only_if_the_conversion_succeeds(
    alerts: Path, empty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.xml"
    refused(run(convert, empty, "--to", "voevent", "-o", out))
    assert not out.exists()
    source = alerts / "gcn" / "km3net_alert.example.json"
    result = run(convert, source, "--to", "voevent", "-o", out)
    assert result.output == ""
    assert out.read_bytes() == run(convert, source, "--to", "voevent").stdout_bytes


def test_findings_go_to_standard_error_and_not_into_the_document(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text('{"mission": "KM3NeT", "id": "1", "ra": 999, "dec": 0}')
    result = run(convert, path, "--to", "voevent")
    assert result.exit_code == 0
    assert f"{path}: ra: found 999, expected 0 to 360 deg\n" in result.stderr
    assert validate_voevent(result.stdout_bytes) == []


def test_an_empty_notice_is_refused_with_what_is_missing(empty: Path) -> None:
    error = refused(run(convert, empty, "--to", "voevent"))
    assert error.file == str(empty)
    assert error.where == "event_name, id, alert_datetime, trigger_time"
    assert error.remedy


def test_a_file_that_is_neither_json_nor_xml_is_refused(tmp_path: Path, alerts: Path) -> None:
    for name, content, problem in (
        ("text", b"hello", "neither a VOEvent nor a notice"),
        ("nothing", b"", "neither a VOEvent nor a notice"),
        ("broken.json", b'{"id": ', "not well-formed"),
        ("list.json", b"[]", "not a notice"),
        ("broken.xml", b"<VOEvent", "not well-formed"),
        ("utf16.xml", '<?xml version="1.0"?><a/>'.encode("utf-16"), "not a VOEvent"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        error = refused(run(convert, path, "--to", "voevent" if "json" in name else "json"))
        assert problem in error.problem
        assert error.file == str(path)
        assert error.remedy
    error = refused(run(convert, tmp_path / "absent", "--to", "json"))
    assert "cannot be read" in error.problem
    quake = alerts / "voevent" / "not_a_voevent_quakeml.xml"
    assert "not a VOEvent" in refused(run(convert, quake, "--to", "json")).problem


def test_a_packet_already_in_the_target_format_is_refused(alerts: Path) -> None:
    path = alerts / "gcn" / "km3net_alert.example.json"
    assert "already" in refused(run(convert, path, "--to", "json")).problem


def test_lone_surrogates_survive_the_conversion(tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(r'{"id": "1", "additional_info": "\ud800 \u0000 \ufffe é"}')
    there = run(convert, path, "--to", "voevent")
    back = run(convert, "-", "--to", "json", stdin=there.stdout_bytes)
    assert json.loads(back.stdout_bytes) == json.loads(path.read_bytes())


def test_validate_names_each_file_and_exits_with_2_if_there_is_a_finding(
    alerts: Path, empty: Path, tmp_path: Path
) -> None:
    good = [
        alerts / "gcn" / "km3net_alert.example.json",
        alerts / "voevent" / "km3net_gcn_multiplet.xml",
    ]
    result = run(validate, *good)
    assert result.exit_code == 0
    assert result.stdout == f"{good[0]}: ok\n{good[1]}: ok\n"

    text = tmp_path / "text"
    text.write_text("hello")
    result = run(validate, good[0], empty, text, alerts / "voevent" / "KM3-230213A.xml")
    assert result.exit_code == ExitCode.BAD_INPUT
    lines = result.stdout.splitlines()
    assert lines[0] == f"{good[0]}: ok"
    assert f"{empty}: id, event_name: missing, expected at least one of them" in lines
    assert any(line.startswith(f"{text}: the file is neither") for line in lines)
    assert any("Error2Radius99" in line for line in lines)


def test_both_commands_have_help() -> None:
    for command in (convert, validate):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert "FILE" in result.stdout
