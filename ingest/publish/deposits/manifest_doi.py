"""The DOI of a release's data in its manifest, the one place where it is recorded."""

from __future__ import annotations

from ingest.core.errors import InputError, ManifestError
from ingest.events.delivery import Manifest
from ingest.publish.release import write_facts


def own_doi(manifest: Manifest, prefixes: tuple[str, ...]) -> str | None:
    """Return the DOI of the data that the manifest has.

    Parameters
    ----------
    manifest : Manifest
        The release.
    prefixes : tuple of str
        The prefixes of the data centre's DOIs; a `doi` with another one is that of a paper.
    """
    release = manifest.release
    if release.data_doi is None and release.doi is not None:
        return release.doi if release.doi.partition("/")[0] in prefixes else None
    return release.data_doi


def record_doi(name: str, doi: str) -> None:
    """Write the DOI of the data into a manifest, and remove the reason for having none.

    Raises
    ------
    ingest.core.errors.InputError
        If the manifest cannot be written; the message has the line to be added.
    """
    try:
        write_facts(name, {"data_doi": doi, "no_doi": None})
    except (OSError, ManifestError) as error:
        place = error.file if isinstance(error, ManifestError) else error.filename
        raise InputError(
            f"the DOI {doi} is reserved, but could not be written into the manifest",
            file=place,
            remedy=f'add data_doi = "{doi}" to [release], and remove no_doi if it is there',
        ) from None
