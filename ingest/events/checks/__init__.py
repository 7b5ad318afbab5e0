"""Checks of delivered events: rules, counts per rule, uniqueness of identifiers."""

from ingest.events.checks.checker import Checker, Expectations
from ingest.events.checks.hashfile import HashFile
from ingest.events.checks.report import CheckReport, RuleCount
from ingest.events.checks.rules import REJECTING
from ingest.events.checks.uniqueness import hash_rows

__all__ = [
    "REJECTING",
    "CheckReport",
    "Checker",
    "Expectations",
    "HashFile",
    "RuleCount",
    "hash_rows",
]
