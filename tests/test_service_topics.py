"""What readers are told of topics, on the toy corpus."""

import numpy as np
import pytest

from recsys.errors import InvalidRequest, TopicNotFound
from recsys.service import Filters
from tests import toy_corpus

SIZES = {"d": 6, "m": 5, "r": 5, "p": 4}


@pytest.fixture(scope="module")
def toy(make_toy, tmp_path_factory):
    made = make_toy(tmp_path_factory.mktemp("topics"))
    made.build()
    return made


@pytest.fixture(scope="module")
def topic_of(toy):
    """The topic of each group of papers."""
    return {group: toy.service.paper(f"{group}1").topics[0].topic for group in SIZES}


def test_topics_come_by_size_and_in_pages(toy, topic_of):
    page = toy.service.topics.page()
    assert [topic.size for topic in page.topics] == [6, 5, 5, 4]
    assert page.topics[0] == topic_of["d"]
    assert (page.levels, page.next, page.snapshot) == (1, None, toy.snapshots.current())
    first = toy.service.topics.page(limit=3)
    assert first.next == first.topics[-1].id
    rest = toy.service.topics.page(limit=3, after=first.next)
    assert first.topics + rest.topics == page.topics
    assert rest.next is None


def test_levels_and_limits_that_there_are_not_are_refused(toy):
    with pytest.raises(InvalidRequest, match="level 2"):
        toy.service.topics.page(level=2)
    with pytest.raises(InvalidRequest, match="limit is 0"):
        toy.service.topics.page(limit=0)
    with pytest.raises(TopicNotFound, match="t00000000"):
        toy.service.topics.page(parent="t00000000")


def test_a_topic_in_full(toy, topic_of):
    detail = toy.service.topics.get(topic_of["m"].id)
    assert detail.topic == topic_of["m"]
    assert (detail.parents, detail.children, detail.edits, detail.asked) == ((), (), (), None)
    assert {paper.id[0] for paper in detail.exemplars} == {"m"}
    papers = [paper for paper in toy_corpus.papers() if paper.id.startswith("m")]
    written = [author.name for paper in papers for author in paper.authors]
    assert {author.name: author.papers for author in detail.authors} == {
        name: written.count(name) for name in written
    }
    assert detail.authors[0].papers == max(written.count(name) for name in written)
    venues = [paper.venue for paper in papers if paper.venue]
    assert dict(detail.venues) == {venue: venues.count(venue) for venue in venues}
    assert dict(detail.topic.years) == {
        year: sum(paper.year == year for paper in papers)
        for year in {paper.year for paper in papers} - {None}
    }


def test_papers_of_a_topic_come_with_their_strength_and_in_pages(toy, topic_of):
    whole = toy.service.topics.papers(topic_of["d"].id, limit=500)
    own = [entry for entry in whole.papers if entry.place.rank == 1]
    assert {entry.paper.id for entry in own} == {f"d{number}" for number in range(1, 7)}
    assert whole.papers[: len(own)] == tuple(own)  # those of other topics that also belong here come after
    strengths = [entry.place.strength for entry in own]
    assert strengths == sorted(strengths, reverse=True)
    assert whole.total == len(whole.papers)
    pages, after = [], None
    while True:
        page = toy.service.topics.papers(topic_of["d"].id, after=after, limit=2)
        pages += page.papers
        after = page.next
        if after is None:
            break
    assert tuple(pages) == whole.papers
    with pytest.raises(InvalidRequest, match="'m1' is no paper"):
        toy.service.topics.papers(topic_of["p"].id, after="m1")


def test_a_text_carries_its_topics_and_its_place_on_the_map(toy, topic_of):
    answer = toy.service.search("a chatbot dialogue system for conversation", k=3)
    assert answer.topics[0].topic == topic_of["d"]
    assert answer.topics[0].strength > 0.5
    assert {paper_id[0] for paper_id in answer.topics_of} == {"d"}
    assert answer.topics_of["d1"] == toy.service.paper("d1").topics
    here = np.array(answer.point)
    there = {group: np.array(toy.service.paper(f"{group}1").point) for group in SIZES}
    assert min(there, key=lambda group: np.linalg.norm(there[group] - here)) == "d"
    assert toy.service.assign("a chatbot dialogue system for conversation").topics == answer.topics


def test_a_text_that_nothing_is_close_to_has_no_topic(toy):
    text = "Quantum chromodynamics on a lattice with staggered fermions"
    found = toy.service.assign(text)
    assert (found.topics, found.point, found.close) == ((), None, False)
    assert toy.service.search(text).topics == ()
    with pytest.raises(InvalidRequest, match="no letters"):
        toy.service.assign("…")


def test_answers_can_be_limited_to_a_topic(toy, topic_of):
    only = Filters(topic=topic_of["p"].id)
    found = {
        scored.paper.id for scored in toy.service.search("machine translation", k=20, filters=only).results
    }
    assert {"p1", "p2", "p3", "p4"} <= found
    assert not found & {"m1", "m2", "m3"}
    related = toy.service.related("m1", k=20, filters=only)
    assert {scored.paper.id for scored in related.results} == found
    assert related.topics[0].topic == topic_of["m"]  # where the paper itself belongs
    both = Filters(topic=topic_of["p"].id, venue="lrec")
    assert {scored.paper.id for scored in toy.service.search("treebank", filters=both).results} <= {"p4"}
    with pytest.raises(TopicNotFound):
        toy.service.search("treebank", filters=Filters(topic="t00000000"))
    # a paper asked for by its id is left out where it is not of the topic
    assert toy.service.search("m1", filters=only).results[0].paper.id != "m1"


def test_the_map_and_the_export_have_every_paper(toy, topic_of):
    chart = toy.service.topics.map()
    assert chart.ids == sorted(paper.id for paper in toy_corpus.papers())
    assert chart.coordinates.shape == (20, 2)
    assert np.isfinite(chart.coordinates).all()
    topics, numbers = chart.levels[0]
    assert [topics[number] for number in numbers] == [topic_of[one[0]] for one in chart.ids]
    assert set(chart.outlines) == {topic.id for topic in topic_of.values()}
    rows = toy.service.topics.rows()
    assert [(row.paper_id, row.topic_id) for row in rows if row.rank == 1] == [
        (one, topic_of[one[0]].id) for one in chart.ids
    ]
    assert {row.topic_name for row in rows} == {topic.name for topic in topic_of.values()}
    assert all(0 < row.strength <= 1 for row in rows)
    assert {change.kind for change in toy.service.topics.changes()} == {"new"}
