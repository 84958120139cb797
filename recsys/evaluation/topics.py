"""Judges topics: against labels, against other methods on the same papers, and against themselves done again.

What clusters papers is given (:class:`Clusterer`), so nothing here knows how it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InvalidRequest
from recsys.evaluation.metrics import Estimate
from recsys.evaluation.topic_baselines import Baseline, Found
from recsys.evaluation.topic_metrics import (
    Agreement,
    TermQuality,
    TextTerms,
    agreement,
    contingency,
    gain,
    mean_agreement,
    mutual_information,
)
from recsys.records import Topic
from recsys.topics.match import Previous, PreviousLevel, fresh_ids, match

__all__ = [
    "GROWTH",
    "Clusterer",
    "Gain",
    "Growth",
    "Judged",
    "Labelled",
    "Report",
    "Run",
    "Stability",
    "compare",
    "labelled",
    "stability",
]

Labels = NDArray[np.int32]
Positions = NDArray[np.int64]
Levels = Sequence[Labels]
Progress = Callable[[str, int, int], None]

#: Papers that come to every one there was, where stability under growth is measured.
GROWTH = 0.1
OURS = "topics"


class Clusterer(Protocol):
    """Clusters the papers of one corpus into levels of topics, coarsest first."""

    def levels(self, seed: int) -> Levels:
        """Of all papers, from scratch."""
        ...

    def grown(self, chosen: Positions, seed: int) -> tuple[Levels, Levels]:
        """Of the papers at these positions, ascending, from scratch; then of all, going on from these as a rebuild does."""
        ...


# -- what is judged by -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of a corpus.

    Attributes:
        labels: (n,) number of every paper's label, -1 for papers that are not judged.
        names: of the labels, by number.
        unknown: labelled papers that the corpus does not have.
    """

    labels: Labels
    names: tuple[str, ...]
    unknown: int

    @property
    def judged(self) -> int:
        """How many papers are judged."""
        return int((self.labels >= 0).sum())


def labelled(paper_ids: Sequence[str], labels: Mapping[str, str]) -> Labelled:
    """Bring labels to positions.

    Raises:
        InvalidRequest: the papers there are do not have two different labels.
    """
    at = {paper_id: position for position, paper_id in enumerate(paper_ids)}
    known = {at[paper_id]: label for paper_id, label in labels.items() if paper_id in at}
    names = tuple(sorted(set(known.values())))
    if len(names) < 2:
        raise InvalidRequest(
            f"Of the {len(labels):,} labelled papers {len(known):,} are in the corpus, with {len(names)} different labels.",
            hint="Topics are judged by at least two labels; check that the ids are those of the corpus.",
        )
    numbers = {name: number for number, name in enumerate(names)}
    found = np.full(len(paper_ids), -1, np.int32)
    for position, label in known.items():
        found[position] = numbers[label]
    return Labelled(found, names, len(labels) - len(known))


# -- methods side by side ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a method.

    Attributes:
        topics: how many it found.
        coverage: share of the judged papers that have a topic.
        agreement: over all judged papers, those without a topic taken for one topic.
        placed: over the judged papers that have a topic, where that is not all; None too where none has.
        terms: what its terms are worth, None where it has none.
    """

    topics: int
    coverage: float
    agreement: Agreement
    placed: Agreement | None
    terms: TermQuality | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A method, judged.

    Attributes:
        name: of the method, ``topics`` for what is evaluated.
        level: of ``topics``, 1 for the coarsest; None of other methods.
        runs: at least one.
    """

    name: str
    level: int | None
    runs: tuple[Run, ...]

    @property
    def agreement(self) -> Agreement:
        """The mean over runs."""
        return mean_agreement([run.agreement for run in self.runs])

    @property
    def placed(self) -> Agreement | None:
        """The mean over those runs that leave papers out and place others."""
        some = [run.placed for run in self.runs if run.placed is not None]
        return mean_agreement(some) if some else None

    def mean(self, of: Callable[[Run], float | None]) -> float | None:
        """The mean of a value over the runs that have it."""
        values = [value for run in self.runs if (value := of(run)) is not None]
        return float(np.mean(values)) if values else None


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much the topics of one level agree better with the labels than another method.

    Attributes:
        level: of the topics.
        over: name of the other method.
        v: of V-measure, with the interval of resamples that both are measured on.
        ami: of adjusted mutual information, likewise.
    """

    level: int
    over: str
    v: Estimate
    ami: Estimate


@dataclass(frozen=True, slots=True)
class Report:
    """Topics and other methods against labels.

    Attributes:
        methods: the levels, coarsest first, then the baselines in their order.
        gains: of every level over every baseline that it is to be compared with.
    """

    methods: tuple[Judged, ...]
    gains: tuple[Gain, ...]


def compare(
    levels: Sequence[Found],
    baselines: Sequence[Baseline],
    truth: Labelled,
    texts: Sequence[str],
    *,
    seed: int = 0,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Report:
    """Judge topics and baselines on the same papers.

    Args:
        levels: of the topics, coarsest first.
        baselines: run ``runs`` times each, with ascending seeds from ``seed``.
        truth: by which to judge.
        texts: (n,) in which terms are looked for.
        seed: of the baselines and of the bootstrap.
        progress: called with what is being done, how much of it is done, and how much there is.
    """
    found: list[tuple[str, int | None, list[Found]]] = [
        (OURS, level, [topics]) for level, topics in enumerate(levels, 1)
    ]
    for baseline in baselines:
        runs = []
        for run in range(baseline.runs):
            progress(f"Running {baseline.name}", run, baseline.runs)
            runs.append(baseline.find(seed + run))
        found.append((baseline.name, None, runs))
    words = TextTerms(texts)
    methods = []
    for done, (name, level, runs) in enumerate(found):
        progress("Measuring", done, len(found))
        methods.append(Judged(name, level, tuple(_judged(run, truth, words, seed) for run in runs)))
    return Report(tuple(methods), tuple(_gains(methods, baselines)))


def _judged(found: Found, truth: Labelled, words: TextTerms, seed: int) -> Run:
    judged = truth.labels >= 0
    labels, topics = truth.labels[judged], found.topics[judged]
    placed = topics >= 0
    return Run(
        found.count,
        float(placed.mean()),
        agreement(labels, _compact(topics), seed),
        agreement(labels, topics, seed) if 0 < placed.sum() < len(placed) else None,
        None if found.terms is None else words.quality(found.terms),
    )


def _gains(methods: Sequence[Judged], baselines: Sequence[Baseline]) -> list[Gain]:
    ours = [method for method in methods if method.level is not None]
    others = methods[len(ours) :]
    return [
        Gain(level, other.name, *gain(mine.agreement, other.agreement))
        for level, mine in enumerate(ours, 1)
        for other, baseline in zip(others, baselines, strict=True)
        if not baseline.levels or level in baseline.levels
    ]


def _compact(numbers: Labels) -> Labels:
    """The same partition with numbers from 0, all used."""
    return np.unique(numbers, return_inverse=True)[1].astype(np.int32)


# -- the same again ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Growth:
    """What one level keeps when the corpus grows by :data:`GROWTH` and is clustered again; means over draws.

    Attributes:
        ami: adjusted mutual information of the papers' topics before and after.
        same_id: share of the papers that were there before whose topic has the same id after.
        kept_id: share of those papers whose topic of before is still there, be they in it or not.
    """

    ami: float
    same_id: float
    kept_id: float


@dataclass(frozen=True, slots=True)
class Stability:
    """How much of the topics is there again, by level, the coarsest first.

    Attributes:
        runs: seeds, and draws of growth.
        between_seeds: adjusted mutual information of all pairs of seeds; none for one seed.
        growth: of each level.
    """

    runs: int
    between_seeds: tuple[tuple[float, ...], ...]
    growth: tuple[Growth, ...]


def stability(
    clusterer: Clusterer,
    paper_ids: Sequence[str],
    *,
    runs: int,
    seed: int = 0,
    progress: Progress = lambda _stage, _done, _total: None,
) -> Stability:
    """Cluster again with other seeds, and after adding papers.

    Args:
        clusterer: of the corpus.
        paper_ids: of its n papers, by position.
        runs: how many seeds, and how many draws of papers to begin with.
        seed: the first of them.
        progress: as for :func:`compare`.
    """
    trees: list[Levels] = []
    for run in range(runs):
        progress("Clustering with other seeds", run, runs)
        trees.append(clusterer.levels(seed + run))
    depth = min(len(tree) for tree in trees)
    pairs = [
        tuple(
            mutual_information(contingency(one[level], other[level])) for one, other in combinations(trees, 2)
        )
        for level in range(depth)
    ]
    drawn: list[list[Growth]] = []
    for run in range(runs):
        progress("Clustering after growth", run, runs)
        drawn.append(_growth(clusterer, paper_ids, seed + run))
    progress("Clustering after growth", runs, runs)
    depth = min(len(levels) for levels in drawn)
    growth = [
        Growth(
            *np.mean(
                [(g.ami, g.same_id, g.kept_id) for g in (draw[level] for draw in drawn)], axis=0
            ).tolist()
        )
        for level in range(depth)
    ]
    return Stability(runs, tuple(pairs), tuple(growth))


def _growth(clusterer: Clusterer, paper_ids: Sequence[str], seed: int) -> list[Growth]:
    """One draw: of each level, the coarsest first."""
    count = len(paper_ids)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(count, max(1, round(count / (1 + GROWTH))), replace=False)).astype(np.int64)
    before, after = clusterer.grown(chosen, seed)
    new_id = fresh_ids(paper_ids, ())
    # the topics of before get their ids as those of a first build do
    ids = match(None, before, lambda level, members: new_id(level, chosen[members]))
    previous = [
        _previous(level, *pair, chosen, count) for level, pair in enumerate(zip(before, ids, strict=True), 1)
    ]
    again = match(Previous(previous), after, new_id)
    found = []
    for old, old_ids, new, new_ids in zip(before, ids, after, again, strict=False):
        same = np.array(old_ids)[old] == np.array(new_ids)[new[chosen]]
        kept = np.isin(np.array(old_ids), np.array(new_ids))[old]
        ami = mutual_information(contingency(old, new[chosen]))
        found.append(Growth(ami, float(same.mean()), float(kept.mean())))
    return found


def _previous(level: int, labels: Labels, ids: Sequence[str], chosen: Positions, count: int) -> PreviousLevel:
    sizes = np.bincount(labels, minlength=len(ids)).tolist()
    topics = [Topic(topic, level, None, topic, size) for topic, size in zip(ids, sizes, strict=True)]
    there = np.full(count, -1, np.int32)
    there[chosen] = labels
    return PreviousLevel(topics, there)
