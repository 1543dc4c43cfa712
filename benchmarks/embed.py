"""How many photos a second become vectors: ours, the papers' way, TensorFlow and onnxruntime, in one run.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/embed.py PHOTOS [--weights fashion] [--rounds 5] [--seconds 4]

Every engine computes the same network from the same weights at the same size. The engines take turns, round
by round, so that what else the machine does meets all of them; figures are medians over the rounds. End to
end is from bytes in a Parquet file to vectors in another. All but the papers' way are fed by our own
pipeline, decoding beside the model; theirs takes one photo at a time. `pip install onnxruntime tf2onnx` for
its row; a GPU that Keras sees gets one, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from embedding.encoder import pipeline, quantize, runtime
from embedding.encoder.convert import convert, specify
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.runtime import KerasEncoder, OpenVINOEncoder
from embedding.encoder.weights import Weights, load_weights
from embedding.index import projection
from storage.encoders import EncoderSpec

_BATCH = 16
_GPU_BATCH = 256
_PEAK_PHOTOS = 256
_QUALITY_PHOTOS = 1200
_TOLERANCE = 0.005


class Engine(Protocol):
    """A way to run the network."""

    name: str
    spec: EncoderSpec
    streams: int
    batch: int

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """As `embedding.encoder.runtime.Encoder.encode`."""
        ...


class OpenVINO:
    """What Lookalike uses on a CPU, in a given precision or the one it chooses."""

    def __init__(self, folder: Path, precision: runtime.Precision | None = None) -> None:
        self._encoder = OpenVINOEncoder(folder, precision=precision, many=True)
        chosen = self._encoder.precision
        self.name = f"ours, OpenVINO {chosen}" if precision is None else f"OpenVINO {chosen}"
        self.spec, self.streams, self.batch = self._encoder.spec, self._encoder.streams, _BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self._encoder.encode(pixels)


class KerasGpu:
    """What Lookalike uses on a GPU."""

    def __init__(self, weights: Weights, spec: EncoderSpec) -> None:
        import keras

        self._encoder = KerasEncoder(weights, spec, batch=_GPU_BATCH)
        self.name = f"ours, GPU, Keras on {keras.backend.backend()}, bf16"
        self.spec, self.streams, self.batch = spec, 1, _GPU_BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return self._encoder.encode(pixels)


class TensorFlow:
    """The Keras model as one compiled TensorFlow function, in batches."""

    def __init__(self, weights: Weights, spec: EncoderSpec, policy: str, name: str) -> None:
        import tensorflow as tf

        from embedding.encoder.network import encoder_of

        with runtime._dtype_policy(policy):
            model = encoder_of(weights, spec.size)
        self._run = tf.function(
            lambda pixels: model(tf.cast(pixels, tf.float32), training=False),
            # One graph for batches of all sizes: the last one of a file is smaller.
            input_signature=[tf.TensorSpec((None, spec.size, spec.size, 3), tf.uint8)],
        )
        self.name, self.spec, self.streams, self.batch = name, spec, 1, _BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        return np.asarray(self._run(pixels), np.float32)


class OnnxRuntime:
    """The model exported to ONNX."""

    def __init__(self, weights: Weights, spec: EncoderSpec, folder: Path) -> None:
        import keras
        import onnxruntime

        from embedding.encoder.network import encoder_of

        model = encoder_of(weights, spec.size)
        model(np.zeros((1, spec.size, spec.size, 3), np.float32))  # Keras exports only what was called
        signature = [keras.InputSpec(shape=(None, spec.size, spec.size, 3), dtype="float32", name="pixels")]
        model.export(folder / "encoder.onnx", format="onnx", verbose=False, input_signature=signature)
        self._session = onnxruntime.InferenceSession(folder / "encoder.onnx")
        self.name, self.spec, self.streams, self.batch = "onnxruntime float32", spec, 1, _BATCH

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        (entry,) = self._session.get_inputs()
        return self._session.run(None, {entry.name: pixels.astype(np.float32)})[0]


class PapersWay:
    """Keras `predict`, one photo at a time."""

    name, streams, batch = "the papers' way, Keras predict one by one", 1, 1

    def __init__(self, weights: Weights, spec: EncoderSpec) -> None:
        from embedding.encoder.network import encoder_of

        self._model, self.spec = encoder_of(weights, spec.size), spec

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        photos = pixels.astype(np.float32)
        return np.concatenate([self._model.predict(photo[None], verbose=0) for photo in photos])


@dataclass
class Figures:
    """Photos a second, one number a round."""

    model: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


def main(photos: Path, name: str, rounds: int, seconds: float, *, quality: bool) -> None:
    """Prints the tables."""
    weights = load_weights(name)
    spec = specify(weights)
    source = photos / "gallery.parquet"
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        folder = scratch / "encoder"
        convert(weights, folder)
        if not (folder / quantize.PEAKS_FILE).exists() and quantize.is_fast():
            _add_peaks(folder, spec, source)
            print("The weights bring no peaks: measured here, on photos that are not timed.")
        engines, missing = _engines(weights, spec, folder, scratch)
        timed = _some(source, 512)
        pixels = np.stack([pixels_of(image, spec.size) for image in timed["image"].to_pylist()])
        pq.write_table(timed, scratch / "photos.parquet", row_group_size=64)
        figures = {engine.name: Figures() for engine in engines}
        decoding: list[float] = []
        for engine in engines:
            engine.encode(pixels[: engine.batch])
        for _ in range(rounds):
            decoding.append(_decode_rate(scratch / "photos.parquet", spec.size, seconds))
            for engine in engines:
                rate = _model_rate(engine, pixels, seconds)
                figures[engine.name].model.append(rate)
                batches = min(len(pixels), int(rate * seconds)) // engine.batch
                count = max(1, batches) * engine.batch
                figures[engine.name].whole.append(_whole_rate(engine, scratch, count))
        _print_rates(figures, decoding, spec, missing)
        if quality:
            _print_quality(folder, spec, photos)


def _engines(
    weights: Weights, spec: EncoderSpec, folder: Path, scratch: Path
) -> tuple[list[Engine], list[str]]:
    makers: list[tuple[str, Callable[[], Engine]]] = [
        ("ours", lambda: OpenVINO(folder)),
        ("OpenVINO float32", lambda: OpenVINO(folder, "f32")),
        ("TensorFlow float32", lambda: TensorFlow(weights, spec, "float32", "TensorFlow float32")),
        ("TensorFlow bf16", lambda: TensorFlow(weights, spec, "mixed_bfloat16", "TensorFlow bf16")),
        ("onnxruntime", lambda: OnnxRuntime(weights, spec, scratch)),
        ("the papers' way", lambda: PapersWay(weights, spec)),
    ]
    if runtime.has_gpu():
        makers.append(("GPU", lambda: KerasGpu(weights, spec)))
    engines, missing = [], []
    for name, make in makers:
        try:
            engines.append(make())
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
    return engines, missing


def _add_peaks(folder: Path, spec: EncoderSpec, source: Path) -> None:
    rows = pq.ParquetFile(source).metadata.num_rows
    images = pq.read_table(source, columns=["image"])["image"].slice(rows - _PEAK_PHOTOS).to_pylist()
    pixels = np.stack([pixels_of(image, spec.size) for image in images])
    parts = (pixels[first : first + _BATCH] for first in range(0, len(pixels), _BATCH))
    np.save(folder / quantize.PEAKS_FILE, quantize.measure_peaks(folder / "encoder.xml", parts))


def _some(source: Path, count: int) -> pa.Table:
    table = pq.read_table(source, columns=["id", "image"]).slice(0, count)
    return table.rename_columns(["image_id", "image"])


def _batches(file: Path, batch: int, most: int) -> Iterator[pa.RecordBatch]:
    left = most
    for rows in pq.ParquetFile(file).iter_batches(batch):
        yield pa.record_batch(rows.slice(0, left).columns, names=["image_id", "bytes"])
        left -= len(rows)
        if left <= 0:
            return


def _model_rate(engine: Engine, pixels: np.ndarray, seconds: float) -> float:
    """Photos a second of the network alone, the engine's own number of batches at a time."""

    def run(first: int) -> int:
        return len(engine.encode(pixels[first : first + engine.batch]))

    done = 0
    starts = list(range(0, len(pixels) - engine.batch + 1, engine.batch)) or [0]
    started = time.perf_counter()
    with ThreadPoolExecutor(engine.streams) as pool:
        turn = 0
        while time.perf_counter() - started < seconds:
            wave = [starts[(turn + at) % len(starts)] for at in range(2 * engine.streams)]
            done += sum(pool.map(run, wave))
            turn += len(wave)
    return done / (time.perf_counter() - started)


def _whole_rate(engine: Engine, scratch: Path, count: int) -> float:
    """Photos a second from bytes in Parquet to vectors in Parquet."""
    schema = pa.schema({"image_id": pa.string(), "vector": pa.list_(pa.float32())})
    started = time.perf_counter()
    with pq.ParquetWriter(scratch / "vectors.parquet", schema) as writer:

        def write(portion: pipeline.Embedded) -> None:
            vectors = pa.array(list(portion.vectors), pa.list_(pa.float32()))
            writer.write_table(pa.table([portion.ids, vectors], schema=schema))

        rows = _batches(scratch / "photos.parquet", engine.batch, count)
        if isinstance(engine, PapersWay):
            for batch in rows:
                decoded = pipeline.decode(batch, engine.spec.size)
                write(pipeline.Embedded(decoded.ids, engine.encode(decoded.pixels), []))
        else:
            for _ in pipeline.embed(rows, engine, write, write_every=256):
                pass
    return count / (time.perf_counter() - started)


def _decode_rate(file: Path, size: int, seconds: float) -> float:
    """Photos a second from bytes in Parquet to pixels: what no engine can exceed end to end."""
    done, started = 0, time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while time.perf_counter() - started < seconds:
            rows = _batches(file, _BATCH, 512)
            done += sum(
                len(batch.ids)
                for batch in pipeline.ahead(pool, lambda b: pipeline.decode(b, size), rows, limit=8)
            )
    return done / (time.perf_counter() - started)


def _print_rates(
    figures: dict[str, Figures], decoding: list[float], spec: EncoderSpec, missing: list[str]
) -> None:
    medians = {
        name: (statistics.median(found.model), statistics.median(found.whole))
        for name, found in figures.items()
    }
    ours = max(whole for name, (_, whole) in medians.items() if name.startswith("ours"))
    print(f"\n{spec.size} px, {os.cpu_count()} cores, images a second\n")
    print("| engine | model only | end to end | ours, end to end, is |\n|---|---|---|---|")
    for name, (model, whole) in medians.items():
        print(f"| {name} | {model:.1f} | {whole:.1f} | {ours / whole:.2f} × |")
    print(f"| decoding only | | {statistics.median(decoding):.0f} | |")
    for sentence in missing:
        print(f"\nNot measured: {sentence}")


def _print_quality(folder: Path, spec: EncoderSpec, photos: Path) -> None:
    """How much of float32's top five ours finds, plain and as the product searches, in projected vectors."""
    images = [
        image
        for file in ("queries", "street_queries", "gallery")
        for image in pq.read_table(photos / f"{file}.parquet", columns=["image"])["image"].to_pylist()
    ][:_QUALITY_PHOTOS]
    pixels = np.stack([pixels_of(image, spec.size) for image in images])
    exact, fast = (_vectors(OpenVINO(folder, precision), pixels) for precision in ("f32", None))
    cosines = np.einsum("ij,ij->i", exact, fast)
    learnt = projection.fit(lambda: [exact], exact.shape[1])
    print(
        f"\n{len(pixels):,} photos: cosine to float32 {cosines.mean():.4f} on average, "
        f"{cosines.min():.4f} at least."
    )
    for name, reference, found in (
        ("vectors", exact, fast),
        ("projected vectors", learnt.apply(exact), learnt.apply(fast)),
    ):
        print(f"Top 5 of float32 kept, {name}: {_kept(reference, found):.4f}")


def _vectors(engine: Engine, pixels: np.ndarray) -> np.ndarray:
    parts = [pixels[first : first + engine.batch] for first in range(0, len(pixels), engine.batch)]
    with ThreadPoolExecutor(engine.streams) as pool:
        return np.concatenate(list(pool.map(engine.encode, parts)))


def _kept(reference: np.ndarray, found: np.ndarray) -> float:
    """Share of the five found that the reference's scores put at most the tolerance below its own fifth."""
    scores, ours = reference @ reference.T, found @ found.T
    np.fill_diagonal(scores, -np.inf)
    np.fill_diagonal(ours, -np.inf)
    fifth = -np.sort(-scores, axis=1)[:, 4]
    five = np.argpartition(-ours, 5, axis=1)[:, :5]
    return float((np.take_along_axis(scores, five, axis=1) >= fifth[:, None] - _TOLERANCE).mean())


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("photos", type=Path)
    arguments.add_argument("--weights", default="fashion")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each engine, a round")
    arguments.add_argument("--rates-only", action="store_true", help="leave out what the top 5 keep")
    given = arguments.parse_args()
    main(given.photos, given.weights, given.rounds, given.seconds, quality=not given.rates_only)
