"""Depositing a release's metadata in a Dataverse, never twice.

Before a data set is created, the collection is searched for the release's IVOA identifier, which
each deposit carries as "Other Identifier". A data set whose creation
was not confirmed, because the response was lost or reported an error, is therefore found and not
created twice.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from typing import Any, Final

from ingest.core.credentials import credential, variable
from ingest.core.errors import ManifestError
from ingest.publish.deposits.client import (
    PAUSES,
    Account,
    Client,
    RefusedError,
    is_local,
    repeat,
    undocumented,
)
from ingest.publish.deposits.result import Deposit
from ingest.publish.documents import ReleaseRecord, to_dataverse

_REMEDIES: Final = {
    401: f"check {variable('dataverse', 'token')}: the token may have expired",
    403: "ask the collection's owner for the right to add data sets",
    404: "correct dataverse_collection in the site's file",
}


def deposit_to_dataverse(
    record: ReleaseRecord,
    url: str,
    collection: str,
    pauses: tuple[float, ...] = PAUSES,
    timeout: float = 60.0,
) -> Deposit:
    """Create the data set in a Dataverse as a draft, or update the existing one.

    Parameters
    ----------
    record : ReleaseRecord
        The release.
    url : str
        Address of the Dataverse.
    collection : str
        Alias of the collection to which the data set is added.
    pauses : tuple of float
        Waiting time before each further attempt, in s.
    timeout : float
        How long to wait for a response, in s.

    Raises
    ------
    ingest.core.errors.InputError
        If the Dataverse refuses the token, the collection or the metadata.
    ingest.core.errors.IngestError
        If all attempts fail: there is no response, or not the documented one.
    """
    require_public(record)
    document = to_dataverse(record)
    with _Dataverse(url, timeout) as dataverse:

        def attempt() -> Deposit:
            known = dataverse.find(record.identifier, collection)
            if known:
                dataverse.update(known, document)
                return Deposit("updated", known)
            return Deposit("created", dataverse.create(collection, document))

        return repeat(attempt, pauses, dataverse.client)


def require_public(record: ReleaseRecord) -> None:
    """Refuse a release whose addresses work on this machine only.

    Raises
    ------
    ingest.core.errors.ManifestError
        If its web page has such an address.
    """
    if is_local(record.reference_url):
        raise ManifestError(
            "the release's addresses work on this machine only",
            where="referenceURL",
            value=record.reference_url,
            expected="the public address of the server",
            remedy="set url in the site's file, then make up",
        )


class _Dataverse(Account):
    """A client of the native API, version 1, of Dataverse 5 and 6."""

    def __init__(self, url: str, timeout: float) -> None:
        token = credential("dataverse", "token", "the API token from your account's page there")
        headers = {"X-Dataverse-key": token}
        self.client = Client("Dataverse", url, _REMEDIES, timeout, headers=headers)

    def find(self, identifier: str, collection: str) -> str | None:
        """Return the persistent identifier of the data set that has `identifier`, if any.

        The search comes first. Its index may lag behind, so the collection is read as well.
        """
        for known in self._candidates(identifier, collection):
            if identifier in self._other_identifiers(known):
                return known
        return None

    def create(self, collection: str, document: dict[str, Any]) -> str:
        """Create a data set as a draft; return its persistent identifier."""
        path = f"v1/dataverses/{urllib.parse.quote(collection)}/datasets"
        return str(self._data("POST", path, json=document)["persistentId"])

    def update(self, known: str, document: dict[str, Any]) -> None:
        """Replace the metadata of the draft of a data set."""
        blocks = document["datasetVersion"]["metadataBlocks"].values()
        fields = [field for block in blocks for field in block["fields"]]
        self._data(
            "PUT",
            "v1/datasets/:persistentId/editMetadata",
            params={"persistentId": known, "replace": "true"},
            json={"fields": fields},
        )

    def _candidates(self, identifier: str, collection: str) -> Iterator[str]:
        query = {"q": f'otherIdValue:"{identifier}"', "type": "dataset", "per_page": "100"}
        for item in self._data("GET", "search", params=query)["items"]:
            yield item["global_id"]
        path = f"v1/dataverses/{urllib.parse.quote(collection)}/contents"
        for item in self._data("GET", path):
            if item["type"] == "dataset":
                yield f"{item['protocol']}:{item['authority']}/{item['identifier']}"

    def _other_identifiers(self, known: str) -> set[str]:
        path, query = "v1/datasets/:persistentId/", {"persistentId": known}
        try:
            blocks = self._data("GET", path, params=query)["latestVersion"]["metadataBlocks"]
        except RefusedError as refusal:
            if refusal.status in (401, 403, 404):
                return set()  # another user's draft, which we may not read
            raise
        return {
            value["otherIdValue"]["value"]
            for field in blocks["citation"]["fields"]
            if field["typeName"] == "otherId"
            for value in field["value"]
            if "otherIdValue" in value
        }

    def _data(self, method: str, path: str, **more: Any) -> Any:
        """Return the data of the response to a request; see :meth:`Client.send`."""
        answer = self.client.send(method, f"api/{path}", **more)
        try:
            return answer["data"]
        except (KeyError, TypeError):
            raise undocumented() from None
