"""Questions: ``recsys search``, ``related``, ``show``, ``status``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from recsys.api.schemas import AnswerOut, PaperDetailOut, StatusOut
from recsys.cli.console import out, print_json
from recsys.deployment import opened
from recsys.errors import InvalidRequest
from recsys.records import Author
from recsys.service import Answer, Filters, PaperDetail, Status

K = Annotated[int, typer.Option("-k", "--count", help="How many papers.")]
YearFrom = Annotated[int | None, typer.Option(help="First year, inclusive.")]
YearTo = Annotated[int | None, typer.Option(help="Last year, inclusive.")]
Venue = Annotated[str | None, typer.Option(help="A venue's name, in any case.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
PaperId = Annotated[str, typer.Argument(metavar="PAPER_ID", help="The paper's id.")]

AUTHORS_SHOWN = 4


def search(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(metavar="TEXT", help="An abstract, a title or a few words; - reads standard input."),
    ],
    k: K = 10,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    venue: Venue = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers near a text."""
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    limit = context.obj.text_limit
    if len(text) > limit:
        raise InvalidRequest(
            f"The text has {len(text)} characters; the limit is {limit}.",
            hint="Give the abstract or a part of the text, or raise text_limit in the settings.",
        )
    with opened(context.obj) as deployment:
        answer = deployment.service.search(text, k=k, filters=Filters(year_from, year_to, venue))
    _print_answer(answer, as_json)


def related(
    context: typer.Context,
    paper_id: PaperId,
    k: K = 10,
    year_from: YearFrom = None,
    year_to: YearTo = None,
    venue: Venue = None,
    as_json: AsJson = False,
) -> None:
    """Find the papers related to one paper."""
    with opened(context.obj) as deployment:
        answer = deployment.service.related(paper_id, k=k, filters=Filters(year_from, year_to, venue))
    _print_answer(answer, as_json)


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


def _print_answer(answer: Answer, as_json: bool) -> None:
    if as_json:
        print_json(AnswerOut.of(answer).model_dump())
        return
    if not answer.results:
        out.print("No paper passes these filters.")
        return
    for rank, scored in enumerate(answer.results, start=1):
        paper = scored.paper
        out.print(Text.assemble((f"{rank:>3}  {scored.score:.3f}  ", "dim"), (paper.title, "bold")))
        where = " ".join(str(part) for part in (paper.venue, paper.year) if part is not None)
        line = " · ".join(part for part in (names(paper.authors), where, paper.id) if part)
        out.print(Text(f"            {line}", style="dim"))


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
    shown = ", ".join(author.name for author in authors[:AUTHORS_SHOWN])
    more = len(authors) - AUTHORS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _slot(author: Author) -> str:
    return f"{author.name} ({author.affiliation})" if author.affiliation else author.name
