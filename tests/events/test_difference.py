"""Two versions of a release: what was added, removed and changed, and by how much."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.events.difference import Difference, compare
from ingest.events.difference.matching import pair_equal
from ingest.events.fields import MISSING_INTEGER, chunk_dtype
from ingest.events.product import ProductMetadata, write_event_list
from ingest.events.readers import open_reader
from ingest.events.sky import locate_chunks

ANTARES = Path("inputs/ant20_01/PublicData_0717.dat")
ABOUT = ProductMetadata(
    release="evts23_01", obs_id=1, telescope="KM3NeT", instrument="ARCA21", longitude=16.0,
    latitude=36.3, height=-3450.0, creator="test", kid="1", gtis=[(50_000.0, 60_000.0)],
)  # fmt: skip
FIELDS = ("event_name", "event_no", "mjd", "ra", "dec", "ang_err", "energy", "n_hits")


def rows(*values, names=FIELDS):
    return np.array(list(values), chunk_dtype(names))


def product(path, events):
    write_event_list(path, [events], ABOUT)
    return path


def difference(folder, old, new) -> Difference:
    return compare([product(folder / "old.fits", old)], [product(folder / "new.fits", new)])


def antares(path, lines):
    path.with_suffix(".dat").write_text("\n".join([*lines, ""]))
    reader = open_reader(path.with_suffix(".dat"), "antares-text")
    write_event_list(path, locate_chunks(reader.chunks(), "antares"), ABOUT)
    return [path]


def named(number, mjd=59_000.0, ra=10.0, dec=20.0, ang_err=0.5, energy=1e3, n_hits=30):
    return f"km3.133.7.{number}.1", number, mjd, ra, dec, ang_err, energy, n_hits


def test_the_list_of_antares_edited_in_three_places(tmp_path):
    lines = ANTARES.read_text().splitlines()
    edited = list(lines)
    # line 10 moves by 0.3 deg in declination, line 100 goes, and a new last line comes
    dec, rest = lines[9].split("\t", 1)
    edited[9] = f"{float(dec) + 0.3:.1f}\t{rest}"
    del edited[99]
    edited.append("-10.0\t200.0\t40\t0.4\t58100.5")
    found = compare(antares(tmp_path / "old.fits", lines), antares(tmp_path / "new.fits", edited))
    assert (found.before, found.after, found.identity) == (8754, 8754, "time")
    assert (found.added, found.removed, found.changed) == (1, 1, 1)
    # all behind the line that went; the last one of the new list is not in the old list
    assert found.renumbered == 8754 - 98
    (column,) = found.columns
    assert (column.name, column.unit, column.count) == ("RA, DEC", "deg", 1)
    assert column.largest == pytest.approx(0.3, abs=1e-9)
    assert column.median == column.largest
    kinds = {one.kind: one for one in found.examples}
    assert kinds["removed"].event == "ANT0098"
    assert kinds["added"].mjd == 58100.5
    assert kinds["changed"].dec == pytest.approx(float(dec) + 0.3)
    assert found.lines()[0] == (
        "8754 events before, 8754 now: 1 added, 1 removed, 1 changed (identified by time)"
    )
    assert "  RA, DEC: 1 changed; by up to 0.3 deg, median 0.3 deg" in found.lines()


def test_the_same_list_does_not_differ(tmp_path):
    lines = ANTARES.read_text().splitlines()
    found = compare(antares(tmp_path / "a.fits", lines), antares(tmp_path / "b.fits", lines))
    assert not found
    assert found.lines() == [
        "8754 events before, 8754 now: 0 added, 0 removed, 0 changed (identified by time)"
    ]


def test_events_with_names_of_the_detector_are_identified_by_them(tmp_path):
    old = rows(named(1), named(2), named(3, energy=np.nan), named(4, n_hits=MISSING_INTEGER))
    new = rows(
        named(9), named(4, n_hits=31), named(3, energy=2e3), named(2, energy=1.5e3, mjd=59_001.0)
    )
    found = difference(tmp_path, old, new)
    assert found.identity == "event name"
    assert (found.added, found.removed, found.changed, found.renumbered) == (1, 1, 3, 0)
    columns = {one.name: one for one in found.columns}
    assert set(columns) == {"MJD", "ENERGY", "N_HITS"}
    energy = columns["ENERGY"]
    # 1000 to 1500 GeV; the other one had no energy before
    assert (energy.count, energy.unit, energy.filled, energy.emptied) == (2, "GeV", 1, 0)
    assert energy.largest == pytest.approx(500.0)
    assert (columns["N_HITS"].filled, columns["N_HITS"].largest) == (1, None)
    assert columns["MJD"].largest == pytest.approx(1.0)
    assert [one.event for one in found.examples] == [
        "km3.133.7.9.1", "km3.133.7.1.1", "km3.133.7.4.1", "km3.133.7.3.1", "km3.133.7.2.1"
    ]  # fmt: skip


def test_separations_are_those_on_the_sphere(tmp_path):
    before, now = (359.9, 85.0), (0.4, 85.2)
    found = difference(
        tmp_path,
        rows(named(1, ra=before[0], dec=before[1])),
        rows(named(1, ra=now[0], dec=now[1])),
    )
    expected = SkyCoord(*before * u.deg).separation(SkyCoord(*now * u.deg))
    assert found.columns[0].largest == pytest.approx(expected.deg, rel=1e-9)


def test_local_directions_are_directions_too(tmp_path):
    names = (*FIELDS[:5], "zenith", "azimuth")
    tables = [
        rows((*named(1)[:5], zenith, azimuth), names=names)
        for zenith, azimuth in ((30.0, 359.0), (31.0, 2.0))
    ]
    found = difference(tmp_path, *tables)
    # the separation between altitudes of 60 and 59 deg
    places = SkyCoord([359.0, 2.0] * u.deg, [60.0, 59.0] * u.deg)
    (column,) = found.columns
    assert (column.name, column.unit) == ("ZENITH, AZIMUTH", "deg")
    assert column.largest == pytest.approx(places[0].separation(places[1]).deg, rel=1e-9)


def test_times_given_more_precisely_are_the_same_events(tmp_path):
    """Also if rounding to 1e-4 d, as ANTARES' list has it, separates the two."""
    old, new = (
        rows(
            *(
                (f"A{n}", n, 59_000.0 + n + moved, 10.0 + n, 20.0, 0.5, 1e3, 30)
                for n, moved in enumerate(offsets, 1)
            )
        )
        for offsets in ((0.1, 0.2, 48e-6), (0.10003, 0.19998, 52e-6))
    )
    found = difference(tmp_path, old, new)
    assert (found.added, found.removed, found.changed) == (0, 0, 3)
    assert found.columns[0].name == "MJD"
    assert found.columns[0].largest == pytest.approx(30e-6, abs=1e-9)


def test_columns_that_only_one_version_has(tmp_path):
    old = rows(("a", 1, 59_000.0, 1.0, 2.0, 30), names=(*FIELDS[:5], "n_hits"))
    new = rows(("a", 1, 59_000.0, 1.0, 2.0, 0.1), names=(*FIELDS[:5], "ang_err"))
    found = difference(tmp_path, old, new)
    assert (found.new_columns, found.lost_columns) == (("ANG_ERR",), ("N_HITS",))
    assert (found.added, found.removed, found.changed) == (0, 0, 0)
    assert found
    assert "  ANG_ERR: a new column" in found.lines()


def test_a_release_of_several_products(tmp_path):
    parts = [product(tmp_path / f"{n}.fits", rows(named(2 * n), named(2 * n + 1))) for n in (1, 2)]
    whole = product(
        tmp_path / "all.fits", rows(named(2), named(3), named(4), named(5, ang_err=0.75))
    )
    found = compare(parts, [whole])
    assert (found.before, found.after, found.added, found.changed) == (4, 4, 0, 1)
    assert found.columns[0].largest == pytest.approx(0.25)
    back = compare([whole], parts)
    assert back.examples[0].event == "km3.133.7.5.1"


def test_products_that_are_the_same_are_only_counted(tmp_path):
    same = {
        product(tmp_path / f"{n}.fits", rows(named(3 * n), named(3 * n + 1))): 2 for n in (1, 2)
    }
    old = product(tmp_path / "old.fits", rows(named(20), named(21)))
    new = product(tmp_path / "new.fits", rows(named(20), named(21, ang_err=0.75), named(22)))
    assert compare([old], [new], same) == compare([old, *same], [new, *same])
    grown = compare([], [new], same)
    assert grown == compare([*same], [new, *same])
    assert (grown.before, grown.after, grown.added, grown.new_columns) == (4, 7, 3, ())
    shrunk = compare([old], [], same)
    assert (shrunk.before, shrunk.after, shrunk.removed) == (6, 4, 2)
    assert shrunk == compare([old, *same], [*same])
    assert not compare([], [], same)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 6), max_size=40),
    st.lists(st.integers(0, 6), max_size=40),
)
def test_equal_keys_are_paired_as_often_as_both_have_them(old, new):
    old_array, new_array = np.array(old, np.uint64), np.array(new, np.uint64)
    places_old, places_new = pair_equal(old_array, new_array)
    assert (old_array[places_old] == new_array[places_new]).all()
    assert len(set(places_old.tolist())) == len(places_old)
    assert len(set(places_new.tolist())) == len(places_new)
    assert len(places_old) == (Counter(old) & Counter(new)).total()


TIMES = st.integers(0, 8)
EVENTS = st.lists(st.tuples(TIMES, st.integers(0, 3)), min_size=1, max_size=25)


@settings(max_examples=15, deadline=None)
@given(old=EVENTS, new=EVENTS, data=st.data())
def test_events_at_the_same_time_are_counted_as_sets_are(tmp_path_factory, old, new, data):
    """Where only time and hits are given, the counts follow from those of equal times."""
    folder = tmp_path_factory.mktemp("difference")
    old, new = (data.draw(st.permutations(events)) for events in (old, new))

    def table(events):
        return rows(
            *(
                (f"A{number}", number, 59_000.0 + 0.01 * time, 10.0, 20.0, 0.5, 1e3, 20 + hits)
                for number, (time, hits) in enumerate(events, 1)
            )
        )

    found = difference(folder, table(old), table(new))
    same_time = Counter(time for time, _ in old) & Counter(time for time, _ in new)
    identical = (Counter(old) & Counter(new)).total()
    assert found.identity == "time"
    assert found.removed == len(old) - same_time.total()
    assert found.added == len(new) - same_time.total()
    assert found.changed == same_time.total() - identical
