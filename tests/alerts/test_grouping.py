"""Notices are grouped into alerts with the same result in any order of receipt."""

from __future__ import annotations

import html
import json
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.alerts.archive import Reception
from ingest.alerts.archive.index import Entry
from ingest.alerts.notices import parse, parse_packet
from ingest.alerts.notices.containment import Regions
from ingest.alerts.notices.model import Citation, Notice, NoticeType
from ingest.alerts.tables.circulars import circular_rows
from ingest.alerts.tables.rows import table_rows
from ingest.alerts.tables.store import Store
from ingest.core.checkout import CHECKOUT
from tests.alerts.sample_packets import param, voevent

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
FIRST_MJD = 61_041.0
EXAMPLES = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


NOISE = "".join(chr(0x1D400 + one % 700) for one in random.Random(1).randbytes(20_000))
"""A text that cannot be compressed: others fit in an index at any length."""


def hours(number: int) -> int:
    """Return when a packet was received, in hours after the first: the clock may be set back."""
    return 3 * (number * 7 % 5)


def entry(number: int) -> Entry:
    received = (FIRST + timedelta(hours=hours(number))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Entry(number, f"{number:064x}", received, "file:test", "application/xml", 10)


def packet(number: int, notice: Notice):
    return table_rows(entry(number), notice, Regions(), None)


def notice(name: str, *cites: tuple[str, str], **more) -> Notice:
    more = {"stream": "test", "media_format": "voevent-2.0"} | more
    citations = tuple(Citation(ivorn=f"ivo://one/{to}", kind=kind) for to, kind in cites)
    return Notice(ivorn=f"ivo://one/{name}", citations=citations, **more)


Grouped = dict[int, tuple[int, str, bool, bool, float | None]]
"""By number: version, alert_id, is_latest, retracted, and hours until superseded."""


def table(store: Store) -> Grouped:
    rows = store.fetch(
        "SELECT notice_id, version, alert_id, is_latest = 1, retracted = 1,"
        f" (superseded - {FIRST_MJD}) * 24 FROM alerts.notices"
    )
    return {number: tuple(rest) for number, *rest in rows}


def expected(notices: dict[int, Notice]) -> Grouped:
    """Apply the rules of grouping to all notices at once, in the simplest way."""

    def name(one: Notice) -> str:
        start = "test/" if one.is_test else "injection/" if one.is_injection else ""
        return start + (one.event_key or one.ivorn)

    def cites(one: Notice, other: Notice) -> bool:
        grouping = {c.ivorn for c in one.citations if c.kind in ("supersedes", "retraction")}
        alike = (one.is_test, not one.is_test and one.is_injection) == (
            other.is_test,
            not other.is_test and other.is_injection,
        )
        return other.ivorn in grouping and alike

    groups = {number: {number} for number in notices}
    for _ in notices:
        for one in notices:
            for other in notices:
                a, b = notices[one], notices[other]
                if name(a) == name(b) or cites(a, b) or cites(b, a):
                    both = groups[one] | groups[other]
                    for member in both:
                        groups[member] = both
    found = {}
    for number, one in notices.items():
        members = groups[number]
        names = {name(notices[member]) for member in members}
        keyed = {name for name in names if "ivo://" not in name}
        by_time = any(notices[member].revision is None for member in members)

        def order(member: int, by_time: bool = by_time) -> tuple:
            revision = 0 if by_time else notices[member].revision
            written = notices[member].notice_mjd
            received = FIRST_MJD + hours(member) / 24
            return (revision, received if written is None else written, member)

        newest = max(members, key=order)
        newer = [hours(member) for member in members if order(member) > order(number)]
        version = sum(notices[n].ivorn == one.ivorn for n in notices if n <= number)
        retracted = notices[newest].notice_type is NoticeType.RETRACTION
        superseded = float(min(newer)) if newer else None
        found[number] = (version, min(keyed or names), number == newest, retracted, superseded)
    return found


drawn_notices = st.builds(
    lambda name, cites, key, **more: notice(name, *cites, event_key=key and f"key/{key}", **more),
    name=st.sampled_from("abcdef"),
    cites=st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.sampled_from(["supersedes", "retraction", "followup"])
        ),
        max_size=2,
    ),
    key=st.none() | st.sampled_from("xyz"),
    revision=st.none() | st.integers(0, 3),
    notice_mjd=st.none() | st.sampled_from([61_000.0, 61_040.5, 61_100.0]),
    is_test=st.sampled_from([False, False, True]),
    is_injection=st.sampled_from([False, False, False, True]),
    notice_type=st.sampled_from(NoticeType),
)


@EXAMPLES
@given(st.lists(drawn_notices, min_size=1, max_size=9), st.randoms(), st.data())
def test_rows_depend_on_the_set_of_packets_alone(empty_store, notices, random, data):
    numbered = dict(enumerate(notices, 1))
    order = list(numbered)
    if data.draw(st.booleans(), "out of order"):
        random.shuffle(order)
    with empty_store.forgotten():
        while order:
            size = data.draw(st.integers(1, len(order)))
            batch, order = order[:size], order[size:]
            refused = empty_store.store.add([packet(n, numbered[n]) for n in sorted(batch)])
            assert refused == []
        assert table(empty_store.store) == expected(numbered)


@settings(EXAMPLES, max_examples=40)
@given(st.lists(drawn_notices, min_size=1, max_size=9), st.data())
def test_packets_that_are_removed_leave_no_trace(empty_store, notices, data):
    numbered = dict(enumerate(notices, 1))
    gone = data.draw(st.sets(st.sampled_from(sorted(numbered))), "removed")
    store = empty_store.store
    with empty_store.forgotten():
        store.add([packet(number, one) for number, one in numbered.items()])
        again = set(store.remove(sorted(gone))) - gone
        assert store.add([packet(number, numbered[number]) for number in sorted(again)]) == []
        left = {number: one for number, one in numbered.items() if number not in gone}
        assert table(store) == expected(left)
        assert store.orphans() == {}
        assert store.add([packet(number, numbered[number]) for number in sorted(gone)]) == []
        assert table(store) == expected(numbered)


def as_of() -> str:
    """Return the query for what was known at a time, as the examples of the TAP service have it."""
    examples = (CHECKOUT / "site" / "userconfig.rd").read_text()
    example = examples.partition('title="What was known at a time?"')[2].partition("</meta>")[0]
    return html.unescape(example.partition(".. tapquery::")[2])


@settings(EXAMPLES, max_examples=40)
@given(st.lists(drawn_notices, min_size=1, max_size=9))
def test_what_was_known_at_a_time_is_what_had_been_received(empty_store, notices):
    """Alerts and their order are those of today; at each time, the newest of those received."""
    numbered = dict(enumerate(notices, 1))
    alerts = {number: row[1] for number, row in expected(numbered).items()}
    assert "gavo_to_mjd('" in as_of()
    with empty_store.forgotten():
        empty_store.store.add([packet(number, one) for number, one in numbered.items()])
        for time in range(-1, 14):
            known = {}
            for alert in set(alerts.values()):
                members = [number for number, name in alerts.items() if name == alert]
                by_time = any(numbered[number].revision is None for number in members)

                def order(number: int, by_time: bool = by_time) -> tuple:
                    one = numbered[number]
                    written = one.notice_mjd
                    received = FIRST_MJD + hours(number) / 24
                    return (
                        0 if by_time else one.revision,
                        received if written is None else written,
                        number,
                    )

                there = [number for number in members if hours(number) <= time]
                if there:
                    newest = max(there, key=order)
                    known[newest] = numbered[newest].notice_type.value
            query = re.sub("gavo_to_mjd\\(.*?\\)", str(FIRST_MJD + (time + 0.5) / 24), as_of())
            found = empty_store.store.fetch(f"SELECT notice_id, notice_type FROM ({query}) AS q")
            assert dict(found) == {
                number: kind
                for number, kind in known.items()
                if not (numbered[number].is_test or numbered[number].is_injection)
            }


def test_a_late_revision_does_not_become_the_newest(empty_store):
    first = notice("a", event_key="icecube/1", revision=2)
    late = notice("b", event_key="icecube/1", revision=1, notice_mjd=61_999.0)
    with empty_store.forgotten():
        empty_store.store.add([packet(1, first)])
        empty_store.store.add([packet(2, late)])
        assert [row[2] for row in table(empty_store.store).values()] == [True, False]


def test_a_retraction_that_arrives_before_its_alert_retracts_it(empty_store):
    retraction = notice(
        "r", ("a", "retraction"), notice_type=NoticeType.RETRACTION, notice_mjd=61_001.0
    )
    alert = notice("a", event_key="icecube/1", notice_mjd=61_000.0)
    with empty_store.forgotten():
        empty_store.store.add([packet(1, retraction)])
        empty_store.store.add([packet(2, alert)])
        assert table(empty_store.store) == {
            1: (1, "icecube/1", True, True, None),
            2: (1, "icecube/1", False, True, float(hours(1))),
        }


def test_an_update_after_a_retraction_reinstates_the_alert(empty_store):
    alert, retraction, update = (
        notice(name, event_key="ligo/1", revision=revision, notice_type=kind)
        for name, revision, kind in [
            ("a", 1, NoticeType.INITIAL),
            ("b", 2, NoticeType.RETRACTION),
            ("c", 3, NoticeType.UPDATE),
        ]
    )
    with empty_store.forgotten():
        empty_store.store.add([packet(1, alert), packet(2, retraction)])
        assert {row[3] for row in table(empty_store.store).values()} == {True}
        empty_store.store.add([packet(3, update)])
        assert {row[3] for row in table(empty_store.store).values()} == {False}


def test_alerts_of_another_authority_cannot_be_retracted(empty_store):
    alert = notice("a", event_key="km3net/1")
    foreign = Notice(
        ivorn="ivo://other/r",
        stream="test",
        media_format="voevent-2.0",
        notice_type=NoticeType.RETRACTION,
        citations=(Citation(ivorn=alert.ivorn, kind="retraction"),),
    )
    with empty_store.forgotten():
        empty_store.store.add([packet(1, alert), packet(2, foreign)])
        assert table(empty_store.store)[1] == (1, "km3net/1", True, False, None)


@pytest.mark.parametrize("stream", ["km3net", "test/km3net", "injection/km3net"])
def test_no_identifier_gives_a_packet_the_key_of_another_family(stream):
    # of a stream without a profile, the identifier is part of the key
    one = parse(voevent(param("TrigID", "KM3-230213A"), ivorn=f"{stream}#x"))
    assert one.event_key == f"ivo://{stream}/KM3-230213A"


def test_a_packet_from_the_topic_of_others_cannot_retract_our_alert(empty_store):
    def named(one: str, **more) -> Notice:
        return Notice(
            ivorn=f"ivo://KM3NeT_Neutrino#{one}", stream="km3net", media_format="gcn-json", **more
        )

    ours = named("a", event_key="km3net/KM3-230213A")
    kind = NoticeType.RETRACTION
    cites = (Citation(ivorn=ours.ivorn, kind="retraction"),)
    theirs = named("b", event_key=ours.event_key, notice_type=kind, citations=cites)
    forged = replace(entry(2), source="gcn:gcn.notices.swift.bat.guano/0/7")
    with empty_store.forgotten():
        empty_store.store.add([packet(1, ours), table_rows(forged, theirs, Regions(), None)])
        empty_store.store.add([packet(3, named("c", event_key=ours.event_key))])
        found = table(empty_store.store)
        assert {found[number][1:4] for number in (1, 3)} == {
            ("km3net/KM3-230213A", False, False),
            ("km3net/KM3-230213A", True, False),
        }
        assert found[2][1] == "claimed/gcn.notices.swift.bat.guano/km3net/KM3-230213A"
    with empty_store.forgotten():
        genuine = replace(entry(2), source="gcn:gcn.notices.km3net.alert/0/7")
        empty_store.store.add([packet(1, ours), table_rows(genuine, theirs, Regions(), None)])
        assert {row[3] for row in table(empty_store.store).values()} == {True}


def circular(number: int, version: int, origin: str):
    found = parse_packet(
        json.dumps(
            {"circularId": 1, "subject": "s", "body": "b", "createdOn": 0, "version": version}
        ).encode()
    )
    return circular_rows(replace(entry(number), source=origin), found)


def test_a_circular_of_a_topic_of_others_supersedes_none(empty_store):
    origins = ["file:1.json", "gcn:gcn.notices.other.alert/0/7", "remote:vtp"]
    with empty_store.forgotten():
        store = empty_store.store
        store.add([circular(number, number, one) for number, one in enumerate(origins, 1)])
        newest = "SELECT notice_id FROM alerts.circulars WHERE is_latest = 1"
        assert store.fetch(newest) == [(1,)]
        store.add([circular(4, 2, "gcn:gcn.circulars/0/7")])
        assert store.fetch(newest) == [(4,)]


def test_what_the_schema_says_of_withheld_packets_is_hidden(empty_store):
    said = Reception(
        "0" * 64, "2026-01-01T00:00:00.000000Z", "gcn", "b", "t", 0, 1, None, "invalid"
    )
    with empty_store.forgotten():
        store = empty_store.store
        store.add([packet(1, notice("a"))], [(1, said)])
        shown = "SELECT schema_verdict FROM alerts.receptions"
        store.hide_verdicts([1])
        assert store.fetch(shown) == [("none",)]
        store.show_verdicts([(1, said), (1, replace(said, schema="of the same message later"))])
        assert store.fetch(shown) == [("invalid",)]


@pytest.mark.parametrize(
    "hostile",
    [
        {"ivorn": "ivo://one/" + "x" * 100_000},
        {"ivorn": "ivo://one/\0\ud800\\N\t\n"},
        {"event_key": "y" * 100_000},
        {"event_name": "\\.\n\\N\t\r\0\udfff"},
        {"record_number": 10**30, "revision": -(10**30), "n_events": 10**12},
        {"remarks": ("\\", "\t")},
        {"stream": NOISE, "event_name": NOISE, "alert_type": NOISE, "pipeline": NOISE},
        {"ivorn": "ivo://one/" + NOISE, "event_key": NOISE},
    ],
)
def test_hostile_values_become_rows(empty_store, hostile):
    one = notice("a", ("b" * 100_000, "supersedes"))
    with empty_store.forgotten():
        changed = one.model_copy(update=hostile)
        assert empty_store.store.add([packet(1, changed)]) == []
        assert len(table(empty_store.store)) == 1


def test_rows_too_long_for_an_index_are_refused_and_the_others_added(empty_store):
    good, bad = packet(1, notice("a")), packet(2, notice("b"))
    bad = replace(bad, notice=bad.notice.replace(b"\ttest\t", b"\t%s\t" % NOISE.encode(), 1))
    with empty_store.forgotten():
        ((number, reason),) = empty_store.store.add([good, bad])
        assert number == 2
        assert "index" in reason
        assert list(table(empty_store.store)) == [1]


def test_rows_that_the_database_refuses_are_named_and_the_others_added(empty_store):
    good, bad = packet(1, notice("a")), packet(2, notice("b"))
    bad = replace(bad, notice=bad.notice.replace(b"voevent-2.0", b"\\N"))
    with empty_store.forgotten():
        ((number, reason),) = empty_store.store.add([good, bad])
        assert number == 2
        assert "media_format" in reason
        assert list(table(empty_store.store)) == [1]
