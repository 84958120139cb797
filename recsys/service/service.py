"""The questions. The API, the pages and the command line hold one :class:`Service` and add nothing but form.

Safe to share between threads. It never imports torch when the model is compiled already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from recsys import __version__
from recsys.embedding.models import Embedder, text_hash
from recsys.embedding.passages import text_passage
from recsys.errors import InvalidRequest, RecsysError
from recsys.index.contents import text_key
from recsys.index.sentences import unit
from recsys.index.snapshot import ModelReference, SnapshotFolder
from recsys.recommend.neighbours import look_up
from recsys.recommend.ranking import Floats, Mask, Positions, diversified, filter_mask, recent
from recsys.recommend.related import Indexes, Method, Query, Ranked, paper_query, rank
from recsys.recommend.strength import CLOSE, EXACT, strength
from recsys.records import Match, Paper, Reason, Scored, title_key
from recsys.service import explain
from recsys.service.answers import (
    Answer,
    Filters,
    Options,
    Page,
    PaperDetail,
    Ranking,
    Request,
    Status,
    check_k,
)
from recsys.service.current import Current, Opened
from recsys.service.identifiers import identifier
from recsys.store.database import Database
from recsys.store.papers import PaperStore
from recsys.store.tombstones import Tombstones
from recsys.text import clean_text

DEFAULT_K = 10
NAMED = 1.0  # added to the score of papers by an author whose name was typed
POOL_TO_ORDER = 4  # times k candidates are looked at when recency or diversity decides too
_NO_FILTERS, _NO_OPTIONS = Filters(), Options()


class Service:
    """Answers questions about one deployment.

    Args:
        database: the store.
        snapshots: the folder of published snapshots.
        embedder_for: gives the embedder for a snapshot's model; called again only when the model changes.
    """

    def __init__(
        self,
        database: Database,
        snapshots: SnapshotFolder,
        embedder_for: Callable[[ModelReference], Embedder],
    ) -> None:
        self._database = database
        self._papers = PaperStore(database)
        self._tombstones = Tombstones(database)
        self._current = Current(snapshots, embedder_for)

    # -- ranked papers -----------------------------------------------------------------------------------------------

    def search(
        self,
        text: str,
        *,
        k: int = DEFAULT_K,
        filters: Filters = _NO_FILTERS,
        options: Options = _NO_OPTIONS,
    ) -> Answer:
        """Papers near a text: a pasted abstract or introduction, a title, a few words, an author's name.

        A text that is an id, a DOI, an arXiv id or an address of a paper gives that paper, then those related to it.

        Raises:
            InvalidRequest: there is no letter in the text, or ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        check_k(k)
        query = _checked(_query_text(text))
        opened = self._current.get()
        known = self._resolve(query)
        if known is not None and known in opened.snapshot.positions:
            return self._search_paper(opened, known, k, filters, options)
        asked, question = _ask_text(opened, query)
        mask = _mask(opened, filters)
        barred = self._barred(opened, ())
        named, titled = _named(opened, query), _titled(opened, text)
        ranked = rank(opened.indexes, [question], k=_pool(k, options), allowed=mask, excluded=barred)
        ranked = _with_exact(opened.indexes, question, ranked, [*named, *titled], mask, barred)
        exact = np.isin(ranked.positions, titled), np.isin(ranked.positions, named)
        bonus = ranked.scores + NAMED * exact[1] + 2 * NAMED * exact[0]
        order = np.lexsort((ranked.positions, -bonus))
        ranked = ranked[order]
        strengths = _strengths(opened, asked, ranked)
        strengths[exact[0][order] | exact[1][order]] = EXACT
        matches: dict[int, Match] = dict.fromkeys(named, "author")
        matches.update(dict.fromkeys(titled, "title"))
        return self._answer(opened, [asked], ranked, strengths, k, options, matches)

    def related(
        self,
        paper_id: str,
        *,
        k: int = DEFAULT_K,
        filters: Filters = _NO_FILTERS,
        options: Options = _NO_OPTIONS,
    ) -> Answer:
        """Papers near one paper: never itself, nor another version of the same work.

        A paper that was ingested after the last build is embedded on the spot.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
            InvalidRequest: ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        return self.related_to([paper_id], k=k, filters=filters, options=options)

    def related_to(
        self,
        positive: Sequence[str],
        negative: Sequence[str] = (),
        *,
        k: int = DEFAULT_K,
        filters: Filters = _NO_FILTERS,
        options: Options = _NO_OPTIONS,
    ) -> Answer:
        """Papers near several papers and away from others; none of them, nor another version of one, is in it.

        Raises:
            PaperNotFound: one of them is absent or was withdrawn.
            InvalidRequest: there is no positive paper, one is negative too, or ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        check_k(k)
        positive, negative = list(dict.fromkeys(positive)), list(dict.fromkeys(negative))
        _check_seeds(positive, negative)
        opened = self._current.get()
        seeds = [self._papers.get(paper_id) for paper_id in (*positive, *negative)]
        barred = self._barred(opened, [paper.id for paper in seeds])
        asked, questions = zip(*(_ask_paper(opened, paper) for paper in seeds), strict=True)
        ranked = None
        if len(seeds) == 1 and filters == _NO_FILTERS and options == _NO_OPTIONS:
            ranked = _looked_up(opened, seeds[0], k, barred)
        if ranked is None:
            ranked = rank(
                opened.indexes,
                questions[: len(positive)],
                questions[len(positive) :],
                k=_pool(k, options),
                allowed=_mask(opened, filters),
                excluded=barred,
            )
        strengths = _strengths(opened, asked[0], ranked)
        return self._answer(opened, asked, ranked, strengths, k, options)

    def rank(
        self, query: str, *, candidates: Sequence[str] | None, k: int, method: Method = "reranked"
    ) -> list[tuple[str, float]]:
        """Ids and scores for one paper, best first; without reasons, and for any ``k``.

        Args:
            query: a paper's id.
            candidates: rank exactly these; unknown ones are left out. None: the whole corpus.
            k: how many.
            method: what counts; ``dense`` and ``lexical`` are the parts that the answers are made of.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
        """
        return list(self._rank(Request(query, candidates=candidates, k=k), method).results)

    def rank_text(
        self, text: str, *, candidates: Sequence[str] | None, k: int, method: Method = "reranked"
    ) -> list[tuple[str, float]]:
        """Ids and scores for a text; see :meth:`rank`."""
        return list(self._rank(Request(None, text, candidates=candidates, k=k), method).results)

    def answer(self, request: Request) -> Ranking:
        """One question of a batch; ``k`` may be as large as the corpus.

        Raises:
            PaperNotFound: the paper, or a negative one, is absent or was withdrawn.
            InvalidRequest: it has neither id nor text, the text has no letters, or ``k`` is below 1.
        """
        return self._rank(request, "reranked")

    # -- one paper, all papers, the whole ----------------------------------------------------------------------------

    def paper(self, paper_id: str) -> PaperDetail:
        """One paper.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
        """
        return PaperDetail(self._papers.get(paper_id), tuple(self._papers.versions(paper_id)))

    def papers(self, *, after: str | None = None, limit: int = 50, filters: Filters = _NO_FILTERS) -> Page:
        """All papers by ascending id, a page at a time. Pages are stable while papers are added and withdrawn."""
        venues = None
        if filters.venue is not None:
            venues = _spellings(filters.venue, [name for name, _ in self._papers.venues()])
        found = self._papers.page(
            after=after,
            limit=limit + 1,
            year_from=filters.year_from,
            year_to=filters.year_to,
            venues=venues,
        )
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def status(self) -> Status:
        """Counts, and what is published."""
        counts = self._papers.counts()
        manifest, problem = None, None
        try:
            manifest = self._current.get().snapshot.manifest
        except RecsysError as error:
            problem = str(error)
        return Status(
            __version__,
            counts.papers,
            counts.abstracts,
            counts.people,
            counts.withdrawn,
            manifest,
            problem,
            self._database.url_for_display,
        )

    def check(self) -> str:
        """Make sure that questions can be answered.

        Returns:
            the published snapshot's name.

        Raises:
            StoreError: the database does not answer.
            SnapshotError, ModelError: nothing usable is published, or its model cannot be loaded.
        """
        self._database.check()
        return self._current.get().snapshot.name

    # -- inside ------------------------------------------------------------------------------------------------------

    def _search_paper(
        self, opened: Opened, paper_id: str, k: int, filters: Filters, options: Options
    ) -> Answer:
        """The paper that was asked for by an identifier, and then those related to it."""
        position = opened.snapshot.positions[paper_id]
        mask = _mask(opened, filters)
        rest = self.related(paper_id, k=k, filters=filters, options=options)
        results = rest.results
        if mask is None or mask[position]:
            first = Scored(self._papers.get(paper_id), EXACT, EXACT, Reason(match="id"))
            results = (first, *results[: k - 1])
        return Answer(results, rest.snapshot, True, paper_id)

    def _rank(self, request: Request, method: Method) -> Ranking:
        if request.k is not None and request.k < 1:
            raise InvalidRequest(f"k is {request.k}.", hint="Ask for at least 1 paper.")
        opened = self._current.get()
        seeds = [
            *([request.id] if request.text is None and request.id is not None else []),
            *request.negative,
        ]
        papers = {paper_id: self._papers.get(paper_id) for paper_id in dict.fromkeys(seeds)}
        own = [request.id] if request.id is not None else []
        barred = self._barred(opened, [*own, *request.negative])
        among, unknown = None, 0
        if request.candidates is not None:
            at, named = opened.snapshot.positions, dict.fromkeys(request.candidates)
            among = np.array([at[one] for one in named if one in at], np.int64)
            unknown = len(named) - len(among)
        k = request.k or (DEFAULT_K if among is None else max(1, len(among)))
        if request.text is not None:
            question = _ask_text(opened, _checked(_query_text(request.text)))[1]
        elif request.id is not None:
            plain = among is None and not request.negative and method == "reranked"
            ranked = _looked_up(opened, papers[request.id], k, barred) if plain else None
            if ranked is not None:
                return Ranking(_pairs(opened, ranked[:k]))
            question = _ask_paper(opened, papers[request.id])[1]
        else:
            raise InvalidRequest("There is neither an id nor a text.", hint='Give "id" or "text".')
        against = [_ask_paper(opened, papers[paper_id])[1] for paper_id in request.negative]
        found = rank(opened.indexes, [question], against, k=k, excluded=barred, among=among, method=method)
        return Ranking(_pairs(opened, found[:k]), unknown)

    def _resolve(self, text: str) -> str | None:
        """The visible paper that a text is an identifier of, None for words."""
        typed = identifier(text)
        if typed is None:
            return None
        return self._papers.identified(typed.id, typed.doi, typed.arxiv_id, typed.urls)

    def _barred(self, opened: Opened, ids: Iterable[str]) -> list[int]:
        """Positions never to be answered with: what is hidden, some papers and the other versions of those."""
        at, works = opened.snapshot.positions, opened.snapshot.facets.works
        barred = {at[paper_id] for paper_id in self._tombstones.hidden() if paper_id in at}
        for paper_id in ids:
            for version in (paper_id, *self._papers.versions(paper_id)):
                if version in at:
                    barred.add(at[version])
            if paper_id in at and works[at[paper_id]] >= 0:
                barred.update(np.flatnonzero(works == works[at[paper_id]]).tolist())
        return sorted(barred)

    def _answer(
        self,
        opened: Opened,
        asked: Sequence[explain.Asked],
        ranked: Ranked,
        strengths: np.ndarray,
        k: int,
        options: Options,
        matches: dict[int, Match] | None = None,
    ) -> Answer:
        """Choose k of the candidates, and say why each is there."""
        chosen = _chosen(opened, ranked, strengths, k, options)
        ranked, strengths = ranked[chosen], strengths[chosen]
        ids = [opened.snapshot.facets.ids[position] for position in ranked.positions]
        papers = self._papers.get_many(ids)
        results = []
        for i, paper_id in enumerate(ids):
            if paper_id not in papers:  # hidden in this very moment
                continue
            pair = int(ranked.pairs[i, 0]), int(ranked.pairs[i, 1])
            why = explain.reason(opened, asked[int(ranked.query[i])], papers[paper_id], pair)
            match = (matches or {}).get(int(ranked.positions[i]))
            if match:
                why = explain.matched(why, match)
            score = float(ranked.scores[i])
            results.append(Scored(papers[paper_id], score, round(float(strengths[i]), 4), why))
        close = any(result.strength >= CLOSE for result in results)
        return Answer(tuple(results), opened.snapshot.name, close)


def _ask_text(opened: Opened, text: str) -> tuple[explain.Asked, Query]:
    found = opened.embedder.encode_passages([text_passage(text)], role="query")
    return _asked(opened, found.vectors, found.sentences, text)


def _ask_paper(opened: Opened, paper: Paper) -> tuple[explain.Asked, Query]:
    spec = opened.embedder.spec
    position = opened.snapshot.positions.get(paper.id)
    if position is not None:
        query = paper_query(opened.indexes, position)
        passage = explain.passage_of(paper, spec)
        same = int(opened.snapshot.facets.texts[position]) == text_key(text_hash(passage.text))
        if same:
            return explain.Asked(passage.text, explain.quotes(passage), query.sentences, paper), query
    passage = explain.passage_of(paper, spec)
    found = opened.embedder.encode_passages([passage])
    return _asked(opened, found.vectors, found.sentences, passage.text, paper)


def _asked(
    opened: Opened, vectors: Floats, sentences: Floats, text: str, paper: Paper | None = None
) -> tuple[explain.Asked, Query]:
    centre = opened.snapshot.contents.centre
    query = Query(
        unit(vectors[0] - centre.papers),
        unit(sentences - centre.sentences),
        opened.indexes.lexical.query(text),
        np.empty(0, np.int32),
    )
    if paper is None:
        return explain.asked_text(text, query.sentences), query
    return explain.asked_paper(paper, opened.embedder.spec, query.sentences), query


def _looked_up(opened: Opened, paper: Paper, k: int, barred: Sequence[int]) -> Ranked | None:
    """The paper's stored neighbours, if they answer the question."""
    snapshot = opened.snapshot
    position = snapshot.positions.get(paper.id)
    if position is None:
        return None
    passage = explain.passage_of(paper, opened.embedder.spec)
    if int(snapshot.facets.texts[position]) != text_key(text_hash(passage.text)):
        return None
    stored = look_up(snapshot.contents.neighbours, position)
    full = len(stored) == snapshot.contents.neighbours.positions.shape[1]
    left = stored[np.flatnonzero(~np.isin(stored.positions, barred))]
    return left if len(left) >= k or not full else None


def _named(opened: Opened, text: str) -> list[int]:
    return [int(position) for position in opened.indexes.lexical.name_matches(text)]


def _titled(opened: Opened, text: str) -> list[int]:
    """Papers whose title the text is, or begins with as a line of its own."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    by_title = opened.snapshot.by_title
    keys = [title_key(clean_text(one)) for one in (text, first)]
    return sorted({position for key in keys if key for position in by_title.get(key, ())})


def _with_exact(
    indexes: Indexes,
    question: Query,
    ranked: Ranked,
    exact: Sequence[int],
    mask: Mask | None,
    barred: Sequence[int],
) -> Ranked:
    """The candidates, and those that match exactly if they are not among them yet."""
    wanted = np.setdiff1d(np.array(exact, np.int64), ranked.positions)
    if not len(wanted):
        return ranked
    among: Positions = np.concatenate([ranked.positions, wanted])
    return rank(indexes, [question], k=len(among), among=among, allowed=mask, excluded=barred)


def _strengths(opened: Opened, asked: explain.Asked, ranked: Ranked) -> np.ndarray:
    offsets = opened.snapshot.contents.sentences.offsets
    sentences = offsets[ranked.positions + 1] - offsets[ranked.positions]
    return strength(ranked.scores, len(asked.vectors), sentences)


def _chosen(opened: Opened, ranked: Ranked, strengths: np.ndarray, k: int, options: Options) -> Positions:
    """Numbers of the k candidates to answer with, in order."""
    if options == _NO_OPTIONS:
        return np.arange(min(k, len(ranked)))
    facets = opened.snapshot.facets
    newest = int(facets.years.max(initial=0))
    relevance = strengths * recent(facets.years[ranked.positions], newest, options.recency)
    order = np.lexsort((ranked.positions, -relevance))
    rows = opened.indexes.dense.rows(ranked.positions[order])
    return order[diversified(relevance[order], rows, k, options.diversity)]


def _pool(k: int, options: Options) -> int:
    return k if options == _NO_OPTIONS else k * POOL_TO_ORDER


def _mask(opened: Opened, filters: Filters) -> Mask | None:
    facets = opened.snapshot.facets
    venues = None
    if filters.venue is not None:
        wanted = set(_spellings(filters.venue, facets.venue_names))
        venues = [code for code, name in enumerate(facets.venue_names) if name in wanted]
    return filter_mask(
        facets.years,
        facets.venues,
        year_from=filters.year_from,
        year_to=filters.year_to,
        venue_codes=venues,
    )


def _pairs(opened: Opened, ranked: Ranked) -> tuple[tuple[str, float], ...]:
    ids = opened.snapshot.facets.ids
    return tuple((ids[p], float(s)) for p, s in zip(ranked.positions, ranked.scores, strict=True))


def _check_seeds(positive: Sequence[str], negative: Sequence[str]) -> None:
    if not positive:
        raise InvalidRequest("There is no paper to start from.", hint="Name at least one positive paper.")
    both = [paper_id for paper_id in positive if paper_id in set(negative)]
    if both:
        raise InvalidRequest(
            f"{both[0]!r} is positive and negative.", hint="Take it out of one of the lists."
        )


def _spellings(venue: str, names: Sequence[str]) -> list[str]:
    """The names that are ``venue`` but for upper and lower case."""
    folded = venue.strip().casefold()
    return [name for name in names if name.casefold() == folded]


def _checked(query: str) -> str:
    if not any(character.isalnum() for character in query):
        raise InvalidRequest(
            "The text to search for has no letters.", hint="Paste an abstract, a title or a few words."
        )
    return query


def _query_text(text: str) -> str:
    """A pasted text as papers' texts are: TeX and markup read, surrogates joined or replaced."""
    return clean_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
