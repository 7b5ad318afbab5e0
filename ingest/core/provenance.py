"""The provenance of a product: its sources, steps, software and parameters.

:mod:`ingest.core.prov_document` writes it as a document beside the product.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ingest.core import privileges
from ingest.core.errors import InputError
from ingest.core.files import read_regular, sha256

SOFTWARE: Final = "km3net-vo"
NAMESPACE_URI: Final = "ivo://km3net.org/provenance#"
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, NAMESPACE_URI)
_SHOWN_SOURCES: Final = 3


@dataclass(frozen=True)
class Source:
    """A file from which a product is made.

    Parameters
    ----------
    name : str
        Its name without directories.
    checksum : str
        Its SHA-256.
    size : int
        In bytes.
    origin : str
        Its URL or DOI.
    provenance : mapping
        Its own metadata, as in :attr:`ingest.events.readers.base.FileFacts.provenance`.
    sessions : sequence of mapping
        The programs that made it, in the format of km3pipe.
    """

    name: str
    checksum: str
    size: int
    origin: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    sessions: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(
        cls, path: Path, provenance: Mapping[str, Any] | None = None, origin: str = ""
    ) -> Source:
        """Describe a file, with the sessions of km3pipe's ``<file>.prov.json`` if that exists.

        Raises
        ------
        ingest.core.errors.InputError
            If that document cannot be read.
        """
        sessions = _read_sessions(path.with_name(f"{path.name}.prov.json"))
        with privileges.reading(path):
            checksum, size = sha256(path), path.stat().st_size
        return cls(path.name, checksum, size, origin, provenance or {}, sessions)


@dataclass(frozen=True)
class Step:
    """A step of the main activity: a check, a cut, a conversion.

    Parameters
    ----------
    name, comment : str
        Its name, and a description in one sentence.
    values : mapping
        Its parameters and counts.
    """

    name: str
    comment: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Production:
    """The main activity; all of it is known before the product is written.

    Parameters
    ----------
    product : str
        The product's file name.
    sources : sequence of Source
        The files from which it is made.
    version : str
        The version of this software.
    parameters : mapping
        Everything else that determines the product; plain values.
    command : str
        The command that repeats it, without paths on this machine.
    curator : str
        The organisation responsible for the product.
    """

    product: str
    sources: Sequence[Source]
    version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    curator: str = "KM3NeT Collaboration"
    job: Mapping[str, Any] = field(default_factory=dict)
    """The job of a workflow in which it ran, without times and places; empty without workflow."""

    @property
    def kid(self) -> str:
        """The product's UUID: the same for the same sources, version and parameters."""
        words = {
            "product": self.product,
            "sources": [source.checksum for source in self.sources],
            "version": self.version,
            "parameters": self.parameters,
        }
        return str(uuid.uuid5(_NAMESPACE, json.dumps(words, sort_keys=True, default=str)))

    @property
    def summary(self) -> str:
        """The main activity in one line, for a FITS header."""
        shown = ", ".join(
            f"{source.name} (sha256 {source.checksum[:16]})"
            for source in self.sources[:_SHOWN_SOURCES]
        )
        more = len(self.sources) - _SHOWN_SOURCES
        files = f"{shown} and {more} more" if more > 0 else shown
        return f"made by {SOFTWARE} {self.version} from {files}; provenance {self.kid}"


def check_steps(report: Mapping[str, Any]) -> list[Step]:
    """Return the steps in a :meth:`ingest.events.checks.CheckReport.to_dict`."""
    counts = {key: report[key] for key in ("read", "accepted", "rejected")}
    rules = [
        Step(rule["name"], rule["rule"], {"action": rule["action"], "rows": rule["count"]})
        for rule in report["rules"]
    ]
    return [Step("checks", "the rows that were read, accepted and rejected", counts), *rules]


def _read_sessions(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Return the sessions of km3pipe's document; none if it does not exist.

    The document beside one of our own products has another format, and the product's header
    refers to it by the kid.
    """
    try:
        with privileges.reading(path):
            sessions = json.loads(read_regular(path))
        if isinstance(sessions, dict) and {"entity", "activity"} <= set(sessions):
            return ()
        if not (isinstance(sessions, list) and all(one["uuid"] for one in sessions)):
            raise ValueError("not a list of activities with uuids")
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the provenance document beside the file cannot be read ({error})",
            file=path,
            expected="the JSON list of activities that km3pipe writes",
            remedy="fetch the document again, or remove it",
        ) from None
    return tuple(sessions)
