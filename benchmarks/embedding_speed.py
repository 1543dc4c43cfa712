"""Photos embedded per second; `benchmarks/embedding.py` runs this.

Every engine computes the same network from the same weights at the same size. The engines take turns, round
by round, so that what else the machine does meets all of them. Figures are medians over the rounds: photos a
second of time, and a second of the process's own processor time, which neighbours on the machine change
little. End to end is from bytes in a Parquet file to vectors in another. All but the papers' way are fed by
our own pipeline, decoding beside the model; theirs takes one photo at a time. A GPU that Keras sees gets a
row, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from embedding_engines import Engine, KerasGpu, OnnxRuntime, OpenVINO, PapersWay, TensorFlow

from embedding.encoder import pipeline, runtime
from embedding.encoder.convert import convert, specify
from embedding.encoder.heads import Head
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.weights import Weights, load_weights
from embedding.exact import largest
from embedding.index import projection
from storage.encoders import EncoderSpec

_TIMED_PHOTOS = 512
_QUALITY_PHOTOS = 1200
_BATCH = 16
_TOLERANCE = 0.005


@dataclass(frozen=True)
class Rate:
    """Photos a second of time, and a second of processor time spread over all cores."""

    wall: float
    processor: float


@dataclass
class Rates:
    """One rate a round."""

    model: list[Rate] = field(default_factory=list)
    whole: list[Rate] = field(default_factory=list)


def main(photos: Path, name: str, rounds: int, seconds: float, *, quality: bool) -> None:
    """Prints the tables."""
    weights = load_weights(name)
    spec = specify(weights)
    source = photos / "gallery.parquet"
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        folder = scratch / "encoder"
        convert(weights, folder)
        engines, missing = _engines(weights, spec, folder, scratch)
        timed = pq.read_table(source, columns=["id", "image"]).slice(0, _TIMED_PHOTOS)
        pixels = np.stack([pixels_of(image, spec.size) for image in timed["image"].to_pylist()])
        pq.write_table(timed, scratch / "photos.parquet", row_group_size=64)
        rates = {engine.name: Rates() for engine in engines}
        decoding: list[Rate] = []
        for engine in engines:
            engine.encode(pixels[: engine.batch])
        for _ in range(rounds):
            decoding.append(_decode_rate(scratch / "photos.parquet", spec.size, seconds))
            for engine in engines:
                rate = _model_rate(engine, pixels, seconds)
                rates[engine.name].model.append(rate)
                batches = min(len(pixels), int(rate.wall * seconds)) // engine.batch
                count = max(1, batches) * engine.batch
                rates[engine.name].whole.append(_whole_rate(engine, scratch, count))
        _print_rates(rates, decoding, spec, missing)
        if quality:
            _print_quality(folder, spec, weights.heads, photos)


def _engines(
    weights: Weights, spec: EncoderSpec, folder: Path, scratch: Path
) -> tuple[list[Engine], list[str]]:
    ours = OpenVINO(folder)
    makers: list[tuple[str, Callable[[], Engine]]] = [
        *((f"OpenVINO {other}", lambda it=other: OpenVINO(folder, it)) for other in _others(ours)),
        ("TensorFlow f32", lambda: TensorFlow(weights, spec, "f32")),
        ("TensorFlow bf16", lambda: TensorFlow(weights, spec, "bf16")),
        ("onnxruntime", lambda: OnnxRuntime(weights, spec, scratch)),
        ("the papers' way", lambda: PapersWay(weights, spec)),
    ]
    if runtime.has_gpu():
        makers.append(("GPU", lambda: KerasGpu(weights, spec)))
    engines, missing = [ours], []
    for name, make in makers:
        try:
            engines.append(make())
        except Exception as error:
            missing.append(f"{name}: {type(error).__name__}: {str(error).splitlines()[0][:200]}")
    return engines, missing


def _others(ours: OpenVINO) -> list[runtime.Precision]:
    """The precisions that this processor is made for, but the one that ours computes in."""
    able: dict[runtime.Precision, bool] = {"f32": True, "bf16": runtime.has_bf16()}
    return [name for name, can in able.items() if can and name != ours.precision]


def _batches(file: Path, batch: int, most: int) -> Iterator[pa.RecordBatch]:
    left = most
    for rows in pq.ParquetFile(file).iter_batches(batch):
        yield pa.record_batch(rows.slice(0, left).columns, names=["image_id", "bytes"])
        left -= len(rows)
        if left <= 0:
            return


class _Clock:
    """Seconds of time and of this process's processor time since it was made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._wall

    def rate(self, photos: int) -> Rate:
        processor = (time.process_time() - self._processor) / (os.cpu_count() or 1)
        return Rate(photos / self.seconds, photos / processor)


def _model_rate(engine: Engine, pixels: np.ndarray, seconds: float) -> Rate:
    """Of the network alone, the engine's own number of batches at a time."""

    def run(first: int) -> int:
        return len(engine.encode(pixels[first : first + engine.batch]))

    done = turn = 0
    starts = list(range(0, len(pixels) - engine.batch + 1, engine.batch))
    clock = _Clock()
    with ThreadPoolExecutor(engine.streams) as pool:
        while clock.seconds < seconds:
            wave = [starts[(turn + at) % len(starts)] for at in range(2 * engine.streams)]
            done += sum(pool.map(run, wave))
            turn += len(wave)
    return clock.rate(done)


def _whole_rate(engine: Engine, scratch: Path, count: int) -> Rate:
    """From bytes in Parquet to vectors in Parquet."""
    schema = pa.schema({"image_id": pa.string(), "vector": pa.list_(pa.float32())})
    clock = _Clock()
    with pq.ParquetWriter(scratch / "vectors.parquet", schema, use_dictionary=False) as writer:

        def write(portion: pipeline.Embedded) -> None:
            starts = np.arange(len(portion.ids) + 1, dtype=np.int32) * portion.vectors.shape[1]
            vectors = pa.ListArray.from_arrays(starts, pa.array(portion.vectors.reshape(-1)))
            writer.write_table(pa.table([portion.ids, vectors], schema=schema))

        rows = _batches(scratch / "photos.parquet", engine.batch, count)
        if engine.decodes_ahead:
            for _ in pipeline.embed(rows, engine, write, write_every=256):
                pass
        else:
            for batch in rows:
                decoded = pipeline.decode(batch, engine.spec.size)
                write(pipeline.Embedded(decoded.ids, engine.encode(decoded.pixels), []))
    return clock.rate(count)


def _decode_rate(file: Path, size: int, seconds: float) -> Rate:
    """From bytes in Parquet to pixels: what no engine can exceed end to end."""
    done = 0
    clock = _Clock()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while clock.seconds < seconds:
            rows = _batches(file, _BATCH, _TIMED_PHOTOS)
            done += sum(
                len(batch.ids)
                for batch in pipeline.ahead(pool, lambda b: pipeline.decode(b, size), rows, limit=8)
            )
    return clock.rate(done)


def _print_rates(
    rates: dict[str, Rates], decoding: list[Rate], spec: EncoderSpec, missing: list[str]
) -> None:
    medians = {name: (_median(found.model), _median(found.whole)) for name, found in rates.items()}
    ours = max((whole for name, (_, whole) in medians.items() if name.startswith("ours")), key=_wall)
    print(f"\n{spec.model}, {os.cpu_count()} cores, photos a second; in brackets, of its processor time\n")
    print("| engine | model only | end to end | ours, end to end, is |\n|---|---|---|---|")
    for name, (model, whole) in medians.items():
        times = f"{ours.wall / whole.wall:.2f} × ({ours.processor / whole.processor:.2f} ×)"
        print(f"| {name} | {_shown(model)} | {_shown(whole)} | {times} |")
    print(f"| decoding only | | {_shown(_median(decoding))} | |")
    for sentence in missing:
        print(f"\nNot measured: {sentence}")


def _median(rates: list[Rate]) -> Rate:
    return Rate(
        statistics.median(rate.wall for rate in rates), statistics.median(rate.processor for rate in rates)
    )


def _wall(rate: Rate) -> float:
    return rate.wall


def _shown(rate: Rate) -> str:
    return f"{rate.wall:.1f} ({rate.processor:.1f})"


def _print_quality(folder: Path, spec: EncoderSpec, heads: Mapping[str, Head], photos: Path) -> None:
    """How much of float32's top five ours finds, plain and as the product searches, in projected vectors."""
    images = [
        image
        for file in ("queries", "street_queries", "gallery")
        for image in pq.read_table(photos / f"{file}.parquet", columns=["image"])["image"].to_pylist()
    ][:_QUALITY_PHOTOS]
    pixels = np.stack([pixels_of(image, spec.size) for image in images])
    exact = _vectors(OpenVINO(folder, "f32"), pixels)
    learnt = projection.fit(lambda: [exact], exact.shape[1], heads=heads)
    ours = OpenVINO(folder)
    print(f"\nOf float32's top 5, {len(pixels):,} photos\n")
    print("| engine | kept | kept, projected | cosine to float32, mean | least |\n|---|---|---|---|---|")
    for engine in [ours, *(OpenVINO(folder, other) for other in _others(ours) if other != "f32")]:
        found = _vectors(engine, pixels)
        cosines = np.einsum("ij,ij->i", exact, found)
        kept = _kept(exact, found), _kept(learnt.apply(exact), learnt.apply(found))
        print(
            f"| {engine.name} | {kept[0]:.4f} | {kept[1]:.4f} | {cosines.mean():.4f} | {cosines.min():.4f} |"
        )


def _vectors(engine: Engine, pixels: np.ndarray) -> np.ndarray:
    parts = [pixels[first : first + engine.batch] for first in range(0, len(pixels), engine.batch)]
    with ThreadPoolExecutor(engine.streams) as pool:
        return np.concatenate(list(pool.map(engine.encode, parts)))


def _kept(reference: np.ndarray, found: np.ndarray) -> float:
    """Share of the five found that the reference's scores put at most the tolerance below its own fifth."""
    scores, ours = reference @ reference.T, found @ found.T
    np.fill_diagonal(scores, -np.inf)
    np.fill_diagonal(ours, -np.inf)
    fifth = np.take_along_axis(scores, largest(scores, 5), axis=1)[:, 4]
    five = largest(ours, 5)
    return float((np.take_along_axis(scores, five, axis=1) >= fifth[:, None] - _TOLERANCE).mean())


def command_line() -> None:
    """Runs the benchmark as its arguments say."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("photos", type=Path)
    arguments.add_argument("--weights", default="fashion")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=4.0, help="of each engine, a round")
    arguments.add_argument("--rates-only", action="store_true", help="leave out what the top 5 keep")
    given = arguments.parse_args()
    main(given.photos, given.weights, given.rounds, given.seconds, quality=not given.rates_only)
