"""``recsys topics``: the tree, one topic, its papers, where a text belongs, and what changed."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Annotated

import typer
from rich.text import Text

from recsys.api.schemas import on_map
from recsys.api.topic_changes import TopicChangesOut
from recsys.api.topic_papers import AssignmentOut, TopicPapersOut
from recsys.api.topics import TopicDetailOut, TopicPageOut
from recsys.cli import batch, topic_edits, topic_files
from recsys.cli.ask import AsJson
from recsys.cli.console import err, out, print_json
from recsys.cli.paper_lines import percent, print_title
from recsys.cli.topic_lines import print_topic
from recsys.cli.topic_words import (
    NO_TOPICS,
    NO_TOPICS_HINT,
    TopicName,
    change_in_words,
    topic_named,
    tree_lines,
)
from recsys.deployment import opened
from recsys.errors import InvalidRequest
from recsys.service import Assignment, TopicPage

LINES = 120  # of a tree that is shown whole unless a level is asked for
COARSEST = 2  # levels that are shown of a larger one

app = typer.Typer(help="The topics: a tree of them, what each is about, and what an editor may do.")
app.command()(topic_files.export)
app.command("map")(topic_files.draw_map)
topic_edits.register(app)


@app.callback(invoke_without_command=True)
def tree(
    context: typer.Context,
    level: Annotated[
        int | None,
        typer.Option(
            min=1, help="Leave deeper levels out; 1 is the coarsest. Default: all, or two of a large tree."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the tree of topics, the largest first: id, papers, trend and the most telling terms."""
    if context.invoked_subcommand is not None:
        if level is not None or as_json:
            raise typer.BadParameter("--level and --json before a command go with `recsys topics` alone.")
        return
    with opened(context.obj) as deployment:
        page = deployment.service.topics.tree()
    if level is not None and level > page.levels:
        raise InvalidRequest(
            f"There is no level {level} of topics.",
            hint=f"Ask for 1 to {page.levels}." if page.levels else NO_TOPICS_HINT,
        )
    if as_json:
        deepest = page.levels if level is None else level
        kept = [topic for topic in TopicPageOut.of(page).topics if topic.level <= deepest]
        print_json(TopicPageOut.of(page).model_copy(update={"topics": kept}).model_dump())
    else:
        _print_tree(page, level)


@app.command()
def show(context: typer.Context, topic: TopicName, as_json: AsJson = False) -> None:
    """Show one topic: its terms, papers, people, venues, years, trend, sub-topics, and what editors decided."""
    with opened(context.obj) as deployment:
        topics = deployment.service.topics
        detail = topics.get(topic_named(topics.all(), topic))
    if as_json:
        print_json(TopicDetailOut.of_detail(detail).model_dump())
    else:
        print_topic(detail)


@app.command()
def papers(
    context: typer.Context,
    topic: TopicName,
    limit: Annotated[int, typer.Option(help="How many papers.")] = 20,
    after: Annotated[
        str | None, typer.Option(metavar="PAPER_ID", help="Go on after this paper, the last one seen.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the papers of a topic, those that belong there most first."""
    with opened(context.obj) as deployment:
        topics = deployment.service.topics
        found = topics.papers(topic_named(topics.all(), topic), after=after, limit=limit)
    if as_json:
        print_json(TopicPapersOut.of(found).model_dump())
        return
    for entry in found.papers:
        mark = "    " if entry.place.rank == 1 else f" #{entry.place.rank} "  # its second or third topic
        print_title(f"{mark} {percent(entry.place.strength)}  ", entry.paper)
    err.print(f"{found.total:,} papers belong to {found.topic.name} ({found.topic.id}).", markup=False)
    if found.next is not None:
        err.print(f"More: recsys topics papers {found.topic.id} --after {found.next}", markup=False)


@app.command()
def assign(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="An abstract, say; - reads standard input.")],
    as_json: AsJson = False,
) -> None:
    """Say which topics a text belongs to, and how far, or that it belongs to none."""
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    batch.check_length(text, context.obj.text_limit)
    with opened(context.obj) as deployment:
        assignment = deployment.service.assign(text)
        levels = deployment.service.topics.page(limit=1).levels
    if as_json:
        print_json(AssignmentOut.of(assignment).model_dump())
    else:
        _print_assignment(assignment, levels)


@app.command()
def changes(
    context: typer.Context,
    every: Annotated[
        bool, typer.Option("--all", help="Of all builds on record, not of the latest one only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what became of the topics in the latest build: which are grown, split, merged, new and gone."""
    with opened(context.obj) as deployment:
        topics = deployment.service.topics
        found = topics.changes(every=every)
        names = {topic.id: topic.name for topic in topics.all()}
    if as_json:
        print_json(TopicChangesOut.of(found).model_dump())
        return
    if not found:
        out.print("No build has changed any topic yet.")
    names = {change.topic: change.name for change in reversed(found)} | names
    for at in dict.fromkeys(change.at for change in found):
        of_build = [change for change in found if change.at == at]
        counts = Counter(change.kind for change in of_build)
        summary = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
        out.print(Text(f"{at}: {summary}", style="bold"))
        for change in of_build:
            if change.kind != "kept":
                said = change_in_words(change, names)
                out.print(Text.assemble((f"  {change.kind:<7}", "dim"), f"  level {change.level}  {said}"))


def _print_tree(page: TopicPage, level: int | None) -> None:
    if not page.topics:
        out.print(NO_TOPICS)
        err.print(f"hint: {NO_TOPICS_HINT}", markup=False)
        return
    deepest = level or (page.levels if len(page.topics) <= LINES else min(COARSEST, page.levels))
    shown = [topic for topic in page.topics if topic.level <= deepest]
    for line in tree_lines(shown, out.width):
        out.print(line)
    counts = Counter(topic.level for topic in page.topics)
    listed = " / ".join(f"{counts[at]:,}" for at in range(1, page.levels + 1))
    more = f" `recsys topics --level {deepest + 1}` shows more." if deepest < page.levels else ""
    err.print(f"{listed} topics at {_levels(page.levels)}.{more}", markup=False)


def _levels(count: int) -> str:
    return "1 level" if count == 1 else f"{count} levels"


def _print_assignment(assignment: Assignment, levels: int) -> None:
    if not levels:
        out.print(NO_TOPICS)
        err.print(f"hint: {NO_TOPICS_HINT}", markup=False)
        return
    if not assignment.close:
        out.print("Close to no topic: nothing in the corpus is close to this.")
        return
    if not assignment.topics:
        out.print("In no topic: the papers that are most related to this are of many.")
    for level in range(1, levels + 1) if assignment.topics else ():
        here = [place for place in assignment.topics if place.topic.level == level]
        for place in here:
            head = f"level {level}" if place is here[0] else ""
            said = f"{percent(place.strength)}  {place.topic.name}"
            out.print(Text.assemble((f"{head:<9} ", "dim"), said, (f"  {place.topic.id}", "dim")))
        if not here:
            out.print(
                Text.assemble((f"level {level:<4}", "dim"), "none: the most related papers are of several")
            )
    point = on_map(assignment.point)
    if point is not None:
        out.print(Text.assemble(("on map    ", "dim"), f"{point[0]:.4f}, {point[1]:.4f}"))
