"""Labels of papers, baselines, and methods side by side."""

import sys

import numpy as np
import pytest

from recsys.errors import InvalidRequest, SourceError
from recsys.evaluation.topic_baselines import Baseline, Found, bertopic, bertopic_found, kmeans
from recsys.evaluation.topic_labels import parse_labels
from recsys.evaluation.topics import compare, labelled, stability


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


# -- labels --------------------------------------------------------------------------------------------------------


def parse(text: str | bytes):
    data = text.encode() if isinstance(text, str) else text
    return parse_labels(((n, line) for n, line in enumerate(data.split(b"\n"), 1) if line.strip()), "labels")


def test_labels_with_quotes_spaces_and_repeats():
    found = parse('Paper_ID, Track \na,"Dialogue, spoken"\n b ,x\nb,x\n')
    assert (found.column, found.labels) == ("Track", {"a": "Dialogue, spoken", "b": "x"})
    assert (found.several, found.papers) == (frozenset(), {"a", "b"})


def test_a_paper_with_several_labels_is_not_judged():
    found = parse("id,label\na,x\nb,x\na,y\nc,y\na,x\n")
    assert found.labels == {"b": "x", "c": "y"}
    assert found.several == {"a"}
    assert found.papers == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "labels is empty."),
        ("paper_id,label\n", "labels has a header and no labels."),
        ("a,x\n", "labels, line 1 is no header of labels: 'a,x'."),
        ("paper_id\na\n", "labels, line 1 is no header of labels: 'paper_id'."),
        ("paper_id,label,grade\na,x,1\n", "labels, line 1 is no header"),
        ("paper_id,\na,x\n", "labels, line 1 is no header"),
        ("paper_id,label\na,x\nb\n", "labels, line 3 should have 2 values, none of them empty: 'b'."),
        ("paper_id,label\na,\n", "labels, line 2 should have 2 values, none of them empty: 'a,'."),
        ("paper_id,label\na,b,c\n", "labels, line 2 should have 2 values"),
        ('paper_id,label\n"a,x\n', "labels, line 2 is no CSV (unexpected end of data): '\"a,x'."),
        (b"paper_id,label\na,\xff\n", "labels, line 2 is not UTF-8 at byte 3: b'a,\\xff'."),
    ],
)
def test_a_bad_line_is_named(text, message):
    with pytest.raises(SourceError) as caught:
        parse(text)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_labels_come_to_positions():
    found = labelled(["c", "a", "b"], {"a": "y", "b": "x", "gone": "x"})
    assert (found.labels.tolist(), found.names) == ([-1, 1, 0], ("x", "y"))
    assert (found.unknown, found.judged) == (1, 2)
    with pytest.raises(
        InvalidRequest, match=r"Of the 3 labelled papers 2 are in the corpus, with 1 different"
    ):
        labelled(["a", "b"], {"a": "x", "b": "x", "gone": "y"})


# -- baselines -----------------------------------------------------------------------------------------------------


def test_kmeans_finds_what_is_apart():
    rng = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], [5, 9, 6])
    vectors = (np.eye(3)[groups] + rng.normal(0, 0.05, (20, 3))).astype(np.float32)
    found = kmeans(vectors, 3, 0)
    pairs = set(zip(found.topics.tolist(), groups.tolist(), strict=True))
    assert (len(pairs), found.count, found.terms) == (3, 3, None)
    assert kmeans(vectors, 3, 0).topics.tolist() == found.topics.tolist()


def test_what_bertopic_says_is_read_without_its_padding():
    terms = {0: [("parsing", 0.5), ("", 1e-5)], 1: [("speech", 0.4), ("text", 0.1)]}
    found = bertopic_found([1, -1, 0, -1, 1], terms.__getitem__)
    assert found.topics.tolist() == [1, -1, 0, -1, 1]
    assert (found.terms, found.count) == ((("parsing",), ("speech", "text")), 2)
    nothing = bertopic_found([-1, -1], terms.__getitem__)
    assert (nothing.terms, nothing.count) == ((), 0)


def test_bertopic_gets_the_vectors_and_the_texts_and_no_options(monkeypatch):
    asked = []

    class Model:
        def __init__(self, *arguments, **options):
            asked.append((arguments, options))

        def fit_transform(self, texts, vectors):
            asked.append((texts, vectors))
            return [0] * len(texts), None

        def get_topic(self, topic):
            return [(f"term {topic}", 1.0)]

    monkeypatch.setitem(sys.modules, "bertopic", type(sys)("bertopic"))
    monkeypatch.setattr(sys.modules["bertopic"], "BERTopic", Model, raising=False)
    texts, vectors = [f"text {i}" for i in range(20)], np.zeros((20, 4), np.float32)
    assert bertopic(vectors, tuple(texts)).terms == (("term 0",),)
    assert asked[0] == ((), {})
    assert asked[1][0] == texts
    assert asked[1][1] is vectors
    with pytest.raises(InvalidRequest, match="cannot cluster 3 papers") as caught:
        bertopic(vectors[:3], texts[:3])
    assert "--no-bertopic" in caught.value.hint


def test_bertopic_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "bertopic", None)
    with pytest.raises(InvalidRequest, match="BERTopic cannot be imported") as caught:
        bertopic(np.zeros((20, 4), np.float32), ["x"] * 20)
    assert "pip install 'recsys[evaluation]'" in caught.value.hint


# -- methods side by side ------------------------------------------------------------------------------------------

IDS = list("abcdefgh")
TRUTH = labelled(IDS, dict(zip("abcdef", "xxxyyy", strict=True)))  # g and h are not judged


def test_levels_and_baselines_are_judged_on_the_same_papers():
    coarse = Found(numbers(0, 0, 0, 0, 0, 0, 0, 0), (("one",),))
    fine = Found(numbers(0, 0, 0, 1, 1, 1, 2, 2), (("one", "two"), ("two",), ("three",)))
    seeds = []

    def half(seed: int) -> Found:
        seeds.append(seed)
        return Found(numbers(0, 0, -1, 1, 1, -1, -1, 0) if seed == 7 else numbers(*[-1] * 8), ())

    baselines = [
        Baseline("half", 2, half),
        Baseline("mixed", 1, lambda _: Found(numbers(0, 1, 2, 0, 1, 2, 0, 0)), frozenset([2])),
    ]
    steps = []
    report = compare(
        [coarse, fine], baselines, TRUTH, ["one two", "three"], seed=7, progress=lambda *s: steps.append(s)
    )
    assert [(method.name, method.level) for method in report.methods] == [
        ("topics", 1),
        ("topics", 2),
        ("half", None),
        ("mixed", None),
    ]
    first, second, some, mixed = report.methods
    assert (first.agreement.measures.v, first.runs[0].topics, first.runs[0].coverage) == (0, 1, 1)
    assert (second.agreement.measures.v, second.agreement.measures.purity) == pytest.approx((1, 1))
    assert second.runs[0].terms.diversity == pytest.approx(3 / 4)
    assert second.runs[0].terms.coherence == 1 / 1  # one and two are always together
    assert (second.placed, second.runs[0].topics) == (None, 3)
    # two thirds of the judged papers have a topic, which is the right one, in the first run; none in the second
    assert [run.coverage for run in some.runs] == pytest.approx([2 / 3, 0])
    assert some.placed.measures.v == pytest.approx(1)
    assert some.runs[0].agreement.measures.purity == pytest.approx(5 / 6)  # the rest is one topic
    assert [run.placed is None for run in some.runs] == [False, True]
    assert seeds == [7, 8]
    assert some.mean(lambda run: run.topics) == 1
    assert mixed.runs[0].terms is None
    gains = {(one.level, one.over): one for one in report.gains}
    assert list(gains) == [(1, "half"), (2, "half"), (2, "mixed")]
    assert gains[2, "mixed"].v.value == pytest.approx(1)  # each of the mixed topics is half x, half y
    assert steps[0] == ("Running half", 0, 2)


class Fixed:
    """Gives two levels: the coarse one always the same, the fine one another for odd seeds."""

    COARSE = numbers(*[0] * 11, *[1] * 11)
    EVEN = numbers(*[0] * 6, *[1] * 5, *[2] * 6, *[3] * 5)
    ODD = numbers(*[0] * 5, *[1] * 6, *[2] * 5, *[3] * 6)

    def __init__(self):
        self.drawn = []

    def levels(self, seed):
        return [self.COARSE, self.ODD if seed % 2 else self.EVEN]

    def grown(self, chosen, seed):
        self.drawn.append(chosen)
        # after growth the two coarse topics are one at the fine level too, and the others are as they were
        merged = np.maximum(self.EVEN - 1, 0).astype(np.int32)
        return [self.COARSE[chosen], self.EVEN[chosen]], [self.COARSE, merged]


def test_stability_is_counted_level_by_level():
    clusterer = Fixed()
    found = stability(clusterer, [f"p{i}" for i in range(22)], runs=3, seed=0)
    assert [len(set(chosen.tolist())) for chosen in clusterer.drawn] == [20, 20, 20]  # 22 are 10 % more
    assert found.between_seeds[0] == pytest.approx((1, 1, 1))
    one = found.between_seeds[1]
    assert one[1] == pytest.approx(1)  # seeds 0 and 2
    assert one[0] == pytest.approx(one[2])
    assert one[0] < 0.9
    assert (found.growth[0].ami, found.growth[0].same_id, found.growth[0].kept_id) == pytest.approx((1, 1, 1))
    # of the two topics made one the larger lives on; its papers keep their id, those of the other do not
    sizes = [np.bincount(Fixed.EVEN[chosen]) for chosen in clusterer.drawn]
    kept = np.mean([1 - min(some[0], some[1]) / 20 for some in sizes])
    assert (found.growth[1].same_id, found.growth[1].kept_id) == pytest.approx((kept, kept))
    assert found.growth[1].ami < 1


def test_one_seed_has_nothing_to_be_compared_with():
    found = stability(Fixed(), [f"p{i}" for i in range(22)], runs=1)
    assert found.between_seeds == ((), ())
    assert found.growth[0].same_id == 1
