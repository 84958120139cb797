"""What editors decided about topics, who and when; a decision that is undone stays on record.

Whether a topic exists is not known here: topics live in snapshots (see :mod:`recsys.topics.edits`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, get_args

from sqlalchemy import Row, insert, select, update

from recsys.errors import InvalidRequest, NotFound
from recsys.records import EditKind, TopicEdit
from recsys.store.database import Database
from recsys.store.schema import topic_edits

__all__ = ["MAX_NAME", "MAX_NOTE", "MAX_PARTS", "PastEdit", "TopicEdits"]

#: Longest name of a topic or an editor, in characters.
MAX_NAME: Final = 80
#: Longest note.
MAX_NOTE: Final = 1000
#: Most topics that one may be split into.
MAX_PARTS: Final = 20

_KINDS: Final = get_args(EditKind)
_FIELD_OF: Final = {"rename": "name", "merge": "into", "split": "parts"}
#: Joiners that change how letters of some scripts are written; other invisible characters only deceive.
_JOINERS: Final = "\u200c\u200d"


@dataclass(frozen=True, slots=True)
class PastEdit:
    """An edit and what became of it.

    Attributes:
        edit: what was decided.
        undone_by: who took it back, None while it stands.
        undone_at: ISO 8601, UTC, when; None while it stands.
    """

    edit: TopicEdit
    undone_by: str | None = None
    undone_at: str | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class TopicEdits:
    """The edits of one database. Safe to share between threads.

    Args:
        database: open.
        clock: the time, aware.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._clock = clock

    def add(
        self,
        kind: str,
        topic: str,
        *,
        by: str,
        name: str | None = None,
        into: str | None = None,
        parts: int | None = None,
        note: str = "",
    ) -> TopicEdit:
        """Write a decision down.

        Args:
            kind: ``rename`` (needs ``name``), ``merge`` (needs ``into``), ``split`` (needs ``parts``), ``hide`` or ``pin``.
            topic: id of the topic it is about.
            by: who decides, at most :data:`MAX_NAME` characters.
            name: the new name, at most :data:`MAX_NAME` characters; runs of white space become one space.
            into: id of the topic that it becomes part of.
            parts: 2 to :data:`MAX_PARTS`.
            note: why, at most :data:`MAX_NOTE` characters.

        Raises:
            InvalidRequest: a field is missing, is not of this kind of edit, or has no such value.
            StoreError: the database failed; nothing was written.
        """
        values = _checked(kind, topic, by=by, name=name, into=into, parts=parts, note=note)
        statement = insert(topic_edits).values(**values, made_at=self._clock()).returning(*topic_edits.c)
        with self._database.transaction() as connection:
            return _edit(connection.execute(statement).one())

    def undo(self, number: int, *, by: str) -> TopicEdit:
        """Take a decision back; it stays on record as undone. Returns it.

        Raises:
            NotFound: there is no such edit.
            InvalidRequest: it was undone already, or ``by`` is no name.
            StoreError: the database failed; nothing was written.
        """
        undone_by = _text("The editor", by, MAX_NAME)
        this = topic_edits.c.number == number
        with self._database.transaction() as connection:
            # A number beyond the column's range is an error of the driver on PostgreSQL.
            row = (
                connection.execute(select(topic_edits).where(this)).one_or_none()
                if 0 < number < 1 << 31
                else None
            )
            if row is None:
                raise NotFound(f"There is no edit {number}.", hint="List the edits, then name one of these.")
            if row.undone_by is not None:
                raise InvalidRequest(
                    f"Edit {number} was undone already, by {row.undone_by} at {_iso(row.undone_at)}.",
                    hint="Make the decision again if it is to stand again.",
                )
            connection.execute(
                update(topic_edits).where(this).values(undone_by=undone_by, undone_at=self._clock())
            )
            return _edit(row)

    def all(self, include_undone: bool = False) -> list[TopicEdit]:
        """The decisions that stand (or all that were ever made), in the order in which they were made.

        Raises:
            StoreError: the database failed.
        """
        return [past.edit for past in self.history() if include_undone or past.undone_by is None]

    def history(self) -> list[PastEdit]:
        """Every decision ever made, in order, with who undid it and when.

        Raises:
            StoreError: the database failed.
        """
        with self._database.read() as connection:
            rows = connection.execute(select(topic_edits).order_by(topic_edits.c.number)).all()
        return [
            PastEdit(_edit(row), row.undone_by, None if row.undone_at is None else _iso(row.undone_at))
            for row in rows
        ]


def _checked(
    kind: str, topic: str, *, by: str, name: str | None, into: str | None, parts: int | None, note: str
) -> dict[str, Any]:
    """The columns of an edit.

    Raises:
        InvalidRequest: as for :meth:`TopicEdits.add`.
    """
    if kind not in _KINDS:
        raise InvalidRequest(f"{kind!r} is no kind of edit.", hint=f"Use one of: {', '.join(_KINDS)}.")
    needed = _FIELD_OF.get(kind)
    for field, value in {"name": name, "into": into, "parts": parts}.items():
        if field == needed and value is None:
            raise InvalidRequest(f"A {kind} needs {field!r}.", hint=f"Say {field}.")
        if field != needed and value is not None:
            raise InvalidRequest(f"A {kind} takes no {field!r}.", hint=f"Leave {field} out.")
    topic = _text("The topic's id", topic, MAX_NAME)
    if into is not None and (into := _text("The other topic's id", into, MAX_NAME)) == topic:
        raise InvalidRequest(
            f"Topic {topic} cannot become part of itself.", hint="Name another topic to merge into."
        )
    if parts is not None and not 2 <= parts <= MAX_PARTS:
        raise InvalidRequest(
            f"A topic cannot be split into {parts}.", hint=f"Use a number from 2 to {MAX_PARTS}."
        )
    return {
        "kind": kind,
        "topic": topic,
        "name": None if name is None else _text("The name", name, MAX_NAME),
        "into_topic": into,
        "parts": parts,
        "note": _text("The note", note, MAX_NOTE) if note.strip() else "",
        "made_by": _text("The editor", by, MAX_NAME),
    }


def _text(what: str, value: str, longest: int) -> str:
    """The value on one line, single-spaced, if it can be shown."""
    line = " ".join(value.split())
    if not line:
        raise InvalidRequest(f"{what} is empty.", hint="Say it in letters.")
    if len(line) > longest:
        raise InvalidRequest(
            f"{what} has {len(line)} characters, more than {longest}: {line[:longest]!r}…", hint="Shorten it."
        )
    unseen = [c for c in line if unicodedata.category(c)[0] == "C" and c not in _JOINERS]
    if unseen:
        raise InvalidRequest(f"{what} holds the invisible character {unseen[0]!r}.", hint="Take it out.")
    return line


def _edit(row: Row[Any]) -> TopicEdit:
    return TopicEdit(
        number=row.number,
        kind=row.kind,
        topic=row.topic,
        by=row.made_by,
        at=_iso(row.made_at),
        name=row.name,
        into=row.into_topic,
        parts=row.parts,
        note=row.note,
    )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
