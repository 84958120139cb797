"""How fast texts become vectors, against sentence-transformers in float32, and what the speed costs.

    python scripts/bench/encode.py --papers PAPERS.jsonl.gz
    python scripts/bench/encode.py --papers PAPERS.jsonl.gz --citations aan-citations.csv.gz --corpus ALL.jsonl.gz

The baseline is ``SentenceTransformer.encode`` with its default settings. Baseline and candidates run in turn, in
the same process, for some rounds; ratios are taken within a round and their median is told, so that a machine that
is busy for a while slows all alike. Int8 is calibrated on papers that are not measured, if there are enough.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from recsys.embedding.loading import load_embedder
from recsys.embedding.models import Embedder, ModelSpec, embedding_text, load_spec, packaged_models
from recsys.embedding.openvino_int8 import CALIBRATION_TEXTS
from recsys.embedding.sentence import load_sentence_transformer
from recsys.embedding.weights import locate

CANDIDATES = ("f32", "bf16", "int8")
TOP = 20


@dataclass
class Speed:
    """One engine over all rounds."""

    engine: str
    texts_per_second: float
    times_baseline: float
    mean_cosine: float
    min_cosine: float


@dataclass
class Footprint:
    """One engine in a process of its own."""

    engine: str
    load_seconds: float
    query_p50_ms: float
    query_p95_ms: float
    rss_after_load_mb: float
    peak_rss_mb: float
    texts: int


@dataclass
class Ranking:
    """How well cosine finds the cited papers."""

    engine: str
    ndcg: float
    recall: float


def read_lines(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a JSON lines file, gzip or plain."""
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def text_of(spec: ModelSpec, paper: dict[str, Any]) -> str:
    return embedding_text(spec, paper["title"], paper.get("abstract"), paper.get("keywords") or ())


def spread(texts: Sequence[str], count: int) -> list[int]:
    """Positions of ``count`` texts, evenly spaced."""
    return np.linspace(0, len(texts) - 1, min(count, len(texts)), dtype=int).tolist()


def measure_speed(
    spec: ModelSpec, embedders: dict[str, Embedder], texts: list[str], rounds: int
) -> list[Speed]:
    """Every engine over the texts, in turn, ``rounds`` times."""
    baseline = load_sentence_transformer(spec, locate(spec), device="cpu")
    baseline.encode(texts[:32], show_progress_bar=False)
    for embedder in embedders.values():
        embedder.encode(texts)  # kernels are made for each shape once; the baseline has nothing alike
    seconds: dict[str, list[float]] = defaultdict(list)
    rows: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        start = time.perf_counter()
        rows["baseline"] = baseline.encode(texts, show_progress_bar=False)
        seconds["baseline"].append(time.perf_counter() - start)
        for name, embedder in embedders.items():
            start = time.perf_counter()
            rows[name] = embedder.encode(texts)
            seconds[name].append(time.perf_counter() - start)
    reference = rows["baseline"] / np.linalg.norm(rows["baseline"], axis=1, keepdims=True)
    result = []
    for name, taken in seconds.items():
        cosines = np.sum(rows[name] * reference, axis=1) / np.linalg.norm(rows[name], axis=1)
        ratios = [base / own for base, own in zip(seconds["baseline"], taken, strict=True)]
        rate = len(texts) / statistics.median(taken)
        result.append(
            Speed(name, rate, statistics.median(ratios), float(cosines.mean()), float(cosines.min()))
        )
    return result


def measure_footprint(model: str, cache: Path, precision: str, papers: Path) -> Footprint:
    """Load time, latency and memory, in a fresh process that runs this file."""
    command = [sys.executable, __file__, "--child", precision, "--papers", str(papers), "--model", model]
    done = subprocess.run([*command, "--cache", str(cache)], check=True, capture_output=True, text=True)
    return Footprint(**json.loads(done.stdout))


def child(spec: ModelSpec, cache: Path, precision: str, papers: Path) -> Footprint:
    """What :func:`measure_footprint` runs: the compiled model is in the cache already."""
    start = time.perf_counter()
    embedder = load_embedder(spec, cache=cache, backend="openvino", precision=precision)
    loaded = time.perf_counter() - start
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    texts = [text_of(spec, paper) for paper in read_lines(papers)]
    queries = [" ".join(text.split()[:200]) for text in texts if len(text.split()) >= 200][:100]
    waits = []
    for query in queries:
        start = time.perf_counter()
        embedder.encode([query], role="query")
        waits.append((time.perf_counter() - start) * 1e3)
    embedder.encode(texts)
    # not ru_maxrss: a child process starts with its parent's
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    p50, p95 = np.percentile(waits, [50, 95]) if waits else (float("nan"), float("nan"))
    return Footprint(precision, loaded, float(p50), float(p95), resident, peak, len(texts))


def measure_ranking(
    spec: ModelSpec, embedders: dict[str, Embedder], citations: Path, corpus: Path, queries: int
) -> list[Ranking]:
    """nDCG@20 and recall@20 of cited papers among all papers of the citation graph, by cosine."""
    cited: dict[str, set[str]] = defaultdict(set)
    with (gzip.open if citations.suffix == ".gz" else open)(citations, "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            cited[row["citing"]].add(row["cited"])
    names = set(cited) | {name for found in cited.values() for name in found}
    texts = {paper["id"]: text_of(spec, paper) for paper in read_lines(corpus) if paper["id"] in names}
    ids = list(texts)
    position = {name: i for i, name in enumerate(ids)}
    gold = {
        position[name]: {position[other] for other in found if other in position and other != name}
        for name, found in cited.items()
        if name in position
    }
    able = sorted(i for i, found in gold.items() if len(found) >= 5)
    chosen = np.random.default_rng(0).permutation(able)[:queries]
    return [
        Ranking(name, *_quality(embedder.encode(list(texts.values())), chosen, gold))
        for name, embedder in embedders.items()
    ]


def _quality(rows: np.ndarray, queries: np.ndarray, gold: dict[int, set[int]]) -> tuple[float, float]:
    """Means of nDCG and recall at 20 over the queries, binary relevance."""
    discounts = 1 / np.log2(np.arange(2, TOP + 2))
    ndcg, recall = [], []
    for query in queries:
        scores = rows @ rows[query]
        scores[query] = -2
        best = np.argsort(-scores, kind="stable")[:TOP]
        hits = np.array([i in gold[int(query)] for i in best])
        wanted = min(TOP, len(gold[int(query)]))
        ndcg.append(float(hits @ discounts / discounts[:wanted].sum()))
        recall.append(float(hits.sum() / len(gold[int(query)])))
    return statistics.mean(ndcg), statistics.mean(recall)


def show(console: Console, title: str, rows: Sequence[Any]) -> None:
    """A table of dataclass rows, a column per field."""
    table = Table(title=title)
    for name in asdict(rows[0]):
        table.add_column(name.replace("_", " "), justify="left" if name == "engine" else "right")
    for row in rows:
        table.add_row(*(f"{v:.5g}" if isinstance(v, float) else str(v) for v in asdict(row).values()))
    console.print(table)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--papers", type=Path, help="papers as JSON lines, plain or .gz")
    parser.add_argument("--texts", type=int, default=1000, help="how many papers with abstracts to time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, help="keep compiled models here (default: a temporary folder)")
    parser.add_argument("--citations", type=Path, help="CSV with the columns citing,cited")
    parser.add_argument("--corpus", type=Path, help="the papers of --citations, as JSON lines")
    parser.add_argument("--queries", type=int, default=1000, help="citing papers to rank for")
    parser.add_argument("--only", choices=CANDIDATES, nargs="+", default=CANDIDATES)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--child", choices=CANDIDATES, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.papers is None:
        print("encode: skipped, no --papers FILE.jsonl[.gz] given")
        return
    spec = load_spec(given.model, [packaged_models()])
    if given.child:
        print(json.dumps(asdict(child(spec, given.cache, given.child, given.papers))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        run(given, spec, given.cache or Path(temporary))


def run(given: argparse.Namespace, spec: ModelSpec, cache: Path) -> None:
    texts = [text_of(spec, paper) for paper in read_lines(given.papers) if paper.get("abstract")]
    measured = spread(texts, given.texts)
    rest = [texts[i] for i in sorted(set(range(len(texts))) - set(measured))]
    pool = rest if len(rest) >= CALIBRATION_TEXTS else texts
    calibration = [pool[i] for i in spread(pool, CALIBRATION_TEXTS)]
    embedders = {
        name: load_embedder(
            spec, cache=cache, backend="openvino", precision=name, calibration=lambda: calibration
        )
        for name in given.only
    }
    load = os.getloadavg()[0]
    speeds = measure_speed(spec, embedders, [texts[i] for i in measured], given.rounds)
    footprints = [measure_footprint(given.model, cache, name, given.papers) for name in given.only]
    rankings = []
    if given.citations and given.corpus:
        rankings = measure_ranking(spec, embedders, given.citations, given.corpus, given.queries)
    if given.json:
        parts = {"speed": speeds, "footprint": footprints, "ranking": rankings}
        told = {name: [asdict(row) for row in rows] for name, rows in parts.items()}
        print(json.dumps({"model": spec.id, "load_at_start": load, **told}, indent=1))
        return
    console = Console(width=140)
    note = f"{len(measured)} texts, {given.rounds} rounds, load at start {load:.1f}"
    show(console, f"{spec.id}: speed ({note})", speeds)
    show(console, "a process of its own: a 200-word query, then the whole file", footprints)
    if rankings:
        show(console, f"cited papers by cosine, at {TOP}", rankings)


if __name__ == "__main__":
    main()
