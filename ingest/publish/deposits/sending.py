"""Reserving, depositing and publishing a release at a repository."""

from __future__ import annotations

from collections.abc import Callable
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
            with DataCite(where.datacite, where.datacite_prefix) as datacite:
                steps: dict[str, Callable[[], Deposit]] = {
                    "reserve": lambda: datacite.reserve(record, doi),
                    "deposit": lambda: datacite.deposit(record, doi),
                    "publish": lambda: datacite.publish(record, doi),
                }
                result = steps[action]()
        else:
            files = _files(manifest, record, layout)
            with zenodo.Zenodo(where.zenodo, pending) as client:
                steps = {
                    "reserve": lambda: client.reserve(record, doi),
                    "deposit": lambda: client.deposit(record, doi, files),
                    "publish": lambda: client.publish(record, doi, files),
                }
                result = steps[action]()
        if doi is None:
            record_doi(manifest.name, result.identifier)
    return result


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
