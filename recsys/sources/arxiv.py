"""arXiv: the public metadata snapshot (JSON lines) and the query API, through the ``arxiv`` library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Protocol

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources import fields
from recsys.sources.base import Progress, Record, Rejected, checked_text, existing, expect, make_paper
from recsys.sources.lines import read_json_records
from recsys.text import clean_text

__all__ = ["Arxiv", "Client", "fetch_query", "parse_record", "parse_result"]

_SUBJECT = r"(?:paper|article|manuscript|submission|work|preprint|version)"
_GONE = r"(?:withdrawn|retracted)"
_WITHDRAWN_ABSTRACT = re.compile(
    rf"\W*(?:this|the)\s+{_SUBJECT}\s+(?:has\s+been|have\s+been|was|is|is\s+being)\s+(?:temporarily\s+)?{_GONE}\b",
    re.IGNORECASE,
)
_WITHDRAWN_COMMENT = re.compile(
    rf"^\W*(?:(?:this|the)\s+)?(?:{_SUBJECT}\s+)?(?:temporarily\s+)?{_GONE}\b"
    rf"|\b(?:this|the)\s+{_SUBJECT}\s+(?:has\s+been|was|is)\s+(?:temporarily\s+)?{_GONE}\b",
    re.IGNORECASE,
)


class Client(Protocol):
    """What is needed of ``arxiv.Client``."""

    def results(self, search: Any) -> Iterator[Any]:
        """The results of an ``arxiv.Search``, page by page."""
        ...


class Arxiv:
    """The metadata snapshot that arXiv publishes: JSON lines, plain or compressed."""

    name = "arxiv"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts bytes of the file as stored."""
        return read_json_records(existing(location, directory=False), parse_record, progress=progress)


def parse_record(record: Mapping[str, object]) -> Paper:
    """The paper of one line of the snapshot; dated by its first version.

    Raises:
        RecordError: a value is missing, of the wrong type or out of range.
    """
    number = expect(record, "id", str)
    return _paper(
        number=number or "",
        title=expect(record, "title", str),
        abstract=expect(record, "abstract", str),
        date=_first_version(record) or expect(record, "update_date", str),
        category=(expect(record, "categories", str) or "").partition(" ")[0],
        doi=expect(record, "doi", str),
        comments=expect(record, "comments", str),
        authors=_parsed_authors(record),
    )


def parse_result(result: Any) -> Paper:
    """The paper of one ``arxiv.Result``.

    Raises:
        RecordError: it lacks what a paper must have.
    """
    return _paper(
        number=str(result.entry_id),
        title=result.title,
        abstract=result.summary,
        date=f"{result.published:%Y-%m-%d}" if result.published and result.published.year > 1 else None,
        category=result.primary_category or "",
        doi=result.doi,
        comments=result.comment,
        authors=[
            {"name": author.name, "affiliation": "; ".join(author.affiliation) or None}
            for author in result.authors
        ],
    )


def fetch_query(client: Client, query: str, max_results: int) -> Iterator[Record]:
    """Yield what arXiv's API finds for `query`, in its order.

    Args:
        client: an ``arxiv.Client``; it pages, waits between requests and retries.
        query: in the API's own query language: ``cat:cs.CL AND ti:dialogue``.
        max_results: at most so many.

    Raises:
        SourceError: the API cannot be reached or answers with an error, after the papers before.
    """
    import arxiv
    import requests

    search = arxiv.Search(query=query, max_results=max_results)
    try:
        for result in client.results(search):
            try:
                yield parse_result(result)
            except RecordError as error:
                yield Rejected(
                    f"arXiv query {query!r}", str(result.entry_id), error.message, repr(result).encode()
                )
    except (arxiv.ArxivError, requests.RequestException) as error:
        raise SourceError(
            f"arXiv's API gave no answer to {query!r}: {error}.",
            hint="Check the network and the query; arXiv asks for at most one request in three seconds.",
        ) from error


def _paper(
    *,
    number: str,
    title: object,
    abstract: str | None,
    date: str | None,
    category: str,
    doi: str | None,
    comments: str | None,
    authors: list[dict[str, str | None]],
) -> Paper:
    identifier = fields.arxiv_id(number)
    if identifier is None:
        raise RecordError("id is missing" if not number else f"id {number[:40]!a} is no arXiv identifier")
    printed = checked_text("title", title)
    gone = _WITHDRAWN_ABSTRACT.match(abstract or "") or _WITHDRAWN_COMMENT.search(comments or "")
    return make_paper(
        source=Arxiv.name,
        id=f"arXiv:{identifier}",
        title=clean_text(printed, tex=True) if printed else printed,  # an arXiv title is TeX, braces and all
        original_title=printed,
        abstract=abstract,
        date=date,
        venue=f"arXiv {category}" if category else "arXiv",
        doi=(doi or "").split(" ")[0] or None,
        arxiv_id=identifier,
        url=f"https://arxiv.org/abs/{identifier}",
        authors=authors,
        withdrawn=gone is not None,
    )


def _first_version(record: Mapping[str, object]) -> str | None:
    """The day of the first version: ``Mon, 2 Apr 2007 19:18:42 GMT`` → ``2007-04-02``."""
    versions = expect(record, "versions", list) or []
    created = versions[0].get("created") if versions and isinstance(versions[0], dict) else None
    if not isinstance(created, str):
        return None
    try:
        return f"{parsedate_to_datetime(created):%Y-%m-%d}"
    except (ValueError, TypeError, OverflowError, IndexError):
        raise RecordError(f"versions[0].created {created[:40]!a} is not a date") from None


def _parsed_authors(record: Mapping[str, object]) -> list[dict[str, str | None]]:
    """``["Last", "First", "suffix"]`` → ``First Last suffix``, TeX accents included."""
    authors: list[dict[str, str | None]] = []
    for i, parts in enumerate(expect(record, "authors_parsed", list) or []):
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts[:3]) or not parts:
            raise RecordError(f"authors_parsed[{i}] is not a list of last name, first name and suffix")
        last, first, suffix = (*parts[:3], "", "")[:3]
        authors.append({"name": " ".join(part for part in (first, last, suffix) if part)})
    return authors
