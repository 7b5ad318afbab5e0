"""Manifests of releases of instrument responses only, which have no events of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import model_validator

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import blanks, load, refuse_blanks
from ingest.core.errors import ManifestError
from ingest.events.delivery.listed import (
    CommonSection,
    ResponseFile,
    Text,
    WithTables,
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


class ResponsesSection(CommonSection):
    """The release itself."""

    licence: Text
    """The SPDX identifier of the licence under which the files were published."""

    @model_validator(mode="after")
    def _has_a_known_licence(self) -> ResponsesSection:
        if self.licence not in LICENCES:
            raise ValueError(f"licence must be one of {', '.join(LICENCES)}")
        return self


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
