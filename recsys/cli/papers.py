"""Taking papers out of every answer: ``recsys withdraw``, ``restore``, ``withdrawn``."""

from __future__ import annotations

from typing import Annotated

import typer

from recsys.cli.ask import AsJson
from recsys.cli.console import err, out, print_json
from recsys.deployment import opened

PaperIds = Annotated[list[str], typer.Argument(metavar="PAPER_ID...", help="Ids of papers.")]


def withdraw(
    context: typer.Context,
    paper_ids: PaperIds,
    opted_out: Annotated[
        bool, typer.Option(help="An author asked for it, rather than the paper being withdrawn.")
    ] = False,
    note: Annotated[str, typer.Option(help="Why, for the record.")] = "",
) -> None:
    """Take papers out of every answer at once, and out of the files at the next build. Survives re-ingest."""
    kind = "opted_out" if opted_out else "withdrawn"
    with opened(context.obj) as deployment:
        added = deployment.tombstones.add(paper_ids, kind=kind, note=note)
    err.print(f"{added} withdrawn, {len(set(paper_ids)) - added} already were.")


def restore(context: typer.Context, paper_ids: PaperIds) -> None:
    """Undo ``withdraw``. What the source itself marks as withdrawn stays so."""
    with opened(context.obj) as deployment:
        removed = sum(
            deployment.tombstones.remove(paper_ids, kind=kind) for kind in ("withdrawn", "opted_out")
        )
    err.print(f"{removed} restored. They are found again after the next `recsys build` if one ran meanwhile.")


def withdrawn(context: typer.Context, as_json: AsJson = False) -> None:
    """List what is withdrawn, with the kind, the note and the time."""
    with opened(context.obj) as deployment:
        found = deployment.tombstones.list()
    if as_json:
        print_json(
            {
                "withdrawn": [
                    {"id": t.id, "kind": t.kind, "note": t.note, "created_at": t.created_at} for t in found
                ]
            }
        )
        return
    for stone in found:
        out.print(f"{stone.id}  {stone.kind}  {stone.created_at:%Y-%m-%d %H:%M}  {stone.note}", markup=False)
