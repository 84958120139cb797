"""The read path: every question a user can ask, answered from the store and the published snapshot.

The API, the pages and the command line hold one :class:`Service` and add nothing to its answers but form. Safe to
share between threads. It never imports torch when the model is compiled already.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from recsys import __version__
from recsys.embedding.models import Embedder, embedding_text
from recsys.errors import InvalidRequest, RecsysError
from recsys.index.snapshot import Manifest, ModelReference, Snapshot, SnapshotFolder
from recsys.recommend.ranking import Floats, filter_mask, nearest
from recsys.records import Paper, Scored
from recsys.store.database import Database
from recsys.store.papers import PaperStore
from recsys.store.tombstones import Tombstones
from recsys.text import clean_text

K_LIMIT = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer is limited to.

    Attributes:
        year_from: first year, inclusive; papers without a year never pass a year filter.
        year_to: last year, inclusive.
        venue: the venue's name, in any case.
    """

    year_from: int | None = None
    year_to: int | None = None
    venue: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Ranked papers.

    Attributes:
        results: best first.
        snapshot: name of the snapshot that answered.
    """

    results: tuple[Scored, ...]
    snapshot: str


@dataclass(frozen=True, slots=True)
class PaperDetail:
    """One paper and the other versions of the same work, by id."""

    paper: Paper
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Papers by ascending id.

    Attributes:
        papers: this page.
        next: pass it as ``after`` for the next page; None on the last.
    """

    papers: tuple[Paper, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """A deployment at a glance.

    Attributes:
        version: of this software.
        papers: in the store, withdrawn ones not counted.
        abstracts: how many of them have one.
        people: distinct authors, by explicit id, else by name.
        withdrawn: papers hidden from every answer.
        snapshot: the published one, or None.
        problem: why there is no usable snapshot, or None.
        store: the store's URL without its password.
    """

    version: str
    papers: int
    abstracts: int
    people: int
    withdrawn: int
    snapshot: Manifest | None
    problem: str | None
    store: str


@dataclass(frozen=True, slots=True)
class _Open:
    """An opened snapshot with the model that can ask it."""

    snapshot: Snapshot
    embedder: Embedder
    signature: tuple[int, int, int]


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
        self._snapshots = snapshots
        self._embedder_for = embedder_for
        self._open: _Open | None = None
        self._opening = threading.Lock()
        self._refused: tuple[int, int, int] | None = None

    # -- questions ---------------------------------------------------------------------------------------------------

    def search(self, text: str, *, k: int = 10, filters: Filters | None = None) -> Answer:
        """Papers near a text: a pasted abstract, a title, a few words.

        Raises:
            InvalidRequest: there is no letter in the text, or ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        _check_k(k)
        query = _query_text(text)
        if not any(character.isalnum() for character in query):
            raise InvalidRequest(
                "The text to search for has no letters.", hint="Paste an abstract, a title or a few words."
            )
        opened = self._opened()
        vector = opened.embedder.encode([query], role="query")[0]
        return self._near(opened.snapshot, vector, k, filters or Filters(), excluded=())

    def related(self, paper_id: str, *, k: int = 10, filters: Filters | None = None) -> Answer:
        """Papers near one paper: never itself, nor another version of the same work.

        A paper that was ingested after the last build is embedded on the spot.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
            InvalidRequest: ``k`` is out of range.
            SnapshotError: nothing usable is published.
        """
        _check_k(k)
        paper = self._papers.get(paper_id)
        opened = self._opened()
        snapshot = opened.snapshot
        position = snapshot.positions.get(paper_id)
        if position is None:
            text = embedding_text(opened.embedder.spec, paper.title, paper.abstract, paper.keywords)
            vector = opened.embedder.encode([text])[0]
        else:
            vector = snapshot.dense.vectors[position]
        return self._near(
            snapshot, vector, k, filters or Filters(), excluded=(paper_id, *self._papers.versions(paper_id))
        )

    def paper(self, paper_id: str) -> PaperDetail:
        """One paper.

        Raises:
            PaperNotFound: no such paper, or it was withdrawn.
        """
        return PaperDetail(self._papers.get(paper_id), tuple(self._papers.versions(paper_id)))

    def papers(self, *, after: str | None = None, limit: int = 50, filters: Filters | None = None) -> Page:
        """All papers by ascending id, a page at a time. Pages are stable while papers are added and withdrawn."""
        wanted = filters or Filters()
        found = self._papers.page(
            after=after,
            limit=limit + 1,
            year_from=wanted.year_from,
            year_to=wanted.year_to,
            venues=None
            if wanted.venue is None
            else _spellings(wanted.venue, [name for name, _ in self._papers.venues()]),
        )
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def status(self) -> Status:
        """Counts, and what is published."""
        counts = self._papers.counts()
        manifest, problem = None, None
        try:
            manifest = self._opened().snapshot.manifest
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
        return self._opened().snapshot.name

    # -- the snapshot in use -----------------------------------------------------------------------------------------

    def _opened(self) -> _Open:
        """The published snapshot. A newly published one is opened aside while the one before goes on answering."""
        opened, signature = self._open, self._snapshots.signature()
        if opened is None:
            with self._opening:
                if self._open is None:
                    self._open = self._open_published()
                return self._open
        if signature not in (opened.signature, self._refused) and self._opening.acquire(blocking=False):
            threading.Thread(
                target=self._switch, args=(signature,), name="open-snapshot", daemon=True
            ).start()
        return opened

    def _switch(self, signature: tuple[int, int, int]) -> None:
        try:
            self._open = self._open_published()
            logger.info("Answering from snapshot %s.", self._open.snapshot.name)
        except RecsysError as error:
            self._refused = (
                signature  # not again at every request; a further publication has another signature
            )
            logger.error("Staying with the snapshot in use, for the one now published is unusable: %s", error)
        finally:
            self._opening.release()

    def _open_published(self) -> _Open:
        signature = self._snapshots.signature()
        snapshot = self._snapshots.open()
        model = snapshot.manifest.model
        before = self._open
        reuse = before is not None and before.embedder.key == model.key
        embedder = before.embedder if before is not None and reuse else self._embedder_for(model)
        _ = snapshot.positions  # built here, not within the first request
        return _Open(snapshot, embedder, signature)

    def _near(
        self, snapshot: Snapshot, vector: Floats, k: int, filters: Filters, excluded: Sequence[str]
    ) -> Answer:
        facets = snapshot.facets
        venues = None
        if filters.venue is not None:
            wanted = set(_spellings(filters.venue, facets.venue_names))
            venues = [code for code, name in enumerate(facets.venue_names) if name in wanted]
        mask = filter_mask(
            facets.years,
            facets.venues,
            year_from=filters.year_from,
            year_to=filters.year_to,
            venue_codes=venues,
        )
        barred = {*excluded, *self._tombstones.hidden()}
        positions, scores = nearest(
            snapshot.dense,
            vector,
            k,
            allowed=mask,
            excluded=[snapshot.positions[paper_id] for paper_id in barred if paper_id in snapshot.positions],
        )
        ids = [facets.ids[position] for position in positions]
        papers = self._papers.get_many(ids)
        results = tuple(
            Scored(papers[paper_id], round(float(score), 6))
            for paper_id, score in zip(ids, scores, strict=True)
            if paper_id in papers  # hidden in this very moment
        )
        return Answer(results, snapshot.name)


def _spellings(venue: str, names: Sequence[str]) -> list[str]:
    """The names that are ``venue`` but for upper and lower case."""
    folded = venue.strip().casefold()
    return [name for name in names if name.casefold() == folded]


def _query_text(text: str) -> str:
    """A pasted text as papers' texts are: TeX and markup read, surrogates joined or replaced."""
    return clean_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


def _check_k(k: int) -> None:
    if not 1 <= k <= K_LIMIT:
        raise InvalidRequest(f"k is {k}.", hint=f"Ask for 1 to {K_LIMIT} papers.")
