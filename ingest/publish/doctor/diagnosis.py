"""All checks in the order in which faults cause one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ingest.core.errors import IngestError
from ingest.publish.doctor import content, machine, servers, upkeep
from ingest.publish.doctor.patient import Fault, Finding, Patient, Severity, Unknown

CHECKS: Final[tuple[tuple[str, Callable[[Patient], None]], ...]] = (
    *machine.CHECKS,
    *servers.CHECKS,
    *content.CHECKS,
    *upkeep.CHECKS,
)


def diagnose() -> Iterator[Finding]:
    """Yield the result of each check of the current instance; nothing is changed."""
    patient = Patient()
    try:
        for name, check in CHECKS:
            yield _examine(name, check, patient)
    finally:
        patient.close()


def _examine(name: str, check: Callable[[Patient], None], patient: Patient) -> Finding:
    try:
        check(patient)
    except Fault as fault:
        return Finding(name, fault.severity, str(fault), fault.explanation, fault.remedy)
    except Unknown as reason:
        return Finding(name, Severity.UNKNOWN, str(reason))
    except IngestError as error:
        place = f"{error.file}: " if error.file else ""
        value = f" ({error.value})" if error.value is not None else ""
        return Finding(
            name, Severity.FAULT, f"{place}{error.problem}{value}", "", error.remedy or ""
        )
    except Exception as error:  # nothing that is broken may stop the other checks
        return Finding(
            name,
            Severity.FAULT,
            f"it could not be checked: {type(error).__name__}: {error}".strip(),
            "The instance is in a state that this check does not expect.",
            "km3vo instance status",
        )
    return Finding(name, Severity.OK)
