"""Looks up names as the services of limits do; runs in the Python of DaCHS.

Asks a resolver at the address in the first argument. Prints the positions, or the messages.
"""

import json
import sys
import types

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
resolver._alert = lambda name: None  # these are in the database, too
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
