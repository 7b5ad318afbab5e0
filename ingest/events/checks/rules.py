"""The rules that :mod:`ingest.events.checks.checker` applies to delivered events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ingest.events.checks import predicates
from ingest.events.checks.predicates import (
    NORM_TOLERANCE,
    Columns,
    Correction,
    PlaceholderTest,
    Predicate,
    TimeRange,
)
from ingest.events.checks.uniqueness import Mask
from ingest.events.fields import MISSING_INTEGER, UNIX_TIME, VECTOR
from ingest.events.identity import IDENTITY

Action = Literal["reject-row", "set-missing", "repair"]

_AT_ORIGIN = "correct or remove the row at its origin and deliver the file again"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Parameters
    ----------
    name : str
        The name in manifests and reports.
    description : str
        What the rule requires or does, as a sentence.
    action : str
        ``reject-row``, ``set-missing`` (NaN, or the missing value of integers), or ``repair``
        (only the form in which a value is written is changed).
    fields : tuple of str
        The fields the rule is about; it applies to chunks that have any of them.
    problem, expectation, remedy : str
        Parts of the message about a row that violates the rule.
    predicate : callable, optional
        Returns the rows that violate the rule. None if single rows cannot violate it.
    correction : callable, optional
        Corrects the rows of a mask, by replacing arrays in the columns.
    """

    name: str
    description: str
    action: Action
    fields: tuple[str, ...]
    problem: str = ""
    expectation: str = ""
    remedy: str = _AT_ORIGIN
    predicate: Predicate | None = None
    correction: Correction | None = None

    def violations(self, columns: Columns, time_range: TimeRange) -> Mask | None:
        """Return the rows that violate the rule; None if it does not apply."""
        if self.predicate is None or not any(name in columns for name in self.fields):
            return None
        return self.predicate(columns, time_range)

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """Pickle a rule by its name: its functions cannot be pickled."""
        return rule_named, (self.name,)

    def correct(self, columns: Columns, rows: Mask) -> None:
        """Correct rows by replacing arrays, none of which is changed in place."""
        if self.correction is not None:
            self.correction(columns, rows)

    def expected(self, time_range: TimeRange) -> str:
        """Return the expectation for a release of this time range."""
        return self.expectation.format(start=time_range.start_mjd, stop=time_range.stop_mjd)

    def values(self, columns: Columns, index: int) -> str:
        """Return the values of one row that the rule is about."""
        return ", ".join(
            f"{name} = {columns[name][index]}" for name in self.fields if name in columns
        )


def _missing(
    name: str, description: str, fields: tuple[str, ...], is_placeholder: PlaceholderTest
) -> Rule:
    """Return the rule that sets placeholders in `fields` to missing."""

    def predicate(columns: Columns, time_range: TimeRange) -> Mask:
        return predicates.any_of(
            is_placeholder(columns[field]) for field in fields if field in columns
        )

    def correct(columns: Columns, rows: Mask) -> None:
        for field in fields:
            if field in columns:
                column = columns[field]
                missing = np.nan if column.dtype.kind == "f" else MISSING_INTEGER
                columns[field] = np.where(is_placeholder(column), missing, column).astype(
                    column.dtype
                )

    return Rule(name, description, "set-missing", fields, predicate=predicate, correction=correct)


RULES: Final = (
    # placeholders first: a missing value cannot be out of range
    _missing(
        "energy-placeholder",
        "an energy of -999, -1, 0 or infinity is a missing value",
        ("energy",),
        predicates.placeholder(-999, -1, 0),
    ),
    _missing(
        "ang-err-placeholder",
        "an angular error of -999, -1 or infinity is a missing value",
        ("ang_err",),
        predicates.placeholder(-999, -1),
    ),
    _missing(
        # from the covariance of a failed fit: beta0 of JGandalf reaches 5 rad
        "ang-err-unbounded",
        "an angular error above 180 deg is from a failed fit and is a missing value",
        ("ang_err",),
        predicates.above_half_circle,
    ),
    _missing(
        "likelihood-placeholder",
        # the files use the most negative double for a fit that was not done
        "a likelihood of -999, infinity or the most negative double is a missing value",
        ("likelihood",),
        predicates.placeholder(-999, float(np.finfo(np.float64).min)),
    ),
    _missing(
        "local-direction-placeholder",
        "a zenith or azimuth of -999, -1 or infinity is a missing value",
        ("zenith", "azimuth"),
        predicates.placeholder(-999, -1),
    ),
    _missing(
        "n-hits-placeholder",
        "a number of hits below 1 is a missing value",
        ("n_hits",),
        predicates.below_one,
    ),
    _missing(
        "number-placeholder",
        "a detector, run, frame or trigger number of -999 or -1 is a missing value",
        IDENTITY,
        predicates.placeholder(-999, -1),
    ),
    Rule(
        "finite-time",
        "every event has a time",
        "reject-row",
        ("mjd", *UNIX_TIME),
        problem="the event has no valid time",
        expectation="a finite MJD, or whole UTC seconds and 0 to 999999999 nanoseconds",
        predicate=predicates.invalid_time,
    ),
    Rule(
        "time-range",
        "every event lies within the release's time range",
        "reject-row",
        ("mjd", *UNIX_TIME),
        problem="the event is outside the release's time range",
        expectation="a time from MJD {start} to {stop} (UTC)",
        remedy="correct start_mjd and stop_mjd in release.toml, or deliver the right file",
        predicate=predicates.outside_release,
    ),
    Rule(
        "finite-direction",
        "every event has a direction",
        "reject-row",
        ("ra", "dec", *VECTOR),
        problem="the event has no direction",
        expectation="finite numbers",
        predicate=predicates.not_finite("ra", "dec", *VECTOR),
    ),
    Rule(
        "declination",
        "declinations lie in [-90, 90] deg",
        "reject-row",
        ("dec",),
        problem="the declination is out of range",
        expectation="-90 to 90 deg",
        predicate=predicates.outside(-90, 90, "dec"),
    ),
    Rule(
        "right-ascension",
        "right ascensions lie in [0, 360] deg",
        "reject-row",
        ("ra",),
        problem="the right ascension is out of range",
        expectation="0 to 360 deg (not hours, and not -180 to 180)",
        predicate=predicates.outside(0, 360, "ra"),
    ),
    Rule(
        "full-circle",
        "360 deg is written as 0",
        "repair",
        ("ra", "azimuth"),
        predicate=predicates.full_circle("ra", "azimuth"),
        correction=predicates.wrap_full_circle("ra", "azimuth"),
    ),
    Rule(
        "unit-vector",
        f"directions have length 1 to within {NORM_TOLERANCE}",
        "reject-row",
        VECTOR,
        problem="the direction is not a unit vector",
        expectation=f"a length of 1 to within {NORM_TOLERANCE}",
        predicate=predicates.not_unit,
    ),
    Rule(
        "unit-vector-rounding",
        f"directions whose length differs from 1 by at most {NORM_TOLERANCE} are normalised",
        "repair",
        VECTOR,
        predicate=predicates.rounded_unit,
        correction=predicates.normalise,
    ),
    Rule(
        "local-direction",
        "zeniths lie in [0, 180] deg and azimuths in [0, 360] deg",
        "reject-row",
        ("zenith", "azimuth"),
        problem="the local direction is out of range",
        expectation="zenith 0 to 180 deg, azimuth 0 to 360 deg",
        predicate=lambda columns, time_range: predicates.any_of(
            predicates.outside(0, high, name)(columns, time_range)
            for name, high in (("zenith", 180), ("azimuth", 360))
            if name in columns
        ),
    ),
    Rule(
        "angular-error",
        "angular errors are not negative",
        "reject-row",
        ("ang_err",),
        problem="the angular error is negative",
        expectation="0 to 180 deg",
        predicate=predicates.outside(0, np.inf, "ang_err"),
    ),
    Rule(
        "energy",
        "energies are positive",
        "reject-row",
        ("energy",),
        problem="the energy is negative",
        expectation="GeV, above 0",
        predicate=predicates.outside(0, np.inf, "energy"),
    ),
    Rule(
        "unique-id",
        "no two events have the same name, or the same detector, run, frame and trigger numbers",
        "reject-row",
        ("event_name", *IDENTITY),
        problem="the event has the same id",
        expectation="a unique id for every event",
    ),
    Rule(
        "unique-number",
        "no two events have the same event number",
        "reject-row",
        ("event_no",),
        problem="the event has the same number",
        expectation="a unique number for every event",
    ),
    Rule(
        "repeated-row",
        "no two events have the same measured values",
        "reject-row",
        ("mjd", *UNIX_TIME, "ra", "dec", *VECTOR, "n_hits", "energy"),
        problem="the event has the same measured values",
        expectation="every event only once",
    ),
)
"""All rules, in the order they are applied."""

REJECTING: Final = frozenset(rule.name for rule in RULES if rule.action == "reject-row")
"""Names of the rules that reject rows; a manifest may list these."""


def rule_named(name: str) -> Rule:
    """Return the rule called `name`, which must exist."""
    return next(rule for rule in RULES if rule.name == name)
