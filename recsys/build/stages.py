"""The stages after ingest: embed what changed, index everything, publish.

Each is idempotent. Vectors reach the store in batches, so a build that is killed goes on where it was; a snapshot
is whole or absent (:mod:`recsys.index.snapshot`). A build whose outcome would equal the published snapshot stops
after comparing fingerprints.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from recsys.embedding.models import Embedder, embedding_text, text_hash
from recsys.errors import DamagedSnapshot, InvalidRequest
from recsys.index.dense import build_dense
from recsys.index.snapshot import (
    FORMAT,
    NO_VENUE,
    NO_WORK,
    NO_YEAR,
    Facets,
    Manifest,
    ModelReference,
    SnapshotFolder,
)
from recsys.store.papers import PaperStore, ScanRow
from recsys.store.vectors import VectorStore

Progress = Callable[[int, int], None]

CHUNK = 2048  # texts embedded between two writes: what a kill -9 can cost, half a minute on two cores

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes:
        manifest: the published snapshot's.
        embedded: texts that had no vector yet.
        published: False when the published snapshot was up to date already.
        pruned: names of the old snapshots that were deleted.
    """

    manifest: Manifest
    embedded: int
    published: bool
    pruned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Corpus:
    """The visible papers, by ascending id, as columns aligned by position."""

    facets: Facets
    text_hashes: list[str]

    def fingerprint(self, embedder: Embedder, exact_limit: int) -> str:
        """SHA-256 over all that decides what a snapshot holds."""
        digest = hashlib.sha256(f"{FORMAT}\0{embedder.key}\0{exact_limit}".encode())
        facets = self.facets
        for column in (facets.years, facets.venues, facets.works):
            digest.update(column.tobytes())
        for strings in (facets.ids, facets.venue_names, self.text_hashes):
            digest.update("\0".join(strings).encode() + b"\1")
        return digest.hexdigest()


def build(
    papers: PaperStore,
    vectors: VectorStore,
    snapshots: SnapshotFolder,
    embedder: Embedder,
    *,
    exact_limit: int,
    keep_snapshots: int,
    threads: int | None = None,
    on_embedded: Progress = lambda _done, _total: None,
) -> BuildReport:
    """Bring the published snapshot up to date with the store. Hold the deployment's lock while calling.

    Args:
        papers: what to publish; hidden papers are left out.
        vectors: where vectors are kept between builds.
        snapshots: where to publish.
        embedder: the model.
        exact_limit: see :func:`recsys.index.dense.build_dense`.
        keep_snapshots: how many snapshots to leave.
        threads: that indexing may use; None is every core.
        on_embedded: called with the texts embedded so far and to embed in all.

    Raises:
        InvalidRequest: the store holds no paper.
    """
    snapshots.sweep()
    corpus = read_corpus(papers, embedder)
    embedded = 0
    if missing := set(corpus.text_hashes) - vectors.known(embedder.key):
        logger.info("Embedding %d texts with %s (%s).", len(missing), embedder.spec.id, embedder.description)
        embedded = embed(papers, vectors, embedder, missing, on_embedded)
        corpus = read_corpus(papers, embedder)  # a paper may have been hidden meanwhile
    if not corpus.facets.ids:
        raise InvalidRequest("The store holds no paper to build from.", hint="Run `recsys ingest …` first.")
    fingerprint = corpus.fingerprint(embedder, exact_limit)
    manifest = whole_snapshot(snapshots, fingerprint)
    if manifest is None:
        logger.info("Indexing %d papers.", len(corpus.facets.ids))
        rows = vectors.load(embedder.key, corpus.text_hashes)
        dense = build_dense(rows, exact_limit=exact_limit, threads=threads)
        model = ModelReference(embedder.spec.id, embedder.key, embedder.dimension)
        manifest = snapshots.write(corpus.facets, dense, model, fingerprint)
    is_new = not snapshots.is_published(manifest.name)
    if is_new:
        snapshots.publish(manifest.name)
    pruned = snapshots.prune(keep_snapshots)
    forget_unused(vectors, snapshots, embedder.key, set(corpus.text_hashes))
    return BuildReport(manifest, embedded, is_new, tuple(pruned))


def read_corpus(papers: PaperStore, embedder: Embedder) -> Corpus:
    """Read all visible papers' columns and the hashes of their texts."""
    ids: list[str] = []
    hashes: list[str] = []
    years: list[int] = []
    venues: list[int] = []
    works: list[int] = []
    venue_codes: dict[str, int] = {}
    work_codes: dict[str, int] = {}
    for row in _rows(papers):
        ids.append(row.id)
        hashes.append(text_hash(_text(row, embedder)))
        years.append(row.year or NO_YEAR)
        venues.append(NO_VENUE if row.venue is None else venue_codes.setdefault(row.venue, len(venue_codes)))
        works.append(
            NO_WORK if row.work_key is None else work_codes.setdefault(row.work_key, len(work_codes))
        )
    facets = Facets(
        ids,
        np.array(years, np.int16),
        np.array(venues, np.int32),
        list(venue_codes),
        np.array(works, np.int32),
    )
    return Corpus(facets, hashes)


def embed(
    papers: PaperStore, vectors: VectorStore, embedder: Embedder, missing: set[str], on_embedded: Progress
) -> int:
    """Embed the texts whose hashes are in ``missing``, each once, and keep their vectors.

    Returns:
        how many texts were embedded.
    """
    total, done = len(missing), 0

    def on_chunk(in_chunk: int, _: int) -> None:
        on_embedded(done + in_chunk, total)

    for chunk in _chunks(papers, embedder, set(missing)):
        vectors.put(embedder.key, list(chunk), embedder.encode(list(chunk.values()), progress=on_chunk))
        done += len(chunk)
        on_embedded(done, total)
    return done


def whole_snapshot(snapshots: SnapshotFolder, fingerprint: str) -> Manifest | None:
    """The newest snapshot with this fingerprint whose files are whole, published or not."""
    for name in reversed(snapshots.names()):
        try:
            if snapshots.manifest(name).fingerprint == fingerprint:
                return snapshots.verify(name)
        except DamagedSnapshot as error:
            logger.warning("Passing over a damaged snapshot: %s", error.message)
    return None


def forget_unused(vectors: VectorStore, snapshots: SnapshotFolder, key: str, texts: set[str]) -> None:
    """Delete vectors of texts that no visible paper has, and of models that no snapshot uses any more."""
    used = {snapshots.manifest(name).model.key for name in snapshots.names()} | {key}
    for other in vectors.counts():
        if other not in used:
            vectors.prune(other, ())
    vectors.prune(key, texts)


def _rows(papers: PaperStore) -> Iterator[ScanRow]:
    for batch in papers.scan():
        yield from batch


def _text(row: ScanRow, embedder: Embedder) -> str:
    return embedding_text(embedder.spec, row.title, row.abstract, row.keywords)


def _chunks(papers: PaperStore, embedder: Embedder, missing: set[str]) -> Iterator[dict[str, str]]:
    chunk: dict[str, str] = {}
    for row in _rows(papers):
        text = _text(row, embedder)
        key = text_hash(text)
        if key in missing:
            missing.discard(key)
            chunk[key] = text
            if len(chunk) == CHUNK:
                yield chunk
                chunk = {}
    if chunk:
        yield chunk
