"""A new version of a release, and two releases with the same events, as users see them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import pyvo
from lxml import etree

from tests.instances import Instance, copy_checkout

pytestmark = pytest.mark.slow

REMOVED, MOVED = 9, 5
"""Lines of the list: the event in the one is withdrawn, that in the other moves to the south."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, antares_list: Path) -> Path:
    """Return a checkout with a corrected ANTARES list, and the ORCA6 events in a second release."""
    made = copy_checkout(tmp_path_factory.mktemp("versions") / "checkout")
    corrected = made / "inputs" / "ant20_02"
    for kind in ("inputs", "rd"):
        shutil.copytree(made / kind / "ant20_01", made / kind / "ant20_02")
        shutil.copytree(made / kind / "evts21_01", made / kind / "evts99_01")
    lines = antares_list.read_bytes().splitlines(keepends=True)
    words = lines[MOVED].split(b"\t")
    words[0] = f"{float(words[0]) - 1:.1f}".encode()
    lines[MOVED] = b"\t".join(words)
    del lines[REMOVED]
    (corrected / antares_list.name).write_bytes(b"".join(lines))
    for old, new in (("ant20_01", "ant20_02"), ("evts21_01", "evts99_01")):
        for path in (made / "inputs" / new / "release.toml", made / "rd" / new / "nu.rd"):
            rewrite(path, (old, new), ("created = .*", "created = 2026-11-27"))
    rewrite(
        corrected / "release.toml",
        ("events = 8754", 'events = 8753\nsupersedes = "ant20_01"\ndata_doi = "10.5072/ant20-02"'),
        ("sha256 = .*\n", ""),
    )
    return made


def rewrite(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        text = re.sub(old, new, text)
    path.write_text(text)


@pytest.fixture(scope="module")
def versions(worn: Instance, checkout: Path) -> Instance:
    """Bring both new releases online, after the one that other tests may have withdrawn."""
    worn.up()
    assert worn.km3vo("import", "--release", "ant20_01").returncode == 0
    made = replace(worn, extra={"PYTHONPATH": str(checkout)})
    releases = ("evts21_01", "ant20_02", "evts99_01")
    done = made.km3vo("import", *(word for one in releases for word in ("--release", one)))
    assert done.returncode == 0, done.stderr
    made.output = done.stdout  # type: ignore[attr-defined]
    return made


def counts(instance: Instance) -> dict[str, int]:
    rows = instance.adql("SELECT release, count(*) AS n FROM km3net.events GROUP BY release")
    return {name: int(number) for name, number in rows}


def test_each_event_is_counted_once(versions: Instance) -> None:
    assert counts(versions) == {"ant20_02": 8753, "evts99_01": 2495}
    # the older ones stay in their own tables
    for table, rows in (("ant20_01.main", 8754), ("evts21_01.main", 2495)):
        assert versions.adql(f"SELECT count(*) AS n FROM {table}") == [[str(rows)]]


def test_the_difference_is_shown_before_anything_is_online(versions: Instance) -> None:
    output = versions.output  # type: ignore[attr-defined]
    summary = "8754 events before, 8753 now: 0 added, 1 removed, 1 changed (identified by time)"
    assert f"ant20_02: {summary}" in output
    assert "ant20_02:   RA, DEC: 1 changed; by up to 1 deg, median 1 deg" in output
    assert output.index(summary) < output.index("ant20_02: taken from")
    page = (versions.var / "reports" / "ant20_02" / "index.html").read_text()
    assert "Compared with ant20_01, which is online" in page
    kept = json.loads((versions.var / "reports" / "ant20_02" / "record.json").read_text())
    assert kept["difference"]["removed"] == 1


def record(instance: Instance, release: str) -> etree._Element:
    answer = instance.fetch(
        "oai.xml?verb=GetRecord&metadataPrefix=ivo_vor"
        f"&identifier=ivo://km3net.org/{release}/nu/cone"
    )
    return etree.fromstring(answer)


def relations(element: etree._Element) -> dict[str, str]:
    return {
        one.findtext("relationshipType"): one.find("relatedResource").get("ivo-id")
        for one in element.iter("relationship")
    }


def test_the_records_are_related(versions: Instance) -> None:
    newer, older = (relations(record(versions, name)) for name in ("ant20_02", "ant20_01"))
    assert newer["IsNewVersionOf"] == "ivo://km3net.org/ant20_01/nu/cone"
    assert older["IsPreviousVersionOf"] == "ivo://km3net.org/ant20_02/nu/cone"


def test_the_page_and_the_links_name_the_new_version(versions: Instance) -> None:
    page = versions.fetch("ant20_01/nu/cone/info").decode()
    assert "This release has been replaced by" in page
    assert 'href="/ant20_02/nu/cone/info"' in page
    (did,) = versions.adql(
        "SELECT obs_publisher_did FROM ivoa.obscore"
        " WHERE obs_collection = 'ANTARES-2017-PS' AND access_url LIKE '%/ant20_01.fits'"
    )[0]
    links = pyvo.dal.adhoc.DatalinkResults.from_result_url(
        f"{versions.url}/km3net/nu/dl/dlmeta?ID={did}"
    )
    (link,) = [one for one in links if "replaced" in one.description]
    assert link.access_url.endswith("/ant20_02/nu/cone/info")


def test_datacite_states_the_relation(versions: Instance) -> None:
    done = versions.km3vo("cite", "ant20_02", "--to", "datacite")
    assert done.returncode == 0, done.stderr
    related = json.loads(done.stdout)["relatedIdentifiers"]
    assert {
        "relatedIdentifier": f"{versions.url}/ant20_01/nu/cone/info",
        "relatedIdentifierType": "URL",
        "relationType": "IsNewVersionOf",
    } in related
