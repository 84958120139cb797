"""The lexical index against bm25s's own scores, and what it finds, stores and shows."""

import json
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import DamagedSnapshot
from recsys.index.lexical import LexicalDocument, LexicalIndex, build_lexical, load_lexical
from recsys.index.terms import text_terms

PAPERS = [
    (
        "Dialogue state tracking with DSTC9. We track the state of a dialogue.",
        ("Jason E. Weston", "Ada King"),
    ),
    ("PLATO: pre-trained dialogue generation", ("Siqi Bao",)),
    ("Parsing with C++. Parsing parsing parsing.", ("Ada King",)),
    ("Machine translation of dialogue", ()),
    ("", ("Nobody Writes",)),
    ("Machine translation of dialogue", ("Graham Neubig",)),
    ("机器翻译 neural machine translation GPT-3", ("李明",)),
]
WORDS = st.lists(
    st.sampled_from(["parser", "dialogue", "state", "neural", "corpus", "art", "GPT-3", "the"]), max_size=12
)
TEXTS = WORDS.map(" ".join)


def documents(papers):
    return [LexicalDocument(text, tuple(names)) for text, names in papers]


@pytest.fixture(scope="module")
def built() -> LexicalIndex:
    return build_lexical(documents(PAPERS))


@pytest.fixture(scope="module", params=["built", "loaded"])
def index(request, built, tmp_path_factory) -> LexicalIndex:
    if request.param == "built":
        return built
    folder = tmp_path_factory.mktemp("lexical") / "index"
    built.save(folder)
    return load_lexical(folder)


def oracle(texts: list[str], query: str) -> np.ndarray:
    """What bm25s, given the terms, says of every text."""
    retriever = bm25s.BM25(k1=1.2, b=0.75, method="lucene")
    terms = [text_terms(text) for text in texts]
    retriever.index(terms, show_progress=False)
    known = sorted(set(text_terms(query)).intersection(*[set().union(*terms)]))
    return retriever.get_scores(known) if known else np.zeros(len(texts), np.float32)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "query", ["dialogue state tracking", "machine translation", "GPT-3 parsing 机器", "dialogue " * 9]
)
def test_scores_are_those_of_bm25s(index, query):
    expected = oracle([text for text, _ in PAPERS], query)
    found = index.query(query)
    expected = np.minimum(expected / found.norm, 1)
    np.testing.assert_allclose(index.similarity(found, np.arange(7)), expected, atol=1e-5)
    positions, similarities = index.search(found, 7)
    order = sorted(np.flatnonzero(expected), key=lambda p: (-round(float(expected[p]), 5), p))
    assert positions.tolist() == order
    np.testing.assert_allclose(similarities, expected[order], atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12).filter(any), TEXTS.filter(text_terms))
def test_scores_are_those_of_bm25s_whatever_the_texts(texts, query):
    if not any(map(text_terms, texts)):
        return
    index = build_lexical(documents([(text, ("Ada King",)) for text in texts]))
    found = index.query(query)
    expected = np.minimum(oracle(texts, query) / found.norm, 1)
    np.testing.assert_allclose(index.similarity(found, np.arange(len(texts))), expected, atol=1e-5)
    positions, similarities = index.search(found, len(texts))
    assert sorted(positions.tolist()) == np.flatnonzero(expected).tolist()
    np.testing.assert_allclose(similarities, expected[positions], atol=1e-5)


def test_the_norm_is_the_score_of_a_paper_with_itself(index):
    texts = [text for text, _ in PAPERS]
    for position, text in enumerate(texts):
        query = index.document_query(position)
        assert query.norm == pytest.approx(oracle(texts, text)[position], abs=1e-5)
        again = index.query(text)
        assert query.ids.tolist() == again.ids.tolist()
        assert query.norm == pytest.approx(again.norm)


def test_unknown_terms_count_in_the_norm_as_if_in_no_paper(index):
    query = index.query("zebra zebra")
    idf = np.log1p((7 + 0.5) / 0.5)
    # zebra twice and "zebra zebra" once, in a text of three terms
    average = np.mean([len(text_terms(text)) for text, _ in PAPERS])
    slack = 1.2 * (0.25 + 0.75 * 3 / average)
    assert query.norm == pytest.approx(idf * (2 / (2 + slack) + 1 / (1 + slack)), rel=1e-5)
    assert query.ids.tolist() == []
    assert index.search(query, 5)[0].tolist() == []
    assert index.similarity(query, np.array([0, 1])).tolist() == [0, 0]


def test_a_text_without_terms_finds_nothing(index):
    query = index.query("of the —")
    assert query.norm == 0
    assert index.search(query, 5)[0].tolist() == []
    assert index.search(index.document_query(4), 5)[0].tolist() == []


def test_equal_scores_stand_by_position_also_where_k_cuts(index):
    query = index.query("machine translation of dialogue")
    assert index.search(query, 1)[0].tolist() == [3]
    positions, similarities = index.search(query, 2)
    assert positions.tolist() == [3, 5]
    assert similarities.tolist() == [1, 1]


def test_only_allowed_papers_are_found(index):
    allowed = np.array([True, False, True, False, True, True, True])
    assert index.search(index.query("machine translation"), 9, allowed)[0].tolist() == [5, 6]
    assert index.search(index.query("machine translation"), 9, np.zeros(7, bool))[0].tolist() == []
    assert index.search(index.query("machine translation"), 0)[0].tolist() == []


@pytest.mark.parametrize(
    ("query", "first"), [("DSTC9", 0), ("plato", 1), ("c++", 2), ("GPT 3", 6), ("翻译", 6)]
)
def test_rare_terms_hit(index, query, first):
    assert index.search(index.query(query), 3)[0].tolist() == [first]


def test_similarities_follow_the_positions_asked_for(index):
    query = index.query("dialogue state")
    every = index.similarity(query, np.arange(7))
    assert every[0] > every[1] > 0 == every[4]
    np.testing.assert_array_equal(index.similarity(query, np.array([4, 1, 0, 1])), every[[4, 1, 0, 1]])
    assert index.similarity(query, np.empty(0, np.int64)).tolist() == []


@pytest.mark.parametrize(
    ("query", "positions"),
    [
        ("Jason Weston", [0]),
        ("jason e. weston", [0]),
        ("Weston, Jason", [0]),
        ("dialogue by Ada King and others", [0, 2]),
        ("King", [0, 2]),
        ("neubig", [5]),
        ("李明", [6]),
        ("Jason", []),
        ("dialogue state", []),
        ("ada", []),
        ("one two three four five six seven eight nine ten eleven ada king", []),
        ("", []),
    ],
)
def test_authors_are_found_by_name(index, query, positions):
    assert index.name_matches(query).tolist() == positions


def test_names_are_no_part_of_texts(index):
    assert index.search(index.query("Ada King"), 5)[0].tolist() == []
    assert index.search(index.query("@@king"), 5)[0].tolist() == []


@pytest.mark.parametrize("block", [2, 2_000])
def test_nearest_of_all_are_what_search_finds(index, monkeypatch, block):
    monkeypatch.setattr("recsys.index.lexical_nearest.BLOCK", block)
    told = []
    blocks = list(index.nearest_all(6, threads=2, progress=lambda done, total: told.append((done, total))))
    assert [start for start, _, _ in blocks] == list(range(0, 7, block))
    assert told[-1] == (7, 7)
    positions = np.concatenate([found for _, found, _ in blocks])
    similarities = np.concatenate([values for _, _, values in blocks])
    for paper in range(7):
        expected, values = index.search(index.document_query(paper), 7)
        others = expected != paper
        count = np.count_nonzero(others)
        assert positions[paper].tolist() == [*expected[others], *[-1] * (6 - count)]
        np.testing.assert_allclose(similarities[paper, :count], values[others], atol=1e-5)
        assert similarities[paper, count:].tolist() == [0] * (6 - count)


def test_nearest_of_all_leaves_the_paper_out_where_it_is_not_its_own_best(built):
    positions = np.concatenate([found for _, found, _ in built.nearest_all(1, threads=1)])
    assert positions[[3, 5]].tolist() == [[5], [3]]


def test_shared_terms_are_rarest_first_and_as_written(built):
    text = "A PLATO-like model, for Dialogue State Tracking (DSTC9)!"
    shared = built.shared_terms(
        "We do dialogue-state tracking on dstc9 with Plato models and a parser", text, 9
    )
    assert shared == ["model", "Dialogue State Tracking", "DSTC9", "PLATO"]
    assert built.shared_terms("dialogue, states", "dialogues. State of 3", 5) == ["State", "dialogues"]
    assert built.shared_terms("task 3", "It has 3", 5) == []


def test_what_stands_in_many_papers_is_no_evidence():
    papers = [(f"common word{n} corpus{n % 40}", ()) for n in range(200)]
    index = build_lexical(documents(papers))
    text = "common word7 corpus3 zebra"
    assert index.shared_terms(text, text, 9) == ["corpus3 zebra", "common word7"]
    assert index.shared_terms("common", "common corpus3", 9) == []


def test_idf_is_lucenes(index):
    expected = [np.log1p((7 - df + 0.5) / (df + 0.5)) for df in (4, 2, 3, 0)]
    terms = ["dialogu", "@@king", "machin translat", "zebra"]
    np.testing.assert_allclose(index.idf(terms), expected, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_index_made_from_an_earlier_one_is_the_same(tmp_path_factory, data):
    papers = st.lists(
        st.tuples(TEXTS, st.lists(st.sampled_from(["Ada King", "Bo", "C. D. Eve"]), max_size=2)), max_size=6
    )
    before, after = data.draw(papers), data.draw(papers)
    after += [paper for paper in before if data.draw(st.booleans())]
    folder = tmp_path_factory.mktemp("incremental")
    build_lexical(documents(before)).save(folder / "before")
    build_lexical(documents(after)).save(folder / "fresh")
    build_lexical(documents(after), previous=load_lexical(folder / "before")).save(folder / "again")
    assert files(folder / "again") == files(folder / "fresh")


def test_unchanged_papers_are_not_tokenised_again(built, monkeypatch):
    read = []
    encode = "recsys.index.lexical_build.TermEncoder.encode"
    monkeypatch.setattr(encode, lambda self, text: read.append(text) or [])
    changed = [*PAPERS[:2], ("Parsing with Rust", ("Ada King",)), *PAPERS[3:], (PAPERS[0][0], ("Another",))]
    assert len(build_lexical(documents(changed), previous=built)) == 8
    assert read == ["Parsing with Rust", PAPERS[0][0]]


def test_blocks_of_the_build_do_not_show(tmp_path, built, monkeypatch):
    monkeypatch.setattr("recsys.index.lexical_build.BLOCK_TERMS", 5)
    build_lexical(iter(documents(PAPERS))).save(tmp_path / "blocks")
    built.save(tmp_path / "whole")
    assert files(tmp_path / "blocks") == files(tmp_path / "whole")


def test_progress_is_told(monkeypatch):
    monkeypatch.setattr("recsys.index.lexical_build.PROGRESS_EVERY", 3)
    told = []
    build_lexical(documents(PAPERS), progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 7), (6, 7), (7, 7)]


@pytest.mark.parametrize("papers", [[], [("", ())], [("the", ("",))]], ids=["none", "empty", "stop-word"])
def test_an_index_may_be_empty(tmp_path, papers):
    build_lexical(documents(papers)).save(tmp_path / "index")
    index = load_lexical(tmp_path / "index")
    assert len(index) == len(papers)
    assert index.search(index.query("dialogue state"), 3)[0].tolist() == []
    assert index.query("dialogue state").norm > 0
    assert index.name_matches("ada king").tolist() == []
    assert [found.tolist() for _, found, _ in index.nearest_all(2)] == [[[-1, -1]] for _ in papers]
    assert index.shared_terms("a parser", "the parser", 2) == ["parser"]


def test_nothing_is_printed(built, tmp_path, capfd):
    build_lexical(documents(PAPERS)).save(tmp_path / "index")
    index = load_lexical(tmp_path / "index")
    index.search(index.query("dialogue"), 3)
    list(index.nearest_all(2))
    assert capfd.readouterr() == ("", "")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def another(path: Path) -> None:
    np.save(path, np.load(path)[:-1])


def wider(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float64))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("lexical.json", Path.unlink),
        ("params.index.json", Path.unlink),
        ("data.csc.index.npy", cut),
        ("data.csc.index.npy", another),
        ("indptr.csc.index.npy", another),
        ("vocabulary.npy", another),
        ("text-indptr.npy", another),
        ("text-counts.npy", another),
        ("names-ids.npy", another),
        ("keys.npy", another),
        ("lengths.npy", wider),
        ("lengths.npy", lambda path: path.write_bytes(b"")),
        ("lexical.json", lambda path: path.write_text("{")),
        ("lexical.json", lambda path: path.write_text(json.dumps({"format": 1}))),
        ("params.index.json", lambda path: path.write_text(path.read_text().replace("1.2", "1.5"))),
    ],
)
def test_damage_is_told(built, tmp_path, name, damage):
    built.save(tmp_path / "index")
    damage(tmp_path / "index" / name)
    with pytest.raises(DamagedSnapshot, match="lexical index"):
        load_lexical(tmp_path / "index")


def test_a_folder_is_never_written_over(built, tmp_path):
    built.save(tmp_path / "index")
    with pytest.raises(FileExistsError):
        built.save(tmp_path / "index")


def test_papers_that_have_all_words():
    index = build_lexical(
        [LexicalDocument(text, ()) for text in ("a parser of trees", "trees", "parsing a tree", "sea")]
    )
    everyone = np.arange(4)
    assert index.holding_all("tree parsers", everyone).tolist() == [True, False, False, False]
    assert index.holding_all("tree parsing", everyone).tolist() == [False, False, True, False]
    assert index.holding_all("the trees", everyone).tolist() == [True, True, True, False]
    assert index.holding_all("unknown trees", everyone).tolist() == [False] * 4
    assert index.holding_all("of the", everyone).tolist() == [False] * 4


def test_a_surname_that_is_rather_a_word_names_nobody():
    by_moses = [LexicalDocument("phrase tables", ("Ann Moses",)), LexicalDocument("beams", ("Ann Moses",))]
    about_it = [LexicalDocument(f"decoding with Moses {i}", ("Bo Li",)) for i in range(3)]
    assert build_lexical([*by_moses, *about_it[:2]]).name_matches("Moses").tolist() == [0, 1]
    assert build_lexical([*by_moses, *about_it]).name_matches("Moses").tolist() == []
    assert build_lexical([*by_moses, *about_it]).name_matches("Ann Moses").tolist() == [0, 1]
