import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.core.errors import InputError, ManifestError
from ingest.events.checks.checker import Checker, Expectations
from ingest.events.checks.rules import REJECTING, RULES
from ingest.events.checks.uniqueness import SeenRows, hash_rows
from ingest.events.fields import MISSING_INTEGER, chunk_dtype
from ingest.events.readers.antares_text import AntaresTextReader
from ingest.events.readers.base import FileFacts, Reader


class Rows(Reader):
    """Gives the rows of an array as if they came from a file."""

    format = "rows"
    title = "rows"
    gives = ()

    def __init__(self, rows, name="delivered.txt"):
        super().__init__(Path(name))
        self.rows = rows

    @classmethod
    def recognises(cls, path):
        return True

    def facts(self):
        return FileFacts()

    def chunks(self, rows=65_536):
        for start in range(0, len(self.rows), rows):
            yield self.rows[start : start + rows]

    def where(self, row):
        return f"line {row + 1}"


SKY = ("event_name", "event_no", "mjd", "ra", "dec", "ang_err", "n_hits", "energy")
DETECTOR = (
    "det_id",
    "run_id",
    "frame_index",
    "trigger_counter",
    "unix_seconds",
    "unix_nanoseconds",
    "dir_x",
    "dir_y",
    "dir_z",
    "n_hits",
)


def sky(count=10, **values):
    """Return good events on the sky; a value of `values` goes into row 3."""
    rows = np.zeros(count, chunk_dtype(SKY))
    number = np.arange(count)
    rows["event_name"] = np.char.add("EVT", number.astype("U8"))
    rows["event_no"] = number
    rows["mjd"] = 58000 + number / 7
    rows["ra"] = number * 11.5 % 360
    rows["dec"] = number * 3.5 % 90
    rows["ang_err"] = 0.5
    rows["n_hits"] = 30
    rows["energy"] = 1000.0
    for field, value in values.items():
        rows[field][3] = value
    return rows


def detector(count=10, **values):
    rows = np.zeros(count, chunk_dtype(DETECTOR))
    rows["det_id"] = 49
    rows["run_id"] = 8000
    rows["frame_index"] = np.arange(count) + 1
    rows["unix_seconds"] = 1_600_000_000
    rows["unix_nanoseconds"] = np.arange(count) * 100_000_000
    rows["dir_x"], rows["dir_y"] = 0.6, 0.8
    rows["n_hits"] = 30
    for field, value in values.items():
        rows[field][3] = value
    return rows


def run(delivered, **expectations):
    checker = Checker(Rows(delivered), Expectations(**expectations))
    chunks = list(checker.checked_chunks())
    return np.concatenate(chunks) if chunks else delivered[:0], checker.report


def counts(report):
    return {name: found.count for name, found in report.rules.items() if found.count}


def test_good_rows_pass_unchanged():
    for rows in (sky(), detector()):
        accepted, report = run(rows, rows=10)
        np.testing.assert_array_equal(accepted, rows)
        assert (report.read, report.accepted, report.rejected) == (10, 10, 0)
        assert counts(report) == {}


@pytest.mark.parametrize(
    ("rows", "rule", "value", "expected"),
    [
        (sky(dec=91), "declination", "dec = 91.0", "-90 to 90 deg"),
        (sky(dec=-90.001), "declination", "dec = -90.001", "-90 to 90 deg"),
        (sky(ra=-0.1), "right-ascension", "ra = -0.1", "0 to 360 deg"),
        (sky(ra=360.1), "right-ascension", "ra = 360.1", "0 to 360 deg"),
        (sky(dec=np.nan), "finite-direction", "dec = nan", "finite numbers"),
        (sky(mjd=np.nan), "finite-time", "mjd = nan", "a finite MJD"),
        (sky(mjd=57999), "time-range", "mjd = 57999.0", "MJD 58000.0 to 60000.0"),
        (sky(mjd=60000.1), "time-range", "mjd = 60000.1", "MJD 58000.0 to 60000.0"),
        (sky(ang_err=-0.5), "angular-error", "ang_err = -0.5", "0 to 180 deg"),
        (sky(energy=-5), "energy", "energy = -5.0", "above 0"),
        (sky(event_name="EVT1"), "unique-id", "event_name = EVT1", "a unique id"),
        (sky(event_no=1), "unique-number", "event_no = 1", "a unique number"),
        (detector(frame_index=2), "unique-id", "frame_index = 2", "a unique id"),
        (detector(dir_x=0, dir_y=0), "unit-vector", "dir_x = 0.0", "a length of 1"),
        (detector(dir_z=0.05), "unit-vector", "dir_z = 0.05", "a length of 1"),
        (detector(dir_z=np.inf), "finite-direction", "dir_z = inf", "finite numbers"),
        (detector(unix_nanoseconds=1_000_000_000), "finite-time", "= 1000000000", "999999999"),
        (detector(unix_seconds=1), "time-range", "unix_seconds = 1", "58000.0 to 60000.0"),
    ],
)
def test_a_bad_row_ends_everything_with_a_message(rows, rule, value, expected):
    checker = Checker(Rows(rows), Expectations(start_mjd=58000.0, stop_mjd=60000.0))
    with pytest.raises(InputError) as caught:
        list(checker.checked_chunks())
    message = str(caught.value)
    assert message.startswith("delivered.txt, line 4: ")
    assert f"{rule} 1" in message
    assert value in message
    assert expected in message
    assert "  remedy:   " in message
    assert f'"{rule}"' in message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("chunk", [2, 3, 65_536])
def test_a_repeated_row_is_told_with_the_row_it_repeats(chunk):
    rows = sky()
    for field in SKY[2:]:
        rows[field][7] = rows[field][2]
    checker = Checker(Rows(rows), Expectations())
    with pytest.raises(
        InputError, match=r"same measured values as delivered\.txt, line 3"
    ) as caught:
        list(checker.checked_chunks(chunk))
    assert caught.value.where == "line 8"
    assert counts(checker.report) == {"repeated-row": 1}


def test_the_first_bad_row_of_the_file_is_shown_whatever_its_rule():
    rows = sky(dec=91)
    rows["mjd"][5] = np.nan
    with pytest.raises(InputError, match="violations: finite-time 1, declination 1;") as caught:
        run(rows)
    assert caught.value.where == "line 4"
    assert "rows read: 10" in caught.value.problem


def test_nothing_is_yielded_after_a_bad_row():
    checker = Checker(Rows(sky(dec=91)), Expectations())
    seen = []
    with pytest.raises(InputError):
        seen.extend(checker.checked_chunks(2))
    # row 3 is in the second chunk
    assert [len(chunk) for chunk in seen] in ([], [2])
    assert checker.report.read == 10


def test_a_manifest_may_reject_rows():
    rows = sky(dec=91)
    rows["dec"][[5, 6]] = np.nan
    accepted, report = run(rows, reject=frozenset({"declination", "finite-direction"}), rows=7)
    assert list(accepted["event_no"]) == [0, 1, 2, 4, 7, 8, 9]
    assert (report.read, report.accepted, report.rejected) == (10, 7, 3)
    assert counts(report) == {"finite-direction": 2, "declination": 1}
    with pytest.raises(InputError, match="finite-direction 2"):
        run(rows, reject=frozenset({"declination"}))


def test_a_row_that_breaks_two_rules_is_rejected_once():
    rows = sky(dec=91, ra=-1)
    _, report = run(rows, reject=frozenset({"declination", "right-ascension"}))
    assert report.rejected == 1
    assert counts(report) == {"declination": 1, "right-ascension": 1}


def test_manifests_name_rules_that_exist():
    with pytest.raises(ManifestError, match="rules that do not exist or do not reject rows"):
        Expectations(reject=frozenset({"declinatoin"}))
    with pytest.raises(ManifestError):
        Expectations(reject=frozenset({"full-circle"}))


@pytest.mark.parametrize("rows", [9, 11])
def test_the_number_of_events_must_be_the_announced_one(rows):
    with pytest.raises(InputError, match="number of events differs from the manifest") as caught:
        run(sky(), rows=rows)
    assert "10 accepted of 10 read" in str(caught.value)


def test_no_event_left_is_an_error():
    rows = sky()
    rows["dec"] = 91
    with pytest.raises(InputError, match="at least one"):
        run(rows, reject=frozenset({"declination"}))
    assert len(run(rows, reject=frozenset({"declination"}), rows=0)[0]) == 0


@pytest.mark.parametrize("value", [-999, -1, 0, math.inf, -math.inf])
def test_energies_that_stand_for_none(value):
    accepted, report = run(sky(energy=value))
    assert np.isnan(accepted["energy"][3])
    assert np.isfinite(np.delete(accepted["energy"], 3)).all()
    assert counts(report) == {"energy-placeholder": 1}


@pytest.mark.parametrize("value", [-999, -1, math.inf])
def test_angular_errors_that_stand_for_none(value):
    accepted, report = run(sky(ang_err=value))
    assert np.isnan(accepted["ang_err"][3])
    assert counts(report) == {"ang-err-placeholder": 1}


@pytest.mark.parametrize("value", [180.1, 271.374, 1e6])
def test_angular_errors_no_angle_can_have(value):
    # 271.37 deg is in the ORCA6 sample: JGandalf's covariance, where the fit failed
    accepted, report = run(sky(ang_err=value))
    assert np.isnan(accepted["ang_err"][3])
    assert counts(report) == {"ang-err-unbounded": 1}


def test_an_angular_error_of_zero_is_a_value():
    rows = sky(ang_err=0)
    rows["ang_err"][4] = 180
    accepted, report = run(rows)
    assert list(accepted["ang_err"][3:5]) == [0, 180]
    assert counts(report) == {}


@pytest.mark.parametrize("value", [0, -1, -999])
def test_numbers_of_hits_that_stand_for_none(value):
    accepted, report = run(sky(n_hits=value))
    assert accepted["n_hits"][3] == MISSING_INTEGER
    assert counts(report) == {"n-hits-placeholder": 1}


def test_what_is_not_given_is_no_offence():
    accepted, report = run(sky(energy=np.nan, ang_err=np.nan, n_hits=MISSING_INTEGER))
    assert counts(report) == {}
    assert accepted["n_hits"][3] == MISSING_INTEGER


def test_both_ends_of_the_time_range_belong_to_it():
    rows = sky()
    low, high = float(rows["mjd"][0]), float(rows["mjd"][-1])
    assert run(rows, start_mjd=low, stop_mjd=high, rows=10)[1].rejected == 0


def test_events_without_a_name_need_no_unique_one():
    rows = sky()
    rows["event_name"] = ""
    assert counts(run(rows)[1]) == {}


def test_events_without_a_trigger_number_need_no_unique_id():
    rows = detector()
    rows["frame_index"] = 1
    rows["trigger_counter"] = -1
    accepted, report = run(rows)
    assert (accepted["trigger_counter"] == MISSING_INTEGER).all()
    assert counts(report) == {"number-placeholder": 10}


def test_the_full_circle_is_zero():
    rows = sky(ra=360)
    accepted, report = run(rows)
    assert accepted["ra"][3] == 0
    assert counts(report) == {"full-circle": 1}
    assert rows["ra"][3] == 360, "the reader's chunk is not written to"


def test_rounded_vectors_are_made_unit_vectors():
    rows = detector(dir_x=np.float32(0.6), dir_y=np.float32(0.8))
    accepted, report = run(rows)
    norm = np.sqrt(sum(accepted[name] ** 2 for name in ("dir_x", "dir_y", "dir_z")))
    np.testing.assert_allclose(norm, 1, atol=1e-15)
    assert counts(report) == {"unit-vector-rounding": 1}
    assert accepted["dir_x"][0] == 0.6


def test_ids_are_unique_over_all_files():
    first, second = sky(), sky()
    second["mjd"] += 0.01
    second["event_no"] += 10
    readers = [Rows(first, "a.txt"), Rows(second, "b.txt")]
    with pytest.raises(InputError, match=r"the same id as a\.txt, line 1") as caught:
        list(Checker(readers, Expectations()).checked_chunks())
    assert (caught.value.file, caught.value.where) == ("b.txt", "line 1")


def test_the_report_is_plain_and_complete():
    _, report = run(sky(20, dec=91, energy=-999), reject=frozenset({"declination"}))
    plain = json.loads(json.dumps(report.to_dict()))
    assert [rule["name"] for rule in plain["rules"]] == [rule.name for rule in RULES]
    declination = next(rule for rule in plain["rules"] if rule["name"] == "declination")
    assert declination["count"] == 1
    assert declination["action"] == "reject-row"
    assert declination["first"] == [
        {"file": "delivered.txt", "where": "line 4", "value": "dec = 91.0"}
    ]
    assert report.lines() == [
        "20 rows read, 19 accepted, 1 rejected",
        "  energy-placeholder: 1 × set-missing; first line 4: energy = -999.0",
        "  declination: 1 × reject-row; first line 4: dec = 91.0",
    ]


def test_only_the_first_offenders_are_kept():
    rows = sky(100)
    rows["dec"] = 95
    checker = Checker(Rows(rows), Expectations())
    with pytest.raises(InputError):
        list(checker.checked_chunks(7))
    found = checker.report.rules["declination"]
    assert found.count == 100
    assert [one.where for one in found.examples] == [f"line {n}" for n in range(1, 6)]


def test_every_rule_says_what_it_is():
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.description
        if rule.name in REJECTING:
            assert rule.problem
            assert rule.expectation
            assert rule.remedy


def test_the_public_antares_list(antares_list):
    checker = Checker(AntaresTextReader(antares_list), Expectations(rows=8754, stop_mjd=58119))
    assert sum(map(len, checker.checked_chunks(1000))) == 8754
    assert counts(checker.report) == {"full-circle": 3}


def test_the_public_antares_list_with_one_line_twice(antares_list, tmp_path):
    lines = antares_list.read_text().splitlines(keepends=True)
    path = tmp_path / antares_list.name
    path.write_text("".join([*lines, lines[99]]))
    with pytest.raises(InputError, match=r"PublicData_0717.dat, line 100") as caught:
        list(Checker(AntaresTextReader(path), Expectations()).checked_chunks())
    assert caught.value.where == "line 8757"


anything = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, -0.0, 90, -90, 91, 360, 180, -1, -999, 58000.5]
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(anything, anything, anything, anything, anything), max_size=30),
    st.integers(1, 7),
)
def test_whatever_comes_only_what_is_right_is_accepted(values, chunk):
    rows = sky(len(values)) if len(values) > 3 else sky(4)[: len(values)]
    for row, (mjd, ra, dec, ang_err, energy) in enumerate(values):
        rows[row]["mjd"], rows[row]["ra"], rows[row]["dec"] = mjd, ra, dec
        rows[row]["ang_err"], rows[row]["energy"] = ang_err, energy
    checker = Checker(Rows(rows), Expectations(start_mjd=50000, reject=REJECTING, rows=None))
    try:
        chunks = list(checker.checked_chunks(chunk))
    except InputError:
        assert checker.report.accepted == 0
        chunks = []
    report = checker.report
    assert report.read == len(rows) == report.accepted + report.rejected
    good = np.concatenate([rows[:0], *chunks])
    assert len(good) == report.accepted
    assert (good["mjd"] >= 50000).all()
    assert ((good["ra"] >= 0) & (good["ra"] < 360)).all()
    assert (np.abs(good["dec"]) <= 90).all()
    assert (np.isnan(good["ang_err"]) | ((good["ang_err"] >= 0) & (good["ang_err"] <= 180))).all()
    assert (np.isnan(good["energy"]) | (good["energy"] > 0)).all()
    # what is found does not depend on how the file is cut
    other = Checker(Rows(rows), Expectations(start_mjd=50000, reject=REJECTING))
    try:
        list(other.checked_chunks())
    except InputError:
        assert other.report.accepted == 0
    assert other.report.to_dict() == report.to_dict()


vectors = st.tuples(*[st.floats(-2, 2)] * 3)


@given(st.lists(vectors, min_size=1, max_size=10))
def test_accepted_vectors_have_length_one(values):
    rows = detector(max(4, len(values)))[: len(values)]
    for row, vector in enumerate(values):
        for name, value in zip(("dir_x", "dir_y", "dir_z"), vector, strict=True):
            rows[row][name] = value
    checker = Checker(Rows(rows), Expectations(reject=REJECTING, rows=None))
    length = np.sqrt(sum(rows[name] ** 2 for name in ("dir_x", "dir_y", "dir_z")))
    expected = int((np.abs(length - 1) <= 1e-3).sum())
    try:
        good = np.concatenate(list(checker.checked_chunks()))
    except InputError:
        assert expected == 0
        return
    assert len(good) == expected
    norm = np.sqrt(sum(good[name] ** 2 for name in ("dir_x", "dir_y", "dir_z")))
    np.testing.assert_allclose(norm, 1, atol=2e-12)


@given(st.lists(st.lists(st.integers(0, 60), max_size=20), max_size=20))
def test_repetitions_are_those_a_set_finds(chunks):
    rows, known = SeenRows(), set()
    for values in chunks:
        expected = []
        for value in values:
            expected.append(value in known)
            known.add(value)
        column = np.array(values, np.int64)
        if len(column):
            assert rows.add(hash_rows([column])).tolist() == expected


def test_many_chunks_are_kept_in_few_arrays():
    rows = SeenRows()
    for start in range(100):
        assert not rows.add(hash_rows([np.arange(10) + 10 * start])).any()
    assert len(rows._levels) <= 7  # log2 of 100
    assert rows.add(hash_rows([np.arange(1000)])).all()


def test_different_rows_have_different_hashes():
    count = 200_000
    number = np.arange(count)
    rows = [number, number * 0.5, number.astype("U7")]
    for columns in ([rows[0]], [rows[1]], [rows[2]], [rows[0] % 7, rows[1] % 100_000, rows[2]]):
        assert len(np.unique(hash_rows(columns))) == count
    # the same numbers in other places are another row
    assert (
        hash_rows([number, number[::-1].copy()])[0] != hash_rows([number[::-1].copy(), number])[0]
    )
    assert (hash_rows([np.array([0.0])]) == hash_rows([np.array([-0.0])])).all()
