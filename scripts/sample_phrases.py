"""Key phrases by term weighting against a whole corpus, for ``make_sample.py``.

Candidates are runs of one to four words that can be a noun phrase. There is no tagger: whether a word may
begin or end one is read off its neighbours in all abstracts: a verb is followed by determiners and preceded
by "we" or "to", an adjective is followed by a further content word. A candidate weighs

    ln(1 + tf) * idf * log2(1 + parts) * (1.6 if in the title) * (0.7 if its head is generic)

where tf leaves out occurrences inside a longer kept candidate, as in C-value (Frantzi, Ananiadou & Mima 2000,
doi:10.1007/s007999900023), parts are words cut at hyphens, and idf comes from the whole corpus.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

__all__ = ["Background", "Lexicon", "candidates", "key_phrases", "phrase_key", "segments"]

Key = tuple[str, ...]

# ---------------------------------------------------------------- words that cannot carry a key phrase

_LISTS = tomllib.loads(Path(__file__).with_name("sample_words.toml").read_text(encoding="utf-8"))
STOP_WORDS, FILLER, GENERIC_HEADS, NOUN_ANYWAY, DETERMINERS, VERB_CUES, PREDICATE_CUES = (
    frozenset(_LISTS[name].split())
    for name in (
        "stop",
        "filler",
        "generic_heads",
        "noun_anyway",
        "determiners",
        "verb_cues",
        "predicate_cues",
    )
)
STOP_WORDS |= ENGLISH_STOP_WORDS
INNER = frozenset(["of"])  # the only stop word allowed inside: "chain of thought", "mixture of experts"

# ---------------------------------------------------------------- text

_WORD = re.compile(r"[^\W_]+(?:[-'’.+][^\W_]+)*\+*")
_BREAK = re.compile(r"\$[^$]*\$|\\[A-Za-z]+|[^\w\s'’.+-]|[.](?=\s|$)|\s[-–—]\s|--+")
_PREFIXES = frozenset(
    ["pre", "non", "multi", "cross", "re", "co", "semi", "sub", "inter", "intra", "fine", "un"]
)
_IRREGULAR = {
    **{"corpora": "corpus", "analyses": "analysis", "hypotheses": "hypothesis", "biases": "bias"},
    **{"indices": "index", "matrices": "matrix", "dialog": "dialogue", "dialogs": "dialogue"},
    **{word: word for word in ("lens", "series", "news", "bias")},
    **{f"{word}s": word for word in ("metric", "topic", "heuristic", "comic", "critic")},
}


def segments(text: str) -> list[list[str]]:
    """Words of ``text`` as printed, cut wherever punctuation stands; possessive endings are dropped."""
    return [
        [re.sub(r"['’]s?$", "", word) for word in _WORD.findall(part)]
        for part in _BREAK.split(text)
        if part.strip()
    ]


@cache
def stems(word: str) -> Key:
    """Parts of one word, compared case-blind, in the singular, and one spelling (dialog, -isation, pre-)."""
    parts = [part for part in word.lower().split("-") if part]
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1] in _PREFIXES:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(_singular(part) for part in joined)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    word = re.sub(r"is(ation|e|ed|er|ing)(s?)$", r"iz\1\2", word) if len(word) > 8 else word
    word = re.sub(r"our$", "or", word.replace("labell", "label").replace("modell", "model"))
    if len(word) < 4 or re.search(r"(ss|us|is|ics)$", word) or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if re.search(r"(ss|sh|ch|x|z)es$", word) else word[:-1]


def phrase_key(words: Iterable[str]) -> Key:
    """What two phrases share that differ only in case, number, hyphens or national spelling."""
    return tuple(part for word in words for part in stems(word))


def contains(longer: Key, shorter: Key) -> bool:
    """Whether ``shorter`` stands in ``longer`` as a run of neighbouring parts."""
    width = len(shorter)
    return any(longer[i : i + width] == shorter for i in range(len(longer) - width + 1))


_FILLER_KEYS = frozenset(phrase_key(phrase.split()) for phrase in _LISTS["filler_phrases"])

# ---------------------------------------------------------------- background statistics


@dataclass
class Lexicon:
    """How each lower-cased word is used in all abstracts: the stand-in for a part-of-speech tagger."""

    count: Counter[str] = field(default_factory=Counter)
    as_verb: Counter[str] = field(default_factory=Counter)
    as_predicate: Counter[str] = field(default_factory=Counter)
    before_content: Counter[str] = field(default_factory=Counter)
    printed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str) -> None:
        """Count the words of one abstract."""
        for segment in segments(text):
            lower = [word.lower() for word in segment]
            for i, word in enumerate(lower):
                before = lower[i - 1] if i else ""
                after = lower[i + 1] if i + 1 < len(lower) else ""
                self.count[word] += 1
                self.as_verb[word] += (after in DETERMINERS) + (before in VERB_CUES)
                self.as_predicate[word] += before in PREDICATE_CUES
                self.before_content[word] += bool(after) and after not in STOP_WORDS
                self.printed[word][segment[i]] += 1

    def share(self, of: Counter[str], word: str) -> float:
        """Share of a word's uses that ``of`` counted; 0 for a word too rare to tell."""
        count = self.count[word]
        return of[word] / count if count >= 20 else 0.0

    def is_verb(self, word: str) -> bool:
        """Whether the word is used as a verb too often to begin or end a noun phrase."""
        return word not in NOUN_ANYWAY and self.share(self.as_verb, word) > 0.14

    def may_begin(self, word: str) -> bool:
        """Whether a noun phrase may begin with this lower-cased word."""
        return self._may_stand_at_edge(word) and self.share(self.as_predicate, word) < 0.25

    def may_end(self, word: str) -> bool:
        """Whether a noun phrase may end with this lower-cased word."""
        participle = word.endswith("ed") and word not in ("seed", "feed", "speed", "need")
        return (
            self._may_stand_at_edge(word)
            and not participle
            and self.share(self.as_predicate, word) < 0.08
            and self.share(self.before_content, word) < 0.86
        )

    def _may_stand_at_edge(self, word: str) -> bool:
        return (
            word not in STOP_WORDS
            and word not in FILLER
            and word[0].isalpha()
            and not word.endswith("ly")
            and (len(word) > 1)
            and not self.is_verb(word)
        )

    def display(self, word: str) -> str:
        """The word in the case in which abstracts mostly print it: ``BERT``, ``English``, ``dialogue``."""
        forms = self.printed.get(word.lower())
        if forms:
            return max(sorted(forms, reverse=True), key=lambda form: forms[form])  # lower case on a tie
        if "-" in word:
            return "-".join(self.display(part) for part in word.split("-"))
        return word if is_name(word) else word.lower()


def is_name(word: str) -> bool:
    """Whether the printed form marks an acronym or a system's name: ``BERT``, ``GPT-4``, ``MultiWOZ``."""
    return len(word) > 1 and (any(c.isupper() for c in word[1:]) and not re.search(r"-[A-Z][a-z]+$", word))


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


def candidates(
    runs: Iterable[Sequence[str]], lexicon: Lexicon, longest: int = 4
) -> Iterator[tuple[Sequence[str], bool]]:
    """Every run of one to ``longest`` words that may be a noun phrase, as printed, repeats included.

    With each comes whether it is complete: false when a content word follows, which may be its true head
    ("few-shot entity" in "few-shot entity linking").
    """
    for run in runs:
        lower = [word.lower() for word in run]
        content = [w not in STOP_WORDS and not lexicon.is_verb(w) for w in lower]
        for start, first in enumerate(lower):
            if not lexicon.may_begin(first) or (
                first in NOUN_ANYWAY and start and lower[start - 1] in VERB_CUES
            ):
                continue
            for stop in range(start + 1, min(start + longest, len(run)) + 1):
                last = lower[stop - 1]
                if lexicon.may_end(last):
                    yield run[start:stop], stop == len(run) or not content[stop]
                if not content[stop - 1] and last not in INNER:
                    break


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
    if (key in _FILLER_KEYS and not (in_title and len(words) > 1)) or len(set(key)) < len(key):
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
