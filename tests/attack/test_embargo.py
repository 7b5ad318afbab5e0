"""Releases that are not public: every door, from outside.

Two releases with words, identifiers and numbers that occur nowhere else. Of the first nobody may
learn that it exists: each answer has to be the one for a name that does not exist. Of the second
the metadata are public, and the data need a login.
"""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

import pytest
import pyvo
import requests
from astropy.io import fits

from ingest.instance.account import Account
from ingest.instance.layout import InstanceState, Layout
from ingest.instance.postgres import Cluster
from tests.attack.answers import TAP, ask, check_text, crawl, run_job, send_upload, sync
from tests.instances import KM3VO, ROOT, Instance, copy_checkout
from tests.proxy.front import front
from tests.templates import Templates, port

pytestmark = pytest.mark.slow

HIDDEN, SEALED, MISSING = "veiled01", "sealed01", "zeiled01"
"""The name of what is missing resembles others as the first one does: pages suggest them."""
ROWS: Final = {HIDDEN: 7919, SEALED: 7907}
TITLES: Final = {HIDDEN: "Quetzalcoatl sample", SEALED: "Huitzilopochtli sample"}
EVENTS: Final = {HIDDEN: "XYZZY", SEALED: "PLUGH"}
LIVES: Final = {
    HIDDEN: 'access = "collaboration"\nsupersedes = "ant20_01"',
    SEALED: "embargo_until = 2131-05-05\nmetadata_public = true",
}
NAME, PASSWORD = "ada", "correct horse battery"
READERS: Final = {
    "anonymous": None,
    "wrong password": f"{NAME}:incorrect horse battery",
    "wrong user": f"eve:{PASSWORD}",
    "endless password": f"gavoadmin:{'x' * 100}",
    "no text": f"{NAME}:\udcff\udcfe",
    "no password": NAME,
}
"""Who may see nothing."""
SECRET: Final = re.compile(
    f"{TITLES[HIDDEN].split()[0]}|{'|'.join(EVENTS.values())}"
    # not the decimals of a number in a public file
    rf"|(?<![.\w])(?:{'|'.join(map(str, ROWS.values()))})\b",
    re.IGNORECASE,
)
"""What no answer to a stranger contains."""


# -- the instance ------------------------------------------------------------------------------


def write_release(checkout: Path, name: str, life: str) -> None:
    """Write a release of as many events as :data:`ROWS` says."""
    folder, descriptor = checkout / "inputs" / name, checkout / "rd" / name
    folder.mkdir(exist_ok=True)
    descriptor.mkdir(exist_ok=True)
    (folder / "release.toml").write_text(
        f'[release]\nname = "{name}"\ntitle = "{TITLES[name]}"\n{life}\n'
        'created = 2026-11-01\nno_doi = "not published yet"\n'
        'detector = "arca"\ninstrument = "ARCA28"\ndet_id = 145\nformat = "event-csv"\n'
        f"start = 2024-03-01T00:00:00Z\nstop = 2024-09-01T00:00:00Z\nevents = {ROWS[name]}\n"
        f'[observation]\ncollection = "{TITLES[name].split()[0]}"\n'
        'min_energy_gev = 1e3\nmax_energy_gev = 1e7\nevent_type = "track"\n'
        "angular_resolution_deg = 0.4\n"
        '[[files]]\nname = "events.csv"\npublic = true\n'
        '[[responses]]\nname = "acceptance.txt"\nresponse = "aeff"\n'
        'format = "antares-acceptance"\ntitle = "Acceptance"\n'
        '[[responses]]\nname = "background.txt"\nresponse = "bkgrate"\n'
        'format = "antares-background"\ntitle = "Background"\n'
        '[[tables]]\nname = "candidates.csv"\ntable = "counterparts"\n'
        'format = "counterparts-csv"\ntitle = "Candidates"\n'
    )
    for file in ("acceptance.txt", "background.txt"):
        shutil.copy(ROOT / "inputs" / "ant20_01" / file, folder)
    figure = (ROOT / "inputs" / "evts23_01" / "Figure4.csv").read_text()
    assert "CRATES" in figure
    (folder / "candidates.csv").write_text(figure.replace("CRATES", EVENTS[name]))
    (folder / "description.rst").write_text(f"The {TITLES[name]}.\n\nMore\n====\n\nAbout it.\n")
    lines = [
        f"{EVENTS[name]}-{i},{60370 + i * 0.02:.2f},{i * 7.3 % 360:.2f},{i * 3.1 % 160 - 80:.2f}"
        for i in range(ROWS[name])
    ]
    (folder / "events.csv").write_text("\n".join(["event_name,mjd,ra,dec", *lines]) + "\n")
    structure = (ROOT / "rd" / "evts23_01" / "nu.rd").read_text().replace("evts23_01", name)
    (descriptor / "nu.rd").write_text(
        re.sub(r'<column name="err_\d\d".*?/>', "", structure, flags=re.S).replace(
            "</resource>", f'<FEED source="{name}/about#limits"/></resource>'
        )
    )


def change(server: Instance, name: str, life: str, *command: str) -> str:
    """Change a manifest, and run a command; return what it prints."""
    write_release(Path(server.extra["PYTHONPATH"]), name, life)
    done = server.km3vo(*command)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return done.stdout


def enter(
    server: Instance, *words: str, password: str = PASSWORD
) -> subprocess.CompletedProcess[str]:
    """Run a command of the group ``access`` with a password on standard input."""
    return subprocess.run(
        [KM3VO, "access", *words],
        input=f"{password}\n",
        env=server.environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Instance]:
    """Serve both releases beside a public one; one member may log in."""
    folder = tmp_path_factory.mktemp("embargo")
    checkout = copy_checkout(folder / "checkout")
    made = Instance(folder / "var", port(30), {"PYTHONPATH": str(checkout)})
    try:
        templates.copy("antares", made)
        for name, life in LIVES.items():
            write_release(checkout, name, life)
        done = made.km3vo("import", "--release", HIDDEN, "--release", SEALED)
        assert done.returncode == 0, done.stderr
        done = enter(made, "add", NAME)
        assert done.returncode == 0, done.stderr
        made.up()
        yield made
    finally:
        made.reset()


def authorization(login: str | None) -> dict[str, str]:
    if login is None:
        return {}
    sent = base64.b64encode(login.encode("utf-8", "surrogateescape")).decode()
    return {"Authorization": f"Basic {sent}"}


@pytest.fixture(params=READERS)
def stranger(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the headers of a reader who may see nothing."""
    return authorization(READERS[request.param])


MEMBER: Final = authorization(f"{NAME}:{PASSWORD}")


# -- the doors ---------------------------------------------------------------------------------


def addresses(name: str) -> list[str]:
    """Return addresses of all that the server may have of a release, and a few it never has."""
    cone, files = f"/{name}/nu/cone", f"/{name}/nu/files/static"
    product = f"{name}/data/{name}.fits"
    identifier = quote(f"ivo://km3net.org/~?{product}", safe="")
    record = f"identifier=ivo://km3net.org/{name}/nu/cone"
    where = "RA=0&DEC=0&SR=180"
    renderers = (
        "form", "scs.xml", "info", "howtocite", "coverage", "capabilities", "availability",
        "tableMetadata", "edition", "external", "nothing", "upload", "custom", "examples", "api",
        "qp/1", "static/x", f"tableinfo/{name}.main", f"rdinfo/{name}/nu", "sync", "uws.xml",
    )  # fmt: skip
    return [
        f"/{name}", f"/{name}/", f"/{name}/nu", f"/{name}/nu/cone", f"/{name}/nu/nothing/form",
        *(f"{cone}/{one}" for one in renderers),
        f"{cone}/scs.xml?{where}", f"{cone}/scs.xml?{where}&RESPONSEFORMAT=csv",
        f"{cone}/scs.xml?{where}&MAXREC=0", f"{cone}/scs.xml?RA=much",
        f"{cone}/form?__nevow_form__=genForm&hscs_pos=0,0&hscs_sr=10800",
        f"/{name}/nu.rd/cone/form", f"/./{name}/nu/cone/form", f"/{name}/./nu/cone/form",
        f"/{name}//nu/cone/form", f"//{name}/nu/cone/form", f"/{name}/nu/import_main/form",
        f"/{name}/about/cone/form", f"/{name}%2Fnu/cone/form", f"/{name.upper()}/nu/cone/form",
        f"{files}/", f"{files}", f"{files}/{name}.fits", f"{files}/{name}.fits.prov.json",
        f"{files}/{name}.png", f"{files}/events.csv", f"{files}/structured-data.json",
        f"{files}/{name}.parquet", f"{files}/hats/hats.properties",
        f"{files}/nothing", f"/{name}/nu/files/info", f"/{name}/nu/files/form",
        f"/getproduct/{product}", f"/getproduct/{product}?preview=True",
        f"/getproduct/{name}/data/{name}.tar", f"/getproduct/{name}/data/{name}.parquet",
        f"/getproduct/{name}/data/events.csv", f"/__system__/products/p/get/{product}",
        f"/__system__/products/dl/dlmeta?ID={identifier}", f"/km3net/nu/dl/dlmeta?ID={identifier}",
        f"/__system__/products/p/form?__nevow_form__=genForm&accref={product}",
        f"/browse/{name}", f"/browse/{name}/nu", f"/browse/{name}/about",
        f"/__system__/services/overview/rdinfo/{name}/nu",
        f"/__system__/services/overview/admin/{name}/nu",
        f"/tableinfo/{name}.main", f"/tableinfo/{name.upper()}.MAIN", f"/tableinfo/{name}.other",
        f"/__system__/dc_tables/show/tableinfo/{name}.main", f"/tablenote/{name}.main/a",
        f"/tablenote/x/{name}.main/a",
        *(f"/getRR/{name}/nu/{one}" for one in ("cone", "main", "files", "import_main", "x")),
        f"/oai.xml?verb=ListMetadataFormats&{record}",
        f"/oai.xml?verb=GetRecord&metadataPrefix=ivo_vor&{record}",
        f"/oai.xml?verb=GetRecord&metadataPrefix=oai_dc&{record}",
        f"/fancyroot/serviceInfo?resId=cone&sourceRD={name}/nu",
        f"/fancyroot/byFulltext?q={TITLES.get(name, 'x').split()[0]}",
        f"/login?nextURL=/{name}/nu/cone/form", f"/static/{name}",
        f"/{name}/nu/cone/form?nocache=1",
        *(f"/sky/hips/{name}/{one}" for one in ("properties", "Norder3/Allsky.png")),
        f"/sky?release={name}", f"/sky/events.json?release={name}",
        f"/sky/events.json?release={name}&limit=1&minimum=0", f"/sky-map/{name}.svg",
        *(f"/sky/hips/{name}/{one}" for one in ("Moc.fits", "Norder0/Dir0/Npix0.png")),
        f"/query?table={name}.main", f"/query/adql.json?table={name}.main",
        f"/query/answer?of=/{name}/nu/cone/form?x=1", f"/alerts/{name}", f"/assets/{name}",
        *(f"/{name}/nu/ps/{one}" for one in ("form", "info", "capabilities")),
        f"/{name}/nu/ps/api?RA=10&DEC=10&SR=5", f"/{name}/nu/ps/api", f"/{name}/nu/region/form",
        f"/{name}/nu/region/api?MOC=3/1", f"/{name}/nu/region/info",
        *(f"{files}/responses/{one}" for one in ("acceptance.txt", "acceptance.table.fits")),
        *(f"{files}/tables/{one}" for one in ("candidates.csv", "counterparts.fits")),
        f"/getproduct/{name}/data/responses/acceptance.txt",
        f"/getproduct/{name}/data/responses/background.txt?preview=True",
        f"/irf/nu/expected/api?RELEASE={name}&DEC=0", f"/tableinfo/{name}.counterparts",
        f"/getRR/{name}/nu/ps", f"/getRR/{name}/nu/counterparts",
    ]  # fmt: skip


def queries(name: str) -> list[str]:
    """Return queries by TAP that mention a release."""
    return [
        f"SELECT * FROM {name}.main",
        f"SELECT count(*) FROM {name}.main",
        f'SELECT count(*) FROM {name}."main"',
        f"SELECT nothing FROM {name}.main",
        f"SELECT * FROM {name}.other",
        f"SELECT count(*) FROM {name}.main AS a JOIN ant20_01.main AS b ON a.ra = b.ra",
        f"SELECT count(*) FROM ant20_01.main WHERE ra IN (SELECT ra FROM {name}.main)",
        f"WITH q AS (SELECT count(*) AS n FROM {name}.main) SELECT n FROM q",
        f"SELECT * FROM km3net.events WHERE release LIKE '{name}%'",
        f"SELECT * FROM tap_schema.tables WHERE table_name LIKE '{name}%'",
        f"SELECT * FROM tap_schema.schemas WHERE schema_name = '{name}'",
        f"SELECT * FROM tap_schema.columns WHERE table_name LIKE '{name}%'",
        f"SELECT * FROM ivoa.obscore WHERE obs_publisher_did LIKE '%{name}%'",
        f"SELECT * FROM ivoa.obscore_hea WHERE obs_publisher_did LIKE '%{name}%'",
        f"SELECT * FROM km3net.observations WHERE release = '{name}'",
        f"SELECT * FROM {name}.counterparts",
        *(
            f"SELECT * FROM irf.{table} WHERE release = '{name}'"
            for table in ("acceptance", "background", "aeff", "bkgrate")
        ),
        f"SELECT TOP 1 gavo_background_density('{name}', 10) AS n FROM ant20_01.main",
        f"SELECT TOP 1 gavo_background_events('{name}', 10, 1) AS n FROM ant20_01.main",
    ]


LISTS: Final = (
    "/fancyroot/titles",
    "/fancyroot/authors",
    "/fancyroot/bySubject?subject=neutrino-astronomy",
    "/fancyroot/byAuthor?author=KM3NeT%20Collaboration",
    *(
        f"/oai.xml?verb={verb}&metadataPrefix={format_}"
        for verb in ("ListRecords", "ListIdentifiers")
        for format_ in ("ivo_vor", "oai_dc")
    ),
    "/oai.xml?verb=ListSets",
    "/oai.xml?verb=Identify",
    "/status",
    "/status.json",
    "/learn",
    "/",
    "/sky",
    "/sky/alerts.json",
    "/query",
    "/around?target=0+0&radius=180",
    "/sitemap.xml",
    "/sitemap-pages.xml",
    "/alerts",
    "/alerts/about",
    "/alerts/feed.atom",
    "/ant20_01",
    "/sky-map/ant20_01.svg",
    "/nothing_of_this_name",
    "/__system__/services/overview/form?__nevow_form__=genForm",
    "/__system__/dc_tables/list/form?__nevow_form__=genForm",
    "/browse",
    "/browse/ant20_01/nu",
    "/ant20_01/nu/cone/info",
    f"{TAP}/tables",
    f"{TAP}/capabilities",
    f"{TAP}/examples",
    "/getRR/__system__/tap/run",
    "/getRR/km3net/nu/cone",
    "/km3net/nu/cone/info",
    "/km3net/nu/cone/scs.xml?RA=0&DEC=0&SR=180",
    "/robots.txt",
)
"""Addresses that list or describe what there is."""


def same(answer: tuple[int, Message, str], name: str) -> tuple[int, str | None, str]:
    """Return what has to be the same for all names, without times and numbers of errors."""
    status, headers, text = answer
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z?|with the number [0-9a-f]{8}", "", text)
    for case in (str.lower, str.upper):
        text = text.replace(case(name), case(MISSING))
    text = text.replace(TITLES.get(name, "x ").split()[0], "x")
    return status, headers["WWW-Authenticate"], text


# -- tests -------------------------------------------------------------------------------------


def test_a_hidden_release_does_not_exist(server: Instance, stranger: dict[str, str]) -> None:
    differing = [
        (there, shown[:2], absent[:2])
        for there, elsewhere in zip(addresses(HIDDEN), addresses(MISSING), strict=True)
        if (shown := same(ask(server, there, **stranger), HIDDEN))
        != (absent := same(ask(server, elsewhere, **stranger), MISSING))
    ]
    assert differing == []


def test_no_query_tells_a_hidden_release_from_a_missing_one(server: Instance) -> None:
    for there, elsewhere in zip(queries(HIDDEN), queries(MISSING), strict=True):
        shown, absent = sync(server, there, FORMAT="csv"), sync(server, elsewhere, FORMAT="csv")
        assert same(shown, HIDDEN) == same(absent, MISSING)


def test_uploads_and_jobs_count_nothing(server: Instance) -> None:
    table = (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        '<FIELD name="ra" datatype="double"/><DATA><TABLEDATA><TR><TD>0</TD></TR></TABLEDATA>'
        "</DATA></TABLE></RESOURCE></VOTABLE>"
    )
    for name in (HIDDEN, SEALED):
        query = f"SELECT count(*) FROM TAP_UPLOAD.t AS u JOIN {name}.main AS m ON u.ra = m.ra"
        _, _, text = send_upload(server, "sync", table, QUERY=query)
        assert f"Could not locate table '{name}.main'" in text
        _, headers, _ = send_upload(server, "async", table, QUERY=query)
        place = urlsplit(headers["Location"]).path
        assert run_job(server, place) == "ERROR"
        assert f"Could not locate table '{name}.main'" in ask(server, f"{place}/error")[2]


def test_no_answer_to_a_stranger_has_a_secret(server: Instance) -> None:
    """For the hidden release, the tests above show it."""
    answers = {path: ask(server, path) for path in addresses(SEALED)}
    answers |= {query: sync(server, query, FORMAT="csv") for query in queries(SEALED)}
    for place, (_, _, text) in answers.items():
        assert not SECRET.search(text), place
        check_text(server, text)
    for path in LISTS:
        text = ask(server, path)[2]
        assert not SECRET.search(text), path
        assert HIDDEN not in text, path
    # the superseded release is still the one that counts
    query = "SELECT count(*) FROM km3net.events WHERE detector = 'ANTARES'"
    assert server.adql(query) == [["8754"]]


def test_no_link_leads_to_a_hidden_release(server: Instance) -> None:
    seen = []
    for path, _, text in crawl(server, "/", 150):
        seen.append(path)
        assert not SECRET.search(text), path
        assert HIDDEN not in path + text, path
    assert f"/{SEALED}/nu/cone/info" in seen
    assert f"/{SEALED}" in seen
    assert "/ant20_01/nu/cone/info" in seen


OPEN: Final = {
    f"/{SEALED}",
    f"/{SEALED}/",
    f"/{SEALED}/nu/cone/info",
    f"/{SEALED}/nu/cone/howtocite",
    f"/{SEALED}/nu/cone/coverage",
    f"/{SEALED}/nu/files/info",
    f"/{SEALED}/nu/ps/info",
    f"/{SEALED}/nu/region/info",
}
"""The pages that describe a release whose metadata are public."""


def test_the_data_of_a_sealed_release_need_a_login(
    server: Instance, stranger: dict[str, str]
) -> None:
    for path in addresses(SEALED):
        status, headers, _ = ask(server, path, **stranger)
        below = path.startswith(
            tuple(f"/{SEALED}/nu/{one}" for one in ("cone/", "files", "ps/", "region/"))
        )
        if path in OPEN:
            assert status == 200, path
        elif below or path.startswith(
            (
                f"/getproduct/{SEALED}/data/{SEALED}",
                f"/getproduct/{SEALED}/data/responses",
                "/getproduct?",
            )
        ):
            assert status == 401, path
            assert headers["WWW-Authenticate"].startswith("Basic realm="), path
    # DataLink says so in a row of its own, because other data sets may have been asked for
    identifier = quote(f"ivo://km3net.org/~?{SEALED}/data/{SEALED}.fits", safe="")
    _, _, text = ask(server, f"/km3net/nu/dl/dlmeta?ID={identifier}", **stranger)
    assert "AuthenticationFault: This data set is not public yet; please log in." in text
    assert "events.csv" not in text


def test_responses_and_further_tables_are_kept_back_as_the_events_are(server: Instance) -> None:
    for table in ("acceptance", "background"):
        releases = server.adql(f"SELECT DISTINCT release FROM irf.{table}")
        assert releases == [["ant20_01"]]
    for name in (HIDDEN, SEALED):
        with pytest.raises(ValueError, match=f"Could not locate table '{name}.counterparts'"):
            server.adql(f"SELECT * FROM {name}.counterparts")
        for function in ("density('{}', 10)", "events('{}', 10, 1)"):
            call = f"gavo_background_{function.format(name)}"
            with pytest.raises(ValueError, match="the releases that have one are: ant20_01<"):
                server.adql(f"SELECT TOP 1 {call} AS n FROM ant20_01.main")


def test_the_metadata_of_a_sealed_release_are_public(server: Instance) -> None:
    assert TITLES[SEALED] in ask(server, f"/{SEALED}/nu/cone/info")[2]
    assert TITLES[SEALED] in ask(server, "/fancyroot/titles")[2]
    page = ask(server, f"/{SEALED}")[2]
    assert "they will be on 2131-05-05" in page
    assert not re.search(r"getproduct|files/static|tap/sync|application/(?:ld\+)?json", page)
    record = f"verb=GetRecord&metadataPrefix=ivo_vor&identifier=ivo://km3net.org/{SEALED}/nu/cone"
    assert TITLES[SEALED] in ask(server, f"/oai.xml?{record}")[2]
    rows = server.adql(
        "SELECT title, ev_xel, accsize, owner, embargo FROM km3net.observations"
        f" WHERE release = '{SEALED}'"
    )
    assert [TITLES[SEALED], "", "", "collaboration", "2131-05-05"] in rows
    assert {tuple(row[1:]) for row in rows} == {("", "", "collaboration", "2131-05-05")}
    query = f"SELECT access_estsize FROM ivoa.obscore WHERE obs_title = '{TITLES[SEALED]}'"
    assert server.adql(query) == [[""]]


def test_a_member_uses_everything(server: Instance) -> None:
    session = requests.Session()
    session.auth = (NAME, PASSWORD)
    for name, rows in ROWS.items():
        cone = pyvo.dal.SCSService(f"{server.url}/{name}/nu/cone/scs.xml", session=session)
        found = cone.search((0, 0), 180, maxrec=10000)
        assert len(found) == rows
        assert str(found[0]["event_id"]).startswith(EVENTS[name])
        limits = "ps/api?RA=7.3&DEC=-76.9&SR=1&RESPONSEFORMAT=csv"
        row = dict(
            zip(
                *csv.reader(ask(server, f"/{name}/nu/{limits}", **MEMBER)[2].splitlines()),
                strict=True,
            )
        )
        assert int(row["n_obs"]) > 0
        counterparts = "files/static/tables/counterparts.fits"
        status, headers, text = ask(server, f"/{name}", **MEMBER)
        assert (status, headers["Cache-Control"]) == (200, "private")
        assert f'/{name}.fits" download="{name}.fits">Download FITS' in text
        for path in (
            "cone/form", "cone/info", "files/static/", f"files/static/{name}.png", counterparts,
            "files/static/responses/acceptance.table.fits",
        ):  # fmt: skip
            status, headers, _ = ask(server, f"/{name}/nu/{path}", **MEMBER)
            assert status == 200
            assert headers["Cache-Control"] == "private"
        address = f"{server.url}/{name}/nu/files/static/{name}.fits"
        with fits.open(io.BytesIO(session.get(address, timeout=60).content)) as hdus:
            assert len(hdus["EVENTS"].data) == rows
        assert (
            f"Information on resource '{TITLES[name]}'"
            in (ask(server, f"/browse/{name}/nu", **MEMBER)[2])
        )
    product = f"{SEALED}/data/{SEALED}.fits"
    assert ask(server, f"/getproduct/{product}", **MEMBER)[0] == 200
    identifier = quote(f"ivo://km3net.org/~?{product}", safe="")
    assert "events.csv" in ask(server, f"/km3net/nu/dl/dlmeta?ID={identifier}", **MEMBER)[2]
    # the answers to members are not kept for others
    assert ask(server, f"/{HIDDEN}")[0] == 404
    assert "getproduct" not in ask(server, f"/{SEALED}")[2]
    assert ask(server, f"/{HIDDEN}/nu/cone/info")[0] == 404


def test_the_role_of_visitors_has_no_right_in_the_database(server: Instance) -> None:
    layout = Layout(server.var, Account.current())
    with Cluster(layout).connect(InstanceState.read(layout).postgres_port) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT has_schema_privilege('untrusted', nspname, 'USAGE')"
            " OR has_table_privilege('untrusted', c.oid, 'SELECT')"
            " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
            " WHERE nspname = ANY (%s) AND relkind IN ('r', 'v')",
            [[HIDDEN, SEALED]],
        )
        assert set(cursor.fetchall()) == {(False,)}


@pytest.mark.parametrize(
    ("words", "password", "problem"),
    [
        (("add", "Ada"), PASSWORD, "cannot be the name of a member"),
        (("add", "gavoadmin"), PASSWORD, "cannot be the name of a member"),
        (("add", "eve"), "short", "cannot be a password"),
        (("remove", "eve"), "", "there is no such member"),
    ],
)
def test_bad_logins_are_refused(server: Instance, words, password: str, problem: str) -> None:
    done = enter(server, *words, password=password)
    assert done.returncode == 2
    assert problem in done.stderr
    assert PASSWORD not in done.stderr


def test_members_come_and_go(server: Instance) -> None:
    other = authorization(f"grace:{PASSWORD[::-1]}")
    assert enter(server, "add", "grace").stdout == "grace may log in.\n"
    assert ask(server, f"/{SEALED}/nu/cone/form", **other)[0] == 401
    done = enter(server, "add", "grace", password=PASSWORD[::-1])
    assert done.stdout == "grace has a new password.\n"
    assert ask(server, f"/{SEALED}/nu/cone/form", **other)[0] == 200
    assert server.km3vo("access", "list").stdout.split() == ["member", "ada", "grace"]
    assert server.km3vo("access", "remove", "grace").returncode == 0
    assert ask(server, f"/{SEALED}/nu/cone/form", **other)[0] == 401
    logs = "".join(path.read_text() for path in (server.var / "logs").glob("*.log"))
    assert PASSWORD not in logs


def test_the_day_comes_and_a_release_is_withheld_again(server: Instance) -> None:
    """The last test: it changes what is public. The release supersedes a public one."""
    older = 'supersedes = "ant20_01"\n'
    count = "SELECT count(*) FROM km3net.events WHERE detector = '{}'"
    tomorrow = f"{older}embargo_until = {datetime.now(UTC).date() + timedelta(1)}"
    assert change(server, HIDDEN, tomorrow, "release", "due") == ""
    today = f"{older}embargo_until = {datetime.now(UTC).date()}"
    assert f"{HIDDEN} is public now." in change(server, HIDDEN, today, "instance", "up")
    assert server.adql(f"SELECT count(*) FROM {HIDDEN}.main") == [[str(ROWS[HIDDEN])]]
    assert server.adql(count.format("ARCA28")) == [[str(ROWS[HIDDEN])]]
    assert server.adql(count.format("ANTARES")) == [["0"]]
    assert server.adql(
        f"SELECT DISTINCT owner, embargo FROM km3net.observations WHERE release = '{HIDDEN}'"
    ) == [["", ""]]
    for path in (f"/getproduct/{HIDDEN}/data/{HIDDEN}.fits", f"/{HIDDEN}/nu/cone/form"):
        assert ask(server, path)[0] == 200
    assert HIDDEN in ask(server, "/ant20_01/nu/cone/info")[2]
    assert f'replaced by <a href="/{HIDDEN}">' in ask(server, "/ant20_01")[2]
    with_responses = "SELECT DISTINCT release FROM irf.background ORDER BY release"
    assert server.adql(with_responses) == [["ant20_01"], [HIDDEN]]
    density = f"gavo_background_density('{HIDDEN}', 10) AS n"
    assert float(server.adql(f"SELECT TOP 1 {density} FROM ant20_01.main")[0][0]) > 0
    assert len(server.adql(f"SELECT * FROM {HIDDEN}.counterparts")) == 12

    change(server, HIDDEN, LIVES[HIDDEN], "import", "--release", HIDDEN)
    for there, elsewhere in zip(addresses(HIDDEN), addresses(MISSING), strict=True):
        if "oai.xml" not in there:
            assert same(ask(server, there), HIDDEN) == same(ask(server, elsewhere), MISSING)
    for path in LISTS:
        # registries have to learn that the record is gone, and DaCHS lists it
        if "oai.xml?verb=List" not in path and "services/overview" not in path:
            text = ask(server, path)[2]
            assert not SECRET.search(text), path
            assert HIDDEN not in text, path
    record = f"metadataPrefix=ivo_vor&identifier=ivo://km3net.org/{HIDDEN}/nu/cone"
    text = ask(server, f"/oai.xml?verb=GetRecord&{record}")[2]
    assert 'status="deleted"' in text
    assert not SECRET.search(text)
    for there, elsewhere in zip(queries(HIDDEN), queries(MISSING), strict=True):
        shown, absent = sync(server, there, FORMAT="csv"), sync(server, elsewhere, FORMAT="csv")
        assert same(shown, HIDDEN) == same(absent, MISSING)
    assert server.adql(with_responses) == [["ant20_01"]]
    assert server.adql(count.format("ANTARES")) == [["8754"]]


@pytest.mark.long
def test_a_proxy_keeps_nothing_that_members_see(server: Instance) -> None:
    with front(server, port(70), settings="requests_per_second = 1000") as proxy:
        there = Instance(server.var, proxy.port, server.extra)
        for path in (one for name in LIVES for one in addresses(name)):
            for reader in (MEMBER, {}, MEMBER | {"Accept_Encoding": "gzip"}):
                ask(there, path, **reader)
            shown, direct = ask(there, path), ask(server, path)
            assert (shown[0], shown[1]["WWW-Authenticate"]) == (
                direct[0],
                direct[1]["WWW-Authenticate"],
            ), path
            if HIDDEN in path:
                assert not SECRET.search(shown[2]), path
        product = f"/getproduct/{SEALED}/data/{SEALED}.fits"
        assert ask(there, product, **MEMBER)[0] == 200
        assert ask(there, product)[0] == 401
        kept = list(proxy.kept())
        assert kept  # pages of public releases, and of what is public of the other
        for secret in (HIDDEN, TITLES[HIDDEN].split()[0], *EVENTS.values()):
            assert not [one for one in kept if secret.encode() in one.partition(b"\r\n\r\n")[2]]
