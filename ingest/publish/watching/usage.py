"""Statistics of the use of an instance, by month and service, without anything about persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ingest.instance import Layout, metering


@dataclass(frozen=True)
class Usage:
    """How a service was used in a month.

    Attributes
    ----------
    month : str
        The month in UTC, such as ``2026-11``.
    service : str
        The service; ``all`` for all together.
    requests, rows, bytes : int
        Its requests, and the rows and bytes that it sent.
    clients : int
        The sum over all days of the distinct clients of each day, estimated to about 3 %.
    """

    month: str
    service: str
    requests: int
    rows: int
    bytes: int
    clients: int


COLUMNS = tuple(field.name for field in fields(Usage))


def usage_by_month(layout: Layout) -> list[Usage]:
    """Return the use of all services, by month and name; the present month is not complete.

    Parameters
    ----------
    layout : Layout
        The instance; it need not run.
    """
    totals, _, _ = metering.Store(layout.metrics).read()
    months: dict[str, dict[str, Any]] = totals["months"]
    for day, services in totals["days"].items():
        month = months.setdefault(day[:7], {})
        for service, counted in services.items():
            one = counted | {"clients": metering.clients_in(counted["clients"])}
            month[service] = metering.combined(month[service], one) if service in month else one
    return [
        _row(month, service, counted)
        for month, services in sorted(months.items())
        for service, counted in sorted(services.items())
    ]


def _row(month: str, service: str, counted: Mapping[str, int]) -> Usage:
    numbers = {name: int(counted.get(name, 0)) for name in ("requests", "rows", "bytes", "clients")}
    return Usage(month, service, **numbers)
