"""Changes of facts in a manifest: validated before they are written; comments and order stay.

What is online changes only with the next import. A change of the texts of a release that is
online is a revision, with its reason; facts that its rows depend on do not change any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import tomlkit
from pydantic import ValidationError
from tomlkit import TOMLDocument

from ingest.core import privileges
from ingest.core.checkout import INPUTS
from ingest.core.configuration import BLANK, read_toml, validate
from ingest.core.errors import InputError, ManifestError
from ingest.core.files import NotRegularError, read_regular
from ingest.events.delivery import (
    RESPONSES_MANIFEST,
    Manifest,
    ResponsesManifest,
    parse_texts,
    responses_names,
)
from ingest.events.life import refuse_embargo, refuse_successor
from ingest.instance import Layout
from ingest.instance.dachs import online_releases
from ingest.publish.release import facts
from ingest.publish.release.places import Places, require_release, write
from ingest.publish.release.questions import DESCRIPTION, DOCUMENTATION, UNKNOWN, answered

_INSTEAD: Final = {
    "doi": ("no_doi",), "data_doi": ("no_doi",), "no_doi": ("doi", "data_doi"),
}  # fmt: skip
"""The facts that go when one is given."""


def set_facts(
    name: str, given: Mapping[str, str], layout: Layout, reason: str | None = None
) -> list[str]:
    """Change facts of a release in its manifest, or its texts.

    Parameters
    ----------
    name : str
        The release.
    given : mapping of str to str
        New values by key. An empty one removes the fact. The value of ``description`` is the
        first paragraph of the texts, or ``@`` and the name of a file with all of them; that of
        ``documentation`` is the rest.
    layout : Layout
        The instance.
    reason : str, optional
        What is corrected, in one line; required if the release is online.

    Returns
    -------
    list of str
        The keys that changed.

    Raises
    ------
    ingest.core.errors.ManifestError
        If a key or a value is not valid, or must not change. Nothing is written then.
    """
    place = require_release(name)
    before = read_toml(place.manifest)
    found = _by_fact(given)
    texts = _new_texts(place, given) if {DESCRIPTION, DOCUMENTATION} & given.keys() else None
    document = _document(place.manifest)
    for (section, key), text in found.items():
        _change(document, section, key, text)
    changed = _changes(before, document.unwrap())
    if texts is not None and texts != _present(place.texts):
        changed.append(DESCRIPTION)
    is_online = name in online_releases(layout)
    if is_online:
        _refuse_facts_of_rows(name, place, changed)
        if not (changed or reason):
            return []
    _refuse_invalid(before, document.unwrap(), set(found), place, layout, is_online)
    if is_online:
        _add_revision(document, place, reason)
    if texts is not None and DESCRIPTION in changed:
        write(place.texts, texts)
    if changed or is_online:
        write(place.manifest, document.as_string())
    return changed


def write_facts(name: str, given: Mapping[str, Any]) -> None:
    """Write facts of ``[release]`` that commands determine; None removes one.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the manifest cannot be read, or is not valid with them. Nothing is written then.
    """
    of_responses = name in responses_names()
    path = INPUTS / name / RESPONSES_MANIFEST if of_responses else require_release(name).manifest
    document = _document(path)
    for key, value in given.items():
        _put(document, "release", key, value)
    validate(document.unwrap(), ResponsesManifest if of_responses else Manifest, path)
    write(path, document.as_string())


def _document(path: Path) -> TOMLDocument:
    read_toml(path)  # for its messages
    with privileges.caller():
        return tomlkit.parse(read_regular(path.resolve()).decode())


def _by_fact(given: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Return the new values by section and key; those that are removed are empty."""
    found = {}
    for key, text in given.items():
        if key in (DESCRIPTION, DOCUMENTATION):
            continue
        if text in ("", UNKNOWN):
            found[facts.find(key)] = ""
        else:
            found |= {facts.find(name): value for name, value in answered(key, text).items()}
    return found


def _change(document: TOMLDocument, section: str, key: str, text: str) -> None:
    if text:
        _put(document, section, key, facts.converted(section, key, text), text)
        for other in _INSTEAD.get(key, ()):
            _put(document, section, other, None)
    elif facts.is_optional(section, key):
        _put(document, section, key, None)
    else:
        raise ManifestError(
            f"{key} cannot be removed", expected=f"{key}=VALUE", remedy="give its new value"
        )


def _put(
    document: TOMLDocument, section: str, key: str, value: Any, text: str | None = None
) -> None:
    """Put a fact into a section, in place of its former value; None removes it."""
    if value is None:
        if key in document.get(section, {}):
            del document[section][key]
        return
    if section not in document:
        # before the sections with a heading of their own, of which the files may be the last
        document.add(section, tomlkit.table())
    document[section][key] = facts.as_toml(value, text)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the facts that differ, with their sections."""
    return [
        f"{section}.{key}"
        for section in facts.SECTIONS
        for key in {**before.get(section, {}), **after.get(section, {})}
        if before.get(section, {}).get(key) != after.get(section, {}).get(key)
    ]


def _refuse_facts_of_rows(name: str, place: Places, changed: list[str]) -> None:
    fixed = [
        key
        for key in changed
        if key != DESCRIPTION and not facts.is_revisable(*key.split(".", maxsplit=1))
    ]
    if fixed:
        raise ManifestError(
            f"the release {name} is online, and its rows depend on this fact",
            file=place.manifest,
            where=fixed[0],
            remedy=f"km3vo release new NEW --supersedes {name} --from FILE makes its new version",
        )


def _add_revision(document: TOMLDocument, place: Places, reason: str | None) -> None:
    if not reason:
        raise ManifestError(
            "the release is online: a change of its description needs a reason",
            file=place.manifest,
            expected="one line for its readers, such as: the livetime in the text corrected",
            remedy="add --reason TEXT",
        )
    today = datetime.now(UTC).date()
    facts.converted("release", "withdrawn", reason)  # one line
    _put(document, "release", "updated", today)
    if "revisions" not in document["release"]:
        document["release"]["revisions"] = tomlkit.array()
    document["release"]["revisions"].append(f"{today}: {reason}")
    document["release"]["revisions"].multiline(True)


def _refuse_invalid(
    before: Mapping[str, Any],
    after: dict[str, Any],
    keys: set[tuple[str, str]],
    place: Places,
    layout: Layout,
    is_online: bool,
) -> None:
    """Refuse a manifest that is not valid, except for what a draft still lacks."""
    try:
        Manifest.model_validate(before)
        is_draft = BLANK in str(before)
    except ValidationError:
        is_draft = True
    if is_draft and not is_online:
        return
    manifest = validate(after, Manifest, place.manifest)
    names = {key for _, key in keys}
    if names & {"supersedes"}:
        refuse_successor(manifest, layout)
    if names & {"access", "embargo_until"}:
        refuse_embargo(manifest, layout, datetime.now(UTC).date())


def _new_texts(place: Places, given: Mapping[str, str]) -> bytes:
    """Return the new content of the texts' file."""
    if given.get(DESCRIPTION, "").startswith("@"):
        return read_text_file(Path(given[DESCRIPTION][1:]))
    former = (_present(place.texts) or b"").decode(errors="replace")
    description, _, documentation = former.strip().partition("\n\n")
    description = given.get(DESCRIPTION, description).strip()
    documentation = given.get(DOCUMENTATION, documentation).strip()
    content = f"{description}\n\n{documentation}".strip().encode() + b"\n"
    parse_texts(content, place.texts)
    return content


def read_text_file(path: Path) -> bytes:
    """Return the content of a text file that a curator named.

    Raises
    ------
    ingest.core.errors.InputError
        If it cannot be read, or is not plain text.
    """
    try:
        with privileges.caller():
            content = read_regular(path.resolve())
    except OSError as error:
        problem = error.strerror if isinstance(error, NotRegularError) else "it cannot be read"
        raise InputError(
            f"there are no texts in this file: {problem}", file=path, remedy="correct the name"
        ) from None
    parse_texts(content, path)
    return content


def _present(path: Path) -> bytes | None:
    try:
        with privileges.caller():
            return read_regular(path.resolve())
    except OSError:
        return None
