"""Papers and their author slots: written by an ingest, read by everything else.

Hidden papers (see :mod:`recsys.store.tombstones`) appear in no answer of :class:`PaperStore`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, func, select

from recsys.errors import InvalidRequest, PaperNotFound
from recsys.records import Paper
from recsys.store.database import Database
from recsys.store.queries import chunks
from recsys.store.rows import AUTHOR_COLUMNS, PAPER_COLUMNS, paper_from_rows, storable
from recsys.store.schema import author_slots, papers, tombstones, visible
from recsys.store.upsert import UpsertCounts, upsert

__all__ = ["Counts", "PaperStore", "ScanRow", "UpsertCounts"]

# Longer texts than this are no mistyped ids.
_LONGEST_GUESS = 100
_LAST_CHARACTER = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Counts:
    """What the store holds.

    Attributes:
        papers: visible papers.
        abstracts: visible papers with an abstract.
        people: distinct person keys over the author slots of visible papers.
        withdrawn: stored papers that are hidden, for whatever reason.
    """

    papers: int
    abstracts: int
    people: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class ScanRow:
    """The part of a paper that the index is built from; fields as in :class:`~recsys.records.Paper`.

    Attributes:
        work_key: equal for versions of one work (see :func:`recsys.records.work_key`), or None.
    """

    id: str
    title: str
    abstract: str | None
    keywords: tuple[str, ...]
    year: int | None
    venue: str | None
    work_key: str | None


class PaperStore:
    """The papers of one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def upsert(self, batch: Sequence[Paper], connection: Connection | None = None) -> UpsertCounts:
        """Add new papers and update changed ones; the same record again changes nothing.

        An id that comes twice counts once, and its last record stands. A record that says ``withdrawn`` hides
        the paper; one that no longer says so takes that away, but not what an operator or an author hid.

        Args:
            batch: any number of papers.
            connection: of :meth:`Database.transaction`, to make several batches one transaction. Without it
                the batch is a transaction of its own.

        Raises:
            RecordError: a paper has text that a database cannot hold; nothing of the transaction is written.
            StoreError: the database failed; likewise.
        """
        with self._database.transaction() if connection is None else nullcontext(connection) as inner:
            return upsert(inner, batch)

    def get(self, paper_id: str) -> Paper:
        """One paper.

        Raises:
            PaperNotFound: absent or hidden, which the message does not tell apart; it names similar ids.
            StoreError: the database failed.
        """
        with self._database.read() as connection:
            found = _load(connection, [paper_id]).get(paper_id)
            if found is not None:
                return found
            similar = _similar_ids(connection, paper_id) if storable(paper_id) else []
        raise PaperNotFound(
            f"There is no paper {paper_id!r}.",
            hint=f"Similar ids: {', '.join(similar)}." if similar else "Search for its title to find its id.",
        )

    def get_many(self, ids: Sequence[str]) -> dict[str, Paper]:
        """The visible papers among these ids, in the order asked for; the others are left out.

        Raises:
            StoreError: the database failed.
        """
        if not ids:
            return {}
        with self._database.read() as connection:
            return _load(connection, ids)

    def identified(
        self, paper_id: str, doi: str | None, arxiv_id: str | None, urls: Sequence[str] = ()
    ) -> str | None:
        """The visible paper with this id, else this DOI, else this arXiv id, else one of these addresses.

        Of several papers with one DOI (or so on) the first by id.

        Raises:
            StoreError: the database failed.
        """
        conditions = [papers.c.id == paper_id] if storable(paper_id) else []
        conditions += [papers.c.doi == doi] if doi and storable(doi) else []
        conditions += [papers.c.arxiv_id == arxiv_id] if arxiv_id else []
        known = list(filter(storable, urls))
        conditions += [papers.c.url.in_(known)] if known else []
        with self._database.read() as connection:
            for condition in conditions:
                query = select(papers.c.id).where(condition, visible(papers.c.id)).order_by(papers.c.id)
                found: str | None = connection.scalars(query.limit(1)).first()
                if found is not None:
                    return found
        return None

    def versions(self, paper_id: str) -> list[str]:
        """Ids of the other visible papers that are the same work, sorted; none for an unknown or hidden id.

        Raises:
            StoreError: the database failed.
        """
        if not storable(paper_id):
            return []
        own = papers.alias("own")
        query = (
            select(papers.c.id)
            .join(own, own.c.work_key == papers.c.work_key)
            .where(own.c.id == paper_id, visible(own.c.id), papers.c.id != paper_id, visible(papers.c.id))
            .order_by(papers.c.id)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def page(
        self,
        *,
        after: str | None = None,
        limit: int = 50,
        year_from: int | None = None,
        year_to: int | None = None,
        venues: Sequence[str] | None = None,
    ) -> list[Paper]:
        """Papers in order of their ids; give the last id of a page as `after` to get the next one.

        A paper that is there throughout appears exactly once, however many are added or hidden between pages.

        Args:
            after: only ids that come after this one, in byte order. It need not exist.
            limit: at most so many papers, at least 1.
            year_from: first year, included. Papers without a year are then left out.
            year_to: last year, included; likewise.
            venues: exactly one of these venues; an empty list lets nothing pass.

        Raises:
            InvalidRequest: `limit` is below 1, or `after` or a venue cannot occur in a database.
            StoreError: the database failed.
        """
        if limit < 1:
            raise InvalidRequest(f"A page cannot have {limit} papers.", hint="Use a limit of 1 or more.")
        for text in (after or "", *(venues or ())):
            if not storable(text):
                raise InvalidRequest(f"{text!r} is no id or venue.", hint="Remove its NUL or surrogate.")
        query = select(papers.c.id).where(visible(papers.c.id)).order_by(papers.c.id).limit(limit)
        if after is not None:
            query = query.where(papers.c.id > after)
        if year_from is not None:
            query = query.where(papers.c.year >= year_from)
        if year_to is not None:
            query = query.where(papers.c.year <= year_to)
        if venues is not None:
            query = query.where(papers.c.venue.in_(venues))
        with self._database.read() as connection:
            return list(_load(connection, list(connection.scalars(query))).values())

    def scan(self, batch_size: int = 2000) -> Iterator[list[ScanRow]]:
        """All visible papers in order of their ids, in batches, as one consistent read.

        The read stays open until the iterator is used up or closed; take the rows before long work.

        Raises:
            StoreError: the database failed.
        """
        columns = [papers.c[name] for name in ScanRow.__slots__]
        query = select(*columns).where(visible(papers.c.id)).order_by(papers.c.id)
        with self._database.read() as connection:
            result = connection.execute(query, execution_options={"yield_per": batch_size})
            for partition in result.partitions():
                yield [_scan_row(row) for row in partition]

    def scan_authors(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """All visible papers that have authors, by ascending id, each with (name as printed, person key) of its slots.

        A person key is equal for slots with one explicit author id, or else with one name.

        Raises:
            StoreError: the database failed.
        """
        columns = (author_slots.c.paper_id, author_slots.c.name, author_slots.c.person_key)
        query = (
            select(*columns)
            .where(visible(author_slots.c.paper_id))
            .order_by(author_slots.c.paper_id, author_slots.c.position)
        )
        with self._database.read() as connection:
            rows = connection.execute(query, execution_options={"yield_per": 10_000})
            for paper_id, slots in groupby(rows, key=itemgetter(0)):
                yield paper_id, [(name, key) for _, name, key in slots]

    def counts(self) -> Counts:
        """How much the store holds.

        Raises:
            StoreError: the database failed.
        """
        hidden = select(tombstones.c.paper_id).distinct().subquery()
        people = select(func.count(author_slots.c.person_key.distinct())).where(
            author_slots.c.paper_id.not_in(select(tombstones.c.paper_id))
        )
        withdrawn = select(func.count()).select_from(papers.join(hidden, hidden.c.paper_id == papers.c.id))
        query = select(func.count(), func.count(papers.c.abstract)).where(visible(papers.c.id))
        with self._database.read() as connection:
            total, abstracts = connection.execute(query).one()
            return Counts(
                papers=total,
                abstracts=abstracts,
                people=connection.scalars(people).one(),
                withdrawn=connection.scalars(withdrawn).one(),
            )

    def venues(self) -> list[tuple[str, int]]:
        """Every venue of visible papers with their number: the largest first, equal ones by name.

        Raises:
            StoreError: the database failed.
        """
        number = func.count()
        query = (
            select(papers.c.venue, number)
            .where(papers.c.venue.is_not(None), visible(papers.c.id))
            .group_by(papers.c.venue)
            .order_by(number.desc(), papers.c.venue)
        )
        with self._database.read() as connection:
            return [(name, count) for name, count in connection.execute(query)]


def _load(connection: Connection, ids: Sequence[str]) -> dict[str, Paper]:
    """The visible papers among the ids, in their order: two queries a chunk, whatever its size."""
    found: dict[str, Paper] = {}
    for chunk in chunks(list(dict.fromkeys(filter(storable, ids)))):
        query = select(*PAPER_COLUMNS).where(papers.c.id.in_(chunk), visible(papers.c.id))
        rows = {row[0]: row for row in connection.execute(query)}
        slots: dict[str, list[Sequence[Any]]] = defaultdict(list)
        slot_query = select(author_slots.c.paper_id, *AUTHOR_COLUMNS).where(
            author_slots.c.paper_id.in_(list(rows))
        )
        for paper_id, *slot in connection.execute(
            slot_query.order_by(author_slots.c.paper_id, author_slots.c.position)
        ):
            slots[paper_id].append(slot)
        for paper_id in filter(rows.__contains__, chunk):
            found[paper_id] = paper_from_rows(rows[paper_id], slots[paper_id])
    return found


def _scan_row(row: Sequence[Any]) -> ScanRow:
    paper_id, title, abstract, keywords, year, venue, work_key = row
    return ScanRow(paper_id, title, abstract, tuple(keywords), year, venue, work_key)


def _similar_ids(connection: Connection, wanted: str, limit: int = 3) -> list[str]:
    """Visible ids that differ in case or outer spaces, else those that share the longest beginning."""
    bare = wanted.strip()
    if len(bare) > _LONGEST_GUESS:
        return []
    query = select(papers.c.id).where(visible(papers.c.id)).order_by(papers.c.id).limit(limit)
    similar = list(connection.scalars(query.where(papers.c.id.in_([bare, bare.lower(), bare.upper()]))))
    length = len(bare)
    while not similar and length > max(1, len(bare) // 2):
        prefix = bare[:length]
        within = query.where(papers.c.id >= prefix, papers.c.id < prefix + _LAST_CHARACTER)
        similar = list(connection.scalars(within))
        length -= 1
    return similar
