"""8-bit weights and activations, by NNCF's post-training quantisation with SmoothQuant."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any, Final

from recsys.embedding.batches import padded
from recsys.errors import ModelError

__all__ = ["CALIBRATION_TEXTS", "quantised", "require_nncf", "require_texts"]

#: Texts that the ranges of activations are measured on.
CALIBRATION_TEXTS: Final = 200
_LEAST_TEXTS: Final = 16


def require_nncf() -> None:
    """Raise ModelError when the package for quantisation is not installed."""
    if importlib.util.find_spec("nncf") is None:
        raise ModelError(
            "The int8 form of this model is not made yet, and making it needs the package 'nncf'.",
            hint="Run: pip install 'recsys[int8]', then: recsys build",
        )


def require_texts(texts: Sequence[str]) -> None:
    """Raise ModelError when there are too few calibration texts to measure ranges on."""
    if len(texts) < _LEAST_TEXTS:
        raise ModelError(
            f"Making the int8 form needs typical texts, about {CALIBRATION_TEXTS}; {len(texts)} were given.",
            hint="Ingest papers with abstracts first, or use precision bf16.",
        )


def quantised(graph: Any, tokenizer: Any, texts: Sequence[str], longest: int) -> Any:
    """The graph in int8, with the same outputs.

    Args:
        graph: OpenVINO model with inputs of token ids and mask.
        tokenizer: cuts to ``longest`` tokens.
        texts: calibration texts, prompt included, typical of the corpus.
        longest: the model's limit of tokens.
    """
    import nncf

    rows = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    dataset = nncf.Dataset([padded([row], min(len(row), longest)) for row in rows])
    # TRANSFORMER turns SmoothQuant on and keeps what is fragile (softmax, normalisations) in floating point
    return nncf.quantize(
        graph,
        dataset,
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(rows),
        fast_bias_correction=True,
    )
