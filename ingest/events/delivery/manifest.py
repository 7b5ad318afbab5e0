"""Manifests of releases: which files were delivered, their sources, and what they must contain."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import StrictModel, blanks, load, refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.timescales import unix_to_mjd

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]
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


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line without control characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_printable)]
"""One line for people."""
ShortName = Annotated[str, Field(max_length=16), AfterValidator(_printable)]
Doi = Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")]
Detector = Literal["antares", "orca", "arca", "km3net"]
"""``km3net`` is for catalogues of alerts, which are of several detectors."""


class OverlaySource(StrictModel):
    """A file in the directory that INPUTS names, as ``<release>/<file>`` or ``<file>``."""

    kind: Literal["overlay"]


class FolderSource(StrictModel):
    """A file in the release's own folder."""

    kind: Literal["folder"]


class UrlSource(StrictModel):
    """A file on the web."""

    kind: Literal["url"]
    url: Url


class PackageSource(StrictModel):
    """A file in a Python package."""

    kind: Literal["package"]
    package: str
    path: str


class SimulationSource(StrictModel):
    """A simulated stand-in, for trying out everything else without the data."""

    kind: Literal["simulation"]
    seed: int


FileSource = Annotated[
    OverlaySource | FolderSource | UrlSource | PackageSource | SimulationSource,
    Field(discriminator="kind"),
]


class DeliveredFile(StrictModel):
    """One file of a release.

    Attributes
    ----------
    size : int, optional
        In bytes.
    sha256 : tuple of str
        Its valid checksums; if empty, any checksum is valid.
    public : bool
        Whether the file itself is public; DataLink then links to it.
    sources : tuple of FileSource
        Its sources, in order of preference.
    """

    name: FileName
    size: Annotated[int, Field(gt=0)] | None = None
    sha256: tuple[Sha256, ...] = ()
    public: bool = False
    sources: Annotated[tuple[FileSource, ...], Field(min_length=1)] = (
        OverlaySource(kind="overlay"),
        FolderSource(kind="folder"),
    )


class ResponseCoverage(StrictModel):
    """What a response covers, where that is not what its release covers."""

    start: AwareDatetime | None = None
    stop: AwareDatetime | None = None
    """The period for which it is valid."""
    centre_ra_deg: Annotated[float, Field(ge=0, lt=360)] = 0
    centre_dec_deg: Annotated[float, Field(ge=-90, le=90)] = 0
    diameter_deg: Annotated[float, Field(gt=0, le=360)] | None = None
    """The circle of the sky for which it is valid; 360 for the whole sky."""
    min_energy_gev: Annotated[float, Field(gt=0)] | None = None
    max_energy_gev: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _has_both_ends(self) -> ResponseCoverage:
        for low, high in (("start", "stop"), ("min_energy_gev", "max_energy_gev")):
            ends = getattr(self, low), getattr(self, high)
            if None not in ends and ends[0] >= ends[1]:
                raise ValueError(f"{low} must be less than {high}")
            if ends.count(None) == 1:
                raise ValueError(f"give both {low} and {high}, or neither")
        return self

    @model_validator(mode="after")
    def _has_a_diameter(self) -> ResponseCoverage:
        if (
            self.diameter_deg is None
            and {"centre_ra_deg", "centre_dec_deg"} & self.model_fields_set
        ):
            raise ValueError("a centre needs diameter_deg")
        return self

    def facts(self) -> dict[str, float]:
        """Return what is stated, with times as MJD UTC."""
        facts: dict[str, float] = {}
        if self.start is not None and self.stop is not None:
            facts |= {"start_mjd": _mjd(self.start), "stop_mjd": _mjd(self.stop)}
        if self.diameter_deg is not None:
            facts["centre_ra_deg"] = self.centre_ra_deg
            facts["centre_dec_deg"] = self.centre_dec_deg
            facts["diameter_deg"] = self.diameter_deg
        if self.min_energy_gev is not None and self.max_energy_gev is not None:
            facts["min_energy_gev"] = self.min_energy_gev
            facts["max_energy_gev"] = self.max_energy_gev
        return facts


class ResponseFile(DeliveredFile):
    """One file with an instrument response, which is published as it was delivered.

    Attributes
    ----------
    response : str
        What it describes, in the words of the high-energy extension of ObsCore.
    format : str, optional
        The reader that makes tables of it, see :mod:`ingest.responses`; without one, the response
        is published as a file only.
    title : str
        Its title in ObsCore and DataLink.
    coverage : ResponseCoverage
        What it covers in time, sky and energy, as far as that differs from its release.
    """

    response: Literal["aeff", "edisp", "psf", "bkgrate"]
    format: str | None = None
    title: Text
    coverage: ResponseCoverage = ResponseCoverage()
    public: Literal[True] = True


class TableFile(DeliveredFile):
    """One file beside the events whose content is a table of its own, such as the hits of an event.

    Attributes
    ----------
    table : str
        The table of the release's schema that it fills.
    format : str
        The reader that makes the table, see :mod:`ingest.events.tables`.
    part : str, optional
        What part of the file, if files of this format have several; the file is then listed once
        for each table.
    bins : DeliveredFile, optional
        A further file, with the edges of the bins.
    title : str
        Its title in DataLink.
    """

    table: Name
    format: str
    part: str | None = None
    bins: DeliveredFile | None = None
    title: Text
    public: Literal[True] = True


class ReleaseSection(StrictModel):
    """The release itself: what it is, and its life."""

    name: Name
    title: Text
    short_name: ShortName | None = None
    """The name of its cone search in lists; the release's name by default."""
    kind: Literal["sample", "test"] = "sample"
    """A test is served, but never registered."""
    created: date
    """When the release was made."""
    updated: date | None = None
    """When its texts were last corrected."""
    revisions: tuple[Text, ...] = ()
    """What was corrected since, one line each."""
    supersedes: Name | None = None
    """The release that this one replaces."""
    access: Literal["public", "collaboration"] = "public"
    embargo_until: date | None = None
    """The first day on which everyone may see the release."""
    metadata_public: bool = False
    """Whether title, texts and coverage are public before the data are."""
    withdrawn: Text | None = None
    """Why the release was withdrawn."""
    creator: Text = "KM3NeT Collaboration"
    doi: Doi | None = None
    """The DOI to cite, without https://doi.org/."""
    data_doi: Doi | None = None
    """The DOI of the data themselves, which ``km3vo cite --reserve`` writes."""
    no_doi: Text | None = None
    """Why there is none."""
    bibcode: Annotated[str, Field(pattern=r"^\d{4}\S{15}$")] | None = None
    """The publication to cite, in the Astrophysics Data System."""
    reference_url: Url = "https://www.km3net.org"
    detector: Detector
    instrument: Text
    """The detector's configuration, such as ORCA6."""
    det_id: Annotated[int, Field(ge=0)] | None = None
    """The number of that configuration, if it is the same for all events."""
    format: str
    start: AwareDatetime
    stop: AwareDatetime
    livetime_days: Annotated[float, Field(gt=0)] | None = None
    events: Annotated[int, Field(gt=0)]
    products: Literal["one", "per-file"] = "one"
    """Whether all files are converted to one product, or each (a run) to its own."""

    @model_validator(mode="after")
    def _start_is_before_stop(self) -> ReleaseSection:
        if self.start >= self.stop:
            raise ValueError("start must be before stop")
        return self

    @model_validator(mode="after")
    def _has_a_doi_or_a_reason(self) -> ReleaseSection:
        if (self.doi is None and self.data_doi is None) == (self.no_doi is None):
            raise ValueError("give doi, or no_doi with the reason for having none; not both")
        return self

    @model_validator(mode="after")
    def _supersedes_another(self) -> ReleaseSection:
        if self.supersedes == self.name:
            raise ValueError("a release cannot supersede itself")
        return self

    @property
    def descriptor(self) -> str:
        """DaCHS' id of the resource descriptor: its path below ``rd/`` without ``.rd``."""
        return f"{self.name}/nu"

    @property
    def table(self) -> str:
        """The published table with one row per event."""
        return f"{self.name}.main"

    def is_public(self, day: date) -> bool:
        """Return whether everyone may see the data on a day."""
        if self.embargo_until is not None:
            return day >= self.embargo_until
        return self.access == "public"

    @property
    def start_mjd(self) -> float:
        """Start of data taking, MJD UTC."""
        return _mjd(self.start)

    @property
    def stop_mjd(self) -> float:
        """End of data taking, MJD UTC."""
        return _mjd(self.stop)


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


class WithTables(StrictModel):
    """What manifests have in common whose releases may have further tables."""

    tables: tuple[TableFile, ...] = ()
    """The files that fill further tables; not published with a stand-in."""

    @model_validator(mode="after")
    def _tables_are_filled_once(self) -> WithTables:
        names = [one.table for one in self.tables]
        for name in names:
            if name == "main" or names.count(name) > 1:
                raise ValueError(f"each file must fill a table of its own, but not {name} again")
        return self

    @model_validator(mode="after")
    def _files_of_tables_are_the_same(self) -> WithTables:
        files = _delivered(self.tables)
        for name in {one.name for one in files}:
            if len({one.sha256 for one in files if one.name == name}) > 1:
                raise ValueError(f"{name} is listed with different checksums")
        return self

    @property
    def table_files(self) -> tuple[DeliveredFile, ...]:
        """The files that fill further tables, each once."""
        return tuple({one.name: one for one in reversed(_delivered(self.tables))}.values())[::-1]


class Manifest(WithTables):
    """The content of a ``release.toml``."""

    release: ReleaseSection
    observation: ObservationSection
    checks: ChecksSection = ChecksSection()
    publication: PublicationSection = PublicationSection()
    files: Annotated[tuple[DeliveredFile, ...], Field(min_length=1)]
    responses: tuple[ResponseFile, ...] = ()
    """The instrument responses that belong to the events; not published with a stand-in."""

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
        facts = self.model_dump(mode="json", exclude=without)
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


def _delivered(tables: tuple[TableFile, ...]) -> list[DeliveredFile]:
    """Return the files of tables, as often as they are listed."""
    return [file for one in tables for file in (one, one.bins) if file is not None]


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
    refuse_other_name(path, manifest.name)
    return manifest


def refuse_other_name(path: Path, name: str) -> None:
    """Refuse a manifest whose release has another name than its folder.

    Raises
    ------
    ManifestError
        If it has.
    """
    if name != path.parent.name:
        raise ManifestError(
            "the name of the release differs from that of its folder",
            file=path,
            where="release.name",
            value=name,
            expected=path.parent.name,
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


def _mjd(moment: datetime) -> float:
    return unix_to_mjd(moment.timestamp())
