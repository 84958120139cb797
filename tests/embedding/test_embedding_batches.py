from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from recsys.embedding.batches import bucket_width, clean, padded, plan_batches, unit_rows

LENGTHS = st.lists(st.integers(1, 256), max_size=200)


@given(LENGTHS)
def test_every_text_is_in_one_batch_that_holds_it(lengths: list[int]) -> None:
    batches = plan_batches(lengths, longest=256, tokens=1024)
    assert sorted(p for batch in batches for p in batch.positions) == list(range(len(lengths)))
    for batch in batches:
        size = len(batch.positions)
        assert size & (size - 1) == 0
        assert max(lengths[p] for p in batch.positions) <= batch.width <= 256
        assert size == 1 or size * batch.width <= 1024


def test_few_shapes() -> None:
    rng = np.random.default_rng(0)
    lengths = [int(n) for n in rng.integers(1, 257, size=20_000)]
    shapes = {(len(b.positions), b.width) for b in plan_batches(lengths, longest=256, tokens=1024)}
    assert len(shapes) <= 16 * 7
    assert len({bucket_width(n, 8192) for n in range(1, 8193)}) <= 32 + 8 + 12 + 4


@given(st.integers(1, 10_000))
def test_a_bucket_holds_its_length(length: int) -> None:
    width = bucket_width(length, 10_000)
    assert length <= width <= max(1.25 * length + 15, 16)


def test_padding_is_zero_and_masked() -> None:
    ids, mask = padded([[5, 6, 7], [8]], 4)
    assert ids.tolist() == [[5, 6, 7, 0], [8, 0, 0, 0]]
    assert mask.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]


def test_unit_rows_leaves_zero_alone() -> None:
    rows = unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32))
    assert rows.tolist() == [[np.float32(0.6), np.float32(0.8)], [0, 0]]


def test_clean_replaces_lone_surrogates_only() -> None:
    assert clean("naïve \ud800 𝛼") == "naïve ? 𝛼"
