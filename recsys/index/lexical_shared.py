"""What two texts share, in the words of one of them: evidence to show beside a result."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from recsys.index.lexical_arrays import LexicalArrays
from recsys.index.terms import SurfaceToken, surface_tokens, term_hashes, text_terms

COMMON_SHARE = 0.02  # of the papers: what stands in more of them says little
COMMON_FROM = 200  # papers; a smaller corpus cannot tell
LONGEST_PHRASE = 4  # words
FREQUENCIES_REMEMBERED = 200_000  # terms, some 20 MB
WEIGHED = 5  # times as many terms as are wanted are looked at: those after the first may lengthen them
# How often two words stand side by side, as a multiple of how often both would stand in one paper by chance (after
# Church & Hanks 1990, https://aclanthology.org/J90-1003). In abstracts "evaluate the proposed" has 0.07, "existing
# unsupervised" 0.11, "also investigate" 0.18; "dialogue state" 0.39, "labeled data" 0.63, "semantic drift" 2.4.
PHRASE_LIFT = 0.2
_WITHIN_PHRASE = re.compile(r"[\w\s'’/‐‑–-]*")  # what may stand between two words of one phrase

#: Tokens ``first`` to ``last``, both included, of a text.
Phrase = tuple[int, int]


def shared_terms(arrays: LexicalArrays, query_text: str, document_text: str, n: int) -> list[str]:
    """See :meth:`recsys.index.lexical.LexicalIndex.shared_terms`."""
    text = unicodedata.normalize("NFC", document_text)
    tokens = surface_tokens(text)
    query, query_stems = _query_terms(query_text)
    candidates = dict(_candidates(text, tokens, query))
    chosen: list[Phrase] = []
    for term in _rarest_first(arrays, list(candidates))[: WEIGHED * n]:
        phrase = candidates[term]
        if not any(f" {term} " in _stems(tokens, old) for old in chosen):
            _add(chosen, phrase, tokens, query_stems)
    surfaces: dict[str, str] = {}
    for first, last in chosen:
        surface = text[tokens[first].start : tokens[last].end]
        surfaces.setdefault(surface.casefold(), surface)
    return list(surfaces.values())[:n]


@lru_cache(maxsize=16)  # all results of an answer are compared with the same text
def _query_terms(text: str) -> tuple[frozenset[str], str]:
    """The terms of the asking text, and its stems in a row."""
    terms = text_terms(text)
    return frozenset(terms), _spaced(term for term in terms if " " not in term)


def _candidates(
    text: str, tokens: Sequence[SurfaceToken], shared: frozenset[str]
) -> Iterator[tuple[str, Phrase]]:
    """Shared terms and where each stands first, last one first; numbers alone are no evidence."""
    for at in range(len(tokens) - 1, -1, -1):
        stem = tokens[at].stem
        if stem in shared and not stem.isdecimal():
            yield stem, (at, at)
        if at + 1 < len(tokens):
            after = tokens[at + 1]
            pair = f"{stem} {after.stem}"
            between = text[tokens[at].end : after.start]
            numbers = stem.isdecimal() and after.stem.isdecimal()
            if pair in shared and not numbers and _WITHIN_PHRASE.fullmatch(between):
                yield pair, (at, at + 1)


def _rarest_first(arrays: LexicalArrays, terms: list[str]) -> list[str]:
    """The terms that say something, by how few papers have them; of equals the longer, then by alphabet."""
    frequency = _frequencies(arrays, terms)
    if len(arrays.lengths) >= COMMON_FROM:
        common = COMMON_SHARE * len(arrays.lengths)
        lift = _lifts(arrays, [term for term in terms if " " in term])
        terms = [term for term in terms if frequency[term] <= common and lift.get(term, 1) >= PHRASE_LIFT]
    return sorted(terms, key=lambda term: (frequency[term], -term.count(" "), term))


def _frequencies(arrays: LexicalArrays, terms: Sequence[str]) -> dict[str, int]:
    known = arrays.frequencies
    if len(known) > FREQUENCIES_REMEMBERED:
        known.clear()
    found = {term: known[term] for term in terms if term in known}
    missing = [term for term in terms if term not in found]
    if missing:
        counts = arrays.document_frequency(arrays.ids_of(term_hashes(missing)))
        new = dict(zip(missing, counts.tolist(), strict=True))
        known.update(new)
        found |= new
    return found


def _lifts(arrays: LexicalArrays, pairs: list[str]) -> dict[str, float]:
    """By pair; infinite where a word of it stands in no paper."""
    words = sorted({word for pair in pairs for word in pair.split(" ")})
    frequency = _frequencies(arrays, [*pairs, *words])
    lifts = {}
    for pair in pairs:
        first, second = pair.split(" ")
        by_chance = frequency[first] * frequency[second] / len(arrays.lengths)
        lifts[pair] = frequency[pair] / by_chance if by_chance else math.inf
    return lifts


def _add(chosen: list[Phrase], phrase: Phrase, tokens: Sequence[SurfaceToken], query_stems: str) -> None:
    """Choose a phrase: as part of a chosen one that it lengthens within both texts, else on its own."""
    for at, (first, last) in enumerate(chosen):
        longer = min(first, phrase[0]), max(last, phrase[1])
        overlap = phrase[0] == last or phrase[1] == first
        if overlap and longer[1] - longer[0] < LONGEST_PHRASE and _stems(tokens, longer) in query_stems:
            chosen[at] = longer
            return
    chosen.append(phrase)


def _stems(tokens: Sequence[SurfaceToken], phrase: Phrase) -> str:
    return _spaced(token.stem for token in tokens[phrase[0] : phrase[1] + 1])


def _spaced(stems: Iterator[str] | Sequence[str]) -> str:
    return f" {' '.join(stems)} "
