"""Vectors, kept once for each model and text, so that a build embeds only what is new."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, func, insert, select

from recsys.errors import DimensionMismatch, StoreError
from recsys.store.database import Database
from recsys.store.queries import chunks, insert_missing
from recsys.store.schema import vector_models, vectors

__all__ = ["VectorStore"]

_ITEM = np.dtype("<f4")  # the same bytes on every machine
_HASH_BYTES = 32
_MODEL_KEY_LENGTH = 200


class VectorStore:
    """The vectors of one database. Safe to share between threads.

    A vector is known by its model key (at most 200 characters) and the SHA-256 of the embedded text (64
    lower-case hex digits). All vectors of one model key have one width.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, model_key: str) -> set[str]:
        """The text hashes that this model has vectors for.

        Raises:
            StoreError: the database failed.
        """
        query = select(vectors.c.text_hash).join(vector_models).where(vector_models.c.model_key == model_key)
        with self._database.read() as connection:
            return {digest.hex() for digest in connection.scalars(query)}

    def put(self, model_key: str, hashes: Sequence[str], rows: npt.NDArray[np.float32]) -> None:
        """Keep vectors, in one transaction; one that is already there stays as it is.

        Args:
            model_key: everything that decides about the numbers: model, revision, settings.
            hashes: one for each row.
            rows: shape (n, d), float32.

        Raises:
            DimensionMismatch: this model key already has vectors of another width; nothing is written.
            ValueError: shapes, a hash or the model key are not as described.
            StoreError: the database failed; nothing is written.
        """
        if rows.ndim != 2 or rows.shape[0] != len(hashes) or rows.shape[1] == 0:
            raise ValueError(f"{len(hashes)} hashes cannot name vectors of shape {rows.shape}")
        if rows.dtype != np.float32:
            raise ValueError(f"vectors must be float32, not {rows.dtype}")
        if not 0 < len(model_key) <= _MODEL_KEY_LENGTH:
            raise ValueError(f"a model key has 1 to {_MODEL_KEY_LENGTH} characters, not {len(model_key)}")
        keys = [_digest(text_hash) for text_hash in hashes]
        if not keys:
            return
        data = np.ascontiguousarray(rows, dtype=_ITEM)
        with self._database.transaction() as connection:
            model_id = _model_id(connection, model_key, rows.shape[1])
            statement = insert_missing(connection, vectors)
            for chunk in chunks(range(len(keys))):
                connection.execute(
                    statement,
                    [{"model_id": model_id, "text_hash": keys[i], "data": data[i].tobytes()} for i in chunk],
                )

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
        # digest -> the first row that wants it; the rows that repeat it are copied at the end
        first: dict[bytes, int] = {}
        repeated: list[tuple[int, int]] = []
        for position, text_hash in enumerate(hashes):
            origin = first.setdefault(_digest(text_hash), position)
            if origin != position:
                repeated.append((position, origin))
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


def _fill(
    connection: Connection,
    result: npt.NDArray[np.float32],
    rows: dict[bytes, int],
    model_id: int,
    model_key: str,
) -> None:
    """Read the vectors of some digests into their rows of the result."""
    query = select(vectors.c.text_hash, vectors.c.data).where(
        vectors.c.model_id == model_id, vectors.c.text_hash.in_(list(rows))
    )
    missing = dict(rows)
    for digest, data in connection.execute(query):
        if len(data) != result.shape[1] * _ITEM.itemsize:
            raise StoreError(
                f"The vector of text {digest.hex()} under model {model_key!r} has {len(data)} bytes, "
                f"not {result.shape[1] * _ITEM.itemsize}.",
                hint="The database was damaged: restore a backup.",
            )
        result[missing.pop(digest)] = np.frombuffer(data, dtype=_ITEM)
    if missing:
        raise _missing(model_key, next(iter(missing)).hex())


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


def _missing(model_key: str, text_hash: str) -> StoreError:
    return StoreError(
        f"There is no vector of text {text_hash} under model {model_key!r}.",
        hint="Run `recsys build`: it embeds what is missing.",
    )
