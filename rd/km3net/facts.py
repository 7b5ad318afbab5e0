"""What is deployed about a release besides its descriptor. This runs in the Python of DaCHS."""

import json
import os

from gavo import base


def facts_of(release):
    """Return the facts of a release; none if it was imported by a version that did not write them.

    The next import of the release writes them.
    """
    path = os.path.join(base.getConfig("inputsDir"), release, "release.json")
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        return {}
