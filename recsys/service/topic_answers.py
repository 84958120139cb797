"""What questions about topics are answered with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.records import Outline, Paper, Topic, TopicEdit


@dataclass(frozen=True, slots=True)
class TopicPlace:
    """One topic that a paper or a text belongs to.

    Attributes:
        topic: with the name that an editor gave it, if one did.
        rank: 1 for the main topic of its level.
        strength: how far, in [0, 1]: the share of its neighbourhood that the topic holds.
    """

    topic: Topic
    rank: int
    strength: float


@dataclass(frozen=True, slots=True)
class TopicPage:
    """Topics: by level, within a level the largest first; a page at a time.

    Attributes:
        topics: this page.
        next: pass it as ``after`` for the next page; None on the last.
        levels: how many the tree has.
        snapshot: the name of the one that answered.
        agreement: of the coarsest level with what other seeds find (adjusted mutual information).
    """

    topics: tuple[Topic, ...]
    next: str | None
    levels: int
    snapshot: str
    agreement: float


@dataclass(frozen=True, slots=True)
class TopicAuthor:
    """Somebody who writes on a topic: the name as printed on the latest of the papers, the source's id or None."""

    name: str
    id: str | None
    papers: int


@dataclass(frozen=True, slots=True)
class TopicDetail:
    """One topic in full.

    Attributes:
        topic: itself.
        parents: the topics that hold it, coarsest first.
        children: its sub-topics, the largest first.
        exemplars: papers at its centre.
        authors: with most papers in it.
        venues: (name, papers), the most first.
        edits: what editors decided about it, in order.
        snapshot: the name of the one that answered.
        asked: the id that was asked with, if that topic has become part of this one, else None.
    """

    topic: Topic
    parents: tuple[Topic, ...]
    children: tuple[Topic, ...]
    exemplars: tuple[Paper, ...]
    authors: tuple[TopicAuthor, ...]
    venues: tuple[tuple[str, int], ...]
    edits: tuple[TopicEdit, ...]
    snapshot: str
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class TopicPaper:
    """A paper of a topic, and how far it belongs there."""

    paper: Paper
    place: TopicPlace


@dataclass(frozen=True, slots=True)
class TopicPapers:
    """Papers of a topic, those that belong there most first.

    Attributes:
        topic: itself.
        papers: this page.
        total: papers of the topic, those that belong to another topic more included.
        next: pass it as ``after`` for the next page; None on the last.
        snapshot: the name of the one that answered.
    """

    topic: Topic
    papers: tuple[TopicPaper, ...]
    total: int
    next: str | None
    snapshot: str


@dataclass(frozen=True, slots=True)
class TopicMap:
    """Where all visible papers lie; columns aligned by paper.

    Attributes:
        ids: of the papers.
        coordinates: (m, 2) float32.
        years: (m,) 0 where unknown.
        levels: for each level, coarsest first, its topics by number and (m,) numbers of the main topics, -1 for one that
            is hidden.
        outlines: of the topics, by id.
        snapshot: the name of the one that answered.
    """

    ids: list[str]
    coordinates: NDArray[np.float32]
    years: NDArray[np.int16]
    levels: tuple[tuple[tuple[Topic, ...], NDArray[np.int32]], ...]
    outlines: dict[str, Outline]
    snapshot: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where a text belongs.

    Attributes:
        topics: at each level at most three, none where its neighbours disagree or nothing is close.
        point: (x, y) on the map, None where nothing is close.
        close: whether anything in the corpus is close to the text.
        snapshot: the name of the one that answered.
    """

    topics: tuple[TopicPlace, ...]
    point: tuple[float, float] | None
    close: bool
    snapshot: str


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One topic of one paper."""

    paper_id: str
    level: int
    topic_id: str
    topic_name: str
    strength: float
    rank: int
