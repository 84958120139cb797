"""Weights to OpenVINO, in a process of its own: ``python -m recsys.embedding.convert < request.json``.

PyTorch is needed for this and weighs half a gigabyte; a server or a build that only runs the result never
loads it. The request holds the spec, the folders and, for int8, the calibration texts. Exit status 3 means a
deliberate error, described as JSON in the file that the request names.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock

import recsys.errors
from recsys.embedding.artefact import Artefact, Kind, open_artefact, write_artefact
from recsys.embedding.models import ModelSpec
from recsys.errors import ModelError, RecsysError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["convert_in_child"]

_REFUSED: Final = 3
#: Below this agreement with PyTorch the graph was traced wrongly (float) or the quantisation failed (int8).
_LEAST_COSINE: Final[Mapping[Kind, float]] = {"float": 0.9999, "int8": 0.95}
#: Tried after conversion: one and many texts, short and long, so that no shape was frozen into the graph.
_PROBES: Final = (
    ["graph neural networks"],
    [
        "parsing",
        "A study of coreference in long dialogues between two speakers. " * 30,
        "topic models for text",
    ],
)


def convert_in_child(
    spec: ModelSpec, weights: Path, folder: Path, kind: Kind, calibration: Sequence[str] = ()
) -> Artefact:
    """Make the artefact in a child process, or wait for another process that is making it.

    Raises:
        ModelError: the model cannot be converted, or a package for it is missing.
    """
    with tempfile.TemporaryDirectory(prefix="recsys-convert-") as scratch:
        refusal = Path(scratch) / "refusal.json"
        request = {
            "spec": {**asdict(spec), "prompts": dict(spec.prompts)},
            "weights": str(weights),
            "folder": str(folder),
            "kind": kind,
            "calibration": list(calibration),
            "refusal": str(refusal),
        }
        package = str(Path(__file__).resolve().parents[2])
        search = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
        done = subprocess.run(
            [sys.executable, "-m", "recsys.embedding.convert"],
            input=json.dumps(request).encode(),
            env={**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true", "PYTHONPATH": search},
            capture_output=True,
            check=False,
        )
        if done.returncode == _REFUSED and refusal.is_file():
            told = json.loads(refusal.read_text(encoding="utf-8"))
            raise getattr(recsys.errors, told["kind"])(told["message"], hint=told["hint"])
    artefact = open_artefact(folder)
    if done.returncode or artefact is None:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ModelError(
            f"Converting model {spec.id!r} ended with status {done.returncode}: "
            f"{' '.join(last) or 'no message'}.",
            hint="If memory ran out, try again with more; else run this model with the torch backend.",
        )
    return artefact


def main() -> int:
    """Serve one request from standard input; the exit status."""
    request = json.load(sys.stdin)
    try:
        _convert(
            ModelSpec(**request["spec"]),
            Path(request["weights"]),
            Path(request["folder"]),
            request["kind"],
            request["calibration"],
        )
    except RecsysError as error:
        told = {"kind": type(error).__name__, "message": error.message, "hint": error.hint}
        Path(request["refusal"]).write_text(json.dumps(told), encoding="utf-8")
        return _REFUSED
    return 0


def _convert(spec: ModelSpec, weights: Path, folder: Path, kind: Kind, calibration: Sequence[str]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / ".lock"):
        if open_artefact(folder) is None:
            write_artefact(folder, lambda draft: _write(spec, weights, draft, kind, calibration))


def _write(
    spec: ModelSpec, weights: Path, draft: Path, kind: Kind, calibration: Sequence[str]
) -> tuple[bool, float]:
    """Fill ``draft`` with graph and tokenizer; returns (lowercase, cosine to PyTorch)."""
    from recsys.embedding.openvino import import_openvino, load_tokenizer
    from recsys.embedding.sentence import load_sentence_transformer

    openvino = import_openvino()
    model = load_sentence_transformer(spec, weights, device="cpu")
    tokenizer = getattr(model.tokenizer, "backend_tokenizer", None)
    if tokenizer is None:
        raise ModelError(
            f"The tokenizer of model {spec.id!r} has no fast form.",
            hint="Run this model with the torch backend.",
        )
    tokenizer.save(str(draft / "tokenizer.json"))
    lowercase = bool(getattr(model[0], "do_lower_case", False))
    graph = _trace(openvino, model, spec)
    if kind == "int8":
        from recsys.embedding.openvino_int8 import quantised

        prompt = spec.prompts["document"]
        texts = [prompt + text for text in calibration]
        graph = quantised(graph, load_tokenizer(draft, spec.max_tokens), texts, spec.max_tokens)
    openvino.save_model(graph, str(draft / "model.xml"), compress_to_fp16=False)
    probes = [list(calibration[:16]), *_PROBES] if kind == "int8" else list(_PROBES)
    cosine = _agreement(openvino, graph, model, load_tokenizer(draft, spec.max_tokens), probes)
    if not cosine >= _LEAST_COSINE[kind]:
        raise ModelError(
            f"Model {spec.id!r} compiled to {kind} agrees with PyTorch only to a cosine of {cosine:.4f}; "
            f"{_LEAST_COSINE[kind]} is asked.",
            hint="Run this model with the torch backend." if kind == "float" else "Use bf16 for this model.",
        )
    return lowercase, cosine


def _trace(openvino: Any, model: Any, spec: ModelSpec) -> Any:
    """The whole forward pass, pooling and normalisation included, as an OpenVINO graph of dynamic shape.

    Its outputs are the texts' unit vectors, of shape (texts, d), and the embeddings of their tokens in the same
    space, of shape (texts, tokens, d).
    """
    import torch

    from recsys.embedding.sentence import token_vectors

    class Whole(torch.nn.Module):
        """Token ids and mask to unit vectors and token vectors."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            found = self.model({"input_ids": input_ids, "attention_mask": attention_mask})
            unit = torch.nn.functional.normalize(found["sentence_embedding"], dim=-1)
            return unit, token_vectors(self.model, found)

    ids = torch.ones((2, 12), dtype=torch.int64)
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    inputs = [(name, [-1, -1], openvino.Type.i64) for name in ("input_ids", "attention_mask")]
    try:
        with torch.no_grad():
            return openvino.convert_model(
                Whole().eval(),
                example_input={"input_ids": ids, "attention_mask": mask},
                input=inputs,
            )
    except Exception as error:
        raise ModelError(
            f"Model {spec.id!r} cannot be compiled for OpenVINO: {type(error).__name__}: {error}.",
            hint="Run this model with the torch backend.",
        ) from error


def _agreement(
    openvino: Any, graph: Any, model: Any, tokenizer: Any, probes: Sequence[Sequence[str]]
) -> float:
    """Mean cosine between the graph's vectors and PyTorch's, over batches of texts.

    Of texts or of their first halves, pooled like sentences: whichever is lower.
    """
    import numpy as np
    import torch

    from recsys.embedding.batches import padded
    from recsys.embedding.sentence import token_vectors

    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    texts: list[float] = []
    halves: list[float] = []
    for probe in probes:
        rows = [encoding.ids for encoding in tokenizer.encode_batch(list(probe))]
        ids, mask = padded(rows, max(map(len, rows)))
        with torch.no_grad():
            found = model({"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)})
            tokens = token_vectors(model, found).numpy()
        made = compiled([ids, mask])
        texts += _cosines(found["sentence_embedding"].numpy(), made[0])
        ends = [(len(row) + 1) // 2 for row in rows]
        halves += _cosines(
            *(
                np.stack([t[:end].sum(axis=0) for t, end in zip(side, ends, strict=True)])
                for side in (tokens, made[1])
            )
        )
    return float(min(np.mean(texts), np.mean(halves)))


def _cosines(left: NDArray[np.float32], right: NDArray[np.float32]) -> list[float]:
    """Cosine of each row with the other side's."""
    from recsys.embedding.batches import unit_rows

    cosines: list[float] = (unit_rows(left.copy()) * unit_rows(right.copy())).sum(axis=1).tolist()
    return cosines


if __name__ == "__main__":
    sys.exit(main())
