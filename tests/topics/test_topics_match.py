from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.records import Topic, TopicChange
from recsys.topics.match import (
    MIN_OVERLAP,
    NewId,
    Previous,
    PreviousLevel,
    changes,
    fresh_id,
    fresh_ids,
    inherited_aliases,
    match,
)

AT = "2026-11-23T09:00:00+00:00"


def labels(text: str) -> np.ndarray:
    """One paper a character: 'a' is topic 0, 'b' topic 1, '.' a paper that was not there."""
    return np.array([-1 if c == "." else ord(c) - ord("a") for c in text.replace(" ", "")], dtype=np.int32)


def level(text: str, *ids: str, number: int = 1, **aliases: tuple[str, ...]) -> PreviousLevel:
    numbers = labels(text)
    topics = [
        Topic(id, number, None, f"Old {id}", int(np.sum(numbers == i)), aliases=aliases.get(id, ()))
        for i, id in enumerate(ids)
    ]
    return PreviousLevel(topics, numbers)


def new_ids() -> NewId:
    """``L1:0-3`` for a new topic of level 1 with the papers 0 to 3."""
    return lambda level, members: f"L{level}:{members[0]}-{members[-1]}"


def compared(old: PreviousLevel, new: str) -> tuple[list[str], list[tuple[object, ...]]]:
    previous = Previous([old])
    levels = [labels(new)]
    ids = match(previous, levels, new_ids())
    names = {topic: f"New {topic}" for topic in ids[0]}
    log = changes(previous, levels, ids, names, AT)
    assert {(change.at, change.level) for change in log} == {(AT, 1)}
    return ids[0], [(c.kind, c.topic, c.before, c.after, c.others) for c in log]


def test_numbers_may_change_and_ids_stay() -> None:
    ids, log = compared(level("aaaa bbb cc", "ta", "tb", "tc"), "bbbb cca aa")
    assert ids == ["tc", "ta", "tb"]
    assert log == [("grown", "tc", 2, 3, ()), ("kept", "ta", 4, 4, ()), ("shrunk", "tb", 3, 2, ())]


def test_new_papers_do_not_count_against_a_topic() -> None:
    ids, log = compared(level("aa........ bb", "ta", "tb"), "aaaaaaaaaa bb")
    assert ids == ["ta", "tb"]
    assert log == [("grown", "ta", 2, 10, ()), ("kept", "tb", 2, 2, ())]


def test_a_topic_of_new_papers_is_new() -> None:
    ids, log = compared(level("aaa....", "ta"), "aaabbbb")
    assert ids == ["ta", "L1:3-6"]
    assert log == [("kept", "ta", 3, 3, ()), ("new", "L1:3-6", 0, 4, ())]


def test_the_larger_part_of_a_split_topic_keeps_the_id() -> None:
    ids, log = compared(level("aaaaaaaaaa bb", "ta", "tb"), "aaaaaabbbb cc")
    assert ids == ["ta", "L1:6-9", "tb"]
    assert log == [
        ("split", "ta", 10, 6, ("L1:6-9",)),
        ("new", "L1:6-9", 0, 4, ("ta",)),
        ("kept", "tb", 2, 2, ()),
    ]


def test_a_topic_in_many_equal_parts_is_no_more() -> None:
    ids, log = compared(level("aaaaaaaaaaaa", "ta"), "aaabbbcccddd")
    assert ids == ["L1:0-2", "L1:3-5", "L1:6-8", "L1:9-11"]
    assert log[-1] == ("split", "ta", 12, 0, tuple(ids))
    assert log[0] == ("new", "L1:0-2", 0, 3, ("ta",))


def test_a_small_part_cut_off_is_no_split() -> None:
    ids, log = compared(level("a" * 11, "ta"), "a" * 9 + "bb")
    assert log == [("shrunk", ids[0], 11, 9, ()), ("new", ids[1], 0, 2, ("ta",))]


def test_of_merged_topics_the_larger_lives_on() -> None:
    ids, log = compared(level("aaa bbbbb cc", "ta", "tb", "tc"), "aaa aaaaa bb")
    assert ids == ["tb", "tc"]
    assert log == [
        ("merged", "tb", 5, 8, ("ta",)),
        ("kept", "tc", 2, 2, ()),
        ("gone", "ta", 3, 0, ("tb",)),
    ]


def test_a_topic_of_many_small_ones_is_none_of_them() -> None:
    ids, log = compared(level("aa bb cc dd", "ta", "tb", "tc", "td"), "aa aa aa aa")
    assert ids == ["L1:0-7"]
    assert log[0] == ("merged", "L1:0-7", 0, 8, ("ta", "tb", "tc", "td"))
    assert log[4] == ("gone", "td", 2, 0, ("L1:0-7",))


def test_an_id_goes_nowhere_but_where_most_of_its_papers_are() -> None:
    # Most of ta is in the first topic, which is tb; the rest of ta may not have its id.
    ids, log = compared(level("aaa aa bbbbbb", "ta", "tb"), "aaa bb aaaaaa")
    assert ids == ["tb", "L1:3-4"]
    assert log == [
        ("merged", "tb", 6, 9, ("ta",)),
        ("new", "L1:3-4", 0, 2, ("ta",)),
        ("gone", "ta", 5, 0, ("tb",)),
    ]


def test_scattered_papers_are_told_by_the_fewest_topics_with_most_of_them() -> None:
    old = level("aaaaa bbbb cccc dddd", "ta", "tb", "tc", "td")
    ids, log = compared(old, "aabbc aaaa bbbb cccc")
    assert ids == ["tb", "tc", "td"]
    assert log[-1] == ("gone", "ta", 5, 0, ("tb", "tc"))


def test_a_topic_whose_papers_all_left_went_nowhere() -> None:
    old = level("aaa", "ta", "tb")
    old = PreviousLevel([old.topics[0], replace(old.topics[1], size=7)], old.labels)
    assert compared(old, "aaa") == (
        ["ta"],
        [("kept", "ta", 3, 3, ()), ("gone", "tb", 7, 0, ())],
    )


@pytest.mark.parametrize(("after", "kind"), [(9, "kept"), (11, "kept"), (8, "shrunk"), (12, "grown")])
def test_a_tenth_more_or_less_is_the_same_size(after: int, kind: str) -> None:
    old = level("a" * min(after, 10) + "." * max(after - 10, 0), "ta")
    old = PreviousLevel([replace(old.topics[0], size=10)], old.labels)
    assert compared(old, "a" * after) == (["ta"], [(kind, "ta", 10, after, ())])


def test_names_are_the_later_ones_where_there_are_two() -> None:
    previous = Previous([level("aaa bb", "ta", "tb")])
    log = changes(previous, [labels("aaaaa")], [["ta"]], {"ta": "Anew"}, AT)
    assert log == [
        TopicChange(AT, "merged", 1, "ta", "Anew", 3, 5, ("tb",)),
        TopicChange(AT, "gone", 1, "tb", "Old tb", 2, 0, ("ta",)),
    ]


def test_the_first_clustering_is_all_new() -> None:
    levels = [labels("aabb"), labels("aabc")]
    ids = match(None, levels, new_ids())
    assert ids == [["L1:0-1", "L1:2-3"], ["L2:0-1", "L2:2-2", "L2:3-3"]]
    log = changes(None, levels, ids, {topic: "x" for row in ids for topic in row}, AT)
    assert [(c.kind, c.level, c.after) for c in log] == [("new", 1, 2)] * 2 + [
        ("new", 2, 2),
        ("new", 2, 1),
        ("new", 2, 1),
    ]
    assert inherited_aliases(None, ids, log) == {}


def test_further_levels_are_new_and_missing_ones_gone() -> None:
    one = Previous([level("aabb", "ta", "tb")])
    two = Previous([*one.levels, level("aabc", "tx", "ty", "tz", number=2)])
    levels = [labels("aabb"), labels("aabc")]
    assert match(one, levels, new_ids())[1] == ["L2:0-1", "L2:2-2", "L2:3-3"]
    ids = match(two, levels[:1], new_ids())
    assert ids == [["ta", "tb"]]
    log = changes(two, levels[:1], ids, {"ta": "A", "tb": "B"}, AT)
    assert [(c.kind, c.level, c.topic, c.others) for c in log[2:]] == [
        ("gone", 2, "tx", ("ta",)),
        ("gone", 2, "ty", ("tb",)),
        ("gone", 2, "tz", ("tb",)),
    ]
    assert inherited_aliases(two, ids, log) == {"ta": ("tx",), "tb": ("ty", "tz")}


def test_settled_ids_are_given_to_no_other_topic() -> None:
    previous = Previous([level("aaaa bb", "ta", "tb")])
    ids = match(previous, [labels("aaaa bb")], new_ids(), forced={(0, 1): "ta"})
    assert ids == [["L1:0-3", "ta"]]
    ids = match(previous, [labels("aaaa bb")], new_ids(), forced={(0, 0): "tpart"})
    assert ids == [["tpart", "tb"]]


def test_aliases_are_handed_down() -> None:
    old = level("aaa bbbb ccc", "ta", "tb", "tc", ta=("t1",), tb=("t0",), tc=("t2",))
    previous, levels = Previous([old]), [labels("aaa aaaa bbb")]
    ids = match(previous, levels, new_ids())
    log = changes(previous, levels, ids, {"tb": "B", "tc": "C"}, AT)
    assert inherited_aliases(previous, ids, log) == {"tb": ("t1", "ta", "t0"), "tc": ("t2",)}


def test_a_scattered_topic_has_no_successor() -> None:
    old = level("aaaaa bbbb cccc dddd", "ta", "tb", "tc", "td", ta=("t1",))
    previous, levels = Previous([old]), [labels("aabbc aaaa bbbb cccc")]
    ids = match(previous, levels, new_ids())
    log = changes(previous, levels, ids, dict.fromkeys(ids[0], "x"), AT)
    assert inherited_aliases(previous, ids, log) == {}


def test_an_id_is_made_from_level_and_papers() -> None:
    made = fresh_id(1, ["a", "b"])
    assert made == "t3e1bd079"
    assert fresh_id(1, ["b", "a"]) == made
    others = {fresh_id(2, ["a", "b"]), fresh_id(1, ["a"]), fresh_id(1, ["ab"]), fresh_id(1, ["a", "b", ""])}
    assert len(others | {made}) == 5
    again = fresh_id(1, ["a", "b"], [made])
    assert again != made
    assert fresh_id(1, ["a", "b"], {made, again}) not in {made, again}


def test_ids_given_in_one_go_differ_from_each_other_and_from_those_used() -> None:
    give = fresh_ids(["a", "b", "c"], [fresh_id(1, ["a", "b"])])
    made = [give(1, np.array([0, 1])), give(1, np.array([0, 1])), give(1, np.array([2]))]
    assert made[0] == fresh_id(1, ["a", "b"], [fresh_id(1, ["a", "b"])])
    assert len({*made, fresh_id(1, ["a", "b"])}) == 4
    assert made[2] == fresh_id(1, ["c"])


numbers = st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 5)), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(numbers)
def test_an_id_is_kept_for_likeness_only(pairs: list[tuple[int, int]]) -> None:
    old = np.array([pair[0] for pair in pairs], dtype=np.int32)
    new = np.unique([pair[1] for pair in pairs], return_inverse=True)[1].astype(np.int32)
    topics = [Topic(f"t{i}", 1, None, f"T{i}", int(np.sum(old == i))) for i in range(6)]
    previous = Previous([PreviousLevel(topics, old)])
    ids = match(previous, [new], new_ids())
    log = changes(previous, [new], ids, dict.fromkeys(ids[0], "x"), AT)
    assert sorted(change.topic for change in log) == sorted({*ids[0], *(topic.id for topic in topics)})
    for number, topic in enumerate(ids[0]):
        if not topic.startswith("L"):
            mine, now = old == int(topic[1:]), (new == number) & (old >= 0)
            shared = np.sum(mine & now)
            assert shared == np.bincount(new[mine]).max()
            assert shared / np.sum(mine | now) >= MIN_OVERLAP
