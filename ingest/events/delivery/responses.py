"""Manifests of releases of instrument responses only, which have no events of their own."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import AwareDatetime, model_validator

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import StrictModel, blanks, load, refuse_blanks
from ingest.core.errors import ManifestError
from ingest.events.delivery.listed import (
    Detector,
    Doi,
    Name,
    ResponseFile,
    ShortName,
    Text,
    Url,
    WithTables,
    mjd_of,
)
from ingest.events.delivery.manifest import TEXTS, ObservationSection, refuse_other_name

RESPONSES_MANIFEST: Final = "responses.toml"
"""The name of the manifest in the folder of such a release."""
LICENCES: Final = {
    "CC-BY-4.0": "Creative Commons Attribution 4.0 International licence (CC BY 4.0)",
    "BSD-3-Clause": 'BSD 3-Clause "New" or "Revised" licence',
    "MIT": "MIT licence",
}
"""The licences that a release of responses may have: their names, by SPDX identifier."""


class ResponsesSection(StrictModel):
    """The release itself."""

    name: Name
    title: Text
    short_name: ShortName | None = None
    """The name of its service in lists; the release's name by default."""
    kind: Literal["sample", "test"] = "sample"
    """A test is served, but never registered."""
    created: date
    """When the responses were published."""
    updated: date | None = None
    """When its texts were last corrected."""
    revisions: tuple[Text, ...] = ()
    """What was corrected since, one line each."""
    withdrawn: Text | None = None
    """Why the release was withdrawn."""
    creator: Text = "KM3NeT Collaboration"
    licence: Text
    """The SPDX identifier of the licence under which the files were published."""
    doi: Doi | None = None
    """The DOI to cite, without https://doi.org/."""
    no_doi: Text | None = None
    """Why there is none."""
    reference_url: Url = "https://www.km3net.org"
    detector: Detector
    instrument: Text
    """The detector's configuration, such as ARCA230."""
    start: AwareDatetime
    stop: AwareDatetime
    """The period for which the responses are valid."""

    @model_validator(mode="after")
    def _start_is_before_stop(self) -> ResponsesSection:
        if self.start >= self.stop:
            raise ValueError("start must be before stop")
        return self

    @model_validator(mode="after")
    def _has_a_doi_or_a_reason(self) -> ResponsesSection:
        if (self.doi is None) == (self.no_doi is None):
            raise ValueError("give doi, or no_doi with the reason for having none; not both")
        return self

    @model_validator(mode="after")
    def _has_a_known_licence(self) -> ResponsesSection:
        if self.licence not in LICENCES:
            raise ValueError(f"licence must be one of {', '.join(LICENCES)}")
        return self

    @property
    def descriptor(self) -> str:
        """DaCHS' id of the resource descriptor: its path below ``rd/`` without ``.rd``."""
        return f"{self.name}/nu"

    @property
    def start_mjd(self) -> float:
        """Start of the period of validity, MJD UTC."""
        return mjd_of(self.start)

    @property
    def stop_mjd(self) -> float:
        """End of the period of validity, MJD UTC."""
        return mjd_of(self.stop)


class ResponsesManifest(WithTables):
    """The content of a ``responses.toml``."""

    release: ResponsesSection
    observation: ObservationSection
    responses: tuple[ResponseFile, ...] = ()

    @model_validator(mode="after")
    def _has_a_file(self) -> ResponsesManifest:
        if not (self.responses or self.tables):
            raise ValueError("list at least one file as [[responses]] or [[tables]]")
        return self

    @property
    def name(self) -> str:
        """The release's name."""
        return self.release.name

    @property
    def folder(self) -> Path:
        """The release's folder, which contains the manifest and may contain files."""
        return INPUTS / self.name

    @property
    def path(self) -> Path:
        """The manifest itself."""
        return self.folder / RESPONSES_MANIFEST

    def facts(self) -> dict[str, Any]:
        """Return the content as JSON has it, by section."""
        return self.model_dump(mode="json")


def load_responses(name: str) -> ResponsesManifest:
    """Return the manifest of the release of responses `name`.

    Raises
    ------
    ManifestError
        If it does not exist, has blanks, or is not valid.
    """
    path = INPUTS / name / RESPONSES_MANIFEST
    if name not in responses_names():
        raise ManifestError(
            f"the release {name} does not exist",
            file=path,
            expected="one of " + ", ".join(responses_names()),
            remedy="correct the name, or write the file",
        )
    refuse_blanks(path)
    manifest = load(path, ResponsesManifest)
    refuse_other_name(path, manifest.name, name)
    return manifest


def responses_names() -> list[str]:
    """Return the names of all releases of responses, also drafts, in alphabetical order."""
    with privileges.caller():
        return sorted(path.parent.name for path in INPUTS.glob(f"*/{RESPONSES_MANIFEST}"))


def is_draft_of_responses(name: str) -> bool:
    """Return whether blanks are left in the manifest or the texts of a release of responses."""
    return any(blanks(INPUTS / name / file) for file in (RESPONSES_MANIFEST, TEXTS))
