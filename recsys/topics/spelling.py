"""Phrases numbered as they are met, and how each of them is best written."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

from recsys.topics.phrases import INNER, Key, Lexicon, Run, is_name, phrase_key

__all__ = ["Spellings"]

#: How much a spelling counts where the phrase stands whole, and where it is cut off a longer one: "knowledge graphs" is
#: written "knowledge graph" in front of "completion".
WHOLE, CUT = 20, 1
#: The plural is preferred where it is at least this much of the singular's count.
PLURAL = 0.3
#: Capitals throughout make a proper name when this share of its uses has them, and some word always has its own.
PROPER = 0.7


class Spellings:
    """The ways in which phrases of one key are written.

    Attributes:
        numbers: key → the phrase's number, in the order they were met.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self.numbers: dict[Key, int] = {}
        self._lexicon = lexicon
        self._forms: dict[str, int] = {}
        self._phrase_of: list[int] = []  # by form
        self._counts: list[int] = []

    def number(self, words: Run, *, whole: bool, headline: bool) -> int:
        """The number of a phrase, which is counted as printed; in a headline capitals do not count.

        Args:
            words: as printed.
            whole: whether no longer phrase goes on behind it.
            headline: whether every word has a capital anyway.
        """
        form = " ".join(words)
        if headline:
            form = _HEADLINE + form.lower()
        known = self._forms.get(form)
        if known is None:
            known = self._forms[form] = len(self._phrase_of)
            self._phrase_of.append(self.numbers.setdefault(phrase_key(words), len(self.numbers)))
            self._counts.append(0)
        self._counts[known] += WHOLE if whole else CUT
        return self._phrase_of[known]

    def printed(self) -> tuple[list[str], NDArray[np.int64]]:
        """For each phrase the best way to print it, and how often it is written so, in whichever case."""
        lowered: list[Counter[str]] = [Counter() for _ in self.numbers]
        as_printed: dict[str, Counter[str]] = defaultdict(Counter)
        for form, i in self._forms.items():
            text = form.removeprefix(_HEADLINE)
            lowered[self._phrase_of[i]][text.lower()] += self._counts[i]
            if text == form:
                as_printed[text.lower()][text] += self._counts[i]
        chosen = [_commonest(forms) for forms in lowered]
        counts = np.array([forms[text] for forms, text in zip(lowered, chosen, strict=True)], dtype=np.int64)
        return [self._print(text, as_printed.get(text)) for text in chosen], counts

    def _print(self, text: str, forms: Counter[str] | None) -> str:
        plain = [self._lexicon.display(word) for word in text.split()]
        if not forms:
            return " ".join(plain)
        printed, count = forms.most_common(1)[0]
        words = printed.split()
        if len(words) > 1 and all(word[0].isupper() for word in words if word not in INNER):
            # "Retrieval-Augmented Generation (RAG)" is no proper name, "Penn Treebank" is
            proper = count >= PROPER * forms.total() and any(word[0].isupper() for word in plain)
            return printed if proper else " ".join(plain)
        if words[0] != words[0].lower() and not is_name(words[0]):  # at the beginning of a sentence, perhaps
            words[0] = plain[0]
        return " ".join(words)


_HEADLINE = "\n"  # before forms that stand in headlines: no form has it


def _commonest(forms: Counter[str]) -> str:
    """The commonest spelling, the first met of equals; its plural where that is common too."""
    best = forms.most_common(1)[0][0]
    return f"{best}s" if forms[f"{best}s"] >= PLURAL * forms[best] else best
