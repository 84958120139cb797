"""Writing papers: only what is new or changed, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from recsys.records import Paper
from recsys.store.queries import chunks
from recsys.store.rows import content_hash, paper_row, slot_rows
from recsys.store.schema import author_slots, papers
from recsys.store.tombstones import SOURCE, hide, unhide

__all__ = ["UpsertCounts", "upsert"]


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """What became of a batch; each paper counts once. Counts of several batches add up with ``+``.

    Attributes:
        added: papers that were not in the store.
        updated: papers whose record differed from the stored one.
        unchanged: papers whose record was equal.
    """

    added: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(
            self.added + other.added, self.updated + other.updated, self.unchanged + other.unchanged
        )


def upsert(connection: Connection, batch: Sequence[Paper]) -> UpsertCounts:
    """See :meth:`recsys.store.papers.PaperStore.upsert`; `connection` is in a write transaction."""
    now = datetime.now(UTC)
    latest = list({paper.id: paper for paper in batch}.values())
    counts = UpsertCounts()
    for chunk in chunks(latest):
        counts += _upsert_chunk(connection, chunk, now)
    return counts


def _upsert_chunk(connection: Connection, batch: Sequence[Paper], now: datetime) -> UpsertCounts:
    hashes = {paper.id: content_hash(paper) for paper in batch}
    query = select(papers.c.id, papers.c.content_hash).where(papers.c.id.in_(list(hashes)))
    stored = {row.id: row.content_hash for row in connection.execute(query)}
    added = [paper for paper in batch if paper.id not in stored]
    changed = [paper for paper in batch if stored.get(paper.id, hashes[paper.id]) != hashes[paper.id]]
    if added:
        rows = [paper_row(paper, hashes[paper.id], now) | {"created_at": now} for paper in added]
        connection.execute(insert(papers), rows)
    if changed:
        rows = [paper_row(paper, hashes[paper.id], now) for paper in changed]
        _update(connection, rows)
    written = added + changed
    slots = list(chain.from_iterable(map(slot_rows, written)))
    if slots:
        connection.execute(insert(author_slots), slots)
    if written:
        hide(connection, [paper.id for paper in written if paper.withdrawn], kind=SOURCE)
        unhide(connection, [paper.id for paper in written if not paper.withdrawn], kind=SOURCE)
    return UpsertCounts(len(added), len(changed), len(batch) - len(written))


def _update(connection: Connection, rows: list[dict[str, object]]) -> None:
    """Overwrite rows of `papers` and drop their author slots, so that a shorter list leaves none behind."""
    statement = update(papers).where(papers.c.id == bindparam("key"))
    values: dict[str, object] = {name: bindparam(name) for name in rows[0] if name != "id"}
    parameters = [{"key": row["id"]} | {name: row[name] for name in values} for row in rows]
    connection.execute(statement.values(values), parameters)
    connection.execute(delete(author_slots).where(author_slots.c.paper_id.in_([row["id"] for row in rows])))
