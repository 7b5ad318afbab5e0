"""The facts in a manifest that a curator states, as ``key=value``: their keys and types."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Final, get_origin

import tomlkit
from pydantic import BaseModel, TypeAdapter, ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item

from ingest.core.errors import ManifestError
from ingest.events.delivery import REVISABLE, Manifest

SECTIONS: Final[dict[str, type[BaseModel]]] = {
    name: field.annotation
    for name, field in Manifest.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
"""The sections of a manifest and their models."""
_BY_COMMAND: Final = {
    "name": "km3vo release rename OLD NEW",
    "withdrawn": "km3vo release withdraw NAME --reason TEXT",
    "updated": "it is set with the first change of an online release: --reason TEXT",
    "revisions": "they are added with each change of an online release: --reason TEXT",
}
"""The facts that other commands write."""


def find(key: str) -> tuple[str, str]:
    """Return the section and the name of a fact.

    Parameters
    ----------
    key : str
        Its name, with or without the section, such as ``title`` or ``release.title``.

    Raises
    ------
    ingest.core.errors.ManifestError
        If there is no such fact, or it is not stated this way.
    """
    wanted, _, name = key.rpartition(".")
    if name in _BY_COMMAND:
        raise ManifestError(f"{name} is not set by hand", value=key, remedy=_BY_COMMAND[name])
    for section, model in SECTIONS.items():
        if name in model.model_fields and wanted in ("", section):
            return section, name
    known = [name for model in SECTIONS.values() for name in model.model_fields]
    known = [*(name for name in known if name not in _BY_COMMAND), "description"]
    close = difflib.get_close_matches(name, known, n=1)
    raise ManifestError(
        "unknown key",
        value=key,
        expected=f"{close[0]}?" if close else "one of " + ", ".join(known),
        remedy="correct the spelling; files are described in the manifest itself",
    )


def is_revisable(section: str, name: str) -> bool:
    """Return whether a fact may change while the rows of the release stay as they are."""
    return name in REVISABLE.get(section, ())


def is_optional(section: str, name: str) -> bool:
    """Return whether a manifest may lack a fact."""
    return not SECTIONS[section].model_fields[name].is_required()


def converted(section: str, name: str, text: str) -> Any:
    """Return the value of a fact that a person typed.

    Raises
    ------
    ingest.core.errors.ManifestError
        If it is not valid.
    """
    field = SECTIONS[section].model_fields[name]
    wanted: Any = field.annotation
    if field.metadata:
        wanted = Annotated[(wanted, *field.metadata)]
    is_list = get_origin(field.annotation) in (tuple, frozenset)
    given = [one.strip() for one in text.split(",")] if is_list else text
    try:
        return TypeAdapter(wanted).validate_python(given)
    except ValidationError as failure:
        raise ManifestError(
            f"the value of {name} is not valid",
            value=text,
            expected=failure.errors(include_url=False)[0]["msg"].removeprefix("Value error, "),
            remedy="correct the value",
        ) from None


def as_toml(value: Any, text: str | None = None) -> Item:
    """Return a value as TOML has it; numbers and times as a person wrote them in `text`."""
    if isinstance(value, float) and text is None:
        text = f"{value:.12g}"
    if text is not None and not isinstance(value, str | tuple | list | frozenset):
        try:
            written: Item = tomlkit.value(text)
            return written
        except TOMLKitError:
            pass
    if isinstance(value, tuple | frozenset):
        value = sorted(value) if isinstance(value, frozenset) else list(value)
    item: Item = tomlkit.item(value)
    return item
