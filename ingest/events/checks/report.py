"""What the checks found: counts per rule, and the first rows that violate each."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.events.checks.rules import RULES, Rule

EXAMPLES: Final = 5
"""Number of violations a report lists per rule."""


@dataclass(frozen=True)
class Violation:
    """One row that violates a rule."""

    file: str
    where: str
    value: str
    number: int
    """Number of the row, counted from 0 over all files."""


@dataclass
class RuleCount:
    """How many rows violate a rule, and the first ones as delivered."""

    rule: Rule
    count: int = 0
    examples: list[Violation] = field(default_factory=list)

    def add_examples(self, violations: Iterable[Violation]) -> None:
        """Note violations, as long as there are less than :data:`EXAMPLES`."""
        self.examples.extend(itertools.islice(violations, max(0, EXAMPLES - len(self.examples))))


@dataclass
class CheckReport:
    """The result of the checks.

    Attributes
    ----------
    read, accepted, rejected : int
        Numbers of rows; read = accepted + rejected. A row that violates two rules counts once.
    rules : dict of str to RuleCount
        The rules by name, in the order in which they are applied.
    """

    read: int = 0
    accepted: int = 0
    rejected: int = 0
    rules: dict[str, RuleCount] = field(
        default_factory=lambda: {rule.name: RuleCount(rule) for rule in RULES}
    )

    def clear(self) -> None:
        """Forget everything, to check from the beginning."""
        self.read = self.accepted = self.rejected = 0
        for found in self.rules.values():
            found.count = 0
            found.examples.clear()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON and for the provenance."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "rules": [
                {
                    "name": one.rule.name,
                    "rule": one.rule.description,
                    "action": one.rule.action,
                    "count": one.count,
                    "first": [
                        {"file": example.file, "where": example.where, "value": example.value}
                        for example in one.examples
                    ],
                }
                for one in self.rules.values()
            ],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> CheckReport:
        """Return the report that :meth:`to_dict` returned; rows are no longer numbered."""
        found = cls(*(content[name] for name in ("read", "accepted", "rejected")))
        for one in content["rules"]:
            rule = found.rules[one["name"]]
            rule.count = one["count"]
            rule.add_examples(Violation(**example, number=0) for example in one["first"])
        return found

    def lines(self) -> list[str]:
        """Return a summary as text, and a line for each rule that was violated."""
        lines = [f"{self.read} rows read, {self.accepted} accepted, {self.rejected} rejected"]
        for one in self.rules.values():
            if one.count:
                example = one.examples[0]
                lines.append(
                    f"  {one.rule.name}: {one.count} × {one.rule.action};"
                    f" first {example.where}: {example.value}"
                )
        return lines
