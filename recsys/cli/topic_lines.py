"""One topic in full, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from recsys.cli.console import out, print_fields
from recsys.cli.paper_lines import print_title
from recsys.cli.topic_words import edit_in_words, trend_in_full, trend_in_words
from recsys.records import Topic
from recsys.service import TopicDetail

YEARS = 20  # bars; what came before is one more
BAR = 40  # columns of the longest
PAPERS = 5  # at the centre
PEOPLE = 8


def print_topic(detail: TopicDetail) -> None:
    """Everything about one topic."""
    topic = detail.topic
    if detail.asked is not None:
        out.print(Text(f"{detail.asked} has become part of {topic.id}."))
    out.print(Text(topic.name, style="bold"))
    print_fields(
        {
            "id": topic.id,
            "level": str(topic.level),
            "within": " › ".join(f"{parent.name} ({parent.id})" for parent in detail.parents),
            "papers": f"{topic.size:,}",
            "terms": ", ".join(topic.terms),
            "trend": trend_in_full(topic.trend),
            "authors": ", ".join(f"{author.name} {author.papers}" for author in detail.authors[:PEOPLE]),
            "venues": ", ".join(f"{name} {papers}" for name, papers in detail.venues[:PEOPLE]),
            "formerly": ", ".join(topic.aliases),
        }
    )
    if detail.children:
        _heading("Sub-topics")
        _print_children(detail.children)
    if detail.exemplars:
        _heading("Papers at its centre")
        for paper in detail.exemplars[:PAPERS]:
            print_title("  ", paper)
    if topic.years:
        _heading("Papers a year")
        _print_years(topic.years)
    if detail.edits:
        _heading("Editors decided")
        for edit in detail.edits:
            note = f": {edit.note}" if edit.note else ""
            out.print(Text(f"  {edit.number}  {edit.at[:10]}  {edit_in_words(edit)}, by {edit.by}{note}"))


def year_rows(years: Sequence[tuple[int, int]]) -> list[tuple[str, int]]:
    """(year, papers) of the last years one by one, years without papers among them, and before them all earlier ones."""
    counts = dict(years)
    first, last = min(counts), max(counts)
    since = max(first, last - YEARS + 1)
    earlier = sum(papers for year, papers in years if year < since)
    rows = [(f"–{since - 1}", earlier)] if earlier else []
    return [*rows, *((str(year), counts.get(year, 0)) for year in range(since, last + 1))]


def _heading(text: str) -> None:
    out.print(Text(f"\n{text}", style="dim"))


def _print_children(children: Sequence[Topic]) -> None:
    table = Table.grid(padding=(0, 2))
    for style, side in (("", "left"), ("dim", "left"), ("", "right"), ("", "left")):
        table.add_column(style=style, justify="right" if side == "right" else "left", no_wrap=True)
    for child in children:
        name = Text(f"  {child.name}")
        table.add_row(name, child.id, f"{child.size:,}", trend_in_words(child.trend))
    out.print(table)


def _print_years(years: Sequence[tuple[int, int]]) -> None:
    rows = year_rows(years)
    # earlier years together are no year: their bar must not shorten the others'
    most = max(papers for year, papers in rows if not year.startswith("–"))
    table = Table.grid(padding=(0, 1))
    for _ in range(2):
        table.add_column(justify="right")
    table.add_column()
    for year, papers in rows:
        bar = Text("") if year.startswith("–") else Bar(most, 0, papers, width=BAR)
        table.add_row(f"  {year}", f"{papers:,}", bar)
    out.print(table)
