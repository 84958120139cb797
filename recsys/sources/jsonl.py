"""JSON lines: this project's own exchange format, one object and so one paper a line (docs/sources.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from recsys.records import Paper
from recsys.sources.base import Progress, Record, existing, make_paper
from recsys.sources.lines import read_json_records

__all__ = ["JsonLines", "parse_record"]

_SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}")


class JsonLines:
    """A file of JSON lines: plain, gzip or zstd."""

    name = "jsonl"

    def read(self, location: Path, *, progress: Progress | None = None) -> Iterator[Record]:
        """See :meth:`recsys.sources.base.Source.read`; progress counts bytes of the file as stored."""
        return read_json_records(existing(location, directory=False), parse_record, progress=progress)


def parse_record(record: dict[str, object]) -> Paper:
    """The paper that one JSON object describes.

    Raises:
        RecordError: a value is missing, of the wrong type or out of range.
    """
    stated = record.get("source")
    return make_paper(
        source=stated if isinstance(stated, str) and _SOURCE_NAME.fullmatch(stated) else JsonLines.name,
        id=record.get("id"),
        title=record.get("title"),
        abstract=record.get("abstract"),
        year=record.get("year"),
        date=record.get("date"),
        venue=record.get("venue"),
        doi=record.get("doi"),
        arxiv_id=record.get("arxiv_id"),
        url=record.get("url"),
        keywords=record.get("keywords"),
        authors=record.get("authors"),
        withdrawn=record.get("withdrawn"),
    )
