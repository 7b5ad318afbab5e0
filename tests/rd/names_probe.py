"""Looks up names as the services of limits do; runs in the Python of DaCHS.

Asks a resolver at the address in the first argument. Prints the positions, or the messages.
"""

import json
import sys
import types

import functions_of_database  # noqa: F401
import numpy
from gavo import base, utils
from gavo.protocols import simbadinterface

address, module, names = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


class Cache(dict):
    """Stands for the cache in the database."""

    getItem, addItem = dict.__getitem__, dict.__setitem__


simbadinterface.Sesame.svc_urls = [address]
simbadinterface.ObjectCache = Cache
resolver, _ = utils.loadPythonModule(module)
ALERTS = {  # stand for the database
    "KM3-1": [("km3net/KM3-1", 94.3, -7.8)],
    "TWICE": [("a/TWICE", 10.0, 20.0), ("b/TWICE", 10.5, 20.0)],
    "SAME": [("a/SAME", 359.999, 20.0), ("b/SAME", 0.001, 20.0)],
}


class Connection:
    """Answers the queries of the module."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def queryToDicts(self, query, asked=None):
        if asked is None:
            return [{"there": "alerts.notices"}]
        rows = [row for name in asked["names"] for row in ALERTS.get(name, ())]
        return [dict(zip(("alert_id", "ra", "dec"), row, strict=True)) for row in rows]


base.getTableConn = Connection
sample = types.SimpleNamespace(
    event_id=numpy.array(["ANT0001"]), ra=numpy.array([68.2]), dec=numpy.array([19.5])
)
found = []
for name in names:
    try:
        found.append(resolver.resolve(name, sample))
    except base.ValidationError as error:
        found.append(str(error))
print(json.dumps(found))
