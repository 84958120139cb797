"""The API on the toy corpus: answers, limits, paging, and one error shape on every route."""

import asyncio
import json
import logging
import threading

import httpx
import pytest

from recsys.api import examples
from recsys.api.answers import AnswerOut
from recsys.api.app import create_app
from recsys.api.requests import RelatedIn, SearchIn
from recsys.service import Service
from recsys.settings import Settings
from recsys.store.database import Database

ABSTRACT = "We train a chatbot for open-domain conversation that keeps a consistent persona in a dialogue."


def ids(response):
    assert response.status_code == 200, response.text
    return [result["id"] for result in response.json()["results"]]


def refusal(response, status, code):
    """The error, after checking that it has the one shape and nothing else."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    assert sorted(body["error"]) == ["code", "details", "hint", "message"]
    assert body["error"]["code"] == code
    assert body["error"]["message"]
    return body["error"]


def test_search_by_get_and_by_post_agree(client):
    by_get = client.get("/v1/search", params={"q": ABSTRACT, "k": 3})
    by_post = client.post("/v1/search", json={"text": ABSTRACT, "k": 3})
    assert by_get.json() == by_post.json()
    assert ids(by_post)[0] == "d1"
    first = by_post.json()["results"][0]
    assert first["title"] == "A Persona-Grounded Chatbot for Open-Domain Conversation"
    assert first["authors"][1] == {"name": "A. Prado", "id": "ana-prado", "affiliation": None, "orcid": None}
    assert (first["year"], first["venue"]) == (2019, "SIGDIAL")
    assert first["score"] > by_post.json()["results"][1]["score"] > 0
    assert first["strength"] > by_post.json()["results"][1]["strength"]


def test_every_result_says_why_and_quotes_both_sides_with_offsets(client, toy):
    body = client.post("/v1/search", json={"text": f"  {ABSTRACT}", "k": 1}).json()
    assert sorted(body) == ["close", "point", "resolved", "results", "snapshot", "topics"]
    assert (body["close"], body["resolved"]) == (True, None)
    result = body["results"][0]
    reason = result["reason"]
    assert sorted(reason) == ["authors", "match", "sentences", "terms"]
    assert (reason["match"], reason["authors"]) == (None, [])
    assert "keeps a consistent persona" in reason["terms"]
    pair = reason["sentences"]
    assert (pair["query"], pair["query_id"]) == (
        {"text": ABSTRACT, "field": "text", "start": 0, "end": len(ABSTRACT)},
        None,
    )
    quote = pair["paper"]
    assert quote["text"] == result[quote["field"]][quote["start"] : quote["end"]]
    assert 0 < pair["similarity"] <= 1
    assert 0 <= result["strength"] <= 1

    related = client.get("/v1/papers/m1/related?k=1").json()["results"][0]
    pair, seed = related["reason"]["sentences"], toy.papers.get("m1")
    assert pair["query_id"] == "m1"
    query = pair["query"]
    assert query["text"] == getattr(seed, query["field"])[query["start"] : query["end"]]
    assert related["id"] == "m5"
    assert related["reason"]["authors"] == ["Paul Meyer"]
    assert "machine translation" in related["reason"]["terms"]


@pytest.mark.parametrize(
    ("typed", "paper", "match", "resolved"),
    [
        ("m1", "m1", "id", "m1"),
        ("https://doi.org/10.1234/TOY.m1", "m1", "id", "m1"),
        ("constituency parsing with span scores!", "p2", "title", None),
        ("Mojca Zupan", "p4", "author", None),
    ],
)
def test_a_known_item_stands_first_and_says_so(client, typed, paper, match, resolved):
    body = client.get("/v1/search", params={"q": typed, "k": 2}).json()
    first = body["results"][0]
    assert (first["id"], first["reason"]["match"], first["strength"]) == (paper, match, 1)
    assert (body["close"], body["resolved"]) == (True, resolved)


def test_an_answer_with_nothing_close_says_so(client):
    body = client.get("/v1/search?q=zebra soup recipe&k=3").json()
    assert body["close"] is False
    assert len(body["results"]) == 3
    assert all(result["strength"] < 0.2 for result in body["results"])


def test_fields_choose_the_members_of_a_result(client):
    whole = client.get("/v1/search?q=parser&k=2").json()
    for response in (
        client.get("/v1/search?q=parser&k=2&fields=title,%20score"),
        client.post("/v1/search", json={"text": "parser", "k": 2, "fields": ["id", "title", "score"]}),
    ):
        part = response.json()
        assert [sorted(result) for result in part["results"]] == [["id", "score", "title"]] * 2
        assert part == {
            **whole,
            "results": [{name: r[name] for name in ("id", "title", "score")} for r in whole["results"]],
        }
    assert client.get("/v1/papers/d1/related?k=1&fields=id").json()["results"] == [{"id": "d5"}]
    body = {"positive": ["d1"], "k": 1, "fields": ["reason"]}
    assert sorted(client.post("/v1/related", json=body).json()["results"][0]) == ["id", "reason"]


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/v1/search?q=parser&fields=id,titel", {}),
        ("GET", "/v1/papers/d1/related?fields=titel", {}),
        ("POST", "/v1/search", {"json": {"text": "parser", "fields": ["titel"]}}),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "fields": ["titel"]}}),
    ],
)
def test_an_unknown_field_is_answered_with_the_known_ones(client, method, path, options):
    error = refusal(client.request(method, path, **options), 422, "invalid_request")
    assert error["message"] == "Results have no field 'titel'."
    assert error["hint"].startswith("The fields are id, title, abstract, year,")
    assert error["hint"].endswith("authors, score, strength, reason, topics.")


def test_recency_and_diversity_reach_the_answer(client):
    plain = ids(client.get("/v1/search?q=translation&k=5"))
    newest_first = ids(client.get("/v1/search?q=translation&k=5&recency=1"))
    assert newest_first[0] == "m4"
    assert plain[0] != "m4"
    assert set(plain) == set(newest_first)
    body = {"text": "translation", "k": 5, "recency": 1}
    assert ids(client.post("/v1/search", json=body)) == newest_first

    assert (
        ids(client.get("/v1/papers/r1/related?k=4"))[:3]
        == ids(client.get("/v1/papers/r1/related?k=4&diversity=0"))[:3]
    )
    alike = ids(client.get("/v1/search?q=offline policy optimisation for reasoning traces&k=3"))
    assert alike[:2] == ["r4", "r5"]
    spread = ids(
        client.get("/v1/search?q=offline policy optimisation for reasoning traces&k=3&diversity=0.7")
    )
    assert spread[0] == "r4"
    assert "r5" not in spread[:2]


def test_related_to_several_papers_leaves_all_of_them_and_their_versions_out(client):
    body = {"positive": ["d1", "d5"], "negative": ["r4"], "k": 500}
    found = ids(client.post("/v1/related", json=body))
    assert found[0].startswith("d")
    assert set(found) == {"d2", "d3", "d4", "m1", "m2", "m3", "m4", "m5", "p1", "p2", "p3", "p4"} | {
        "r1",
        "r2",
        "r3",
        "r5",
    }
    assert found.index("r5") > found.index("d3")
    filtered = {**body, "venue": "ACL", "year_from": 2019, "year_to": 2021, "fields": ["id"]}
    assert set(ids(client.post("/v1/related", json=filtered))) == {"d2", "d3"}
    one = client.post("/v1/related", json={"positive": ["d1"], "k": 3}).json()
    assert one == client.get("/v1/papers/d1/related?k=3").json()


def test_filters_reach_the_answer(client):
    assert ids(client.get("/v1/search", params={"q": "translation", "venue": "wmt", "k": 50})) == ["m4", "m2"]
    body = {"text": "parser", "year_from": 2018, "year_to": 2018, "venue": "acl"}
    assert ids(client.post("/v1/search", json=body)) == ["p2"]
    assert set(ids(client.get("/v1/papers/m1/related?k=50&venue=WMT"))) == {"m2", "m4"}


def test_related_leaves_out_the_paper_and_its_versions(client):
    found = ids(client.get("/v1/papers/d5/related?k=500"))
    assert len(found) == 18
    assert not {"d5", "d6"} & set(found)


def test_one_paper(client):
    body = client.get("/v1/papers/d5").json()
    assert body["versions"] == ["d6"]
    assert body["authors"][1]["name"] == "René Dupont"
    assert client.get("/v1/papers/m1").json()["doi"] == "10.1234/toy.m1"


def test_an_id_with_slashes_needs_no_escaping(client, toy):
    toy.papers.upsert(
        [toy.papers.get("p1").__class__(id="https://doi.org/10.1/x", title="Parsing", source="toy")]
    )
    assert client.get("/v1/papers/https://doi.org/10.1/x").json()["title"] == "Parsing"
    assert ids(client.get("/v1/papers/https://doi.org/10.1/x/related?k=1"))[0].startswith("p")


def test_paging_goes_to_the_end_and_filters(client):
    seen, after = [], ""
    while after is not None:
        body = client.get("/v1/papers", params={"limit": 6, **({"after": after} if after else {})}).json()
        seen += [paper["id"] for paper in body["papers"]]
        after = body["next"]
    assert seen == sorted(set(seen))
    assert len(seen) == 20
    assert [p["id"] for p in client.get("/v1/papers?venue=WMT").json()["papers"]] == ["m2", "m4"]


def test_status_health_and_readiness(client, toy):
    body = client.get("/v1/status").json()
    assert (body["papers"], body["abstracts"], body["people"], body["withdrawn"]) == (20, 19, 15, 0)
    assert body["snapshot"]["papers"] == 20
    assert body["snapshot"]["index"] == "flat"
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "snapshot": toy.snapshots.current()}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/v1/papers/none", {}, 404, "paper_not_found"),
        ("GET", "/v1/papers/none/related", {}, 404, "paper_not_found"),
        ("GET", "/v1/papers/%00", {}, 404, "paper_not_found"),
        ("GET", "/v1/papers?limit=0", {}, 422, "invalid_request"),
        ("GET", "/v1/papers?limit=501", {}, 422, "invalid_request"),
        ("GET", "/v1/papers?after=%00", {}, 422, "invalid_request"),
        ("GET", "/v1/papers/d1/related?k=0", {}, 422, "invalid_request"),
        ("GET", "/v1/papers/d1/related?k=501", {}, 422, "invalid_request"),
        ("GET", "/v1/search", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=%20%20", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=parser&year_from=then", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=" + "a" * 1001, {}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": 7}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": "parser", "kk": 3}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": "a" * 20_001}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"content": b"{not json"}, 422, "invalid_request"),
        (
            "POST",
            "/v1/search",
            {"content": b"\xff\xfe", "headers": {"content-type": "application/json"}},
            422,
            "invalid_request",
        ),
        ("POST", "/v1/search", {"content": b"x" * 300_000}, 413, "body_too_large"),
        ("GET", "/v1/search?q=parser&recency=1.1", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=parser&diversity=nan", {}, 422, "invalid_request"),
        ("GET", "/v1/search?q=parser&fields=", {}, 422, "invalid_request"),
        ("GET", "/v1/papers/d1/related?recency=-0.1", {}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": "parser", "diversity": 2}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": "parser", "fields": []}}, 422, "invalid_request"),
        ("POST", "/v1/search", {"json": {"text": "parser", "fields": "id"}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": []}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"] * 101}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": "d1"}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "negative": ["d1"]}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "k": 501}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "text": "x"}}, 422, "invalid_request"),
        ("POST", "/v1/related", {"json": {"positive": ["d1", "none"]}}, 404, "paper_not_found"),
        ("POST", "/v1/related", {"json": {"positive": ["d1"], "negative": ["none"]}}, 404, "paper_not_found"),
        ("POST", "/v1/related", {"content": b'{"positive": ["\\ud800"]}'}, 422, "invalid_request"),
        ("POST", "/v1/related", {"content": b"x" * 300_000}, 413, "body_too_large"),
        ("GET", "/v1/related", {}, 405, "method_not_allowed"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("DELETE", "/v1/search", {}, 405, "method_not_allowed"),
        ("POST", "/healthz", {}, 405, "method_not_allowed"),
    ],
)
def test_every_refusal_has_one_shape(client, method, path, options, status, code):
    refusal(client.request(method, path, **options), status, code)


def test_the_longest_text_is_taken_however_it_is_escaped(client):
    text = "\U0001f600 parser " * 2222
    body = json.dumps({"text": text[:20_000]}, ensure_ascii=True)
    response = client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 200


def test_lone_surrogates_in_json_are_answered(client):
    response = client.post(
        "/v1/search",
        content=b'{"text": "parser \\ud800 treebank"}',
        headers={"content-type": "application/json"},
    )
    assert ids(response)[0].startswith("p")


def test_validation_names_the_field_and_does_not_repeat_the_text(client):
    secret = "my unpublished idea"
    error = refusal(client.post("/v1/search", json={"text": [secret], "k": 0}), 422, "invalid_request")
    assert [detail["field"] for detail in error["details"]] == ["body.k", "body.text"]
    assert secret not in json.dumps(error)


def test_without_snapshot_everything_but_health_says_so(make_toy, tmp_path):
    from fastapi.testclient import TestClient

    fresh = make_toy(tmp_path)
    with TestClient(create_app(fresh.service, Settings.load(tmp_path))) as client:
        for path in ("/readyz", "/v1/search?q=parser", "/v1/papers/d1/related"):
            response = client.get(path)
            refusal(response, 503, "no_snapshot")
            assert response.headers["retry-after"] == "5"
        refusal(client.post("/v1/related", json={"positive": ["d1"]}), 503, "no_snapshot")
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/papers/d1").status_code == 200
        assert "recsys build" in client.get("/v1/status").json()["problem"]
        fresh.build()
        assert client.get("/readyz").status_code == 200


def test_an_unforeseen_error_has_the_shape_and_tells_nothing(toy, tmp_path, monkeypatch, client):
    def fail(*_, **__):
        raise RuntimeError("secret inside")

    monkeypatch.setattr(toy.service, "search", fail)
    error = refusal(client.get("/v1/search?q=parser"), 500, "internal_error")
    assert "secret" not in json.dumps(error)


def test_what_was_asked_is_never_logged(client, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "unpublishedidea"
    client.get(f"/v1/search?q={secret}")
    client.post("/v1/search", json={"text": secret})
    client.post("/v1/search", json={"text": secret, "k": "many"})
    logged = "\n".join(
        r.getMessage() for r in caplog.records if not r.name.startswith("httpx")
    )  # the test's client
    assert secret not in logged
    assert "GET /v1/search 200" in logged
    assert "POST /v1/search 422" in logged


def test_work_does_not_block_the_event_loop(toy, tmp_path):
    """While a search computes, health is still answered, in the same process."""
    entered, leave = threading.Event(), threading.Event()
    encode = toy.embedder.encode

    def slow(*args, **kwargs):
        entered.set()
        assert leave.wait(10)
        return encode(*args, **kwargs)

    toy.embedder.encode = slow
    app = create_app(toy.service, Settings.load(tmp_path))

    async def scenario():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            search = asyncio.create_task(http.get("/v1/search?q=parser"))
            while not entered.is_set():
                await asyncio.sleep(0.01)
            health = await asyncio.wait_for(http.get("/healthz"), 5)
            assert not search.done()
            leave.set()
            return health.status_code, (await search).status_code

    assert asyncio.run(scenario()) == (200, 200)


def test_openapi_describes_every_route_with_its_errors_and_examples(client):
    schema = client.get("/openapi.json").json()
    assert sorted(schema["paths"]) == [
        "/healthz",
        "/readyz",
        "/v1/papers",
        "/v1/papers/{paper_id}",
        "/v1/papers/{paper_id}/related",
        "/v1/related",
        "/v1/search",
        "/v1/status",
        "/v1/topics",
        "/v1/topics/assign",
        "/v1/topics/changes",
        "/v1/topics/map",
        "/v1/topics/{topic_id}",
        "/v1/topics/{topic_id}/papers",
    ]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    assert reference == "#/components/schemas/ErrorResponse", (path, status)
    shapes = schema["components"]["schemas"]
    assert shapes["SearchIn"]["examples"][0]["k"] == 5
    assert shapes["RelatedIn"]["examples"][0]["negative"] == ["2020.acl-demos.30"]
    assert shapes["PaperOut"]["properties"]["id"]["examples"] == ["2020.acl-main.9"]
    names = shapes["SearchIn"]["properties"]["fields"]["anyOf"][0]["items"]["enum"]
    assert names == list(shapes["ScoredOut"]["properties"])
    for method, path in (("get", "/v1/search"), ("get", "/v1/papers/{paper_id}/related")):
        for parameter in schema["paths"][path][method]["parameters"]:
            shape = parameter["schema"]
            assert {"example", "examples"} & {*parameter, *shape} or any(
                "examples" in choice for choice in shape.get("anyOf", [])
            ), parameter["name"]
    for method, path in (
        ("get", "/v1/search"),
        ("post", "/v1/search"),
        ("post", "/v1/related"),
        ("get", "/v1/papers/{paper_id}/related"),
    ):
        content = schema["paths"][path][method]["responses"]["200"]["content"]["application/json"]
        assert content["schema"]["$ref"] == "#/components/schemas/AnswerOut"


def test_the_examples_of_bodies_and_answers_are_what_the_routes_take_and_give(client):
    shapes = client.get("/openapi.json").json()["components"]["schemas"]
    assert SearchIn.model_validate(shapes["SearchIn"]["examples"][0]).members == {
        "id",
        "title",
        "year",
        "strength",
        "reason",
    }
    assert RelatedIn.model_validate(shapes["RelatedIn"]["examples"][0]).options.recency == 0.3
    assert shapes["AnswerOut"]["examples"][0]["results"][0]["id"] == examples.ANSWER["results"][0]["id"]
    # not the one in OpenAPI, which FastAPI writes without nulls
    assert AnswerOut.model_validate(examples.ANSWER).model_dump() == examples.ANSWER


def test_docs_load_nothing_from_another_host(client):
    page = client.get("/docs").text
    assert "https://" not in page
    assert client.get("/static-offline-docs/swagger-ui-bundle.js").status_code == 200


def test_a_store_that_went_away_is_503(toy, tmp_path):
    from fastapi.testclient import TestClient

    database = Database.open(f"sqlite:///{tmp_path / 'other.db'}")
    service = Service(database, toy.snapshots, lambda _: toy.embedder)
    with TestClient(create_app(service, Settings.load(tmp_path))) as client:
        assert client.get("/readyz").status_code == 200
        database.close()
        (tmp_path / "other.db").write_bytes(b"no database any more" * 1000)
        for file in tmp_path.glob("other.db-*"):
            file.unlink()
        refusal(client.get("/v1/papers/d1"), 503, "store_unavailable")
        refusal(client.get("/readyz"), 503, "store_unavailable")
