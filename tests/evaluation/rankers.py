"""A ranker whose order is plain to see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class LetterRanker:
    """Ranks ids such as ``d1`` by their letter.

    dense and fused put ids with the query's letter first, each part by id; lexical goes by id alone; reranked is fused
    turned round. Like a service it may return the query itself.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = sorted(ids)
        self.asked: list[tuple[str, Sequence[str] | None, int, str]] = []
        self.authors_counted: set[bool] = set()

    def rank(
        self,
        query: str,
        *,
        candidates: Sequence[str] | None,
        k: int,
        method: str,
        authors: bool = True,
    ) -> list[tuple[str, float]]:
        self.authors_counted.add(authors)
        self.asked.append((query, candidates, k, method))
        pool = self.ids if candidates is None else [i for i in self.ids if i in set(candidates)]
        if method != "lexical":
            pool = sorted(pool, key=lambda i: (i[0] != query[0], i))
        if method == "reranked":
            pool = pool[::-1]
        return [(i, 1 / (place + 1)) for place, i in enumerate(pool[:k])]

    def rank_text(
        self, text: str, *, candidates: Sequence[str] | None, k: int, method: str
    ) -> list[tuple[str, float]]:
        return self.rank(text.casefold(), candidates=candidates, k=k, method=method)
