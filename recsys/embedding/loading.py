"""From a spec to a model that is ready to run, on the best engine that this machine has."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from recsys.embedding.artefact import Artefact, Kind, artefact_folder, open_artefact
from recsys.embedding.convert import convert_in_child
from recsys.embedding.models import Embedder, ModelSpec, quantised_key, space_key
from recsys.embedding.openvino import OpenVinoEmbedder, cpu_has_bf16
from recsys.embedding.openvino_int8 import CALIBRATION_TEXTS, require_nncf, require_texts
from recsys.embedding.sentence import SentenceEmbedder, load_sentence_transformer
from recsys.embedding.weights import locate, verified_digest
from recsys.errors import ModelError

__all__ = ["Backend", "Precision", "gpu_present", "load_embedder"]

Backend = Literal["auto", "openvino", "torch"]
Precision = Literal["auto", "f32", "bf16", "int8"]


def load_embedder(
    spec: ModelSpec,
    *,
    cache: Path,
    backend: Backend = "auto",
    precision: Precision = "auto",
    threads: int | None = None,
    calibration: Callable[[], Sequence[str]] | None = None,
) -> Embedder:
    """The model, ready to run.

    Args:
        spec: which model.
        cache: where compiled models are kept; each goes to ``cache/<id>/``.
        backend: ``auto`` takes PyTorch when there is a GPU, or when the model has an adapter, else OpenVINO.
        precision: ``auto`` is bf16 where the processor computes in it, else f32; int8 only when asked for.
        threads: processor threads for OpenVINO; by default as many as this process may use.
        calibration: gives typical texts, about 200, when the int8 form has yet to be made.

    Raises:
        MissingWeights, WeightsMismatch, DimensionMismatch: see :mod:`recsys.errors`.
        ModelError: this model cannot be run in the way that was asked for.
    """
    weights = locate(spec)
    key = space_key(spec, verified_digest(spec, weights, cache))
    if backend == "torch" or (backend == "auto" and precision != "int8" and (spec.adapter or gpu_present())):
        return _torch(spec, weights, key, precision)
    bf16 = precision != "f32" and cpu_has_bf16()
    if precision == "bf16" and not bf16:
        raise ModelError("This processor does not compute in bf16.", hint="Use precision auto or f32.")
    kind: Kind = "int8" if precision == "int8" else "float"
    artefact = _artefact(spec, weights, cache, key, kind, calibration)
    arithmetic = "bf16" if bf16 else "f32"
    return OpenVinoEmbedder(
        spec,
        artefact,
        key=quantised_key(key, artefact.digest) if kind == "int8" else key,
        precision=arithmetic,
        label="int8" if kind == "int8" else arithmetic,
        threads=threads or len(os.sched_getaffinity(0)),
    )


def _torch(spec: ModelSpec, weights: Path, key: str, precision: Precision) -> Embedder:
    if precision == "int8":
        raise ModelError("PyTorch does not run int8 here.", hint="Use the openvino backend for int8.")
    device = "cuda" if gpu_present() else "cpu"
    model = load_sentence_transformer(spec, weights, device=device)
    chosen = "f32" if precision == "auto" and device == "cpu" else precision
    return SentenceEmbedder(spec, model, key=key, precision=chosen)


def _artefact(
    spec: ModelSpec,
    weights: Path,
    cache: Path,
    key: str,
    kind: Kind,
    calibration: Callable[[], Sequence[str]] | None,
) -> Artefact:
    """The compiled form: the one in the cache, or made now."""
    folder = artefact_folder(cache, spec.id, key, kind)
    found = open_artefact(folder)
    if found is not None:
        return found
    texts: Sequence[str] = ()
    if kind == "int8":
        require_nncf()
        if calibration is None:
            raise ModelError(
                f"The int8 form of model {spec.id!r} is not made yet.",
                hint="Run: recsys build, with precision int8 in the settings (it is made from papers).",
            )
        texts = calibration()[:CALIBRATION_TEXTS]
        require_texts(texts)
    return convert_in_child(spec, weights, folder, kind, texts)


def gpu_present() -> bool:
    """Whether PyTorch can use a GPU. PyTorch is imported only where the system shows a device for one."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    # NVIDIA's driver, NVIDIA under WSL, AMD's driver
    if not (any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists() or Path("/dev/kfd").exists()):
        return False
    import torch

    return bool(torch.cuda.is_available())
