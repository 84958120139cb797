"""The files of a lexical index, written by :func:`save_arrays` and mapped, not read, by :func:`load_arrays`.

lexical.json                     counts, the average length, BM25's parameters, the rules that made the terms
data.csc.index.npy …             bm25s's own: the inverted lists with their weights, and params.index.json
vocabulary.npy                   hashes of all terms, ascending
text-{indptr,ids,counts}.npy     the text terms of every paper
names-{indptr,ids,counts}.npy    the name terms of every paper
lengths.npy keys.npy             of every paper
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from recsys.errors import DamagedSnapshot
from recsys.index.lexical_arrays import K1, METHOD, B, LexicalArrays, Rows
from recsys.index.terms import terms_version

FORMAT = 1
SUMMARY = "lexical.json"


@dataclass(frozen=True, slots=True)
class _Summary:
    """What the files must add up to."""

    format: int
    papers: int
    terms: int
    text_entries: int
    name_entries: int
    average_length: float
    k1: float
    b: float
    method: str
    rules: str


def save_arrays(arrays: LexicalArrays, folder: Path) -> None:
    """Write an index into ``folder``, which must not exist yet."""
    folder.mkdir(parents=True)
    arrays.inverted.save(folder, show_progress=False)
    for name, array in _named(arrays).items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    (folder / SUMMARY).write_bytes(orjson.dumps(asdict(_summary(arrays)), option=orjson.OPT_INDENT_2))


def load_arrays(folder: Path) -> LexicalArrays:
    """Map an index.

    Raises:
        DamagedSnapshot: a file is missing, cannot be read, or does not fit the others.
    """
    import bm25s

    try:
        written = _Summary(**orjson.loads((folder / SUMMARY).read_bytes()))
        inverted = bm25s.BM25.load(folder, mmap=True, load_vocab=False, show_progress=False)
        inverted.scores |= {name: _plain(inverted.scores[name]) for name in ("data", "indices", "indptr")}
        arrays = LexicalArrays(
            vocabulary=_mapped(folder, "vocabulary", np.uint64),
            text=_mapped_rows(folder, "text"),
            names=_mapped_rows(folder, "names"),
            lengths=_mapped(folder, "lengths", np.float32),
            average_length=written.average_length,
            keys=_mapped(folder, "keys", np.uint64),
            inverted=inverted,
        )
        found = _summary(arrays, rules=written.rules)
    except (OSError, EOFError, ValueError, TypeError, KeyError, IndexError) as error:
        raise _damaged(folder, f"cannot be read: {error}") from error
    if found != written:
        raise _damaged(folder, f"holds {asdict(found)}, its {SUMMARY} says {asdict(written)}")
    if reason := _disagreement(arrays):
        raise _damaged(folder, reason)
    return arrays


def _named(arrays: LexicalArrays) -> dict[str, NDArray[Any]]:
    named: dict[str, NDArray[Any]] = {
        "vocabulary": arrays.vocabulary,
        "lengths": arrays.lengths,
        "keys": arrays.keys,
    }
    for kind, rows in (("text", arrays.text), ("names", arrays.names)):
        named |= {f"{kind}-indptr": rows.indptr, f"{kind}-ids": rows.ids, f"{kind}-counts": rows.counts}
    return named


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """The same memory as a bare ``ndarray``: slicing a ``memmap`` costs microseconds."""
    return array.view(np.ndarray)


def _mapped(folder: Path, name: str, dtype: type[np.generic]) -> NDArray[Any]:
    array: NDArray[Any] = _plain(np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False))
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name}.npy holds {array.ndim}-dimensional {array.dtype}")
    return array


def _mapped_rows(folder: Path, kind: str) -> Rows:
    return Rows(
        _mapped(folder, f"{kind}-indptr", np.int64),
        _mapped(folder, f"{kind}-ids", np.int32),
        _mapped(folder, f"{kind}-counts", np.uint16),
    )


def _summary(arrays: LexicalArrays, rules: str | None = None) -> _Summary:
    return _Summary(
        format=FORMAT,
        papers=int(arrays.inverted.scores["num_docs"]),
        terms=len(arrays.vocabulary),
        text_entries=len(arrays.text.ids),
        name_entries=len(arrays.names.ids),
        average_length=arrays.average_length,
        k1=arrays.inverted.k1,
        b=arrays.inverted.b,
        method=arrays.inverted.method,
        rules=terms_version() if rules is None else rules,
    )


def _disagreement(arrays: LexicalArrays) -> str:
    """Why these arrays cannot be one index; empty when they can."""
    if (arrays.inverted.k1, arrays.inverted.b, arrays.inverted.method) != (K1, B, METHOD):
        return "was made with other parameters of BM25"
    papers, entries = len(arrays.lengths), len(arrays.text.ids) + len(arrays.names.ids)
    lists = arrays.list_indptr
    checks = {
        "text rows": _fits(arrays.text.indptr, papers, len(arrays.text.ids), len(arrays.text.counts)),
        "name rows": _fits(arrays.names.indptr, papers, len(arrays.names.ids), len(arrays.names.counts)),
        "inverted lists": _fits(lists, len(arrays.vocabulary), len(arrays.list_papers), entries)
        and len(arrays.list_weights) == entries,
        "keys": len(arrays.keys) == papers == arrays.inverted.scores["num_docs"],
    }
    wrong = [name for name, fits in checks.items() if not fits]
    return f"does not fit together: {', '.join(wrong)}" if wrong else ""


def _fits(indptr: NDArray[Any], rows: int, *entries: int) -> bool:
    return len(indptr) == rows + 1 and indptr[0] == 0 and all(int(indptr[-1]) == count for count in entries)


def _damaged(folder: Path, what: str) -> DamagedSnapshot:
    return DamagedSnapshot(
        f"The lexical index {folder} {what}.", hint="Run `recsys snapshots rollback`, then `recsys build`."
    )
