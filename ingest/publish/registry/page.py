"""Instructions for registering at the Registry of Registries, as HTML and as plain text."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ingest.core.errors import ExitCode
from ingest.core.files import atomic_write
from ingest.core.pages import render
from ingest.instance import Layout, Site
from ingest.publish.oai import PATH
from ingest.publish.registry.findings import Finding, by_party, exit_code
from ingest.publish.registry.publishing import Outcome


def write_page(layout: Layout, site: Site, outcome: Outcome) -> tuple[Path, Path]:
    """Write the page below the instance's reports; return the HTML file and the text file."""
    folder = layout.reports
    paths = folder / "registry.html", folder / "registry.txt"
    for path, text in zip(paths, (html(site, outcome), plain_page(site, outcome)), strict=True):
        with atomic_write(path) as stream:
            stream.write(text.encode())
        layout.account.chown(path)
    return paths


def title(site: Site, outcome: Outcome) -> str:
    """Return the page's heading."""
    ready = "ready to be registered" if _is_ready(outcome) else "not ready to be registered"
    return f"{site.site.name} is {ready}"


def steps(site: Site, outcome: Outcome) -> list[str]:
    """Return the next steps."""
    endpoint = f"{site.site.url}{PATH}"
    if not _is_ready(outcome):
        if exit_code(outcome.findings) == ExitCode.FAILURE:
            return ["Report the faults listed below to the developers of this software."]
        if outcome.findings:
            return ["Correct what is listed below.", "Type make publish again."]
        return ["This was a dry run. Type make publish."]
    look_up = (
        "SELECT ivoid, res_title, updated FROM rr.resource"
        f" WHERE ivoid LIKE 'ivo://{site.authority.id.lower()}%'"
    )
    wait = (
        "Wait a day: the searchable registries harvest once a day. Then send this query to"
        f" {site.registry.regtap} and check that it finds all records listed below: {look_up}"
    )
    if outcome.known:
        return [
            "There is nothing to do: the registries know this server and harvest it regularly.",
            wait,
        ]
    return [
        f"Open {site.registry.registry_of_registries} in a browser. This is the Registry of"
        " Registries, where all other registries find new ones.",
        f"Type {endpoint} into the field for the base URL of the OAI interface, and start the"
        " validation. It takes some minutes.",
        "Read the result. Warnings and recommendations are harmless. If there is a failure,"
        " correct it, type make publish, and start again.",
        "Press the button that registers the validated registry. This is done only once for"
        " a server: later changes are harvested.",
        wait,
        "When the address of the server changes, type make publish and repeat these steps.",
    ]


def plain_page(site: Site, outcome: Outcome) -> str:
    """Return the page as plain text."""
    lines = [title(site, outcome), "", f"Date: {_now()}", ""]
    lines += [f"{number}. {text}" for number, text in enumerate(steps(site, outcome), 1)]
    if outcome.unchecked:
        lines += ["", "Not checked:", *(f"- {reason}" for reason in outcome.unchecked)]
    for party, findings in by_party(outcome.findings).items():
        lines += ["", f"{party.value}:"]
        for one in findings:
            lines += [f"- {one.subject}: {one.rule}", *(f"    {line}" for line in details(one))]
    if outcome.records:
        lines += ["", "Records:"]
        lines += [
            f"- {one.identifier}{' (deleted)' if one.deleted else ''}" for one in outcome.records
        ]
    return "\n".join(lines) + "\n"


def details(finding: Finding) -> list[str]:
    """Return the lines that explain a finding."""
    return [
        f"at:       {finding.where}",
        f"found:    {finding.value or 'nothing'}",
        f"expected: {finding.expected}",
        f"remedy:   {finding.remedy}",
    ]


def html(site: Site, outcome: Outcome) -> str:
    """Return the page as HTML."""
    return render(
        "publish/registry/page.html",
        title=title(site, outcome),
        steps=steps(site, outcome),
        outcome=outcome,
        findings={party.value: found for party, found in by_party(outcome.findings).items()},
    )


def _is_ready(outcome: Outcome) -> bool:
    return outcome.published and not outcome.findings


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
