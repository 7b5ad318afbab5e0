"""A small Dataverse: what its native API documents of data sets, and how it can go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.publish.peer import Peer, PeerHandler, serve

TOKEN = "7f4a9e1c-0000-4000-8000-1234567890ab"
COLLECTION = "neutrinos"


@dataclass
class State(Peer):
    """What the server has and had, and what it does next.

    Attributes
    ----------
    datasets : dict
        The fields of the data sets by their identifiers; those of strangers are empty.
    indexed : bool
        Whether the search finds what was created; a real index lags behind.
    """

    datasets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    indexed: bool = True


class DataverseHandler(PeerHandler):
    """The search, collections and data sets."""

    peer: State

    def error(self, status: int, message: str) -> Any:
        return {"status": "ERROR", "code": status, "message": message}

    def do_GET(self) -> None:
        path, query = self.asked()
        if not self._may():
            return
        datasets = self.peer.datasets
        if path == "/api/search":
            wanted = query["q"].partition(":")[2].strip('"')
            items = [
                {"type": "dataset", "global_id": known}
                for known, fields in datasets.items()
                if self.peer.indexed and wanted in json.dumps(fields)
            ]
            self._data(200, {"total_count": len(items), "items": items})
        elif path == f"/api/v1/dataverses/{COLLECTION}/contents":
            self._data(200, [_member(known) for known in datasets])
        elif path.startswith("/api/v1/datasets/:persistentId"):
            fields = datasets[query["persistentId"]]
            if not fields:
                self.refuse(401, "User is not permitted to perform requested action.")
                return
            blocks = {"citation": {"fields": fields}}
            self._data(200, {"latestVersion": {"metadataBlocks": blocks}})
        else:
            self.refuse(404, "not found")

    def do_POST(self) -> None:
        path, _ = self.asked()
        document = json.loads(self.content())
        if not self._may():
            return
        if path != f"/api/v1/dataverses/{COLLECTION}/datasets":
            self.refuse(404, "Can't find dataverse")
        elif not self.goes_wrong(after=False):
            known = f"doi:10.5072/FK2/A{len(self.peer.datasets)}"
            fields = document["datasetVersion"]["metadataBlocks"]["citation"]["fields"]
            self.peer.datasets[known] = fields
            if not self.goes_wrong(after=True):
                self._data(201, {"id": 1, "persistentId": known})

    def do_PUT(self) -> None:
        _, query = self.asked()
        fields = json.loads(self.content())["fields"]
        if self._may() and not self.goes_wrong(after=False):
            known = query["persistentId"]
            assert query["replace"] == "true"
            self.peer.datasets[known] = fields
            if not self.goes_wrong(after=True):
                self._data(200, {"persistentUrl": known})

    def _may(self) -> bool:
        if self.headers.get("X-Dataverse-key") == TOKEN:
            return True
        self.refuse(401, "Bad API key")
        return False

    def _data(self, status: int, data: object) -> None:
        self.answer(status, {"status": "OK", "data": data})


def _member(known: str) -> dict[str, str]:
    protocol, _, rest = known.partition(":")
    authority, _, identifier = rest.partition("/")
    return {
        "type": "dataset",
        "protocol": protocol,
        "authority": authority,
        "identifier": identifier,
    }


@contextmanager
def dataverse(state: State) -> Iterator[str]:
    """Run the server, and yield its address."""
    with serve(DataverseHandler, state) as url:
        yield url
