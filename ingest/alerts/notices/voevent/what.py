"""What the Params of a VOEvent say: numbers, rates, energies, events, links."""

from __future__ import annotations

import re
from typing import Final

from ingest.alerts.notices import shared
from ingest.alerts.notices.fields import Reader, is_true
from ingest.alerts.notices.model import Counterpart, InvolvedEvent, Parameter, Rate
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, Profile

_GROUPED: Final = ("nu_event", "counterpart")
_EVENT_GROUP: Final = re.compile(r"nu_event_?\d+")
_COUNTERPART_GROUP: Final = re.compile(r"counterpart_?\d+")
_FLAG_GROUPS: Final = ("", "trigger_id/", "misc_flags/", "solution_status/")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".pdf", ".svg", ".txt", ".html")
_ADDRESSES: Final = ("http://", "https://", "ftp://")


def flags(*names: str) -> frozenset[str]:
    """Return the paths of flags by these names, alone or in a group of flags."""
    return frozenset(group + name for group in _FLAG_GROUPS for name in names)


class What:
    """The Params of a packet by their group paths; of several under one path, the first.

    Parameters
    ----------
    rows : list of Parameter
        All rows of the packet.
    reader : Reader
        Collects the remarks.
    """

    def __init__(self, rows: list[Parameter], reader: Reader) -> None:
        self.reader = reader
        self.rows: dict[str, Parameter] = {}
        for row in rows:
            if row.section == "What" and (path := row.path):
                self.rows.setdefault(path.lower(), row)
        self._grouped = [path for path in self.rows if path.startswith(_GROUPED)]

    def text(self, *names: str) -> str | None:
        """Return the first of the named Params that says something; case does not matter."""
        for name in names:
            row = self.rows.get(name.lower())
            if row is not None and (value := row.value) and (stripped := value.strip()):
                return stripped
        return None

    def row(self, *names: str) -> Parameter | None:
        """Return the first of the named Params with all its fields; names are in lower case."""
        return next((row for name in names if (row := self.rows.get(name)) is not None), None)

    def flag(self, names: frozenset[str]) -> bool:
        """Return whether one of the flags is set; see :func:`flags`."""
        return any(is_true(self.rows[path].value) for path in names & self.rows.keys())

    def identifiers(self, profile: Profile) -> tuple[str, ...]:
        """Return the numbers by which the alert is known."""
        run, event = self.text("run_id"), self.text("event_id")
        keys = [key for key in profile.key if "+" not in key and "name" not in key.lower()]
        found = [
            self.text("AMON_ID"),
            f"{run}_{event}" if run and event else None,
            self.text("TrigID", "Trigger_Number", "Trans_Num"),
            self.text("GraceID"),
            *map(self.text, keys),
        ]
        return tuple(dict.fromkeys(text for text in found if text and len(text) <= MAX_IDENTIFIER))

    def revision(self, profile: Profile) -> int | None:
        """Return the number that orders the versions of one alert, if the stream has one."""
        for name in profile.revision:
            if (text := self.text(name)) is not None:
                return self.reader.integer(f"What/{name}", text)
        return None

    def events(self, profile: Profile) -> tuple[InvolvedEvent, ...]:
        """Return the events of the detector; KM3NeT has each in a group of its own."""
        groups = self._groups(_EVENT_GROUP)
        return tuple(
            shared.involved_event(self.reader, f"What/{group}", texts, number, profile.containment)
            for number, (group, texts) in enumerate(groups.items(), start=1)
        )

    def counterparts(self) -> list[Counterpart]:
        """Return the possible counterparts; KM3NeT has each in a group of its own."""
        return [
            shared.counterpart(self.reader, f"What/{group}", texts)
            for group, texts in self._groups(_COUNTERPART_GROUP).items()
        ]

    def _groups(self, names: re.Pattern[str]) -> dict[str, dict[str, str | None]]:
        """Return the texts of the groups with such names by their own names."""
        groups: dict[str, dict[str, str | None]] = {}
        for path in self._grouped:
            group, _, name = path.rpartition("/")
            if names.fullmatch(group):
                groups.setdefault(group, {})[name] = self.rows[path].value
        return groups

    def energy(
        self, profile: Profile, events: tuple[InvolvedEvent, ...]
    ) -> tuple[float | None, str | None]:
        """Return the energy in GeV and what it is."""
        row = self.row("energy", "nu_energy")
        if row is None:
            return shared.energy_of(events, None, profile)
        energy = self.reader.energy(f"What/{row.path}", row.value, row.unit or profile.energy_unit)
        if energy == 0 and profile.zero_is_missing:
            energy = None
        kind = profile.energy_kind or row.description or "energy"
        return energy, None if energy is None else kind

    def rate(self, profile: Profile) -> Rate | None:
        """Return the false alarm rate."""
        row = self.row("far")
        if row is None:
            return None
        return self.reader.rate(
            f"What/{row.path}",
            row.value,
            (row.unit or "").strip() or profile.far_unit,
            zero_is_missing=profile.zero_is_missing,
            hertz_up_to=profile.per_year_from,
        )

    def p_value(self, profile: Profile) -> float | None:
        """Return the probability of background alone."""
        value = self.reader.fraction("What/pvalue", self.text("p_value", "pvalue", "p-value"))
        if value == 0 and profile.zero_is_missing:
            self.reader.remark("What/pvalue: 0 is taken as not known")
            return None
        return value

    def signalness(self) -> float | None:
        """Return the probability of an astrophysical origin."""
        if (text := self.text("signalness", "p_astro")) is not None:
            return self.reader.fraction("What/signalness", text)
        text = self.text("signal_trackness")
        value = self.reader.fraction("What/signal_trackness", text)
        if value is not None:
            self.reader.remark(
                "What/signal_trackness: probability of an astrophysical origin and of a track;"
                " taken as signalness"
            )
        return value

    def sky_maps(self) -> tuple[str, ...]:
        """Return the links to maps that are no pictures."""
        found = []
        for path, row in self.rows.items():
            if row.value is None or "://" not in row.value:
                continue
            name = path.rpartition("/")[2].replace("_", "")
            if ("skymap" in name or "healpix" in name) and not name.startswith("@"):
                url = row.value.strip()
                lowered = url.lower()
                if lowered.startswith(_ADDRESSES) and not lowered.endswith(_PICTURES):
                    found.append(url)
        return tuple(dict.fromkeys(found))
