"""What ``recsys evaluate topics`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from recsys.cli.console import out
from recsys.evaluation.metrics import Estimate
from recsys.evaluation.topic_labels import PaperLabels
from recsys.evaluation.topic_metrics import RESAMPLES, TERMS, Agreement
from recsys.evaluation.topics import GROWTH, Judged, Labelled, Report, Run, Stability

__all__ = ["Outcome", "outcome_json", "print_tables"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an evaluation of topics found.

    Attributes:
        given: the labels as the file has them.
        truth: the labels of the corpus.
        papers: in the corpus.
        report: against labels and baselines.
        stability: None where it was not asked for.
        seed: of the evaluation.
    """

    given: PaperLabels
    truth: Labelled
    papers: int
    report: Report
    stability: Stability | None
    seed: int


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Everything, as JSON has it."""
    given, truth, found = outcome.given, outcome.truth, outcome.stability
    return {
        "labels": {
            "file": given.name,
            "column": given.column,
            "labels": len(truth.names),
            "judged": truth.judged,
            "not_in_corpus": truth.unknown,
            "with_several_labels": len(given.several),
        },
        "corpus_size": outcome.papers,
        "bootstrap": {"resamples": RESAMPLES, "confidence": 0.95, "seed": outcome.seed},
        "terms": TERMS,
        "methods": [_method(method) for method in outcome.report.methods],
        "gains": [asdict(gain) for gain in outcome.report.gains],
        "stability": None
        if found is None
        else {
            "runs": found.runs,
            "growth": GROWTH,
            "levels": [
                {
                    "level": level,
                    "ami_between_seeds": float(np.mean(pairs)) if pairs else None,
                    "lowest": min(pairs, default=None),
                    "ami_after_growth": grown.ami,
                    "same_id": grown.same_id,
                    "topic_kept": grown.kept_id,
                }
                for level, (pairs, grown) in enumerate(
                    zip(found.between_seeds, found.growth, strict=False), 1
                )
            ],
        },
    }


def _method(method: Judged) -> dict[str, Any]:
    placed = method.placed
    return {
        "name": method.name,
        "level": method.level,
        "topics": method.mean(lambda run: run.topics),
        "coverage": method.mean(lambda run: run.coverage),
        **_agreement(method.agreement),
        "placed_only": None if placed is None else _agreement(placed),
        **_terms(method),
        "runs": [
            {
                "topics": run.topics,
                "coverage": run.coverage,
                **asdict(run.agreement.measures),
            }
            for run in method.runs
        ],
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {**asdict(found.measures), "v": asdict(found.v), "ami": asdict(found.ami)}


def _terms(method: Judged) -> dict[str, float | None]:
    return {
        "coherence": method.mean(lambda run: None if run.terms is None else run.terms.coherence),
        "diversity": method.mean(lambda run: None if run.terms is None else run.terms.diversity),
        "terms_unseen": method.mean(lambda run: None if run.terms is None else run.terms.unseen),
    }


def print_tables(outcome: Outcome) -> None:
    """What a person reads."""
    given, truth = outcome.given, outcome.truth
    out.print(
        f"{truth.judged:,} papers judged by {len(truth.names):,} values of {given.column!r} in {given.name}, "
        f"of {outcome.papers:,} papers clustered.",
        markup=False,
    )
    out.print(
        f"Left out: {truth.unknown:,} labelled papers not in the corpus, {len(given.several):,} with several labels."
    )
    out.print(_methods_table(outcome.report))
    if outcome.report.gains:
        out.print(_gains_table(outcome.report))
    if outcome.stability is not None:
        out.print(_stability_table(outcome.stability))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, no_wrap=at == 0, overflow="fold")
    return table


def _methods_table(report: Report) -> Table:
    table = _table(
        f"Agreement with the labels [95 % interval of {RESAMPLES} bootstrap resamples], and the first {TERMS} terms",
        *(
            "method",
            "topics",
            "placed",
            "V-measure",
            "AMI",
            "homog.",
            "compl.",
            "purity",
            "NPMI",
            "diversity",
        ),
    )
    for method in report.methods:
        terms = _terms(method)
        table.add_row(
            _name(method),
            _number(method.mean(lambda run: run.topics), ".0f"),
            _number(method.mean(lambda run: run.coverage)),
            *_cells(method.agreement),
            _number(terms["coherence"]),
            _number(terms["diversity"]),
        )
        if len(method.runs) > 1:
            table.add_row(f"  its {len(method.runs)} runs", *_ranges(method.runs), "", "", "", "", "")
        if (placed := method.placed) is not None:
            table.add_row("  placed papers only", "", "", *_cells(placed), "", "")
    return table


def _name(method: Judged) -> str:
    return method.name if method.level is None else f"{method.name}, level {method.level}"


def _cells(found: Agreement) -> tuple[str, ...]:
    shown = found.measures
    rest = (shown.homogeneity, shown.completeness, shown.purity)
    return _interval(found.v), _interval(found.ami), *(_number(value) for value in rest)


def _ranges(runs: Sequence[Run]) -> list[str]:
    values = [
        ([float(run.topics) for run in runs], ".0f"),
        ([run.coverage for run in runs], ".3f"),
        ([run.agreement.measures.v for run in runs], ".3f"),
        ([run.agreement.measures.ami for run in runs], ".3f"),
    ]
    return [f"{min(some):{form}} to {max(some):{form}}" for some, form in values]


def _gains_table(report: Report) -> Table:
    table = _table("Topics less the other method, on the same resamples", "level", "less", "V-measure", "AMI")
    for gain in report.gains:
        table.add_row(str(gain.level), gain.over, _interval(gain.v, "+"), _interval(gain.ami, "+"))
    return table


def _stability_table(found: Stability) -> Table:
    table = _table(
        f"Clustered again: {found.runs} seeds, and {found.runs} times after {GROWTH:.0%} more papers came",
        *(
            "level",
            "AMI of seeds",
            "lowest",
            "AMI after growth",
            "papers with the same topic id",
            "whose topic is there",
        ),
    )
    for level, grown in enumerate(found.growth):
        pairs = found.between_seeds[level] if level < len(found.between_seeds) else ()
        table.add_row(
            str(level + 1),
            _number(float(np.mean(pairs)) if pairs else None),
            _number(min(pairs, default=None)),
            *(_number(value) for value in (grown.ami, grown.same_id, grown.kept_id)),
        )
    return table


def _interval(found: Estimate, sign: str = "") -> str:
    return f"{found.value:{sign}.3f} \\[{found.low:{sign}.3f}, {found.high:{sign}.3f}]"


def _number(value: float | None, form: str = ".3f") -> str:
    return "–" if value is None else f"{value:{form}}"
