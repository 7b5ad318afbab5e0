"""A small Zenodo: what its REST API documents of depositions, https://developers.zenodo.org."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.publish.peer import Peer, PeerHandler, serve

TOKEN = "zenodo-token-0123456789"
_REQUIRED = ("upload_type", "title", "creators", "description", "publication_date")


@dataclass
class ZenodoPeer(Peer):
    """The depositions by their numbers.

    Attributes
    ----------
    lag : float
        After how many seconds the list has what was created; a real index lags behind.
    bucket : str, optional
        The server of the addresses of buckets, if it is another one.
    """

    depositions: dict[int, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    lag: float = 0.0
    bucket: str = ""


class ZenodoHandler(PeerHandler):
    """Depositions, their buckets, and their publication."""

    peer: ZenodoPeer
    root = "/api/deposit/depositions"

    def error(self, status: int, message: str) -> Any:
        return {"status": status, "message": message}

    def do_GET(self) -> None:
        path, query = self.asked()
        if not self._may():
            return
        if path == self.root:
            size, page = int(query.get("size", 10)), int(query.get("page", 1))
            assert size <= 100
            known = [
                one
                for one in self.peer.depositions.values()
                if one["created"] + self.peer.lag <= time.time()
            ]
            self.answer(200, known[(page - 1) * size : page * size])
        elif found := self._deposition(path):
            self.answer(200, found)

    def do_POST(self) -> None:
        path, _ = self.asked()
        text = self.content()
        if not self._may() or self.goes_wrong(after=False):
            return
        if path.endswith("/actions/publish"):
            self._publish(path.removesuffix("/actions/publish"))
            return
        assert path == self.root
        if self.headers["Content-Type"] != "application/json":
            self.refuse(415, "Unsupported media type")
            return
        number = 1000 + len(self.peer.depositions)
        host = self.peer.bucket or f"http://{self.headers['Host']}"
        doi = f"10.5072/zenodo.{number}"
        self.peer.depositions[number] = {
            "id": number,
            "created": time.time(),
            "files": [],
            "links": {"bucket": f"{host}/api/files/b-{number}"},
            "metadata": json.loads(text)["metadata"]
            | {"prereserve_doi": {"doi": doi, "recid": number}},
            "state": "unsubmitted",
            "submitted": False,
        }
        if not self.goes_wrong(after=True):
            self.answer(201, self.peer.depositions[number])

    def do_PUT(self) -> None:
        path, _ = self.asked()
        content = self.content()
        if not self._may() or self.goes_wrong(after=False):
            return
        if path.startswith("/api/files/b-"):
            bucket, _, name = path.removeprefix("/api/files/b-").partition("/")
            files = self.peer.depositions[int(bucket)]["files"]
            files[:] = [one for one in files if one["filename"] != name]
            digest = hashlib.md5(content).hexdigest()
            files.append({"filename": name, "filesize": len(content), "checksum": digest})
            self.peer.contents[name] = content
            answer = {"key": name, "checksum": f"md5:{digest}"}
        elif answer := self._deposition(path):
            reserved = answer["metadata"]["prereserve_doi"]
            answer["metadata"] = json.loads(content)["metadata"] | {"prereserve_doi": reserved}
        if answer and not self.goes_wrong(after=True):
            self.answer(200, answer)

    def _publish(self, path: str) -> None:
        found = self._deposition(path)
        if not found:
            return
        missing = [name for name in _REQUIRED if not found["metadata"].get(name)]
        if missing or not found["files"]:
            errors = [{"field": f"metadata.{one}", "message": "required"} for one in missing]
            if not found["files"]:
                errors.append({"field": "files", "message": "Minimum one file must be provided."})
            self.answer(400, self.error(400, "Validation error") | {"errors": errors})
            return
        found |= {"submitted": True, "state": "done", "doi": found["metadata"]["doi"]}
        if not self.goes_wrong(after=True):
            self.answer(202, found)

    def _may(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.refuse(401, "The server could not verify that you are authorized")
        return False

    def _deposition(self, path: str) -> dict[str, Any] | None:
        found = self.peer.depositions.get(int(path.rpartition("/")[2]))
        if found is None:
            self.refuse(404, "Deposition not found")
        return found


@contextmanager
def zenodo(peer: ZenodoPeer) -> Iterator[str]:
    """Run the server, and yield its address."""
    with serve(ZenodoHandler, peer) as url:
        yield url
