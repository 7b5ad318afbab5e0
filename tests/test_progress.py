"""What long steps report to curators."""

from __future__ import annotations

import threading

import pytest

from ingest.core.progress import Pace, telling


@pytest.mark.parametrize(
    ("total", "done", "seconds", "text"),
    [
        (10_000_000, 2_500_000, 10.0, "2,500,000 of 10,000,000 rows, 250,000/s, 30 s left"),
        (10_000_000, 1_000_000, 60.0, "1,000,000 of 10,000,000 rows, 16,667/s, 9 min left"),
        (10**9, 10**8, 3600.0, "100,000,000 of 1,000,000,000 rows, 27,778/s, 9 h 0 min left"),
        (None, 500, 2.0, "500 rows, 250/s"),
        (100, 0, 5.0, "0 of 100 rows"),
        (100, 120, 1.0, "120 of 100 rows, 120/s"),
        (100, 1, 0.0, "1 of 100 rows"),
    ],
)
def test_rows_rate_and_time_left(total, done, seconds, text) -> None:
    times = iter([0.0, seconds])
    assert Pace(total, lambda: next(times)).text(done) == text


def test_the_state_is_told_until_the_block_ends() -> None:
    told: list[str] = []
    twice = threading.Event()
    states = iter([None, "a", "b"])

    def tell(text: str) -> None:
        told.append(text)
        if text == "b":
            twice.set()

    with telling(lambda: next(states, None), tell, 0.001):
        assert twice.wait(20)
    assert told == ["a", "b"]


def test_a_block_that_fails_ends_it_as_well() -> None:
    before = threading.active_count()
    with pytest.raises(ValueError), telling(lambda: None, print, 0.001):
        raise ValueError
    assert threading.active_count() == before
