"""A tree of topics over a graph: how many levels and topics, none too large, none dust.

The coarsest level is the partition, among those of a fitting number of topics, that other seeds repeat most nearly;
every topic is then cut, by the same method within it, into about the square root of the number of papers in all. A
middle level comes in where a topic would have too many parts to read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.errors import InvalidRequest
from recsys.topics.leiden import Labels, communities, communities_from, numbered

MAX_LEVELS = 3
FLAT = 150  # a corpus of fewer papers has one level,
NATURAL = 1.0  # at the resolution at which modularity was defined
PARTS = 9  # topics of one level below a topic, about; more, and a level comes between
COARSE = (
    0.9,
    1.8,
)  # times the fourth root of the number of papers: how many topics the coarsest level may have
LEAVES = 0.85  # times its square root: about how many the finest has
LARGEST = 1 / 3  # share of the papers that a topic of the coarsest level may hold
SMALLEST = 0.15  # of the mean size of a level's topics
LEAST = 3  # papers of a topic
RESOLUTIONS = (0.15, 0.25, 0.4, 0.6, 0.85, 1.2, 1.7, 2.4, 3.4, 5.0)
AGREEMENTS = 8  # runs of one resolution that are compared to see how stable it is,
FEW_AGREEMENTS = 3  # in a large corpus
SAME_AGREEMENT = 0.02  # differences of adjusted mutual information that are chance
CHOICES = 3  # resolutions compared
TRIALS = 8  # runs of which the best counts
MANY = 50_000  # papers from which on runs differ little and take long, so that fewer are made
CLOSE_ENOUGH = 0.1  # a count of topics that was not given may differ by this share
_HALVINGS = 9
_SPREADINGS = 5  # steps from papers of before to new ones that are near new ones only
_MOST = 1e4  # a resolution that cuts any graph to pieces

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Tree:
    """Nested topics of n papers.

    Attributes:
        levels: (n,) int32 topic numbers, coarsest level first; papers of one topic are in one topic of every coarser
            level.
        resolutions: at which each level was found, 0 for one whose count was given.
        agreement: adjusted mutual information between its runs with different seeds, 1 where there was one run.
    """

    levels: list[Labels]
    resolutions: tuple[float, ...]
    agreement: float


def check_counts(counts: Sequence[int], papers: int) -> None:
    """Raise InvalidRequest unless so many topics a level, coarsest first, can be had of so many papers."""
    if len(counts) > MAX_LEVELS:
        raise InvalidRequest(
            f"{len(counts)} levels of topics were asked for.", hint=f"Give 1 to {MAX_LEVELS} counts."
        )
    if any(count < 1 for count in counts) or any(a >= b for a, b in pairwise(counts)):
        raise InvalidRequest(
            f"The counts of topics are {', '.join(map(str, counts))}.",
            hint="Give them from the coarsest level to the finest, each larger than the one before.",
        )
    if counts and counts[-1] * LEAST > papers:
        raise InvalidRequest(
            f"{counts[-1]} topics were asked for, of {papers} papers.",
            hint=f"Ask for at most {max(1, papers // LEAST)}.",
        )


def grow(
    graph: Any,
    *,
    counts: Sequence[int] = (),
    seed: int = 0,
    start: Tree | None = None,
    threads: int = 1,
    progress: Progress = lambda _done, _total: None,
) -> Tree:
    """Cluster papers into a tree.

    Args:
        graph: (n, n) symmetric CSR matrix, see :func:`recsys.topics.graph.fuzzy_graph`.
        counts: topics a level, coarsest first; levels beyond are chosen from the data.
        seed: same graph, same seed, same tree.
        start: an earlier tree, carried over to these papers, to go on from; ignored where counts are given.
        threads: that may run at once.
        progress: called with steps done and steps in all.

    Raises:
        InvalidRequest: the counts cannot be had.
    """
    papers = graph.shape[0]
    check_counts(counts, papers)
    wanted = _wanted(papers, counts)
    total = len(wanted) + 1
    progress(0, total)
    begin = None if counts or start is None or len(start.levels) != len(wanted) else start
    top, resolution, agreement = _top(graph, wanted[0], counts, seed, begin, threads)
    levels, resolutions = [top], [resolution]
    for level, count in enumerate(wanted[1:], 1):
        progress(level, total)
        if level < len(counts):
            found, resolution = _cut_exactly(graph, levels[-1], count, seed, threads), 0.0
        elif begin is not None and begin.resolutions[level] > 0:
            resolution = begin.resolutions[level]
            found = _cut_from(graph, levels[-1], begin.levels[level], resolution, count, seed, threads)
        else:
            found, resolution = _cut_about(graph, levels[-1], count, seed, threads)
        levels.append(found)
        resolutions.append(resolution)
    progress(total, total)
    return Tree(levels, tuple(resolutions), agreement)


def cut(graph: Any, members: NDArray[np.int64], parts: int, *, seed: int = 0) -> Labels:
    """Cut some papers into exactly so many topics, for an editor's split.

    Args:
        graph: of all papers.
        members: (m,) positions.
        parts: how many, at most m.
    """
    return _exactly(graph[members][:, members], parts, seed)


def parents(coarser: Labels, finer: Labels) -> Labels:
    """(m,) the coarser topic of every finer one."""
    above = np.empty(int(finer.max(initial=-1)) + 1, np.int32)
    above[finer] = coarser
    return above


def _wanted(papers: int, counts: Sequence[int]) -> list[int]:
    """About how many topics each level gets."""
    leaves = max(1, round(LEAVES * papers**0.5))
    if counts:
        wanted = list(counts)
        if len(wanted) == MAX_LEVELS or papers < FLAT or leaves < 2 * wanted[-1]:
            return wanted
        between = round((wanted[-1] * leaves) ** 0.5)
        room = MAX_LEVELS - len(wanted)
        return [*wanted, between, leaves] if room > 1 and leaves > PARTS * wanted[-1] else [*wanted, leaves]
    if papers < FLAT:
        return [max(1, round(papers**0.5 / 1.5))]
    coarse = round(sum(COARSE) / 2 * papers**0.25)
    between = round((coarse * leaves) ** 0.5)
    return [coarse, between, leaves] if leaves > PARTS * coarse else [coarse, leaves]


def _top(
    graph: Any, about: int, counts: Sequence[int], seed: int, start: Tree | None, threads: int
) -> tuple[Labels, float, float]:
    """The coarsest level, its resolution, and how nearly other seeds repeat it."""
    papers = graph.shape[0]
    if counts:
        return _exactly(graph, counts[0], seed), 0.0, 1.0
    if papers < FLAT and start is None:
        found = communities(graph, NATURAL, seed=seed, trials=TRIALS)
        return _sized(graph, found, LEAST, seed), NATURAL, 1.0
    least = LEAST if papers < FLAT else max(2 * LEAST, round(SMALLEST * papers / about))
    if start is not None and start.resolutions[0] > 0:
        found = communities_from(graph, start.levels[0], start.resolutions[0], seed=seed)
        return _sized(graph, found, least, seed), start.resolutions[0], start.agreement
    with ThreadPoolExecutor(threads) as pool:
        first = _fitting(graph, least, seed)
        again = range(1, AGREEMENTS if papers < MANY else FEW_AGREEMENTS)
        jobs = [(i, seed + run) for i in first for run in again]
        runs = list(pool.map(lambda job: communities(graph, RESOLUTIONS[job[0]], seed=job[1]), jobs))
    groups = {i: [first[i]] + [r for (j, _), r in zip(jobs, runs, strict=True) if j == i] for i in first}
    stable = {i: _agreement(group) for i, group in groups.items()}
    most = max(stable.values())
    # what differs by chance alone does not decide: of those about as stable, the one of the middling count
    middle = sum(COARSE) / 2 * papers**0.25
    near = [i for i in groups if stable[i] >= most - SAME_AGREEMENT]
    best = min(near, key=lambda i: (abs(np.mean([run.max() + 1 for run in groups[i]]) - middle), i))
    found = communities(_agreed(graph, groups[best]), RESOLUTIONS[best], seed=seed, trials=len(again))
    return _sized(graph, found, least, seed), RESOLUTIONS[best], stable[best]


def _agreement(runs: Sequence[Labels]) -> float:
    """Mean adjusted mutual information between runs (Vinh, Epps & Bailey 2010)."""
    from sklearn.metrics import adjusted_mutual_info_score

    return float(np.mean([adjusted_mutual_info_score(a, b) for a, b in combinations(runs, 2)]))


def _agreed(graph: Any, runs: Sequence[Labels]) -> Any:
    """The graph with every edge weighed by the share of runs that put both its ends together.

    Communities of it are the runs' consensus (Lancichinetti & Fortunato 2012, doi:10.1038/srep00336), which other seeds
    repeat more nearly than any single run.
    """
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    together = np.zeros(graph.nnz)
    for run in runs:
        together += run[rows] == run[graph.indices]
    agreed = graph.copy()
    agreed.data = graph.data * together / len(runs)
    agreed.eliminate_zeros()
    return agreed


def _fitting(graph: Any, least: int, seed: int) -> dict[int, Labels]:
    """One run at each of the few resolutions, by number, that give a fitting count of topics, dust aside.

    The count grows with the resolution, so the search walks from the middle; where none fits, the nearest is taken.
    """
    papers = graph.shape[0]
    low, high = (bound * papers**0.25 for bound in COARSE)
    found: dict[int, Labels] = {}
    sizes: dict[int, int] = {}

    def run(i: int) -> int:
        if i not in found:
            found[i] = communities(graph, RESOLUTIONS[i], seed=seed)
            sizes[i] = int((np.bincount(found[i]) >= least).sum())
        return sizes[i]

    at = RESOLUTIONS.index(0.4)
    step = 1 if run(at) < low else -1
    while 0 <= at + step < len(RESOLUTIONS) and (sizes[at] < low if step > 0 else sizes[at] > high):
        at += step
        run(at)
    for way in (-1, 1):
        i = at + way
        while 0 <= i < len(RESOLUTIONS) and low <= run(i) <= high:
            i += way
    middle = (low + high) / 2
    fitting = [i for i in found if low <= sizes[i] <= high] or [
        min(found, key=lambda i: (abs(sizes[i] - middle), i))
    ]
    kept = sorted(sorted(fitting, key=lambda i: (abs(sizes[i] - middle), i))[:CHOICES])
    return {i: found[i] for i in kept}


# -- one level below another ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A topic to be cut: its papers, the graph among them, and its share of all edges."""

    members: NDArray[np.int64]
    graph: Any
    share: float

    def pieces(
        self, resolution: float, least: int, seed: int, *, start: Labels | None = None, trials: int = 1
    ) -> Labels:
        """Its parts at a resolution of the whole graph.

        Modularity compares with a random graph of the same degrees; within a part, which has a share of all edges,
        the same scale of communities is at that share of the resolution (Reichardt & Bornholdt 2006,
        doi:10.1103/PhysRevE.74.016110).
        """
        here = resolution * self.share
        if start is None:
            found = communities(self.graph, here, seed=seed, trials=trials)
        else:
            found = communities_from(self.graph, numbered(start[self.members]), here, seed=seed)
        return _without_dust(self.graph, found, least)


def _parts(graph: Any, above: Labels) -> list[_Part]:
    total = float(graph.sum()) or 1.0
    found = []
    for topic in range(int(above.max()) + 1):
        members = np.flatnonzero(above == topic)
        within = graph[members][:, members]
        found.append(_Part(members, within, float(within.sum()) / total))
    return found


def _assembled(parts: Sequence[_Part], pieces: Sequence[Labels], papers: int) -> Labels:
    labels = np.empty(papers, np.int32)
    first = 0
    for part, found in zip(parts, pieces, strict=True):
        labels[part.members] = found + first
        first += int(found.max()) + 1
    return labels


def _cut_about(graph: Any, above: Labels, about: int, seed: int, threads: int) -> tuple[Labels, float]:
    """Cut every topic such that there are about so many in all, all on one scale."""
    parts, least = _parts(graph, above), _least(len(above), about)
    low, high = np.log(RESOLUTIONS[0]), np.log(_MOST)
    best: tuple[int, float] | None = None
    with ThreadPoolExecutor(threads) as pool:
        middle = float(np.log(about**0.5))  # where the search mostly ends
        for _ in range(_HALVINGS):
            resolution = float(np.exp(middle))
            pieces = list(pool.map(lambda part, r=resolution: part.pieces(r, least, seed), parts))
            count = sum(int(found.max()) + 1 for found in pieces)
            if best is None or abs(count - about) < best[0]:
                best = abs(count - about), resolution
            if abs(count - about) <= CLOSE_ENOUGH * about:
                break
            low, high = (middle, high) if count < about else (low, middle)
            middle = (
                (low + min(high, middle + 1.5)) / 2 if count < about else (max(low, middle - 1.5) + high) / 2
            )
        assert best is not None  # noqa: S101
        trials = TRIALS if len(above) < MANY else TRIALS // 4
        pieces = list(pool.map(lambda part: part.pieces(best[1], least, seed, trials=trials), parts))
    return _assembled(parts, pieces, len(above)), best[1]


def _cut_from(
    graph: Any, above: Labels, start: Labels, resolution: float, about: int, seed: int, threads: int
) -> Labels:
    """Cut every topic, going on from an earlier partition."""
    parts, least = _parts(graph, above), _least(len(above), about)
    with ThreadPoolExecutor(threads) as pool:
        pieces = list(pool.map(lambda part: part.pieces(resolution, least, seed, start=start), parts))
    return _assembled(parts, pieces, len(above))


def _cut_exactly(graph: Any, above: Labels, count: int, seed: int, threads: int) -> Labels:
    """Cut every topic such that there are exactly so many in all."""
    found, _ = _cut_about(graph, above, count, seed, threads)
    while found.max() + 1 < count:  # halve the largest
        largest = int(np.bincount(found).argmax())
        members = np.flatnonzero(found == largest)
        found[members[_exactly(graph[members][:, members], 2, seed) == 1]] = found.max() + 1
    if found.max() + 1 > count:
        found = _merged(graph, found, count=count, within=parents(above, found))
    return found


def _least(papers: int, about: int) -> int:
    return max(LEAST, round(SMALLEST * papers / about))


# -- sizes -----------------------------------------------------------------------------------------------------------


def _exactly(graph: Any, parts: int, seed: int) -> Labels:
    """Partition a graph into exactly so many communities, at most one for each node."""
    low, high = np.log(RESOLUTIONS[0] / 10), np.log(_MOST)
    best: Labels | None = None
    for _ in range(2 * _HALVINGS):
        middle = (low + high) / 2
        found = communities(graph, float(np.exp(middle)), seed=seed)
        count = int(found.max()) + 1
        if count >= parts and (best is None or count <= best.max() + 1):
            best = found
        if count == parts:
            break
        low, high = (middle, high) if count < parts else (low, middle)
    if best is None:
        best = np.arange(graph.shape[0], dtype=np.int32)
    return _merged(graph, best, count=parts)


def _sized(graph: Any, labels: Labels, least: int, seed: int) -> Labels:
    """The partition with no topic larger than :data:`LARGEST` and none smaller than ``least``."""
    most = max(least, int(LARGEST * len(labels)))
    labels = _without_dust(graph, labels, least)
    for _ in range(MAX_LEVELS * 4):
        sizes = np.bincount(labels)
        large = int(sizes.argmax())
        if sizes[large] <= most:
            break
        members = np.flatnonzero(labels == large)
        pieces = _without_dust(
            graph[members][:, members], _exactly(graph[members][:, members], 3, seed), least
        )
        if pieces.max() == 0:
            break
        labels[members] = np.where(pieces == 0, large, labels.max() + pieces)
    return numbered(labels)


def _without_dust(graph: Any, labels: Labels, least: int) -> Labels:
    """Topics of fewer than ``least`` papers joined to the one that most of their edges lead to."""
    return _merged(graph, labels, least=least)


def _merged(
    graph: Any, labels: Labels, *, count: int = 1, least: int | None = None, within: Labels | None = None
) -> Labels:
    """Join the smallest topic to the one that most of its edges lead to, again and again.

    Args:
        graph: of the papers.
        labels: (n,) topics.
        count: stop at so many topics.
        least: stop when none has fewer papers; None goes on to ``count``.
        within: (m,) a number for each topic; only topics with the same are joined.
    """
    from scipy import sparse

    topics = int(labels.max()) + 1
    member = sparse.csr_matrix(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), shape=(len(labels), topics)
    )
    between = np.asarray((member.T @ graph @ member).todense())
    np.fill_diagonal(between, 0)
    sizes = np.bincount(labels, minlength=topics).astype(np.int64)
    into = np.arange(topics)
    alive = np.ones(topics, np.bool_)
    fixed = np.zeros(topics, np.bool_)  # the last of its group: nothing to be joined to
    while alive.sum() > count:
        open_sizes = np.where(alive & ~fixed, sizes, np.iinfo(np.int64).max)
        small = int(open_sizes.argmin())
        if not alive[small] or fixed[small] or (least is not None and sizes[small] >= least):
            break
        others = alive.copy()
        others[small] = False
        if within is not None:
            others &= within == within[small]
        if not others.any():
            fixed[small] = True
            continue
        # where no edge leads anywhere, the largest
        target = int(np.lexsort((-sizes, -between[small], ~others))[0])
        between[target] += between[small]
        between[:, target] += between[:, small]
        between[target, target] = 0
        between[small] = between[:, small] = 0
        sizes[target] += sizes[small]
        alive[small] = False
        into[into == small] = target
    return numbered(into[labels])


def carried(tree: Tree, kept: NDArray[np.int64], graph: Any) -> Tree:
    """An earlier tree over the papers that there are now: a new paper is where most of its edges lead.

    Args:
        tree: of the earlier papers.
        kept: (n,) position among those of every paper there is now, -1 for a new one.
        graph: (n, n) of the papers there are now.
    """
    from scipy import sparse

    finest = np.where(kept >= 0, tree.levels[-1][kept], -1).astype(np.int32)
    topics = int(tree.levels[-1].max()) + 1
    for _ in range(_SPREADINGS):
        new, known = np.flatnonzero(finest < 0), np.flatnonzero(finest >= 0)
        if not len(new):
            break
        member = sparse.csr_matrix((np.ones(len(known)), (known, finest[known])), shape=(len(finest), topics))
        held = np.asarray((graph[new] @ member).todense())
        reached = held.max(axis=1, initial=0) > 0
        finest[new[reached]] = held[reached].argmax(axis=1)
    if (finest < 0).any():  # no edge leads to papers of before
        finest[finest < 0] = int(np.bincount(finest[finest >= 0], minlength=topics).argmax())
    above = [parents(level, tree.levels[-1]) for level in tree.levels]
    return Tree([numbers[finest] for numbers in above], tree.resolutions, tree.agreement)
