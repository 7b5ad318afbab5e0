"""A query as programs send it. This needs only the standard library."""

import re

_PYTHON = """\
import pyvo

service = pyvo.dal.TAPService("{address}/tap")
query = {query}
table = service.search(query).to_table()
print(table)
"""
_SHELL = """\
curl --fail --silent --show-error {address}/tap/sync \\
  --data LANG=ADQL --data FORMAT=csv --data-urlencode QUERY@- <<'{end}'
{query}
{end}
"""


def python(query, address):
    """Return a program that sends a query with pyvo, and prints the rows.

    Parameters
    ----------
    query : str
        The query in ADQL.
    address : str
        The public address of the server.
    """
    is_plain = "\\" not in query and '"""' not in query
    is_plain &= all(line.isprintable() for line in query.split("\n"))
    literal = f'"""\n{query}\n"""' if is_plain else repr(query)
    return _PYTHON.format(address=address, query=literal)


def shell(query, address):
    """Return a command that sends a query with curl, as :func:`python` does."""
    end = "END"
    while re.search(rf"^{end}\r?$", query, re.MULTILINE):
        end += "_"
    return _SHELL.format(address=address, query=query, end=end)
