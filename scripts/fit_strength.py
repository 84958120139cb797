"""Fit the curves of recsys/recommend/strength.py: how likely are two papers of one subject, given their score?

    python scripts/fit_strength.py --corpus PAPERS.jsonl.gz --tracks TRACKS.csv [--work DIR]

The labels are the tracks that authors chose for their submissions (a CSV file: paper_id,track). Every ordered pair of
labelled papers is an example, positive if both are of one track. A corpus of labelled papers, of their titles alone
as papers of their own, and of others around them is built with the default model; pairs are scored as answers are. For
long and for short queries half of the pairs fit a logistic curve, and the other half shows how well it holds.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression

from recsys.build import stages
from recsys.deployment import opened
from recsys.index.snapshot import Snapshot
from recsys.recommend.related import AuthorTable, Indexes, paper_query, score
from recsys.recommend.strength import scaled
from recsys.records import Paper
from recsys.settings import Settings
from recsys.sources.base import Rejected, source

TITLE_ONLY = "title-only/"
AROUND = 10_000  # papers besides the labelled ones: enough for word frequencies and a centre
EDGES = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tracks", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="keep the deployment here for another run")
    options = parser.parse_args()
    with options.tracks.open(encoding="utf-8", newline="") as file:
        tracks = {row["paper_id"]: row["track"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory(prefix="recsys-fit-") as scratch:
        snapshot = build(options.work or Path(scratch), options.corpus, tracks)
        report(snapshot, tracks)


def build(folder: Path, corpus: Path, tracks: dict[str, str]) -> Snapshot:
    """A deployment of the labelled papers, their titles alone, and others."""
    settings = Settings.load(folder)
    with opened(settings) as deployment:
        read = (record for record in source("jsonl").read(corpus) if not isinstance(record, Rejected))
        labelled: list[Paper] = []
        around: list[Paper] = []
        for paper in read:
            if paper.id in tracks and paper.abstract:
                labelled.append(paper)
            elif paper.abstract:
                around.append(paper)
        step = max(1, len(around) // AROUND)
        bare = [replace(p, id=TITLE_ONLY + p.id, abstract=None, keywords=()) for p in labelled]
        chosen = itertools.islice(around, 0, step * AROUND, step)
        deployment.papers.upsert([*labelled, *bare, *chosen])
        stages.build(
            deployment.papers,
            deployment.vectors,
            deployment.snapshots,
            deployment.embedder(),
            exact_limit=settings.exact_limit,
            keep_snapshots=1,
        )
        return deployment.snapshots.open()


def report(snapshot: Snapshot, tracks: dict[str, str]) -> None:
    contents = snapshot.contents
    authors = AuthorTable(contents.facets.author_offsets, contents.facets.author_codes)
    indexes = Indexes(contents.dense, contents.lexical, contents.sentences, authors)
    ids = sorted(paper_id for paper_id in tracks if paper_id in snapshot.positions)
    label = np.array([tracks[paper_id] for paper_id in ids])
    whole = np.array([snapshot.positions[paper_id] for paper_id in ids])
    bare = np.array([snapshot.positions[TITLE_ONLY + paper_id] for paper_id in ids])
    apart = ~np.eye(len(ids), dtype=bool)
    same = (label[:, None] == label[None, :])[apart]
    console = Console()
    console.print(f"{len(ids)} labelled papers, {same.mean():.4f} of their pairs in one track")
    for asking, mixes in {
        "one sentence": [(bare, whole), (bare, bare)],
        "more sentences": [(whole, whole), (whole, bare)],
    }.items():
        tables = [np.stack([scores(indexes, int(q), those) for q in these])[apart] for these, those in mixes]
        found, truth = np.concatenate(tables), np.concatenate([same] * len(mixes))
        fit = np.random.default_rng(0).random(len(found)) < 0.5
        curve = LogisticRegression(C=1e6).fit(found[fit, None], truth[fit])
        slope, intercept = float(curve.coef_[0, 0]), float(curve.intercept_[0])
        said = 1 / (1 + np.exp(-(slope * found + intercept)))
        table = Table(title=f"Asked with {asking}: slope {slope:.2f}, intercept {intercept:.2f}")
        for column in ("strength", "pairs", "mean strength", "in one track"):
            table.add_column(column, justify="right")
        for low, high in itertools.pairwise(EDGES):
            held = ~fit & (said >= low) & (said < high)
            if held.sum() >= 20:
                table.add_row(
                    f"{low}-{high}",
                    f"{held.sum():,}",
                    f"{said[held].mean():.3f}",
                    f"{truth[held].mean():.3f}",
                )
        console.print(table)


def scores(indexes: Indexes, position: int, those: np.ndarray) -> np.ndarray:
    """Scores of one paper against others, as the curves take them."""
    query = paper_query(indexes, position)
    return scaled(score(indexes, query, those).scores, indexes.lexical.terms(query.lexical))


if __name__ == "__main__":
    main()
