"""Make the bundled sample corpus: facts about a few thousand ACL Anthology papers, and key phrases derived from them.

    python scripts/make_sample.py CORPUS.jsonl.gz --out recsys/sample/acl-sample.jsonl.gz

Two halves, both deterministic (no random numbers, ties broken by id):

1. **Selection.** Whole authors: those who write most, and most purely, about dialogue or reinforcement learning,
   each with every paper; then, topic by topic, papers by authors who are already in, so that people stay connected.
2. **Key phrases.** Candidates are runs of one to four words that can be a noun phrase. There is no tagger: whether
   a word may begin or end one is read off its neighbours in all abstracts (a verb is followed by determiners and
   preceded by "we" or "to", an adjective is followed by a further content word). A candidate weighs

       ln(1 + tf) * idf * log2(1 + words) * 1.6 if in the title

   where tf leaves out occurrences inside a longer kept candidate, as in C-value (Frantzi, Ananiadou & Mima 2000,
   doi:10.1007/s007999900023), and idf comes from all abstracts of the years admitted.

Abstracts are read and never written.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

Record = dict[str, Any]
Key = tuple[str, ...]
console = Console(stderr=True)

# ---------------------------------------------------------------- words that cannot carry a key phrase

STOP_WORDS = frozenset(ENGLISH_STOP_WORDS) | frozenset(
    ["across", "et", "al", "etc", "eg", "ie", "via", "using", "based", "upon", "towards", "toward", "without", "within", "whether", "while", "whose", "like", "unlike", "according", "due", "despite", "given", "regarding", "respectively", "thus", "hence", "furthermore", "moreover", "additionally", "finally", "however", "specifically", "particularly", "especially", "mainly", "mostly", "even", "already", "still", "yet", "may", "might", "must", "shall", "would", "could", "can", "cannot", "don't", "doesn't", "it's", "let", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "first", "second", "third", "fourth", "fifth", "zero-th", "aka", "vs", "versus", "per", "non", "following", "including", "included", "compared"]
)
#: Common in any abstract, in no field's vocabulary: neither the first nor the last word of a phrase.
FILLER = frozenset(
    ["paper", "papers", "approach", "approaches", "method", "methods", "methodology", "methodologies", "result", "results", "experiment", "experiments", "experimental", "performance", "performances", "work", "works", "study", "studies", "finding", "findings", "problem", "problems", "issue", "issues", "challenge", "challenges", "way", "ways", "number", "numbers", "amount", "amounts", "variety", "range", "use", "uses", "usage", "novel", "new", "existing", "previous", "prior", "recent", "recently", "current", "currently", "proposed", "different", "various", "diverse", "several", "state-of-the-art", "sota", "better", "best", "significant", "extensive", "comprehensive", "empirical", "promising", "effective", "simple", "certain", "high", "higher", "highest", "low", "lower", "lowest", "good", "important", "key", "main", "major", "common", "particular", "similar", "same", "literature", "author", "authors", "researcher", "researchers", "research", "future", "contribution", "contributions", "advantage", "advantages", "improvement", "improvements", "increase", "gain", "gains", "effectiveness", "importance", "impact", "ability", "abilities", "lack", "need", "needs", "demand", "aim", "aims", "goal", "goals", "idea", "ideas", "insight", "insights", "conclusion", "addition", "example", "examples", "instance", "instances", "case", "cases", "type", "types", "kind", "kinds", "aspect", "aspects", "part", "parts", "point", "points", "level", "levels", "term", "terms", "order", "step", "steps", "stage", "stages", "technique", "techniques", "solution", "solutions", "scenario", "scenarios", "setting", "settings", "setup", "perspective", "perspectives", "possibility", "potential", "success", "successful", "limitation", "limitations", "drawback", "drawbacks", "progress", "advance", "advances", "advancement", "advancements", "interest", "role", "fact", "facts", "reason", "reasons", "manner", "quality", "year", "years", "time", "times", "percent", "percentage", "art", "real", "original", "additional", "entire", "whole", "full", "overall", "respective", "top", "total", "able", "average", "absolute", "relative", "critical", "essential", "crucial", "difficult", "hard", "easy", "easier", "great", "greater", "large-scale", "small", "smaller", "large", "larger", "massive", "huge", "vast", "rich", "wide", "wider", "broad", "deeper", "extra", "further", "appropriate", "suitable", "relevant", "available", "possible", "necessary", "sufficient", "competitive", "superior", "comparable", "consistent", "consistently", "strong", "stronger", "robustly", "unseen", "unknown", "popular", "widely-used", "well-known", "notable", "remarkable", "substantial", "considerable", "interesting", "systematic", "thorough", "detailed", "preliminary", "initial", "present", "focus", "effort", "efforts", "attempt", "attempts", "variant", "variants", "version", "versions", "member", "members", "collection", "evidence", "experience", "submission", "submissions", "participant", "participants", "team", "teams", "track", "tracks", "baseline", "baselines", "accuracy", "accuracies", "score", "scores", "f1", "f1-score", "macro-f1", "micro-f1", "margin", "url", "github", "website", "https", "http", "repository", "com", "www", "org", "leaderboard", "place", "ranked", "standard", "traditional", "conventional", "typical", "special", "subtask", "subtasks", "thing", "things", "lot", "lots", "plenty", "half", "majority", "most-used", "multiple", "single", "distinct", "individual", "underlying", "resulting", "corresponding", "involved", "associated", "related", "specific", "general", "generally", "extent", "generated", "generate", "extracted", "retrieved", "predicted", "learned", "learnt", "written", "annotated", "labeled", "labelled", "obtained", "high-quality", "longer", "shorter", "acceptable", "representative", "vanilla", "valid", "independent", "normal", "apparent", "heavy", "past", "tend", "tends", "comprising", "consisting", "containing", "best-performing", "top-performing", "well-performing", "high-performing", "good-quality", "decade", "decades", "true", "false", "wrong", "bad", "trained", "collected", "selected", "given", "desired", "careful", "correct", "incorrect", "actual", "exact", "final", "inherent", "explicit", "observed", "fixed", "flexible", "easily", "sophisticated", "latest", "modern", "emerging", "unprecedented", "heavily", "superiority", "discussion", "choice", "choices", "practice", "practices", "person", "people", "somebody", "everyone", "degree", "effect", "effects", "influence", "difference", "differences", "decrease", "reduction", "outperforming", "surprising", "potentially", "publicly", "freely", "openly", "valuable", "useful", "helpful", "meaningful", "reliable", "viable", "feasible", "practical", "complex", "complicated", "unique", "varying", "non-trivial", "long-standing", "respect", "regard", "light", "purpose", "purposes", "sake", "thanks", "help", "proposal", "trend", "trends", "direction", "directions", "implementation", "implementations", "consideration", "considerations", "availability", "emergence", "presence", "absence", "existence", "complexity", "introduction", "overview", "today", "nowadays", "era", "trade-off", "tradeoff", "benefit", "benefits", "capability", "capabilities", "nature", "phenomenon", "phenomena", "process", "processes", "procedure", "procedures", "investigation", "investigations", "characteristic", "characteristics", "property", "properties", "component", "components", "element", "elements", "factor", "factors", "group", "groups", "pair", "pairs", "line", "lines", "area", "areas", "field", "fields", "community", "communities", "real-life", "core", "extreme", "rapid", "growing", "ever-growing", "increasing", "raw", "crux", "much-needed", "much", "fashion", "quantity", "scarcity"]
)
#: Phrases of otherwise good words that say how a paper works, not what it is about.
FILLER_PHRASES = """downstream task|benchmark dataset|public dataset|human evaluation|automatic evaluation|training data|test set|
    test data|training set|development set|evaluation metric|automatic metric|source code|real world|baseline model|
    language processing|ablation|data set|large dataset|human judgement|human judgment|human annotator|training example|
    error analysis|quantitative analysis|qualitative analysis|statistical analysis|human evaluator|machine learning model|
    computational cost|open source|input text|training sample|proposed model|NLP task|NLP|NLP model|NLP application|
    NLP system|language technology|target task|model size|model architecture|model parameter|code and data|learning model|
    training process|training time|inference time|bleu score|correlation|domain|approach|annotation|annotator|
    crowdsourcing|evaluation|deep learning model|learning method|learning algorithm|neural model|neural network model|
    set of parameters|network model|data source|final system|downstream application|downstream NLP task|annotated data|labeled data|automatic metric|
    manual evaluation|evaluation result|evaluation dataset|main conference|in-depth analysis|analysis|word level"""
#: Both noun and verb; as nouns they are heads of real terms ("emotional support", "beam search").
NOUN_ANYWAY = frozenset(
    ["support", "test", "search", "match", "attack", "attacks", "design", "control", "review", "feedback", "edit", "act", "acts", "answer", "attribute", "link", "map", "plan", "trigger", "segment", "measure", "stress", "trust", "harm", "repair", "probe", "mask", "frame", "critique", "judge", "filter", "paraphrase", "transfer", "prompt", "query", "label", "overfitting", "jailbreaking", "editing", "questioning"]
)
#: Heads that nearly any modifier may precede: such a phrase says less than its weight claims.
GENERIC_HEADS = frozenset(
    ["model", "task", "system", "data", "dataset", "information", "text", "network", "strategy", "framework", "feature", "algorithm", "agent", "context", "content", "application", "domain", "corpus", "module", "structure", "source", "analysis", "language", "tool", "representation", "user", "sample", "architecture", "resource", "metric", "technology", "function", "input", "output", "sentence", "word", "question", "pattern", "relationship", "interaction", "space", "objective", "training"]
)
INNER = frozenset(["of"])  # the only stop word allowed inside: "chain of thought", "mixture of experts"
DETERMINERS = frozenset(
    ["the", "a", "an", "our", "their", "its", "this", "these", "those", "existing", "each", "several", "various", "both", "all"]
)
VERB_CUES = frozenset(["we", "to", "can", "could", "will", "would", "may", "might", "must", "should", "not", "they", "cannot", "who"])
PREDICATE_CUES = frozenset(
    ["is", "are", "was", "were", "be", "been", "being", "more", "most", "very", "highly", "less", "remains", "becomes", "quite", "too"]
)

# ---------------------------------------------------------------- text

_WORD = re.compile(r"[^\W_]+(?:[-'’.+][^\W_]+)*\+*")
_BREAK = re.compile(r"[^\w\s'’.+-]|[.](?=\s|$)|\s[-–—]\s|--+|\$[^$]*\$")
_PREFIXES = frozenset(["pre", "non", "multi", "cross", "re", "co", "semi", "sub", "inter", "intra", "fine", "un"])
_IRREGULAR = {
    "corpora": "corpus", "analyses": "analysis", "hypotheses": "hypothesis", "biases": "bias", "indices": "index",
    "matrices": "matrix", "vertices": "vertex", "dialog": "dialogue", "dialogs": "dialogue", "lens": "lens",
    "series": "series", "news": "news", "bias": "bias", "chatbots": "chatbot",
}  # fmt: skip


def segments(text: str) -> list[list[str]]:
    """Words of ``text`` as printed, cut wherever punctuation stands; possessive endings are dropped."""
    return [
        [re.sub(r"['’]s?$", "", word) for word in _WORD.findall(part)]
        for part in _BREAK.split(text)
        if part.strip()
    ]


@cache
def stems(word: str) -> Key:
    """Parts of one word, compared case-blind, in the singular, and in one spelling (dialog, -isation, pre-)."""
    parts = [part for part in word.lower().split("-") if part]
    joined: list[str] = []
    for part in parts:
        if joined and joined[-1] in _PREFIXES:
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(_singular(part) for part in joined)


def _singular(word: str) -> str:
    word = _IRREGULAR.get(word, word)
    word = re.sub(r"is(ation|e|ed|er|ing)(s?)$", r"iz\1\2", word) if len(word) > 8 else word
    word = re.sub(r"our$", "or", word.replace("labell", "label").replace("modell", "model"))
    if len(word) < 4 or re.search(r"(ss|us|is|ics)$", word) or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-2] if re.search(r"(ss|sh|ch|x|z)es$", word) else word[:-1]


def phrase_key(words: Iterable[str]) -> Key:
    """What two phrases share that differ only in case, number, hyphens or national spelling."""
    return tuple(part for word in words for part in stems(word))


def contains(longer: Key, shorter: Key) -> bool:
    """Whether ``shorter`` stands in ``longer`` as a run of neighbouring parts."""
    width = len(shorter)
    return any(longer[i : i + width] == shorter for i in range(len(longer) - width + 1))


_FILLER_KEYS = frozenset(phrase_key(p.split()) for p in FILLER_PHRASES.replace("\n", " ").split("|"))

# ---------------------------------------------------------------- background statistics


@dataclass
class Lexicon:
    """How each lower-cased word is used in all abstracts: the stand-in for a part-of-speech tagger."""

    count: Counter[str] = field(default_factory=Counter)
    as_verb: Counter[str] = field(default_factory=Counter)
    as_predicate: Counter[str] = field(default_factory=Counter)
    before_content: Counter[str] = field(default_factory=Counter)
    printed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str) -> None:
        """Count the words of one abstract."""
        for segment in segments(text):
            lower = [word.lower() for word in segment]
            for i, word in enumerate(lower):
                before = lower[i - 1] if i else ""
                after = lower[i + 1] if i + 1 < len(lower) else ""
                self.count[word] += 1
                self.as_verb[word] += (after in DETERMINERS) + (before in VERB_CUES)
                self.as_predicate[word] += before in PREDICATE_CUES
                self.before_content[word] += bool(after) and after not in STOP_WORDS
                self.printed[word][segment[i]] += 1

    def share(self, of: Counter[str], word: str) -> float:
        """Share of a word's uses that ``of`` counted; 0 for a word too rare to tell."""
        count = self.count[word]
        return of[word] / count if count >= 20 else 0.0

    def is_verb(self, word: str) -> bool:
        """Whether the word is used as a verb too often to begin or end a noun phrase."""
        return word not in NOUN_ANYWAY and self.share(self.as_verb, word) > 0.14

    def may_begin(self, word: str) -> bool:
        """Whether a noun phrase may begin with this lower-cased word."""
        return self._may_stand_at_edge(word) and self.share(self.as_predicate, word) < 0.25

    def may_end(self, word: str) -> bool:
        """Whether a noun phrase may end with this lower-cased word."""
        participle = word.endswith("ed") and word not in ("seed", "feed", "speed", "need")
        return (
            self._may_stand_at_edge(word)
            and not participle
            and self.share(self.as_predicate, word) < 0.08
            and self.share(self.before_content, word) < 0.86
        )

    def _may_stand_at_edge(self, word: str) -> bool:
        return (
            word not in STOP_WORDS
            and word not in FILLER
            and any(c.isalpha() for c in word)
            and not word.endswith("ly")
            and (len(word) > 1)
            and not self.is_verb(word)
        )

    def display(self, word: str) -> str:
        """The word in the case in which abstracts mostly print it: ``BERT``, ``English``, ``dialogue``."""
        forms = self.printed.get(word.lower())
        if forms:
            return max(sorted(forms), key=lambda form: forms[form])
        if "-" in word:
            return "-".join(self.display(part) for part in word.split("-"))
        return word if is_name(word) else word.lower()


def is_name(word: str) -> bool:
    """Whether the printed form marks an acronym or a system's name: ``BERT``, ``GPT-4``, ``MultiWOZ``."""
    return len(word) > 1 and (any(c.isupper() for c in word[1:]) and not re.search(r"-[A-Z][a-z]+$", word))


@dataclass
class Background:
    """Document frequencies of the candidates, and how each is mostly written.

    Attributes:
        documents: abstracts counted.
        frequency: key -> abstracts that hold it.
        occurrences: key -> times it occurs.
        complete: key -> times it occurs without a further content word behind it.
        written: key -> lower-cased spellings with their counts.
    """

    lexicon: Lexicon
    documents: int = 0
    frequency: Counter[Key] = field(default_factory=Counter)
    occurrences: Counter[Key] = field(default_factory=Counter)
    complete: Counter[Key] = field(default_factory=Counter)
    written: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, text: str, wanted: set[Key] | None = None) -> None:
        """Count the candidates of one abstract, only those in ``wanted`` when given."""
        self.documents += 1
        seen: set[Key] = set()
        for words, complete in candidates(segments(text), self.lexicon):
            key = phrase_key(words)
            if wanted is None or key in wanted:
                seen.add(key)
                self.occurrences[key] += 1
                self.complete[key] += complete
                self.written[key][" ".join(words).lower()] += 1
        self.frequency.update(seen)

    def idf(self, key: Key) -> float:
        """ln(documents / frequency); no rarer than 20 in 50,000, as the rarest are accidents of wording."""
        floor = max(1.0, self.documents / 2500)
        return math.log(self.documents / max(self.frequency[key], floor)) if self.documents > floor else 0.0

    def display(self, key: Key, fallback: Sequence[str]) -> str:
        """The usual spelling of a phrase; ``fallback`` (as printed) when no abstract has it."""
        forms = self.written.get(key)
        words = max(sorted(forms), key=lambda form: forms[form]).split() if forms else list(fallback)
        return " ".join(self.lexicon.display(word) for word in words)


def candidates(
    runs: Iterable[Sequence[str]], lexicon: Lexicon, longest: int = 4
) -> Iterator[tuple[Sequence[str], bool]]:
    """Every run of one to ``longest`` words that may be a noun phrase, as printed, repeats included.

    With each comes whether it is complete: false when a content word follows, which may be its true head
    ("few-shot entity" in "few-shot entity linking").
    """
    for run in runs:
        lower = [word.lower() for word in run]
        content = [w not in STOP_WORDS and not lexicon.is_verb(w) for w in lower]
        for start, first in enumerate(lower):
            if not lexicon.may_begin(first) or (
                first in NOUN_ANYWAY and start and lower[start - 1] in VERB_CUES
            ):
                continue
            for stop in range(start + 1, min(start + longest, len(run)) + 1):
                last = lower[stop - 1]
                if lexicon.may_end(last):
                    yield run[start:stop], stop == len(run) or not content[stop]
                if not content[stop - 1] and last not in INNER:
                    break


# ---------------------------------------------------------------- key phrases


def key_phrases(title: str, abstract: str | None, background: Background, limit: int = 12) -> list[str]:
    """Up to ``limit`` phrases of at most four words, heaviest first, none nested in another.

    Args:
        title: the paper's title; its phrases weigh more.
        abstract: the paper's abstract, or None.
        background: statistics over a whole corpus.
        limit: the most phrases to return.
    """
    lexicon = background.lexicon
    in_title = {phrase_key(words) for words, _ in candidates(segments(title), lexicon)}
    counts: Counter[Key] = Counter()
    printed: dict[Key, Sequence[str]] = {}
    for text in (abstract or "", title):
        for words, _ in candidates(segments(text), lexicon):
            key = phrase_key(words)
            counts[key] += 1
            printed.setdefault(key, words)
    whole_title = set(phrase_key(w for run in segments(title) for w in run if w.lower() not in STOP_WORDS))
    kept = {
        key
        for key in counts
        if _is_term(key, printed[key], counts[key], key in in_title, background)
        and not (len(key) > 2 and whole_title <= set(key))
    }
    weights = {
        key: weight(key, free, key in in_title, background)
        for key in kept
        if (free := counts[key] - max((counts[k] for k in kept if k != key and contains(k, key)), default=0))
        > 0
    }
    least = 0.3 * max(weights.values(), default=0.0)
    chosen: list[Key] = []
    for key in sorted(weights, key=lambda k: (-weights[k], k)):
        strong = len(chosen) < 6 or weights[key] >= least
        if len(chosen) < limit and strong and not any(says_same(key, other) for other in chosen):
            chosen.append(key)
    return [background.display(key, printed[key]) for key in chosen]


def says_same(one: Key, other: Key) -> bool:
    """Whether one phrase's words are all among the other's, but for endings, or one is the other's initials."""
    roots, other_roots = ({part[:6] for part in key} for key in (one, other))
    initials, other_initials = (("".join(part[0] for part in key),) for key in (one, other))
    return roots <= other_roots or other_roots <= roots or one == other_initials or other == initials


def weight(key: Key, free: int, in_title: bool, background: Background) -> float:
    """The formula in the module's docstring; ``free`` is tf outside longer candidates."""
    base = math.log1p(free) * background.idf(key) * math.log2(1 + len(key))
    return base * (1.6 if in_title else 1.0) * (0.7 if key[-1] in GENERIC_HEADS else 1.0)


def _is_term(key: Key, words: Sequence[str], count: int, in_title: bool, background: Background) -> bool:
    """Whether a candidate is attested well enough, and specific enough, to be a key phrase."""
    frequency, documents = background.frequency[key], background.documents
    if key in _FILLER_KEYS or len(set(key)) < len(key):
        return False
    if len(words) == 1 and is_name(words[0]):
        return frequency < 0.05 * documents and (count > 1 or in_title or frequency > 5)
    if len(words) == 1:
        noun = background.lexicon.share(background.lexicon.before_content, words[0].lower()) < 0.6
        attested = max(0.0004 * documents, 1) < frequency < 0.03 * documents
        return noun and attested and count > (1 if in_title else 2)
    if background.complete[key] < 0.4 * background.occurrences[key]:
        return False
    if any(w.lower() in INNER for w in words):
        rarest = min(background.lexicon.count[w.lower()] for w in words)
        return frequency >= 5 and background.occurrences[key] >= 0.1 * rarest
    return frequency >= (3 if len(words) == 2 else 5) or count > 1 or (in_title and frequency > 1)


# ---------------------------------------------------------------- selection

FIRST_YEAR, SIZE = 2016, 2500
#: Author ids taken with every paper: a productive dialogue author, and a name that several people share.
ANCHORS = ("siqi-bao", "hao-sun")
DIALOGUE = re.compile(r"\b(dialog|conversation|chatbot)", re.I)
REINFORCEMENT = re.compile(
    r"\breinforcement learning|\bRLHF\b|\bpolicy (gradient|optimi[sz]|learning)|\bpreference optimi[sz]"
    r"|\breward|\bDPO\b|\bPPO\b|\bhuman feedback|\bQ-learning",
    re.I,
)
TOPICS = {
    "translation": r"\btranslat|\bNMT\b",
    "parsing": r"\bpars(ing|er)|\btreebank|\bsyntactic|\bgrammar",
    "summarization": r"\bsummari[sz]",
    "question answering": r"\bquestion answering|\breading comprehension|\bQA\b",
    "information extraction": r"\bextraction|\bnamed entity|\bentity linking|\bevent detection",
    "speech": r"\bspeech|\bspoken|\bphonolog|\bprosod",
    "bias and ethics": r"\bbias|\bfairness|\bethic|\btoxic|\bhate|\bprivacy",
    "multilingual": r"\bmultilingual|\bcross-lingual|\blow-resource",
    "sentiment": r"\bsentiment|\bemotion|\bopinion|\bstance",
    "semantics": r"\bsemantic (rol|pars|similarit|chang)|\bword sense|\bmetaphor|\bembeddings",
    "vision": r"\bvisual|\bimage|\bvideo|\bmultimodal",
    "language models": r"\blanguage models?\b|\bLLMs?\b|\bpre-?train",
    "biomedical": r"\bclinical|\bbiomedical|\bmedical|\bhealth",
    "education and argument": r"\bessay|\beducation|\bgrammatical error|\bargument|\blegal",
}


def is_eligible(record: Record) -> bool:
    """Whether a paper has an English abstract of at least 300 characters and a year that is admitted."""
    abstract = record["abstract"] or ""
    words = re.findall(r"[^\W\d_]+", abstract.lower())
    english = sum(word in ENGLISH_STOP_WORDS for word in words) >= 0.2 * len(words)
    return record["year"] >= FIRST_YEAR and len(abstract) >= 300 and english and len(record["authors"]) <= 25


def author_ids(record: Record) -> set[str]:
    """The distinct author ids of one paper."""
    return {author["id"] for author in record["authors"]}


def select(records: Sequence[Record], size: int = SIZE) -> list[Record]:
    """About ``size`` records, in the order given: two topics by whole authors, then a spread over others."""
    eligible = {record["id"]: record for record in records if is_eligible(record)}
    papers_of: dict[str, set[str]] = defaultdict(set)
    for record in eligible.values():
        for author in author_ids(record):
            papers_of[author].add(record["id"])
    chosen = {r["id"] for r in records if r["year"] >= FIRST_YEAR and author_ids(r) & set(ANCHORS)}
    dialogue = {i for i, r in eligible.items() if DIALOGUE.search(r["title"])}
    reinforcement = {i for i, r in eligible.items() if REINFORCEMENT.search(f"{r['title']} {r['abstract']}")}
    _grow(chosen, papers_of, dialogue, until=round(0.4 * size))
    _grow(chosen, papers_of, reinforcement, until=round(0.6 * size))
    for left, pattern in zip(range(len(TOPICS), 0, -1), TOPICS.values(), strict=True):
        people = {author for i in chosen if i in eligible for author in author_ids(eligible[i])}
        on_topic = [
            i for i, r in eligible.items() if i not in chosen and re.search(pattern, r["title"], re.I)
        ]
        on_topic.sort(key=lambda i: (-min(len(author_ids(eligible[i]) & people), 4), _shuffled(i)))
        chosen.update(on_topic[: max(0, (size - len(chosen)) // left)])
    return [record for record in records if record["id"] in chosen]


def _grow(chosen: set[str], papers_of: dict[str, set[str]], wanted: set[str], until: int) -> None:
    """Add whole authors until ``chosen`` holds ``until`` papers: the purest, best connected, cheapest first.

    Authors with more than 60 papers are left to the spread: many of those ids are names that several people share.
    """
    purity = {
        author: len(papers & wanted) ** 2 / len(papers)
        for author, papers in papers_of.items()
        if len(papers & wanted) >= 3 and len(papers) <= 60
    }
    while purity and len(chosen) < until:

        def gain(author: str) -> float:
            shared = len(papers_of[author] & chosen)
            return purity[author] * (1 + shared) / (1 + len(papers_of[author]) - shared)

        best = max(sorted(purity), key=gain)
        del purity[best]
        chosen |= papers_of[best]


def _shuffled(paper_id: str) -> str:
    """A fixed order that knows nothing of year or venue."""
    return hashlib.sha256(paper_id.encode()).hexdigest()


# ---------------------------------------------------------------- the command


def report(sample: Sequence[Record]) -> dict[str, float]:
    """What the sample is like: counts, density of co-authors, share of papers in the largest component."""
    coauthors: dict[str, set[str]] = defaultdict(set)
    for record in sample:
        for author in author_ids(record):
            coauthors[author] |= author_ids(record) - {author}
    people = {author: i for i, author in enumerate(sorted(coauthors))}
    edges = [(people[a], people[b]) for a, others in coauthors.items() for b in others]
    rows, columns = zip(*edges, strict=True)
    graph = coo_array(([1] * len(edges), (rows, columns)), shape=(len(people), len(people)))
    component = connected_components(graph, directed=False)[1]
    largest = Counter(component[people[min(author_ids(r))]] for r in sample).most_common(1)[0][1]
    words = [" ".join([r["title"], *r["keywords"]]) for r in sample]
    return {
        "papers": len(sample),
        "people": len(people),
        "mean co-authors": len(edges) / len(people),
        "share of papers in the largest component": largest / len(sample),
        "papers with dialogue words": sum(bool(DIALOGUE.search(text)) for text in words),
        "papers with reinforcement learning words": sum(bool(REINFORCEMENT.search(text)) for text in words),
        "mean key phrases": sum(len(r["keywords"]) for r in sample) / len(sample),
    }


def write(sample: Sequence[Record], out: Path) -> None:
    """Write gzip-compressed JSON lines whose bytes depend on the records alone, whole or not at all."""
    aside = out.with_name(f".{out.name}.part")
    with aside.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        for record in sample:
            packed.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    os.replace(aside, out)


def make(corpus: Path, out: Path, size: int = SIZE) -> None:
    """Read the corpus, choose the papers, weigh their phrases, write them and say what came out."""
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        records: list[Record] = [json.loads(line) for line in track(lines, "reading", console=console)]
    background = Background(Lexicon())
    abstracts = [r["abstract"] for r in records if is_eligible(r)]
    for abstract in track(abstracts, "counting words", console=console):
        background.lexicon.add(abstract)
    sample = select(records, size)
    wanted = {
        phrase_key(words)
        for record in sample
        for text in (record["title"], record["abstract"] or "")
        for words, _ in candidates(segments(text), background.lexicon)
    }
    for abstract in track(abstracts, "counting phrases", console=console):
        background.add(abstract, wanted)
    for record in track(sample, "weighing", console=console):
        record["keywords"] = key_phrases(record["title"], record["abstract"], background)
    write([{**{name: r.get(name) for name in FIELDS}, "abstract": None} for r in sample], out)
    for name, value in report(sample).items():
        console.print(f"{name}: {value:,.2f}".removesuffix(".00"))
    console.print(f"{out}: {out.stat().st_size:,} bytes")


FIELDS = ("id", "title", "abstract", "year", "venue", "url", "doi", "authors", "keywords", "source")


def main(
    corpus: Annotated[
        Path, typer.Argument(exists=True, help="The ACL Anthology as JSON lines, gzip-compressed.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    size: Annotated[int, typer.Option(min=100, help="About how many papers.")] = SIZE,
) -> None:
    """Make the bundled sample corpus."""
    make(corpus, out, size)


if __name__ == "__main__":
    typer.run(main)
