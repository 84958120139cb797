"""The read path on the toy corpus, whose answers are known by hand."""

import threading
import time
from dataclasses import replace

import pytest

from recsys.errors import InvalidRequest, NoSnapshot, PaperNotFound
from recsys.recommend.related import lexical_weight
from recsys.service import Filters, Options, Request, Service
from tests.fakes import WordEmbedder

GROUPS = {
    "a chatbot dialogue system for conversation": "d",
    "reinforcement learning policy reward for large language model reasoning": "r",
    "machine translation of sentences": "m",
    "dependency parser and treebanks": "p",
}


def ids(answer):
    return [scored.paper.id for scored in answer.results]


@pytest.mark.parametrize(("query", "group"), GROUPS.items())
def test_search_finds_the_group_that_the_text_belongs_to(toy, query, group):
    assert {paper_id[0] for paper_id in ids(toy.service.search(query, k=3))} == {group}


def test_a_pasted_abstract_finds_its_paper_almost_as_strong_as_can_be(toy):
    paper = toy.papers.get("m2")
    best = toy.service.search(f"{paper.title}. {paper.abstract}", k=1).results[0]
    assert best.paper == paper
    assert best.score > 2  # sentences 1, words more, but for a title that is now one of the sentences
    assert best.strength > 0.99


def test_related_is_never_the_paper_itself_nor_a_version_of_it(toy):
    assert toy.service.paper("d5").versions == ("d6",)
    assert toy.service.paper("d6").versions == ("d5",)
    for one, other in (("d5", "d6"), ("d6", "d5")):
        found = ids(toy.service.related(one, k=500))
        assert len(found) == 18
        assert one not in found
        assert other not in found


def test_equal_texts_by_other_authors_are_two_works_and_stand_first_for_each_other(toy):
    assert toy.service.paper("r4").versions == ()
    related = toy.service.related("r4", k=2)
    assert ids(related)[0] == "r5"
    contents = toy.snapshots.open().contents
    terms = len(contents.lexical.document_query(contents.facets.ids.index("r4")).ids)
    assert related.results[0].score == pytest.approx(1 + lexical_weight(terms), abs=1e-4)


def test_scores_fall_and_equal_ones_stand_by_id(toy):
    answer = toy.service.search(toy.papers.get("r4").abstract, k=20)
    assert ids(answer)[:2] == ["r4", "r5"]
    scores = [scored.score for scored in answer.results]
    assert scores[0] == scores[1]
    assert scores == sorted(scores, reverse=True)


def test_a_title_finds_its_paper_first_and_says_so(toy):
    for paper in toy.papers.page(limit=100):
        found = toy.service.search(paper.title.upper() + ".", k=3).results
        first = [one for one in found if one.reason.match == "title"]
        assert paper.id in [one.paper.id for one in first]
        assert {one.strength for one in first} == {1.0}
        assert ids(toy.service.search(paper.title, k=3))[: len(first)] == [one.paper.id for one in first]


def test_a_title_above_a_pasted_abstract_counts_as_the_title(toy):
    paper, other = toy.papers.get("m2"), toy.papers.get("p1")
    best = toy.service.search(f"{paper.title}\n\n{other.abstract}", k=2).results[0]
    assert (best.paper.id, best.reason.match) == ("m2", "title")


IDENTIFIED = {
    "m2": "m2",
    " m2 ": "m2",
    "10.1000/X.7": "n1",
    "https://doi.org/10.1000/x.7": "n1",
    "doi: 10.1000/x.7": "n1",
    "arXiv:2101.00001v3": "n1",
    "https://arxiv.org/abs/2101.00001": "n1",
    "https://arxiv.org/pdf/2101.00001v2.pdf": "n1",
    "https://example.org/papers/n1": "n1",
    "http://example.org/papers/n1/": "n1",
}


@pytest.fixture(scope="module")
def identified(make_toy, tmp_path_factory):
    toy = make_toy(tmp_path_factory.mktemp("identified"))
    paper = replace(
        toy.papers.get("m2"),
        id="n1",
        title="Parsers of another kind",
        doi="10.1000/x.7",
        arxiv_id="2101.00001",
        url="https://example.org/papers/n1",
    )
    toy.papers.upsert([paper])
    toy.build()
    return toy


@pytest.mark.parametrize(("typed", "paper_id"), IDENTIFIED.items())
def test_an_identifier_gives_its_paper_and_then_the_related_ones(identified, typed, paper_id):
    answer = identified.service.search(typed, k=4)
    assert answer.resolved == paper_id
    assert (answer.results[0].paper.id, answer.results[0].reason.match) == (paper_id, "id")
    assert ids(answer)[1:] == ids(identified.service.related(paper_id, k=3))


@pytest.mark.parametrize("typed", ["10.1000/nothing", "arXiv:9901.00001", "https://example.org/none"])
def test_an_identifier_that_no_paper_has_is_not_searched_for_as_words(identified, typed):
    with pytest.raises(PaperNotFound, match="No paper here has the identifier"):
        identified.service.search(typed, k=3)


def test_what_might_have_been_an_id_is_searched_for_as_words(identified):
    answer = identified.service.search("m2x", k=3)
    assert answer.resolved is None
    assert len(answer.results) == 3


def test_strengths_fall_with_the_scores(toy):
    for text in ("universal treebanks", toy.papers.get("m2").abstract):
        found = [one.strength for one in toy.service.search(text, k=20).results]
        assert found == sorted(found, reverse=True)


def test_a_paper_that_has_all_of_a_few_words_is_close(toy):
    assert toy.service.search("universal treebanks").close
    assert not toy.service.search("universal basalt").close


def test_an_identifier_is_subject_to_the_filters_and_may_be_newer_than_the_snapshot(toy):
    assert ids(toy.service.search("m2", k=3, filters=Filters(venue="wmt")))[0] == "m2"
    assert "m2" not in ids(toy.service.search("m2", k=3, filters=Filters(venue="acl")))
    toy.papers.upsert([replace(toy.papers.get("m2"), id="fresh", title="Another title", doi="10.1000/fresh")])
    found = toy.service.search("10.1000/fresh", k=3)
    assert (ids(found)[0], found.resolved) == ("fresh", "fresh")
    assert ids(found)[1] == "m2"


def test_an_authors_name_finds_their_papers_first(toy):
    mine = {
        paper.id for paper in toy.papers.page(limit=100) if "Mojca Zupan" in [a.name for a in paper.authors]
    }
    answer = toy.service.search("mojca zupan", k=20)
    assert {one.paper.id for one in answer.results if one.reason.match == "author"} == mine
    assert set(ids(answer)[: len(mine)]) == mine
    assert set(ids(toy.service.search("Zupan", k=20))[: len(mine)]) == mine


def test_reasons_quote_both_sides_as_they_stand(toy):
    text = "Whales sing. We train one dependency parser on universal treebanks of many languages."
    best = toy.service.search(text, k=1).results[0]
    assert best.paper.id == "p3"
    match = best.reason.sentences
    assert text[match.query.start : match.query.end] == match.query.text
    assert match.query.text.startswith("We train one dependency parser")
    assert (match.query.field, match.paper.field, match.query_id) == ("text", "abstract", None)
    assert best.paper.abstract[match.paper.start : match.paper.end] == match.paper.text
    assert "dependency parser" in match.paper.text
    assert "treebanks of many languages" in best.reason.terms


def test_reasons_name_shared_authors(toy):
    for one in toy.service.related("d5", k=20).results:
        shared = {a.name for a in one.paper.authors} & {a.name for a in toy.papers.get("d5").authors}
        assert set(one.reason.authors) == shared
    both = toy.service.related_to(["p1", "m1"], k=3).results
    assert {one.reason.sentences.query_id for one in both} <= {"p1", "m1"}


def test_a_paper_changed_since_the_build_is_not_misquoted(toy):
    changed = replace(toy.papers.get("p3"), abstract="Something else altogether. And more of it.")
    toy.papers.upsert([changed])
    found = {one.paper.id: one for one in toy.service.search("universal treebanks", k=20).results}
    assert found["p3"].reason.sentences is None
    assert found["p1"].reason.sentences is not None


def test_several_papers_and_those_to_keep_away_from(toy):
    both = ids(toy.service.related_to(["m1", "p1"], k=18))
    assert not {"m1", "p1"} & set(both)
    assert {both[0][0], both[1][0], both[2][0], both[3][0]} == {"m", "p"}
    away = ids(toy.service.related_to(["m1", "p1"], ["p2"], k=17))
    assert "p2" not in away
    assert [one[0] for one in away[:3]] == ["m"] * 3
    for positive, negative in (([], []), (["m1"], ["m1"])):
        with pytest.raises(InvalidRequest):
            toy.service.related_to(positive, negative)
    with pytest.raises(PaperNotFound):
        toy.service.related_to(["m1"], ["unknown"])


def test_a_version_of_a_seed_is_no_answer_either(toy):
    assert not {"d5", "d6"} & set(ids(toy.service.related_to(["d5", "d1"], k=50)))
    assert "d6" not in ids(toy.service.related_to(["d1"], ["d5"], k=50))


def test_recency_prefers_the_newer_and_diversity_the_unlike(toy):
    plain = toy.service.search("parser treebank", k=20)
    recent = toy.service.search("parser treebank", k=20, options=Options(recency=1))
    assert sorted(ids(plain)) == sorted(ids(recent))

    def years(answer):
        return [one.paper.year or 0 for one in answer.results[:8]]

    assert sum(years(recent)) > sum(years(plain))
    assert ids(toy.service.related("r4", k=2))[0] == "r5"
    query = toy.papers.get("r4").abstract
    assert ids(toy.service.search(query, k=2)) == ["r4", "r5"]
    assert ids(toy.service.search(query, k=2, options=Options(diversity=0.7)))[1] != "r5"
    with pytest.raises(InvalidRequest, match=r"diversity is 1\.5"):
        Options(diversity=1.5)


def test_a_long_text_is_read_to_its_end(toy):
    filler = "The weather was fine and the harbour was quiet that morning. " * 60
    query = filler + "We train one dependency parser on universal treebanks of many languages."
    best = toy.service.search(query, k=1).results[0]
    assert best.paper.id == "p3"
    assert "dependency parser" in best.reason.sentences.query.text


def test_a_batch_ranks_exactly_the_candidates(toy):
    request = Request("m1", candidates=["p1", "m2", "m1", "unknown", "m3"], negative=["m3"])
    assert sorted(one for one, _ in toy.service.answer(request).results) == ["m2", "p1"]
    assert toy.service.answer(Request("m1", k=5)).results == tuple(
        (one.paper.id, one.score) for one in toy.service.related("m1", k=5).results
    )
    text = toy.papers.get("p1").abstract
    assert toy.service.answer(Request(None, text, k=1)).results[0][0] == "p1"
    assert "p1" not in [one for one, _ in toy.service.answer(Request("p1", text, k=20)).results]
    assert toy.service.answer(request).unknown == 1
    everyone = toy.service.answer(Request("m1", k=100_000)).results
    assert len(everyone) == 19
    for wrong, why in (
        (Request(), "neither"),
        (Request(text="?!"), "no letters"),
        (Request("m1", k=0), "k is 0"),
    ):
        with pytest.raises(InvalidRequest, match=why):
            toy.service.answer(wrong)


def test_stored_neighbours_answer_as_a_computed_ranking_does(toy):
    for paper in toy.papers.page(limit=100):
        looked_up = toy.service.rank(paper.id, candidates=None, k=10)
        everyone = [other.id for other in toy.papers.page(limit=100)]
        computed = toy.service.rank(paper.id, candidates=everyone, k=10)
        assert [one for one, _ in looked_up] == [one for one, _ in computed]
        assert [s for _, s in looked_up] == pytest.approx([s for _, s in computed], abs=2e-6)


def test_nothing_close_is_said(toy):
    assert toy.service.search("dependency parser treebanks").close
    assert not toy.service.search("zzyzx qwertyuiop").close


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(venue="wmt"), {"m2", "m4"}),
        (Filters(year_from=2025), {"r3", "r4", "r5"}),
        (Filters(year_to=2016), {"m1", "p1", "p4"}),
        (Filters(year_from=2018, year_to=2018, venue="ACL"), {"p2"}),
        (Filters(venue="no such venue"), set()),
    ],
)
def test_filters(toy, filters, expected):
    assert set(ids(toy.service.search("translation", k=50, filters=filters))) == expected
    listed = toy.service.papers(limit=50, filters=filters)
    assert {paper.id for paper in listed.papers} == expected
    assert listed.next is None


def test_paging_gives_every_paper_once_in_order(toy):
    seen, after = [], None
    while True:
        page = toy.service.papers(after=after, limit=7)
        seen += [paper.id for paper in page.papers]
        if page.next is None:
            break
        after = page.next
    assert seen == sorted(paper.id for paper in toy.papers.get_many(seen).values())
    assert len(seen) == 20


def test_withdrawn_papers_are_gone_at_once_and_from_the_files_at_the_next_build(toy):
    nearest = ids(toy.service.related("m1", k=1))[0]
    toy.tombstones.add([nearest], kind="opted_out")
    assert nearest not in ids(toy.service.related("m1", k=500))
    assert nearest not in ids(toy.service.search("translation", k=500))
    for refused in (toy.service.paper, toy.service.related):
        with pytest.raises(PaperNotFound):
            refused(nearest)
    assert nearest in toy.snapshots.open().facets.ids
    toy.build()
    assert nearest not in toy.snapshots.open().facets.ids
    assert (toy.service.status().papers, toy.service.status().withdrawn) == (19, 1)


def test_a_paper_newer_than_the_snapshot_has_related_papers(toy):
    newcomer = toy.papers.get("m2").__class__(
        id="new", title="Translation models for machine translation", source="toy", year=2026
    )
    toy.papers.upsert([newcomer])
    assert ids(toy.service.related("new", k=1))[0].startswith("m")


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "!?…", "$"])
def test_a_text_without_letters_is_refused(toy, text):
    with pytest.raises(InvalidRequest, match="no letters"):
        toy.service.search(text)


@pytest.mark.parametrize("k", [0, -1, 501])
def test_k_out_of_range_is_refused_not_clamped(toy, k):
    for ask in (lambda: toy.service.search("parser", k=k), lambda: toy.service.related("p1", k=k)):
        with pytest.raises(InvalidRequest, match=f"k is {k}"):
            ask()


def test_tex_in_a_query_is_read_as_text(toy):
    plain = toy.service.search("René parses dependency treebanks", k=5)
    assert toy.service.search(r"Ren\'e parses \emph{dependency} treebanks", k=5) == plain


@pytest.mark.parametrize(
    "text", ["parser \ud800", "parser \x00 treebank", "parser \U0001f600", "解析 treebank"]
)
def test_any_text_is_answered(toy, text):
    assert len(toy.service.search(text, k=3).results) == 3


def test_status_before_and_after_the_first_build(make_toy, tmp_path):
    fresh = make_toy(tmp_path)
    before = fresh.service.status()
    assert (before.papers, before.abstracts, before.people, before.snapshot) == (20, 19, 15, None)
    assert "recsys build" in before.problem
    with pytest.raises(NoSnapshot):
        fresh.service.search("parser")
    report = fresh.build()
    after = fresh.service.status()
    assert after.snapshot == report.manifest
    assert after.problem is None


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_new_snapshot_is_picked_up_while_the_old_one_answers(toy):
    """Eight threads ask without pause while a new snapshot is published: every answer is whole."""
    first = toy.service.search("parser").snapshot
    stop, seen, failures = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            try:
                answer = toy.service.search("translation of sentences", k=5)
                seen.append((answer.snapshot, len(answer.results)))
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    toy.papers.upsert(
        [toy.papers.get("m2").__class__(id="m9", title="Translation of sentences", source="toy")]
    )
    second = toy.build().manifest.name
    wait_for(lambda: seen and seen[-1][0] == second)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {count for _, count in seen} == {5}
    assert {name for name, _ in seen} == {first, second}
    assert ids(toy.service.search("translation of sentences", k=1)) == ["m9"]


def test_a_damaged_snapshot_is_not_switched_to_and_a_good_one_after_it_is(toy, caplog):
    first = toy.service.search("parser").snapshot
    toy.tombstones.add(["m1"], kind="withdrawn")
    bad = toy.build().manifest.name
    (toy.snapshots.path / bad / "papers.json").write_bytes(b"{}")
    toy.service.search("parser")
    wait_for(lambda: "Staying with the snapshot in use" in caplog.text)
    assert toy.service.search("parser").snapshot == first
    toy.tombstones.add(["m2"], kind="withdrawn")
    good = toy.build().manifest.name
    wait_for(lambda: toy.service.search("parser").snapshot == good)


def test_the_model_is_loaded_again_only_when_it_changes(toy):
    loaded = []

    def embedder_for(model):
        loaded.append(model.key)
        return WordEmbedder(model.key)

    service = Service(toy.database, toy.snapshots, embedder_for)
    service.search("parser")
    toy.tombstones.add(["m1"], kind="withdrawn")
    name = toy.build().manifest.name
    wait_for(lambda: service.search("parser").snapshot == name)
    assert loaded == ["words-1"]
    toy.embedder.key = "words-2"
    name = toy.build().manifest.name
    wait_for(lambda: service.search("parser").snapshot == name)
    assert loaded == ["words-1", "words-2"]
