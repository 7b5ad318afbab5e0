"""Preconditions for publishing registry records.

They concern the site's configuration, the deployed releases, and the network: whether the public
address is reachable, and whether another registry manages the naming authority.
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import pyvo

from ingest.core import privileges
from ingest.core.errors import IngestError, UnavailableError
from ingest.events.delivery import (
    MANIFEST,
    RESPONSES_MANIFEST,
    Manifest,
    is_draft,
    is_draft_of_responses,
    load_manifest,
    load_responses,
    release_names,
    responses_names,
)
from ingest.instance import Layout, Site
from ingest.instance.dachs import (
    SIMULATED_WARNING,
    is_simulated,
    online_releases,
    online_responses,
)
from ingest.publish import oai
from ingest.publish.registry.findings import Finding, Party

Resolve = Callable[[str], Sequence[str]]
"""Returns the addresses of a host; raises OSError if it has none."""
_RESERVED: Final = ("localhost", "example", "test", "invalid", "local", "internal", "lan", "home")
"""Top-level domains that do not exist on the Internet (RFC 2606, RFC 6761, RFC 6762)."""
_EXAMPLES: Final = ("example.com", "example.net", "example.org")
_TIMEOUT: Final = 60.0  # s
_OTHERS: Final = """
    SELECT r.ivoid, r.res_title, r.reference_url, i.access_url
    FROM rr.resource AS r
    JOIN rr.res_detail AS d ON r.ivoid = d.ivoid
    LEFT OUTER JOIN rr.interface AS i ON r.ivoid = i.ivoid
    WHERE d.detail_xpath = '/managedAuthority' AND d.detail_value = '{authority}'
"""
"""RegTAP 1.1: the registries that manage an authority, and their addresses."""


def resolve(host: str) -> list[str]:
    """Return the addresses of a host as resolved on this machine."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None)]


def public_address(site: Site, lookup: Resolve = resolve) -> Iterator[Finding]:
    """Require a public URL outside this machine and private networks.

    Parameters
    ----------
    site : Site
        The data centre.
    lookup : callable
        Resolves host names.
    """
    url = site.site.url
    expected = "a public address, such as https://vo.km3net.de"
    remedy = "set url in [site] of the file named by KM3VO_SITE, then make up"
    host = urllib.parse.urlsplit(url).hostname or ""
    value = url
    if url:
        try:
            addresses = [ipaddress.ip_address(host.partition("%")[0])]
        except ValueError:
            if host.rpartition(".")[2] in _RESERVED or "." not in host:
                yield Finding(Party.SITE, "public-url", "site", "[site] url", url, expected, remedy)
                return
            try:
                addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in lookup(host)]
            except OSError as error:
                value = f"{url}, whose host name is unknown ({error.strerror or error})"
                addresses = []
        private = [str(one) for one in addresses if not _is_public(one)]
        if addresses and not private:
            return
        if private:
            value = f"{url}, which is {', '.join(dict.fromkeys(private))}"
    yield Finding(Party.SITE, "public-url", "site", "[site] url", value, expected, remedy)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    # multicast addresses count as global
    return address.is_global and not address.is_multicast


def reachable(site: Site) -> Iterator[Finding]:
    """Require that our own registry answers at the public URL."""
    endpoint = site.site.url + oai.PATH
    value = ""
    try:
        answer = oai.identify(endpoint).decode("utf-8", "replace")
        if f"<managedAuthority>{site.authority.id}</managedAuthority>" in answer:
            return
        value = "another registry"
    except IngestError as error:
        value = str(error.value or error.problem)
    yield Finding(
        Party.SITE,
        "reachable",
        "site",
        endpoint,
        value,
        f"the registry of the authority {site.authority.id}",
        "check the proxy in front of the server; it has to forward all paths",
    )


def contact(site: Site) -> Iterator[Finding]:
    """Require an e-mail address outside reserved domains."""
    email = site.contact.email
    domain = email.rpartition("@")[2].lower()
    if domain.rpartition(".")[2] in _RESERVED or domain.endswith(_EXAMPLES):
        yield Finding(
            Party.SITE,
            "contact",
            "site",
            "[contact] email",
            email,
            "an address that somebody reads",
            "set email in [contact] of the file named by KM3VO_SITE",
        )


def releases(layout: Layout) -> Iterator[Finding]:
    """Require a manifest, real data and a DOI for each deployed release to be registered."""
    names = release_names()
    for name in online_releases(layout):
        if name not in names:
            yield _without_manifest(layout, name, MANIFEST)
        elif not is_draft(name):
            yield from _release(layout, load_manifest(name))
    for name in online_responses(layout):
        if name not in responses_names():
            yield _without_manifest(layout, name, RESPONSES_MANIFEST)
        elif not is_draft_of_responses(name):
            yield from _responses(name)


def _without_manifest(layout: Layout, name: str, manifest: str) -> Finding:
    return Finding(
        Party.CURATOR,
        "withdrawn",
        name,
        str(layout.inputs / name),
        "online without a manifest",
        f"inputs/{name}/{manifest}, or no such release online",
        f"km3vo registry withdraw {name}",
    )


def _responses(name: str) -> Iterator[Finding]:
    release = load_responses(name).release
    if release.doi is None:
        yield Finding(
            Party.CURATOR,
            "doi",
            name,
            f"inputs/{name}/{RESPONSES_MANIFEST}",
            release.no_doi or "",
            "the DOI of the responses, or of the paper to cite",
            f'replace no_doi by doi = "10.…/…"; then make import RELEASE={name}',
        )


def _release(layout: Layout, manifest: Manifest) -> Iterator[Finding]:
    name = manifest.name
    if not manifest.is_registered():
        return
    if is_simulated(layout, name):
        yield Finding(
            Party.CURATOR,
            "simulated",
            name,
            str(layout.inputs / name),
            SIMULATED_WARNING,
            "real data",
            f"make import RELEASE={name} with the delivered file, or"
            f" km3vo registry withdraw {name}",
        )
    if manifest.release.doi is None and manifest.release.data_doi is None:
        yield Finding(
            Party.CURATOR,
            "doi",
            name,
            f"inputs/{name}/{MANIFEST}",
            manifest.release.no_doi or "",
            "the DOI of the data set, or of the paper to cite",
            f"km3vo cite {name} --to datacite --reserve (or --to zenodo), or replace no_doi by"
            f' doi = "10.…/…"; then make import RELEASE={name}',
        )


def unregistered(names: Iterable[str]) -> frozenset[str]:
    """Return which releases are never or not yet registered: tests, and what is not public."""
    known = set(release_names()).intersection(names)
    return frozenset(
        name for name in known if not is_draft(name) and not load_manifest(name).is_registered()
    )


def authority(site: Site) -> Iterator[Finding]:
    """Require that no other registry manages our authority.

    Raises
    ------
    ingest.core.errors.UnavailableError
        If the searchable registry cannot be queried.
    """
    home = urllib.parse.urlsplit(site.site.url)
    places: dict[tuple[str, str], list[str]] = {}
    for ivoid, title, reference, address in managing_registries(site):
        places.setdefault((ivoid, title), []).append(address or reference)
    for (ivoid, title), addresses in places.items():
        hosts = [urllib.parse.urlsplit(one) for one in addresses]
        if (home.hostname, home.port) not in [(one.hostname, one.port) for one in hosts]:
            yield Finding(
                Party.SITE,
                "authority",
                "site",
                "[authority] id",
                site.authority.id,
                f"an authority that no other registry has; this one is managed by {ivoid}"
                f" ({title}) at {addresses[0]}",
                "choose another [authority] id, or agree with them on who uses it",
            )


def managing_registries(site: Site) -> list[tuple[str, ...]]:
    """Query the searchable registry for the registries that manage our authority.

    Returns
    -------
    list of tuple of str
        IVOID, title, reference URL and access URL of each registry.

    Raises
    ------
    ingest.core.errors.UnavailableError
        If it does not answer.
    """
    url = site.registry.regtap
    try:
        service = pyvo.dal.TAPService(url)
        send = service._session.request
        service._session.request = lambda *args, **more: send(
            *args, **{"timeout": _TIMEOUT, **more}
        )
        with privileges.caller():  # the certificates, and astropy's list of UCDs
            answer = service.run_sync(_OTHERS.format(authority=site.authority.id))
        names = ("ivoid", "res_title", "reference_url", "access_url")
        return [tuple(str(row[name] or "") for name in names) for row in answer]
    except Exception as error:  # pyvo raises many kinds for a bad response
        reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        raise UnavailableError(
            "the searchable registry cannot be queried for the authority",
            where=url,
            value=reason,
            remedy="try again later; or publish with --offline, and look the authority up yourself"
            " before you register",
        ) from None
