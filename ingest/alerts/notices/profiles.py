"""What the packets of each stream mean and do not say themselves: ``profiles.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ingest.alerts.notices.model import Fraction, Role

_NO_IDENTIFIERS: Final = frozenset({"", "0", "-1", "2147483647", "-2147483648", "none", "null"})
"""Numbers that stand for none, or overflowed: IceCube's first HESE packets all have 2^31 - 1."""
MAX_IDENTIFIER: Final = 1000
"""Characters; databases cannot index much more."""
_RUN_EVENT: Final = re.compile(r"0*(\d+)_0*(\d+)", re.ASCII)


class Profile(BaseModel):
    """The rules of one stream; the fields are explained at the top of ``profiles.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    stream: str
    family: str
    ivorn: str | None = None
    packet_types: tuple[str, ...] = ()
    json_pattern: str | None = Field(default=None, alias="json")
    containment: Fraction | None = None
    statistical: bool | None = None
    systematic: bool | None = None
    energy_unit: str | None = None
    energy_kind: str | None = None
    far_unit: str | None = None
    zero_is_missing: bool = False
    per_year_from: float | None = None
    key: tuple[str, ...] = ()
    name: str | None = None
    revision: tuple[str, ...] = ()
    first_record: int = 0
    role: Role = Role.OBSERVATION

    def name_in(self, ivorn: str) -> str | None:
        """Return the name of the event that the ivorn contains, if this stream's do."""
        if self.name is None:
            return None
        match = re.search(self.name, ivorn, re.IGNORECASE)
        return None if match is None else match[1]

    def event_key(
        self, value_of: Callable[[str], str | None], ivorn: str, *, is_test: bool
    ) -> str | None:
        """Return the key that all notices of one alert share, whatever their format.

        Parameters
        ----------
        value_of : callable
            Returns the text of a Param or JSON key by its name, or None.
        ivorn : str
            The packet's; some streams name the event only there.
        is_test : bool
            Keys of tests begin with ``test/``: a test never touches a real alert.

        Returns
        -------
        str or None
            ``<family>/<identifier>``; None where the packet does not name its alert.
        """
        for names in (*self.key, "#"):
            parts = [
                (self.name_in(ivorn) if name == "#" else value_of(name)) or ""
                for name in names.split("+")
            ]
            if any(part.strip().lower() in _NO_IDENTIFIERS for part in parts):
                continue
            identifier = "_".join(part.strip() for part in parts)
            if len(identifier) > MAX_IDENTIFIER:
                continue
            if self.family == "icecube" and (match := _RUN_EVENT.fullmatch(identifier)):
                identifier = f"{match[1]}_{match[2]}"
            return f"{'test/' if is_test else ''}{self.family}/{identifier}"
        return None


@functools.cache
def _profiles() -> tuple[Profile, ...]:
    text = files(__package__).joinpath("profiles.toml").read_text("utf-8")
    return tuple(Profile.model_validate(row) for row in tomllib.loads(text)["profile"])


@functools.cache
def _expressions(field: str) -> tuple[tuple[re.Pattern[str], Profile], ...]:
    """Return the expressions of one field with their profiles, in the order of the file."""
    return tuple(
        (re.compile(text, re.IGNORECASE), profile)
        for profile in _profiles()
        if (text := getattr(profile, field))
    )


def for_voevent(ivorn: str, packet_type: str | None = None) -> Profile:
    """Return the profile of a VOEvent.

    Parameters
    ----------
    ivorn : str
        The packet's.
    packet_type : str, optional
        GCN's number of the notice type; for AMON it tells more than some ivorns.

    Returns
    -------
    Profile
        For a stream that has none, rules that say nothing; its stream is the ivorn without
        the local part.
    """
    stream, _, local = ivorn.partition("#")
    # without numbers the same few texts come again and again, and are found at once
    kind = re.split(r"\d", local, maxsplit=1)[0]
    gcn = packet_type if stream.startswith("ivo://nasa.gsfc.gcn/") else None
    profile = _of_voevent(f"{stream}#{kind}", gcn)
    return profile or Profile(stream=stream or ivorn, family=stream or ivorn, key=("TrigID",))


@functools.lru_cache(maxsize=4096)
def _of_voevent(ivorn: str, packet_type: str | None) -> Profile | None:
    found = None
    for pattern, profile in _expressions("ivorn"):
        if pattern.search(ivorn):
            found = profile
            break
    if found is None or found.stream == "amon":
        for profile in _profiles():
            if packet_type is not None and packet_type in profile.packet_types:
                return profile
    return found


@functools.lru_cache(maxsize=4096)
def for_json(path: str, words: str) -> Profile:
    """Return the profile of a notice in JSON.

    Parameters
    ----------
    path : str
        Of the JSON schema below ``notices/``, without ``.schema.json``.
    words : str
        What the notice says about its pipeline or kind.

    Returns
    -------
    Profile
        For a stream that has none, one with the core schema's rules.
    """
    for pattern, profile in _expressions("json_pattern"):
        if pattern.search(f"{path}|{words}"):
            return profile
    return Profile(
        stream=path,
        family=path.partition("/")[0],
        key=("id", "event_name"),
        revision=("record_number",),
    )
