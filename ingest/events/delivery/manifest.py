"""Manifests of releases: which files were delivered, their sources, and what they must contain."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import StrictModel, load, refuse_blanks
from ingest.core.errors import ManifestError
from ingest.core.timescales import unix_to_mjd

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


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
    sources: Annotated[tuple[FileSource, ...], Field(min_length=1)]


class ReleaseSection(StrictModel):
    """The release itself."""

    name: Name
    descriptor: Annotated[str, Field(pattern=r"^[a-z0-9_]+/[a-z0-9_]+$")]
    """DaCHS' id of the resource descriptor: its path below ``rd/`` without ``.rd``."""
    table: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    """The published table with one row per event."""
    detector: Literal["antares", "orca", "arca"]
    instrument: str
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
    centre_ra_deg: Annotated[float, Field(ge=0, lt=360)]
    centre_dec_deg: Annotated[float, Field(ge=-90, le=90)]
    diameter_deg: Annotated[float, Field(gt=0, le=360)]
    event_type: str
    obs_mode: str
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


class Manifest(StrictModel):
    """The content of a ``release.toml``."""

    release: ReleaseSection
    observation: ObservationSection
    checks: ChecksSection = ChecksSection()
    publication: PublicationSection = PublicationSection()
    files: Annotated[tuple[DeliveredFile, ...], Field(min_length=1)]

    @property
    def name(self) -> str:
        """The release's name."""
        return self.release.name

    @property
    def folder_in_rd(self) -> str:
        """The folder of its descriptor below ``rd/``."""
        return self.release.descriptor.partition("/")[0]

    @property
    def folder(self) -> Path:
        """The release's folder, which contains the manifest and may contain files."""
        return INPUTS / self.name


def load_manifest(name: str) -> Manifest:
    """Return the manifest of the release `name`.

    Raises
    ------
    ManifestError
        If it does not exist or is not valid.
    """
    path = INPUTS / name / "release.toml"
    with privileges.caller():
        exists = path.is_file()
    if not exists:
        raise ManifestError(
            f"the release {name} does not exist",
            file=path,
            expected="one of " + ", ".join(release_names()),
            remedy="correct the name, or write the manifest",
        )
    refuse_blanks(path)
    manifest = load(path, Manifest)
    if manifest.name != name:
        raise ManifestError(
            "the name of the release differs from that of its folder",
            file=path,
            where="release.name",
            value=manifest.name,
            expected=name,
            remedy="correct one of the two",
        )
    return manifest


def release_names() -> list[str]:
    """Return the names of all releases with a manifest, in alphabetical order."""
    with privileges.caller():
        return sorted(path.parent.name for path in INPUTS.glob("*/release.toml"))


def _mjd(moment: datetime) -> float:
    return unix_to_mjd(moment.timestamp())
