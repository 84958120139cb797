"""Lines of a file that may be compressed, and JSON records read from them one by one."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import orjson

from recsys.errors import RecordError, SourceError
from recsys.records import Paper
from recsys.sources.base import Progress, Record, Rejected

__all__ = ["parse_json_object", "read_json_records", "read_lines"]

_CHUNK = 1 << 18
_GZIP, _ZSTD, _BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
#: A line longer than this is no record; it is cut, so that a file without newlines cannot fill the memory.
MAX_LINE = 1 << 26


def read_lines(path: Path, *, progress: Progress | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its end) of a plain, gzip or zstd file, without blank lines.

    What the file is, its first bytes say, not its name. A byte order mark is dropped. Of a line longer than
    64 MiB only the first 64 MiB are given.

    Raises:
        SourceError: the file cannot be read, or its compressed data is damaged or cut short; the lines
            before the damage were yielded.
    """
    number, pending, overlong = 0, b"", False
    try:
        for chunk in _chunks(path, progress):
            *complete, rest = chunk.split(b"\n")
            for i, piece in enumerate(complete):
                number += 1
                line = pending if overlong else pending + piece
                pending, overlong = b"", False
                yield from _numbered(number, line if i or number > 1 else line.removeprefix(_BOM))
            if not overlong:
                pending += rest
            if len(pending) > MAX_LINE:
                pending, overlong = pending[:MAX_LINE], True
    except (EOFError, gzip.BadGzipFile, zlib.error, OSError) as error:
        raise SourceError(
            f"{path} cannot be read past line {number}: {error}.",
            hint="The file is damaged or incomplete: fetch it again.",
        ) from error
    yield from _numbered(number + 1, pending if number else pending.removeprefix(_BOM))


def read_json_records(
    path: Path, parse: Callable[[dict[str, object]], Paper], *, progress: Progress | None = None
) -> Iterator[Record]:
    """Yield `parse` of each line's JSON object, and a :class:`Rejected` where line or object is bad."""
    for number, line in read_lines(path, progress=progress):
        try:
            yield parse(parse_json_object(line))
        except RecordError as error:
            yield Rejected(str(path), number, error.message, line)


def parse_json_object(line: bytes) -> dict[str, object]:
    """The JSON object in `line`.

    Raises:
        RecordError: it is not UTF-8, no JSON, or another JSON value than an object.
    """
    if len(line) >= MAX_LINE:
        raise RecordError(f"line is longer than {MAX_LINE >> 20} MiB")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordError(_json_reason(line, error)) from None
    if not isinstance(record, dict):
        raise RecordError(f"line holds a JSON {type(record).__name__}, not an object")
    return record


def _json_reason(line: bytes, error: orjson.JSONDecodeError) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as undecodable:
        return f"not valid UTF-8 at byte {undecodable.start + 1}"
    if "surrogate" in error.msg:
        return f"holds a lone surrogate (half of a \\u escape pair) at character {error.pos + 1}"
    return f"invalid JSON at character {error.pos + 1}: {error.msg}"


def _numbered(number: int, line: bytes) -> Iterator[tuple[int, bytes]]:
    line = line.removesuffix(b"\r")
    if line.strip():
        yield number, line


def _chunks(path: Path, progress: Progress | None) -> Iterator[bytes]:
    total = path.stat().st_size
    with path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic.startswith(_GZIP):
            chunks = _gzip_chunks(file)
        elif magic == _ZSTD:
            chunks = _zstd_chunks(file)
        else:
            chunks = iter(lambda: file.read(_CHUNK), b"")
        for chunk in chunks:
            yield chunk
            if progress is not None:
                progress(file.tell(), total)
    if progress is not None:
        progress(total, total)


def _gzip_chunks(file: IO[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        yield from iter(lambda: unpacked.read1(_CHUNK), b"")


def _zstd_chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Frame by frame: the library's own stream reader ends silently where a frame is cut short."""
    import zstandard

    unpacker = zstandard.ZstdDecompressor().decompressobj()
    started = False
    while packed := file.read(_CHUNK):
        while packed:
            started = True
            try:
                chunk = unpacker.decompress(packed)
            except zstandard.ZstdError as error:
                raise EOFError(str(error)) from error
            packed = b""
            if unpacker.eof:
                packed = unpacker.unused_data
                unpacker, started = zstandard.ZstdDecompressor().decompressobj(), False
            if chunk:
                yield chunk
    if started:
        raise EOFError("compressed data ended before the end-of-frame marker")
