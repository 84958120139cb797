"""Where settings become objects: the store, the snapshots, the model. Used by the command line and the server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from recsys.embedding.loading import Precision, load_embedder
from recsys.embedding.models import Embedder, ModelSpec, is_quantised, load_spec, packaged_models
from recsys.errors import InvalidRequest, ModelError
from recsys.index.snapshot import ModelReference, SnapshotFolder
from recsys.service import Service
from recsys.settings import Settings
from recsys.store.database import Database
from recsys.store.papers import PaperStore
from recsys.store.tombstones import Tombstones
from recsys.store.topic_edits import TopicEdits
from recsys.store.vectors import VectorStore


@dataclass(frozen=True)
class Deployment:
    """Everything that belongs to one data directory. Build with :func:`opened`."""

    settings: Settings
    database: Database

    @cached_property
    def papers(self) -> PaperStore:
        """The papers."""
        return PaperStore(self.database)

    @cached_property
    def tombstones(self) -> Tombstones:
        """What was withdrawn or opted out."""
        return Tombstones(self.database)

    @cached_property
    def topic_edits(self) -> TopicEdits:
        """What editors decided about topics."""
        return TopicEdits(self.database)

    @cached_property
    def vectors(self) -> VectorStore:
        """The vectors kept between builds."""
        return VectorStore(self.database)

    @cached_property
    def snapshots(self) -> SnapshotFolder:
        """The published indexes."""
        return SnapshotFolder(self.settings.indexes)

    @cached_property
    def service(self) -> Service:
        """The read path."""
        return Service(self.database, self.snapshots, self.embedder_for)

    def spec(self, model: str | None = None) -> ModelSpec:
        """The spec of ``model`` (default: the model in the settings)."""
        return load_spec(model or self.settings.model, model_folders(self.settings))

    def embedder(self, calibration: Callable[[], Sequence[str]] | None = None) -> Embedder:
        """The embedder that the settings ask for; ``calibration`` gives texts when an int8 form has to be made."""
        settings = self.settings
        return load_embedder(
            self.spec(),
            cache=settings.models,
            backend=settings.backend,
            precision=settings.precision,
            threads=settings.threads,
            calibration=calibration,
        )

    def embedder_for(self, model: ModelReference) -> Embedder:
        """The embedder for a snapshot's vectors, whatever model and precision the settings ask of the next build.

        Raises:
            ModelError: what is installed here gives vectors of another space than the snapshot holds.
        """
        settings = self.settings
        wanted: Precision = "auto" if settings.precision == "int8" else settings.precision
        embedder = load_embedder(
            self.spec(model.id),
            cache=settings.models,
            backend=settings.backend,
            precision="int8" if is_quantised(model.key) else wanted,
            threads=settings.threads,
        )
        if embedder.key != model.key:
            raise ModelError(
                f"The snapshot holds vectors of {model.key}; the model installed here gives {embedder.key}.",
                hint="Restore the setting or the weights it was built with, or run `recsys build`.",
            )
        return embedder


def model_folders(settings: Settings) -> tuple[Path, ...]:
    """Where model specs are looked for: the deployment's own first."""
    return settings.models, packaged_models()


@contextmanager
def opened(settings: Settings) -> Iterator[Deployment]:
    """Open a deployment, creating its data directory and database where they are missing."""
    _require_folder(settings.data)
    with Database.open(settings.store_url) as database:
        yield Deployment(settings, database)


def _require_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(
            f"The data directory {data} cannot be made: {error.strerror}.", hint="Name another with --data."
        ) from error
    if not os.access(data, os.W_OK):
        raise InvalidRequest(
            f"The data directory {data} cannot be written to.",
            hint="Name another with --data, or mend its permissions.",
        )
