"""What can be tested of the upgrade drill without other systems: ``make upgrade-test``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ingest.instance import Layout
from ingest.instance.account import Account
from ingest.instance.dump import _wanted
from ingest.instance.layout import NewerError
from ingest.instance.postgres import PROGRAMS
from ingest.instance.private import PrivateCluster
from tests.instances import Instance
from tests.matrix import drill, upgrade
from tests.matrix.system import System


def test_answers_that_changed_are_named() -> None:
    before = {"a query": [200, 7, "f1"], "members": ["ada"], "product": [200, 5, "f2"]}
    assert drill.differences(before, dict(before)) == []
    after = {"a query": [200, 6, "f3"], "product": [200, 5, "f2"]}
    assert drill.differences(before, after) == [
        "a query: [200, 7, 'f1'] became [200, 6, 'f3']",
        "members: ['ada'] became missing",
    ]


def test_a_change_of_data_is_seen_and_one_of_logs_is_not(tmp_path: Path) -> None:
    for name in ("logs", "inputs"):
        (tmp_path / name).mkdir()
    (tmp_path / "inputs" / "a").write_text("a")
    before = drill.tree(tmp_path)
    (tmp_path / "logs" / "a.log").write_text("a")
    assert drill.tree(tmp_path) == before
    (tmp_path / "inputs" / "a").write_text("b!")
    assert drill.tree(tmp_path) != before


def test_a_copy_has_modes_and_times_and_replaces_the_former(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.mkdir(mode=0o700)
    (source / "a").write_text("a")
    os.utime(source / "a", (1, 1))
    for _ in range(2):
        upgrade.hand_over(source, target)
    assert target.stat().st_mode & 0o777 == 0o700
    assert (target / "a").stat().st_mtime == 1
    assert [path.name for path in target.iterdir()] == ["a"]


def test_a_step_that_does_not_end_well_ends_the_drill(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("tests.matrix.system.CACHE", tmp_path)
    monkeypatch.setattr(System, "boot", lambda *_: 3)
    system = System("trixie", "upgrade")
    (system.root / "var" / "lib").mkdir(parents=True)
    with pytest.raises(SystemExit, match=r"trixie: new failed \(3\)"):
        upgrade.Drill(tmp_path).step(system, "new")


def test_what_a_newer_extension_has_is_not_taken_from_a_dump() -> None:
    kept = [
        "765; 1255 18692 FUNCTION public _array_add(anyarray, anyarray) gavoadmin",
        "212; 1259 16399 TABLE dc metastore gavoadmin",
    ]
    function = "784; 1255 18734 FUNCTION public spoly_subset_smoc(public.spoly, public.smoc) gavo"
    operator = "3139; 2617 18735 OPERATOR public @> gavoadmin"
    assert _wanted(
        "\n".join([operator, *kept, function]), {"spoly_subset_smoc(public.spoly, public.smoc)"}
    ) == kept  # fmt: skip


@pytest.mark.parametrize(
    ("major", "error"),
    [("99", "a newer PostgreSQL"), ("9", "PostgreSQL 9, which is not installed")],
)
def test_a_cluster_of_another_postgresql_is_refused_and_can_be_deleted(
    tmp_path: Path, major: str, error: str
) -> None:
    if not list(PROGRAMS.glob("*/bin/pg_ctl")):
        pytest.skip("PostgreSQL is not installed")
    made = Instance(tmp_path / "var", 0)
    cluster = made.var / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text(f"{major}\n")
    state = {"postgres_port": 1, "web_port": 1, "complete": True}
    (made.var / "instance.json").write_text(json.dumps(state))
    layout = Layout(made.var, Account.current())
    assert not PrivateCluster(layout).is_running
    with pytest.raises(Exception, match=error) as refusal:
        PrivateCluster(layout).start(0)
    assert isinstance(refusal.value, NewerError) == (major == "99")
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]
    PrivateCluster(layout).stop()
