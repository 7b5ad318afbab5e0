"""What manifests list: delivered files, their sources, and the words that describe them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, model_validator

from ingest.core.configuration import StrictModel
from ingest.core.timescales import unix_to_mjd

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


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


class StorageSource(StrictModel):
    """A file on grid or cloud storage, which only a workflow fetches."""

    kind: Literal["storage"]
    url: Annotated[str, Field(pattern=r"^(rucio|root|s3|https?)://[^\s]+$")]


class SimulationSource(StrictModel):
    """A simulated stand-in, for trying out everything else without the data."""

    kind: Literal["simulation"]
    seed: int


FileSource = Annotated[
    OverlaySource | FolderSource | UrlSource | PackageSource | StorageSource | SimulationSource,
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


class FileList(StrictModel):
    """Many files that are listed in a file beside the manifest, as ``sha256sum`` writes it.

    Attributes
    ----------
    checksums : str
        The name of that file: a checksum and a name in each line.
    public : bool
        As of each file.
    sources : tuple of FileSource
        As of each file; ``{name}`` in a URL stands for the name of the file.
    """

    checksums: FileName
    public: bool = False
    sources: Annotated[tuple[FileSource, ...], Field(min_length=1)] = (
        OverlaySource(kind="overlay"),
        FolderSource(kind="folder"),
    )

    def files(self, lines: Iterable[str]) -> tuple[DeliveredFile, ...]:
        """Return the files in the lines of the file of checksums.

        Raises
        ------
        ValueError
            If a line is not a checksum and the name of a file.
        """
        found = []
        for number, line in enumerate(lines, start=1):
            checksum, _, name = line.rstrip("\n").partition(" ")
            name = name.removeprefix(" ").removeprefix("*")
            sources = [
                one.model_copy(update={"url": one.url.replace("{name}", name)})
                if isinstance(one, UrlSource | StorageSource)
                else one
                for one in self.sources
            ]
            try:
                found.append(
                    DeliveredFile(
                        name=name, sha256=(checksum,), public=self.public, sources=tuple(sources)
                    )
                )
            except ValidationError:
                raise ValueError(f"line {number}: {line.rstrip()!r}") from None
        return tuple(found)


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
            facts |= {"start_mjd": mjd_of(self.start), "stop_mjd": mjd_of(self.stop)}
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


class CommonSection(StrictModel):
    """What a manifest says of any release, of events or of responses."""

    name: Name
    title: Text
    short_name: ShortName | None = None
    """The name of its service in lists; the release's name by default."""
    kind: Literal["sample", "test"] = "sample"
    """A test is served, but never registered."""
    created: date
    """When the release was made."""
    updated: date | None = None
    """When its texts were last corrected."""
    revisions: tuple[Text, ...] = ()
    """What was corrected since, one line each."""
    withdrawn: Text | None = None
    """Why the release was withdrawn."""
    creator: Text = "KM3NeT Collaboration"
    doi: Doi | None = None
    """The DOI to cite, without https://doi.org/."""
    no_doi: Text | None = None
    """Why there is none."""
    reference_url: Url = "https://www.km3net.org"
    detector: Detector
    instrument: Text
    """The detector's configuration, such as ORCA6."""
    start: AwareDatetime
    stop: AwareDatetime
    """The period of data taking or, of responses, that for which they are valid."""

    @model_validator(mode="after")
    def _start_is_before_stop(self) -> Self:
        if self.start >= self.stop:
            raise ValueError("start must be before stop")
        return self

    @model_validator(mode="after")
    def _has_a_doi_or_a_reason(self) -> Self:
        if self._has_doi() == (self.no_doi is not None):
            raise ValueError("give doi, or no_doi with the reason for having none; not both")
        return self

    def _has_doi(self) -> bool:
        return self.doi is not None

    @property
    def descriptor(self) -> str:
        """DaCHS' id of the resource descriptor: its path below ``rd/`` without ``.rd``."""
        return f"{self.name}/nu"

    @property
    def start_mjd(self) -> float:
        """Start of the period, MJD UTC."""
        return mjd_of(self.start)

    @property
    def stop_mjd(self) -> float:
        """End of the period, MJD UTC."""
        return mjd_of(self.stop)


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


def _delivered(tables: tuple[TableFile, ...]) -> list[DeliveredFile]:
    """Return the files of tables, as often as they are listed."""
    return [file for one in tables for file in (one, one.bins) if file is not None]


def mjd_of(moment: datetime) -> float:
    """Return a moment as MJD, UTC."""
    return unix_to_mjd(moment.timestamp())
