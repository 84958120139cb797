import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from recsys.errors import DimensionMismatch, StoreError
from recsys.store.database import Database
from recsys.store.schema import vectors
from recsys.store.vectors import VectorStore


def text_hash(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def rows(*numbers: int, width: int = 3) -> npt.NDArray[np.float32]:
    """Row i is numbers[i] + 0.1, numbers[i] + 1.1, …"""
    return (np.array(numbers)[:, None] + np.arange(width) + 0.1).astype(np.float32)


H = [text_hash(i) for i in range(3000)]


def cut(counts: Sequence[int]) -> npt.NDArray[np.int64]:
    """Offsets of texts with these numbers of sentences."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def put(store: VectorStore, key: str, hashes: Sequence[str], vectors: npt.NDArray[np.float32]) -> None:
    """Keep vectors of texts that have no sentences."""
    sentences = np.empty((0, vectors.shape[1]), dtype=np.int8)
    store.put(key, hashes, vectors, sentences, cut([0] * len(hashes)))


#: Five sentences of width 3: those of a text with two, one with none and one with three.
SENTENCES = np.array([[1, -2, 3], [127, 0, -127], [4, 5, 6], [7, 8, 9], [-1, -1, 0]], dtype=np.int8)


@pytest.fixture
def store(database: Database) -> VectorStore:
    return VectorStore(database)


def test_vectors_come_back_in_the_order_asked_for(store: VectorStore) -> None:
    put(store, "model", H[:4], rows(0, 1, 2, 3))
    loaded = store.load("model", [H[2], H[0], H[2], H[3], H[2]])
    np.testing.assert_array_equal(loaded, rows(2, 0, 2, 3, 2))
    assert loaded.dtype == np.float32
    assert loaded.flags.c_contiguous
    assert loaded.flags.writeable


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.integers(0, 2999), max_size=50))
def test_any_selection_comes_back_bit_for_bit(store: VectorStore, wanted: list[int]) -> None:
    everything = np.random.default_rng(0).standard_normal((3000, 3), dtype=np.float32)
    everything[0] = [-0.0, np.inf, np.nan]
    chosen = sorted(set(wanted))
    store.prune("model", [])
    put(store, "model", [H[i] for i in chosen], everything[chosen])
    assert store.known("model") == {H[i] for i in chosen}
    assert store.load("model", [H[i] for i in wanted]).tobytes() == everything[wanted].tobytes()


def test_many_vectors_in_one_call(store: VectorStore) -> None:
    everything = rows(*range(3000), width=8)
    put(store, "model", H, everything)
    np.testing.assert_array_equal(store.load("model", H[::-1]), everything[::-1])
    assert store.counts() == {"model": 3000}


def test_rows_that_are_not_contiguous_are_stored_as_they_read(store: VectorStore) -> None:
    wide = rows(0, 1, 2, width=6)
    put(store, "model", H[:3], wide[:, ::2])
    np.testing.assert_array_equal(store.load("model", H[:3]), wide[:, ::2])


def test_putting_again_keeps_what_is_there(store: VectorStore) -> None:
    put(store, "model", H[:2], rows(0, 1))
    put(store, "model", [H[1], H[2], H[2]], rows(7, 2, 8))
    np.testing.assert_array_equal(store.load("model", H[:3]), rows(0, 1, 2))
    assert store.counts() == {"model": 3}


def test_models_do_not_share_vectors(store: VectorStore) -> None:
    put(store, "one", H[:2], rows(0, 1))
    put(store, "two", H[1:2], rows(5, width=4))
    assert store.known("one") == {H[0], H[1]}
    assert store.known("two") == {H[1]}
    assert store.known("three") == set()
    np.testing.assert_array_equal(store.load("two", [H[1]]), rows(5, width=4))
    assert store.counts() == {"one": 2, "two": 1}


def test_another_width_is_refused_and_nothing_written(store: VectorStore) -> None:
    put(store, "model", H[:1], rows(0))
    with pytest.raises(DimensionMismatch, match="vectors of 3 numbers in the store; these have 4"):
        put(store, "model", H[:2], rows(0, 1, width=4))
    assert store.known("model") == {H[0]}


@pytest.mark.parametrize("model_key", ["model", "unknown"])
def test_a_missing_vector_is_named(store: VectorStore, model_key: str) -> None:
    put(store, "model", H[:1], rows(0))
    wanted = H[1:] if model_key == "unknown" else [H[0], H[1]]
    with pytest.raises(StoreError) as refused:
        store.load(model_key, wanted)
    assert refused.value.message == f"There is no vector of text {H[1]} under model {model_key!r}."


def test_nothing_can_be_put_and_loaded(store: VectorStore) -> None:
    put(store, "model", [], np.empty((0, 3), dtype=np.float32))
    assert store.counts() == {}
    assert store.load("model", []).shape == (0, 0)
    put(store, "model", H[:1], rows(0))
    assert store.load("model", []).shape == (0, 3)


def test_pruning_keeps_what_is_named(store: VectorStore) -> None:
    put(store, "model", H, rows(*range(3000)))
    put(store, "other", H[:5], rows(*range(5)))
    assert store.prune("model", {H[1], H[2999], text_hash(-1)}) == 2998
    assert store.known("model") == {H[1], H[2999]}
    assert store.counts() == {"model": 2, "other": 5}
    assert store.prune("unknown", []) == 0


def test_a_model_pruned_of_everything_may_come_back_with_another_width(store: VectorStore) -> None:
    put(store, "model", H[:2], rows(0, 1))
    assert store.prune("model", []) == 2
    put(store, "model", H[:2], rows(0, 1, width=5))
    np.testing.assert_array_equal(store.load("model", H[:2]), rows(0, 1, width=5))


def test_a_damaged_vector_is_named(store: VectorStore, database: Database) -> None:
    put(store, "model", H[:1], rows(0))
    with database.transaction() as connection:
        connection.execute(update(vectors).values(data=b"\0\0\0\0"))
    with pytest.raises(StoreError, match=f"{H[0]} under model 'model' has 4 bytes, not 12"):
        store.load("model", H[:1])


@pytest.mark.parametrize(
    ("model_key", "hashes", "given"),
    [
        ("model", H[:2], rows(0)),
        ("model", H[:1], rows(0)[0]),
        ("model", H[:1], rows(0, width=0)),
        ("model", H[:1], rows(0).astype(np.float64)),
        ("model", ["ab"], rows(0)),
        ("model", [H[0].upper()], rows(0)),
        ("model", ["not hexadecimal"], rows(0)),
        ("", H[:1], rows(0)),
        ("m" * 201, H[:1], rows(0)),
    ],
)
def test_calls_that_break_the_contract(
    store: VectorStore, model_key: str, hashes: list[str], given: npt.NDArray[np.float32]
) -> None:
    width = given.shape[-1]
    with pytest.raises(ValueError, match=r"vectors|model key|hash|hexadecimal"):
        store.put(model_key, hashes, given, np.empty((0, width), dtype=np.int8), cut([0] * len(hashes)))
    assert store.counts() == {}


def test_sentences_come_back_in_the_order_asked_for(store: VectorStore) -> None:
    store.put("model", H[:3], rows(0, 1, 2), SENTENCES, cut([2, 0, 3]))
    sentences, offsets = store.load_sentences("model", [H[2], H[0], H[1], H[2], H[1]])
    np.testing.assert_array_equal(offsets, [0, 3, 5, 5, 8, 8])
    np.testing.assert_array_equal(sentences, SENTENCES[[2, 3, 4, 0, 1, 2, 3, 4]])
    assert (sentences.dtype, offsets.dtype, sentences.flags.c_contiguous) == (np.int8, np.int64, True)
    np.testing.assert_array_equal(store.load("model", H[:3]), rows(0, 1, 2))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=40), data=st.data())
def test_any_sentences_come_back(store: VectorStore, counts: list[int], data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=30))
    offsets = cut(counts)
    everything = np.random.default_rng(0).integers(-127, 128, (offsets[-1], 3), dtype=np.int8)
    store.prune("model", [])
    store.put("model", H[: len(counts)], rows(*range(len(counts))), everything, offsets)
    found, cuts = store.load_sentences("model", [H[i] for i in wanted])
    np.testing.assert_array_equal(np.diff(cuts), [counts[i] for i in wanted])
    expected = [everything[offsets[i] : offsets[i + 1]] for i in wanted]
    np.testing.assert_array_equal(found, np.vstack([np.empty((0, 3), np.int8), *expected]))


def test_many_sentences_in_one_call(store: VectorStore) -> None:
    everything = (np.arange(6000)[:, None] % 100 + np.arange(3)).astype(np.int8)
    store.put("model", H, rows(*range(3000)), everything, cut([2] * 3000))
    found, offsets = store.load_sentences("model", H[::-1])
    np.testing.assert_array_equal(offsets, np.arange(0, 6001, 2))
    np.testing.assert_array_equal(found, everything.reshape(3000, 2, 3)[::-1].reshape(6000, 3))


def test_a_text_without_sentences_is_given_them_and_keeps_its_vector(
    store: VectorStore, database: Database
) -> None:
    put(store, "model", H[:2], rows(0, 1))
    with database.transaction() as connection:
        old = vectors.c.text_hash == bytes.fromhex(H[0])
        connection.execute(update(vectors).where(old).values(sentences=None))
    assert store.known("model") == {H[1]}
    with pytest.raises(StoreError, match=f"no vector of text {H[0]}"):
        store.load_sentences("model", [H[1], H[0]])
    store.put("model", H[:2], rows(7, 8), SENTENCES, cut([2, 3]))
    assert store.known("model") == {H[0], H[1]}
    np.testing.assert_array_equal(store.load("model", H[:2]), rows(0, 1))
    sentences, offsets = store.load_sentences("model", H[:2])
    np.testing.assert_array_equal(sentences, SENTENCES[:2])
    np.testing.assert_array_equal(offsets, [0, 2, 2])


def test_no_sentences_can_be_loaded(store: VectorStore) -> None:
    assert store.load_sentences("model", [])[0].shape == (0, 0)
    put(store, "model", H[:1], rows(0))
    sentences, offsets = store.load_sentences("model", [])
    assert (sentences.shape, offsets.tolist()) == ((0, 3), [0])
    assert store.load_sentences("model", H[:1])[0].shape == (0, 3)
    with pytest.raises(StoreError, match=f"no vector of text {H[0]} under model 'unknown'"):
        store.load_sentences("unknown", H[:1])


def test_damaged_sentences_are_named(store: VectorStore, database: Database) -> None:
    store.put("model", H[:1], rows(0), SENTENCES, cut([5]))
    with database.transaction() as connection:
        connection.execute(update(vectors).values(sentences=b"\0\0\0\0"))
    with pytest.raises(
        StoreError, match=f"{H[0]} under model 'model' have 4 bytes, which is no multiple of 3"
    ):
        store.load_sentences("model", H[:1])


@pytest.mark.parametrize(
    ("sentences", "offsets"),
    [
        (SENTENCES.astype(np.float32), [0, 5]),
        (SENTENCES[0], [0, 3]),
        (SENTENCES[:, :2], [0, 5]),
        (SENTENCES, [0]),
        (SENTENCES, [0, 4]),
        (SENTENCES, [1, 5]),
        (SENTENCES, [0, 2, 5]),
    ],
)
def test_sentences_that_do_not_fit(
    store: VectorStore, sentences: npt.NDArray[np.int8], offsets: list[int]
) -> None:
    with pytest.raises(ValueError, match="sentences"):
        store.put("model", H[:1], rows(0), sentences, np.array(offsets))
    assert store.counts() == {}


def test_offsets_that_go_back_are_refused(store: VectorStore) -> None:
    with pytest.raises(ValueError, match="offsets do not cut 5"):
        store.put("model", H[:3], rows(0, 1, 2), SENTENCES, np.array([0, 4, 3, 5]))
