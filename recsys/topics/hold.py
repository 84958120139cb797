"""A fresh clustering made to obey what editors decided.

The decisions are first carried out on the previous topics (:mod:`recsys.topics.decisions`). Then each level of the fresh
clustering, the coarsest first, is made to respect the topics that were decided about:

1. a cluster that holds most of more than one of them is cut along them, and one that holds most of a firm one, but consists
   mostly of others, is cut into that and the rest;
2. the clusters that consist mostly of a merged or firm one become one topic, with all its remaining papers where it is firm.

A topic is firm in the build that first carries a merge or a split out, and always when it is pinned. Afterwards a merged
topic and the parts of a split one change as others do, but a merged one does not fall apart, and no two of them fall together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.records import TopicEdit
from recsys.topics.decisions import Cut, Decided, Hold, decide
from recsys.topics.match import Labels, Positions, Previous

__all__ = ["FRAGMENT", "Cut", "Held", "Place", "hold"]

#: Fewer papers than this that an edit cuts off join a neighbouring topic instead of being one.
FRAGMENT: Final = 3

#: Places papers among topics: the (m,) positions of papers, ascending, and (m,) the topic of each, -1 for those to be
#: placed → (m,) the same without -1, using only topics that are among those given.
Place = Callable[[Positions, Labels], npt.NDArray[np.integer]]

_NEW, _OTHER = -2, -1


@dataclass(frozen=True, slots=True)
class Held:
    """A clustering that obeys the edits.

    Attributes:
        levels: (n,) int32 topic numbers, coarsest first; nested, 0 to m - 1 all used. Numbers differ from those given where
            an edit changed a level.
        forced: (index of the level, topic number) → the id that the topic has, for :func:`recsys.topics.match.match`.
        skipped: edits that could not be held to, with the reason as a clause ("t0000000a is gone").
    """

    levels: list[Labels]
    forced: dict[tuple[int, int], str]
    skipped: list[tuple[TopicEdit, str]]


def hold(
    levels: Sequence[Labels],
    previous: Previous | None,
    edits: Iterable[TopicEdit],
    cut: Cut,
    place: Place,
) -> Held:
    """Make a clustering obey the merges, splits and pins.

    Args:
        levels: a fresh clustering or the previous one carried over: (n,) topic numbers, coarsest first, nested, 0 to m - 1
            all used. They are left as they are.
        previous: the last snapshot's topics, None when there is none.
        edits: those that stand; renames and hidings are passed over.
        cut: cuts a topic for a split.
        place: places papers whose topic is open, such as new ones, when a cluster is cut.
    """
    tree = [np.array(labels, dtype=np.int32) for labels in levels]
    decided = decide(previous, edits, cut, len(tree))
    keeper = _Keeper(tree, decided, place)
    for level in range(len(tree)):
        keeper.obey(level)
    return Held(tree, keeper.forced(), decided.skipped)


class _Keeper:
    """Works on the levels of `tree` in place."""

    def __init__(self, tree: list[Labels], decided: Decided, place: Place) -> None:
        self._tree, self._decided, self._place = tree, decided, place
        # firm ones last: what they take, none takes back
        self._holds = [
            sorted((held for held in decided.holds if held.level == level), key=lambda held: held.firm)
            for level in range(len(tree))
        ]
        self._owners = [self._owner(level) for level in range(len(tree))]

    def obey(self, level: int) -> None:
        """Make one level respect its topics, and all levels nest in each other again."""
        if not self._holds[level]:
            return
        self._separate(level)
        for index in range(len(self._holds[level])):
            self._gather(level, index)

    def forced(self) -> dict[tuple[int, int], str]:
        """The id of every topic that most of a held one's papers are in, and that a soft one's are most of."""
        found: dict[tuple[int, int], str] = {}
        for level, holds in enumerate(self._holds):
            owner, labels = self._owners[level], self._tree[level]
            for index, held in reversed(list(enumerate(holds))):
                shares, known = _counts(labels, owner == index), _counts(labels, owner > _NEW)
                number = int(shares.argmax())
                if 2 * shares[number] > shares.sum() and (held.firm or 2 * shares[number] > known[number]):
                    found.setdefault((level, number), held.topic)
        return found

    def _owner(self, level: int) -> npt.NDArray[np.int64]:
        """(n,) index of the hold that each paper belongs to, _OTHER for other topics, _NEW for new papers."""
        if not self._holds[level]:
            return np.full(len(self._tree[level]), _OTHER, dtype=np.int64)
        labels, ids = self._decided.labels[level], self._decided.ids[level]
        index = {held.topic: number for number, held in enumerate(self._holds[level])}
        return np.array([*(index.get(topic, _OTHER) for topic in ids), _NEW], dtype=np.int64)[labels]

    def _separate(self, level: int) -> None:
        """Cut the clusters that hold most of several topics, or most of a firm one among others."""
        holds, owner, labels = self._holds[level], self._owners[level], self._tree[level]
        counts = np.stack([_counts(labels, owner == index) for index in range(len(holds))])
        known = _counts(labels, owner > _NEW)
        mainly = 2 * counts > counts.sum(1, keepdims=True)
        changed = False
        for cluster in np.flatnonzero(mainly.any(0)).tolist():
            inside = np.flatnonzero(mainly[:, cluster])
            others = known[cluster] - counts[inside, cluster].sum()
            apart = bool(2 * others >= known[cluster])  # then they stay a topic of their own
            if len(inside) > 1 or (apart and holds[inside[0]].firm):
                self._cut_along(level, cluster, inside, apart)
                changed = True
        if changed:
            self._settle(level)

    def _cut_along(self, level: int, cluster: int, inside: Positions, apart: bool) -> None:
        labels, owner = self._tree[level], self._owners[level]
        members = np.flatnonzero(labels == cluster)
        theirs = np.full(len(members), -1, dtype=np.int32)
        if apart:
            theirs[owner[members] > _NEW] = len(inside)
        for part, index in enumerate(inside.tolist()):
            theirs[owner[members] == index] = part
        if np.any(theirs < 0):
            placed = np.asarray(self._place(members, theirs))
            if placed.shape != theirs.shape or not np.isin(placed, theirs[theirs >= 0]).all():
                raise ValueError(
                    f"papers were placed outside the topics {np.unique(theirs).tolist()}: {placed!r}"
                )
            theirs = np.where(theirs < 0, placed, theirs).astype(np.int32)
        first = int(labels.max()) + 1
        labels[members] = np.where(theirs == 0, cluster, first + theirs - 1)

    def _gather(self, level: int, index: int) -> None:
        """Make one topic of the clusters that consist mostly of a held one's papers."""
        held, owner, labels = self._holds[level][index], self._owners[level], self._tree[level]
        if not (held.firm or held.merged):
            return
        own = owner == index
        mostly = 2 * _counts(labels, own) > _counts(labels, owner > _NEW)
        taken = mostly[labels]
        if held.firm:
            taken |= own
            # Dust that would be left of a cluster comes along.
            sizes, out = np.bincount(labels), _counts(labels, taken)
            dust = (out > 0) & (sizes - out < FRAGMENT)
            taken |= dust[labels] & (owner < 0)
        if not taken.any():
            return
        if level:
            taken = self._bring_home(level, held, taken, own)
        whole = np.unique(labels[taken])
        if len(whole) > 1 or np.count_nonzero(labels == whole[0]) > np.count_nonzero(taken):
            labels[taken] = labels.max() + 1
            self._settle(level)

    def _bring_home(
        self, level: int, held: Hold, taken: npt.NDArray[np.bool_], own: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Put what is taken under one parent; what may not be moved there is taken no more."""
        parents = self._tree[level - 1]
        candidates = np.unique(parents[taken])
        if len(candidates) == 1:
            return taken
        votes = _counts(parents, own)
        if held.merged and level - 1 < len(self._decided.labels):
            before = self._decided.labels[level - 1]
            siblings = (before == before[np.flatnonzero(own)[0]]) & ~own
            home = _counts(parents, siblings)
            votes = home if home[candidates].any() else votes
        parent = candidates[votes[candidates].argmax()]
        paper = np.flatnonzero(parents == parent)[0]
        for coarser in range(level):
            # A firm topic of a coarser level does not lose papers to this one.
            firm = np.array([other.firm for other in self._holds[coarser]] + [False, False])
            bound = firm[self._owners[coarser]]
            taken &= own | ~bound | (self._tree[coarser] == self._tree[coarser][paper])
        for labels in self._tree[:level]:
            labels[taken] = labels[paper]
        return taken

    def _settle(self, level: int) -> None:
        """Number the topics of all levels anew, and cut those of finer levels that lie across topics."""
        for coarser in range(level + 1):
            self._tree[coarser][:] = np.unique(self._tree[coarser], return_inverse=True)[1]
        for finer in range(level + 1, len(self._tree)):
            self._tree[finer][:] = _nested(self._tree[finer - 1], self._tree[finer])


def _nested(parents: Labels, children: Labels) -> Labels:
    """Children cut so that each has one parent, fragments joined with the largest child of the same parent."""
    width = int(children.max()) + 1
    pairs, inverse, sizes = np.unique(
        parents.astype(np.int64) * width + children, return_inverse=True, return_counts=True
    )
    parent, child = np.divmod(pairs, width)
    fragment = (np.bincount(child, minlength=width)[child] > 1) & (sizes < FRAGMENT)
    joined = np.arange(len(pairs))
    for number in np.flatnonzero(fragment):
        siblings = np.flatnonzero(parent == parent[number])
        joined[number] = siblings[sizes[siblings].argmax()]
    return np.unique(joined[inverse], return_inverse=True)[1].astype(np.int32)


def _counts(labels: Labels, chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """How many papers of each topic are among the chosen."""
    return np.bincount(labels[chosen], minlength=int(labels.max()) + 1)
