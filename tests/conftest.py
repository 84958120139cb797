"""Deployments over the toy corpus, built once with the bag-of-words embedder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from recsys.api.app import create_app
from recsys.build import stages
from recsys.index.snapshot import SnapshotFolder
from recsys.service import Service
from recsys.settings import Settings
from recsys.store.database import Database
from recsys.store.papers import PaperStore
from recsys.store.tombstones import Tombstones
from recsys.store.vectors import VectorStore
from tests import toy_corpus
from tests.fakes import WordEmbedder


@dataclass
class Toy:
    """A deployment in a folder of its own, with everything that a test may want to reach."""

    folder: Path
    database: Database
    papers: PaperStore
    vectors: VectorStore
    tombstones: Tombstones
    snapshots: SnapshotFolder
    embedder: WordEmbedder
    service: Service

    def build(self, **overrides: object) -> stages.BuildReport:
        options = {"exact_limit": 1000, "keep_snapshots": 3, **overrides}
        return stages.build(self.papers, self.vectors, self.snapshots, self.embedder, **options)


@pytest.fixture(scope="session")
def make_toy() -> Iterator[Callable[[Path], Toy]]:
    """A function that makes a deployment with the toy corpus ingested, not built."""
    opened: list[Database] = []

    def make(folder: Path) -> Toy:
        database = Database.open(f"sqlite:///{folder / 'recsys.db'}")
        opened.append(database)
        snapshots = SnapshotFolder(folder / "indexes")
        embedder = WordEmbedder()
        toy = Toy(
            folder,
            database,
            PaperStore(database),
            VectorStore(database),
            Tombstones(database),
            snapshots,
            embedder,
            Service(database, snapshots, lambda _: embedder),
        )
        toy.papers.upsert(toy_corpus.papers())
        return toy

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def toy(make_toy: Callable[[Path], Toy], tmp_path: Path) -> Toy:
    """A built deployment that the test may change."""
    made = make_toy(tmp_path)
    made.build()
    return made


@pytest.fixture
def client(toy: Toy) -> Iterator[TestClient]:
    """The API over :func:`toy`; errors inside it are answers, as in a real server."""
    settings = Settings.load(toy.folder)
    with TestClient(create_app(toy.service, settings), raise_server_exceptions=False) as test_client:
        yield test_client
