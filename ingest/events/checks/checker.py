"""The checks every delivered event passes before it is located, written or published.

A rule either rejects a row, or sets one of its values to "not given", or puts right what has
one right form only. A rejected row ends the import before anything is changed, unless the
release's manifest names its rule: then the row is left out, counted and reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingest.core.errors import InputError, ManifestError
from ingest.events.checks.predicates import Columns, Limits
from ingest.events.checks.rules import RULES, Rule
from ingest.events.checks.uniqueness import Hashes, Mask, SeenRows, hash_rows
from ingest.events.fields import MISSING_INTEGER, Chunk
from ingest.events.identity import IDENTITY
from ingest.events.readers import DEFAULT_CHUNK_ROWS, Reader

FIRST_SHOWN = 5
"""Offending rows a report keeps per rule."""

NAMING = ("event_name", "event_no", *IDENTITY)
"""Fields that say which event it is, and not what was measured."""

REJECTING = frozenset(rule.name for rule in RULES if rule.action == "reject-row")
"""Names of the rules that reject rows; a manifest may name these."""


@dataclass(frozen=True)
class Expectations:
    """What a release's manifest says of its events.

    Parameters
    ----------
    rows : int, optional
        Number of events that must be left after the checks.
    start_mjd, stop_mjd : float, optional
        The release's time range, MJD UTC, both ends included.
    reject : frozenset of str
        Rules whose offending rows are left out; any other offending row is an error.

    Raises
    ------
    ingest.core.errors.ManifestError
        If `reject` names no rule, or one that does not reject rows.
    """

    rows: int | None = None
    start_mjd: float | None = None
    stop_mjd: float | None = None
    reject: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := sorted(self.reject - REJECTING):
            raise ManifestError(
                "the manifest wants rows rejected by rules that do not exist or reject nothing",
                value=", ".join(unknown),
                expected=f"some of: {', '.join(sorted(REJECTING))}",
                remedy="correct the names in release.toml",
            )


@dataclass(frozen=True)
class Offence:
    """One row that breaks a rule; `number` counts the rows of all files from 0."""

    file: str
    where: str
    value: str
    number: int


@dataclass
class RuleCount:
    """How often a rule acted."""

    rule: Rule
    count: int = 0
    first: list[Offence] = field(default_factory=list)


@dataclass
class CheckReport:
    """What the checks found.

    Attributes
    ----------
    read, accepted, rejected : int
        Rows; read = accepted + rejected. A row that breaks two rules is rejected once.
    rules : dict of str to RuleCount
        By the rules' names, in the order they are applied.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rules: dict[str, RuleCount] = field(
        default_factory=lambda: {rule.name: RuleCount(rule) for rule in RULES}
    )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON and the provenance."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "rules": [
                {
                    "name": found.rule.name,
                    "rule": found.rule.sentence,
                    "action": found.rule.action,
                    "count": found.count,
                    "first": [
                        {"file": one.file, "where": one.where, "value": one.value}
                        for one in found.first
                    ],
                }
                for found in self.rules.values()
            ],
        }

    def lines(self) -> list[str]:
        """Return the report for reading: a summary, and a line per rule that acted."""
        lines = [f"{self.read} rows read, {self.accepted} accepted, {self.rejected} rejected"]
        for found in self.rules.values():
            if found.count:
                first = found.first[0]
                lines.append(
                    f"  {found.rule.name}: {found.count} × {found.rule.action};"
                    f" first {first.where}: {first.value}"
                )
        return lines


class Checker:
    """Checks the events of a release while they stream by.

    Parameters
    ----------
    readers : Reader or sequence of Reader
        The delivered files; ids must be unique over all of them.
    expectations : Expectations
        What the manifest says.

    Attributes
    ----------
    report : CheckReport
        Complete when the chunks are used up.
    """

    def __init__(self, readers: Reader | Sequence[Reader], expectations: Expectations) -> None:
        self._readers = [readers] if isinstance(readers, Reader) else list(readers)
        self._expectations = expectations
        self._limits = Limits(expectations.start_mjd, expectations.stop_mjd)
        self._seen = {name: SeenRows() for name in ("unique-id", "unique-number", "repeated-row")}
        # the hash of the first repetition, by the rule's name
        self._twins: dict[str, int] = {}
        self.report = CheckReport()

    def checked_chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the accepted events in file order, with missing values as the house has them.

        Once a row is found that must not be there, no further chunk is yielded: the rest is
        only read to tell how much is wrong.

        Parameters
        ----------
        rows : int
            Events to read at a time.

        Raises
        ------
        ingest.core.errors.InputError
            After the last chunk: if a row broke a rule that the manifest does not allow for, or
            the number of accepted rows is not the expected one. From the reader: if the file
            is damaged. What was yielded before must then be thrown away.
        """
        for reader in self._readers:
            row = 0
            for chunk in reader.chunks(rows):
                checked = self._check(reader, chunk, row)
                row += len(chunk)
                if len(checked) and not self._fatal():
                    yield checked
        if fatal := self._fatal():
            raise self._refusal(fatal)
        self._check_count()

    def _check(self, reader: Reader, chunk: Chunk, row: int) -> Chunk:
        """Return the accepted rows of one chunk; `row` is its first row's number."""
        original = _columns(chunk)
        columns = dict(original)
        bad = np.zeros(len(chunk), np.bool_)
        # numbers so large that their squares overflow are found all the same
        with np.errstate(over="ignore", invalid="ignore"):
            for rule in RULES:
                broken = rule.broken(columns, self._limits)
                if broken is not None and broken.any():
                    self._note(reader, rule, broken, row, original)
                    if rule.action == "reject-row":
                        bad |= broken
                    else:
                        rule.mend(columns, broken)
        good = ~bad
        for name, (keys, among) in _keys(columns, good).items():
            repeated = np.zeros(len(chunk), np.bool_)
            repeated[among] = self._seen[name].add(keys[among])
            if repeated.any():
                self._note(reader, self.report.rules[name].rule, repeated, row, original)
                self._twins.setdefault(name, int(keys[np.argmax(repeated)]))
                bad |= repeated
        rejected = int(np.count_nonzero(bad))
        self.report.read += len(chunk)
        self.report.rejected += rejected
        self.report.accepted += len(chunk) - rejected
        changed = [name for name in columns if columns[name] is not original[name]]
        if changed:
            chunk = chunk.copy()
            for name in changed:
                chunk[name] = columns[name]
        return chunk[~bad] if rejected else chunk

    def _note(self, reader: Reader, rule: Rule, broken: Mask, row: int, columns: Columns) -> None:
        """Count the rows of a chunk that break a rule, and keep the first ones as they came."""
        found = self.report.rules[rule.name]
        found.count += int(np.count_nonzero(broken))
        if len(found.first) < FIRST_SHOWN:
            for index in np.flatnonzero(broken)[: FIRST_SHOWN - len(found.first)]:
                number = self.report.read + int(index)
                where = reader.where(row + int(index))
                value = rule.shown(columns, int(index))
                found.first.append(Offence(str(reader.path), where, value, number))

    def _fatal(self) -> list[RuleCount]:
        """Return the rules that reject rows and were not allowed to."""
        return [
            found
            for name, found in self.report.rules.items()
            if found.count and name in REJECTING and name not in self._expectations.reject
        ]

    def _refusal(self, fatal: list[RuleCount]) -> InputError:
        """Describe the first row of all that must not be there."""
        found = min(fatal, key=lambda one: one.first[0].number)
        first = found.first[0]
        counts = ", ".join(f"{one.rule.name} {one.count}" for one in fatal)
        names = ", ".join(f'"{one.rule.name}"' for one in fatal)
        earlier = self._earlier(found.rule.name)
        return InputError(
            f"{found.rule.problem}{earlier and f' as {earlier}'}"
            f" (rows that break a rule: {counts}; of {self.report.read} read)",
            file=first.file,
            where=first.where,
            value=first.value,
            expected=found.rule.expected(self._limits),
            remedy=f"{found.rule.remedy}; or, if these rows are meant to be left out,"
            f" put reject = [{names}] in release.toml, or give --reject for a conversion",
        )

    def _earlier(self, name: str) -> str:
        """Find the row that the first repetition repeats, by reading once more.

        Only hashes are kept while the events stream by, so nobody knows it any more.
        """
        if name not in self._twins:
            return ""
        for reader in self._readers:
            row = 0
            for chunk in reader.chunks():
                columns = _columns(chunk)
                for rule in RULES:
                    broken = rule.broken(columns, self._limits)
                    if broken is not None and rule.action != "reject-row":
                        rule.mend(columns, broken)
                keys, _ = _keys(columns, np.ones(len(chunk), np.bool_))[name]
                if len(same := np.flatnonzero(keys == self._twins[name])):
                    return f"{reader.path.name}, {reader.where(row + int(same[0]))}"
                row += len(chunk)
        return ""

    def _check_count(self) -> None:
        expected = self._expectations.rows
        if self.report.accepted == expected or (expected is None and self.report.accepted):
            return
        files = ", ".join(str(reader.path) for reader in self._readers)
        raise InputError(
            "the number of events is not the one announced",
            file=files,
            value=f"{self.report.accepted} accepted of {self.report.read} read",
            expected="at least one" if expected is None else str(expected),
            remedy="fetch the file again if it is incomplete, else correct rows in release.toml",
        )


def _columns(chunk: Chunk) -> Columns:
    """Return the fields of a chunk, each as an array of its own.

    In wide rows they lie far apart in memory: copying each once makes all the rest fast.
    """
    return {name: np.ascontiguousarray(chunk[name]) for name in chunk.dtype.names or ()}


def _keys(columns: Columns, good: Mask) -> dict[str, tuple[Hashes, Mask]]:
    """Return what must not repeat: hashes by the name of the rule, and the rows it is for."""
    keys = {}
    if "event_name" in columns:
        name = columns["event_name"]
        keys["unique-id"] = hash_rows([name]), good & (name != "")
    elif all(name in columns for name in IDENTITY):
        numbers = [columns[name] for name in IDENTITY]
        given = np.logical_and.reduce([column != MISSING_INTEGER for column in numbers])
        keys["unique-id"] = hash_rows(numbers), good & given
    if "event_no" in columns:
        number = columns["event_no"]
        keys["unique-number"] = hash_rows([number]), good & (number != MISSING_INTEGER)
    measured = [column for field, column in columns.items() if field not in NAMING]
    keys["repeated-row"] = hash_rows(measured), good
    return keys
