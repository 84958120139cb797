"""The read path on the toy corpus, whose answers are known by hand."""

import threading
import time

import pytest

from recsys.errors import InvalidRequest, NoSnapshot, PaperNotFound
from recsys.service import Filters, Service
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


def test_a_pasted_abstract_finds_its_paper_with_a_cosine_near_one(toy):
    paper = toy.papers.get("m2")
    best = toy.service.search(f"{paper.title}. {paper.abstract}", k=1).results[0]
    assert best.paper == paper
    assert best.score == pytest.approx(1, abs=1e-5)


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
    assert related.results[0].score == pytest.approx(1, abs=1e-5)


def test_scores_fall_and_equal_ones_stand_by_id(toy):
    answer = toy.service.search(toy.papers.get("r4").abstract, k=20)
    assert ids(answer)[:2] == ["r4", "r5"]
    scores = [scored.score for scored in answer.results]
    assert scores == sorted(scores, reverse=True)


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
