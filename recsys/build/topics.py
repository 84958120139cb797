"""The topics of a snapshot: clustered anew, or carried over and new papers placed among them.

A corpus that grew a little keeps its topics and its map; the papers that came are placed by those they are related to.
When everything is indexed anew, or on demand, papers are clustered again, going on from the topics there were, so that
these keep their ids wherever they are still the same.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.build import drawing
from recsys.build.clustering import Material, Neighbourhood, cluster, neighbourhood
from recsys.build.naming import Named, NamingJob, name_topics
from recsys.index.contents import NO_YEAR, Facets
from recsys.index.dense import DenseIndex
from recsys.index.lexical import LexicalIndex
from recsys.index.neighbours import Neighbours
from recsys.index.topics import NO_TOPIC, TopicIndex, TopicLevel, TopicParameters
from recsys.namers.base import Namer
from recsys.records import Outline, Topic, TopicChange, TopicEdit
from recsys.topics.describe import Document, exemplars
from recsys.topics.edits import digest, structural
from recsys.topics.graph import NEIGHBOURS, fuzzy_graph
from recsys.topics.hold import hold
from recsys.topics.layout import place
from recsys.topics.match import Previous, PreviousLevel, changes, fresh_ids, inherited_aliases, match
from recsys.topics.membership import VOTERS, Memberships, chosen, memberships, placed
from recsys.topics.outlines import outlines
from recsys.topics.tree import Tree, cut, parents
from recsys.topics.trend import trend

Positions = NDArray[np.int64]
Labels = NDArray[np.int32]
Progress = Callable[[str, int, int], None]

logger = logging.getLogger(__name__)

EXEMPLARS = 10
LOG = 5_000  # changes that are kept
SIZES = (0.5, 2.0)  # times the papers there were: beyond, earlier topics are no good beginning for new ones
BEST_SCORE = 2.0  # of a related paper
#: Names the method: topics of another are not carried over.
METHOD = "1"


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """What is asked of the topics.

    Attributes:
        counts: topics a level, coarsest first; levels beyond are chosen from the data.
        seed: of the clustering and the map.
        anew: cluster again although the corpus has changed little.
        namer: names new topics, where one is set up.
        edits: what editors decided, in order.
    """

    counts: tuple[int, ...] = ()
    seed: int = 0
    anew: bool = False
    namer: Namer | None = None
    edits: Sequence[TopicEdit] = ()

    def fingerprint(self) -> str:
        """Changes with everything that changes topics, but ``anew``."""
        return f"{METHOD}:{self.seed}:{','.join(map(str, self.counts))}:{digest(self.edits)}"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What of a snapshot topics are made from."""

    facets: Facets
    dense: DenseIndex
    lexical: LexicalIndex
    neighbours: Neighbours


@dataclass(slots=True)
class _Plan:
    """A tree on its way to a :class:`TopicIndex`, by level."""

    levels: list[Labels]
    places: list[Memberships]
    resolutions: tuple[float, ...]
    agreement: float
    ids: list[list[str]] = field(default_factory=list)


def find_topics(
    indexed: Indexed,
    before: tuple[TopicIndex, list[str]] | None,
    kept: Positions | None,
    options: TopicOptions,
    *,
    documents: Callable[[], Sequence[Document]],
    at: str,
    exact_limit: int,
    threads: int | None,
    progress: Progress = lambda _stage, _done, _total: None,
) -> TopicIndex:
    """The topics of a corpus.

    Args:
        indexed: the corpus.
        before: the topics of the snapshot before, and the ids of its papers; None if there is none.
        kept: (n,) position in that snapshot of every paper that is as it was, -1 for others; None to cluster anew.
        options: what is asked for.
        documents: gives all papers' texts, by position; called only where topics have to be named.
        at: ISO 8601, UTC, the time of this build.
        exact_limit: papers up to which neighbours are searched exactly.
        threads: that may be used; None is every core.
        progress: called with what is being done, how much of it is done, and how much there is.

    Raises:
        InvalidRequest: so many topics cannot be had of so many papers.
    """
    count = len(indexed.facets.ids)
    earlier = None if before is None or not before[0].levels else before[0]
    there = _there(indexed.facets.ids, [] if before is None else before[1])
    obeyed = () if earlier is None else earlier.parameters.edits
    decisions = tuple(edit.number for edit in structural(options.edits))
    decided = decisions != obeyed
    undone = not set(obeyed) <= set(decisions)  # what was carried over would still hold it
    asked = None if earlier is None else (earlier.parameters.seed, earlier.parameters.counts)
    anew = options.anew or kept is None or undone or asked != (options.seed, options.counts)
    if anew:
        near = neighbourhood(
            lambda: Material.of(indexed.dense, indexed.lexical, indexed.neighbours),
            seed=options.seed,
            exact_limit=exact_limit,
            threads=threads,
        )
        # the map is drawn meanwhile, by a process of its own
        drawn = drawing.draw(
            near.indices,
            near.distances,
            near.features,
            seed=options.seed,
            start=None if earlier is None else _coordinates(earlier, there),
        )
        tree = cluster(
            near,
            counts=options.counts,
            seed=options.seed,
            start=None if earlier is None or not _alike(earlier, count) else (_tree(earlier), there),
            threads=threads,
            progress=lambda done, total: progress("Topics", done, total),
        )
        plan = _Plan(tree.levels, [], tree.resolutions, tree.agreement)
        graph: Any = near.graph
    else:
        assert earlier is not None  # noqa: S101
        assert kept is not None  # noqa: S101
        near, drawn, graph = None, None, None
        plan = _carried(indexed, earlier, kept)
    previous = None if earlier is None else _previous(earlier, there)
    forced: Mapping[tuple[int, int], str] = {}
    if options.edits and (anew or decided):
        graph = _related_graph(indexed.neighbours) if graph is None else graph
        held = hold(
            plan.levels,
            previous,
            options.edits,
            lambda members, parts: cut(graph, members, parts, seed=options.seed),
            lambda members, topics: _spread(graph, members, topics),
        )
        plan.levels, forced = held.levels, held.forced
        for edit, reason in held.skipped:
            logger.warning(
                "Decision %d (%s %s) is not carried out: %s.", edit.number, edit.kind, edit.topic, reason
            )
    if anew or (options.edits and decided):
        plan.places = [memberships(graph, labels) for labels in plan.levels]
    used = _used(earlier)
    plan.ids = match(previous, plan.levels, fresh_ids(indexed.facets.ids, used), forced=forced)
    named = _named(plan, earlier, options, documents, indexed.facets, anew or decided, progress)
    log = changes(previous, plan.levels, plan.ids, {topic: one.name for topic, one in named.items()}, at)
    aliases = inherited_aliases(previous, plan.ids, log)
    central = _central(plan, earlier, near, indexed, decided)
    topics = _topics(plan, named, aliases, central, indexed.facets)
    progress("Map", 0, 1)
    coordinates = drawn.result() if drawn is not None else _placed_on_map(indexed, earlier, kept)
    shapes = _outlines(plan, coordinates, None if anew or decided else earlier)
    progress("Map", 1, 1)
    parameters = TopicParameters(
        options.seed,
        options.counts,
        plan.resolutions,
        plan.agreement,
        decisions,
        {topic: one.by for topic, one in named.items() if one.by},
    )
    levels = [
        TopicLevel(tuple(some), tuple(rings), there.topics, there.strengths)
        for some, rings, there in zip(topics, shapes, plan.places, strict=True)
    ]
    return TopicIndex(levels, coordinates, parameters, _log(log, earlier))


# -- what there was ------------------------------------------------------------------------------------------------


def _there(ids: Sequence[str], before: Sequence[str]) -> Positions:
    """(n,) position of every paper in the snapshot before, -1 for new ones."""
    at = {paper_id: position for position, paper_id in enumerate(before)}
    return np.array([at.get(paper_id, -1) for paper_id in ids], np.int64)


def _alike(earlier: TopicIndex, count: int) -> bool:
    return SIZES[0] * len(earlier) <= count <= SIZES[1] * len(earlier)


def _tree(earlier: TopicIndex) -> Tree:
    parameters = earlier.parameters
    return Tree([level.main for level in earlier.levels], parameters.resolutions, parameters.agreement)


def _previous(earlier: TopicIndex, there: Positions) -> Previous:
    return Previous(
        [
            PreviousLevel(level.topics, np.where(there >= 0, level.main[there], NO_TOPIC).astype(np.int32))
            for level in earlier.levels
        ]
    )


def _used(earlier: TopicIndex | None) -> set[str]:
    """Every id that was ever in use, as far as is known."""
    if earlier is None:
        return set()
    return {
        *(topic.id for topic in earlier.all),
        *earlier.successors,
        *(change.topic for change in earlier.changes),
    }


def _coordinates(earlier: TopicIndex, there: Positions) -> NDArray[np.float32]:
    known: NDArray[np.float32] = np.where(
        (there >= 0)[:, None], earlier.coordinates[there], np.float32(np.nan)
    )
    return known


def _log(log: Sequence[TopicChange], earlier: TopicIndex | None) -> list[TopicChange]:
    """The latest build's changes in full, of those before what was more than "kept"."""
    before = () if earlier is None else earlier.changes
    return [*log, *(change for change in before if change.kind != "kept")][: max(LOG, len(log))]


# -- carried over ----------------------------------------------------------------------------------------------------


def _carried(indexed: Indexed, earlier: TopicIndex, kept: Positions) -> _Plan:
    """The topics there were; new papers where those are that they are related to."""
    new = np.flatnonzero(kept < 0)
    levels: list[Labels] = []
    places: list[Memberships] = []
    finest = _voted(indexed, earlier.levels[-1], kept, new)
    mains = [level.main for level in earlier.levels]
    above = [parents(labels, mains[-1]) for labels in mains]
    for level, upward in zip(earlier.levels, above, strict=True):
        labels = np.where(kept >= 0, level.main[kept], NO_TOPIC).astype(np.int32)
        shares = placed(
            labels, _related(indexed.neighbours, new), _weights(indexed.neighbours, new), len(level.topics)
        )
        labels[new] = upward[finest]
        there = Memberships(level.members[kept].copy(), level.strengths[kept].copy())
        mine = chosen(shares, labels[new])
        there.topics[new], there.strengths[new] = mine.topics, mine.strengths
        used, numbers = np.unique(labels, return_inverse=True)  # a topic may have lost its last paper
        number = np.full(len(level.topics) + 1, NO_TOPIC, np.int32)
        number[used] = np.arange(len(used), dtype=np.int32)
        levels.append(numbers.astype(np.int32))
        places.append(_renumbered(there, number))
    return _Plan(levels, places, earlier.parameters.resolutions, earlier.parameters.agreement)


def _renumbered(there: Memberships, number: NDArray[np.int32]) -> Memberships:
    """Memberships with other topic numbers, those of topics that are no more left out."""
    topics: NDArray[np.int32] = number[there.topics]  # -1 is the last, which stays -1
    strengths = np.where(topics >= 0, there.strengths, np.float32(0))
    order = np.argsort(topics < 0, axis=1, kind="stable")
    return Memberships(
        np.take_along_axis(topics, order, axis=1), np.take_along_axis(strengths, order, axis=1)
    )


def _related(neighbours: Neighbours, rows: Positions) -> Positions:
    """(m, k) positions of related papers."""
    return neighbours.positions[rows].astype(np.int64)


def _weights(neighbours: Neighbours, rows: Positions) -> NDArray[np.float32]:
    """(m, k) weights of related papers as voters: the nearest count most."""
    scores: NDArray[np.float32] = np.maximum(neighbours.scores[rows].astype(np.float32), 0)
    scores[:, VOTERS:] = 0
    return scores


def _voted(indexed: Indexed, level: TopicLevel, kept: Positions, new: Positions) -> NDArray[np.int32]:
    """(m,) the finest topic of each new paper: by related papers, else by the nearest topic's centre."""
    labels = np.where(kept >= 0, level.main[kept], NO_TOPIC).astype(np.int32)
    shares = placed(
        labels, _related(indexed.neighbours, new), _weights(indexed.neighbours, new), len(level.topics)
    )
    found: NDArray[np.int32] = shares.argmax(axis=1).astype(np.int32)
    lost = np.flatnonzero(shares.max(axis=1, initial=0) <= 0)
    if len(lost):
        old = np.flatnonzero(kept >= 0)
        nearest, _ = indexed.dense.search(
            indexed.dense.rows(new[lost]), 1, allowed=np.isin(np.arange(len(kept)), old)
        )
        found[lost] = labels[nearest[:, 0]]
    return found


def _related_graph(neighbours: Neighbours) -> Any:
    """A graph of related papers alone, where topics were carried over and no other graph was made."""
    width = min(neighbours.positions.shape[1], NEIGHBOURS - 1)
    apart = np.float32(BEST_SCORE) - np.minimum(neighbours.scores[:, :width], BEST_SCORE).astype(np.float32)
    return fuzzy_graph(neighbours.positions[:, :width].astype(np.int64), apart)


def _spread(graph: Any, members: Positions, topics: Labels) -> NDArray[np.int32]:
    """Topics for the members that have none: where most of their edges lead, else the largest."""
    from scipy import sparse

    given = topics.astype(np.int32).copy()
    open_, known = np.flatnonzero(given < 0), np.flatnonzero(given >= 0)
    if not len(open_):
        return given
    used, numbers = np.unique(given[known], return_inverse=True)
    among = sparse.csr_matrix((np.ones(len(known)), (known, numbers)), shape=(len(members), len(used)))
    held = np.asarray((graph[members[open_]][:, members] @ among).todense())
    largest = int(np.bincount(numbers).argmax())
    given[open_] = used[np.where(held.max(axis=1) > 0, held.argmax(axis=1), largest)]
    return given


# -- what is said of topics --------------------------------------------------------------------------------------


def _named(
    plan: _Plan,
    earlier: TopicIndex | None,
    options: TopicOptions,
    documents: Callable[[], Sequence[Document]],
    facets: Facets,
    may_be_new: bool,
    progress: Progress,
) -> dict[str, Named]:
    """Name and terms of every topic, by id."""
    known = {} if earlier is None else {topic.id: topic for topic in earlier.all}
    by = {} if earlier is None else earlier.parameters.named_by or {}
    job = NamingJob(plan.levels, plan.places, plan.ids, known, by)
    return name_topics(
        job,
        documents if may_be_new else None,
        options.namer,
        options.edits,
        lambda done, total: progress("Names", done, total),
    )


def _central(
    plan: _Plan, earlier: TopicIndex | None, near: Neighbourhood | None, indexed: Indexed, decided: bool
) -> list[list[tuple[str, ...]]]:
    """Ids of the papers at the centre of every topic."""
    ids = indexed.facets.ids
    strengths = [there.strengths[:, 0] for there in plan.places]
    if near is not None or decided or earlier is None:
        rows = indexed.dense.rows(np.arange(len(ids))) if near is None else near.features
        found = exemplars(rows, plan.levels, strengths, count=EXEMPLARS)
        return [[tuple(ids[p] for p in some.tolist()) for some in level] for level in found]
    known = {topic.id: topic.exemplars for topic in earlier.all}
    present = set(ids)
    kept = [[tuple(one for one in known[topic] if one in present) for topic in level] for level in plan.ids]
    for labels, strength, level in zip(plan.levels, strengths, kept, strict=True):
        for number, some in enumerate(level):
            if not some:  # all that stood for it were withdrawn
                members = np.flatnonzero(labels == number)
                best = members[np.lexsort((members, -strength[members]))][:EXEMPLARS]
                level[number] = tuple(ids[p] for p in best.tolist())
    return kept


def _topics(
    plan: _Plan,
    named: Mapping[str, Named],
    aliases: Mapping[str, tuple[str, ...]],
    central: Sequence[Sequence[tuple[str, ...]]],
    facets: Facets,
) -> list[list[Topic]]:
    everything = _years(facets.years)
    found: list[list[Topic]] = []
    for at, (labels, there, ids) in enumerate(zip(plan.levels, plan.places, plan.ids, strict=True)):
        above = parents(plan.levels[at - 1], labels) if at else None
        order = np.argsort(labels, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(labels))[:-1])
        level = []
        for number, (topic, some) in enumerate(zip(ids, members, strict=True)):
            years = _years(facets.years[some])
            level.append(
                Topic(
                    id=topic,
                    level=at + 1,
                    parent=None if above is None else plan.ids[at - 1][above[number]],
                    name=named[topic].name,
                    size=len(some),
                    terms=named[topic].terms,
                    exemplars=central[at][number],
                    years=years,
                    trend=trend(years, everything),
                    cohesion=round(float(there.strengths[some, 0].mean()), 4),
                    aliases=aliases.get(topic, ()),
                )
            )
        found.append(level)
    return found


def _years(years: Iterable[Any]) -> tuple[tuple[int, int], ...]:
    counts = Counter(int(year) for year in years)
    counts.pop(NO_YEAR, None)
    return tuple(sorted(counts.items()))


# -- the map -----------------------------------------------------------------------------------------------------------


def _placed_on_map(
    indexed: Indexed, earlier: TopicIndex | None, kept: Positions | None
) -> NDArray[np.float32]:
    """The map there was; new papers amid those they are related to."""
    assert earlier is not None  # noqa: S101
    assert kept is not None  # noqa: S101
    coordinates: NDArray[np.float32] = earlier.coordinates[kept].copy()
    new = np.flatnonzero(kept < 0)
    if len(new):
        related = _related(indexed.neighbours, new)
        on_map = (related >= 0) & (kept[np.maximum(related, 0)] >= 0)
        found = place(np.where(on_map, related, -1), _weights(indexed.neighbours, new), coordinates)
        coordinates[new] = np.nan_to_num(
            found
        )  # related to new papers only: in the middle, for want of better
    return coordinates


def _outlines(
    plan: _Plan, coordinates: NDArray[np.float32], earlier: TopicIndex | None
) -> list[list[Outline]]:
    """By level and topic; those of an earlier map where nothing moved."""
    if earlier is None:
        return [outlines(coordinates, labels) for labels in plan.levels]
    known = {
        topic.id: outline
        for level in earlier.levels
        for topic, outline in zip(level.topics, level.outlines, strict=True)
    }
    return [[known[topic] for topic in ids] for ids in plan.ids]
