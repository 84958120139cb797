"""Questions: ``recsys search``, ``related``, ``show``, ``status``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from recsys.api.answers import result_fields
from recsys.api.schemas import PaperDetailOut, StatusOut
from recsys.cli import batch
from recsys.cli.console import Progress, err, print_fields, print_json
from recsys.cli.paper_lines import print_answer, print_paper
from recsys.cli.topic_words import topic_named
from recsys.deployment import opened
from recsys.service import Filters, Options, Service, Status
from recsys.settings import Settings
from recsys.sources.lines import read_lines

K = Annotated[int, typer.Option("-k", "--count", help="How many papers.")]
YearFrom = Annotated[int | None, typer.Option(help="First year, inclusive.")]
YearTo = Annotated[int | None, typer.Option(help="Last year, inclusive.")]
Venue = Annotated[str | None, typer.Option(help="A venue's name, in any case.")]
InTopic = Annotated[
    str | None,
    typer.Option(
        "--topic", metavar="TOPIC", help="A topic's id or name: papers that belong to it, be it less."
    ),
]
Recency = Annotated[float, typer.Option(help="0 to 1: how much newer papers are preferred.")]
Diversity = Annotated[
    float, typer.Option(help="0 to 1: how much papers that are like a better one stand back.")
]
Fields = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="With --json: members of a result to print; id is always there. Default: all.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
PaperId = Annotated[str, typer.Argument(metavar="PAPER_ID", help="The paper's id.")]


def search(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="TEXT",
            help="An abstract, a title, a few words, an author's name, or a paper's id, DOI, arXiv id or address; "
            "- reads standard input.",
        ),
    ],
    k: K = 10,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    venue: Venue = None,
    topic: InTopic = None,
    recency: Recency = 0.0,
    diversity: Diversity = 0.0,
    as_json: AsJson = False,
    fields: Fields = None,
) -> None:
    """Find the papers near a text."""
    members = _members(fields, as_json)
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    batch.check_length(text, context.obj.text_limit)
    options = Options(recency, diversity)
    with opened(context.obj) as deployment:
        filters = Filters(year_from, year_to, venue, _topic_id(deployment.service, topic))
        answer = deployment.service.search(text, k=k, filters=filters, options=options)
    print_answer(answer, as_json, members)


def related(
    context: typer.Context,
    paper_ids: Annotated[
        list[str] | None, typer.Argument(metavar="PAPER_ID", help="Ids of papers to be like.")
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="PAPER_ID", help="A paper not to be like; may be repeated."),
    ] = None,
    k: K = 10,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    venue: Venue = None,
    topic: InTopic = None,
    recency: Recency = 0.0,
    diversity: Diversity = 0.0,
    as_json: AsJson = False,
    fields: Fields = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            "--batch",
            metavar="FILE",
            help="Answer a file of questions, JSON lines, plain, .gz or .zst; - reads standard input. See docs/api.md.",
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="With --batch: where the answers go; - is standard output."
        ),
    ] = None,
) -> None:
    """Find the papers related to one paper, or to several."""
    if questions is not None:
        _only_batch(context)
        if answers is None:
            raise typer.BadParameter("--batch needs --out FILE.")
        _answer_batch(context.obj, questions, answers)
        return
    if not paper_ids:
        raise typer.BadParameter("Give a PAPER_ID, or --batch FILE --out FILE.")
    if answers is not None:
        raise typer.BadParameter("--out goes with --batch.")
    members = _members(fields, as_json)
    options = Options(recency, diversity)
    with opened(context.obj) as deployment:
        filters = Filters(year_from, year_to, venue, _topic_id(deployment.service, topic))
        answer = deployment.service.related_to(paper_ids, unlike or (), k=k, filters=filters, options=options)
    print_answer(answer, as_json, members, name_query=len(set(paper_ids)) > 1)


def show(context: typer.Context, paper_id: PaperId, as_json: AsJson = False) -> None:
    """Show one paper."""
    with opened(context.obj) as deployment:
        detail = deployment.service.paper(paper_id)
    if as_json:
        print_json(PaperDetailOut.of_detail(detail).model_dump())
    else:
        print_paper(detail)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what the deployment holds and which snapshot answers."""
    with opened(context.obj) as deployment:
        found = deployment.service.status()
    if as_json:
        print_json(StatusOut.of(found).model_dump())
    else:
        _print_status(found)


def _topic_id(service: Service, topic: str | None) -> str | None:
    return None if topic is None else topic_named(service.topics.all(), topic)


def _members(fields: str | None, as_json: bool) -> frozenset[str] | None:
    """The members of a result to print, None for all."""
    if fields is None:
        return None
    if not as_json:
        raise typer.BadParameter("--fields goes with --json.")
    return result_fields(fields.split(","))


def _only_batch(context: typer.Context) -> None:
    """Refuse what --batch would pass over: every question of the file says for itself what it wants."""
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name not in ("questions", "answers") and source is not None and source.name == "COMMANDLINE":
            label = "PAPER_ID" if parameter.param_type_name == "argument" else parameter.opts[0]
            raise typer.BadParameter(f"{label} does not go with --batch.")


def _answer_batch(settings: Settings, questions: Path, answers: Path) -> None:
    with opened(settings) as deployment, batch.readable(questions) as file:
        deployment.service.check()  # what is wrong with all answers, before the first
        total = sum(1 for _ in read_lines(file))
        with Progress("Answering", "questions") as shown, batch.written_whole(answers) as written:
            found = batch.answer_lines(
                read_lines(file),
                deployment.service.answer,
                threads=settings.threads or os.cpu_count() or 1,
                text_limit=settings.text_limit,
            )
            summary = batch.write_answers(found, written, lambda done: shown.update(done, total))
    _print_summary(summary)


def _print_summary(summary: batch.Summary) -> None:
    err.print(f"{summary.answered:,} answered, {summary.refused:,} refused.")
    if summary.unknown:
        err.print(f"{summary.unknown:,} candidates are not in the corpus and were left out.")
    for number, error in summary.first:
        err.print(f"  line {number}: {error}", markup=False)
    if more := summary.refused - len(summary.first):
        err.print(f"  and {more:,} more; each has its error in the output.")


def _print_status(found: Status) -> None:
    papers = f"{found.papers:,} ({found.abstracts:,} with an abstract, {found.withdrawn:,} withdrawn)"
    fields: dict[str, str | None] = {"papers": papers, "people": f"{found.people:,}", "store": found.store}
    manifest = found.snapshot
    if manifest is None:
        fields["snapshot"] = f"none: {found.problem}"
    else:
        dense = manifest.dense
        index = "exact" if dense.kind == "flat" else f"HNSW, recall {dense.recall:.3f}"
        fields["snapshot"] = f"{manifest.name} ({manifest.papers:,} papers, {index})"
        fields["model"] = manifest.model.id
    print_fields(fields)
