from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.errors import InvalidRequest, NotFound
from recsys.records import EditKind, Topic, TopicEdit
from recsys.topics.edits import (
    check,
    check_undo,
    digest,
    hidden,
    named,
    part_ids,
    pinned,
    renames,
)
from recsys.topics.hold import Held, hold
from recsys.topics.match import Previous, PreviousLevel, changes, fresh_ids, inherited_aliases, match


def edit(number: int, kind: EditKind, topic: str, **fields: object) -> TopicEdit:
    return TopicEdit(number, kind, topic, "Ada", "2026-11-23T09:00:00+00:00", **fields)  # type: ignore[arg-type]


def labels(text: str) -> np.ndarray:
    """One paper a character: 'a' is topic 0, 'b' topic 1, '.' a paper that was not there."""
    return np.array([-1 if c == "." else ord(c) - ord("a") for c in text.replace(" ", "")], dtype=np.int32)


def snapshot(*levels: str, aliases: dict[str, tuple[str, ...]] | None = None) -> Previous:
    """Topics ``A``, ``B``, … at level 1, ``A2``, ``B2``, … at level 2, and so on."""
    found = []
    for index, text in enumerate(levels):
        numbers = labels(text)
        suffix = "" if index == 0 else str(index + 1)
        ids = [f"{chr(ord('A') + i)}{suffix}" for i in range(numbers.max() + 1)]
        topics = [
            Topic(
                id,
                index + 1,
                None,
                f"Topic {id}",
                int(np.sum(numbers == i)),
                aliases=(aliases or {}).get(id, ()),
            )
            for i, id in enumerate(ids)
        ]
        found.append(PreviousLevel(topics, numbers))
    return Previous(found)


def in_order(members: np.ndarray, parts: int) -> np.ndarray:
    """A cut into runs of equal length."""
    return np.arange(len(members)) * parts // len(members)


def beside(members: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Every paper joins the placed one whose position is nearest, the earlier of two."""
    placed = np.flatnonzero(theirs >= 0)
    nearest = np.abs(members[:, None] - members[placed][None]).argmin(1)
    return np.where(theirs >= 0, theirs, theirs[placed[nearest]])


def held(levels: Sequence[str], previous: Previous | None, *edits: TopicEdit) -> Held:
    return hold([labels(text) for text in levels], previous, edits, in_order, beside)


def letters(level: np.ndarray) -> dict[int, str]:
    """A letter for each topic, in the order in which the topics come."""
    return {number: chr(ord("a") + i) for i, number in enumerate(dict.fromkeys(level.tolist()))}


def shown(found: Held) -> list[str]:
    return ["".join(letters(level)[number] for number in level.tolist()) for level in found.levels]


def ids_of(found: Held) -> list[dict[str, str]]:
    """For each level the forced ids with the letters that :func:`shown` writes."""
    ids: list[dict[str, str]] = [{} for _ in found.levels]
    for (level, number), topic in found.forced.items():
        ids[level][letters(found.levels[level])[number]] = topic
    return ids


MERGE = edit(1, "merge", "A", into="B")
PIN = edit(1, "pin", "A")
SPLIT = edit(7, "split", "A", parts=2)
FIRST, SECOND = part_ids(SPLIT)


def test_without_edits_a_clustering_stays_as_it_is() -> None:
    found = held(["aabb", "abcc"], snapshot("aabb"), edit(1, "rename", "A", name="x"), edit(2, "hide", "B"))
    assert shown(found) == ["aabb", "abcc"]
    assert (found.forced, found.skipped) == ({}, [])


def test_without_a_snapshot_there_is_nothing_to_hold_to() -> None:
    found = held(["aabb"], None, MERGE, PIN)
    assert shown(found) == ["aabb"]
    assert found.skipped == [(MERGE, "A is gone"), (PIN, "A is gone")]


# merging


def test_merged_topics_are_one() -> None:
    found = held(["aaaabbbccc"], snapshot("aaaabbbccc"), MERGE)
    assert shown(found) == ["aaaaaaabbb"]
    assert ids_of(found) == [{"a": "B"}]


def test_all_papers_of_a_merged_topic_move_also_if_they_have_scattered() -> None:
    # paper 3 of A is with C by now; the new paper 7 is with B
    found = held(["aaacbbbbcccc"], snapshot("aaaabbb.cccc"), MERGE)
    assert shown(found) == ["aaaaaaaabbbb"]
    assert ids_of(found) == [{"a": "B"}]


def test_a_merged_topic_moves_under_the_parent_of_the_other() -> None:
    previous = snapshot("aaaaaaa bbbb", "aaaaabb ccdd")
    found = held(
        ["aaaaaaa bbbb", "aaaaabb ccdd"],
        previous,
        edit(1, "merge", "A2", into="C2"),
    )
    assert shown(found) == ["aaaaabbaaaa", "aaaaabbaacc"]
    assert ids_of(found) == [{}, {"a": "C2"}]


def test_children_of_merged_topics_stay() -> None:
    found = held(["aaaa bbbb", "aabb ccdd"], snapshot("aaaa bbbb", "aabb ccdd"), MERGE)
    assert shown(found) == ["aaaaaaaa", "aabbccdd"]
    assert ids_of(found) == [{"a": "B"}, {}]


def test_a_rebuild_keeps_together_what_was_merged() -> None:
    previous = snapshot("aaaaaaaccc", aliases={"A": ("X",)})
    found = held(["aaaabbbccc"], previous, edit(1, "merge", "X", into="A"))
    assert shown(found) == ["aaaaaaabbb"]
    assert ids_of(found) == [{"a": "A"}]
    assert found.skipped == []


def test_after_a_rebuild_a_merged_topic_stays_under_its_parent() -> None:
    # A2 (0-6) holds the five papers of X; they would have it elsewhere, but its siblings (7, 8) are where b is.
    previous = snapshot("aaaaaaaaa bb", "aaaaaaabb cc", aliases={"A2": ("X",)})
    found = held(["aaaaabbbb aa", "aaaaabbcc dd"], previous, edit(1, "merge", "X", into="A2"))
    assert shown(found) == ["aaaaaaaaabb", "aaaaaaabbcc"]
    assert ids_of(found) == [{}, {"a": "A2"}]


def test_a_rebuild_may_move_single_papers_out_of_a_merged_topic() -> None:
    previous = snapshot("aaaaaaabbbb", aliases={"A": ("X",)})
    found = held(["aaaabbccccc"], previous, edit(1, "merge", "X", into="A"))
    assert shown(found) == ["aaaaaabbbbb"]
    assert ids_of(found) == [{"a": "A"}]


def test_merging_into_what_has_become_part_of_another_topic_follows() -> None:
    found = held(["aaabbb"], snapshot("aaabbb", aliases={"B": ("Y",)}), edit(1, "merge", "A", into="Y"))
    assert shown(found) == ["aaaaaa"]
    assert ids_of(found) == [{"a": "B"}]


def test_a_chain_of_merges() -> None:
    found = held(["aabbccdd"], snapshot("aabbccdd"), MERGE, edit(2, "merge", "B", into="C"))
    assert shown(found) == ["aaaaaabb"]
    assert ids_of(found) == [{"a": "C"}]


# splitting


def test_a_split_topic_is_cut() -> None:
    found = held(["aaaaaabb"], snapshot("aaaaaabb"), SPLIT)
    assert shown(found) == ["aaabbbcc"]
    assert ids_of(found) == [{"a": FIRST, "b": SECOND}]


def test_new_papers_go_to_a_part() -> None:
    found = held(["aaaaaaaabb"], snapshot("aaa..aaabb"), SPLIT)
    assert shown(found) == ["aaaabbbbcc"]
    assert ids_of(found) == [{"a": FIRST, "b": SECOND}]


def test_children_of_a_split_topic_are_kept_whole() -> None:
    # by papers the cut would be between 3 and 4
    previous = snapshot("aaaaaaaa", "aabbbccc")
    found = held(["aaaaaaaa", "aabbbccc"], previous, SPLIT)
    assert shown(found) == ["aaaaabbb", "aabbbccc"]
    assert ids_of(found)[0] == {"a": FIRST, "b": SECOND}


def test_an_only_child_is_cut_with_its_parent() -> None:
    found = held(["aaaaaabb", "aaaaaabb"], snapshot("aaaaaabb", "aaaaaabb"), SPLIT)
    assert shown(found) == ["aaabbbcc", "aaabbbcc"]


def test_fragments_of_a_cut_join_their_neighbours() -> None:
    # the fresh clustering has papers 2 and 4 with those of the other child
    found = held(["aaaaaaaaaa", "aababbbbbb"], snapshot("aaaaaaaaaa", "aaaaabbbbb"), SPLIT)
    assert shown(found) == ["aaaaabbbbb", "aaaaabbbbb"]


def test_a_rebuild_keeps_parts_apart_that_would_fall_together() -> None:
    previous = snapshot("aaaabbbccc")
    first, second = (
        replace(topic, id=id) for topic, id in zip(previous.levels[0].topics, (FIRST, SECOND), strict=False)
    )
    previous = Previous(
        [PreviousLevel([first, second, previous.levels[0].topics[2]], labels("aaa.bbb..ccc"))]
    )
    found = held(["aaaaaaaaabbb"], previous, SPLIT)
    assert shown(found) == ["aaaabbbbbccc"]
    assert ids_of(found) == [{"a": FIRST, "b": SECOND}]
    assert found.skipped == []


def test_a_part_may_fall_apart_like_any_topic() -> None:
    topics = [Topic(id, 1, None, id, 4) for id in (FIRST, SECOND)]
    found = held(["aabbcccc"], Previous([PreviousLevel(topics, labels("aaaabbbb"))]), SPLIT)
    assert shown(found) == ["aabbcccc"]
    assert ids_of(found) == [{"c": SECOND}]


def test_a_part_may_be_merged_in_turn() -> None:
    edits = (SPLIT, edit(8, "merge", SECOND, into="B"))
    found = held(["aaaaaabb"], snapshot("aaaaaabb"), *edits)
    assert shown(found) == ["aaabbbbb"]
    assert ids_of(found) == [{"a": FIRST, "b": "B"}]


# pinning


def test_a_pinned_topic_stays_together() -> None:
    found = held(["aaabbbbbcccc"], snapshot("aaaaabbbcccc"), PIN)
    assert shown(found) == ["aaaaabbbcccc"]
    assert ids_of(found) == [{"a": "A"}]


def test_two_papers_left_of_a_topic_come_along() -> None:
    found = held(["aaabbbbcccc"], snapshot("aaaaabbcccc"), PIN)
    assert shown(found) == ["aaaaaaabbbb"]
    assert ids_of(found) == [{"a": "A"}]


def test_a_pinned_topic_is_taken_out_of_a_larger_one() -> None:
    found = held(["aaaaaaaabb"], snapshot("aaabbbb.cc"), PIN)
    assert shown(found) == ["aaabbbbbcc"]
    assert ids_of(found) == [{"a": "A"}]


def test_a_pinned_topic_is_under_the_parent_of_most_of_its_papers() -> None:
    previous = snapshot("aaaaaaabbb", "aaaaabbccc")
    found = held(["aaabbaabbb", "aaabbccddd"], previous, edit(1, "pin", "A2"))
    assert shown(found) == ["aaaaaaabbb", "aaaaabbccc"]
    assert ids_of(found) == [{}, {"a": "A2"}]


def test_finer_topics_that_lie_across_a_pinned_one_are_cut() -> None:
    previous = snapshot("aaaaabbbbbbb", "aaaaabbbbbbb")
    found = held(["aaabbbbbbbbb", "aaabbbbbbbbb"], previous, PIN)
    # two papers are too few for a topic of their own below A
    assert shown(found) == ["aaaaabbbbbbb", "aaaaabbbbbbb"]
    found = held(["aaabbbbbbbbbb", "aaabbbbbbbbbb"], snapshot("aaaaaabbbbbbb"), PIN)
    assert shown(found) == ["aaaaaabbbbbbb", "aaabbbccccccc"]


def test_pins_of_two_levels() -> None:
    previous = snapshot("aaaaaabbbb", "aaabbbcccc")
    edits = (PIN, edit(2, "pin", "B2"))
    found = held(["aaaabbbbbb", "aabccddddd"], previous, *edits)
    assert [ids[level[3]] for ids, level in zip(ids_of(found), shown(found), strict=True)] == ["A", "B2"]
    coarse, fine = shown(found)
    assert coarse[0:6] == coarse[0] * 6
    assert fine[3:6] == fine[3] * 3
    assert coarse[6] != coarse[0]


# what cannot be done


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (edit(1, "merge", "Z", into="A"), "Z is gone"),
        (edit(1, "merge", "A", into="Z"), "Z is gone"),
        (edit(1, "merge", "Y", into="A"), "Y has become part of B"),
        (edit(1, "merge", "B", into="Y"), "Y has become part of B itself"),
        (edit(1, "merge", "A", into="A2"), "A is of level 1, A2 of level 2"),
        (edit(1, "split", "Y", parts=2), "Y has become part of B"),
        (edit(1, "split", "Z", parts=2), "Z is gone"),
        (edit(1, "split", "C2", parts=4), "C2 has 3 papers left, too few for 4 parts"),
        (edit(1, "pin", "Z"), "Z is gone"),
        (edit(1, "pin", "A3"), "there is no level 3 any more, which A3 was of"),
    ],
)
def test_edits_that_cannot_be_held_to_are_told(wanted: TopicEdit, reason: str) -> None:
    previous = snapshot("aaaabbb", "aabbccc", "aabbccc", aliases={"B": ("Y",)})
    found = held(["aaaabbb", "aabbccc"], previous, wanted)
    assert found.skipped == [(wanted, reason)]
    assert shown(found) == ["aaaabbb", "aabbccc"]


def test_a_topic_without_papers_cannot_be_held() -> None:
    topics = [Topic("A", 1, None, "A", 3), Topic("B", 1, None, "B", 3)]
    found = held(["aab"], Previous([PreviousLevel(topics, labels("bb."))]), PIN, MERGE)
    assert [reason for _, reason in found.skipped] == ["none of the papers of A is left"] * 2


def test_what_a_topic_was_split_into_is_not_pinned_or_merged() -> None:
    edits = (SPLIT, edit(8, "merge", "A", into="B"), edit(9, "pin", "A"))
    found = held(["aaaaaabb"], snapshot("aaaaaabb"), *edits)
    assert [reason for _, reason in found.skipped] == ["A was split"] * 2


def test_papers_that_cannot_be_told_apart_are_not_split() -> None:
    found = hold([labels("aabb")], snapshot("aabb"), [SPLIT], lambda m, k: np.zeros(len(m), int), beside)
    assert found.skipped == [(SPLIT, "the papers of A are too much alike to be told apart")]


def test_helpers_that_break_their_word_are_refused() -> None:
    with pytest.raises(ValueError, match="a cut of 2 papers into 2 gave"):
        hold([labels("aabb")], snapshot("aabb"), [SPLIT], lambda m, k: np.full(len(m), k), beside)
    with pytest.raises(ValueError, match="papers were placed outside the topics"):
        hold([labels("aaaaa")], snapshot("aa.aa"), [SPLIT], in_order, lambda m, theirs: theirs + 1)


# whole rebuilds


def test_decisions_survive_rebuilds() -> None:
    edits = [
        edit(1, "merge", "C", into="D"),
        edit(2, "split", "A", parts=2),
        edit(3, "pin", "B"),
    ]
    one, two = part_ids(edits[1])
    previous = snapshot("aaaaaaaabbbbbccccddddd")
    paper_ids = [f"p{i}" for i in range(22)]
    give = fresh_ids(paper_ids, ["A", "B", "C", "D"])
    rebuilds = ["aaaaaaaabbbbbccccddddd", "aaaaaaaabbbccccccddddd", "aaaaaaaaaaaaabbbbccccc"]
    for text in rebuilds:
        found = held([text], previous, *edits)
        ids = match(previous, found.levels, give, forced=found.forced)
        log = changes(previous, found.levels, ids, {topic: topic for topic in ids[0]}, "2026")
        aliases = inherited_aliases(previous, ids, log)
        sizes = np.bincount(found.levels[0])
        topics = [
            Topic(topic, 1, None, topic, int(sizes[i]), aliases=aliases.get(topic, ()))
            for i, topic in enumerate(ids[0])
        ]
        previous = Previous([PreviousLevel(topics, found.levels[0])])
        of = [ids[0][number] for number in found.levels[0]]
        assert of[0:4] == [one] * 4
        assert of[4:8] == [two] * 4
        assert of[8:13] == ["B"] * 5
        assert of[13:22] == ["D"] * 9
        assert aliases == {"D": ("C",)}
        assert found.skipped == []


def nested(levels: Sequence[np.ndarray]) -> bool:
    numbered = all(np.array_equal(np.unique(level), np.arange(level.max() + 1)) for level in levels)
    pairs = pairwise(levels)
    return numbered and all(
        len(np.unique(np.stack([coarse, fine]), axis=1).T) == fine.max() + 1 for coarse, fine in pairs
    )


def tree(draw: st.DrawFn, papers: int) -> list[np.ndarray]:
    """Nested levels, coarsest first, papers in any order."""
    finest = np.array(draw(st.lists(st.integers(0, 7), min_size=papers, max_size=papers)))
    levels = [np.unique(finest, return_inverse=True)[1].astype(np.int32)]
    for _ in range(draw(st.integers(0, 2))):
        width = int(levels[0].max()) + 1
        above = np.array(draw(st.lists(st.integers(0, 3), min_size=width, max_size=width)))
        levels.insert(0, np.unique(above[levels[0]], return_inverse=True)[1].astype(np.int32))
    return levels


@st.composite
def cases(draw: st.DrawFn, kinds: Sequence[EditKind]) -> tuple[list[np.ndarray], Previous, list[TopicEdit]]:
    papers = draw(st.integers(4, 40))
    there = np.array(draw(st.lists(st.booleans(), min_size=papers, max_size=papers)))
    before = [
        PreviousLevel(
            [Topic(f"{k}.{j}", k + 1, None, "x", 1) for j in range(level.max() + 1)],
            np.where(there, level, -1).astype(np.int32),
        )
        for k, level in enumerate(tree(draw, papers))
    ]
    ids = [topic.id for level in before for topic in level.topics]
    edits = []
    for number in range(1, draw(st.integers(1, 6)) + 1):
        kind = draw(st.sampled_from(kinds))
        topic, into = draw(st.sampled_from(ids)), draw(st.sampled_from(ids))
        edits.append(
            edit(
                number,
                kind,
                topic,
                into=into if kind == "merge" else None,
                parts=draw(st.integers(2, 4)) if kind == "split" else None,
            )
        )
        if kind == "split":
            ids += part_ids(edits[-1])
    return tree(draw, papers), Previous(before), edits


@settings(max_examples=150, deadline=None)
@given(cases(("merge", "split", "pin")))
def test_any_edits_leave_a_nested_clustering(
    case: tuple[list[np.ndarray], Previous, list[TopicEdit]],
) -> None:
    levels, previous, edits = case
    copies = [level.copy() for level in levels]
    found = hold(levels, previous, edits, in_order, beside)
    assert nested(found.levels)
    assert [level.tolist() for level in levels] == [level.tolist() for level in copies]
    assert len(set(found.forced.values())) == len(found.forced)
    assert hold(levels, previous, edits, in_order, beside).forced == found.forced


@settings(max_examples=200, deadline=None)
@given(cases(("pin",)))
def test_all_papers_of_a_pinned_topic_stay_in_it(
    case: tuple[list[np.ndarray], Previous, list[TopicEdit]],
) -> None:
    levels, previous, edits = case
    found = hold(levels, previous, edits, in_order, beside)
    skipped = {pin.topic for pin, _ in found.skipped}
    pins = pinned(edits) - skipped
    assert set(found.forced.values()) == pins
    for index, level in enumerate(previous.levels):
        for number, topic in enumerate(level.topics):
            if topic.id in pins:
                (only,) = set(found.levels[index][level.labels == number].tolist())
                assert found.forced[index, only] == topic.id


# what may be decided, and what acts at once

TREE = [
    Topic("t1", 1, None, "Dialogue systems", 12),
    Topic("t2", 1, None, "Parsing", 8, aliases=("t9",)),
    Topic("t3", 2, "t1", "Chatbots", 5),
    Topic("t4", 2, "t1", "Dialogue safety", 7),
]


@pytest.mark.parametrize(
    ("kind", "topic", "fields"),
    [
        ("rename", "t3", {"name": "Open-domain chatbots"}),
        ("rename", "t3", {"name": "Chatbots"}),
        ("merge", "t3", {"into": "t4"}),
        ("split", "t4", {"parts": 3}),
        ("hide", "t1", {}),
        ("pin", "t2", {}),
    ],
)
def test_edits_that_make_sense(kind: str, topic: str, fields: dict[str, object]) -> None:
    check(kind, topic, TREE, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "topic", "fields", "message", "hint"),
    [
        (
            "rename",
            "t3",
            {"name": "dialogue  Safety"},
            "Topic t4 is called 'Dialogue safety' already.",
            "Give t3",
        ),
        ("merge", "t3", {"into": "t3"}, "Topic t3 cannot become part of itself.", "Run `recsys topics`"),
        (
            "merge",
            "t1",
            {"into": "t3"},
            "Topic t3 (Chatbots) lies within t1 (Dialogue systems)",
            "Merge topics",
        ),
        (
            "merge",
            "t3",
            {"into": "t1"},
            "Topic t3 (Chatbots) lies within t1 (Dialogue systems)",
            "Merge topics",
        ),
        (
            "merge",
            "t3",
            {"into": "t2"},
            "t3 (Chatbots) is of level 2, t2 (Parsing) of level 1.",
            "Merge topics",
        ),
        (
            "split",
            "t4",
            {"parts": 4},
            "Topic t4 (Dialogue safety) has 7 papers, too few for 4 parts.",
            "at most 3",
        ),
    ],
)
def test_edits_that_make_no_sense(
    kind: str, topic: str, fields: dict[str, object], message: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check(kind, topic, TREE, **fields)  # type: ignore[arg-type]
    assert message in refused.value.message
    assert hint in refused.value.hint


def test_unknown_topics_are_told() -> None:
    with pytest.raises(NotFound, match=r"There is no topic 't0'. Run `recsys topics`"):
        check("hide", "t0", TREE)
    with pytest.raises(NotFound, match=r"Topic t9 has become part of t2 \(Parsing\). Name t2 instead."):
        check("merge", "t1", TREE, into="t9")


def test_the_last_name_given_counts() -> None:
    edits = [
        edit(3, "rename", "t1", name="Talking machines"),
        edit(1, "rename", "t1", name="Talk"),
        edit(2, "rename", "t9", name="Of one that is gone"),
        edit(4, "hide", "t2"),
    ]
    assert renames(edits) == {"t1": "Talking machines", "t9": "Of one that is gone"}
    assert named(TREE, edits) == [replace(TREE[0], name="Talking machines"), *TREE[1:]]
    assert named(TREE, []) == TREE


def test_a_name_given_away_cannot_come_back() -> None:
    edits = [edit(1, "rename", "t1", name="Talk"), edit(2, "rename", "t2", name="Dialogue systems")]
    with pytest.raises(InvalidRequest, match="Topic t2 is called 'Dialogue systems' already"):
        check_undo(1, TREE, edits)
    check_undo(2, TREE, edits)
    check_undo(1, TREE, edits[:1])
    check_undo(3, TREE, [*edits, edit(3, "hide", "t1")])


def test_hidden_and_pinned_topics() -> None:
    edits = [edit(1, "hide", "t1"), edit(2, "pin", "t2"), edit(3, "hide", "t3")]
    assert hidden(edits) == {"t1", "t3"}
    assert pinned(edits) == {"t2"}


def test_the_digest_tells_what_a_build_must_do() -> None:
    some = [edit(1, "merge", "t3", into="t4"), edit(2, "split", "t1", parts=2), edit(3, "pin", "t2")]
    same = [replace(some[0], by="Grace", note="x"), *some[:0:-1], edit(4, "rename", "t1", name="x")]
    assert digest(some) == digest(same) == digest([*some, edit(5, "hide", "t1")])
    different = [
        [],
        some[:2],
        [*some, edit(5, "pin", "t1")],
        [replace(some[0], into="t5"), *some[1:]],
        [some[0], replace(some[1], parts=3), some[2]],
        [*some[:2], replace(some[2], number=9)],
    ]
    assert len({digest(edits) for edits in [some, *different]}) == 7
    assert [len(digest(edits)) for edits in different] == [16] * 6


def test_the_ids_of_parts_are_the_same_at_every_build() -> None:
    assert part_ids(SPLIT) == ["t32438288", "t2b18fe01"]
    assert part_ids(replace(SPLIT, by="Grace", at="")) == part_ids(SPLIT)
    assert (
        len({*part_ids(SPLIT), *part_ids(replace(SPLIT, number=8)), *part_ids(replace(SPLIT, topic="B"))})
        == 6
    )
