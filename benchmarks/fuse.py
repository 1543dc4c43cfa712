"""Fits the fused encoder: what stands beside the ResNet50 of `fashion-fast` in the bundled `fashion`.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/lite_weights.py LITE.npz
    python benchmarks/fuse.py FASHION.npz LITE.npz PHOTOS/{catalogue,street,small}.parquet [--scratch DIR]

`small.parquet` is some of `catalogue_small.parquet`, see the card. Then `benchmarks/heads.py` fits its heads,
and `benchmarks/bands.py` the cut-offs. The parts' means and main directions, and the spaces over them, are
fitted to the photos outside the validation split. What the networks see is kept in DIR for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import openvino
import tensorflow as tf
from rich.progress import track

from embedding.encoder.fused import AXES, RESNET50_PX, SPACES, hidden_of, parts_of
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.weights import BUNDLED_FAST, FUSED_LENGTHS, Weights, load_weights, rounded_to_int8
from embedding.training.datasets import LabelledPhotos, read_labelled, split
from embedding.training.losses import class_counts, outputs_of

_SIZE = 256
_DIRECTIONS = (256, 512, 512, 180)
_LENGTHS = (0.4, 0.9, 0.9, 0.2, 1.0, 0.7)
_LABELS = ("article_type", "colour", "category")
_DROPOUT = (0.2, 0.4)
_BATCH, _RATE, _DECAY = 320, 1e-3, 0.02
_BALANCE = 0.0


@dataclass(frozen=True)
class _Space:
    """How a space is learnt.

    :ivar hidden: units of its hidden layer.
    :ivar units: its dimensions.
    :ivar labels: what each label's loss counts.
    """

    hidden: int
    units: int
    steps: int
    labels: dict[str, float]


_LEARNT = (
    _Space(768, 256, 500, {"article_type": 1.0, "colour": 1.0, "category": 0.8}),
    _Space(256, 64, 600, {"colour": 1.0}),
)


def main(out: Path, lites: Path, files: list[Path], scratch: Path) -> None:
    """Fits and writes."""
    fast = load_weights(BUNDLED_FAST)
    with np.load(lites, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    arrays[RESNET50_PX] = np.array(fast.input_px, np.float32)
    photos = read_labelled(files, list(_LABELS))
    parts = _parts(Weights("parts", fast.arrays | arrays, _SIZE), photos, scratch)
    learnt, _ = split(photos.ids)
    units, spreads = [], []
    for name, seen, directions in zip(AXES, parts, _DIRECTIONS, strict=True):
        kernel, bias = _main_directions(seen[learnt], directions)
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
        reduced = seen @ kernel + bias
        units.append((reduced / np.linalg.norm(reduced, axis=1, keepdims=True))[learnt])
        spreads.append(_half_whitened(units[-1]))
    taught = photos.take(np.flatnonzero(learnt))
    seen_by = [(np.concatenate(units, axis=1), np.concatenate(spreads)), (units[-1], spreads[-1])]
    for name, space, (seen, spread) in zip(SPACES, _LEARNT, seen_by, strict=True):
        learnt_layers = _space(name, space, seen * spread, taught)
        learnt_layers[f"{hidden_of(name)}/kernel"] *= spread[:, None]
        arrays |= learnt_layers
    lengths = {FUSED_LENGTHS: np.array(_LENGTHS, np.float32), "input_px": np.array(_SIZE, np.int32)}
    np.savez_compressed(out, allow_pickle=False, **_stored(arrays), **lengths)


def _parts(weights: Weights, photos: LabelledPhotos, scratch: Path) -> list[np.ndarray]:
    """What `embedding.encoder.fused.parts_of` gives, float32 [n, dim] each."""
    kept = scratch / f"parts-{weights.fingerprint[:16]}-{len(photos)}.npz"
    if not kept.is_file():
        network = parts_of(weights, _SIZE)

        @tf.function(input_signature=[tf.TensorSpec((None, _SIZE, _SIZE, 3), tf.uint8, "pixels")])
        def see(pixels: tf.Tensor) -> list[tf.Tensor]:
            return network(tf.cast(pixels, tf.float32), training=False)

        run = openvino.compile_model(openvino.convert_model(see.get_concrete_function()), "CPU")
        seen = [
            [part.copy() for part in run(pixels_of(photos.image(row), _SIZE)[None]).values()]
            for row in track(range(len(photos)))
        ]
        np.savez(kept, *[np.concatenate(part).astype(np.float16) for part in zip(*seen, strict=True)])
    with np.load(kept) as stored:
        return [stored[name].astype(np.float32) for name in stored.files]


def _stored(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays as they are bundled: convolutions in float16, the linear layers' kernels in int8."""
    stored: dict[str, np.ndarray] = {}
    for key, array in arrays.items():
        if array.ndim == 2:
            stored |= rounded_to_int8(key, array)
        else:
            stored[key] = array.astype(np.float16) if array.ndim else array
    return stored


def _main_directions(seen: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a principal component analysis: kernel [dim, most], and the bias that centres."""
    mean = seen.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov((seen - mean).T))
    kernel = directions[:, ::-1][:, :most].astype(np.float32)
    return kernel, -mean @ kernel


def _half_whitened(unit: np.ndarray) -> np.ndarray:
    """Factors that bring a part's directions half way to one spread, so that all are learnt from."""
    deviations = unit.std(axis=0)
    factors: np.ndarray = 0.5 / np.sqrt(deviations * deviations.mean())
    return factors


def _space(name: str, space: _Space, seen: np.ndarray, photos: LabelledPhotos) -> dict[str, np.ndarray]:
    """The space's layers, learnt by softmax over cosines for all its labels at once.

    :param seen: float32 [n, dim].
    """
    keras.utils.set_random_seed(0)
    given = keras.Input(seen.shape[1:])
    hidden = keras.layers.Dense(space.hidden, activation="relu", name=hidden_of(name))
    last = keras.layers.Dense(space.units, name=name)
    before, within = (keras.layers.Dropout(share) for share in _DROPOUT)
    unit = keras.layers.UnitNormalization()(last(within(hidden(before(given)))))
    outputs, losses = {}, {}
    for label in space.labels:
        codes, classes = photos.codes[label], len(photos.classes[label])
        made = outputs_of(label, "softmax", classes, class_counts(codes, classes, _BALANCE))
        outputs[label], losses[label] = made[label][0](unit), made[label][1]
    model = keras.Model(given, outputs)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, space.steps, warmup_target=_RATE, warmup_steps=space.steps // 10
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=_DECAY), loss=losses, loss_weights=space.labels
    )
    # People's photos, the only ones with a category, count twice.
    counts = np.where(photos.codes["category"] >= 0, 2.0, 1.0)
    if "category" not in space.labels:
        counts *= photos.codes["colour"] >= 0
    rng = np.random.default_rng(0)
    for _ in track(range(space.steps)):
        rows = rng.choice(len(seen), _BATCH, p=counts / counts.sum())
        model.train_on_batch(seen[rows], {label: photos.codes[label][rows] for label in space.labels})
    return {
        f"{layer.name}/{weight.name}": np.array(weight)
        for layer in (hidden, last)
        for weight in layer.weights
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=Path, metavar="FASHION.npz")
    arguments.add_argument("lites", type=Path, metavar="LITE.npz")
    arguments.add_argument("files", type=Path, nargs="+", metavar="LABELLED")
    arguments.add_argument("--scratch", type=Path, metavar="DIR")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.out, given.lites, given.files, given.scratch or Path(passing))
