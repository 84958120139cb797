"""The stages after ingest: embed what changed, index everything, publish.

Each is idempotent. Vectors reach the store in batches, so a build that is killed goes on where it was; a snapshot
is whole or absent (:mod:`recsys.index.snapshot`). A build whose outcome would equal the published snapshot stops
after comparing fingerprints.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from recsys.build.corpus import documents_of, read_corpus, scan, text_of
from recsys.build.indexing import Progress, base_for, index_corpus
from recsys.build.topics import TopicOptions, find_topics
from recsys.embedding.models import Embedder, text_hash
from recsys.embedding.passages import Passage, pack, paper_passage
from recsys.errors import DamagedSnapshot, InvalidRequest, SnapshotError
from recsys.index.snapshot import Manifest, ModelReference, Snapshot, SnapshotFolder
from recsys.recommend.related import RANKING
from recsys.store.papers import PaperStore
from recsys.store.vectors import VectorStore
from recsys.topics.tree import check_counts

DEFAULT_TOPICS = TopicOptions()
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


def build(
    papers: PaperStore,
    vectors: VectorStore,
    snapshots: SnapshotFolder,
    embedder: Embedder,
    *,
    exact_limit: int,
    keep_snapshots: int,
    threads: int | None = None,
    topics: TopicOptions = DEFAULT_TOPICS,
    on_progress: Progress = lambda _stage, _done, _total: None,
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
        topics: what is asked of the topics.
        on_progress: called with what is being done, how much of it is done, and how much there is.

    Raises:
        InvalidRequest: the store holds no paper, or so many topics cannot be had of it.
    """
    snapshots.sweep()
    corpus = read_corpus(papers, embedder)
    embedded = 0
    if missing := set(corpus.text_hashes) - vectors.known(embedder.key):
        logger.info("Embedding %d texts with %s (%s).", len(missing), embedder.spec.id, embedder.description)
        embedded = embed(papers, vectors, embedder, missing, on_progress)
        corpus = read_corpus(papers, embedder)  # a paper may have been hidden meanwhile
    if not corpus.facets.ids:
        raise InvalidRequest("The store holds no paper to build from.", hint="Run `recsys ingest …` first.")
    check_counts(topics.counts, len(corpus.facets.ids))
    fingerprint = corpus.fingerprint(embedder, exact_limit, topics.fingerprint())
    manifest = None if topics.anew else whole_snapshot(snapshots, fingerprint)
    if manifest is None:
        previous = _newest(snapshots)
        base = base_for(corpus, previous, embedder.key)
        fresh = len(corpus.facets.ids) if base is None else int(np.count_nonzero(base.kept < 0))
        logger.info("Indexing %d papers, %d of them new.", len(corpus.facets.ids), fresh)
        contents = index_corpus(
            corpus,
            vectors,
            embedder.key,
            base,
            exact_limit=exact_limit,
            threads=threads,
            topics=lambda indexed: find_topics(
                indexed,
                None if previous is None else (previous.contents.topics, previous.facets.ids),
                None if base is None else base.kept,
                topics,
                documents=lambda: documents_of(papers, corpus.facets.ids),
                at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                exact_limit=exact_limit,
                threads=threads,
                progress=on_progress,
            ),
            progress=on_progress,
        )
        model = ModelReference(embedder.spec.id, embedder.key, embedder.dimension)
        manifest = snapshots.write(
            contents,
            model,
            fingerprint,
            ranking=RANKING,
            base=None if base is None else base.snapshot.manifest.base,
        )
    is_new = not snapshots.is_published(manifest.name)
    if is_new:
        snapshots.publish(manifest.name)
    pruned = snapshots.prune(keep_snapshots)
    forget_unused(vectors, snapshots, embedder.key, set(corpus.text_hashes))
    return BuildReport(manifest, embedded, is_new, tuple(pruned))


def embed(
    papers: PaperStore, vectors: VectorStore, embedder: Embedder, missing: set[str], on_progress: Progress
) -> int:
    """Embed the texts whose hashes are in ``missing``, each once, and keep their vectors and their sentences'.

    Returns:
        how many texts were embedded.
    """
    total, done = len(missing), 0

    def on_chunk(in_chunk: int, _: int) -> None:
        on_progress("Embedding", done + in_chunk, total)

    for chunk in _chunks(papers, embedder, set(missing)):
        found = embedder.encode_passages(list(chunk.values()), progress=on_chunk)
        vectors.put(embedder.key, list(chunk), found.vectors, pack(found.sentences), found.offsets)
        done += len(chunk)
        on_progress("Embedding", done, total)
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


def _newest(snapshots: SnapshotFolder) -> Snapshot | None:
    """The published snapshot, to build on, if it can be read."""
    try:
        return snapshots.open()
    except SnapshotError as error:
        logger.debug("Nothing to build on: %s", error.message)
        return None


def forget_unused(vectors: VectorStore, snapshots: SnapshotFolder, key: str, texts: set[str]) -> None:
    """Delete vectors of texts that no visible paper has, and of models that no snapshot uses any more."""
    used = {key}
    for name in snapshots.names():
        with suppress(DamagedSnapshot):  # of a former format, say: nothing reads its vectors again
            used.add(snapshots.manifest(name).model.key)
    for other in vectors.counts():
        if other not in used:
            vectors.prune(other, ())
    vectors.prune(key, texts)


def _chunks(papers: PaperStore, embedder: Embedder, missing: set[str]) -> Iterator[dict[str, Passage]]:
    chunk: dict[str, Passage] = {}
    for row in scan(papers):
        key = text_hash(text_of(row, embedder))
        if key in missing:
            missing.discard(key)
            chunk[key] = paper_passage(embedder.spec, row.title, row.abstract, row.keywords)
            if len(chunk) == CHUNK:
                yield chunk
                chunk = {}
    if chunk:
        yield chunk
