"""Looks up names as DaCHS does with our patches; runs in the Python of DaCHS.

Prints which names were asked for, and the messages for the others.
"""

# ruff: noqa: E402  (the functions have to be known first)

import json
import sys
import urllib.request

from gavo.base import sqlsupport

# DaCHS 2.11 asks the database for these when it starts
sqlsupport.GAVOConnection.extensionFunctions = frozenset(("q3c_ang2ipix", "smoc_union"))
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
