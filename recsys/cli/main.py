"""The ``recsys`` command: global options, and errors turned into exit statuses.

Exit status: 0 done; 1 refused, with the reason and the next step on stderr; 2 the command line itself was wrong.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from recsys import __version__
from recsys.cli import ask, build, doctor, evaluate, ingest, papers, serve, snapshots, topics
from recsys.cli.console import err, set_up_logging
from recsys.errors import RecsysError
from recsys.settings import Settings

app = typer.Typer(
    name="recsys",
    help="Topics, related papers and people from scholarly abstracts.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(ingest.app, name="ingest")
app.command()(build.build)
app.command()(ask.search)
app.command()(ask.related)
app.command()(ask.show)
app.command()(papers.withdraw)
app.command()(papers.restore)
app.command()(papers.withdrawn)
app.command()(ask.status)
app.add_typer(topics.app, name="topics")
app.add_typer(evaluate.app, name="evaluate")
app.command()(serve.serve)
app.command()(doctor.doctor)
app.add_typer(snapshots.app, name="snapshots")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"recsys {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the deployment's files: database, indexes, models. Default: RECSYS_DATA, else this folder.",
            file_okay=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Topics, related papers and people from scholarly abstracts."""
    context.obj = Settings.load(data)


def main() -> None:
    """Run the command line. This is the ``recsys`` script."""
    set_up_logging()
    try:
        app()
    except RecsysError as error:
        err.print(f"error: {error.message}", markup=False)
        if error.hint:
            err.print(f"hint: {error.hint}", markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("Interrupted.")
        sys.exit(130)
    except BrokenPipeError:  # `recsys search … | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
