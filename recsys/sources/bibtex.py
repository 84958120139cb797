r"""BibTeX files as reference managers export them, through ``bibtexparser`` 2.

Every entry of every type is a paper, its key the id; ``@comment``, ``@preamble`` and ``@string`` are none.
Fields are TeX: bare braces group, ``\{`` is a brace.
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources import fields
from recsys.sources.base import Progress, Record, Rejected, existing, make_paper
from recsys.text import clean_text

__all__ = ["Bibtex", "parse_entry", "parse_text"]

#: Larger files are no exports of a reference manager; the parser holds a file in memory several times.
MAX_FILE = 1 << 28

_ENCODING = re.compile(rb"^%\s*Encoding:\s*([\w.-]+)", re.IGNORECASE)  # written by JabRef
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_UNDECODED = re.compile("[\udc80-\udcff]")


class Bibtex:
    """A ``.bib`` file."""

    name = "bibtex"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts the file's bytes, all at once.

        The file is UTF-8, or what a first line ``% Encoding: …`` says. An entry in another encoding, a broken
        entry and the second entry of one key are rejected by their line.
        """
        existing(location, directory=False)
        size = location.stat().st_size
        if size > MAX_FILE:
            raise SourceError(
                f"{location} has {size >> 20} MiB, more than {MAX_FILE >> 20}.",
                hint="Split it into smaller files.",
            )
        return _read(location, size, progress)


def parse_text(text: str, location: str) -> Iterator[Record]:
    """Yield the papers of a BibTeX text, and a :class:`Rejected` for each entry that is none."""
    from bibtexparser import parse_string
    from bibtexparser.model import DuplicateBlockKeyBlock, DuplicateFieldKeyBlock, Entry, ParsingFailedBlock

    # What the parser logs about broken entries is in the rejected records too.
    logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)
    library = parse_string(text, parse_stack=[])
    strings = {string.key.lower(): string.value for string in library.strings}
    for block in library.blocks:
        if isinstance(block, DuplicateFieldKeyBlock):
            block = block.ignore_error_block
        line, raw = (block.start_line or 0) + 1, (block.raw or "").encode(errors="surrogateescape")
        if isinstance(block, DuplicateBlockKeyBlock):
            first = (block.previous_block.start_line or 0) + 1
            yield Rejected(location, line, f"key {block.key[:60]!a} was used before, on line {first}", raw)
        elif isinstance(block, ParsingFailedBlock):
            yield Rejected(location, line, _syntax_reason(block.error), raw)
        elif isinstance(block, Entry):
            try:
                yield _entry(block, strings)
            except RecordError as error:
                yield Rejected(location, line, error.message, raw)


def parse_entry(key: str, entry: Mapping[str, str]) -> Paper:
    """The paper of one entry: field names in lower case → TeX values without their delimiters.

    Raises:
        RecordError: a value is missing or out of range.
    """
    for name, value in entry.items():
        if _UNDECODED.search(value):
            raise RecordError(f"{name} is not in the file's encoding (UTF-8 if it names none)")
    title, abstract = entry.get("title"), entry.get("abstract")
    return make_paper(
        source=Bibtex.name,
        id=key,
        title=_plain(title),
        abstract=_plain(abstract),
        year=_year(entry),
        date=_date(entry),
        venue=_plain(entry.get("journal") or entry.get("journaltitle") or entry.get("booktitle")),
        doi=_plain(entry.get("doi")),
        arxiv_id=_arxiv_id(entry),
        url=_address(entry),
        keywords=_keywords(entry.get("keywords") or entry.get("keyword") or ""),
        authors=_authors(entry.get("author") or ""),
        original_title=title,
        original_abstract=abstract,
    )


def _read(path: Path, size: int, progress: Progress | None) -> Iterator[Record]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}.", hint="Check its permissions.") from error
    declared = _ENCODING.match(content.removeprefix(codecs.BOM_UTF8))
    encoding = declared[1].decode().lower() if declared else "utf-8"
    try:
        encoding = codecs.lookup(encoding).name
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding, "surrogateescape")
    except (LookupError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} names an encoding it is not in: {error}.", hint="Save it as UTF-8."
        ) from error
    yield from parse_text(text.replace("\r\n", "\n"), str(path))
    if progress is not None:
        progress(size, size)


def _entry(block: Any, strings: Mapping[str, str]) -> Paper:
    values: dict[str, str] = {}
    for field in block.fields:  # of a field that is there twice the first counts, as in BibTeX
        values.setdefault(field.key.lower(), _value(str(field.value), strings))
    return parse_entry(block.key, values)


def _value(raw: str, strings: Mapping[str, str], depth: int = 0) -> str:
    """A field's value: pieces in braces, in quotes, numbers and names of strings, joined by ``#``."""
    pieces = []
    for piece in _pieces(raw):
        if piece[:1] + piece[-1:] in ("{}", '""') and len(piece) > 1:
            pieces.append(piece[1:-1])
        elif piece.lower() in strings and depth < 10:  # strings may name strings, but not themselves
            pieces.append(_value(strings[piece.lower()], strings, depth + 1))
        else:
            pieces.append(piece)
    return "".join(pieces)


def _pieces(raw: str) -> list[str]:
    pieces, start, depth, quoted = [], 0, 0, False
    for i, character in enumerate(raw):
        if character in "{}" and raw[i - 1 : i] != "\\":
            depth += 1 if character == "{" else -1
        elif character == '"' and depth == 0:
            quoted = not quoted
        elif character == "#" and depth == 0 and not quoted:
            pieces.append(raw[start:i].strip())
            start = i + 1
    return [*pieces, raw[start:].strip()]


def _plain(value: str | None) -> str | None:
    return clean_text(value, tex=True) if value and "\0" not in value else value


def _year(entry: Mapping[str, str]) -> str | None:
    """Digits as they stand (20222 is refused later); of ``c2020`` or ``in press`` the year in it, if any."""
    year = (_plain(entry.get("year")) or "").strip()
    if year.isdigit():
        return year
    found = _YEAR.search(year)
    return found[0] if found else None


def _date(entry: Mapping[str, str]) -> str | None:
    """biblatex's ``date`` (of a range the start), else year and month, else None."""
    date = fields.iso_date((entry.get("date") or "").split("/")[0])
    if date is not None:
        return date
    year, month = _year(entry), fields.month_number(_plain(entry.get("month")) or "")
    return f"{year}-{month:02}" if year and len(year) == 4 and month else None


def _arxiv_id(entry: Mapping[str, str]) -> str | None:
    kind = (entry.get("archiveprefix") or entry.get("eprinttype") or "").lower()
    eprint = _plain(entry.get("eprint")) or ""
    if kind in ("", "arxiv") and (number := fields.arxiv_id(eprint)):
        return number
    # DBLP and Google Scholar: journal = {arXiv preprint arXiv:1910.07931}; CoRR's volume = {abs/1910.07931}
    for text in (entry.get("journal") or "", entry.get("volume") or "", entry.get("url") or ""):
        last = (
            text.replace("abs/", "").split(" ")[-1]
            if "abs/" in text and "://" not in text
            else text.split(" ")[-1]
        )
        if ("arxiv" in text.lower() or text.startswith("abs/")) and (number := fields.arxiv_id(last)):
            return number
    return None


def _address(entry: Mapping[str, str]) -> str | None:
    r"""The first address in ``url`` (Mendeley writes several), else in ``howpublished = {\url{…}}``."""
    for name in ("url", "howpublished"):
        value = (
            (entry.get(name) or "")
            .replace("\\_", "_")
            .replace("\\%", "%")
            .replace("\\&", "&")
            .replace("\\#", "#")
        )
        if found := re.search(r"https?://[^\s{}]+", value):
            return found[0]
    return None


def _keywords(value: str) -> list[str]:
    listed = re.split(r"[;\n]" if ";" in value else r"[,\n]", value)
    return [keyword for part in listed if (keyword := _plain(part.strip()))]


def _authors(value: str) -> list[dict[str, str]]:
    from bibtexparser.middlewares.names import (
        InvalidNameError,
        parse_single_name_into_parts,
        split_multiple_persons_names,
    )

    authors = []
    for name in split_multiple_persons_names(" ".join(value.split())):
        try:
            printed = parse_single_name_into_parts(name).merge_first_name_first
        except InvalidNameError:
            printed = name
        if printed.lower() != "others" and (plain := _plain(printed)):
            authors.append({"name": plain})
    return authors


def _syntax_reason(error: Exception) -> str:
    reason = str(getattr(error, "abort_reason", "") or error) or type(error).__name__
    return "broken entry: " + " ".join(reason.split()).rstrip(".")[:150]
