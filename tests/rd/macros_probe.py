"""Expands texts as DaCHS does and as our patch of it does; runs in the Python of DaCHS."""

import json
import sys

import functions_of_database  # noqa: F401
from gavo.base import macros

sys.path.insert(0, sys.argv[1])
import patches.imports


class Package(macros.MacroPackage):
    def macro_name(self):
        return "antares"

    def macro_twice(self, word):
        return word * 2


def results(texts):
    """Return what each text becomes, or the name of its error."""
    found = []
    for text in texts:
        try:
            found.append(Package().expand(text))
        except Exception as error:
            found.append(type(error).__name__)
    return found


texts = json.load(sys.stdin)
theirs = results(texts)
patches.imports.expand_macros_at_backslashes()
json.dump([theirs, results(texts)], sys.stdout)
