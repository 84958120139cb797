"""Any sentence-transformers model, run by PyTorch: on a GPU in half precision, on a CPU in float32."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recsys.embedding.batches import Window, clean, padded, unit_rows
from recsys.embedding.models import ModelSpec, Role
from recsys.embedding.passages import Encoded, Passage, finished, passage_windows, sentence_offsets
from recsys.errors import DimensionMismatch, MissingWeights, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SentenceEmbedder", "load_sentence_transformer", "token_vectors"]

_GPU_BATCH: Final = 512
_CPU_BATCH: Final = 32
#: Texts between two calls of ``progress``; sentence-transformers sorts by length within each such part.
_GPU_PART: Final = 16_384
_CPU_PART: Final = 512


def load_sentence_transformer(spec: ModelSpec, folder: Path, *, device: str) -> Any:
    """The ``SentenceTransformer`` of a spec, with the spec's length, pooling and adapter. Never asks a hub.

    Raises:
        MissingWeights: the adapter, or the package for adapters, is not here.
        DimensionMismatch: its vectors have another width than the spec says.
        ModelError: the files are no such model.
    """
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(
            str(folder), device=device, local_files_only=True, trust_remote_code=spec.trust_remote_code
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise ModelError(
            f"Model {spec.id!r} in {folder} cannot be loaded: {type(error).__name__}: {error}.",
            hint="Check that the folder holds a whole sentence-transformers or transformers model"
            + ("" if spec.trust_remote_code else "; one with code of its own needs trust_remote_code")
            + ".",
        ) from error
    model.max_seq_length = spec.max_tokens
    model.default_prompt_name = None  # prompts are put before the text here, the same for every engine
    _apply_pooling(model, spec)
    if spec.adapter:
        _load_adapter(model, spec, spec.adapter)
    # the older name is the one that every supported version has
    width = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    if width() != spec.dimension:
        raise DimensionMismatch(
            f"Model {spec.id!r} makes vectors of {width()} numbers, but its spec says {spec.dimension}.",
            hint=f'Set "dimension": {width()} in models/{spec.id}/model.json, or name the right weights.',
        )
    return model.eval()


def _apply_pooling(model: Any, spec: ModelSpec) -> None:
    """Pool as the spec says: a plain transformers checkpoint would otherwise be pooled by the mean."""
    for position, module in enumerate(model):
        if type(module).__name__ == "Pooling":
            model[position] = type(module)(model[0].get_embedding_dimension(), pooling_mode=spec.pooling)


def _load_adapter(model: Any, spec: ModelSpec, adapter: str) -> None:
    try:
        adapters = importlib.import_module("adapters")
    except ImportError as error:
        raise MissingWeights(
            f"Model {spec.id!r} needs the adapter {adapter!r}, and the package 'adapters' is not installed.",
            hint="Run: pip install adapters 'sentence-transformers>=5,<6' in an environment of its own "
            '(adapters 1.2 needs transformers 4), or set "adapter": null to use the weights without it.',
        ) from error
    adapters.init(model[0].auto_model)
    try:
        model[0].auto_model.load_adapter(adapter, set_active=True)
    except (OSError, ValueError) as error:
        raise MissingWeights(
            f"The adapter {adapter!r} of model {spec.id!r} could not be loaded: {error}.",
            hint='Fetch it where the hub can be reached and set "adapter" to its folder.',
        ) from error


def token_vectors(model: Any, found: Any) -> Any:
    """The embeddings of a batch's tokens in the space of the texts' vectors.

    What follows the pooling (a dense layer, say) is put on every token; scaling to length 1 is left out.

    Args:
        model: the ``SentenceTransformer``.
        found: what it made of the batch.

    Returns:
        Tensor of shape (texts, tokens, d).
    """
    tokens = found["token_embeddings"]
    follows = False
    for module in model:
        kind = type(module).__name__
        if follows and kind not in ("Normalize", "Dropout"):
            tokens = module({"sentence_embedding": tokens})["sentence_embedding"]
        follows = follows or kind == "Pooling"
    return tokens


class SentenceEmbedder:
    """Embedder over PyTorch; see :class:`recsys.embedding.models.Embedder`.

    A model that makes no token embeddings, or has a tokenizer written in Python, which does not tell where
    tokens stand, reads sentences on their own, and of a long text only the first window.

    Args:
        spec: the model.
        model: from :func:`load_sentence_transformer`.
        key: name of the vector space.
        precision: ``f32``, or on a GPU ``bf16``, where a GPU without bfloat16 takes float16.
    """

    def __init__(self, spec: ModelSpec, model: Any, *, key: str, precision: str) -> None:
        import torch

        self.spec = spec
        self.key = key
        self.dimension = spec.dimension
        self._model = model
        self._gpu = model.device.type == "cuda"
        self._batch = _GPU_BATCH if self._gpu else _CPU_BATCH
        self._lock = threading.Lock()
        self._tokenizer: Any = getattr(model.tokenizer, "backend_tokenizer", None)
        self._in_context = self._tokenizer is not None and any(type(m).__name__ == "Pooling" for m in model)
        if precision != "f32":
            model.to(torch.bfloat16 if not self._gpu or torch.cuda.is_bf16_supported() else torch.float16)
        number = str(next(model.parameters()).dtype).removeprefix("torch.")
        self.description = f"PyTorch {number} on {model.device}"

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Role = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed texts; see :meth:`recsys.embedding.models.Embedder.encode`."""
        import numpy as np

        prompt = self.spec.prompts[role]
        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        part = _GPU_PART if self._gpu else _CPU_PART
        for start in range(0, len(texts), part):
            ready = [prompt + clean(text) for text in texts[start : start + part]]
            with self._lock:
                rows[start : start + len(ready)] = self._run(ready)
            if progress:
                progress(start + len(ready), len(texts))
        return unit_rows(rows)

    def encode_passages(
        self,
        passages: Sequence[Passage],
        *,
        role: Role = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> Encoded:
        """Embed texts and sentences; see :meth:`recsys.embedding.models.Embedder.encode_passages`."""
        import numpy as np

        offsets = sentence_offsets(passages)
        if not self._in_context:
            alone = [p.text[s.at : s.at + s.end - s.start] for p in passages for s in p.sentences]
            rows = self.encode([passage.text for passage in passages], role=role, progress=progress)
            return finished(rows, self.encode(alone, role=role), offsets)
        vectors = np.zeros((len(passages), self.dimension), dtype=np.float32)
        sentences = np.zeros((int(offsets[-1]), self.dimension), dtype=np.float32)
        part = _GPU_PART if self._gpu else _CPU_PART
        for start in range(0, len(passages), part):
            some = passages[start : start + part]
            with self._lock:
                # sentence-transformers sets both again as it needs them
                self._tokenizer.no_truncation()
                self._tokenizer.no_padding()
                windows = passage_windows(
                    self.spec, some, role, self._tokenizer.encode_batch, start=start, offsets=offsets
                )
                self._read(windows, vectors, sentences)
            if progress:
                progress(start + len(some), len(passages))
        return finished(vectors, sentences, offsets)

    def _run(self, texts: list[str]) -> NDArray[np.float32]:
        """Rows of a part, in smaller batches each time that the GPU's memory does not suffice."""
        import torch

        while True:
            try:
                found = self._model.encode(
                    texts, batch_size=self._batch, convert_to_tensor=True, show_progress_bar=False
                )
                rows: NDArray[np.float32] = found.float().cpu().numpy()
                return rows
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)

    def _read(
        self, windows: list[Window], vectors: NDArray[np.float32], sentences: NDArray[np.float32]
    ) -> None:
        """Add windows' vectors to those of their texts, and put in the sums over the tokens of sentences."""
        import torch

        windows = sorted(windows, key=lambda window: -len(window.ids))
        done = 0
        while done < len(windows):
            batch = windows[done : done + self._batch]
            try:
                found, pooled = self._forward(batch)
            except torch.cuda.OutOfMemoryError as error:
                self._halve(error)
                continue
            for window, row in zip(batch, unit_rows(found), strict=True):
                if window.counted:
                    vectors[window.text] += row
            sentences[[sentence for window in batch for sentence, _, _ in window.spans]] = pooled
            done += len(batch)

    def _forward(self, windows: Sequence[Window]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The vectors of a batch, and the sums over the tokens of its sentences, added up where the model is."""
        import torch

        width = max(len(window.ids) for window in windows)
        ids, mask = (torch.from_numpy(part) for part in padded([window.ids for window in windows], width))
        spans = [
            (row * width + begin, row * width + stop)
            for row, window in enumerate(windows)
            for _, begin, stop in window.spans
        ]
        bags = torch.tensor(
            [token for begin, stop in spans for token in range(begin, stop)], dtype=torch.int64
        )
        starts = torch.tensor([0, *accumulate(stop - begin for begin, stop in spans)][:-1], dtype=torch.int64)
        device = self._model.device
        with torch.inference_mode():
            found = self._model({"input_ids": ids.to(device), "attention_mask": mask.to(device)})
            tokens = token_vectors(self._model, found).flatten(0, 1).float()
            sums = torch.nn.functional.embedding_bag(bags.to(device), tokens, starts.to(device), mode="sum")
            return found["sentence_embedding"].float().cpu().numpy(), sums.cpu().numpy()

    def _halve(self, error: Exception) -> None:
        """Read fewer texts at a time from now on, because memory ran out; a single one cannot be halved."""
        import torch

        if self._batch == 1:
            raise error
        self._batch //= 2
        torch.cuda.empty_cache()
