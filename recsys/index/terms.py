"""Text → terms: what the lexical index counts and compares.

A text's terms are its stems in order, with repeats, and after them every two neighbouring stems as one term
("dialogu state"). A name's terms begin with ``@``, which no term of a text does.

    "Tracking the GPT-3 dialogue's state"  →  track gpt 3 dialogu state, "track gpt" "gpt 3" "3 dialogu" "dialogu state"

* Case, accents and the width of characters do not count (NFKD, case folding, combining marks removed).
* A token is a run of letters and digits. Single letters are dropped, single digits are not: they tell GPT-3 from
  GPT-2 and Task 9 from Task 3. ``c++`` and ``c#`` are tokens.
* Chinese, Japanese and Korean have no spaces between words that could be relied on: each run of their characters
  becomes its overlapping pairs.
* English stop words (NLTK's list, as ``bm25s`` carries it) are dropped, the rest is stemmed (Snowball's English
  stemmer), whatever its language.

Terms are stored as 64-bit hashes. At a hundred million distinct terms two of them share a hash with a probability
of 0.03 %, and what happens then is that two words count as one.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PAIRED_SCRIPTS",
    "SurfaceToken",
    "TermEncoder",
    "name_terms",
    "name_words",
    "pair_hashes",
    "surface_tokens",
    "term_hashes",
    "terms_version",
    "text_terms",
]

RULES = 1  # raise it whenever a text would give other terms than before: rows stored by older rules are then remade
MAX_TOKEN = 64  # characters; what is longer is a URL or noise, and is cut
WORDS_REMEMBERED = 65_536  # stems and hashes that a process keeps, some 15 MB
#: Han, Kana and Hangul, as the inside of a character class.
PAIRED_SCRIPTS = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs of Indic and South-East Asian scripts, which Python's \w leaves out: they belong to their word.
_SIGNS = "".join(
    c
    for c in map(chr, range(0x0900, 0x1C00))
    if unicodedata.category(c).startswith("M") and not unicodedata.combining(c)
)
_CHARACTER = rf"(?:[^\W_{PAIRED_SCRIPTS}]|[{_SIGNS}])"
_TOKEN = re.compile(rf"[{PAIRED_SCRIPTS}]+|{_CHARACTER}{{2,}}|\d|[a-z](?:\+\+|#)")
_ASCII_TOKEN = re.compile(r"[a-z0-9]{2,}|[0-9]|[a-z](?:\+\+|#)")
_PAIRED = re.compile(f"[{PAIRED_SCRIPTS}]")
_NAME_WORD = re.compile(rf"[{PAIRED_SCRIPTS}]+|{_CHARACTER}+")
_APOSTROPHE = re.compile("['’‘ʼ`´]")
_NAME_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv"})


class _Folds(dict[int, str]):
    """Code point → what it counts as; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code)).casefold()
        kept = "".join(c for c in decomposed if not unicodedata.combining(c) or "\u3040" < c < "\u30ff")
        # composed again: a Hangul syllable was taken apart into its letters
        self[code] = unicodedata.normalize("NFC", kept)
        return self[code]


_FOLDS = _Folds()


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _folded(composed: str) -> str:
    return composed.lower() if composed.isascii() else composed.translate(_FOLDS)


class _Stemmers(threading.local):
    """One stemmer a thread: a ``Stemmer`` object must not be used by two at once."""

    def __init__(self) -> None:
        import Stemmer

        self.english: Any = Stemmer.Stemmer("english")


_STEMMERS = _Stemmers()


@cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return frozenset(STOPWORDS_EN_PLUS)


@cache
def terms_version() -> str:
    """Names everything that decides which terms a text has; rows made under another name cannot be reused."""
    import Stemmer

    parts = [str(RULES), unicodedata.unidata_version, Stemmer.version(), *sorted(_stop_words())]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def _tokens(text: str) -> list[str]:
    """Folded tokens in order, stop words included."""
    folded = _folded(_composed(text))
    if folded.isascii():
        return _ASCII_TOKEN.findall(folded)
    return [token[start:end] for token in _TOKEN.findall(folded) for start, end in _cuts(token)]


def _cuts(token: str) -> Iterable[tuple[int, int]]:
    """Where a match of the token pattern is cut: once, or into overlapping pairs."""
    if len(token) > 1 and _PAIRED.match(token):
        return ((start, start + 2) for start in range(len(token) - 1))
    return ((0, len(token)),)


@lru_cache(maxsize=WORDS_REMEMBERED)
def _stem(token: str) -> str:
    """The stem of a token that is not a stop word."""
    return str(_STEMMERS.english.stemWord(token[:MAX_TOKEN]))


def _pairs(stems: Sequence[str]) -> list[str]:
    return [f"{first} {second}" for first, second in pairwise(stems)]


def text_terms(text: str) -> list[str]:
    """The terms of a text: its stems in order with repeats, then its pairs of neighbouring stems, ``"a b"``."""
    stop = _stop_words()
    stems = [_stem(token) for token in _tokens(text) if token not in stop]
    return stems + _pairs(stems)


class SurfaceToken(NamedTuple):
    """A stem and where it stands: ``text[start:end]`` is the word as written."""

    stem: str
    start: int
    end: int


def surface_tokens(text: str) -> list[SurfaceToken]:
    """The stems of a text (normalised to NFC, as everything in the store is) with their places, in order."""
    composed = _composed(text)
    folded = _folded(composed)
    origin = range(len(text) + 1) if composed.isascii() else _origins(composed)
    stop = _stop_words()
    found = []
    if folded.isascii():  # nothing to cut
        for match in _ASCII_TOKEN.finditer(folded):
            if (token := match[0]) not in stop:
                found.append(SurfaceToken(_stem(token), origin[match.start()], origin[match.end() - 1] + 1))
        return found
    for match in _TOKEN.finditer(folded):
        for start, end in _cuts(match[0]):
            if (token := match[0][start:end]) not in stop:
                first, last = match.start() + start, match.start() + end - 1
                found.append(SurfaceToken(_stem(token), origin[first], origin[last] + 1))
    return found


def _origins(composed: str) -> Sequence[int]:
    """For every character of the folded text, the position of the character that it came from."""
    if all(len(_FOLDS[ord(character)]) == 1 for character in set(composed)):
        return range(len(composed))
    return [at for at, character in enumerate(composed) for _ in _FOLDS[ord(character)]]


def name_words(name: str) -> list[str]:
    """The words of a name or of a query that may hold one: folded, initials included, apostrophes closed up."""
    return _NAME_WORD.findall(_folded(_composed(_APOSTROPHE.sub("", name))))


def name_terms(name: str) -> list[str]:
    """The terms under which an author is found.

    Returns:
        ``@jason e weston`` (the full name), ``@jason weston`` (without what stands between first and last word)
        and ``@@weston`` (the last word, taken for the surname). A comma turns "Weston, Jason" round; a trailing
        "Jr." or "III" belongs to no key but the full name. Empty when the name has no letter.
    """
    family, comma, given = name.partition(",")
    words = name_words(name)
    if comma and not _NAME_SUFFIXES.issuperset(name_words(given)):
        words = name_words(given) + name_words(family)
    if not words:
        return []
    core = words
    while len(core) > 1 and core[-1] in _NAME_SUFFIXES:
        core = core[:-1]
    shapes = (words, core, [core[0], core[-1]] if len(core) > 1 else core)
    return [*dict.fromkeys("@" + " ".join(shape) for shape in shapes), "@@" + core[-1]]


@lru_cache(maxsize=WORDS_REMEMBERED)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def pair_hashes(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes of the terms ``"a b"`` from the hashes of a and of b; not symmetric.

    A multiplication by the golden ratio, then MurmurHash3's finaliser
    (https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp).
    """
    x = first * np.uint64(0x9E3779B97F4A7C15) + second
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    x ^= x >> np.uint64(33)
    return x


def term_hashes(terms: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit hashes of terms, the same in every process and on every machine.

    A word and a name are hashed whole (BLAKE2b); a pair ``"a b"`` from its words' hashes.
    """
    hashes = np.fromiter(
        (_hash(term if term.startswith("@") else term.partition(" ")[0]) for term in terms),
        np.uint64,
        len(terms),
    )
    paired = [at for at, term in enumerate(terms) if " " in term and not term.startswith("@")]
    second = np.fromiter((_hash(terms[at].partition(" ")[2]) for at in paired), np.uint64, len(paired))
    hashes[paired] = pair_hashes(hashes[paired], second)
    return hashes


class TermEncoder:
    """Texts → numbers of their stems, quickly: every distinct word is folded and stemmed once.

    For one thread. The numbers are this encoder's own, counted from 0.
    """

    _STOP = -1

    def __init__(self) -> None:
        self._number_of_word: dict[str, int] = dict.fromkeys(_stop_words(), self._STOP)
        self._number_of_stem: dict[str, int] = {}
        self._hashes: list[int] = []

    def encode(self, text: str) -> list[int]:
        """The numbers of a text's stems, in order with repeats."""
        known = self._number_of_word
        numbers = [known[t] if t in known else self._learn(t) for t in _tokens(text)]
        return [number for number in numbers if number != self._STOP]

    def _learn(self, token: str) -> int:
        stem = _stem(token)
        number = self._number_of_stem.get(stem)
        if number is None:
            number = self._number_of_stem[stem] = len(self._hashes)
            self._hashes.append(_hash(stem))
        self._number_of_word[token] = number
        return number

    def stem_hashes(self) -> NDArray[np.uint64]:
        """The hash of every stem met so far, by number."""
        return np.array(self._hashes, np.uint64)
