"""The server's public address in the database, which DaCHS answers queries from.

DaCHS writes addresses of services into its tables when it publishes them, and the view ObsCore
needs one as well. Here they follow the server's address, without publishing anything again.
"""

from __future__ import annotations

import psycopg2.extensions
from psycopg2 import sql

from ingest.instance.postgres import DATABASE

SETTING = "km3vo.server_url"
"""A setting of the database, from which the descriptors' SQL takes the address."""

# Only pages of DaCHS itself: a descriptor may name a page on another server.
_MOVE_PAGES = """
UPDATE dc.interfaces SET referenceurl = %(url)s || page
FROM (
    SELECT DISTINCT sourcerd AS rd, resid AS id, '/' || sourcerd || '/' || resid || '/info' AS page
    FROM dc.interfaces
) AS own
WHERE sourcerd = rd AND resid = id AND referenceurl <> %(url)s || page
AND right(referenceurl, length(page)) = page
"""


def write_address(connection: psycopg2.extensions.connection, url: str) -> None:
    """Make the database answer with the server's present address; this can be repeated.

    Parameters
    ----------
    connection : psycopg2.extensions.connection
        A connection as superuser to DaCHS' database.
    url : str
        The public URL of the server, without a slash at the end.
    """
    setting = sql.SQL("ALTER DATABASE {} SET {} = {}").format(
        sql.Identifier(DATABASE), sql.SQL(SETTING), sql.Literal(url)
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(setting)
        cursor.execute(_MOVE_PAGES, {"url": url})
