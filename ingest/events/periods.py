"""The periods in which the events of a release are loaded, and replaced if they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Final

from astropy.time import Time

from ingest.core.descriptors import expand_descriptor, table_structure
from ingest.core.errors import InputError
from ingest.core.files import read_regular
from ingest.events.delivery import Manifest
from ingest.events.product import EventListContent
from ingest.instance.dachs import Period, deploy

FILE: Final = "periods.json"
"""The list of periods, beside the products that are online."""
_DIGITS: Final = 16
"""Of the checksum in the name of a table."""
_FORMS: Final = {"year": "%Y", "month": "%Y-%m"}


def write_periods(
    manifest: Manifest, products: Mapping[str, EventListContent], directory: Path
) -> list[Period]:
    """Write the list of a release's periods, by the first event of each product (UTC).

    Parameters
    ----------
    manifest : Manifest
        The release.
    products : mapping of str to EventListContent
        The names of its event lists, and what they contain.
    directory : pathlib.Path
        Where the list is written.

    Returns
    -------
    list of Period
        In the order of time; empty if the release has no periods.

    Raises
    ------
    ingest.core.errors.InputError
        If a period begins before the one before it ends.
    """
    if manifest.release.periods is None:
        return []
    release = manifest.release
    digest = hashlib.sha256(table_structure(expand_descriptor(release.descriptor)).encode())
    # the values of computed columns, and what makes the rows of a table from a product
    digest.update(f"{release.name} {release.instrument}".encode())
    for name, content in deploy.sources(deploy.SHARED):
        if name.endswith(("/bulkload.py", "/skyorder.py", "/circles.sql")):
            digest.update(content)
    named: dict[str, dict[str, EventListContent]] = {}
    for name, one in products.items():
        if one.rows:
            first = Time(one.begin, format="mjd", scale="utc")
            period = first.strftime(_FORMS[manifest.release.periods])
            named.setdefault(period, {})[name] = one
    periods = [_period(name, files, digest.copy()) for name, files in sorted(named.items())]
    for earlier, later in pairwise(periods):
        if later.begin <= earlier.end:
            last, _ = max(named[earlier.name].items(), key=lambda one: one[1].end)
            raise InputError(
                f"the period {later.name} begins before the period {earlier.name} ends",
                file=last,
                value=f"an event at MJD {earlier.end!r}, and one of {later.name} at"
                f" {later.begin!r}",
                expected="periods that do not overlap; a product is in that of its first event",
                remedy="deliver the events of each period in files of their own, or choose other"
                " periods in release.toml",
            )
    (directory / FILE).write_text(json.dumps([asdict(one) for one in periods], indent=1))
    return periods


def tables_of_periods(paths: Iterable[Path]) -> tuple[str, ...]:
    """Return the tables of periods that are listed beside products, without their schema.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        The products, and the files beside them.
    """
    for path in paths:
        if path.name == FILE:
            return tuple(str(one["table"]) for one in json.loads(read_regular(path)))
    return ()


def _period(name: str, products: Mapping[str, EventListContent], digest: hashlib._Hash) -> Period:
    names = sorted(products)
    contents = [products[one] for one in names]
    for one in contents:
        digest.update(one.checksum.encode())
    return Period(
        name,
        f"p{name.replace('-', '_')}_{digest.hexdigest()[:_DIGITS]}",
        sum(one.rows for one in contents),
        min(one.begin for one in contents),
        max(one.end for one in contents),
        tuple(names),
    )
