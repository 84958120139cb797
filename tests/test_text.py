"""Cleaning of TeX and markup: what becomes readable, what must not be touched, what must never happen."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recsys.text import clean_text

READABLE = [
    (r"\textbf{bold} \emph{word}", "bold word"),
    (r"\textbf{\emph{nested} $\beta$}", r"nested $\beta$"),
    (r"{\'e}cole na\"ive M{\"u}ller Erd\H{o}s", "école naïve Müller Erdős"),
    (r"\c{c} {\v s} \'{\i} Stra\ss e {\o} {\aa}", "ç š í Straße ø å"),
    (r"don\'t, but Gda\'nsk", "don't, but Gdańsk"),
    ("1--10, yes---no", "1–10, yes—no"),
    ("``quoted'' text", "“quoted” text"),
    (r"R\&D, 50\% of \#1, a\_b, \$5", "R&D, 50% of #1, a_b, $5"),
    (r"as shown~\citep[p.~5]{abc}.", "as shown."),
    (r"\cite{}", ""),
    (r"\(x^2\) and \[y\]", "$x^2$ and $y$"),
    (r"$\alpha$-divergence of 77\%$\to$84\%", r"$\alpha$-divergence of 77%$\to$84%"),
    (r"{\em word} in \LaTeX{} and \ldots", "word in LaTeX and …"),
    (r"\url{https://a.b/~c_d--e}", "https://a.b/~c_d--e"),
    (r"\href{https://a.b}{text} foo\footnote{bar}.", "text foo (bar)."),
    (r"\{a, b\}", "{a, b}"),
    (r"et al.\ (2018), Figure~1", "et al. (2018), Figure 1"),
    (r"and\/or", "and/or"),
    ("<i>in vitro</i> H<sub>2</sub>O 10<sup>6</sup>", "in vitro H2O 10^6"),
    ('<a href="x">link</a><br/>next', "link next"),
    ("<jats:title>Abstract</jats:title><jats:p>We &amp; they.</jats:p><jats:p>B</jats:p>", "We & they. B"),
    ("&amp;lt;i&amp;gt;twice encoded&amp;lt;/i&amp;gt; &#233;&nbsp;&eacute;", "twice encoded é é"),
    ("a\u00adb\u200bc \x07d\ufeff", "abc d"),
    ("\x93curly\x94", "“curly”"),
    ("e\u0301  two\n\tlines\u00a0here ", "é two lines here"),
]

UNTOUCHED = [
    "a < b and c > d",
    "if a<b>c then EN<->IT",
    "50% of users and the rest of the line",
    "C_max x_1 x^2",
    "R&D at AT&T &c; R&D;",
    "$5 million and $10",
    "US$5 and US$7, A$ and C$",
    "#hashtag ~10 6~8% e~i",
    r"C:\temp\new\alpha",
    r"\\server\share\textbf",
    r"\foo{bar} a \ b trailing \ ".strip(),
    "the set {a, b} and {MASK}",
    "{unbalanced",
    "} x {",
    "cost $5",
    "$",
    "--help and C-- code",
    "tokens <s> and </s>, [CLS]",
    '<script>alert(1)</script> <img onerror="x">',
    "`` and ''",
    "می‌خواهم",  # the zero-width non-joiner is spelling
]


@pytest.mark.parametrize(("source", "expected"), READABLE)
def test_tex_and_markup_become_readable(source: str, expected: str) -> None:
    assert clean_text(source) == expected


@pytest.mark.parametrize("text", UNTOUCHED)
def test_prose_is_untouched(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{BERT}: Pre-training of {D}eep", "BERT: Pre-training of Deep"),
        ("{{The Title}}", "The Title"),
        (r"\textbf{{B}x} {\em {BERT} y}", "Bx BERT y"),
        (r"Ming{-}Wei \{a\}", "Ming-Wei {a}"),
        (r"$\{a\}^{b}$ {X}", r"$\{a\}^{b}$ X"),
        ("{unbalanced", "{unbalanced"),
    ],
)
def test_braces_of_known_tex_group(source: str, expected: str) -> None:
    assert clean_text(source, tex=True) == expected


PIECES = st.sampled_from(
    [
        "\\",
        "{",
        "}",
        "$",
        "$$",
        "&",
        "<i>",
        "</i>",
        "<sup>",
        "</sup>",
        "&amp;",
        "lt;",
        "``",
        "''",
        "--",
        "---",
        "~",
        "\\textbf{",
        "\\'",
        "\\'e",
        '\\"',
        "\\c",
        "\\o",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\{",
        "\\}",
        "\\\\",
        "\\cite{",
        "%",
        "#",
        "_",
        "^",
        " ",
        "\n",
        "a",
        "B",
        "9",
        ".",
        "(",
        ")",
        "/",
        ":",
        "é",
        "́",
        "\x93",
        "\u200b",
        "https://",
        "\\alpha",
        "\\em ",
        "\\href{",
        "\\-",
        "\\,",
        "\\ ",
        "<jats:p>",
        "<br/>",
        "\ufdd0",
        "\ufdd2",
        "0",
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=25).map("".join)), st.booleans())
@example("\\{\\textbf\\{x\\}\\}", False)
@example("&amp;amp;amp;amp;amp;amp;amp;amp;amp;amp;amp;", False)
def test_cleaning_again_changes_nothing(text: str, tex: bool) -> None:
    cleaned = clean_text(text, tex=tex)
    assert clean_text(cleaned) == cleaned


@given(
    st.lists(
        st.sampled_from(["{", "}", "$", "%", "<", ">", "&", "#", "_", "^", "word", "x", "1", " "]),
        max_size=30,
    )
)
def test_no_word_is_lost_in_unbalanced_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert sorted(filter(str.isalnum, clean_text(text))) == sorted(filter(str.isalnum, text))


@pytest.mark.parametrize(
    "unit",
    [
        "{",
        "\\textbf{",
        "$",
        "<i>",
        "</b><i>",
        "``",
        "&amp;",
        "~",
        "\\'",
        "{\\em ",
        "\\cite[",
        "<i a=b ",
        "$a_",
    ],
)
def test_hostile_text_takes_no_time(unit: str) -> None:
    start = time.perf_counter()
    clean_text(unit * (50_000 // len(unit)), tex=True)
    assert time.perf_counter() - start < 5
