"""What is published changes only with a changelog entry, and follows the standards.

When tables or columns change on purpose: ``pytest tests/contract --update-golden``, then name
the new fingerprint in the changelog's section "Published tables", beside what changed.
"""

from __future__ import annotations

import csv
import difflib
import io
import re

import pytest
from astropy import units
from astropy.io import votable
from astropy.io.votable import ucd
from instances import ROOT
from lxml import etree
from published import CHANGELOG, GOLDEN, as_text, fingerprint, newest_entry, published

from ingest.events.delivery.manifest import load_manifest, release_names
from ingest.responses import TABLES

DESCRIPTORS = sorted(path for path in (ROOT / "rd").glob("*/*.rd") if path.stem != "voevent")
DIMENSIONLESS = ("meta", "stat.likelihood", "stat.confidenceLevel", "stat.probability", "src.class",
    "spect.resolution", "spect.index", "pos.outline", "pos.dirCos")  # fmt: skip
"""First words of the UCDs of numbers that have no unit; the outline is DaCHS' s_region."""
UNITLESS = {"far_original", "migration_lo", "migration_hi", "coefficient", "n_expected_err"}
"""Columns without a unit although their kind of quantity has one: the unit of the rate is in the
column beside it, as given in the packet; migrations are ratios of energies; the unit of a
coefficient depends on its degree; the error is that of a number of events."""
# The recommendation's word is no longer in the list of UCDs: UCDlist 1.4 has the second one.
SAME_UCD = {"meta.ref.uri;meta.curation": "meta.ref.ivoid"}
_HALF = re.compile(
    r"(ivoa\.obscore,(?:s_fov|s_resolution|s_pixel_scale|em_min|em_max|em_res_power|\w+_xel[12]?),)"
    r"(float|int)\b"
)
"""Numbers of ObsCore that DaCHS 2.13 declares with half the bytes."""
_WIDE = {"float": "double", "int": "long"}
CONES = [f"{name}/nu" for name in release_names()] + ["km3net/nu"]


@pytest.fixture(scope="module")
def online(instance) -> list[tuple[str, ...]]:
    return published(instance)


@pytest.fixture(scope="module")
def columns(instance) -> list[list[str]]:
    rows = instance.adql(
        "SELECT table_name, column_name, description, unit, ucd, utype, datatype"
        " FROM tap_schema.columns ORDER BY table_name, column_index"
    )
    return [row for row in rows if not row[0].lower().startswith("tap_schema.")]


def test_nothing_published_changed_unnoticed(online, pytestconfig) -> None:
    text = _HALF.sub(lambda found: found[1] + _WIDE[found[2]], as_text(online))
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text(text)
        pytest.skip(f"written anew; name `{fingerprint(text)}` in {CHANGELOG.name}")
    before = GOLDEN.read_text()
    changes = difflib.unified_diff(before.splitlines(), text.splitlines(), "before", "now", n=0)
    assert text == before, (
        "published tables changed:\n" + "\n".join(changes) + "\nIf this is wanted: pytest"
        " tests/contract --update-golden, and a line in the changelog's section Published tables"
    )


def test_the_changelog_names_the_published_tables_of_today() -> None:
    mark = fingerprint(GOLDEN.read_text())
    assert f"`{mark}`" in newest_entry(CHANGELOG.read_text()), (
        f"tests/contract/published.csv changed: say in CHANGELOG.md, in the newest section"
        f" Published tables, what changed, and name `{mark}` there"
    )


def test_an_older_entry_of_the_changelog_does_not_count() -> None:
    text = (
        "## [2]\n### Published tables\n- new `b`\n### Added\n## [1]\n### Published tables\n- `a`\n"
    )
    assert "`b`" in newest_entry(text)
    assert "`a`" not in newest_entry(text)


def test_the_tables_of_all_releases_are_in_the_contract(online) -> None:
    tables = {row[0] for row in online}
    assert {load_manifest(name).release.table for name in release_names()} <= tables
    assert {"ivoa.obscore", "ivoa.obscore_hea", "km3net.events", "km3net.observations"} <= tables
    assert {f"irf.{name}" for name in TABLES} <= tables


def test_every_published_column_has_a_description_and_a_valid_ucd(columns) -> None:
    bare = [f"{row[0]}.{row[1]}" for row in columns if not row[2].strip()]
    assert bare == []
    wrong = [
        f"{row[0]}.{row[1]}: {row[4] or 'none'}"
        for row in columns
        if not row[4] or not ucd.check_ucd(row[4], check_controlled_vocabulary=True)
    ]
    assert wrong == []


def test_every_published_number_has_a_unit_or_needs_none(columns) -> None:
    wrong = []
    for table, column, _, unit, word, _, kind in columns:
        if unit:
            try:
                units.Unit(unit, format="vounit" if unit != "kbyte" else "cds")
            except ValueError:
                wrong.append(f"{table}.{column}: {unit}")
        elif kind != "char" and column not in UNITLESS and not word.startswith(DIMENSIONLESS):
            wrong.append(f"{table}.{column}: no unit, but {word}")
    assert wrong == []


@pytest.mark.parametrize("path", DESCRIPTORS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_declared_column_says_all_a_reader_needs(path) -> None:
    resource = etree.parse(path).getroot()
    declared = resource.xpath("//column[not(ancestor::table[@adql='False']) and not(@original)]")
    silent = [
        f"{column.get('name')}: {name}"
        for column in declared
        for name in ("description", "ucd", "verbLevel")
        if not (column.get(name) or "").strip()
    ]
    assert silent == []
    assert all(1 <= int(column.get("verbLevel")) <= 30 for column in declared)


def test_obscore_has_the_columns_of_its_standard(columns) -> None:
    ours = {row[1]: row for row in columns if row[0] == "ivoa.obscore"}
    text = (GOLDEN.parent / "obscore-1.1.csv").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    standard = list(csv.DictReader(lines))
    assert len(standard) == 30
    wrong = []
    for want in standard:
        _, name, _, unit, word, utype, _ = ours[want["name"]]
        if unit != want["unit"]:
            wrong.append(f"{name}: unit {unit}, not {want['unit']}")
        if word not in (want["ucd"], SAME_UCD.get(want["ucd"])):
            wrong.append(f"{name}: UCD {word}, not {want['ucd']}")
        if utype.lower() != f"obscore:{want['utype']}".lower():
            wrong.append(f"{name}: utype {utype}, not {want['utype']}")
    assert wrong == []


@pytest.mark.parametrize("cone", CONES)
def test_a_cone_search_has_the_columns_of_its_standard(instance, cone: str) -> None:
    # Simple Cone Search 1.03, section 2.2: exactly one column each, with these UCDs of 1995.
    answer = instance.fetch(f"{cone}/cone/scs.xml?RA=43.3&DEC=35.8&SR=0.5")
    (table,) = votable.parse(io.BytesIO(answer), verify="ignore").iter_tables()
    kinds = {word: [] for word in ("ID_MAIN", "POS_EQ_RA_MAIN", "POS_EQ_DEC_MAIN")}
    for one in table.fields:
        if one.ucd in kinds:
            kinds[one.ucd].append((one.datatype, one.unit and str(one.unit)))
    assert kinds == {
        "ID_MAIN": [("char", None)],
        "POS_EQ_RA_MAIN": [("double", "deg")],
        "POS_EQ_DEC_MAIN": [("double", "deg")],
    }


def test_columns_of_one_name_mean_the_same_in_all_samples(columns) -> None:
    common = {row[1]: row[2:7] for row in columns if row[0] == "km3net.events"}
    samples = [row for row in columns if re.fullmatch(r"evts\w+\.main", row[0])]
    assert len(samples) > 3 * 15
    different = [
        f"{row[0]}.{row[1]}" for row in samples if common.get(row[1], row[2:7]) != row[2:7]
    ]
    assert different == []
