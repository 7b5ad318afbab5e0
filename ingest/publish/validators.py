"""``make check``: external validators run on the instance.

DaCHS validates descriptors and runs their tests, its XML schemas validate the registry records,
and STILTS validates TAP.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from ingest.alerts.tables import DESCRIPTOR as ALERTS
from ingest.core.errors import InstanceError
from ingest.instance import Layout, lifecycle
from ingest.instance.dachs import (
    COMBINED_DESCRIPTORS,
    Dachs,
    online_releases,
    online_responses,
)
from ingest.publish import check_record, oai, schemas

TAP_PATH = "/__system__/tap/run/tap"
_PRODUCT_TYPE = '"(?:hea-event-list|hea-event-bundle|event-list|response-function)"'
_EXPECTED = re.compile(
    r"g-colstat:\w+.*is not allowed|F-LOC-NOTP|E-CAP-MUPM.*upload-http"
    rf"|E-OBS-ILOP-\d+ .*dataproduct_type: {_PRODUCT_TYPE}(?:, {_PRODUCT_TYPE})*; legal values"
)
"""taplint's findings for each of our servers: column statistics in VOSI tables, and the missing
table of planned observations (ObsLocTAP), which DaCHS does not claim to have; that uploads from
URLs are off, which TAP requires of a service with uploads, see ``[jobs]`` in the site file; and
the types of products that the ObsCore extension for high energies adds to those of ObsCore 1.1."""

_QUICK_START = "-XX:TieredStopAtLevel=1"
"""An option of Java, which else spends two thirds of its processor time on optimizing itself."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one validator for one subject.

    Attributes
    ----------
    check, subject : str
        The validator, and what it looked at.
    passed : bool
        Whether it found no fault.
    summary : str
        The result in words.
    details : tuple of str
        What it found.
    seconds : float
        The time it took. Records of the registry are validated together; each has an equal share.
    """

    check: str
    subject: str
    passed: bool
    summary: str
    details: tuple[str, ...] = ()
    seconds: float = 0.0


def run_all(layout: Layout, stilts: str = "stilts") -> list[CheckResult]:
    """Run every validator on the running instance, and store the results for its status page.

    Raises
    ------
    InstanceError
        If the instance is not up, or a validator is not installed.
    """
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    dachs = Dachs(layout)
    started, start = datetime.now(UTC), time.monotonic()
    with ThreadPoolExecutor() as pool:
        taplint = pool.submit(_taplint, found.url, stilts)  # takes as long as all others
        results = [
            *_descriptors(dachs, online_descriptors(layout)),
            *_registry(dachs, found.url),
            taplint.result(),
        ]
    check_record.store(layout, results, started, time.monotonic() - start)
    return results


def online_descriptors(layout: Layout) -> list[str]:
    """Return the deployed descriptors: releases, the resources that join them, and the alerts."""
    names = (*online_releases(layout), *online_responses(layout))
    releases = [f"{name}/nu" for name in names]
    return [
        descriptor
        for descriptor in (*releases, *COMBINED_DESCRIPTORS, ALERTS)
        if (layout.inputs / f"{descriptor}.rd").exists()
    ]


def _descriptors(dachs: Dachs, descriptors: Sequence[str]) -> Iterator[CheckResult]:
    """Validate descriptors, and run the tests that they contain."""
    commands = [(*words, rd) for rd in descriptors for words in (("val", "-c"), ("test", "-v"))]
    for command, (code, output, seconds) in zip(commands, dachs.run_each(*commands), strict=True):
        result = _validation if command[0] == "val" else _test
        yield replace(result(command[-1], code, output), seconds=seconds)


_NO_FAULTS: Final = re.compile(
    r"UCD [\w.;]*\bstat\.confidenceLevel\b.* not accepted by astropy"
    "|Cannot publish product types served in obscore"
)
"""Warnings of DaCHS 2.11 about no fault of ours: the word is in version 1.6 of the list of UCDs,
and Debian 13's astropy has 1.5; the types would need statistics of all columns of ObsCore."""


def _validation(rd: str, code: int, output: str) -> CheckResult:
    lines = _lines(output)
    problems = [
        line
        for line in lines
        if re.search(r"(?i)(^|-- )\W*(\[?error|\[?warning)", line) and not _NO_FAULTS.search(line)
    ]
    passed = code == 0 and not problems and any("OK" in line for line in lines)
    return CheckResult(
        "dachs val", rd, passed, "valid" if passed else "not valid", () if passed else tuple(lines)
    )


def _test(rd: str, code: int, output: str) -> CheckResult:
    summary = re.search(r"(\d+) of (\d+) bad", output)
    if summary is None:
        return CheckResult("dachs test", rd, False, "did not run", tuple(_lines(output)[-8:]))
    bad, count = int(summary[1]), int(summary[2])
    passed = bad == 0 and count > 0
    details = () if passed else tuple(_lines(output))
    return CheckResult("dachs test", rd, passed, f"{count - bad} of {count} pass", details)


def _registry(dachs: Dachs, url: str) -> Iterator[CheckResult]:
    """Harvest the instance's registry and validate each record."""
    start = time.monotonic()
    records = {
        record.identifier: etree.tostring(record.metadata, xml_declaration=True, encoding="utf-8")
        for record in oai.harvest(url + oai.PATH).records
        if record.metadata is not None  # a deleted resource has none
    }
    if not records:
        yield CheckResult("registry record", "all", False, "no records")
    wrong = schemas.violations(dachs, records)
    seconds = (time.monotonic() - start) / max(1, len(records))
    for identifier in records:
        finding = wrong.get(identifier, "")
        summary = "not valid" if finding else "valid"
        yield CheckResult(
            "registry record", identifier, not finding, summary, tuple(_lines(finding)), seconds
        )


def _taplint(url: str, stilts: str) -> CheckResult:
    if shutil.which(stilts) is None:
        raise InstanceError("STILTS is not installed", value=stilts, remedy="run make setup")
    start = time.monotonic()
    done = subprocess.run(
        [
            stilts,
            _QUICK_START,
            "taplint",
            f"tapurl={url}{TAP_PATH}",
            "report=EF",
            "maxrepeat=10000",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    # Without this line the program did not finish.
    total = re.search(r"Totals: Errors: (\d+)(?:.*Failures: (\d+))?", done.stdout)
    if total is None:
        output = tuple(_lines(done.stdout + done.stderr)[-8:])
        return CheckResult("taplint", url, False, "did not run", output, time.monotonic() - start)
    errors = [line for line in _lines(done.stdout) if re.match(r"[EF]-", line)]
    unexpected = tuple(line for line in errors if not _EXPECTED.search(line))
    summary = f"{len(unexpected)} errors, besides {len(errors) - len(unexpected)} that are expected"
    complete = len(errors) == int(total[1]) + int(total[2] or 0)
    passed = not unexpected and complete
    return CheckResult("taplint", url, passed, summary, unexpected, time.monotonic() - start)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]
