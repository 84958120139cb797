"""Metrics per query and their uncertainty. Rankings and grades in, numbers out.

The metrics are those of ``ir-measures`` (https://ir-measur.es), computed by trec_eval's own code (``pytrec_eval``).
With grade :math:`g_i` of the paper at rank :math:`i` (0 if unjudged) and R the number of relevant papers (grade of 1 or
more), whether found or not:

* nDCG@k: DCG@k = Σ g_i / log2(i + 1) over i ≤ k, divided by that of the ideal order. The gain is the grade itself, not
  2^g - 1, as in trec_eval. Järvelin & Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002,
  https://doi.org/10.1145/582415.582418, with trec_eval's discount, which already lowers rank 2.
* nDCG%20: nDCG@k with k = 20 % of the query's pool, rounded up. CSFCube, https://arxiv.org/abs/2103.12906.
* average precision (MAP is its mean): mean over the R relevant papers of the precision at each one's rank, 0 for those
  not found; R-precision: precision at rank R. Buckley & Voorhees, Evaluating evaluation measure stability, SIGIR
  2000, https://doi.org/10.1145/345508.345543.
* recall@20: share of the R relevant papers within the first 20.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "METRICS",
    "RESAMPLES",
    "Estimate",
    "Ranking",
    "gain_over_better",
    "mean_with_interval",
    "per_query",
]

Values = NDArray[np.float64]

#: Names of the columns of :func:`per_query`.
METRICS = ("nDCG@20", "nDCG%20", "MAP", "R-precision", "recall@20")

RESAMPLES = 2_000
_CONFIDENCE = 0.95
# resampled values held at once: 16 MB for each of the samples
_HELD = 2_000_000


@dataclass(frozen=True, slots=True)
class Ranking:
    """One query's answer beside what was right.

    Attributes:
        ranked: paper ids, best first, each once, none of them barred.
        relevant: paper id → grade above 0; at least one.
        percent_cut: the rank that nDCG%20 is cut at, at least 1.
    """

    ranked: Sequence[str]
    relevant: Mapping[str, int]
    percent_cut: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % bootstrap interval; the ends are None when there is one query only."""

    value: float
    low: float | None
    high: float | None


def per_query(rankings: Sequence[Ranking]) -> Values:
    """The metrics of each ranking.

    Returns:
        (len(rankings), len(METRICS)) values in [0, 1]; an empty ranking has 0 throughout.
    """
    from ir_measures import AP, R, Rprec, nDCG

    plain = [nDCG @ 20, AP, Rprec, R @ 20]
    columns = {measure: METRICS.index(name) for measure, name in zip(plain, _PLAIN, strict=True)}
    values = np.zeros((len(rankings), len(METRICS)))
    _fill(values, columns, rankings, range(len(rankings)))
    by_cut: dict[int, list[int]] = defaultdict(list)
    for i, ranking in enumerate(rankings):
        by_cut[ranking.percent_cut].append(i)
    for cut, positions in by_cut.items():
        _fill(values, {nDCG @ cut: METRICS.index("nDCG%20")}, rankings, positions)
    return values


_PLAIN = ("nDCG@20", "MAP", "R-precision", "recall@20")


def _fill(
    values: Values, columns: Mapping[Any, int], rankings: Sequence[Ranking], positions: Sequence[int]
) -> None:
    """Compute measures of some rankings into their rows and columns."""
    import ir_measures

    qrels = {str(i): dict(rankings[i].relevant) for i in positions}
    # the ranker has broken the ties: trec_eval sorts by these scores, which single precision holds exactly
    run = {str(i): {paper: float(-rank) for rank, paper in enumerate(rankings[i].ranked)} for i in positions}
    for found in ir_measures.pytrec_eval.evaluator(list(columns), qrels).iter_calc(run):
        values[int(found.query_id), columns[found.measure]] = found.value


def mean_with_interval(values: Values, seed: int) -> Estimate:
    """The mean of (n,) values with its percentile bootstrap interval (Efron, 1979) over :data:`RESAMPLES` resamples."""
    return _estimate((values,), _mean, seed)


def gain_over_better(values: Values, first: Values, second: Values, seed: int) -> Estimate:
    """The mean of (n,) values less the better of two others' means, with its paired bootstrap interval.

    Queries are drawn together for all three, and the better of the two is found anew in each resample, so an interval
    above 0 says that ``values`` is above both.
    """
    return _estimate((values, first, second), _gain, seed)


def _mean(values: Values, axis: int = -1) -> Any:
    return values.mean(axis=axis)


def _gain(values: Values, first: Values, second: Values, axis: int = -1) -> Any:
    return values.mean(axis=axis) - np.maximum(first.mean(axis=axis), second.mean(axis=axis))


def _estimate(samples: tuple[Values, ...], statistic: Any, seed: int) -> Estimate:
    from scipy.stats import bootstrap

    value = float(statistic(*samples))
    size = len(samples[0])
    if size < 2:
        return Estimate(value, None, None)
    interval = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=_CONFIDENCE,
        method="percentile",
        paired=len(samples) > 1,
        vectorized=True,
        batch=max(1, _HELD // size),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high))
