"""Snapshots: everything that answers a question, in one immutable folder.

    indexes/
      20261122T180102345Z-3f9a1c20/
        manifest.json     what this is: model, counts, index parameters, every file's size and SHA-256
        papers.json       paper ids and venue names, aligned with all the rest by position
        facets.npz        year, venue, work, title, text and authors of every paper, as numbers
        centre.npz        what vectors are measured from
        dense.faiss       the dense index, and dense.order.npy
        lexical/          the words
        sentences/        sentence vectors
        neighbours/       every paper's related papers
        topics/           the tree, and every paper's place in it and on the map
      CURRENT             the name of the folder that answers
      .partial-…          one being written, or left by a build that was killed

A snapshot is written aside, read back and compared with its checksums, and only then renamed to its name; pointing
CURRENT at it is one more rename. A reader therefore finds a whole snapshot or none, whenever a writer dies.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from recsys.errors import DamagedSnapshot, InvalidRequest, NoSnapshot, SnapshotError
from recsys.index.contents import Contents, read_contents, write_contents
from recsys.index.dense import DenseParameters

FORMAT = 3
MANIFEST, CURRENT = "manifest.json", "CURRENT"
PARTIAL = ".partial-"
NAME = re.compile(r"^\d{8}T\d{9}Z-[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class ModelReference:
    """The model whose vectors a snapshot holds: its spec's id, its vector space's key, its width."""

    id: str
    key: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot says of itself.

    Attributes:
        name: the folder's name, ``<utc to the millisecond>-<first 8 of the fingerprint>``.
        created: ISO 8601, UTC.
        fingerprint: SHA-256 over everything the snapshot was made from; equal inputs give equal fingerprints.
        papers: how many it holds.
        model: whose vectors they are.
        dense: the dense index's kind, parameters and measured recall.
        ranking: name of the score by which the neighbours were chosen.
        base: how many papers there were when everything was last computed anew; later builds added to that.
        topics: how many at each level, the coarsest first.
        files: size in bytes and SHA-256 of every other file, by name.
        format: version of this layout.
    """

    name: str
    created: str
    fingerprint: str
    papers: int
    model: ModelReference
    dense: DenseParameters
    ranking: str
    base: int
    topics: tuple[int, ...] = ()
    files: dict[str, dict[str, int | str]] = field(default_factory=dict)
    format: int = FORMAT


class Snapshot:
    """One opened snapshot. Immutable; safe to share between threads."""

    def __init__(self, path: Path, manifest: Manifest, contents: Contents) -> None:
        self.path = path
        self.manifest = manifest
        self.contents = contents
        self.facets = contents.facets
        self.dense = contents.dense

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.manifest.name

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of every paper id."""
        return {paper_id: position for position, paper_id in enumerate(self.facets.ids)}

    @cached_property
    def by_title(self) -> NDArray[np.int64]:
        """(n,) positions in the order of their titles' keys."""
        return np.argsort(self.facets.titles, kind="stable")

    def titled(self, key: int) -> list[int]:
        """Positions of the papers with a title, by its key, ascending."""
        titles, order = self.facets.titles, self.by_title
        wanted = np.uint64(key)
        first = int(np.searchsorted(titles, wanted, "left", sorter=order))
        last = int(np.searchsorted(titles, wanted, "right", sorter=order))
        found: list[int] = order[first:last].tolist()
        return found


class SnapshotFolder:
    """The folder that holds a deployment's snapshots and says which one is published."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Names of all whole snapshots, oldest first."""
        if not self.path.is_dir():
            return []
        return sorted(p.name for p in self.path.iterdir() if NAME.match(p.name) and (p / MANIFEST).is_file())

    def current(self) -> str:
        """Name of the published snapshot.

        Raises:
            NoSnapshot: none was published.
        """
        try:
            name = (self.path / CURRENT).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            raise NoSnapshot(
                f"No snapshot is published in {self.path}.",
                hint="Run `recsys ingest …` and then `recsys build`, or name another folder with --data.",
            ) from None
        if not NAME.match(name):
            raise DamagedSnapshot(
                f"{self.path / CURRENT} holds {name[:80]!r}, which is no snapshot's name.",
                hint="Run `recsys snapshots list`, then `recsys snapshots rollback --to NAME`.",
            )
        return name

    def is_published(self, name: str) -> bool:
        """Whether ``name`` is the snapshot that answers."""
        try:
            return self.current() == name
        except SnapshotError:
            return False

    def signature(self) -> tuple[int, int, int]:
        """Changes whenever another snapshot is published; cheap enough to ask for at every request."""
        try:
            stat = (self.path / CURRENT).stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def manifest(self, name: str) -> Manifest:
        """Read the manifest of the snapshot called ``name``.

        Raises:
            SnapshotError: there is no such snapshot.
            DamagedSnapshot: its manifest cannot be understood.
        """
        path = self.path / name / MANIFEST
        if name not in self.names():
            raise SnapshotError(
                f"There is no snapshot {name!r} in {self.path}.",
                hint="Run `recsys snapshots list` to see all.",
            )
        try:
            fields = orjson.loads(path.read_bytes())
            if fields["format"] != FORMAT:
                raise DamagedSnapshot(
                    f"{name} has format {fields['format']}; this version of recsys reads format {FORMAT}.",
                    hint="Run `recsys build` to make a new one.",
                )
            return Manifest(
                **{
                    **fields,
                    "model": ModelReference(**fields["model"]),
                    "dense": DenseParameters(**fields["dense"]),
                    "topics": tuple(fields["topics"]),
                }
            )
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise DamagedSnapshot(
                f"{path} is not a manifest: {error}.",
                hint="Run `recsys snapshots rollback`, or `recsys build`.",
            ) from error

    def verify(self, name: str) -> Manifest:
        """Compare every file of a snapshot with its manifest.

        Raises:
            DamagedSnapshot: a file is missing, or its size or checksum differs.
        """
        manifest = self.manifest(name)
        _compare(self.path / name, manifest)
        return manifest

    def open(self, name: str | None = None) -> Snapshot:
        """Open a snapshot (default: the published one) after comparing its files with its manifest."""
        name = name or self.current()
        manifest = self.verify(name)
        return _read(self.path / name, manifest)

    def write(
        self,
        contents: Contents,
        model: ModelReference,
        fingerprint: str,
        *,
        ranking: str = "",
        base: int | None = None,
        now: datetime | None = None,
    ) -> Manifest:
        """Write a snapshot, read it back, and only then give it its name. It is not published yet.

        Args:
            contents: the papers and their indexes.
            model: the model whose vectors they are.
            fingerprint: SHA-256 of what the snapshot was made from.
            ranking: name of the score by which the neighbours were chosen.
            base: papers when everything was last computed anew (default: now).
            now: the time of creation (default: the clock).
        """
        created = now or datetime.now(UTC)
        name = f"{created:%Y%m%dT%H%M%S}{created.microsecond // 1000:03}Z-{fingerprint[:8]}"
        self.path.mkdir(parents=True, exist_ok=True)
        partial = self.path / f"{PARTIAL}{uuid.uuid4().hex[:12]}"
        partial.mkdir()
        try:
            write_contents(partial, contents)
            paths = sorted(path for path in partial.rglob("*") if path.is_file())
            files = {path.relative_to(partial).as_posix(): _describe(path) for path in paths}
            count = len(contents.facets.ids)
            manifest = Manifest(
                name,
                f"{created:%Y-%m-%dT%H:%M:%SZ}",
                fingerprint,
                count,
                model,
                contents.dense.parameters,
                ranking,
                count if base is None else base,
                tuple(len(level.topics) for level in contents.topics.levels),
                files,
            )
            (partial / MANIFEST).write_bytes(orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
            for file in (*files, MANIFEST):
                _flush(partial / file)
            _compare(partial, manifest)
            _read(partial, manifest)
            os.rename(partial, self.path / name)
            _flush(self.path)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return manifest

    def publish(self, name: str) -> Manifest:
        """Verify a snapshot and make it the one that answers, by one rename."""
        manifest = self.verify(name)
        aside = self.path / f".{CURRENT}-{uuid.uuid4().hex[:12]}"
        aside.write_text(name + "\n", encoding="utf-8")
        _flush(aside)
        os.replace(aside, self.path / CURRENT)
        _flush(self.path)
        return manifest

    def rollback(self, to: str | None = None) -> Manifest:
        """Publish the snapshot before the current one, or the one called ``to``.

        Raises:
            SnapshotError: there is none before it, or none of that name.
        """
        if to is None:
            current = self.current()
            earlier = [name for name in self.names() if name < current]
            if not earlier:
                raise SnapshotError(
                    f"There is no snapshot before {current}.", hint="Run `recsys snapshots list` to see all."
                )
            to = earlier[-1]
        return self.publish(to)

    def prune(self, keep: int) -> list[str]:
        """Delete all but the newest ``keep`` snapshots; the published one always stays.

        Returns:
            the names deleted, oldest first.
        """
        if keep < 1:
            raise InvalidRequest(f"Cannot keep {keep} snapshots.", hint="Keep at least 1.")
        current = self.current()
        others = [name for name in self.names() if name != current]
        gone = others[: max(0, len(others) - (keep - 1))]
        for name in gone:
            # out of sight by one rename first: a half-deleted folder must not look like a snapshot
            aside = self.path / f"{PARTIAL}{uuid.uuid4().hex[:12]}"
            os.rename(self.path / name, aside)
            shutil.rmtree(aside)
        return gone

    def sweep(self) -> int:
        """Delete what killed writers left behind. Call only while holding the deployment's lock.

        Returns:
            how many leftovers there were.
        """
        if not self.path.is_dir():
            return 0
        leftovers = [p for p in self.path.iterdir() if p.name.startswith((PARTIAL, f".{CURRENT}-"))]
        for path in leftovers:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        return len(leftovers)


def _read(path: Path, manifest: Manifest) -> Snapshot:
    with _damage(path):
        contents = read_contents(path, manifest.dense)
    widths = contents.widths()
    if widths != {manifest.papers}:
        raise DamagedSnapshot(
            f"The columns of {path.name} have {sorted(widths)} rows; its manifest says {manifest.papers}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        )
    return Snapshot(path, manifest, contents)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedSnapshot(
            f"Snapshot {path.name} cannot be read: {error}.",
            hint="Run `recsys snapshots rollback`, then `recsys build`.",
        ) from error


def _compare(path: Path, manifest: Manifest) -> None:
    for file, said in manifest.files.items():
        with _damage(path):
            found = _describe(path / file)
        if found != said:
            raise DamagedSnapshot(
                f"{path / file} is not what was written: {found['bytes']} bytes, SHA-256 {found['sha256']}; the "
                f"manifest says {said['bytes']} bytes, {said['sha256']}.",
                hint="Run `recsys snapshots rollback`, then `recsys build`.",
            )


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _flush(path: Path) -> None:
    """Ask the system to put a file, or a folder's list of names, on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
