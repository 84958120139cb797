"""The snapshot that answers, and the change to a newer one without a pause."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from recsys.embedding.models import Embedder
from recsys.errors import RecsysError
from recsys.index.snapshot import ModelReference, Snapshot, SnapshotFolder
from recsys.recommend.related import AuthorTable, Indexes

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Opened:
    """An opened snapshot with the model that can ask it."""

    snapshot: Snapshot
    embedder: Embedder
    indexes: Indexes
    signature: Signature


class Current:
    """Holds the published snapshot open.

    Args:
        snapshots: the folder of published snapshots.
        embedder_for: gives the embedder for a snapshot's model; called again only when the model changes.
    """

    def __init__(self, snapshots: SnapshotFolder, embedder_for: Callable[[ModelReference], Embedder]) -> None:
        self._snapshots = snapshots
        self._embedder_for = embedder_for
        self._open: Opened | None = None
        self._snapshot: tuple[Signature, Snapshot] | None = None
        self._opening = threading.Lock()
        self._refused: Signature | None = None

    def get(self) -> Opened:
        """The published snapshot. A newly published one is opened aside while the one before goes on answering.

        Raises:
            SnapshotError, ModelError: nothing usable is published, or its model cannot be loaded.
        """
        opened, signature = self._open, self._snapshots.signature()
        if opened is None:
            with self._opening:
                if self._open is None:
                    self._open = self._open_published()
                return self._open
        if signature not in (opened.signature, self._refused) and self._opening.acquire(blocking=False):
            threading.Thread(
                target=self._switch, args=(signature,), name="open-snapshot", daemon=True
            ).start()
        return opened

    def snapshot(self) -> Snapshot:
        """The published snapshot, for questions that need no model: none is loaded for them.

        Raises:
            SnapshotError: nothing usable is published.
        """
        if self._open is not None:
            return self.get().snapshot
        with self._opening:
            return self._read()[1]

    def _read(self) -> tuple[Signature, Snapshot]:
        """What is published, opened unless it is open. Call with the lock."""
        signature = self._snapshots.signature()
        if self._snapshot is None or self._snapshot[0] != signature:
            self._snapshot = signature, self._snapshots.open()
        return self._snapshot

    def _switch(self, signature: Signature) -> None:
        try:
            self._open = self._open_published()
            logger.info("Answering from snapshot %s.", self._open.snapshot.name)
        except RecsysError as error:
            # not again at every request; a further publication has another signature
            self._refused = signature
            logger.error("Staying with the snapshot in use, for the one now published is unusable: %s", error)
        finally:
            self._opening.release()

    def _open_published(self) -> Opened:
        signature, snapshot = self._read()
        model = snapshot.manifest.model
        before = self._open
        reuse = before is not None and before.embedder.key == model.key
        embedder = before.embedder if before is not None and reuse else self._embedder_for(model)
        _ = snapshot.positions, snapshot.by_title  # built here, not within the first request
        contents, facets = snapshot.contents, snapshot.facets
        authors = AuthorTable(facets.author_offsets, facets.author_codes)
        indexes = Indexes(contents.dense, contents.lexical, contents.sentences, authors)
        return Opened(snapshot, embedder, indexes, signature)
