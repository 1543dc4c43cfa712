"""Fine-tuning of the ResNet50 encoder on garment attributes, resumable.

One pass through the plan is a sequence of laps, each a fixed number of steps; after every lap the state is on
disk, so a killed training continues with the lap it was in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from keras import layers

from embedding.encoder import weights as weight_files
from embedding.encoder.preprocess import letterbox
from embedding.encoder.resnet50 import build_backbone, freeze_until
from embedding.training.augment import random_view
from embedding.training.datasets import LabelledPhotos, is_validation, read_labelled
from embedding.training.losses import CosineHead, MaskedCrossentropy
from storage.errors import InputError
from storage.photos import decode


@dataclass(frozen=True)
class Recipe:
    """How to train.

    :param labels: label columns, one head each; `a+b` joins two columns.
    :param weights: where to start: a name or a file, see `embedding.encoder.weights.load_weights`.
    :param sizes: input sides, px, one a stage; the last is the encoder's.
    :param epochs: passes over the photos, one number a stage.
    :param frozen_until: last ResNet50 layer that stays as it is; None trains all.
    :param head_steps: steps that train only the heads, before the encoder joins in.
    :param learning_rate: peak of SGD's, reached after a warm-up and let down along a cosine.
    :param batch: photos a step.
    :param lap_steps: steps between two saved states.
    """

    labels: tuple[str, ...]
    weights: str = weight_files.BUNDLED
    sizes: tuple[int, ...] = (96, 128)
    epochs: tuple[float, ...] = (1.0, 2.0)
    frozen_until: str | None = "conv3_block4_out"
    head_steps: int = 150
    learning_rate: float = 0.02
    batch: int = 64
    lap_steps: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.sizes) != len(self.epochs):
            raise InputError(
                f"{len(self.sizes)} sizes but {len(self.epochs)} epochs. Give one number a stage."
            )


@dataclass(frozen=True)
class TrainProgress:
    """Where a training stands: steps done and in all, the stage's input side in px, the running loss."""

    step: int
    steps: int
    size: int
    loss: float


@dataclass(frozen=True)
class Lap:
    """A stretch of steps at one input size, the unit of resuming."""

    number: int
    size: int
    first_step: int
    steps: int


def train(
    files: Sequence[Path],
    recipe: Recipe,
    out: Path,
    *,
    on_progress: Callable[[TrainProgress], None] = lambda _: None,
) -> Path:
    """Trains an encoder and writes its weights to `out/weights.npz` and the losses to `out/history.json`.

    The validation split of `embedding.training.datasets.is_validation` is left out. Called again with the
    same recipe and `out`, it goes on after the last finished lap.

    :raises InputError: unusable files, labels or weights, or `out` holds a training by another recipe.
    """
    photos = read_labelled(files, recipe.labels, keep=lambda photo_id: not is_validation(photo_id))
    laps = plan(len(photos), recipe)
    keras.utils.set_random_seed(recipe.seed)
    start = weight_files.load_weights(recipe.weights)
    backbone = build_backbone()
    weight_files.put(start, backbone)
    checkpoints = Checkpoints(out, recipe, photos)
    model = _with_heads(backbone, photos)
    optimizer = _optimizer(recipe, sum(lap.steps for lap in laps) - recipe.head_steps)
    done = checkpoints.last_lap()
    if done >= 0:
        _set_stage(model, backbone, optimizer, photos, recipe, heads_only=_is_warmup(laps[done], recipe))
        checkpoints.load(model)
    for lap in laps[done + 1 :]:
        _set_stage(model, backbone, optimizer, photos, recipe, heads_only=_is_warmup(lap, recipe))
        history = model.fit(
            Batches(photos, lap, recipe),
            shuffle=False,  # Keras would shuffle the lap's steps by a state that no checkpoint holds
            verbose=0,
            callbacks=[_report(lap, laps, on_progress)],
        )
        checkpoints.save(model, lap, float(history.history["loss"][-1]))
    trained = weight_files.take(backbone, name=out.name, input_px=recipe.sizes[-1])
    weight_files.write_weights(out / "weights.npz", trained, int8=False)
    return out / "weights.npz"


def plan(photos: int, recipe: Recipe) -> list[Lap]:
    """The laps of a training: the heads' warm-up at the first size, then every stage."""
    stretches = [(recipe.sizes[0], recipe.head_steps)] + [
        (size, math.ceil(photos * epochs / recipe.batch))
        for size, epochs in zip(recipe.sizes, recipe.epochs, strict=True)
    ]
    laps: list[Lap] = []
    first = 0
    for size, steps in stretches:
        for lap_first in range(0, steps, recipe.lap_steps):
            length = min(recipe.lap_steps, steps - lap_first)
            laps.append(Lap(len(laps), size, first + lap_first, length))
        first += steps
    return laps


class Batches(keras.utils.PyDataset):
    """The augmented batches of one lap; which photo comes when follows from the recipe's seed alone."""

    def __init__(self, photos: LabelledPhotos, lap: Lap, recipe: Recipe) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.photos, self.lap, self.recipe = photos, lap, recipe

    def __len__(self) -> int:
        return self.lap.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        step = self.lap.first_step + index
        rng = np.random.default_rng([self.recipe.seed, step])
        rows = [self._row(step * self.recipe.batch + offset) for offset in range(self.recipe.batch)]
        views = [random_view(decode(self.photos.image(row)), rng) for row in rows]
        pixels = np.stack([letterbox(view, self.lap.size) for view in views])
        return pixels, {_head(label): codes[rows] for label, codes in self.photos.codes.items()}

    def _row(self, position: int) -> int:
        epoch, offset = divmod(position, len(self.photos))
        return int(_permutation(self.recipe.seed, epoch, len(self.photos))[offset])


class Checkpoints:
    """The training's state on disk: the weights and optimizer after the last finished lap, and the losses."""

    def __init__(self, out: Path, recipe: Recipe, photos: LabelledPhotos) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        recipe_file = out / "recipe.json"
        described = json.dumps(asdict(recipe) | {"photos": len(photos), "classes": photos.classes}, indent=2)
        if recipe_file.exists() and recipe_file.read_text() != described:
            raise InputError(
                f"{out} holds a training by another recipe or of other photos. Give another folder."
            )
        recipe_file.write_text(described)
        self.losses: list[float] = []
        if (out / "history.json").exists():
            self.losses = json.loads((out / "history.json").read_text())["loss"]

    def last_lap(self) -> int:
        """Number of the last finished lap, -1 before the first."""
        return len(self.losses) - 1

    def load(self, model: keras.Model) -> None:
        """Puts the saved state into the compiled model."""
        model.load_weights(self._state(self.last_lap()))

    def save(self, model: keras.Model, lap: Lap, loss: float) -> None:
        """Writes the state, then the history that names it: a kill in between loses a lap only."""
        model.save_weights(self._state(lap.number))
        self.losses.append(loss)
        unfinished = self.out / "history.json.unfinished"
        unfinished.write_text(json.dumps({"loss": self.losses}))
        unfinished.replace(self.out / "history.json")
        self._state(lap.number - 1).unlink(missing_ok=True)

    def _state(self, lap: int) -> Path:
        return self.out / f"lap-{lap:04d}.weights.h5"


def _with_heads(backbone: keras.Model, photos: LabelledPhotos) -> keras.Model:
    # Batch normalisation before the heads leaves the pooled vector itself free for the cosine of search:
    # Luo et al., "Bag of Tricks and a Strong Baseline for Deep Person Re-identification" (2019).
    centred = layers.BatchNormalization(center=False, scale=False, name="neck")(backbone.output)
    heads = {
        _head(label): CosineHead(len(values), name=_head(label))(centred)
        for label, values in photos.classes.items()
    }
    return keras.Model(backbone.input, heads, name="training")


def _head(label: str) -> str:
    return label.replace("+", "-and-")  # Keras allows no plus sign in a name


def _is_warmup(lap: Lap, recipe: Recipe) -> bool:
    return lap.first_step < recipe.head_steps


def _set_stage(
    model: keras.Model,
    backbone: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    photos: LabelledPhotos,
    recipe: Recipe,
    *,
    heads_only: bool,
) -> None:
    wanted = "heads" if heads_only else "all"
    if getattr(model, "stage", None) == wanted:
        return
    backbone.trainable = not heads_only
    if not heads_only:
        freeze_until(backbone, recipe.frozen_until)
    losses = {_head(label): MaskedCrossentropy(len(values)) for label, values in photos.classes.items()}
    model.compile(keras.optimizers.Adam(1e-3) if heads_only else optimizer, loss=losses)
    model.optimizer.build(model.trainable_variables)
    model.stage = wanted


def _optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    warmup = min(100, steps // 10)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        max(1, steps - warmup),
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=1e-4)


def _report(
    lap: Lap, laps: Sequence[Lap], on_progress: Callable[[TrainProgress], None]
) -> keras.callbacks.Callback:
    total = laps[-1].first_step + laps[-1].steps

    def at_batch_end(batch: int, logs: dict[str, float] | None = None) -> None:
        on_progress(
            TrainProgress(lap.first_step + batch + 1, total, lap.size, (logs or {}).get("loss", math.nan))
        )

    return keras.callbacks.LambdaCallback(on_train_batch_end=at_batch_end)


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(length)
