"""Noun phrases of scholarly English, found without a tagger, and what makes two of them one.

A phrase is a run of one to four words that can be a noun phrase. Whether a word may begin or end one is read off its
neighbours in many texts (:class:`Lexicon`): a verb is followed by determiners and preceded by "we" or "to", an
adjective is followed by a further content word. Phrases are compared by :func:`phrase_key`, which knows neither case nor
number nor hyphens nor national spelling.

Texts in other languages are cut at the stop words of theirs (:func:`stop_words_of`), where they have spaces between words;
Chinese and Japanese at their commonest particles.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = [
    "BARE",
    "FILLER_KEYS",
    "GENERIC_HEADS",
    "INNER",
    "STOP_WORDS",
    "VAGUE_KEYS",
    "Key",
    "Lexicon",
    "Run",
    "candidates",
    "contains",
    "is_name",
    "is_nested",
    "phrase_key",
    "roots",
    "segments",
]

Key = tuple[str, ...]
Run = Sequence[str]

# ---------------------------------------------------------------- words that cannot carry a phrase

_LISTS = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


def _words(name: str) -> frozenset[str]:
    return frozenset(_LISTS[name].split())


STOP_WORDS = _words("stop")
FILLER = _words("filler")
NOUN_ANYWAY = _words("noun_anyway")
DETERMINERS = _words("determiners")
VERB_CUES = _words("verb_cues")
PREDICATE_CUES = _words("predicate_cues")
#: Heads that nearly any modifier may precede.
GENERIC_HEADS = _words("generic_heads")
#: Words that name nothing alone, as keys have them.
BARE = GENERIC_HEADS | _words("bare")
#: The only stop word allowed inside a phrase: "chain of thought", "mixture of experts".
INNER = frozenset(["of"])

# ---------------------------------------------------------------- text

_WORD = re.compile(r"[^\W_]+(?:[-'’.+][^\W_]+)*\+*")
_BREAK = re.compile(r"\$[^$]*\$|\\[A-Za-z]+|[^\w\s'’.+-]|[.](?=\s|$)|\s[-–—]\s|--+")
_POSSESSIVE = re.compile(r"['’]s?$")
# Chinese and Japanese write no spaces. What stands between their commonest particles is taken for a word, if short.
_UNSPACED = re.compile("[\u3005-\u30ff\u3400-\u9fff]")
_PARTICLES = re.compile(
    "基于|基於|本文|本論文|本研究|我们|我們|提出|實驗|实验|結果|结果|研究|方法|模型|表明|任务|任務|系统报告|報告|此外|因此|同时|同時|"
    "[的和與与及之在是了为為对對将將并並这這该該于於はがをにでとのも0-9]"
)
_UNSPACED_WORD = range(4, 9)  # characters: shorter ones say little, longer ones are clauses
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
    if _UNSPACED.search(text):
        text = _PARTICLES.sub(",", text)
    runs = [_WORD.findall(part) for part in _BREAK.split(text) if part.strip()]
    if "'" in text or "’" in text:
        return [[_POSSESSIVE.sub("", word) for word in run] for run in runs]
    return runs


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


_ENDINGS = re.compile("(?:ization|ation|ition|ing|ion|ive|er|or|ed|e|y)$")


@cache
def _root(part: str) -> str:
    """The beginning that words of one family share: ``pars`` of parser and parsing, ``summar`` of summary."""
    return (_ENDINGS.sub("", part) if len(part) > 4 else part)[:7]


def roots(key: Key) -> frozenset[str]:
    """The families that a phrase's words belong to."""
    return frozenset(map(_root, key))


def is_nested(one: Key, other: Key) -> bool:
    """Whether all words of one phrase, endings aside, are among the other's."""
    first, second = roots(one), roots(other)
    return first <= second or second <= first


def is_name(word: str) -> bool:
    """Whether the printed form marks an acronym or a system's name: ``BERT``, ``GPT-4``, ``MultiWOZ``."""
    return len(word) > 1 and (any(c.isupper() for c in word[1:]) and not re.search(r"-[A-Z][a-z]+$", word))


#: Phrases of otherwise good words that say how a paper works, not what it is about.
FILLER_KEYS = frozenset(phrase_key(phrase.split()) for phrase in _LISTS["filler_phrases"])
#: Phrases that are about something, but about nearly anything in the field.
VAGUE_KEYS = frozenset(phrase_key(phrase.split()) for phrase in _LISTS["vague_phrases"])

# ---------------------------------------------------------------- how words are used


class Use(NamedTuple):
    """What a lower-cased word may do in a phrase."""

    begins: bool
    ends: bool
    content: bool
    key: Key


@dataclass
class Lexicon:
    """How each lower-cased word is used in many texts: the stand-in for a part-of-speech tagger.

    Attributes:
        stop: the words that no phrase begins or ends with, or holds, :data:`INNER` excepted.
    """

    stop: Collection[str] = STOP_WORDS
    count: Counter[str] = field(default_factory=Counter)
    as_verb: Counter[str] = field(default_factory=Counter)
    as_predicate: Counter[str] = field(default_factory=Counter)
    before_content: Counter[str] = field(default_factory=Counter)
    printed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _uses: dict[str, Use] = field(default_factory=dict, repr=False)

    def add(self, text: str, *, headline: bool = False) -> None:
        """Count the words of one text; in a ``headline`` a capital first letter says nothing about its word."""
        self._uses.clear()
        for segment in segments(text):
            lower = [word.lower() for word in segment]
            for i, word in enumerate(lower):
                before = lower[i - 1] if i else ""
                after = lower[i + 1] if i + 1 < len(lower) else ""
                self.count[word] += 1
                if after in DETERMINERS or before in VERB_CUES:
                    self.as_verb[word] += (after in DETERMINERS) + (before in VERB_CUES)
                if before in PREDICATE_CUES:
                    self.as_predicate[word] += 1
                if after and after not in self.stop:
                    self.before_content[word] += 1
                if not headline or segment[i] == word or is_name(segment[i]):
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
            word not in self.stop
            and word not in FILLER
            and word[0].isalpha()
            and not word.endswith("ly")
            and (len(word) > 1)
            and not self.is_verb(word)
            and (len(word) in _UNSPACED_WORD or not _UNSPACED.search(word))
        )

    def use(self, word: str) -> Use:
        """All of these answers for one lower-cased word, remembered until a text is added."""
        known = self._uses.get(word)
        if known is None:
            content = word not in self.stop and not self.is_verb(word)
            known = Use(self.may_begin(word), self.may_end(word), content, stems(word))
            self._uses[word] = known
        return known

    def display(self, word: str) -> str:
        """The word in the case in which texts mostly print it: ``BERT``, ``English``, ``dialogue``."""
        forms = self.printed.get(word.lower())
        if forms:
            return max(sorted(forms, reverse=True), key=lambda form: forms[form])  # lower case on a tie
        if "-" in word:
            return "-".join(self.display(part) for part in word.split("-"))
        return word if is_name(word) else word.lower()


def candidates(
    runs: Iterable[Run],
    lexicon: Lexicon,
    longest: int = 4,
    *,
    breaks: Collection[str] = (),
    inner: Collection[str] = INNER,
) -> Iterator[tuple[Run, bool]]:
    """Every run of one to ``longest`` words that may be a noun phrase, as printed, repeats included.

    With each comes whether it is complete: false when a content word follows, which may be its true head
    ("few-shot entity" in "few-shot entity linking").

    Args:
        runs: what :func:`segments` gives.
        lexicon: how words are used.
        longest: the most words of a phrase.
        breaks: further stop words, lower-cased.
        inner: the stop words that may stand inside.
    """
    for run in runs:
        lower = [word.lower() for word in run]
        uses = [_NOWHERE if word in breaks else lexicon.use(word) for word in lower]
        for start, first in enumerate(lower):
            if not uses[start].begins or (first in NOUN_ANYWAY and start and lower[start - 1] in VERB_CUES):
                continue
            for stop in range(start + 1, min(start + longest, len(run)) + 1):
                last = uses[stop - 1]
                if last.ends:
                    yield run[start:stop], stop == len(run) or not uses[stop].content
                if not last.content and lower[stop - 1] not in inner:
                    break


_NOWHERE = Use(False, False, False, ())
