"""Papers as rows and back, with what is derived from a paper: content hash, work key, person keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from slugify import slugify
from sqlalchemy import Row

from recsys.errors import RecordError
from recsys.records import Author, Paper, work_key
from recsys.store.schema import author_slots, papers

__all__ = [
    "AUTHOR_COLUMNS",
    "PAPER_COLUMNS",
    "content_hash",
    "paper_from_rows",
    "paper_row",
    "person_key",
    "slot_rows",
    "storable",
]

# Part of every content hash: raise it when a derived column is computed differently, and the next ingest of
# the same records writes them anew.
_ROW_FORMAT = b"1"

_OWN_FIELDS = [field.name for field in fields(Paper) if field.name != "authors"]

#: What a :class:`Paper` needs of its row, and an :class:`Author` of its own.
PAPER_COLUMNS = [papers.c[name] for name in _OWN_FIELDS]
AUTHOR_COLUMNS = [
    author_slots.c.name,
    author_slots.c.author_id,
    author_slots.c.affiliation,
    author_slots.c.orcid,
]


def storable(text: str) -> bool:
    """Whether both databases can hold the text: no NUL character, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def content_hash(paper: Paper) -> str:
    """32 hex digits of the whole record; equal exactly for equal records.

    Raises:
        RecordError: the record has text that a database cannot hold.
    """
    try:
        data = orjson.dumps(paper)
    except TypeError as error:
        raise RecordError(
            f"Paper {paper.id!r} cannot be stored: {error}.", hint="Repair or reject it in its source module."
        ) from error
    if rb"\u0000" in data and not all(map(storable, _texts(paper))):
        raise RecordError(
            f"Paper {paper.id!r} has a NUL character.", hint="Repair or reject it in its source module."
        )
    return hashlib.blake2b(_ROW_FORMAT + data, digest_size=16).hexdigest()


def _texts(paper: Paper) -> Iterator[str]:
    for name in _OWN_FIELDS:
        value = getattr(paper, name)
        if isinstance(value, str):
            yield value
    yield from paper.keywords
    for author in paper.authors:
        yield from filter(None, (author.name, author.id, author.affiliation, author.orcid))


def person_key(author: Author) -> str:
    """The explicit id, else the slug of the printed name, else (no letter to be found) the name itself."""
    return author.id or _name_slug(author.name)


@lru_cache(maxsize=1 << 16)
def _name_slug(name: str) -> str:
    return slugify(name) or name


def paper_row(paper: Paper, digest: str, now: datetime) -> dict[str, Any]:
    """The values of all columns of `papers` except ``created_at``."""
    row = {name: getattr(paper, name) for name in _OWN_FIELDS}
    return row | {"work_key": work_key(paper), "content_hash": digest, "updated_at": now}


def slot_rows(paper: Paper) -> Iterator[dict[str, Any]]:
    """One row of `author_slots` for each author, in printed order."""
    for position, author in enumerate(paper.authors):
        yield {
            "paper_id": paper.id,
            "position": position,
            "name": author.name,
            "author_id": author.id,
            "affiliation": author.affiliation,
            "orcid": author.orcid,
            "person_key": person_key(author),
        }


def paper_from_rows(row: Row[Any], slots: Iterable[Sequence[Any]]) -> Paper:
    """A paper from a row of :data:`PAPER_COLUMNS` and, in order, its slots as :data:`AUTHOR_COLUMNS`."""
    values = dict(zip(_OWN_FIELDS, row, strict=True))
    values["keywords"] = tuple(values["keywords"])
    return Paper(**values, authors=tuple(Author(*slot) for slot in slots))
