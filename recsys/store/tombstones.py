"""Papers that may not appear in any answer, and why: they act from the moment they are written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from sqlalchemy import Connection, delete, func, select

from recsys.errors import InvalidRequest, PaperNotFound
from recsys.store.database import Database
from recsys.store.queries import chunks, insert_missing
from recsys.store.rows import storable
from recsys.store.schema import papers, tombstones

__all__ = ["KINDS", "SOURCE", "Tombstone", "Tombstones", "hide", "unhide"]

#: Set and taken away by ingest alone, as the source says.
SOURCE: Final = "source"
#: An operator withdrew it; an author asked for it; the source says so.
KINDS: Final = ("withdrawn", "opted_out", SOURCE)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One reason why a paper is hidden; a paper may have one of each kind.

    Attributes:
        id: the paper's id.
        kind: one of :data:`KINDS`.
        note: for the operator, never shown to users.
        created_at: in UTC.
    """

    id: str
    kind: str
    note: str
    created_at: datetime


class Tombstones:
    """The hidden papers of one database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._fingerprint: tuple[int, int | None] | None = None
        self._hidden: frozenset[str] = frozenset()

    def add(self, ids: Sequence[str], *, kind: str, note: str = "") -> int:
        """Hide papers at once; a paper that has a tombstone of this kind keeps it as it is.

        Returns:
            How many tombstones were added.

        Raises:
            PaperNotFound: an id is unknown; nothing was written.
            InvalidRequest: the kind is unknown.
            StoreError: the database failed.
        """
        _check_kind(kind)
        with self._database.transaction() as connection:
            known = {
                paper_id
                for chunk in chunks(list(filter(storable, ids)))
                for paper_id in connection.scalars(select(papers.c.id).where(papers.c.id.in_(chunk)))
            }
            unknown = [paper_id for paper_id in ids if paper_id not in known]
            if unknown:
                raise PaperNotFound(
                    f"No paper {unknown[0]!r} is in the store"
                    + (f", nor {len(unknown) - 1} more of these." if unknown[1:] else "."),
                    hint="Nothing was hidden. Take the unknown ids out, then try again.",
                )
            return hide(connection, ids, kind=kind, note=note)

    def remove(self, ids: Sequence[str], *, kind: str) -> int:
        """Take tombstones of one kind away; ids without one are passed over.

        Returns:
            How many were removed. A paper with a tombstone of another kind stays hidden.

        Raises:
            InvalidRequest: the kind is unknown.
            StoreError: the database failed.
        """
        _check_kind(kind)
        with self._database.transaction() as connection:
            return unhide(connection, list(filter(storable, ids)), kind=kind)

    def hidden(self) -> frozenset[str]:
        """The ids of all hidden papers, as of now, whichever process hid them.

        Cheap: the ids are read anew only when the table has changed since the last call.

        Raises:
            StoreError: the database failed.
        """
        with self._lock, self._database.read() as connection:
            # seq only grows and is never used twice: an addition raises the maximum, a removal alone lowers
            # the count. There is one writer at a time, so a lower seq is never committed after a higher one.
            count, newest = connection.execute(select(func.count(), func.max(tombstones.c.seq))).one()
            if (count, newest) != self._fingerprint:
                self._hidden = frozenset(connection.scalars(select(tombstones.c.paper_id)))
                self._fingerprint = (count, newest)
            return self._hidden

    def list(self) -> list[Tombstone]:
        """All tombstones, oldest first.

        Raises:
            StoreError: the database failed.
        """
        columns = (tombstones.c.paper_id, tombstones.c.kind, tombstones.c.note, tombstones.c.created_at)
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).order_by(tombstones.c.seq)).all()
        return [Tombstone(*row) for row in rows]


def hide(connection: Connection, ids: Collection[str], *, kind: str, note: str = "") -> int:
    """Set tombstones where there are none of this kind; returns how many were new."""
    wanted = sorted(set(ids) - _having(connection, ids, kind))
    if wanted:
        now = datetime.now(UTC)
        connection.execute(
            insert_missing(connection, tombstones),
            [{"paper_id": paper_id, "kind": kind, "note": note, "created_at": now} for paper_id in wanted],
        )
    return len(wanted)


def unhide(connection: Connection, ids: Collection[str], *, kind: str) -> int:
    """Take away the tombstones of this kind; returns how many there were."""
    standing = sorted(_having(connection, ids, kind))
    for chunk in chunks(standing):
        connection.execute(
            delete(tombstones).where(tombstones.c.kind == kind, tombstones.c.paper_id.in_(chunk))
        )
    return len(standing)


def _having(connection: Connection, ids: Collection[str], kind: str) -> set[str]:
    query = select(tombstones.c.paper_id).where(tombstones.c.kind == kind)
    return {
        paper_id
        for chunk in chunks(sorted(set(ids)))
        for paper_id in connection.scalars(query.where(tombstones.c.paper_id.in_(chunk)))
    }


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidRequest(f"{kind!r} is no kind of tombstone.", hint=f"Use one of: {', '.join(KINDS)}.")
