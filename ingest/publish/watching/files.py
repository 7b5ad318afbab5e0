"""Metrics of what is below ``var/``: releases, disks, and the dates of regular work."""

from __future__ import annotations

import functools
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ingest import __version__
from ingest.core import privileges
from ingest.core.files import read_regular
from ingest.instance import InstanceState, Layout, load_site, server_starts
from ingest.instance.dachs import online_releases, online_responses
from ingest.publish import check_record
from ingest.publish.backup import RECORD

_DATES: Final = (
    (
        "km3vo_backup_timestamp_seconds",
        "When the last backup was made",
        lambda layout: layout.var / RECORD,
        "made",
    ),
    (
        "km3vo_check_timestamp_seconds",
        "When the validators ran last",
        check_record.path_of,
        "started",
    ),
)
"""Metrics of regular work: name, text, file, and the key of the date in it."""


def metrics(layout: Layout) -> Iterable[Metric]:
    """Return the metrics as they are now."""
    state = InstanceState.read(layout)
    version = GaugeMetricFamily(
        "km3vo_version_info", "Versions of the software", labels=["version", "dachs"]
    )
    version.add_metric([__version__, state.dachs_version if state else ""], 1)
    yield version
    yield from _disks(layout)
    yield from _releases(layout)
    yield from _dates(layout)
    restarts = CounterMetricFamily(
        "km3vo_supervisor_starts",
        "How often the supervisor started a server that had died or did not answer",
        labels=["server"],
    )
    for server, count in server_starts(layout).items():
        restarts.add_metric([server], count)
    yield restarts
    yield GaugeMetricFamily(
        "km3vo_alerts_quarantine",
        "Packets in quarantine",
        sum(1 for _ in (layout.archive / "quarantine").glob("*.json")),
    )


def _disks(layout: Layout) -> Iterable[Metric]:
    free = GaugeMetricFamily("km3vo_disk_free_bytes", "Free space", labels=["directory"])
    size = GaugeMetricFamily("km3vo_disk_size_bytes", "Size of the disk", labels=["directory"])
    for name, path in (("var", layout.var), ("archive", layout.archive)):
        if path.exists():
            found = shutil.disk_usage(path)
            free.add_metric([name], found.free)
            size.add_metric([name], found.total)
    return free, size


def _releases(layout: Layout) -> Iterable[Metric]:
    label = ["release"]
    rows = GaugeMetricFamily("km3vo_release_rows", "Rows of a release", labels=label)
    size = GaugeMetricFamily(
        "km3vo_release_products_bytes", "Size of the files of a release", labels=label
    )
    imported = GaugeMetricFamily(
        "km3vo_release_imported_timestamp_seconds", "When a release was imported last", labels=label
    )
    seconds = GaugeMetricFamily(
        "km3vo_release_import_duration_seconds", "How long that took", labels=label
    )
    refused = GaugeMetricFamily(
        "km3vo_release_import_refused",
        "1 if the last attempt to import a release was refused",
        labels=label,
    )
    for name in sorted({*online_releases(layout), *online_responses(layout)}):
        path = layout.record(name)
        result = _json(path).get("result", {})
        files = (layout.inputs / name / "data").glob("*")
        size.add_metric([name], sum(one.stat().st_size for one in files))
        if isinstance(found := result.get("imported"), int):
            rows.add_metric([name], found)
        if isinstance(found := result.get("seconds"), int | float):
            seconds.add_metric([name], found)
        if path.exists():
            imported.add_metric([name], path.stat().st_mtime)
    for folder in sorted(layout.reports.glob("[a-z]*/")):
        reports = [one.stat().st_mtime for one in folder.glob("[0-9]*.html")]
        if reports:
            page = folder / "index.html"
            last = page.stat().st_mtime if page.exists() else 0.0
            refused.add_metric([folder.name], float(max(reports) > last + 1))
    return rows, size, imported, seconds, refused


def _dates(layout: Layout) -> Iterable[Metric]:
    for name, text, path_of, key in _DATES:
        content = _json(path_of(layout))
        try:
            moment = datetime.fromisoformat(str(content[key])).timestamp()
        except (KeyError, ValueError):
            continue
        yield GaugeMetricFamily(name, text, moment)
        if results := content.get("results"):
            failed = sum(not one.get("passed") for one in results)
            yield GaugeMetricFamily("km3vo_check_failed", "Validators that found faults", failed)


def certificate() -> Iterable[Metric]:
    """Return the end of the certificate that the settings of the proxy name."""
    named = load_site().proxy.certificate
    if not named:
        return
    path = Path(named)
    with privileges.caller():
        end = _end_of(named, path.stat().st_mtime_ns)
    yield GaugeMetricFamily(
        "km3vo_certificate_end_timestamp_seconds", "When the certificate of the proxy ends", end
    )


@functools.lru_cache(1)
def _end_of(path: str, changed: int) -> float:
    """Return when a certificate ends, in Unix time; `changed` distinguishes renewed files."""
    command = ["openssl", "x509", "-in", path, "-noout", "-enddate"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return float(ssl.cert_time_to_seconds(done.stdout.strip().removeprefix("notAfter=")))


def _json(path: Path) -> dict[str, Any]:
    """Return the content of a file; empty if it is missing or damaged."""
    try:
        content = json.loads(read_regular(path))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
