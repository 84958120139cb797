"""Ids that survive a rebuild: which new topic is which old one, and what became of the others.

Two snapshots are compared by the papers they share. An old topic can live on only as the new topic that holds the most of
its papers, so that no id comes to mean another part of the corpus; where several old topics would live on as the same
new one, the most alike does. This is largest-overlap matching by Jaccard similarity with a threshold, as Greene, Doyle and
Cunningham (2010), doi:10.1109/ASONAM.2010.17, match communities over time. A one-to-one assignment that maximises the sum of
similarities was tried instead: it kept the ids of up to two papers in a hundred more, by giving ids to topics that have
fewer of their papers than another one.

Levels are compared by their number, the coarsest with the coarsest. Where a rebuild has more levels than there were, the
topics of the further ones are new; where it has fewer, those of the missing ones are gone, and where their papers went is
told by the finest level that there is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.records import ChangeKind, Topic, TopicChange

__all__ = [
    "MIN_OVERLAP",
    "PART_SHARE",
    "SAME_SIZE",
    "NewId",
    "Previous",
    "PreviousLevel",
    "changes",
    "fresh_id",
    "fresh_ids",
    "inherited_aliases",
    "match",
]

Labels = npt.NDArray[np.int32]
Positions = npt.NDArray[np.int64]
#: Gives a new topic its id: its level, 1 for the coarsest, and the (m,) positions of its papers, ascending.
NewId = Callable[[int, Positions], str]

#: Least Jaccard similarity, over the papers of both snapshots, of a topic with what it was. With 103k papers in 120 topics,
#: clustered from scratch with and without a tenth of them, 81 % of the papers keep their ids at 0 to 0.3, 78 % at 0.4 and
#: 73 % at 0.5.
MIN_OVERLAP: Final = 0.3
#: A topic whose size changed by at most this share of it is ``kept``, not ``grown`` or ``shrunk``.
SAME_SIZE: Final = 0.1
#: Least share of a topic's papers that a part of it has for the topic to count as ``split``.
PART_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class PreviousLevel:
    """One level of the snapshot before.

    Attributes:
        topics: of that level.
        labels: (n,) int32, for each paper of the *new* corpus its topic's index in ``topics``, -1 for papers that
            were not there.
    """

    topics: Sequence[Topic]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Previous:
    """The topics of the snapshot before, coarsest level first."""

    levels: Sequence[PreviousLevel]


def match(
    previous: Previous | None,
    levels: Sequence[Labels],
    new_id: NewId,
    *,
    forced: Mapping[tuple[int, int], str] | None = None,
) -> list[list[str]]:
    """The id of every topic of a new clustering.

    Args:
        previous: None for the first clustering.
        levels: (n,) int32 topic numbers of each level, coarsest first, 0 to m - 1 all used.
        new_id: called for every topic that is not an old one, level by level in the order of numbers.
        forced: ids that are settled beforehand by (index of the level, topic number), see :mod:`recsys.topics.hold`.

    Returns:
        For each level the ids by topic number. An id stands at most once.
    """
    settled = dict(forced or {})
    ids: list[list[str]] = []
    for index, labels in enumerate(levels):
        mine = {number: topic for (level, number), topic in settled.items() if level == index}
        kept = dict(mine)
        if previous is not None and index < len(previous.levels):
            old = previous.levels[index]
            taken = set(settled.values())
            closed = [i for i, topic in enumerate(old.topics) if topic.id in taken]
            successors = _successors(_overlaps(old, labels), closed, list(mine))
            kept |= {number: old.topics[i].id for number, i in successors.items()}
        members = _members(labels)
        ids.append(
            [kept[j] if j in kept else new_id(index + 1, members[j]) for j in range(len(members))],
        )
    return ids


def fresh_id(level: int, paper_ids: Iterable[str], used: Iterable[str] = ()) -> str:
    """``t`` and eight hexadecimal digits made from the level (1 for the coarsest) and the papers of a new topic.

    The order of the papers does not matter. The id is none of those used: the hash is taken anew until it is not.
    """
    taken = used if isinstance(used, (set, frozenset)) else set(used)
    digest = hashlib.blake2b(str(level).encode(), digest_size=8)
    for paper_id in sorted(paper_ids):
        data = paper_id.encode(errors="surrogatepass")
        digest.update(b"%d:%b" % (len(data), data))
    attempt = 0
    while True:
        found = "t" + hashlib.blake2b(b"%b%d" % (digest.digest(), attempt), digest_size=4).hexdigest()
        if found not in taken:
            return found
        attempt += 1


def fresh_ids(paper_ids: Sequence[str], used: Iterable[str]) -> NewId:
    """A giver of new ids for :func:`match`.

    Args:
        paper_ids: of the n papers, by position.
        used: every id that was ever in use: of topics, of their aliases and in the change log.
    """
    taken = set(used)

    def new_id(level: int, members: Positions) -> str:
        made = fresh_id(level, (paper_ids[position] for position in members.tolist()), taken)
        taken.add(made)
        return made

    return new_id


def changes(
    previous: Previous | None,
    levels: Sequence[Labels],
    ids: Sequence[Sequence[str]],
    names: Mapping[str, str],
    at: str,
) -> list[TopicChange]:
    """The change log from one snapshot to the next: one entry for every topic of either.

    What is found first counts:

    - ``split``: at least two new topics have each :data:`PART_SHARE` or more of its papers and consist mostly of them; the
      one that kept the id is one of them in any case. ``others``: the parts, without itself.
    - ``merged``: at least one other topic lost its id and has most of its papers here; two, for a topic that is itself
      new. ``others``: those topics.
    - ``kept``, ``grown``, ``shrunk``: by :data:`SAME_SIZE`.
    - ``new``. ``others``: the topic that most of its papers were in, if there is one.
    - ``gone``. ``others``: the fewest topics that together hold most of its papers, the largest share first.

    "Most" is more than half of the papers that both snapshots have. ``before`` counts all papers that the old snapshot had.

    Args:
        previous: None for the first clustering: every topic is new.
        levels: as for :func:`match`.
        ids: what :func:`match` gave.
        names: of the new topics, by id.
        at: ISO 8601, UTC.
    """
    log: list[TopicChange] = []
    for index, labels in enumerate(levels):
        old = previous.levels[index] if previous is not None and index < len(previous.levels) else None
        log += _Comparison(index + 1, old, labels, ids[index], names, at).entries()
    for index, old in enumerate(previous.levels[len(levels) :] if previous is not None and levels else ()):
        number = len(levels) + index + 1
        log += _Comparison(number, old, levels[-1], ids[-1], names, at).departures()
    return log


def inherited_aliases(
    previous: Previous | None, ids: Sequence[Sequence[str]], log: Sequence[TopicChange]
) -> dict[str, tuple[str, ...]]:
    """For each topic the ids that have become part of it, now or earlier, oldest first; topics without any are left out.

    An old topic becomes part of the one that holds most of its papers. One that was split, or scattered over several, has no
    successor: the change log tells where its papers went.

    Args:
        previous: as for :func:`changes`.
        ids: the new topics' ids.
        log: what :func:`changes` gave for them.
    """
    alive = {topic for level in ids for topic in level}
    heirs = {
        change.topic: change.others[0] for change in log if change.kind == "gone" and len(change.others) == 1
    }
    found: dict[str, dict[str, None]] = {}
    for topic in (topic for level in previous.levels for topic in level.topics) if previous else ():
        heir = topic.id if topic.id in alive else heirs.get(topic.id)
        if heir in alive:
            names = (*topic.aliases, topic.id)
            found.setdefault(heir, {}).update(dict.fromkeys(name for name in names if name not in alive))
    return {topic: tuple(aliases) for topic, aliases in found.items() if aliases}


class _Comparison:
    """One old level (None where there was none) beside one new."""

    def __init__(
        self,
        level: int,
        old: PreviousLevel | None,
        labels: Labels,
        ids: Sequence[str],
        names: Mapping[str, str],
        at: str,
    ) -> None:
        self._level, self._ids, self._names, self._at = level, ids, names, at
        self._topics = [] if old is None else list(old.topics)
        self._sizes = np.bincount(labels, minlength=len(ids))
        self._counts = (
            np.zeros((0, len(ids)), dtype=np.int64) if old is None else _overlaps(old, labels, len(ids))
        )
        self._before, self._known = self._counts.sum(1), self._counts.sum(0)
        number = {topic: j for j, topic in enumerate(ids)}
        self._now = [number.get(topic.id) for topic in self._topics]
        self._parts = [self._parts_of(i) for i in range(len(self._topics))]
        self._origin = {j: i for i, j in enumerate(self._now) if j is not None}

    def entries(self) -> list[TopicChange]:
        """Of the new topics in the order of their numbers, then of the old ones that are no more."""
        return [self._present(j) for j in range(len(self._ids))] + self.departures()

    def departures(self) -> list[TopicChange]:
        """Of the old topics that are no more."""
        return [self._departed(i) for i, j in enumerate(self._now) if j is None]

    def _parts_of(self, i: int) -> list[int]:
        """The new topics that an old one fell into, largest part first; fewer than two: it did not."""
        row = self._counts[i]
        part = (row >= PART_SHARE * self._before[i]) & (2 * row > self._known)
        if (now := self._now[i]) is not None:
            part[now] = True
        parts = [j for j in np.argsort(-row, kind="stable").tolist() if part[j]]
        return parts if len(parts) > 1 else []

    def _present(self, j: int) -> TopicChange:
        topic, after = self._ids[j], int(self._sizes[j])
        i = self._origin.get(j)
        before = 0 if i is None else self._topics[i].size
        if i is not None and self._parts[i]:
            others = [self._ids[part] for part in self._parts[i] if part != j]
            return self._entry("split", topic, before, after, others)
        sources = [
            self._topics[other].id
            for other in np.flatnonzero(2 * self._counts[:, j] > self._before).tolist()
            if self._now[other] is None and not self._parts[other]
        ]
        if len(sources) >= (2 if i is None else 1):
            return self._entry("merged", topic, before, after, sources)
        if i is None:
            origins = np.flatnonzero(2 * self._counts[:, j] > self._known[j]).tolist()
            return self._entry("new", topic, 0, after, [self._topics[origin].id for origin in origins])
        if abs(after - before) <= SAME_SIZE * before:
            return self._entry("kept", topic, before, after)
        return self._entry("grown" if after > before else "shrunk", topic, before, after)

    def _departed(self, i: int) -> TopicChange:
        topic = self._topics[i]
        parts = self._parts[i]
        if not parts and self._before[i]:
            order = np.argsort(-self._counts[i], kind="stable")
            reached = 2 * np.cumsum(self._counts[i][order])
            parts = order[: np.searchsorted(reached, self._before[i], side="right") + 1].tolist()
        kind: ChangeKind = "split" if self._parts[i] else "gone"
        return self._entry(kind, topic.id, topic.size, 0, [self._ids[part] for part in parts], topic.name)

    def _entry(
        self,
        kind: ChangeKind,
        topic: str,
        before: int,
        after: int,
        others: Sequence[str] = (),
        name: str | None = None,
    ) -> TopicChange:
        shown = self._names[topic] if name is None else name
        return TopicChange(self._at, kind, self._level, topic, shown, before, after, tuple(others))


def _overlaps(old: PreviousLevel, labels: Labels, topics: int | None = None) -> npt.NDArray[np.int64]:
    """(old topics, new topics): the papers that each two share."""
    known = old.labels >= 0
    shape = (len(old.topics), _count(labels) if topics is None else topics)
    pairs = old.labels[known].astype(np.int64) * shape[1] + labels[known]
    return np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)


def _successors(counts: npt.NDArray[np.int64], closed: list[int], settled: list[int]) -> dict[int, int]:
    """New topic number → the old one that it is.

    Args:
        counts: what old (rows) and new topics share.
        closed: rows that have their successor already.
        settled: columns that have their id already.
    """
    if not counts.size:
        return {}
    rows = np.arange(len(counts))
    heirs = counts.argmax(1)
    shared = counts[rows, heirs]
    union = counts.sum(1) + counts.sum(0)[heirs] - shared
    likeness = shared / np.maximum(union, 1)
    able = likeness >= MIN_OVERLAP
    able[closed] = False
    able &= ~np.isin(heirs, settled)
    found: dict[int, int] = {}
    for i in sorted(np.flatnonzero(able).tolist(), key=lambda i: (-likeness[i], i)):
        found.setdefault(int(heirs[i]), i)
    return found


def _members(labels: Labels) -> list[Positions]:
    """The positions of each topic's papers, ascending."""
    if not labels.size:
        return []
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.cumsum(np.bincount(labels, minlength=_count(labels)))[:-1])


def _count(labels: Labels) -> int:
    return int(labels.max()) + 1 if labels.size else 0
