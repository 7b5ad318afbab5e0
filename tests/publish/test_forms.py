"""The documents for repositories, judged by the validators of those who defined them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
import yaml
from datacite import schema45
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from pyDataverse.models import Dataset

from ingest.core.errors import ManifestError
from ingest.publish.documents.bibtex import to_bibtex, to_sentence
from ingest.publish.documents.citation import to_citation
from ingest.publish.documents.datacite import to_datacite, to_datacite_xml
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.formats import DOCUMENTS, write
from ingest.publish.documents.jsonld import to_croissant, to_jsonld, to_script
from ingest.publish.documents.zenodo import to_zenodo
from tests.publish.blocks import ASTROPHYSICS
from tests.publish.samples import DOI, record

DATACITE = "{http://datacite.org/schema/kernel-4}"


def test_datacite_accepts_the_json() -> None:
    document = to_datacite(record())
    schema45.validator.validate(document)
    assert document["doi"] == DOI
    assert [one["nameType"] for one in document["creators"]] == ["Organizational", "Personal"]
    (supplemented, _) = document["relatedIdentifiers"]
    assert supplemented["relatedIdentifier"] == "10.3847/2041-8213/aad8c0"
    assert supplemented["relationType"] == "IsSupplementTo"


def test_the_xml_says_what_the_json_says() -> None:
    root = etree.fromstring(to_datacite_xml(record()).encode())
    assert root.tag == f"{DATACITE}resource"
    assert root.findtext(f"{DATACITE}identifier") == DOI
    assert root.findtext(f"{DATACITE}titles/{DATACITE}title") == record().title
    assert root.findtext(f"{DATACITE}publicationYear") == "2020"


def test_datacite_refuses_data_without_a_doi_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no DOI of its own") as caught:
        write(record(doi=False), "datacite", tmp_path)
    assert "of the paper" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_zenodo_reserves_a_doi_where_there_is_none() -> None:
    assert to_zenodo(record())["metadata"]["doi"] == DOI
    without = to_zenodo(record(doi=False))["metadata"]
    assert without["prereserve_doi"] is True
    assert "doi" not in without


def test_zenodo_has_all_it_asks_for() -> None:
    """What https://developers.zenodo.org lists as required for a data set."""
    metadata = to_zenodo(record())["metadata"]
    assert metadata["upload_type"] == "dataset"
    assert metadata["access_right"] == "open"
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["publication_date"] == "2020-05-20"
    assert metadata["title"] and metadata["description"]
    assert {"name": "Curie, Marie", "orcid": "0000-0002-1825-0097"} in metadata["creators"]


def fields(document: dict[str, Any], block: str) -> Iterator[dict[str, Any]]:
    """Yield all fields of a metadata block, also those inside compounds."""

    def walk(some: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for field in some:
            yield field
            if field["typeClass"] == "compound":
                for value in field["value"]:
                    yield from walk(list(value.values()))

    yield from walk(document["datasetVersion"]["metadataBlocks"][block]["fields"])


def kinds(document: dict[str, Any], block: str) -> set[tuple[str, str, bool]]:
    return {(one["typeName"], one["typeClass"], one["multiple"]) for one in fields(document, block)}


def test_dataverse_knows_all_fields_of_the_citation() -> None:
    """``pyDataverse`` reads our document, and writes the same kinds of fields from what it read."""
    document = to_dataverse(record())
    # its schema is that of Dataverse 4, where a licence was a word
    old = json.loads(json.dumps(document))
    del old["datasetVersion"]["license"]
    read = Dataset()
    read.from_json(json.dumps(old))
    theirs = json.loads(read.json())
    assert kinds(theirs, "citation") == kinds(document, "citation")
    assert read.get()["title"] == record().title


def test_dataverse_knows_all_fields_of_astrophysics() -> None:
    for field in fields(to_dataverse(record()), "astrophysics"):
        multiple, terms = ASTROPHYSICS[field["typeName"]]
        assert field["multiple"] == multiple, field
        assert (field["typeClass"] == "controlledVocabulary") == (terms is not None)
        assert terms is None or set(field["value"]) <= terms


def test_a_deposit_can_be_found_again_by_its_identifier() -> None:
    (other,) = (
        one for one in fields(to_dataverse(record()), "citation") if one["typeName"] == "otherId"
    )
    values = [one["otherIdValue"]["value"] for one in other["value"]]
    assert values == ["ivo://km3net.org/ant20_01/nu/cone", DOI]


@pytest.mark.parametrize("doi", [True, False])
def test_cffconvert_accepts_the_citation(tmp_path: Path, doi: bool) -> None:
    text = to_citation(record(doi))
    (tmp_path / "CITATION.cff").write_text(text)
    program = Path(sys.executable).parent / "cffconvert"
    done = subprocess.run(
        [program, "--validate"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid according to schema version 1.2.0" in done.stdout + done.stderr
    assert yaml.safe_load(text).get("doi") == (DOI if doi else None)


def test_croissant_accepts_the_description(tmp_path: Path) -> None:
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(to_croissant(record(), "0" * 64)))
    read = mlcroissant.Dataset(path)
    assert not read.metadata.issues.errors
    (table,) = read.metadata.record_sets
    assert [field.name for field in table.fields] == ["mjd", "beta", "nhit", "ra", "decl", "id"]


def test_search_engines_find_what_they_require() -> None:
    """What Google's guide for data sets requires and recommends, with the limits it sets."""
    document = to_jsonld(record())
    assert document["@context"] == "https://schema.org/"
    assert document["@type"] == "Dataset"
    assert 50 <= len(document["description"]) <= 5000
    assert document["license"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    assert document["temporalCoverage"] == "2007-01-29/2017-12-31"
    assert {one["@type"] for one in document["creator"]} == {"Organization", "Person"}
    assert all(one["contentUrl"] for one in document["distribution"])
    assert f"https://doi.org/{DOI}" in document["identifier"]


@given(text=st.text())
@example(text="</script><script>alert(1)</script>")
@example(text="<!-- & ]]> \u2028")
def test_no_text_gets_out_of_the_script_element(text: str) -> None:
    script = to_script({"name": text})
    assert not set("<>&\u2028\u2029") & set(script)
    assert json.loads(script) == {"name": text}


@pytest.mark.parametrize("target", sorted(set(DOCUMENTS) - {"croissant"}))
def test_each_document_is_written_whole(tmp_path: Path, target: str) -> None:
    for path in write(record(), target, tmp_path):
        assert record().title in path.read_text()


@pytest.mark.parametrize("doi", [True, False])
def test_bibtex_has_authors_title_and_identifiers(doi: bool) -> None:
    text = to_bibtex(record(doi))
    assert text.startswith("@dataset{ant20_01,\n")
    fields = dict(re.findall(r"  (\w+) = \{(.*)\},\n", text))
    assert fields["author"] == "{ANTARES Collaboration} and Curie, Marie"
    assert fields["title"] == "{ANTARES 2007-2017 neutrino events}"
    assert fields.get("doi") == (DOI if doi else None)
    assert r"ant20\_01" in fields["note"]
    assert to_sentence(record(doi)).endswith(
        f"https://doi.org/{DOI}" if doi else "ivo://km3net.org/ant20_01/nu/cone"
    )


@given(st.text(alphabet="\\{}%&#$_^~ab", max_size=20))
def test_bibtex_escapes_what_latex_would_read(title: str) -> None:
    text = to_bibtex(record().model_copy(update={"title": title}))
    (written,) = re.findall(r"  title = \{\{(.*)\}\},\n", text)
    plain = re.sub(r"\\(textbackslash|textasciitilde|textasciicircum)\{\}|\\[&%$#_{}]", "", written)
    assert not set(plain) - set("ab ")
