"""What the commands print: answers on stdout, everything else on stderr."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from typing import Self

import orjson
from rich import progress
from rich.console import Console
from rich.logging import RichHandler
from rich.text import Text

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


def print_fields(fields: Mapping[str, str | None]) -> None:
    """A line a field that has a value; not a table, which would break long values where there is no terminal."""
    for name, value in fields.items():
        if value:
            out.print(Text.assemble((f"{name:<9} ", "dim"), value))


class Progress:
    """How far a long task is: a bar on a terminal, a line now and then elsewhere. Use it as a context manager.

    Args:
        task: what is being done.
        unit: what is counted, for the rate.
    """

    def __init__(self, task: str, unit: str) -> None:
        self._task = task
        self._unit = unit
        self._counted: int | None = None
        self._started = self._last_line = time.monotonic()
        self._bar: progress.Progress | None = None

    def __enter__(self) -> Self:
        self._started = self._last_line = time.monotonic()
        if err.is_terminal:
            self._bar = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.TaskProgressColumn(),
                progress.TextColumn("{task.fields[rate]}"),
                progress.TimeElapsedColumn(),
                progress.TextColumn("left"),
                progress.TimeRemainingColumn(),
                console=err,
                transient=True,
            )
            self._shown = self._bar.add_task(self._task, total=None, rate="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, total: int) -> None:
        """Say what is done and what there is in all; in units, unless :meth:`count` says the units."""
        rate = self._rate(done if self._counted is None else self._counted)
        if self._bar is not None:
            self._bar.update(self._shown, completed=done, total=total, rate=rate)
            return
        now = time.monotonic()
        if now - self._last_line < LINE_EVERY:
            return
        self._last_line = now
        share = done / total if total else 0.0
        left = f"{(now - self._started) * (1 - share) / share:.0f} s left" if share else "time left unknown"
        logger.info("%s: %.0f %%, %s, %s", self._task, share * 100, rate, left)

    def count(self, units: int) -> None:
        """Say how many units are done, where :meth:`update` is told something else, such as bytes of a file."""
        self._counted = units

    def _rate(self, units: int) -> str:
        elapsed = max(time.monotonic() - self._started, 1e-3)
        return f"{units:,} {self._unit}, {units / elapsed:,.0f}/s"


class Stages:
    """Progress of several tasks, one after the other. Use it as a context manager.

    Args:
        unit: what is counted, for the rate.
        units: what is counted in tasks that count something else.
    """

    def __init__(self, unit: str, units: Mapping[str, str] | None = None) -> None:
        self._unit = unit
        self._units = units or {}
        self._task = ""
        self._shown: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        if self._shown is not None:
            self._shown.__exit__(*details)

    def update(self, task: str, done: int, total: int) -> None:
        """Say how far a task is; another task than before ends that one."""
        if task != self._task or self._shown is None:
            if self._shown is not None:
                self._shown.__exit__(None, None, None)
            unit = self._units.get(task, self._unit)
            self._task, self._shown = task, Progress(task, unit).__enter__()
        self._shown.update(done, total)
