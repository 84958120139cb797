"""make_paper: what is accepted, normalised and refused; the registry."""

from pathlib import Path
from typing import Any

import pytest

from recsys.errors import InvalidRequest, RecordError, SourceError
from recsys.records import Author, Paper
from recsys.sources import SOURCES, make_paper, source
from recsys.sources.fields import last_year


def paper(**values: Any) -> Paper:
    return make_paper(**{"source": "test", "id": "x1", "title": "A title", **values})


def test_a_full_record() -> None:
    made = paper(
        id=" x1 ",
        title=r"{\'E}tude of  $x$",
        abstract="<p>Text</p>",
        year="2020",
        date="2020-07-05T12:00:00Z",
        venue="ACL",
        doi="https://doi.org/10.18653/V1/2020.ACL-main.9",
        arxiv_id="https://arxiv.org/abs/1910.07931v2",
        url="https://example.org/x",
        keywords=["dialogue ", "", "dialogue", "RL"],
        authors=[
            "Ada Lovelace",
            {
                "name": " Jos\u0065\u0301 X ",
                "id": "jose",
                "affiliation": "R&amp;D",
                "orcid": "0000000218250097",
            },
        ],
        withdrawn=True,
    )
    assert made == Paper(
        id="x1",
        title="Étude of $x$",
        source="test",
        abstract="Text",
        year=2020,
        date="2020-07-05",
        venue="ACL",
        doi="10.18653/v1/2020.acl-main.9",
        arxiv_id="1910.07931",
        url="https://example.org/x",
        keywords=("dialogue", "RL"),
        authors=(Author("Ada Lovelace"), Author("José X", "jose", "R&D", "0000-0002-1825-0097")),
        withdrawn=True,
        original_title=r"{\'E}tude of  $x$",
        original_abstract="<p>Text</p>",
    )


@pytest.mark.parametrize(
    ("field", "value", "attribute", "expected"),
    [
        ("abstract", "  \n ", "abstract", None),
        ("doi", "no doi", "doi", None),
        ("doi", "doi:10.1000/a%2Fb", "doi", "10.1000/a/b"),
        ("doi", "10.48550/arXiv.1910.07931", "arxiv_id", "1910.07931"),
        ("arxiv_id", "arXiv:math.GT/0309136v1", "arxiv_id", "math/0309136"),
        ("arxiv_id", "nonsense", "arxiv_id", None),
        ("url", "javascript:alert(1)", "url", None),
        ("url", "http://[", "url", None),
        ("date", "2019-07", "year", 2019),
        ("year", "", "year", None),
        ("year", last_year(), "year", last_year()),
        ("authors", [{"name": "A", "orcid": "0000-0002-1825-0098"}], "authors", (Author("A"),)),
        ("authors", [{"name": "A", "orcid": "https://orcid.org/0000-0002-1694-233x"}], "authors",
         (Author("A", orcid="0000-0002-1694-233X"),)),
        ("authors", [{"name": "A", "id": "a"}, {"name": "A.", "id": "a"}], "authors",
         (Author("A", "a"), Author("A.", "a"))),
    ],
)  # fmt: skip
def test_values_are_normalised(field: str, value: object, attribute: str, expected: object) -> None:
    assert getattr(paper(**{field: value}), attribute) == expected


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": "  "}, "id '  ' is empty"),
        ({"id": 12}, "id is 12, not text"),
        ({"id": "a\nb"}, "id 'a\\nb' holds a control character"),
        ({"id": "x" * 513}, "id has 513 characters, more than 512"),
        ({"title": None}, "title is missing"),
        ({"title": 5}, "title is 5, not text"),
        ({"title": "{}<i></i>"[2:]}, "title '<i></i>' is empty"),
        ({"title": "a\0b"}, "title holds a NUL byte at character 2"),
        ({"abstract": "x\ud800"}, "abstract holds a lone surrogate at character 2"),
        ({"abstract": "x" * 100_001}, "abstract has 100,001 characters, more than 100,000"),
        ({"abstract": ["x"]}, "abstract is a list of 1, not text"),
        ({"year": 20222}, f"year 20222 is not between 1500 and {last_year()}"),
        ({"year": "1499"}, f"year '1499' is not between 1500 and {last_year()}".replace("'", "")),
        ({"year": True}, "year is true, not a whole number"),
        ({"year": 2020.5}, "year is 2020.5, not a whole number"),
        ({"year": "in press"}, "year is 'in press', not a whole number"),
        ({"date": "July 2020"}, "date 'July 2020' is not a date like 2020-07-05"),
        ({"date": "2020-02-30"}, "date '2020-02-30' is not a date like 2020-07-05"),
        ({"keywords": "a, b"}, "keywords is 'a, b', not a list"),
        ({"keywords": ["a", 1]}, "keywords[1] is 1, not text"),
        ({"keywords": ["a\0"]}, "keywords[0] holds a NUL byte at character 2"),
        ({"authors": "Ada"}, "authors is 'Ada', not a list"),
        ({"authors": [3]}, "authors[0] is 3, not a name or an object with a name"),
        ({"authors": ["A", {"id": "x"}]}, "authors[1].name is missing"),
        ({"authors": [{"name": "A\udfff"}]}, "authors[0].name holds a lone surrogate at character 2"),
        ({"withdrawn": "no"}, "withdrawn is 'no', not true or false"),
        ({"venue": {"a": 1}}, "venue is an object of 1, not text"),
        ({"title": "x" * 10_001}, "title has 10,001 characters, more than 10,000"),
    ],
)
def test_bad_values_are_refused_with_a_reason(values: dict[str, object], reason: str) -> None:
    with pytest.raises(RecordError) as refused:
        paper(**values)
    assert refused.value.message == reason


def test_every_source_carries_its_name_and_refuses_a_missing_place(tmp_path: Path) -> None:
    for name in SOURCES:
        found = source(name)
        assert found.name == name
        with pytest.raises(SourceError, match="There is nothing at"):
            found.read(tmp_path / "absent")


def test_an_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest) as refused:
        source("pubmed")
    assert refused.value.hint == "Use one of: jsonl, acl-anthology, arxiv, openalex, bibtex, openreview."
