"""One writer at a time, and a clear word about who it is.

The lock is the kernel's (``filelock``), so it goes with the process that held it, however that died.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from recsys.errors import LockHeld


@contextmanager
def writing(path: Path, task: str) -> Iterator[None]:
    """Hold a deployment's lock while writing to it.

    Args:
        path: the lock file.
        task: what the holder is doing, for whoever finds the lock taken.

    Raises:
        LockHeld: another process holds it; the message says which, doing what, since when.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    holder = path.with_name(path.name + ".holder")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockHeld(
            f"{path.parent.absolute()} is being written to by {_holder(holder)}.",
            hint="Wait until it has ended, or stop it, and run this again.",
        ) from None
    try:
        holder.write_bytes(
            orjson.dumps(
                {
                    "task": task,
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
                }
            )
        )
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        said = orjson.loads(path.read_bytes())
        return f"`{said['task']}`, process {said['pid']} on {said['host']}, since {said['since']}"
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        # the holder has the lock but has not written its name yet, or is just leaving
        return "another process that has just started or is just ending"
