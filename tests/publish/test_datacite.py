"""DOIs at DataCite: one for each release, whatever the server does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ingest.core.credentials import variable
from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.publish.deposits.datacite import DataCite
from ingest.publish.deposits.result import Deposit
from ingest.publish.documents import ReleaseRecord
from tests.publish.datacite_server import PASSWORD, PREFIX, REPOSITORY, DataCitePeer, datacite
from tests.publish.samples import record

DOI = "10.5072/km3net.org.ant20_01"
PAUSES = (0.01, 0.01, 0.01)


@pytest.fixture
def peer() -> DataCitePeer:
    return DataCitePeer()


@pytest.fixture
def client(peer: DataCitePeer, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataCite]:
    monkeypatch.setenv(variable("datacite", "repository"), REPOSITORY)
    monkeypatch.setenv(variable("datacite", "password"), PASSWORD)
    with datacite(peer) as url, DataCite(url, PREFIX, PAUSES, timeout=0.3) as connection:
        yield connection


def release(**changes: object) -> ReleaseRecord:
    return record(doi=False).model_copy(update=changes)


def test_a_doi_is_reserved_as_a_draft_and_then_found(client: DataCite, peer: DataCitePeer) -> None:
    assert client.reserve(release(), None) == Deposit("reserved", DOI, "draft")
    for doi in (None, DOI):  # not recorded, because we were killed; and recorded
        assert client.reserve(release(), doi) == Deposit("found", DOI, "draft")
    assert (peer.count("POST"), peer.count("PUT")) == (1, 0)
    (stored,) = peer.dois.values()
    assert stored["titles"] == [{"title": "ANTARES 2007-2017 neutrino events"}]
    assert stored["alternateIdentifiers"] == [
        {
            "alternateIdentifier": "ivo://km3net.org/ant20_01/nu/cone",
            "alternateIdentifierType": "IVOID",
        }
    ]


def test_a_draft_has_no_address_of_this_machine(client: DataCite, peer: DataCitePeer) -> None:
    client.reserve(release(reference_url="http://localhost:8080/ant20_01"), None)
    assert "url" not in peer.dois[DOI]
    client.deposit(release(), None)
    assert peer.dois[DOI]["url"] == release().reference_url


def test_a_published_doi_is_findable_and_its_metadata_are_updated(
    client: DataCite, peer: DataCitePeer
) -> None:
    assert client.publish(release(), None) == Deposit("published", DOI, "findable")
    changed = release(title="A better title")
    assert client.deposit(changed, DOI) == Deposit("updated", DOI, "findable")
    assert peer.dois[DOI]["titles"] == [{"title": "A better title"}]
    assert client.publish(changed, DOI).state == "findable"
    assert peer.count("POST") == 1


@pytest.mark.parametrize("trouble", ["+500", "+502", "+close", "+slow", "500", "503", "close"])
def test_a_lost_answer_does_not_reserve_twice(
    client: DataCite, peer: DataCitePeer, trouble: str
) -> None:
    peer.troubles = [trouble]
    assert client.reserve(release(), None).identifier == DOI
    assert list(peer.dois) == [DOI]
    assert peer.count("POST") == (1 if trouble.startswith("+") else 2)


def test_two_commands_at_the_same_time_reserve_one_doi(
    client: DataCite, peer: DataCitePeer
) -> None:
    client.reserve(release(), None)
    peer.blind = 1
    assert client.reserve(release(), None) == Deposit("found", DOI, "draft")
    assert list(peer.dois) == [DOI]
    assert peer.count("POST") == 2


def test_it_waits_as_long_as_a_busy_server_asks(client: DataCite, peer: DataCitePeer) -> None:
    peer.troubles, peer.headers = ["429"], {"Retry-After": "0.4"}
    began = time.monotonic()
    assert client.reserve(release(), None).what == "reserved"
    assert time.monotonic() - began >= 0.4
    peer.troubles, peer.headers = ["429"], {"Retry-After": "300"}
    with pytest.raises(IngestError, match="429") as caught:
        client.deposit(release(), None)
    assert "try again in 300 s" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_server_that_stays_ill_is_left_alone(client: DataCite, peer: DataCitePeer) -> None:
    peer.troubles = ["500"] * 9
    with pytest.raises(IngestError, match="did not do what was requested") as caught:
        client.reserve(release(), None)
    assert caught.value.exit_code == 1
    assert peer.count("POST") == 1 + len(PAUSES)


def test_a_wrong_password_is_refused_at_once_and_not_shown(
    client: DataCite, peer: DataCitePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable("datacite", "password"), "a-wrong-password")
    wrong = DataCite(client.client.url, PREFIX, PAUSES, timeout=0.3)
    with wrong, pytest.raises(InputError, match="401 Bad credentials") as caught:
        wrong.reserve(release(), None)
    assert "a-wrong-password" not in str(caught.value)
    assert "KM3VO_DATACITE_PASSWORD" in str(caught.value)
    assert len(peer.requests) == 1


def test_a_prefix_of_others_and_bad_metadata_are_refused(
    client: DataCite, peer: DataCitePeer
) -> None:
    foreign = DataCite(client.client.url, "10.9999", PAUSES, timeout=0.3)
    with foreign, pytest.raises(InputError, match="403") as caught:
        foreign.reserve(release(), None)
    assert "datacite_prefix" in str(caught.value)
    with pytest.raises(InputError, match="url: Can't be blank"):
        client.publish(release(reference_url="http://localhost/x"), None)
    assert peer.dois[DOI]["state"] == "draft"


def test_a_site_without_a_prefix_is_told_what_to_do(client: DataCite) -> None:
    bare = DataCite(client.client.url, "", PAUSES)
    with bare, pytest.raises(ManifestError, match="no prefix at DataCite"):
        bare.reserve(release(), None)


def test_dois_of_others_are_not_touched(client: DataCite, peer: DataCitePeer) -> None:
    peer.dois[DOI] = {"doi": DOI, "state": "draft", "alternateIdentifiers": []}
    for send in (client.reserve, client.deposit, client.publish):
        with pytest.raises(InputError, match="belongs to another data set"):
            send(release(), None)
    peer.dois[DOI] = {}  # a draft of another account, which we may not see
    with pytest.raises(InputError, match="already been taken"):
        client.reserve(release(), None)
    with pytest.raises(InputError, match="does not know the DOI in the manifest"):
        client.reserve(release(), "10.5072/typo")
    assert peer.count("PUT") == 0
