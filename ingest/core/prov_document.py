"""Provenance documents: PROV-JSON of the W3C, with the IVOA Provenance Data Model.

Every product has such a document beside it, ``<product>.prov.json``, with the attributes of the
IVOA's model under the prefix ``voprov``. The main activity leads from the delivered files to the
product. Its steps with their counts, and the programs that made the delivered files, are further
activities. A UUID, KM3NeT's identifier ``kid``, links the header of the product to the document.
The document contains neither the date of the import nor the name of the machine, so that the same
input always gives the same document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from prov.constants import PROV, XSD_LONG
from prov.model import Literal, ProvDocument

from ingest.core.files import atomic_write, sha256
from ingest.core.provenance import NAMESPACE_URI, SOFTWARE, Production, Source, Step

_PREFIXES: Final = {
    "voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#",
    "km3": NAMESPACE_URI,
}
_FOLDERS: Final = re.compile(r"(?<![\w:/.])(?:~|\.{0,2})/(?:[^\s/\"',]+/)*(?=[^\s/])")
"""The folders of a path within a text; does not match a URL or the slash in a unit."""


def write_provenance(product: Path, production: Production, steps: Sequence[Step] = ()) -> Path:
    """Write the document of a finished product beside it.

    Parameters
    ----------
    product : pathlib.Path
        The product; the document contains its checksum.
    production : Production
        The main activity.
    steps : sequence of Step
        Its steps in their order.

    Returns
    -------
    pathlib.Path
        The document, ``<product>.prov.json``.
    """
    document = ProvDocument()
    for prefix, uri in _PREFIXES.items():
        document.add_namespace(prefix, uri)
    kid = production.kid
    made = f"km3:product-{kid}"
    document.entity(made, _file(product.name, sha256(product), product.stat().st_size))
    activity = f"km3:import-{kid}"
    document.activity(
        activity,
        other_attributes={
            "voprov:name": f"{SOFTWARE} import",
            "voprov:comment": production.summary,
            "km3:software": SOFTWARE,
            "km3:version": production.version,
            **({"km3:command": production.command} if production.command else {}),
            **_attributes("parameter_", production.parameters),
        },
    )
    document.wasGeneratedBy(made, activity)
    _agents(document, production, activity, made)
    for source in {one.checksum: one for one in production.sources}.values():
        used = f"km3:sha256-{source.checksum}"
        _source(document, source, used)
        document.used(activity, used, other_attributes={"prov:role": "delivered file"})
        document.wasDerivedFrom(made, used)
    _steps(document, activity, kid, steps)
    if production.job:
        # last, so that all else is the same as without a workflow
        job = f"km3:job-{kid}"
        document.activity(
            job, other_attributes={"voprov:name": "job", **_attributes("", production.job)}
        )
        document.wasStartedBy(activity, starter=job)
    path = product.with_name(f"{product.name}.prov.json")
    # sorted, because the order of the library's sets differs from run to run
    text = json.dumps(json.loads(document.serialize() or "{}"), indent=1, sort_keys=True)
    with atomic_write(path) as stream:
        stream.write(f"{text}\n".encode())
    return path


def _agents(document: ProvDocument, production: Production, activity: str, made: str) -> None:
    curator = f"km3:agent-{_local(production.curator)}"
    program = f"km3:software-{_local(SOFTWARE)}-{_local(production.version)}"
    document.agent(curator, {"prov:type": PROV["Organization"], "voprov:name": production.curator})
    document.agent(
        program,
        {
            "prov:type": PROV["SoftwareAgent"],
            "voprov:name": SOFTWARE,
            "km3:version": production.version,
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
    """Add a delivered file and the programs that made it."""
    attributes = _file(source.name, source.checksum, source.size)
    if source.origin:
        attributes["voprov:location"] = source.origin
    # a file's metadata may contain paths on somebody's machine
    provenance = _without_folders(source.provenance)
    document.entity(name, {**attributes, **_attributes("file_", provenance)})
    known = {str(session["uuid"]) for session in source.sessions}
    for session in source.sessions:
        activity = f"km3:session-{_local(str(session['uuid']))}"
        # one session may have made several files
        if not document.get_record(activity):
            _session(document, session, activity)
            if session.get("parent_activity") in known:
                parent = f"km3:session-{_local(session['parent_activity'])}"
                document.wasInformedBy(activity, parent)
        for one in session.get("output") or ():
            if PurePosixPath(str(one.get("url"))).name == source.name:
                document.wasGeneratedBy(name, activity)


def _session(document: ProvDocument, session: Mapping[str, Any], activity: str) -> None:
    """Add a program that made a delivered file, and the files it read."""
    system = session.get("system") or {}
    # a person's environment, arguments and machine are private
    attributes = {
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
            **_attributes("", {key: value for key, value in attributes.items() if value}),
        },
    )
    for one in session.get("input") or ():
        document.used(activity, _other_file(document, one))


def _other_file(document: ProvDocument, record: Mapping[str, Any]) -> str:
    """Add a file that is known only from km3pipe's document."""
    file = PurePosixPath(str(record.get("url") or "")).name
    name = f"km3:file-{_local(str(record.get('uuid') or file))}"
    if not document.get_record(name):
        document.entity(
            name, {"voprov:name": file, "voprov:comment": str(record.get("comment") or "")}
        )
    return name


def _file(name: str, checksum: str, size: int) -> dict[Any, Any]:
    # the library would use xsd:int, which ends at 2 GB
    return {
        "voprov:name": name,
        "km3:sha256": checksum,
        "km3:size": Literal(str(size), XSD_LONG),
    }


def _attributes(prefix: str, values: Mapping[str, Any]) -> dict[Any, Any]:
    """Return values as PROV attributes: plain values unchanged, others as JSON."""
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
    """Return a value with the paths in it reduced to file names."""
    if isinstance(value, Mapping):
        return {key: _without_folders(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(one) for one in value]
    return _FOLDERS.sub("", value) if isinstance(value, str) else value
