"""Trends: answers that can be worked out by hand, and what must not look like one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.records import Trend
from recsys.topics.trend import trend

CORPUS = [(year, 1000) for year in range(2016, 2026)]


def counts(*papers: int, last: int = 2025) -> list[tuple[int, int]]:
    return list(zip(range(last - len(papers) + 1, last + 1), papers, strict=True))


def test_a_share_that_grows_by_a_fifth_each_year() -> None:
    found = trend(counts(*(round(50 * 1.2**i) for i in range(10))), CORPUS)
    assert found.direction == "rising"
    assert found.change == pytest.approx(0.2, abs=0.005)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.2 < found.high
    assert found.p is not None
    assert found.p < 1e-6
    assert (found.first, found.last) == (2016, 2025)


def test_the_mirror_image_falls_by_the_inverse() -> None:
    up = counts(*(40 + 10 * i for i in range(10)))
    down = counts(*(130 - 10 * i for i in range(10)))
    rising, falling = trend(up, CORPUS), trend(down, CORPUS)
    assert falling.direction == "falling"
    assert rising.change is not None
    assert falling.change is not None
    assert math.log1p(falling.change) == pytest.approx(-math.log1p(rising.change), rel=1e-6)
    assert falling.p == pytest.approx(rising.p)


def test_constant_share_of_a_growing_corpus_is_steady() -> None:
    corpus = [(2016 + i, 1000 * 2**i) for i in range(10)]
    found = trend([(year, count // 20) for year, count in corpus], corpus)
    assert found.direction == "steady"
    assert found.change == pytest.approx(0, abs=1e-9)
    assert found.p == pytest.approx(1)


def test_a_certain_but_slight_change_is_steady() -> None:
    corpus = [(year, 1_000_000) for year in range(2016, 2026)]
    found = trend(counts(*(round(100_000 * 1.02**i) for i in range(10))), corpus)
    assert found.p is not None
    assert found.p < 1e-6
    assert found.change == pytest.approx(0.02, abs=1e-4)
    assert found.direction == "steady"


def test_a_workshop_every_second_year_is_no_trend() -> None:
    found = trend(counts(5, 60, 5, 60, 5, 60, 5, 60, 5, 60), CORPUS)
    assert found.direction == "steady"
    assert found.low is not None
    assert found.low < 0


def test_a_year_that_is_half_over_does_not_look_like_a_fall() -> None:
    corpus = [*CORPUS[:-1], (2025, 500)]
    found = trend(counts(50, 50, 50, 50, 50, 50, 50, 50, 50, 25), corpus)
    assert found.direction == "steady"
    assert found.change == pytest.approx(0, abs=1e-9)
    assert found.last == 2025


def test_a_year_that_has_hardly_begun_is_left_out() -> None:
    corpus = [*CORPUS, (2026, 40)]
    found = trend([*counts(*[50] * 10), (2026, 30)], corpus)
    assert (found.direction, found.first, found.last) == ("steady", 2016, 2025)
    assert trend([*counts(*[50] * 10), (2026, 30)], corpus, last_complete=2026).last == 2026
    assert trend(counts(*[50] * 10), corpus, last_complete=2020).last == 2020


def test_only_the_last_ten_years_count() -> None:
    early = [(year, 900) for year in range(1990, 2016)]
    corpus = [(year, 1000) for year in range(1990, 2026)]
    found = trend([*early, *counts(*[50] * 10)], corpus)
    assert (found.direction, found.first) == ("steady", 2016)


def test_a_topic_that_did_not_exist_before_rises() -> None:
    found = trend(counts(2, 10, 40, 120), CORPUS)
    assert found.direction == "rising"
    assert found.change is not None
    assert found.change > 1


def test_too_little_is_unknown() -> None:
    assert trend([], []) == Trend()
    assert trend(counts(3, 3, 3), CORPUS) == Trend(first=2016, last=2025)
    three = [(2023, 900), (2024, 900), (2025, 900)]
    assert trend(counts(10, 50, 200), three) == Trend(first=2023, last=2025)


@given(st.lists(st.integers(0, 1000), min_size=10, max_size=10), st.integers(1000, 10**7))
def test_every_history_has_a_finite_answer(papers: list[int], total: int) -> None:
    found = trend(counts(*papers), [(year, total) for year, _ in CORPUS])
    if sum(papers) < 10:
        assert found.direction == "unknown"
        return
    assert found.low is not None
    assert found.high is not None
    assert found.change is not None
    assert found.p is not None
    assert -1 <= found.low <= found.change <= found.high
    assert 0 <= found.p <= 1
    if found.direction != "steady":
        assert (found.low > 0) == (found.direction == "rising")
        assert (found.high < 0) == (found.direction == "falling")
