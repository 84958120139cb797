"""Noun phrases without a tagger, in several languages; what makes two of them one."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.topics.counting import Document, count_phrases
from recsys.topics.language import foreign_stop_words, split_elisions
from recsys.topics.phrases import Lexicon, candidates, is_nested, phrase_key, segments


def phrases(text: str, **options: object) -> list[str]:
    return [" ".join(words) for words, _ in candidates(segments(text), Lexicon(), **options)]


def test_phrases_are_cut_at_stop_words_and_punctuation() -> None:
    assert phrases("parsing of speech, with treebanks") == [
        "parsing",
        "parsing of speech",
        "speech",
        "treebanks",
    ]


def test_the_lexicon_answers_anew_after_more_texts() -> None:
    lexicon = Lexicon()
    assert lexicon.use("evaluate").begins
    for _ in range(20):
        lexicon.add("We evaluate the parser")
    assert not lexicon.use("evaluate").begins
    assert lexicon.use("parser").ends


def test_capitals_of_headlines_say_nothing_unless_they_mark_a_name() -> None:
    lexicon = Lexicon()
    lexicon.add("Neural Parsing of BERT", headline=True)
    assert [lexicon.display(word) for word in ("neural", "parsing", "bert")] == ["neural", "parsing", "BERT"]
    lexicon.add("the English Wikipedia")
    assert lexicon.display("english") == "English"


@pytest.mark.parametrize(
    ("one", "other", "nested"),
    [
        ("semantic parser", "semantic parsing", True),
        ("summaries", "summarization", True),
        ("named entity recognition", "entity recognition", True),
        ("question answering", "question generation", False),
    ],
)
def test_words_of_one_family_say_the_same(one: str, other: str, nested: bool) -> None:
    assert is_nested(phrase_key(one.split()), phrase_key(other.split())) is nested


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Structures de traits typées et morphologie à partitions", "et"),
        ("Die Rolle der Morphologie in der Übersetzung und das Lexikon", "und"),
        ("Análisis de sentimientos en los textos de las redes sociales", "las"),
    ],
)
def test_other_languages_are_cut_at_their_own_stop_words(text: str, word: str) -> None:
    assert word in foreign_stop_words(segments(text))


@pytest.mark.parametrize(
    "text",
    [
        "Word Sense Disambiguation",
        "A Maximum Entropy Word Sense Disambiguation System",
        "Machine translation of the verbs die and war in German",
        "基于深度学习的文本分类",
        "",
    ],
)
def test_english_and_the_unknown_have_no_foreign_stop_words(text: str) -> None:
    assert foreign_stop_words(segments(text)) == frozenset()


def test_elided_articles_begin_a_new_run() -> None:
    assert split_elisions([["de", "l'analyse", "syntaxique"]]) == [["de"], ["analyse", "syntaxique"]]
    assert split_elisions([["aujourd'hui"]]) == [["aujourd'hui"]]


def counted(*documents: Document) -> dict[str, float]:
    """How much all documents together are about each phrase, as printed."""
    counts = count_phrases(documents, np.arange(len(documents)))
    return dict(zip(counts.spellings, np.asarray(counts.presence.sum(axis=0)).ravel().tolist(), strict=True))


def test_french_phrases_have_two_words_or_more_and_no_article() -> None:
    found = counted(
        Document("Étude de la traduction automatique et des langues des signes pour l'analyse du discours")
    )
    assert {"traduction automatique", "langues des signes", "analyse du discours"} <= set(found)
    assert not {"de", "des", "la", "et", "l'analyse", "automatique"} & set(found)


def test_chinese_is_cut_at_particles_and_long_clauses_are_left_out() -> None:
    found = counted(Document("基于深度学习的机器翻译与语音识别"))
    assert set(found) == {"深度学习", "机器翻译", "语音识别"}


def test_a_mention_counts_half_a_title_and_two_mentions_whole() -> None:
    found = counted(
        Document("Lexical chains"),
        Document("Lexical chains", "With lexical chains. With word lattices."),
        Document("Other things", "Of word lattices, of word lattices."),
    )
    assert found["lexical chains"] == 2.0
    assert found["word lattices"] == 1.5


def test_an_acronym_is_counted_with_what_it_stands_for() -> None:
    found = counted(
        *[Document("Word sense disambiguation (WSD)", "In WSD, senses.")] * 3,
        Document("Better WSD", keywords=("WSD",)),
    )
    assert found["word sense disambiguation"] == 4.0
    assert "WSD" not in found


def test_an_acronym_with_two_meanings_stands_for_itself() -> None:
    found = counted(
        *[Document("Maximum spanning arborescences", "Of MSA.")] * 3,
        *[Document("Multimodal sentiment analysis", "Of MSA.")] * 3,
    )
    assert found["MSA"] == 3.0


def test_phrases_are_printed_as_most_texts_do_and_names_keep_their_capitals() -> None:
    found = counted(
        Document("Knowledge Graph Completion With The Penn Treebank", "Of knowledge graphs."),
        Document("On knowledge graphs", "In the Penn Treebank, of a knowledge graph."),
    )
    assert "knowledge graphs" in found
    assert "Penn Treebank" in found
