"""Labels, and the little that an evaluation has to know about the papers they name. Pure parsing: no file is opened.

Two forms of labels are read, told apart by the first line:

* TREC qrels, four fields between white space: query, an ignored field, paper, grade
  (https://trec.nist.gov/data/qrels_eng/).
* CSV with a header: ``citing,cited`` or ``query,relevant``, and optionally a third column ``grade`` (default 1).

Query and paper are paper ids. A grade below 0 counts as 0: judged and not relevant.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

from recsys.errors import SourceError
from recsys.records import Paper, work_key

__all__ = ["MAX_GRADE", "Corpus", "Entry", "Judgements", "parse_judgements"]

Form = Literal["trec", "csv"]

#: The highest grade in use anywhere is about 10; the metric library allots memory by the highest grade.
MAX_GRADE = 1_000
_INTEGER = re.compile(r"[+-]?[0-9]{1,9}")
_HEADERS = {("citing", "cited"), ("query", "relevant")}


@dataclass(frozen=True)
class Judgements:
    """The labels of one file.

    Attributes:
        name: of the file, for messages.
        form: what it was taken for.
        grades: query id → paper id → grade, 0 or more.
    """

    name: str
    form: Form
    grades: Mapping[str, Mapping[str, int]]

    @cached_property
    def papers(self) -> frozenset[str]:
        """Every id that occurs in the file, queries included."""
        return frozenset(chain(self.grades, *self.grades.values()))

    @cached_property
    def has_zero(self) -> bool:
        """Whether some paper was judged not relevant: then the judged papers of a query are a pool."""
        return any(0 in judged.values() for judged in self.grades.values())


def parse_judgements(lines: Iterable[tuple[int, bytes]], name: str) -> Judgements:
    """Read labels.

    Args:
        lines: (line number, line without its end) pairs without blank lines, as
            :func:`recsys.sources.lines.read_lines` gives them.
        name: of the file, for messages.

    Raises:
        SourceError: a line is neither form, or judges a pair again with another grade; names file, line and value.
    """
    numbered = iter(lines)
    first = next(numbered, None)
    if first is None:
        raise SourceError(f"{name} is empty.", hint="It should hold TREC qrels or CSV pairs.")
    text = decoded(name, *first)
    form: Form = "trec" if _is_trec(text) else "csv"
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    if form == "csv":
        columns = _header(name, first[0], text)
        rows = (
            (number, *_csv_pair(name, number, decoded(name, number, line), columns))
            for number, line in numbered
        )
    else:
        rows = (
            (number, *_trec_pair(name, number, decoded(name, number, line)))
            for number, line in chain([first], numbered)
        )
    for number, query, paper, grade in rows:
        before = grades[query].setdefault(paper, grade)
        if before != grade:
            raise SourceError(
                f"{name}, line {number} grades {paper!r} for the query {query!r} as {grade}; an earlier line has {before}.",
                hint="Keep one of the two lines.",
            )
    if not grades:
        raise SourceError(
            f"{name} has a header and no labels.", hint="Each further line should hold one pair."
        )
    return Judgements(name, form, dict(grades))


def decoded(name: str, number: int, line: bytes) -> str:
    """A line of a file of labels as text; SourceError names it where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name}, line {number} is not UTF-8 at byte {error.start + 1}: {shown_value(line)}.",
            hint="Convert the file to UTF-8.",
        ) from None


def _is_trec(line: str) -> bool:
    fields = line.split()
    return len(fields) == 4 and _INTEGER.fullmatch(fields[3]) is not None


def _trec_pair(name: str, number: int, line: str) -> tuple[str, str, int]:
    fields = line.split()
    if len(fields) != 4:
        raise SourceError(
            f"{name}, line {number} has {len(fields)} fields, not 4: {shown_value(line)}.",
            hint="A line of TREC qrels is: query 0 paper grade.",
        )
    return fields[0], fields[2], _grade(name, number, fields[3])


def _header(name: str, number: int, line: str) -> int:
    """The number of columns that a CSV header announces."""
    fields = tuple(field.strip().casefold() for field in csv_fields(name, number, line))
    if fields[:2] not in _HEADERS or fields[2:] not in ((), ("grade",)):
        raise SourceError(
            f"{name}, line {number} is neither TREC qrels nor a known CSV header: {shown_value(line)}.",
            hint="Begin a CSV with citing,cited or query,relevant, optionally followed by ,grade; "
            "a line of TREC qrels is: query 0 paper grade.",
        )
    return len(fields)


def _csv_pair(name: str, number: int, line: str, columns: int) -> tuple[str, str, int]:
    fields = [field.strip() for field in csv_fields(name, number, line)]
    if len(fields) != columns or not all(fields):
        raise SourceError(
            f"{name}, line {number} should have {columns} values, none of them empty: {shown_value(line)}.",
            hint="Mend the line or take it out.",
        )
    return fields[0], fields[1], _grade(name, number, fields[2]) if columns == 3 else 1


def csv_fields(name: str, number: int, line: str) -> list[str]:
    """The values of one CSV line; SourceError names it where it is none."""
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise SourceError(
            f"{name}, line {number} is no CSV ({error}): {shown_value(line)}.",
            hint="Mend the quotes; one pair is one line.",
        ) from None


def _grade(name: str, number: int, text: str) -> int:
    if not _INTEGER.fullmatch(text) or int(text) > MAX_GRADE:
        raise SourceError(
            f"{name}, line {number}: the grade {shown_value(text)} is not a whole number up to {MAX_GRADE:,}.",
            hint="Use 0 for not relevant, 1 and above for relevant.",
        )
    return max(0, int(text))


def shown_value(line: str | bytes) -> str:
    """A value as an error repeats it: quoted, and not too much of it."""
    shown = repr(line)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


@dataclass(frozen=True, slots=True)
class Entry:
    """What an evaluation knows of one paper.

    Attributes:
        id: the paper's.
        title: the paper's.
        year: the paper's, or None.
        has_abstract: whether there is one.
        work: equal for versions of one work (see :func:`recsys.records.work_key`), or None.
        people: its authors, each by the explicit id where there is one, else by the name without case.
    """

    id: str
    title: str
    year: int | None = None
    has_abstract: bool = False
    work: str | None = None
    people: tuple[str, ...] = ()

    @classmethod
    def of(cls, paper: Paper) -> Entry:
        """The entry of a paper."""
        people = (
            f"id:{author.id}" if author.id else f"name:{' '.join(author.name.casefold().split())}"
            for author in paper.authors
        )
        return cls(
            paper.id,
            paper.title,
            paper.year,
            bool(paper.abstract),
            work_key(paper),
            tuple(dict.fromkeys(people)),
        )


class Corpus:
    """The papers that can be ranked.

    Attributes:
        entries: by id, in the order given.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[str, Entry] = {entry.id: entry for entry in entries}
        self._works: dict[str, list[str]] = defaultdict(list)
        for entry in self.entries.values():
            if entry.work is not None:
                self._works[entry.work].append(entry.id)

    def __len__(self) -> int:
        return len(self.entries)

    def same_work(self, paper_id: str) -> frozenset[str]:
        """The paper and the other versions of it: never an answer to it."""
        work = self.entries[paper_id].work
        return frozenset([paper_id] if work is None else self._works[work])
