"""Why a paper is in an answer: the evidence, quoted from both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from recsys.embedding.models import ModelSpec, text_hash
from recsys.embedding.passages import Passage, paper_passage
from recsys.index.contents import text_key
from recsys.recommend.ranking import Floats
from recsys.records import Match, Paper, Quote, Reason, SentenceMatch
from recsys.service.current import Opened
from recsys.store.rows import person_key

TERMS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that was asked with.

    Attributes:
        text: of the paper, or the pasted one.
        quotes: its sentences as embedded.
        vectors: (s, d) theirs.
        paper: None for a pasted text.
        position: of the paper in the snapshot, None unless the snapshot holds it as it is now.
    """

    text: str
    quotes: Sequence[Quote]
    vectors: Floats
    paper: Paper | None = None
    position: int | None = None


def passage_of(paper: Paper, spec: ModelSpec) -> Passage:
    """A paper's text and sentences."""
    return paper_passage(spec, paper.title, paper.abstract, paper.keywords)


def quotes(passage: Passage) -> list[Quote]:
    """A passage's sentences as they stand in it."""
    return [
        Quote(passage.text[s.at : s.at + s.end - s.start], s.field, s.start, s.end) for s in passage.sentences
    ]


def reason(opened: Opened, asked: Asked, paper: Paper, pair: tuple[int, int]) -> Reason:
    """The evidence for one paper.

    Args:
        opened: the snapshot that answered.
        asked: what it was compared with.
        paper: the answer.
        pair: numbers of the sentences that match best, or (-1, -1).
    """
    passage = passage_of(paper, opened.embedder.spec)
    known = {person_key(author) for author in asked.paper.authors} if asked.paper else set()
    shared = [author.name for author in paper.authors if person_key(author) in known]
    return Reason(
        sentences=_match(opened, asked, paper, passage, pair),
        terms=tuple(opened.indexes.lexical.shared_terms(asked.text, passage.text, TERMS)),
        authors=tuple(dict.fromkeys(shared)),
    )


def matched(why: Reason, match: Match) -> Reason:
    """The reason with an exact match said; what a name was compared with sentence by sentence means nothing."""
    return replace(why, match=match, sentences=None if match == "author" else why.sentences)


def is_as_built(opened: Opened, position: int, passage: Passage) -> bool:
    """Whether the snapshot was made from this text of the paper."""
    return int(opened.snapshot.facets.texts[position]) == text_key(text_hash(passage.text))


def _match(
    opened: Opened, asked: Asked, paper: Paper, passage: Passage, pair: tuple[int, int]
) -> SentenceMatch | None:
    """The matching sentences; None when the paper's text is another than when the snapshot was made."""
    mine, theirs = pair
    position = opened.snapshot.positions[paper.id]
    if not is_as_built(opened, position, passage):
        return None
    found = quotes(passage)
    vectors = opened.indexes.sentences.of(position)
    # another count of sentences: they were cut by other rules than today's
    if (len(asked.quotes), len(found)) != (len(asked.vectors), len(vectors)):
        return None
    if not (0 <= mine < len(asked.quotes) and 0 <= theirs < len(found)):
        return None
    similarity = float(np.clip(asked.vectors[mine] @ vectors[theirs], -1, 1))
    return SentenceMatch(
        asked.quotes[mine],
        found[theirs],
        round(similarity, 4),
        asked.paper.id if asked.paper else None,
    )
