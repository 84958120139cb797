"""JSON lines: the format itself, compression, and every kind of bad line."""

import gzip
from pathlib import Path

import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source

GOOD = orjson.dumps(
    {"id": "a", "title": "T", "year": 2020, "authors": [{"id": "x", "name": "X"}], "source": "mine"}
)
PAPER = Paper(id="a", title="T", source="mine", year=2020, authors=(Author("X", "x"),))


def read(path: Path) -> list[Paper | Rejected]:
    return list(source("jsonl").read(path))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_the_content_says_how_a_file_is_packed(tmp_path: Path, name: str, pack: object) -> None:
    path = tmp_path / name
    path.write_bytes(pack(b"\xef\xbb\xbf" + GOOD + b"\r\n\n  \n" + GOOD))  # type: ignore[operator]
    assert read(path) == [PAPER, PAPER]


def test_the_source_stated_is_kept_only_when_it_is_a_short_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"id": "a", "title": "T", "source": s} for s in ("acl-anthology", "", 5, "x" * 99, None)]
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert [paper.source for paper in read(path)] == ["acl-anthology"] + ["jsonl"] * 4  # type: ignore[union-attr]


def test_bad_lines_are_rejected_by_line_with_the_reason_and_the_line(tmp_path: Path) -> None:
    bad = [
        (b'{"title": "no id"}', "id is missing"),
        (b'{"id": "b"}', "title is missing"),
        (b'{"id": "b", "title": 5}', "title is 5, not text"),
        (b"{broken", "invalid JSON at character 2: "),
        (b'["a"]', "line holds a JSON list, not an object"),
        (b'{"id": "b", "title": "\xff"}', "not valid UTF-8 at byte 23"),
        (
            b'{"id": "b", "title": "x\\ud800"}',
            "holds a lone surrogate (half of a \\u escape pair) at character ",
        ),
        (b'{"id": "b", "title": "x\\u0000"}', "title holds a NUL byte at character 2"),
        (
            b'{"id": "b", "title": "T", "authors": ["A\\u0000"]}',
            "authors[0].name holds a NUL byte at character 2",
        ),
        (b'{"id": "b", "title": "T", "year": 20222}', "year 20222 is not between 1500 and "),
        (b'{"id": "b", "title": "T", "year": NaN}', "invalid JSON at character 35: "),
        (
            b'{"id": "b", "title": "T", "abstract": "' + b"x" * 10_000_000 + b'"}',
            "abstract has 10,000,000 characters",
        ),
        (b"[" * 5000, "invalid JSON at character"),
    ]
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join([GOOD, b"", *(line for line, _ in bad), GOOD]))
    first, *rejected, last = read(path)
    assert first == last == PAPER
    for number, (record, (line, reason)) in enumerate(zip(rejected, bad, strict=True), start=3):
        assert isinstance(record, Rejected)
        assert (record.location, record.position, record.raw) == (str(path), number, line)
        assert record.reason.startswith(reason)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_truncated_archive_gives_its_good_lines_and_then_an_error(tmp_path: Path, pack: object) -> None:
    lines = [orjson.dumps({"id": str(i), "title": f"T {i * 7919 % 1013} {i}"}) for i in range(40_000)]
    packed: bytes = pack(b"\n".join(lines))  # type: ignore[operator]
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[: len(packed) * 9 // 10])
    ids = []
    with pytest.raises(SourceError, match=r"cut\.jsonl\.gz cannot be read past line"):
        ids.extend(record.id for record in source("jsonl").read(path))  # type: ignore[union-attr]
    records = source("jsonl").read(path)
    assert [next(records).id for _ in range(100)] == [str(i) for i in range(100)]  # type: ignore[union-attr]


def test_a_corrupt_archive_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.gz"
    packed = bytearray(gzip.compress(GOOD * 50))
    packed[20:30] = b"\xff" * 10
    path.write_bytes(packed)
    with pytest.raises(SourceError, match=r"corrupt\.gz cannot be read past line 0"):
        read(path)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is a directory, not a file"):
        source("jsonl").read(tmp_path)


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD + b"\n")
    seen: list[tuple[int, int]] = []
    list(source("jsonl").read(path, progress=lambda done, total: seen.append((done, total))))
    size = len(GOOD) + 1
    assert seen[-1] == (size, size)


@pytest.mark.parametrize("name", ["jsonl", "arxiv", "openalex"])
@given(st.lists(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9999) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["id", "title", "abstract", "authors", "name", "authors_parsed", "versions", "created", "year",
                         "authorships", "author", "locations", "primary_location", "source", "institutions",
                         "abstract_inverted_index", "keywords", "display_name", "categories", "comments", "doi"]),
        inner, max_size=6), max_leaves=12).map(orjson.dumps)), max_size=4))  # fmt: skip
def test_no_line_whatever_stops_a_reading(
    tmp_path_factory: pytest.TempPathFactory, name: str, lines: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.jsonl"
    path.write_bytes(b'{"id":' + b"\n" + b"\n".join(line.replace(b"\x1f\x8b", b"") for line in lines))
    assert all(isinstance(record, (Paper, Rejected)) for record in source(name).read(path))
