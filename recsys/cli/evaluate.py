"""``recsys evaluate``: how good the ranking is on one's own labels, or on tasks made from the corpus."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from recsys.build import stages
from recsys.build.ingest import ingest
from recsys.build.lock import writing
from recsys.cli.console import Progress, Stages, err, out, print_json
from recsys.deployment import Deployment, opened
from recsys.errors import InvalidRequest
from recsys.evaluation import harness, splits
from recsys.evaluation.datasets import Corpus, Entry, Judgements, parse_judgements
from recsys.evaluation.harness import Report
from recsys.evaluation.metrics import METRICS, RESAMPLES, Estimate
from recsys.evaluation.splits import Pool, Task
from recsys.records import Paper
from recsys.service import Service
from recsys.settings import Settings
from recsys.sources.base import Record, existing, source
from recsys.sources.lines import read_lines

app = typer.Typer(help="Measure the ranking. See docs/evaluation.md.", no_args_is_help=True)

MARKER = "evaluation.json"
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
    with _deployment(context.obj, corpus, work, named) as deployment:
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


# -- a deployment of the evaluation's own --------------------------------------------------------------------------


@contextmanager
def _deployment(
    settings: Settings, corpus: Path | None, work: Path | None, named: frozenset[str] | None
) -> Iterator[Deployment]:
    """The deployment to evaluate in: that of the settings, or one made of the papers in a file.

    Args:
        settings: of the deployment that --data names; model and arithmetic are taken from it.
        corpus: JSON lines, or None.
        work: where to keep the deployment made of them, or None to delete it afterwards.
        named: ids of the papers to take from the file, or None for all.
    """
    if corpus is None:
        with opened(settings) as deployment:
            yield deployment
        return
    existing(corpus, directory=False)
    with tempfile.TemporaryDirectory(prefix="recsys-evaluate-") as temporary:
        folder = Path(temporary) if work is None else work
        _claim(folder, corpus, named)
        _share_models(settings, folder)
        with opened(settings.model_copy(update={"data": folder, "database_url": None})) as deployment:
            _fill(deployment, corpus, named)
            yield deployment


def _claim(folder: Path, corpus: Path, named: frozenset[str] | None) -> None:
    """Mark a folder as made from this file and these ids; refuse one that holds anything else.

    Raises:
        InvalidRequest: the folder holds other papers, which would be ranked too, or another deployment.
    """
    marker = folder / MARKER
    with corpus.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    chosen = "all" if named is None else hashlib.sha256("\0".join(sorted(named)).encode()).hexdigest()
    made_of = f'{{"corpus": "{content}", "papers": "{chosen}"}}\n'
    if marker.exists() and marker.read_text(encoding="utf-8") == made_of:
        return
    if folder.exists() and any(folder.iterdir()):
        raise InvalidRequest(
            f"{folder} was not made from {corpus} and these labels.",
            hint="Name an empty or new folder with --work.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    marker.write_text(made_of, encoding="utf-8")


def _share_models(settings: Settings, folder: Path) -> None:
    """Let the deployment in ``folder`` use the model specs and compiled models that are there already."""
    link = folder / "models"
    if not link.exists():
        settings.models.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)  # it leads to a deployment that is gone
        link.symlink_to(settings.models.absolute(), target_is_directory=True)


def _fill(deployment: Deployment, corpus: Path, named: frozenset[str] | None) -> None:
    """Ingest and build; what is there already is not done again."""
    settings = deployment.settings
    with writing(settings.lock, "recsys evaluate"):
        with Progress(f"Reading {corpus.name}", "records") as shown:
            records = source("jsonl").read(corpus, progress=shown.update)
            report = ingest(
                deployment.database,
                _chosen(records, named),
                label="evaluate",
                rejects=settings.rejects,
                on_records=lambda read, _: shown.count(read),
            )
        if report.rejected:
            first = report.first_rejects[0]
            err.print(
                f"{report.rejected:,} records of {corpus} are no papers, the first at {first.position}: {first.reason}",
                markup=False,
            )
        with Stages("texts") as shown:
            stages.build(
                deployment.papers,
                deployment.vectors,
                deployment.snapshots,
                deployment.embedder(),
                exact_limit=settings.exact_limit,
                keep_snapshots=settings.keep_snapshots,
                threads=settings.threads,
                on_progress=shown.update,
            )


def _chosen(records: Iterator[Record], named: frozenset[str] | None) -> Iterator[Record]:
    return (r for r in records if named is None or not isinstance(r, Paper) or r.id in named)


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
