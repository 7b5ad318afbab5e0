"""The likeliest faults of an instance: found, explained, and with the command that helps."""

from ingest.publish.doctor.diagnosis import diagnose
from ingest.publish.doctor.patient import Finding, Severity

__all__ = ["Finding", "Severity", "diagnose"]
