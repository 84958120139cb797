"""``recsys snapshots``: list, verify, roll back, prune."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from recsys.build.lock import writing
from recsys.cli.ask import AsJson
from recsys.cli.console import err, out, print_json
from recsys.errors import DamagedSnapshot
from recsys.index.snapshot import SnapshotFolder

app = typer.Typer(help="The published indexes.", no_args_is_help=True)

Name = Annotated[str | None, typer.Argument(help="A snapshot's name. Default: the published one.")]


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List all snapshots, oldest first; the published one is marked. Those that cannot be read are told on stderr."""
    folder = SnapshotFolder(context.obj.indexes)
    manifests = []
    for name in folder.names():
        try:
            manifests.append(folder.manifest(name))
        except DamagedSnapshot as error:  # of a former format, say
            err.print(str(error), markup=False)
    published = [folder.is_published(manifest.name) for manifest in manifests]
    if as_json:
        rows = [{**asdict(m), "published": p} for m, p in zip(manifests, published, strict=True)]
        print_json({"snapshots": rows})
        return
    table = Table("snapshot", "created", "papers", "model", "index", "recall", "MB", "published", box=None)
    for manifest, is_published in zip(manifests, published, strict=True):
        size = sum(int(file["bytes"]) for file in manifest.files.values()) / 1e6
        table.add_row(
            manifest.name,
            manifest.created,
            f"{manifest.papers:,}",
            manifest.model.id,
            manifest.dense.kind,
            f"{manifest.dense.recall:.3f}",
            f"{size:,.1f}",
            "yes" if is_published else "",
        )
    out.print(table)


@app.command()
def verify(context: typer.Context, name: Name = None) -> None:
    """Compare every file of a snapshot with its checksum."""
    folder = SnapshotFolder(context.obj.indexes)
    manifest = folder.verify(name or folder.current())
    err.print(f"{manifest.name}: {len(manifest.files)} files are as they were written.")


@app.command()
def rollback(
    context: typer.Context,
    to: Annotated[str | None, typer.Option(help="Name of the snapshot. Default: the one before.")] = None,
) -> None:
    """Publish an earlier snapshot. Running servers switch to it by themselves."""
    folder = SnapshotFolder(context.obj.indexes)
    with writing(context.obj.lock, "recsys snapshots rollback"):
        manifest = folder.rollback(to)
    err.print(f"Published {manifest.name}, made {manifest.created}, with {manifest.papers:,} papers.")


@app.command()
def prune(
    context: typer.Context,
    keep: Annotated[
        int | None, typer.Option(min=1, help="How many to leave. Default: keep_snapshots.")
    ] = None,
) -> None:
    """Delete old snapshots; the published one always stays."""
    folder = SnapshotFolder(context.obj.indexes)
    with writing(context.obj.lock, "recsys snapshots prune"):
        try:
            gone = folder.prune(keep or context.obj.keep_snapshots)
        except DamagedSnapshot as error:
            raise DamagedSnapshot(
                error.message, hint="Publish a whole one first: `recsys snapshots rollback --to NAME`."
            ) from error
    err.print(f"Deleted {len(gone)}: {', '.join(gone) or 'there was nothing to delete'}.")
