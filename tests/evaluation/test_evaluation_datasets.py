"""Labels in both forms, right and wrong."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import SourceError
from recsys.evaluation.datasets import Corpus, Entry, parse_judgements
from recsys.records import Author, Paper
from recsys.sources.lines import read_lines


def parse(text: str | bytes):
    data = text.encode() if isinstance(text, str) else text
    return parse_judgements(
        ((n, line) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()), "labels"
    )


def test_trec_qrels():
    found = parse("q1 0 a 2\nq1\t0\tb\t0\nq2 Q0 a -1\n")
    assert found.form == "trec"
    assert found.grades == {"q1": {"a": 2, "b": 0}, "q2": {"a": 0}}
    assert found.papers == {"q1", "q2", "a", "b"}
    assert found.has_zero


def test_citation_pairs():
    found = parse("citing,cited\nA00-1001,J82-3002\nA00-1001,C90-3057\nB1,A00-1001\nB1,A00-1001\n")
    assert found.form == "csv"
    assert found.grades == {"A00-1001": {"J82-3002": 1, "C90-3057": 1}, "B1": {"A00-1001": 1}}
    assert not found.has_zero


def test_graded_pairs_with_quotes_and_spaces():
    found = parse('Query, Relevant ,GRADE\n"a, b",c d, 3\n"x""y",z,0\n')
    assert found.grades == {"a, b": {"c d": 3}, 'x"y': {"z": 0}}


def test_a_compressed_file_is_known_by_its_content(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfciting,cited\r\na,b\r\n"))
    assert parse_judgements(read_lines(path), "labels.csv").grades == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels is empty."),
        ("citing,cited\n", "labels has a header and no labels."),
        ("a,b\n", "labels, line 1 is neither TREC qrels nor a known CSV header: 'a,b'."),
        ("query,relevant,weight\na,b,1\n", "labels, line 1 is neither"),
        ("q 0 a one\n", "labels, line 1 is neither"),
        ("q 0 a 1\nq 0 b\n", "labels, line 2 has 3 fields, not 4: 'q 0 b'."),
        ("q 0 a 1\nq 0 b 1.5\n", "labels, line 2: the grade '1.5' is not a whole number up to 1,000."),
        ("q 0 a 1\n\nq 0 b 1001\n", "labels, line 3: the grade '1001' is not"),
        ("q 0 a 1\nq 0 a 2\n", "labels, line 2 grades 'a' for the query 'q' as 2; an earlier line has 1."),
        ("citing,cited\na\n", "labels, line 2 should have 2 values, none of them empty: 'a'."),
        ("citing,cited\na,\n", "labels, line 2 should have 2 values, none of them empty: 'a,'."),
        ('citing,cited\n"a,b\n', "labels, line 2 is no CSV (unexpected end of data): '\"a,b'."),
        ("query,relevant,grade\na,b,x\n", "labels, line 2: the grade 'x' is not"),
        (b"citing,cited\na,\xff\n", "labels, line 2 is not UTF-8 at byte 3: b'a,\\xff'."),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, message):
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


ids = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=8)


@given(st.dictionaries(st.tuples(ids, ids), st.integers(-2, 5), min_size=1))
def test_whatever_is_written_as_qrels_is_read_back(grades):
    found = parse("".join(f"{query} 0 {paper} {grade}\n" for (query, paper), grade in grades.items()))
    read = {
        (query, paper): grade for query, judged in found.grades.items() for paper, grade in judged.items()
    }
    assert read == {pair: max(0, grade) for pair, grade in grades.items()}


def test_an_entry_knows_people_by_id_else_by_name():
    authors = (Author("Ana  Prado", id="p1"), Author("A. Prado", id="p1"), Author("WEI Zhang"))
    entry = Entry.of(Paper("x", "A Title", "s", abstract="", year=2001, authors=authors))
    assert (entry.id, entry.title, entry.year, entry.has_abstract) == ("x", "A Title", 2001, False)
    assert entry.people == ("id:p1", "name:wei zhang")


def test_versions_are_the_papers_of_one_work():
    by = (Author("Ana Prado"),)
    papers = [
        Paper("v1", "A Title", "s", authors=by),
        Paper("v2", "a title!", "s", authors=by),
        Paper("w", "A Title", "s"),
    ]
    corpus = Corpus(map(Entry.of, papers))
    assert corpus.same_work("v1") == {"v1", "v2"}
    assert corpus.same_work("w") == {"w"}
