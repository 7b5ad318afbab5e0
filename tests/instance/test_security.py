"""What users of the server and its unprivileged database role can access."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg2
import pytest
from instances import Instance

from ingest.instance.site import load_site

READABLE_SCHEMAS = {"ivoa", "tap_schema"}


def remembered(instance: Instance) -> dict[str, object]:
    return json.loads((instance.var / "instance.json").read_text())


def secrets(instance: Instance) -> dict[str, str]:
    """Return the passwords by role."""
    found = {"dachsroot": (instance.var / "superuser.password").read_text().strip()}
    for path in (instance.var / "dachs" / "etc").iterdir():
        if not path.is_file():
            continue
        facts = dict(
            [word.strip() for word in line.split("=", 1)]
            for line in path.read_text().splitlines()
            if "=" in line and not path.suffix
        )
        if "password" in facts:
            found[facts["user"]] = facts["password"]
    return found


def connect_as(instance: Instance, role: str, database: str = "gavo"):
    """Connect to the database, with the password of a role."""
    return psycopg2.connect(
        host="127.0.0.1",
        port=remembered(instance)["postgres_port"],
        dbname=database,
        user=role,
        password=secrets(instance)[role],
    )


@pytest.fixture
def visitor(instance):
    """Connect as DaCHS does for the queries of visitors."""
    connection = connect_as(instance, "untrusted")
    connection.autocommit = True
    yield connection.cursor()
    connection.close()


@pytest.fixture
def catalog(instance):
    """Connect as superuser, to read what visitors cannot: the catalogs."""
    connection = connect_as(instance, "dachsroot")
    yield connection.cursor()
    connection.close()


def test_visitors_read_what_is_published_and_nothing_else(instance, catalog) -> None:
    catalog.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^(pg_|information_schema)'"
        " AND has_schema_privilege('untrusted', n.oid, 'USAGE')"
        " AND has_table_privilege('untrusted', c.oid, 'SELECT')"
    )
    readable = {name for (name,) in catalog}
    published = {
        name.lower() for (name,) in instance.adql("SELECT table_name FROM tap_schema.tables")
    }
    hidden = {name for name in readable if name.partition(".")[0] not in READABLE_SCHEMAS}
    hidden -= published
    # ObsCore is a view over these; they hold what it shows
    assert {name.partition(".")[2] for name in hidden} <= {"observations"}
    assert "ant20_01.main" in readable


@pytest.mark.parametrize("privilege", ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER"])
def test_visitors_write_nothing(catalog, privilege: str) -> None:
    catalog.execute(
        "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^(pg_|information_schema)'"
        " AND has_schema_privilege('untrusted', n.oid, 'USAGE')"
        " AND has_table_privilege('untrusted', c.oid, %s)",
        [privilege],
    )
    assert catalog.fetchall() == []


@pytest.mark.parametrize(
    "command",
    [
        "SELECT * FROM pg_authid",
        "SELECT passwd FROM pg_shadow",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_ls_dir('.')",
        "SELECT lo_import('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/km3vo-was-here'",
        "COPY (SELECT 1) TO PROGRAM 'id'",
        "COPY ivoa.obscore FROM PROGRAM 'id'",
        "CREATE TABLE public.here (a int)",
        "CREATE TABLE ivoa.here (a int)",
        "CREATE TABLE ant20_01.here (a int)",
        "CREATE SCHEMA here",
        "CREATE EXTENSION dblink",
        "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "SELECT * FROM dc.users",
        "SELECT * FROM dc.resources",
        "SELECT * FROM ivoa._obscoresources",
        "SELECT relname, reltuples FROM pg_class",
        "SELECT nspname FROM pg_namespace",
        "SELECT relname, n_live_tup FROM pg_stat_all_tables",
        "SELECT pg_stat_get_live_tuples(16384)",
        "SELECT pg_relation_size(16384)",
        "DELETE FROM ant20_01.main",
        "UPDATE tap_schema.tables SET description = ''",
        "SET ROLE gavo",
        "SET ROLE gavoadmin",
        "ALTER ROLE untrusted SUPERUSER",
        "SHOW data_directory",
        "ALTER SYSTEM SET log_statement = 'all'",
        "SELECT pg_sleep(1)",
        "SELECT lo_create(0)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_get(1)",
        "SELECT set_config('statement_timeout', '0', false)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "SELECT ts_stat('SELECT 1')",
        "SELECT lastval()",
        "SELECT query FROM pg_stat_activity",
        "SELECT * FROM pg_locks",
        "SELECT pg_cancel_backend(1)",
        "SELECT pg_terminate_backend(1)",
        "SELECT km3vo_roles.restore()",
        "SELECT * FROM km3vo_roles.visitors",
        "DO $$ BEGIN END $$",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "BEGIN; LOCK TABLE ant20_01.main",
        "ALTER ROLE untrusted CONNECTION LIMIT 1000",
        "ALTER ROLE untrusted VALID UNTIL '2000-01-01'",
        "GRANT untrusted TO gavo",
    ],
)
def test_visitors_are_refused(visitor, command: str) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        visitor.execute(command)


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_visitors_reach_no_other_database(instance, database: str) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        connect_as(instance, "untrusted", database)


def answers_tap(instance: Instance) -> bool:
    try:
        return len(instance.adql("SELECT TOP 1 id FROM ant20_01.main")) == 1
    except (ValueError, urllib.error.HTTPError):
        return False


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.5)
    return False


@pytest.mark.slow
def test_what_a_session_changes_about_its_role_is_undone(instance, visitor) -> None:
    visitor.execute("ALTER ROLE untrusted PASSWORD 'another password 1'")
    visitor.execute("ALTER ROLE untrusted SET statement_timeout = 1")
    visitor.execute("ALTER ROLE untrusted IN DATABASE gavo SET search_path = pg_temp")
    assert not answers_tap(instance)
    assert until(lambda: answers_tap(instance))
    with connect_as(instance, "untrusted").cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('search_path'), current_setting('statement_timeout')"
        )
        path, timeout = cursor.fetchone()
    assert path == "public"
    assert timeout.endswith("min")


@pytest.mark.slow
def test_sessions_without_timeout_are_ended(instance, visitor) -> None:
    owner = connect_as(instance, "dachsroot").cursor()
    owner.connection.autocommit = True
    owner.execute("SELECT longest FROM km3vo_roles.visitors")
    (longest,) = owner.fetchone()
    owner.execute("UPDATE km3vo_roles.visitors SET longest = '1 s'")
    try:
        visitor.execute("SET statement_timeout = 0")
        with pytest.raises(psycopg2.OperationalError, match="terminat"):
            visitor.execute("SELECT count(*) FROM generate_series(1, 1000000000000)")
    finally:
        owner.execute("UPDATE km3vo_roles.visitors SET longest = %s", [longest])
        owner.connection.close()


@pytest.mark.slow
def test_each_start_restricts_visitors_again(instance, visitor) -> None:
    owner = connect_as(instance, "dachsroot").cursor()
    owner.connection.autocommit = True
    owner.execute("GRANT EXECUTE ON FUNCTION pg_sleep TO PUBLIC")
    owner.execute("GRANT ALL ON DATABASE gavo TO PUBLIC")
    owner.connection.close()
    visitor.execute("SELECT pg_sleep(0)")
    instance.up()
    for command in ("SELECT pg_sleep(0)", "CREATE SCHEMA here"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            visitor.execute(command)


@pytest.mark.parametrize("role", ["dachsroot", "gavo", "gavoadmin", "untrusted"])
def test_connections_need_the_password(instance, role: str) -> None:
    for password in ("", "gavo", role):
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(
                host="127.0.0.1",
                port=remembered(instance)["postgres_port"],
                dbname="gavo",
                user=role,
                password=password,
            )


def test_passwords_are_the_accounts_own_and_nowhere_else(instance) -> None:
    words = secrets(instance)
    assert set(words) == {"dachsroot", "gavo", "gavoadmin", "untrusted"}
    shown = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    for path in instance.var.resolve().rglob("*"):
        inside = path.relative_to(instance.var.resolve())
        if not path.is_file() or inside.parts[0] == "postgres":
            continue
        content = path.read_bytes()
        if any(word.encode() in content for word in words.values()):
            assert inside.parts[:2] == ("dachs", "etc") or inside.name == "superuser.password"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert not any(word in shown for word in words.values())


def test_servers_listen_to_this_machine_only_and_are_not_root(instance) -> None:
    ports = {instance.port, remembered(instance)["postgres_port"]}
    addresses = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            place, state, owner = line.split()[1], line.split()[3], line.split()[7]
            address, port = place.split(":")
            if state == "0A" and int(port, 16) in ports:
                addresses[int(port, 16)] = (address, owner)
    assert set(addresses) == ports
    here = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    for address, owner in addresses.values():
        assert address == here
        assert owner != "0"


@pytest.mark.parametrize(
    "path",
    [
        "getproduct/../../etc/passwd",
        "getproduct/..%2f..%2fetc/passwd",
        "getproduct/%2e%2e/%2e%2e/gavo.rc",
        "getproduct//etc/passwd",
        "getproduct/ant20_01/nu.rd",
        "getproduct/km3net/bulkload.py",
        "getproduct/../etc/untrustedquery",
        "getproduct/ant20_01/data/../nu.rd",
        "static/../../etc/dsn",
        "static/..%2f..%2fetc%2fdsn",
        "ant20_01/nu/cone/static/nu.rd",
        "ant20_01/nu/cone/static/../nu.rd",
        "ant20_01/nu/cone/static/..%2f..%2f..%2fetc%2fdsn",
        "ant20_01/nu/files/static/../nu.rd",
        "ant20_01/nu/files/static/..%2fnu.rd",
        "ant20_01/nu/files/static/%2e%2e/nu.rd",
        "ant20_01/nu/files/static//etc/passwd",
        "ant20_01/nu/files/static/../../../etc/untrustedquery",
        "ant20_01/nu.rd",
        "ant20_01/data/ant20_01.fits",
        "__system__/products/p/get?key=../etc/feed",
        "__system__/services/cacheclear/form",
        "exit",
    ],
)
def test_paths_to_other_files_are_not_found(instance, path: str) -> None:
    request = urllib.request.Request(f"{instance.url}/{path}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    assert caught.value.code in (401, 403, 404)
    answer = caught.value.read()
    assert b"root:" not in answer
    assert b"password" not in answer.lower() or caught.value.code == 401


@pytest.mark.parametrize("word", ["gavoadmin:", "gavoadmin:gavoadmin", "gavoadmin:None", ":"])
def test_the_administrators_pages_are_closed(instance, word: str) -> None:
    name, password = word.split(":")
    manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    manager.add_password(None, instance.url, name, password)
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(f"{instance.url}/__system__/services/cacheclear/form", timeout=20)
    assert caught.value.code == 401


VOTABLE = """<?xml version="1.0"?><!DOCTYPE VOTABLE [{entities}]>
<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="a" datatype="char" arraysize="*"/><DATA><TABLEDATA><TR><TD>{cell}</TD></TR>
</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


def upload(instance: Instance, tmp_path: Path, content: str) -> str:
    (tmp_path / "t.xml").write_text(content)
    fields = ["LANG=ADQL", "QUERY=SELECT * FROM TAP_UPLOAD.t", "FORMAT=csv", "UPLOAD=t,param:f"]
    command = ["curl", "-s", "-m", "60", "-F", f"f=@{tmp_path / 't.xml'}"]
    for field in fields:
        command += ["-F", field]
    done = subprocess.run([*command, f"{instance.tap}/sync"], capture_output=True, check=True)
    return done.stdout.decode()


def test_uploads_with_entities_are_harmless(instance, tmp_path) -> None:
    assert "fine" in upload(instance, tmp_path, VOTABLE.format(entities="", cell="fine"))
    for place in ("file:///etc/passwd", f"file://{tmp_path}/t.xml", instance.url):
        entity = f'<!ENTITY x SYSTEM "{place}">'
        answer = upload(instance, tmp_path, VOTABLE.format(entities=entity, cell="&x;"))
        assert "root:" not in answer
        assert "DOCTYPE" not in answer
        assert "KM3NeT VO" not in answer
    billions = "".join(
        f'<!ENTITY e{depth} "{f"&e{depth - 1};" * 20 if depth else "a" * 50}">'
        for depth in range(7)
    )
    answer = upload(instance, tmp_path, VOTABLE.format(entities=billions, cell="&e6;"))
    assert 'value="ERROR"' in answer
    assert len(answer) < 10_000


@pytest.mark.parametrize(
    "field",
    [
        'name="a" datatype="int" arraysize="3]); SELECT 1/0; CREATE TEMP TABLE x(a int[3"',
        'name="a" datatype="double" arraysize="2 ,b int"',
        'name="a%(b)s" datatype="int"',
        'name="a&#10;b" datatype="int"',
    ],
)
def test_uploads_with_malformed_fields_are_refused(instance, tmp_path, field: str) -> None:
    normal = 'name="a" datatype="char" arraysize="*"'
    table = VOTABLE.format(entities="", cell="1").replace(normal, field)
    assert field in table
    answer = upload(instance, tmp_path, table)
    assert "uploaded column" in answer
    assert "division" not in answer


@pytest.mark.parametrize("null", ["ab12", "1_2", "&quot;&quot;12"])
def test_null_values_that_are_no_numbers_are_refused(instance, tmp_path, null: str) -> None:
    normal = '<FIELD name="a" datatype="char" arraysize="*"/>'
    field = f'<FIELD name="a" datatype="int" arraysize="2"><VALUES null="{null}"/></FIELD>'
    table = VOTABLE.format(entities="", cell="1 2")
    assert normal in table
    assert "The null value" in upload(instance, tmp_path, table.replace(normal, field))


@pytest.mark.parametrize("null", ["-1", "12"])
def test_null_values_that_are_numbers_are_null(instance, tmp_path, null: str) -> None:
    normal = '<FIELD name="a" datatype="char" arraysize="*"/>'
    field = f'<FIELD name="a" datatype="int"><VALUES null="{null}"/></FIELD>'
    table = VOTABLE.format(entities="", cell=null).replace(normal, field)
    assert upload(instance, tmp_path, table).split() == ["a", '""']


@pytest.mark.parametrize("name", ["it's", "a'b'", "a\\", "a\\'b", "α"])
def test_a_column_has_any_name_in_all_formats(instance, name: str) -> None:
    query = f'SELECT TOP 1 nhit AS "{name}" FROM ant20_01.main'
    for form in ("votable", "votable/td", "votable/b2"):
        fields = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "FORMAT": form})
        with urllib.request.urlopen(f"{instance.tap}/sync?{fields}", timeout=60) as answer:
            assert b'value="OK"' in answer.read()


def test_uploads_keep_arrays_and_unusual_names(instance, tmp_path) -> None:
    normal = 'name="a" datatype="char" arraysize="*"'
    field = """name="it's &quot;a&quot;; --" datatype="int" arraysize="{}" """
    for shape in ("3", "*", "3*", "3x1"):
        table = VOTABLE.format(entities="", cell="1 2 3").replace(normal, field.format(shape))
        answer = upload(instance, tmp_path, table)
        assert answer.splitlines()[0] == '"it\'s ""a""; --"'
        assert "1, 2, 3" in answer


def test_uploads_are_limited_in_size(instance, tmp_path) -> None:
    limit = load_site().limits.sync_upload
    answer = upload(instance, tmp_path, VOTABLE.format(entities="", cell="a" * (limit + 1)))
    assert "aaaa" not in answer


@pytest.mark.parametrize("place", ["file:///etc/passwd", "file:/etc/passwd", "/etc/passwd"])
def test_uploads_cannot_read_files_of_the_server(instance, place: str) -> None:
    query = "SELECT * FROM TAP_UPLOAD.t"
    done = subprocess.run(
        [
            *("curl", "-s", "-F", "LANG=ADQL", "-F", f"QUERY={query}"),
            *("-F", f"UPLOAD=t,{place}", f"{instance.tap}/sync"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'value="ERROR"' in done.stdout
    assert "root:" not in done.stdout


def test_queries_are_limited(instance) -> None:
    settings = (instance.var / "dachs" / "gavo.rc").read_text()
    limits = dict(line.split(": ") for line in settings.splitlines() if ": " in line[:30])
    assert 0 < int(limits["sqlTimeout"]) <= 60
    assert 0 < int(limits["maxSyncUploadSize"]) <= 20_000_000
    capabilities = instance.fetch("__system__/tap/run/tap/capabilities").decode()
    for limit in ("executionDuration", "outputLimit", "uploadLimit"):
        assert f"<{limit}>" in capabilities


@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_read_file('/etc/passwd') FROM ant20_01.main",
        "SELECT * FROM pg_catalog.pg_authid",
        "SELECT * FROM dc.users",
        "DELETE FROM ant20_01.main",
        "SELECT * FROM ant20_01.main; DROP TABLE ant20_01.main",
        "SELECT * FROM ant20_01.main WHERE id = '' UNION SELECT usename FROM pg_user",
        "SELECT TOP 1 * FROM information_schema.tables",
    ],
)
def test_adql_reads_only_published_tables(instance, query: str) -> None:
    with pytest.raises((ValueError, urllib.error.HTTPError), match=r"ERROR|400"):
        instance.adql(query)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another account to look from: run as root")
def test_other_users_read_nothing_of_an_instance(instance) -> None:
    done = subprocess.run(
        [
            *("setpriv", "--reuid=nobody", "--clear-groups", "--inh-caps=-all"),
            *("find", str(instance.var.resolve()), "-type", "f", "-readable"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    names = {Path(line).name for line in done.stdout.splitlines()}
    assert names <= {"instance.json", "lock", "server.pid"}
