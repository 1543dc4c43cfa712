"""Trains the convolutional autoencoder; resumable after every epoch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from embedding.encoder import autoencoder as network
from embedding.encoder import weights as weight_files
from embedding.encoder.preprocess import pixels_of
from embedding.training.datasets import LabelledPhotos, is_validation, read_labelled
from storage.atomic import replacing
from storage.errors import InputError


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Hyperparameters; the defaults are the paper's best.

    :param epochs: passes over the photos.
    :param learning_rate: of Adam.
    :param batch: photos a step.
    :param size: side of the input, px, a multiple of 32.
    """

    epochs: int = 100
    learning_rate: float = 0.001
    batch: int = 32
    size: int = network.SIZE
    seed: int = 0


@dataclass(frozen=True)
class EpochProgress:
    """Where a training stands: steps done and in all, and the running mean squared error."""

    step: int
    steps: int
    loss: float


def train_autoencoder(
    files: Sequence[Path],
    recipe: AutoencoderRecipe,
    out: Path,
    *,
    on_progress: Callable[[EpochProgress], None] = lambda _: None,
) -> Path:
    """Trains to reconstruct photos and writes the weights to `out/weights.npz`.

    `out/history.json` holds `loss` and `val_loss`, one number an epoch, the latter over the validation split
    of `embedding.training.datasets.is_validation`. Called again with the same recipe, or with more epochs, it
    goes on after the last finished epoch.

    :raises InputError: unusable files, or `out` holds a training by another recipe.
    """
    learnt, held_back = (
        Photos(read_labelled(files, (), keep=keep), recipe)
        for keep in (lambda photo_id: not is_validation(photo_id), is_validation)
    )
    if not len(learnt):
        raise InputError("The files hold no photo outside the validation split. Give more photos.")
    keras.utils.set_random_seed(recipe.seed)
    model = network.build_autoencoder(recipe.size)
    model.compile(keras.optimizers.Adam(recipe.learning_rate), loss="mse")
    model.optimizer.build(model.trainable_variables)
    checkpoints = _Checkpoints(out, recipe, len(learnt.photos))
    checkpoints.load(model)
    for epoch in range(checkpoints.done, recipe.epochs):
        learnt.epoch = epoch
        history = model.fit(
            learnt,
            validation_data=held_back if len(held_back) else None,
            shuffle=False,  # Keras would shuffle by a state that no checkpoint holds
            verbose=0,
            callbacks=[_report(epoch, recipe.epochs, len(learnt), on_progress)],
        )
        checkpoints.save(model, {name: values[-1] for name, values in history.history.items()})
    trained = network.extract_weights(model, name=out.name)
    weight_files.write_weights(out / "weights.npz", trained, int8=False)
    return out / "weights.npz"


class Photos(keras.utils.PyDataset):
    """Batches of photos, each its own target; the order follows from the recipe's seed and the epoch."""

    def __init__(self, photos: LabelledPhotos, recipe: AutoencoderRecipe) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=4)
        self.photos, self.recipe = photos, recipe
        self.epoch = 0

    def __len__(self) -> int:
        return math.ceil(len(self.photos) / self.recipe.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        order = _order(self.recipe.seed, self.epoch, len(self.photos))
        rows = order[index * self.recipe.batch : (index + 1) * self.recipe.batch]
        pixels = np.stack([pixels_of(self.photos.image(int(row)), self.recipe.size) for row in rows])
        scaled = pixels.astype(np.float32) / 255
        return scaled, scaled


class _Checkpoints:
    """State after the last finished epoch, and the losses of all."""

    def __init__(self, out: Path, recipe: AutoencoderRecipe, photos: int) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)
        # More epochs continue a training: the recipe may differ in their number.
        described = json.dumps({"encoder": "autoencoder", "photos": photos} | asdict(recipe) | {"epochs": 0})
        recipe_file = out / "recipe.json"
        if recipe_file.exists() and recipe_file.read_text() != described:
            raise InputError(
                f"{out} holds a training by another recipe or of other photos. Give another folder."
            )
        recipe_file.write_text(described)
        self.history: dict[str, list[float]] = {"loss": []}
        if (out / "history.json").exists():
            self.history = json.loads((out / "history.json").read_text())

    @property
    def done(self) -> int:
        """Finished epochs."""
        return len(self.history["loss"])

    def load(self, model: keras.Model) -> None:
        """Puts the saved state, if there is one, into the compiled model."""
        if self.done:
            model.load_weights(self._state(self.done))

    def save(self, model: keras.Model, figures: dict[str, float]) -> None:
        """Writes the state, then the history that names it: a kill in between loses an epoch only."""
        model.save_weights(self._state(self.done + 1))
        for name, figure in figures.items():
            self.history.setdefault(name, []).append(float(figure))
        with replacing(self.out / "history.json") as unfinished:
            unfinished.write_text(json.dumps(self.history))
        self._state(self.done - 1).unlink(missing_ok=True)

    def _state(self, epoch: int) -> Path:
        return self.out / f"epoch-{epoch:04d}.weights.h5"


def _report(
    epoch: int, epochs: int, steps: int, on_progress: Callable[[EpochProgress], None]
) -> keras.callbacks.Callback:
    def at_batch_end(batch: int, logs: dict[str, float] | None = None) -> None:
        loss = (logs or {}).get("loss", math.nan)
        on_progress(EpochProgress(epoch * steps + batch + 1, epochs * steps, loss))

    return keras.callbacks.LambdaCallback(on_train_batch_end=at_batch_end)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(length)
