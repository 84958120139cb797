"""Topics from build to build, on the toy corpus, whose four groups are its topics."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.build import indexing
from recsys.build.topics import TopicOptions
from recsys.errors import InvalidRequest, TopicNotFound
from recsys.namers.base import Outcome, Usage
from recsys.store.topic_edits import TopicEdits


@pytest.fixture
def grows(monkeypatch):
    monkeypatch.setattr(indexing, "SMALLEST_BASE", 1)
    monkeypatch.setattr(indexing, "MAY_CHANGE", 0.3)


def topics(toy):
    return toy.snapshots.open().contents.topics


def groups(toy):
    """Every topic's papers by id, its first paper's group as the key."""
    snapshot = toy.snapshots.open()
    level = snapshot.contents.topics.levels[-1]
    found = {}
    for number, topic in enumerate(level.topics):
        papers = [snapshot.facets.ids[p] for p in np.flatnonzero(level.main == number)]
        found[papers[0][0]] = (topic.id, papers)
    return found


def edits(toy):
    return TopicEdits(toy.database)


def rebuild(toy, **options):
    return toy.build(topics=TopicOptions(edits=edits(toy).all(), **options))


def paper(toy, like, **fields):
    return replace(toy.papers.get(like), **fields)


def test_the_groups_are_the_topics(toy):
    assert {group: papers for group, (_, papers) in groups(toy).items()} == {
        group: [f"{group}{number}" for number in range(1, size + 1)]
        for group, size in {"d": 6, "m": 5, "p": 4, "r": 5}.items()
    }
    names = {topic.id: topic.name for topic in topics(toy).all}
    ids = {group: topic for group, (topic, _) in groups(toy).items()}
    assert names[ids["m"]] == "Machine translation"
    assert names[ids["r"]] == "Reinforcement learning"
    assert toy.snapshots.manifest(toy.snapshots.current()).topics == (4,)


def test_counts_and_seed_are_as_asked_for_and_a_changed_wish_is_a_changed_snapshot(toy):
    assert rebuild(toy).published is False
    assert rebuild(toy, counts=(2,)).manifest.topics == (2,)
    assert rebuild(toy, counts=(2,)).published is False
    with pytest.raises(InvalidRequest, match="9 topics were asked for, of 20 papers"):
        rebuild(toy, counts=(9,))
    assert rebuild(toy, counts=(2,)).published is False  # nothing came of the wish that could not be had


def test_found_again_on_demand_they_keep_their_ids_and_the_log_says_so(toy):
    before = groups(toy)
    report = rebuild(toy, anew=True)
    assert report.published
    assert groups(toy) == before
    log = topics(toy).changes
    assert [(change.kind, change.before, change.after) for change in log[:4]] == [
        ("kept", topic.size, topic.size) for topic in topics(toy).all
    ]
    assert {change.kind for change in log[4:]} == {"new"}  # the first build's


@pytest.mark.usefixtures("grows")
def test_new_papers_join_topics_and_map_without_moving_anything(make_toy, tmp_path):
    toy = make_toy(tmp_path)
    toy.build()
    before, old = groups(toy), topics(toy)
    toy.papers.upsert(
        [
            paper(toy, "m2", id="m9", title="Back-translation revisited"),
            paper(toy, "p1", id="p9", title="Parsing with stacks again"),
        ]
    )
    assert toy.build().manifest.base == 20
    after = groups(toy)
    assert after["m"] == (before["m"][0], [*before["m"][1], "m9"])
    assert after["p"] == (before["p"][0], [*before["p"][1], "p9"])
    assert (after["d"], after["r"]) == (before["d"], before["r"])
    new, ids = topics(toy), toy.snapshots.open().facets.ids
    kept = [ids.index(one) for one in sorted(set(ids) - {"m9", "p9"})]
    np.testing.assert_array_equal(new.coordinates[kept], old.coordinates)
    near = np.linalg.norm(new.coordinates - new.coordinates[ids.index("m9")], axis=1)
    assert {ids[p][0] for p in np.argsort(near)[1:4]} == {"m"}
    kinds = {change.topic: (change.kind, change.before, change.after) for change in new.changes[:4]}
    assert kinds[before["m"][0]] == ("grown", 5, 6)
    assert kinds[before["d"][0]] == ("kept", 6, 6)
    assert [topic.size for topic in new.all] == [6, 6, 5, 5]


@pytest.mark.usefixtures("grows")
def test_papers_that_were_withdrawn_are_gone_from_topics_at_once_and_from_the_next_build(toy):
    topic, _ = groups(toy)["p"]
    toy.tombstones.add(["p1", "p2"], kind="withdrawn")
    detail = toy.service.topics.get(topic)
    assert detail.topic.size == 2
    assert {one.id for one in detail.exemplars} <= {"p3", "p4"}
    listed = toy.service.topics.papers(topic).papers
    assert [entry.paper.id for entry in listed if entry.place.rank == 1] == ["p3", "p4"]
    assert not {"p1", "p2"} & {entry.paper.id for entry in listed}
    assert not {"p1", "p2"} & set(toy.service.topics.map().ids)
    assert not {"p1", "p2"} & {row.paper_id for row in toy.service.topics.rows()}
    toy.build()
    assert groups(toy)["p"] == (topic, ["p3", "p4"])
    assert topics(toy).by_id[topic]


def test_a_merge_holds_from_build_to_build_and_its_id_leads_on(toy):
    before = groups(toy)
    edits(toy).add("merge", before["p"][0], into=before["m"][0], by="ann")
    assert rebuild(toy).published
    for _ in range(2):
        assert groups(toy)["m"] == (before["m"][0], [*before["m"][1], *before["p"][1]])
        assert set(groups(toy)) == {"d", "m", "r"}
        detail = toy.service.topics.get(before["p"][0])
        assert (detail.topic.id, detail.asked) == (before["m"][0], before["p"][0])
        assert [edit.by for edit in detail.edits] == ["ann"]
        rebuild(toy, anew=True)
    edits(toy).undo(1, by="ann")
    rebuild(toy)
    assert groups(toy)["p"][1] == before["p"][1]


def test_a_split_makes_topics_that_keep_their_ids(toy):
    topic, _ = groups(toy)["d"]
    edits(toy).add("split", topic, parts=2, by="ann")
    rebuild(toy)
    ids = {t.id for t in topics(toy).all}
    assert topic not in ids
    assert len(ids) == 5
    assert next((c.kind, len(c.others)) for c in topics(toy).changes if c.topic == topic) == ("split", 2)
    with pytest.raises(TopicNotFound):
        toy.service.topics.get(topic)
    rebuild(toy, anew=True)
    assert {t.id for t in topics(toy).all} == ids


def test_a_pinned_topic_stays_as_it_is_whatever_the_clustering_finds(toy):
    topic, papers = groups(toy)["p"]
    edits(toy).add("pin", topic, by="ann")
    rebuild(toy, counts=(2,))
    assert (topic, papers) in groups(toy).values()


def test_names_and_hiding_act_without_a_build(toy):
    topic, papers = groups(toy)["p"]
    edits(toy).add("rename", topic, name="Syntax", by="ann")
    assert toy.service.topics.get(topic).topic.name == "Syntax"
    assert {row.topic_name for row in toy.service.topics.rows() if row.paper_id in papers} >= {"Syntax"}
    assert rebuild(toy).published is False
    rebuild(toy, anew=True)
    assert toy.service.topics.get(topic).topic.name == "Syntax"
    edits(toy).add("hide", topic, by="ann")
    with pytest.raises(TopicNotFound, match=topic):
        toy.service.topics.get(topic)
    assert topic not in {one.id for one in toy.service.topics.page().topics}
    assert topic not in {place.topic.id for place in toy.service.paper("p1").topics}
    # every paper has a row at every level, for those who work on the tree
    assert topic in {row.topic_id for row in toy.service.topics.rows()}


class Fixed:
    """A namer that gives names by the offline ones."""

    model, prompt = "fixed", "1"

    def __init__(self, names):
        self.names, self.asked = names, []

    def estimate(self, requests):
        return Usage(1, 10 * len(requests), len(requests), None, True)

    def name(self, requests, *, progress=None):
        self.asked.append([request.name for request in requests])
        given = {r.topic: self.names[r.name] for r in requests if r.name in self.names}
        failures = {r.topic: "no idea" for r in requests if r.name not in self.names}
        return Outcome(given, failures, Usage(1, 100, 10, 0.5))


def test_a_namer_is_asked_once_for_a_topic_and_what_it_does_not_know_keeps_its_name(toy, caplog):
    names = {topic.name for topic in topics(toy).all}
    namer = Fixed({"Machine translation": "Translating by machine"})
    caplog.set_level("INFO", "recsys")
    rebuild(toy, anew=True, namer=namer)
    assert {topic.name for topic in topics(toy).all} == names - {"Machine translation"} | {
        "Translating by machine"
    }
    assert "fixed gave 1 names: 1 requests, 100 + 10 tokens, cost 0.5000." in caplog.text
    assert "3 topics keep their offline names; the first: no idea" in caplog.text
    rebuild(toy, anew=True, namer=namer)
    assert "Translating by machine" in {topic.name for topic in topics(toy).all}
    assert [sorted(asked) for asked in namer.asked] == [
        sorted(names),
        sorted(names - {"Machine translation"}),
    ]
