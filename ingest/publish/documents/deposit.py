"""Depositing a release's metadata in a Dataverse, never twice.

Before a data set is created, the collection is searched for the release's IVOA identifier, which
each deposit carries as "Other Identifier". A data set whose creation
was not confirmed, because the response was lost or reported an error, is therefore found and not
created twice.
"""

from __future__ import annotations

import os
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx

from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.record import ReleaseRecord

TOKEN_VARIABLE: Final = "KM3VO_DATAVERSE_TOKEN"
_PAUSES: Final = (1.0, 3.0, 9.0)
"""Waiting times between the attempts, in s."""
_TRANSIENT: Final = frozenset({409, 429, 500, 502, 503, 504})
"""Status codes after which the same request may succeed: locked, busy, server error."""
_LOCAL: Final = ("localhost", "127.", "[::1]")
_REMEDIES: Final = {
    401: f"check {TOKEN_VARIABLE}: the token may have expired",
    403: "ask the collection's owner for the right to add data sets",
    404: "correct dataverse_collection in the site's file",
}


@dataclass(frozen=True)
class Deposit:
    """The result of a deposit.

    Attributes
    ----------
    what : str
        ``created`` or ``updated``.
    identifier : str
        The persistent identifier that the Dataverse assigned.
    """

    what: str
    identifier: str


class _TransientError(Exception):
    """A failure after which the request may be sent again."""


def deposit_to_dataverse(
    record: ReleaseRecord,
    url: str,
    collection: str,
    pauses: tuple[float, ...] = _PAUSES,
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
    if any(part in record.reference_url.split("/")[2] for part in _LOCAL):
        raise ManifestError(
            "the release's addresses work on this machine only",
            where="referenceURL",
            value=record.reference_url,
            expected="the public address of the server",
            remedy="set url in the site's file, then make up",
        )
    document = to_dataverse(record)
    with _Dataverse(url, _token(), timeout) as dataverse:

        def attempt() -> Deposit:
            known = dataverse.find(record.identifier, collection)
            if known:
                dataverse.update(known, document)
                return Deposit("updated", known)
            return Deposit("created", dataverse.create(collection, document))

        return _retry(attempt, pauses, url)


def _retry(attempt: Callable[[], Deposit], pauses: tuple[float, ...], url: str) -> Deposit:
    for pause in (*pauses, None):
        try:
            return attempt()
        except (_TransientError, httpx.TransportError) as reason:
            if pause is None:
                raise IngestError(
                    "the Dataverse did not accept the data set",
                    where=url,
                    value=str(reason) or type(reason).__name__,
                    remedy="try again later; a data set that exists by then is updated",
                ) from None
            time.sleep(pause)
    raise AssertionError


def _token() -> str:
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise InputError(
            "there is no token for the Dataverse",
            where=TOKEN_VARIABLE,
            expected="the API token from your account's page there",
            remedy=f"export {TOKEN_VARIABLE}=…; it is not stored",
        )
    return token


class _Dataverse:
    """A client of the native API, version 1, of Dataverse 5 and 6."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        # following a redirect could send the token to another server
        self._client = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/",
            headers={"X-Dataverse-key": token},
            timeout=timeout,
            follow_redirects=False,
        )

    def __enter__(self) -> _Dataverse:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

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
        return str(_data(self._client.post(path, json=document), 201)["persistentId"])

    def update(self, known: str, document: dict[str, Any]) -> None:
        """Replace the metadata of the draft of a data set."""
        blocks = document["datasetVersion"]["metadataBlocks"].values()
        fields = [field for block in blocks for field in block["fields"]]
        reply = self._client.put(
            "v1/datasets/:persistentId/editMetadata",
            params={"persistentId": known, "replace": "true"},
            json={"fields": fields},
        )
        _data(reply, 200)

    def _candidates(self, identifier: str, collection: str) -> Iterator[str]:
        query = {"q": f'otherIdValue:"{identifier}"', "type": "dataset", "per_page": "100"}
        for item in _data(self._client.get("search", params=query), 200)["items"]:
            yield item["global_id"]
        path = f"v1/dataverses/{urllib.parse.quote(collection)}/contents"
        for item in _data(self._client.get(path), 200):
            if item["type"] == "dataset":
                yield f"{item['protocol']}:{item['authority']}/{item['identifier']}"

    def _other_identifiers(self, known: str) -> set[str]:
        reply = self._client.get("v1/datasets/:persistentId/", params={"persistentId": known})
        if reply.status_code in (401, 403, 404):
            return set()  # another user's draft, which we may not read
        blocks = _data(reply, 200)["latestVersion"]["metadataBlocks"]
        return {
            value["otherIdValue"]["value"]
            for field in blocks["citation"]["fields"]
            if field["typeName"] == "otherId"
            for value in field["value"]
            if "otherIdValue" in value
        }


def _data(reply: httpx.Response, expected: int) -> Any:
    """Return the data of a response.

    Raises
    ------
    InputError
        If the request was refused.
    _TransientError
        If the request may be sent again.
    """
    if reply.status_code in _TRANSIENT:
        raise _TransientError(f"it answers {reply.status_code}: {_message(reply)}")
    if reply.status_code != expected:
        raise InputError(
            "the Dataverse refuses the data set",
            value=f"{reply.status_code} {_message(reply)}".strip(),
            remedy=_REMEDIES.get(reply.status_code, "correct what it reports, and try again"),
        )
    try:
        return reply.json()["data"]
    except (ValueError, KeyError, TypeError):
        raise _TransientError("its answer is not what its API documents") from None


def _message(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return reply.reason_phrase
