"""Augmented batches of one lap; order and augmentation depend on the recipe's seed alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import keras
import numpy as np

from embedding.encoder.preprocess import letterbox
from embedding.training.augment import random_view
from embedding.training.datasets import LabelledPhotos
from embedding.training.recipe import Lap, Recipe
from storage.images import decode


class Batches(keras.utils.PyDataset):
    """Batches of augmented photos, and of the targets of each output.

    :param photos: what is trained on.
    :param targets: name of an output to its targets, a row a photo.
    """

    def __init__(
        self, photos: LabelledPhotos, targets: Mapping[str, np.ndarray], lap: Lap, recipe: Recipe
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.photos, self.targets, self.lap, self.recipe = photos, targets, lap, recipe

    def __len__(self) -> int:
        return self.lap.steps

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        step = self.lap.first_step + index
        rng = np.random.default_rng([self.recipe.seed, step])
        rows = [self._row(step * self.recipe.batch + offset) for offset in range(self.recipe.batch)]
        views = [random_view(decode(self.photos.image(row)), rng) for row in rows]
        pixels = np.stack([letterbox(view, self.lap.size) for view in views])
        return pixels, {name: of_photos[rows] for name, of_photos in self.targets.items()}

    def _row(self, position: int) -> int:
        epoch, offset = divmod(position, len(self.photos))
        return int(_permutation(self.recipe.seed, epoch, len(self.photos))[offset])


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, length: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(length)
