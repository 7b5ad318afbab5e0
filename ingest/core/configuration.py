"""TOML files as typed models, with errors that name the key and suggest the correct one."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ingest.core import privileges
from ingest.core.errors import ManifestError
from ingest.core.files import open_regular

BLANK = "FILL IN:"
"""Marks what a person has to write in a file that was created from a template."""

_LARGEST = 1 << 20
"""Number of bytes of the largest file that is read: some 10,000 delivered files."""

Model = TypeVar("Model", bound=BaseModel)
ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
"""Name of a source or recipient; it is public, and part of names of environment variables."""
Port = Annotated[int, Field(ge=1, le=65535)]


class StrictModel(BaseModel):
    """An immutable model that does not accept unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def blanks(path: Path) -> list[tuple[str, str]]:
    """Return the blanks in a file.

    Returns
    -------
    list of (str, str)
        The line of each blank, and what has to be written there. Empty for an unreadable file,
        which the parser of the file reports.
    """
    try:
        with privileges.caller(), open_regular(path.resolve()) as stream:
            lines = stream.read(_LARGEST).decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [
        (f"line {number}", re.split(r'["<\\]', line.partition(BLANK)[2])[0].strip())
        for number, line in enumerate(lines, start=1)
        if BLANK in line
    ]


def refuse_blanks(path: Path) -> None:
    """Raise an error if a file has blanks.

    Raises
    ------
    ManifestError
        For the first blank.
    """
    if left := blanks(path):
        where, wanted = left[0]
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        raise ManifestError(
            f"a blank is left{more}",
            file=path,
            where=where,
            expected=wanted,
            remedy="fill it in; km3vo release check lists what is missing",
        )


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    ManifestError
        If it cannot be read, or is not valid TOML.
    """
    try:
        with privileges.caller(), open_regular(path.resolve()) as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as error:
        raise ManifestError(
            f"the file cannot be read ({error.strerror})",
            file=path,
            remedy="check the name and the permission to read it",
        ) from None
    if len(content) > _LARGEST:
        raise ManifestError(
            "the file is too large",
            file=path,
            expected=f"at most {_LARGEST:,} bytes",
            remedy="split the release, or remove what does not belong into this file",
        )
    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(
            "this is not valid TOML",
            file=path,
            value=str(error),
            expected='lines of the form key = "value" below [table] headings',
            remedy="correct the line; the syntax is explained at https://toml.io",
        ) from None


def validate(content: dict[str, Any], model: type[Model], path: Path) -> Model:
    """Convert the content of a file to a model.

    Parameters
    ----------
    content : dict
        What :func:`read_toml` returned.
    model : type of pydantic.BaseModel
        The model.
    path : pathlib.Path
        The file, for error messages.

    Raises
    ------
    ManifestError
        For the first key that is unknown or missing, or has an invalid value.
    """
    try:
        return model.model_validate(content)
    except ValidationError as failure:
        errors = failure.errors(include_url=False)
        # A misspelt key is both unknown and missing: report the former.
        first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
        key = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(errors) - 1} more problems)" if len(errors) > 1 else ""
        if first["type"] == "extra_forbidden":
            raise ManifestError(
                f"unknown key {key}{more}",
                file=path,
                where=key,
                value=key.rpartition(".")[2],
                expected=_expected_key(model, first["loc"]),
                remedy="correct the spelling or remove the line",
            ) from None
        if first["type"] == "missing":
            raise ManifestError(
                f"the key {key} is missing{more}",
                file=path,
                where=key,
                remedy=f"add {key.rpartition('.')[2]} = …",
            ) from None
        raise ManifestError(
            f"the value of {key} is not valid{more}",
            file=path,
            where=key,
            # a whole section would be long, and its problem is what is expected
            value=None if isinstance(first["input"], dict) else first["input"],
            expected=first["msg"].removeprefix("Value error, "),
            remedy="correct the value",
        ) from None


def load(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a `model`; see :func:`read_toml` and :func:`validate`."""
    return validate(read_toml(path), model, path)


def _expected_key(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return the known key most similar to an unknown one, or all known keys."""
    for step in location[:-1]:
        if isinstance(step, str) and step in model.model_fields:
            model = _inner_model(model.model_fields[step].annotation) or model
    names = list(model.model_fields)
    close = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"{close[0]}?" if close else "one of " + ", ".join(names)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    """Return the model inside an annotation such as ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in get_args(annotation):
        if found := _inner_model(part):
            return found
    return None
