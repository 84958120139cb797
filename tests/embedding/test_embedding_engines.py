from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.embedding.artefact import open_artefact, write_artefact
from recsys.embedding.loading import load_embedder
from recsys.embedding.models import Embedder, ModelSpec, load_spec, packaged_models

TEXTS = st.lists(st.text(max_size=120) | st.sampled_from(["graph parsing", "topic " * 90, ""]), max_size=12)
MIXED = [
    "neural parsing of speech",
    "",
    "dialogue",
    "the model of translation " * 20,
    "Graph? graph!",
    "\ud800x",
]


@pytest.fixture(scope="session")
def vectors(original: Embedder) -> np.ndarray:
    return original.encode(MIXED)


def test_openvino_agrees_with_pytorch(compiled: Embedder, original: Embedder, vectors: np.ndarray) -> None:
    found = compiled.encode(MIXED)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, vectors, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert compiled.key == original.key
    assert compiled.key.startswith("tiny-")
    assert (compiled.description, original.description) == (
        "OpenVINO f32, 2 threads",
        "PyTorch float32 on cpu",
    )


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_rows_stand_in_the_order_of_the_texts(compiled: Embedder, texts: list[str]) -> None:
    together = compiled.encode(texts)
    assert together.shape == (len(texts), 32)
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_allclose(compiled.encode([text])[0], row, atol=1e-5)


def test_bulk_and_single_agree(compiled: Embedder, original: Embedder) -> None:
    texts = [f"{'graph ' * (i % 23)}{'speech' if i % 3 else 'topic'} {i}" for i in range(150)]
    seen: list[tuple[int, int]] = []
    found = compiled.encode(texts, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_allclose(found, original.encode(texts), atol=1e-5)
    assert seen[-1] == (150, 150)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    calls: list[tuple[int, int]] = []
    original.encode(texts, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(150, 150)]


@pytest.mark.parametrize("engine", ["compiled", "original"])
def test_a_query_gets_its_prompt(engine: str, request: pytest.FixtureRequest) -> None:
    embedder: Embedder = request.getfixturevalue(engine)
    query = embedder.encode(["graph parsing"], role="query")
    np.testing.assert_allclose(query, embedder.encode(["topic: graph parsing"]), atol=1e-6)
    assert float((query @ embedder.encode(["graph parsing"]).T)[0, 0]) < 0.999


def test_long_texts_are_cut(compiled: Embedder) -> None:
    cut = compiled.encode(["graph " * 62, "graph " * 62 + "speech " * 500])
    np.testing.assert_allclose(cut[0], cut[1], atol=1e-6)
    assert float(compiled.encode(["graph " * 61 + "speech"])[0] @ cut[0]) < 0.99999


@pytest.mark.parametrize("engine", ["compiled", "original"])
def test_no_texts(engine: str, request: pytest.FixtureRequest) -> None:
    found = request.getfixturevalue(engine).encode([])
    assert (found.shape, found.dtype) == ((0, 32), np.float32)


def test_many_threads_get_their_own_answers(compiled: Embedder) -> None:
    texts = [f"{'model ' * (i % 9)}graph {i}" for i in range(64)]
    expected = compiled.encode(texts)
    barrier = threading.Barrier(8)

    def work(worker: int) -> float:
        barrier.wait()
        if worker == 0:
            return float(np.abs(compiled.encode(texts) - expected).max())
        rows = np.vstack([compiled.encode([texts[i]]) for i in range(worker, 64, 8)])
        return float(np.abs(rows - expected[worker::8]).max())

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(work, range(8))) < 1e-5


def test_the_first_inference_is_made_alone(
    tiny_spec: ModelSpec, tiny_cache: Path, compiled: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO's binding hangs when two threads make a process's first inference at the same moment."""
    from openvino import InferRequest

    made_by = []
    infer = InferRequest.infer

    def recording(*args: object, **kwargs: object) -> object:
        made_by.append(threading.current_thread())
        return infer(*args, **kwargs)

    monkeypatch.setattr(InferRequest, "infer", recording)
    embedder = load_embedder(tiny_spec, cache=tiny_cache, backend="openvino", precision="f32", threads=2)
    assert made_by == [threading.current_thread()]
    embedder.encode(MIXED * 20)
    assert {thread.name[:6] for thread in made_by[1:]} == {"embed_"}


def test_half_precision_keeps_the_key(compiled: Embedder, tiny_spec: ModelSpec, tiny_cache: Path) -> None:
    half = load_embedder(tiny_spec, cache=tiny_cache, backend="torch", precision="bf16")
    assert half.key == compiled.key
    assert half.description == "PyTorch bfloat16 on cpu"
    cosines = np.sum(half.encode(MIXED) * compiled.encode(MIXED), axis=1)
    assert cosines.min() > 0.998


def test_pooling_follows_the_spec(tiny_spec: ModelSpec, compiled: Embedder, tiny_cache: Path) -> None:
    spec = dataclasses.replace(tiny_spec, pooling="cls")
    first = load_embedder(spec, cache=tiny_cache, backend="torch", precision="f32")
    assert first.key != compiled.key
    assert float((first.encode(["graph parsing"]) @ compiled.encode(["graph parsing"]).T)[0, 0]) < 0.99


def test_int8_is_another_space(tiny_spec: ModelSpec, tiny_cache: Path, compiled: Embedder) -> None:
    words = ["graph", "parsing", "model", "topic", "speech", "translation", "dialogue"]
    texts = [" ".join(words[(i * j) % 7] for j in range(1, 4 + i % 20)) for i in range(40)]
    small = load_embedder(tiny_spec, cache=tiny_cache, precision="int8", calibration=lambda: texts, threads=2)
    assert small.key.startswith(f"{compiled.key}-int8-")
    assert small.description == "OpenVINO int8, 2 threads"
    cosines = np.sum(small.encode(texts) * compiled.encode(texts), axis=1)
    assert 0.97 < cosines.mean() < 0.9999999
    again = load_embedder(tiny_spec, cache=tiny_cache, precision="int8", threads=2)  # from the cache now
    assert again.key == small.key
    np.testing.assert_array_equal(again.encode(texts[:3]), small.encode(texts[:3]))


def test_a_damaged_artefact_is_made_again(
    tiny_spec: ModelSpec, compiled: Embedder, tiny_cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_cache, tmp_path, dirs_exist_ok=True)
    (folder,) = (tmp_path / "tiny").glob("openvino-float-*")
    whole = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(whole[:100])
    killed = folder.with_name(f".{folder.name}.killed")
    killed.mkdir()
    assert open_artefact(folder) is None
    mended = load_embedder(tiny_spec, cache=tmp_path, precision="f32")
    np.testing.assert_allclose(mended.encode(["graph"]), compiled.encode(["graph"]), atol=1e-5)
    assert (folder / "model.bin").stat().st_size == len(whole)
    assert not killed.exists()


def test_a_failed_conversion_leaves_nothing(tmp_path: Path) -> None:
    def fail(draft: Path) -> tuple[bool, float]:
        (draft / "model.bin").write_bytes(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_artefact(tmp_path / "openvino-float-0", fail)
    assert list(tmp_path.iterdir()) == []


def test_an_artefact_is_whole_only_with_all_files(tmp_path: Path) -> None:
    def fill(draft: Path) -> tuple[bool, float]:
        for name in ("model.xml", "model.bin", "tokenizer.json"):
            (draft / name).write_text(name)
        return True, 0.5

    written = write_artefact(tmp_path / "a", fill)
    assert open_artefact(tmp_path / "a") == written
    assert (written.lowercase, written.cosine, written.digest[:6]) == (True, 0.5, written.digest[:6])
    (tmp_path / "a" / "manifest.json").write_text(json.dumps({"digest": "x"}))
    assert open_artefact(tmp_path / "a") is None


def test_the_packaged_model_serves_without_torch(tmp_path: Path) -> None:
    program = """
import json, sys
from pathlib import Path
from recsys.embedding.loading import load_embedder
from recsys.embedding.models import load_spec, packaged_models
embedder = load_embedder(load_spec("all-MiniLM-L6-v2", [packaged_models()]), cache=Path(sys.argv[1]))
rows = embedder.encode(["Parsing with graphs", "Graph-based dependency parsing", "The price of wheat"])
heavy = ["torch", "transformers", "sentence_transformers", "openvino_telemetry"]
loaded = [name for name in heavy if sys.modules.get(name)]
print(json.dumps([embedder.key, rows.shape, (rows @ rows[0]).tolist(), loaded]))
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=packaged_models().parent,
    )
    key, shape, similar, loaded = json.loads(done.stdout)
    assert key == "all-MiniLM-L6-v2-53aa51172d14-693464cd"
    assert shape == [3, 384]
    assert similar[0] == pytest.approx(1, abs=1e-6)
    assert similar[1] > 0.6 > 0.2 > similar[2]
    assert loaded == []
    assert load_spec("all-MiniLM-L6-v2", [packaged_models()]).dimension == 384
