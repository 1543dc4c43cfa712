"""Fits the fused encoder: what stands beside the ResNet50 of `fashion-fast` in the bundled `fashion`.

    python benchmarks/labelled_photos.py ../shared/data PHOTOS
    python benchmarks/lite0_weights.py LITE0.npz
    python benchmarks/fuse.py FASHION.npz LITE0.npz PHOTOS/{catalogue,street}.parquet [--scratch DIR]

Then `benchmarks/heads.py` fits its heads. The parts' means and main directions, and the space over them, are
fitted to the photos outside the validation split. What the networks see is kept in DIR for the next run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import keras
import numpy as np
import openvino
import tensorflow as tf
from rich.progress import track

from embedding.encoder.fused import AXES, HIDDEN, RESNET50_PX, SPACE, parts_of
from embedding.encoder.preprocess import pixels_of
from embedding.encoder.weights import BUNDLED_FAST, FUSED_LENGTHS, Weights, load_weights
from embedding.training.datasets import LabelledPhotos, read_labelled, split
from embedding.training.losses import class_counts, outputs_of

_SIZE = 224
_DIRECTIONS = (256, 768, 180)
_LENGTHS = (0.4, 1.0, 0.6, 1.0)
_HIDDEN_UNITS, _SPACE_UNITS = 512, 256
_LABELS = {"article_type": 1.0, "colour": 1.0, "category": 0.8}
_STEPS, _BATCH, _RATE, _DECAY = 300, 384, 2e-3, 0.02
_DROPOUT = (0.1, 0.3)
_BALANCE = 0.0


def main(out: Path, lite0: Path, files: list[Path], scratch: Path) -> None:
    """Fits and writes."""
    fast = load_weights(BUNDLED_FAST)
    with np.load(lite0, allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    arrays[RESNET50_PX] = np.array(fast.input_px, np.float32)
    photos = read_labelled(files, list(_LABELS))
    parts = _parts(Weights("parts", fast.arrays | arrays, _SIZE), photos, scratch)
    learnt, _ = split(photos.ids)
    units = []
    for name, seen, directions in zip(AXES, parts, _DIRECTIONS, strict=True):
        kernel, bias = _main_directions(seen[learnt], directions)
        arrays |= {f"{name}/kernel": kernel, f"{name}/bias": bias}
        reduced = seen @ kernel + bias
        units.append(reduced / np.linalg.norm(reduced, axis=1, keepdims=True))
    arrays |= _space(np.concatenate(units, axis=1)[learnt], photos.take(np.flatnonzero(learnt)))
    stored_as = {key: array.astype(np.float16) if array.ndim else array for key, array in arrays.items()}
    lengths = {FUSED_LENGTHS: np.array(_LENGTHS, np.float32), "input_px": np.array(_SIZE, np.int32)}
    np.savez_compressed(out, allow_pickle=False, **stored_as, **lengths)


def _parts(weights: Weights, photos: LabelledPhotos, scratch: Path) -> list[np.ndarray]:
    """What `embedding.encoder.fused.parts_of` gives, float32 [n, 2048], [n, 1280] and [n, 180]."""
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


def _main_directions(seen: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a principal component analysis: kernel [dim, most], and the bias that centres."""
    mean = seen.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov((seen - mean).T))
    kernel = directions[:, ::-1][:, :most].astype(np.float32)
    return kernel, -mean @ kernel


def _space(joint: np.ndarray, photos: LabelledPhotos) -> dict[str, np.ndarray]:
    """The space's layers, learnt by softmax over cosines for all labels at once."""
    keras.utils.set_random_seed(0)
    given = keras.Input(joint.shape[1:])
    hidden = keras.layers.Dense(_HIDDEN_UNITS, activation="relu", name=HIDDEN)
    space = keras.layers.Dense(_SPACE_UNITS, name=SPACE)
    before, within = (keras.layers.Dropout(share) for share in _DROPOUT)
    unit = keras.layers.UnitNormalization()(space(within(hidden(before(given)))))
    outputs, losses = {}, {}
    for label, codes in photos.codes.items():
        classes = len(photos.classes[label])
        made = outputs_of(label, "softmax", classes, class_counts(codes, classes, _BALANCE))
        outputs[label], losses[label] = made[label][0](unit), made[label][1]
    model = keras.Model(given, outputs)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, _STEPS, warmup_target=_RATE, warmup_steps=_STEPS // 10
    )
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=_DECAY), loss=losses, loss_weights=_LABELS)
    # People's photos, the only ones with a category, count twice.
    counts = np.where(photos.codes["category"] >= 0, 2.0, 1.0)
    rng = np.random.default_rng(0)
    for _ in track(range(_STEPS)):
        rows = rng.choice(len(joint), _BATCH, p=counts / counts.sum())
        model.train_on_batch(joint[rows], {label: codes[rows] for label, codes in photos.codes.items()})
    return {
        f"{layer.name}/{weight.name}": np.asarray(weight)
        for layer in (hidden, space)
        for weight in layer.weights
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("out", type=Path, metavar="FASHION.npz")
    arguments.add_argument("lite0", type=Path, metavar="LITE0.npz")
    arguments.add_argument("files", type=Path, nargs="+", metavar="LABELLED")
    arguments.add_argument("--scratch", type=Path, metavar="DIR")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        main(given.out, given.lite0, given.files, given.scratch or Path(passing))
