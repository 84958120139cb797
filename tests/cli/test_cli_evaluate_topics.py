"""``recsys evaluate topics`` over the toy corpus, with a BERTopic whose answer is known."""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from recsys.cli import evaluate, evaluate_topics
from recsys.deployment import Deployment
from recsys.errors import InvalidRequest, NoSnapshot, SourceError
from recsys.evaluation.topic_baselines import Found
from recsys.settings import Settings
from tests import toy_corpus
from tests.fakes import WordEmbedder

app = typer.Typer()
app.add_typer(evaluate.app, name="evaluate")

GROUPS = {paper.id: paper.id[0] for paper in toy_corpus.papers()}


@app.callback()
def options(context: typer.Context, data: Annotated[Path, typer.Option()]) -> None:
    context.obj = Settings.load(data)


class Asked(list):
    """(vectors, texts) that BERTopic was given."""


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> Asked:
    """BERTopic finds the papers on parsing and on translation, by their texts, and leaves out the others."""
    asked = Asked()

    def bertopic(vectors, texts) -> Found:
        asked.append((vectors, texts))
        found = [
            0
            if "parsing" in text.lower() or "treebank" in text.lower()
            else 1
            if "translat" in text.lower()
            else -1
            for text in texts
        ]
        return Found(np.array(found, np.int32), (("parsing", "treebank"), ("treebanks",)))

    monkeypatch.setattr(evaluate_topics, "require_bertopic", lambda: None)
    monkeypatch.setattr(evaluate_topics, "bertopic", bertopic)
    monkeypatch.setattr(Deployment, "embedder", lambda *_: WordEmbedder())
    return asked


def run(data: Path, *arguments: object):
    done = CliRunner().invoke(app, ["--data", str(data), "evaluate", "topics", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def answer(data: Path, *arguments: object) -> dict:
    done = run(data, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def write(path: Path, labels: dict[str, str], header: str = "paper_id,label") -> Path:
    path.write_text("\n".join([header, *(f"{paper},{label}" for paper, label in labels.items())]) + "\n")
    return path


@pytest.fixture
def labels(tmp_path) -> Path:
    return write(tmp_path / "labels.csv", GROUPS)


def published(toy) -> dict[str, str]:
    """The topic of every paper."""
    snapshot = toy.snapshots.open()
    main = snapshot.contents.topics.levels[0].main.tolist()
    return {paper: f"topic {number}" for paper, number in zip(snapshot.facets.ids, main, strict=True)}


def test_labels_that_are_the_topics_agree_wholly(toy, tmp_path):
    own = published(toy)
    path = write(tmp_path / "own.csv", {**own, "gone": "x"}, "id,theme")
    found = answer(toy.folder, "--labels", path, "--no-bertopic", "--no-kmeans", "--no-stability")
    assert found["labels"] == {
        "file": str(path),
        "column": "theme",
        "labels": len(set(own.values())),
        "judged": 20,
        "not_in_corpus": 1,
        "with_several_labels": 0,
    }
    (only,) = found["methods"]
    assert (only["name"], only["level"], only["coverage"], only["topics"]) == (
        "topics",
        1,
        1,
        len(set(own.values())),
    )
    assert [only[name] for name in ("homogeneity", "completeness", "purity")] == pytest.approx([1, 1, 1])
    for name in ("v", "ami"):
        assert list(only[name].values()) == pytest.approx([1, 1, 1])
    assert (only["placed_only"], found["stability"], found["gains"]) == (None, None, [])
    assert (found["corpus_size"], found["bootstrap"]["resamples"]) == (20, 200)


def test_baselines_get_the_same_papers(toy, labels, asked):
    found = answer(toy.folder, "--labels", labels, "--seeds", 2, "--no-stability")
    ours = found["methods"][0]
    by_name = {method["name"]: method for method in found["methods"]}
    counts = {name: method["topics"] for name, method in by_name.items() if name.startswith("k-means")}
    exact = next(name for name in counts if name.endswith("labels"))
    assert counts[exact] == 4
    assert sorted(counts.values()) == sorted(
        {4, ours["topics"]}
    )  # one run where there are as many topics as labels
    assert by_name[exact]["v"]["value"] > 0.7  # the groups are apart
    assert by_name[exact]["coherence"] is None
    theirs = by_name["BERTopic"]
    assert len(theirs["runs"]) == 2
    placed = sum(group in "mp" for group in GROUPS.values())
    assert theirs["coverage"] == placed / 20
    assert theirs["placed_only"]["v"]["value"] == pytest.approx(1)
    # parsing, translation, and all the rest as one topic of which the commoner group counts
    largest = max(list(GROUPS.values()).count(group) for group in "dr")
    assert theirs["purity"] == pytest.approx((placed + largest) / 20)
    assert theirs["diversity"] == 2 / 3  # treebank and treebanks are one
    assert {gain["over"] for gain in found["gains"]} == set(by_name) - {"topics"}
    gain = next(gain for gain in found["gains"] if gain["over"] == "BERTopic")
    assert gain["ami"]["value"] == pytest.approx(ours["ami"]["value"] - theirs["ami"]["value"])
    vectors, texts = asked[0]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(20))
    title = next(paper.title for paper in toy_corpus.papers() if paper.id == "d1")
    assert texts[0].startswith(title)  # papers stand by id


def test_clustering_again_is_compared(toy, labels):
    found = answer(toy.folder, "--labels", labels, "--no-bertopic", "--no-kmeans", "--seeds", 2)["stability"]
    assert (found["runs"], found["growth"]) == (2, 0.1)
    (level,) = found["levels"]
    assert level["level"] == 1
    assert level["ami_between_seeds"] == level["lowest"] > 0.5
    assert 0.5 < level["same_id"] <= level["topic_kept"] <= 1
    again = answer(toy.folder, "--labels", labels, "--no-bertopic", "--no-kmeans", "--seeds", 2)["stability"]
    assert again == found


def test_what_a_person_reads(toy, labels):
    lines = run(toy.folder, "--labels", labels, "--seeds", 2).stdout.splitlines()
    assert lines[0] == f"20 papers judged by 4 values of 'label' in {labels}, of 20 papers clustered."
    assert lines[1] == "Left out: 0 labelled papers not in the corpus, 0 with several labels."
    rows = {line[:22].strip(): line for line in lines[2:]}
    assert "1.000" in rows["topics, level 1"]
    assert rows["its 2 runs"].count("to") == 4
    assert "1.000 [1.000, 1.000]" in rows["placed papers only"]
    assert any("AMI after growth" in line for line in lines)


def test_withdrawn_papers_are_neither_judged_nor_clustered(toy, labels, asked):
    toy.tombstones.add(["d1"], kind="withdrawn")
    found = answer(toy.folder, "--labels", labels, "--no-kmeans", "--seeds", 1, "--no-stability")
    assert (found["corpus_size"], found["labels"]["judged"], found["labels"]["not_in_corpus"]) == (19, 19, 1)
    assert len(asked[0][1]) == len(asked[0][0]) == 19


def test_labelled_papers_of_a_file_are_clustered_on_their_own_and_kept(tmp_path):
    some = {paper: group for paper, group in GROUPS.items() if group in "dr"}
    path = write(tmp_path / "some.csv", some)
    work = tmp_path / "work"
    arguments = ["--labels", path, "--corpus", toy_corpus.PATH, "--work", work]
    arguments += ["--no-bertopic", "--no-kmeans", "--no-stability"]
    found = answer(tmp_path / "data", *arguments)
    assert (found["corpus_size"], found["labels"]["judged"], found["labels"]["labels"]) == (
        len(some),
        len(some),
        2,
    )
    assert answer(tmp_path / "data", *arguments) == found
    write(path, GROUPS)
    with pytest.raises(InvalidRequest, match="was not made from"):
        run(tmp_path / "data", *arguments)


def test_options_and_files_that_will_not_do_are_named(tmp_path, toy, labels, monkeypatch):
    done = run(tmp_path, "--labels", labels, "--work", "x")
    assert done.exit_code == 2
    assert "--work goes with --corpus" in " ".join(done.stderr.replace("│", " ").split())
    with pytest.raises(SourceError, match=r"nothing at .*missing"):
        run(toy.folder, "--labels", tmp_path / "missing")
    with pytest.raises(NoSnapshot):
        run(tmp_path / "empty", "--labels", labels)
    with pytest.raises(InvalidRequest, match="0 are in the corpus"):
        run(toy.folder, "--labels", write(tmp_path / "others.csv", {"x": "a", "y": "b"}))


def test_without_bertopic_the_way_out_is_told_before_anything_is_done(tmp_path, labels, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "bertopic", None)
    with pytest.raises(InvalidRequest, match="BERTopic cannot be imported") as caught:
        run(tmp_path / "new", "--labels", labels)
    assert "--no-bertopic" in caught.value.hint
    assert not (tmp_path / "new").exists()
