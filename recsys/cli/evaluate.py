"""``recsys evaluate related``: how good the ranking is on one's own labels, or on tasks made from the corpus."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from recsys.cli.console import Progress, err, out, print_json
from recsys.cli.evaluate_topics import topics
from recsys.cli.evaluation_corpus import evaluated_deployment
from recsys.deployment import Deployment
from recsys.evaluation import harness, splits
from recsys.evaluation.datasets import Corpus, Entry, Judgements, parse_judgements
from recsys.evaluation.harness import Report
from recsys.evaluation.metrics import METRICS, RESAMPLES, Estimate
from recsys.evaluation.splits import Pool, Task
from recsys.service import Service
from recsys.sources.base import existing
from recsys.sources.lines import read_lines

app = typer.Typer(help="Measure the ranking and the topics. See docs/evaluation.md.", no_args_is_help=True)
app.command("topics")(topics)

PAGE = 2_000
#: Queries drawn by default where the corpus itself is the source of the task: every paper could be one.
SELF_SUPERVISED_QUERIES = 1_000


@app.command("related")
def related(
    context: typer.Context,
    qrels: Annotated[
        Path | None,
        typer.Option(
            help="Labels: TREC qrels, or CSV pairs with the header citing,cited or query,relevant[,grade]; plain, .gz or .zst."
        ),
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option(help="Evaluate on these papers (JSON lines) instead of the deployment's."),
    ] = None,
    pool: Annotated[
        Pool | None,
        typer.Option(
            help="Papers ranked for a query: those judged for it, those in the file, or all. "
            "Default: query if the file has a grade of 0, else qrels."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="title|year:YYYY",
            help="Without labels: title asks for its paper, or the papers of YYYY and later for the earlier ones by two "
            "of their authors. With labels, year:YYYY has later papers ask and earlier ones ranked.",
        ),
    ] = None,
    queries: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"How many queries to draw. Default: all with labels, {SELF_SUPERVISED_QUERIES:,} without.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawing and of the bootstrap.")] = 0,
    min_relevant: Annotated[
        int, typer.Option(min=1, help="Leave out queries with fewer relevant papers.")
    ] = 1,
    work: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help="With --corpus: keep the deployment made of it here, for the next time."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")] = False,
) -> None:
    """Measure related papers: dense, lexical, fused, and re-ranked, each with 95 % intervals."""
    by_title, year = _split(split)
    if qrels is None and split is None:
        raise typer.BadParameter("Give --qrels FILE, or --split title or --split year:YYYY.")
    if by_title and qrels is not None:
        raise typer.BadParameter("--split title makes its own labels: leave out --qrels.")
    if qrels is None and pool is not None:
        raise typer.BadParameter("--pool goes with --qrels.")
    if work is not None and corpus is None:
        raise typer.BadParameter("--work goes with --corpus.")
    judgements = None if qrels is None else _judgements(qrels)
    if judgements is not None and pool is None:
        pool = splits.default_pool(judgements)
    named = None if judgements is None or pool == "corpus" else judgements.papers
    with evaluated_deployment(context.obj, corpus, work, named) as deployment:
        papers = _corpus(deployment)
        task = _task(judgements, papers, pool, year, min_relevant)
        wanted = queries if queries or judgements else SELF_SUPERVISED_QUERIES
        task = task if wanted is None else splits.sample(task, wanted, seed)
        with Progress("Ranking", "queries") as shown:
            ranker: harness.Ranker = deployment.service
            if judgements is None:
                ranker = _WithoutAuthors(deployment.service)
            report = harness.evaluate(ranker, task, seed=seed, on_query=shown.update)
    if as_json:
        print_json(_as_json(report, len(papers), seed))
    else:
        _print(report, len(papers))


@dataclass(frozen=True, slots=True)
class _WithoutAuthors:
    """Ranks without counting shared authors, which the labels of a split are made of."""

    service: Service

    def rank(
        self, query: str, *, candidates: Sequence[str] | None, k: int, method: harness.Method
    ) -> list[tuple[str, float]]:
        return self.service.rank(query, candidates=candidates, k=k, method=method, authors=False)

    def rank_text(
        self, text: str, *, candidates: Sequence[str] | None, k: int, method: harness.Method
    ) -> list[tuple[str, float]]:
        return self.service.rank_text(text, candidates=candidates, k=k, method=method)


def _split(split: str | None) -> tuple[bool, int | None]:
    """Whether to split by title, and the year to split at."""
    if split is None or split == "title":
        return split == "title", None
    match = re.fullmatch(r"year:([0-9]{4})", split)
    if match is None:
        raise typer.BadParameter(f"--split is {split!r}; use title or year:YYYY, such as year:2019.")
    return False, int(match[1])


def _judgements(path: Path) -> Judgements:
    with Progress("Reading labels", "bytes") as shown:
        return parse_judgements(read_lines(existing(path, directory=False), progress=shown.update), str(path))


def _corpus(deployment: Deployment) -> Corpus:
    """The papers that the published snapshot holds and that are not withdrawn."""
    indexed = frozenset(deployment.snapshots.open().facets.ids)
    total = deployment.papers.counts().papers
    entries: list[Entry] = []
    read, after = 0, None
    with Progress("Reading papers", "papers") as shown:
        while page := deployment.papers.page(after=after, limit=PAGE):
            entries += (Entry.of(paper) for paper in page if paper.id in indexed)
            after = page[-1].id
            read += len(page)
            shown.update(read, total)
    if missing := read - len(entries):
        err.print(
            f"{missing:,} papers are not in the published snapshot and are left out: run `recsys build`."
        )
    return Corpus(entries)


def _task(
    judgements: Judgements | None, corpus: Corpus, pool: Pool | None, year: int | None, min_relevant: int
) -> Task:
    if judgements is not None:
        pool = pool or splits.default_pool(judgements)
        return splits.from_judgements(judgements, corpus, pool=pool, year=year, min_relevant=min_relevant)
    if year is not None:
        return splits.from_shared_authors(corpus, year=year, min_relevant=min_relevant)
    return splits.from_titles(corpus)


# -- printing ------------------------------------------------------------------------------------------------------


def _metric_names(report: Report) -> dict[str, str]:
    """Metric → the name that says how deep it looked."""
    return {name: f"MAP@{report.depth}" if name == "MAP" and report.depth else name for name in METRICS}


def _as_json(report: Report, corpus_size: int, seed: int) -> dict[str, Any]:
    names = _metric_names(report)
    task = report.task

    def named(estimates: Any) -> dict[str, Any]:
        return {
            method: {names[metric]: asdict(estimate) for metric, estimate in by_metric.items()}
            for method, by_metric in estimates.items()
        }

    return {
        "task": task.description,
        "pool": task.pool,
        "corpus_size": corpus_size,
        "pool_size": asdict(report.pool_sizes),
        "queries": len(task.queries),
        "usable_queries": task.population,
        "relevant_per_query": report.relevant,
        "depth": report.depth,
        "percent_cut_short": report.percent_cut_short,
        "left_out": asdict(task.left_out),
        "bootstrap": {"resamples": RESAMPLES, "confidence": 0.95, "seed": seed},
        "methods": named(report.methods),
        "gains_over_better_part": named(report.gains),
    }


def _print(report: Report, corpus_size: int) -> None:
    task, sizes, left = report.task, report.pool_sizes, report.task.left_out
    drawn = "" if len(task.queries) == task.population else f" drawn from {task.population:,}"
    ranked = (
        f"{sizes.smallest:,}"
        if sizes.smallest == sizes.largest
        else f"{sizes.smallest:,} to {sizes.largest:,}"
    )
    out.print(f"Task: {task.description}.", markup=False)
    out.print(
        f"{len(task.queries):,} queries{drawn}, {report.relevant:.1f} relevant papers each; "
        f"{ranked} papers ranked for a query, of {corpus_size:,} in the corpus."
    )
    out.print(
        f"Left out: {left.queries_not_in_corpus:,} queries not in the corpus, {left.queries_not_fitting:,} not fitting, "
        f"{left.queries_with_too_few:,} with too few relevant papers; relevant papers: "
        f"{left.relevant_not_in_corpus:,} not in the corpus, {left.relevant_not_in_pool:,} outside of the pool, "
        f"{left.relevant_same_work:,} the query's own work."
    )
    if report.depth is not None:
        out.print(
            f"Rankings are cut at {report.depth:,}; so is nDCG%20 for {report.percent_cut_short:,} queries, "
            "below 20 % of their pool."
        )
    table = Table(
        title=f"Mean over queries [95 % interval of {RESAMPLES:,} bootstrap resamples]; better: of dense and lexical",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("method", no_wrap=True)
    for name in _metric_names(report).values():
        table.add_column(name, overflow="fold", min_width=9)  # an interval on two lines in 80 columns
    for method, estimates in report.methods.items():
        table.add_row(method, *(_cell(estimates[metric]) for metric in METRICS))
    table.add_section()
    for method, estimates in report.gains.items():
        table.add_row(f"{method} - better", *(_cell(estimates[metric], "+") for metric in METRICS))
    out.print(table)


def _cell(estimate: Estimate, sign: str = "") -> Text:
    if estimate.low is None or estimate.high is None:
        return Text(f"{estimate.value:{sign}.3f}")
    return Text(f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]")
