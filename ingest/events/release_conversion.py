"""Conversion of a release: its manifest becomes a recipe for its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest import __version__
from ingest.core.descriptors import licence
from ingest.core.errors import InputError, ManifestError
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
from ingest.events.survey import Survey


def convert_release(
    manifest: Manifest,
    acquired: Sequence[AcquiredFile],
    directory: Path,
    survey: Survey | None = None,
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

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged or simulated, an event fails a check, or a checksum or the number
        of events differs from the manifest. The content of `directory` must then be discarded.
    """
    require_format(manifest)
    recipe = release_recipe(manifest, simulated=any(file.simulated for file in acquired))
    delivered = [
        Delivered(listed, found, open_delivered(manifest, found))
        for listed, found in zip(manifest.files, acquired, strict=True)
    ]
    products = [
        (directory / name, [delivered[place] for place in places])
        for name, places in products_of(manifest).items()
    ]
    numbers = observation_numbers(
        [observation_number([one.opened for one in files]) for _, files in products]
    )
    conversions = [
        convert_delivered(manifest, recipe, product, files, survey, number)
        for (product, files), number in zip(products, numbers, strict=True)
    ]
    check_event_count(manifest, sum(one.rows for one in conversions), len(conversions))
    # imported here because matplotlib loads slowly, and bad input is rejected without it
    from ingest.events.product.preview import write_preview

    # the survey covers all products
    sky = survey.sky if survey is not None and len(conversions) == 1 else None
    for one in conversions:
        write_preview(one.product, sky)
    if manifest.release.products == "per-file":
        write_index(directory, [one.product for one in conversions])
    return conversions


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
    survey: Survey | None,
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
    survey : Survey, optional
        Collects what a report shows, also if the conversion fails.
    obs_id : int, optional
        The product's OBS_ID; by default the run of the files.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged, an event fails a check, or a checksum differs from the manifest.
    """
    part = None if survey is None else Survey(*_period(manifest))
    try:
        opened = [one.opened for one in files]
        conversion = write_product(recipe, product, opened, obs_id=obs_id, survey=part)
    finally:
        if survey is not None and part is not None:
            survey.add(part)
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
    parameters = manifest.facts({"files": True, "responses": True, "tables": True})
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
