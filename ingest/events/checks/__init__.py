"""Checks of delivered events: rules, counts per rule, uniqueness of identifiers."""

from ingest.events.checks.checker import Checker, Expectations
from ingest.events.checks.report import CheckReport
from ingest.events.checks.rules import REJECTING

__all__ = ["REJECTING", "CheckReport", "Checker", "Expectations"]
