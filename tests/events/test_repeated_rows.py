"""Repeated rows of samples that do not fit into memory."""

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core.errors import IngestError, InputError
from ingest.events.checks.checker import Checker, Expectations
from ingest.events.checks.hashfile import HashFile
from ingest.events.checks.uniqueness import KnownRepeats, hash_rows
from ingest.events.repeats import refuse_repeated_events, repeated_releases
from tests.events.test_checks import Rows, sky

FEW, ENOUGH = 3, 1000
# few values in few parts of the file, and any
hashes = st.integers(0, 40).map(lambda n: n << 58 | n % 7) | st.integers(0, 2**64 - 1)
chunks = st.lists(st.lists(hashes, max_size=12), max_size=12)


def collected(values, buffer, folder=None):
    file = HashFile(folder, buffer)
    for chunk in values:
        assert not file.add(np.array(chunk, np.uint64)).any()
    return file


@given(chunks, st.integers(1, 20))
def test_a_file_of_hashes_finds_what_a_counter_finds(values, buffer):
    file = collected(values, buffer)
    counts = Counter(value for chunk in values for value in chunk)
    assert file.repeated().tolist() == sorted(one for one, count in counts.items() if count > 1)
    assert np.concatenate(list(file.parts())).tolist() == sorted(counts.elements())


@given(chunks, chunks, st.integers(1, 20))
def test_two_files_of_hashes_share_what_two_sets_share(one, other, buffer):
    sets = [{value for chunk in values for value in chunk} for values in (one, other)]
    shared = collected(one, buffer).shares(collected(other, ENOUGH))
    assert shared == (not sets[0].isdisjoint(sets[1]))


@given(chunks)
def test_known_repeats_are_those_a_set_finds(values):
    counts = Counter(value for chunk in values for value in chunk)
    known = np.array(sorted(one for one, count in counts.items() if count > 1), np.uint64)
    rows, seen = KnownRepeats(known), set()
    for chunk in values:
        expected = []
        for value in chunk:
            expected.append(value in seen)
            seen.add(value)
        assert rows.add(np.array(chunk, np.uint64)).tolist() == expected


def outcome(rows, in_memory, reject=frozenset(), size=4):
    """Return all that a caller can learn of a check."""
    checker = Checker(
        [Rows(rows[: len(rows) // 2], "a.txt"), Rows(rows[len(rows) // 2 :], "b.txt")],
        Expectations(reject=reject),
        in_memory=in_memory,
    )
    accepted, error = [], None
    try:
        for chunk in checker.checked_chunks(size):
            accepted += chunk["event_no"].tolist()
    except InputError as caught:
        error, accepted = str(caught), None
    return accepted, error, checker.report.to_dict()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.sampled_from([5, 99]))
    ),
    st.sets(st.sampled_from(["unique-id", "unique-number", "repeated-row", "declination"])),
    st.integers(1, 5),
)
def test_messages_and_places_do_not_depend_on_memory(values, reject, size):
    rows = sky(max(4, len(values)))
    for row, (name, number, mjd, dec) in enumerate(values):
        rows[row]["event_name"], rows[row]["event_no"] = f"EVT{name}", number
        rows[row]["mjd"], rows[row]["ra"], rows[row]["dec"] = 58000 + mjd, mjd, dec
    few, enough = (outcome(rows, count, frozenset(reject), size) for count in (FEW, ENOUGH))
    assert few == enough
    # and the rows left are those that plain sets leave
    if few[0] is not None:
        seen = [set(), set(), set()]
        expected = []
        for row in rows:
            if not -90 <= row["dec"] <= 90:
                continue
            keys = (row["event_name"], row["event_no"], (row["mjd"], row["ra"], row["dec"]))
            if not any([key in known for key, known in zip(keys, seen, strict=True)]):
                expected.append(int(row["event_no"]))
            for key, known in zip(keys, seen, strict=True):
                known.add(key)
        assert few[0] == expected


@pytest.mark.parametrize("reject", [frozenset(), frozenset({"unique-id"})])
def test_a_repeated_id_beyond_memory_is_shown_with_its_place(reject):
    rows = sky(20)
    rows["event_name"][17] = rows["event_name"][4]
    accepted, error, report = outcome(rows, FEW, reject)
    count = {one["name"]: one["count"] for one in report["rules"]}["unique-id"]
    assert count == 1
    if reject:
        assert accepted == [*range(17), 18, 19]
    else:
        assert "b.txt, line 8: " in error
        assert "the same id as a.txt, line 5" in error


def test_a_full_disk_is_an_error_with_a_remedy(monkeypatch, tmp_path):
    full = Path("/dev/full")
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir, buffering: full.open("wb", 0))
    file = HashFile(tmp_path, 10)
    with pytest.raises(IngestError, match="the disk is full") as caught:
        file.add(hash_rows([np.arange(100)]))
    assert caught.value.file == str(tmp_path)
    assert "free some space" in caught.value.remedy


def test_the_temporary_file_has_no_name(tmp_path):
    file = HashFile(tmp_path, 10)
    file.add(hash_rows([np.arange(100)]))
    assert os.listdir(tmp_path) == []
    assert not len(file.repeated())


def test_releases_of_the_same_events_find_each_other(tmp_path):
    layout = SimpleNamespace(inputs=tmp_path / "inputs", scratch=tmp_path)
    start, stop = 58000.0, 58100.0

    def online(name, first):
        data = layout.inputs / name / "data"
        data.mkdir(parents=True)
        names = [f"km3.49.8000.{frame}.0" for frame in range(first, first + 50)] + [""]
        product = event_list(data / f"{name}.fits", names)
        facts = {"detector": "orca", "coverage": {"temporal": f"{start} {stop}"}}
        (layout.inputs / name / "release.json").write_text(json.dumps(facts))
        return product

    mine = online("evts98_01", 0)
    online("evts98_03", 49)
    online("evts98_02", 49)
    online("evts98_04", 50)  # only events without a name are in both
    release = SimpleNamespace(detector="orca", start_mjd=start, stop_mjd=stop)
    manifest = SimpleNamespace(name="evts98_01", release=release)
    assert repeated_releases(manifest, [mine], layout) == ("evts98_02", "evts98_03")


def event_list(path, names):
    column = fits.Column("EVENT_NAME", "32A", array=names)
    fits.BinTableHDU.from_columns([column], name="EVENTS").writeto(path)
    return path


def test_two_products_of_a_release_may_not_have_the_same_event(tmp_path):
    one, two, three = (
        event_list(tmp_path / f"run{run}.fits", [f"km3.49.{run}.{n}.0" for n in range(20)] + [""])
        for run in (1, 2, 3)
    )
    refuse_repeated_events([one, two, three], tmp_path)
    four = event_list(tmp_path / "run4.fits", ["km3.49.4.0.0", "", "km3.49.2.7.0", "km3.49.1.3.0"])
    with pytest.raises(InputError, match=r"the same name as run2\.fits, EVENTS row 8 ") as caught:
        refuse_repeated_events([one, two, four], tmp_path)
    assert (caught.value.file, caught.value.where) == ("run4.fits", "EVENTS row 3")
    assert caught.value.value == "km3.49.2.7.0"
    assert "twice or more: 2" in caught.value.problem
    for unchanged in ([], ["run1.fits"], ["run1.fits", "run2.fits"]):
        refuse_repeated_events([one, two, three], tmp_path, unchanged)
        with pytest.raises(InputError) as again:
            refuse_repeated_events([one, two, four], tmp_path, unchanged)
        assert str(again.value) == str(caught.value)
    five = event_list(tmp_path / "run5.fits", ["km3.49.5.0.0", "km3.49.5.0.0"])
    with pytest.raises(InputError, match=r"the same name as run5\.fits, EVENTS row 1"):
        refuse_repeated_events([one, two, five], tmp_path, ["run1.fits", "run2.fits"])
