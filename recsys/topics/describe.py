"""What a topic is about: its terms, its name and the papers at its centre.

Terms are noun phrases weighted by class-based TF-IDF (Grootendorst 2022, arXiv:2203.05794), the topics of one level being
the classes. With ``c`` the share of a topic's papers that have a phrase, ``f`` the sum of these shares over the level,
``A`` the mean number of phrases of a topic, and ``s`` the share of papers that have it among the other topics under the
same parent,

    weight = c^0.7 * ln(1 + A / f) * c / (c + s + 0.02) * k / (k + 2.5) * shape

The third factor asks what tells a topic from its siblings; the fourth trusts a phrase of ``k`` papers read little when
``k`` is small; the last prefers two or three words, and phrases that are not cut off longer ones. The 0.7 keeps the
widest phrases from winning everywhere.

Papers are read up to :data:`PAPERS_READ` in each of the finest topics, the strongest first, each counting for as many as
it stands for; so a coarse topic's shares are estimates over the whole of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
from numpy.typing import NDArray

from recsys.topics.counting import Document, PhraseCounts, count_phrases, strongest
from recsys.topics.naming import LONGEST_NAME, Phrase, Suggestion, choose_names, suggest
from recsys.topics.phrases import GENERIC_HEADS, VAGUE_KEYS, Key, contains, is_nested

__all__ = ["Description", "Document", "describe", "exemplars"]

Levels = Sequence[NDArray[np.int32]]
Weights = Sequence[NDArray[np.float32]]

#: Papers read of each finest topic; more where there are so few topics that :data:`READ_ANYWAY` are not reached.
PAPERS_READ, READ_ANYWAY = 60, 12_000
TERMS, CANDIDATES = 10, 5
#: Phrases of a topic, heaviest first, that terms and names are chosen from.
CONSIDERED = 60
#: A phrase that a longer one contains is left out when that one has this share of its papers.
SWALLOWED = 0.6
DAMPING, SIBLING_FLOOR, FEW = 0.7, 0.02, 2.5
#: Weight by number of words, one to four and more.
BY_WORDS = (0.6, 1.25, 1.3, 1.0)
GENERIC, VAGUE, INCOMPLETE = 0.8, 0.3, 0.3
#: A phrase that stands whole in a smaller share of its papers counts as incomplete.
CUT_OFF = 0.4
#: Cosine from which two papers are too much alike to both be exemplars.
NEAR_DUPLICATE = 0.95
UNNAMED = "Unnamed topic"


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a topic.

    Attributes:
        name: short, unlike that of any other topic of the tree.
        terms: what its papers speak of more than others do, the most telling first; no two say the same.
        candidates: further names it could have, the best first.
    """

    name: str
    terms: tuple[str, ...]
    candidates: tuple[str, ...]


def describe(
    documents: Sequence[Document],
    levels: Levels,
    weights: Weights,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[list[Description]]:
    """Describe every topic of a tree.

    Args:
        documents: n papers' texts.
        levels: for each level, the coarsest first, (n,) topic numbers 0..m-1, all used; papers equal at one level are equal
            at every coarser one.
        weights: for each level, (n,) how strongly each paper belongs there.
        progress: called with papers read and papers to read.

    Returns:
        For each level, the descriptions by topic number.
    """
    finest = levels[-1]
    per_topic = max(PAPERS_READ, READ_ANYWAY // (int(finest.max()) + 1))
    rows = strongest(finest, weights[-1], per_topic)
    counts = count_phrases(documents, rows, progress=progress)
    stands_for = (np.bincount(finest) / np.bincount(finest[rows]))[finest[rows]]
    described: list[list[Description]] = []
    used: set[str] = set()
    used_keys: set[frozenset[Key]] = set()
    names: list[Suggestion] = []
    form = _form(counts)
    above = _Level(counts, np.zeros(len(rows), dtype=np.int32), stands_for)
    parent_of_row = above.labels
    for depth, labels in enumerate(levels):
        level = _Level(counts, labels[rows], stands_for)
        parents = np.zeros(level.topics, dtype=np.int32)
        parents[level.labels] = parent_of_row
        below = levels[min(depth + 1, len(levels) - 1)][rows]
        phrases = [_phrases(level, topic, above, int(parents[topic]), form) for topic in range(level.topics)]
        suggestions = [_suggestions(level, topic, found, below) for topic, found in enumerate(phrases)]
        fallbacks = [_fallbacks(documents, labels, weights[depth], t) for t in range(level.topics)]
        names = choose_names(suggestions, parents.tolist(), names, used, used_keys, fallbacks)
        described.append(
            [
                Description(
                    name=name.text,
                    terms=_terms(found),
                    candidates=tuple(s.text for s in suggested if s.text != name.text)[:CANDIDATES],
                )
                for name, found, suggested in zip(names, phrases, suggestions, strict=True)
            ]
        )
        above, parent_of_row = level, level.labels
    return described


class _Level:
    """The topics of one level and the share of papers of each that have a phrase."""

    def __init__(
        self, counts: PhraseCounts, labels: NDArray[np.int32], stands_for: NDArray[np.float64]
    ) -> None:
        from scipy.sparse import csr_array

        self.counts, self.labels, self.stands_for = counts, labels, stands_for
        self.topics = int(labels.max()) + 1
        self.sizes = np.bincount(labels, stands_for)
        self.read = np.bincount(labels)
        shape = (self.topics, len(labels))
        columns = np.arange(len(labels))
        self.shares = (
            csr_array((stands_for / self.sizes[labels], (labels, columns)), shape=shape) @ counts.presence
        )
        self.shares = self.shares.tocsr()
        self.order = np.argsort(labels, kind="stable")
        self.starts = np.r_[0, np.cumsum(self.read)]
        self.papers = np.asarray(counts.presence.T @ stands_for).ravel()
        frequency = np.asarray(self.shares.sum(axis=0)).ravel()
        mean = float(self.shares.sum()) / self.topics
        self.rarity = np.log1p(mean / np.maximum(frequency, 1e-9))

    def rows_of(self, topic: int) -> NDArray[np.int64]:
        """Rows of the counts that are papers of a topic."""
        return self.order[self.starts[topic] : self.starts[topic + 1]]

    def row(self, topic: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Phrases of a topic and their shares."""
        part = slice(self.shares.indptr[topic], self.shares.indptr[topic + 1])
        return self.shares.indices[part], self.shares.data[part]


def _phrases(
    level: _Level, topic: int, above: _Level, parent: int, form: NDArray[np.float64]
) -> list[tuple[int, Phrase]]:
    """The heaviest phrases of a topic with their numbers, those swallowed by longer ones left out."""
    counts = level.counts
    numbers, share = level.row(topic)
    rest = above.sizes[parent] - level.sizes[topic]
    siblings = np.zeros(len(numbers))
    if rest > 0.5:
        whole = np.zeros(len(counts.keys))
        parent_numbers, parent_share = above.row(parent)
        whole[parent_numbers] = parent_share
        siblings = np.maximum(0, whole[numbers] * above.sizes[parent] - share * level.sizes[topic]) / rest
    read = share * level.read[topic]
    weight = (
        share**DAMPING
        * level.rarity[numbers]
        * (share / (share + siblings + SIBLING_FLOOR))
        * (read / (read + FEW))
        * form[numbers]
    )
    owned = share * level.sizes[topic] / level.papers[numbers]
    order = np.lexsort((numbers, -weight))[:CONSIDERED]
    found = [
        (i, Phrase(counts.keys[i], counts.spellings[i], float(weight[o]), float(share[o]), float(owned[o])))
        for o in order
        if (i := int(numbers[o])) >= 0
    ]
    return [(i, phrase) for i, phrase in found if not any(_swallows(other, phrase) for _, other in found)]


def _swallows(longer: Phrase, phrase: Phrase) -> bool:
    """Whether a phrase mostly occurs inside a longer one, "entity recognition" inside "named entity recognition"."""
    return (
        len(longer.key) > len(phrase.key)
        and longer.share >= SWALLOWED * phrase.share
        and contains(longer.key, phrase.key)
    )


def _terms(phrases: Sequence[tuple[int, Phrase]]) -> tuple[str, ...]:
    chosen: list[Phrase] = []
    for _, phrase in phrases:
        if len(chosen) < TERMS and not any(is_nested(phrase.key, other.key) for other in chosen):
            chosen.append(phrase)
    return tuple(phrase.text for phrase in chosen)


def _suggestions(
    level: _Level, topic: int, phrases: Sequence[tuple[int, Phrase]], below: NDArray[np.int32]
) -> list[Suggestion]:
    rows = level.rows_of(topic)
    presence = level.counts.presence[rows][:, [i for i, _ in phrases]].toarray()
    return suggest([phrase for _, phrase in phrases], presence, level.stands_for[rows], below[rows], DAMPING)


def _fallbacks(
    documents: Sequence[Document], labels: NDArray[np.int32], weights: NDArray[np.float32], topic: int
) -> list[str]:
    """What a topic without a phrase of its own is called: the beginning of its strongest papers' titles."""
    members = np.flatnonzero(labels == topic)
    strongest_first = members[np.lexsort((members, -weights[members]))][:CANDIDATES]
    titles = [" ".join(documents[i].title.split()) for i in strongest_first.tolist()]
    return [shorten(title, LONGEST_NAME, placeholder="…") for title in titles if title] or [UNNAMED]


def _form(counts: PhraseCounts) -> NDArray[np.float64]:
    """(p,) what the form of each phrase is worth: its number of words, its head, whether it stands by itself."""
    by_words = np.array(
        [BY_WORDS[min(len(spelling.split()), len(BY_WORDS)) - 1] for spelling in counts.spellings]
    )
    generic = np.array(
        [VAGUE if key in VAGUE_KEYS else GENERIC if key[-1] in GENERIC_HEADS else 1.0 for key in counts.keys]
    )
    whole: NDArray[np.float64] = np.where(counts.complete < CUT_OFF, INCOMPLETE, 1.0)
    return np.asarray(by_words * generic * whole, dtype=np.float64)


def exemplars(
    features: NDArray[np.float32], levels: Levels, weights: Weights, *, count: int = 10
) -> list[list[NDArray[np.int64]]]:
    """The papers at the centre of every topic, the most central first.

    Papers are taken in the order of their cosine with the mean of the topic's stronger half, weighted by strength; one
    that is nearer than :data:`NEAR_DUPLICATE` to a paper taken already is passed over while others are left.

    Args:
        features: (n, d) unit rows.
        levels: as for :func:`describe`.
        weights: as for :func:`describe`.
        count: the most papers of a topic.

    Returns:
        For each level and topic, up to ``count`` positions.
    """
    return [
        [_central(features, members, strength[members], count) for members in _members(labels)]
        for labels, strength in zip(levels, weights, strict=True)
    ]


def _members(labels: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    order = np.argsort(labels, kind="stable")
    return list(np.split(order, np.cumsum(np.bincount(labels))[:-1]))


def _central(
    features: NDArray[np.float32], members: NDArray[np.int64], strength: NDArray[np.float32], count: int
) -> NDArray[np.int64]:
    strong = members[strength >= np.median(strength)]
    centre = np.maximum(strength[strength >= np.median(strength)], 1e-6) @ features[strong]
    order = np.lexsort((strong, -np.round(features[strong] @ centre, 6)))[: 5 * count]
    near = strong[order]
    taken: list[int] = []
    for i in range(len(near)):
        if len(taken) < count and not any(
            float(features[near[i]] @ features[near[j]]) > NEAR_DUPLICATE for j in taken
        ):
            taken.append(i)
    passed = [i for i in range(len(near)) if i not in taken]
    return near[sorted([*taken, *passed[: max(0, count - len(taken))]])][:count]
