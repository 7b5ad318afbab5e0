"""Conversion of a release: its manifest becomes a recipe for its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from ingest.events.delivery import AcquiredFile, Manifest, verify
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
    release = manifest.release
    if release.format not in (AUTO, *READERS):
        raise ManifestError(
            "the format does not exist",
            file=manifest.folder / "release.toml",
            where="release.format",
            value=release.format,
            expected="one of " + ", ".join((AUTO, *sorted(READERS))),
            remedy="correct the format",
        )
    recipe = release_recipe(manifest, simulated=any(file.simulated for file in acquired))
    topology = manifest.observation.event_type
    files = [
        open_file(file.path, release.format, _public_origin(file), topology) for file in acquired
    ]
    for file in files:
        refuse_simulated(file)
    if release.products == "one":
        product = directory / f"{manifest.name}.fits"
        conversions = [write_product(recipe, product, files, survey=survey)]
    else:
        conversions = [
            write_product(
                recipe,
                directory / product_name(manifest, file.reader.path),
                [file],
                obs_id=number,
                survey=survey,
            )
            for file, number in zip(files, _observation_numbers(files), strict=True)
        ]
    # after reading, because an error about the damage says more than a wrong checksum
    for listed, found in zip(manifest.files, acquired, strict=True):
        verify(listed, found)
    check_event_count(manifest, conversions)
    # imported here because matplotlib loads slowly, and bad input is rejected without it
    from ingest.events.product.preview import write_preview

    # the survey covers all products
    sky = survey.sky if survey is not None and len(conversions) == 1 else None
    for one in conversions:
        write_preview(one.product, sky)
    if release.products == "per-file":
        write_index(directory, [one.product for one in conversions])
    return conversions


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
    parameters = manifest.model_dump(mode="json", exclude={"files", "responses", "tables"})
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


def product_name(manifest: Manifest, path: Path) -> str:
    """Return the name of the product that one file of a release becomes."""
    return f"{manifest.name}_{path.stem}.fits"


def check_event_count(manifest: Manifest, conversions: Sequence[Conversion]) -> None:
    """Compare the number of events in all products of a release with the manifest.

    Raises
    ------
    ingest.core.errors.InputError
        If they differ.
    """
    rows = sum(one.rows for one in conversions)
    if rows != manifest.release.events:
        raise InputError(
            "the number of events in all files of the release differs from the manifest",
            file=manifest.folder / "release.toml",
            where="release.events",
            value=f"{rows} events in {len(conversions)} products",
            expected=str(manifest.release.events),
            remedy="fetch the files again if one is incomplete, or correct the number",
        )


def _observation_numbers(files: Sequence[OpenedFile]) -> list[int]:
    """Return an OBS_ID for each file: its run, or 1, 2, … if these are not unique."""
    runs = [observation_number([file]) for file in files]
    return runs if len(set(runs)) == len(runs) else list(range(1, len(runs) + 1))


def _public_origin(file: AcquiredFile) -> str:
    """Return the source of a file, unless it is a path on this machine."""
    return file.source if "://" in file.source or file.simulated else ""
