"""What is accepted as a name, who gets it, and what tokens cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidRequest
from recsys.namers.base import Names, Naming, Prices, flaw, signature, tidy
from recsys.records import title_key


@pytest.mark.parametrize(
    "name",
    [
        "Task-oriented dialogue",
        "RL",
        "Question answering over tables & charts",
        "C++ code generation",
        "Parkinson's speech",
        "Parsing (constituency)",
        "Web 2.0 sentiment",
        "多语言机器翻译",
        "हिन्दी भाषा",
        "one two three four five six",
        "x" * 60,
    ],
)
def test_fit_names_have_no_flaw(name):
    assert flaw(tidy(name)) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it holds no letter or digit"),
        ("---", "it holds no letter or digit"),
        ("x" * 61, "it has 61 characters, more than 60"),
        ("one two three four five six seven", "it has 7 words, more than 6"),
        ("<b>Parsing</b>", "it holds the character '<'"),
        ("HACKED<script>alert(1)</script>", "it holds the character '<'"),
        ("**Parsing**", "it holds the character '*'"),
        ('The "best" parser', "it holds the character '\"'"),
        ("“Parsing”", "it holds the character '\\u201c'"),
        ("`Parsing`", "it holds the character '`'"),
        ("[Parsing](x)", "it holds the character '['"),
        ("Parsing\nand more", "it holds the character '\\n'"),
        ("Parsing\x1b[31m", "it holds the character '\\x1b'"),
        ("Pars\u202eing", "it holds the character '\\u202e'"),
        ("Parsing  trees", "it holds the character ' '"),
        ("Visit evil.example", "it holds the character '.'"),
        ("{{ config }}", "it holds the character '{'"),
        ("&lt;b&gt;", "it holds the character ';'"),
        ("# Parsing", "it begins with #"),
        ("Miscellaneous", "it says nothing"),
        ("N/A", "it says nothing"),
    ],
)
def test_flaws_are_named(name, reason):
    assert flaw(name) == reason


def test_tidying_takes_away_what_surrounds_a_name():
    assert tidy("  Dialogue systems. ") == "Dialogue systems"
    assert tidy("Cafe\u0301 reviews") == "Café reviews"


@given(st.text(max_size=80))
def test_no_accepted_name_can_be_markup_or_long(name):
    tidied = tidy(name)
    if flaw(tidied) is None:
        assert not set('<>"`*[]{}\\|_~$\n\r\t;:@=%') & set(tidied)
        assert tidied.isprintable()
        assert 1 <= len(tidied) <= 60
        assert 1 <= len(tidied.split()) <= 6


def test_names_of_parent_siblings_and_others_are_not_given_again():
    request = Naming(
        "t1",
        2,
        "chat",
        parent="Dialogue systems",
        siblings=("Task-oriented dialogue",),
        taken=["Parsing", "chat"],
    )
    names = Names([request])
    assert names.take(request, "dialogue SYSTEMS") == "another topic is called dialogue SYSTEMS"
    assert names.take(request, "Task oriented dialogue") == "another topic is called Task oriented dialogue"
    assert names.take(request, "parsing") == "another topic is called parsing"
    assert names.take(request, "Chat") is None  # its own


def test_a_name_is_free_once_its_topic_has_another():
    first, second = Naming("t1", 1, "chat"), Naming("t2", 1, "dialogue", siblings=("chat",))
    names = Names([first, second])
    assert names.take(second, "Chat") == "another topic is called Chat"
    assert names.take(first, "Open-domain chatbots") is None
    assert names.current("chat") == "Open-domain chatbots"
    assert names.current("parsing") == "parsing"
    assert names.take(second, "Chat") is None


def test_a_topic_can_be_asked_for_once():
    with pytest.raises(InvalidRequest, match="'t1' is to be named twice"):
        Names([Naming("t1", 1, "a"), Naming("t1", 1, "b")])


@given(st.permutations(["alpha", "beta", "gamma", "delta"]), st.lists(st.sampled_from("ABCDEF"), min_size=4))
def test_names_that_differed_differ_afterwards(offline, answers):
    vocabulary = dict(zip("ABCDEF", ["Alpha", "beta", "GAMMA", "delta", "New", "Newer"], strict=True))
    requests = [Naming(f"t{i}", 1, name) for i, name in enumerate(offline)]
    names = Names(requests)
    final = []
    for request, answer in zip(requests, answers, strict=False):
        name = vocabulary[answer]
        final.append(name if names.take(request, name) is None else request.name)
    assert len({title_key(name) for name in final}) == 4


def test_cost_is_tokens_times_price_of_a_million():
    assert Prices(0.15, 0.6).cost(2_000_000, 500_000) == pytest.approx(0.6)
    assert Prices(3, 15).cost(1_000, 100) == pytest.approx(0.0045)
    assert Prices(0, 0).cost(10, 10) == 0


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_prices_are_numbers_from_0(price):
    with pytest.raises(InvalidRequest, match="million completion tokens"):
        Prices(1, price)


def test_signature_names_model_and_prompt():
    class Fixed:
        model, prompt = "gpt-x", "1a2b"

    assert signature(Fixed()) == "gpt-x@1a2b"
