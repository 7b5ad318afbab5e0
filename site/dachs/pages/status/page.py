"""The page of proof, and the same for programs. This runs in the Python of DaCHS."""

import time
from dataclasses import asdict

from gavo import base
from patches.settings import settings

from ..answers import json_answer
from ..database import Unavailable
from ..templates import page
from . import checks, contents, services
from .measured import Measured


def _explain(error):
    if isinstance(error, (services.Failed, Unavailable)):
        return str(error)
    base.ui.notifyWarning(f"Something for the page of the status cannot be measured: {error}")
    return "This cannot be measured at the moment."


_AVAILABILITY = Measured(services.availability, 10, oldest=30, follow=1800, explain=_explain)
_OTHERS = {
    "newest": Measured(contents.newest_alerts, 60, explain=_explain),
    "live": Measured(contents.live_streams, 300, explain=_explain),
    "high_energy_queries": Measured(services.high_energy_queries, 600, explain=_explain),
    "tables": Measured(services.table_sizes, 3600, explain=_explain),
}
"""By their names in the JSON document."""
_PATIENCE = 2.0
_PATIENCE_FOR_OTHERS = 0.3
"""How long the page waits for the availability, and for all the rest, in s."""


def status_page(visit):
    """Return the page."""
    return page("status.html", visit, **_found(visit))


def status_document(visit):
    """Return the same as JSON, for those who watch this server."""
    return json_answer(_found(visit))


def _found(visit):
    """Return what is known. Nothing here waits for the database."""
    now = _AVAILABILITY.reading(_PATIENCE)
    is_up = not now.problem and all(one["available"] for one in now.value)
    if is_up:
        for one in _OTHERS.values():
            one.begin()
    until = time.monotonic() + _PATIENCE_FOR_OTHERS
    readings = {
        name: asdict(one.reading(max(0, until - time.monotonic())) if is_up else one.last)
        for name, one in _OTHERS.items()
    }
    return {
        "available": is_up,
        "services": asdict(now),
        "releases": contents.newest_releases(visit),
        "checks": checks.last_run(visit),
        "software": {"km3vo": settings("software")["version"], "DaCHS": base.getVersion()},
        **readings,
    }
