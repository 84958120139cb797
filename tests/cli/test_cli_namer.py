"""From settings to a namer, and a build that asks one over HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from recsys.build.topics import TopicOptions
from recsys.cli.namer import namer
from recsys.errors import InvalidRequest
from recsys.settings import Settings

KEY = "sk-very-secret"


def settings(**fields):
    return Settings.model_construct(**{**{n: f.default for n, f in Settings.model_fields.items()}, **fields})


def test_without_an_address_nobody_is_asked():
    with namer(settings()) as found:
        assert found is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"namer_url": "http://127.0.0.1:1/v1"}, "namer_model is not"),
        (
            {"namer_url": "http://127.0.0.1:1/v1", "namer_model": "m", "namer_price_in": 1.0},
            "namer_price_in is 1.0 and namer_price_out is None",
        ),
        ({"namer_url": "ftp://127.0.0.1", "namer_model": "m"}, "ftp"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(fields, message):
    with pytest.raises(InvalidRequest, match=message), namer(settings(**fields)):
        pass


def test_a_key_is_never_repeated_in_an_error(tmp_path, monkeypatch):
    (tmp_path / "recsys.toml").write_text(f'namer_key = ["{KEY}"]\n')
    with pytest.raises(InvalidRequest) as error:
        Settings.load(tmp_path)
    assert KEY not in str(error.value)
    assert "namer_key" in str(error.value)
    (tmp_path / "recsys.toml").unlink()
    monkeypatch.setenv("RECSYS_NAMER_KEY", KEY)
    loaded = Settings.load(tmp_path)
    assert KEY not in repr(loaded)
    assert loaded.namer_key.get_secret_value() == KEY


class Server(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that puts "About" before every name."""

    seen: list = []  # noqa: RUF012 - one server in one test

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["Authorization"], body))
        families = json.loads(body["messages"][-1]["content"])["families"]
        names = {
            str(topic["n"]): f"About {topic['name'].lower()}"
            for family in families
            for topic in family["topics"]
        }
        answer = {
            "choices": [{"message": {"content": json.dumps({"names": names})}}],
            "usage": {"prompt_tokens": 500, "completion_tokens": 40},
        }
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def test_a_build_asks_the_server_that_is_set_and_tells_the_cost(toy, caplog):
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    caplog.set_level("INFO", "recsys")
    chosen = settings(
        namer_url=f"http://127.0.0.1:{server.server_port}/v1",
        namer_model="toy-model",
        namer_price_in=2.0,
        namer_price_out=10.0,
    )
    try:
        with namer(chosen) as found:
            toy.build(topics=TopicOptions(anew=True, namer=found))
    finally:
        server.shutdown()
        server.server_close()
    assert [path for path, _, _ in Server.seen] == ["/v1/chat/completions"]
    names = {topic.name for topic in toy.service.topics.tree().topics}
    assert "About machine translation" in names
    assert len(names) == 4
    assert all(name.startswith("About ") for name in names)
    assert "500 + 40 tokens, cost 0.0014" in caplog.text
