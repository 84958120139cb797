"""What the commands print: answers on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson
from rich.console import Console
from rich.logging import RichHandler
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY = 5.0  # seconds between progress lines where there is no terminal

# where there is no terminal nothing is as wide as a line may be: tables must not be cut to 80 columns there
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
err = Console(stderr=True, highlight=False, soft_wrap=True)

logger = logging.getLogger(__name__)


def set_up_logging(level: int = logging.INFO) -> None:
    """Log to stderr: coloured on a terminal, plain lines with the time elsewhere."""
    handler: logging.Handler
    if err.is_terminal:
        handler = RichHandler(console=err, show_path=False, rich_tracebacks=False)
        handler.setFormatter(logging.Formatter("%(message)s", datefmt="%H:%M:%S"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
        )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("recsys").setLevel(level)


def print_json(data: object) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n")
    sys.stdout.flush()


@contextmanager
def progress(task: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """Show how far a long task is: a bar on a terminal, a line now and then elsewhere.

    Args:
        task: what is being done.
        unit: what is counted, for the rate; empty when the count means nothing to a reader (bytes of a file).

    Yields:
        a function to call with what is done and what there is in all.
    """
    if err.is_terminal:
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn() if unit else TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=err,
            transient=True,
        ) as bar:
            shown = bar.add_task(task, total=None, rate="")
            started = time.monotonic()

            def draw(done: int, total: int) -> None:
                bar.update(shown, completed=done, total=total, rate=_rate(done, started, unit))

            yield draw
        return
    yield _line_writer(task, unit)


def _line_writer(task: str, unit: str) -> Callable[[int, int], None]:
    started = last = time.monotonic()

    def write(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < LINE_EVERY:
            return
        last = now
        share = done / total if total else 0.0
        left = (now - started) * (1 - share) / share if share else 0.0
        counted = f" {done:,} of {total:,}" if unit else ""
        logger.info(
            "%s:%s %.0f %%, %s %.0f s left", task, counted, share * 100, _rate(done, started, unit), left
        )

    return write


def _rate(done: int, started: float, unit: str) -> str:
    elapsed = time.monotonic() - started
    return f"{done / elapsed:,.0f} {unit}/s," if unit and elapsed > 0 else ""
