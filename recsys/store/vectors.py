"""Vectors of texts and of their sentences, kept once for each model and text, so that a build embeds only what
is new."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import ColumnElement, Connection, Insert, Select, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from recsys.errors import DimensionMismatch, StoreError
from recsys.store.database import Database
from recsys.store.queries import chunks
from recsys.store.schema import vector_models, vectors

__all__ = ["VectorStore"]

_ITEM = np.dtype("<f4")  # the same bytes on every machine
_HASH_BYTES = 32
_MODEL_KEY_LENGTH = 200


class VectorStore:
    """The vectors of one database. Safe to share between threads.

    A vector is known by its model key (at most 200 characters) and the SHA-256 of the embedded text (64
    lower-case hex digits). All vectors of one model key have one width. Beside it stand the vectors of the
    text's sentences, in int8.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, model_key: str) -> set[str]:
        """The hashes of the texts that this model has a vector for, and their sentences' vectors.

        Raises:
            StoreError: the database failed.
        """
        query = (
            select(vectors.c.text_hash)
            .join(vector_models)
            .where(vector_models.c.model_key == model_key, vectors.c.sentences.is_not(None))
        )
        with self._database.read() as connection:
            return {digest.hex() for digest in connection.scalars(query)}

    def put(
        self,
        model_key: str,
        hashes: Sequence[str],
        rows: npt.NDArray[np.float32],
        sentences: npt.NDArray[np.int8],
        offsets: npt.NDArray[np.int64],
    ) -> None:
        """Keep vectors, in one transaction; what is already there stays as it is.

        A text that has a vector and no sentences, from before there were any, is given its sentences.

        Args:
            model_key: everything that decides about the numbers: model, revision, settings.
            hashes: one for each row.
            rows: shape (n, d), float32.
            sentences: shape (u, d), int8.
            offsets: shape (n + 1,), int64, ascending from 0 to u: the sentences of text i are rows
                ``offsets[i]`` to ``offsets[i + 1]``; it may have none.

        Raises:
            DimensionMismatch: this model key already has vectors of another width; nothing is written.
            ValueError: shapes, a hash or the model key are not as described.
            StoreError: the database failed; nothing is written.
        """
        _check(hashes, rows, sentences, offsets)
        if not 0 < len(model_key) <= _MODEL_KEY_LENGTH:
            raise ValueError(f"a model key has 1 to {_MODEL_KEY_LENGTH} characters, not {len(model_key)}")
        keys = [_digest(text_hash) for text_hash in hashes]
        if not keys:
            return
        data = np.ascontiguousarray(rows, dtype=_ITEM)
        with self._database.transaction() as connection:
            model_id = _model_id(connection, model_key, rows.shape[1])
            statement = _insert(connection)
            for chunk in chunks(range(len(keys))):
                values = [
                    {
                        "model_id": model_id,
                        "text_hash": keys[i],
                        "data": data[i].tobytes(),
                        "sentences": sentences[offsets[i] : offsets[i + 1]].tobytes(),
                    }
                    for i in chunk
                ]
                connection.execute(statement, values)

    def load(self, model_key: str, hashes: Sequence[str]) -> npt.NDArray[np.float32]:
        """The vectors for these hashes.

        Args:
            model_key: as given to :meth:`put`.
            hashes: in any order; the same one may come more than once.

        Returns:
            Shape (len(hashes), d), float32, C-contiguous: row i belongs to ``hashes[i]``. d is 0 for no
            hashes of an unknown model.

        Raises:
            StoreError: a hash has no vector with this model, or the database failed.
        """
        first, repeated = _places(hashes)
        with self._database.read() as connection:
            model = _model(connection, model_key)
            if model is None and first:
                raise _missing(model_key, hashes[0])
            model_id, dimension = model or (0, 0)
            result = np.empty((len(hashes), dimension), dtype=np.float32)
            for chunk in chunks(list(first)):
                _fill(connection, result, {digest: first[digest] for digest in chunk}, model_id, model_key)
        for position, origin in repeated:
            result[position] = result[origin]
        return result

    def load_sentences(
        self, model_key: str, hashes: Sequence[str]
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """The vectors of these texts' sentences.

        Args:
            model_key: as given to :meth:`put`.
            hashes: in any order; the same one may come more than once.

        Returns:
            Sentences of shape (u, d), int8, C-contiguous, and offsets of shape (len(hashes) + 1,), int64: the
            sentences of ``hashes[i]`` are rows ``offsets[i]`` to ``offsets[i + 1]``. d is 0 for no hashes of an
            unknown model.

        Raises:
            StoreError: a hash has no sentences with this model, or the database failed.
        """
        first, repeated = _places(hashes)
        digests = list(first)
        with self._database.read() as connection:
            model = _model(connection, model_key)
            if model is None and first:
                raise _missing(model_key, hashes[0])
            model_id, dimension = model or (0, 0)
            sizes = np.zeros(len(hashes), dtype=np.int64)  # in bytes
            for chunk in chunks(digests):
                _fill_sizes(
                    connection, sizes, {digest: first[digest] for digest in chunk}, model_id, model_key
                )
            for position, origin in repeated:
                sizes[position] = sizes[origin]
            if dimension and (damaged := np.flatnonzero(sizes % dimension)).size:
                raise _damaged(
                    f"The sentences of text {hashes[damaged[0]]} under model {model_key!r} have "
                    f"{sizes[damaged[0]]} bytes, which is no multiple of {dimension}."
                )
            ends = np.concatenate([[0], np.cumsum(sizes)])
            result = np.empty(ends[-1], dtype=np.int8)
            bounds = ends.tolist()
            for chunk in chunks(digests):
                query = _of(vectors.c.sentences, model_id, chunk)
                for digest, data in connection.execute(query):
                    place = first[digest]
                    result[bounds[place] : bounds[place + 1]] = np.frombuffer(data, dtype=np.int8)
        for position, origin in repeated:
            result[bounds[position] : bounds[position + 1]] = result[bounds[origin] : bounds[origin + 1]]
        return result.reshape(-1, dimension) if dimension else result.reshape(0, 0), ends // max(dimension, 1)

    def prune(self, model_key: str, keep: Collection[str]) -> int:
        """Delete this model's vectors except those of the hashes to keep; returns how many were deleted.

        Raises:
            StoreError: the database failed; nothing is deleted.
        """
        kept = {_digest(text_hash) for text_hash in keep}
        with self._database.transaction() as connection:
            model = _model(connection, model_key)
            if model is None:
                return 0
            query = select(vectors.c.id, vectors.c.text_hash).where(vectors.c.model_id == model[0])
            doomed = [row_id for row_id, digest in connection.execute(query) if digest not in kept]
            for chunk in chunks(doomed):
                connection.execute(delete(vectors).where(vectors.c.id.in_(chunk)))
            if connection.scalar(select(vectors.c.id).where(vectors.c.model_id == model[0]).limit(1)) is None:
                # The key may be used again with another width.
                connection.execute(delete(vector_models).where(vector_models.c.id == model[0]))
            return len(doomed)

    def counts(self) -> dict[str, int]:
        """The number of vectors of each model key that has any.

        Raises:
            StoreError: the database failed.
        """
        query = (
            select(vector_models.c.model_key, func.count().label("number"))
            .join(vectors)
            .group_by(vector_models.c.model_key)
            .order_by(vector_models.c.model_key)
        )
        with self._database.read() as connection:
            return {row.model_key: row.number for row in connection.execute(query)}


def _insert(connection: Connection) -> Insert:
    """An INSERT that leaves rows that are there as they are, but for sentences that a row lacks."""
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = build(vectors)
    return statement.on_conflict_do_update(
        index_elements=["model_id", "text_hash"],
        set_={"sentences": statement.excluded.sentences},
        where=vectors.c.sentences.is_(None),
    )


def _fill(
    connection: Connection,
    result: npt.NDArray[np.float32],
    rows: dict[bytes, int],
    model_id: int,
    model_key: str,
) -> None:
    """Read the vectors of some digests into their rows of the result."""
    missing = dict(rows)
    for digest, data in connection.execute(_of(vectors.c.data, model_id, list(rows))):
        if len(data) != result.shape[1] * _ITEM.itemsize:
            raise _damaged(
                f"The vector of text {digest.hex()} under model {model_key!r} has {len(data)} bytes, "
                f"not {result.shape[1] * _ITEM.itemsize}."
            )
        result[missing.pop(digest)] = np.frombuffer(data, dtype=_ITEM)
    if missing:
        raise _missing(model_key, next(iter(missing)).hex())


def _fill_sizes(
    connection: Connection,
    sizes: npt.NDArray[np.int64],
    rows: dict[bytes, int],
    model_id: int,
    model_key: str,
) -> None:
    """Read how many bytes the sentences of some digests take."""
    missing = dict(rows)
    for digest, size in connection.execute(_of(func.length(vectors.c.sentences), model_id, list(rows))):
        if size is not None:
            sizes[missing.pop(digest)] = size
    if missing:
        raise _missing(model_key, next(iter(missing)).hex())


def _of(column: ColumnElement[Any], model_id: int, digests: Sequence[bytes]) -> Select[tuple[bytes, Any]]:
    """The text hash and a column of the rows of some digests."""
    return select(vectors.c.text_hash, column).where(
        vectors.c.model_id == model_id, vectors.c.text_hash.in_(digests)
    )


def _places(hashes: Sequence[str]) -> tuple[dict[bytes, int], list[tuple[int, int]]]:
    """The first position of each digest, and (position, first position) of those that come again."""
    first: dict[bytes, int] = {}
    repeated: list[tuple[int, int]] = []
    for position, text_hash in enumerate(hashes):
        origin = first.setdefault(_digest(text_hash), position)
        if origin != position:
            repeated.append((position, origin))
    return first, repeated


def _check(
    hashes: Sequence[str],
    rows: npt.NDArray[np.float32],
    sentences: npt.NDArray[np.int8],
    offsets: npt.NDArray[np.int64],
) -> None:
    """Raise ValueError unless the arrays fit each other."""
    if rows.ndim != 2 or rows.shape[0] != len(hashes) or rows.shape[1] == 0:
        raise ValueError(f"{len(hashes)} hashes cannot name vectors of shape {rows.shape}")
    if rows.dtype != np.float32:
        raise ValueError(f"vectors must be float32, not {rows.dtype}")
    if sentences.dtype != np.int8 or sentences.ndim != 2 or sentences.shape[1] != rows.shape[1]:
        raise ValueError(
            f"vectors of sentences must be int8 of shape (u, {rows.shape[1]}), not {sentences.dtype} of shape "
            f"{sentences.shape}"
        )
    if (
        offsets.shape != (len(hashes) + 1,)
        or offsets[0] != 0
        or offsets[-1] != len(sentences)
        or np.any(np.diff(offsets) < 0)
    ):
        raise ValueError(f"offsets do not cut {len(sentences)} vectors of sentences into {len(hashes)} texts")


def _model(connection: Connection, model_key: str) -> tuple[int, int] | None:
    """The id and width of a model key, None when nothing was ever put under it."""
    query = select(vector_models.c.id, vector_models.c.dimension)
    row = connection.execute(query.where(vector_models.c.model_key == model_key)).one_or_none()
    return None if row is None else (row.id, row.dimension)


def _model_id(connection: Connection, model_key: str, dimension: int) -> int:
    model = _model(connection, model_key)
    if model is None:
        statement = insert(vector_models).values(model_key=model_key, dimension=dimension)
        new_id: int = connection.scalars(statement.returning(vector_models.c.id)).one()
        return new_id
    if model[1] != dimension:
        raise DimensionMismatch(
            f"Model {model_key!r} has vectors of {model[1]} numbers in the store; these have {dimension}.",
            hint="Give the changed model another key, or prune the old vectors first.",
        )
    return model[0]


def _digest(text_hash: str) -> bytes:
    digest = bytes.fromhex(text_hash)
    if len(digest) != _HASH_BYTES or digest.hex() != text_hash:
        raise ValueError(f"a text hash has {2 * _HASH_BYTES} lower-case hex digits: {text_hash!r}")
    return digest


def _damaged(message: str) -> StoreError:
    return StoreError(message, hint="The database was damaged: restore a backup.")


def _missing(model_key: str, text_hash: str) -> StoreError:
    return StoreError(
        f"There is no vector of text {text_hash} under model {model_key!r}.",
        hint="Run `recsys build`: it embeds what is missing.",
    )
