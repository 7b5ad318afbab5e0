"""Conversion of a release: its manifest becomes a recipe for its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ingest import __version__
from ingest.core.descriptors import licence
from ingest.core.errors import InputError, ManifestError
from ingest.core.parallel import in_processes
from ingest.core.timescales import DAY
from ingest.events.checks import Expectations
from ingest.events.conversion import (
    WHOLE_SAMPLE,
    Conversion,
    OpenedFile,
    Recipe,
    observation_number,
    open_file,
    refuse_simulated,
    write_product,
)
from ingest.events.delivery import AcquiredFile, DeliveredFile, Manifest, verify
from ingest.events.product import ProductMetadata, observation_cards, write_index
from ingest.events.readers import AUTO, READERS
from ingest.events.sky import detector
from ingest.events.survey import Survey, survey_file, write_survey

if TYPE_CHECKING:
    from ingest.events.kept import KeptProducts

_OF_THE_WHOLE: Final = {
    "created", "updated", "revisions", "supersedes", "access", "embargo_until",
    "metadata_public", "withdrawn", "events",
}  # fmt: skip
"""Facts of a release that change while it grows, and of which a product of one file has none."""
_TIME_RANGE: Final = {"start", "stop"}


def convert_release(
    manifest: Manifest,
    acquired: Sequence[AcquiredFile],
    directory: Path,
    survey: Survey | None = None,
    kept: KeptProducts | None = None,
    surveys: Path | None = None,
) -> list[Conversion]:
    """Convert the files of a release to products.

    Parameters
    ----------
    manifest : Manifest
        The release.
    acquired : sequence of AcquiredFile
        Its files, in the order of the manifest.
    directory : pathlib.Path
        An empty directory for the products, their provenance documents and previews, and, if
        each file becomes a product, their index for gammapy.
    survey : Survey, optional
        Collects what a report shows, also if the conversion fails.
    kept : KeptProducts, optional
        Products that are linked instead of being made again.
    surveys : pathlib.Path, optional
        An empty directory for what a report shows of each product, for the next import.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or simulated, an event fails a check, or a checksum or the number
        of events differs from the manifest. The content of `directory` must then be discarded.
    """
    require_format(manifest)
    recipe = release_recipe(manifest, simulated=any(file.simulated for file in acquired))
    products = [
        _Product(manifest, directory / name, places, acquired, kept)
        for name, places in products_of(manifest).items()
    ]
    numbers = observation_numbers([one.run for one in products])
    # that of a sole product is filled while the product is made
    sole = survey if len(products) == 1 else None
    wanted = list(zip(products, numbers, strict=True))
    requests = [one.request(number, sole, surveys) for one, number in wanted if one.is_new(number)]
    made = in_processes(partial(_make, manifest, recipe), requests)
    conversions: list[Conversion] = []
    with closing(made):
        for one, number in wanted:
            done = next(made) if one.is_new(number) else one.link(surveys)
            if survey is not None and done.survey is not sole:
                survey.add(done.survey)
            if done.error is not None:
                raise done.error
            conversions += done.conversions
    check_event_count(manifest, sum(one.rows for one in conversions), len(conversions))
    if manifest.release.products == "per-file":
        write_index(directory, [one.product for one in conversions])
    return conversions


@dataclass(frozen=True)
class _Request:
    """A product to be made."""

    path: Path
    obs_id: int
    files: Sequence[Delivered]
    survey: Survey | None
    surveys: Path | None


@dataclass(frozen=True)
class _Done:
    """A product that was made, or why not, and what a report shows of its events."""

    survey: Survey
    conversions: Sequence[Conversion] = ()
    error: InputError | None = None


def _make(manifest: Manifest, recipe: Recipe, request: _Request) -> _Done:
    """Make a product and its preview."""
    survey = request.survey or Survey(*_period(manifest))
    try:
        done = convert_delivered(
            *(manifest, recipe, request.path, request.files, survey), request.obs_id
        )
    except InputError as error:
        return _Done(survey, error=error)
    # imported here because matplotlib loads slowly, and bad input is rejected without it
    from ingest.events.product.preview import write_preview

    write_preview(request.path, survey.sky)
    if request.surveys is not None:
        write_survey(survey_file(request.surveys, request.path), survey)
    return _Done(survey, [done])


class _Product:
    """A product of a release: kept, or opened to be made."""

    def __init__(
        self,
        manifest: Manifest,
        path: Path,
        places: Sequence[int],
        acquired: Sequence[AcquiredFile],
        kept: KeptProducts | None,
    ) -> None:
        self.path = path
        self._manifest = manifest
        self._files = [(manifest.files[place], acquired[place]) for place in places]
        self._kept = kept
        self._before = kept and kept.find(path.name, [found for _, found in self._files])
        # all files are opened before the first is converted: one may be damaged
        self._delivered = [] if self._before else self._open()
        self.run = (
            self._before[0].run
            if self._before
            else observation_number([one.opened for one in self._delivered])
        )

    def is_new(self, number: int) -> bool:
        """Return whether the product must be made to have this OBS_ID."""
        return not self._before or self._before[0].obs_id != number

    def request(self, number: int, survey: Survey | None, surveys: Path | None) -> _Request:
        """Return what to make, and what is to collect what a report shows, if not another one."""
        return _Request(self.path, number, self._delivered or self._open(), survey, surveys)

    def link(self, surveys: Path | None) -> _Done:
        """Link the product that is online, and what a report shows of it."""
        assert self._kept and self._before
        conversion, survey = self._before
        self._kept.link(self.path.name, self.path.parent, surveys)
        return _Done(survey, [conversion.moved(self.path.parent)])

    def _open(self) -> list[Delivered]:
        return [
            Delivered(listed, found, open_delivered(self._manifest, found))
            for listed, found in self._files
        ]


@dataclass(frozen=True)
class Delivered:
    """A file of a release: as it is listed, as it was found, and opened."""

    listed: DeliveredFile
    found: AcquiredFile
    opened: OpenedFile


def require_format(manifest: Manifest) -> None:
    """Refuse a release whose format does not exist.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it does not.
    """
    if manifest.release.format not in (AUTO, *READERS):
        raise ManifestError(
            "the format does not exist",
            file=manifest.folder / "release.toml",
            where="release.format",
            value=manifest.release.format,
            expected="one of " + ", ".join((AUTO, *sorted(READERS))),
            remedy="correct the format",
        )


def open_delivered(manifest: Manifest, found: AcquiredFile) -> OpenedFile:
    """Open a file of a release.

    Raises
    ------
    ingest.core.errors.InputError
        If it is damaged or simulated.
    """
    opened = open_file(
        found.path,
        manifest.release.format,
        _public_origin(found),
        manifest.observation.event_type,
    )
    refuse_simulated(opened)
    return opened


def convert_delivered(
    manifest: Manifest,
    recipe: Recipe,
    product: Path,
    files: Sequence[Delivered],
    survey: Survey,
    obs_id: int | None = None,
) -> Conversion:
    """Convert files of a release to one product.

    Parameters
    ----------
    manifest, recipe
        The release, and the recipe for its files.
    product : pathlib.Path
        The FITS file.
    files : sequence of Delivered
        The files.
    survey : Survey
        An empty one, which collects what a report shows, also if the conversion fails.
    obs_id : int, optional
        The product's OBS_ID; by default the run of the files.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged, an event fails a check, or a checksum differs from the manifest.
    """
    opened = [one.opened for one in files]
    conversion = write_product(recipe, product, opened, obs_id=obs_id, survey=survey)
    # after reading, because an error about the damage says more than a wrong checksum
    for one in files:
        verify(one.listed, one.found)
    return conversion


def release_recipe(
    manifest: Manifest, simulated: bool = False, reject: Iterable[str] = ()
) -> Recipe:
    """Return the recipe for the files of a release.

    Parameters
    ----------
    manifest : Manifest
        The release.
    simulated : bool
        Whether the files are a simulated stand-in.
    reject : iterable of str
        Rules that may reject rows, in addition to those of the manifest.
    """
    release = manifest.release
    site = detector(release.detector)
    # without a livetime the good time intervals are unknown
    days = release.livetime_days
    additional = frozenset(reject) - manifest.checks.reject
    parameters = product_facts(manifest)
    if additional:
        parameters["rejected_besides"] = sorted(additional)
    return Recipe(
        detector=release.detector,
        det_id=release.det_id,
        expectations=Expectations(
            # the manifest gives the sum over all products
            rows=release.events if release.products == "one" else None,
            start_mjd=release.start_mjd,
            stop_mjd=release.stop_mjd,
            reject=manifest.checks.reject | additional,
        ),
        metadata=ProductMetadata(
            release=manifest.name,
            obs_id=WHOLE_SAMPLE,
            telescope=site.telescope,
            instrument=release.instrument,
            longitude=site.longitude,
            latitude=site.latitude,
            height=site.height,
            creator=f"km3net-vo {__version__}",
            kid="",
            title=release.title,
            reference=f"doi:{release.doi}" if release.doi else "",
            licence=licence(),
            gtis=[] if days is None else [(release.start_mjd, release.stop_mjd)],
            livetime=None if days is None else days * DAY,
            simulated=simulated,
            more=tuple(observation_cards(manifest.observation, site.facility)),
        ),
        parameters=parameters,
        command=f"km3vo import --release {manifest.name}",
    )


def product_facts(manifest: Manifest) -> dict[str, Any]:
    """Return what a product depends on besides its files, as JSON has it, by section.

    If each file becomes a product, that is less than the facts of a release, which may grow.
    """
    facts = manifest.facts({"files": True, "responses": True, "tables": True})
    if manifest.release.products == "per-file":
        # the good time intervals are those of the release, if its livetime is known
        without = _OF_THE_WHOLE | (_TIME_RANGE if manifest.release.livetime_days is None else set())
        of_release = facts["release"].items()
        facts["release"] = {name: value for name, value in of_release if name not in without}
    return facts


def products_of(manifest: Manifest) -> dict[str, list[int]]:
    """Return the products of a release: by their names, the places of their files in the manifest.

    Raises
    ------
    ingest.core.errors.ManifestError
        If two files would become the same product.
    """
    if manifest.release.products == "one":
        return {f"{manifest.name}.fits": list(range(len(manifest.files)))}
    found: dict[str, list[int]] = {}
    for place, file in enumerate(manifest.files):
        name = product_name(manifest, Path(file.name))
        if name in found:
            raise ManifestError(
                f"two files would become the product {name}",
                file=manifest.path,
                where="files.name",
                value=f"{manifest.files[found[name][0]].name} and {file.name}",
                expected="names that differ before the last dot",
                remedy="rename one of them",
            )
        found[name] = [place]
    return found


def product_name(manifest: Manifest, path: Path) -> str:
    """Return the name of the product that one file of a release becomes."""
    return f"{manifest.name}_{path.stem}.fits"


def check_event_count(manifest: Manifest, rows: int, products: int) -> None:
    """Compare the number of events in all products of a release with the manifest.

    Raises
    ------
    ingest.core.errors.InputError
        If they differ.
    """
    if rows != manifest.release.events:
        raise InputError(
            "the number of events in all files of the release differs from the manifest",
            file=manifest.folder / "release.toml",
            where="release.events",
            value=f"{rows} events in {products} products",
            expected=str(manifest.release.events),
            remedy="fetch the files again if one is incomplete, or correct the number",
        )


def observation_numbers(runs: Sequence[int]) -> list[int]:
    """Return the OBS_ID of each product: its run, or 1, 2, … if these are not unique."""
    return list(runs) if len(set(runs)) == len(runs) else list(range(1, len(runs) + 1))


def _period(manifest: Manifest) -> tuple[float, float]:
    return manifest.release.start_mjd, manifest.release.stop_mjd


def _public_origin(file: AcquiredFile) -> str:
    """Return the source of a file, unless it is a path on this machine."""
    return file.source if "://" in file.source or file.simulated else ""
