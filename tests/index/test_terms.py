"""Which terms a text and a name have."""

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.index.terms import TermEncoder, name_terms, surface_tokens, term_hashes, text_terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Tracking dialogue states", ["track", "dialogu", "state", "track dialogu", "dialogu state"]),
        ("parsing, parsing!", ["pars", "pars", "pars pars"]),
        ("the state of the art", ["state", "art", "state art"]),
        ("GPT-3", ["gpt", "3", "gpt 3"]),
        ("GPT 3", ["gpt", "3", "gpt 3"]),
        ("seq2seq", ["seq2seq"]),
        ("DSTC9 F1", ["dstc9", "f1", "dstc9 f1"]),
        ("C++ and C#", ["c++", "c#", "c++ c#"]),
        ("x y_z R&D", []),
        ("Ünïted ŒUVRES straße", ["unit", "œuvr", "strass", "unit œuvr", "œuvr strass"]),
        ("ﬁne Ｆｕｌｌ", ["fine", "full", "fine full"]),
        ("机器翻译", ["机器", "器翻", "翻译", "机器 器翻", "器翻 翻译"]),
        ("BERT模", ["bert", "模", "bert 模"]),
        ("がくせい", ["がく", "くせ", "せい", "がく くせ", "くせ せい"]),
        ("한국어", ["한국", "국어", "한국 국어"]),
        ("हिन्दी", ["हिनदी"]),
        ("русский язык", ["русскии", "язык", "русскии язык"]),
        ("x" * 100, ["x" * 64]),
        ("", []),
    ],
)
def test_terms_of_a_text(text, terms):
    assert text_terms(text) == terms


@given(st.text(max_size=60))
def test_how_a_text_is_encoded_does_not_change_its_terms(text):
    composed = unicodedata.normalize("NFC", text)
    assert text_terms(text) == text_terms(composed) == text_terms(unicodedata.normalize("NFD", composed))


@given(st.text(max_size=60) | st.text("aAé ß-3+#模型한", max_size=60))
def test_surface_tokens_are_the_stems_in_their_places(text):
    text = unicodedata.normalize("NFC", text)
    tokens = surface_tokens(text)
    assert [token.stem for token in tokens] == [term for term in text_terms(text) if " " not in term]
    for token in tokens:
        assert token.stem in text_terms(text[token.start : token.end])


def test_surfaces_are_as_written():
    text = "Œuvres: the Dialogues of ﬁve straßen, 机器人 in C++."
    surfaces = [text[token.start : token.end] for token in surface_tokens(text)]
    assert surfaces == ["Œuvres", "Dialogues", "ﬁve", "straßen", "机器", "器人", "C++"]


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("Jason Weston", ["@jason weston", "@@weston"]),
        ("Jason E. Weston", ["@jason e weston", "@jason weston", "@@weston"]),
        ("Weston, Jason E.", ["@jason e weston", "@jason weston", "@@weston"]),
        ("W. F. Loomis", ["@w f loomis", "@w loomis", "@@loomis"]),
        ("Brendan O’Connor", ["@brendan oconnor", "@@oconnor"]),
        ("Hal Daumé III", ["@hal daume iii", "@hal daume", "@@daume"]),
        ("Martin King, Jr.", ["@martin king jr", "@martin king", "@@king"]),
        ("Plato", ["@plato", "@@plato"]),
        ("李明", ["@李明", "@@李明"]),
        ("Jr.", ["@jr", "@@jr"]),
        (" - ", []),
    ],
)
def test_terms_of_a_name(name, terms):
    assert name_terms(name) == terms


def test_hashes_tell_terms_apart():
    terms = ["a b", "b a", "a", "b", "ab", "@a b", "@b a", "@@b", "a a", "b b"]
    hashes = term_hashes(terms)
    assert hashes.dtype == np.uint64
    assert len(set(hashes.tolist())) == len(terms)
    assert term_hashes([]).tolist() == []


def test_hashes_are_the_same_in_every_process():
    code = "from recsys.index.terms import term_hashes; print(term_hashes(['dialogu', 'dialogu state']).tolist())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = [17190517170083473813, 10658557947184138678]
    assert run.stdout.strip() == str(term_hashes(["dialogu", "dialogu state"]).tolist()) == str(expected)


@given(st.lists(st.text("ab cd模型3-.", max_size=30), max_size=5))
def test_the_encoder_numbers_the_same_stems(texts):
    encoder = TermEncoder()
    encoded = [encoder.encode(text) for text in texts]
    hashes = encoder.stem_hashes()
    for text, numbers in zip(texts, encoded, strict=True):
        stems = [term for term in text_terms(text) if " " not in term]
        assert hashes[numbers].tolist() == term_hashes(stems).tolist()


def test_threads_stem_at_once():
    texts = [f"running quickly through {word}ing parsers" for word in "abcdefgh" for _ in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(text_terms, texts)) == [text_terms(text) for text in texts]
