"""``km3vo registry publish``: from a checked instance to records that registries may harvest.

Preconditions are checked first, quick ones before slow ones. Then DaCHS makes the records, and
every record is harvested and validated as a registry would do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from ingest.core.errors import InstanceError
from ingest.instance import Layout, Site, lifecycle, load_site
from ingest.instance.dachs import Dachs, known_terms, online_releases, online_responses, register
from ingest.publish import oai, schemas, validators
from ingest.publish.registry import preconditions, rules, services
from ingest.publish.registry.findings import Finding, Party
from ingest.publish.registry.preconditions import Resolve, resolve
from ingest.publish.registry.rules import Context


@dataclass(frozen=True)
class Judgement:
    """The result of harvesting our own registry.

    Attributes
    ----------
    records : tuple of ingest.publish.oai.RegistryRecord
        The harvested records, deleted ones included.
    findings : tuple of Finding
        The problems found.
    """

    records: tuple[oai.RegistryRecord, ...]
    findings: tuple[Finding, ...]


@dataclass
class Outcome:
    """The result of a publication.

    Attributes
    ----------
    findings : list of Finding
        What has to be corrected first.
    records : tuple of ingest.publish.oai.RegistryRecord
        The records that registries can harvest.
    unchecked : list of str
        Descriptions of what was not checked.
    published : bool
        Whether the records were made.
    known : bool
        Whether a searchable registry knows this server already.
    """

    findings: list[Finding] = field(default_factory=list)
    records: tuple[oai.RegistryRecord, ...] = ()
    unchecked: list[str] = field(default_factory=list)
    published: bool = False
    known: bool = False


def publish_records(
    layout: Layout,
    *,
    dry_run: bool = False,
    offline: bool = False,
    stilts: str = "stilts",
    lookup: Resolve = resolve,
) -> Outcome:
    """Check everything, make the registry records, and validate them as a registry would.

    Parameters
    ----------
    layout : Layout
        The instance; it must be up.
    dry_run : bool
        Change nothing; validate the present records even if a precondition fails.
    offline : bool
        Do not query the searchable registry for the naming authority.
    stilts : str
        The STILTS program.
    lookup : callable
        Resolves the host name of the public URL.

    Raises
    ------
    ingest.core.errors.InstanceError
        If the instance is not up, or does not answer.
    ingest.core.errors.UnavailableError
        If the searchable registry does not answer and `offline` is not set.
    ingest.core.errors.ImportFailedError
        If DaCHS could not make the records.
    """
    found = lifecycle.status(layout)
    if not found.is_up:
        raise InstanceError("the instance is not up", remedy="make up")
    site = load_site()
    outcome = Outcome(findings=list(preflight(layout, site, lookup)))
    if outcome.findings and not dry_run:
        outcome.unchecked += ["the authority", "the checks of make check", "the records"]
        return outcome
    if offline:
        outcome.unchecked.append(
            f"whether another registry has the authority {site.authority.id}, at"
            f" {site.registry.regtap}"
        )
    else:
        outcome.findings += preconditions.authority(site)
        outcome.known = bool(preconditions.managing_registries(site))
    outcome.findings += validator_findings(layout, stilts)
    if not dry_run:
        if outcome.findings:
            outcome.unchecked.append("the records")
            return outcome
        with lifecycle.database(layout):
            register(layout, validators.online_descriptors(layout))
        outcome.published = True
    judged = judge(layout, site, found.url)
    outcome.findings += judged.findings
    outcome.records = judged.records
    return outcome


def preflight(layout: Layout, site: Site, lookup: Resolve = resolve) -> Iterator[Finding]:
    """Yield what is wrong with the configuration; quick, and without querying other registries."""
    address = list(preconditions.public_address(site, lookup))
    yield from address
    if not address:
        yield from preconditions.reachable(site)
    yield from preconditions.contact(site)
    yield from preconditions.releases(layout)


def validator_findings(layout: Layout, stilts: str = "stilts") -> Iterator[Finding]:
    """Yield the findings of ``make check``."""
    for result in validators.run_all(layout, stilts):
        if not result.passed:
            value = "; ".join((result.summary, *result.details[:3]))
            found = result.subject, result.check, value, "no findings", "make check"
            yield Finding(Party.OURS, "check", *found)


def judge(layout: Layout, site: Site, url: str) -> Judgement:
    """Harvest the instance as a registry would, and validate every record.

    Parameters
    ----------
    layout : Layout
        The instance.
    site : Site
        Its configuration.
    url : str
        Its public address, which is harvested.

    Raises
    ------
    ingest.core.errors.InstanceError
        If its responses are not those of a registry.
    """
    dachs = Dachs(layout)
    endpoint = url + oai.PATH
    harvest = oai.harvest(endpoint)
    dublin = oai.harvest(endpoint, oai.DUBLIN_CORE)
    documents = {"Identify": oai.identify(endpoint)}
    documents |= {f"ListRecords oai_dc {n}": page for n, page in enumerate(dublin.pages, 1)}
    documents |= {
        record.identifier: etree.tostring(record.metadata, xml_declaration=True, encoding="utf-8")
        for record in harvest.records
        if record.metadata is not None
    }
    releases = frozenset((*online_releases(layout), *online_responses(layout)))
    context = Context(
        authority=site.authority.id,
        url=url,
        releases=releases,
        subjects=known_terms(dachs.cache, "uat"),
        unregistered=preconditions.unregistered(releases),
    )
    findings = [
        Finding(
            Party.OURS,
            "schema",
            name,
            "/",
            violation,
            "valid by the IVOA's schemas",
            "correct the descriptor",
        )
        for name, violation in schemas.violations(dachs, documents).items()
    ]
    findings += _both_kinds(harvest.records, dublin.records)
    findings += rules.judge(harvest.records, context)
    findings += services.ask_all(harvest.records)
    return Judgement(harvest.records, tuple(findings))


def _both_kinds(
    resources: tuple[oai.RegistryRecord, ...], dublin: tuple[oai.RegistryRecord, ...]
) -> Iterator[Finding]:
    """Require each resource to have records in both formats, VOResource and Dublin Core."""
    ours, theirs = ({(one.identifier, one.deleted) for one in kind} for kind in (resources, dublin))
    if not resources:
        found = "all", "/ListRecords", "none", "records", "make import"
        yield Finding(Party.CURATOR, "record", *found)
    for identifier, _ in sorted(ours ^ theirs):
        yield Finding(
            Party.OURS,
            "record",
            identifier,
            "/ListRecords",
            "only one of ivo_vor and oai_dc",
            "both",
            "see the log of DaCHS, then publish the descriptor again",
        )
