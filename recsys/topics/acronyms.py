"""What acronyms stand for, read off the papers that have both: ``NMT`` is "neural machine translation"."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.topics.phrases import Key

__all__ = ["expanded", "expansions"]

#: An acronym and its expansion have to share as many papers, and as great a share of the rarer one's.
SHARED_PAPERS, SHARED_PART = 2, 0.15
#: An acronym that stands for two things stands for neither: the best expansion must be this much commoner.
CLEARLY = 1.5
#: The commonest phrases with the same initials that are looked at.
RIVALS = 20


def expansions(keys: Sequence[Key], spellings: Sequence[str], presence: Any) -> dict[str, Key]:
    """Acronym → the phrase with these initials that most papers have beside it.

    Args:
        keys: p phrases.
        spellings: how each is printed; only those mostly in capitals, a plural ``s`` aside, are acronyms.
        presence: (r, p) sparse, papers × phrases.
    """
    columns = presence.tocsc()
    papers = np.diff(columns.indptr)
    with_initials: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if len(key) > 1 and papers[i] >= SHARED_PAPERS:
            with_initials["".join(part[0] for part in key)].append(i)
            if "of" in key:
                with_initials["".join(part[0] for part in key if part != "of")].append(i)
    found: dict[str, Key] = {}
    for i, key in enumerate(keys):
        if len(key) == 1 and key[0] in with_initials and _is_acronym(spellings[i]):
            rivals = sorted(with_initials[key[0]], key=lambda j: (-papers[j], j))[:RIVALS]
            shared = [_shared(columns, i, j) for j in rivals]
            best = int(np.argmax(shared))
            least = max(SHARED_PAPERS, SHARED_PART * min(papers[i], papers[rivals[best]]))
            runner_up = max((n for j, n in enumerate(shared) if j != best), default=0)
            if shared[best] >= max(least, CLEARLY * runner_up):
                found[key[0]] = keys[rivals[best]]
    return found


def _is_acronym(printed: str) -> bool:
    letters = printed.removesuffix("s")
    return 1 < len(letters) < 8 and sum(map(str.isupper, letters)) > len(letters) / 2


def _shared(columns: Any, one: int, other: int) -> int:
    first, second = (columns.indices[columns.indptr[i] : columns.indptr[i + 1]] for i in (one, other))
    return len(np.intersect1d(first, second, assume_unique=True))


def expanded(keys: Sequence[Key], meanings: dict[str, Key]) -> tuple[list[Key], NDArray[np.int64]]:
    """The distinct keys after spelling acronyms out, and for each key the number of its distinct one."""
    numbers: dict[Key, int] = {}
    groups = np.empty(len(keys), dtype=np.int64)
    for i, key in enumerate(keys):
        spelled: Key = tuple(part for word in key for part in meanings.get(word, (word,)))
        groups[i] = numbers.setdefault(spelled, len(numbers))
    return list(numbers), groups
