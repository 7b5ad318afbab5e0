"""Profiles: properties of the streams that their packets do not state, from ``profiles.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ingest.alerts.notices.model import Fraction, Role
from ingest.core import privileges

_NOT_IDENTIFIERS: Final = frozenset({"", "0", "-1", "2147483647", "-2147483648", "none", "null"})
"""Placeholders, and the integer overflow 2^31 - 1 of IceCube's first HESE packets."""
MAX_IDENTIFIER: Final = 1000
"""Maximum number of characters; PostgreSQL cannot index texts of more than 2,700 bytes."""
_TOPIC: Final = re.compile(r"(?:gcn\.notices\.)?((?<=notices\.)[\w.]+|igwn\.gwalert)", re.ASCII)
_TEST_TOPIC: Final = re.compile(r"(?:gcn|igwn)\.(?:.*[._-])?test(?:[._-].*)?", re.I)
_RUN_EVENT: Final = re.compile(r"0*(\d+)_0*(\d+)", re.ASCII)


class Profile(BaseModel):
    """The profile of one stream; its fields are explained at the top of ``profiles.toml``."""

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
    hertz_up_to: float | None = None
    key: tuple[str, ...] = ()
    name: str | None = None
    revision: tuple[str, ...] = ()
    first_record: int = 0
    role: Role = Role.OBSERVATION
    instruments: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()

    def stream_of(self, instrument: str | None) -> str:
        """Return the name of the stream, which depends on the instrument for some missions."""
        name = (instrument or "").strip().lower()
        return f"{self.stream}/{name}" if name in self.instruments else self.stream

    def name_in(self, ivorn: str) -> str | None:
        """Return the name of the event in an ivorn, for streams that put it there."""
        if self.name is None:
            return None
        match = re.search(self.name, ivorn, re.IGNORECASE)
        return None if match is None else match[1]

    def event_key(
        self, value_of: Callable[[str], str | None], ivorn: str, *, is_test: bool
    ) -> str | None:
        """Return the key that all notices of one alert share, in all formats.

        Parameters
        ----------
        value_of : callable
            Returns the text of a Param or JSON key by its name, or None.
        ivorn : str
            Identifier of the packet; some streams name the event only there.
        is_test : bool
            Keys of tests begin with ``test/``, so that a test never joins a real alert.

        Returns
        -------
        str or None
            ``<family>/<identifier>``; None if the packet does not name its alert.
        """
        for names in (*self.key, "#"):
            parts = [
                (self.name_in(ivorn) if name == "#" else value_of(name)) or ""
                for name in names.split("+")
            ]
            if any(part.strip().lower() in _NOT_IDENTIFIERS for part in parts):
                continue
            identifier = "_".join(part.strip() for part in parts)
            if len(identifier) > MAX_IDENTIFIER:
                continue
            if self.family == "icecube" and (match := _RUN_EVENT.fullmatch(identifier)):
                identifier = f"{match[1]}_{match[2]}"
            return f"{'test/' if is_test else ''}{self.family}/{identifier}"
        return None


@functools.cache
def load_profiles() -> tuple[Profile, ...]:
    """Return the profiles of all streams."""
    with privileges.caller():
        text = files(__package__).joinpath("profiles.toml").read_text("utf-8")
    return tuple(Profile.model_validate(row) for row in tomllib.loads(text)["profile"])


@functools.cache
def _expressions(field: str) -> tuple[tuple[re.Pattern[str], Profile], ...]:
    """Return the regular expressions of a field and their profiles, in the order of the file."""
    return tuple(
        (re.compile(text, re.IGNORECASE), profile)
        for profile in load_profiles()
        if (text := getattr(profile, field))
    )


def for_voevent(ivorn: str, packet_type: str | None = None, topic: str | None = None) -> Profile:
    """Return the profile of a VOEvent's stream.

    Parameters
    ----------
    ivorn : str
        Identifier of the packet.
    packet_type : str, optional
        GCN's number of the notice type; more specific than the ivorn in some of AMON's packets.
    topic : str, optional
        The Kafka topic from which it was received, for an ivorn that belongs to no profile.

    Returns
    -------
    Profile
        For a stream without a profile an empty one, whose stream is the ivorn without its
        local part.
    """
    stream, _, local = ivorn.partition("#")
    # up to the first digit, ivorns are the same few texts, and the cache finds them
    kind = re.split(r"\d", local, maxsplit=1)[0]
    gcn = packet_type if stream.startswith("ivo://nasa.gsfc.gcn/") else None
    profile = _find_voevent(f"{stream}#{kind}", gcn)
    if profile is None and (path := path_of_topic(topic)):
        profile = _find_json(path, "")
    # the scheme, though it may be missing, keeps the keys apart from those of known families
    family = f"ivo://{(stream or ivorn).removeprefix('ivo://')}"
    return profile or Profile(stream=stream or ivorn, family=family, key=("TrigID",))


@functools.lru_cache(maxsize=4096)
def _find_voevent(ivorn: str, packet_type: str | None) -> Profile | None:
    found = None
    for pattern, profile in _expressions("ivorn"):
        if pattern.search(ivorn):
            found = profile
            break
    if found is None or found.stream == "amon":
        for profile in load_profiles():
            if packet_type is not None and packet_type in profile.packet_types:
                return profile
    return found


@functools.lru_cache(maxsize=4096)
def for_json(path: str, words: str) -> Profile:
    """Return the profile of the stream of a notice in JSON.

    Parameters
    ----------
    path : str
        Path of its JSON schema below ``notices/``, without ``.schema.json``.
    words : str
        Pipeline or kind of the notice.

    Returns
    -------
    Profile
        For a stream without a profile, one with the keys of GCN's core schema.
    """
    return _find_json(path, words) or Profile(
        stream=path,
        family=path.partition("/")[0],
        key=("id", "event_name"),
        revision=("record_number",),
    )


def _find_json(path: str, words: str) -> Profile | None:
    for pattern, profile in _expressions("json_pattern"):
        if pattern.search(f"{path}|{words}"):
            return profile
    return None


def path_of_topic(topic: str | None) -> str | None:
    """Return what a Kafka topic says about the stream, in the form of the path of a JSON schema.

    For example ``swift/bat/guano`` for ``gcn.notices.swift.bat.guano``, ``igwn/gwalert`` for
    ``igwn.gwalert``; None for topics in another form.
    """
    match = _TOPIC.fullmatch(topic or "")
    return match[1].replace(".", "/") if match else None


def is_test_topic(topic: str | None) -> bool:
    """Return whether a Kafka topic is one for tests, by a part of its name."""
    return _TEST_TOPIC.fullmatch(topic or "") is not None
