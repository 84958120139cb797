"""What every source gives, and the one place where a source's values are checked and cleaned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar, cast

from recsys.errors import InvalidRequest, RecordError, SourceError
from recsys.records import Author, Paper
from recsys.sources import fields
from recsys.text import clean_text

__all__ = [
    "MAX_ABSTRACT",
    "SOURCES",
    "Progress",
    "Record",
    "Rejected",
    "Source",
    "checked_text",
    "existing",
    "expect",
    "make_paper",
    "source",
]

#: Limits, in characters of what the source gave. The longest real abstracts are below 20,000.
MAX_ABSTRACT = 100_000
MAX_FIELD = 10_000
MAX_ID = 512
#: The longest author lists in print (particle physics) have about 5,000 names.
MAX_AUTHORS = 20_000
MAX_KEYWORDS = 1_000

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Rejected:
    """One record that became no paper.

    Attributes:
        location: the file, directory or address it was read from, as given.
        position: line number from 1, or the record's id or place within the file.
        reason: one short line for the user, naming the field and the value.
        raw: the record as it was read, complete (of a JSON line: the line without its newline).
    """

    location: str
    position: int | str
    reason: str
    raw: bytes


Record: TypeAlias = Paper | Rejected
#: Called with (done, total) in a unit of the source's choosing: bytes of the file as stored, or files.
Progress: TypeAlias = Callable[[int, int], None]


class Source(Protocol):
    """A kind of file or directory that papers are read from."""

    name: str

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """Yield the papers at `location` in its order, and a :class:`Rejected` for each record that is none.

        Raises:
            SourceError: the location is missing, of another layout, or breaks off (a truncated archive:
                then after the records before the break were yielded).
        """
        ...


#: Every source: its name on the command line → module and class.
SOURCES: Mapping[str, str] = {
    "jsonl": "recsys.sources.jsonl:JsonLines",
    "acl-anthology": "recsys.sources.acl_anthology:AclAnthology",
    "arxiv": "recsys.sources.arxiv:Arxiv",
    "openalex": "recsys.sources.openalex:OpenAlex",
    "bibtex": "recsys.sources.bibtex:Bibtex",
    "openreview": "recsys.sources.openreview:OpenReview",
}


def source(name: str) -> Source:
    """The source called `name`.

    Raises:
        InvalidRequest: there is none of that name.
    """
    if name not in SOURCES:
        raise InvalidRequest(f"There is no source named {name!r}.", hint=f"Use one of: {', '.join(SOURCES)}.")
    module, _, cls = SOURCES[name].partition(":")
    return cast(Source, getattr(import_module(module), cls)())


def existing(location: Path, *, directory: bool | None = None) -> Path:
    """`location` itself when it is there and is a directory (True), a file (False), or either (None).

    Raises:
        SourceError: otherwise.
    """
    if not location.exists():
        raise SourceError(f"There is nothing at {location}.", hint="Check the path.")
    if directory is not None and location.is_dir() != directory:
        wanted, got = ("directory", "file") if directory else ("file", "directory")
        raise SourceError(f"{location} is a {got}, not a {wanted}.", hint=f"Name the {wanted} itself.")
    return location


def expect(record: Mapping[str, object], key: str, kind: type[_T]) -> _T | None:
    """``record[key]``, or None when it is missing or null.

    Raises:
        RecordError: it has another type than `kind`.
    """
    value = record.get(key)
    if value is None:
        return None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise RecordError(f"{key} is {_shown(value)}, not {_KIND_NAMES.get(kind, kind.__name__)}")
    return value


def make_paper(
    *,
    source: str,
    id: object,
    title: object,
    abstract: object = None,
    year: object = None,
    date: object = None,
    venue: object = None,
    doi: object = None,
    arxiv_id: object = None,
    url: object = None,
    keywords: object = None,
    authors: object = None,
    withdrawn: object = None,
    original_title: str | None = None,
    original_abstract: str | None = None,
) -> Paper:
    """A :class:`Paper` from a source's raw values, each checked, normalised and cleaned.

    Args:
        source: the source's name; trusted.
        id, title: required, text.
        year: a whole number, or text of digits; taken from `date` when missing.
        date: ISO 8601 text; a time of day is cut off.
        doi, arxiv_id, url: in any usual spelling; a malformed one becomes None.
        keywords: a list of text.
        authors: a list; each is text (the name) or a mapping with ``name`` and, optionally, ``id``,
            ``affiliation`` and ``orcid``.
        withdrawn: true or false.
        original_title, original_abstract: what the source had, where the caller already changed it.

    Raises:
        RecordError: a value has the wrong type, holds a NUL byte or a lone surrogate, is too long or out of
            range, or id or title is missing. Its message is the reason, without the record's place.
    """
    raw_title = checked_text("title", title)
    raw_abstract = checked_text("abstract", abstract, limit=MAX_ABSTRACT)
    clean_title = clean_text(raw_title or "")
    if not clean_title:
        raise RecordError("title is missing" if raw_title is None else f"title {_shown(raw_title)} is empty")
    clean_abstract = clean_text(raw_abstract) if raw_abstract else ""
    checked_date = _date(date)
    bare_doi = fields.doi(checked_text("doi", doi) or "")
    title_before = raw_title if original_title is None else original_title
    abstract_before = raw_abstract if original_abstract is None else original_abstract
    return Paper(
        id=_id(id),
        title=clean_title,
        source=source,
        abstract=clean_abstract or None,
        year=_year(year, checked_date),
        date=checked_date,
        venue=_cleaned("venue", venue),
        doi=bare_doi,
        arxiv_id=fields.arxiv_id(checked_text("arxiv_id", arxiv_id) or "")
        or fields.arxiv_id_of_doi(bare_doi),
        url=fields.web_address(checked_text("url", url) or ""),
        keywords=_keywords(keywords),
        authors=_authors(authors),
        withdrawn=_flag("withdrawn", withdrawn),
        original_title=title_before if title_before != clean_title else None,
        original_abstract=abstract_before if clean_abstract and abstract_before != clean_abstract else None,
    )


_KIND_NAMES: Mapping[type, str] = {
    str: "text",
    list: "a list",
    dict: "an object",
    int: "a whole number",
    bool: "true or false",
}


def _shown(value: object) -> str:
    """`value` in at most 60 characters, for a reason."""
    if isinstance(value, (dict, list, tuple)):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = (
        {None: "null", True: "true", False: "false"}.get(value)
        if isinstance(value, (bool, type(None)))
        else None
    )
    shown = text or ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def checked_text(field: str, value: object, *, limit: int = MAX_FIELD) -> str | None:
    """`value` if it is None or sound text: at most `limit` characters, no NUL, no lone surrogate.

    Raises:
        RecordError: it is not; the reason names `field`.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise RecordError(f"{field} is {_shown(value)}, not text")
    if len(value) > limit:
        raise RecordError(f"{field} has {len(value):,} characters, more than {limit:,}")
    if value.isascii() and "\0" not in value:
        return value
    if "\0" in value:
        raise RecordError(f"{field} holds a NUL byte at character {value.index(chr(0)) + 1}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"{field} holds a lone surrogate at character {error.start + 1}") from None
    return value


def _cleaned(field: str, value: object) -> str | None:
    return clean_text(checked_text(field, value) or "") or None


def _id(value: object) -> str:
    text = (checked_text("id", value) or "").strip()
    if not text:
        raise RecordError("id is missing" if value is None else f"id {_shown(value)} is empty")
    if len(text) > MAX_ID:
        raise RecordError(f"id has {len(text):,} characters, more than {MAX_ID}")
    if not text.isprintable():
        raise RecordError(f"id {_shown(text)} holds a control character")
    return text


def _year(value: object, date: str | None) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return int(date[:4]) if date else None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        number = int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise RecordError(f"year is {_shown(value)}, not a whole number")
    last = fields.last_year()
    if not fields.FIRST_YEAR <= number <= last:
        raise RecordError(f"year {_shown(number)} is not between {fields.FIRST_YEAR} and {last}")
    return number


def _date(value: object) -> str | None:
    text = checked_text("date", value)
    if text is None or not text.strip():
        return None
    date = fields.iso_date(text)
    if date is None:
        raise RecordError(f"date {_shown(text)} is not a date like 2020-07-05")
    if not fields.FIRST_YEAR <= int(date[:4]) <= fields.last_year():
        raise RecordError(f"date {_shown(text)} is not between {fields.FIRST_YEAR} and {fields.last_year()}")
    return date


def _flag(field: str, value: object) -> bool:
    if value is not None and not isinstance(value, bool):
        raise RecordError(f"{field} is {_shown(value)}, not true or false")
    return bool(value)


def _listed(field: str, value: object, limit: int) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise RecordError(f"{field} is {_shown(value)}, not a list")
    if len(value) > limit:
        raise RecordError(f"{field} has {len(value):,} entries, more than {limit:,}")
    return value


def _keywords(value: object) -> tuple[str, ...]:
    listed = _listed("keywords", value, MAX_KEYWORDS)
    cleaned = (_cleaned(f"keywords[{i}]", keyword) for i, keyword in enumerate(listed))
    return tuple(dict.fromkeys(keyword for keyword in cleaned if keyword))


def _authors(value: object) -> tuple[Author, ...]:
    return tuple(
        _author(f"authors[{i}]", slot) for i, slot in enumerate(_listed("authors", value, MAX_AUTHORS))
    )


def _author(field: str, slot: object) -> Author:
    if isinstance(slot, str):
        slot = {"name": slot}
    if not isinstance(slot, dict):
        raise RecordError(f"{field} is {_shown(slot)}, not a name or an object with a name")
    name = _cleaned(f"{field}.name", slot.get("name"))
    if not name:
        raise RecordError(f"{field}.name is missing")
    return Author(
        name=name,
        id=(checked_text(f"{field}.id", slot.get("id"), limit=MAX_ID) or "").strip() or None,
        affiliation=_cleaned(f"{field}.affiliation", slot.get("affiliation")),
        orcid=fields.orcid(checked_text(f"{field}.orcid", slot.get("orcid")) or ""),
    )
