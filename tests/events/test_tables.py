"""Readers of further tables: real files, damaged ones, and values that cannot be right."""

from __future__ import annotations

import csv
import gzip
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot
from hypothesis import given, settings
from hypothesis import strategies as st
from km3net_testdata import data_path

from ingest.core.errors import InputError
from ingest.events.delivery import load_manifest
from ingest.events.delivery.manifest import Manifest
from ingest.events.tables import read_table
from ingest.events.tables.counterparts_csv import normalised

VERSION_5 = Path(data_path("oscillations/ORCA6_433kt-y_opendata_v0.5_testdata.root"))
VERSION_4 = Path(data_path("oscillations/ORCA6_433kt-y_opendata_v0.4_testdata.root"))
BINS = Path(data_path("oscillations/bins_433kt-y_v0.4.json"))


@pytest.fixture(scope="module")
def folder(delivered: Path) -> Path:
    return delivered / "evts23_01"


def refusal(path: Path, format: str, part: str | None = None, bins: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read_table(path, format, part, bins)
    assert caught.value.remedy
    return str(caught.value)


def write_json(path: Path, content: Any) -> Path:
    path.write_bytes(gzip.compress(json.dumps(content).encode()))
    return path


HIT = {
    "dom_id": 806455816, "channel_id": 27, "floor": 1, "detection_unit": 28, "tdc": 27664604,
    "t": 0.0, "tot": 30, "pos_x": 1.0, "pos_y": 2.0, "pos_z": 3.0, "dir_x": 0.0, "dir_y": 0.6,
    "dir_z": -0.8, "triggered": True,
}  # fmt: skip
TRACK = {key: HIT[key] for key in ("t", "pos_x", "pos_y", "pos_z", "dir_x", "dir_y", "dir_z")}
EVENT = {"utc_timestamp": 1676251007.7281425, "hits": [HIT], "reconstructed_track": TRACK}


def test_a_hit_is_as_delivered(folder: Path) -> None:
    with gzip.open(folder / "KM3-230213A_allhits.json.gz") as stream:
        hits = json.load(stream)["hits"]
    rows = read_table(folder / "KM3-230213A_allhits.json.gz", "hits-json", "hits").rows
    assert len(rows) == len(hits) == 28086
    names = {"pos_x": "x", "pos_y": "y", "pos_z": "z"}
    for key in HIT:
        assert rows[names.get(key, key)].tolist() == [hit[key] for hit in hits], key


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"channel_id": 31}, "hits[0]: the value of channel_id cannot be right"),
        ({"floor": 0}, "a whole number from 1 to 18"),
        ({"tot": 256}, "a whole number from 0 to 255"),
        ({"tot": 1.5}, "a whole number from 0 to 255"),
        ({"triggered": 1}, "true or false"),
        ({"t": float("nan")}, "a finite number"),
        ({"pos_x": float("inf")}, "a finite number"),
        ({"dom_id": 2**31}, "dom_id"),
        ({"dom_id": True}, "dom_id"),
        ({"dir_z": 0.8001}, "hit 1: the direction is not a unit vector"),
        ({"tdc": None}, "the value of tdc cannot be right"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_hit_that_cannot_be_right_is_refused(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    path = write_json(tmp_path / "hits.json.gz", {**EVENT, "hits": [{**HIT, **change}]})
    message = refusal(path, "hits-json", "hits")
    assert expected in message and str(path) in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([], "the file does not describe an event"),
        ({**EVENT, "hits": []}, "the file has no rows"),
        ({**EVENT, "hits": {}}, "there is no list"),
        ({**EVENT, "hits": [3]}, "hits[0]: the entry of the list is not an object"),
        ({**EVENT, "hits": [{}]}, "hits[0]: a value is missing"),
        ({**EVENT, "hits": [HIT, HIT]}, "hit 2: a row is given twice"),
        ({**EVENT, "utc_timestamp": "now"}, "utc_timestamp: the time of the event"),
        ({**EVENT, "utc_timestamp": float("nan")}, "utc_timestamp: the time of the event"),
    ],
)
def test_an_event_that_cannot_be_right_is_refused(
    tmp_path: Path, content: Any, expected: str
) -> None:
    path = write_json(tmp_path / "hits.json.gz", content)
    assert expected in refusal(path, "hits-json", "hits")


def test_an_event_without_a_track_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "hits.json.gz", {**EVENT, "reconstructed_track": None})
    assert "reconstructed_track[0]" in refusal(path, "hits-json", "track")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is not JSON"),
        (b"[" * 100_000, "the file is not JSON"),
        (b"\x1f\x8b nothing", "the compressed file is damaged"),
        (gzip.compress(b"{}" * 4000, mtime=0)[:-9], "the compressed file is damaged"),
        (b"\xff\xfe\x00", "the file is not JSON"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "hits.json.gz"
    path.write_bytes(content)
    assert expected in refusal(path, "hits-json", "hits")


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path, tmp_path / "link", tmp_path / "missing"):
        assert "the file is not available" in refusal(path, "detector-json", "pmts")


def test_a_channel_or_a_module_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    place = {"pos_x": 1.0, "pos_y": 2.0, "pos_z": 3.0}
    pmt = {"id": 3, **place, "dir_x": 0.0, "dir_y": 0.0, "dir_z": 1.0}
    module = {"id": 7, "detection_unit": 1, "floor": 2, **place, "pmts": [pmt, pmt]}
    path = write_json(tmp_path / "detector.json.gz", [module])
    assert "photomultiplier 2: a row is given twice" in refusal(path, "detector-json", "pmts")
    write_json(path, [module, module])
    assert "module 2: a row is given twice" in refusal(path, "detector-json", "modules")


def test_a_counterpart_is_as_delivered_except_for_its_name(folder: Path) -> None:
    rows = read_table(folder / "Figure4.csv", "counterparts-csv").rows
    with (folder / "Figure4.csv").open() as stream:
        delivered = list(csv.reader(stream))[2:]
    assert [f"#{one}" for one in rows["source"]] == [line[0] for line in delivered]
    for column, cell in (("ra", 1), ("dec", 2), ("distance", 3)):
        assert rows[column].tolist() == [float(line[cell]) for line in delivered]
    for method in range(1, 5):
        assert [("false", "true")[one] for one in rows[f"method_{method}"]] == [
            line[4 + method] for line in delivered
        ]
    # the catalogue, a space and the designation with a hyphen: nothing else differs
    for name, line in zip(rows["name"], delivered, strict=True):
        assert name.decode() == line[4].replace("  ", " ").replace("−", "-")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,94.2,-8.3,0.5,NVSS J1,true,false,false,false", "line 3: the number of the source"),
        ("#1,361,-8.3,0.5,NVSS J1,true,false,false,false", "a finite number from 0 to 360"),
        ("#1,94.2,south,0.5,NVSS J1,true,false,false,false", "Dec J2000 [deg] cannot be read"),
        ("#1,94.2,-8.3,0.5,NVSS J1,yes,false,false,false", "true or false"),
        ("#1,94.2,-8.3,0.5,,true,false,false,false", "a text of 1 to 40 characters"),
        ("#1,94.2,-8.3,nan,NVSS J1,true,false,false,false", "a finite number from 0 to 180"),
        ("#1,94.2,-8.3,0.5,NVSS J1,true", "line 3: wrong number of values: 6"),
        ('#1,"94.2', "the file is not CSV"),
    ],
)
def test_a_counterpart_that_cannot_be_right_is_refused(
    folder: Path, tmp_path: Path, line: str, expected: str
) -> None:
    head = (folder / "Figure4.csv").read_text().splitlines()[:2]
    path = tmp_path / "Figure4.csv"
    path.write_text("\n".join([*head, line]))
    assert expected in refusal(path, "counterparts-csv")


@given(st.text(max_size=60))
def test_a_normalised_name_has_single_spaces_and_stays_so(text: str) -> None:
    name = normalised(text)
    assert normalised(name) == name
    assert not set("\u2212\u2013\u2014") & set(name) and "  " not in name


def test_histograms_are_complete_and_normalised(folder: Path) -> None:
    rows = read_table(folder / "figure2.csv", "pmt-numbers-csv").rows
    assert Counter(zip(rows["series"].tolist(), rows["energy"].tolist(), strict=True)) == {
        (series, energy): 70 for series in (1, 2) for energy in (10.0, 100.0, 1000.0)
    }
    # the notebook of the collaboration takes its bins from 500 to 7000
    assert (rows["n_pmts_lo"].min(), rows["n_pmts_hi"].max()) == (500, 7000)


def test_a_histogram_that_cannot_be_right_is_refused(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "figure2.csv").read_text().splitlines()
    path = tmp_path / "figure2.csv"
    path.write_text("\n".join(lines[:31]))
    assert "lines 2 to 31: the histogram is not normalised" in refusal(path, "pmt-numbers-csv")
    path.write_text("\n".join([*lines[:10], *lines[12:]]))
    assert "the bins of the histogram are not equal" in refusal(path, "pmt-numbers-csv")


def test_formats_and_parts_have_to_be_named(folder: Path) -> None:
    assert "one of hits-json" in refusal(folder / "event.csv", "json")
    hits = folder / "KM3-230213A_allhits.json.gz"
    assert "have several parts" in refusal(hits, "hits-json")
    assert "no such part" in refusal(hits, "hits-json", "showers")


@pytest.mark.parametrize(("path", "bins"), [(VERSION_5, None), (VERSION_4, BINS)])
@pytest.mark.parametrize(
    ("part", "name"),
    [("data", "binned_data"), ("muons", "binned_muon"), ("neutrinos", "binned_nu_response")],
)
def test_binned_data_are_as_delivered(path: Path, bins: Path | None, part: str, name: str) -> None:
    rows = read_table(path, "oscillation-root", part, bins).rows
    with uproot.open(path) as file:
        tree = file[name].arrays(library="np")
    assert len(rows) == len(tree["W"])
    values = "weight" if part == "neutrinos" else "n_events"
    np.testing.assert_array_equal(rows[values], tree["W"])
    if "WE" in tree:
        np.testing.assert_allclose(rows[f"{values}_err"] ** 2, tree["WE"], rtol=1e-12)
    edges = json.loads(BINS.read_text())
    for axis, quantity, key in (("E_reco", "energy", "E_reco_bins"), ("Ct_reco", "cos_zenith",
        "cosT_reco_bins"), ("E_true", "true_energy", "E_true_bins"), ("Ct_true",
        "true_cos_zenith", "cosT_true_bins")):  # fmt: skip
        if f"{axis}_bin" in tree:
            number = tree[f"{axis}_bin"]
            # the axes of both versions are the same, up to a rounding error
            expected = np.array(edges[key])
            np.testing.assert_allclose(rows[f"{quantity}_lo"], expected[number - 1], atol=1e-12)
            np.testing.assert_allclose(rows[f"{quantity}_hi"], expected[number], atol=1e-12)


def test_the_test_file_is_an_extract_of_649_events() -> None:
    table = read_table(VERSION_5, "oscillation-root", "data")
    assert table.rows["n_events"].sum() == 649
    # the publication has 5828 (arXiv:2408.07015), in 3 classes of 15 by 20 bins
    assert (len(table), table.cells) == (92, 3 * 15 * 20)
    assert table.is_extract


def test_both_versions_name_neutrinos_by_pdg_code() -> None:
    kinds = {
        (path, pdg, is_cc)
        for path, bins in ((VERSION_5, None), (VERSION_4, BINS))
        for pdg, is_cc in read_table(path, "oscillation-root", "neutrinos", bins)
        .rows[["pdg", "is_cc"]]
        .tolist()
    }
    charged = {(pdg, 1) for flavour in (12, 14, 16) for pdg in (flavour, -flavour)}
    for path in (VERSION_5, VERSION_4):
        assert {kind[1:] for kind in kinds if kind[0] == path} == charged | {(14, 0), (-14, 0)}
    # the first entry of version 0.4, as in the manual of KM3io
    first = read_table(VERSION_4, "oscillation-root", "neutrinos", BINS).rows[0]
    numbers = ("energy_bin", "cos_zenith_bin", "true_energy_bin", "true_cos_zenith_bin", "pdg",
               "is_cc", "event_class", "weight")  # fmt: skip
    assert [first[name] for name in numbers] == [10, 1, 30, 18, -12, 1, 1, 52.25311519561337]
    assert first["weight_err"] ** 2 == pytest.approx(2730.388047646041, rel=1e-12)


def test_version_4_needs_the_file_with_the_bins(tmp_path: Path) -> None:
    message = refusal(VERSION_4, "oscillation-root", "data")
    assert "the file has no axes" in message and "bins = " in message
    content = json.loads(BINS.read_text())
    path = tmp_path / "bins.json"
    for name, edges in (("E_reco_bins", [2, 1]), ("cosT_reco_bins", [-1, 1.1]), ("E_true_bins", 3),
                        ("E_true_bins", [1, None])):  # fmt: skip
        path.write_text(json.dumps({**content, name: edges}))
        assert name in refusal(VERSION_4, "oscillation-root", "data", path)
    path.write_text(json.dumps({**content, "E_reco_bins": content["E_reco_bins"][:9]}))
    message = refusal(VERSION_4, "oscillation-root", "data", path)
    assert "from 1 to 8" in message and "binned_data entry" in message


@pytest.mark.parametrize(
    ("branch", "value", "expected"),
    [
        ("W", np.nan, "the value of W cannot be right"),
        ("W", -1.0, "at least 0"),
        ("AnaClass", 4, "one of 1, 2, 3"),
        ("Ct_reco_bin", 0, "from 1 to 20"),
        ("E_reco_bin_center", 5.0, "the centre of the bin on its axis"),
    ],
)
def test_a_bin_that_cannot_be_right_is_refused(
    tmp_path: Path, branch: str, value: float, expected: str
) -> None:
    with uproot.open(VERSION_5) as file:
        tree = file["binned_data"].arrays(library="np")
        axes = {key: file[key] for key in file.keys(cycle=False) if key.endswith("_axis")}
        tree[branch][5] = value
        path = tmp_path / "changed.root"
        with uproot.recreate(path) as changed:
            changed["binned_data"] = tree
    # uproot does not write axes
    assert len(axes) == 4
    assert expected in refusal(path, "oscillation-root", "data", BINS)


def test_other_root_files_are_refused(tmp_path: Path) -> None:
    dst = Path(data_path("dst/orca6_sample.root"))
    assert "the tree is missing" in refusal(dst, "oscillation-root", "data")
    broken = tmp_path / "broken.root"
    content = VERSION_5.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    assert "damaged" in refusal(broken, "oscillation-root", "neutrinos")


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_a_damaged_root_file_gives_a_table_or_a_refusal(place: int, value: int) -> None:
    content = bytearray(VERSION_5.read_bytes())
    content[place % len(content)] = value
    with tempfile.NamedTemporaryFile(suffix=".root") as file:
        Path(file.name).write_bytes(bytes(content))
        try:
            read_table(Path(file.name), "oscillation-root", "data")
        except InputError as error:
            assert error.remedy


def test_a_manifest_fills_each_table_once(folder: Path) -> None:
    facts = load_manifest("evts23_01").model_dump()
    first, second = facts["tables"][:2]
    for tables, expected in (
        ([first, {**second, "table": first["table"]}], "a table of its own"),
        ([{**first, "table": "main"}], "a table of its own"),
        ([first, {**second, "sha256": ("0" * 64,)}], "listed with different checksums"),
    ):
        with pytest.raises(ValueError, match=expected):
            Manifest.model_validate({**facts, "tables": tables})
