"""``recsys related --batch``: every kind of question, every kind of mistake, order, and a file that is whole or not there."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from recsys.cli import batch
from recsys.cli.main import app
from recsys.deployment import Deployment
from recsys.errors import InvalidRequest, PaperNotFound, SourceError, StoreError
from recsys.service import Ranking, Request

ROOT = Path(__file__).parent.parent.parent


# -- one line ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (b'{"id": "d1"}', Request("d1")),
        (b'{"text": "a draft", "k": 3}', Request(None, "a draft", k=3)),
        (b'{"id": "q7", "text": "a draft"}', Request("q7", "a draft")),
        (
            b'{"id": "d1", "negative": ["m1", "m1"], "candidates": ["d2", "r1", "d2"], "k": 500}',
            Request("d1", None, ("m1",), ("d2", "r1"), 500),
        ),
        (b'{"id": "d1", "candidates": []}', Request("d1", None, (), (), None)),
        (
            b'{"id": "d1", "text": null, "negative": null, "candidates": null, "k": null}',
            Request("d1"),
        ),
    ],
)
def test_a_line_becomes_the_question_it_asks(line, request_):
    assert batch.parse_question(line, 100) == request_


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (b"{not json", "invalid JSON at character 2", "one JSON object a line"),
        (b'["d1"]', "a JSON list, not an object", "one JSON object a line"),
        (b'{"id": "\xff"}', "not valid UTF-8 at byte 9", "one JSON object a line"),
        (b'{"id": "a\\ud800"}', "lone surrogate", "one JSON object a line"),
        (b'{"paper": "d1"}', "There is no key 'paper'.", "id, text, negative, candidates, k"),
        (b'{"id": 7}', "id is not a string but a number.", "Give a string"),
        (b'{"text": {"en": ""}}', "text is not a string but an object.", "Give a string"),
        (b'{"id": "d1", "k": "3"}', "k is not a whole number but a string.", "Give a whole number"),
        (b'{"id": "d1", "k": true}', "k is not a whole number but true or false.", "Give a whole number"),
        (b'{"id": "d1", "k": 2.5}', "k is not a whole number but a number.", "Give a whole number"),
        (b'{"id": "d1", "negative": "m1"}', "negative is not a list but a string.", "Give a list"),
        (b'{"id": "d1", "candidates": ["m1", null]}', "candidates[1] is not a string but null.", "ids"),
        (b'{"text": "' + b"a" * 101 + b'"}', "101 characters; the limit is 100", "text_limit"),
    ],
)
def test_a_line_that_asks_wrongly_is_told_what_and_how(line, message, hint):
    with pytest.raises(InvalidRequest) as raised:
        batch.parse_question(line, 100)
    assert message in raised.value.message
    assert hint in raised.value.hint


@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: json.dumps({"id": text}).encode()))
def test_any_line_is_answered_with_one_line_of_json(line):
    answered = batch.answer_line(4, line, lambda _: Ranking((("x", 0.5),)), 100)
    written = json.loads(answered.line)
    assert b"\n" not in answered.line
    if answered.error is None:
        assert written["results"] == [{"id": "x", "score": 0.5}]
    else:
        assert written["results"] == []
        assert written["error"]["line"] == 4


def test_scores_are_written_in_full():
    line = batch.ranking_line(None, Ranking((("d1", 0.1 + 0.2), ("d2", 1e-17), ("d3", -1.0))))
    assert json.loads(line) == {
        "id": None,
        "results": [
            {"id": "d1", "score": 0.30000000000000004},
            {"id": "d2", "score": 1e-17},
            {"id": "d3", "score": -1.0},
        ],
    }


def test_an_error_names_the_question_if_it_says_which_it_is():
    def missing(_):
        raise PaperNotFound("There is no paper 'x'.", hint="Check the id.")

    answered = batch.answer_line(7, b'{"id": "x"}', missing, 100)
    assert json.loads(answered.line) == {
        "id": "x",
        "results": [],
        "error": {
            "code": "paper_not_found",
            "message": "There is no paper 'x'.",
            "hint": "Check the id.",
            "line": 7,
        },
    }
    assert json.loads(batch.answer_line(8, b'{"id": "x", "kk": 1}', missing, 100).line)["id"] == "x"
    assert json.loads(batch.answer_line(9, b'{"id": 7}', missing, 100).line)["id"] is None


# -- all lines -----------------------------------------------------------------------------------------------------


def test_answers_keep_the_order_and_only_a_few_questions_are_read_ahead():
    asked, taken = [], 0
    first_may_end = threading.Event()

    def lines():
        for number in range(1, 101):
            asked.append(number)
            yield number, json.dumps({"id": str(number)}).encode()

    def slow(request):
        if request.id == "1":
            assert first_may_end.wait(10)
        return Ranking(((str(request.id), 1.0),))

    answers = batch.answer_lines(lines(), slow, threads=3, text_limit=10)
    threading.Timer(0.2, first_may_end.set).start()
    for taken, answered in enumerate(answers, start=1):
        assert answered.number == taken
        assert len(asked) <= taken + 3 * batch.WAITING
    assert taken == 100


def test_what_is_in_the_way_of_every_answer_ends_the_run():
    def away(_):
        raise StoreError("The database is away.", hint="Start it.")

    lines = [(1, b'{"id": "d1"}'), (2, b'{"id": "d2"}')]
    with pytest.raises(StoreError, match="away"):
        list(batch.answer_lines(lines, away, threads=1, text_limit=10))


def test_counts_of_a_batch():
    error = InvalidRequest("Wrong.", hint="Mend it.")
    answers = [
        batch.Answered(1, b"{}", 2),
        *(batch.Answered(number, b"{}", error=error) for number in range(2, 10)),
        batch.Answered(10, b"{}", 1),
    ]
    file, told = io.BytesIO(), []
    summary = batch.write_answers(answers, file, told.append)
    assert (summary.answered, summary.refused, summary.unknown) == (2, 8, 3)
    assert [number for number, _ in summary.first] == [2, 3, 4, 5, 6]
    assert file.getvalue() == b"{}\n" * 10
    assert told == list(range(1, 11))


# -- files ---------------------------------------------------------------------------------------------------------


def test_a_file_replaces_the_one_before_only_when_it_is_whole(tmp_path):
    path, link = tmp_path / "out.jsonl", tmp_path / "link.jsonl"
    path.write_text("before")
    link.symlink_to(path)

    def interrupted():
        with batch.written_whole(link) as file:
            file.write(b"half")
            file.flush()
            assert path.read_text() == "before"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.jsonl", "out.jsonl"]
    with batch.written_whole(link) as file:
        file.write(b"whole")
    assert path.read_text() == "whole"
    assert link.is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.jsonl", "out.jsonl"]


def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path):
    for path, said in ((tmp_path, "is a directory"), (tmp_path / "none" / "out", "No such file")):
        with pytest.raises(InvalidRequest, match=said), batch.written_whole(path):
            pytest.fail("it was opened")


def test_a_device_is_written_to_and_stays_one():
    with batch.written_whole(Path(os.devnull)) as file:
        file.write(b"gone")
    assert not Path(os.devnull).is_file()


def test_a_pipe_can_be_read_twice(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_bytes, args=(b"one\ntwo",)).start()
    with batch.readable(pipe) as copy:
        assert [copy.read_bytes(), copy.read_bytes()] == [b"one\ntwo"] * 2
    assert not copy.exists()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(SourceError, match=str(path)), batch.readable(path):
            pytest.fail("it was opened")


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.fixture
def run(toy, monkeypatch):
    """Runs ``recsys related`` on the toy corpus."""
    monkeypatch.setattr(Deployment, "service", property(lambda _: toy.service))

    def invoke(*arguments, **options):
        return CliRunner().invoke(
            app, ["--data", str(toy.folder), "related", *map(str, arguments)], **options
        )

    return invoke


QUESTIONS = [
    {"id": "d5", "k": 3},
    {"text": "a dependency parser for treebanks", "k": 2},
    {"id": "mine", "text": "machine translation", "candidates": ["p1", "m2", "unknown", "m2", "r1"]},
    {"id": "d1", "negative": ["d2"], "k": 500},
    {"id": "m1", "candidates": ["r1", "gone", "m5", "m1"], "k": 1},
    {"id": "d2"},
]


def write(path: Path, questions) -> Path:
    path.write_text("".join(json.dumps(question) + "\n" for question in questions))
    return path


def found(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_kind_of_question_is_answered_in_order(run, toy, tmp_path):
    out = tmp_path / "out.jsonl"
    done = run("--batch", write(tmp_path / "in.jsonl", QUESTIONS), "--out", out)
    assert done.exit_code == 0, done.exception
    answers = found(out)
    assert [answer["id"] for answer in answers] == ["d5", None, "mine", "d1", "m1", "d2"]
    assert all(list(answer) == ["id", "results"] for answer in answers)
    ids = [[result["id"] for result in answer["results"]] for answer in answers]
    assert ids[0] == [scored.paper.id for scored in toy.service.related("d5", k=3).results]
    assert {paper_id[0] for paper_id in ids[1]} == {"p"}
    assert ids[2][0] == "m2"
    assert sorted(ids[2]) == ["m2", "p1", "r1"]
    assert len(ids[3]) == 18
    assert not {"d1", "d2"} & set(ids[3])
    assert ids[4] == ["m5"]
    assert len(ids[5]) == 10
    for answer, question in zip(answers, QUESTIONS, strict=True):
        expected = toy.service.answer(
            Request(
                question.get("id"),
                question.get("text"),
                question.get("negative", ()),
                list(dict.fromkeys(question["candidates"])) if "candidates" in question else None,
                question.get("k"),
            )
        )
        assert [(r["id"], r["score"]) for r in answer["results"]] == list(expected.results)
    assert "6 answered, 0 refused." in done.stderr
    assert "2 candidates are not in the corpus and were left out." in done.stderr


def test_mistakes_are_answered_in_their_place_and_never_stop_the_run(run, tmp_path):
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    lines = [
        '{"id": "d1", "k": 1}',
        "{not json",
        "",
        '{"id": "none"}',
        '{"id": "d1", "k": 0}',
        '{"id": "d1", "top": 3}',
        '{"negative": ["d1"]}',
        '{"id": "d1", "negative": ["none"]}',
        '{"id": "d2", "k": 1}',
    ]
    source.write_text("\n".join(lines))
    done = run("--batch", source, "--out", out)
    assert done.exit_code == 0, done.exception
    answers = found(out)
    assert [answer["id"] for answer in answers] == ["d1", None, "none", "d1", "d1", None, "d1", "d2"]
    assert [answer["error"]["line"] for answer in answers if "error" in answer] == [2, 4, 5, 6, 7, 8]
    assert [answer["error"]["code"] for answer in answers if "error" in answer] == [
        "invalid_request",
        "paper_not_found",
        "invalid_request",
        "invalid_request",
        "invalid_request",
        "paper_not_found",
    ]
    assert [len(answer["results"]) for answer in answers] == [1, 0, 0, 0, 0, 0, 0, 1]
    assert answers[3]["error"]["message"] == "k is 0."
    assert "2 answered, 6 refused." in done.stderr
    assert "  line 4: There is no paper 'none'." in done.stderr
    assert "and 1 more" in done.stderr


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes])
def test_compressed_questions_and_standard_input(run, tmp_path, pack):
    packed = pack(write(tmp_path / "in.jsonl", QUESTIONS).read_bytes())
    (tmp_path / "packed").write_bytes(packed)
    assert run("--batch", tmp_path / "packed", "--out", tmp_path / "out").exit_code == 0
    piped = run("--batch", "-", "--out", "-", input=packed)
    assert piped.exit_code == 0
    assert [json.loads(line) for line in piped.stdout.splitlines()] == found(tmp_path / "out")
    assert [answer["id"] for answer in found(tmp_path / "out")][:2] == ["d5", None]


def test_a_damaged_file_is_refused_and_nothing_is_written(run, tmp_path):
    (tmp_path / "in.gz").write_bytes(gzip.compress(b'{"id": "d1"}\n' * 1000)[:-20])
    done = run("--batch", tmp_path / "in.gz", "--out", tmp_path / "out")
    assert isinstance(done.exception, SourceError)
    assert not (tmp_path / "out").exists()


def test_no_questions_make_an_empty_file(run, tmp_path):
    assert run("--batch", write(tmp_path / "in", []), "--out", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out").read_bytes() == b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("d1", "--batch", "in", "--out", "out"), "PAPER_ID does not go with"),
        (("--batch", "in", "--out", "out", "-k", "3"), "-k does not go with"),
        (("--batch", "in", "--out", "out", "--not", "d1"), "--not does not go with"),
        (("--batch", "in", "--out", "out", "--json"), "--json does not go with"),
        (("--batch", "in"), "--batch needs --out"),
        (("d1", "--out", "out"), "--out goes with --batch"),
        (("d1", "--fields", "id"), "--fields goes with --json"),
        ((), "Give a PAPER_ID"),
    ],
)
def test_wrong_usage_ends_with_2(run, arguments, said):
    done = run(*arguments)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())


def test_a_killed_run_leaves_the_file_before_as_it_was(toy, tmp_path):
    """The process is killed while the answers are half written."""
    questions = write(tmp_path / "in.jsonl", [{"id": "d1"}] * 5000)
    out = tmp_path / "out.jsonl"
    out.write_text("before")
    script = (
        "import sys, time\n"
        "from recsys.cli import batch\n"
        "from recsys.service import Ranking\n"
        "from pathlib import Path\n"
        "def answer(request): time.sleep(0.001); return Ranking((('x' * 500, 1.0),))\n"
        "lines = enumerate(Path(sys.argv[1]).read_bytes().splitlines(), 1)\n"
        "with batch.written_whole(Path(sys.argv[2])) as file:\n"
        "    answers = batch.answer_lines(lines, answer, threads=2, text_limit=9)\n"
        "    batch.write_answers(answers, file, lambda done: None)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(questions), str(out)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in tmp_path.glob(".out.jsonl.*.partial")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    assert out.read_text() == "before"


def test_without_snapshot_the_run_ends_before_it_starts(make_toy, tmp_path, monkeypatch):
    fresh = make_toy(tmp_path)
    monkeypatch.setattr(Deployment, "service", property(lambda _: fresh.service))
    source = write(tmp_path / "in", [{"id": "d1"}])
    done = CliRunner().invoke(
        app, ["--data", str(tmp_path), "related", "--batch", str(source), "--out", str(tmp_path / "out")]
    )
    assert "recsys build" in done.exception.hint
    assert not (tmp_path / "out").exists()


def test_the_threads_are_those_of_the_settings(run, toy, tmp_path, monkeypatch):
    (toy.folder / "recsys.toml").write_text("threads = 1\n")
    names = set()
    answer = toy.service.answer

    def watched(request):
        names.add(threading.current_thread().name)
        return answer(request)

    service = SimpleNamespace(check=toy.service.check, answer=watched)
    monkeypatch.setattr(Deployment, "service", property(lambda _: service))
    assert run("--batch", write(tmp_path / "in", QUESTIONS), "--out", tmp_path / "out").exit_code == 0
    assert names == {"batch_0"}
