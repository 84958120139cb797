"""Terms, names and exemplars of small trees that can be read at a glance."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.topics.describe import Description, Document, describe, exemplars
from recsys.topics.phrases import FILLER, STOP_WORDS, is_nested, phrase_key

ABSTRACT = "In this paper we propose a novel method based on neural networks. Extensive experiments show better results. {}"

TOPICS = {
    "tracking": ("Dialogue state tracking with {}", "We study dialogue state tracking in dialogue systems."),
    "chat": ("Open-domain chatbots and {}", "We talk to open-domain chatbots and other dialogue systems."),
    "hate": ("Hate speech on {}", "We find hate speech in tweets."),
    "parsing": ("Dependency parsing of {}", "We apply dependency parsing to treebanks."),
}
DETAILS = (
    "slot values",
    "copy mechanisms",
    "user goals",
    "memory cells",
    "beam search",
    "curriculum learning",
)


def corpus() -> tuple[list[Document], list[np.ndarray], list[np.ndarray]]:
    """Two dialogue topics under one, beside hate speech and parsing; six papers each."""
    documents, coarse, fine = [], [], []
    for number, (title, sentence) in enumerate(TOPICS.values()):
        for detail in DETAILS:
            documents.append(Document(title.format(detail), ABSTRACT.format(sentence)))
            coarse.append(max(0, number - 1))
            fine.append(number)
    levels = [np.array(labels, dtype=np.int32) for labels in (coarse, fine)]
    return documents, levels, [np.ones(len(documents), dtype=np.float32)] * 2


def test_names_say_what_a_topic_is_and_what_tells_it_from_its_siblings() -> None:
    coarse, fine = describe(*corpus())
    assert [topic.name for topic in coarse] == ["Dialogue systems", "Hate speech", "Dependency parsing"]
    assert [topic.name for topic in fine][:2] == ["Dialogue state tracking", "Open-domain chatbots"]


def test_terms_start_with_the_most_telling_and_none_says_the_same() -> None:
    _, fine = describe(*corpus())
    assert fine[0].terms[0] == "dialogue state tracking"
    assert fine[2].terms[0] == "hate speech"
    for topic in fine:
        assert len(topic.terms) <= 10
        for one, other in itertools.combinations(topic.terms, 2):
            assert not is_nested(phrase_key(one.split()), phrase_key(other.split()))


def test_what_every_abstract_says_is_in_no_name_and_no_term() -> None:
    for topic in itertools.chain(*describe(*corpus())):
        words = {word.lower() for text in (topic.name, *topic.terms[:3]) for word in text.split()}
        assert not words & {"paper", "propose", "novel", "method", "experiments", "results"}


def test_a_topic_with_an_only_child_lends_it_no_name() -> None:
    documents, (coarse, _), weights = corpus()
    above, below = describe(documents, [coarse, coarse], weights)
    names = [topic.name.casefold() for topic in (*above, *below)]
    assert len(set(names)) == len(names)
    assert above[1].name == "Hate speech"


def test_a_pair_covers_what_no_phrase_does_and_names_the_common_head_once() -> None:
    titles = [*["Word embeddings"] * 5, *["Sentence embeddings"] * 5, "Pooling", *["Dependency parsing"] * 9]
    labels = np.array([0] * 11 + [1] * 9, dtype=np.int32)
    documents = [Document(f"{title} {'of' if i % 2 else 'for'} {i}") for i, title in enumerate(titles)]
    (described,) = describe(documents, [labels], [np.ones(20, dtype=np.float32)])
    suggested = (described[0].name, *described[0].candidates)
    assert "Word and sentence embeddings" in suggested
    assert described[1].name == "Dependency parsing"


def test_names_keep_acronyms_and_begin_with_a_capital() -> None:
    documents = [Document(f"BERT probing, part {i}") for i in range(5)] + [
        Document(f"text-to-SQL parsing, part {i}") for i in range(5)
    ]
    labels = np.repeat(np.arange(2, dtype=np.int32), 5)
    (described,) = describe(documents, [labels], [np.ones(10, dtype=np.float32)])
    assert [topic.name for topic in described] == ["BERT probing", "Text-to-SQL parsing"]


def test_key_phrases_are_read_where_there_is_no_abstract() -> None:
    documents = [Document(f"On {i}", None, ("belief tracking",)) for i in range(4)]
    documents += [Document(f"On {i}", None, ("machine translation",)) for i in range(4)]
    labels = np.repeat(np.arange(2, dtype=np.int32), 4)
    (described,) = describe(documents, [labels], [np.ones(8, dtype=np.float32)])
    assert [topic.name for topic in described] == ["Belief tracking", "Machine translation"]


def test_french_topics_have_french_names_without_articles() -> None:
    documents = [
        Document(f"La traduction automatique de {x} et les corpus des {x}")
        for x in ("textes", "phrases", "mots")
    ]
    documents += [Document(f"Machine translation of the {x}") for x in ("text", "novel", "web")]
    labels = np.repeat(np.arange(2, dtype=np.int32), 3)
    (described,) = describe(documents, [labels], [np.ones(6, dtype=np.float32)])
    assert described[0].name == "Traduction automatique"
    assert described[1].name == "Machine translation"


def test_last_resort_is_the_title_of_the_strongest_paper_then_a_number() -> None:
    documents = [
        Document("Of and on"),
        Document("To be or not to be"),
        Document("?"),
        Document("?"),
        Document(""),
    ]
    labels = np.array([0, 0, 1, 2, 3], dtype=np.int32)
    weights = np.array([0.1, 0.9, 1, 1, 1], dtype=np.float32)
    (described,) = describe(documents, [labels], [weights])
    assert [topic.name for topic in described] == ["To be or not to be", "?", "? (2)", "Unnamed topic"]
    assert described[0] == Description("To be or not to be", (), ())


WORDS = [
    "parsing",
    "dialogue",
    "of",
    "the",
    "speech",
    "BERT",
    "novel",
    "paper",
    "de",
    "la",
    "trees",
    "翻译系统",
]
TITLES = st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), min_size=6, max_size=14)


@settings(max_examples=60, deadline=None)
@given(TITLES)
def test_every_topic_gets_a_name_of_its_own(titles: list[str]) -> None:
    fine = np.arange(len(titles), dtype=np.int32) // 2
    levels = [fine // 2, fine]
    levels = [np.unique(labels, return_inverse=True)[1].astype(np.int32) for labels in levels]
    described = describe([Document(t) for t in titles], levels, [np.ones(len(titles), dtype=np.float32)] * 2)
    assert [len(topics) for topics in described] == [int(labels.max()) + 1 for labels in levels]
    names = [topic.name for topics in described for topic in topics]
    assert all(names)
    assert len({name.casefold() for name in names}) == len(names)
    for topic in itertools.chain(*described):
        for phrase in topic.terms:
            assert phrase.lower().split()[0] not in STOP_WORDS | FILLER
            assert phrase.lower().split()[-1] not in STOP_WORDS | FILLER


def test_the_same_twice_and_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    first = describe(*corpus(), progress=lambda done, of: told.append((done, of)))
    assert describe(*corpus()) == first
    assert told[-1] == (24, 24)


# ---------------------------------------------------------------- exemplars


def unit(*angles: float) -> np.ndarray:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def test_exemplars_are_the_nearest_to_the_centre() -> None:
    features = unit(0.0, 1.0, 2.0, 1.5, 0.6)  # centre near 1.0
    ((found,),) = exemplars(features, [np.zeros(5, np.int32)], [np.ones(5, np.float32)], count=3)
    assert found.tolist() == [1, 4, 3]


def test_near_duplicates_give_way_while_others_are_left() -> None:
    features = unit(1.0, 1.0, 0.3, 1.7)
    ((found,),) = exemplars(features, [np.zeros(4, np.int32)], [np.ones(4, np.float32)], count=3)
    assert found.tolist() == [0, 2, 3]
    ((found,),) = exemplars(features, [np.zeros(4, np.int32)], [np.ones(4, np.float32)], count=4)
    assert sorted(found.tolist()) == [0, 1, 2, 3]


def test_weak_papers_are_no_exemplars() -> None:
    features = unit(0.0, 0.6, 0.3, 0.3)
    weights = np.array([0.9, 0.9, 0.1, 0.1], dtype=np.float32)
    ((found,),) = exemplars(features, [np.zeros(4, np.int32)], [weights], count=2)
    assert sorted(found.tolist()) == [0, 1]


@pytest.mark.parametrize("count", [1, 5])
def test_exemplars_belong_to_their_topic(count: int) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    fine = np.arange(40, dtype=np.int32) % 6
    levels = [fine // 3, fine]
    found = exemplars(features, levels, [np.ones(40, np.float32)] * 2, count=count)
    for labels, topics in zip(levels, found, strict=True):
        for topic, positions in enumerate(topics):
            assert len(positions) == len(set(positions.tolist())) == count
            assert set(labels[positions].tolist()) == {topic}
