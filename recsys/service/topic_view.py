"""The topics of one snapshot as readers see them at this moment: renamed, hidden, without withdrawn papers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.errors import TopicNotFound
from recsys.index.snapshot import Snapshot
from recsys.index.topics import TopicIndex
from recsys.records import Topic, TopicEdit
from recsys.service.topic_answers import Assignment, TopicPlace
from recsys.topics import edits
from recsys.topics.layout import place
from recsys.topics.membership import VOTERS, of_text


class TopicView:
    """See the module.

    Args:
        snapshot: the one that answers.
        hidden_papers: ids of papers that were hidden since it was made, among others.
        decisions: of editors.
    """

    def __init__(
        self, snapshot: Snapshot, hidden_papers: Collection[str], decisions: Sequence[TopicEdit]
    ) -> None:
        self.opened = snapshot
        self.index: TopicIndex = snapshot.contents.topics
        self.snapshot = snapshot.name
        self.decisions = decisions
        self._hidden = edits.hidden(decisions)
        at = snapshot.positions
        self.barred = np.array(sorted(at[one] for one in hidden_papers if one in at), np.int64)
        self.named = self._named(decisions)
        sizes = (len(level.topics) for level in self.index.levels)
        self._first = list(accumulate(sizes, initial=0))

    def _named(self, decisions: Sequence[TopicEdit]) -> tuple[Topic, ...]:
        """All topics with editors' names, and with the papers that are hidden by now not counted."""
        if not decisions and not len(self.barred):
            return self.index.all
        topics = edits.named(self.index.all, decisions)
        first = 0
        for level in self.index.levels:
            for number, fewer in zip(*np.unique(level.main[self.barred], return_counts=True), strict=True):
                at = first + int(number)
                topics[at] = replace(topics[at], size=topics[at].size - int(fewer))
            first += len(level.topics)
        return tuple(topics)

    def topic(self, at: int, number: int) -> Topic:
        """A topic by level and number."""
        return self.named[self._first[at] + number]

    def is_shown(self, at: int, number: int) -> bool:
        """Whether readers see a topic: neither it nor one that holds it is hidden."""
        if not self._hidden:
            return True
        topic = self.topic(at, number)
        return topic.id not in self._hidden and all(one.id not in self._hidden for one in self.parents(topic))

    def shown(self) -> list[Topic]:
        """The topics that readers see."""
        return [
            self.topic(at, number)
            for at, level in enumerate(self.index.levels)
            for number in range(len(level.topics))
            if self.is_shown(at, number)
        ]

    def parents(self, topic: Topic) -> list[Topic]:
        """The topics that hold one, coarsest first."""
        found: list[Topic] = []
        while topic.parent is not None:
            topic = self.topic(*self.index.by_id[topic.parent])
            found.append(topic)
        return found[::-1]

    def find(self, topic_id: str) -> Topic:
        """A topic that readers see, or what it has become part of."""
        known = self.index.by_id
        current = topic_id if topic_id in known else self.index.successors.get(topic_id)
        if current is None or not self.is_shown(*known[current]):
            raise TopicNotFound(f"There is no topic {topic_id!r}.", hint="Run `recsys topics` to see all.")
        return self.topic(*known[current])

    def places(self, position: int) -> tuple[TopicPlace, ...]:
        """The topics of a paper that readers see."""
        return tuple(
            TopicPlace(self.topic(at, number), rank, round(strength, 4))
            for at, level in enumerate(self.index.levels)
            for rank, (number, strength) in enumerate(
                zip(level.members[position].tolist(), level.strengths[position].tolist(), strict=True), 1
            )
            if number >= 0 and self.is_shown(at, number)
        )

    def place_of(self, position: int) -> Assignment:
        """Where a paper of the snapshot belongs."""
        x, y = self.index.coordinates[position].tolist()
        return Assignment(self.places(position), (x, y) if self.index.levels else None, True, self.snapshot)

    def place(
        self, positions: NDArray[np.int64], strengths: NDArray[np.floating[Any]], *, close: bool
    ) -> Assignment:
        """Where a text belongs whose nearest papers are known.

        Args:
            positions: (m,) of them, best first.
            strengths: (m,) theirs.
            close: whether any of them is close.
        """
        near, weights = positions[:VOTERS], strengths[:VOTERS].astype(np.float64)
        if not close or not len(near) or not self.index.levels:
            return Assignment((), None, close, self.snapshot)
        found = of_text([level.main for level in self.index.levels], near, weights)
        topics = [
            TopicPlace(self.topic(at, number), rank, round(strength, 4))
            for at, pairs in enumerate(found)
            for rank, (number, strength) in enumerate(pairs, 1)
            if self.is_shown(at, number)
        ]
        x, y = place(near[None, :], weights[None, :].astype(np.float32), self.index.coordinates)[0].tolist()
        return Assignment(tuple(topics), (x, y), close, self.snapshot)

    def mask(self, topic_id: str) -> NDArray[np.bool_]:
        """(n,) which papers belong to a topic, be it less than to another.

        Raises:
            TopicNotFound: there is no such topic, or it is hidden.
        """
        at, number = self.index.by_id[self.find(topic_id).id]
        members: NDArray[np.bool_] = (self.index.levels[at].members == number).any(axis=1)
        return members
