"""Values of the What section of a VOEvent: identifiers, rates, energies, events, sky maps."""

from __future__ import annotations

import re
from typing import Final

from ingest.alerts.notices import common_fields
from ingest.alerts.notices.field_parser import FieldParser, is_true
from ingest.alerts.notices.model import Counterpart, InvolvedEvent, Parameter, Rate
from ingest.alerts.notices.profiles import MAX_IDENTIFIER, Profile

_GROUPED: Final = ("nu_event", "counterpart")
_EVENT_GROUP: Final = re.compile(r"nu_event_?\d+")
_COUNTERPART_GROUP: Final = re.compile(r"counterpart_?\d+")
_FLAG_GROUPS: Final = ("", "trigger_id/", "misc_flags/", "solution_status/")
_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".pdf", ".svg", ".txt", ".html")
_ADDRESSES: Final = ("http://", "https://", "ftp://")


def flags(*names: str) -> frozenset[str]:
    """Return the paths of flags with these names, outside or inside a group of flags."""
    return frozenset(group + name for group in _FLAG_GROUPS for name in names)


class What:
    """The Params of a packet.

    Parameters
    ----------
    parameters : list of Parameter
        All parameters of the packet.
    parser : FieldParser
        Collects the remarks.

    Attributes
    ----------
    params : dict
        The Params by their path in lower case; of several with the same path, the first.
    """

    def __init__(self, parameters: list[Parameter], parser: FieldParser) -> None:
        self.parser = parser
        self.params: dict[str, Parameter] = {}
        for parameter in parameters:
            if parameter.section == "What" and (path := parameter.path):
                self.params.setdefault(path.lower(), parameter)
        self._grouped = [path for path in self.params if path.startswith(_GROUPED)]

    def text(self, *names: str) -> str | None:
        """Return the text of the first of the named Params that has one, ignoring case."""
        for name in names:
            param = self.params.get(name.lower())
            if param is not None and (value := param.value) and (stripped := value.strip()):
                return stripped
        return None

    def param(self, *names: str) -> Parameter | None:
        """Return the first of the named Params; the names are in lower case."""
        return next((found for name in names if (found := self.params.get(name))), None)

    def flag(self, names: frozenset[str]) -> bool:
        """Return whether one of the flags is set; see :func:`flags`."""
        return any(is_true(self.params[path].value) for path in names & self.params.keys())

    def identifiers(self, profile: Profile) -> tuple[str, ...]:
        """Return the identifiers of the alert."""
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
        """Return the number that orders the versions of one alert, if the stream numbers them."""
        for name in profile.revision:
            if (text := self.text(name)) is not None:
                return self.parser.integer(f"What/{name}", text)
        return None

    def events(self, profile: Profile) -> tuple[InvolvedEvent, ...]:
        """Return the detector events; KM3NeT gives each in a Group of its own."""
        groups = self._groups(_EVENT_GROUP)
        return tuple(
            common_fields.involved_event(
                self.parser, f"What/{group}", texts, number, profile.containment
            )
            for number, (group, texts) in enumerate(groups.items(), start=1)
        )

    def counterparts(self) -> list[Counterpart]:
        """Return the possible counterparts; KM3NeT gives each in a Group of its own."""
        found = [
            common_fields.counterpart(self.parser, f"What/{group}", texts)
            for group, texts in self._groups(_COUNTERPART_GROUP).items()
        ]
        if name := self.text("Target_Info/Source_Name"):
            found.append(Counterpart(name=name, description="known source"))
        return found

    def _groups(self, names: re.Pattern[str]) -> dict[str, dict[str, str | None]]:
        """Return the values of the Groups whose names match, by the name of the Group."""
        groups: dict[str, dict[str, str | None]] = {}
        for path in self._grouped:
            group, _, name = path.rpartition("/")
            if names.fullmatch(group):
                groups.setdefault(group, {})[name] = self.params[path].value
        return groups

    def energy(
        self, profile: Profile, events: tuple[InvolvedEvent, ...]
    ) -> tuple[float | None, str | None]:
        """Return the energy in GeV and its kind."""
        param = self.param("energy", "nu_energy")
        if param is None:
            return common_fields.energy_of(events, None, profile)
        unit = param.unit or profile.energy_unit
        energy = self.parser.energy(f"What/{param.path}", param.value, unit)
        if energy == 0 and profile.zero_is_missing:
            energy = None
        kind = profile.energy_kind or param.description or "energy"
        return energy, None if energy is None else kind

    def rate(self, profile: Profile) -> Rate | None:
        """Return the false-alarm rate."""
        param = self.param("far")
        if param is None:
            return None
        return self.parser.rate(
            f"What/{param.path}",
            param.value,
            (param.unit or "").strip() or profile.far_unit,
            zero_is_missing=profile.zero_is_missing,
            hertz_up_to=profile.hertz_up_to,
        )

    def p_value(self, profile: Profile) -> float | None:
        """Return the probability of background alone."""
        value = self.parser.probability("What/pvalue", self.text("p_value", "pvalue", "p-value"))
        if value == 0 and profile.zero_is_missing:
            self.parser.remark("What/pvalue: 0 is interpreted as unknown")
            return None
        return value

    def signalness(self) -> float | None:
        """Return the probability of an astrophysical origin."""
        if (text := self.text("signalness", "p_astro")) is not None:
            return self.parser.probability("What/signalness", text)
        text = self.text("signal_trackness")
        value = self.parser.probability("What/signal_trackness", text)
        if value is not None:
            self.parser.remark(
                "What/signal_trackness: probability of an astrophysical origin and of a track;"
                " used as signalness"
            )
        return value

    def sky_map_urls(self) -> tuple[str, ...]:
        """Return the addresses of sky maps, without those of their pictures."""
        found = []
        for path, param in self.params.items():
            if param.value is None or "://" not in param.value:
                continue
            name = path.rpartition("/")[2].replace("_", "")
            if ("skymap" in name or "healpix" in name) and not name.startswith("@"):
                url = param.value.strip()
                lowered = url.lower()
                if lowered.startswith(_ADDRESSES) and not lowered.endswith(_PICTURES):
                    found.append(url)
        return tuple(dict.fromkeys(found))
