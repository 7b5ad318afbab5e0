"""Matches of live alerts: from a broker to TAP and DataLink, and by command for what was there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import pyvo

from ingest.alerts.matching.configuration import CONFIG_VARIABLE
from tests.alerts.broker import Broker, configuration, listening, until
from tests.alerts.sample_packets import param, voevent, where_when
from tests.instances import ROOT, Instance
from tests.templates import Templates, port

DOCUMENT = ROOT / "docs" / "matches.md"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    made = Instance(tmp_path_factory.mktemp("matches") / "var", port(35))
    try:
        templates.copy("empty", made).up()
        yield made
    finally:
        made.reset()


def neutrino(record: int, far: str) -> bytes:
    return voevent(
        param("Event_Name", "KM3-200102A"),
        param("record_number", str(record)),
        param("far", far, unit="Hz"),
        ivorn=f"ivo://km3net.org/VOEvent#KM3-200102A_{record}",
        where=where_when("2020-01-02T03:04:05", "150.5", "-20.25", "0.5"),
    )


def wave(serial: int, *citations: tuple[str, str]) -> bytes:
    return voevent(
        param("GraceID", "S200102x"),
        param("Pkt_Ser_Num", str(serial)),
        param("FAR", "1e-9", unit="Hz"),
        ivorn=f"ivo://gwnet/LVC#S200102x-{serial}",
        where=where_when("2020-01-02T03:04:25", "151.0", "-20.25", "2"),
        citations=citations,
    )


def test_a_match_is_computed_on_arrival_and_shown(node, tmp_path):
    broker = Broker()
    columns = "SELECT match_id, is_latest, retracted, time_difference, change FROM alerts.matches"
    with listening(node, configuration(tmp_path, broker.address)) as listener:
        broker.send([neutrino(0, "1e-7")])
        broker.send([wave(1)])
        until(lambda: len(node.adql(columns)) == 1, listener)
        broker.send([neutrino(1, "2e-8")])
        until(lambda: len(node.adql(columns)) == 2, listener)
        found = {row[0]: row[1:] for row in node.adql(columns)}
        assert found["1/alert/2"][:2] == ["0", "0"]
        assert float(found["1/alert/2"][2]) == pytest.approx(20, abs=1e-3)
        assert found["3/alert/2"][:2] == ["1", "0"]
        assert found["3/alert/2"][3] == "km3net: far 1e-07 → 2e-08 Hz"

        (example,) = (
            one["QUERY"]
            for one in pyvo.dal.TAPService(node.tap).examples
            if "alerts.matches" in one["QUERY"]
        )
        assert [row[2] for row in node.adql(example)] == [
            row[0] for row in node.adql("SELECT alert_id FROM alerts.notices WHERE notice_id = 2")
        ]

        queries = re.findall("```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
        # the one about events is tested where there are samples
        assert len(queries) == 3
        assert [row[2] for row in node.adql(queries[0])] == [row[2] for row in node.adql(example)]
        assert node.adql(queries[2].replace("2026", "2020").replace("2027", "2021")) == [
            ["km3net", "1"],
            ["ligo-virgo-kagra", "1"],
        ]

        for number in (2, 3):
            ((address, words),) = [
                (link["access_url"], link["description"])
                for link in pyvo.dal.adhoc.DatalinkResults.from_result_url(
                    f"{node.url}/alerts/nu/dl/dlmeta?ID={number}"
                )
                if link["local_semantics"] == "matches"
            ]
            assert "chance" in words
            answer = pyvo.dal.DALResults.from_result_url(address)
            assert list(answer["match_id"]) == ["3/alert/2"]

        retraction = wave(2, ("retraction", "ivo://gwnet/LVC#S200102x-1"))
        broker.send([retraction])
        until(lambda: node.adql(f"{columns} WHERE retracted = 1 AND is_latest = 1"), listener)
        assert listener.stop() < 2
    assert node.adql(example) == []
    assert [row[0] for row in node.adql("SELECT DISTINCT retraction FROM alerts.matches")] == [
        "S200102x (ligo-virgo-kagra) was retracted"
    ]

    columns = "match_id, is_latest, retracted, overlap, far_temporal, since, method, change"
    everything = f"SELECT {columns}, computed FROM alerts.matches ORDER BY match_id"
    before = node.adql(everything)
    done = node.km3vo("alerts", "match", "--all")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["4", "matched"]
    assert node.adql(everything) == before
    assert node.km3vo("alerts", "rebuild").returncode == 0
    after = node.adql(everything)
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert all(float(new[-1]) > float(old[-1]) for old, new in zip(before, after, strict=True))

    # nothing is matched with nothing
    none = tmp_path / "matches.toml"
    none.write_text("")
    done = node.km3vo("alerts", "match", "--all", "--config", str(none))
    assert done.returncode == 0, done.stderr
    assert node.adql(everything) == []
    none.write_text("[[pairs]]\n")
    done = node.km3vo("alerts", "match", **{CONFIG_VARIABLE: str(none)})
    assert done.returncode == 2
    assert str(none) in done.stderr and "Traceback" not in done.stderr
