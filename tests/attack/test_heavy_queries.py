"""Queries that hit a limit are pointed to the files that have all rows."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import pyvo
import requests
from astropy.io import votable

from tests.instances import Instance
from tests.templates import Templates, port

PRODUCTS = "getproduct/ant20_01/data/ant20_01"
SLOW = (
    "SELECT COUNT(*) AS n FROM ant20_01.main AS a JOIN ant20_01.main AS b"
    " ON SIN(a.ra * b.decl) + COS(b.ra * a.decl) + SIN(a.decl + b.decl) > 4"
)
"""Takes a minute, but has a cost that synchronous queries may have."""
TIMES = "A synchronous query may take 2 s, and an asynchronous job 3 s."


@pytest.fixture(scope="module")
def impatient(templates: Templates, tmp_path_factory) -> Iterator[Instance]:
    """Provide a server on which queries have only seconds."""
    folder = tmp_path_factory.mktemp("impatient")
    site = folder / "site.toml"
    site.write_text(
        "[limits]\nsync_time = 2\nsync_cost = 1e8\n[jobs]\nmax_duration = 3\nmax_result = 1\n"
    )
    made = Instance(folder / "var", port(60), extra={"KM3VO_SITE": str(site)})
    try:
        templates.copy("antares", made).up()
        yield made
    finally:
        made.reset()


def ask(instance: Instance, query: str, **more: object) -> str:
    form = {"LANG": "ADQL", "QUERY": query, **more}
    return requests.post(f"{instance.tap}/sync", form, timeout=60).text


def files(instance: Instance) -> str:
    """Return what is said of the files of ANTARES."""
    address = f"{instance.url}/{PRODUCTS}"
    return (
        "All rows of ant20_01.main are in a file that no limit holds for:"
        f" {address}.parquet (Parquet), {address}.fits (FITS)."
    )


@pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b2"])
def test_an_answer_that_is_cut_says_so_and_where_all_rows_are(impatient, form: str) -> None:
    text = ask(impatient, "SELECT id FROM ant20_01.main", MAXREC=5, RESPONSEFORMAT=form)
    (resource,) = votable.parse(io.BytesIO(text.encode())).resources
    (info,) = (one for one in resource.infos if one.value == "OVERFLOW")
    assert info.name == "QUERY_STATUS"
    assert info.content.startswith(
        "There are more rows than these 5. MAXREC may be up to 20000000."
    )
    assert info.content.endswith(files(impatient))
    for address in re.findall(r"http\S+?(?=[ ,]*\()", info.content):
        assert requests.head(address, timeout=20).status_code == 200


def test_an_answer_that_is_complete_says_nothing(impatient) -> None:
    text = ask(impatient, "SELECT TOP 5 id FROM ant20_01.main", RESPONSEFORMAT="votable/td")
    assert "OVERFLOW" not in text
    assert PRODUCTS not in text
    cut = ask(impatient, "SELECT table_name FROM tap_schema.tables", MAXREC=1)
    assert "There are more rows than these 1." in cut
    assert "All rows" not in cut


def test_the_view_of_all_samples_leads_to_the_list_of_files(impatient) -> None:
    text = ask(impatient, "select * from KM3NET.events", MAXREC=2)
    where = f"files that no limit holds for: {impatient.url}/#download lists them."
    assert f"All rows of km3net.events are in {where}" in text


def test_a_query_with_thousands_of_names_costs_no_more(impatient) -> None:
    names = " ".join(f"x{number}.main" for number in range(5_000))
    text = ask(impatient, f"SELECT id FROM ant20_01.main -- {names}\n", MAXREC=2)
    assert files(impatient) in text
    assert text.count("All rows of") == 1


def test_a_query_that_takes_too_long_is_told_the_times_and_the_files(impatient) -> None:
    text = ask(impatient, SLOW)
    assert "timed out" in text
    assert TIMES in text
    assert files(impatient) in text


def test_a_query_that_would_take_too_long_is_told_the_files(impatient) -> None:
    query = "SELECT COUNT(*) AS n FROM ant20_01.main AS a, ant20_01.main AS b, ant20_01.main AS c"
    text = ask(impatient, query)
    assert "its estimated cost is" in text
    assert files(impatient) in text


def test_an_asynchronous_job_is_told_the_same(impatient) -> None:
    job = pyvo.dal.AsyncTAPJob.create(impatient.tap, SLOW)
    job.run().wait(phases=["ERROR", "COMPLETED", "ABORTED"], timeout=60)
    text = requests.get(f"{job.url}/error", timeout=20).text
    job.delete()
    assert files(impatient) in text
    assert TIMES in text or "it took longer than its 3 seconds" in text


def test_a_result_that_is_too_large_is_told_the_files(impatient) -> None:
    query = "SELECT a.* FROM ant20_01.main AS a JOIN ant20_01.main AS b ON b.nhit > 150"
    text = ask(impatient, query, MAXREC=1_000_000, RESPONSEFORMAT="csv")
    assert "has more than 1 MiB" in text
    assert files(impatient) in text


def test_the_page_of_queries_links_the_files_of_a_table(impatient) -> None:
    page = impatient.fetch("query?table=ant20_01.main").decode()
    assert '<a href="/ant20_01#downloads">All rows as files</a>' in page
    assert '<a href="/#download">All rows as files</a>' in impatient.fetch("query").decode()
    assert 'id="downloads"' in impatient.fetch("ant20_01").decode()
    assert 'id="download"' in impatient.fetch("").decode()
