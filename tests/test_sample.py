"""The bundled sample is what CREDITS.md says, and its key phrases come from weights known by hand."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from recsys.sample import sample_path

SCRIPTS = Path(__file__).parents[1] / "scripts"
FIELDS = ["id", "title", "abstract", "year", "venue", "url", "doi", "authors", "keywords", "source"]
Record = dict[str, Any]


@pytest.fixture(scope="module")
def sample() -> list[Record]:
    with gzip.open(sample_path(), "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def load(name: str) -> ModuleType:
    """A script as a module, by its path: ``scripts`` is no package."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up, and make_sample imports sample_phrases
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def phrases() -> ModuleType:
    return load("sample_phrases")


@pytest.fixture(scope="module")
def maker(phrases: ModuleType) -> ModuleType:
    return load("make_sample")


# ---------------------------------------------------------------- the file


def test_size_and_count(sample: list[Record]) -> None:
    assert sample_path().stat().st_size < 1_000_000
    assert len(sample) == 2500
    assert len({record["id"] for record in sample}) == 2500


def test_bytes_carry_no_time_and_no_file_name() -> None:
    header = sample_path().read_bytes()[:10]
    assert header[3] == 0  # flags: no name stored
    assert header[4:8] == b"\0\0\0\0"  # mtime


def test_every_record_has_the_schema_and_no_abstract(sample: list[Record]) -> None:
    for record in sample:
        assert list(record) == FIELDS
        assert record["abstract"] is None
        assert record["source"] == "acl-anthology"
        assert 2016 <= record["year"] <= 2025
        assert record["title"].strip()
        assert record["venue"].strip()
        assert record["url"] == f"https://aclanthology.org/{record['id']}/"
        assert all(list(author) == ["id", "name"] and author["name"] for author in record["authors"])


def test_key_phrases_are_short_and_distinct(sample: list[Record]) -> None:
    for record in sample:
        keywords = record["keywords"]
        assert len(keywords) <= 12
        assert all(1 <= len(phrase.split()) <= 4 for phrase in keywords), keywords
        assert all(re.match(r"[^\W\d_]", phrase) for phrase in keywords), keywords
        assert len({phrase.lower() for phrase in keywords}) == len(keywords)
    assert sum(len(record["keywords"]) for record in sample) / len(sample) > 7
    assert sum(len(record["keywords"]) < 3 for record in sample) / len(sample) < 0.02


def test_no_filler_among_the_key_phrases(sample: list[Record]) -> None:
    said = Counter(phrase.lower() for record in sample for phrase in record["keywords"])
    for filler in (
        "extensive experiments",
        "proposed method",
        "et al",
        "two datasets",
        "wide range",
        "novel approach",
    ):
        assert said[filler] == 0
    assert said["reinforcement learning"] > 80
    assert said["dialogue state tracking"] > 25


def test_plato(sample: list[Record]) -> None:
    plato = next(record for record in sample if record["id"] == "2020.acl-main.9")
    assert plato["title"] == "PLATO: Pre-trained Dialogue Generation Model with Discrete Latent Variable"
    assert plato["doi"] == "10.18653/v1/2020.acl-main.9"
    assert [a["id"] for a in plato["authors"]] == [
        "siqi-bao",
        "huang-he",
        "fan-wang",
        "hua-wu",
        "haifeng-wang",
    ]
    assert plato["keywords"][0] == "discrete latent variables"
    assert {"PLATO", "dialogue generation model", "conversational question answering"} <= set(
        plato["keywords"]
    )


def test_dialogue_and_reinforcement_learning_are_well_represented(sample: list[Record]) -> None:
    texts = [" ".join([r["title"], *r["keywords"]]).lower() for r in sample]
    assert sum(bool(re.search(r"dialog|conversation|chatbot", text)) for text in texts) > 600
    assert (
        sum(bool(re.search(r"reinforcement learning|rlhf|human feedback|reward", text)) for text in texts)
        > 250
    )
    for other in ("translation", "summarization", "parsing", "speech", "bias", "multilingual", "medical"):
        assert sum(other in text for text in texts) > 40, other


def test_people_are_dense_and_connected(maker: ModuleType, sample: list[Record]) -> None:
    papers_of = Counter(author for record in sample for author in maker.author_ids(record))
    assert papers_of["siqi-bao"] == 10
    assert papers_of["hao-sun"] == 23
    assert sum(count > 1 for count in papers_of.values()) > 1500
    figures = maker.report(sample)
    assert figures["mean co-authors"] > 12
    assert figures["share of papers in the largest component"] > 0.95


# ---------------------------------------------------------------- term weighting, by hand


def test_phrase_keys_merge_number_hyphens_case_and_spelling(phrases: ModuleType) -> None:
    key = phrases.phrase_key
    assert key(["Dialog", "Systems"]) == key(["dialogue", "system"]) == ("dialogue", "system")
    assert key(["task-oriented", "dialogues"]) == key(["task", "oriented", "dialogue"])
    assert key(["pre-trained", "models"]) == key(["pretrained", "model"]) == ("pretrained", "model")
    assert key(["summarisation"]) == key(["summarization"])
    assert key(["bias"]) == key(["biases"]) == ("bias",)
    assert key(["metrics"]) == ("metric",)


def test_segments_stop_at_punctuation_and_mathematics(phrases: ModuleType) -> None:
    assert phrases.segments("Belief tracking (DST), for $x^2$ GPT-3.5. \\textbf{Bold} speaker's turn") == [
        ["Belief", "tracking"],
        ["DST"],
        ["for"],
        ["GPT-3.5"],
        ["Bold"],
        ["speaker", "turn"],
    ]


def corpus(phrases: ModuleType) -> Any:
    """Abstracts in which "belief tracking" is a term, "evaluate" a verb and "spoken" an adjective."""
    texts = ["We evaluate the spoken interface. The weather of the day is cold."] * 20
    texts += [
        "Belief tracking with the BERT encoder. We evaluate belief tracking in spoken dialogue systems."
    ]
    lexicon = phrases.Lexicon()
    for text in texts:
        lexicon.add(text)
    background = phrases.Background(lexicon)
    for text in texts:
        background.add(text)
    return background


def test_lexicon_tells_verbs_and_adjectives_by_their_neighbours(phrases: ModuleType) -> None:
    lexicon = corpus(phrases).lexicon
    assert lexicon.is_verb("evaluate")
    assert not lexicon.is_verb("interface")
    assert lexicon.may_begin("spoken")
    assert not lexicon.may_end("spoken")
    assert lexicon.may_end("interface")
    assert lexicon.display("bert") == "BERT"


def test_candidates_cross_neither_stop_words_nor_verbs(phrases: ModuleType) -> None:
    lexicon = corpus(phrases).lexicon
    runs = phrases.segments("We evaluate spoken dialogue systems with belief tracking")
    assert [(" ".join(words), complete) for words, complete in phrases.candidates(runs, lexicon)] == [
        ("spoken dialogue", False),
        ("spoken dialogue systems", True),
        ("dialogue", False),
        ("dialogue systems", True),
        ("systems", True),
        ("belief", False),
        ("belief tracking", True),
        ("tracking", True),
    ]


def test_idf_is_the_logarithm_of_documents_over_frequency(phrases: ModuleType) -> None:
    background = corpus(phrases)
    assert background.documents == 21
    assert background.frequency[("belief", "tracking")] == 1
    assert background.occurrences[("belief", "tracking")] == 2
    assert background.idf(("belief", "tracking")) == pytest.approx(3.044522)  # ln 21
    assert background.idf(("spoken", "interface")) == pytest.approx(0.0487902)  # ln 21/20


def test_weight_by_hand(phrases: ModuleType) -> None:
    background = corpus(phrases)
    plain = phrases.weight(("belief", "tracking"), 2, False, background)
    assert plain == pytest.approx(1.098612 * 3.044522 * 1.584963, rel=1e-5)  # ln 3 * ln 21 * log2 3
    assert phrases.weight(("belief", "tracking"), 2, True, background) == pytest.approx(1.6 * plain)
    assert phrases.weight(("dialogue", "system"), 2, False, background) == pytest.approx(0.7 * plain)


def test_key_phrases_of_a_tiny_corpus(phrases: ModuleType) -> None:
    abstract = (
        "Belief tracking with the BERT encoder. We evaluate belief tracking in spoken dialogue systems."
    )
    found = phrases.key_phrases(
        "Belief Tracking with BERT in Spoken Dialogue Systems", abstract, corpus(phrases)
    )
    # all idf equal: ln 4 * log2 3 * 1.6 = 3.52; ln 3 * log2 4 * 1.6 * 0.7 = 2.46; ln 3 * log2 2 * 1.6 = 1.76
    assert found == ["belief tracking", "spoken dialogue systems", "BERT"]
    assert phrases.key_phrases("", None, corpus(phrases)) == []
    assert phrases.key_phrases("Belief Tracking with BERT", abstract, corpus(phrases), limit=1) == [
        "belief tracking"
    ]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("reference", "free", "metric"), ("reference", "free", "evaluation", "metric"), True),
        (("graph", "convolution", "network"), ("graph", "convolutional", "network"), True),
        (("dst",), ("dialogue", "state", "tracking"), True),
        (("dialogue", "state"), ("dialogue", "policy"), False),
    ],
)
def test_redundant_phrases(phrases: ModuleType, one: Any, other: Any, same: bool) -> None:
    assert phrases.says_same(one, other) is same
    assert phrases.says_same(other, one) is same


# ---------------------------------------------------------------- selection and writing


def paper(number: int, title: str, *authors: str, year: int = 2020) -> Record:
    abstract = "This is what we say in the work that we have done for all of you and for them. " * 5
    people = [{"id": author, "name": author} for author in authors]
    return {"id": f"p{number}", "title": title, "abstract": abstract, "year": year, "authors": people}


def test_growing_takes_whole_authors_the_purest_first(maker: ModuleType) -> None:
    papers = [paper(i, "Dialogue", "pure") for i in range(4)]
    papers += [paper(i, "Dialogue" if i < 8 else "Parsing", "mixed") for i in range(4, 16)]
    eligible = {record["id"]: record for record in papers}
    wanted = {i for i, record in eligible.items() if record["title"] == "Dialogue"}
    chosen: set[str] = set()
    maker.grow(chosen, eligible, wanted, until=3)
    assert chosen == {"p0", "p1", "p2", "p3"}
    maker.grow(chosen, eligible, wanted, until=5)
    assert chosen == set(eligible)  # the second author comes whole, parsing papers too


def test_connecting_prefers_papers_of_people_already_in(maker: ModuleType) -> None:
    papers = [paper(0, "Dialogue", "a", "b"), paper(1, "Parsing", "c"), paper(2, "Parsing", "a", "b")]
    eligible = {record["id"]: record for record in papers}
    chosen = {"p0"}
    maker.connect(chosen, eligible, {"p1", "p2"}, until=2)
    assert chosen == {"p0", "p2"}


def test_eligible_is_recent_english_and_long_enough(maker: ModuleType) -> None:
    assert maker.is_eligible(paper(0, "Dialogue", "a"))
    assert not maker.is_eligible(paper(0, "Dialogue", "a", year=2015))
    assert not maker.is_eligible({**paper(0, "Dialogue", "a"), "abstract": None})
    assert not maker.is_eligible(
        {
            **paper(0, "Dialogue", "a"),
            "abstract": "Cet article présente les résultats obtenus sur plusieurs corpus. " * 9,
        }
    )


def test_writing_twice_gives_the_same_bytes(maker: ModuleType, tmp_path: Path) -> None:
    records = [{"id": "p0", "title": "Ünïcode", "keywords": ["BERT"]}]
    for name in ("one.gz", "two.gz"):
        maker.write(records, tmp_path / name)
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert gzip.decompress((tmp_path / "one.gz").read_bytes()).decode() == (
        '{"id":"p0","title":"Ünïcode","keywords":["BERT"]}\n'
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.gz", "two.gz"]
