import hashlib

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


@pytest.fixture
def store(database: Database) -> VectorStore:
    return VectorStore(database)


def test_vectors_come_back_in_the_order_asked_for(store: VectorStore) -> None:
    store.put("model", H[:4], rows(0, 1, 2, 3))
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
    store.put("model", [H[i] for i in chosen], everything[chosen])
    assert store.known("model") == {H[i] for i in chosen}
    assert store.load("model", [H[i] for i in wanted]).tobytes() == everything[wanted].tobytes()


def test_many_vectors_in_one_call(store: VectorStore) -> None:
    everything = rows(*range(3000), width=8)
    store.put("model", H, everything)
    np.testing.assert_array_equal(store.load("model", H[::-1]), everything[::-1])
    assert store.counts() == {"model": 3000}


def test_rows_that_are_not_contiguous_are_stored_as_they_read(store: VectorStore) -> None:
    wide = rows(0, 1, 2, width=6)
    store.put("model", H[:3], wide[:, ::2])
    np.testing.assert_array_equal(store.load("model", H[:3]), wide[:, ::2])


def test_putting_again_keeps_what_is_there(store: VectorStore) -> None:
    store.put("model", H[:2], rows(0, 1))
    store.put("model", [H[1], H[2], H[2]], rows(7, 2, 8))
    np.testing.assert_array_equal(store.load("model", H[:3]), rows(0, 1, 2))
    assert store.counts() == {"model": 3}


def test_models_do_not_share_vectors(store: VectorStore) -> None:
    store.put("one", H[:2], rows(0, 1))
    store.put("two", H[1:2], rows(5, width=4))
    assert store.known("one") == {H[0], H[1]}
    assert store.known("two") == {H[1]}
    assert store.known("three") == set()
    np.testing.assert_array_equal(store.load("two", [H[1]]), rows(5, width=4))
    assert store.counts() == {"one": 2, "two": 1}


def test_another_width_is_refused_and_nothing_written(store: VectorStore) -> None:
    store.put("model", H[:1], rows(0))
    with pytest.raises(DimensionMismatch, match="vectors of 3 numbers in the store; these have 4"):
        store.put("model", H[:2], rows(0, 1, width=4))
    assert store.known("model") == {H[0]}


@pytest.mark.parametrize("model_key", ["model", "unknown"])
def test_a_missing_vector_is_named(store: VectorStore, model_key: str) -> None:
    store.put("model", H[:1], rows(0))
    wanted = H[1:] if model_key == "unknown" else [H[0], H[1]]
    with pytest.raises(StoreError) as refused:
        store.load(model_key, wanted)
    assert refused.value.message == f"There is no vector of text {H[1]} under model {model_key!r}."


def test_nothing_can_be_put_and_loaded(store: VectorStore) -> None:
    store.put("model", [], np.empty((0, 3), dtype=np.float32))
    assert store.counts() == {}
    assert store.load("model", []).shape == (0, 0)
    store.put("model", H[:1], rows(0))
    assert store.load("model", []).shape == (0, 3)


def test_pruning_keeps_what_is_named(store: VectorStore) -> None:
    store.put("model", H, rows(*range(3000)))
    store.put("other", H[:5], rows(*range(5)))
    assert store.prune("model", {H[1], H[2999], text_hash(-1)}) == 2998
    assert store.known("model") == {H[1], H[2999]}
    assert store.counts() == {"model": 2, "other": 5}
    assert store.prune("unknown", []) == 0


def test_a_model_pruned_of_everything_may_come_back_with_another_width(store: VectorStore) -> None:
    store.put("model", H[:2], rows(0, 1))
    assert store.prune("model", []) == 2
    store.put("model", H[:2], rows(0, 1, width=5))
    np.testing.assert_array_equal(store.load("model", H[:2]), rows(0, 1, width=5))


def test_a_damaged_vector_is_named(store: VectorStore, database: Database) -> None:
    store.put("model", H[:1], rows(0))
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
    with pytest.raises(ValueError, match=r"vectors|model key|hash|hexadecimal"):
        store.put(model_key, hashes, given)
    assert store.counts() == {}
