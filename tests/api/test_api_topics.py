"""Topics over HTTP, on topics made by hand: every figure below can be read off tests/toy_topics.py."""

import gzip
import json
import logging

import numpy as np
import pytest
from fastapi.testclient import TestClient

from recsys.api import topic_examples
from recsys.api.app import create_app
from recsys.api.requests import AssignIn
from recsys.api.topic_changes import TopicChangesOut
from recsys.api.topic_map import TopicMapOut, map_body
from recsys.api.topic_papers import AssignmentOut
from recsys.api.topics import TopicDetailOut
from recsys.index.topics import no_topics
from recsys.service import TopicMap
from recsys.settings import Settings
from recsys.store.topic_edits import TopicEdits
from tests import toy_topics

ABSTRACT = "We train a chatbot for open-domain conversation that keeps a consistent persona in a dialogue."
COARSE = ["tf0000001", "td0000001", "tb0000001"]  # the largest first
FINE = ["tb0000011", "tf0000011", "td0000012", "tf0000012", "td0000011"]


@pytest.fixture
def toy(toy):
    """The built toy with the topics made by hand; shadows the one in conftest, and so the client is of it."""
    toy_topics.publish(toy)
    return toy


@pytest.fixture
def edits(toy):
    return TopicEdits(toy.database)


def ids(response, member="topics"):
    assert response.status_code == 200, response.text
    return [found["id"] for found in response.json()[member]]


def refusal(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "details", "hint", "message"]
    assert body["error"]["code"] == code
    return body["error"]


def test_the_tree_by_level_the_largest_first(client, toy):
    body = client.get("/v1/topics").json()
    assert [topic["id"] for topic in body["topics"]] == [*COARSE, *FINE]
    assert (body["next"], body["levels"], body["agreement"]) == (None, 2, 0.87)
    assert body["snapshot"] == toy.snapshots.current()
    assert body["topics"][1] == {
        "id": "td0000001",
        "level": 1,
        "parent": None,
        "name": "Dialogue systems",
        "size": 6,
        "terms": ["dialogue system", "conversation", "persona"],
        "trend": {
            "direction": "rising",
            "change": 0.121,
            "low": 0.0512,
            "high": 0.1949,
            "p": 0.00321,
            "first": 2015,
            "last": 2024,
        },
    }
    unknown = body["topics"][0]["trend"]
    assert unknown.pop("direction") == "unknown"
    assert set(unknown.values()) == {None}


def test_the_tree_by_level_by_parent_and_by_page(client):
    assert ids(client.get("/v1/topics?level=1")) == COARSE
    assert ids(client.get("/v1/topics?level=2")) == FINE
    assert ids(client.get("/v1/topics?parent=tf0000001")) == ["tf0000011", "tf0000012"]
    seen, after = [], ""
    while after is not None:
        body = client.get("/v1/topics", params={"limit": 3, **({"after": after} if after else {})}).json()
        seen.append([topic["id"] for topic in body["topics"]])
        after = body["next"]
    assert seen == [COARSE, FINE[:3], FINE[3:]]


def test_one_topic_in_full(client):
    body = client.get("/v1/topics/td0000001").json()
    assert (body["name"], body["size"], body["cohesion"], body["asked"]) == ("Dialogue systems", 6, 0.9, None)
    assert (body["parents"], body["aliases"]) == ([], ["tc0000001"])
    assert [child["id"] for child in body["children"]] == ["td0000012", "td0000011"]
    assert [paper["id"] for paper in body["exemplars"]] == ["d1", "d3"]
    assert body["exemplars"][0]["title"] == "A Persona-Grounded Chatbot for Open-Domain Conversation"
    assert body["years"] == [
        {"year": 2018, "papers": 1},
        {"year": 2019, "papers": 2},
        {"year": 2021, "papers": 3},
    ]
    assert {"name": "SIGDIAL", "papers": 1} in body["venues"]
    assert body["authors"][0]["papers"] >= body["authors"][-1]["papers"] >= 1
    assert body["edits"] == []
    child = client.get("/v1/topics/tf0000012").json()
    assert [parent["id"] for parent in child["parents"]] == ["tf0000001"]
    assert child["parent"] == "tf0000001"


def test_a_topic_that_was_merged_answers_with_its_successor(client):
    body = client.get("/v1/topics/tc0000001").json()
    assert (body["id"], body["asked"]) == ("td0000001", "tc0000001")
    assert client.get("/v1/topics/tc0000001/papers?limit=1").json()["topic"]["id"] == "td0000001"


def test_papers_of_a_topic_a_page_at_a_time(client):
    seen, after = [], None
    for _ in range(4):
        page = client.get(
            "/v1/topics/td0000001/papers", params={"limit": 2, **({"after": after} if after else {})}
        )
        body = page.json()
        assert body["total"] == 7
        seen += [(paper["id"], paper["strength"], paper["rank"]) for paper in body["papers"]]
        after = body["next"]
    assert after is None
    own = [(f"d{i + 1}", round(0.75 - 0.01 * i, 4), 1) for i in range(6)]
    assert seen == [*own, ("r1", 0.25, 2)]
    assert body["papers"][0]["title"] == "Entropy Control in Reinforcement Learning of Language Models"


def test_what_editors_decided_acts_at_once_and_who_did_is_not_told(client, edits):
    edits.add("rename", "td0000001", name="Conversation", by="Ada Secret", note="unspeakable reason")
    edits.add("pin", "td0000001", by="Ada Secret")
    answer = client.get("/v1/topics/td0000001")
    assert answer.json()["name"] == "Conversation"
    assert [(edit["kind"], edit["name"]) for edit in answer.json()["edits"]] == [
        ("rename", "Conversation"),
        ("pin", None),
    ]
    assert sorted(answer.json()["edits"][0]) == ["at", "into", "kind", "name", "parts", "topic"]
    assert "Ada" not in answer.text
    assert "unspeakable" not in answer.text
    assert client.get("/v1/topics/changes").json()["changes"][0]["name"] == "Conversation"
    levels = client.get("/v1/topics/map").json()["levels"]
    assert levels[0]["topics"][0]["name"] == "Conversation"


def test_a_hidden_topic_is_nowhere(client, edits):
    edits.add("hide", "td0000001", by="Ada")
    for path in ("td0000001", "td0000011", "tc0000001", "td0000001/papers"):
        refusal(client.get(f"/v1/topics/{path}"), 404, "topic_not_found")
    refusal(client.get("/v1/search?q=parser&topic=td0000001"), 404, "topic_not_found")
    assert ids(client.get("/v1/topics")) == ["tf0000001", "tb0000001", "tb0000011", "tf0000011", "tf0000012"]
    changes = client.get("/v1/topics/changes?all=true")
    assert [change["topic"] for change in changes.json()["changes"]] == [
        "tf0000001",
        "tb0000001",
        "te0000001",
    ]
    everything = client.get("/v1/topics/map")
    assert "td00000" not in everything.text
    assert everything.json()["levels"][0]["main"] == [-1] * 6 + [0] * 9 + [1] * 5
    assert client.get("/v1/papers/d1").json()["topics"] == []
    assert "td00000" not in client.get("/v1/papers/d1/related").text


def test_changes_of_the_latest_build_and_of_all(client):
    latest = client.get("/v1/topics/changes").json()["changes"]
    assert [(change["kind"], change["topic"], change["before"], change["after"]) for change in latest] == [
        ("grown", "td0000001", 4, 6),
        ("kept", "tf0000001", 9, 9),
        ("merged", "tb0000001", 2, 5),
        ("gone", "te0000001", 3, 0),
        ("split", "td0000012", 6, 4),
    ]
    assert latest[3]["others"] == ["tb0000001", "tf0000001"]
    assert {change["at"] for change in latest} == {toy_topics.SECOND}
    every = client.get("/v1/topics/changes?all=true").json()["changes"]
    assert every[:5] == latest
    assert (every[5]["at"], every[5]["kind"]) == (toy_topics.FIRST, "new")


def test_the_map_in_columns(client, toy):
    body = client.get("/v1/topics/map").json()
    assert TopicMapOut.model_validate(body).model_dump() == body
    assert (body["snapshot"], body["count"]) == (toy.snapshots.current(), 20)
    assert body["ids"][:2] == ["d1", "d2"]
    assert body["x"] == [float(i) for i in range(20)]
    assert body["y"] == [round(-i / 8, 4) for i in range(20)]
    assert body["years"][body["ids"].index("m5")] == 0
    assert body["years"][0] == 2019
    assert [level["level"] for level in body["levels"]] == [1, 2]
    fine = body["levels"][1]
    main = {
        paper: fine["topics"][place]["id"] for paper, place in zip(body["ids"], fine["main"], strict=True)
    }
    assert [main[paper] for paper in ("d2", "d3", "m1", "p4", "r5")] == [
        "td0000011",
        "td0000012",
        "tf0000011",
        "tf0000012",
        "tb0000011",
    ]
    assert fine["topics"][0] == {
        "id": "td0000011",
        "name": "Open-domain chatbots",
        "parent": "td0000001",
        "size": 2,
    }
    assert sorted(body["outlines"]) == sorted([*COARSE, *FINE])
    assert body["outlines"]["tf0000001"] == {"label": [1.0, 0.5], "rings": [[[0, 0], [1, 0], [1, 1]]]}


def test_the_map_is_sent_once_and_compressed_if_that_is_taken(client, toy, edits):
    plain = client.get("/v1/topics/map", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    tag = plain.headers["etag"]
    for none in ("gzip;q=0", "br"):
        assert (
            "content-encoding" not in client.get("/v1/topics/map", headers={"accept-encoding": none}).headers
        )
    with client.stream("GET", "/v1/topics/map", headers={"accept-encoding": "br, gzip;q=0.8"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"] == "Accept-Encoding"
        assert response.headers["etag"] == tag
        assert gzip.decompress(b"".join(response.iter_raw())) == plain.content
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = client.get("/v1/topics/map", headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/v1/topics/map", headers={"if-none-match": '"other"'}).status_code == 200
    edits.add("rename", "td0000001", name="Conversation", by="Ada")
    assert client.get("/v1/topics/map", headers={"if-none-match": tag}).status_code == 200
    toy.tombstones.add(["d1"], kind="withdrawn", note="")
    fewer = client.get("/v1/topics/map").json()
    assert (fewer["count"], fewer["ids"][0], len(fewer["x"])) == (19, "d2", 19)


def test_coordinates_are_rounded_and_numbers_of_topics_without_papers_are_closed_up():
    topics = (toy_topics.DIALOGUE, toy_topics.STRUCTURE, toy_topics.POLICY)
    found = TopicMap(
        ["a", "b"],
        np.array([[0.123456, -1.0], [2.00004, 0.5]], np.float32),
        np.array([2020, 0], np.int16),
        ((topics, np.array([2, -1], np.int32)),),
        {},
        "s",
    )
    body = json.loads(map_body(found))
    assert (body["x"], body["y"], body["years"]) == ([0.1235, 2.0], [-1.0, 0.5], [2020, 0])
    assert [topic["id"] for topic in body["levels"][0]["topics"]] == ["tb0000001"]
    assert body["levels"][0]["main"] == [0, -1]


def test_a_text_is_assigned_to_topics_or_honestly_to_none(client, toy):
    body = client.post("/v1/topics/assign", json={"text": ABSTRACT}).json()
    assert sorted(body) == ["close", "point", "snapshot", "topics"]
    main = [(place["id"], place["level"]) for place in body["topics"] if place["rank"] == 1]
    assert main[0] == ("td0000001", 1)
    assert body["close"] is True
    assert len(body["point"]) == 2
    assert AssignmentOut.model_validate(body).model_dump() == body
    search = client.post("/v1/search", json={"text": ABSTRACT}).json()
    assert (search["topics"], search["point"]) == (body["topics"], body["point"])
    nothing = client.post("/v1/topics/assign", json={"text": "zebra soup recipe"}).json()
    assert nothing == {"topics": [], "point": None, "close": False, "snapshot": toy.snapshots.current()}


def test_papers_and_answers_carry_their_topics(client):
    policy = {"id": "tb0000001", "level": 1, "name": "Policy learning", "strength": 0.6, "rank": 1}
    second = {"id": "td0000001", "level": 1, "name": "Dialogue systems", "strength": 0.25, "rank": 2}
    fine = {"id": "tb0000011", "level": 2, "name": "Policy learning from rewards", "strength": 0.6, "rank": 1}
    paper = client.get("/v1/papers/r1").json()
    assert (paper["topics"], paper["point"]) == ([policy, second, fine], [15.0, -1.875])
    related = client.get("/v1/papers/r1/related?k=19").json()
    assert (related["topics"], related["point"]) == (paper["topics"], paper["point"])
    by_id = {result["id"]: result for result in related["results"]}
    assert [place["id"] for place in by_id["m1"]["topics"]] == ["tf0000001", "tf0000011"]
    several = client.post("/v1/related", json={"positive": ["r1", "d1"], "k": 1}).json()
    assert (several["topics"], several["point"]) == ([], None)
    chosen = client.get("/v1/papers/d1/related?k=2&fields=topics").json()
    assert [sorted(result) for result in chosen["results"]] == [["id", "topics"]] * 2
    typed = client.get("/v1/search?q=r1&k=1").json()
    assert typed["results"][0]["topics"] == paper["topics"]


def test_answers_are_limited_to_a_topic(client):
    papers = ids(client.get("/v1/papers/m1/related?k=50&topic=td0000001"), "results")
    assert set(papers) == {"d1", "d2", "d3", "d4", "d5", "d6", "r1"}
    assert set(ids(client.get("/v1/search?q=parser&k=50&topic=tf0000012"), "results")) == {
        "p1",
        "p2",
        "p3",
        "p4",
    }
    assert ids(client.get("/v1/search?q=a&k=50&topic=tf0000011&venue=wmt&year_from=2020"), "results") == [
        "m4"
    ]
    body = {"text": "parser", "k": 50, "topic": "td0000011", "fields": ["id"]}
    assert set(ids(client.post("/v1/search", json=body), "results")) == {"d1", "d2"}
    body = {"positive": ["m1", "p1"], "k": 50, "topic": "tc0000001", "fields": ["id"]}
    assert len(ids(client.post("/v1/related", json=body), "results")) == 7


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/v1/topics/none", {}, 404, "topic_not_found"),
        ("GET", "/v1/topics/%00", {}, 404, "topic_not_found"),
        ("GET", "/v1/topics/Parsing", {}, 404, "topic_not_found"),
        ("GET", "/v1/topics/none/papers", {}, 404, "topic_not_found"),
        ("GET", "/v1/topics?parent=none", {}, 404, "topic_not_found"),
        ("GET", "/v1/topics?after=none", {}, 404, "topic_not_found"),
        ("GET", "/v1/search?q=parser&topic=none", {}, 404, "topic_not_found"),
        ("GET", "/v1/papers/d1/related?topic=none", {}, 404, "topic_not_found"),
        ("POST", "/v1/search", {"json": {"text": "parser", "topic": "none"}}, 404, "topic_not_found"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "topic": "none"}}, 404, "topic_not_found"),
        ("GET", "/v1/topics?level=0", {}, 422, "invalid_request"),
        ("GET", "/v1/topics?level=3", {}, 422, "invalid_request"),
        ("GET", "/v1/topics?limit=0", {}, 422, "invalid_request"),
        ("GET", "/v1/topics?limit=501", {}, 422, "invalid_request"),
        ("GET", "/v1/topics/" + "t" * 41, {}, 422, "invalid_request"),
        ("GET", "/v1/topics/td0000001/papers?limit=501", {}, 422, "invalid_request"),
        ("GET", "/v1/topics/td0000001/papers?after=p1", {}, 422, "invalid_request"),
        ("GET", "/v1/topics/td0000001/papers?after=%00", {}, 422, "invalid_request"),
        ("GET", "/v1/topics/changes?all=perhaps", {}, 422, "invalid_request"),
        ("POST", "/v1/topics/assign", {"json": {}}, 422, "invalid_request"),
        ("POST", "/v1/topics/assign", {"json": {"text": "!!!"}}, 422, "invalid_request"),
        ("POST", "/v1/topics/assign", {"json": {"text": "parser", "k": 3}}, 422, "invalid_request"),
        ("POST", "/v1/topics/assign", {"json": {"text": "a" * 20_001}}, 422, "invalid_request"),
        ("POST", "/v1/topics/assign", {"content": b"x" * 300_000}, 413, "body_too_large"),
        ("GET", "/v1/topics/assign", {}, 404, "topic_not_found"),
        ("POST", "/v1/topics", {}, 405, "method_not_allowed"),
        ("DELETE", "/v1/topics/td0000001", {}, 405, "method_not_allowed"),
    ],
)
def test_every_refusal_has_one_shape(client, method, path, options, status, code):
    refusal(client.request(method, path, **options), status, code)


def test_an_assigned_text_is_never_logged(client, caplog):
    caplog.set_level(logging.DEBUG)
    client.post("/v1/topics/assign", json={"text": "unpublishedidea parser"})
    client.post("/v1/topics/assign", json={"text": "unpublishedidea", "k": 1})
    logged = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("httpx"))
    assert "unpublishedidea" not in logged
    assert "POST /v1/topics/assign 200" in logged


def test_without_topics_everything_is_empty(toy):
    toy_topics.publish(toy, no_topics(20))
    with TestClient(create_app(toy.service, Settings.load(toy.folder))) as client:
        assert ids(client.get("/v1/topics")) == []
        assert client.get("/v1/topics").json()["levels"] == 0
        assert client.get("/v1/topics/changes").json() == {"changes": []}
        everything = client.get("/v1/topics/map").json()
        assert (everything["count"], everything["levels"], everything["outlines"]) == (20, [], {})
        assert client.get("/v1/papers/d1").json()["topics"] == []
        assert client.post("/v1/topics/assign", json={"text": ABSTRACT}).json()["topics"] == []


def test_without_snapshot_topics_say_so(make_toy, tmp_path):
    folder = tmp_path / "fresh"
    folder.mkdir()
    fresh = make_toy(folder)
    with TestClient(create_app(fresh.service, Settings.load(folder))) as client:
        for path in ("", "/map", "/changes", "/td0000001", "/td0000001/papers"):
            refusal(client.get(f"/v1/topics{path}"), 503, "no_snapshot")
        refusal(client.post("/v1/topics/assign", json={"text": "parser"}), 503, "no_snapshot")


def test_the_examples_are_what_the_routes_take_and_give(client):
    assert AssignIn.model_validate(topic_examples.ASSIGN).text.startswith("We propose a dialogue")
    for model, example in (
        (TopicDetailOut, topic_examples.TOPIC),
        (AssignmentOut, topic_examples.ASSIGNMENT),
        (TopicChangesOut, topic_examples.CHANGES),
    ):
        assert model.model_validate(example).model_dump() == example
    schema = client.get("/openapi.json").json()
    shapes = schema["components"]["schemas"]
    assert shapes["TopicDetailOut"]["examples"][0]["name"] == "Emotion recognition"
    answer = schema["paths"]["/v1/topics/map"]["get"]["responses"]["200"]
    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/TopicMapOut")
