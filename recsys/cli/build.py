"""``recsys build``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from recsys.build import stages
from recsys.build.lock import writing
from recsys.build.topics import TopicOptions
from recsys.cli.console import Stages, err, print_json
from recsys.cli.namer import namer
from recsys.deployment import Deployment, opened
from recsys.embedding.models import embedding_text

CALIBRATION_TEXTS = 200


def build(
    context: typer.Context,
    recluster: Annotated[
        bool,
        typer.Option(
            "--recluster",
            help="Find topics again although the corpus has changed little; they keep their ids.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Embed what changed, index all papers, find topics, and publish a new snapshot.

    Safe to stop at any moment and to run again; the snapshot before keeps answering meanwhile.
    """
    started = time.monotonic()
    settings = context.obj
    with (
        opened(settings) as deployment,
        writing(settings.lock, "recsys build"),
        namer(settings) as names,
    ):
        embedder = deployment.embedder(lambda: _calibration_texts(deployment))
        with Stages("texts", {"Topics": "steps", "Map": "steps"}) as shown:
            report = stages.build(
                deployment.papers,
                deployment.vectors,
                deployment.snapshots,
                embedder,
                exact_limit=settings.exact_limit,
                keep_snapshots=settings.keep_snapshots,
                threads=settings.threads,
                topics=TopicOptions(
                    counts=settings.topic_counts,
                    seed=settings.topic_seed,
                    anew=recluster,
                    namer=names,
                    edits=deployment.topic_edits.all(),
                ),
                on_progress=shown.update,
            )
    seconds = round(time.monotonic() - started, 1)
    manifest = report.manifest
    if as_json:
        print_json(
            {
                "snapshot": manifest.name,
                "published": report.published,
                "papers": manifest.papers,
                "embedded": report.embedded,
                "index": manifest.dense.kind,
                "recall": manifest.dense.recall,
                "topics": list(manifest.topics),
                "pruned": list(report.pruned),
                "seconds": seconds,
            }
        )
        return
    if not report.published:
        err.print(
            f"Nothing changed: {manifest.name} is up to date with {manifest.papers:,} papers ({seconds} s)."
        )
        return
    kind = "exact" if manifest.dense.kind == "flat" else f"HNSW, recall {manifest.dense.recall:.3f}"
    topics = " / ".join(f"{count:,}" for count in manifest.topics)
    err.print(
        f"Published {manifest.name}: {manifest.papers:,} papers, {report.embedded:,} texts embedded, "
        f"{kind} index, {topics} topics, {seconds} s."
    )


def _calibration_texts(deployment: Deployment) -> Sequence[str]:
    """Texts spread over the corpus by id, of papers with an abstract if there are enough; the same ones each time."""
    spec = deployment.spec()
    rows = [row for batch in deployment.papers.scan() for row in batch]
    with_abstract = [row for row in rows if row.abstract]
    chosen = with_abstract if len(with_abstract) >= CALIBRATION_TEXTS else rows
    step = max(1, len(chosen) // CALIBRATION_TEXTS)
    return [
        embedding_text(spec, row.title, row.abstract, row.keywords)
        for row in itertools.islice(chosen, 0, step * CALIBRATION_TEXTS, step)
    ]
