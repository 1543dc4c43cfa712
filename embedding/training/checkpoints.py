"""Checkpoints of a training: after a kill it resumes with the lap it was in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from embedding.training.datasets import LabelledPhotos
from embedding.training.recipe import Lap, Recipe
from storage.atomic import replacing
from storage.errors import InputError


class Checkpoints:
    """The weights, optimizer and averaged weights after the last finished lap, and the figures of all.

    :param out: the training's folder.
    :ivar history: `loss` a lap, and under `epochs` the figures of each.
    :raises InputError: `out` holds a training by another recipe or of other photos.
    """

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
        self.history: dict[str, list] = {"loss": [], "epochs": []}
        if (out / "history.json").exists():
            self.history = json.loads((out / "history.json").read_text())

    def last_lap(self) -> int:
        """Number of the last finished lap, -1 before the first."""
        return len(self.history["loss"]) - 1

    def load(self, model: keras.Model) -> list[np.ndarray]:
        """Loads the saved state into the compiled model.

        :return: the averaged weights.
        """
        model.load_weights(self._state(self.last_lap()))
        with np.load(self._average(self.last_lap()), allow_pickle=False) as stored:
            return [stored[f"arr_{number}"] for number in range(len(stored.files))]

    def save(
        self, model: keras.Model, average: list[np.ndarray], lap: Lap, loss: float, figures: dict | None
    ) -> None:
        """Writes the state, then the history that names it: a kill in between loses one lap only.

        :param figures: an epoch's, where the lap ends one.
        """
        model.save_weights(self._state(lap.number))
        np.savez(self._average(lap.number), *average, allow_pickle=False)
        self.history["loss"].append(loss)
        if figures is not None:
            self.history["epochs"].append(figures)
        self._write_history()
        for file in (self._state(lap.number - 1), self._average(lap.number - 1)):
            file.unlink(missing_ok=True)

    def finish(self, figures: dict) -> None:
        """Writes the figures of the finished network, in place of those of an earlier end."""
        self.history["epochs"] = [of for of in self.history["epochs"] if not of.get("refit")] + [figures]
        self._write_history()

    def _write_history(self) -> None:
        with replacing(self.out / "history.json") as unfinished:
            unfinished.write_text(json.dumps(self.history, indent=1))

    def _state(self, lap: int) -> Path:
        return self.out / f"lap-{lap:04d}.weights.h5"

    def _average(self, lap: int) -> Path:
        return self.out / f"lap-{lap:04d}.average.npz"
