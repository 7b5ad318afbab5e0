"""The results of the last run of the validators. This runs in the Python of DaCHS.

``ingest/publish/check_record.py`` writes them.
"""

import itertools
import json
import os

from gavo import base

from ..releases import is_release, release

_FILE = "checks.json"
_KINDS = {
    "dachs val": "Descriptors of tables and services: valid",
    "dachs test": "Tests of descriptors against the running server",
    "registry record": "Records for the registry: valid against the XML schemas",
    "taplint": "TAP: the validator of STILTS",
}
"""The validators, and what they look at."""


def last_run(visit):
    """Return the last run, as far as a visitor may know of the releases.

    Returns
    -------
    dict or None
        ``started``, ``seconds``, ``version``, ``passed`` and ``checks``: for each validator its
        ``name`` and ``title``, ``passed``, ``seconds``, and the ``results``. None if the
        validators have never run.
    """
    try:
        with open(os.path.join(base.getConfig("rootDir"), _FILE), encoding="utf-8") as stream:
            stored = json.load(stream)
    except FileNotFoundError:
        return None
    results = [one for one in stored["results"] if _is_public(one, visit)]
    kinds = [
        _kind(name, list(found))
        for name, found in itertools.groupby(sorted(results, key=_order), lambda one: one["check"])
    ]
    return {
        "started": stored["started"],
        "seconds": stored["seconds"],
        "version": stored["version"],
        "passed": all(one["passed"] for one in kinds),
        "checks": kinds,
    }


def _order(result):
    return list(_KINDS).index(result["check"]) if result["check"] in _KINDS else len(_KINDS)


def _kind(name, results):
    return {
        "name": name,
        "title": _KINDS.get(name, name),
        "passed": all(one["passed"] for one in results),
        "seconds": round(sum(one["seconds"] for one in results), 1),
        "results": results,
    }


def _is_public(result, visit):
    """Return whether a visitor may read a result.

    One about a descriptor is only shown while the descriptor is there, and its release is one that
    the visitor may know of. The other validators read what is public anyway.
    """
    if not result["check"].startswith("dachs "):
        return True
    name = result["subject"].partition("/")[0]
    if is_release(name):
        return release(name, visit) is not None
    return os.path.exists(os.path.join(base.getConfig("inputsDir"), f"{result['subject']}.rd"))
