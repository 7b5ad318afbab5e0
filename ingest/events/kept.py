"""Products that are online and need not be made again, because their sources have not changed.

A release whose files become a product each grows file by file. The record of an import says what
each product was made of and what it contains. An import that finds this unchanged links the
product, and everything made from it, instead of making them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ingest.core.files import sha256
from ingest.core.parallel import in_processes
from ingest.events.conversion import Conversion
from ingest.events.delivery import AcquiredFile, Manifest
from ingest.events.product import EventListContent
from ingest.events.survey import Survey, read_survey, survey_file
from ingest.instance import Layout

_PARQUET: Final = ".parquet"
_MADE_OF_IT: Final = (".fits", ".fits.prov.json", ".png", ".tar", _PARQUET)
"""The endings of a product and what is made from it."""
_TIME_RANGE: Final = "time-range"
"""The rule that depends on the time range of the release, which grows with it."""


@dataclass(frozen=True)
class Stock:
    """What a product was made of, and what it contains: its entry in the record of an import."""

    made_of: str
    sha256: str
    content: EventListContent

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Stock:
        """Return what :func:`dataclasses.asdict` made of it."""
        return cls(entry["made_of"], entry["sha256"], EventListContent(**entry["content"]))


class KeptProducts:
    """The products of a release that are online, as far as an import may keep them.

    Parameters
    ----------
    manifest : Manifest
        The release.
    layout : Layout
        The instance.
    record : mapping
        The record of the last import of the release; empty if nothing may be kept.
    making : str
        A checksum of what its products depend on besides the files.
    """

    def __init__(
        self, manifest: Manifest, layout: Layout, record: Mapping[str, Any], making: str
    ) -> None:
        self._release = manifest.release
        self._online = layout.inputs / manifest.name / "data"
        self._surveys = _surveys(layout, manifest.name)
        self._making = making
        self._stock = {
            name: Stock.from_dict(entry) for name, entry in record.get("products", {}).items()
        }
        self._conversions = {one["product"]: one for one in record.get("conversions", ())}
        self._linked: list[str] = []

    def find(self, name: str, files: Sequence[AcquiredFile]) -> tuple[Conversion, Survey] | None:
        """Return how a product was made, and what a report shows of it; None if it must be made.

        Parameters
        ----------
        name : str
            The product.
        files : sequence of AcquiredFile
            The files it would be made of.
        """
        stock = self._stock.get(name)
        if stock is None or stock.made_of != self._made_of(files):
            return None
        conversion = Conversion.from_dict(self._conversions[name], self._online)
        if (
            conversion.checks.rules[_TIME_RANGE].count
            or stock.content.begin < self._release.start_mjd
            or stock.content.end > self._release.stop_mjd
        ):
            return None
        product = conversion.product
        try:
            survey = read_survey(survey_file(self._surveys, product), [conversion.checks])
        except (OSError, ValueError, KeyError):
            return None
        # a disk may fail, and the account of the servers may write there
        if self._checksums.get(name) != stock.sha256:
            return None
        complete = all((product.parent / (product.stem + one)).is_file() for one in _MADE_OF_IT)
        return (conversion, survey) if complete else None

    def link(self, name: str, directory: Path, surveys: Path | None = None) -> None:
        """Link a product that :meth:`find` has found, and what is made from it.

        Parameters
        ----------
        name : str
            The product.
        directory : pathlib.Path
            Where to.
        surveys : pathlib.Path, optional
            The directory of what a report shows of each product.
        """
        for ending in _MADE_OF_IT:
            self._link(Path(name).stem + ending, directory)
        if surveys is not None:
            product = Path(name)
            os.link(survey_file(self._surveys, product), survey_file(surveys, product))
        self._linked.append(name)

    def link_delivered(self, file: AcquiredFile, directory: Path) -> bool:
        """Link the copy of a delivered file that is online; return whether there is one."""
        name = file.path.name
        if not self._stock or _checksum(self._online / name) != file.sha256:
            return False
        self._link(name, directory)
        return True

    @cached_property
    def _checksums(self) -> dict[str, str | None]:
        """The checksums of the products that are online."""
        found = in_processes(_checksum, [self._online / name for name in self._stock])
        return dict(zip(self._stock, found, strict=True))

    def take_stock(
        self, products: Mapping[Path, Sequence[AcquiredFile]]
    ) -> tuple[dict[str, Stock], set[str]]:
        """Return what the products of an import contain, and the names of those not changed.

        Parquet files of the latter are linked.

        Parameters
        ----------
        products : mapping of pathlib.Path to sequence of AcquiredFile
            The new products, and the files each is made of.
        """
        found = {name: self._stock[name] for name in self._linked}
        new = [product for product in products if product.name not in found]
        for product, (checksum, content) in zip(new, in_processes(_content, new), strict=True):
            name, made_of = product.name, self._made_of(products[product])
            before = self._stock.get(name)
            if before is not None and (before.made_of, before.sha256) == (made_of, checksum):
                found[name] = before
                with suppress(FileExistsError, FileNotFoundError):
                    self._link(product.stem + _PARQUET, product.parent)
            else:
                found[name] = Stock(made_of, checksum, content)
        unchanged = {name for name, one in found.items() if self._stock.get(name) is one}
        return found, unchanged

    def _made_of(self, files: Sequence[AcquiredFile]) -> str:
        contents = [(one.path.name, one.sha256, one.simulated) for one in files]
        return hashlib.sha256(json.dumps([self._making, contents]).encode()).hexdigest()

    def _link(self, name: str, directory: Path) -> None:
        os.link(self._online / name, directory / name, follow_symlinks=False)


def _checksum(path: Path) -> str | None:
    """Return the checksum of a file; None if it cannot be read."""
    try:
        return sha256(path)
    except OSError:
        return None


def _content(product: Path) -> tuple[str, EventListContent]:
    """Return the checksum of a product, and its content."""
    return sha256(product), EventListContent.of(product)


def replace_surveys(layout: Layout, release: str, new: Path) -> None:
    """Keep what a report shows of each product of a release, from a directory of these files."""
    place = _surveys(layout, release)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(exist_ok=True)
    new.replace(place)


def _surveys(layout: Layout, release: str) -> Path:
    return layout.record(release).parent / "surveys"


def as_record(stock: Mapping[str, Stock]) -> dict[str, dict[str, Any]]:
    """Return the entries of products in the record of an import."""
    return {name: asdict(one) for name, one in stock.items()}
