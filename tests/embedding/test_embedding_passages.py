from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.embedding.models import ModelSpec, embedding_text, list_specs, packaged_models
from recsys.embedding.passages import (
    MAX_SENTENCES,
    Passage,
    Sentence,
    finished,
    pack,
    paper_passage,
    passage_windows,
    sentence_offsets,
    text_passage,
    unpack,
)

SPECS = list_specs([packaged_models()])
SPEC = next(spec for spec in SPECS if spec.id == "all-MiniLM-L6-v2")
TEXT = st.text(max_size=60) | st.sampled_from(
    [
        "  We parse. 𝛼 is ü. Is it? 是的，我们解析文本。第二句话！ ",
        "No stop",
        "1. (a) Yes it is.",
        "A!\n\nB c d.",
        "",
    ]
)


def quoted(passage: Passage) -> list[str]:
    return [passage.text[s.at : s.at + s.end - s.start] for s in passage.sentences]


@given(st.sampled_from(SPECS), TEXT, TEXT | st.none(), st.lists(TEXT, max_size=3))
def test_sentences_stand_where_they_say(
    spec: ModelSpec, title: str, abstract: str | None, keywords: list[str]
) -> None:
    passage = paper_passage(spec, title, abstract, keywords)
    assert passage.text == embedding_text(spec, title, abstract, keywords)
    words = ", ".join(word.strip() for word in keywords if word.strip())
    fields = {"title": title, "abstract": abstract or "", "keywords": words}
    for sentence, quote in zip(passage.sentences, quoted(passage), strict=True):
        assert fields[sentence.field][sentence.start : sentence.end] == quote == quote.strip() != ""
    for one, two in itertools.pairwise(passage.sentences):
        assert one.at + one.end - one.start <= two.at
    has_title = any(map(str.isalnum, title))
    assert [s.field for s in passage.sentences].count("title") == has_title
    if has_title:
        assert quoted(passage)[0] == title.strip()


@given(TEXT)
def test_a_query_is_taken_as_it_stands(text: str) -> None:
    passage = text_passage(text)
    assert passage.text == text.strip()
    assert {sentence.field for sentence in passage.sentences} <= {"text"}
    assert [text[s.start : s.end] for s in passage.sentences] == quoted(passage)
    assert bool(passage.sentences) == any(map(str.isalnum, text))


def test_a_paper_with_an_abstract() -> None:
    passage = paper_passage(
        SPEC, " On Parsing. Again ", "\nWe parse. It works, e.g. on trees. ", ["not read"]
    )
    assert passage == Passage(
        "On Parsing. Again. We parse. It works, e.g. on trees.",
        (
            Sentence("title", 1, 18, 0),
            Sentence("abstract", 1, 10, 19),
            Sentence("abstract", 11, 35, 29),
        ),
    )


def test_a_paper_with_keywords_only() -> None:
    passage = paper_passage(SPEC, "On Parsing?", "  ", [" trees ", "", "Dr. No. AI"])
    assert passage == Passage(
        "On Parsing? trees, Dr. No. AI",
        (Sentence("title", 0, 11, 0), Sentence("keywords", 0, 17, 12)),
    )
    assert paper_passage(SPEC, "?!", None, []) == Passage("?!", ())
    assert paper_passage(SPEC, "", None, ["ab"]) == Passage("ab", (Sentence("keywords", 0, 2, 0),))
    assert paper_passage(SPEC, "", None, []) == Passage("", ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Élan vital. 👩‍👩‍👧 Für étude. 中文句子。第二个？",
            ["Élan vital.", "👩‍👩‍👧 Für étude.", "中文句子。", "第二个？"],
        ),
        ("1. First. 2. Second one. …", ["First.", "Second one."]),
        (
            "We gain 3.5 BLEU (vs. 2.1) on v2.0. See Fig. 3.",
            ["We gain 3.5 BLEU (vs. 2.1) on v2.0.", "See Fig. 3."],
        ),
        (
            "(1) Is it? It is. 2) Not. So. b. Yes, e.g. one.",
            ["(1) Is it?", "It is.", "2) Not.", "b. Yes, e.g. one."],
        ),
        ("One line\nand its end.\n\nNew one", ["One line\nand its end.", "New one"]),
        ("bad \ud800 half. Good half.", ["bad \ud800 half.", "Good half."]),
        ("AI", ["AI"]),
        ("?!", []),
    ],
)
def test_splitting(text: str, expected: list[str]) -> None:
    assert quoted(text_passage(text)) == expected


@pytest.mark.parametrize("word", ["word ", "字"])
def test_a_text_without_a_stop_is_cut(word: str) -> None:
    parts = quoted(text_passage(word * 4000))
    assert " ".join(parts).replace(" ", "") == word.strip() * 4000
    assert max(map(len, parts)) <= 1000
    assert len(parts) == -(-len(word) * 4000 // 1000)
    assert text_passage("a" + " " * 5000 + "bcd").sentences[0] == Sentence("text", 5001, 5004, 5001)


def test_sentences_beyond_the_limit_are_left_out() -> None:
    passage = text_passage("This is one. " * 1000)
    assert len(passage.sentences) == MAX_SENTENCES
    assert passage.sentences[-1] == Sentence("text", 13 * 255, 13 * 255 + 12, 13 * 255)
    assert len(paper_passage(SPEC, "Title", "This is one. " * 1000, []).sentences) == MAX_SENTENCES


def test_packing_keeps_the_direction() -> None:
    rows = np.array([[0.5, -1, 0.25], [0, 0, 0], [3e-5, 0, 0], [-2, 1, 0]], dtype=np.float32)
    packed = pack(rows)
    assert packed.dtype == np.int8
    assert packed.tolist() == [[64, -127, 32], [0, 0, 0], [127, 0, 0], [-127, 64, 0]]
    np.testing.assert_allclose(unpack(packed)[[1, 2]], [[0, 0, 0], [1, 0, 0]])
    wide = np.random.default_rng(0).standard_normal((500, 384), dtype=np.float32)
    wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    found = unpack(pack(wide))
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert (found * wide).sum(axis=1).min() > 0.9999
    assert pack(wide[:0]).shape == unpack(pack(wide[:0])).shape == (0, 384)


def test_a_sentence_without_tokens_gets_its_passages_vector() -> None:
    vectors = np.array([[2, 0], [0, 3], [1, 1]], dtype=np.float32)
    sentences = np.array([[0, 5], [0, 0], [0, 0]], dtype=np.float32)
    found = finished(vectors, sentences, np.array([0, 2, 2, 3]))
    half = np.float32(np.sqrt(0.5))
    np.testing.assert_allclose(found.vectors, [[1, 0], [0, 1], [half, half]])
    np.testing.assert_allclose(found.sentences, [[0, 1], [1, 0], [half, half]])


def test_lower_case_may_lengthen_a_text() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "ii": 1, "one": 2, "two": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    passages = [text_passage("İİİ İİİ İİİ. One two."), text_passage("İ one. Two two")]
    spec = dataclasses.replace(SPEC, prompts={"document": "", "query": "İ: "})
    for role, head in (("document", 0), ("query", 2)):
        windows = passage_windows(
            spec,
            passages,
            role,  # type: ignore[arg-type]
            tokenizer.encode_batch,
            start=5,
            offsets=np.array([0, 0, 0, 0, 0, *sentence_offsets(passages)]),
            lowercase=True,
        )
        # of "one two ." the tokens 2 and 3 are words; each "İ" is "i" and a mark, which this tokenizer parts
        ids = [[*window.ids[begin:stop]] for window in windows for _, begin, stop in window.spans]
        assert ids[1] == [2, 3, 0]
        assert ids[2][-2:] == [2, 0]
        assert ids[3] == [3, 3]
        assert [window.text for window in windows] == [5, 6]
        assert windows[0].spans[0][1] >= head
