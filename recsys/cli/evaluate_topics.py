"""``recsys evaluate topics``: how good the topics are by people's labels, beside other methods, and how stable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from recsys.build.clustering import Material, cluster, neighbourhood
from recsys.build.corpus import documents_of
from recsys.cli.console import Progress, Stages, print_json
from recsys.cli.evaluate_topics_report import Outcome, outcome_json, print_tables
from recsys.cli.evaluation_corpus import evaluated_deployment
from recsys.deployment import Deployment
from recsys.errors import InvalidRequest
from recsys.evaluation.topic_baselines import Baseline, Found, bertopic, kmeans, require_bertopic
from recsys.evaluation.topic_labels import PaperLabels, parse_labels
from recsys.evaluation.topics import compare, labelled, stability
from recsys.sources.base import existing
from recsys.sources.lines import read_lines
from recsys.topics.tree import Tree

Positions = NDArray[np.int64]


def topics(
    context: typer.Context,
    labels: Annotated[
        Path,
        typer.Option(
            help="CSV of paper_id,label (the second column may have another name); plain, .gz or .zst."
        ),
    ],
    corpus: Annotated[
        Path | None,
        typer.Option(
            help="Cluster the labelled papers of this file (JSON lines) on their own, instead of judging the topics published."
        ),
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="With --corpus: keep the deployment made of it here, for the next time."
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(min=1, help="How often to cluster again, to grow the corpus, and to run BERTopic."),
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The first of the seeds, and that of the bootstrap.")] = 0,
    with_kmeans: Annotated[
        bool, typer.Option("--kmeans/--no-kmeans", help="Compare with k-means on the same vectors.")
    ] = True,
    with_bertopic: Annotated[
        bool,
        typer.Option(
            "--bertopic/--no-bertopic",
            help="Compare with BERTopic on the same vectors; needs recsys\\[evaluation].",
        ),
    ] = True,
    with_stability: Annotated[
        bool,
        typer.Option("--stability/--no-stability", help="Cluster again with other seeds and after growth."),
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Measure topics: agreement with labels, coherence and stability, beside k-means and BERTopic."""
    if work is not None and corpus is None:
        raise typer.BadParameter("--work goes with --corpus.")
    given = _labels(labels)
    if with_bertopic:
        require_bertopic()
    named = None if corpus is None else given.papers
    with evaluated_deployment(context.obj, corpus, work, named) as deployment:
        subject = _subject(deployment)
        truth = labelled(subject.ids, given.labels)
        baselines = [
            *(_kmeans(subject, len(truth.names)) if with_kmeans else ()),
            *([_bertopic(subject, seeds)] if with_bertopic else ()),
        ]
        with Stages("runs") as shown:
            report = compare(
                subject.levels, baselines, truth, subject.texts, seed=seed, progress=shown.update
            )
            found = None
            if with_stability:
                clusterer = _Clusterer(
                    subject.material,
                    subject.counts,
                    deployment.settings.exact_limit,
                    deployment.settings.threads,
                )
                found = stability(clusterer, subject.ids, runs=seeds, seed=seed, progress=shown.update)
    outcome = Outcome(given, truth, len(subject.ids), report, found, seed)
    if as_json:
        print_json(outcome_json(outcome))
    else:
        print_tables(outcome)


# -- what is judged ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Subject:
    """The topics published and what they were made of, hidden papers left out; aligned by position."""

    ids: list[str]
    texts: list[str]
    material: Material
    levels: list[Found]
    counts: tuple[int, ...]


def _labels(path: Path) -> PaperLabels:
    with Progress("Reading labels", "bytes") as shown:
        return parse_labels(read_lines(existing(path, directory=False), progress=shown.update), str(path))


def _subject(deployment: Deployment) -> _Subject:
    """Everything that the evaluation looks at.

    Raises:
        InvalidRequest: the snapshot has no topics.
    """
    snapshot = deployment.snapshots.open()
    contents = snapshot.contents
    index = contents.topics
    if not index.levels:
        raise InvalidRequest("The published snapshot has no topics.", hint="Run `recsys build`.")
    hidden = deployment.tombstones.hidden()
    ids = contents.facets.ids
    shown = np.array([at for at, paper_id in enumerate(ids) if paper_id not in hidden], np.int64)
    visible = [ids[at] for at in shown.tolist()]
    texts = [
        "\n".join(filter(None, (document.title, document.abstract, ", ".join(document.keywords))))
        for document in documents_of(deployment.papers, visible)
    ]
    levels = [
        Found(level.main[shown], tuple(topic.terms for topic in level.topics)) for level in index.levels
    ]
    material = Material.of(contents.dense, contents.lexical, contents.neighbours)
    return _Subject(visible, texts, material.among(shown), levels, index.parameters.counts)


@dataclass(frozen=True, slots=True)
class _Clusterer:
    """Clusters the papers again, as a build does."""

    material: Material
    counts: tuple[int, ...]
    exact_limit: int
    threads: int | None

    def levels(self, seed: int) -> Sequence[NDArray[np.int32]]:
        return self._tree(self.material, seed).levels

    def grown(
        self, chosen: Positions, seed: int
    ) -> tuple[Sequence[NDArray[np.int32]], Sequence[NDArray[np.int32]]]:
        before = self._tree(self.material.among(chosen), seed)
        there = np.full(len(self.material.vectors), -1, np.int64)
        there[chosen] = np.arange(len(chosen))
        after = self._tree(self.material, seed, (before, there))
        return before.levels, after.levels

    def _tree(self, material: Material, seed: int, start: tuple[Tree, Positions] | None = None) -> Tree:
        near = neighbourhood(lambda: material, seed=seed, exact_limit=self.exact_limit, threads=self.threads)
        return cluster(near, counts=self.counts, seed=seed, start=start, threads=self.threads)


def _kmeans(subject: _Subject, labels: int) -> list[Baseline]:
    """k-means with as many topics as each level has, and as there are labels."""
    levels: dict[int, list[int]] = {labels: []}
    for level, found in enumerate(subject.levels, 1):
        levels.setdefault(found.count, []).append(level)

    def one(k: int) -> Baseline:
        names = [f"level {level}" for level in levels[k]] + ["labels"] * (k == labels)
        compared = frozenset[int]() if k == labels else frozenset(levels[k])
        return Baseline(
            f"k-means, as {' and '.join(names)}",
            1,
            lambda seed: kmeans(subject.material.vectors, k, seed),
            compared,
        )

    return [one(k) for k in sorted(levels)]


def _bertopic(subject: _Subject, runs: int) -> Baseline:
    return Baseline("BERTopic", runs, lambda _seed: bertopic(subject.material.vectors, subject.texts))
