"""OpenAlex: works as JSON lines (the snapshot's form) and from the API, through ``pyalex``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources import fields
from recsys.sources.base import MAX_ABSTRACT, Progress, Record, Rejected, existing, expect, make_paper
from recsys.sources.lines import read_json_records

__all__ = ["OpenAlex", "Works", "fetch_query", "parse_record"]

_PAGE = 200  # the API's largest page


class Works(Protocol):
    """What is needed of ``pyalex.Works``: a query, filtered and ordered by the caller."""

    def paginate(self, *, per_page: int, n_max: int | None) -> Iterator[list[dict[str, Any]]]:
        """Pages of works."""
        ...


class OpenAlex:
    """Works as in the snapshot: one file of JSON lines, or a directory of ``.gz`` parts."""

    name = "openalex"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts stored bytes; of a directory files."""
        if not existing(location).is_dir():
            return read_json_records(location, parse_record, progress=progress)
        parts = sorted(path for path in location.rglob("*") if path.suffix in (".gz", ".jsonl", ".zst"))
        if not parts:
            raise SourceError(
                f"{location} holds no works: there is no .gz, .zst or .jsonl file in it.",
                hint="Name the snapshot's data/works directory, or one of its files.",
            )
        return _read_parts(parts, progress)


def fetch_query(works: Works, max_results: int) -> Iterator[Record]:
    """Yield what OpenAlex's API finds, in its order.

    Args:
        works: a ``pyalex.Works`` query, for example
            ``Works().filter(primary_topic={"id": "T10028"}, from_publication_date="2024-01-01")``.
        max_results: at most so many.

    Raises:
        SourceError: the API cannot be reached or refuses the query, after the papers before.
    """
    import requests
    from pyalex.api import QueryError

    try:
        pages = works.paginate(per_page=min(_PAGE, max_results), n_max=max_results)
        for work in itertools.islice(itertools.chain.from_iterable(pages), max_results):
            try:
                yield parse_record(work)
            except RecordError as error:
                raw = orjson.dumps(dict(work))
                yield Rejected("OpenAlex query", str(work.get("id") or "without id"), error.message, raw)
    except (QueryError, requests.RequestException) as error:
        raise SourceError(
            f"OpenAlex's API gave no answer: {error}.",
            hint="Check the network, the filter and the API key (pyalex.config.api_key).",
        ) from error


def parse_record(work: Mapping[str, object]) -> Paper:
    """The paper of one OpenAlex work.

    Raises:
        RecordError: a value is missing, of the wrong type or out of range.
    """
    location = expect(work, "primary_location", dict) or {}
    host = expect(location, "source", dict) or {}
    identifier = _tail(expect(work, "id", str))
    return make_paper(
        source=OpenAlex.name,
        id=identifier,
        title=work.get("title") or work.get("display_name"),
        abstract=_abstract(expect(work, "abstract_inverted_index", dict)),
        year=work.get("publication_year"),
        date=work.get("publication_date"),
        venue=host.get("display_name"),
        doi=work.get("doi"),
        arxiv_id=_arxiv_id(work),
        url=location.get("landing_page_url")
        or (f"https://openalex.org/{identifier}" if identifier else None),
        keywords=_names(expect(work, "keywords", list)),
        authors=_authors(expect(work, "authorships", list)),
        withdrawn=work.get("is_retracted"),
    )


def _read_parts(parts: list[Path], progress: Progress | None) -> Iterator[Record]:
    for done, path in enumerate(parts, start=1):
        yield from read_json_records(path, parse_record)
        if progress is not None:
            progress(done, len(parts))


def _tail(address: str | None) -> str | None:
    """``https://openalex.org/W123`` → ``W123``."""
    return address.rstrip("/").rsplit("/", 1)[-1] if address else None


def _abstract(index: Mapping[str, object] | None) -> str | None:
    """The text of an inverted index: word → the positions where it stands."""
    if not index:
        return None
    words: list[tuple[int, str]] = []
    for word, positions in index.items():
        if not isinstance(positions, list) or not all(isinstance(position, int) for position in positions):
            raise RecordError(f"abstract_inverted_index[{word[:30]!a}] is not a list of positions")
        words.extend((position, word) for position in positions)
        if len(words) > MAX_ABSTRACT:
            raise RecordError(f"abstract has more than {MAX_ABSTRACT:,} words")
    return " ".join(word for _, word in sorted(words))


def _names(entries: list[object] | None) -> list[object]:
    return [entry.get("display_name") if isinstance(entry, dict) else entry for entry in entries or []]


def _authors(authorships: list[object] | None) -> list[dict[str, object]]:
    """Author slots; a slot without any name (OpenAlex has a few) is left out."""
    slots = []
    for i, slot in enumerate(authorships or []):
        if not isinstance(slot, dict):
            raise RecordError(f"authorships[{i}] is not an object")
        author = expect(slot, "author", dict) or {}
        name = slot.get("raw_author_name") or author.get("display_name")
        institutions = [name for name in _names(expect(slot, "institutions", list)) if isinstance(name, str)]
        strings = expect(slot, "raw_affiliation_strings", list) or []
        affiliations = institutions or [text for text in strings if isinstance(text, str)]
        if name:
            slots.append(
                {
                    "name": name,
                    "id": _tail(expect(author, "id", str)),
                    "affiliation": "; ".join(affiliations) or None,
                    "orcid": author.get("orcid"),
                }
            )
    return slots


def _arxiv_id(work: Mapping[str, object]) -> str | None:
    for location in [work.get("primary_location"), *(expect(work, "locations", list) or [])]:
        address = location.get("landing_page_url") if isinstance(location, dict) else None
        if isinstance(address, str) and "arxiv.org/" in address:
            return fields.arxiv_id(address)
    return None
