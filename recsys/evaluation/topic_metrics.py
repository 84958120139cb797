"""How well topics agree with labels, with each other, and with the texts. Arrays in, numbers out.

Against labels (entropies H in nats, C the labels, K the topics, over the papers that are judged):

* homogeneity h = 1 - H(C|K) / H(C), completeness c = 1 - H(K|C) / H(K), each 1 where the entropy below is 0, and
  V-measure = 2hc / (h + c). Rosenberg & Hirschberg 2007, https://aclanthology.org/D07-1043/.
* adjusted mutual information AMI = (I(C;K) - E) / ((H(C) + H(K)) / 2 - E), where E is the mutual information to be
  expected of partitions with these sizes by chance. Vinh, Epps & Bailey 2009, https://doi.org/10.1145/1553374.1553511.
* purity: share of the papers whose label is the commonest of their topic. Manning, Raghavan & Schütze 2008, section
  16.3, https://doi.org/10.1017/CBO9780511809071.

V-measure and purity rise with the number of topics, whatever these are; AMI does not.

The terms of topics, against n texts: with p(a) the share of texts that have term a, and p(a, b) that have both,

* NPMI(a, b) = ln(p(a, b) / (p(a) p(b))) / -ln p(a, b), in [-1, 1]; -1 where no text has both, 1 where all have.
  Bouma 2009, Normalized (pointwise) mutual information in collocation extraction, GSCL. A topic's coherence is the mean
  over the pairs of its first ten terms: Lau, Newman & Baldwin 2014, https://doi.org/10.3115/v1/E14-1056; Röder, Both &
  Hinneburg 2015, https://doi.org/10.1145/2684822.2685324. They count in windows of words, here a text is the window.
* diversity: share of distinct ones among the first ten terms of all topics. Dieng, Ruiz & Blei 2020,
  https://doi.org/10.1162/tacl_a_00325, with 25 words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.evaluation.metrics import Estimate

__all__ = [
    "RESAMPLES",
    "TERMS",
    "Agreement",
    "Measures",
    "TermQuality",
    "TextTerms",
    "agreement",
    "contingency",
    "gain",
    "mean_agreement",
    "mutual_information",
    "purity",
    "v_measure",
]

Labels = NDArray[np.int32]
Table = NDArray[np.int64]
Values = NDArray[np.float64]

#: Resamples of the papers; far fewer than of queries, for the chance term of AMI costs something.
RESAMPLES = 200
#: Of a topic, that are looked at.
TERMS = 10
_TAIL = 2.5  # percent beyond either end of an interval
_NO_ROOM = 1e-12  # nats: what rounding leaves of nothing
_HYPHENS = re.compile(r"(?<=\w)[-‐‑](?=\w)")
_WORD = re.compile(r"\w+")

Term = tuple[str, ...]


# -- topics and labels -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Measures:
    """How far topics agree with labels.

    Attributes:
        v: V-measure.
        ami: adjusted mutual information.
        homogeneity: how far a topic has one label.
        completeness: how far a label is in one topic.
        purity: share of the papers whose label is the commonest of their topic.
    """

    v: float
    ami: float
    homogeneity: float
    completeness: float
    purity: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far topics agree with labels, and how far that hangs on the papers.

    Attributes:
        measures: as measured.
        resampled_v: (:data:`RESAMPLES`,) V-measure of every resample.
        resampled_ami: (:data:`RESAMPLES`,) adjusted mutual information of every resample.
    """

    measures: Measures
    resampled_v: Values
    resampled_ami: Values

    @property
    def v(self) -> Estimate:
        """V-measure with its interval."""
        return _estimate(self.measures.v, self.resampled_v, most=1.0)

    @property
    def ami(self) -> Estimate:
        """Adjusted mutual information with its interval."""
        return _estimate(self.measures.ami, self.resampled_ami, most=1.0)


def agreement(labels: Labels, topics: Labels, seed: int) -> Agreement:
    """Compare topics with labels.

    Intervals are of the bootstrap over papers. A resample has papers twice, which raises both measures; so its
    deviations from their own mean are laid around what was measured.

    Args:
        labels: (n,) numbers from 0.
        topics: (n,) numbers from 0, -1 for papers that are drawn with the others and not measured; some are.
        seed: of the resamples; for equal seeds and n the same papers are drawn, so that methods can be compared in pairs.
    """
    table = contingency(labels[topics >= 0], topics[topics >= 0])
    rows, columns = table.shape
    cells = np.where(topics >= 0, np.asarray(labels, np.int64) * columns + topics, rows * columns)
    rng = np.random.default_rng(seed)
    resampled = np.zeros((2, RESAMPLES))
    for i in range(RESAMPLES):
        drawn = cells[rng.integers(len(cells), size=len(cells))]
        again = np.bincount(drawn[drawn < rows * columns], minlength=rows * columns).reshape(rows, columns)
        resampled[:, i] = v_measure(again)[2], mutual_information(again)
    homogeneity, completeness, v = v_measure(table)
    shown = Measures(v, mutual_information(table), homogeneity, completeness, purity(table))
    return Agreement(shown, resampled[0], resampled[1])


def mean_agreement(runs: Sequence[Agreement]) -> Agreement:
    """The mean of runs of one method, measured on the same papers with the same seed."""
    shown = Measures(*np.mean([astuple(run.measures) for run in runs], axis=0).tolist())
    v = np.mean([run.resampled_v for run in runs], axis=0)
    ami = np.mean([run.resampled_ami for run in runs], axis=0)
    return Agreement(shown, v, ami)


def gain(ours: Agreement, other: Agreement) -> tuple[Estimate, Estimate]:
    """By how much V-measure and AMI are higher than another method's, with intervals of the same resamples."""
    return (
        _estimate(ours.measures.v - other.measures.v, ours.resampled_v - other.resampled_v),
        _estimate(ours.measures.ami - other.measures.ami, ours.resampled_ami - other.resampled_ami),
    )


def contingency(labels: Labels, topics: Labels) -> Table:
    """(labels, topics) how many papers have both; numbers from 0, n of each."""
    rows, columns = int(labels.max(initial=-1)) + 1, int(topics.max(initial=-1)) + 1
    cells = np.asarray(labels, np.int64) * columns + topics
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)


def v_measure(table: Table) -> tuple[float, float, float]:
    """Homogeneity, completeness and V-measure of a contingency table (labels, topics)."""
    of_labels, of_topics = _entropy(table.sum(axis=1)), _entropy(table.sum(axis=0))
    shared = _shared_information(table)
    homogeneity = shared / of_labels if of_labels > 0 else 1.0
    completeness = shared / of_topics if of_topics > 0 else 1.0
    both = homogeneity + completeness
    return homogeneity, completeness, 2 * homogeneity * completeness / both if both > 0 else 0.0


def mutual_information(table: Table) -> float:
    """Adjusted mutual information of a contingency table; 1 for equal partitions of whatever sizes."""
    from sklearn.metrics.cluster import expected_mutual_information

    used = table[table.any(axis=1)][:, table.any(axis=0)]
    by_chance = float(expected_mutual_information(used, int(used.sum())))
    room = (_entropy(used.sum(axis=1)) + _entropy(used.sum(axis=0))) / 2 - by_chance
    # chance gives all there is to two single blocks, and to two partitions into single papers: they are equal
    return 1.0 if room < _NO_ROOM else (_shared_information(used) - by_chance) / room


def purity(table: Table) -> float:
    """Share of the papers whose label is the commonest of their topic."""
    return float(table.max(axis=0).sum() / table.sum())


def _entropy(sizes: NDArray[np.int64]) -> float:
    shares = sizes[sizes > 0] / sizes.sum()
    return max(0.0, float(-(shares * np.log(shares)).sum()))


def _shared_information(table: Table) -> float:
    of_labels, of_topics = _entropy(table.sum(axis=1)), _entropy(table.sum(axis=0))
    return max(0.0, of_labels + of_topics - _entropy(table.ravel()))


def _estimate(value: float, resampled: Values, *, most: float = np.inf) -> Estimate:
    low, high = np.percentile(resampled - resampled.mean(), [_TAIL, 100 - _TAIL])
    return Estimate(value, value + float(low), min(most, value + float(high)))


# -- terms and texts -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TermQuality:
    """What the terms of a method's topics are worth.

    Attributes:
        coherence: mean over topics of the mean NPMI of their terms' pairs; None where no topic has two terms.
        diversity: share of distinct terms; None where there is none.
        unseen: share of the distinct terms that stand in no text as they are written.
    """

    coherence: float | None
    diversity: float | None
    unseen: float


class TextTerms:
    """Texts in which terms are looked for: a term is there where its words are, side by side, endings aside.

    Words are runs of letters and digits without case, reduced by the Snowball stemmer for English; a hyphen within a
    word joins, as methods that drop punctuation make "crosslingual" of "cross-lingual". So the terms of all methods are
    found in the same way, however they were made.

    Args:
        texts: of n papers.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        import Stemmer

        self._stem = Stemmer.Stemmer("english").stemWord
        self._stems: dict[str, str] = {}
        self._texts = texts

    def key(self, term: str) -> Term:
        """What two terms share that differ only in case, endings and punctuation."""
        return tuple(self._stem_of(word) for word in _WORD.findall(_HYPHENS.sub("", term.casefold())))

    def quality(self, terms: Sequence[Sequence[str]]) -> TermQuality:
        """Coherence and diversity of the first :data:`TERMS` terms of each topic."""
        topics = [[key for key in map(self.key, some[:TERMS]) if key] for some in terms]
        said = [key for topic in topics for key in topic]
        numbers = {key: i for i, key in enumerate(dict.fromkeys(said))}
        present = self._present(numbers)
        held = present.sum(axis=0)
        values = [
            _coherence((present[:, mine].T @ present[:, mine]).toarray(), len(self._texts))
            for topic in topics
            if len(mine := list(dict.fromkeys(numbers[key] for key in topic))) > 1
        ]
        return TermQuality(
            float(np.mean(values)) if values else None,
            len(numbers) / len(said) if said else None,
            float((held == 0).mean()) if numbers else 0.0,
        )

    def _present(self, numbers: dict[Term, int]) -> Any:
        """(n, t) scipy CSC array, 1 where a text has a term."""
        from scipy import sparse

        starting: dict[str, list[tuple[Term, int]]] = defaultdict(list)
        for key, number in numbers.items():
            starting[key[0]].append((key, number))
        rows: list[int] = []
        columns: list[int] = []
        for row, text in enumerate(self._texts):
            words = self.key(text)
            found = {
                number
                for at, word in enumerate(words)
                if word in starting
                for key, number in starting[word]
                if words[at : at + len(key)] == key
            }
            rows.extend([row] * len(found))
            columns.extend(found)
        shape = (len(self._texts), len(numbers))
        return sparse.csc_array((np.ones(len(rows), np.int64), (rows, columns)), shape=shape)

    def _stem_of(self, word: str) -> str:
        known = self._stems.get(word)
        if known is None:
            known = self._stems[word] = self._stem(word)
        return known


def _coherence(together: Table, texts: int) -> float:
    """Mean NPMI over the pairs of terms, from how many of the texts have each two."""
    first, second = np.triu_indices(len(together), 1)
    both = together[first, second] / texts
    alone = np.diagonal(together) / texts
    values = np.full(len(both), -1.0)
    some, all_ = (both > 0) & (both < 1), both == 1
    chance = alone[first[some]] * alone[second[some]]
    values[some] = np.log(both[some] / chance) / -np.log(both[some])
    values[all_] = 1.0
    return float(values.mean())
