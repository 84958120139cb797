"""The records that every stage passes on: papers, their author slots, and answers.

Frozen dataclasses without behaviour beyond what identifies them. They carry no vectors: arrays travel beside
records, aligned by position.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Author",
    "ChangeKind",
    "Direction",
    "EditKind",
    "Match",
    "Outline",
    "Paper",
    "Quote",
    "Reason",
    "Scored",
    "SentenceMatch",
    "Topic",
    "TopicChange",
    "TopicEdit",
    "TopicWeight",
    "Trend",
    "title_key",
    "work_key",
]


@dataclass(frozen=True, slots=True)
class Author:
    """One author slot of one paper: what the source says about it, nothing resolved.

    Attributes:
        name: as printed on that paper.
        id: the source's explicit id, or None. The same id may stand twice on one paper.
        affiliation: as printed, or None.
        orcid: bare, upper case, with dashes (``0000-0002-1825-0097``), or None.
    """

    name: str
    id: str | None = None
    affiliation: str | None = None
    orcid: str | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as a source describes it.

    Attributes:
        id: the paper's id within this deployment, unique, as the source gives it.
        title: readable Unicode; mathematics stays as TeX between dollar signs.
        source: the name of the source module that read it.
        abstract: readable Unicode, or None when missing.
        year: year of publication, or None.
        date: ISO 8601, as precise as known: ``2020``, ``2020-07`` or ``2020-07-05``.
        venue: short name of the venue, or None.
        doi: bare and lower case (``10.18653/v1/2020.acl-main.9``), or None.
        arxiv_id: without version (``1910.07931``, ``cs/0301032``), or None.
        url: where a reader finds it, or None.
        keywords: key phrases, in the source's order.
        authors: in printed order; a slot is known by its position, never by its id.
        withdrawn: the source itself says that the paper was withdrawn or retracted.
        original_title: the title as the source had it, when cleaning changed it, else None.
        original_abstract: likewise.
    """

    id: str
    title: str
    source: str
    abstract: str | None = None
    year: int | None = None
    date: str | None = None
    venue: str | None = None
    doi: str | None = None
    arxiv_id: str | None = None
    url: str | None = None
    keywords: tuple[str, ...] = ()
    authors: tuple[Author, ...] = ()
    withdrawn: bool = False
    original_title: str | None = None
    original_abstract: str | None = None


_ASCII_WORDS = re.compile("[a-z0-9]+")

Match = Literal["id", "title", "author"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence as it stands in a text.

    Attributes:
        text: the sentence.
        field: where it stands: ``title``, ``abstract`` or ``keywords`` of a paper, or ``text`` of a pasted text.
        start: offset of its first character in that field.
        end: offset after its last character.
    """

    text: str
    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SentenceMatch:
    """The two sentences, one of each side, that say most nearly the same.

    Attributes:
        query: the sentence of what was asked with.
        paper: the sentence of the answer.
        similarity: cosine of their vectors measured from the corpus's centre, in [-1, 1].
        query_id: the paper that the first sentence stands in, None for a pasted text.
    """

    query: Quote
    paper: Quote
    similarity: float
    query_id: str | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper is in an answer; what is empty did not contribute.

    Attributes:
        match: what was asked with *is* this paper's ``id`` (or DOI, arXiv id, address) or its ``title``, or names
            an ``author`` of it; None for likeness alone.
        sentences: the best matching pair.
        terms: rare terms on both sides, as the paper writes them, the rarest first.
        authors: names, as the paper prints them, of the authors that both sides share.
    """

    match: Match | None = None
    sentences: SentenceMatch | None = None
    terms: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One ranked answer.

    Attributes:
        paper: the answer.
        score: what the answers are ordered by, unless diversity or recency was asked for; higher is closer.
        strength: the score on a scale that can be read, in [0, 1]; see :mod:`recsys.recommend.strength`.
        reason: why it is here.
    """

    paper: Paper
    score: float
    strength: float
    reason: Reason = Reason()


Direction = Literal["rising", "steady", "falling", "unknown"]


@dataclass(frozen=True, slots=True)
class Trend:
    """How a topic's share of the corpus's papers has moved; see :mod:`recsys.topics.trend`.

    Attributes:
        direction: ``steady`` where the test finds no change, ``unknown`` where there are too few papers or years to test.
        change: yearly change of the share as fitted, 0.1 for 10 % more every year; None when unknown.
        low: lower end of the change's 95 % interval; None when unknown.
        high: its upper end.
        p: two-sided p-value of "no change"; None when unknown.
        first: first year looked at, or None.
        last: last year looked at, or None.
    """

    direction: Direction = "unknown"
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the tree.

    Attributes:
        id: ``t`` and eight hexadecimal digits; kept while the topic stays the same, never used again for another.
        level: 1 for the coarsest.
        parent: the id of the topic one level up that holds it, None at level 1.
        name: short, unlike that of any other topic.
        size: papers whose main topic at this level it is.
        terms: what its papers speak of more than others do, the most telling first.
        exemplars: ids of the papers at its centre, the most central first.
        years: (year, papers) ascending, papers of unknown year left out.
        trend: of its share of all papers.
        cohesion: mean strength of its papers' place in it, in [0, 1].
        aliases: ids of topics that have become part of this one.
    """

    id: str
    level: int
    parent: str | None
    name: str
    size: int
    terms: tuple[str, ...] = ()
    exemplars: tuple[str, ...] = ()
    years: tuple[tuple[int, int], ...] = ()
    trend: Trend = Trend()
    cohesion: float = 0.0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outline:
    """Where a topic lies on the map.

    Attributes:
        label: (x, y) where its name goes: amid its papers, within the first ring.
        rings: simple polygons, first and last point joined though not repeated, counterclockwise; the one with most
            papers first. A topic in several places has several.
    """

    label: tuple[float, float]
    rings: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class TopicWeight:
    """A topic of a paper or a text.

    Attributes:
        topic: its id.
        level: its level.
        rank: 1 for the main topic of that level.
        strength: how far it belongs there, in [0, 1]; the strengths of one level add up to at most 1.
    """

    topic: str
    level: int
    rank: int
    strength: float


ChangeKind = Literal["kept", "grown", "shrunk", "split", "merged", "new", "gone"]


@dataclass(frozen=True, slots=True)
class TopicChange:
    """What became of a topic from one snapshot to the next.

    Attributes:
        at: ISO 8601, UTC, when the later snapshot was made.
        kind: ``kept``, ``grown`` and ``shrunk`` are the same topic; ``split`` and ``merged`` name in ``others`` what it was
            split into or merged from; ``gone`` names there where most of its papers went.
        level: of the topic.
        topic: its id.
        name: its name, the later one where there are two.
        before: papers it had, 0 for a new one.
        after: papers it has, 0 for one that is gone.
        others: ids of the other topics concerned.
    """

    at: str
    kind: ChangeKind
    level: int
    topic: str
    name: str
    before: int
    after: int
    others: tuple[str, ...] = ()


EditKind = Literal["rename", "merge", "split", "hide", "pin"]


@dataclass(frozen=True, slots=True)
class TopicEdit:
    """What an editor decided about a topic.

    Attributes:
        number: of the edit, ascending in the order they were made.
        kind: what was decided.
        topic: id of the topic it is about.
        name: the new name, of a ``rename``.
        into: the topic that it is made part of, of a ``merge``.
        parts: how many topics it is to be cut into, of a ``split``.
        by: who decided.
        at: ISO 8601, UTC, when.
        note: why, or empty.
    """

    number: int
    kind: EditKind
    topic: str
    by: str
    at: str
    name: str | None = None
    into: str | None = None
    parts: int | None = None
    note: str = ""


def _letters(text: str) -> str:
    """Case-folded letters and digits, words separated by one space, accents removed."""
    if text.isascii():  # most titles, and the same in a tenth of the time
        return " ".join(_ASCII_WORDS.findall(text.lower()))
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(c if c.isalnum() else " " for c in folded if not unicodedata.combining(c))
    return " ".join(kept.split())


def title_key(title: str) -> int:
    """64 bits that are equal for titles that differ in case, accents, punctuation and spacing only; 0 for none."""
    letters = _letters(title)
    return int.from_bytes(hashlib.blake2b(letters.encode(), digest_size=8).digest()) if letters else 0


def work_key(paper: Paper) -> str | None:
    """Key shared by the versions of one work: equal for the same title by the same authors.

    Case, accents, punctuation, spacing and the order of authors do not matter. None when title or authors hold
    no letter to compare: such a paper is a version of nothing.
    """
    title = _letters(paper.title)
    authors = sorted(filter(None, (_letters(author.name) for author in paper.authors)))
    if not title or not authors:
        return None
    return hashlib.sha256("\n".join([title, *authors]).encode()).hexdigest()[:32]
