"""Fits and measures the segmentation head that finds garments, on feature maps of a frozen ResNet50."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from embedding.encoder.preprocess import fitted, letterbox
from embedding.encoder.segmentation import (
    BACKGROUND,
    CLASSES,
    CLIPPED,
    CONTEXT,
    LATERALS,
    LAYERS,
    LOGITS,
    REDUCED,
    REFINED,
    SIZE,
    STRIDES,
    compiled,
    trunk,
)
from embedding.training.cut_outs import Masked, bits

if TYPE_CHECKING:
    import keras
    import openvino
    from keras import KerasTensor


EPOCHS, RATE = 20, 3e-3
"""Passes over all examples, and the learning rate at its peak, from which it comes down a cosine."""

_COUNTED = {"footwear": 2.5, "bag": 2.5, "accessory": 2.0, "dress": 1.5, "top": 1.2, "bottom": 1.2}
"""What a cell counts that surely shows a class; others count 1."""

_KEPT = (48, 80, 112, 96)
"""Main directions of each stage's maps that the head is fitted to; it then takes the maps themselves."""

_WIDTH, _NARROW = 64, 32
_BATCH = 16
_DECAY = 1e-4
_NEVER = 1e4  # added to a logit's negative: no probability is left
_SAMPLED = 60  # cells a photo that the main directions are learnt from
_USUAL = 0.68  # quantile of the values of a main direction that becomes 1
_LEAST_STD = 1e-3  # of a stage's largest values, below which a channel says nothing


@dataclass(frozen=True, eq=False)
class Axes:
    """The main directions of one stage's standardised channels.

    :ivar mean: float32 [channels].
    :ivar std: float32 [channels].
    :ivar directions: float32 [channels, kept].
    """

    mean: np.ndarray
    std: np.ndarray
    directions: np.ndarray


@dataclass(frozen=True, eq=False)
class Examples:
    """What the head is fitted to.

    :ivar maps: float16 [n, side, side, kept] for each of `STRIDES`.
    :ivar allowed: uint8 [n, side, side], the bits of the classes that each cell of the finest maps may be.
    """

    maps: list[np.ndarray]
    allowed: np.ndarray


def main_axes(folder: Path, photos: Iterable[Masked], seed: int = 0) -> list[Axes]:
    """Learns the main directions of each stage from some photos.

    :param folder: an encoder's.
    """
    rng = np.random.default_rng(seed)
    network = compiled(trunk(folder))
    sampled: list[list[np.ndarray]] = [[] for _ in STRIDES]
    for some in _batches(photos):
        for cells, maps in zip(sampled, _maps(network, some), strict=True):
            flat = np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])
            cells.append(flat[rng.permutation(len(flat))[: _SAMPLED * len(some)]])
    return [_axes(np.concatenate(cells), kept) for cells, kept in zip(sampled, _KEPT, strict=True)]


def examples(
    folder: Path,
    axes: Sequence[Axes],
    photos: Iterable[Masked],
    on_progress: Callable[[int], None] = lambda _done: None,
) -> Examples:
    """Computes the maps of photos.

    :param folder: an encoder's.
    :param on_progress: called with the photos done.
    """
    network = compiled(_projected(trunk(folder), axes))
    maps: list[list[np.ndarray]] = [[] for _ in STRIDES]
    allowed: list[np.ndarray] = []
    for some in _batches(photos):
        for kept, one in zip(maps, _maps(network, some), strict=True):
            kept.append(one.astype(np.float16))
        allowed += [_cells(view.allowed) for view in some]
        on_progress(len(allowed))
    return Examples([np.concatenate(kept) for kept in maps], np.stack(allowed))


def _projected(model: openvino.Model, axes: Sequence[Axes]) -> openvino.Model:
    """A trunk whose maps are [n, side, side, kept]: in its graph that takes a tenth of the time."""
    import openvino
    from openvino import opset13 as ops

    ends = []
    for result, axis in zip(model.get_results(), axes, strict=True):
        kernel = axis.directions / axis.std[:, None]
        value = ops.convolution(
            result.input_value(0), kernel.T[:, :, None, None].copy(), [1, 1], [0, 0], [0, 0], [1, 1]
        )
        value = ops.add(value, -(axis.mean @ kernel).reshape(1, -1, 1, 1))
        ends.append(ops.transpose(value, np.array([0, 2, 3, 1])).output(0))
    return openvino.Model(ends, model.get_parameters(), "projected")


def _maps(network: openvino.CompiledModel, photos: Sequence[Masked]) -> list[np.ndarray]:
    pixels = np.stack([letterbox(photo.image, SIZE) for photo in photos])
    return [np.array(one) for one in network({0: pixels}).values()]


def fit(
    learnt: Sequence[Examples],
    axes: Sequence[Axes],
    *,
    epochs: int = EPOCHS,
    seed: int = 0,
    on_epoch: Callable[[int, float], None] = lambda _epoch, _loss: None,
) -> dict[str, np.ndarray]:
    """Fits the head: a cell's loss is the negative logarithm of what it gives to the classes that it may be.

    :param on_epoch: called with the epoch, from 1, and its mean loss.
    :return: the arrays of a `SegmentationHead`.
    """
    import keras

    from embedding.encoder.precision import dtype_policy

    keras.utils.set_random_seed(seed)
    with dtype_policy("mixed_bfloat16"):
        model = _head()
    rng = np.random.default_rng(seed)
    # Where each row of all parts is, so that they need not be copied together.
    rows = [(part, row) for part, some in enumerate(learnt) for row in range(len(some.allowed))]
    steps = epochs * (len(rows) // _BATCH)
    rates = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=RATE, warmup_steps=steps // 20)
    model.compile(keras.optimizers.AdamW(rates, weight_decay=_DECAY), loss=_loss)
    for epoch in range(epochs):
        rng.shuffle(rows)
        batches = (rows[at : at + _BATCH] for at in range(0, len(rows) - _BATCH + 1, _BATCH))
        losses = [
            float(model.train_on_batch(*_batch(learnt, chosen, turned=rng.random() < 0.5)))
            for chosen in batches
        ]
        on_epoch(epoch + 1, float(np.mean(losses)))
    return _arrays(model, axes)


def _batch(
    learnt: Sequence[Examples], chosen: Sequence[tuple[int, int]], *, turned: bool
) -> tuple[list[np.ndarray], np.ndarray]:
    """Maps and targets of some rows.

    :param turned: whether they are mirrored: nearly what a mirrored photo gives, for nothing.
    """
    maps = [np.stack([learnt[part].maps[at][row] for part, row in chosen]) for at in range(len(STRIDES))]
    allowed = np.stack([learnt[part].allowed[row] for part, row in chosen])
    if turned:
        maps, allowed = [one[:, :, ::-1] for one in maps], allowed[:, :, ::-1]
    return maps, _unpacked(allowed)


def _head() -> keras.Model:
    """The head on main directions, in Keras; `embedding.encoder.segmentation` says the same in OpenVINO."""
    import keras
    from keras import layers

    def convolved(given: KerasTensor, layer: str, channels: int, side: int) -> KerasTensor:
        return layers.Conv2D(channels, side, padding="same", name=layer)(given)

    maps = [
        keras.Input((SIZE // stride, SIZE // stride, kept))
        for stride, kept in zip(STRIDES, _KEPT, strict=True)
    ]
    clipped = [keras.ops.clip(one, -CLIPPED, CLIPPED) for one in maps]
    finest, *coarser = (
        convolved(one, lateral, _WIDTH if at else _NARROW, 1)
        for at, (one, lateral) in enumerate(zip(clipped, LATERALS, strict=True))
    )
    value = coarser.pop()
    while coarser:
        value = layers.add([layers.UpSampling2D(interpolation="bilinear")(value), coarser.pop()])
    value = layers.ReLU()(value)
    for layer, channels in zip(CONTEXT, (_WIDTH, _NARROW), strict=True):
        value = layers.ReLU()(convolved(value, layer, channels, 3))
    value = layers.ReLU()(layers.add([layers.UpSampling2D(interpolation="bilinear")(value), finest]))
    value = layers.ReLU()(convolved(value, REFINED, _NARROW, 3))
    logits = layers.Conv2D(len(CLASSES), 1, dtype="float32", name=LOGITS)(value)
    return keras.Model(maps, logits, name="segmentation")


def _loss(allowed: KerasTensor, logits: KerasTensor) -> KerasTensor:
    from keras import ops

    counts = np.array([_COUNTED.get(name, 1.0) for name in CLASSES], np.float32)
    likely = ops.logsumexp(logits + (allowed - 1) * _NEVER, axis=-1) - ops.logsumexp(logits, axis=-1)
    sure = ops.cast(ops.sum(allowed, axis=-1) == 1, "float32")
    return -ops.mean((1 + sure * (ops.sum(allowed * counts, axis=-1) - 1)) * likely)


def _unpacked(allowed: np.ndarray) -> np.ndarray:
    """float32 [..., classes] of bits."""
    return ((allowed[..., None] >> np.arange(len(CLASSES))) & 1).astype(np.float32)


def _arrays(model: keras.Model, axes: Sequence[Axes]) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for layer, axis in zip(REDUCED, axes, strict=True):
        kernel = axis.directions.T[:, :, None, None]
        arrays |= {f"{layer}/kernel": kernel, f"{layer}/mean": axis.mean, f"{layer}/std": axis.std}
    for layer in LAYERS:
        kernel, bias = (np.asarray(value, np.float32) for value in model.get_layer(layer).get_weights())
        arrays |= {f"{layer}/kernel": kernel.transpose(3, 2, 0, 1), f"{layer}/bias": bias}
    return arrays


def _axes(cells: np.ndarray, kept: int) -> Axes:
    mean, std = cells.mean(axis=0), cells.std(axis=0) + _LEAST_STD * cells.std()
    standardised = (cells - mean) / std
    vectors = np.linalg.eigh(np.cov(standardised.T.astype(np.float64)))[1][:, ::-1][:, :kept]
    # Not by the variance, most of which is in the few cells that are clipped.
    usual = np.quantile(np.abs(standardised @ vectors), _USUAL)
    return Axes(mean.astype(np.float32), std.astype(np.float32), (vectors / usual).astype(np.float32))


def _cells(allowed: np.ndarray) -> np.ndarray:
    """A mask as the finest maps have it: letterboxed, one pixel of each cell."""
    height, width = allowed.shape
    left, top, wide, tall = fitted((width, height), SIZE)
    square = Image.new("L", (SIZE, SIZE), bits(BACKGROUND))
    square.paste(Image.fromarray(allowed).resize((wide, tall), Image.Resampling.NEAREST), (left, top))
    return np.asarray(square)[STRIDES[0] // 2 :: STRIDES[0], STRIDES[0] // 2 :: STRIDES[0]]


def _batches(photos: Iterable[Masked], size: int = 16) -> Iterator[list[Masked]]:
    remaining = iter(photos)
    while some := list(itertools.islice(remaining, size)):
        yield some
