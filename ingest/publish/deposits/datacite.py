"""DOIs at DataCite: reserved as drafts, updated and published by its REST API.

The DOI is derived from the release's IVOA identifier. A repeated request therefore concerns the
same DOI, and DataCite finds a DOI by its name at once, also a draft whose creation was not
confirmed.
"""

from __future__ import annotations

import urllib.parse
from typing import Any, Final

from ingest.core.credentials import credential, variable
from ingest.core.errors import InputError, ManifestError
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
from ingest.publish.documents import ReleaseRecord, to_datacite

_TYPE: Final = "application/vnd.api+json"
_REMEDIES: Final = {
    401: f"check {variable('datacite', 'repository')} and {variable('datacite', 'password')}",
    403: "check datacite_prefix in the site's file: it has to belong to this repository account",
    404: "check [deposit] datacite in the site's file",
}


class DataCite(Account):
    """A repository account at DataCite.

    Parameters
    ----------
    url, prefix : str
        Address of the REST API, and the account's prefix; both are settings of the site.
    pauses : tuple of float
        Waiting time before each further attempt, in s.
    timeout : float
        How long to wait for a response, in s.

    Raises
    ------
    ingest.core.errors.InputError
        If the site has no account, or there are no credentials.
    """

    def __init__(
        self, url: str, prefix: str, pauses: tuple[float, ...] = PAUSES, timeout: float = 60.0
    ) -> None:
        self._prefix, self._pauses = prefix, pauses
        source = "the repository account at DataCite, such as KM3NET.VO, and its password"
        account = tuple(credential("datacite", key, source) for key in ("repository", "password"))
        self.client = Client(
            "DataCite",
            url,
            _REMEDIES,
            timeout,
            headers={"Accept": _TYPE},
            auth=(account[0], account[1]),
        )

    def reserve(self, record: ReleaseRecord, doi: str | None) -> Deposit:
        """Reserve the release's DOI as a draft, unless it exists.

        Parameters
        ----------
        record : ReleaseRecord
            The release.
        doi : str, optional
            The DOI in its manifest; by default, it is derived from the IVOA identifier.
        """

        def attempt() -> Deposit:
            found = self._find(record, doi)
            if found:
                return found
            if doi:
                raise InputError(
                    "DataCite does not know the DOI in the manifest",
                    where=self.client.url,
                    value=doi,
                    expected="a DOI of this repository account",
                    remedy="check [deposit] datacite in the site's file, and the account; if the"
                    " DOI is wrong, remove it from the manifest",
                )
            return self._create(record)

        return repeat(attempt, self._pauses, self.client)

    def deposit(self, record: ReleaseRecord, doi: str | None) -> Deposit:
        """Update the metadata of the release's DOI, which is reserved if it does not exist."""
        return self._send(record, doi, {}, "updated")

    def publish(self, record: ReleaseRecord, doi: str | None) -> Deposit:
        """Update the metadata and make the DOI findable, which cannot be undone."""
        return self._send(record, doi, {"event": "publish"}, "published")

    def _send(
        self, record: ReleaseRecord, doi: str | None, event: dict[str, str], what: str
    ) -> Deposit:
        def attempt() -> Deposit:
            known = self._find(record, doi) or self._create(record)
            answer = self._attributes(
                "PUT",
                _path(known.identifier),
                json=_body(attributes(record, known.identifier) | event),
            )
            return Deposit(what, known.identifier, str(answer.get("state", "")))

        return repeat(attempt, self._pauses, self.client)

    def _find(self, record: ReleaseRecord, doi: str | None) -> Deposit | None:
        name = doi or derived_doi(record, self._prefix)
        answer = self.client.find(_path(name))
        if answer is None:
            return None
        found = _attributes(answer)
        names = [
            *(one.get("alternateIdentifier") for one in found.get("alternateIdentifiers") or ()),
            *(one.get("identifier") for one in found.get("identifiers") or ()),
        ]
        if doi is None and record.identifier not in names:
            raise InputError(
                "this DOI belongs to another data set at DataCite",
                where=self.client.url,
                value=f"{name}: {', '.join(map(str, names)) or 'without identifiers'}",
                expected=record.identifier,
                remedy="if it is the same data set, write the DOI into the manifest",
            )
        return Deposit("found", name, str(found.get("state", "")))

    def _create(self, record: ReleaseRecord) -> Deposit:
        doi = derived_doi(record, self._prefix)
        try:
            answer = self._attributes("POST", "dois", json=_body(attributes(record, doi)))
        except RefusedError as refusal:
            # another command may have been faster
            if refusal.status == 422 and (found := self._find(record, None)):
                return found
            raise
        return Deposit("reserved", str(answer.get("doi", doi)), str(answer.get("state", "")))

    def _attributes(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        headers = {"Content-Type": _TYPE}
        return _attributes(self.client.send(method, path, headers=headers, **more))


def derived_doi(record: ReleaseRecord, prefix: str) -> str:
    """Return the DOI that belongs to a release's IVOA identifier.

    Raises
    ------
    ingest.core.errors.ManifestError
        If the site has no prefix of its own.
    """
    if not prefix:
        raise ManifestError(
            "this site has no prefix at DataCite",
            where="[deposit] datacite_prefix",
            expected="the prefix of the site's repository account, such as 10.5072",
            remedy="write it into the file that KM3VO_SITE names; without an account, reserve a"
            " DOI with --to zenodo",
        )
    authority = urllib.parse.urlsplit(record.identifier).netloc
    return f"{prefix}/{authority}.{record.release}".lower()


def attributes(record: ReleaseRecord, doi: str | None) -> dict[str, Any]:
    """Return the metadata for a DOI; a draft needs no address that works everywhere."""
    document = to_datacite(record.model_copy(update={"doi": doi}))
    if is_local(record.reference_url):
        del document["url"]
    return document


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"type": "dois", "attributes": content}}


def _attributes(answer: Any) -> dict[str, Any]:
    try:
        return dict(answer["data"]["attributes"])
    except (KeyError, TypeError, ValueError):
        raise undocumented() from None


def _path(doi: str) -> str:
    return "dois/" + urllib.parse.quote(doi)
