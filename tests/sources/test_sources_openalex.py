"""OpenAlex: works of the snapshot and of the API."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests

from recsys.errors import RecordError, SourceError
from recsys.records import Author, Paper
from recsys.sources import Rejected, source
from recsys.sources.openalex import fetch_query, parse_record

WORK = {
    "id": "https://openalex.org/W123",
    "doi": "https://doi.org/10.1000/ABC",
    "title": "A <i>title</i> &amp; more",
    "publication_year": 2021,
    "publication_date": "2021-03-04",
    "abstract_inverted_index": {"again": [2], "Words": [0], "words": [1, 3]},
    "primary_location": {"landing_page_url": "https://doi.org/10.1000/abc", "source": {"display_name": "Venue"}},
    "locations": [{"landing_page_url": None}, {"landing_page_url": "http://arxiv.org/abs/2101.00001"}],
    "keywords": [{"display_name": "Dialogue"}, {"display_name": "Parsing"}],
    "authorships": [
        {
            "author": {"id": "https://openalex.org/A1", "display_name": "Ada Lovelace",
                       "orcid": "https://orcid.org/0000-0002-1825-0097"},
            "raw_author_name": "A. Lovelace",
            "institutions": [{"display_name": "One"}, {"display_name": "Two"}],
        },
        {"author": {"id": None, "display_name": "Bob"}, "raw_affiliation_strings": ["Somewhere"]},
        {"author": {}},
    ],
    "is_retracted": True,
}  # fmt: skip
PAPER = Paper(
    id="W123",
    title="A title & more",
    source="openalex",
    abstract="Words words again words",
    year=2021,
    date="2021-03-04",
    venue="Venue",
    doi="10.1000/abc",
    arxiv_id="2101.00001",
    url="https://doi.org/10.1000/abc",
    keywords=("Dialogue", "Parsing"),
    authors=(
        Author("A. Lovelace", "A1", "One; Two", "0000-0002-1825-0097"),
        Author("Bob", None, "Somewhere"),
    ),
    withdrawn=True,
    original_title="A <i>title</i> &amp; more",
)
BARE = {"id": "https://openalex.org/W9", "title": "Bare"}


def test_works_of_the_snapshot(tmp_path: Path) -> None:
    parts = tmp_path / "works" / "updated_date=2024-01-01"
    parts.mkdir(parents=True)
    (parts / "part_000.gz").write_bytes(
        gzip.compress(orjson.dumps(WORK) + b"\n" + orjson.dumps({**WORK, "title": None}))
    )
    (parts / "part_001.gz").write_bytes(gzip.compress(orjson.dumps(BARE)))
    seen: list[tuple[int, int]] = []
    paper, rejected, bare = source("openalex").read(tmp_path, progress=lambda *now: seen.append(now))
    assert paper == PAPER
    assert isinstance(rejected, Rejected)
    assert (rejected.location, rejected.position, rejected.reason) == (
        str(parts / "part_000.gz"),
        2,
        "title is missing",
    )
    assert bare == Paper(id="W9", title="Bare", source="openalex", url="https://openalex.org/W9")
    assert seen == [(1, 2), (2, 2)]
    assert list(source("openalex").read(parts / "part_001.gz")) == [bare]


def test_a_directory_without_works(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no works"):
        source("openalex").read(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"abstract_inverted_index": {"a": 5}}, "abstract_inverted_index['a'] is not a list of positions"),
        ({"abstract_inverted_index": {"a": list(range(100_001))}}, "abstract has more than 100,000 words"),
        ({"authorships": "Ada"}, "authorships is 'Ada', not a list"),
        ({"authorships": [1]}, "authorships[0] is not an object"),
        ({"publication_year": 20222}, "year 20222 is not between 1500 and "),
        ({"keywords": [{"display_name": 5}]}, "keywords[0] is 5, not text"),
    ],
)
def test_bad_works_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordError) as refused:
        parse_record({**WORK, **change})
    assert refused.value.message.startswith(reason)


class Works:
    """Two pages as pyalex gives them; then, if asked, the network fails."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: dict[str, object] = {}
        self.fails = fails

    def paginate(self, **options: Any) -> Iterator[list[dict[str, Any]]]:
        self.asked = options
        yield [dict(WORK), {"id": "https://openalex.org/W5"}]
        if self.fails:
            raise requests.ConnectionError("no route to host")
        yield [dict(BARE), dict(BARE)]


def test_the_api() -> None:
    works = Works()
    paper, rejected, bare = fetch_query(works, 3)
    assert works.asked == {"per_page": 3, "n_max": 3}
    assert paper == PAPER
    assert rejected == Rejected(
        "OpenAlex query", "https://openalex.org/W5", "title is missing", b'{"id":"https://openalex.org/W5"}'
    )
    assert isinstance(bare, Paper)
    assert bare.id == "W9"


def test_an_api_that_fails_is_a_source_error_after_what_came_before() -> None:
    records = fetch_query(Works(fails=True), 9)
    assert next(records) == PAPER
    with pytest.raises(SourceError, match="OpenAlex's API gave no answer: no route to host"):
        list(records)
