"""The real commands, with the real default model, on the toy corpus and on records that are wrong."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from recsys.index.snapshot import FORMAT
from tests import toy_corpus

ROOT = Path(__file__).parent.parent.parent


def recsys(
    data: Path, *arguments: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-W",
            "error::DeprecationWarning:recsys",
            "-m",
            "recsys.cli",
            "--data",
            str(data),
            *arguments,
        ],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def answer(data: Path, *arguments: str, **options: str) -> dict:
    done = recsys(data, *arguments, "--json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ids(found: dict) -> list[str]:
    return [result["id"] for result in found["results"]]


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A deployment made by the commands themselves; tests must not change it."""
    data = tmp_path_factory.mktemp("deployment")
    ingested = answer(data, "ingest", "jsonl", str(toy_corpus.PATH))
    assert (ingested["read"], ingested["added"], ingested["rejected"]) == (20, 20, 0)
    assert answer(data, "build")["embedded"] == 19
    return data


def test_ingest_and_build_again_change_nothing(built):
    again = answer(built, "ingest", "jsonl", str(toy_corpus.PATH))
    assert (again["added"], again["updated"], again["unchanged"]) == (0, 0, 20)
    rebuilt = answer(built, "build")
    assert (rebuilt["embedded"], rebuilt["published"]) == (0, False)


@pytest.mark.parametrize(
    ("draft", "group"),
    [
        ("We teach an assistant to comfort people who are sad by talking with them.", "d"),
        ("Policy gradients with verifiable rewards improve mathematical reasoning of LLMs.", "r"),
        ("Translating from Finnish into Basque with very little parallel text.", "m"),
        ("Syntactic trees for sentences of many languages.", "p"),
    ],
)
def test_a_pasted_draft_finds_papers_that_share_its_meaning(built, draft, group):
    assert {paper_id[0] for paper_id in ids(answer(built, "search", draft, "-k", "3"))} == {group}


def test_search_reads_standard_input_and_filters(built):
    found = answer(
        built, "search", "-", "--venue", "wmt", "--year-from", "2019", stdin="translation quality metrics"
    )
    assert ids(found) == ["m4"]
    first = found["results"][0]
    assert first["title"] == "Evaluating Machine Translation with Learned Metrics"
    assert [author["name"] for author in first["authors"]] == ["Tomas Kral", "Ana Prado"]
    assert (first["year"], first["venue"]) == (2020, "WMT")


def test_related_and_show(built):
    found = ids(answer(built, "related", "d5", "-k", "500"))
    assert len(found) == 18
    assert not {"d5", "d6"} & set(found)
    assert found[0].startswith("d")
    assert answer(built, "show", "d6")["versions"] == ["d5"]


def test_status_counts(built):
    status = answer(built, "status")
    assert (status["papers"], status["abstracts"], status["people"]) == (20, 19, 15)
    assert status["snapshot"]["papers"] == 20
    assert status["snapshot"]["model"] == "all-MiniLM-L6-v2"


def test_related_to_several_and_unlike_others(built):
    found = ids(answer(built, "related", "d1", "d5", "--not", "r4", "--not", "r1", "-k", "500"))
    assert len(found) == 20 - len({"d1", "d5", "d6", "r4", "r1"})
    assert not {"d1", "d5", "d6", "r4", "r1"} & set(found)
    assert {paper_id[0] for paper_id in found[:3]} == {"d"}
    one = answer(built, "related", "p1", "-k", "2", "--fields", "title,strength")
    assert [sorted(result) for result in one["results"]] == [["id", "strength", "title"]] * 2


def test_recency_reaches_the_answer(built):
    plain = ids(answer(built, "search", "machine translation", "-k", "5"))
    newer = ids(answer(built, "search", "machine translation", "-k", "5", "--recency", "1"))
    assert newer[0] == "m4"
    assert newer != plain


def test_answers_say_how_close_they_are_and_why(built):
    found = answer(built, "related", "m1", "-k", "20")
    assert (found["close"], found["resolved"]) == (True, None)
    by_id = {result["id"]: result for result in found["results"]}
    assert by_id["m5"]["reason"]["authors"] == ["Paul Meyer"]
    assert by_id["m5"]["strength"] > by_id["d1"]["strength"]
    quote = by_id["m5"]["reason"]["sentences"]["paper"]
    assert by_id["m5"][quote["field"]][quote["start"] : quote["end"]] == quote["text"]
    typed = answer(built, "search", "https://doi.org/10.1234/toy.m1", "-k", "1")
    assert (typed["resolved"], typed["results"][0]["reason"]["match"]) == ("m1", "id")


def test_what_a_person_reads(built):
    topics, *shown = recsys(built, "search", "dependency parser", "-k", "1").stdout.splitlines()
    assert re.fullmatch(r"Topics: \S.* \d+ %", topics)
    assert re.fullmatch(r"  1  [ \d]{3} %  .*Dependency.*", shown[0])
    assert shown[1].startswith(" " * 12)
    assert "2016" in shown[1]
    assert re.fullmatch(r" {12}“.*” ~ “dependency parser” · shares .*", shown[2])
    assert len(shown) == 3
    related = recsys(built, "related", "m1", "d1", "-k", "1").stdout
    assert re.search(r"” ~ “.*” \([md]1\)", related)
    assert "René Dupont" in recsys(built, "show", "d5").stdout
    assert "20 (19 with an abstract, 0 withdrawn)" in recsys(built, "status").stdout


def test_when_nothing_is_close_that_is_said_first(built):
    draft = "Beat the eggs with sugar, fold in the flour and bake the cake for forty minutes."
    shown = recsys(built, "search", draft, "-k", "1").stdout.splitlines()
    assert shown[0] == "Nothing in the corpus is close to this. These papers are merely the least distant."
    assert shown[1].startswith("  1  ")
    assert answer(built, "search", draft)["close"] is False


def test_a_batch_of_questions(built, tmp_path):
    questions, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    questions.write_text('{"id": "d5", "k": 2}\n{"text": "parsing of Slovene"}\n{"id": "none"}\n')
    done = recsys(built, "related", "--batch", str(questions), "--out", str(out))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(one["results"]) for one in answers] == [2, 10, 0]
    assert answers[1]["results"][0]["id"] == "p4"
    assert answers[2]["error"]["code"] == "paper_not_found"
    assert "2 answered, 1 refused." in done.stderr
    assert "line 3: There is no paper 'none'." in done.stderr
    piped = recsys(built, "related", "--batch", "-", "--out", "-", stdin=questions.read_text())
    assert piped.stdout == out.read_text()


def test_doctor_is_content_and_says_what_it_saw(built):
    done = recsys(built, "doctor")
    assert done.returncode == 0, done.stdout
    assert "model: all-MiniLM-L6-v2, OpenVINO" in done.stdout
    assert "FAIL" not in done.stdout


def test_doctor_says_how_to_mend(tmp_path):
    done = recsys(tmp_path, "doctor", "--json", RECSYS_MODEL="no-such-model")
    assert done.returncode == 1
    findings = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["FAISS"]["ok"]
    assert "no-such-model" in findings["model"]["seen"]
    assert "all-MiniLM-L6-v2" in findings["model"]["seen"]
    assert "model.json" in findings["model"]["mend"]
    assert "recsys build" in findings["snapshot"]["mend"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("related", "no-such-paper"), 1, "no paper 'no-such-paper'"),
        (("show", "no-such-paper"), 1, "no paper 'no-such-paper'"),
        (("search", "!!!"), 1, "no letters"),
        (("search", "parser", "-k", "0"), 1, "k is 0"),
        (("search", "parser", "--recency", "1.5"), 1, "recency is 1.5"),
        (("related", "d1", "--diversity", "nan"), 1, "diversity is nan"),
        (("search", "parser", "--json", "--fields", "titel"), 1, "The fields are id, title,"),
        (("related", "d1", "--not", "d1"), 1, "'d1' is positive and negative"),
        (("related", "--batch", "missing.jsonl", "--out", "-"), 1, "missing.jsonl"),
        (("search", "a" * 20_001), 1, "20001 characters; the limit is 20000"),
        (("ingest", "jsonl", "missing.jsonl"), 1, "missing.jsonl"),
        (("snapshots", "verify", "nonsense"), 1, "no snapshot 'nonsense'"),
        (("withdraw", "no-such-paper"), 1, "no-such-paper"),
        (("search",), 2, "Missing argument"),
        (("related",), 2, "Give a PAPER_ID"),
        (("related", "d1", "--batch", "in", "--out", "out"), 2, "PAPER_ID does not go with"),
        (("related", "--batch", "in"), 2, "--batch needs --out"),
        (("search", "parser", "-k", "many"), 2, "Invalid value"),
        (("ingest", "arxiv"), 2, "either files or --query"),
        (("ingest", "nowhere"), 2, "nowhere"),
        (("no-such-command",), 2, "no-such-command"),
    ],
)
def test_exit_status_tells_refusal_from_usage(built, arguments, status, said):
    done = recsys(built, *arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""


def test_a_snapshot_of_a_former_format_does_not_spoil_the_list(toy, tmp_path):
    name = toy.snapshots.current()
    manifest = toy.snapshots.path / name / "manifest.json"
    manifest.write_text(manifest.read_text().replace(f'"format": {FORMAT}', '"format": 1'))
    toy.build()
    done = recsys(tmp_path, "snapshots", "list", "--json")
    assert [row["name"] for row in json.loads(done.stdout)["snapshots"]] == [toy.snapshots.current()]
    assert "has format 1" in done.stderr


def test_without_snapshot_the_next_step_is_named(tmp_path):
    done = recsys(tmp_path, "search", "parser")
    assert done.returncode == 1
    assert "recsys build" in done.stderr


def test_a_wrong_setting_is_named(tmp_path):
    (tmp_path / "recsys.toml").write_text("exact_limits = 3\n")
    done = recsys(tmp_path, "status")
    assert done.returncode == 1
    assert "exact_limits" in done.stderr
    (tmp_path / "recsys.toml").write_text("exact_limit = 'many'\n")
    assert "'exact_limit' is 'many'" in recsys(tmp_path, "status").stderr


BAD_LINES = [
    b'{"title": "No id"}',
    b'{"id": "x2"}',
    b'{"id": "x3", "title": 7}',
    b"{not json",
    b'{"id": "x5", "title": "T", "abstract": "' + b"a" * 10_000_000 + b'"}',
    b'{"id": "x6", "title": "a\\u0000b"}',
    b'{"id": "x7", "title": "a \\ud800 b"}',
    b'{"id": "x8", "title": "T", "year": 20222}',
    b'{"id": "x9", "title": "\xff"}',
]


@pytest.fixture
def bad_file(tmp_path) -> Path:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(
        b"\n".join([b'{"id": "good1", "title": "Good"}', *BAD_LINES, b'{"id": "good2", "title": "Good"}'])
    )
    return path


def test_bad_records_are_counted_shown_and_kept_and_the_rest_goes_in(tmp_path, bad_file):
    data = tmp_path / "data"
    done = recsys(data, "ingest", "jsonl", str(bad_file), "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert (report["read"], report["added"], report["rejected"]) == (11, 2, 9)
    assert [reject["position"] for reject in report["first_rejects"]] == list(range(2, 11))
    reasons = [reject["reason"] for reject in report["first_rejects"]]
    for reason, word in zip(
        reasons,
        ["id", "title", "title", "JSON", "10,000,000", "NUL", "surrogate", "20222", "UTF-8"],
        strict=True,
    ):
        assert word in reason
        assert len(reason) < 200
    assert Path(report["rejects_file"]).read_bytes() == b"\n".join(BAD_LINES) + b"\n"
    assert "line 9: year 20222" in done.stderr
    assert "2 added, 0 updated, 0 unchanged, 9 rejected" in done.stderr
    assert answer(data, "show", "good2")["title"] == "Good"


def test_strict_stops_at_the_first_and_writes_nothing(tmp_path, bad_file):
    data = tmp_path / "data"
    done = recsys(data, "ingest", "jsonl", str(bad_file), "--strict")
    assert done.returncode == 1
    assert "line 2: id is missing" in done.stderr
    assert answer(data, "status")["papers"] == 0


def test_withdraw_and_restore(tmp_path):
    data = tmp_path
    answer(data, "ingest", "jsonl", str(toy_corpus.PATH))
    assert recsys(data, "withdraw", "m1", "--note", "asked for by an author", "--opted-out").returncode == 0
    answer(data, "ingest", "jsonl", str(toy_corpus.PATH))
    assert recsys(data, "show", "m1").returncode == 1
    listed = answer(data, "withdrawn")["withdrawn"]
    assert [(w["id"], w["kind"], w["note"]) for w in listed] == [
        ("m1", "opted_out", "asked for by an author")
    ]
    assert recsys(data, "restore", "m1").returncode == 0
    assert answer(data, "show", "m1")["id"] == "m1"


def test_search_does_not_import_torch(built):
    script = (
        "import sys; from recsys.cli.main import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "loaded = {'torch', 'transformers', 'sentence_transformers', 'sklearn'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    command = [sys.executable, "-c", script, "--data", str(built), "search", "parser"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Parsing" in done.stdout


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_answers_logs_no_query_and_ends_when_asked(built, workers):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "recsys.cli", "--data", str(built), "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            deadline = time.monotonic() + 60
            while True:
                try:
                    if http.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, process.stderr.read()
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            found = http.get("/v1/search", params={"q": "unguessableword dependency parser", "k": 1}).json()
            assert found["results"][0]["id"] == "p1"
            regions = Path(f"/proc/{process.pid}/maps")
            assert not regions.exists() or "libtorch" not in regions.read_text()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        logged = process.communicate(timeout=30)[1]
    assert "GET /v1/search 200" in logged
    assert "unguessableword" not in logged
