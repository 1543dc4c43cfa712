"""Compares metric losses: a linear layer on frozen vectors, precision@5 for each loss.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/metric_losses.py PHOTOS WEIGHTS SCRATCH [--size 96] [--steps 600]

One linear layer a loss, each trained with the same batches of all three files less the validation split, with
heads for article type, colour, gender, usage and people's classes. Figures are precision@5 of the validation
split, as in `benchmarks/retrieval.py`.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import get_args

import keras
import numpy as np
from contenders import ResNet50, kept

from embedding.encoder.resnet50 import METRIC
from embedding.encoder.weights import load_weights
from embedding.exact import nearest
from embedding.index import projection
from embedding.training.datasets import LabelledPhotos, is_validation, read_labelled
from embedding.training.losses import class_counts, outputs_of
from embedding.training.recipe import MetricLoss
from embedding.training.retrieval_metrics import PRECISION_AT

_WEIGHT_OF = {"article_type": 1.0, "colour": 1.0, "gender": 0.3, "usage": 0.2, "category": 1.0}
_FILES = ("catalogue", "catalogue_small", "street")
_BATCH = 512
_RATE = 1e-3


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("weights")
    parser.add_argument("scratch", type=Path)
    parser.add_argument("--size", type=int, help="side of the photos, px; the weights' own unless given")
    parser.add_argument("--steps", type=int, default=600)
    arguments = parser.parse_args()
    files = [arguments.photos / f"{name}.parquet" for name in _FILES]
    photos = read_labelled(files, tuple(_WEIGHT_OF))
    sizes = [len(read_labelled([file], ())) for file in files]
    origin = np.repeat(_FILES, sizes)
    weights = load_weights(arguments.weights)
    contender = ResNet50(replace(weights, input_px=arguments.size or weights.input_px), None)
    vectors = kept(arguments.scratch, contender.key, photos, contender.vectors)
    print("| loss | type | colour | both | street | seconds |")
    print("|---|---|---|---|---|---|")
    print(_row("none: the vectors as they are", vectors, photos, origin, 0.0), flush=True)
    for loss in get_args(MetricLoss):
        start = time.monotonic()
        shaped = _shaped(vectors, photos, loss, arguments.steps)
        print(_row(loss, shaped, photos, origin, time.monotonic() - start), flush=True)


def _shaped(vectors: np.ndarray, photos: LabelledPhotos, loss: MetricLoss, steps: int) -> np.ndarray:
    keras.utils.set_random_seed(0)
    learnt = np.flatnonzero([not is_validation(photo_id) for photo_id in photos.ids])
    spread = vectors[learnt].std()
    inputs = (vectors - vectors[learnt].mean(axis=0)) / spread
    given = keras.Input(inputs.shape[1:])
    layer = keras.layers.Dense(inputs.shape[1], use_bias=False, kernel_initializer="identity", name=METRIC)
    unit = keras.layers.UnitNormalization()(layer(given))
    outputs, losses, weights, codes = {}, {}, {}, {}
    for label, weight in _WEIGHT_OF.items():
        classes = len(photos.classes[label])
        counts = class_counts(photos.codes[label][learnt], classes, 0.0)
        for name, (head, own) in outputs_of(label, loss, classes, counts).items():
            outputs[name], losses[name], weights[name] = head(unit), own, weight
            codes[name] = photos.codes[label]
    model = keras.Model(given, outputs)
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4), loss=losses, loss_weights=weights)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = rng.choice(learnt, _BATCH, replace=False)
        model.train_on_batch(inputs[rows], {name: of[rows] for name, of in codes.items()})
    projected: np.ndarray = inputs @ np.asarray(layer.kernel)
    return projected / np.linalg.norm(projected, axis=1, keepdims=True)


def _row(name: str, vectors: np.ndarray, photos: LabelledPhotos, origin: np.ndarray, seconds: float) -> str:
    held_out = np.array([is_validation(photo_id) for photo_id in photos.ids])
    figures: list[float] = []
    for file, labels in (("catalogue", ("article_type", "colour")), ("street", ("category",))):
        asked, gallery = (
            np.flatnonzero((origin == file) & held_out),
            np.flatnonzero((origin == file) & ~held_out),
        )
        learnt = projection.fit(lambda gallery=gallery: [vectors[gallery]], vectors.shape[1])
        found = gallery[nearest(learnt.apply(vectors[asked]), learnt.apply(vectors[gallery]), PRECISION_AT)]
        hits = [photos.codes[label][found] == photos.codes[label][asked, None] for label in labels]
        figures += [float(hit.mean()) for hit in hits]
        if len(hits) > 1:
            figures.append(float(np.logical_and(*hits).mean()))
    return f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + f" | {seconds:.0f} |"


if __name__ == "__main__":
    main()
