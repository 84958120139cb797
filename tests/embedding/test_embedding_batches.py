from __future__ import annotations

import itertools
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from recsys.embedding.batches import (
    Window,
    bucket_width,
    clean,
    cut_windows,
    padded,
    plan_batches,
    unit_rows,
)

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


def tokenizer() -> Tokenizer:
    """Words are tokens: w7 is 7; [CLS] and [SEP] stand around a text."""
    words = {f"w{i}": i for i in range(1000)} | {"[CLS]": 1001, "[SEP]": 1002, "say": 1003}
    made = Tokenizer(models.WordLevel(words, unk_token="w0"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(["[CLS]", "[SEP]"])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1001), ("[SEP]", 1002)]
    )
    return made


def spans_of_words(ranges: list[tuple[int, int]], prompt: str, text: str) -> list[tuple[int, int]]:
    """Character spans of runs of words."""
    places = [(m.start(), m.end()) for m in re.finditer(r"\S+", text)]
    return [(len(prompt) + places[a][0], len(prompt) + places[b - 1][1]) for a, b in ranges]


def windows_of(
    count: int, ranges: list[tuple[int, int]], *, prompt: str = "", longest: int = 100, every: bool = False
) -> list[Window]:
    text = " ".join(f"w{i}" for i in range(count))
    return cut_windows(
        tokenizer().encode(prompt + text),
        spans_of_words(ranges, prompt, text),
        text=3,
        first=50,
        prompt=len(prompt),
        longest=longest,
        every=every,
    )


def test_a_text_that_fits_is_one_window() -> None:
    (window,) = windows_of(98, [(0, 3), (3, 98)])
    assert window == Window(3, [1001, *range(98), 1002], True, ((50, 1, 4), (51, 4, 99)))


def test_windows_overlap_and_repeat_the_prompt() -> None:
    found = windows_of(200, [(0, 10), (60, 100), (90, 110), (199, 200)], prompt="say ", every=True)
    # room for 97 words, 65 of them new
    assert [window.ids for window in found] == [
        [1001, 1003, *range(97), 1002],
        [1001, 1003, *range(65, 162), 1002],
        [1001, 1003, *range(130, 200), 1002],
    ]
    # 60 to 100: 37 words in the first window, 35 in the second
    assert [window.spans for window in found] == [
        ((50, 2, 12), (51, 62, 99)),
        ((52, 27, 47),),
        ((53, 71, 72),),
    ]
    assert [window.counted for window in found] == [True] * 3


def test_a_document_is_read_no_further_than_its_sentences() -> None:
    found = windows_of(500, [(80, 84), (400, 404)])
    assert [(window.ids[1], window.counted, window.spans) for window in found] == [
        (0, True, ((50, 81, 85),)),
        (330, False, ((51, 71, 75),)),
    ]


def test_the_earliest_window_wins_a_tie() -> None:
    found = windows_of(150, [(70, 90)])
    assert [window.spans for window in found] == [((50, 71, 91),)]


def test_a_prompt_that_leaves_no_room_is_text() -> None:
    found = windows_of(5, [(0, 2)], prompt="say " * 12, longest=10, every=True)
    assert found[0].ids == [1001, *[1003] * 8, 1002]
    assert [span for window in found for span in window.spans] == [(50, 5, 7)]
    assert max(len(window.ids) for window in found) == 10
    assert found[-1].ids[-2] == 4


def test_a_special_token_in_a_text_is_text() -> None:
    (window,) = [
        cut_windows(
            tokenizer().encode("w1 [SEP] w2 [SEP]"),
            [(0, 2), (9, 11)],
            text=0,
            first=0,
            prompt=0,
            longest=9,
            every=False,
        )[0]
    ]
    assert window == Window(0, [1001, 1, 1002, 2, 1002, 1002], True, ((0, 1, 2), (1, 3, 4)))


@given(st.integers(0, 400), st.integers(4, 120), st.booleans(), st.data())
def test_windows_cover_every_word_and_sentence(
    count: int, longest: int, every: bool, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, count), max_size=12)))
    ranges = list(itertools.pairwise(cuts))
    found = windows_of(count, ranges, longest=longest, every=every)
    assert max(len(window.ids) for window in found) <= longest
    words = [set(window.ids) - {1001, 1002} for window in found]
    if every:
        assert set().union(*words) == set(range(count))
    assert found[0].ids == [1001, *range(min(count, longest - 2)), 1002]
    pooled = {number: set(w.ids[a:b]) for w in found for number, a, b in w.spans}
    assert sorted(pooled) == list(range(50, 50 + len(ranges)))
    for number, (start, end) in enumerate(ranges, 50):
        sentence = set(range(start, end))
        assert pooled[number] <= sentence
        assert len(pooled[number]) == max(len(sentence & held) for held in words)
