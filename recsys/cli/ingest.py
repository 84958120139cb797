"""``recsys ingest``: one command a source."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from recsys.build.ingest import IngestReport, place
from recsys.build.ingest import ingest as ingest_records
from recsys.build.lock import writing
from recsys.cli.console import Progress as Shown
from recsys.cli.console import err, print_json
from recsys.deployment import opened
from recsys.sample import sample_path
from recsys.settings import Settings
from recsys.sources import acl_anthology, arxiv, openalex
from recsys.sources.base import Progress, Record, source

app = typer.Typer(
    help="Read papers into the store. Ingesting the same again changes nothing.", no_args_is_help=True
)

Strict = Annotated[bool, typer.Option(help="Stop at the first bad record and write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files to read.")]
MaxResults = Annotated[int, typer.Option(min=1, help="With --query: how many records to fetch at most.")]

Reader = Callable[[Progress], Iterable[Record]]


@app.command("jsonl")
def jsonl(context: typer.Context, files: Files, strict: Strict = False, as_json: AsJson = False) -> None:
    """JSON lines, plain, .gz or .zst; the format is in docs/sources.md."""
    _run(context.obj, "jsonl", _reader("jsonl", files), strict, as_json)


@app.command("sample")
def sample(context: typer.Context, strict: Strict = False, as_json: AsJson = False) -> None:
    """The small corpus that comes with the package: facts about ACL Anthology papers."""
    _run(context.obj, "jsonl", _reader("jsonl", [sample_path()]), strict, as_json)


@app.command("acl-anthology")
def acl(
    context: typer.Context,
    directory: Annotated[
        Path | None,
        typer.Argument(help="Directory in the official layout (data/xml, data/yaml).", file_okay=False),
    ] = None,
    clone: Annotated[
        bool, typer.Option(help="Fetch the official repository instead (needs the network).")
    ] = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """The ACL Anthology's own files."""
    if clone == (directory is not None):
        raise typer.BadParameter("Give either a directory or --clone.")
    if directory is None:
        directory = acl_anthology.fetch_repository(context.obj.data / "acl-anthology")
    _run(context.obj, "acl-anthology", _reader("acl-anthology", [directory]), strict, as_json)


@app.command("arxiv")
def arxiv_(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Snapshot files.")] = None,
    query: Annotated[
        str | None, typer.Option(help="Ask the API instead, e.g. 'cat:cs.CL' (needs the network).")
    ] = None,
    max_results: MaxResults = 1000,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """ArXiv's public metadata snapshot (JSON lines), or its API."""
    reader = _files_or_query("arxiv", files, query, lambda text: _ask_arxiv(text, max_results))
    _run(context.obj, "arxiv", reader, strict, as_json)


@app.command("openalex")
def openalex_(
    context: typer.Context,
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE...", help="Snapshot files.")] = None,
    query: Annotated[
        str | None, typer.Option(help="Ask the API instead: words to search (needs the network).")
    ] = None,
    max_results: MaxResults = 1000,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """OpenAlex works as JSON lines, or its API."""
    reader = _files_or_query("openalex", files, query, lambda text: _ask_openalex(text, max_results))
    _run(context.obj, "openalex", reader, strict, as_json)


@app.command("bibtex")
def bibtex(context: typer.Context, files: Files, strict: Strict = False, as_json: AsJson = False) -> None:
    """BibTeX as reference managers export it."""
    _run(context.obj, "bibtex", _reader("bibtex", files), strict, as_json)


@app.command("openreview")
def openreview(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Directory with archives/ and submissions.")],
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """OpenReview's expertise files: archives/*.jsonl and submissions."""
    _run(context.obj, "openreview", _reader("openreview", [directory]), strict, as_json)


def _ask_arxiv(query: str, max_results: int) -> Iterator[Record]:
    from arxiv import Client  # the network clients are imported only when they are asked

    return arxiv.fetch_query(Client(page_size=100), query, max_results)


def _ask_openalex(words: str, max_results: int) -> Iterator[Record]:
    from pyalex import Works

    return openalex.fetch_query(Works().search(words), max_results)


def _reader(name: str, locations: list[Path]) -> Reader:
    def read(on_progress: Progress) -> Iterator[Record]:
        for location in locations:
            yield from source(name).read(location, progress=on_progress)

    return read


def _files_or_query(
    name: str, files: list[Path] | None, query: str | None, fetch: Callable[[str], Iterable[Record]]
) -> Reader:
    if bool(files) == (query is not None):
        raise typer.BadParameter("Give either files or --query.")
    return _reader(name, files or []) if query is None else lambda _: fetch(query)


def _run(settings: Settings, name: str, reader: Reader, strict: bool, as_json: bool) -> None:
    started = time.monotonic()
    with (
        opened(settings) as deployment,
        writing(settings.lock, f"recsys ingest {name}"),
        Shown(f"Reading {name}", "records") as shown,
    ):
        report = ingest_records(
            deployment.database,
            reader(shown.update),
            label=name,
            rejects=settings.rejects,
            strict=strict,
            on_records=lambda read, _: shown.count(read),
        )
    seconds = round(time.monotonic() - started, 1)
    if as_json:
        print_json(_as_json(report, seconds))
    _summarise(report, seconds)


def _as_json(report: IngestReport, seconds: float) -> dict[str, Any]:
    return {
        "read": report.read,
        **asdict(report.counts),
        "rejected": report.rejected,
        "rejects_file": report.rejects_file and str(report.rejects_file),
        "reasons_file": report.reasons_file and str(report.reasons_file),
        "first_rejects": [
            {"location": r.location, "position": r.position, "reason": r.reason} for r in report.first_rejects
        ],
        "seconds": seconds,
    }


def _summarise(report: IngestReport, seconds: float) -> None:
    for rejected in report.first_rejects:
        err.print(
            f"[red]rejected[/red] {escape(f'{rejected.location}, {place(rejected)}: {rejected.reason}')}"
        )
    if report.rejected > len(report.first_rejects):
        err.print(f"… and {report.rejected - len(report.first_rejects):,} more.")
    counts = report.counts
    err.print(
        f"{report.read:,} records in {seconds} s: {counts.added:,} added, {counts.updated:,} updated, "
        f"{counts.unchanged:,} unchanged, {report.rejected:,} rejected."
    )
    if report.rejects_file:
        err.print(f"Rejected records: {report.rejects_file}; reasons: {report.reasons_file}", markup=False)
