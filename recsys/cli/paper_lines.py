"""Papers on a terminal: ranked ones with their reasons, and one in full."""

from __future__ import annotations

from rich.text import Text

from recsys.api.answers import AnswerOut, answer_members
from recsys.cli.console import out, print_fields, print_json
from recsys.cli.reasons import in_words, listed
from recsys.cli.topic_words import chain
from recsys.records import Author, Paper
from recsys.service import Answer, PaperDetail

AUTHORS_SHOWN = 4
INDENT = " " * 12
NOT_CLOSE = "Nothing in the corpus is close to this. These papers are merely the least distant."
TOPICS = "Topics: "


def print_answer(
    answer: Answer, as_json: bool, members: frozenset[str] | None, *, name_query: bool = False
) -> None:
    """Ranked papers.

    Args:
        answer: the service's.
        as_json: as the API gives it.
        members: of a result to print as JSON, None for all.
        name_query: say which paper the sentence on the other side is from.
    """
    if as_json:
        print_json(AnswerOut.of(answer).model_dump(include=answer_members(members)))
        return
    if not answer.results:
        out.print("No paper passes these filters.")
        return
    if not answer.close:
        out.print(NOT_CLOSE)
    if topics := chain(answer.topics, out.width - len(TOPICS)):
        out.print(Text.assemble((TOPICS, "dim"), topics))
    for rank, scored in enumerate(answer.results, start=1):
        print_title(f"{rank:>3}  {percent(scored.strength)}  ", scored.paper)
        why = in_words(scored.reason, out.width - len(INDENT), name_query=name_query)
        if why:
            out.print(Text(INDENT + why, style="dim"))


def print_title(before: str, paper: Paper) -> None:
    """Two lines: the title after what stands before it; authors, venue, year and id."""
    out.print(Text.assemble((before, "dim"), (paper.title, "bold")))
    where = " ".join(str(part) for part in (paper.venue, paper.year) if part is not None)
    line = " · ".join(part for part in (names(paper.authors), where, paper.id) if part)
    out.print(Text(INDENT + line, style="dim"))


def print_paper(detail: PaperDetail) -> None:
    """One paper in full."""
    paper = detail.paper
    out.print(Text(paper.title, style="bold"))
    print_fields(
        {
            "authors": "; ".join(_slot(author) for author in paper.authors),
            "venue": paper.venue,
            "date": paper.date or (str(paper.year) if paper.year else None),
            "id": paper.id,
            "doi": paper.doi,
            "arxiv": paper.arxiv_id,
            "url": paper.url,
            "keywords": "; ".join(paper.keywords),
            "topics": chain(detail.topics, out.width - 10),
            "versions": ", ".join(detail.versions),
            "source": paper.source,
        }
    )
    out.print(Text("\n" + (paper.abstract or "No abstract.")))


def percent(strength: float) -> str:
    """A strength as people read it, always as wide."""
    return f"{strength * 100:>3.0f} %"


def names(authors: tuple[Author, ...]) -> str:
    """The first few names of a list of authors, and how many more."""
    return listed([author.name for author in authors], AUTHORS_SHOWN)


def _slot(author: Author) -> str:
    return f"{author.name} ({author.affiliation})" if author.affiliation else author.name
