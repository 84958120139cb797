"""Key phrases by term weighting against a whole corpus, for ``make_sample.py``.

Candidates are the noun phrases that :mod:`recsys.topics.phrases` finds. A candidate weighs

    ln(1 + tf) * idf * log2(1 + parts) * (1.6 if in the title) * (0.7 if its head is generic)

where tf leaves out occurrences inside a longer kept candidate, as in C-value (Frantzi, Ananiadou & Mima 2000,
doi:10.1007/s007999900023), parts are words cut at hyphens, and idf comes from the whole corpus.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from recsys.topics.phrases import (
    FILLER_KEYS,
    GENERIC_HEADS,
    INNER,
    STOP_WORDS,
    Key,
    Lexicon,
    candidates,
    contains,
    is_name,
    phrase_key,
    segments,
)

__all__ = [
    "SAMPLE_STOP_WORDS",
    "Background",
    "Lexicon",
    "candidates",
    "key_phrases",
    "phrase_key",
    "segments",
]

#: What the sample's phrases were cut at; scikit-learn's list holds "system" and "name" too.
SAMPLE_STOP_WORDS = STOP_WORDS | ENGLISH_STOP_WORDS

# ---------------------------------------------------------------- background statistics


@dataclass
class Background:
    """Document frequencies of the candidates, and how each is mostly written.

    Attributes:
        documents: abstracts counted.
        frequency: key -> abstracts that hold it.
        occurrences: key -> times it occurs.
        complete: key -> times it occurs without a further content word behind it.
        written: key -> lower-cased spellings with their counts.
    """

    lexicon: Lexicon
    documents: int = 0
    frequency: Counter[Key] = field(default_factory=Counter)
    occurrences: Counter[Key] = field(default_factory=Counter)
    complete: Counter[Key] = field(default_factory=Counter)
    written: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str, wanted: set[Key] | None = None) -> None:
        """Count the candidates of one abstract, only those in ``wanted`` when given."""
        self.documents += 1
        seen: set[Key] = set()
        for words, complete in candidates(segments(text), self.lexicon):
            key = phrase_key(words)
            if wanted is None or key in wanted:
                seen.add(key)
                self.occurrences[key] += 1
                self.complete[key] += complete
                self.written[key][" ".join(words).lower()] += 1
        self.frequency.update(seen)

    def idf(self, key: Key) -> float:
        """ln(documents / frequency); no rarer than 20 in 50,000, as the rarest are accidents of wording."""
        floor = max(1.0, self.documents / 2500)
        return math.log(self.documents / max(self.frequency[key], floor)) if self.documents > floor else 0.0

    def display(self, key: Key, printed: Sequence[str]) -> str:
        """The usual spelling of a phrase; ``printed`` when it is a name or no abstract has it."""
        if len(printed) == 1 and is_name(printed[0]):
            return printed[0]
        forms = self.written.get(key)
        words = max(sorted(forms), key=lambda form: forms[form]).split() if forms else list(printed)
        return " ".join(self.lexicon.display(word) for word in words)


# ---------------------------------------------------------------- key phrases


def key_phrases(title: str, abstract: str | None, background: Background, limit: int = 12) -> list[str]:
    """Up to ``limit`` phrases of at most four words, heaviest first, none nested in another.

    Args:
        title: the paper's title; its phrases weigh more.
        abstract: the paper's abstract, or None.
        background: statistics over a whole corpus.
        limit: the most phrases to return.
    """
    lexicon = background.lexicon
    in_title = {phrase_key(words) for words, _ in candidates(segments(title), lexicon)}
    counts: Counter[Key] = Counter()
    printed: dict[Key, Sequence[str]] = {}
    for text in (abstract or "", title):
        for words, _ in candidates(segments(text), lexicon):
            key = phrase_key(words)
            counts[key] += 1
            printed.setdefault(key, words)
    whole_title = set(phrase_key(w for run in segments(title) for w in run if w.lower() not in STOP_WORDS))
    kept = {
        key
        for key in counts
        if _is_term(key, printed[key], counts[key], key in in_title, background)
        and not (len(key) > 2 and whole_title <= set(key))
    }
    weights = {
        key: weight(key, free, key in in_title, background)
        for key in kept
        if (free := counts[key] - max((counts[k] for k in kept if k != key and contains(k, key)), default=0))
        > 0
    }
    least = 0.25 * max(weights.values(), default=0.0)
    chosen: list[Key] = []
    for key in sorted(weights, key=lambda k: (-weights[k], k)):
        strong = len(chosen) < 6 or weights[key] >= least
        if len(chosen) < limit and strong and not any(says_same(key, other) for other in chosen):
            chosen.append(key)
    return [background.display(key, printed[key]) for key in chosen]


def says_same(one: Key, other: Key) -> bool:
    """Whether one phrase's words are among the other's, endings aside, or are its initials."""
    roots, other_roots = ({part[:6] for part in key} for key in (one, other))
    initials, other_initials = (("".join(part[0] for part in key),) for key in (one, other))
    return roots <= other_roots or other_roots <= roots or one == other_initials or other == initials


def weight(key: Key, free: int, in_title: bool, background: Background) -> float:
    """The formula in the module's docstring; ``free`` is tf outside longer candidates."""
    base = math.log1p(free) * background.idf(key) * math.log2(1 + len(key))
    return base * (1.6 if in_title else 1.0) * (0.7 if key[-1] in GENERIC_HEADS else 1.0)


def _is_term(key: Key, words: Sequence[str], count: int, in_title: bool, background: Background) -> bool:
    """Whether a candidate is attested well enough, and specific enough, to be a key phrase."""
    frequency, documents = background.frequency[key], background.documents
    if (key in FILLER_KEYS and not (in_title and len(words) > 1)) or len(set(key)) < len(key):
        return False
    if len(words) == 1 and is_name(words[0]):
        if len(words[0]) == 2 and frequency < 0.002 * documents:
            return False
        return frequency < 0.05 * documents and (count > 1 or in_title or frequency > 5)
    if len(words) == 1:
        noun = background.lexicon.share(background.lexicon.before_content, words[0].lower()) < 0.6
        attested = max(0.0004 * documents, 1) < frequency < 0.03 * documents
        return noun and attested and count > 2
    if background.complete[key] < 0.4 * background.occurrences[key]:
        return False
    if any(w.lower() in INNER for w in words):
        rarest = min(background.lexicon.count[w.lower()] for w in words)
        return frequency >= 5 and background.occurrences[key] >= 0.1 * rarest
    return frequency >= (3 if len(words) == 2 else 5) or count > 1 or (in_title and frequency > 1)
