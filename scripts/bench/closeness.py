"""Can an answer tell that nothing in the corpus is close? Real queries against texts that are off its topic.

    python scripts/bench/closeness.py --data DIR [--queries 500]

Real queries are abstracts, and titles alone, of the deployment's own papers, each held out: the paper itself and its
versions are left out of the answer, which is what a draft of it would have met; and key phrases of the bundled sample.
Off-topic texts, written for this, are in off_topic.toml.
For each kind: the strength of the strongest paper, and the share of answers that say ``close``.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from recsys.deployment import opened
from recsys.recommend.strength import CLOSE
from recsys.records import Paper
from recsys.sample import sample_path
from recsys.service import Service
from recsys.settings import Settings
from recsys.sources.base import source
from recsys.store.papers import PaperStore

OFF_TOPIC = Path(__file__).with_name("off_topic.toml")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    texts = tomllib.loads(OFF_TOPIC.read_text(encoding="utf-8"))
    kinds: dict[str, np.ndarray] = {}
    with opened(Settings.load(options.data)) as deployment:
        service = deployment.service
        held_out = sample(deployment.papers, options.queries)
        kinds["abstracts, held out"] = strengths(service, ((i, abstract) for i, _, abstract in held_out))
        kinds["titles, held out"] = strengths(service, ((i, title) for i, title, _ in held_out))
        kinds["key phrases"] = strengths(service, ((None, phrase) for phrase in phrases(options.queries)))
        words = texts.pop("words")["few"]
        kinds["off topic: two or three words"] = strengths(service, ((None, text) for text in words))
        for kind, some in texts.items():
            kinds[f"off topic: {kind}"] = strengths(service, ((None, text) for text in some.values()))
            cut = [" ".join(text.split()[:8]) for text in some.values()]
            kinds[f"off topic: {kind}, 8 words"] = strengths(service, ((None, text) for text in cut))
    table = Table(title=f"Strength of the strongest paper; close means at least {CLOSE}")
    for column in ("queries", "number", "5 %", "median", "95 %", "close"):
        table.add_column(column, justify="left" if column == "queries" else "right")
    for kind, found in kinds.items():
        quantiles = [f"{value:.3f}" for value in np.quantile(found, [0.05, 0.5, 0.95])]
        table.add_row(kind, str(len(found)), *quantiles, f"{(found >= CLOSE).mean():.1%}")
    Console(width=110).print(table)


def sample(papers: PaperStore, count: int) -> list[tuple[str, str, str]]:
    """Papers with an abstract, spread over the corpus by id: id, title, abstract."""
    rows = [
        (row.id, row.title, row.abstract)
        for batch in papers.scan()
        for row in batch
        if row.abstract and len(row.abstract.split()) > 50
    ]
    return [rows[int(i)] for i in np.linspace(0, len(rows) - 1, min(count, len(rows)))]


def phrases(count: int) -> list[str]:
    """Key phrases of the bundled sample, spread evenly."""
    read = source("jsonl").read(sample_path())
    found = sorted({phrase for paper in read if isinstance(paper, Paper) for phrase in paper.keywords})
    return [found[int(i)] for i in np.linspace(0, len(found) - 1, min(count, len(found)))]


def strengths(service: Service, queries: Iterable[tuple[str | None, str]]) -> np.ndarray:
    """(q,) strength of the strongest paper for each text, the paper of that id and its versions left out."""
    found = []
    for paper_id, text in queries:
        own = set()
        if paper_id is not None:
            own = {paper_id, *service.paper(paper_id).versions}
        answer = service.search(text, k=1 + len(own))
        found.append(max(one.strength for one in answer.results if one.paper.id not in own))
    return np.array(found)


if __name__ == "__main__":
    main()
