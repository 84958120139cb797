"""Editors' decisions carried out on the previous topics: what a build has to hold to.

A decision made since the last build is carried out here, on the papers as the previous snapshot has them: merged topics
become one, split ones several. One that an earlier build carried out is known by its outcome: the merged topic is an alias
by now, the parts are there under the ids of :func:`recsys.topics.edits.part_ids`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from recsys.records import TopicEdit
from recsys.topics.edits import part_ids, structural
from recsys.topics.match import Labels, Positions, Previous

__all__ = ["Cut", "Decided", "Hold", "decide"]

#: Cuts a topic: the (m,) positions of its papers, ascending, and the number of parts → (m,) part of each, from 0.
Cut = Callable[[Positions, int], npt.NDArray[np.integer]]

_SPLIT: Final = "\0split"  # where the papers of a split topic went: to no single one


@dataclass(frozen=True, slots=True)
class Hold:
    """A topic that editors decided about.

    Attributes:
        topic: its id.
        level: index of its level, 0 for the coarsest.
        firm: all its papers stay together.
        merged: what a clustering makes mostly of its papers stays together, under its previous parent. Neither this nor
            firm: it may fall apart, as any topic may, but not together with another one held.
    """

    topic: str
    level: int
    firm: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The previous topics with all decisions carried out.

    Attributes:
        ids: of each level's topics.
        labels: for each level (n,) int32 indices into its ids, -1 for papers that are new.
        holds: the topics decided about, each once, in the order of the edits.
        skipped: edits that could not be carried out, and why.
    """

    ids: list[list[str]]
    labels: list[Labels]
    holds: list[Hold]
    skipped: list[tuple[TopicEdit, str]]


def decide(previous: Previous | None, edits: Iterable[TopicEdit], cut: Cut, depth: int) -> Decided:
    """Carry out the structural edits, in the order in which they were made.

    Args:
        previous: None when there was no snapshot: every edit is skipped.
        edits: those that stand; renames and hidings are passed over.
        cut: called for a split that no build has carried out yet.
        depth: how many levels the new clustering has.
    """
    work = _Work(previous, cut, depth)
    for edit in structural(edits):
        reason = work.carry_out(edit)
        if reason:
            work.skipped.append((edit, reason))
    return Decided(work.ids, work.labels, work.final_holds(), work.skipped)


class _Work:
    """The previous topics while edits are carried out on them."""

    def __init__(self, previous: Previous | None, cut: Cut, depth: int) -> None:
        levels = previous.levels if previous is not None else ()
        self.ids = [[topic.id for topic in level.topics] for level in levels]
        self.labels = [np.array(level.labels, dtype=np.int32) for level in levels]
        self.skipped: list[tuple[TopicEdit, str]] = []
        self._place = {topic: (i, j) for i, ids in enumerate(self.ids) for j, topic in enumerate(ids)}
        self._heirs = {
            alias: topic.id for level in levels for topic in level.topics for alias in topic.aliases
        }
        self._cut, self._depth = cut, depth
        self._holds: list[Hold] = []

    def carry_out(self, edit: TopicEdit) -> str:
        """Why the edit is skipped, empty when it is not."""
        if edit.kind == "merge":
            return self._merge(edit)
        return self._split(edit) if edit.kind == "split" else self._pin(edit)

    def final_holds(self) -> list[Hold]:
        """What was held, under the ids in the end."""
        found: dict[str, Hold] = {}
        for hold in self._holds:
            topic = self._follow(hold.topic)
            if topic in self._place:
                known = found.get(topic, hold)
                found[topic] = replace(
                    known,
                    topic=topic,
                    level=self._place[topic][0],
                    firm=known.firm or hold.firm,
                    merged=known.merged or hold.merged,
                )
        return list(found.values())

    def _merge(self, edit: TopicEdit) -> str:
        topic, into = edit.topic, self._follow(edit.into or "")
        if topic not in self._place:
            if self._follow(topic) != into or into not in self._place:
                return self._gone(topic)
            self._hold(into, merged=True)  # an earlier build has merged them
            return self._unfit(into)
        if into == topic:
            return f"{edit.into} has become part of {topic} itself"
        reason = self._unfit(topic) or self._unfit(into)
        if reason:
            return reason
        level, number = self._place[topic]
        other_level, other = self._place[into]
        if level != other_level:
            return f"{topic} is of level {level + 1}, {into} of level {other_level + 1}"
        home = int(np.flatnonzero(self.labels[level] == other)[0])
        moved = self.labels[level] == number
        for labels in self.labels[: level + 1]:
            labels[moved] = labels[home]
        self._leave(topic, into)
        self._hold(into, firm=True, merged=True)
        return ""

    def _split(self, edit: TopicEdit) -> str:
        topic, names = edit.topic, part_ids(edit)
        if topic not in self._place:
            there = [name for name in names if name in self._place]
            for name in there:
                self._hold(name)
            if there or any(self._follow(name) in self._place for name in names):
                return ""  # an earlier build has split it
            return self._gone(topic)
        if reason := self._unfit(topic):
            return reason
        level, number = self._place[topic]
        members = np.flatnonzero(self.labels[level] == number)
        if len(members) < len(names):
            return f"{topic} has {len(members)} papers left, too few for {len(names)} parts"
        parts = np.asarray(self._cut(members, len(names)))
        if parts.shape != members.shape or parts.min() < 0 or parts.max() >= len(names):
            raise ValueError(f"a cut of {len(members)} papers into {len(names)} gave {parts!r}")
        if level + 1 < len(self.labels):
            parts = _by_child(parts, self.labels[level + 1][members], len(names))
        used = np.unique(parts)
        if len(used) < 2:
            return f"the papers of {topic} are too much alike to be told apart"
        first = len(self.ids[level])
        self.labels[level][members] = first + np.searchsorted(used, parts)
        self._leave(topic, _SPLIT)
        for number, part in enumerate(used.tolist(), start=first):
            self.ids[level].append(names[part])
            self._place[names[part]] = (level, number)
            self._hold(names[part], firm=True)
        return ""

    def _pin(self, edit: TopicEdit) -> str:
        topic = self._follow(edit.topic)
        if topic not in self._place:
            return self._gone(edit.topic)
        self._hold(topic, firm=True)
        return self._unfit(topic)

    def _hold(self, topic: str, *, firm: bool = False, merged: bool = False) -> None:
        if not self._unfit(topic):
            self._holds.append(Hold(topic, self._place[topic][0], firm, merged))

    def _leave(self, topic: str, heir: str) -> None:
        """The topic is no more; its papers have been given to others."""
        del self._place[topic]
        self._heirs[topic] = heir

    def _follow(self, topic: str) -> str:
        """The topic, or what it has become part of."""
        while topic not in self._place and topic in self._heirs:
            topic = self._heirs[topic]
        return topic

    def _unfit(self, topic: str) -> str:
        """Why nothing can be decided about a topic of the snapshot, or empty."""
        if topic not in self._place:
            return self._gone(topic)
        level, number = self._place[topic]
        if level >= self._depth:
            return f"there is no level {level + 1} any more, which {topic} was of"
        return "" if np.any(self.labels[level] == number) else f"none of the papers of {topic} is left"

    def _gone(self, topic: str) -> str:
        heir = self._follow(topic)
        if heir in self._place:
            return f"{topic} has become part of {heir}"
        return f"{topic} was split" if heir == _SPLIT else f"{topic} is gone"


def _by_child(parts: npt.NDArray[np.integer], children: Labels, number: int) -> npt.NDArray[np.integer]:
    """The parts with children kept whole, each in the part that has most of it, if all parts then have papers."""
    names, child = np.unique(children, return_inverse=True)
    votes = np.bincount(child * number + parts, minlength=len(names) * number).reshape(-1, number)
    whole = votes.argmax(1)[child]
    return whole if len(np.unique(whole)) == len(np.unique(parts)) else parts
