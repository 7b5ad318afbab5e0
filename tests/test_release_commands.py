"""``km3vo release`` in copies of the checkout, so that the working tree stays as it is."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import pyvo
from km3net_testdata import data_path

from ingest.commands.release import release
from ingest.core.errors import ManifestError
from ingest.events import deployment, history
from ingest.events.delivery import manifest
from ingest.instance.account import Account
from ingest.instance.layout import Layout
from ingest.publish.release import check, editing, places, states, unpublished
from tests import loaded
from tests.instances import KM3VO, Instance
from tests.templates import Templates, port

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "curators-guide-release.md"
ORCA6 = Path(data_path("dst/orca6_sample.root"))
TODAY = datetime.now(UTC).date()
ALL_ANSWERS = {
    "--title": "KM3NeT/ORCA6 test sample",
    "--instrument": "ORCA6",
    "--analysis-mode": "atmospheric",
    "--livetime": "-",
    "--doi": "a sample for tests",
    "--reject": "finite-direction",
}


def copy_of_checkout(target: Path) -> Path:
    """Copy what is under version control, or will be; the copy's package is the one that runs."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout  # fmt: skip
    for name in os.fsdecode(listed).split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / ".venv").symlink_to(Path(sys.prefix))
    (target / "workflow" / ".venv").symlink_to(ROOT / "workflow" / ".venv")
    return target


@pytest.fixture(scope="module")
def fresh_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("project") / "checkout")


@pytest.fixture
def checkout(fresh_checkout: Path, tmp_path: Path) -> Path:
    """Provide a copy whose releases a test may change."""
    target = tmp_path / "checkout"
    target.mkdir()
    for path in fresh_checkout.iterdir():
        if path.name in ("inputs", "rd", "ingest"):
            shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("data"))
        else:
            (target / path.name).symlink_to(path)
    return target


def km3vo(checkout: Path, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    # no instance is made there
    settings = {"PYTHONPATH": str(checkout), "KM3VO_VAR": f"{checkout.parent}/var"} | more
    environment = os.environ | settings | {"COLUMNS": "200"}
    environment.pop("KM3VO_INPUTS", None)
    return loaded.run([str(KM3VO), *map(str, arguments)], environment, checkout)


def new(checkout: Path, name: str, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return km3vo(checkout, "release", "new", name, "--from", ORCA6, *more)


def complete(checkout: Path, name: str, *more: str | Path) -> Path:
    """Begin a release with all answers; return its folder."""
    texts = checkout / "texts.rst"
    texts.write_text("A sample for tests.\n\nNot selected.\n")
    answers = [word for pair in ALL_ANSWERS.items() for word in pair]
    done = new(
        checkout, name, *answers, "--energies", "1", "1e5", "--description", texts, *more
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return checkout / "inputs" / name


# --- the guide ---


@pytest.fixture
def instance_of_checkout(
    checkout: Path, scratch_instance: Instance, templates: Templates
) -> Iterator[Instance]:
    """Serve what the copy of the checkout publishes."""
    with tempfile.TemporaryDirectory(prefix="km3vo-guide-") as name:
        # the servers' account must be able to enter, which it cannot below pytest's directory
        Path(name).chmod(0o755)
        made = replace(
            scratch_instance,
            var=Path(name) / "var",
            port=port(70),
            extra={"PYTHONPATH": str(checkout)},
        )
        try:
            templates.copy("empty", made).up()
            yield made
        finally:
            made.reset()


@pytest.mark.long
def test_the_guide_leads_a_release_through_its_life(
    checkout: Path, instance_of_checkout: Instance
) -> None:
    """Executes the blocks of the guide, in their order, on a real instance."""
    served = instance_of_checkout
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    printed = []

    def follow(block: str) -> None:
        done = subprocess.run(
            ["bash", "-e", "-c", block], cwd=checkout, env=served.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        printed.append(done.stdout)

    tap = pyvo.dal.TAPService(served.tap)
    count = "SELECT count(*) AS n FROM km3net.events WHERE release = '{}'"

    def counted(release: str) -> int:
        return int(tap.run_sync(count.format(release))[0]["n"])

    *drafting, importing, correcting, superseding, embargo, withdrawing, responses, workflow = (
        blocks
    )
    for block in (*drafting, importing):
        follow(block)
    assert counted("evts99_01") == 2495
    (row,) = tap.run_sync(
        "SELECT obs_title, em_min, access_url FROM ivoa.obscore"
        " WHERE obs_collection = 'KM3NeT-ORCA6' AND dataproduct_type = 'hea-event-list'"
    )
    assert row["obs_title"] == "KM3NeT/ORCA6 test sample"
    assert row["em_min"] == pytest.approx(1.239841984e-15 / 1e5)
    cone = pyvo.dal.SCSService(f"{served.url}/evts99_01/nu/cone/scs.xml?")
    assert "km3.49.9505.114.0" in list(cone.search(pos=(0.02, 44.05), radius=1)["event_id"])
    page = served.fetch("evts99_01/nu/cone/info").decode()
    assert "quallity" in page and "Revisions" not in page

    follow(correcting)
    page = served.fetch("evts99_01/nu/cone/info").decode()
    assert "its quality" in page and "a misspelt word corrected" in page
    assert "quallity" not in page

    follow(superseding)
    assert (counted("evts99_01"), counted("evts99_02")) == (0, 2495)
    assert int(tap.run_sync("SELECT count(*) AS n FROM evts99_01.main")[0]["n"]) == 2495
    assert "evts99_01\tKM3NeT/ORCA6 test sample\tsuperseded\t2495" in printed[-1]
    follow(embargo)
    assert "the release is public" in printed[-1]

    follow(withdrawing)
    assert (counted("evts99_01"), counted("evts99_02")) == (2495, 0)
    assert "replaced" not in served.fetch("evts99_01/nu/cone/info").decode()
    assert re.findall(r"\t(imported|withdrawn)\t", printed[-1]) == ["imported", "withdrawn"]
    refused = served.km3vo("import", "--release", "evts99_02")
    assert refused.returncode == 2
    assert "the release evts99_02 was withdrawn" in refused.stderr

    follow(responses)
    assert "irf_arca230" in printed[-1]

    follow(workflow)
    assert "evts99_01\t2499\t2495\t4\t2495" in printed[-1]
    assert counted("evts99_01") == 2495


# --- beginning a release ---


def test_a_new_release_needs_at_most_eight_answers(checkout: Path) -> None:
    folder = complete(checkout, "evts98_01")
    assert len(ALL_ANSWERS) + len(["--energies", "--description"]) == 8
    shutil.copy(ORCA6, folder)
    checked = km3vo(checkout, "release", "check", "evts98_01")
    assert (checked.returncode, checked.stderr) == (0, "")
    text = (folder / "release.toml").read_text()
    assert len(text.splitlines()) <= 25
    descriptor = (checkout / "rd/evts98_01/nu.rd").read_text()
    assert len(descriptor.splitlines()) <= 40
    assert "KM3NeT/ORCA6" not in descriptor  # no text stands twice
    # what the file says itself
    for line in (
        'detector = "orca"', "det_id = 49", 'format = "dst-root"', "events = 2495",
        "start = 2021-02-24T12:00:05Z", "stop = 2021-02-24T17:59:59Z", 'event_type = "track"',
        'files = [{ name = "orca6_sample.root",'
        ' sha256 = ["2003f36653e679766b243fa9c3931d764675506685ae8c3b04871f6e53ff0421"] }]',
    ):  # fmt: skip
        assert f"{line}\n" in text


def test_what_nobody_answers_is_a_blank_that_check_finds(checkout: Path) -> None:
    done = new(checkout, "evts98_01")
    assert (done.returncode, done.stderr) == (0, "")
    toml = checkout / "inputs/evts98_01/release.toml"
    marks = sum(path.read_text().count("FILL IN:") for path in toml.parent.iterdir())
    checked = km3vo(checkout, "release", "check", "evts98_01")
    assert (checked.returncode, checked.stderr) == (2, "")
    assert checked.stdout.count("blank\t") == marks == 11
    used = km3vo(checkout, "events", "convert", ORCA6, "-o", ".", "--release", "evts98_01")
    assert used.returncode == 2
    assert used.stderr == (
        f"error: {toml}, line 1: a blank is left (and 8 more)\n"
        "  expected: finite-direction, if these rows should be left out (4 rows of"
        " orca6_sample.root, first E entry 568); otherwise repair the file\n"
        "  remedy:   fill it in; km3vo release check lists what is missing\n"
    )


def test_on_a_terminal_each_missing_fact_is_asked_once(checkout: Path) -> None:
    answers = [
        "KM3NeT/ORCA6 <sample> & \\getConfig", "ORCA6", "5 1", "1 1e5", "-", "-",
        "none yet", "What it is.", "How to use it.",
    ]  # fmt: skip
    ours, theirs = pty.openpty()
    command = [KM3VO, "release", "new", "evts98_01", "--from", ORCA6, "--reject"]
    process = subprocess.Popen(
        [*command, "finite-direction"],
        stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | {"PYTHONPATH": str(checkout), "KM3VO_VAR": f"{checkout.parent}/var"},
    )  # fmt: skip
    os.write(ours, "".join(f"{one}\n" for one in answers).encode())
    shown, _ = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, shown
    assert "Error: the lower energy comes first; such as 1 1e5" in shown
    content = tomllib.loads((checkout / "inputs/evts98_01/release.toml").read_text())
    assert content["release"]["title"] == answers[0]
    assert content["release"]["no_doi"] == "none yet"
    assert content["observation"]["max_energy_gev"] == 1e5
    assert "livetime_days" not in content["release"]
    texts = (checkout / "inputs/evts98_01/description.rst").read_text()
    assert texts == "What it is.\n\nHow to use it.\n"


def test_a_new_version_inherits_what_its_files_do_not_say(checkout: Path) -> None:
    folder = checkout / "inputs/evts21_01"
    (folder / "description.rst").write_text("Its texts.\n\nIts documentation.\n")
    done = new(checkout, "evts21_02", "--supersedes", "evts21_01", "--doi", "none", "--livetime=-")
    assert (done.returncode, done.stderr) == (0, "")
    made = tomllib.loads((checkout / "inputs/evts21_02/release.toml").read_text())
    former = tomllib.loads((folder / "release.toml").read_text())
    assert made["observation"] == former["observation"]
    assert made["checks"] == former["checks"]
    assert made["release"]["supersedes"] == "evts21_01"
    assert made["release"]["title"] == former["release"]["title"]
    assert made["release"]["created"] == TODAY
    assert "doi" not in made["release"]
    texts = checkout / "inputs/evts21_02/description.rst"
    assert texts.read_text() == "Its texts.\n\nIts documentation.\n"
    assert "evts21_01" not in (checkout / "rd/evts21_02/nu.rd").read_text()
    checked = km3vo(checkout, "release", "check", "evts21_02")
    assert "is not available" in checked.stdout
    assert checked.stdout.endswith("1 of 11 checks found something to do\n")

    done = new(checkout, "evts21_03", "--from-release", "evts21_01")
    assert (done.returncode, done.stderr) == (0, "")
    made = tomllib.loads((checkout / "inputs/evts21_03/release.toml").read_text())
    assert "supersedes" not in made["release"]
    assert made["release"]["title"].startswith("FILL IN:")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "evts21_01",
            "error: {checkout}/inputs/evts21_01/release.toml:"
            " the release evts21_01 exists already\n"
            "  remedy:   use the next number; a published release does not change\n",
        ),
        (
            "../evts24_01",
            "error: this is not a valid name for a release\n"
            "  found:    ../evts24_01\n"
            "  expected: kind, year and running number, such as evts24_01\n"
            "  remedy:   choose another name\n",
        ),
    ],
)
def test_new_refuses_names(checkout: Path, name: str, message: str) -> None:
    done = new(checkout, name)
    assert (done.returncode, done.stderr) == (2, message.format(checkout=checkout))


def test_new_refuses_a_simulation(checkout: Path) -> None:
    file = data_path("hdf5/mupage_ARCA.h5")
    done = km3vo(checkout, "release", "new", "evts98_01", "--from", file, "--detector", "arca")
    assert done.returncode == 2
    assert "the file is a simulation: it cannot be published" in done.stderr
    assert not (checkout / "inputs/evts98_01").exists()
    assert not (checkout / "rd/evts98_01").exists()


def test_new_refuses_files_that_do_not_belong_together(checkout: Path) -> None:
    antares = checkout / "inputs/ant20_01/PublicData_0717.dat"
    done = new(checkout, "evts98_01", antares)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {antares}: the files are of another detector each\n"
        "  found:    antares\n"
        "  expected: orca, as orca6_sample.root\n"
        "  remedy:   make a release of each\n"
    )


# --- changes, within this process because it is quicker ---


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "var" / "reports").mkdir(parents=True)
    return Layout(tmp_path / "var", Account.current())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the releases."""
    for name in ("inputs", "rd"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("data"))
    for module in (manifest, places, unpublished):
        monkeypatch.setattr(module, "INPUTS", tmp_path / "inputs")
    for module in (places, check, unpublished):
        monkeypatch.setattr(module, "RD", tmp_path / "rd")
    return tmp_path


def put_online(layout: Layout, name: str, **facts: object) -> None:
    """Pretend that a release is online."""
    folder = layout.inputs / name
    (folder / "data").mkdir(parents=True, exist_ok=True)
    known = {"title": "", "supersedes": None, "protected": False, "hidden": False} | facts
    (folder / "release.json").write_text(json.dumps(known))


def test_set_keeps_comments_and_order(folders: Path, layout: Layout) -> None:
    path = folders / "inputs/evts21_01/release.toml"
    before = path.read_text()
    given = {"title": 'A "better" title & <more> \\getConfig{x}', "max_energy_gev": "2e5"}
    changed = editing.set_facts("evts21_01", given, layout)
    assert changed == ["release.title", "observation.max_energy_gev"]
    expected = before.replace(
        'title = "KM3NeT/ORCA6 event sample"',
        r'title = "A \"better\" title & <more> \\getConfig{x}"',
    ).replace("max_energy_gev = 1e5", "max_energy_gev = 2e5")
    assert path.read_text() == expected
    editing.set_facts("evts21_01", {"doi": "10.5281/zenodo.1", "short_name": ""}, layout)
    release = manifest.load_manifest("evts21_01").release
    assert (release.doi, release.no_doi, release.short_name) == ("10.5281/zenodo.1", None, None)


def test_texts_of_an_online_release_change_by_revisions(folders: Path, layout: Layout) -> None:
    put_online(layout, "evts21_01")
    with pytest.raises(ManifestError, match="a change of its description needs a reason"):
        editing.set_facts("evts21_01", {"title": "Other"}, layout)
    editing.set_facts("evts21_01", {"title": "Other"}, layout, "title corrected")
    editing.set_facts("evts21_01", {"description": "A word."}, layout, "a word corrected")
    release = manifest.load_manifest("evts21_01").release
    assert release.updated == TODAY
    assert release.revisions == (f"{TODAY}: title corrected", f"{TODAY}: a word corrected")
    assert (folders / "inputs/evts21_01/description.rst").read_text().startswith("A word.\n\n")


@pytest.mark.parametrize("fact", ["events=3", "stop=2022-01-01T00:00:00Z", "reject=", "det_id="])
def test_facts_of_rows_do_not_change_once_they_are_online(
    folders: Path, layout: Layout, fact: str
) -> None:
    put_online(layout, "evts21_01")
    path = folders / "inputs/evts21_01/release.toml"
    before = path.read_bytes()
    key, _, value = fact.partition("=")
    with pytest.raises(ManifestError) as caught:
        editing.set_facts("evts21_01", {key: value}, layout, "a reason")
    assert caught.value.problem == (
        "the release evts21_01 is online, and its rows depend on this fact"
    )
    assert caught.value.remedy == (
        "km3vo release new NEW --supersedes evts21_01 --from FILE makes its new version"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("titel", "x", "unknown key"),
        ("observation.title", "x", "unknown key"),
        ("name", "evts22_01", "name is not set by hand"),
        ("withdrawn", "x", "withdrawn is not set by hand"),
        ("events", "-3", "the value of events is not valid"),
        ("title", "x" * 10_000, "the value of title is not valid"),
        ("title", "two\nlines", "the value of title is not valid"),
        ("doi", "10.5281/ zenodo", "the value of doi is not valid"),
        ("title", "", "title cannot be removed"),
        ("supersedes", "evts21_01", "the value of release is not valid"),
        ("supersedes", "evts77_01", "the release that this one supersedes does not exist"),
        ("min_energy_gev", "1e9", "the value of observation is not valid"),
        ("embargo_until", "2021-01-01", "the end of the embargo is in the past"),
        ("description", "", "the release has no description"),
        ("description", "a\0b", "the line has characters that cannot be printed"),
        ("description", "@/no/such/file", "there are no texts in this file: it cannot be read"),
    ],
)
def test_set_refuses_and_writes_nothing(
    folders: Path, layout: Layout, key: str, value: str, problem: str
) -> None:
    folder = folders / "inputs/evts21_01"
    (folder / "description.rst").write_text("One paragraph.\n")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(Exception) as caught:
        editing.set_facts("evts21_01", {key: value}, layout)
    assert caught.value.problem == problem
    assert caught.value.exit_code == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_set_suggests_the_nearest_key(checkout: Path) -> None:
    done = km3vo(checkout, "release", "set", "evts21_01", "titel=x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: unknown key\n"
        "  found:    titel\n"
        "  expected: title?\n"
        "  remedy:   correct the spelling; files are described in the manifest itself\n"
    )


@pytest.mark.parametrize("key", ["access", "embargo_until"])
def test_what_was_public_cannot_be_hidden(folders: Path, layout: Layout, key: str) -> None:
    put_online(layout, "evts21_01")
    given = {key: {"access": "collaboration", "embargo_until": "2199-01-01"}[key]}
    with pytest.raises(ManifestError, match="registries and users may have copies of it"):
        editing.set_facts("evts21_01", given, layout, "a reason")


def test_a_superseded_release_has_no_embargo(folders: Path, layout: Layout) -> None:
    put_online(layout, "evts21_01")
    put_online(layout, "evts23_01", supersedes="evts21_01")
    with pytest.raises(ManifestError, match="the release has been replaced by evts23_01"):
        editing.set_facts("evts21_01", {"access": "collaboration"}, layout, "a reason")


# --- check ---


@pytest.mark.parametrize(
    "name", ["ant20_01", "evts20_01", "evts21_01", "evts23_01", "irf_arca115", "irf_arca230"]
)
def test_check_finds_nothing_missing_in_our_releases(name: str) -> None:
    done = km3vo(ROOT, "release", "check", name)
    assert done.returncode == 0, done.stdout + done.stderr


RD = "rd/evts21_01/nu.rd"
COMMON = "rd/km3net/common.rd"
TOML = "inputs/evts21_01/release.toml"
TEXTS = "inputs/evts21_01/description.rst"


@pytest.mark.parametrize(
    ("file", "old", "new", "subject", "words"),
    [
        (RD, 'schema="evts21_01"', 'schema="evts"', "evts21_01.main", "declared: evts.main"),
        (RD, "evts21_01/about#cone", "x/about#cone", RD, 'add <FEED source="evts21_01/about#cone"'),
        (RD, "#event-indices", "#indices", RD, "there is no such stream"),
        (RD, "</resource>", "", RD, "not well-formed"),
        (COMMON, 'unit="GeV"', 'unit="Gev"', "energy", "the unit Gev is not one of VOUnits"),
        (COMMON, "stat.likelihood", "stat.like", "likelihood", "the UCD stat.like is not valid"),
        (TOML, "sha256 = ", "# ", "orca6_sample.root", "sha256 is missing"),
        (
            TOML,
            '["2003f',
            '["3003f',
            "orca6_sample.root",
            "the checksum of the file is not in the manifest",
        ),
        (TOML, "orca6_sample.root", "x.root", "x.root", "is not available"),
        (TOML, "events = 2495", "events = 0", "release.events", "greater than 0"),
        (TOML, 'format = "dst-root"', 'format = "dst"', "release.format", "dst; it must be one"),
        (TOML, "[release]", "[release", TOML, "not valid TOML"),
        (TOML, "no_doi", "# no_doi", "release", "give doi, or no_doi with the reason"),
        (TOML, "det_id", 'supersedes = "evts88_01"\ndet_id', "supersedes", "does not exist"),
        (TOML, "det_id", 'withdrawn = "wrong"\ndet_id', "withdrawn", "was withdrawn"),
        (
            TOML,
            "det_id",
            "embargo_until = 2026-01-01\ndet_id",
            "access",
            "the end of the embargo is in the past",
        ),
    ],
)
def test_check_finds_what_is_wrong(
    folders: Path, layout: Layout, file: str, old: str, new: str, subject: str, words: str
) -> None:
    text = (folders / file).read_text()
    assert old in text
    (folders / file).write_text(text.replace(old, new))
    wrong = [one for one in check.check_release("evts21_01", layout) if not one.passed]
    assert [one.subject for one in wrong][:1] == [subject]
    assert words in wrong[0].finding


@pytest.mark.parametrize(
    ("file", "old", "new", "subject", "words"),
    [
        ("release.toml", 'table = "pmts"', 'table = "tubes"', "descriptor", "tubes"),
        ("release.toml", '"figure2.csv"', '"figure3.csv"', "figure3.csv", "is not available"),
        ("release.toml", '"hits-json"\npart', '"detector-json"\npart', "evts23_01.hits", "part"),
        ("Figure4.csv", "#1,", "1,", "Figure4.csv", "the checksum of the file"),
    ],
)
def test_check_finds_what_is_wrong_with_further_tables(
    folders: Path, layout: Layout, file: str, old: str, new: str, subject: str, words: str
) -> None:
    path = folders / "inputs" / "evts23_01" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    wrong = [one for one in check.check_release("evts23_01", layout) if not one.passed]
    assert [one.subject for one in wrong][:1] == [subject]
    assert words in wrong[0].finding


@pytest.mark.parametrize("content", [None, b"", b"\0\xff\xfe", b"<resource/>", b"release = 3"])
@pytest.mark.parametrize("file", [RD, COMMON, TOML, TEXTS])
def test_check_survives_anything(
    folders: Path, layout: Layout, file: str, content: bytes | None
) -> None:
    if content is None:
        (folders / file).unlink()
    else:
        (folders / file).write_bytes(content)
    assert not all(one.passed for one in check.check_release("evts21_01", layout))


def test_check_finds_circles(folders: Path, layout: Layout) -> None:
    for name, former in (("evts20_01", "evts21_01"), ("evts21_01", "evts20_01")):
        path = folders / "inputs" / name / "release.toml"
        path.write_text(path.read_text().replace("det_id", f'supersedes = "{former}"\ndet_id'))
    wrong = [one for one in check.check_release("evts21_01", layout) if not one.passed]
    assert wrong[0].finding == (
        "release.supersedes: the releases supersede each other in a circle, found evts21_01;"
        " correct it, or remove the line"
    )


def test_check_knows_no_release_without_files(checkout: Path) -> None:
    done = km3vo(checkout, "release", "check", "evts99_07")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no release evts99_07\n"
        "  expected: one of ant20_01, evts20_01, evts21_01, evts23_01\n"
        "  remedy:   correct the name, or begin it: km3vo release new evts99_07 --from FILE\n"
    )


# --- names ---


def test_a_draft_is_renamed_and_removed(checkout: Path) -> None:
    folder = complete(checkout, "evts98_01")
    (folder / "delivered.root").write_bytes(b"")
    done = km3vo(checkout, "release", "rename", "evts98_01", "evts97_01")
    assert (done.returncode, done.stderr) == (0, "")
    assert not folder.exists()
    moved = checkout / "inputs/evts97_01"
    assert 'name = "evts97_01"' in (moved / "release.toml").read_text()
    assert "evts98_01" not in (checkout / "rd/evts97_01/nu.rd").read_text()
    assert km3vo(checkout, "release", "rename", "evts97_01", "evts21_01").returncode == 2

    done = km3vo(checkout, "release", "remove", "evts97_01", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"evts97_01 is removed.\n{moved}/delivered.root stays\n"
    assert [path.name for path in moved.iterdir()] == ["delivered.root"]
    assert not (checkout / "rd/evts97_01").exists()


def test_an_interrupted_renaming_is_completed(folders: Path, layout: Layout) -> None:
    for place in ("inputs", "rd"):
        (folders / place / "evts21_01").rename(folders / place / "evts22_01")
    unpublished.rename("evts21_01", "evts22_01", layout)
    assert manifest.load_manifest("evts22_01").name == "evts22_01"


def test_a_release_that_is_online_keeps_its_name_and_files(folders: Path, layout: Layout) -> None:
    put_online(layout, "evts21_01")
    with pytest.raises(ManifestError) as caught:
        unpublished.rename("evts21_01", "evts22_01", layout)
    assert str(caught.value) == (
        f"{folders}/inputs/evts21_01/release.toml: the release evts21_01 is online: others may"
        " refer to it\n  remedy:   km3vo release new NEW --supersedes evts21_01 --from FILE makes"
        " a release of another name"
    )
    with pytest.raises(ManifestError) as caught:
        unpublished.remove("evts21_01", layout)
    assert caught.value.remedy == "km3vo release withdraw evts21_01 --reason TEXT"
    assert (folders / TOML).exists() and (folders / RD).exists()


def test_what_another_release_supersedes_is_not_removed(folders: Path, layout: Layout) -> None:
    path = folders / "inputs/evts23_01/release.toml"
    path.write_text(path.read_text().replace("det_id", 'supersedes = "evts21_01"\ndet_id'))
    with pytest.raises(ManifestError, match="evts23_01 supersedes this release"):
        unpublished.remove("evts21_01", layout)
    assert unpublished.rename("evts21_01", "evts22_01", layout) == ["evts23_01"]
    assert 'supersedes = "evts22_01"' in path.read_text()


# --- what an instance knows ---


def imported(name: str, layout: Layout, **more: object) -> history.HistoryEntry:
    """Pretend that a release was imported as it is."""
    put_online(layout, name)
    described = history.describing(manifest.load_manifest(name))
    entry = history.HistoryEntry("imported", 2495, **described | more)
    history.append(layout, name, entry)
    return entry


def state(name: str, layout: Layout) -> str:
    return str(states.state_of(name, layout).state)


def test_each_state_has_its_name(folders: Path, layout: Layout) -> None:
    toml = folders / "inputs/evts21_01/release.toml"
    before = toml.read_text()
    assert state("evts21_01", layout) == "ready"
    toml.write_text(before.replace('"orca"', '"FILL IN: orca or arca"'))
    assert state("evts21_01", layout) == "draft"
    toml.write_text("not TOML")
    assert state("evts21_01", layout) == "draft"
    toml.write_text(before)
    imported("evts21_01", layout)
    assert state("evts21_01", layout) == "online"
    toml.write_text(before.replace("KM3NeT/ORCA6 event sample", "Other"))
    found = states.state_of("evts21_01", layout)
    assert (str(found.state), found.rows) == ("changed", 2495)
    assert found.differs == ("release.title: KM3NeT/ORCA6 event sample → Other",)
    toml.write_text(before)
    put_online(layout, "evts21_01", protected=True)
    assert state("evts21_01", layout) == "embargoed"
    put_online(layout, "evts21_01")
    other = folders / "inputs/evts20_01/release.toml"
    other.write_text(other.read_text().replace("det_id", 'supersedes = "evts21_01"\ndet_id'))
    put_online(layout, "evts20_01", supersedes="evts21_01")
    assert state("evts21_01", layout) == "superseded"
    toml.write_text(before.replace("det_id", 'withdrawn = "wrong"\ndet_id'))
    assert state("evts21_01", layout) == "withdrawn"


def test_a_withdrawn_version_between_two_is_passed_over(folders: Path, layout: Layout) -> None:
    for name, former in (("evts21_01", "evts20_01"), ("evts23_01", "evts21_01")):
        path = folders / "inputs" / name / "release.toml"
        path.write_text(path.read_text().replace("det_id", f'supersedes = "{former}"\ndet_id', 1))
        put_online(layout, name, supersedes=former)
    put_online(layout, "evts20_01")
    assert deployment.successor("evts20_01", layout) == "evts21_01"
    assert deployment.successor("evts20_01", layout, without="evts21_01") == "evts23_01"
    newest = manifest.load_manifest("evts23_01")
    assert deployment.online_predecessor(newest, layout) == "evts21_01"


def test_the_history_survives_an_interrupted_line(folders: Path, layout: Layout) -> None:
    imported("evts21_01", layout, files={"a.root": "0" * 64})
    path = layout.reports / "evts21_01" / "history.jsonl"
    with path.open("ab") as stream:
        stream.write(b'{"what": "revi')
    history.append(layout, "evts21_01", history.HistoryEntry("withdrawn", 0, reason="wrong"))
    history.append_revision(layout, manifest.load_manifest("evts21_01"), 2495)
    history.append_revision(layout, manifest.load_manifest("evts21_01"), 2495)  # nothing new
    first, last, revised = history.history(layout, "evts21_01")
    assert revised.what == "revised"
    assert (first.what, first.rows, first.files) == ("imported", 2495, {"a.root": "0" * 64})
    assert first.facts["release"]["events"] == 2495
    assert (last.what, last.reason) == ("withdrawn", "wrong")
    assert last.date.startswith(str(TODAY))


@pytest.fixture
def account_layout() -> Iterator[Layout]:
    """Provide a directory that the servers' account can use, as it cannot below pytest's."""
    with tempfile.TemporaryDirectory(prefix="km3vo-files-") as name:
        Path(name).chmod(0o755)
        made = Layout(Path(name) / "var", Account.current())
        made.create()
        yield made


def test_kept_files_are_deleted_only_if_no_release_needs_them(
    checkout: Path, account_layout: Layout
) -> None:
    listed = "2003f36653e679766b243fa9c3931d764675506685ae8c3b04871f6e53ff0421"
    unknown = "1" * 64
    layout = account_layout
    for checksum in (listed, unknown):
        path = layout.deliveries / checksum / "orca6_sample.root"
        path.parent.mkdir()
        path.write_bytes(b"12345")
        for one in (path, path.parent):
            layout.account.chown(one)

    def files(*options: str) -> subprocess.CompletedProcess[str]:
        return km3vo(checkout, "release", "files", *options, KM3VO_VAR=str(layout.path))

    done = files()
    assert done.stdout == (
        "release\tfile\tsize\tsha256\tneeded\tstate\n"
        f"none\torca6_sample.root\t5\t{unknown}\tno\tsuperseded\n"
        f"evts21_01\torca6_sample.root\t5\t{listed}\tyes\tdelivered\n"
    )
    assert files("--prune").returncode == 130  # nobody confirms
    assert len(list(layout.deliveries.iterdir())) == 2
    (checkout / "inputs/evts20_01/release.toml").write_text("files = 3")
    done = files("--prune", "--yes")
    assert (done.returncode, len(list(layout.deliveries.iterdir()))) == (2, 2)
    assert "the list of files cannot be read" in done.stderr
    (checkout / "inputs/evts20_01/release.toml").unlink()
    done = files("--prune", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in layout.deliveries.iterdir()] == [listed]


def test_every_command_has_an_example_and_json() -> None:
    context = click.Context(release)
    for name in release.list_commands(context):
        command = release.get_command(context, name)
        assert command is not None
        assert command.epilog and command.epilog.startswith(f"Example: km3vo release {name}"), name
        if name != "due":
            assert "--json" in {one for option in command.params for one in option.opts}, name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("show", "km3net"),
        ("show", "../evts21_01"),
        ("history", ""),
        ("set", "evts77_01"),
        ("remove", "evts77_01"),
        ("rename", "evts77_01"),
    ],
)
def test_an_unknown_release_is_an_error(fresh_checkout: Path, words: str, name: str) -> None:
    more = {"set": ["title=x"], "rename": ["evts78_01"]}.get(words, [])
    done = km3vo(fresh_checkout, "release", words, name, *more)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: there is no release {name}\n  expected: one of ant20_01")


# --- catalogues of alerts ---


def packet(name: str, **changes: object) -> bytes:
    """Return one of GCN's examples of KM3NeT's notices with changes."""
    path = ROOT / "inputs" / "alerts" / "gcn" / name
    return json.dumps(json.loads(path.read_bytes()) | changes).encode()


@pytest.mark.slow
def test_alerts_become_a_release(
    checkout: Path, instance_of_checkout: Instance, tmp_path: Path
) -> None:
    """An update, a retraction and a test, first for members only, then public."""
    served = instance_of_checkout
    single, multiplet = "km3net_alert.example.json", "km3net_alert.multiplet.example.json"
    packets = {
        "first": packet(single),
        "update": packet(single, alert_type="update", record_number=2, ra=11.5, far=2e-8),
        "multiplet": packet(multiplet),
        "retraction": packet(multiplet, alert_type="retraction", record_number=2, ra=99.0),
        "test": packet(single, alert_tense="test", event_name="KM3-240902A"),
    }
    for name, content in packets.items():
        (tmp_path / f"{name}.json").write_bytes(content)
    voevent = ROOT / "inputs/alerts/voevent/KM3-230213A.xml"
    others = ROOT / "inputs/alerts/voevent/icecube_gold.xml"
    files = [str(tmp_path / f"{name}.json") for name in packets]

    def done(*arguments: str) -> str:
        result = served.km3vo(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    empty = served.km3vo("release", "new", "alrt99_01", "--alerts")
    assert empty.returncode == 2
    assert "the archive has no alerts of KM3NeT" in empty.stderr
    assert not (checkout / "inputs/alrt99_01").exists()
    done("alerts", "import", *files, str(voevent), str(others))
    text = done(
        "release", "new", "alrt99_01", "--alerts", "--title", "Alerts of tests",
        "--event-type", "track", "--doi", "a test",
    )  # fmt: skip
    assert "alerts.fits: 3 alerts" in text
    assert " blanks" in text and "FILL IN" not in text
    for name in ("release.toml", "description.rst"):
        assert "FILL IN" not in (checkout / "inputs/alrt99_01" / name).read_text()
    done("release", "set", "alrt99_01", "access=collaboration")
    done("import", "--release", "alrt99_01")
    for table in ("main", "events"):
        with pytest.raises(ValueError, match="alrt99_01"):
            served.adql(f"SELECT * FROM alrt99_01.{table}")
    manifest = checkout / "inputs/alrt99_01/release.toml"
    manifest.write_text(manifest.read_text().replace('access = "collaboration"\n', ""))
    done("import", "--release", "alrt99_01")
    rows = served.adql(
        "SELECT event_name, ra, dec, revision, retracted, n_events, ang_err_cl, energy, instrument"
        " FROM alrt99_01.main ORDER BY mjd"
    )
    assert rows == [
        ["KM3-230213A", "94.3", "-7.8", "", "0", "", "0.9", "120000000.0", "ARCA021"],
        ["KM3-240901A", "11.5", "20.01", "2", "0", "1", "0.9", "120000.0", "ORCA024"],
        ["KM3-240901B", "13.81", "18.85", "1", "1", "2", "0.9", "", "ARCA021"],
    ]
    # as the packets have them
    assert served.adql("SELECT alert_id, event_id FROM alrt99_01.events ORDER BY event_id") == [
        ["km3net/KM3-240901B", "km3.234.22488.72853.13018"],
        ["km3net/KM3-240901B", "km3.234.23492.58959.787"],
        ["km3net/KM3-240901A", "km3.234.23492.58968.763"],
    ]
    joined = served.adql(
        "SELECT m.event_name, n.far FROM alrt99_01.main AS m JOIN alerts.notices AS n"
        " ON n.sha256 = m.sha256 WHERE n.far = m.far AND m.retracted = 0"
    )
    assert joined == [["KM3-240901A", "2e-08"]]
    here = "SELECT event_name FROM alrt99_01.main WHERE 1 = CONTAINS(POINT(94.3, {}), region_90)"
    assert served.adql(here.format(-7.0)) == [["KM3-230213A"]]
    assert served.adql(here.format(-17.0)) == []
    # alerts are no events of the detectors, but a product like all others
    assert served.adql("SELECT count(*) FROM km3net.events") == [["0"]]
    products = "SELECT dataproduct_type FROM ivoa.obscore WHERE obs_id = 'alrt99_01/1'"
    kinds = {kind for (kind,) in served.adql(products)}
    assert kinds == {"hea-event-list", "hea-event-bundle", "measurements"}
    # later updates are in the archive, not in the release
    (tmp_path / "later.json").write_bytes(
        packet(single, alert_type="update", record_number=3, ra=12.5)
    )
    done("alerts", "import", str(tmp_path / "later.json"))
    assert served.adql("SELECT ra FROM alrt99_01.main WHERE event_name = 'KM3-240901A'") == [
        ["11.5"]
    ]


def test_a_release_is_of_files_or_of_alerts(checkout: Path) -> None:
    for arguments in ([], ["--alerts", "--from", ORCA6]):
        result = km3vo(checkout, "release", "new", "evts99_09", *arguments)
        assert result.returncode == 2
        assert "Give either --from with the delivered files, or --alerts." in result.stderr
