"""Which phrases the papers of a topic have: the counts that terms and names are chosen from."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.topics.acronyms import expanded, expansions
from recsys.topics.language import FOREIGN_INNER, foreign_stop_words, split_elisions
from recsys.topics.phrases import FILLER_KEYS, INNER, Key, Lexicon, Run, candidates, segments
from recsys.topics.spelling import Spellings

__all__ = ["Document", "PhraseCounts", "count_phrases", "strongest"]

#: Texts that the lexicon is read off.
#: Part of a topic, the strongest papers first, that papers to read are taken from.
STRONGER = 2 / 3
LEXICON_TEXTS = 20_000
#: How much a phrase counts that only the abstract has, mentioned once; title, key phrases and repetition count 1.
MENTIONED = 0.5
LONGEST = 4
#: How much less a phrase with an acronym in it counts as the way to write both.
ACRONYM = 0.25


@dataclass(frozen=True, slots=True)
class Document:
    """What is read of a paper.

    Attributes:
        title: as the record has it.
        abstract: or None.
        keywords: key phrases in the source's order, or none.
    """

    title: str
    abstract: str | None = None
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True)
class PhraseCounts:
    """Phrases of the papers read.

    Attributes:
        rows: (r,) positions of the papers read.
        presence: (r, p) sparse: how much a paper is about a phrase, in (0, 1]; see :data:`MENTIONED`.
        keys: p phrases.
        spellings: how each is mostly written.
        complete: (p,) share of its papers in which it is not always cut off a longer phrase.
    """

    rows: NDArray[np.int64]
    presence: Any
    keys: list[Key]
    spellings: list[str]
    complete: NDArray[np.float32]


def strongest(labels: NDArray[np.int32], weights: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    """Positions of up to ``most`` papers of every topic, ascending: spread over the stronger :data:`STRONGER` of it.

    Not the very strongest alone: a handful of near copies are each other's neighbours, and would speak for all.
    """
    order = np.lexsort((np.arange(len(labels)), -weights, labels))
    sorted_labels = labels[order]
    starts = np.flatnonzero(np.r_[True, sorted_labels[1:] != sorted_labels[:-1]])
    sizes = np.diff(np.r_[starts, len(order)])
    rank, size = np.arange(len(order)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)
    pool = np.minimum(size, np.maximum(most, np.ceil(STRONGER * size))).astype(np.int64)
    step = np.maximum(1, pool / most)  # every so many of the pool
    taken = (rank < pool) & (np.floor(rank / step) != np.floor((rank - 1) / step))
    return np.sort(order[taken]).astype(np.int64)


def read_lexicon(documents: Sequence[Document], most: int = LEXICON_TEXTS) -> Lexicon:
    """How words are used in at most ``most`` of the documents, spread evenly."""
    lexicon = Lexicon()
    for i in np.unique(np.linspace(0, len(documents) - 1, min(most, len(documents))).astype(int)):
        document = documents[i]
        lexicon.add(_as_inside(document.title), headline=is_headline(segments(document.title)))
        for text in (*document.keywords, _as_inside(document.abstract or "")):
            lexicon.add(text)
    return lexicon


def _as_inside(text: str) -> str:
    """The text as if it stood inside a sentence: its first word's capital says nothing about that word."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def is_headline(runs: Sequence[Run]) -> bool:
    """Whether most long words of a title are capitalised."""
    longer = [word for run in runs for word in run[1:] if len(word) > 3]
    return sum(word[0].isupper() for word in longer) > 0.6 * len(longer)


@dataclass(frozen=True, slots=True)
class _Found:
    """One document's phrases by number: with strength, those that stand whole, those of title and key phrases."""

    strengths: dict[int, float]
    whole: set[int]
    heading: set[int]


def _phrases_of(document: Document, lexicon: Lexicon, spellings: Spellings) -> _Found:
    title, body = segments(document.title), segments(document.abstract or "")
    keywords = [run for keyword in document.keywords for run in segments(keyword)]
    breaks, inner, shortest = foreign_stop_words(title + body), INNER, 1
    if breaks:  # no cues there to tell an adjective from a noun, so no phrases of one word
        title, keywords, body = map(split_elisions, (title, keywords, body))
        inner, shortest = FOREIGN_INNER, 2
    headline = is_headline(title)
    found = _Found({}, set(), set())
    for runs, strength, capitals in (
        (title, 1.0, headline),
        (keywords, 1.0, False),
        (body, MENTIONED, False),
    ):
        for words, complete in candidates(runs, lexicon, LONGEST, breaks=breaks, inner=inner):
            if len(words) < shortest:
                continue
            number = spellings.number(words, whole=complete, headline=capitals)
            found.strengths[number] = min(1.0, found.strengths.get(number, 0.0) + strength)
            if complete:
                found.whole.add(number)
            if runs is not body:
                found.heading.add(number)
    return found


def count_phrases(
    documents: Sequence[Document],
    rows: NDArray[np.int64],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> PhraseCounts:
    """Find the phrases of the documents at ``rows``.

    Phrases of a single paper are kept only when its title or key phrases have them.
    """
    from scipy.sparse import csr_array

    lexicon = read_lexicon(documents)
    spellings = Spellings(lexicon)
    indptr, indices, data = array("q", [0]), array("q"), array("f")
    complete: Counter[int] = Counter()
    heading: set[int] = set()
    for done, row in enumerate(rows.tolist(), start=1):
        found = _phrases_of(documents[row], lexicon, spellings)
        indices.extend(found.strengths)
        data.extend(found.strengths.values())
        indptr.append(len(indices))
        complete.update(found.whole)
        heading |= found.heading
        if progress is not None:
            progress(done, len(rows))
    shape = (len(rows), len(spellings.numbers))
    presence = csr_array(
        (np.array(data), np.array(indices, dtype=np.int64), np.array(indptr)), shape=shape, dtype=np.float32
    )
    papers = np.bincount(presence.indices, minlength=shape[1])
    keys, (printed, written) = list(spellings.numbers), spellings.printed()
    kept = np.array(
        [
            i
            for i, key in enumerate(keys)
            if (papers[i] > 1 or i in heading) and key not in FILLER_KEYS and len(set(key)) == len(key)
        ],
        dtype=np.int64,
    )
    whole_papers = np.array([complete[i] for i in kept.tolist()], dtype=np.int64)
    return _with_acronyms_spelled_out(
        rows,
        presence[:, kept],
        [keys[i] for i in kept],
        [printed[i] for i in kept],
        written[kept],
        whole_papers,
    )


def _with_acronyms_spelled_out(
    rows: NDArray[np.int64],
    presence: Any,
    keys: list[Key],
    spellings: list[str],
    written: NDArray[np.int64],
    whole: NDArray[np.int64],
) -> PhraseCounts:
    """The counts with phrases that differ by an acronym and its expansion made one."""
    from scipy.sparse import csr_array

    distinct, groups = expanded(keys, expansions(keys, spellings, presence))
    members = csr_array(
        (np.ones(len(keys), dtype=np.float32), (np.arange(len(keys)), groups)),
        shape=(len(keys), len(distinct)),
    )
    papers = np.bincount(presence.indices, minlength=len(keys))
    merged = (presence @ members).tocsr()
    np.minimum(merged.data, 1.0, out=merged.data)
    # spelled out, unless the acronym is what nearly everybody writes
    said = written * np.array(
        [1.0 if distinct[g] == key else ACRONYM for g, key in zip(groups, keys, strict=True)]
    )
    best: dict[int, int] = {}
    for i, group in enumerate(groups.tolist()):
        if group not in best or said[i] > said[best[group]]:
            best[group] = i
    return PhraseCounts(
        rows=rows,
        presence=merged,
        keys=distinct,
        spellings=[spellings[best[group]] for group in range(len(distinct))],
        complete=(np.bincount(groups, whole) / np.maximum(1, np.bincount(groups, papers))).astype(np.float32),
    )
