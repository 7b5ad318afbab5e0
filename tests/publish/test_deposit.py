"""Deposits in a Dataverse: once and only once, whatever the server does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingest.core.credentials import variable
from ingest.core.errors import IngestError, InputError, ManifestError
from ingest.publish.deposits.dataverse import deposit_to_dataverse
from ingest.publish.deposits.result import Deposit
from tests.publish.dataverse_server import COLLECTION, TOKEN, State, dataverse
from tests.publish.samples import record

PAUSES = (0.01, 0.01, 0.01)
TOKEN_VARIABLE = variable("dataverse", "token")


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def url(state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with dataverse(state) as address:
        yield address


def deposit(url: str, **changes: object) -> Deposit:
    changed = record().model_copy(update=changes)
    return deposit_to_dataverse(changed, url, COLLECTION, PAUSES, timeout=0.3)


def test_a_release_is_created_and_then_updated(url: str, state: State) -> None:
    assert deposit(url) == Deposit("created", "doi:10.5072/FK2/A0")
    assert deposit(url, title="A better title") == Deposit("updated", "doi:10.5072/FK2/A0")
    (fields,) = state.datasets.values()
    assert "A better title" in [one["value"] for one in fields if one["typeName"] == "title"]
    assert {"astroType", "author"} <= {one["typeName"] for one in fields}


def test_another_release_is_another_data_set(url: str, state: State) -> None:
    deposit(url)
    other = deposit(url, identifier="ivo://km3net.org/evts20_01/nu/cone")
    assert other.what == "created"
    assert len(state.datasets) == 2


def test_drafts_of_strangers_are_not_in_the_way(url: str, state: State) -> None:
    state.datasets["doi:10.5072/FK2/STRANGER"] = []
    assert deposit(url).what == "created"
    assert deposit(url).what == "updated"


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("trouble", ["+500", "+409", "+close", "+slow"])
def test_what_failed_after_it_worked_is_not_made_twice(
    url: str, state: State, trouble: str, indexed: bool
) -> None:
    state.troubles, state.indexed = [trouble], indexed
    assert deposit(url).identifier == "doi:10.5072/FK2/A0"
    assert len(state.datasets) == 1
    assert state.count("POST") == 1


@pytest.mark.parametrize("trouble", ["500", "409", "503", "close"])
def test_what_failed_before_it_worked_is_tried_again(url: str, state: State, trouble: str) -> None:
    state.troubles = [trouble, trouble]
    assert deposit(url).what == "created"
    assert len(state.datasets) == 1
    assert state.count("POST") == 3


def test_a_server_that_stays_ill_is_left_alone(url: str, state: State) -> None:
    state.troubles = ["500"] * 9
    with pytest.raises(IngestError, match="did not do what was requested") as caught:
        deposit(url)
    assert caught.value.exit_code == 1
    assert state.count("POST") == 1 + len(PAUSES)
    assert state.datasets == {}


def test_a_bad_token_is_refused_at_once_and_not_shown(
    url: str, state: State, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "a-token-that-expired")
    with pytest.raises(InputError, match="refuses") as caught:
        deposit(url)
    assert caught.value.exit_code == 2
    assert "401 Bad API key" in str(caught.value)
    assert len(state.requests) == 1
    shown = capsys.readouterr()
    assert "a-token-that-expired" not in str(caught.value) + shown.out + shown.err


def test_a_missing_token_is_refused_before_anything_is_sent(
    url: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    with pytest.raises(InputError, match="no token"):
        deposit(url)
    assert state.requests == []


def test_an_unknown_collection_is_refused(url: str, state: State) -> None:
    with pytest.raises(InputError, match="404"):
        deposit_to_dataverse(record(), url, "no-such-collection", PAUSES, timeout=0.3)
    assert state.datasets == {}


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
def test_addresses_of_this_machine_are_not_deposited(url: str, state: State, host: str) -> None:
    with pytest.raises(ManifestError, match="work on this machine only"):
        deposit(url, reference_url=f"http://{host}/ant20_01/nu/cone/info")
    assert state.requests == []


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with dataverse(State()) as url:
        pass  # and gone
    with pytest.raises(IngestError, match="did not do what was requested"):
        deposit(url)
