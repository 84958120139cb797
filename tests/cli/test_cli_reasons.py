"""Reasons in words: what is said, in which order, and how it is fitted to the terminal."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from recsys.cli.reasons import in_words, listed, shortened
from recsys.records import Quote, Reason, SentenceMatch


def match(paper: str, query: str, query_id: str | None = None) -> SentenceMatch:
    return SentenceMatch(
        Quote(query, "text", 0, len(query)), Quote(paper, "title", 0, len(paper)), 0.5, query_id
    )


WHOLE = Reason(
    sentences=match("The paper says this.", "You say that.", "d5"),
    terms=("PLATO", "dialogue generation"),
    authors=("N. N.",),
)


def test_all_of_it_in_order():
    said = "“The paper says this.” ~ “You say that.” · shares PLATO, dialogue generation · same author: N. N."
    assert in_words(WHOLE, 200) == said
    assert in_words(WHOLE, 200, name_query=True) == said.replace("that.”", "that.” (d5)")


def test_what_did_not_contribute_is_not_said():
    assert in_words(Reason(), 80) == ""
    assert in_words(Reason(terms=("PLATO",)), 80) == "shares PLATO"
    assert in_words(Reason(match="id"), 80) == "is what was asked for"
    assert in_words(Reason(match="title", authors=("A", "B")), 80) == "has this title · same authors: A, B"
    many = Reason(match="author", authors=tuple("ABCDE"))
    assert in_words(many, 80) == "by an author of this name · same authors: A, B, C and 2 more"
    assert in_words(Reason(sentences=match("Mine.", "Yours.")), 80, name_query=True) == "“Mine.” ~ “Yours.”"


def test_sentences_are_shortened_to_the_width_and_a_short_one_leaves_room_to_the_other():
    long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    assert in_words(Reason(sentences=match(long, "short")), 60) == (
        "“one two three four five six seven eight nine…” ~ “short”"
    )
    assert in_words(Reason(sentences=match("short", long)), 60) == (
        "“short” ~ “one two three four five six seven eight nine…”"
    )
    both = in_words(Reason(sentences=match(long, long), terms=("PLATO",)), 90)
    assert (
        both == "“one two three four five six seven…” ~ “one two three four five six seven…” · shares PLATO"
    )


def test_however_narrow_the_terminal_something_is_quoted():
    long = "one two three four five six seven eight nine ten"
    assert in_words(Reason(sentences=match(long, long)), 10) == (
        "“one two three four five…” ~ “one two three four five…”"
    )


def test_where_names_do_not_fit_fewer_are_named():
    several = Reason(terms=("PLATO",), authors=("Siqi Bao", "Huang He", "Fan Wang", "Hua Wu"))
    assert in_words(several, 80) == "shares PLATO · same authors: Siqi Bao, Huang He, Fan Wang and 1 more"
    assert in_words(several, 60) == "shares PLATO · same authors: Siqi Bao and 3 more"


def test_a_text_is_cut_at_a_space_where_that_keeps_most_of_it():
    assert shortened("alpha beta gamma", 16) == "alpha beta gamma"
    assert shortened("alpha beta gamma", 15) == "alpha beta…"
    assert shortened("alpha beta, gamma", 12) == "alpha beta…"
    assert shortened("abc defghijklmnop", 10) == "abc defgh…"
    assert shortened("alpha\n beta", 20) == "alpha beta"
    assert shortened("対話生成のための事前学習", 11) == "対話生成の…"


@given(st.text(max_size=80), st.integers(5, 60))
def test_a_shortened_text_is_never_wider_than_asked(text, width):
    assert cell_len(shortened(text, width)) <= width


def test_names():
    assert listed(["A", "B"], 3) == "A, B"
    assert listed(["A", "B", "C", "D"], 3) == "A, B, C and 1 more"
