"""Reserving, depositing and publishing a release at a repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from ingest.core.errors import ManifestError
from ingest.events.delivery import MANIFEST, Manifest
from ingest.instance import Layout, Site
from ingest.publish.deposits import zenodo
from ingest.publish.deposits.datacite import DataCite, attributes, derived_doi
from ingest.publish.deposits.dataverse import deposit_to_dataverse, require_public
from ingest.publish.deposits.manifest_doi import own_doi, record_doi
from ingest.publish.deposits.pending import Pending
from ingest.publish.deposits.result import Deposit
from ingest.publish.documents import ReleaseRecord, to_dataverse

ACTIONS: Final = {
    "datacite": ("reserve", "deposit", "publish"),
    "zenodo": ("reserve", "deposit", "publish"),
    "dataverse": ("deposit",),
}
"""What can be done at each repository."""


def preview(target: str, record: ReleaseRecord, manifest: Manifest, site: Site) -> dict[str, Any]:
    """Return the metadata that :func:`send` would send.

    Raises
    ------
    ingest.core.errors.ManifestError
        If they do not suffice.
    """
    doi = own_doi(manifest, site.deposit.doi_prefixes)
    match target:
        case "datacite":
            if not doi and (prefix := site.deposit.datacite_prefix):
                doi = derived_doi(record, prefix)
            return attributes(record, doi)
        case "zenodo":
            return zenodo.document(record.model_copy(update={"doi": doi}))
        case _:
            return to_dataverse(record)


def address(target: str, site: Site) -> str:
    """Return where :func:`send` sends a release."""
    where = site.deposit
    return {
        "datacite": where.datacite,
        "zenodo": where.zenodo,
        "dataverse": f"{where.dataverse}, collection {where.dataverse_collection}",
    }[target]


def send(
    target: str,
    action: str,
    record: ReleaseRecord,
    manifest: Manifest,
    layout: Layout,
    site: Site,
) -> Deposit:
    """Do one of the :data:`ACTIONS` at a repository, once: what exists there is found.

    The DOI is written into the manifest as soon as it is known.

    Raises
    ------
    ingest.core.errors.InputError
        If the repository refuses it, credentials are missing, or the release must not be sent.
    ingest.core.errors.IngestError
        If all attempts fail.
    """
    if action == "publish":
        require_public(record)
    if target == "zenodo" and action != "reserve":
        _require_public_data(manifest)
    where = site.deposit
    if target == "dataverse":
        return deposit_to_dataverse(record, where.dataverse, where.dataverse_collection)
    doi = own_doi(manifest, where.doi_prefixes)
    with Pending(layout.var / "deposits" / f"{target}.{manifest.name}") as pending:
        if target == "datacite":
            result = _to_datacite(action, record, doi, site)
        else:
            result = _to_zenodo(
                action, record, doi, site, _files(manifest, record, layout), pending
            )
        if doi is None:
            record_doi(manifest.name, result.identifier)
    return result


def _to_datacite(action: str, record: ReleaseRecord, doi: str | None, site: Site) -> Deposit:
    with DataCite(site.deposit.datacite, site.deposit.datacite_prefix) as datacite:
        match action:
            case "reserve":
                return datacite.reserve(record, doi)
            case "deposit":
                return datacite.deposit(record, doi)
            case _:
                return datacite.publish(record, doi)


def _to_zenodo(
    action: str,
    record: ReleaseRecord,
    doi: str | None,
    site: Site,
    files: list[Path],
    pending: Pending,
) -> Deposit:
    with zenodo.Zenodo(site.deposit.zenodo, pending) as client:
        match action:
            case "reserve":
                return client.reserve(record, doi)
            case "deposit":
                return client.deposit(record, doi, files)
            case _:
                return client.publish(record, doi, files)


def _files(manifest: Manifest, record: ReleaseRecord, layout: Layout) -> list[Path]:
    folder = layout.inputs / manifest.name / "data"
    return [folder / one.name for one in record.files]


def _require_public_data(manifest: Manifest) -> None:
    if not manifest.is_public_today():
        raise ManifestError(
            "the data are not public, but Zenodo would get the files",
            file=manifest.folder / MANIFEST,
            expected="data that everyone may see today",
            remedy="wait for the end of the embargo; --reserve sends the metadata only",
        )
