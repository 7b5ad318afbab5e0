"""The difference between new products of a release and what is online."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from ingest.core.files import read_regular
from ingest.events.delivery import Manifest
from ingest.events.difference import Difference, compare
from ingest.instance import Layout
from ingest.instance.dachs import is_simulated, online_releases

logger = logging.getLogger(__name__)


def difference_to_online(
    manifest: Manifest,
    layout: Layout,
    products: Sequence[Path],
    simulated: bool,
    unchanged: Mapping[str, int] | None = None,
) -> tuple[Difference | None, str]:
    """Compare new products with those online of the same release, or of the one it supersedes.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout : Layout
        The instance.
    products : sequence of pathlib.Path
        The new event lists.
    simulated : bool
        Whether they are a simulated stand-in, which is not compared.
    unchanged : mapping of str to int, optional
        The names of products that are the same online, and their numbers of events.

    Returns
    -------
    difference : Difference or None
        None if there is nothing to compare.
    before : str
        What the products were compared with.
    """
    online = online_releases(layout)
    for name in (manifest.name, manifest.release.supersedes):
        if simulated or name is None or name not in online or is_simulated(layout, name):
            continue
        try:
            # as recorded, because there may be other files beside the products
            record = json.loads(read_regular(layout.record(name)))
            names = [one["product"] for one in record["conversions"]]
            old = [layout.inputs / name / "data" / Path(one).name for one in names]
            same = (unchanged or {}) if name == manifest.name else {}
            found = compare(
                [one for one in old if one.name not in same],
                [one for one in products if one.name not in same],
                {one: same[one.name] for one in products if one.name in same},
            )
        except (OSError, KeyError, ValueError, TypeError) as reason:
            logger.warning("%s was not compared with what is online: %s", manifest.name, reason)
            return None, ""
        return found, f"{name}, which is online"
    return None, ""
