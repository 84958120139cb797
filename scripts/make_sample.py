"""Make the bundled sample corpus: facts about some ACL Anthology papers, and key phrases derived from them.

    python scripts/make_sample.py CORPUS.jsonl.gz --out recsys/sample/acl-sample.jsonl.gz

Deterministic: no random numbers, ties broken by id. Papers are selected by whole authors, those who write
most, and most purely, about dialogue or reinforcement learning, each with every paper; then, topic by topic,
come single papers by authors who are already in, so that people stay connected. Key phrases are those of
``sample_phrases.py``, weighed against all eligible abstracts. Abstracts are read and never written.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track
from sample_phrases import (
    SAMPLE_STOP_WORDS,
    Background,
    Lexicon,
    candidates,
    key_phrases,
    phrase_key,
    segments,
)
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

Record = dict[str, Any]
console = Console(stderr=True)

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
    dialogue = {i for i, r in eligible.items() if DIALOGUE.search(r["title"])}
    reinforcement = {i for i, r in eligible.items() if REINFORCEMENT.search(f"{r['title']} {r['abstract']}")}
    chosen = {r["id"] for r in records if r["year"] >= FIRST_YEAR and author_ids(r) & set(ANCHORS)}
    grow(chosen, eligible, dialogue, until=round(0.36 * size))
    grow(chosen, eligible, reinforcement, until=round(0.5 * size))
    connect(chosen, eligible, reinforcement, until=round(0.6 * size))
    for left, pattern in zip(range(len(TOPICS), 0, -1), TOPICS.values(), strict=True):
        on_topic = {i for i, r in eligible.items() if re.search(pattern, r["title"], re.I)}
        connect(chosen, eligible, on_topic, until=len(chosen) + (size - len(chosen)) // left)
    return [record for record in records if record["id"] in chosen]


def grow(chosen: set[str], eligible: dict[str, Record], wanted: set[str], until: int) -> None:
    """Add whole authors until ``chosen`` holds ``until`` papers: the purest, best connected, cheapest first.

    Authors with more than 60 papers are passed over: many of those ids are names that several people share.
    """
    papers_of: dict[str, set[str]] = defaultdict(set)
    for record in eligible.values():
        for author in author_ids(record):
            papers_of[author].add(record["id"])
    purity = {
        author: len(papers & wanted) ** 2 / len(papers)
        for author, papers in sorted(papers_of.items())
        if len(papers & wanted) >= 3 and len(papers) <= 60
    }
    while purity and len(chosen) < until:
        shared = {author: len(papers_of[author] & chosen) for author in purity}
        new = {author: len(papers_of[author]) - shared[author] for author in purity}
        best = max(purity, key={a: purity[a] * (1 + shared[a]) / (1 + new[a]) for a in purity}.__getitem__)
        del purity[best]
        chosen |= papers_of[best]


def connect(chosen: set[str], eligible: dict[str, Record], wanted: set[str], until: int) -> None:
    """Add single papers out of ``wanted``, best connected first, until there are ``until``."""
    people = {author for i in chosen & eligible.keys() for author in author_ids(eligible[i])}
    known = {i: min(4, len(author_ids(eligible[i]) & people)) for i in wanted - chosen}
    chosen.update(sorted(known, key=lambda i: (-known[i], _shuffled(i)))[: max(0, until - len(chosen))])


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
    background = Background(Lexicon(SAMPLE_STOP_WORDS))
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
