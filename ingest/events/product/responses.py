"""The files that are published of an instrument response, beside the one that was delivered.

They have its name with other endings: ``aeff.table.fits`` are the rows of its table below ``irf``,
``aeff.gadf.fits`` is what gammapy reads, ``aeff.png`` the preview.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ingest.core.errors import ManifestError
from ingest.events.delivery import AcquiredFile, DeliveryStore, ResponseFile, verify

if TYPE_CHECKING:
    from ingest.responses import Response

RESPONSES: Final = "responses"
"""The directory beside the event lists with the responses that belong to them."""
TABLE, GADF, PREVIEW = ".table.fits", ".gadf.fits", ".png"
"""How the names of the files end."""


@dataclass(frozen=True)
class Instrument:
    """What the files say of the detector.

    Parameters
    ----------
    release, telescope, instrument : str
        The release, and the values of TELESCOP and INSTRUME.
    """

    release: str
    telescope: str
    instrument: str


def write_responses(
    listed: Sequence[ResponseFile],
    found: Sequence[AcquiredFile],
    of: Instrument,
    folder: Path,
    manifest: Path,
    store: DeliveryStore,
) -> int:
    """Write the files of all responses of a release into a directory.

    Parameters
    ----------
    listed, found : sequence of ResponseFile, sequence of AcquiredFile
        The responses in the manifest, and their files.
    of : Instrument
        What the files say of the detector.
    folder : pathlib.Path
        The directory, which is made if there are responses.
    manifest : pathlib.Path
        The manifest, for messages.
    store : DeliveryStore
        Keeps the delivered files.

    Returns
    -------
    int
        The number of rows of their tables.

    Raises
    ------
    ingest.core.errors.InputError
        If a file is damaged, or differs from the manifest.
    """
    # not at the top: an import that finds nothing new does not need them
    from ingest.responses import read_response

    _check_names(listed, manifest)
    rows = 0
    for one, file in zip(listed, found, strict=True):
        folder.mkdir(exist_ok=True)
        # before the checksum, because an error about the damage says more
        response = None if one.format is None else read_response(file.path, one.format)
        verify(one, file)
        if response is not None and response.kind != one.response:
            raise ManifestError(
                "the file has another kind of response than the manifest says",
                file=manifest,
                where=f"responses, {one.name}",
                value=one.response,
                expected=response.kind,
                remedy="correct response or the name of the file",
            )
        shutil.copyfile(store.keep(file.path, file.sha256), folder / one.name)
        if response is not None:
            rows += _write(response, folder / Path(one.name).stem, of, one.title)
    return rows


def in_bundle(path: Path) -> bool:
    """Return whether a file in the directory of the responses belongs to bundles."""
    return not path.name.endswith((TABLE, PREVIEW))


def _write(response: Response, place: Path, of: Instrument, title: str) -> int:
    from ingest.responses import draw, write_gadf, write_tables

    cards = (
        ("TELESCOP", of.telescope, "telescope"),
        ("INSTRUME", of.instrument, "detector"),
        ("RELEASE", of.release, "release"),
    )
    write_gadf(response, place.with_name(place.name + GADF), cards)
    draw(response, place.with_name(place.name + PREVIEW), of.instrument, title)
    table = (("IRFTABLE", response.table, "table below irf"),)
    return write_tables(
        response, place.with_name(place.name + TABLE), of.release, place.name, (*table, *cards)
    )


def _check_names(listed: Sequence[ResponseFile], manifest: Path) -> None:
    """Require names that differ also without their endings, and from those of other files."""
    seen: dict[str, str] = {}
    for one in listed:
        stem = Path(one.name).stem
        if stem in seen or one.name.endswith((TABLE, GADF, PREVIEW)):
            raise ManifestError(
                "the name of a response is taken",
                file=manifest,
                where="responses",
                value=one.name,
                expected=f"names that differ before the last dot, and do not end in {TABLE},"
                f" {GADF} or {PREVIEW}",
                remedy="deliver the file under another name",
            )
        seen[stem] = one.name
