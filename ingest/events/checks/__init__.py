"""Checks of delivered events: rules, counts per rule, uniqueness of identifiers."""

from ingest.events.checks.checker import REJECTING, Checker, CheckReport, Expectations

__all__ = ["REJECTING", "CheckReport", "Checker", "Expectations"]
