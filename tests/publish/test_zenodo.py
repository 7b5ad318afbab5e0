"""Depositions at Zenodo: one for each release, with its files, whatever the server does."""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.core.credentials import variable
from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.publish.deposits.pending import Pending
from ingest.publish.deposits.result import Deposit
from ingest.publish.deposits.zenodo import Zenodo
from ingest.publish.documents import ReleaseRecord
from tests.publish import zenodo_server
from tests.publish.samples import record
from tests.publish.zenodo_server import TOKEN, ZenodoPeer, zenodo

DOI = "10.5072/zenodo.1000"
LAG = 0.15
PAUSES = (0.01, 0.01, 0.01)


@pytest.fixture
def peer() -> ZenodoPeer:
    return ZenodoPeer()


@pytest.fixture
def pending(tmp_path: Path) -> Iterator[Pending]:
    with Pending(tmp_path / "deposits" / "zenodo.ant20_01", delay=LAG) as made:
        yield made


@pytest.fixture
def client(peer: ZenodoPeer, pending: Pending, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    monkeypatch.setenv(variable("zenodo", "token"), TOKEN)
    with zenodo(peer) as url, Zenodo(url, pending, PAUSES, timeout=0.3) as connection:
        yield connection


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "ant20_01.fits", tmp_path / "Public Data.dat"]
    for path in paths:
        path.write_bytes(path.name.encode() * 1000)
    return paths


def release(**changes: object) -> ReleaseRecord:
    return record(doi=False).model_copy(update=changes)


def test_a_doi_is_reserved_and_then_found(client: Zenodo, peer: ZenodoPeer) -> None:
    assert client.reserve(release(), None) == Deposit("reserved", DOI, "draft")
    for doi in (None, DOI):  # not recorded, because we were killed; and recorded
        assert client.reserve(release(), doi) == Deposit("found", DOI, "draft")
    assert peer.count("POST") == 1
    (found,) = peer.depositions.values()
    assert found["metadata"]["title"] == "ANTARES 2007-2017 neutrino events"
    other = release(identifier="ivo://km3net.org/evts20_01/nu/cone")
    assert client.reserve(other, None).what == "reserved"


def test_it_is_found_among_many(client: Zenodo, peer: ZenodoPeer) -> None:
    client.reserve(release(), None)
    first = peer.depositions.pop(1000)
    others = {n: first | {"id": n, "metadata": {"keywords": []}} for n in range(250)}
    peer.depositions = others | {1000: first}
    assert client.reserve(release(), None) == Deposit("found", DOI, "draft")
    assert peer.count("GET") == 1 + 3


def test_files_are_deposited_and_published(
    client: Zenodo, peer: ZenodoPeer, files: list[Path]
) -> None:
    assert client.deposit(release(), None, files) == Deposit("updated", DOI, "draft")
    assert peer.contents == {path.name: path.read_bytes() for path in files}
    files[0].write_bytes(b"corrected")
    puts = peer.count("PUT")
    assert client.publish(release(), DOI, files) == Deposit("published", DOI, "published")
    assert peer.count("PUT") == puts + 2  # the metadata, and the file that changed
    assert peer.contents[files[0].name] == b"corrected"
    (found,) = peer.depositions.values()
    assert found["submitted"]
    asked = len(peer.requests)
    assert client.publish(release(), DOI, files).state == "published"
    assert peer.requests[asked:] == [("GET", "/api/deposit/depositions/1000")]
    with pytest.raises(InputError, match="published already"):
        client.deposit(release(), DOI, files)


def test_the_doi_of_another_agency_is_that_of_the_deposition(
    client: Zenodo, peer: ZenodoPeer, files: list[Path]
) -> None:
    doi = "10.5072/km3net.org.ant20_01"
    assert client.publish(release(), doi, files).identifier == doi
    assert client.reserve(release(), doi).what == "found"
    assert len(peer.depositions) == 1


@pytest.mark.parametrize("trouble", ["+500", "+504", "+close", "+slow", "500", "close"])
def test_a_lost_answer_does_not_create_twice(
    client: Zenodo, peer: ZenodoPeer, trouble: str
) -> None:
    peer.troubles, peer.lag = [trouble], 0.8 * LAG
    assert client.reserve(release(), None).identifier == DOI
    assert len(peer.depositions) == 1


def test_a_command_killed_before_the_answer_does_not_create_twice(
    peer: ZenodoPeer, client: Zenodo, tmp_path: Path
) -> None:
    peer.troubles, peer.lag = ["+slow"], 0.3 * LAG
    note = tmp_path / "deposits" / "killed"

    def reserve() -> Deposit:
        with Pending(note, LAG) as pending, Zenodo(client.client.url, pending, PAUSES) as other:
            return other.reserve(release(), None)

    victim = multiprocessing.get_context("fork").Process(target=reserve)
    victim.start()
    while not peer.depositions:
        time.sleep(0.005)
    victim.kill()
    victim.join()
    assert reserve() == Deposit("found", DOI, "draft")
    assert len(peer.depositions) == 1


@pytest.mark.parametrize("trouble", ["+500", "+close", "500"])
def test_a_lost_answer_does_not_publish_twice(
    client: Zenodo, peer: ZenodoPeer, files: list[Path], trouble: str
) -> None:
    client.deposit(release(), None, files)
    peer.troubles = [trouble]
    assert client.publish(release(), DOI, files).state == "published"
    assert len(peer.depositions) == 1


def test_it_waits_as_long_as_a_busy_server_asks(client: Zenodo, peer: ZenodoPeer) -> None:
    peer.troubles, peer.headers = ["429"], {"X-RateLimit-Reset": f"{time.time() + 0.4:.3f}"}
    began = time.monotonic()
    assert client.reserve(release(), None).what == "reserved"
    assert time.monotonic() - began >= 0.35


def test_refusals_are_reported_with_their_fields(
    client: Zenodo, peer: ZenodoPeer, pending: Pending, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"files: Minimum one file must be provided\."):
        client.publish(release(), None, [])
    assert not any(one["submitted"] for one in peer.depositions.values())
    with pytest.raises(InputError, match="does not know the DOI in the manifest"):
        client.reserve(release(), "10.5072/zenodo.77")
    monkeypatch.setenv(variable("zenodo", "token"), "an-old-token")
    with (
        Zenodo(client.client.url, pending, PAUSES) as old,
        pytest.raises(InputError, match="401") as caught,
    ):
        old.reserve(release(), None)
    assert "an-old-token" not in str(caught.value)


def test_the_token_is_sent_to_no_other_server(
    client: Zenodo, peer: ZenodoPeer, files: list[Path]
) -> None:
    other = ZenodoPeer()
    with zenodo(other) as elsewhere:
        peer.bucket = elsewhere
        with pytest.raises(IngestError, match="refers to another server"):
            client.deposit(release(), None, files)
    assert other.requests == []


def test_a_damaged_upload_is_noticed(
    client: Zenodo, peer: ZenodoPeer, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Damaged:
        @staticmethod
        def md5(content: bytes):
            return hashlib.md5(content[:-1])

    monkeypatch.setattr(zenodo_server, "hashlib", Damaged)
    with pytest.raises(IngestError, match="checksum of ant20_01"):
        client.deposit(release(), None, files)


def test_two_commands_do_not_deposit_the_same_release(pending: Pending, tmp_path: Path) -> None:
    with (
        pytest.raises(InputError, match="another command"),
        Pending(tmp_path / "deposits" / "zenodo.ant20_01"),
    ):
        pass


def test_credentials_are_not_sent_without_encryption(
    pending: Pending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("zenodo", "token"), TOKEN)
    with pytest.raises(ManifestError, match="without encryption"):
        Zenodo("http://zenodo.example.org", pending)
