"""Questions: ``recsys search``, ``related``, ``show``, ``status``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from recsys.api.answers import AnswerOut, answer_members, result_fields
from recsys.api.schemas import PaperDetailOut, StatusOut
from recsys.cli import batch
from recsys.cli.console import Progress, err, out, print_json
from recsys.cli.reasons import in_words, listed
from recsys.deployment import opened
from recsys.records import Author
from recsys.service import Answer, Filters, Options, PaperDetail, Status
from recsys.settings import Settings
from recsys.sources.lines import read_lines

K = Annotated[int, typer.Option("-k", "--count", help="How many papers.")]
YearFrom = Annotated[int | None, typer.Option(help="First year, inclusive.")]
YearTo = Annotated[int | None, typer.Option(help="Last year, inclusive.")]
Venue = Annotated[str | None, typer.Option(help="A venue's name, in any case.")]
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

AUTHORS_SHOWN = 4
INDENT = " " * 12
NOT_CLOSE = "Nothing in the corpus is close to this. These papers are merely the least distant."


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
    filters, options = Filters(year_from, year_to, venue), Options(recency, diversity)
    with opened(context.obj) as deployment:
        answer = deployment.service.search(text, k=k, filters=filters, options=options)
    _print_answer(answer, as_json, members)


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
    filters, options = Filters(year_from, year_to, venue), Options(recency, diversity)
    with opened(context.obj) as deployment:
        answer = deployment.service.related_to(paper_ids, unlike or (), k=k, filters=filters, options=options)
    _print_answer(answer, as_json, members, name_query=len(set(paper_ids)) > 1)


def show(context: typer.Context, paper_id: PaperId, as_json: AsJson = False) -> None:
    """Show one paper."""
    with opened(context.obj) as deployment:
        detail = deployment.service.paper(paper_id)
    if as_json:
        print_json(PaperDetailOut.of_detail(detail).model_dump())
    else:
        _print_paper(detail)


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what the deployment holds and which snapshot answers."""
    with opened(context.obj) as deployment:
        found = deployment.service.status()
    if as_json:
        print_json(StatusOut.of(found).model_dump())
    else:
        _print_status(found)


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


def _print_answer(
    answer: Answer, as_json: bool, members: frozenset[str] | None, *, name_query: bool = False
) -> None:
    if as_json:
        print_json(AnswerOut.of(answer).model_dump(include=answer_members(members)))
        return
    if not answer.results:
        out.print("No paper passes these filters.")
        return
    if not answer.close:
        out.print(NOT_CLOSE)
    for rank, scored in enumerate(answer.results, start=1):
        paper = scored.paper
        strength = f"{rank:>3}  {scored.strength * 100:>3.0f} %  "
        out.print(Text.assemble((strength, "dim"), (paper.title, "bold")))
        where = " ".join(str(part) for part in (paper.venue, paper.year) if part is not None)
        line = " · ".join(part for part in (names(paper.authors), where, paper.id) if part)
        out.print(Text(INDENT + line, style="dim"))
        why = in_words(scored.reason, out.width - len(INDENT), name_query=name_query)
        if why:
            out.print(Text(INDENT + why, style="dim"))


def _print_paper(detail: PaperDetail) -> None:
    paper = detail.paper
    out.print(Text(paper.title, style="bold"))
    _print_fields(
        {
            "authors": "; ".join(_slot(author) for author in paper.authors),
            "venue": paper.venue,
            "date": paper.date or (str(paper.year) if paper.year else None),
            "id": paper.id,
            "doi": paper.doi,
            "arxiv": paper.arxiv_id,
            "url": paper.url,
            "keywords": "; ".join(paper.keywords),
            "versions": ", ".join(detail.versions),
            "source": paper.source,
        }
    )
    out.print(Text("\n" + (paper.abstract or "No abstract.")))


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
    _print_fields(fields)


def _print_fields(fields: dict[str, str | None]) -> None:
    """A line a field that has a value; not a table, which would break long values where there is no terminal."""
    for name, value in fields.items():
        if value:
            out.print(Text.assemble((f"{name:<9} ", "dim"), value))


def names(authors: tuple[Author, ...]) -> str:
    """The first few names of a list of authors, and how many more."""
    return listed([author.name for author in authors], AUTHORS_SHOWN)


def _slot(author: Author) -> str:
    return f"{author.name} ({author.affiliation})" if author.affiliation else author.name
