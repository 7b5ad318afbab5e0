"""The periods in which the events of a release are loaded, and replaced if they change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
from astropy.io import fits
from astropy.time import Time

from ingest.core.descriptors import expand_descriptor, table_structure
from ingest.core.errors import InputError
from ingest.core.files import read_regular
from ingest.events.delivery import Manifest
from ingest.instance.dachs import Period, deploy

FILE: Final = "periods.json"
"""The list of periods, beside the products that are online."""
_DIGITS: Final = 16
"""Of the checksum in the name of a table."""
_FORMS: Final = {"year": "%Y", "month": "%Y-%m"}


def write_periods(manifest: Manifest, products: Sequence[Path], directory: Path) -> list[Period]:
    """Write the list of a release's periods, by the first event of each product (UTC).

    Parameters
    ----------
    manifest : Manifest
        The release.
    products : sequence of pathlib.Path
        Its event lists.
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
    named: dict[str, list[_Product]] = {}
    for path in products:
        one = _Product(path)
        if one.rows:
            first = Time(one.begin, format="mjd", scale="utc")
            named.setdefault(first.strftime(_FORMS[manifest.release.periods]), []).append(one)
    periods = [_period(name, files, digest.copy()) for name, files in sorted(named.items())]
    for earlier, later in pairwise(periods):
        if later.begin <= earlier.end:
            last = max(named[earlier.name], key=lambda one: one.end)
            raise InputError(
                f"the period {later.name} begins before the period {earlier.name} ends",
                file=last.path.name,
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


class _Product:
    """What is needed of an event list: its rows, and when the first and the last were."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with fits.open(path, memmap=True) as hdus:
            rows = hdus["EVENTS"].data.view(np.ndarray)
            self.rows = len(rows)
            self.begin = float(rows["MJD"].min()) if self.rows else 0.0
            self.end = float(rows["MJD"].max()) if self.rows else 0.0
            self.digest = hashlib.sha256(str(hdus["EVENTS"].columns).encode())
            for first in range(0, self.rows, 1 << 16):
                self.digest.update(rows[first : first + (1 << 16)].tobytes())


def _period(name: str, files: Sequence[_Product], digest: hashlib._Hash) -> Period:
    ordered = sorted(files, key=lambda one: one.path.name)
    for one in ordered:
        digest.update(one.digest.digest())
    return Period(
        name,
        f"p{name.replace('-', '_')}_{digest.hexdigest()[:_DIGITS]}",
        sum(one.rows for one in files),
        min(one.begin for one in files),
        max(one.end for one in files),
        tuple(one.path.name for one in ordered),
    )
