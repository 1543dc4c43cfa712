"""Losses of the training, against sums done by hand and against what they are for."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from embedding.training.datasets import ABSENT
from embedding.training.losses import CosineHead, ManyLabels, Softmax, class_counts, outputs_of

# Of several centres a class only the nearest pulls, so that ArcFace's classes may stay in parts.
PURITY = {"softmax": 0.95, "arcface": 0.8, "proxy-anchor": 0.95, "multi-similarity": 0.95, "supcon": 0.95}


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_row_without_the_label_weighs_nothing() -> None:
    cosines = np.array([[0.5, -0.25], [0.0, 1.0]], np.float32)
    loss = Softmax(2, scale=4.0, label_smoothing=0.0)
    assert float(loss(np.array([0, ABSENT]), cosines)) == pytest.approx(np.log1p(np.exp(-3.0)), rel=1e-5)
    assert float(loss(np.array([ABSENT, ABSENT]), cosines)) == 0


def test_several_values_a_photo_are_told_one_by_one() -> None:
    cosines = np.array([[0.5, -0.5], [0.1, 0.2]], np.float32)
    codes = np.array([[1, 0], [ABSENT, ABSENT]], np.int8)
    expected = np.log1p(np.exp(-2.0))  # of both values, with scale 4
    assert float(ManyLabels(scale=4.0)(codes, cosines)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", PURITY)
def test_every_loss_gathers_photos_of_a_class(name: str) -> None:
    """Sixty points of three classes, free to move on a sphere: neighbours become their own class's."""
    keras.utils.set_random_seed(0)
    codes = np.repeat(np.arange(3), 20).astype(np.int32)
    rng = np.random.default_rng(0)
    points = keras.Variable(_unit(rng.normal(size=(60, 8))), name="points")
    made = outputs_of("kind", name, 3, np.ones(3, np.float32))

    class Points(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.points, self.layers_by_name = points, {key: layer for key, (layer, _) in made.items()}

        def call(self, rows: object) -> dict[str, object]:
            unit = keras.ops.normalize(keras.ops.take(self.points, rows, axis=0), axis=-1)
            return {key: layer(unit) for key, layer in self.layers_by_name.items()}

    model = Points()
    model.compile(keras.optimizers.Adam(0.02), loss={key: loss for key, (_, loss) in made.items()})
    rows = np.arange(60)

    def own_class() -> float:
        unit = _unit(np.asarray(points))
        near = np.argsort(-(unit @ unit.T), axis=1)[:, 1:6]
        return float((codes[near] == codes[:, None]).mean())

    before = own_class()
    model.fit(rows, dict.fromkeys(made, codes), batch_size=60, epochs=150, verbose=0, shuffle=False)
    assert before < 0.6
    assert own_class() > PURITY[name]


def test_the_nearest_of_several_centres_counts() -> None:
    head = CosineHead(2, centres=2)
    head.build((None, 2))
    head.kernel.assign(np.array([[1, 0, -1, -1], [0, 1, 0, -1]], np.float32))
    found = np.asarray(head(np.array([[0.0, 1.0]], np.float32)))
    np.testing.assert_allclose(found, [[1.0, 0.0]], atol=1e-6)


def test_rare_classes_count_more_and_the_mean_row_one() -> None:
    codes = np.array([0] * 90 + [1] * 10 + [ABSENT] * 5)
    even = class_counts(codes, 2, 1.0)
    np.testing.assert_allclose(even * [90, 10], [50, 50], rtol=1e-6)
    np.testing.assert_array_equal(class_counts(codes, 2, 0.0), [1, 1])
