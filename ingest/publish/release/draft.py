"""The draft of a new release: its manifest, texts and descriptor, each fact asked once.

A fact comes from the delivered files, else from the predecessor, else from a person. What remains
is left as a blank.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any, Final

import tomlkit

from ingest.core import privileges
from ingest.core.configuration import BLANK
from ingest.core.errors import InputError
from ingest.core.files import read_regular
from ingest.events.delivery import Manifest, load_manifest
from ingest.publish.release import facts
from ingest.publish.release.delivered import Delivered
from ingest.publish.release.places import places, write
from ingest.publish.release.questions import (
    DESCRIPTION,
    DOCUMENTATION,
    UNKNOWN,
    Question,
    answered,
    questions,
)

_INHERITED: Final = {
    "release": (
        "kind", "creator", "bibcode", "reference_url", "instrument", "products",
    ),
    "observation": tuple(facts.SECTIONS["observation"].model_fields),
    "checks": ("reject",),
}  # fmt: skip
_BY_SUCCESSOR: Final = ("title", "start", "stop", "livetime_days", "det_id")
"""What only a new version of the same sample has in common with its predecessor."""
_ALLOWED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Draft:
    """A release that is being made.

    Parameters
    ----------
    name : str
        Its name; see :func:`ingest.publish.release.check_name`.
    delivered : Delivered
        Its files.
    predecessor : str, optional
        A release whose texts, facts of the observation and checks it inherits.
    supersedes : bool
        Whether it replaces the predecessor.
    is_alerts : bool
        Whether it is a catalogue of alerts.

    Raises
    ------
    ingest.core.errors.InputError
        If a file cannot be listed in a manifest, or the predecessor is not valid.
    """

    def __init__(
        self,
        name: str,
        delivered: Delivered,
        predecessor: str | None = None,
        supersedes: bool = False,
        is_alerts: bool = False,
    ) -> None:
        _refuse_names(delivered)
        self.name = name
        self.delivered = delivered
        self._template = "alerts.rd" if is_alerts else "nu.rd"
        self.texts: dict[str, str] = {}
        self._content: bytes | None = None
        self._values: dict[tuple[str, str], Any] = {}
        self._written: dict[tuple[str, str], str] = {}
        self._comments: dict[tuple[str, str], str] = {}
        self._left_out: set[tuple[str, str]] = set()
        self._former = None if predecessor is None else load_manifest(predecessor)
        self._take_facts_of_files()
        if self._former is not None:
            self._inherit(self._former, supersedes)
        self._values["release", "name"] = name
        self._values["release", "created"] = datetime.now(UTC).date()

    def questions(self) -> list[Question]:
        """Return what is not known yet, in the order in which a person is asked."""
        known = {name for _, name in (*self._values, *self._left_out)}
        return list(questions(self.delivered, known | self.texts.keys()))

    def answer(self, key: str, text: str) -> None:
        """Take an answer, or a fact that was given as an option.

        Raises
        ------
        ingest.core.errors.ManifestError
            If it is not valid.
        """
        if text == UNKNOWN:
            self._left_out.add(facts.find(key))
            return
        for name, value in answered(key, text).items():
            if name in (DESCRIPTION, DOCUMENTATION):
                self.texts[name] = value.strip()
            else:
                section, name = facts.find(name)
                self._values[section, name] = facts.converted(section, name, value)
                self._comments.pop((section, name), None)
                self._written[section, name] = value

    def reject(self, rules: tuple[str, ...]) -> None:
        """Let rules reject rows."""
        agreed = frozenset(rules) | self._values.get(("checks", "reject"), frozenset())
        if agreed:
            self._values["checks", "reject"] = agreed

    def use_texts(self, content: bytes) -> None:
        """Take all texts from the content of a file."""
        self._content = content
        self.texts |= {DESCRIPTION: "", DOCUMENTATION: ""}

    def write(self) -> tuple[Path, Path, Path]:
        """Write manifest, texts and descriptor, with blanks for what nobody answered."""
        missing = self.questions()
        place = places(self.name)
        write(place.texts, self._texts(missing))
        write(place.descriptor, self._descriptor())
        # last: without a manifest there is no release
        write(place.manifest, self._manifest(missing))
        return place.manifest, place.texts, place.descriptor

    def _take_facts_of_files(self) -> None:
        for name, value in self.delivered.facts.items():
            self._values["release", name] = value
        if self.delivered.topology is not None:
            self._values["observation", "event_type"] = self.delivered.topology
        if not self.delivered.has_times:
            self._comments["release", "start"] = "the first event"
            self._comments["release", "stop"] = "the last event: correct both if necessary"

    def _inherit(self, former: Manifest, supersedes: bool) -> None:
        """Take what the files do not say from another release."""
        for section, names in _INHERITED.items():
            for name in names:
                self._inherit_fact(former, section, name)
                if section == "observation" and (section, name) not in self._values:
                    self._left_out.add((section, name))  # the other does without it
        if supersedes:
            if not self.delivered.has_times:
                for name in ("start", "stop"):
                    self._values.pop(("release", name), None)
                    self._comments.pop(("release", name), None)
            for name in _BY_SUCCESSOR:
                if name != "livetime_days" or self.delivered.livetime_days is None:
                    self._inherit_fact(former, "release", name)
            self._values["release", "supersedes"] = former.name
        self.use_texts(_read(places(former.name).texts))

    def _inherit_fact(self, former: Manifest, section: str, name: str) -> None:
        value = getattr(getattr(former, section), name)
        field = facts.SECTIONS[section].model_fields[name]
        if value is not None and value != field.default:
            self._values.setdefault((section, name), value)

    def _manifest(self, missing: list[Question]) -> str:
        blanks = self._blanks_of(missing)
        lines = [*self._reject(), f"files = {self._files()}", *self._responses(), *self._tables()]
        for section in ("release", "observation"):
            lines += ["", f"[{section}]"]
            for name in facts.SECTIONS[section].model_fields:
                key = section, name
                if key in self._values:
                    item = facts.as_toml(self._values[key], self._written.get(key))
                    comment = f"  # {self._comments[key]}" if key in self._comments else ""
                    lines.append(f"{name} = {item.as_string()}{comment}")
                elif blank := blanks.get(key):
                    lines.append(f"{name} = {facts.as_toml(blank).as_string()}")
        return "\n".join(lines) + "\n"

    def _blanks_of(self, missing: list[Question]) -> dict[tuple[str, str], str]:
        """Return the blanks of the manifest by the facts that are missing."""
        blanks = {}
        for one in missing:
            if one.key == "energies":
                blanks["observation", "min_energy_gev"] = one.blank
                blanks["observation", "max_energy_gev"] = f"{BLANK} see the line before"
            elif one.key not in (DESCRIPTION, DOCUMENTATION):
                blanks[facts.find(one.key)] = one.blank
        if ("observation", "collection") not in self._values:
            instrument = self._values.get(("release", "instrument"))
            if instrument is None:
                wanted = "its name in ObsCore, such as KM3NeT-ORCA6"
                blanks["observation", "collection"] = f"{BLANK} {wanted}"
            else:
                prefix = "" if self._values["release", "detector"] == "antares" else "KM3NeT-"
                self._values["observation", "collection"] = f"{prefix}{instrument}"
        return blanks

    def _reject(self) -> list[str]:
        """Return the line with the rules that may reject rows, and blanks for the others."""
        agreed = self._values.get(("checks", "reject"), frozenset())
        undecided = [
            f"{BLANK} {rule}, if these rows should be left out ({found}); otherwise repair the file"
            for rule, found in self.delivered.broken.items()
            if rule not in agreed
        ]
        rules = [*sorted(agreed), *undecided]
        return [f"checks.reject = {facts.as_toml(tuple(rules)).as_string()}"] if rules else []

    def _files(self) -> str:
        """Return the list of files; public ones if all those of the predecessor are."""
        former = self._former
        is_public = former is not None and all(file.public for file in former.files)
        public = ", public = true" if is_public else ""
        entries = [
            f'{{ name = "{name}", sha256 = ["{checksum}"]{public} }}'
            for name, checksum in self.delivered.files
        ]
        if len(entries) == 1:
            return f"[{entries[0]}]"
        return _lines(entries)

    def _responses(self) -> list[str]:
        """Return the instrument responses of the predecessor, which belong to the same events."""
        if self._former is None or ("release", "supersedes") not in self._values:
            return []
        entries = []
        for one in self._former.responses:
            facts_of_file = one.model_dump(mode="json", exclude_defaults=True)
            table = tomlkit.inline_table()
            table.update(facts_of_file)
            entries.append(table.as_string())
        return [f"responses = {_lines(entries)}"] if entries else []

    def _tables(self) -> list[str]:
        """Return the further tables of the predecessor, as its descriptor declares them."""
        if self._former is None or ("release", "supersedes") not in self._values:
            return []
        entries = []
        for one in self._former.tables:
            table = tomlkit.inline_table()
            table.update(one.model_dump(mode="json", exclude_defaults=True))
            entries.append(table.as_string())
        return [f"tables = {_lines(entries)}"] if entries else []

    def _texts(self, missing: list[Question]) -> bytes:
        if self._content is not None:
            return self._content
        blanks = {one.key: one.blank for one in missing}
        parts = (self.texts.get(key) or blanks[key] for key in (DESCRIPTION, DOCUMENTATION))
        return ("\n\n".join(parts) + "\n").encode()

    def _descriptor(self) -> str:
        """Return the descriptor: that of the predecessor under the new name, or the common one."""
        if self._former is not None:
            text = _read(places(self._former.name).descriptor).decode()
            return re.sub(rf"\b{self._former.name}\b", self.name, text)
        text = resources.files(__package__).joinpath("templates", self._template).read_text("utf-8")
        return Template(text).substitute(name=self.name)


def _lines(entries: list[str]) -> str:
    """Return a list in TOML with an entry per line."""
    return "[\n" + "".join(f"    {entry},\n" for entry in entries) + "]"


def _refuse_names(delivered: Delivered) -> None:
    for name, _ in delivered.files:
        if not _ALLOWED.fullmatch(name):
            raise InputError(
                "a file of this name cannot be published",
                value=name,
                expected="letters, digits, dots, hyphens and underscores",
                remedy="rename the file",
            )


def _read(path: Path) -> bytes:
    with privileges.caller():
        return read_regular(path.resolve())
