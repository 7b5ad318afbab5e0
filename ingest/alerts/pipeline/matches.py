"""The matches of an instance, computed from its tables; see :mod:`ingest.alerts.matching`."""

from __future__ import annotations

from ingest.alerts.archive import Archive
from ingest.alerts.matching import (
    MatchConfig,
    enqueue_all,
    match_waiting,
    matchers,
)
from ingest.alerts.tables import Store, open_store
from ingest.core.progress import ProgressCallback
from ingest.instance import Layout, lifecycle


def compute_matches(
    layout: Layout,
    archive: Archive,
    config: MatchConfig,
    again: bool = False,
    on_progress: ProgressCallback | None = None,
) -> int:
    """Compute the matches of notices that are new or have changed.

    Parameters
    ----------
    layout, archive : Layout, Archive
        The instance and its archive, from which its tables were filled.
    config : MatchConfig
        What is matched with what.
    again : bool, optional
        Whether those of all other notices are computed again.
    on_progress : ProgressCallback, optional
        Called with the number of notices done so far.

    Returns
    -------
    int
        The number of notices.
    """
    with lifecycle.database(layout) as state, open_store(layout, state) as store:
        if again:
            enqueue_all(store)
        return update_matches(layout, archive, store, config, on_progress)


def update_matches(
    layout: Layout,
    archive: Archive,
    store: Store,
    config: MatchConfig,
    on_progress: ProgressCallback | None = None,
) -> int:
    """Compute the matches of the notices that have changed, with a store that is open already."""
    finders = matchers(config, archive, layout.inputs)
    return match_waiting(store, finders, on_progress=on_progress)
