"""A small DataCite: what its REST API documents of DOIs, https://support.datacite.org/reference."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.publish.peer import Peer, PeerHandler, serve

REPOSITORY, PASSWORD = "KM3NET.VO", "correct horse battery"
PREFIX = "10.5072"


@dataclass
class DataCitePeer(Peer):
    """The DOIs by their lower-case names; those of strangers have no attributes.

    Attributes
    ----------
    blind : int
        How many of the next GET requests come before another command's POST.
    """

    dois: dict[str, dict[str, Any]] = field(default_factory=dict)
    blind: int = 0


class DataCiteHandler(PeerHandler):
    """POST and PUT of /dois, and GET for the owner of a draft."""

    peer: DataCitePeer

    def error(self, status: int, message: str) -> Any:
        return {"errors": [{"status": str(status), "title": message}]}

    def do_GET(self) -> None:
        path, _ = self.asked()
        if self._may():
            doi = path.removeprefix("/dois/").lower()
            self.peer.blind -= 1
            if self.peer.blind < 0 and self.peer.dois.get(doi):
                self.answer(200, self._resource(doi))
            else:
                self.refuse(404, "The resource you are looking for doesn't exist.")

    def do_POST(self) -> None:
        self.asked()
        attributes = self._attributes()
        if attributes is not None:
            doi = attributes["doi"].lower()
            if doi in self.peer.dois:
                self._invalid("doi", "This DOI has already been taken")
            else:
                self._store(doi, attributes, 201)

    def do_PUT(self) -> None:
        path, _ = self.asked()
        attributes = self._attributes()
        if attributes is not None:
            doi = path.removeprefix("/dois/").lower()
            self._store(doi, attributes, 200 if doi in self.peer.dois else 201)

    def _may(self) -> bool:
        wanted = base64.b64encode(f"{REPOSITORY}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {wanted}":
            return True
        self.refuse(401, "Bad credentials.")
        return False

    def _attributes(self) -> dict[str, Any] | None:
        text = self.content()
        if not self._may() or self.goes_wrong(after=False):
            return None
        if self.headers["Content-Type"] != "application/vnd.api+json":
            self.refuse(415, "Unsupported Media Type")
            return None
        data = json.loads(text)["data"]
        assert data["type"] == "dois"
        if data["attributes"]["doi"].partition("/")[0] != PREFIX:
            self.refuse(403, "You are not authorized to access this resource.")
            return None
        return dict(data["attributes"])

    def _store(self, doi: str, attributes: dict[str, Any], status: int) -> None:
        event = attributes.pop("event", None)
        if event == "publish" and not attributes.get("url"):
            self._invalid("url", "Can't be blank")
            return
        state = self.peer.dois.get(doi, {}).get("state", "draft")
        attributes["state"] = "findable" if event == "publish" else state
        attributes["doi"] = doi
        self.peer.dois[doi] = attributes
        if not self.goes_wrong(after=True):
            self.answer(status, self._resource(doi))

    def _invalid(self, source: str, title: str) -> None:
        self.answer(422, {"errors": [{"source": source, "uid": "-", "title": title}]})

    def _resource(self, doi: str) -> dict[str, Any]:
        return {"data": {"id": doi, "type": "dois", "attributes": self.peer.dois[doi]}}


@contextmanager
def datacite(peer: DataCitePeer) -> Iterator[str]:
    """Run the server, and yield its address."""
    with serve(DataCiteHandler, peer) as url:
        yield url
