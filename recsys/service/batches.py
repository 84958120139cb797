"""One question of many: ids and scores, without reasons."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from recsys.errors import InvalidRequest
from recsys.recommend.related import Method, Query, paper_query, rank
from recsys.service import asking
from recsys.service.answers import DEFAULT_K, Ranking, Request
from recsys.service.current import Opened
from recsys.store.papers import PaperStore


def rank_request(
    opened: Opened,
    papers: PaperStore,
    hidden: Collection[str],
    request: Request,
    method: Method,
    *,
    authors: bool = True,
) -> Ranking:
    """Rank for one question.

    Args:
        opened: the snapshot that answers.
        papers: the store's, for papers that are newer than that.
        hidden: ids of the papers that are never answered with.
        request: the question.
        method: what counts.
        authors: whether shared authors count.

    Raises:
        PaperNotFound: the paper, or a negative one, is absent or was withdrawn.
        InvalidRequest: it has neither id nor text, the text has no letters, or ``k`` is below 1.
    """
    if request.k is not None and request.k < 1:
        raise InvalidRequest(f"k is {request.k}.", hint="Ask for at least 1 paper.")
    own = [request.id] if request.id is not None else []
    barred = asking.barred(opened, hidden, [*own, *request.negative])
    among, unknown = None, 0
    if request.candidates is not None:
        at, named = opened.snapshot.positions, dict.fromkeys(request.candidates)
        among = np.array([at[one] for one in named if one in at], np.int64)
        unknown = len(named) - len(among)
    k = request.k or (DEFAULT_K if among is None else max(1, len(among)))
    if request.text is not None:
        question = asking.ask_text(opened, asking.query_text(request.text))[1]
    elif request.id is not None:
        plain = among is None and not request.negative and method == "reranked" and authors
        position = None if request.id in hidden else opened.snapshot.positions.get(request.id)
        if plain and position is not None:
            ranked = asking.looked_up(opened, position, k, barred)
            if ranked is not None:
                return Ranking(asking.pairs(opened, ranked[:k]))
        question = _as_built(opened, papers, hidden, request.id)
    else:
        raise InvalidRequest("There is neither an id nor a text.", hint='Give "id" or "text".')
    against = [_as_built(opened, papers, hidden, paper_id) for paper_id in request.negative]
    found = rank(
        opened.indexes,
        [question],
        against,
        k=k,
        excluded=barred,
        among=among,
        method=method,
        authors=authors,
    )
    return Ranking(asking.pairs(opened, found[:k]), unknown)


def _as_built(opened: Opened, papers: PaperStore, hidden: Collection[str], paper_id: str) -> Query:
    """A paper as the snapshot has it, without asking the store; one that is newer as the store has it."""
    position = opened.snapshot.positions.get(paper_id)
    if position is None or paper_id in hidden:
        return asking.ask_paper(opened, papers.get(paper_id))[1]
    return paper_query(opened.indexes, position)
