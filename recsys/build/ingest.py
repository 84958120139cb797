"""First stage: a source's records into the store, its bad records into a rejects file."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from recsys.errors import RejectedRecord
from recsys.records import Paper
from recsys.sources.base import Record, Rejected
from recsys.store.database import Database
from recsys.store.papers import PaperStore, UpsertCounts

BATCH = 1000
SHOWN = 20


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        read: records met, good and bad.
        counts: what became of the good ones.
        rejected: number of bad ones.
        first_rejects: the first :data:`SHOWN` of them, for showing.
        rejects_file: where the raw text of all of them lies, or None when there were none.
        reasons_file: a CSV beside it: line in the rejects file, where it came from, why it was refused.
    """

    read: int
    counts: UpsertCounts
    rejected: int
    first_rejects: tuple[Rejected, ...] = ()
    rejects_file: Path | None = None
    reasons_file: Path | None = None


def ingest(
    database: Database,
    records: Iterable[Record],
    *,
    label: str,
    rejects: Path,
    strict: bool = False,
    on_records: Callable[[int, int], None] = lambda _read, _rejected: None,
) -> IngestReport:
    """Put a source's papers into the store.

    Every batch is one transaction, so an ingest that is killed leaves whole papers, and running it again completes
    it. A strict ingest is one transaction altogether.

    Args:
        database: the store.
        records: papers and rejected records, in the source's order.
        label: a word for the names of the rejects files, such as the source's name.
        rejects: folder for those files.
        strict: stop at the first bad record, leaving the store as it was.
        on_records: called after every batch with the records met and rejected so far.

    Raises:
        RejectedRecord: under ``strict``, the first bad record.
    """
    store = PaperStore(database)
    with ExitStack() as stack:
        connection = stack.enter_context(database.transaction()) if strict else None
        bin_ = stack.enter_context(_RejectsFiles(rejects, label))
        read, counts = 0, UpsertCounts(0, 0, 0)
        for batch in _batched(records):
            bad = [record for record in batch if isinstance(record, Rejected)]
            if bad and strict:
                raise _strict_error(bad[0])
            for record in bad:
                bin_.add(record)
            counts += store.upsert([record for record in batch if isinstance(record, Paper)], connection)
            read += len(batch)
            on_records(read, bin_.count)
        bin_.keep()
        return IngestReport(read, counts, bin_.count, tuple(bin_.first), bin_.rejects_file, bin_.reasons_file)


def _batched(records: Iterable[Record]) -> Iterator[tuple[Record, ...]]:
    iterator = iter(records)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch


def _strict_error(record: Rejected) -> RejectedRecord:
    return RejectedRecord(
        f"{record.location}, {place(record)}: {record.reason}. Nothing was written.",
        hint="Mend the record, or leave out --strict to go on without it.",
    )


def place(record: Rejected) -> str:
    """Where a rejected record stands, in words: ``line 7``, or the source's own name for the place."""
    return f"line {record.position}" if isinstance(record.position, int) else record.position


@dataclass
class _RejectsFiles:
    """The raw records that were refused, and a CSV of the reasons; named only when whole, absent when empty."""

    folder: Path
    label: str
    count: int = 0
    first: list[Rejected] = field(default_factory=list)
    rejects_file: Path | None = None
    reasons_file: Path | None = None

    def __enter__(self) -> _RejectsFiles:
        self._raw: BinaryIO | None = None
        self._reasons: TextIO | None = None
        self._line = 1
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._raw, self._reasons):
            if file is not None:
                file.close()
                Path(file.name).unlink(missing_ok=True)  # not kept: the ingest failed

    def add(self, record: Rejected) -> None:
        if self._raw is None or self._reasons is None:
            self._open()
        raw, reasons = cast(BinaryIO, self._raw), cast(TextIO, self._reasons)
        csv.writer(reasons).writerow([self._line, record.location, record.position, record.reason])
        raw.write(record.raw + b"\n")
        self._line += record.raw.count(b"\n") + 1
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(record)

    def keep(self) -> None:
        """Give the files their final names."""
        if self._raw is None or self._reasons is None:
            return
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}-{self.label}"
        self.rejects_file = self.folder / f"{stem}.rejects"
        self.reasons_file = self.folder / f"{stem}.reasons.csv"
        for file, final in ((self._raw, self.rejects_file), (self._reasons, self.reasons_file)):
            file.close()
            os.replace(file.name, final)

    def _open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder / f".partial-{os.getpid()}"
        self._raw = aside.with_suffix(".rejects").open("wb")
        self._reasons = aside.with_suffix(".csv").open("w", encoding="utf-8", newline="")
        csv.writer(self._reasons).writerow(["line", "location", "position", "reason"])
