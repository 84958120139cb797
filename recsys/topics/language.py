"""Which stop words a text that is not English is to be cut at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from recsys.topics.phrases import STOP_WORDS

__all__ = ["FOREIGN_INNER", "foreign_stop_words", "split_elisions"]

#: Stop words of other languages that may stand inside a phrase: "langue des signes", "análisis de sentimientos".
FOREIGN_INNER = frozenset(["de", "des", "du", "del", "di", "of"])
_ENGLISH = STOP_WORDS - {"al", "de", "et"}  # which English prose has too, as in "et al"
_ELISION = re.compile(r"^(?:[cdjlmnst]|qu|dell|all|nell|sull)['’](?=\w\w)", re.IGNORECASE)

#: Languages looked for. Lists of others hold too many content words of English, or need a segmenter.
LANGUAGES = ("fr", "de", "es", "pt", "it", "nl", "sv", "da", "no", "pl", "cs", "ru")


@cache
def _stop_words(language: str) -> frozenset[str]:
    from stopwordsiso import stopwords

    return frozenset(word for word in stopwords(language) if len(word) < 8)


@cache
def _languages_of(word: str) -> tuple[str, ...]:
    if word in _ENGLISH:  # "in", "of", "die": no evidence of another language
        return ()
    return tuple(language for language in LANGUAGES if word in _stop_words(language))


def foreign_stop_words(runs: Sequence[Sequence[str]]) -> frozenset[str]:
    """The stop words of the language that a text is in; none for English and for texts too short to tell.

    A language needs two different stop words in the text, one of them of at most three letters, more of them than
    English has, and no fewer than one word in seven.

    Args:
        runs: the text's words as :func:`~recsys.topics.phrases.segments` gives them.
    """
    words = [word.lower() for run in runs for word in run]
    english = sum(word in _ENGLISH for word in words)
    if english > len(words) * 0.2:
        return frozenset()
    hits: dict[str, set[str]] = {}
    total: dict[str, int] = {}
    for word in words:
        for language in _languages_of(word):
            hits.setdefault(language, set()).add(word)
            total[language] = total.get(language, 0) + 1
    best = max(total, key=lambda language: (total[language], -LANGUAGES.index(language)), default=None)
    if best is None or total[best] <= english or total[best] < 0.15 * len(words):
        return frozenset()
    if len(hits[best]) < 2 or min(map(len, hits[best])) > 3:
        return frozenset()
    return _stop_words(best)


def split_elisions(runs: Sequence[Sequence[str]]) -> list[list[str]]:
    """The same runs cut where a word has an article or preposition tied to its front: ``l'analyse`` → ``analyse``."""
    cut: list[list[str]] = []
    for run in runs:
        cut.append([])
        for word in run:
            bare = _ELISION.sub("", word)
            if bare != word:
                cut.append([])
            cut[-1].append(bare)
    return [run for run in cut if run]
