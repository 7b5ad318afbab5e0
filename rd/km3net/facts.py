"""What is deployed about a release besides its descriptor. This runs in the Python of DaCHS."""

import json
import os

from gavo import base


def with_limits():
    """Return the public releases that have services of limits.

    Returns
    -------
    dict of str to dict of str to str
        By the names of releases, the paths of their files: ``acceptance`` and ``background``.
    """
    found = {}
    folder = base.getConfig("inputsDir")
    for release in sorted(os.listdir(folder)):
        facts = facts_of(release) if os.path.isdir(os.path.join(folder, release)) else {}
        if facts.get("limits") and not facts["protected"]:
            found[release] = {
                name: os.path.join(folder, release, "data", "responses", file)
                for name, file in facts["limits"].items()
            }
    return found


def facts_of(release):
    """Return the facts of a release; none if it was imported by a version that did not write them.

    The next import of the release writes them. Those of a release of responses, which has no
    events, are in a file of another name.
    """
    for name in ("release.json", "responses.json"):
        path = os.path.join(base.getConfig("inputsDir"), release, name)
        try:
            with open(path, encoding="utf-8") as stream:
                return json.load(stream)
        except FileNotFoundError:
            continue
    return {}
