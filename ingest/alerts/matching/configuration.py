"""The file ``matches.toml``: what is matched with what, and how often it occurs by chance."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, model_validator

from ingest.alerts.matching.catalogue_settings import CatalogueSettings
from ingest.core.configuration import StrictModel, load
from ingest.core.timescales import DAY
from ingest.instance import SITE_FILES

CONFIG_VARIABLE: Final = "KM3VO_MATCHES"
"""Names another ``matches.toml``."""
YEAR: Final = 365.25 * DAY
"""Length of a Julian year in s."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
Pattern = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}(/[a-z0-9_-]{1,40}|/\*)?$")]
"""A stream as in ``alerts.notices``, or all that begin alike, such as ``icecube/*``."""


def _ascending(window: tuple[float, float]) -> tuple[float, float]:
    if not -1e9 < window[0] < window[1] < 1e9:
        raise ValueError("two numbers of seconds, the first of which is smaller")
    return window


Window = Annotated[tuple[float, float], AfterValidator(_ascending)]


class StreamGroup(StrictModel):
    """``[[streams]]``: streams that report alerts of one kind.

    Attributes
    ----------
    name : str
        Name of the group in this file.
    streams : tuple of str
        Names of the streams in ``alerts.notices``; a name with ``/*`` stands for all below it.
    neutrinos : bool
        Whether the alerts are of neutrinos.
    per_year : float
        The number of alerts per year. It is the rate of a notice without a false-alarm rate, and
        the largest false-alarm rate of a notice.
    source : str
        Where the number comes from.
    background : str or None
        Name of a published sample whose distribution in declination is that of the alerts'
        background; None for one that is the same in all directions.
    """

    name: Name
    streams: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    neutrinos: bool = False
    per_year: Annotated[float, Field(gt=0, le=1e7)]
    source: Annotated[str, Field(min_length=1, max_length=300)]
    background: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")] | None = None

    @property
    def rate(self) -> float:
        """The rate of alerts in Hz."""
        return self.per_year / YEAR

    @cached_property
    def expression(self) -> str:
        """A regular expression for the streams, also for PostgreSQL."""
        names = (re.escape(name.removesuffix("/*")) for name in self.streams)
        rest = ("/.*" if name.endswith("/*") else "" for name in self.streams)
        return f"^({'|'.join(map(''.join, zip(names, rest, strict=True)))})$"

    def has(self, stream: str) -> bool:
        """Return whether a stream belongs to the group."""
        return re.match(self.expression, stream) is not None


class Pairs(StrictModel):
    """``[[pairs]]``: which alerts are matched with which.

    Attributes
    ----------
    neutrinos, partners : tuple of str
        Names of groups of streams.
    window : tuple of float
        Start and end of the time window in s: time of the partner minus time of the neutrino.
    """

    neutrinos: Annotated[tuple[Name, ...], Field(min_length=1)]
    partners: Annotated[tuple[Name, ...], Field(min_length=1)]
    window: Window

    @property
    def length(self) -> float:
        """Length of the time window in s."""
        return self.window[1] - self.window[0]


class SampleWindow(StrictModel):
    """``[[samples]]``: which alerts are matched with the published samples of events.

    Attributes
    ----------
    alerts : tuple of str
        Names of groups of streams.
    window : tuple of float
        Start and end of the time window in s: time of the event minus time of the alert.
    """

    alerts: Annotated[tuple[Name, ...], Field(min_length=1)]
    window: Window


class MatchConfig(StrictModel):
    """The content of ``matches.toml``."""

    streams: tuple[StreamGroup, ...] = ()
    pairs: tuple[Pairs, ...] = ()
    samples: tuple[SampleWindow, ...] = ()
    catalogue: tuple[CatalogueSettings, ...] = ()

    @model_validator(mode="after")
    def _known_groups(self) -> MatchConfig:
        groups = {group.name: group for group in self.streams}
        if len(groups) < len(self.streams):
            raise ValueError("different names of groups of streams")
        for pairs in self.pairs:
            for name in (*pairs.neutrinos, *pairs.partners):
                if name not in groups:
                    raise ValueError(f"[[streams]] with the name {name}, which [[pairs]] has")
            for name in pairs.neutrinos:
                if not groups[name].neutrinos:
                    raise ValueError(f"neutrinos = true for {name}, which [[pairs]] says")
        chosen = [one.alerts for one in self.samples] + [one.alerts for one in self.catalogue]
        for name in itertools.chain.from_iterable(chosen):
            if name not in groups:
                raise ValueError(f"[[streams]] with the name {name}, which another part has")
        names = [one.name for one in self.catalogue]
        if len(set(names)) < len(names):
            raise ValueError("different names of catalogues")
        return self

    def group_of(self, stream: str) -> StreamGroup | None:
        """Return the first group that a stream belongs to."""
        return next((group for group in self.streams if group.has(stream)), None)

    def sample_window(self, stream: str) -> tuple[float, float] | None:
        """Return the window in which a stream's alerts are matched with published events."""
        group = self.group_of(stream)
        return next(
            (one.window for one in self.samples if group is not None and group.name in one.alerts),
            None,
        )

    def sample_windows(self) -> Iterator[tuple[str, tuple[float, float]]]:
        """Yield regular expressions for streams that are matched with events, and the windows."""
        for one in self.samples:
            for group in self.streams:
                if group.name in one.alerts:
                    yield group.expression, one.window

    def partners_of(self, group: StreamGroup) -> Iterator[tuple[StreamGroup, Pairs, bool]]:
        """Yield the groups that a group is matched with.

        Yields
        ------
        partner : StreamGroup
            The other group.
        pairs : Pairs
            With the time window.
        is_first : bool
            Whether `group` has the place of the neutrinos.
        """
        groups = {one.name: one for one in self.streams}
        for pairs in self.pairs:
            if group.name in pairs.neutrinos:
                for name in pairs.partners:
                    yield groups[name], pairs, True
            if group.name in pairs.partners:
                for name in pairs.neutrinos:
                    yield groups[name], pairs, False


def load_matches(path: Path | None = None) -> MatchConfig:
    """Return what is matched with what.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file. Default: the one that :data:`CONFIG_VARIABLE` names, or ``site/matches.toml``.

    Raises
    ------
    ManifestError
        If it cannot be read or is not valid.
    """
    path = path or Path(os.environ.get(CONFIG_VARIABLE) or SITE_FILES / "matches.toml")
    config = load(path, MatchConfig)
    found = [
        one.model_copy(update={"file": path.parent / one.file.expanduser()})
        for one in config.catalogue
    ]
    return config.model_copy(update={"catalogue": tuple(found)})
