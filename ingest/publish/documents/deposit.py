"""Depositing a release's metadata in a Dataverse, once and only once.

Before anything is created, the collection is asked whether the release is there already: by
its IVOA identifier, which each deposit carries. So a request whose answer got lost, or that
failed after the data set was made, is not sent again blindly.
"""

from __future__ import annotations

import contextlib
import io
import os
import time
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pyDataverse.api import NativeApi
from pyDataverse.exceptions import ApiAuthorizationError, DataverseNotFoundError

from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.publish.documents.dataverse import to_dataverse
from ingest.publish.documents.record import Record

TOKEN_VARIABLE: Final = "KM3VO_DATAVERSE_TOKEN"
_PAUSES: Final = (1.0, 3.0, 9.0)
"""s between the attempts."""
_PASSING: Final = frozenset({409, 429, 500, 502, 503, 504})
"""Answers after which the same request may succeed: locked, busy, a fault of the server."""
_LOCAL: Final = ("localhost", "127.", "[::1]")


@dataclass(frozen=True)
class Deposited:
    """What became of a deposit."""

    what: str
    """``created`` or ``updated``."""
    identifier: str
    """The persistent identifier the Dataverse gave."""


class _PassingError(Exception):
    """A failure after which it may be tried again."""


def deposit_to_dataverse(
    record: Record,
    url: str,
    collection: str,
    pauses: tuple[float, ...] = _PAUSES,
    timeout: float = 60.0,
) -> Deposited:
    """Create the data set in a Dataverse as a draft, or update the one that is there.

    Parameters
    ----------
    record : Record
        The release.
    url : str
        Address of the Dataverse.
    collection : str
        Alias of the collection that takes it.
    pauses : tuple of float
        How long to wait before each further attempt, in s.
    timeout : float
        How long to wait for an answer, in s.

    Raises
    ------
    ingest.core.errors.InputError
        If the Dataverse refuses: the token, the collection or the metadata are not good.
    ingest.core.errors.IngestError
        If it does not answer, or not as it should, after all attempts.
    """
    if any(part in record.reference_url.split("/")[2] for part in _LOCAL):
        raise ManifestError(
            "the release's addresses only work on this machine",
            where="referenceURL",
            value=record.reference_url,
            expected="the address the world reaches the server at",
            remedy="write it into the site's file as url =, and make up",
        )
    document = to_dataverse(record)
    api = _Dataverse(url, _token(), timeout)

    def attempt() -> Deposited:
        known = api.find(record.identifier, collection)
        if known:
            api.update(known, document)
            return Deposited("updated", known)
        return Deposited("created", api.create(collection, document))

    return _patiently(attempt, pauses, url)


def _patiently(attempt: Callable[[], Deposited], pauses: tuple[float, ...], url: str) -> Deposited:
    for pause in (*pauses, None):
        try:
            return attempt()
        except (_PassingError, httpx.TransportError) as reason:
            if pause is None:
                raise IngestError(
                    "the Dataverse did not take the data set",
                    where=url,
                    value=str(reason) or type(reason).__name__,
                    remedy="try again later; what it has already is found again, and not doubled",
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
            remedy=f"export {TOKEN_VARIABLE}=…; it is not kept anywhere",
        )
    return token


class _Dataverse(NativeApi):  # type: ignore[misc]
    """pyDataverse's interface, which by itself waits for ever and prints to the terminal."""

    def __init__(self, url: str, token: str, timeout: float) -> None:
        super().__init__(url, token)
        self.patience = timeout

    def _sync_request(self, method: Callable[..., httpx.Response], **kwargs: Any) -> httpx.Response:
        told = self._filter_kwargs(kwargs)
        return method(**told, auth=self.auth, follow_redirects=False, timeout=self.patience)

    def find(self, identifier: str, collection: str) -> str | None:
        """Return the persistent identifier of the data set that has `identifier`, if any.

        The search comes first; its index may lag behind, so the collection is read, too.
        """
        for known in (*self._search(identifier), *self._members(collection)):
            if identifier in self._other_ids(known):
                return known
        return None

    def create(self, collection: str, document: dict[str, Any]) -> str:
        """Create a data set as a draft; return its persistent identifier."""
        with _quiet():
            reply = self.create_dataset(collection, document)
        return str(_data(reply, 201)["persistentId"])

    def update(self, known: str, document: dict[str, Any]) -> None:
        """Replace the metadata of the draft of a data set."""
        blocks = document["datasetVersion"]["metadataBlocks"].values()
        fields = [field for block in blocks for field in block["fields"]]
        with _quiet():
            _data(self.edit_dataset_metadata(known, {"fields": fields}, replace=True), 200)

    def _search(self, identifier: str) -> list[str]:
        query = {"q": f'otherIdValue:"{identifier}"', "type": "dataset", "per_page": 100}
        address = f"{self.base_url}/api/search?{urllib.parse.urlencode(query)}"
        with _quiet():
            found = _data(self.get_request(address), 200)
        return [item["global_id"] for item in found["items"]]

    def _members(self, collection: str) -> list[str]:
        with _quiet():
            members = _data(self.get_dataverse_contents(collection), 200)
        return [
            f"{item['protocol']}:{item['authority']}/{item['identifier']}"
            for item in members
            if item["type"] == "dataset"
        ]

    def _other_ids(self, known: str) -> set[str]:
        with _quiet():
            reply = self.get_dataset(known)
        if reply.status_code in (401, 403, 404):
            return set()  # somebody else's draft, which we may not read
        blocks = _data(reply, 200)["latestVersion"]["metadataBlocks"]
        return {
            value["otherIdValue"]["value"]
            for field in blocks["citation"]["fields"]
            if field["typeName"] == "otherId"
            for value in field["value"]
            if "otherIdValue" in value
        }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pyDataverse from printing and warning of itself, and let its errors be ours."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except ApiAuthorizationError:
        raise _refusal(401) from None
    except DataverseNotFoundError:
        raise _refusal(404) from None


def _data(reply: httpx.Response, wanted: int) -> Any:
    """Return what a reply carries.

    Raises
    ------
    InputError
        If the request was refused for good.
    _PassingError
        If it may be sent again.
    """
    if reply.status_code in _PASSING:
        raise _PassingError(f"it answers {reply.status_code}: {_message(reply)}")
    if reply.status_code != wanted:
        raise _refusal(reply.status_code, _message(reply))
    try:
        return reply.json()["data"]
    except (ValueError, KeyError, TypeError):
        raise _PassingError("its answer is not what its API documents") from None


def _message(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError):
        return reply.reason_phrase


def _refusal(status: int, message: str = "") -> InputError:
    remedies = {
        401: f"check {TOKEN_VARIABLE}: the token may be expired",
        403: "ask the collection's owner for the right to add data sets",
        404: "correct dataverse_collection in the site's file",
    }
    return InputError(
        "the Dataverse refuses the data set",
        value=f"{status} {message}".strip(),
        remedy=remedies.get(status, "correct what it says, and try again"),
    )
