"""The API on the toy corpus: answers, limits, paging, and one error shape on every route."""

import asyncio
import json
import logging
import threading

import httpx
import pytest

from recsys.api.app import create_app
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
    assert 0 < first["score"] <= 1


def test_filters_reach_the_answer(client):
    assert ids(client.get("/v1/search", params={"q": "translation", "venue": "wmt", "k": 50})) == ["m2", "m4"]
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
    assert [detail["field"] for detail in error["details"]] == ["body.text", "body.k"]
    assert secret not in json.dumps(error)


def test_without_snapshot_everything_but_health_says_so(make_toy, tmp_path):
    from fastapi.testclient import TestClient

    fresh = make_toy(tmp_path)
    with TestClient(create_app(fresh.service, Settings.load(tmp_path))) as client:
        for path in ("/readyz", "/v1/search?q=parser", "/v1/papers/d1/related"):
            response = client.get(path)
            refusal(response, 503, "no_snapshot")
            assert response.headers["retry-after"] == "5"
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
        "/v1/search",
        "/v1/status",
    ]
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    reference = response["content"]["application/json"]["schema"]["$ref"]
                    assert reference == "#/components/schemas/ErrorResponse", (path, status)
    assert schema["components"]["schemas"]["SearchIn"]["examples"][0]["k"] == 5
    assert schema["components"]["schemas"]["PaperOut"]["properties"]["id"]["examples"] == ["2020.acl-main.9"]


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
