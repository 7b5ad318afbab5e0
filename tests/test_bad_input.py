"""Bad input through the real command: a message, an exit code, and nothing changes online."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.core.errors import ExitCode
from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.instances import without_the_list
from tests.served import served

TABLE = "ant20_01"
IMPORT = ("import", "--release", TABLE)
FILE = "PublicData_0717.dat"


@pytest.fixture(scope="module", autouse=True)
def unchanged_at_the_end(instance) -> Iterator[None]:
    """Compare everything that is served before and after all tests of this module."""
    before = served(instance)
    yield
    assert served(instance) == before


GLANCE = "SELECT COUNT(*), SUM(nhit), MIN(mjd), SUM(ra) FROM ant20_01.main"


@pytest.fixture
def untouched(instance) -> Iterator[None]:
    """See to it that a test leaves the table online, and nothing lying about."""
    before = instance.adql(GLANCE)
    record = instance.var / "reports" / TABLE / "record.json"
    recorded = record.read_bytes()
    yield
    assert instance.adql(GLANCE) == before
    assert record.read_bytes() == recorded
    left = [path.name for path in (instance.var / "dachs" / "inputs").glob(".*")]
    assert left == [], "leftovers of a publication"
    assert not (instance.var / "dachs" / "inputs.staged").exists()
    assert list((instance.var / "scratch").glob(f"{TABLE}/*")) == []


@pytest.fixture
def refused(instance, untouched, tmp_path) -> Callable[..., str]:
    """Return a function that imports a file, expects a refusal and returns the message."""

    def importing(content: bytes | None, code: int = ExitCode.BAD_INPUT, **extra: str) -> str:
        if content is not None:
            (tmp_path / FILE).write_bytes(content)
        return refusal(instance.km3vo(*IMPORT, "--inputs", str(tmp_path), **extra), code)

    return importing


def refusal(done: subprocess.CompletedProcess[str], code: int = ExitCode.BAD_INPUT) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert "remedy:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "error in km3vo" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr, "control characters in piped output"
    return done.stderr


@pytest.fixture(scope="session")
def good(antares_list: Path) -> list[bytes]:
    return antares_list.read_bytes().splitlines(keepends=True)


def with_line(lines: list[bytes], number: int, line: bytes) -> bytes:
    """Return the file with the line `number`, counted from 1, replaced."""
    return b"".join([*lines[: number - 1], line, *lines[number:]])


def cells(lines: list[bytes], number: int) -> list[bytes]:
    return lines[number - 1].split()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (0, b"91", ["declination", "91", "-90"]),
        (0, b"-90.1", ["declination", "-90.1"]),
        (0, b"nan", ["nan"]),
        (1, b"inf", ["inf"]),
        (1, b"361", ["right ascension", "361", "360"]),
        (2, b"12.5", ["Nhit is not a number", "12.5", "whole number"]),
        (2, b"99999999999999999999", ["99999999999999999999", "whole number"]),
        (2, b"1_2", ["Nhit is not a number", "1_2"]),
        (3, b"-0.4", ["-0.4"]),
        (4, b"now", ["MJD is not a number", "now"]),
        (4, b"70000", ["70000", "58119"]),
    ],
)
def test_a_bad_value(good, refused, column: int, value: bytes, expected: list[str]) -> None:
    words = cells(good, 17)
    words[column] = value
    message = refused(with_line(good, 17, b"\t".join(words) + b"\n"))
    assert f"{FILE}, line 17: " in message
    for part in (*expected, "expected:"):
        assert part.lower() in message.lower(), message


@pytest.mark.parametrize("count", [0, 4, 6])
def test_a_wrong_number_of_columns(good, refused, count: int) -> None:
    words = [*cells(good, 8000), b"1"][:count]
    message = refused(with_line(good, 8000, b"\t".join(words) + b"\n"))
    assert f"{FILE}, line 8000: wrong number of columns: {count}" in message
    assert "expected: 5 numbers: Decl, RA, Nhit, Beta, MJD" in message


def test_a_duplicated_row(good, refused) -> None:
    message = refused(with_line(good, 5000, good[16]))
    assert f"{FILE}, line 5000: " in message
    assert "line 17" in message


def test_an_empty_file(refused) -> None:
    assert f"{FILE}: the file is empty" in refused(b"")


def test_only_header_lines(good, refused) -> None:
    assert "the file contains no events" in refused(b"".join(good[:2]))


def test_a_file_cut_in_the_middle_of_a_line(good, refused) -> None:
    message = refused(b"".join(good)[:100_000])
    assert "ends in the middle of a line" in message
    assert re.search(rf"{FILE}, line \d+: ", message)


def test_a_file_whose_last_lines_are_missing(good, refused) -> None:
    message = refused(b"".join(good[:8000]))
    assert "the number of events differs from the manifest" in message
    assert "7998" in message
    assert "expected: 8754" in message


def test_windows_line_ends(good, refused) -> None:
    message = refused(b"".join(good).replace(b"\n", b"\r\n"))
    assert f"{FILE}, line 1: the file has Windows line ends" in message
    assert "sed -i" in message


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"])
def test_a_byte_order_mark(good, refused, mark: bytes) -> None:
    assert "byte-order mark" in refused(mark + b"".join(good))


def test_a_lost_header_line(good, refused) -> None:
    assert "a header line is missing" in refused(b"".join(good[1:]))


def test_binary_garbage(refused) -> None:
    garbage = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(250))
    message = refused(garbage)
    assert FILE in message
    assert message.replace("\n", "").isprintable()


def test_a_line_of_a_gigabyte(refused, tmp_path) -> None:
    with (tmp_path / FILE).open("wb") as stream:
        stream.truncate(2**30)
    assert f"{FILE}, line 1: the line is too long" in refused(None)


def test_a_wrong_checksum(good, refused) -> None:
    message = refused(with_line(good, 1, b"# another header line\n"))
    assert "the checksum of the file is not in the manifest" in message
    assert "sha256" in message
    assert "release.toml" in message


def test_a_directory_in_the_place_of_the_file(refused, tmp_path) -> None:
    (tmp_path / FILE).mkdir()
    assert f"{FILE}: this is not a file" in refused(None)


def test_a_pipe_in_the_place_of_the_file(refused, tmp_path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert f"{FILE}: this is not a file" in refused(None)


def test_inputs_that_do_not_exist(instance, untouched, tmp_path) -> None:
    message = refusal(instance.km3vo(*IMPORT, "--inputs", str(tmp_path / "nowhere")))
    assert "nowhere: the directory with inputs does not exist" in message


def test_inputs_without_the_file_do_not_replace_real_data(
    instance, refused, checkout: Path
) -> None:
    """Only the simulation is left, and that is no replacement."""
    kept = instance.var / "deliveries"
    away = kept.rename(kept.with_name("away"))
    try:
        message = refused(None, **without_the_list(checkout))
    finally:
        shutil.rmtree(kept)
        away.rename(kept)
    assert "only a simulated stand-in is available" in message
    assert "does not replace the real data of ant20_01 that are online" in message
    for source in ("overlay: ", "folder: "):
        assert source in message
    assert "INPUTS=" in message


def test_an_unknown_release(instance, untouched) -> None:
    message = refusal(instance.km3vo("import", "--release", "ant99_01"))
    assert "the release ant99_01 does not exist" in message
    assert "expected: one of ant20_01" in message


@pytest.mark.parametrize("name", ["../../etc", "ant20_01/../ant20_01", "", "."])
def test_a_release_that_is_a_path(instance, untouched, name: str) -> None:
    refusal(instance.km3vo("import", "--release", name))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("instrument =", "instrumnet =", ["release.instrumnet", "instrument?"]),
        ("sha256 =", "sha265 =", ["files.0.sha265", "sha256?"]),
        ("events = 8754", 'events = "many"', ["release.events", "many"]),
        ("events = 8754", "events = -1", ["release.events", "-1"]),
        ("events = 8754", "", ["the key release.events is missing"]),
        ("events = 8754", "events = ", ["this is not valid TOML", "line 18"]),
        ('format = "antares-text"', 'format = "text"', ["release.format", "antares-text"]),
        ('detector = "antares"', 'detector = "amanda"', ["release.detector", "amanda"]),
        ('name = "ant20_01"', 'name = "ant20_02"', ["release.name", "ant20_02"]),
        ("2018-01-01T00:00:00Z", "2001-01-01T00:00:00Z", ["start must be before stop"]),
        ("2018-01-01T00:00:00Z", "2018-01-01T00:00:00", ["release.stop"]),
        ('kind = "folder"', 'kind = "folded"', ["folded"]),
        ('"PublicData_0717.dat"', '"../PublicData_0717.dat"', ["files.0.name"]),
        ("[observation]", 'supersedes = "ant20_01"\n[observation]', ["cannot supersede itself"]),
        ("[observation]", 'supersedes = "ant19_01"\n[observation]', ["ant19_01", "one of evts20"]),
        ("[release]", "[checks]\nreject = ['no-such-rule']\n[release]", ["no-such-rule"]),
    ],
)
def test_a_bad_manifest(
    instance, untouched, checkout: Path, old: str, new: str, expected: list[str]
) -> None:
    path = checkout / "inputs" / TABLE / "release.toml"
    change(path, old, new)
    message = refusal(instance.km3vo(*IMPORT, PYTHONPATH=str(checkout)))
    for part in expected:
        assert part in message, message


def table_id(instance) -> int:
    layout = Layout(instance.var, Account.current())
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 'ant20_01.main'::regclass::oid::bigint")
        return cursor.fetchone()[0]


def change(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


HITS = "KM3-230213A_allhits.json.gz"


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        (HITS, b"\x1f\x8b\x08", ["the compressed file is damaged"]),
        (HITS, b'{"hits": [{"t": 0}]}', ["hits[0]", "a value is missing", "expected: dom_id"]),
        ("Figure4.csv", b"title\nSource,Name\n", ["line 2", "columns", "RA J2000 [deg]"]),
        ("figure2.csv", b"E,syst,bin_center,hist_val\n10,,5,many\n", ["line 2", "many"]),
        ("detector.json.gz", b"[]", ["the file has no rows"]),
    ],
)
def test_a_bad_file_of_a_further_table(
    instance, untouched, tmp_path, file: str, content: bytes, expected: list[str]
) -> None:
    (tmp_path / file).write_bytes(content)
    done = instance.km3vo("import", "--release", "evts23_01", "--inputs", str(tmp_path))
    message = refusal(done)
    assert str(tmp_path / file) in message
    assert all(words in message for words in expected), message


def test_a_further_table_with_another_checksum(instance, untouched, tmp_path, delivered) -> None:
    lines = (delivered / "evts23_01" / "Figure4.csv").read_text()
    (tmp_path / "Figure4.csv").write_text(lines.replace("94.263708", "94.263709"))
    done = instance.km3vo("import", "--release", "evts23_01", "--inputs", str(tmp_path))
    assert "the checksum of the file is not in the manifest" in refusal(done)


def test_a_further_table_that_the_descriptor_lacks(instance, untouched, checkout: Path) -> None:
    change(checkout / "rd" / "evts23_01" / "nu.rd", '<table id="pmts"', '<table id="tubes"')
    done = instance.km3vo("import", "--release", "evts23_01", PYTHONPATH=str(checkout))
    message = refusal(done)
    assert "does not declare a table" in message and "pmts" in message


@pytest.mark.slow
def test_the_second_data_element_fails_and_the_first_is_rolled_back(
    instance, untouched, checkout: Path
) -> None:
    before = table_id(instance)
    more = """<table id="extra" onDisk="True"><column name="nothing" type="integer"/></table>
        <data id="import_extra"><sources pattern="data/*.fits"/>
        <customGrammar module="../km3net/bulkload"/><make table="extra"/></data>"""
    change(checkout / "rd" / TABLE / "nu.rd", "</resource>", f"{more}</resource>")
    done = instance.km3vo(*IMPORT, "--force", PYTHONPATH=str(checkout))
    message = refusal(done, ExitCode.FAILURE)
    assert "DaCHS could not import" in message
    assert "the previous state is still online" in message
    assert "no column NOTHING" in message
    assert table_id(instance) == before, "the former table was imported again, not kept"


@pytest.mark.slow
def test_the_table_of_products_fails_and_all_is_taken_back(
    instance, untouched, checkout: Path
) -> None:
    """It is another descriptor: the release's table is in by then."""
    change(checkout / "rd" / "km3net" / "products.py", '["KID"]', '["KIDD"]')
    done = instance.km3vo(*IMPORT, "--force", PYTHONPATH=str(checkout))
    assert "KIDD" in refusal(done, ExitCode.FAILURE)


@pytest.mark.slow
def test_a_descriptor_that_cannot_be_registered_is_taken_back(
    instance, untouched, checkout: Path
) -> None:
    """The table is in by then: the former release has to come back."""
    path = checkout / "rd" / TABLE / "nu.rd"
    change(path, f'<FEED source="{TABLE}/about#metadata"/>', "")
    done = instance.km3vo(*IMPORT, "--force", PYTHONPATH=str(checkout))
    message = refusal(done, ExitCode.FAILURE)
    assert "could not import or publish" in message
    assert "Aborting publication" in message


def test_a_descriptor_that_is_no_xml(instance, untouched, checkout: Path) -> None:
    path = checkout / "rd" / TABLE / "nu.rd"
    change(path, "</resource>", "")
    done = instance.km3vo(*IMPORT, "--force", PYTHONPATH=str(checkout))
    assert "not well-formed" in refusal(done)


@pytest.mark.slow
def test_broken_shared_streams_do_not_reach_the_server(instance, untouched, checkout: Path) -> None:
    change(checkout / "rd" / "km3net" / "common.rd", 'STREAM id="import"', 'STREAM id="imports"')
    done = instance.km3vo(*IMPORT, "--force", PYTHONPATH=str(checkout))
    refusal(done, ExitCode.FAILURE)
    deployed = (instance.var / "dachs/inputs/km3net/common.rd").read_text()
    assert 'STREAM id="import"' in deployed


def test_a_full_disk(instance, untouched) -> None:
    scratch = instance.var / "scratch"
    account = Account.current()
    options = f"size=64k,mode=700,uid={account.uid},gid={account.gid}"
    tmpfs = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", scratch]
    if subprocess.run(tmpfs, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here: run as root, outside of a container")
    try:
        message = refusal(instance.km3vo(*IMPORT, "--force"), ExitCode.FAILURE)
    finally:
        subprocess.run(["umount", scratch], check=True)
    assert "the disk is full" in message
    assert "what was online before still is" in message
