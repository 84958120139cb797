"""A short name for every topic of a tree, each unlike all the others.

A name is one phrase, or two joined by "and" where no phrase covers enough of the topic. A phrase scores its weight as a
term (:mod:`recsys.topics.describe`); a pair scores as a phrase would that had the papers of both, discounted by
:data:`PAIR`. Names are given out level by level, the coarsest first, and within a level to whoever scores best, so that
of two topics with the same best name the one that has more claim to it gets it and the other its next best.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.topics.phrases import BARE, GENERIC_HEADS, Key, is_nested, roots

__all__ = ["LONGEST_NAME", "Phrase", "Suggestion", "choose_names", "sentence_case", "suggest"]

LONGEST_NAME = 45  # characters
#: What a pair's score is multiplied by, and the share of a topic from which a phrase alone does.
PAIR, ALONE = 0.78, 0.5
#: The same for a pair of which neither phrase covers this share of the topic: one alone would name too little of it.
PAIR_OF_FEW, FEW = 0.88, 0.3
#: The second phrase of a pair needs this part of the first one's papers, and both together this much more than one.
BALANCE, GAIN = 0.35, 1.15
#: A part of a topic has a name when the name's share there is this much of the whole's; exponent of the breadth.
PRESENT, BREADTH = 0.3, 0.6
#: Penalty for a pair whose phrases begin with the same word.
ALIKE = 0.6
#: A name that covers a smaller share of its topic than this is penalised.
THIN = 0.12
#: Phrases that pairs are made of, the best first.
PAIRED = 8
#: A head such as "models" adds to a noun what a name needs ("dialogue systems") when this share of the noun's papers has
#: it, and nothing to a phrase of several words ("machine translation systems").
HEADED, REDUNDANT_HEAD = 0.3, 0.6
ONE_WORD, VAGUE = 1.4, 0.2
#: Exponent of the share of a phrase's papers that are the topic's.
OWNED = 0.2
#: Penalties for saying the same as a sibling, or less than or much the same as the parent.
LIKE_SIBLING, LIKE_PARENT = 0.5, 0.4
#: Names tried for a topic before the last resort.
TRIED = 40


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a topic.

    Attributes:
        key: what it is compared by.
        text: as printed.
        weight: as a term of the topic.
        share: of the topic's papers that have it.
        owned: share of the papers that have it, of all topics of the level, that are this topic's.
    """

    key: Key
    text: str
    weight: float
    share: float
    owned: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name that a topic could have: its text, the phrases in it and how well it fits."""

    text: str
    keys: tuple[Key, ...]
    score: float


def sentence_case(text: str) -> str:
    """The text with a capital first letter, unless its first word has capitals of its own (``mBERT``)."""
    first = re.split("[ -]", text, maxsplit=1)[0]
    return text if first != first.lower() else text[:1].upper() + text[1:]


def suggest(
    phrases: Sequence[Phrase],
    presence: NDArray[np.float32],
    papers: NDArray[np.float64],
    parts: NDArray[np.int32],
    damping: float,
) -> list[Suggestion]:
    """Names for one topic, the best first.

    Args:
        phrases: its q phrases, heaviest first.
        presence: (r, q) how much each of its papers is about each phrase.
        papers: (r,) how many papers each of these stands for.
        parts: (r,) the topic one level down that each is in; equal numbers where there is none.
        damping: the exponent of a phrase's share in its weight.
    """
    breadth = _Breadth(papers, parts)
    alone = _scores_alone(phrases)
    scores = [
        score * breadth.of(presence[:, i]) ** BREADTH * _trust(phrases[i].share)
        for i, score in enumerate(alone)
    ]
    _lend_to_heads(phrases, scores)
    order = sorted(range(len(phrases)), key=lambda i: (-scores[i], i))
    names = [
        Suggestion(sentence_case(phrases[i].text), (phrases[i].key,), scores[i])
        for i in order
        if len(phrases[i].text) <= LONGEST_NAME
    ]
    if order and phrases[order[0]].share >= ALONE:
        return names
    best = sorted(range(len(phrases)), key=lambda i: (-alone[i], i))[:PAIRED]
    for place, i in enumerate(best):
        for j in best[place + 1 :]:
            one, other = (i, j) if phrases[i].share >= phrases[j].share else (j, i)
            union = presence[:, [i, j]].max(axis=1)
            covered = float(union @ papers / papers.sum())
            if _go_together(phrases[one], phrases[other], covered):
                quality = sum(alone[k] * phrases[k].share ** (1 - damping) for k in (i, j))
                quality /= phrases[i].share + phrases[j].share
                alike = ALIKE if phrases[i].key[0] == phrases[j].key[0] else 1.0
                pair = PAIR if phrases[one].share >= FEW else PAIR_OF_FEW
                score = (
                    alike * pair * covered**damping * quality * breadth.of(union) ** BREADTH * _trust(covered)
                )
                text = sentence_case(_joined(phrases[one], phrases[other]))
                names.append(Suggestion(text, (phrases[one].key, phrases[other].key), score))
    return sorted(names, key=lambda name: (-name.score, len(name.text), name.text))


class _Breadth:
    """How much of a topic lies in those of its parts where a name is not rare."""

    def __init__(self, papers: NDArray[np.float64], parts: NDArray[np.int32]) -> None:
        self.papers, self.parts = papers, np.unique(parts, return_inverse=True)[1]
        self.sizes = np.bincount(self.parts, papers)

    def of(self, presence: NDArray[np.float32]) -> float:
        """Share of the papers in parts that have at least :data:`PRESENT` of the mean share; (r,) → [0, 1]."""
        covered = np.bincount(self.parts, presence * self.papers)
        overall = covered.sum() / self.sizes.sum()
        return float(self.sizes[covered >= PRESENT * overall * self.sizes].sum() / self.sizes.sum())


def _scores_alone(phrases: Sequence[Phrase]) -> list[float]:
    number = {phrase.key: i for i, phrase in enumerate(phrases)}
    scores = []
    for phrase in phrases:
        stem, head = phrase.key[:-1], phrase.key[-1]
        score = phrase.weight * phrase.owned**OWNED
        if len(phrase.key) == 1:
            score *= VAGUE if head in BARE else ONE_WORD * min(1.0, phrase.share / ALONE)
        elif (
            head in GENERIC_HEADS
            and stem in number
            and (len(stem) > 1 or phrase.share < HEADED * phrases[number[stem]].share)
        ):
            score *= REDUNDANT_HEAD
        scores.append(score)
    return scores


def _trust(covered: float) -> float:
    """What a name is worth that covers too little of its topic."""
    return float(min(1.0, covered / THIN) ** 0.8)


def _lend_to_heads(phrases: Sequence[Phrase], scores: list[float]) -> None:
    """Let "dialogue systems" score no less than "dialogue", when a good share of the papers say so."""
    number = {phrase.key: i for i, phrase in enumerate(phrases)}
    for i, phrase in enumerate(phrases):
        noun = number.get(phrase.key[:-1])
        if noun is not None and len(phrase.key) == 2 and phrase.key[-1] in GENERIC_HEADS:
            wide = phrases[noun]
            if phrase.share >= HEADED * wide.share:
                scores[i] = max(scores[i], scores[noun] * (1 + 0.1 * phrase.share))


def _go_together(wider: Phrase, other: Phrase, covered: float) -> bool:
    """Whether two phrases make a name: different, not too unequal, covering clearly more than the wider alone."""
    return (
        len(_joined(wider, other)) <= LONGEST_NAME
        and not is_nested(wider.key, other.key)
        and other.share >= BALANCE * wider.share
        and covered >= GAIN * wider.share
    )


def _joined(one: Phrase, other: Phrase) -> str:
    """Both phrases, a common head only once: "word and sentence embeddings", "fake news and stance detection"."""
    first, second = one.text.split(), other.text.split()
    head = one.key[-1]
    if len(second) == 2 and len(first) in (2, 3) and head == other.key[-1] and head not in GENERIC_HEADS:
        first = first[:-1]
    return " ".join([*first, "and", *second])


def choose_names(
    suggestions: Sequence[Sequence[Suggestion]],
    parents: Sequence[int],
    parent_names: Sequence[Suggestion],
    used: set[str],
    used_keys: set[frozenset[Key]],
    fallbacks: Sequence[Sequence[str]],
) -> list[Suggestion]:
    """One name for every topic of a level; adds what it chose to ``used`` and ``used_keys``.

    Args:
        suggestions: for each topic its possible names, the best first.
        parents: for each topic the number of its parent.
        parent_names: the names of the level above; empty at the coarsest.
        used: names given out already, case-folded.
        used_keys: the phrases of these.
        fallbacks: for each topic, texts to use when every suggestion is taken, the best first; made unique by a number.
    """
    chosen: dict[int, Suggestion] = {}
    siblings: dict[int, list[Suggestion]] = {}
    heap = [
        (-s.score, t, i, True) for t, names in enumerate(suggestions) for i, s in enumerate(names[:TRIED])
    ]
    heapq.heapify(heap)
    while heap:
        _, topic, i, fresh = heapq.heappop(heap)
        name = suggestions[topic][i]
        if topic in chosen or name.text.casefold() in used or frozenset(name.keys) in used_keys:
            continue
        parent = parent_names[parents[topic]] if parent_names else None
        penalty = _penalty(name, parent, siblings.get(parents[topic], ()))
        if fresh and penalty < 1:
            heapq.heappush(heap, (-name.score * penalty, topic, i, False))
            continue
        chosen[topic] = name
        used.add(name.text.casefold())
        used_keys.add(frozenset(name.keys))
        siblings.setdefault(parents[topic], []).append(name)
    for topic in range(len(suggestions)):
        if topic not in chosen:
            text = _unused(fallbacks[topic], used)
            used.add(text.casefold())
            chosen[topic] = Suggestion(text, (), 0.0)
    return [chosen[topic] for topic in range(len(suggestions))]


def _penalty(name: Suggestion, parent: Suggestion | None, siblings: Sequence[Suggestion]) -> float:
    """What a name's score is multiplied by because of its relatives' names."""
    factor = 1.0
    if parent is not None and any(
        roots(key) <= roots(other)
        for key in name.keys
        for other in parent.keys
        if len(name.keys) >= len(parent.keys)
    ):
        factor *= LIKE_PARENT  # "semantic parser" under "semantic parsing"; a parent of two phrases may lend one of them
    if any(is_nested(key, other) for sibling in siblings for key in name.keys for other in sibling.keys):
        factor *= LIKE_SIBLING
    return factor


def _unused(texts: Sequence[str], used: set[str]) -> str:
    for text in texts:
        if text.casefold() not in used:
            return text
    number = 2
    while f"{texts[0]} ({number})".casefold() in used:
        number += 1
    return f"{texts[0]} ({number})"
