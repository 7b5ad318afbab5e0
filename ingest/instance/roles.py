"""What the database roles of DaCHS may do, in particular that of visitors' queries.

DaCHS grants the role of visitors the published tables, and everything else is what PostgreSQL
grants everybody. That is a lot: functions that wait, take locks, write large objects or run a text
as SQL; other databases; code in a procedural language; the query texts of other visitors; the
names and numbers of rows of all tables. Here it is reduced to what queries need.

PostgreSQL lets each role change its own password and its own settings, and each session its
timeouts. This cannot be revoked. Therefore the function ``km3vo_roles.restore`` undoes such
changes and ends what runs for too long; DaCHS' server calls it every few seconds
(``site/dachs/patches/visitors.py``), and :func:`restrict` does the same.
"""

from __future__ import annotations

import psycopg2
from psycopg2 import sql

VISITORS = "untrusted"
"""DaCHS' role for the queries of visitors."""
_SERVICES = ("gavo", "gavoadmin")
"""DaCHS' roles for its services, and for itself."""
_SETTINGS = {
    "extra_float_digits": "3",  # as DaCHS sets it
    "standard_conforming_strings": "on",
    "backslash_quote": "off",
    # of the extensions; nobody but DaCHS itself may create anything there
    "search_path": "public",
    "lock_timeout": "60s",
}
_CONNECTIONS = 60
_KEPT = ("random", "clock_timestamp", "timeofday", "gen_random_uuid", "pg_backend_pid")
"""Volatile functions that do no harm."""
_STABLE = (
    "^(lo_|pg_ls_|pg_stat_get_|(query|table|schema|database|cursor)_to_xml|pg_prepared|pg_cursor)"
)
"""A regular expression for functions that are revoked although they are not volatile."""

_REVOKE_FUNCTIONS = f"""
DO $do$
DECLARE
    one regprocedure;
BEGIN
    FOR one IN
        SELECT p.oid FROM pg_proc AS p JOIN pg_type AS t ON t.oid = p.prorettype
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
        AND p.prokind = 'f'
        AND t.typname NOT IN ('trigger', 'internal', 'event_trigger')
        AND t.typname NOT LIKE '%handler'
        AND (p.provolatile = 'v' OR p.proname ~ '{_STABLE}')
        AND p.proname NOT IN {_KEPT}
        AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0))
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {", ".join(_SERVICES)}', one);
    END LOOP;
END $do$
"""

_REVOKE_OTHERS = f"""
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO {", ".join(_SERVICES)};
REVOKE CREATE ON SCHEMA public FROM PUBLIC, {VISITORS};
REVOKE ALL ON DATABASE gavo, postgres, template1 FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE gavo TO {", ".join((VISITORS, *_SERVICES))};
ALTER ROLE {VISITORS} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS LOGIN
    VALID UNTIL 'infinity' CONNECTION LIMIT {_CONNECTIONS};
"""

_REVOKE_CATALOGS = f"""
DO $do$
DECLARE
    one regclass;
BEGIN
    FOR one IN
        SELECT c.oid FROM pg_class AS c
        WHERE c.relnamespace = 'pg_catalog'::regnamespace
        AND EXISTS (SELECT FROM aclexplode(c.relacl)
            WHERE grantee = 0 AND privilege_type = 'SELECT')
    LOOP
        EXECUTE format('REVOKE SELECT ON %s FROM PUBLIC', one);
        EXECUTE format('GRANT SELECT ON %s TO {", ".join(_SERVICES)}', one);
    END LOOP;
END $do$
"""
"""The catalogs name all tables, also those of unpublished releases, with their numbers of rows. The
views in ``information_schema`` show a role only what it may use anyway."""

_CREATE_RESTORE = f"""
CREATE SCHEMA IF NOT EXISTS km3vo_roles;
REVOKE ALL ON SCHEMA km3vo_roles FROM PUBLIC;
GRANT USAGE ON SCHEMA km3vo_roles TO gavoadmin;
CREATE TABLE IF NOT EXISTS km3vo_roles.visitors
    (verifier text, settings text[], longest interval);
LOCK TABLE km3vo_roles.visitors IN EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION km3vo_roles.restore() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $restore$
DECLARE
    role CONSTANT regrole := '{VISITORS}';
    wanted km3vo_roles.visitors;
    setting text;
BEGIN
    LOCK TABLE km3vo_roles.visitors IN EXCLUSIVE MODE;
    SELECT * INTO STRICT wanted FROM km3vo_roles.visitors;
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usesysid = role AND clock_timestamp() - xact_start > wanted.longest;
    IF (SELECT rolpassword FROM pg_authid WHERE oid = role) IS DISTINCT FROM wanted.verifier THEN
        EXECUTE format('ALTER ROLE {VISITORS} PASSWORD %L', wanted.verifier);
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid = role;
    END IF;
    IF EXISTS (SELECT FROM pg_db_role_setting WHERE setrole = role AND setdatabase <> 0) THEN
        EXECUTE 'ALTER ROLE {VISITORS} IN DATABASE gavo RESET ALL';
    END IF;
    IF (SELECT setconfig FROM pg_db_role_setting WHERE setrole = role AND setdatabase = 0)
            IS DISTINCT FROM wanted.settings THEN
        EXECUTE 'ALTER ROLE {VISITORS} RESET ALL';
        FOREACH setting IN ARRAY wanted.settings LOOP
            EXECUTE format('ALTER ROLE {VISITORS} SET %I = %L',
                split_part(setting, '=', 1), split_part(setting, '=', 2));
        END LOOP;
    END IF;
END $restore$;
REVOKE ALL ON FUNCTION km3vo_roles.restore() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION km3vo_roles.restore() TO gavoadmin;
"""

_REMEMBER = """
DELETE FROM km3vo_roles.visitors;
INSERT INTO km3vo_roles.visitors
    SELECT rolpassword, %s, make_interval(secs => %s) FROM pg_authid WHERE rolname = %s;
SELECT km3vo_roles.restore();
"""


def restrict(connection: psycopg2.extensions.connection, password: str, longest_query: int) -> None:
    """Restrict DaCHS' roles to what they need; this can be repeated.

    Parameters
    ----------
    connection : psycopg2.extensions.connection
        A connection as superuser to DaCHS' database.
    password : str
        The password of :data:`VISITORS`, as DaCHS knows it.
    longest_query : int
        How long a query of a visitor may take, in s. DaCHS sets a shorter timeout for each;
        this is the bound beyond which the connection is ended.
    """
    settings = [
        f"{name}={value}"
        for name, value in {**_SETTINGS, "statement_timeout": f"{longest_query}s"}.items()
    ]
    with connection, connection.cursor() as cursor:
        cursor.execute(_CREATE_RESTORE)
        cursor.execute(_REVOKE_FUNCTIONS)
        cursor.execute(_REVOKE_CATALOGS)
        cursor.execute(_REVOKE_OTHERS)
        cursor.execute(
            sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(VISITORS)), [password]
        )
        cursor.execute(_REMEMBER, [settings, longest_query, VISITORS])
