"""The namer against a server whose every response is known, and once against a real one on this machine."""

import json
import logging
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.errors import InvalidRequest
from recsys.namers.base import Naming, Outcome, Prices, Usage, signature
from recsys.namers.ledger import Limits
from recsys.namers.openai import OpenAINamer
from recsys.records import title_key

KEY = "sk-very-secret-0123456789"
URL = "https://llm.example/v1"
ENDPOINT = f"{URL}/chat/completions"
ONE_AT_A_TIME = Limits(threads=1, batch=1)


def topics(count, *, level=1, parent=None):
    return [
        Naming(f"t{i}", level, f"offline {i}", ("bot", "chat"), ("A title",), parent) for i in range(count)
    ]


def completion(content, *, usage=(100, 20), finish="stop"):
    if not isinstance(content, str):
        content = json.dumps({"names": content})
    counted = {} if usage is None else {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return httpx.Response(200, json={"choices": [choice], **counted})


def asked(request):
    """The topics of a request, in order."""
    question = json.loads(json.loads(request.content)["messages"][1]["content"])
    return [topic for family in question["families"] for topic in family["topics"]]


def echo(request):
    """Call every topic by its offline name, with a word before it."""
    return completion({str(topic["n"]): f"Better {topic['name']}" for topic in asked(request)})


class Server:
    """Gives the responses in turn, the last one for ever; an exception is raised, a function called."""

    def __init__(self, *responses):
        self.responses = list(responses)
        self.requests = []
        self.slept = []

    def __call__(self, request):
        self.requests.append(request)
        response = self.responses[min(len(self.requests), len(self.responses)) - 1]
        if isinstance(response, Exception):
            raise response
        if isinstance(response, httpx.Response):
            return httpx.Response(response.status_code, headers=response.headers, content=response.content)
        return response(request)

    def namer(self, **arguments):
        client = httpx.Client(transport=httpx.MockTransport(self))
        arguments = {"key": KEY, "limits": ONE_AT_A_TIME, "sleep": self.slept.append, **arguments}
        return OpenAINamer(client, arguments.pop("url", URL), "small-model", **arguments)

    @property
    def bodies(self):
        return [json.loads(request.content) for request in self.requests]


def failing(status, message="", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"error": {"message": message}}, headers=names)


def test_siblings_are_named_in_one_request():
    server = Server(completion({"1": "Open-domain chatbots", "2": "Task-oriented dialogue"}, usage=(321, 45)))
    progress = []
    outcome = server.namer(limits=Limits(), prices=Prices(1, 2)).name(
        topics(2), progress=lambda done, total: progress.append((done, total))
    )
    assert outcome == Outcome(
        names={"t0": "Open-domain chatbots", "t1": "Task-oriented dialogue"},
        failures={},
        usage=Usage(1, 321, 45, pytest.approx(0.000411), estimated=False),
    )
    assert progress == [(2, 2)]
    (request,) = server.requests
    assert (request.method, str(request.url)) == ("POST", ENDPOINT)
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert {k: v for k, v in server.bodies[0].items() if k != "messages"} == {
        "model": "small-model",
        "max_tokens": 2_000,
        "temperature": 0,
    }


@pytest.mark.parametrize("url", [URL, f"{URL}/", f" {URL}// ", ENDPOINT, f"{ENDPOINT}/"])
def test_the_base_address_may_be_written_in_several_ways(url):
    server = Server(echo)
    server.namer(url=url).name(topics(1))
    assert str(server.requests[0].url) == ENDPOINT


@pytest.mark.parametrize("key", [None, "", " \n"])
def test_without_a_key_none_is_sent(key):
    server = Server(echo)
    assert server.namer(key=key).name(topics(1)).names == {"t0": "Better offline 0"}
    assert "Authorization" not in server.requests[0].headers


def test_a_name_given_twice_goes_to_the_first():
    server = Server(completion({"1": "Dialogue", "2": "dialogue", "3": "Offline 0"}))
    outcome = server.namer(limits=Limits()).name(topics(3))
    # The third gets what the first gave up; the second keeps its own.
    assert outcome.names == {"t0": "Dialogue", "t2": "Offline 0"}
    assert outcome.failures == {"t1": "the answer was refused: another topic is called dialogue"}


def test_names_of_two_requests_under_way_at_once_differ_too():
    late = threading.Event()

    def answer(request):
        # The first topic's answer comes after the second's, and still goes first.
        if asked(request)[0]["name"] == "offline 0":
            assert late.wait(5)
        else:
            late.set()
        return completion({"1": "Dialogue"})

    outcome = Server(answer).namer(limits=Limits(threads=2, batch=1)).name(topics(2))
    assert outcome.names == {"t0": "Dialogue"}
    assert list(outcome.failures) == ["t1"]


def test_children_are_told_their_parents_new_name():
    server = Server(echo)
    parent = Naming("p", 1, "dialogue")
    outcome = server.namer(limits=Limits()).name([*topics(2, level=2, parent="dialogue"), parent])
    assert outcome.names == {"t0": "Better offline 0", "t1": "Better offline 1", "p": "Better dialogue"}
    second = json.loads(server.bodies[1]["messages"][1]["content"])
    assert second["families"][0]["parent"] == "Better dialogue"


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_hopeless_answer_is_not_repeated_for_any_topic(status):
    server = Server(failing(status, "No."))
    outcome = server.namer().name(topics(3))
    reason = f"{ENDPOINT} answered {status} (No.)"
    assert outcome.names == {}
    assert outcome.failures == {"t0": reason, "t1": reason, "t2": reason}
    assert outcome.usage == Usage(requests=1)
    assert server.slept == []


def test_no_redirect_is_followed_with_the_key():
    server = Server(httpx.Response(308, headers={"Location": "https://other.example/v1"}))
    outcome = server.namer().name(topics(1))
    assert outcome.failures == {"t0": f"{ENDPOINT} answered 308 (moved to https://other.example/v1)"}
    assert len(server.requests) == 1


def test_used_up_money_is_not_waited_for():
    body = {"error": {"message": "You exceeded your quota.", "code": "insufficient_quota"}}
    server = Server(httpx.Response(429, json=body))
    assert server.namer().name(topics(2)).usage.requests == 1


@pytest.mark.parametrize(
    ("after", "waits"),
    [
        (None, [1.0, 2.0]),
        ("7", [7.0, 7.0]),
        ("86400", [60.0, 60.0]),
        ("Fri, 31 Dec 2999 23:59:59 GMT", [60.0, 60.0]),
        ("Sun, 06 Nov 1994 08:49:37 GMT", [0.0, 0.0]),
        ("soon", [1.0, 2.0]),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(status, after, waits):
    headers = {} if after is None else {"Retry_After": after}
    server = Server(failing(status, **headers), failing(status, **headers), echo)
    outcome = server.namer().name(topics(1))
    assert outcome.names == {"t0": "Better offline 0"}
    assert outcome.usage == Usage(3, 100, 20)
    assert server.slept == waits


def test_repetitions_end():
    server = Server(failing(503, "Loading model"))
    outcome = server.namer(limits=Limits(retries=2)).name(topics(1))
    assert outcome.failures == {"t0": f"{ENDPOINT} answered 503 (Loading model)"}
    assert (outcome.usage.requests, server.slept) == (3, [1.0, 2.0])


def test_a_timeout_is_repeated_and_charged_as_it_may_have_cost():
    server = Server(httpx.ReadTimeout("timed out"), echo)
    outcome = server.namer(prices=Prices(10, 10)).name(topics(1))
    assert outcome.names == {"t0": "Better offline 0"}
    assert outcome.usage.requests == 2
    assert outcome.usage.completion_tokens == 20 + 22
    assert outcome.usage.estimated
    assert outcome.usage.cost == pytest.approx((outcome.usage.prompt_tokens + 42) * 10 / 1e6)


def test_an_answer_that_trickles_in_is_cut_off():
    clock = iter(range(0, 100_000, 50))
    server = Server(lambda request: httpx.Response(200, content=iter([b"{", b" ", b" ", b" "])))
    limits = Limits(timeout=100, retries=0)
    outcome = server.namer(limits=limits, clock=lambda: next(clock)).name(topics(1))
    assert outcome.failures == {"t0": f"{ENDPOINT} did not answer in time (the answer did not end)"}


def test_an_endless_answer_is_cut_off():
    server = Server(lambda request: httpx.Response(200, content=iter([b"x" * 600_000] * 3)))
    assert server.namer().name(topics(1)).failures == {"t0": "the answer has more than 1,000,000 bytes"}


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (httpx.Response(200, text="<html>"), "the answer has not the form of a chat completion"),
        (httpx.Response(200, json={"choices": []}), "the answer has not the form of a chat completion"),
        (httpx.Response(200, json=[1]), "the answer has not the form of a chat completion"),
        (completion('{"names": {"1": "Pars', finish="length"), "the answer was cut off"),
        (completion("{broken"), "the answer holds no names"),
        (completion(""), "the answer holds no names"),
        (completion({"1": None}), "the answer was refused: it has no name for this topic"),
        (completion({"1": ["x"]}), "the answer was refused: it has no name for this topic"),
        (completion({"1": "HACKED<script>"}), "the answer was refused: it holds the character '<'"),
        (completion({"1": "x" * 99}), "the answer was refused: it has 99 characters, more than 60"),
        (failing(400, "Context too long"), f"{ENDPOINT} answered 400 (Context too long)"),
        (httpx.Response(422, json={"detail": [1]}), f"{ENDPOINT} answered 422 ([1])"),
        (
            httpx.Response(500, text="a\x1b[31m\n b" + "c" * 500),
            f"{ENDPOINT} answered 500 (a [31m b{'c' * 191}…)",
        ),
    ],
)
def test_an_answer_that_cannot_be_used_leaves_the_offline_name(response, reason):
    outcome = Server(response).namer(limits=Limits(retries=0)).name(topics(1))
    assert (outcome.names, outcome.failures) == ({}, {"t0": reason})


def test_content_in_parts_and_a_single_plain_name_are_read():
    parts = [
        {"type": "text", "text": "Open-domain "},
        {"type": "image"},
        {"type": "text", "text": "chatbots."},
    ]
    body = {"choices": [{"message": {"content": parts}}]}
    assert Server(httpx.Response(200, json=body)).namer().name(topics(1)).names == {
        "t0": "Open-domain chatbots"
    }


def test_a_bad_answer_for_one_topic_does_not_harm_the_others():
    server = Server(completion({"1": "<b>x</b>", "3": "Parsing"}))
    outcome = server.namer(limits=Limits()).name(topics(3))
    assert outcome.names == {"t2": "Parsing"}
    assert outcome.failures == {
        "t0": "the answer was refused: it holds the character '<'",
        "t1": "the answer was refused: it has no name for this topic",
    }


def test_parameters_that_the_server_does_not_know_are_replaced_once():
    server = Server(
        failing(400, "Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead."),
        failing(400, "Unsupported value: 'temperature' does not support 0 with this model."),
        echo,
    )
    outcome = server.namer().name(topics(2))
    assert outcome.names == {"t0": "Better offline 0", "t1": "Better offline 1"}
    assert [sorted(body.keys() - {"model", "messages"}) for body in server.bodies] == [
        ["max_tokens", "temperature"],
        ["max_completion_tokens", "temperature"],
        ["max_completion_tokens"],
        ["max_completion_tokens"],
    ]
    assert server.bodies[3]["max_completion_tokens"] == 2_000
    assert server.slept == []


def test_the_limit_of_cost_holds_even_for_the_longest_answers():
    # Each request may cost 2,000 × 500 / 1,000,000 = 1.00 and does cost 0.01.
    server = Server(lambda request: completion({"1": f"Better {asked(request)[0]['name']}"}, usage=(0, 20)))
    prices = Prices(0, 500)
    limits = Limits(max_cost=1.02, threads=4, batch=1)
    outcome = server.namer(prices=prices, limits=limits).name(topics(9))
    assert outcome.names == {"t0": "Better offline 0", "t1": "Better offline 1", "t2": "Better offline 2"}
    reason = "the next request might have taken the cost above the limit of 1.02"
    assert outcome.failures == {f"t{i}": reason for i in range(3, 9)}
    assert outcome.usage == Usage(3, 0, 60, pytest.approx(0.03))


def test_the_limit_of_requests_counts_repetitions():
    server = Server(echo, failing(429), echo)
    outcome = server.namer(limits=Limits(max_requests=3, threads=1, batch=1)).name(topics(4))
    assert outcome.names == {"t0": "Better offline 0", "t1": "Better offline 1"}
    assert set(outcome.failures.values()) == {"the limit of 3 requests was reached"}
    assert outcome.usage.requests == 3


def test_a_limit_of_nothing_sends_nothing():
    server = Server(echo)
    outcome = server.namer(prices=Prices(1, 1), limits=Limits(max_cost=0)).name(topics(2))
    assert (server.requests, outcome.names, outcome.usage) == ([], {}, Usage(cost=0.0))


def test_naming_ends_in_time():
    now = [0.0]

    def slow(request):
        now[0] += 40
        return echo(request)

    server = Server(slow)
    limits = Limits(max_seconds=100, threads=1, batch=1)
    outcome = server.namer(limits=limits, clock=lambda: now[0]).name(topics(5))
    assert list(outcome.names) == ["t0", "t1", "t2"]
    assert set(outcome.failures.values()) == {"the time for naming, 100 seconds, was over"}


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("")])
def test_a_dead_server_is_given_up(error):
    server = Server(error)
    outcome = server.namer().name(topics(20))
    assert outcome.names == {}
    assert len(server.requests) == 5
    assert server.slept == [1.0, 2.0, 4.0]
    assert outcome.failures["t19"].startswith(
        "the server was given up after 5 failures in a row, the last of them: "
    )
    assert len(outcome.failures) == 20


def test_a_server_that_fails_now_and_then_is_not_given_up():
    refused = httpx.ConnectError("refused")
    server = Server(*[refused, refused, refused, echo] * 4)
    assert len(server.namer().name(topics(4)).names) == 4


def test_a_model_that_never_answers_well_is_given_up():
    server = Server(completion({"1": "<b>"}))
    outcome = server.namer().name(topics(20))
    assert len(server.requests) == 5
    assert outcome.failures["t19"] == "the model was given up after 5 answers in a row without a fit name"


def test_the_key_is_nowhere_to_be_seen(caplog):
    caplog.set_level(logging.DEBUG)
    echoed = failing(401, f"Incorrect key {KEY}, {'x' * 180} {KEY}")
    namer = Server(echoed).namer()
    outcome = namer.name(topics(1))
    assert outcome.failures["t0"].startswith(f"{ENDPOINT} answered 401 (Incorrect key ***, xxx")
    failed = (
        Server(httpx.ConnectError(f"cannot send Bearer {KEY}"))
        .namer(limits=Limits(retries=0))
        .name(topics(1))
    )
    assert failed.failures == {"t0": f"{ENDPOINT} cannot be reached (cannot send Bearer ***)"}
    seen = f"{namer!r} {namer} {outcome} {failed} {signature(namer)} {caplog.text}"
    assert repr(namer) == f"OpenAINamer(url='{ENDPOINT}', model='small-model')"
    assert "very-secret" not in seen


@pytest.mark.parametrize("key", [f"{KEY}\nX-Other: 1", f"{KEY} x", f"{KEY}é", f"{KEY}\0"])
def test_a_key_that_cannot_be_one_is_not_repeated(key):
    with pytest.raises(InvalidRequest, match="holds a character that no key has") as caught:
        Server(echo).namer(key=key)
    assert "very-secret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (KEY, "begins with no scheme instead of http:// or https://"),
        ("ftp://llm.example", "begins with ftp: instead of http:// or https://"),
        ("localhost:11434/v1", "begins with localhost: instead of http:// or https://"),
        ("https://llm.example:port/v1", "cannot be read"),
        (f"https://{'a' * 64}.example/v1", "cannot be read"),
        ("https://llm.example:99999/v1", "has the port 99999"),
        (f"https://user:{KEY}@llm.example/v1", "holds a user name, a query or a fragment"),
        (f"https://llm.example/v1?key={KEY}", "holds a user name, a query or a fragment"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(url, message):
    with pytest.raises(InvalidRequest, match=message) as caught:
        Server(echo).namer(url=url)
    assert KEY not in str(caught.value)


def test_a_limit_of_cost_needs_prices():
    with pytest.raises(InvalidRequest, match="A limit of the namer's cost, 5, needs prices"):
        Server(echo).namer(limits=Limits(max_cost=5))


def test_a_model_must_be_named():
    with pytest.raises(InvalidRequest, match="model is empty"):
        OpenAINamer(httpx.Client(), URL, " ")


@pytest.mark.parametrize(
    "limits", [{"threads": 5}, {"threads": 0}, {"batch": 0}, {"max_cost": -1}, {"retries": 11}]
)
def test_limits_have_bounds(limits):
    (name, value), *_ = limits.items()
    with pytest.raises(InvalidRequest, match=f"A namer's {name} is {value}"):
        Limits(**limits)


def test_an_estimate_sends_nothing_and_comes_near():
    server = Server(echo)
    namer = server.namer(prices=Prices(1, 10), limits=Limits())
    estimate = namer.estimate(topics(25))
    assert server.requests == []
    namer.name(topics(25))
    sent = sum(sum(len(m["content"].encode()) for m in body["messages"]) for body in server.bodies)
    assert (estimate.requests, estimate.estimated) == (3, True)
    assert estimate.prompt_tokens == pytest.approx(sent / 4, rel=0.05)
    assert estimate.completion_tokens == 3 * 8 + 25 * 14
    assert estimate.cost == pytest.approx((estimate.prompt_tokens + 374 * 10) / 1e6)
    assert Server(echo).namer().estimate([]) == Usage(estimated=True)


def test_uncounted_or_absurd_usage_is_estimated():
    for usage in (None, (-5, 3), (None, 3), (1.5, 3), (True, 3)):
        server = Server(completion({"1": "Parsing"}, usage=usage))
        namer = server.namer(prices=Prices(1, 1))
        expected = namer.estimate(topics(1))
        assert namer.name(topics(1)).usage == expected


def test_nothing_asked_nothing_done():
    server = Server(echo)
    assert server.namer().name([]) == Outcome({}, {}, Usage())
    assert server.requests == []


def test_signature_is_the_same_for_the_same_model_and_prompt():
    one, other = Server(echo).namer(), Server(echo).namer(url="https://other.example/v1", key=None)
    assert signature(one) == signature(other) == f"small-model@{one.prompt}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, self.headers["Authorization"], body["model"]))
        busy = len(self.server.seen) == 1
        request = httpx.Request("POST", "http://x", json=body)
        response = httpx.Response(503, headers={"Retry-After": "0"}) if busy else echo(request)
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if busy:
            self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.write(response.content)

    def log_message(self, *arguments):
        pass


def test_against_a_real_server(caplog):
    caplog.set_level(logging.DEBUG)  # httpx and httpcore log what they do
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/v1/"
            with httpx.Client(trust_env=False) as client:
                namer = OpenAINamer(client, url, "local", key=KEY, limits=Limits(threads=4, batch=2))
                outcome = namer.name(topics(12))
        finally:
            server.shutdown()
            thread.join()
    assert outcome.names == {f"t{i}": f"Better offline {i}" for i in range(12)}
    assert outcome.failures == {}
    assert outcome.usage == Usage(7, 600, 120)
    assert server.seen == [("/v1/chat/completions", f"Bearer {KEY}", "local")] * 7
    assert "chat/completions" in caplog.text
    assert "very-secret" not in caplog.text


def test_an_interruption_is_passed_on():
    def interrupt(done, total):
        raise KeyboardInterrupt

    server = Server(echo)
    with pytest.raises(KeyboardInterrupt):
        server.namer().name(topics(3), progress=interrupt)
    assert len(server.requests) == 1


@given(
    st.lists(
        st.sampled_from(
            [
                echo,
                failing(429),
                failing(500),
                failing(400, "max_tokens is not supported"),
                httpx.ConnectError("refused"),
                httpx.ReadTimeout("slow"),
                completion({"1": "Dialogue", "2": "Parsing", "3": "dialogue"}),
                completion({"1": "offline 3", "2": "<b>"}),
                completion("nothing"),
            ]
        ),
        min_size=1,
    ),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_whatever_the_server_does_every_topic_has_one_name_of_its_own(responses, threads, batch):
    requests = [*topics(6), *(Naming(f"c{i}", 2, f"child {i}", parent="offline 1") for i in range(4))]
    limits = Limits(threads=threads, batch=batch, max_requests=30)
    outcome = Server(*responses).namer(limits=limits).name(requests)
    assert sorted([*outcome.names, *outcome.failures]) == sorted(request.topic for request in requests)
    assert all(outcome.failures.values())
    final = {title_key(outcome.names.get(request.topic, request.name)) for request in requests}
    assert len(final) == len(requests)
    assert outcome.usage.requests <= 30
