"""Depositions at Zenodo: reserved, filled with metadata and files, and published by its REST API.

Zenodo assigns the DOI. The release is recognised by its IVOA identifier, which is one of the
keywords of each deposition from its creation.
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import httpx

from ingest.core.credentials import credential, variable
from ingest.core.errors import IngestError, InputError
from ingest.core.files import open_regular
from ingest.publish.deposits.client import (
    PAUSES,
    Account,
    Client,
    RefusedError,
    TransientError,
    is_local,
    repeat,
    undocumented,
)
from ingest.publish.deposits.pending import Pending
from ingest.publish.deposits.result import Deposit
from ingest.publish.documents import ReleaseRecord, to_zenodo

_DEPOSITIONS: Final = "api/deposit/depositions"
_PAGE: Final = 100
"""The largest page of a list."""
_UPLOAD_TIMEOUT: Final = 600.0
"""How long, in s, Zenodo may take to store a large file after it has arrived."""
_REMEDIES: Final = {
    401: f"check {variable('zenodo', 'token')}: the token may have expired",
    403: "create a token with the scopes deposit:write and deposit:actions",
    404: "check [deposit] zenodo in the site's file",
}
_OWN_DOI: Final = re.compile(r"10\.\d{4,9}/zenodo\.(\d+)")


class Zenodo(Account):
    """An account at Zenodo.

    Parameters
    ----------
    url : str
        Address of Zenodo or its sandbox.
    pending : Pending
        Notes a creation that has not been confirmed.
    pauses : tuple of float
        Waiting time before each further attempt, in s.
    timeout : float
        How long to wait for a response, in s.

    Raises
    ------
    ingest.core.errors.InputError
        If there is no token.
    """

    def __init__(
        self,
        url: str,
        pending: Pending,
        pauses: tuple[float, ...] = PAUSES,
        timeout: float = 60.0,
    ) -> None:
        self._pending, self._pauses = pending, pauses
        source = "a token of your account there with deposit:write and deposit:actions"
        token = credential("zenodo", "token", source)
        headers = {"Authorization": f"Bearer {token}"}
        self.client = Client("Zenodo", url, _REMEDIES, timeout, headers=headers)

    def reserve(self, record: ReleaseRecord, doi: str | None) -> Deposit:
        """Create a deposition with the metadata, whose DOI is reserved, unless it exists.

        Parameters
        ----------
        record : ReleaseRecord
            The release.
        doi : str, optional
            The DOI in its manifest.
        """

        def attempt() -> Deposit:
            found = self._find(record, doi)
            if found is None:
                return _deposit("reserved", self._create(record, doi))
            return _deposit("found", found)

        return repeat(attempt, self._pauses, self.client)

    def deposit(self, record: ReleaseRecord, doi: str | None, files: Sequence[Path]) -> Deposit:
        """Update metadata and files of the release's draft, which is created if necessary."""
        return repeat(
            lambda: _deposit("updated", self._fill(record, doi, files)), self._pauses, self.client
        )

    def publish(self, record: ReleaseRecord, doi: str | None, files: Sequence[Path]) -> Deposit:
        """Update metadata and files, and publish them, which cannot be undone."""

        def attempt() -> Deposit:
            found = self._find(record, doi)
            if found is None or not found.get("submitted"):
                draft = self._fill(record, doi, files)
                found = _object(self.client.send("POST", f"{_path(draft)}/actions/publish"))
            return _deposit("published", found)

        return repeat(attempt, self._pauses, self.client)

    def _fill(
        self, record: ReleaseRecord, doi: str | None, files: Sequence[Path]
    ) -> dict[str, Any]:
        draft = self._find(record, doi) or self._create(record, doi)
        if draft.get("submitted"):
            raise InputError(
                "the deposition is published already",
                where=self.client.url,
                value=_doi(draft),
                remedy="correct its metadata on its page there; other files are another release",
            )
        metadata = document(record.model_copy(update={"doi": doi or _doi(draft)}))
        draft = _object(self.client.send("PUT", _path(draft), json=metadata))
        there = {one.get("filename"): one.get("checksum") for one in draft.get("files", ())}
        for path in files:
            if there.get(path.name) != _md5(path):
                self._upload(draft, path)
        return draft

    def _upload(self, draft: dict[str, Any], path: Path) -> None:
        try:
            address = f"{draft['links']['bucket']}/{urllib.parse.quote(path.name)}"
        except (KeyError, TypeError):
            raise undocumented() from None
        size = str(path.stat().st_size)
        headers = {"Content-Type": "application/octet-stream", "Content-Length": size}
        with open_regular(path) as stream:
            answer = _object(
                self.client.send(
                    "PUT", address, content=stream, headers=headers, timeout=_UPLOAD_TIMEOUT
                )
            )
        if answer.get("checksum") not in (wanted := _md5(path), f"md5:{wanted}"):
            raise TransientError(f"the checksum of {path.name} there differs from ours")

    def _find(self, record: ReleaseRecord, doi: str | None) -> dict[str, Any] | None:
        if doi and (own := _OWN_DOI.fullmatch(doi)):
            found = self.client.find(f"{_DEPOSITIONS}/{own[1]}")
            if found is None:
                raise InputError(
                    "Zenodo does not know the DOI in the manifest",
                    where=self.client.url,
                    value=doi,
                    expected="a DOI of this account",
                    remedy="check [deposit] zenodo in the site's file, and the account; if the DOI"
                    " is wrong, remove it from the manifest",
                )
            return _object(found)
        self._pending.wait()
        for one in self._depositions():
            if record.identifier in ((one.get("metadata") or {}).get("keywords") or ()):
                return one
        return None

    def _depositions(self) -> Iterator[dict[str, Any]]:
        for page in range(1, 1000):
            query = {"size": str(_PAGE), "page": str(page)}
            found = self.client.send("GET", _DEPOSITIONS, params=query)
            if not isinstance(found, list):
                raise undocumented()
            yield from map(_object, found)
            if len(found) < _PAGE:
                return
        raise IngestError("this account has too many depositions", where=self.client.url)

    def _create(self, record: ReleaseRecord, doi: str | None) -> dict[str, Any]:
        metadata = document(record.model_copy(update={"doi": doi}))
        self._pending.begin()
        try:
            answer = _object(self.client.send("POST", _DEPOSITIONS, json=metadata))
        except (RefusedError, httpx.ConnectError):
            self._pending.confirm()  # nothing was created
            raise
        except (TransientError, httpx.TransportError) as reason:
            if isinstance(reason, TransientError) and reason.status == 429:
                self._pending.confirm()
            else:
                self._pending.begin()  # it may have been created until now
            raise
        self._pending.confirm()
        return answer


def document(record: ReleaseRecord) -> dict[str, Any]:
    """Return the metadata of a deposition, by which the release is recognised."""
    content = to_zenodo(record)
    metadata = content["metadata"]
    metadata["keywords"] = [*metadata["keywords"], record.identifier]
    metadata["related_identifiers"] = [
        one for one in metadata["related_identifiers"] if not is_local(one["identifier"])
    ]
    return content


def _object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise undocumented()
    return answer


def _deposit(what: str, found: dict[str, Any]) -> Deposit:
    return Deposit(what, _doi(found), "published" if found.get("submitted") else "draft")


def _doi(found: dict[str, Any]) -> str:
    try:
        metadata = found["metadata"]
        return str(found.get("doi") or metadata.get("doi") or metadata["prereserve_doi"]["doi"])
    except (KeyError, TypeError):
        raise undocumented() from None


def _path(found: dict[str, Any]) -> str:
    try:
        return f"{_DEPOSITIONS}/{int(found['id'])}"
    except (KeyError, TypeError, ValueError):
        raise undocumented() from None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # Zenodo's own checksum
    with open_regular(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
