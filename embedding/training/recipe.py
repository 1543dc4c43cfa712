"""The recipe of a training, and its plan of stages and laps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from embedding.encoder import weights as weight_files
from storage.errors import InputError

HEADS = "heads"
BLOCKS = ("conv1", "conv2", "conv3", "conv4", "conv5", HEADS)
"""Parts of the network, from input to output; what trains is a part and all after it."""

MetricLoss = Literal["softmax", "arcface", "proxy-anchor", "multi-similarity", "supcon"]


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters of a training.

    :param labels: label columns, one head each; `a+b` joins two columns.
    :param label_weights: weight of each label's loss; empty is 1 for all.
    :param teacher: file with another model's vectors of the photos, see `embedding.training.teacher`; None
        learns from labels alone.
    :param teacher_weight: weight of the distance to the teacher's vectors.
    :param weights: where to start: a name or a file, see `embedding.encoder.weights.load_weights`; None is
        from nothing.
    :param sizes: input sides, px, one a stage; the last is the encoder's.
    :param epochs: passes over the photos, one number a stage; 0 in all of them leaves the refit alone.
    :param train_from: the first block that trains, one of `BLOCKS` a stage: staged unfreezing as in Howard
        and Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018).
    :param metric_loss: what shapes the embedding, see `embedding.training.losses`.
    :param learning_rate: AdamW's for the heads at its peak, which a warm-up leads to and a cosine from.
    :param depth_rate: layer-wise learning-rate decay factor, from each block to the one before it: the same
        paper's discriminative rates.
    :param balance: 0 gives every photo the same weight, 1 every class.
    :param ema: decay of the moving average of the weights, at each saved state.
    :param mixed: whether layers compute in bf16, the weights staying float32.
    :param refit_steps: steps that the metric layer and the heads learn at the end, on the photos as the
        finished network sees them, see `embedding.training.refit`.
    :param batch: photos a step.
    :param lap_steps: steps between two saved states.
    :raises InputError: the stages do not fit together.
    """

    labels: tuple[str, ...]
    label_weights: tuple[float, ...] = ()
    teacher: str | None = None
    teacher_weight: float = 6.0
    weights: str | None = weight_files.BUNDLED
    sizes: tuple[int, ...] = (96, 96, 128)
    epochs: tuple[float, ...] = (0.3, 1.0, 2.0)
    train_from: tuple[str, ...] = (HEADS, "conv4", "conv3")
    metric_loss: MetricLoss = "softmax"
    learning_rate: float = 1e-3
    depth_rate: float = 0.5
    balance: float = 0.25
    ema: float = 0.9
    mixed: bool = False
    refit_steps: int = 2500
    batch: int = 64
    lap_steps: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if not len(self.sizes) == len(self.epochs) == len(self.train_from):
            raise InputError(
                f"{len(self.sizes)} sizes, {len(self.epochs)} epochs and {len(self.train_from)} blocks to "
                "train from. Give one of each a stage."
            )
        if self.label_weights and len(self.label_weights) != len(self.labels):
            raise InputError(
                f"{len(self.label_weights)} label weights for {len(self.labels)} labels. Give one a label."
            )
        if unknown := set(self.train_from) - set(BLOCKS):
            raise InputError(f"No block '{unknown.pop()}' to train from. Give one of {', '.join(BLOCKS)}.")

    def weight_of(self, label: str) -> float:
        """Weight of a label's loss."""
        return self.label_weights[self.labels.index(label)] if self.label_weights else 1.0


@dataclass(frozen=True)
class Lap:
    """A run of steps with one input size and one set of trained blocks: the unit of resuming.

    :param number: from 0.
    :param first_step: of the whole training's steps.
    :param ends_epoch: whether it is the last before the photos have been passed over once more, or of all.
    """

    number: int
    size: int
    train_from: str
    first_step: int
    steps: int
    ends_epoch: bool = field(default=False)


def plan(photos: int, recipe: Recipe) -> list[Lap]:
    """The laps of a training, stage by stage."""
    stretches = []
    first = 0
    for size, epochs, block in zip(recipe.sizes, recipe.epochs, recipe.train_from, strict=True):
        steps = math.ceil(photos * epochs / recipe.batch)
        for lap_first in range(0, steps, recipe.lap_steps):
            stretches.append((size, block, first + lap_first, min(recipe.lap_steps, steps - lap_first)))
        first += steps
    return [
        Lap(number, size, block, step, length, _ends_epoch(step, length, photos, first, recipe.batch))
        for number, (size, block, step, length) in enumerate(stretches)
    ]


def _ends_epoch(first_step: int, steps: int, photos: int, total: int, batch: int) -> bool:
    end = first_step + steps
    return end == total or end * batch // photos > first_step * batch // photos
