"""How long topics take: graph, tree, names and map over a built deployment, from its vectors on.

Baselines, in the same run, on the same vectors: k-means (scikit-learn, one start) with as many clusters as the finest
level has, which gives clusters alone; and, where it is installed, BERTopic with defaults on a part of the papers.

    .venv/bin/python scripts/bench/topics.py --data DIR [--bertopic 10000] [--json]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from recsys.build.corpus import documents_of
from recsys.build.topics import Indexed, TopicOptions, find_topics
from recsys.deployment import opened
from recsys.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--bertopic", type=int, default=0, metavar="N", help="papers for BERTopic; 0: leave it out"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured = measure(options.data, options.bertopic)
    if options.json:
        json.dump(measured, sys.stdout, indent=2)
    else:
        for name, value in measured.items():
            print(f"{name:<28} {value:.2f}" if isinstance(value, float) else f"{name:<28} {value}")


def measure(data: Path, bertopic: int) -> dict[str, object]:
    settings = Settings.load(data)
    with opened(settings) as deployment:
        snapshot = deployment.snapshots.open()
        contents = snapshot.contents
        indexed = Indexed(contents.facets, contents.dense, contents.lexical, contents.neighbours)
        stages: dict[str, float] = {}
        started = time.perf_counter()

        def note(stage: str, done: int, total: int) -> None:
            stages.setdefault(f"{stage}_starts_s", time.perf_counter() - started)

        found = find_topics(
            indexed,
            None,
            None,
            TopicOptions(),
            documents=lambda: documents_of(deployment.papers, contents.facets.ids),
            at="2000-01-01T00:00:00Z",
            exact_limit=settings.exact_limit,
            threads=settings.threads,
            progress=note,
        )
        seconds = time.perf_counter() - started
        texts = [
            f"{one.title}. {one.abstract or ''}"
            for one in documents_of(deployment.papers, contents.facets.ids)
        ]
    count = len(contents.facets.ids)
    vectors = contents.dense.rows(np.arange(count))
    leaves = len(found.levels[-1].topics)
    measured: dict[str, object] = {
        "papers": count,
        "topics": "/".join(str(len(level.topics)) for level in found.levels),
        **stages,
        "topics_s": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "map_process_peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    }
    measured["baseline_kmeans_s"] = timed(lambda: kmeans(vectors, leaves))
    measured["ratio_kmeans"] = float(str(measured["baseline_kmeans_s"])) / seconds
    if bertopic:
        some = np.random.default_rng(1).permutation(count)[:bertopic]
        chosen = [texts[position] for position in some]
        measured[f"baseline_bertopic_{len(some)}_s"] = timed(lambda: run_bertopic(chosen, vectors[some]))
    return measured


def timed(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def kmeans(vectors: np.ndarray, clusters: int) -> None:
    from sklearn.cluster import KMeans

    KMeans(clusters, n_init=1, random_state=0).fit(vectors)


def run_bertopic(texts: list[str], vectors: np.ndarray) -> None:
    from bertopic import BERTopic

    BERTopic().fit_transform(texts, vectors)


if __name__ == "__main__":
    main()
