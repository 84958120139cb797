"""The questions. The API, the pages and the command line hold one :class:`Service` and add nothing but form.

Safe to share between threads. It never imports torch when the model is compiled already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recsys import __version__
from recsys.embedding.models import Embedder
from recsys.errors import PaperNotFound, RecsysError
from recsys.index.snapshot import ModelReference, SnapshotFolder
from recsys.recommend.related import Method, Ranked, rank
from recsys.recommend.strength import CLOSE, EXACT
from recsys.records import Match, Reason, Scored
from recsys.service import asking, explain
from recsys.service.answers import (
    DEFAULT_K,
    NO_FILTERS,
    NO_OPTIONS,
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
from recsys.service.batches import rank_request
from recsys.service.current import Current, Opened
from recsys.service.identifiers import identifier
from recsys.service.topic_answers import Assignment
from recsys.service.topic_view import TopicView
from recsys.service.topics import TopicReader
from recsys.store.database import Database
from recsys.store.papers import PaperStore
from recsys.store.tombstones import Tombstones
from recsys.store.topic_edits import TopicEdits
from recsys.topics.membership import VOTERS

NAMED = 1.0  # added to the score of papers by an author whose name was typed


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
        #: Questions about topics.
        self.topics = TopicReader(
            self._current.snapshot, self._papers, self._tombstones, TopicEdits(database)
        )

    # -- ranked papers -----------------------------------------------------------------------------------------------

    def search(
        self,
        text: str,
        *,
        k: int = DEFAULT_K,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Papers near a text: a pasted abstract or introduction, a title, a few words, an author's name.

        A text that is an id, a DOI, an arXiv id or an address of a paper gives that paper, then those related to it.

        Raises:
            InvalidRequest: there is no letter in the text, or ``k`` is out of range.
            PaperNotFound: the text is a DOI, an arXiv id or an address that no paper here has.
            SnapshotError: nothing usable is published.
        """
        check_k(k)
        query = asking.query_text(text)
        opened = self._current.get()
        known = self._resolve(query)
        if known is not None:
            return self._search_paper(known, k, filters, options)
        asked, question = asking.ask_text(opened, query)
        hidden = self._tombstones.hidden()
        view = self.topics.view(opened.snapshot, hidden)
        mask = asking.mask(opened, view, filters)
        barred = asking.barred(opened, hidden, ())
        named, titled = asking.named(opened, query), asking.titled(opened, text)
        wanted = max(asking.pool(k, options), VOTERS)
        ranked = rank(opened.indexes, [question], k=wanted, allowed=mask, excluded=barred)
        unfiltered = ranked
        if mask is not None:
            unfiltered = rank(opened.indexes, [question], k=VOTERS, excluded=barred)
        assignment = asking.assignment(opened, view, asked, question, unfiltered)
        ranked = ranked[: asking.pool(k, options)]
        ranked = asking.with_exact(opened.indexes, question, ranked, [*named, *titled], mask, barred)
        exact = np.isin(ranked.positions, titled), np.isin(ranked.positions, named)
        bonus = ranked.scores + NAMED * exact[1] + 2 * NAMED * exact[0]
        order = np.lexsort((ranked.positions, -bonus))
        ranked = ranked[order]
        strengths = asking.strengths(opened, asked, question, ranked)
        strengths[exact[0][order] | exact[1][order]] = EXACT
        matches: dict[int, Match] = dict.fromkeys(named, "author")
        matches.update(dict.fromkeys(titled, "title"))
        return self._answer(opened, view, [asked], ranked, strengths, k, options, assignment, matches)

    def assign(self, text: str) -> Assignment:
        """Where a text belongs among the topics, or honestly nowhere.

        Raises:
            InvalidRequest: there is no letter in the text.
            SnapshotError: nothing usable is published.
        """
        query = asking.query_text(text)
        opened = self._current.get()
        asked, question = asking.ask_text(opened, query)
        hidden = self._tombstones.hidden()
        barred = asking.barred(opened, hidden, ())
        ranked = rank(opened.indexes, [question], k=VOTERS, excluded=barred)
        view = self.topics.view(opened.snapshot, hidden)
        return asking.assignment(opened, view, asked, question, ranked)

    def related(
        self,
        paper_id: str,
        *,
        k: int = DEFAULT_K,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
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
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Papers near several papers and away from others; none of them, nor another version of one, is in it.

        Raises:
            PaperNotFound: one of them is absent or was withdrawn.
            InvalidRequest: there is no positive paper, one is negative too, or ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        check_k(k)
        positive, negative = list(dict.fromkeys(positive)), list(dict.fromkeys(negative))
        asking.check_seeds(positive, negative)
        opened = self._current.get()
        seeds = [self._papers.get(paper_id) for paper_id in (*positive, *negative)]
        # of papers in the snapshot it knows the versions itself; those that came later are not in it
        new = [paper.id for paper in seeds if paper.id not in opened.snapshot.positions]
        versions = [other for paper_id in new for other in self._papers.versions(paper_id)]
        hidden = self._tombstones.hidden()
        view = self.topics.view(opened.snapshot, hidden)
        barred = asking.barred(opened, hidden, [*positive, *negative, *versions])
        asked, questions = zip(*(asking.ask_paper(opened, paper) for paper in seeds), strict=True)
        ranked = None
        if len(seeds) == 1 and filters == NO_FILTERS and options == NO_OPTIONS:
            position = asked[0].position
            ranked = None if position is None else asking.looked_up(opened, position, k, barred)
        if ranked is None:
            ranked = rank(
                opened.indexes,
                questions[: len(positive)],
                questions[len(positive) :],
                k=asking.pool(k, options),
                allowed=asking.mask(opened, view, filters),
                excluded=barred,
            )
        strengths = asking.strengths(opened, asked[0], questions[0], ranked)
        assignment = None
        if len(seeds) == 1:
            assignment = asking.place_of(opened, view, asked[0], questions[0], barred)
        return self._answer(opened, view, asked, ranked, strengths, k, options, assignment)

    def rank(
        self,
        query: str,
        *,
        candidates: Sequence[str] | None,
        k: int,
        method: Method = "reranked",
        authors: bool = True,
    ) -> list[tuple[str, float]]:
        """Ids and scores for one paper, best first; without reasons, and for any ``k``.

        Args:
            query: a paper's id.
            candidates: rank exactly these; unknown ones are left out. None: the whole corpus.
            k: how many.
            method: what counts; ``dense`` and ``lexical`` are the parts that the answers are made of.
            authors: whether shared authors count; not when they are what is to be predicted.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
        """
        request = Request(query, candidates=candidates, k=k)
        return list(self._rank(request, method, authors=authors).results)

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
        paper, versions = self._papers.get(paper_id), tuple(self._papers.versions(paper_id))
        try:
            snapshot = self._current.snapshot()
        except RecsysError:  # nothing is published, or nothing usable: the paper is there all the same
            return PaperDetail(paper, versions)
        position = snapshot.positions.get(paper_id)
        if position is None:
            return PaperDetail(paper, versions)
        place = self.topics.view(snapshot, self._tombstones.hidden()).place_of(position)
        return PaperDetail(paper, versions, place.topics, place.point)

    def papers(self, *, after: str | None = None, limit: int = 50, filters: Filters = NO_FILTERS) -> Page:
        """All papers by ascending id, a page at a time. Pages are stable while papers are added and withdrawn."""
        venues = None
        if filters.venue is not None:
            venues = asking.spellings(filters.venue, [name for name, _ in self._papers.venues()])
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

    def _search_paper(self, paper_id: str, k: int, filters: Filters, options: Options) -> Answer:
        """The paper that was asked for by an identifier, and then those related to it."""
        paper = self._papers.get(paper_id)
        rest = self.related(paper_id, k=k, filters=filters, options=options)
        results = rest.results
        if filters.admit(paper) and self._in_topic(paper_id, filters.topic):
            results = (Scored(paper, EXACT, EXACT, Reason(match="id")), *results[: k - 1])
        topics_of = {**rest.topics_of, paper_id: rest.topics}
        return Answer(results, rest.snapshot, True, paper_id, rest.topics, rest.point, topics_of)

    def _rank(self, request: Request, method: Method, *, authors: bool = True) -> Ranking:
        opened, hidden = self._current.get(), self._tombstones.hidden()
        return rank_request(opened, self._papers, hidden, request, method, authors=authors)

    def _resolve(self, text: str) -> str | None:
        """The visible paper that a text is an identifier of, None for words.

        Raises:
            PaperNotFound: the text can be nothing but an identifier, and no paper here has it.
        """
        typed = identifier(text)
        if typed is None:
            return None
        found = self._papers.identified(typed.id, typed.doi, typed.arxiv_id, typed.urls)
        if found is None and (typed.doi or typed.arxiv_id or typed.urls):
            raise PaperNotFound(
                f"No paper here has the identifier {typed.id!r}.", hint="Search for its title."
            )
        return found

    def _in_topic(self, paper_id: str, topic: str | None) -> bool:
        """Whether a paper passes the filter by topic; one that is newer than the snapshot is in none."""
        if topic is None:
            return True
        opened = self._current.get()
        position = opened.snapshot.positions.get(paper_id)
        view = self.topics.view(opened.snapshot, self._tombstones.hidden())
        return position is not None and bool(view.mask(topic)[position])

    def _answer(
        self,
        opened: Opened,
        view: TopicView,
        asked: Sequence[explain.Asked],
        ranked: Ranked,
        strengths: np.ndarray,
        k: int,
        options: Options,
        assignment: Assignment | None,
        matches: dict[int, Match] | None = None,
    ) -> Answer:
        """Choose k of the candidates, and say why each is there."""
        chosen = asking.chosen(opened, ranked, strengths, k, options)
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
        found = tuple(results)
        at = opened.snapshot.positions
        topics_of = {scored.paper.id: view.places(at[scored.paper.id]) for scored in found}
        where = assignment or Assignment((), None, close, opened.snapshot.name)
        return Answer(found, opened.snapshot.name, close, None, where.topics, where.point, topics_of)
