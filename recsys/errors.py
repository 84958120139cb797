"""Every error this package raises on purpose.

    RecsysError
    ├── InvalidRequest          what was asked cannot be asked (an empty text, k = 0, an unknown option)
    ├── NotFound                no such paper, topic, model spec or snapshot
    │   ├── PaperNotFound
    │   ├── TopicNotFound
    │   └── UnknownModel
    ├── RecordError             one source record cannot become a Paper; an ingest counts these and goes on
    │   └── RejectedRecord      the first of them, under --strict: the ingest stopped and wrote nothing
    ├── SourceError             a whole source cannot be read: no such file, wrong layout, the network refused
    ├── StoreError              the database cannot be opened, reached or understood
    ├── ModelError              a model is known but cannot be used
    │   ├── MissingWeights      its weights or the package that carries them are not installed
    │   ├── WeightsMismatch     its weights are not the bytes that its spec names
    │   └── DimensionMismatch   its vectors have another width than its spec, or the snapshot, says
    ├── SnapshotError           the published index cannot be used
    │   ├── NoSnapshot          nothing was built yet
    │   └── DamagedSnapshot     a file is missing or its checksum differs
    └── LockHeld                another process is writing to this deployment

Each carries a sentence that names the thing and the value, and a ``hint``: the next step for whoever reads it.
The command line prints both and exits with 1; the API answers with both in its one error shape.
"""

from __future__ import annotations


class RecsysError(Exception):
    """Base of all deliberate errors.

    Args:
        message: one sentence naming the thing and the value that were wrong.
        hint: what to do next, as an imperative sentence; empty when there is nothing to add.
    """

    #: Stable, machine-readable name of the kind of error: part of the API's contract.
    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class InvalidRequest(RecsysError):
    """What was asked cannot be asked."""

    code = "invalid_request"


class NotFound(RecsysError):
    """The thing named does not exist."""

    code = "not_found"


class PaperNotFound(NotFound):
    """No paper with this id is in the store, or it was withdrawn."""

    code = "paper_not_found"


class TopicNotFound(NotFound):
    """No topic has this id, or an editor has hidden it."""

    code = "topic_not_found"


class UnknownModel(NotFound):
    """No model spec has this id and it is no folder either."""

    code = "unknown_model"


class RecordError(RecsysError):
    """One source record cannot become a :class:`~recsys.records.Paper`."""

    code = "bad_record"


class RejectedRecord(RecordError):
    """The first bad record of a strict ingest."""

    code = "rejected_record"


class SourceError(RecsysError):
    """A source cannot be read at all."""

    code = "source_unreadable"


class StoreError(RecsysError):
    """The database cannot be opened, reached or understood."""

    code = "store_unavailable"


class ModelError(RecsysError):
    """A model is known but cannot be used."""

    code = "model_unusable"


class MissingWeights(ModelError):
    """The weights, or the package that carries them, are not here."""

    code = "missing_weights"


class WeightsMismatch(ModelError):
    """The weights are not the bytes named in the spec."""

    code = "weights_mismatch"


class DimensionMismatch(ModelError):
    """Vectors have another width than was declared."""

    code = "dimension_mismatch"


class SnapshotError(RecsysError):
    """The published index cannot be used."""

    code = "snapshot_unusable"


class NoSnapshot(SnapshotError):
    """Nothing was built yet."""

    code = "no_snapshot"


class DamagedSnapshot(SnapshotError):
    """A file of the snapshot is missing or is not what was written."""

    code = "damaged_snapshot"


class LockHeld(RecsysError):
    """Another process is writing to this deployment."""

    code = "lock_held"
