"""The page of proof says what is true, also while the database is away."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
import tomllib
from datetime import UTC, datetime
from types import ModuleType
from typing import Any, Final

import pytest

from ingest.instance import Layout
from ingest.instance.account import Account
from ingest.publish import check_record
from ingest.publish.validators import CheckResult
from tests.instances import ROOT, Instance
from tests.web.visitor import Visitor

STATUS: Final = ROOT / "site" / "dachs" / "pages" / "status"
QUERIES: Final = tomllib.loads((STATUS / "hea_queries.toml").read_text())["query"]


def document(instance: Instance, *wanted: str) -> dict[str, Any]:
    """Return the JSON document as soon as the parts that are wanted have been measured."""
    for _ in range(30):
        found: dict[str, Any] = json.loads(instance.fetch("status.json"))
        if all(found[name]["time"] for name in wanted):
            break
        time.sleep(0.5)
    return found


def test_services_and_newest_data_are_measured(instance: Instance) -> None:
    found = document(instance, "newest", "tables")
    assert found["available"] is True
    assert [one["name"] for one in found["services"]["value"]] == ["Database", "TAP", "Cone search"]
    assert all(one["available"] and one["ms"] > 0 for one in found["services"]["value"])
    age = datetime.now(UTC) - datetime.fromisoformat(found["services"]["time"])
    assert age.total_seconds() < 60
    rows = {one["name"]: one["rows"] for one in found["tables"]["value"]}
    assert rows["ant20_01.main"] == 8754
    assert rows["evts23_01.main"] == 1
    (newest,) = instance.adql("SELECT MAX(received) FROM alerts.notices")
    assert found["newest"]["value"]["last_received"] == pytest.approx(float(newest[0]))
    assert {one["name"] for one in found["releases"]} >= {"ant20_01", "evts23_01", "irf_arca230"}


def test_queries_of_the_high_energy_draft_have_their_answers(instance: Instance) -> None:
    answers = document(instance, "high_energy_queries")["high_energy_queries"]["value"]
    for listed, answer in zip(QUERIES, answers, strict=True):
        assert answer["title"] == listed["title"]
        assert answer["rows"] == len(instance.adql(" ".join(listed["adql"].split())))
        assert len(answer["sample"]) == min(4, answer["rows"])


def test_the_page_shows_it_all_to_people(visitor: Visitor, instance: Instance) -> None:
    document(instance, "newest", "live", "high_energy_queries", "tables")
    visitor.open("/status")
    text = visitor.text
    for said in ("All services answer", "Cone search", "ant20_01.main", "8,754 rows", "DaCHS 2."):
        assert said in text
    for listed in QUERIES:
        assert listed["title"] in text
    assert "PostgreSQL" not in text
    assert visitor.complaints() == []


# -- validators --------------------------------------------------------------------------------


@pytest.fixture
def checks(instance: Instance) -> Any:
    """Return a function that stores results; afterwards those from before are back."""
    layout = Layout(instance.var, Account.current())
    place = check_record.path_of(layout)
    before = place.read_bytes() if place.exists() else None

    def store(*results: CheckResult) -> None:
        began = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
        check_record.store(layout, results, began, 14.2)

    yield store
    if before is None:
        place.unlink(missing_ok=True)
    else:
        place.write_bytes(before)


def test_results_of_the_validators_are_shown(visitor, instance, checks):
    checks(
        CheckResult("dachs val", "ant20_01/nu", True, "valid", (), 1.5),
        CheckResult("dachs val", "secret_1/nu", False, "not valid", ("secret_1",), 1.0),
        CheckResult(
            "taplint",
            instance.url,
            False,
            "1 errors, besides 3 that are expected",
            (f"E-QST-1 <script>alert(1)</script> in {instance.var}/dachs/x",),
            20.0,
        ),
    )
    visitor.open("/status")
    visitor.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    text = visitor.text
    assert "2026-11-28 03:00:00 UTC and took 14 s" in text
    assert "not all pass" in text
    assert "ant20_01/nu: valid" in text
    assert "<script>alert(1)</script> in var/dachs/x" in text
    # a descriptor that is not here any more, perhaps of a release that nobody knows of
    assert "secret" not in text and "secret" not in instance.fetch("status.json").decode()
    assert visitor.complaints() == []


def test_validators_that_never_ran_are_not_passed_over(visitor, instance, checks):
    checks()
    check_record.path_of(Layout(instance.var, Account.current())).unlink()
    visitor.open("/status")
    assert "The validators have never run on this server." in visitor.text
    assert json.loads(instance.fetch("status.json"))["checks"] is None


# -- measuring in the background ---------------------------------------------------------------


@pytest.fixture(scope="module")
def measured() -> ModuleType:
    spec = importlib.util.spec_from_file_location("measured", STATUS / "measured.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nobody_waits_for_what_does_not_answer(measured):
    goes_on = threading.Event()
    value = measured.Measured(lambda: goes_on.wait(30) and "done", 60)
    start = time.monotonic()
    first = value.reading(0.05)
    assert (first.value, first.time, bool(first.problem)) == (None, "", True)
    assert time.monotonic() - start < 5
    goes_on.set()
    later = value.reading(10)
    assert (later.value, later.problem) == ("done", "")


def test_many_visitors_cause_one_measurement(measured):
    counted = []
    goes_on = threading.Event()
    value = measured.Measured(lambda: counted.append(goes_on.wait(30)) or len(counted), 60)
    for _ in range(20):
        value.reading(0)
    goes_on.set()
    assert value.reading(10).value == 1
    assert value.reading(10).value == 1


def test_a_problem_leaves_the_last_value(measured):
    answers = iter([1, ValueError("it is away")])

    def measure():
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    value = measured.Measured(measure, 0, oldest=0)
    first = value.reading(10)
    second = value.reading(10)
    assert (first.value, first.problem) == (1, "")
    assert (second.value, second.problem, second.time) == (1, "it is away", first.time)
