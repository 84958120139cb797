"""How long it takes from source files to a published index, and back again after small changes.

Runs the real commands in a new data directory: ingest, first build, a build with nothing changed, then 100 new papers
and the build that makes them searchable. Reports seconds and peak resident memory of each command.

Baseline, in the same run: ``SentenceTransformer.encode`` in float32 over a sample of the same texts, scaled to all of
them, which is the embedding alone that a script with the customer's packages would do.

    .venv/bin/python scripts/bench/build.py --source acl-anthology --location DIR [--data DIR] [--json]
    .venv/bin/python scripts/bench/build.py --source jsonl --location FILE.jsonl.gz
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from recsys.deployment import opened
from recsys.embedding.models import embedding_text
from recsys.settings import Settings

NEW_PAPERS = 100
BASELINE_TEXTS = 512


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", required=True)
    parser.add_argument("--location", required=True)
    parser.add_argument("--data", type=Path, help="keep the deployment here; must not exist yet")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.data and options.data.exists():
        parser.error(f"{options.data} exists already: the first build would not be one")
    with tempfile.TemporaryDirectory() as scratch:
        data = options.data or Path(scratch) / "data"
        measured = measure(data, options.source, options.location, Path(scratch))
    if options.json:
        json.dump(measured, sys.stdout, indent=2)
    else:
        for name, value in measured.items():
            print(f"{name:<28} {value:.2f}" if isinstance(value, float) else f"{name:<28} {value}")


def measure(data: Path, source: str, location: str, scratch: Path) -> dict[str, object]:
    measured: dict[str, object] = {}
    measured["papers"] = run(measured, "ingest", data, "ingest", source, location)["added"]
    run(measured, "ingest_again", data, "ingest", source, location)
    first = run(measured, "first_build", data, "build")
    measured |= {"index": first["index"], "recall": first["recall"], "texts": first["embedded"]}
    nothing = run(measured, "nothing_changed_build", data, "build")
    if nothing["published"] or nothing["embedded"]:
        raise SystemExit("A build with nothing changed did something.")
    new = scratch / "new.jsonl"
    new.write_text(
        "".join(json.dumps(new_paper(number)) + "\n" for number in range(NEW_PAPERS)), encoding="utf-8"
    )
    run(measured, "ingest_100_new", data, "ingest", "jsonl", str(new))
    run(measured, "build_100_new", data, "build")
    found = run(measured, "search_new", data, "search", new_paper(7)["title"], "-k", "1")
    # its 24 sisters differ from it by a number alone
    measured["new_paper_found_first"] = str(found["results"][0]["id"]).startswith("bench-new-")
    baseline = baseline_seconds(data, int(first["embedded"]))
    measured["baseline_encoding_s"] = baseline
    measured["first_build_ratio"] = baseline / float(str(measured["first_build_s"]))
    return measured


def new_paper(number: int) -> dict[str, object]:
    kinds = ("shepherding robots", "sourdough starters", "harbour pilots", "lichen growth")
    title = f"Conversational guidance for {kinds[number % 4]}, study number {number}"
    return {
        "id": f"bench-new-{number}",
        "title": title,
        "abstract": f"{title}: an abstract of its own. " * 10,
    }


def run(measured: dict[str, object], name: str, data: Path, *command: str) -> dict[str, object]:
    """Run one command; note its seconds and its peak resident memory in megabytes."""
    started = time.perf_counter()
    whole = [sys.executable, "-m", "recsys.cli", "--data", str(data), *command, "--json"]
    process = subprocess.Popen(whole, stdout=subprocess.PIPE)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(whole)} ended with {process.returncode}.")
    measured[f"{name}_s"] = time.perf_counter() - started
    measured[f"{name}_peak_mb"] = usage.ru_maxrss / 1024
    return dict(json.loads(output))


def baseline_seconds(data: Path, texts: int) -> float:
    from sentence_transformers import SentenceTransformer

    from recsys.embedding.weights import locate

    with opened(Settings.load(data)) as deployment:
        spec = deployment.spec()
        rows = [row for batch in deployment.papers.scan() for row in batch]
        sample = random.Random(1).sample(rows, min(BASELINE_TEXTS, len(rows)))
    model = SentenceTransformer(str(locate(spec)), device="cpu")
    chosen = [embedding_text(spec, row.title, row.abstract, row.keywords) for row in sample]
    model.encode(chosen[:32])
    started = time.perf_counter()
    model.encode(chosen)
    return (time.perf_counter() - started) / len(chosen) * texts


if __name__ == "__main__":
    main()
