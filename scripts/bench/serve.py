"""How fast a running server answers, and what it weighs.

Starts ``recsys serve`` on a free port of 127.0.0.1 over a deployment that was built already, and measures: seconds
until /readyz; resident memory; whether torch was loaded; the median and 95th percentile of ``related`` by id and of
a search by a 200-word abstract, one request at a time; and errors under 16 clients at once.

Baseline, in the same run, over the same papers and the same texts: what a script would do with the customer's
packages alone. Related: the paper's vector against all vectors with numpy. Search: ``SentenceTransformer.encode`` in
float32, then numpy. Both without HTTP or a database, which the server's figures include.

    .venv/bin/python scripts/bench/serve.py --data DIR [--requests 300] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil

from recsys.deployment import Deployment, opened
from recsys.settings import Settings

CLIENTS = 16
WORDS = 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="a built deployment")
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with opened(Settings.load(options.data)) as deployment:
        ids, texts = questions(deployment, options.requests)
        measured = measure_server(options.data, ids, texts)
        measured |= measure_baseline(deployment, ids, texts)
    measured["related_p50_ratio"] = measured["baseline_related_p50_ms"] / measured["related_p50_ms"]
    measured["search_p50_ratio"] = measured["baseline_search_p50_ms"] / measured["search_p50_ms"]
    if options.json:
        json.dump(measured, sys.stdout, indent=2)
    else:
        for name, value in measured.items():
            print(f"{name:<28} {value:.2f}" if isinstance(value, float) else f"{name:<28} {value}")


def questions(deployment: Deployment, count: int) -> tuple[list[str], list[str]]:
    """Ids drawn from all papers, and abstracts cut or joined to 200 words, so that none is in the corpus as it is."""
    rng = random.Random(1)
    ids = rng.sample(deployment.snapshots.open().facets.ids, count)
    abstracts: list[str] = []
    for batch in deployment.papers.scan():
        abstracts += [row.abstract for row in batch if row.abstract and len(row.abstract) > 500]
    words = " ".join(rng.sample(abstracts, min(len(abstracts), 2 * count))).split()
    return ids, [" ".join(words[i * WORDS : (i + 1) * WORDS]) for i in range(min(count, len(words) // WORDS))]


def measure_server(data: Path, ids: list[str], texts: list[str]) -> dict[str, object]:
    with server(data) as (process, http, seconds):
        measured: dict[str, object] = {"ready_s": seconds, "resident_mb_at_start": resident(process)}
        related = timed(lambda paper_id: http.get(f"/v1/papers/{paper_id}/related"), ids)
        search = timed(lambda text: http.post("/v1/search", json={"text": text}), texts)
        for name, times in (("related", related), ("search", search)):
            measured[f"{name}_p50_ms"], measured[f"{name}_p95_ms"] = percentiles(times)
        measured |= under_load(str(http.base_url), ids, texts)
        measured["resident_mb_after_load"] = resident(process)
        measured["torch_loaded"] = any("torch" in path for path in mapped(process))
    return measured


@contextmanager
def server(data: Path) -> Iterator[tuple[psutil.Process, httpx.Client, float]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    command = [sys.executable, "-m", "recsys.cli", "--data", str(data), "serve", "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            while True:
                try:
                    if http.get("/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                if process.poll() is not None or time.perf_counter() - started > 120:
                    raise SystemExit("The server did not become ready; run `recsys doctor`.")
                time.sleep(0.02)
            yield psutil.Process(process.pid), http, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(20)


def under_load(base_url: str, ids: list[str], texts: list[str]) -> dict[str, object]:
    """Sixteen clients, each asking by id and by text in turn."""
    statuses: list[int] = []
    times: list[float] = []

    def client(number: int) -> None:
        with httpx.Client(base_url=base_url, timeout=60) as http:
            for index in range(number, len(texts), CLIENTS):
                for ask in (
                    lambda i=index: http.get(f"/v1/papers/{ids[i]}/related"),
                    lambda i=index: http.post("/v1/search", json={"text": texts[i]}),
                ):
                    started = time.perf_counter()
                    try:
                        statuses.append(ask().status_code)
                    except httpx.TransportError:
                        statuses.append(0)
                    times.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p95 = percentiles(times)
    return {
        "load_clients": CLIENTS,
        "load_requests": len(statuses),
        "load_errors": sum(status != 200 for status in statuses),
        "load_requests_per_s": len(statuses) / (time.perf_counter() - started),
        "load_p50_ms": p50,
        "load_p95_ms": p95,
    }


def measure_baseline(deployment: Deployment, ids: list[str], texts: list[str]) -> dict[str, object]:
    from sentence_transformers import SentenceTransformer

    from recsys.embedding.weights import locate

    snapshot = deployment.snapshots.open()
    vectors = np.ascontiguousarray(snapshot.dense.vectors)
    model = SentenceTransformer(str(locate(deployment.spec(snapshot.manifest.model.id))), device="cpu")

    def best(vector: np.ndarray) -> np.ndarray:
        scores = vectors @ vector
        top = np.argpartition(-scores, 11)[:11]
        return top[np.argsort(-scores[top])]

    related = timed(lambda paper_id: best(vectors[snapshot.positions[paper_id]]), ids)
    search = timed(lambda text: best(model.encode(text, normalize_embeddings=True)), texts[:100])
    return {
        "baseline_related_p50_ms": percentiles(related)[0],
        "baseline_search_p50_ms": percentiles(search)[0],
    }


def timed(ask: Callable[[str], object], arguments: list[str]) -> list[float]:
    """Milliseconds of each call, after ten that do not count."""
    for argument in arguments[:10]:
        ask(argument)
    times = []
    for argument in arguments:
        started = time.perf_counter()
        answer = ask(argument)
        times.append((time.perf_counter() - started) * 1000)
        if isinstance(answer, httpx.Response):
            answer.raise_for_status()
    return times


def percentiles(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), float(np.percentile(times, 95))


def resident(process: psutil.Process) -> float:
    """Megabytes of the server and its children."""
    family = [process, *process.children(recursive=True)]
    return sum(member.memory_info().rss for member in family) / 1e6


def mapped(process: psutil.Process) -> list[str]:
    return [region.path for region in process.memory_maps()]


if __name__ == "__main__":
    main()
