"""``km3vo qa``: each question has an answer with evidence, and a fault is found by its question."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from ingest.core.errors import ManifestError
from ingest.publish.review import checklist as reviews
from ingest.publish.review import checks, page
from ingest.publish.review.checks import CHECKS, Release, Result

IDS = ["readme", "description", "licence", "citation", "doi", "environment", "checksums",
    "provenance", "formats", "metadata", "numbers", "real", "contact"]  # fmt: skip
"""The ids that reports refer to: new ones may come, none may go."""


@pytest.fixture
def release(instance, layout, tmp_path: Path) -> Release:
    """Return the ANTARES release, with copies of its files that a test may change."""
    from ingest.core.descriptors import expand_descriptor
    from ingest.events.about import about
    from ingest.events.about_elements import ABOUT
    from ingest.events.delivery import load_manifest

    shutil.copytree(layout.inputs / "ant20_01", tmp_path / "ant20_01")
    record = tmp_path / "record.json"
    shutil.copy(layout.record("ant20_01"), record)
    manifest = load_manifest("ant20_01")
    return Release(
        "ant20_01",
        manifest,
        expand_descriptor("ant20_01/nu", about=about(manifest)[ABOUT]),
        tmp_path / "ant20_01",
        record,
        instance.url,
    )


def test_the_questions_keep_their_ids_and_each_has_its_function() -> None:
    asked = [item.id for item in reviews.checklist()]
    assert asked[: len(IDS)] == IDS
    assert set(asked) == set(CHECKS)
    assert all(item.asks.rstrip().endswith((".", "?")) for item in reviews.checklist())


@pytest.fixture(scope="module", autouse=True)
def _imported(instance) -> None:
    """Import again what another module's failed import left without a report."""
    done = instance.km3vo("import", "--release", "ant20_01")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["ant20_01", "evts20_01", "evts23_01"])
def test_a_good_release_passes_with_evidence_on_a_page(instance, name: str) -> None:
    done = instance.km3vo("qa", name)
    assert done.returncode == 0, done.stdout + done.stderr
    page = etree.HTML((instance.var / "reports" / f"qa-{name}.html").read_text())
    assert str(instance.var / "reports" / f"qa-{name}.html") in done.stdout
    for one in IDS:
        (row,) = page.xpath(f"//tr[@id='{one}']")
        assert row.xpath("td[3]/text()")[0] in ("ok", "not applicable")
        assert row.xpath("td[4]//li")
    dois = page.xpath("//tr[@id='doi']/td[3]/text()")
    assert dois == ["not applicable" if name == "evts20_01" else "ok"]
    assert "inputs/" in done.stdout and instance.url in done.stdout


def test_the_numbers_are_those_of_the_publication(release) -> None:
    answer = CHECKS["numbers"](release)
    assert answer.result is Result.OK
    assert sum("8754" in line for line in answer.evidence) == 4


def without_meta(release: Release, name: str) -> Release:
    for one in release.descriptor.xpath(f"meta[@name='{name}']"):
        one.getparent().remove(one)
    return release


def with_manifest(release: Release, **changes: object) -> Release:
    section = release.manifest.release.model_copy(update=changes)
    return replace(release, manifest=release.manifest.model_copy(update={"release": section}))


def without_doi(release: Release) -> Release:
    return without_meta(with_manifest(release, doi=None), "doi")


def with_another_original(release: Release) -> Release:
    (release.folder / "data" / "PublicData_0717.dat").write_text("another")
    return release


def without_checksum(release: Release) -> Release:
    (file,) = release.manifest.files
    files = (file.model_copy(update={"sha256": ()}),)
    return replace(release, manifest=release.manifest.model_copy(update={"files": files}))


def with_other_provenance(release: Release) -> Release:
    path = release.folder / "data" / "ant20_01.fits.prov.json"
    path.write_text(re.sub(r"[0-9a-f]{64}", "0" * 64, path.read_text()))
    return release


def with_record_of(release: Release, events: int) -> Release:
    content = json.loads(release.record.read_text())
    content["result"]["imported"] = events
    release.record.write_text(json.dumps(content))
    return release


def with_text(release: Release, old: str, new: str) -> Release:
    for one in release.descriptor.iter("meta"):
        one.text = one.text and one.text.replace(old, new)
    return release


def simulated(release: Release) -> Release:
    path = release.folder / "nu.rd"
    path.write_text(f"<!-- {checks.SIMULATED_WARNING} -->{path.read_text()}")
    return release


def without_products(release: Release) -> Release:
    (release.folder / "data" / "ant20_01.fits").unlink()
    return release


@pytest.mark.parametrize(
    ("question", "change", "words"),
    [
        ("readme", lambda one: without_meta(one, "_longdoc"), "0 words"),
        ("readme", lambda one: with_manifest(one, name="ant20_09"), "cone/info"),
        ("description", lambda one: without_meta(one, "description"), "description: missing"),
        ("licence", lambda one: with_text(one, "CC-BY-4.0", "CC-BY-8.0"), "CC-BY-8.0"),
        ("licence", lambda one: without_meta(one, "rights.rightsURI"), "rights.rightsURI: missing"),
        ("citation", lambda one: without_meta(one, "creator"), "referenceURL"),
        ("doi", without_doi, "doi: missing"),
        ("doi", lambda one: with_text(one, "10.3847/", "https://doi.org/10.3847/"), "https"),
        ("environment", without_products, "constraints.txt"),
        ("checksums", with_another_original, "DIFFERENT"),
        ("checksums", without_checksum, "no sha256"),
        ("provenance", with_other_provenance, "WITHOUT"),
        ("provenance", without_products, "no products"),
        ("formats", without_products, "VOTable"),
        ("formats", lambda one: with_manifest(one, name="ant20_09"), "scs.xml: "),
        ("numbers", lambda one: with_manifest(one, events=8755), "events: 8755"),
        ("numbers", lambda one: with_record_of(one, 8753), "imported: 8753"),
        ("numbers", lambda one: with_text(one, "8,754", "18,754"), "NOT stated"),
        ("numbers", lambda one: with_manifest(one, name="ant20_09"), "ant20_09.main"),
        ("real", simulated, "marked as simulated"),
    ],
)
def test_a_fault_is_found_by_its_question(release, question, change, words) -> None:
    assert CHECKS[question](release).result is Result.OK
    answer = CHECKS[question](change(release))
    assert answer.result is Result.MISSING
    assert any(words in line for line in answer.evidence), answer.evidence


def test_metadata_that_lack_something_fail_the_review(instance, checkout) -> None:
    descriptor = checkout / "rd" / "ant20_01" / "nu.rd"
    text = descriptor.read_text()
    descriptor.write_text(text.replace(' ucd="meta.number;instr.det"', "", 1))
    assert descriptor.read_text() != text
    try:
        done = instance.km3vo("qa", "ant20_01", PYTHONPATH=str(checkout))
        assert done.returncode == 1, done.stderr
        assert "rd/ant20_01/nu.rd, nhit: has no UCD" in done.stdout
        page = etree.HTML((instance.var / "reports" / "qa-ant20_01.html").read_text())
        assert page.xpath("//tr[@id='metadata']/td[3]/text()") == ["missing"]
    finally:
        assert instance.km3vo("qa", "ant20_01").returncode == 0


def test_a_reviewed_fault_shows_on_the_page_and_fails(release) -> None:
    item = reviews.checklist()[4]
    faulty = [reviews.Reviewed(item, CHECKS["doi"](without_doi(release)))]
    assert not reviews.passed(faulty)
    written = page.html("ant20_01", "A <b>title</b>", faulty)
    assert "does not pass" in written
    assert "A &lt;b&gt;title&lt;/b&gt;" in written
    assert etree.HTML(written).xpath("//td[@class='missing']/text()") == ["missing"]


@pytest.mark.parametrize(("name", "words"), [("ant99_01", "ant20_01"), ("../ant20_01", "ant20_01")])
def test_a_release_that_does_not_exist_is_refused(instance, name: str, words: str) -> None:
    done = instance.km3vo("qa", name)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_release_that_is_not_online_is_refused(instance, layout) -> None:
    folder = layout.inputs / "evts23_01" / "data"
    away = folder.with_name("away")
    folder.rename(away)
    try:
        with pytest.raises(ManifestError, match="not online") as caught:
            reviews.review("evts23_01", layout)
    finally:
        away.rename(folder)
    assert "make import RELEASE=evts23_01" in str(caught.value)


def test_without_a_server_there_is_no_review(scratch_instance) -> None:
    done = scratch_instance.km3vo("qa", "ant20_01")
    assert done.returncode == 1
    assert "make up" in done.stderr
