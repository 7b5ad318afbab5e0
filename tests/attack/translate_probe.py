"""Translates ADQL to SQL as our DaCHS does; runs in the Python of DaCHS.

Reads a JSON string with a query per line, and writes a JSON list per line: the SQL or null, and
the error or null. The queries see one table, ``tap_upload.t``, with the columns in the second
argument.
"""

import json
import sys

import functions_of_database  # noqa: F401
from gavo import base, rscdef
from gavo.adql import morphpg
from gavo.base.valuemappers import needsQuoting
from gavo.protocols import adqlglue
from gavo.utils import QuotedName

sys.path.insert(0, sys.argv[1])
from patches import adql, query_functions, query_text


class NoTables:
    """Replaces the database's list of published tables."""

    def getTableDefForTable(self, name):
        raise base.NotFoundError(name, "table", "published tables")


def table(columns):
    """Return the description of an uploaded table."""
    named = [
        base.makeStruct(
            rscdef.Column, name=QuotedName(name) if needsQuoting(name) else name, type=type
        )
        for name, type in columns
    ]
    return base.makeStruct(rscdef.TableDef, id="t", columns=named, onDisk=True, temporary=True)


def translate(query, tables):
    """Return the SQL, and the error."""
    try:
        return adqlglue.morphADQL(query, tdsForUploads=tables)[0], None
    except Exception as error:
        return None, f"{type(error).__name__}: {error}"


adql.read_string_literals_as_the_standard_does()
adql.accept_the_standard_inequality()
adql.keep_tabs()
adql.keep_percent_signs()
query_text.bound_queries()
query_functions.bound_generating_functions()
base.caches.getMTH = lambda *_: NoTables()
morphpg._needsMaterialization = lambda: True
tables = [table(json.loads(sys.argv[2]))]
for line in sys.stdin:
    print(json.dumps(translate(json.loads(line), tables)), flush=True)
