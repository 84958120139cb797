"""The same weights, compiled for the CPU: needs ``openvino`` and ``tokenizers``, never PyTorch."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recsys.embedding.artefact import Artefact
from recsys.embedding.batches import (
    Batch,
    Window,
    clean,
    padded,
    plan_batches,
    unit_rows,
)
from recsys.embedding.models import ModelSpec, Role
from recsys.embedding.passages import Encoded, Passage, finished, passage_windows, sentence_offsets
from recsys.errors import DimensionMismatch, ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["OpenVinoEmbedder", "cpu_has_bf16", "import_openvino", "load_tokenizer"]

#: Tokens of a batch at most. Half of it was 12 % slower on texts of mixed length, twice of it 4 % slower.
_BATCH_TOKENS: Final = 2048
#: Texts tokenised and sorted at a time: bounds memory, and is plenty to sort by length.
_PART: Final = 4096
#: From this many texts on, cores work on batches of their own instead of sharing one.
_BULK: Final = 32


def import_openvino() -> Any:
    """The ``openvino`` package, without its usage statistics, which would otherwise be sent on import."""
    if "openvino" not in sys.modules:
        # an entry of None makes the import fail, which OpenVINO and NNCF take as "not installed"
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def cpu_has_bf16() -> bool:
    """Whether this processor computes in bfloat16."""
    openvino = import_openvino()
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def load_tokenizer(folder: Path, longest: int | None) -> Any:
    """The tokenizer of an artefact: cuts to ``longest`` tokens, or not, and pads nothing."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    if longest is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(longest)
    return tokenizer


class OpenVinoEmbedder:
    """Embedder over OpenVINO; see :class:`recsys.embedding.models.Embedder`.

    One text, or a few, is run by all threads together, one caller at a time: the shortest wait. Many texts
    are run by streams of one thread each, compiled when first needed.

    Args:
        spec: the model.
        artefact: its compiled form.
        key: name of the vector space.
        precision: ``f32`` or ``bf16`` for the arithmetic between the int8 layers, or of all.
        label: the precision to show to people.
        threads: processor threads to use.

    Raises:
        DimensionMismatch: the artefact makes vectors of another width than the spec says.
        ModelError: OpenVINO cannot read the artefact.
    """

    def __init__(
        self, spec: ModelSpec, artefact: Artefact, *, key: str, precision: str, label: str, threads: int
    ) -> None:
        openvino = import_openvino()
        self.spec = spec
        self.key = key
        self.dimension = spec.dimension
        self.description = f"OpenVINO {label}, {threads} thread{'s' if threads > 1 else ''}"
        self._threads = threads
        self._precision = precision
        self._lowercase = artefact.lowercase
        self._tokenizer = load_tokenizer(artefact.folder, spec.max_tokens)
        self._whole_tokenizer = load_tokenizer(artefact.folder, None)
        self._core = openvino.Core()
        self._graph = artefact.folder / "model.xml"
        self._bulk: queue.SimpleQueue[Any] | None = None
        self._bulk_lock = threading.Lock()
        try:
            compiled = self._compile(streams=1)
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot use {self._graph}: {error}.",
                hint=f"Remove {artefact.folder} and try again.",
            ) from error
        width = compiled.output(0).get_partial_shape()[1]
        if width.is_static and width.get_length() != spec.dimension:
            raise DimensionMismatch(
                f"{artefact.folder} makes vectors of {width.get_length()} numbers, but the "
                f"spec of {spec.id!r} says {spec.dimension}.",
                hint=f'Correct "dimension" in models/{spec.id}/model.json.',
            )
        self._single: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._single.put(compiled.create_infer_request())
        # OpenVINO's binding sets itself up within its first inference, and hangs for ever if two threads make
        # that one at the same moment (seen in 2026.4.1: a static guard against Python's lock). So it is made here.
        self.encode(["warm up"])

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Role = "document",
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Embed texts; see :meth:`recsys.embedding.models.Embedder.encode`."""
        import numpy as np

        rows = np.empty((len(texts), self.dimension), dtype=np.float32)
        requests = self._requests(len(texts))
        for start in range(0, len(texts), _PART):
            part = self._tokenised(texts[start : start + _PART], self.spec.prompts[role])
            batches = plan_batches(
                [len(ids) for ids in part], longest=self.spec.max_tokens, tokens=_BATCH_TOKENS
            )
            done = start
            for batch, found in self._run(batches, part, requests, _vectors):
                rows[[start + position for position in batch.positions]] = found
                done += len(batch.positions)
                if progress:
                    progress(done, len(texts))
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
        vectors = np.zeros((len(passages), self.dimension), dtype=np.float32)
        sentences = np.zeros((int(offsets[-1]), self.dimension), dtype=np.float32)
        requests = self._requests(len(passages))
        for start in range(0, len(passages), _PART):
            part = passages[start : start + _PART]
            windows = passage_windows(
                self.spec,
                part,
                role,
                self._whole_tokenizer.encode_batch,
                start=start,
                offsets=offsets,
                lowercase=self._lowercase,
            )
            batches = plan_batches(
                [len(window.ids) for window in windows], longest=self.spec.max_tokens, tokens=_BATCH_TOKENS
            )
            done = 0
            read = partial(_pool, windows, sentences)
            for batch, found in self._run(batches, [window.ids for window in windows], requests, read):
                for position, row in zip(batch.positions, unit_rows(found), strict=True):
                    if windows[position].counted:
                        vectors[windows[position].text] += row
                done += len(batch.positions)
                if progress:
                    progress(start + len(part) * done // len(windows), len(passages))
        return finished(vectors, sentences, offsets)

    def _requests(self, texts: int) -> queue.SimpleQueue[Any]:
        return self._bulk_requests() if texts >= _BULK and self._threads > 1 else self._single

    def _tokenised(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        ready = [prompt + clean(text) for text in texts]
        if self._lowercase:
            ready = [text.lower() for text in ready]
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(ready)]

    def _run(
        self,
        batches: Sequence[Batch],
        tokens: Sequence[Sequence[int]],
        requests: queue.SimpleQueue[Any],
        read: Callable[[Any, Batch], NDArray[np.float32]],
    ) -> Iterator[tuple[Batch, NDArray[np.float32]]]:
        """Each batch with what ``read`` makes of its outputs, in order, as many at a time as there are requests."""

        def infer(batch: Batch) -> NDArray[np.float32]:
            ids, mask = padded([tokens[position] for position in batch.positions], batch.width)
            request = requests.get()
            try:
                request.infer([ids, mask], share_inputs=True)
                found = read(request, batch)
            finally:
                requests.put(request)
            return found

        if requests is self._single:
            for batch in batches:
                yield batch, infer(batch)
            return
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="embed")
        try:
            yield from zip(batches, pool.map(infer, batches), strict=True)
        finally:
            # an interrupt must not wait for the batches that nobody wants any more
            pool.shutdown(cancel_futures=True)

    def _bulk_requests(self) -> queue.SimpleQueue[Any]:
        """One request per thread, each on a stream of its own."""
        with self._bulk_lock:
            if self._bulk is None:
                compiled = self._compile(streams=self._threads)
                self._bulk = queue.SimpleQueue()
                for _ in range(self._threads):
                    self._bulk.put(compiled.create_infer_request())
            return self._bulk

    def _compile(self, *, streams: int) -> Any:
        options = {
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": str(self._threads),
            "NUM_STREAMS": str(streams),
            # several server processes would otherwise all pin themselves to the first cores
            "ENABLE_CPU_PINNING": "NO",
        }
        return self._core.compile_model(str(self._graph), "CPU", options)


def _vectors(request: Any, _: Batch) -> NDArray[np.float32]:
    """The vectors of a batch, copied: the request's memory is used again."""
    found: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return found


def _pool(
    windows: Sequence[Window], sentences: NDArray[np.float32], request: Any, batch: Batch
) -> NDArray[np.float32]:
    """The vectors of a batch; the sums over its sentences' tokens go to their rows of ``sentences``."""
    tokens = request.get_output_tensor(1).data  # a view: nothing of this size is copied
    for row, position in enumerate(batch.positions):
        for sentence, begin, stop in windows[position].spans:
            tokens[row, begin:stop].sum(axis=0, out=sentences[sentence])
    return _vectors(request, batch)
