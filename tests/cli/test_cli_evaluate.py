"""``recsys evaluate related`` over the toy corpus, with a ranker whose every order is known."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from recsys.cli import evaluate
from recsys.deployment import Deployment
from recsys.errors import InvalidRequest, NoSnapshot, SourceError
from recsys.settings import Settings
from tests import toy_corpus
from tests.evaluation.rankers import LetterRanker
from tests.fakes import WordEmbedder

app = typer.Typer()
app.add_typer(evaluate.app, name="evaluate")


@app.callback()
def options(context: typer.Context, data: Annotated[Path, typer.Option()]) -> None:
    context.obj = Settings.load(data)


class Rankers(list):
    """The rankers that were asked, and the embedders that were loaded."""

    embedders: list[WordEmbedder]


@pytest.fixture(autouse=True)
def rankers(monkeypatch) -> Rankers:
    made = Rankers()
    made.embedders = []

    def service(deployment: Deployment) -> LetterRanker:
        made.append(LetterRanker(deployment.snapshots.open().facets.ids))
        return made[-1]

    def embedder(_deployment: Deployment, *_: object) -> WordEmbedder:
        made.embedders.append(WordEmbedder())
        return made.embedders[-1]

    monkeypatch.setattr(Deployment, "service", property(service))
    monkeypatch.setattr(Deployment, "embedder", embedder)
    return made


@pytest.fixture
def qrels(tmp_path) -> Path:
    """Two queries right by their letter, one of them not in the corpus, and a relevant paper that is not."""
    path = tmp_path / "labels.qrels"
    path.write_text("r1 0 r2 1\nr1 0 r3 2\nr1 0 d1 0\nr1 0 gone 1\np2 0 p1 1\np2 0 d2 0\nnobody 0 d1 1\n")
    return path


def run(data: Path, *arguments: object):
    command = ["--data", str(data), "evaluate", "related", *map(str, arguments)]
    done = CliRunner().invoke(app, command)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def answer(data: Path, *arguments: object) -> dict:
    done = run(data, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def values(found: dict, metric: str) -> dict[str, float]:
    return {method: estimates[metric]["value"] for method, estimates in found["methods"].items()}


def test_judged_papers_of_a_deployment(toy, qrels):
    found = answer(toy.folder, "--qrels", qrels)
    wrong_first = pytest.approx((7 / 12 + 1 / 2) / 2)  # d1 r2 r3, and d2 p1
    assert values(found, "MAP") == {"dense": 1, "lexical": wrong_first, "fused": 1, "reranked": wrong_first}
    assert values(found, "nDCG%20") == {"dense": 0.75, "lexical": 0, "fused": 0.75, "reranked": 0}
    assert found["gains_over_better_part"]["fused"]["MAP"] == {"value": 0, "low": 0, "high": 0}
    assert (found["pool"], found["queries"], found["corpus_size"]) == ("query", 2, 20)
    assert found["pool_size"] == {"smallest": 2, "median": 2.5, "largest": 3}
    assert (found["depth"], found["relevant_per_query"]) == (None, 1.5)
    left_out = {name: count for name, count in found["left_out"].items() if count}
    assert left_out == {"queries_not_in_corpus": 1, "relevant_not_in_corpus": 1}


def test_compressed_citations_in_a_pool_of_all_papers(toy, rankers, tmp_path):
    path = tmp_path / "citations.csv.gz"
    path.write_bytes(gzip.compress(b"citing,cited\nr1,r2\n"))
    found = answer(toy.folder, "--qrels", path, "--pool", "corpus")
    assert (found["pool"], found["pool_size"]["largest"]) == ("corpus", 19)
    assert rankers[0].asked[0] == ("r1", None, 20, "dense")
    assert found["methods"]["dense"]["MAP"] == {"value": 1, "low": None, "high": None}


def test_what_a_person_reads(toy, qrels):
    lines = run(toy.folder, "--qrels", qrels).stdout.splitlines()
    assert lines[0] == f"Task: the labels in {qrels}."
    assert lines[1].startswith("2 queries, 1.5 relevant papers each; 2 to 3 papers ranked for a query, of 20")
    row = next(line for line in lines if line.strip().startswith("lexical"))
    assert "0.542 [0.500, 0.583]" in row
    assert any("fused - better" in line and "+0.000 [+0.000, +0.000]" in line for line in lines)


def test_splits_need_no_labels(toy):
    title = answer(toy.folder, "--split", "title")
    # 19 papers have an abstract; of those d5 and d6 share their title, and so do r4 and r5
    assert (title["queries"], title["pool"]) == (15, "corpus")
    assert title["left_out"]["queries_not_fitting"] == 5
    some = answer(toy.folder, "--split", "title", "--queries", 4, "--seed", 7)
    assert (some["queries"], some["usable_queries"]) == (4, 15)
    with pytest.raises(
        InvalidRequest, match=r"No query is left of papers of 2021 and later .* 7 have too few"
    ):
        run(toy.folder, "--split", "year:2021")


def test_papers_of_a_year_ask_for_their_authors_earlier_ones(tmp_path, rankers):
    d3 = json.loads(toy_corpus.PATH.read_text().splitlines()[2])
    path = tmp_path / "corpus.jsonl"
    path.write_text(
        toy_corpus.PATH.read_text() + json.dumps({**d3, "id": "d9", "title": "Later", "year": 2024})
    )
    found = answer(tmp_path, "--split", "year:2024", "--corpus", path)
    assert "papers of 2024 and later" in found["task"]
    assert (found["queries"], found["relevant_per_query"]) == (1, 1)
    assert (
        found["pool_size"]["largest"] == 15
    )  # 21 without four of 2024 and later, d9 and m5, which has no year
    # the labels are made of shared authors, so the ranking must not count them
    assert rankers[-1].authors_counted == {False}
    # by letter d3 is third after d1 and d2
    assert found["methods"]["dense"]["MAP"]["value"] == pytest.approx(1 / 3)


def test_labels_split_by_year(toy, tmp_path):
    path = tmp_path / "citations.csv"
    path.write_text("citing,cited\nd2,d1\nd1,d3\nd2,gone\n")
    found = answer(toy.folder, "--qrels", path, "--split", "year:2020")
    assert (found["queries"], found["left_out"]["queries_not_fitting"]) == (1, 1)
    assert found["pool_size"]["largest"] == 2  # d1 and d3 of 2019; d2 of 2021 asks


def test_a_corpus_of_its_own_holds_the_papers_of_the_labels_and_is_kept(tmp_path, qrels, rankers):
    data, work = tmp_path / "data", tmp_path / "work"
    arguments = ["--qrels", qrels, "--corpus", toy_corpus.PATH, "--work", work]
    found = answer(data, *arguments)
    assert (found["queries"], found["corpus_size"]) == (2, 7)
    assert rankers[0].ids == ["d1", "d2", "p1", "p2", "r1", "r2", "r3"]
    assert [e.encoded != [] for e in rankers.embedders] == [True]
    assert (work / "models").resolve() == (data / "models").resolve()
    again = answer(data, *arguments)
    assert again == found
    assert rankers.embedders[1].encoded == []  # the vectors were kept


def test_a_folder_made_of_something_else_is_left_alone(tmp_path, qrels, toy):
    work = tmp_path / "work"
    answer(tmp_path / "data", "--qrels", qrels, "--corpus", toy_corpus.PATH, "--work", work)
    before = sorted(work.rglob("*"))
    for folder, pool in ((work, "corpus"), (toy.folder, "query")):
        with pytest.raises(InvalidRequest, match="was not made from") as caught:
            run(
                tmp_path / "data",
                "--qrels",
                qrels,
                "--corpus",
                toy_corpus.PATH,
                "--work",
                folder,
                "--pool",
                pool,
            )
        assert str(folder) in caught.value.message
    assert sorted(work.rglob("*")) == before


def test_a_corpus_of_its_own_leaves_nothing_behind(tmp_path, toy, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    bad = tmp_path / "corpus.jsonl"
    bad.write_bytes(toy_corpus.PATH.read_bytes() + b'{"id": "x"}\n')
    done = run(toy.folder, "--split", "title", "--corpus", bad, "--json")
    assert json.loads(done.stdout)["corpus_size"] == 20
    assert "1 records of" in done.stderr
    assert "title is missing" in done.stderr
    assert not list(tmp_path.glob("recsys-evaluate-*"))


def test_papers_that_are_not_indexed_yet_are_left_out(toy, qrels):
    toy.tombstones.add(["r2"], kind="withdrawn")
    found = answer(toy.folder, "--qrels", qrels)
    assert found["left_out"]["relevant_not_in_corpus"] == 2
    toy.papers.upsert([replace(toy_corpus.papers()[0], id="new")])
    done = run(toy.folder, "--qrels", qrels)
    assert "1 papers are not in the published snapshot" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Give --qrels FILE"),
        (["--split", "year:20"], "use title or year:YYYY"),
        (["--split", "title", "--qrels", "x"], "leave out --qrels"),
        (["--split", "title", "--pool", "qrels"], "--pool goes with --qrels"),
        (["--split", "title", "--work", "x"], "--work goes with --corpus"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, arguments, message):
    done = run(tmp_path, *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_files_and_snapshots_that_are_missing_are_named(tmp_path, qrels):
    with pytest.raises(SourceError, match=r"nothing at .*missing"):
        run(tmp_path, "--qrels", tmp_path / "missing")
    with pytest.raises(SourceError, match=r"nothing at .*missing"):
        run(tmp_path, "--qrels", qrels, "--corpus", tmp_path / "missing")
    with pytest.raises(NoSnapshot):
        run(tmp_path / "data", "--qrels", qrels)
