"""Manifests of releases: which files were delivered, their sources, and what they must contain."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import StrictModel, blanks, load, refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.files import open_regular
from ingest.events.delivery.listed import (
    CommonSection,
    DeliveredFile,
    Doi,
    FileList,
    Name,
    ResponseFile,
    WithTables,
)

MANIFEST: Final = "release.toml"
TEXTS: Final = "description.rst"
"""The names of the manifest and of the texts in a release's folder."""
REVISABLE: Final = {
    "release": {
        "title", "short_name", "created", "updated", "revisions", "supersedes", "access",
        "embargo_until", "metadata_public", "withdrawn", "creator", "doi", "data_doi", "no_doi",
        "bibcode", "reference_url", "kind",
    },
    "observation": {"collection"},
    "publication": {"open_data_id", "alert"},
}  # fmt: skip
"""The facts that a release's rows and products do not depend on, by section."""


class ReleaseSection(CommonSection):
    """The release itself: what it is, and its life."""

    supersedes: Name | None = None
    """The release that this one replaces."""
    access: Literal["public", "collaboration"] = "public"
    embargo_until: date | None = None
    """The first day on which everyone may see the release."""
    metadata_public: bool = False
    """Whether title, texts and coverage are public before the data are."""
    data_doi: Doi | None = None
    """The DOI of the data themselves, which ``km3vo cite --reserve`` writes."""
    bibcode: Annotated[str, Field(pattern=r"^\d{4}\S{15}$")] | None = None
    """The publication to cite, in the Astrophysics Data System."""
    det_id: Annotated[int, Field(ge=0)] | None = None
    """The number of that configuration, if it is the same for all events."""
    format: str
    livetime_days: Annotated[float, Field(gt=0)] | None = None
    events: Annotated[int, Field(gt=0)]
    products: Literal["one", "per-file"] = "one"
    """Whether all files are converted to one product, or each (a run) to its own."""
    periods: Literal["year", "month"] | None = None
    """In which periods the table is loaded, so that an import loads only those that changed."""

    @model_validator(mode="after")
    def _has_products_for_periods(self) -> ReleaseSection:
        if self.periods is not None and self.products == "one":
            raise ValueError('periods need products = "per-file"')
        return self

    @model_validator(mode="after")
    def _supersedes_another(self) -> ReleaseSection:
        if self.supersedes == self.name:
            raise ValueError("a release cannot supersede itself")
        return self

    def _has_doi(self) -> bool:
        return self.doi is not None or self.data_doi is not None

    @property
    def table(self) -> str:
        """The published table with one row per event."""
        return f"{self.name}.main"

    def is_public(self, day: date) -> bool:
        """Return whether everyone may see the data on a day."""
        if self.embargo_until is not None:
            return day >= self.embargo_until
        return self.access == "public"


class ObservationSection(StrictModel):
    """The coverage of the observation, written to the header of the product for ObsCore.

    ``event_type``, ``obs_mode``, ``analysis_mode`` and ``messenger`` are terms of the
    high-energy extension of ObsCore.
    """

    collection: str
    min_energy_gev: Annotated[float, Field(gt=0)]
    max_energy_gev: Annotated[float, Field(gt=0)]
    angular_resolution_deg: Annotated[float, Field(gt=0)] | None = None
    """Median angular distance between the reconstructed and the true direction."""
    resolution_energy_gev: Annotated[float, Field(gt=0)] | None = None
    """The energy for which the angular resolution is given, if it is given for one."""
    centre_ra_deg: Annotated[float, Field(ge=0, lt=360)] = 0
    centre_dec_deg: Annotated[float, Field(ge=-90, le=90)] = 0
    diameter_deg: Annotated[float, Field(gt=0, le=360)] = 360
    event_type: str
    obs_mode: str = "wide-array"
    analysis_mode: str | None = None
    messenger: str = "neutrino"
    messenger_pdgid: str | None = None

    @model_validator(mode="after")
    def _energies_are_in_order(self) -> ObservationSection:
        if self.min_energy_gev > self.max_energy_gev:
            raise ValueError("min_energy_gev must not be larger than max_energy_gev")
        return self


class ChecksSection(StrictModel):
    """Rules that may reject rows; any other rejected row ends the import."""

    reject: frozenset[str] = frozenset()


class PublicationSection(StrictModel):
    """The names of the release elsewhere."""

    open_data_id: Name | None = None
    """Its collection in KM3NeT's Open Data Center, if that is not named like the release."""
    alert: Annotated[str, Field(pattern=r"^ivo://\S+#\S+$")] | None = None
    """The IVORN of the notice that announced its event."""


class Manifest(WithTables):
    """The content of a ``release.toml``."""

    release: ReleaseSection
    observation: ObservationSection
    checks: ChecksSection = ChecksSection()
    publication: PublicationSection = PublicationSection()
    files: tuple[DeliveredFile, ...] = ()
    """The delivered files: those listed here, and then those of :attr:`list`."""
    list: FileList | None = None
    responses: tuple[ResponseFile, ...] = ()
    """The instrument responses that belong to the events; not published with a stand-in."""

    @model_validator(mode="after")
    def _has_files(self) -> Manifest:
        if not self.files and self.list is None:
            raise ValueError("give at least one of [[files]], or [list]")
        return self

    @property
    def name(self) -> str:
        """The release's name."""
        return self.release.name

    def is_public_today(self) -> bool:
        """Return whether everyone may see the data now, by the date in UTC."""
        return self.release.is_public(datetime.now(UTC).date())

    def is_registered(self) -> bool:
        """Return whether the release has a record in the registry now."""
        public = self.is_public_today() or self.release.metadata_public
        return public and self.release.kind == "sample"

    def row_facts(self) -> dict[str, Any]:
        """Return what the rows and products depend on, as JSON has it."""
        without = {
            "publication": True,
            "responses": {"__all__": {"title", "coverage"}},
            "tables": {"__all__": {"title"}},
        }
        return self.facts({**REVISABLE, **without})

    def facts(self, without: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the content as JSON has it, by section, except for some."""
        # the files of the list are among the others
        facts = self.model_dump(mode="json", exclude={**(without or {}), "list": True})
        facts["checks"]["reject"].sort()
        return facts

    @property
    def folder(self) -> Path:
        """The release's folder, which contains the manifest and may contain files."""
        return INPUTS / self.name

    @property
    def path(self) -> Path:
        """The manifest itself."""
        return self.folder / MANIFEST


def load_manifest(name: str) -> Manifest:
    """Return the manifest of the release `name`.

    Raises
    ------
    ManifestError
        If it does not exist, is a draft with blanks, or is not valid.
    """
    path = INPUTS / name / MANIFEST
    with privileges.caller():
        exists = path.is_file()
    if not exists:
        raise ManifestError(
            f"the release {name} does not exist",
            file=path,
            expected="one of " + ", ".join(release_names()),
            remedy="correct the name, or begin it with km3vo release new",
        )
    refuse_blanks(path)
    manifest = load(path, Manifest)
    refuse_other_name(path, manifest.name, name)
    return manifest if manifest.list is None else _with_list(manifest, manifest.list)


def _with_list(manifest: Manifest, listed: FileList) -> Manifest:
    """Return a manifest with the files of its list."""
    path = manifest.folder / listed.checksums
    try:
        with privileges.caller(), open_regular(path.resolve()) as stream:
            files = manifest.files + listed.files(io.TextIOWrapper(stream, "utf-8"))
        repeated = [name for name, n in Counter(one.name for one in files).items() if n > 1]
        if repeated or not files:
            raise ValueError(f"{repeated[0]} more than once" if repeated else "no files")
    except (OSError, ValueError) as error:
        raise ManifestError(
            "the list of files cannot be used",
            file=path,
            value=str(error),
            expected="in each line the SHA-256 of a file and its name without directories",
            remedy=f"write it in the directory of the files: sha256sum * > {listed.checksums}",
        ) from None
    return manifest.model_copy(update={"files": files})


def refuse_other_name(path: Path, name: str, folder: str) -> None:
    """Refuse a manifest whose release has another name than its folder, as that was given.

    Raises
    ------
    ManifestError
        If it has.
    """
    if name != folder:
        raise ManifestError(
            "the name of the release differs from that of its folder",
            file=path,
            where="release.name",
            value=name,
            expected=folder,
            remedy="correct one of the two",
        )


def release_names() -> list[str]:
    """Return the names of all releases with a manifest, also drafts, in alphabetical order."""
    with privileges.caller():
        return sorted(path.parent.name for path in INPUTS.glob(f"*/{MANIFEST}"))


def predecessors(manifest: Manifest) -> list[str]:
    """Return the releases that a release supersedes, directly or through others, newest first.

    Raises
    ------
    ManifestError
        If one does not exist or is not valid, or they form a circle.
    """
    found: list[str] = []
    current = manifest
    while (former := current.release.supersedes) is not None:
        if former == manifest.name or former in found:
            raise ManifestError(
                "the releases supersede each other in a circle",
                file=current.folder / MANIFEST,
                where="release.supersedes",
                value=former,
                expected="an older release, which does not supersede this one",
                remedy="correct it, or remove the line",
            )
        if former not in release_names():
            raise ManifestError(
                "the release that this one supersedes does not exist",
                file=current.folder / MANIFEST,
                where="release.supersedes",
                value=former,
                expected="one of "
                + ", ".join(one for one in release_names() if one != manifest.name),
                remedy="correct the name, or remove the line",
            )
        found.append(former)
        current = load_manifest(former)
    return found


def is_draft(name: str) -> bool:
    """Return whether blanks are left in the manifest or the texts of a release."""
    return any(blanks(INPUTS / name / file) for file in (MANIFEST, TEXTS))
