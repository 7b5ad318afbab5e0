"""The rules of :mod:`ingest.events.checks.checker`: what a delivered event must be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ingest.events.checks import predicates
from ingest.events.checks.predicates import (
    NORM_TOLERANCE,
    UNIX,
    VECTOR,
    Columns,
    IsNone,
    Limits,
    Mending,
    Test,
)
from ingest.events.checks.uniqueness import Mask
from ingest.events.fields import MISSING_INTEGER

Action = Literal["reject-row", "set-missing", "repair"]

_AT_ORIGIN = "repair or remove the row at its origin and deliver the file again"


@dataclass(frozen=True)
class Rule:
    """One rule.

    Parameters
    ----------
    name : str
        As written in manifests and reports.
    sentence : str
        What it demands or does.
    action : str
        ``reject-row``, ``set-missing`` (NaN, or the integers' missing value), or ``repair``
        (only the one form is changed in which the same value is written).
    fields : tuple of str
        The fields it looks at and shows; it applies to chunks that have any of them.
    problem, remedy : str
        For the message about a row that breaks it.
    test : callable, optional
        Returns the rows that break it. None: the check is not made row by row.
    mending : callable, optional
        Puts the rows of a mask right, by replacing arrays in the columns.
    wanted : str
        What is expected, for the message.
    """

    name: str
    sentence: str
    action: Action
    fields: tuple[str, ...]
    problem: str = ""
    wanted: str = ""
    remedy: str = _AT_ORIGIN
    test: Test | None = None
    mending: Mending | None = None

    def broken(self, columns: Columns, limits: Limits) -> Mask | None:
        """Return the rows that break the rule, None where it does not apply."""
        if self.test is None or not any(name in columns for name in self.fields):
            return None
        return self.test(columns, limits)

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """Travel between processes by name: tests are functions, which cannot."""
        return rule_named, (self.name,)

    def mend(self, columns: Columns, rows: Mask) -> None:
        """Put rows right; the arrays that were there stay as they are."""
        if self.mending is not None:
            self.mending(columns, rows)

    def expected(self, limits: Limits) -> str:
        """Return what should have been there."""
        return self.wanted.format(start=limits.start_mjd, stop=limits.stop_mjd)

    def shown(self, columns: Columns, index: int) -> str:
        """Return the values of one row that the rule looks at."""
        return ", ".join(
            f"{name} = {columns[name][index]}" for name in self.fields if name in columns
        )


def _not_given(name: str, what: str, fields: tuple[str, ...], is_it: IsNone) -> Rule:
    """Make a rule that sets placeholders in `fields` to "not given"."""

    def test(columns: Columns, limits: Limits) -> Mask:
        return predicates.either(is_it(columns[one]) for one in fields if one in columns)

    def mend(columns: Columns, rows: Mask) -> None:
        for one in fields:
            if one in columns:
                missing = np.nan if columns[one].dtype.kind == "f" else MISSING_INTEGER
                columns[one] = np.where(is_it(columns[one]), missing, columns[one]).astype(
                    columns[one].dtype
                )

    return Rule(name, what, "set-missing", fields, test=test, mending=mend)


RULES: Final = (
    # placeholders first: what is not given cannot be out of range
    _not_given(
        "energy-placeholder",
        "an energy of -999, -1, 0 or infinity means that there is none",
        ("energy",),
        predicates.placeholder(-999, -1, 0),
    ),
    _not_given(
        "ang-err-placeholder",
        "an angular error of -999, -1 or infinity means that there is none",
        ("ang_err",),
        predicates.placeholder(-999, -1),
    ),
    _not_given(
        # the covariance of a fit that failed gives any number: JGandalf's beta0 reaches 5 rad
        "ang-err-unbounded",
        "an angular error above 180 deg means that the fit could give none",
        ("ang_err",),
        predicates.above_half_circle,
    ),
    _not_given(
        "likelihood-placeholder",
        # the smallest number there is stands in the files for a fit that was not done
        "a likelihood of -999, infinity or the smallest number means that there is none",
        ("likelihood",),
        predicates.placeholder(-999, float(np.finfo(np.float64).min)),
    ),
    _not_given(
        "local-direction-placeholder",
        "a zenith or azimuth of -999, -1 or infinity means that there is none",
        ("zenith", "azimuth"),
        predicates.placeholder(-999, -1),
    ),
    _not_given(
        "n-hits-placeholder",
        "a number of hits below 1 means that there is none",
        ("n_hits",),
        predicates.below_one,
    ),
    _not_given(
        "number-placeholder",
        "a detector, run, frame or trigger number of -999 or -1 means that there is none",
        ("det_id", "run_id", "frame_index", "trigger_counter"),
        predicates.placeholder(-999, -1),
    ),
    Rule(
        "finite-time",
        "every event has a time",
        "reject-row",
        ("mjd", *UNIX),
        problem="the event has no valid time",
        wanted="a finite MJD, or whole UTC seconds and 0 to 999999999 nanoseconds",
        test=predicates.bad_time,
    ),
    Rule(
        "time-range",
        "every event lies within the release's time range",
        "reject-row",
        ("mjd", *UNIX),
        problem="the event is outside the release's time range",
        wanted="a time from MJD {start} to {stop} (UTC)",
        remedy="correct start_mjd and stop_mjd in release.toml, or deliver the right file",
        test=predicates.outside_release,
    ),
    Rule(
        "finite-direction",
        "every event has a direction",
        "reject-row",
        ("ra", "dec", *VECTOR),
        problem="the event has no direction",
        wanted="finite numbers",
        test=predicates.not_finite("ra", "dec", *VECTOR),
    ),
    Rule(
        "declination",
        "declinations lie in [-90, 90] deg",
        "reject-row",
        ("dec",),
        problem="the declination is not on the sky",
        wanted="-90 to 90 deg",
        test=predicates.outside(-90, 90, "dec"),
    ),
    Rule(
        "right-ascension",
        "right ascensions lie in [0, 360] deg",
        "reject-row",
        ("ra",),
        problem="the right ascension is not within the circle",
        wanted="0 to 360 deg (not hours, and not -180 to 180)",
        test=predicates.outside(0, 360, "ra"),
    ),
    Rule(
        "full-circle",
        "360 deg is written as 0",
        "repair",
        ("ra", "azimuth"),
        test=predicates.full_circle("ra", "azimuth"),
        mending=predicates.fold("ra", "azimuth"),
    ),
    Rule(
        "unit-vector",
        f"directions have length 1 to within {NORM_TOLERANCE}",
        "reject-row",
        VECTOR,
        problem="the direction is not a unit vector",
        wanted=f"a length of 1 to within {NORM_TOLERANCE}",
        test=predicates.not_unit,
    ),
    Rule(
        "unit-vector-rounding",
        f"directions whose length is off by less than {NORM_TOLERANCE} are given length 1",
        "repair",
        VECTOR,
        test=predicates.nearly_unit,
        mending=predicates.normalise,
    ),
    Rule(
        "local-direction",
        "zeniths lie in [0, 180] deg and azimuths in [0, 360] deg",
        "reject-row",
        ("zenith", "azimuth"),
        problem="the local direction is not within its range",
        wanted="zenith 0 to 180 deg, azimuth 0 to 360 deg",
        test=lambda columns, limits: predicates.either(
            predicates.outside(0, high, name)(columns, limits)
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
        wanted="0 to 180 deg",
        test=predicates.outside(0, np.inf, "ang_err"),
    ),
    Rule(
        "energy",
        "energies are positive",
        "reject-row",
        ("energy",),
        problem="the energy is negative",
        wanted="GeV, above 0",
        test=predicates.outside(0, np.inf, "energy"),
    ),
    Rule(
        "unique-id",
        "no two events have the same name, or detector, run, frame and trigger number",
        "reject-row",
        ("event_name", "det_id", "run_id", "frame_index", "trigger_counter"),
        problem="the event has the same id",
        wanted="an id of its own for every event",
    ),
    Rule(
        "unique-number",
        "no two events have the same event number",
        "reject-row",
        ("event_no",),
        problem="the event has the same number",
        wanted="a number of its own for every event",
    ),
    Rule(
        "repeated-row",
        "no two events have the same measured values",
        "reject-row",
        ("mjd", *UNIX, "ra", "dec", *VECTOR, "n_hits", "energy"),
        problem="the event has the same measured values",
        wanted="every event once",
    ),
)
"""All rules, in the order they are applied."""


def rule_named(name: str) -> Rule:
    """Return the rule called `name`; there must be one."""
    return next(rule for rule in RULES if rule.name == name)
