"""What is online during an interrupted, a concurrent or a simulated import."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits
from instances import KM3VO, Instance, copy_checkout, without_the_list
from served import Served, served

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster

pytestmark = pytest.mark.slow

IMPORT = ("import", "--release", "ant20_01")


@pytest.fixture(scope="module")
def delivery(tmp_path_factory, antares_list: Path) -> dict[str, str]:
    """Return the environment for a second delivery, with one more hit in the first event."""
    folder = tmp_path_factory.mktemp("delivery")
    checkout = copy_checkout(folder / "checkout")
    manifest = checkout / "inputs" / "ant20_01" / "release.toml"
    manifest.write_text(re.sub("(?m)^sha256 = .*$", "", manifest.read_text()))
    lines = antares_list.read_bytes().splitlines(keepends=True)
    words = lines[2].split()
    words[2] = str(int(words[2]) + 1).encode()
    lines[2] = b"\t".join(words) + b"\n"
    (folder / antares_list.name).write_bytes(b"".join(lines))
    return {"PYTHONPATH": str(checkout), "KM3VO_INPUTS": str(folder)}


@pytest.fixture(scope="module")
def unavailable(tmp_path_factory) -> dict[str, str]:
    """Return the environment of a checkout without the list."""
    return without_the_list(copy_checkout(tmp_path_factory.mktemp("unavailable") / "checkout"))


@pytest.fixture(autouse=True)
def whole(worn) -> None:
    """Bring the real data online before a test."""
    worn.up()
    done = worn.km3vo(*IMPORT)
    assert done.returncode == 0, done.stderr


def start_import(instance: Instance, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [KM3VO, *IMPORT],
        env=instance.environment | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def sql(instance: Instance, query: str) -> list[tuple]:
    layout = Layout(instance.var, Account.current())
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(query)
        return cursor.fetchall() if cursor.description else []


def table_id(instance: Instance) -> int:
    return sql(instance, "SELECT 'ant20_01.main'::regclass::oid::bigint")[0][0]


def wait_for(event: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not event():
        assert process.poll() is None, "the import ended before the moment came"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_clean(instance: Instance) -> bool:
    return (
        not [*(instance.var / "dachs" / "inputs").glob(".*")]
        and not (instance.var / "dachs" / "inputs.staged").exists()
    )


@pytest.mark.parametrize("cut", [signal.SIGKILL, signal.SIGINT])
def test_an_import_interrupted_after_its_commit_is_completed(worn, delivery, cut: int) -> None:
    before, old_table = served(worn), table_id(worn)
    process = start_import(worn, **delivery)
    wait_for(lambda: table_id(worn) != old_table, process)
    # as a terminal does it: everyone in the foreground gets it
    os.killpg(process.pid, cut)
    out, err = process.communicate(timeout=120)
    if cut == signal.SIGINT:
        assert process.returncode == 130, err
        assert "Traceback" not in out + err
        assert is_clean(worn)
    worn.up()
    assert is_clean(worn)
    online = served(worn)  # which also compares file and table
    assert online != before
    # the same input as before must not be taken for what is online
    done = worn.km3vo(*IMPORT)
    assert done.returncode == 0, done.stderr
    assert served(worn) == before


def test_two_imports_at_the_same_time(worn, delivery) -> None:
    first = start_import(worn, **delivery)
    wait_for((worn.var / "scratch" / "ant20_01").exists, first)
    second = start_import(worn, **delivery)
    results = [process.communicate(timeout=120) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], results
    assert "waiting for another km3vo command" in results[1][1]
    assert "unchanged" in results[1][0]
    served(worn)


def test_without_a_delivery_the_kept_file_is_imported(worn, unavailable) -> None:
    before = served(worn)
    sql(worn, "DROP TABLE ant20_01.main CASCADE")
    done = worn.km3vo(*IMPORT, **unavailable)
    assert done.returncode == 0, done.stderr
    assert "ant20_01: taken from the files kept from an earlier import" in done.stdout
    assert served(worn) == before


def test_real_data_are_not_replaced_by_a_simulation(worn, unavailable) -> None:
    before = served(worn)
    shutil.rmtree(worn.var / "deliveries")
    done = worn.km3vo(*IMPORT, "--force", **unavailable)
    assert done.returncode == 2
    assert "does not replace the real data of ant20_01 that are online" in done.stderr
    done = worn.km3vo(*IMPORT, "--if-available", **unavailable)
    assert done.returncode == 0
    assert "ant20_01: skipped" in done.stdout
    assert served(worn) == before


def identifiers(instance: Instance, deleted: bool) -> list[str]:
    """Return the registry's records of the release."""
    answer = instance.fetch("oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor").decode()
    headers = re.findall("<(?:oai:)?header([^>]*)>(.*?)</(?:oai:)?header>", answer, re.S)
    return [
        text for state, text in headers if "ant20_01" in text and ("deleted" in state) == deleted
    ]


def test_a_simulated_stand_in(worn, unavailable) -> None:
    """It can only come where nothing is, says what it is, and never reaches a registry."""
    real = served(worn)
    shutil.rmtree(worn.var / "deliveries")
    assert not real.is_simulated
    assert identifiers(worn, deleted=False)
    sql(worn, "DROP TABLE ant20_01.main CASCADE")

    done = worn.km3vo(*IMPORT, **unavailable)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    assert "ant20_01: not from overlay: no INPUTS directory was named" in done.stdout
    assert "ant20_01: not from folder: no " in done.stdout
    assert served(worn).is_simulated
    assert is_marked(worn)
    assert identifiers(worn, deleted=False) == []
    assert identifiers(worn, deleted=True), "harvesters must learn that it went away"
    deployed = (worn.var / "dachs" / "inputs" / "ant20_01" / "about.rd").read_text()
    assert "ivo_managed" not in deployed

    again = worn.km3vo(*IMPORT, **unavailable)
    assert "SIMULATED unchanged" in again.stdout

    assert worn.km3vo(*IMPORT).returncode == 0
    assert served(worn) == real
    assert not is_marked(worn)
    assert identifiers(worn, deleted=False)


def simulated_product(instance: Instance) -> bool:
    product = instance.fetch("getproduct/ant20_01/data/ant20_01.fits")
    with fits.open(io.BytesIO(product)) as hdus:
        return bool(hdus["EVENTS"].header["SIMULATE"])


def is_marked(instance: Instance) -> bool:
    """Say whether all places where an astronomer meets the release carry the mark, or none."""
    table = str(
        instance.adql(
            "SELECT description FROM tap_schema.tables WHERE table_name = 'ant20_01.main'"
        )
    )
    places = {
        "table": table,
        "web page": instance.fetch("ant20_01/nu/cone/form").decode(),
        "info page": instance.fetch("ant20_01/nu/cone/info").decode(),
        "table page": instance.fetch("tableinfo/ant20_01.main").decode(),
        "cone search": instance.fetch("ant20_01/nu/cone/scs.xml?RA=1&DEC=1&SR=1").decode(),
        "obscore": str(
            instance.adql(
                "SELECT obs_title FROM ivoa.obscore WHERE obs_collection = 'ANTARES-2017-PS'"
            )
        ),
        "all samples": str(
            instance.adql("SELECT DISTINCT release FROM km3net.events WHERE detector = 'ANTARES'")
        ),
        "product": "SIMULATED" if simulated_product(instance) else "",
    }
    marked = {name for name, text in places.items() if "SIMULATED" in text}
    assert marked in (set(), set(places)), f"missing: {set(places) - marked}"
    return bool(marked)


def test_the_report_of_an_import_is_written(worn) -> None:
    report = json.loads((worn.var / "reports" / "ant20_01" / "record.json").read_text())
    assert report["result"]["imported"] == 8754


def test_a_refused_import_has_a_report_and_leaves_those_of_the_one_online(worn, delivery) -> None:
    folder = (worn.var / "reports" / "ant20_01").resolve()
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    list_ = Path(delivery["KM3VO_INPUTS"]) / "PublicData_0717.dat"
    good = list_.read_bytes()
    list_.write_bytes(re.sub(rb"(?m)^19.5\t68.2\t", b"95\t68.2\t", good))
    try:
        done = worn.km3vo(*IMPORT, **delivery)
    finally:
        list_.write_bytes(good)
    assert done.returncode == 2
    page = folder / "refused.html"
    assert f"report:   {page}" in done.stderr
    text = page.read_text()
    assert "the declination is out of range" in text and "line 3" in text
    assert {name: (folder / name).read_bytes() for name in kept} == kept


def test_served_detects_differences(worn, delivery) -> None:
    """The tests above would be worth nothing if it did not."""
    before = served(worn)
    done = worn.km3vo(*IMPORT, **delivery)
    assert done.returncode == 0
    # announced before it goes online, and kept
    summary = "8754 events before, 8754 now: 0 added, 0 removed, 1 changed (identified by time)"
    assert f"ant20_01: {summary}" in done.stdout
    assert "ant20_01:   N_HITS: 1 changed; by up to 1, median 1" in done.stdout
    folder = (worn.var / "reports" / "ant20_01").resolve()
    assert f"ant20_01: report in {folder}/index.html" in done.stdout
    page = (folder / "index.html").read_text()
    assert "N_HITS: 1 changed; by up to 1, median 1" in page
    assert json.loads((folder / "record.json").read_text())["difference"]["changed"] == 1
    after: Served = served(worn)
    assert after.rows != before.rows
    assert after.product != before.product
