"""Topics in files: ``recsys topics export``, ``recsys topics map``."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, fields
from pathlib import Path
from typing import Annotated

import typer

from recsys.api.topic_map import shown_levels
from recsys.cli import batch
from recsys.cli.console import err
from recsys.cli.topic_words import NO_TOPICS, NO_TOPICS_HINT
from recsys.deployment import Deployment, opened
from recsys.errors import InvalidRequest
from recsys.service import ExportRow, TopicMap
from recsys.topics.picture import MapPicture, draw

COLUMNS = tuple(field.name for field in fields(ExportRow))


def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Where to; - is standard output.")],
) -> None:
    """Write the topics of every paper as CSV: paper_id, level, topic_id, topic_name, strength, rank.

    Every paper has a row of rank 1, its main topic, at every level; rows of ranks 2 and 3 are further topics. Hidden topics
    are in it.
    """
    with opened(context.obj) as deployment:
        rows = deployment.service.topics.rows()
    if not rows:
        raise InvalidRequest(NO_TOPICS, hint=NO_TOPICS_HINT)
    with batch.written_whole(file) as written:
        text = io.TextIOWrapper(written, encoding="utf-8", newline="", write_through=True)
        table = csv.writer(text, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(astuple(row) for row in rows)
        text.detach()  # leaves the file open for whoever opened it
    papers, levels = len({row.paper_id for row in rows}), max(row.level for row in rows)
    err.print(f"{len(rows):,} rows: {papers:,} papers, {levels} level{'s' * (levels > 1)}.")


def draw_map(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FILE",
            help="A picture, .png or .svg, or a page to move about in, .html, which loads nothing from elsewhere.",
        ),
    ],
    level: Annotated[
        int | None, typer.Option(min=1, help="Write the names of topics down to this level. Default: all.")
    ] = None,
    title: Annotated[str, typer.Option(help="Above the map.")] = "Map of topics",
) -> None:
    """Draw the map of all papers with the names of the topics. Needs the extra `pictures`."""
    if file.is_dir():
        raise InvalidRequest(f"{file} is a directory.", hint="Name a file with --out.")
    with opened(context.obj) as deployment:
        found = deployment.service.topics.map()
        # only the page shows titles
        titles = _titles(deployment, found) if file.suffix.lower() == ".html" else []
    picture = _picture(found, titles, level, title)
    try:
        draw(file, picture)
    except OSError as error:
        raise InvalidRequest(
            f"{file} cannot be written: {error.strerror}.", hint="Name another file with --out."
        ) from error
    err.print(f"{file}: {len(found.ids):,} papers.", markup=False)


def _titles(deployment: Deployment, found: TopicMap) -> list[str]:
    titles = {row.id: row.title for rows in deployment.papers.scan() for row in rows}
    return [titles.get(paper_id, "") for paper_id in found.ids]


def _picture(found: TopicMap, titles: list[str], level: int | None, title: str) -> MapPicture:
    levels = shown_levels(found)[:level]
    if not levels:
        raise InvalidRequest(NO_TOPICS, hint=NO_TOPICS_HINT)
    counts = " / ".join(f"{len(topics):,}" for topics, _ in levels)
    return MapPicture(
        coordinates=found.coordinates,
        levels=[places for _, places in levels],
        names=[[topic.name for topic in topics] for topics, _ in levels],
        outlines=[[found.outlines[topic.id] for topic in topics] for topics, _ in levels],
        titles=titles,
        years=[year or None for year in found.years.tolist()],
        title=title,
        subtitle=f"{len(found.ids):,} papers, {counts} topics",
    )
