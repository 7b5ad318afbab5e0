"""Looks up names as DaCHS does with our patches; runs in the Python of DaCHS.

Prints which names were asked for, and the messages for the others.
"""

import json
import sys
import urllib.request

import functions_of_database  # noqa: F401

sys.path.insert(0, sys.argv[1])
import patches.lookups
from gavo.protocols import simbadinterface, vocabularies

asked, refused = [], []


def open_nothing(request, timeout):
    asked.append(getattr(request, "full_url", request))
    raise OSError("no network")


class EmptyCache:
    def getItem(self, name):
        raise KeyError(name)


urllib.request.urlopen = open_nothing
patches.lookups.bound_lookups()
for name in json.loads(sys.argv[2]):
    try:
        vocabularies.get_vocabulary(name)
    except Exception as error:
        refused.append(str(error) + (getattr(error, "hint", None) or ""))
sesame = simbadinterface.Sesame.__new__(simbadinterface.Sesame)
sesame.cache = EmptyCache()
try:
    sesame.query("M31")
except Exception as error:
    refused.append(str(error))
print(json.dumps([asked, refused]))
