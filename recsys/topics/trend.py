"""Whether a topic is rising or falling: a regression of its share of all papers on the year.

Counts of a topic are small and vary more than chance allows (a workshop takes place every second year), so the test is a
quasi-Poisson regression (McCullagh & Nelder 1989, Generalized Linear Models, 2nd ed., section 6.2, doi:10.1201/9780203753736):

    E[papers of the topic in year t] = papers of the corpus in year t * exp(a + b t)

fitted by iteratively reweighted least squares. The standard error of ``b`` is multiplied by the square root of Pearson's
dispersion, never less than 1, and compared with Student's t of (years - 2) degrees of freedom. ``exp(b) - 1`` is the yearly
change of the share. Half a paper of the mean share is added to every year, so that a topic with no paper in its early
years has a finite slope; that pulls small topics a little towards "steady".

A year that is not over has fewer papers in all topics alike. As shares are compared and not counts, and a year weighs as
much as it has papers, it does not look like a fall. It is left out only when it holds so few papers
(:data:`PARTIAL` of the years before) that they may all come from one venue, or when the caller says what the last
complete year is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from recsys.records import Direction, Trend

__all__ = ["trend"]

YearCounts = Iterable[tuple[int, int]]

#: Years looked at, the last ones; fewer than the second number, or fewer papers of the topic in them, are not tested.
WINDOW, FEWEST_YEARS, FEWEST_PAPERS = 10, 4, 10
#: p-value below which a change is believed, and the yearly change below which it is called steady all the same.
SIGNIFICANT, SLIGHT = 0.05, 0.03
#: A last year with less than this part of the mean of the three before it is left out.
PARTIAL = 0.25
PRIOR = 0.5
_ITERATIONS, _TOLERANCE = 50, 1e-10
_LARGEST = np.log(1000.0)  # slopes are told apart up to a thousandfold a year


def trend(years: YearCounts, all_years: YearCounts, *, last_complete: int | None = None) -> Trend:
    """How the share of a topic has moved over the last :data:`WINDOW` years.

    Args:
        years: (year, papers of the topic), in any order; a year without papers may be missing.
        all_years: (year, papers of the whole corpus), likewise.
        last_complete: the last year to look at; by default the corpus's last, unless it has hardly begun.

    Returns:
        ``rising`` or ``falling`` when the test finds a change (p < 0.05) of at least 3 % a year, else ``steady``;
        ``unknown`` with fewer than 4 years, or fewer than 10 papers in them. The interval is of 95 %.
    """
    corpus = {year: count for year, count in all_years if count > 0}
    topic = dict(years)
    last = _last_year(corpus) if last_complete is None else last_complete
    if last is None:
        return Trend()
    window = [year for year in range(last - WINDOW + 1, last + 1) if year in corpus]
    papers = np.array([topic.get(year, 0) for year in window], dtype=np.float64)
    if not window:
        return Trend()
    if len(window) < FEWEST_YEARS or papers.sum() < FEWEST_PAPERS:
        return Trend(first=window[0], last=window[-1])
    totals = np.array([corpus[year] for year in window], dtype=np.float64)
    slope, error = _fit(np.array(window, dtype=np.float64), papers, totals)
    return _judge(slope, error, len(window) - 2, window)


def _last_year(corpus: dict[int, int]) -> int | None:
    """The last year of the corpus, or the one before when too little of it is there."""
    years = sorted(corpus)
    if len(years) > 3 and corpus[years[-1]] < PARTIAL * np.mean([corpus[year] for year in years[-4:-1]]):
        years.pop()
    return years[-1] if years else None


def _fit(
    years: NDArray[np.float64], papers: NDArray[np.float64], totals: NDArray[np.float64]
) -> tuple[float, float]:
    """Slope of the log share a year, and its standard error."""
    share = papers.sum() / totals.sum()
    observed, exposure = papers + PRIOR, totals + PRIOR / share
    design = np.column_stack([np.ones(len(years)), years - np.average(years, weights=exposure)])
    beta = np.array([np.log(observed.sum() / exposure.sum()), 0.0])
    expected = exposure * np.exp(design @ beta)
    for _ in range(_ITERATIONS):
        information = design.T @ (expected[:, None] * design)
        step = np.linalg.solve(information, design.T @ (observed - expected))
        step *= min(
            1.0, 1.0 / max(float(np.abs(step).max()), 1e-12)
        )  # a step of e at most, or counts overflow
        beta = beta + step
        expected = exposure * np.exp(design @ beta)
        if np.abs(step).max() < _TOLERANCE:
            break
    dispersion = max(1.0, float(((observed - expected) ** 2 / expected).sum()) / (len(years) - 2))
    covariance = np.linalg.inv(design.T @ (expected[:, None] * design)) * dispersion
    return float(beta[1]), float(np.sqrt(covariance[1, 1]))


def _judge(slope: float, error: float, freedom: int, window: list[int]) -> Trend:
    from scipy.special import stdtr, stdtrit  # Student's t; scipy.stats takes half a second to import

    p = float(2 * stdtr(freedom, -abs(slope) / error))
    margin = float(stdtrit(freedom, 0.975)) * error
    low, change, high = (
        float(np.expm1(np.clip(at, -_LARGEST, _LARGEST))) for at in (slope - margin, slope, slope + margin)
    )
    direction: Direction = "steady"
    if p < SIGNIFICANT and abs(change) >= SLIGHT:
        direction = "rising" if change > 0 else "falling"
    return Trend(
        direction=direction,
        change=change,
        low=low,
        high=high,
        p=p,
        first=window[0],
        last=window[-1],
    )
