"""``km3vo release`` in copies of the checkout, so that the working tree stays as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pyvo
from km3net_testdata import data_path
from lxml import etree

from ingest.events.delivery import manifest
from ingest.publish.release import check
from tests import loaded
from tests.instances import KM3VO, Instance
from tests.templates import Templates, port

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "curators-guide-release.md"
TEMPLATE = ROOT / "ingest" / "publish" / "release" / "templates" / "release.rd"
ORCA6 = Path(data_path("dst/orca6_sample.root"))


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
    return target


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return copy_of_checkout(tmp_path / "checkout")


def km3vo(checkout: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(checkout), "COLUMNS": "200"}
    environment.pop("KM3VO_INPUTS", None)
    return loaded.run([str(KM3VO), *map(str, arguments)], environment, checkout)


def new(checkout: Path, name: str, *more: str | Path) -> subprocess.CompletedProcess[str]:
    return km3vo(checkout, "release", "new", name, "--from", ORCA6, *more)


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


@pytest.mark.slow
def test_the_guide_leads_to_a_published_release(
    checkout: Path, instance_of_checkout: Instance
) -> None:
    """Executes the blocks of the guide, in their order, on a real instance."""
    served = instance_of_checkout
    codes = []
    for language, block in re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        words = ["bash", "-e", "-c", block]
        if language == "diff":
            words = ["git", "apply", "--unidiff-zero", "-"]
        done = subprocess.run(
            words, cwd=checkout, env=served.environment,
            input=block, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        codes.append(done.returncode)
        assert done.returncode in (0, 2), done.stdout + done.stderr
    assert codes == [0, 0, 2, 0, 0, 0]

    tap = pyvo.dal.TAPService(served.tap)
    for query in (
        "SELECT count(*) AS n FROM evts99_01.main WHERE release = 'evts99_01'",
        "SELECT count(*) AS n FROM km3net.events WHERE release = 'evts99_01'",
    ):
        assert tap.run_sync(query)[0]["n"] == 2495
    (row,) = tap.run_sync(
        "SELECT obs_title, em_min, access_url FROM ivoa.obscore"
        " WHERE obs_collection = 'KM3NeT-ORCA6-test' AND dataproduct_type = 'hea-event-list'"
    )
    assert row["obs_title"] == "KM3NeT/ORCA6 test sample"
    assert row["em_min"] == pytest.approx(1.239841984e-15 / 1e5)
    cone = pyvo.dal.SCSService(f"{served.url}/evts99_01/nu/cone/scs.xml?")
    assert "km3.49.9505.114.0" in list(cone.search(pos=(0.02, 44.05), radius=1)["event_id"])


def test_new_marks_blanks_that_check_and_import_find(checkout: Path) -> None:
    done = new(checkout, "evts98_01")
    assert (done.returncode, done.stderr) == (0, "")
    toml = checkout / "inputs/evts98_01/release.toml"
    descriptor = checkout / "rd/evts98_01/nu.rd"
    marks = sum(path.read_text().count("FILL IN:") for path in (toml, descriptor))
    checked = km3vo(checkout, "release", "check", "evts98_01")
    assert (checked.returncode, checked.stderr) == (2, "")
    assert checked.stdout.count("\nblank\t") == marks == 20
    imported = km3vo(checkout, "import", "--release", "evts98_01")
    assert imported.returncode == 2
    assert imported.stderr == (
        f"error: {toml}, line 9: a blank is left (and 7 more)\n"
        "  expected: the detector as in papers, such as ORCA6\n"
        "  remedy:   fill it in; km3vo release check lists what is missing\n"
    )
    # what the file says itself, is no blank
    text = toml.read_text()
    for line in (
        'detector = "orca"', "det_id = 49", 'format = "dst-root"', "events = 2495",
        "start = 2021-02-24T12:00:05Z", "stop = 2021-02-24T17:59:59Z", "size = 1281531",
        'sha256 = ["2003f36653e679766b243fa9c3931d764675506685ae8c3b04871f6e53ff0421"]',
    ):  # fmt: skip
        assert f"{line}\n" in text


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


@pytest.mark.parametrize("name", ["ant20_01", "evts20_01", "evts21_01", "evts23_01"])
def test_check_finds_nothing_missing_in_our_releases(name: str) -> None:
    done = km3vo(ROOT, "release", "check", name)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the releases, for a check within this process: it is quicker."""
    for name in ("inputs", "rd"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("data"))
    from ingest.publish.release import check, draft

    for module in (manifest, draft):
        monkeypatch.setattr(module, "INPUTS", tmp_path / "inputs")
    for module in (draft, check):
        monkeypatch.setattr(module, "RD", tmp_path / "rd")
    return tmp_path


RD = "rd/evts21_01/nu.rd"
COMMON = "rd/km3net/common.rd"
TOML = "inputs/evts21_01/release.toml"


@pytest.mark.parametrize(
    ("file", "old", "new", "subject", "words"),
    [
        (RD, "1.602176634e-10 ", "1 ", "spectral", "1.602176634e-10 1.602176634e-05 J, for 1 to"),
        (RD, "59269 59270", "soon", "temporal", "soon; must be 59269.00000 59270.00000"),
        (RD, 'testRA="0.02"', 'testRA="24h"', "cone", "the position of an event is missing"),
        (RD, 'testRA="0.02"', 'testRA="361"', "cone", "361.0, 44.05"),
        (RD, 'detector="ORCA6"', 'detector="ORCA"', "detector", "the manifest ORCA6"),
        (RD, 'schema="evts21_01"', 'schema="evts"', "evts21_01.main", "declared: evts.main"),
        (RD, "No DOI:", "", "doi", "missing; add it, or a comment <!-- No DOI: reason -->"),
        (RD, "creationDate", "dateOfCreation", "creationDate", "missing"),
        (RD, '"title">KM3NeT/ORCA6 event sample', '"title">', "title", "missing"),
        (RD, "#event-indices", "#indices", RD, "there is no such stream"),
        (RD, "</resource>", "", RD, "not well-formed"),
        (RD, '<macDef name="simulated"></macDef>', "", "simulated", "there must be one"),
        (COMMON, 'unit="GeV"', 'unit="Gev"', "energy", "the unit Gev is not one of VOUnits"),
        (COMMON, "stat.likelihood", "stat.like", "likelihood", "the UCD stat.like is not valid"),
        (COMMON, '"rights.rightsURI"', '"rightsURI"', "rights.rightsURI", "missing"),
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
        (TOML, "[release]", "[release", TOML, "not valid TOML"),
    ],
)
def test_check_finds_what_is_wrong(
    folders: Path, file: str, old: str, new: str, subject: str, words: str
) -> None:
    text = (folders / file).read_text()
    assert old in text
    (folders / file).write_text(text.replace(old, new))
    wrong = [one for one in check.check_release("evts21_01") if not one.passed]
    assert [one.subject for one in wrong][:1] == [subject]
    assert words in wrong[0].finding


@pytest.mark.parametrize("content", [b"", b"\0\xff\xfe", b"<resource/>", b"release = 3\nfiles = 1"])
@pytest.mark.parametrize("file", [RD, COMMON, TOML])
def test_check_survives_anything(folders: Path, file: str, content: bytes) -> None:
    (folders / file).write_bytes(content)
    assert not all(one.passed for one in check.check_release("evts21_01"))


def test_check_knows_no_release_without_files(checkout: Path) -> None:
    done = km3vo(checkout, "release", "check", "evts99_07")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {checkout}/inputs/evts99_07/release.toml: there is no release evts99_07\n"
        "  remedy:   correct the name, or create it with km3vo release new evts99_07\n"
    )


@pytest.mark.parametrize("name", ["evts20_01", "evts21_01"])
def test_our_descriptors_have_the_form_of_the_template(name: str) -> None:
    def form(path: Path) -> list[tuple[str, str | None]]:
        root = etree.parse(path).getroot()
        return [
            (one.tag, one.get("name") or one.get("source") or one.get("id"))
            for one in root.iter(etree.Element)
            if one.get("name") != "doi"
        ]

    assert form(ROOT / "rd" / name / "nu.rd") == form(TEMPLATE)
