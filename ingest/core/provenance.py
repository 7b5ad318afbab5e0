"""The provenance of products: who made them, from what, with which version and parameters.

Every product has a PROV-JSON document beside it, ``<product>.prov.json``: W3C PROV, with the
attributes of the IVOA Provenance Data Model (prefix ``voprov``). The *outer* record is one
activity from the delivered files to the product; the *inner* ones are its steps with their
counts, and what the delivered files tell of their own making. A uuid, the ``kid``, links the
product's header to the document. Nothing is dated and no machine is named: the same input
gives the same document.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from prov.constants import PROV, XSD_LONG
from prov.model import Literal, ProvDocument

from ingest.core.errors import InputError
from ingest.core.files import atomic_write, sha256

SOFTWARE: Final = "km3net-vo"
PREFIXES: Final = {
    "voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#",
    "km3": "ivo://km3net.org/provenance#",
}
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, PREFIXES["km3"])
_SHOWN_SOURCES: Final = 3
_FOLDERS: Final = re.compile(r"(?<![\w:/.])(?:~|\.{0,2})/(?:[^\s/\"',]+/)*(?=[^\s/])")
"""The folders of a path within a text; not of a URL, and not the slash of a unit."""


@dataclass(frozen=True)
class Source:
    """A file a product is made of.

    Parameters
    ----------
    name, checksum, size : str, str, int
        Its name without directories, SHA-256, and bytes.
    origin : str
        Where it comes from: a URL or DOI.
    provenance : mapping
        What it says of itself, as in :attr:`ingest.events.readers.base.FileFacts.provenance`.
    sessions : sequence of mapping
        The programs that made it, in km3pipe's form.
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
        """Describe a file; take over km3pipe's ``<file>.prov.json`` if it lies beside it.

        Raises
        ------
        ingest.core.errors.InputError
            If there is such a document and it is damaged.
        """
        sessions = _read_sessions(path.with_name(f"{path.name}.prov.json"))
        size = path.stat().st_size
        return cls(path.name, sha256(path), size, origin, provenance or {}, sessions)


@dataclass(frozen=True)
class Step:
    """An inner step: a check, a cut, a conversion.

    Parameters
    ----------
    name, comment : str
        What it is called, and what it does, in one sentence.
    values : mapping
        Its parameters and counts.
    """

    name: str
    comment: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Making:
    """How a product is made; known before it is written.

    Parameters
    ----------
    product : str
        The product's file name.
    sources : sequence of Source
        The files it is made of.
    version : str
        Of this software.
    parameters : mapping
        All that determines the product besides the sources; plain values.
    command : str
        The command as it can be typed again, without the paths of one machine.
    curator : str
        The organisation that answers for the product.
    """

    product: str
    sources: Sequence[Source]
    version: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    curator: str = "KM3NeT Collaboration"

    @property
    def kid(self) -> str:
        """Return the product's uuid: the same for the same sources, version and parameters."""
        words = {
            "product": self.product,
            "sources": [source.checksum for source in self.sources],
            "version": self.version,
            "parameters": self.parameters,
        }
        return str(uuid.uuid5(_NAMESPACE, json.dumps(words, sort_keys=True, default=str)))

    @property
    def summary(self) -> str:
        """Return the outer record in one line, for a FITS header."""
        shown = ", ".join(
            f"{source.name} (sha256 {source.checksum[:16]})"
            for source in self.sources[:_SHOWN_SOURCES]
        )
        more = len(self.sources) - _SHOWN_SOURCES
        files = f"{shown} and {more} more" if more > 0 else shown
        return f"made by {SOFTWARE} {self.version} from {files}; provenance {self.kid}"


def check_steps(report: Mapping[str, Any]) -> list[Step]:
    """Turn what :meth:`ingest.events.checks.checker.CheckReport.to_dict` returns into steps."""
    counts = {key: report[key] for key in ("read", "accepted", "rejected")}
    rules = [
        Step(rule["name"], rule["rule"], {"action": rule["action"], "rows": rule["count"]})
        for rule in report["rules"]
    ]
    return [Step("checks", "the rows that were read, accepted and rejected", counts), *rules]


def write_provenance(product: Path, making: Making, steps: Sequence[Step] = ()) -> Path:
    """Write the document of a finished product beside it.

    Parameters
    ----------
    product : pathlib.Path
        The product; its checksum goes into the document.
    making : Making
        The outer record.
    steps : sequence of Step
        The inner ones, in their order.

    Returns
    -------
    pathlib.Path
        The document, ``<product>.prov.json``.
    """
    document = ProvDocument()
    for prefix, uri in PREFIXES.items():
        document.add_namespace(prefix, uri)
    kid = making.kid
    made = f"km3:product-{kid}"
    document.entity(made, _file(product.name, sha256(product), product.stat().st_size))
    activity = f"km3:import-{kid}"
    document.activity(
        activity,
        other_attributes={
            "voprov:name": f"{SOFTWARE} import",
            "voprov:comment": making.summary,
            "km3:software": SOFTWARE,
            "km3:version": making.version,
            **({"km3:command": making.command} if making.command else {}),
            **_attributes("parameter_", making.parameters),
        },
    )
    document.wasGeneratedBy(made, activity)
    _agents(document, making, activity, made)
    for source in {one.checksum: one for one in making.sources}.values():
        used = f"km3:sha256-{source.checksum}"
        _source(document, source, used)
        document.used(activity, used, other_attributes={"prov:role": "delivered file"})
        document.wasDerivedFrom(made, used)
    _steps(document, activity, kid, steps)
    path = product.with_name(f"{product.name}.prov.json")
    # sorted and written by json itself: the order of a library's sets must not show
    text = json.dumps(json.loads(document.serialize() or "{}"), indent=1, sort_keys=True)
    with atomic_write(path) as stream:
        stream.write(f"{text}\n".encode())
    return path


def _agents(document: ProvDocument, making: Making, activity: str, made: str) -> None:
    curator = f"km3:agent-{_local(making.curator)}"
    program = f"km3:software-{_local(SOFTWARE)}-{_local(making.version)}"
    document.agent(curator, {"prov:type": PROV["Organization"], "voprov:name": making.curator})
    document.agent(
        program,
        {
            "prov:type": PROV["SoftwareAgent"],
            "voprov:name": SOFTWARE,
            "km3:version": making.version,
        },
    )
    document.wasAssociatedWith(activity, program, other_attributes={"prov:role": "operator"})
    document.wasAttributedTo(made, curator, other_attributes={"prov:role": "curator"})
    document.actedOnBehalfOf(program, curator)


def _steps(document: ProvDocument, outer: str, kid: str, steps: Sequence[Step]) -> None:
    before = ""
    for number, step in enumerate(steps, start=1):
        name = f"km3:step-{kid}-{number:02d}-{_local(step.name)}"
        document.activity(
            name,
            other_attributes={
                "voprov:name": step.name,
                "voprov:comment": step.comment,
                **_attributes("", step.values),
            },
        )
        document.wasStartedBy(name, starter=outer)
        if before:
            document.wasInformedBy(name, before)
        before = name


def _source(document: ProvDocument, source: Source, name: str) -> None:
    """Add a delivered file, with what is known of its own making."""
    attributes = _file(source.name, source.checksum, source.size)
    if source.origin:
        attributes["voprov:location"] = source.origin
    # what a file says of its making may hold the paths of somebody's machine
    told = _without_folders(source.provenance)
    document.entity(name, {**attributes, **_attributes("file_", told)})
    known = {str(session["uuid"]) for session in source.sessions}
    for session in source.sessions:
        activity = f"km3:session-{_local(str(session['uuid']))}"
        # one session may have made several of the files
        if not document.get_record(activity):
            _session(document, session, activity)
            if session.get("parent_activity") in known:
                parent = f"km3:session-{_local(session['parent_activity'])}"
                document.wasInformedBy(activity, parent)
        for one in session.get("output") or ():
            if PurePosixPath(str(one.get("url"))).name == source.name:
                document.wasGeneratedBy(name, activity)


def _session(document: ProvDocument, session: Mapping[str, Any], activity: str) -> None:
    """Add a program that ran before, and what it read."""
    system = session.get("system") or {}
    # the environment, the arguments and the machine of a person are nobody's business
    told = {
        "thepipe_version": system.get("thepipe_version"),
        "python": str((system.get("python") or {}).get("version_string", "")).split(" ")[0],
        "status": session.get("status"),
        "configuration": _without_folders(session.get("configuration") or None),
    }
    document.activity(
        activity,
        startTime=(session.get("start") or {}).get("time_utc"),
        endTime=(session.get("stop") or {}).get("time_utc"),
        other_attributes={
            "voprov:name": str(session.get("name") or "km3pipe"),
            **_attributes("", {key: value for key, value in told.items() if value}),
        },
    )
    for one in session.get("input") or ():
        document.used(activity, _other_file(document, one))


def _other_file(document: ProvDocument, told: Mapping[str, Any]) -> str:
    """Add a file that is known only by what km3pipe wrote of it."""
    file = PurePosixPath(str(told.get("url") or "")).name
    name = f"km3:file-{_local(str(told.get('uuid') or file))}"
    if not document.get_record(name):
        document.entity(
            name, {"voprov:name": file, "voprov:comment": str(told.get("comment") or "")}
        )
    return name


def _file(name: str, checksum: str, size: int) -> dict[Any, Any]:
    # the library calls every whole number an xsd:int, which ends at 2 GB
    return {
        "voprov:name": name,
        "km3:sha256": checksum,
        "km3:size": Literal(str(size), XSD_LONG),
    }


def _attributes(prefix: str, values: Mapping[str, Any]) -> dict[Any, Any]:
    """Return values as PROV attributes: plain ones as they are, others as JSON."""
    return {
        f"km3:{prefix}{_local(str(key))}": value
        if isinstance(value, str | int | float | bool)
        else json.dumps(value, sort_keys=True, default=str)
        for key, value in values.items()
        if value is not None
    }


def _local(text: str) -> str:
    """Return `text` as the local part of a qualified name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text)


def _without_folders(value: Any) -> Any:
    """Leave only the names of files, wherever a path stands in what a program was told."""
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(one) for one in value]
    return _FOLDERS.sub("", value) if isinstance(value, str) else value


def _read_sessions(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Read km3pipe's document; an absent one tells nothing.

    Beside a product of our own lies its W3C document: the product's header names it by the kid.
    """
    if not path.exists():
        return ()
    try:
        sessions = json.loads(path.read_bytes())
        if isinstance(sessions, dict) and {"entity", "activity"} <= set(sessions):
            return ()
        if not (isinstance(sessions, list) and all(one["uuid"] for one in sessions)):
            raise ValueError("no list of activities with uuids")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the provenance beside the file cannot be read ({error})",
            file=path,
            expected="the JSON list of activities that km3pipe writes",
            remedy="fetch it again, or remove it",
        ) from None
    return tuple(sessions)
