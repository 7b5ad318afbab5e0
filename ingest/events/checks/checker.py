"""The checks every delivered event passes before it is located, written or published.

A rule rejects a row, sets one of its values to missing, or corrects the form in which a value is
written. A rejected row ends the import before anything is changed, unless the manifest of the
release names the rule: then the row is left out, counted and reported.

Repeated rows are only found when all are read, which needs little memory; then the files are read
again to say where they are. If they may be left out, they have to be known at once: the first
hashes are kept in memory, and beyond :data:`IN_MEMORY` rows all that repeat are looked up ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ingest.core.errors import InputError, ManifestError
from ingest.events.checks.hashfile import HashFile
from ingest.events.checks.predicates import Columns, TimeRange
from ingest.events.checks.report import EXAMPLES, CheckReport, RuleCount, Violation
from ingest.events.checks.rules import REJECTING, RULES, Rule
from ingest.events.checks.uniqueness import Hashes, KnownRepeats, Mask, SeenRows, hash_rows
from ingest.events.fields import MISSING_INTEGER, Chunk
from ingest.events.identity import IDENTITY
from ingest.events.readers import DEFAULT_CHUNK_ROWS, Reader

NOT_MEASURED = ("event_name", "event_no", *IDENTITY)
"""Fields that identify an event."""
_UNIQUENESS: Final = ("unique-id", "unique-number", "repeated-row")
IN_MEMORY: Final = 1 << 22
"""Rows whose hashes are kept in memory where repeated ones may be left out."""
Observer = Callable[[Columns, Mask], None]


@dataclass(frozen=True)
class Expectations:
    """What the manifest of a release says about its events.

    Parameters
    ----------
    rows : int, optional
        Number of events that must be accepted; if None, any number but 0.
    start_mjd, stop_mjd : float, optional
        Time range of the release, MJD UTC, both ends included.
    reject : frozenset of str
        Rules that may reject rows; a row rejected by any other rule is an error.

    Raises
    ------
    ingest.core.errors.ManifestError
        If `reject` contains a name that is not in :data:`REJECTING`.
    """

    rows: int | None = None
    start_mjd: float | None = None
    stop_mjd: float | None = None
    reject: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := sorted(self.reject - REJECTING):
            raise ManifestError(
                "rows cannot be rejected by rules that do not exist or do not reject rows",
                value=", ".join(unknown),
                expected=f"some of: {', '.join(sorted(REJECTING))}",
                remedy="correct the names in release.toml",
            )


class Checker:
    """Checks the events of a release while they are streamed.

    Parameters
    ----------
    readers : Reader or sequence of Reader
        The delivered files; identifiers must be unique over all of them.
    expectations : Expectations
        What the manifest says.
    observe : callable, optional
        Called for each chunk with its fields, in which corrected and missing values are set, and
        the rows that are rejected; repeated rows are among them only if they may be rejected.
    scratch : pathlib.Path, optional
        The directory of temporary files, see :class:`ingest.events.checks.hashfile.HashFile`.
    in_memory : int
        Rows whose hashes may be in memory.

    Attributes
    ----------
    report : CheckReport
        Complete when all chunks have been consumed.
    withheld : numpy.ndarray or None
        The accepted rows of the first chunk that was not yielded because of an error.
    """

    def __init__(
        self,
        readers: Reader | Sequence[Reader],
        expectations: Expectations,
        observe: Observer | None = None,
        scratch: Path | None = None,
        in_memory: int = IN_MEMORY,
    ) -> None:
        self._readers = [readers] if isinstance(readers, Reader) else list(readers)
        self._expectations = expectations
        self._time_range = TimeRange(expectations.start_mjd, expectations.stop_mjd)
        self._scratch = scratch
        self._in_memory = in_memory
        self._repeats: dict[str, HashFile | SeenRows | KnownRepeats] = {
            name: SeenRows() if name in expectations.reject else self._hash_file()
            for name in _UNIQUENESS
        }
        # hash of the first repeated row, by the name of the rule
        self._repeated_hash: dict[str, int] = {}
        self._observe = observe
        self.report = CheckReport()
        self.withheld: Chunk | None = None

    def checked_chunks(self, rows: int = DEFAULT_CHUNK_ROWS) -> Iterator[Chunk]:
        """Yield the accepted events in file order, with corrected and missing values set.

        After the first error no further chunk is yielded: the rest is read only to count the
        errors. Repeated rows are an error that is found after the last chunk.

        Parameters
        ----------
        rows : int
            Events to read at a time.

        Raises
        ------
        ingest.core.errors.InputError
            After the last chunk, if a row violates a rule that the manifest does not allow to
            reject rows, or the number of accepted rows is not the expected one; or by the reader,
            if a file is damaged. All chunks yielded before must then be discarded.
        ingest.core.errors.IngestError
            If the disk is full.
        """
        for checked in self._all_checked(rows):
            if len(checked) and not self._errors():
                yield checked
            elif len(checked) and self.withheld is None:
                self.withheld = checked
        self._count_repeats(rows)
        if errors := self._errors():
            raise self._first_error(errors)
        self._check_count()

    def _all_checked(self, rows: int) -> Iterator[Chunk]:
        for reader in self._readers:
            row = 0
            for chunk in reader.chunks(rows):
                yield self._check(reader, chunk, row)
                row += len(chunk)

    def _hash_file(self) -> HashFile:
        return HashFile(self._scratch, self._in_memory)

    def _count_repeats(self, rows: int) -> None:
        """Check all events once more if there are repeated ones that nobody has counted."""
        found = {
            name: hashes
            for name, repeats in self._repeats.items()
            if isinstance(repeats, HashFile) and len(hashes := repeats.repeated())
        }
        if not found:
            return
        self.report.clear()
        self._observe = None
        self._repeats = {
            name: SeenRows()
            if name in self._expectations.reject
            else KnownRepeats(found.get(name, np.empty(0, np.uint64)))
            for name in _UNIQUENESS
        }
        for _ in self._all_checked(rows):
            pass

    def _repeated(self, name: str, hashes: Hashes) -> Mask:
        """Return which rows repeat an earlier one, as far as that is known by now."""
        repeats = self._repeats[name]
        if isinstance(repeats, SeenRows) and len(repeats) > self._in_memory:
            ahead = self._hash_file()
            for _, _, found in self._all_hashes(name):
                ahead.add(found)
            known = ahead.repeated()
            repeats = self._repeats[name] = KnownRepeats(known, repeats.contains(known))
        return repeats.add(hashes)

    def _check(self, reader: Reader, chunk: Chunk, row: int) -> Chunk:
        """Return the accepted rows of a chunk; `row` is the number of its first row."""
        delivered = _columns(chunk)
        columns = dict(delivered)
        rejected = np.zeros(len(chunk), np.bool_)
        # squares of huge numbers overflow; a rule finds them
        with np.errstate(over="ignore", invalid="ignore"):
            for rule in RULES:
                violations = rule.violations(columns, self._time_range)
                if violations is not None and violations.any():
                    self._count(reader, rule, violations, row, delivered)
                    if rule.action == "reject-row":
                        rejected |= violations
                    else:
                        rule.correct(columns, violations)
        accepted = ~rejected
        for name, (hashes, applicable) in _row_hashes(columns, accepted).items():
            repeated = np.zeros(len(chunk), np.bool_)
            repeated[applicable] = self._repeated(name, hashes[applicable])
            if repeated.any():
                self._count(reader, self.report.rules[name].rule, repeated, row, delivered)
                self._repeated_hash.setdefault(name, int(hashes[np.argmax(repeated)]))
                rejected |= repeated
        n_rejected = int(np.count_nonzero(rejected))
        self.report.read += len(chunk)
        self.report.rejected += n_rejected
        self.report.accepted += len(chunk) - n_rejected
        if self._observe is not None:
            self._observe(columns, rejected)
        corrected = [name for name in columns if columns[name] is not delivered[name]]
        if corrected:
            chunk = chunk.copy()
            for name in corrected:
                chunk[name] = columns[name]
        return chunk[~rejected] if n_rejected else chunk

    def _count(
        self, reader: Reader, rule: Rule, violations: Mask, row: int, delivered: Columns
    ) -> None:
        """Count the rows of a chunk that violate a rule, and note the first of them."""
        found = self.report.rules[rule.name]
        found.count += int(np.count_nonzero(violations))
        for index in np.flatnonzero(violations)[: EXAMPLES - len(found.examples)].tolist():
            found.examples.append(
                Violation(
                    file=str(reader.path),
                    where=reader.where(row + index),
                    value=rule.values(delivered, index),
                    number=self.report.read + index,
                )
            )

    def _errors(self) -> list[RuleCount]:
        """Return the violated rules that are not allowed to reject rows."""
        return [
            found
            for name, found in self.report.rules.items()
            if found.count and name in REJECTING and name not in self._expectations.reject
        ]

    def _first_error(self, errors: list[RuleCount]) -> InputError:
        """Return the error about the first row that violates any of these rules."""
        found = min(errors, key=lambda one: one.examples[0].number)
        example = found.examples[0]
        counts = ", ".join(f"{one.rule.name} {one.count}" for one in errors)
        names = ", ".join(f'"{one.rule.name}"' for one in errors)
        earlier = self._earlier_row(found.rule.name)
        return InputError(
            f"{found.rule.problem}{earlier and f' as {earlier}'}"
            f" (violations: {counts}; rows read: {self.report.read})",
            file=example.file,
            where=example.where,
            value=example.value,
            expected=found.rule.expected(self._time_range),
            remedy=f"{found.rule.remedy}; or, to leave these rows out, set reject = [{names}]"
            " in release.toml, or give --reject for a conversion",
        )

    def _earlier_row(self, name: str) -> str:
        """Return the place of the row that the first repeated row repeats, by reading again.

        While the events are streamed, only their hashes are stored.
        """
        if name not in self._repeated_hash:
            return ""
        for reader, row, hashes in self._all_hashes(name):
            if len(same := np.flatnonzero(hashes == self._repeated_hash[name])):
                return f"{reader.path.name}, {reader.where(row + int(same[0]))}"
        return ""

    def _all_hashes(self, name: str) -> Iterator[tuple[Reader, int, Hashes]]:
        """Read all files, and yield the hashes of a rule chunk by chunk, with the first row."""
        for reader in self._readers:
            row = 0
            for chunk in reader.chunks():
                columns = _columns(chunk)
                with np.errstate(over="ignore", invalid="ignore"):
                    for rule in RULES:
                        violations = rule.violations(columns, self._time_range)
                        if violations is not None and rule.action != "reject-row":
                            rule.correct(columns, violations)
                all_hashes = _row_hashes(columns, np.ones(len(chunk), np.bool_))
                if name in all_hashes:
                    yield reader, row, all_hashes[name][0]
                row += len(chunk)

    def _check_count(self) -> None:
        expected = self._expectations.rows
        if self.report.accepted == expected or (expected is None and self.report.accepted):
            return
        raise InputError(
            "the number of events differs from the manifest"
            if expected is not None
            else "no event was accepted",
            file=", ".join(str(reader.path) for reader in self._readers),
            value=f"{self.report.accepted} accepted of {self.report.read} read",
            expected="at least one" if expected is None else str(expected),
            remedy="fetch the file again if it is incomplete, or correct the number in release.toml"
            if expected is not None
            else "fetch the file again, or correct the rules named in reject",
        )


def _columns(chunk: Chunk) -> Columns:
    """Return the fields of a chunk as contiguous arrays, which makes the checks fast."""
    return {name: np.ascontiguousarray(chunk[name]) for name in chunk.dtype.names or ()}


def _row_hashes(columns: Columns, accepted: Mask) -> dict[str, tuple[Hashes, Mask]]:
    """Return hashes that must not repeat, and the rows they apply to, by the name of the rule."""
    found = {}
    if "event_name" in columns:
        name = columns["event_name"]
        found["unique-id"] = hash_rows([name]), accepted & (name != "")
    elif all(name in columns for name in IDENTITY):
        numbers = [columns[name] for name in IDENTITY]
        complete = np.logical_and.reduce([column != MISSING_INTEGER for column in numbers])
        found["unique-id"] = hash_rows(numbers), accepted & complete
    if "event_no" in columns:
        number = columns["event_no"]
        found["unique-number"] = hash_rows([number]), accepted & (number != MISSING_INTEGER)
    measured = [column for field, column in columns.items() if field not in NOT_MEASURED]
    found["repeated-row"] = hash_rows(measured), accepted
    return found
