"""Fine-tunes the ResNet50 encoder on garment attributes; resumable.

One pass through the plan is a sequence of laps, each a fixed number of steps; after every lap the state is on
disk, so a killed training continues with the lap it was in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from embedding.encoder import weights as weight_files
from embedding.training.batches import Batches
from embedding.training.checkpoints import Checkpoints
from embedding.training.curves import draw_curves
from embedding.training.datasets import read_labelled, split
from embedding.training.network import Network
from embedding.training.recipe import Lap, Recipe, plan
from embedding.training.refit import refit
from embedding.training.teacher import read_teacher
from embedding.training.validation import Validation
from storage.errors import InputError


@dataclass(frozen=True)
class TrainProgress:
    """Progress of a training: steps done and in all, the stage's input side in px, the running loss.

    While the last stage embeds photos, steps are photos, and there is no loss.
    """

    step: int
    steps: int
    size: int
    loss: float | None


def train(
    files: Sequence[Path],
    recipe: Recipe,
    out: Path,
    *,
    on_progress: Callable[[TrainProgress], None] = lambda _: None,
) -> Path:
    """Trains an encoder and writes its weights to `out/weights.npz`.

    The weights are the running average over the laps (EMA). `out/history.json` holds the losses and, for each
    epoch and label, precision@5, accuracy and F-beta on the validation split of
    `embedding.training.datasets.is_validation`, which no training sees; `out/curves.png` draws them. Called
    again with the same recipe and `out`, it goes on after the last finished lap.

    :raises InputError: unusable files, labels or weights, or `out` holds a training by another recipe.
    """
    photos = read_labelled(files, recipe.labels)
    learnt, held_back = (photos.take(np.flatnonzero(rows)) for rows in split(photos.ids))
    if not len(learnt):
        raise InputError("The files hold no photo outside the validation split. Give more photos.")
    laps = plan(len(learnt), recipe)
    keras.utils.set_random_seed(recipe.seed)
    teacher_vectors = read_teacher(Path(recipe.teacher), learnt.ids) if recipe.teacher is not None else None
    network = Network(learnt, recipe, teacher_vectors)
    if recipe.weights is not None:
        weight_files.assign_weights(weight_files.load_weights(recipe.weights), network.backbone)
    checkpoints = Checkpoints(out, recipe, learnt)
    validation = Validation(network, held_back)
    average = network.arrays()
    done = checkpoints.last_lap()
    if done >= 0:
        network.prepare(laps[done], laps)
        average = checkpoints.load(network.model)
    for lap in laps[done + 1 :]:
        network.prepare(lap, laps)
        history = network.model.fit(
            Batches(learnt, network.targets, lap, recipe),
            shuffle=False,  # Keras would shuffle the lap's steps by a state that no checkpoint holds
            verbose=0,
            callbacks=[_report(lap, laps, on_progress)],
        )
        average = _averaged(average, network.arrays(), recipe.ema, lap.number)
        figures = None
        if lap.ends_epoch and len(held_back):
            with _weights(network.model, average):
                figures = {"step": lap.first_step + lap.steps, "labels": validation.figures(lap.size)}
        checkpoints.save(network.model, average, lap, float(history.history["loss"][-1]), figures)
        if lap.ends_epoch:
            draw_curves(checkpoints.history, _ends(laps[: lap.number + 1]), out / "curves.png")
    network.model.set_weights(average)
    if recipe.refit_steps:
        size = recipe.sizes[-1]
        refit(network, learnt, size, recipe.refit_steps, on_progress=_refitting(size, on_progress))
        if len(held_back):
            checkpoints.finish({"step": _total(laps), "refit": True, "labels": validation.figures(size)})
            draw_curves(checkpoints.history, _ends(laps), out / "curves.png")
    trained = weight_files.extract_weights(network.backbone, name=out.name, input_px=recipe.sizes[-1])
    weight_files.write_weights(out / "weights.npz", trained, int8=False)
    return out / "weights.npz"


def _averaged(
    average: list[np.ndarray], present: list[np.ndarray], keep: float, laps_before: int
) -> list[np.ndarray]:
    """An exponential moving average, with a smaller decay in the first laps."""
    keep = min(keep, laps_before / (laps_before + 1))
    return [keep * old + (1 - keep) * new for old, new in zip(average, present, strict=True)]


def _ends(laps: Sequence[Lap]) -> list[int]:
    return [lap.first_step + lap.steps for lap in laps]


def _total(laps: Sequence[Lap]) -> int:
    return sum(lap.steps for lap in laps)


@contextmanager
def _weights(model: keras.Model, others: list[np.ndarray]) -> Iterator[None]:
    """Replaces a model's weights within a context."""
    own = model.get_weights()
    model.set_weights(others)
    try:
        yield
    finally:
        model.set_weights(own)


def _report(
    lap: Lap, laps: Sequence[Lap], on_progress: Callable[[TrainProgress], None]
) -> keras.callbacks.Callback:
    total = _total(laps)

    def at_batch_end(batch: int, logs: dict[str, float] | None = None) -> None:
        on_progress(
            TrainProgress(lap.first_step + batch + 1, total, lap.size, (logs or {}).get("loss", math.nan))
        )

    return keras.callbacks.LambdaCallback(on_train_batch_end=at_batch_end)


def _refitting(size: int, on_progress: Callable[[TrainProgress], None]) -> Callable[[int, int], None]:
    return lambda done, total: on_progress(TrainProgress(done, total, size, None))
