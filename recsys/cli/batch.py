"""Many questions at once: JSON lines of questions in, JSON lines of rankings out, in the same order.

A question is ``{"id"| "text", "negative", "candidates", "k"}``, an answer ``{"id", "results": [{"id", "score"}]}``. A
line that cannot be answered gets an answer with an ``error``; what stands in the way of every answer (no snapshot, no
store) ends the run.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from recsys.errors import InvalidRequest, PaperNotFound, RecordError, RecsysError
from recsys.service import Ranking, Request
from recsys.sources.base import existing
from recsys.sources.lines import parse_json_object

KEYS = ("id", "text", "negative", "candidates", "k")
WAITING = 8  # questions a thread that are asked ahead of the first one unanswered
PROBLEMS_KEPT = 5
FORMAT = "Write one JSON object a line; docs/api.md describes it."

STANDARD = Path("-")

Line = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Answered:
    """One line of the output.

    Attributes:
        number: of the line that asked, from 1.
        line: the JSON, without the end of the line.
        unknown: candidates that are not in the corpus.
        error: why there is no ranking, or None.
    """

    number: int
    line: bytes
    unknown: int = 0
    error: RecsysError | None = None


@dataclass
class Summary:
    """How a batch went.

    Attributes:
        answered: lines with a ranking.
        refused: lines with an error.
        first: number and error of the first few of those.
        unknown: candidates that are not in the corpus, each counted once a line.
    """

    answered: int = 0
    refused: int = 0
    first: list[tuple[int, RecsysError]] = field(default_factory=list)
    unknown: int = 0


# -- one line ----------------------------------------------------------------------------------------------------------


def parse_question(line: bytes, text_limit: int) -> Request:
    """The question that a line asks.

    Args:
        line: a JSON object.
        text_limit: longest text, in characters.

    Raises:
        InvalidRequest: it is no JSON object, a key is unknown, a value has the wrong type, or the text is too long.
    """
    try:
        record = parse_json_object(line)
    except RecordError as error:
        raise InvalidRequest(f"This is no question: {error.message}.", hint=FORMAT) from None
    unknown = [key for key in record if key not in KEYS]
    if unknown:
        raise InvalidRequest(f"There is no key {unknown[0][:40]!r}.", hint=f"The keys are {', '.join(KEYS)}.")
    text = _typed(record, "text", str, "a string")
    if text is not None:
        check_length(text, text_limit)
    candidates = _ids(record, "candidates")
    return Request(
        id=_typed(record, "id", str, "a string"),
        text=text,
        negative=_ids(record, "negative") or (),
        candidates=candidates,
        k=_typed(record, "k", int, "a whole number"),
    )


def ranking_line(paper_id: str | None, ranking: Ranking) -> bytes:
    """The line that answers a question; scores are written in full."""
    results = [{"id": found, "score": score} for found, score in ranking.results]
    return orjson.dumps({"id": paper_id, "results": results})


def error_line(paper_id: str | None, number: int, error: RecsysError) -> bytes:
    """The line that says why a question has no answer."""
    told = {"code": error.code, "message": error.message, "hint": error.hint, "line": number}
    return orjson.dumps({"id": paper_id, "results": [], "error": told})


def check_length(text: str, limit: int) -> None:
    """Raise InvalidRequest for a text over the limit."""
    if len(text) > limit:
        raise InvalidRequest(
            f"The text has {len(text)} characters; the limit is {limit}.",
            hint="Give the abstract or a part of the text, or raise text_limit in the settings.",
        )


def answer_line(number: int, line: bytes, answer: Callable[[Request], Ranking], text_limit: int) -> Answered:
    """Parse one line, ask, and write the answer or what is wrong with the question."""
    request = None
    try:
        request = parse_question(line, text_limit)
        ranking = answer(request)
    except (InvalidRequest, PaperNotFound) as error:
        paper_id = _claimed_id(line) if request is None else request.id
        return Answered(number, error_line(paper_id, number, error), error=error)
    return Answered(number, ranking_line(request.id, ranking), ranking.unknown)


def _typed(record: dict[str, object], key: str, kind: type[Any], name: str) -> Any:
    value = record.get(key)
    if value is not None and type(value) is not kind:
        raise InvalidRequest(
            f"{key} is not {name} but {_kind(value)}.", hint=f"Give {name}, or leave it out."
        )
    return value


def _ids(record: dict[str, object], key: str) -> tuple[str, ...] | None:
    """Ids in the order given, each once."""
    values = _typed(record, key, list, "a list")
    if values is None:
        return None
    for place, value in enumerate(values):
        if not isinstance(value, str):
            raise InvalidRequest(
                f"{key}[{place}] is not a string but {_kind(value)}.", hint="Give a list of papers' ids."
            )
    return tuple(dict.fromkeys(values))


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _claimed_id(line: bytes) -> str | None:
    """The id in a line that asks something else wrongly."""
    try:
        claimed = parse_json_object(line).get("id")
    except RecordError:
        return None
    return claimed if isinstance(claimed, str) else None


# -- all lines ---------------------------------------------------------------------------------------------------------


def answer_lines(
    lines: Iterable[Line], answer: Callable[[Request], Ranking], *, threads: int, text_limit: int
) -> Iterator[Answered]:
    """Answer lines on several threads, in their order; only a few are read ahead.

    Raises:
        RecsysError: what is in the way of every answer.
    """
    pool = ThreadPoolExecutor(threads, thread_name_prefix="batch")
    waiting: deque[Future[Answered]] = deque()
    try:
        for number, line in lines:
            waiting.append(pool.submit(answer_line, number, line, answer, text_limit))
            if len(waiting) >= WAITING * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def write_answers(
    answers: Iterable[Answered],
    file: IO[bytes],
    progress: Callable[[int], None],
) -> Summary:
    """Write answers down and count them.

    Args:
        answers: in order.
        file: gets a line each.
        progress: told how many lines are written.
    """
    summary = Summary()
    for answered in answers:
        file.write(answered.line + b"\n")
        if answered.error is None:
            summary.answered += 1
            summary.unknown += answered.unknown
        else:
            summary.refused += 1
            if len(summary.first) < PROBLEMS_KEPT:
                summary.first.append((answered.number, answered.error))
        progress(summary.answered + summary.refused)
    return summary


# -- files -------------------------------------------------------------------------------------------------------------


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """A file that can be read twice: the one named, or a copy of what a pipe or standard input (``-``) gives.

    Raises:
        SourceError: there is no such file.
    """
    piped = path == STANDARD
    if not piped and existing(path, directory=False).is_file():
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="recsys-batch-") as copy:
        with nullcontext(sys.stdin.buffer) if piped else path.open("rb") as stream:
            shutil.copyfileobj(stream, copy)
        copy.flush()
        yield Path(copy.name)


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears, or replaces the one before, once everything is written; ``-`` is standard output.

    Raises:
        InvalidRequest: it cannot be written.
    """
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = path.resolve()  # a link stays one
    if target.is_dir():
        raise InvalidRequest(f"{path} is a directory.", hint="Name a file with --out.")
    try:
        if target.exists() and not target.is_file():
            with target.open("wb") as device:  # a pipe or a device cannot be replaced
                yield device
            return
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
            _flush_folder(target.parent)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be written: {error.strerror}.", hint="Name another file with --out."
        ) from error


def _flush_folder(path: Path) -> None:
    """Ask the system to put a folder's list of names on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
