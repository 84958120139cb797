"""What an editor may decide about topics: ``recsys topics rename``, ``merge``, ``split``, ``hide``, ``pin``, ``undo``."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.text import Text

from recsys.build.lock import writing
from recsys.cli.ask import AsJson
from recsys.cli.console import err, out, print_json
from recsys.cli.topic_words import TopicName, edit_in_words, topic_named
from recsys.deployment import Deployment, opened
from recsys.errors import InvalidRequest, SnapshotError
from recsys.records import EditKind, Topic, TopicEdit
from recsys.settings import Settings
from recsys.store.topic_edits import MAX_PARTS
from recsys.topics.edits import STRUCTURAL, check, check_undo

By = Annotated[str | None, typer.Option(metavar="NAME", help="Who decides. Default: your login name.")]
Note = Annotated[str, typer.Option(help="Why, for the record.")]

#: First characters by which a spreadsheet takes a cell for a formula: exported names must not begin with one.
FORMULA: Final = "=+-@"


def register(app: typer.Typer) -> None:
    """Add the commands to ``recsys topics``."""
    for command in (rename, merge, split, hide, pin, undo, edits):
        app.command()(command)


def rename(
    context: typer.Context,
    topic: TopicName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    by: By = None,
    note: Note = "",
) -> None:
    """Give a topic another name, at once and for good: builds keep it."""
    if name.strip()[:1] in tuple(FORMULA):
        raise InvalidRequest(
            f"A name cannot begin with {name.strip()[0]!r}: a spreadsheet would take it for a formula.",
            hint="Begin it with a letter or a digit.",
        )
    _decide(context.obj, "rename", topic, by, note, name=name)


def merge(
    context: typer.Context,
    topic: TopicName,
    into: Annotated[
        str, typer.Option(metavar="TOPIC", help="The topic of the same level that it becomes part of.")
    ],
    by: By = None,
    note: Note = "",
) -> None:
    """Make a topic part of another one, with the next build."""
    _decide(context.obj, "merge", topic, by, note, into=into)


def split(
    context: typer.Context,
    topic: TopicName,
    parts: Annotated[int, typer.Option(help=f"How many topics to make of it, 2 to {MAX_PARTS}.")],
    by: By = None,
    note: Note = "",
) -> None:
    """Cut a topic into several, with the next build."""
    _decide(context.obj, "split", topic, by, note, parts=parts)


def hide(context: typer.Context, topic: TopicName, by: By = None, note: Note = "") -> None:
    """Take a topic, with its sub-topics, out of every answer at once. Its papers stay."""
    _decide(context.obj, "hide", topic, by, note)


def pin(context: typer.Context, topic: TopicName, by: By = None, note: Note = "") -> None:
    """Keep a topic together, as it is now, in the builds to come."""
    _decide(context.obj, "pin", topic, by, note)


def undo(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", help="Of the edit, as `recsys topics edits` lists it.")
    ],
    by: By = None,
) -> None:
    """Take a decision back. It stays on record as undone."""
    settings = context.obj
    with opened(settings) as deployment, writing(settings.lock, "recsys topics undo"):
        check_undo(number, _as_built(deployment), deployment.topic_edits.all())
        edit = deployment.topic_edits.undo(number, by=_editor(by))
    err.print(f"Undone: edit {number}, {edit_in_words(edit)}. {_when(edit)}", markup=False)


def edits(context: typer.Context, as_json: AsJson = False) -> None:
    """List every decision ever made: which topic, who, when, why, and by whom it was undone."""
    with opened(context.obj) as deployment:
        history = deployment.topic_edits.history()
    if as_json:
        rows = [
            {**asdict(past.edit), "undone_by": past.undone_by, "undone_at": past.undone_at}
            for past in history
        ]
        print_json({"edits": rows})
        return
    for past in history:
        edit = past.edit
        line = Text(f"{edit.number:>3}  {edit.at[:16].replace('T', ' ')}  {edit.by}  {edit_in_words(edit)}")
        if edit.note:
            line.append(f"  {edit.note}", style="dim")
        if past.undone_at is not None:
            line.append(f"  undone by {past.undone_by} at {past.undone_at[:16].replace('T', ' ')}")
        out.print(line)
    if not history:
        out.print("Nothing was decided yet.")


def _decide(
    settings: Settings,
    kind: EditKind,
    topic: str,
    by: str | None,
    note: str,
    *,
    name: str | None = None,
    into: str | None = None,
    parts: int | None = None,
) -> None:
    """Write a decision down after making sure that the published topics allow it.

    Raises:
        NotFound: there is no such topic.
        InvalidRequest: it makes no sense for the topics that there are, or a value is out of range.
        LockHeld: another process is writing to this deployment.
    """
    editor = _editor(by)
    with opened(settings) as deployment, writing(settings.lock, f"recsys topics {kind}"):
        topics = deployment.service.topics.all()
        topic = topic_named(topics, topic)
        into = None if into is None else topic_named(topics, into)
        check(kind, topic, topics, name=name, into=into, parts=parts)
        edit = deployment.topic_edits.add(
            kind, topic, by=editor, name=name, into=into, parts=parts, note=note
        )
    known = {topic.id: topic.name for topic in topics}
    err.print(f"Edit {edit.number}: {edit_in_words(edit, known)}. {_when(edit)}", markup=False)
    err.print(f"`recsys topics undo {edit.number}` takes it back.", markup=False)


def _when(edit: TopicEdit) -> str:
    if edit.kind in STRUCTURAL:
        return "It acts with the next `recsys build`."
    return "It acts at once."


def _editor(by: str | None) -> str:
    """Who decides: as said, else the login name.

    Raises:
        InvalidRequest: the system does not know who this is.
    """
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError) as error:  # a container's user without an entry
        raise InvalidRequest(
            "Who decides is not known to the system.", hint="Say it with --by NAME."
        ) from error


def _as_built(deployment: Deployment) -> tuple[Topic, ...]:
    """The published topics under the names that the build gave them; none where nothing is published."""
    try:
        return deployment.snapshots.open().contents.topics.all
    except SnapshotError:
        return ()
