"""Training a style head from outfits: InfoNCE against garments of the answer's own kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from embedding.outfits.style_head import StyleHead, Tower, with_kinds
from storage.errors import InputError

_VARIANCE_FLOOR = 1e-5
_AVERAGED = 0.1
"""Share of a batch in the running mean and variance that take its place after training."""


@dataclass(frozen=True)
class StyleRecipe:
    """How a style head is trained. Larger towers on all dimensions learn the outfits by heart.

    :param steps: batches.
    :param seeds: pairs of towers.
    :param groups: of one family each, in a batch.
    :param answers: in a group; each is a negative of the others.
    :param negatives: further garments in a group.
    """

    steps: int = 1000
    seeds: int = 3
    hidden: int = 128
    style: int = 64
    groups: int = 24
    answers: int = 16
    negatives: int = 16
    temperature: float = 0.15
    input_dropout: float = 0.3
    hidden_dropout: float = 0.5
    weight_decay: float = 0.05
    learning_rate: float = 3e-3


@dataclass(frozen=True, eq=False)
class Garments:
    """What a style head learns from.

    :param features: float32 [n, features], see `embedding.outfits.style_head.StyleInputs`.
    :param kinds: int [n], a code among `kind_names`.
    :param families: int [n]: negatives are of the answer's family, which may be finer than a kind.
    :param kind_names: in code order.
    """

    features: np.ndarray
    kinds: np.ndarray
    families: np.ndarray
    kind_names: tuple[str, ...]


def train_style_head(
    garments: Garments,
    outfits: Sequence[Sequence[int]],
    recipe: StyleRecipe,
    *,
    every: int = 0,
    on_head: Callable[[int, StyleHead], None] | None = None,
) -> StyleHead:
    """Trains a style head.

    :param outfits: rows of garments that were put together; only these are learnt from.
    :param every: after so many steps each, `on_head` is called with the steps done and the head so far.
    :raises InputError: no family has two garments in outfits, so that there is nothing to distinguish.
    """
    drawn = _Batches(garments, outfits, recipe)
    pairs = [_Pair(garments, drawn, recipe, seed) for seed in range(recipe.seeds)]
    for step in range(recipe.steps):
        for pair in pairs:
            pair.step(_one_cycle(step / recipe.steps) * recipe.learning_rate)
        if on_head is not None and every and (step + 1) % every == 0:
            on_head(step + 1, _head(garments, pairs))
    return _head(garments, pairs)


def _head(garments: Garments, pairs: Sequence[_Pair]) -> StyleHead:
    return StyleHead(
        garments.kind_names,
        tuple(pair.wanted.frozen() for pair in pairs),
        tuple(pair.offered.frozen() for pair in pairs),
    )


def _one_cycle(done: float, warm: float = 0.3) -> float:
    """A learning rate's share of its peak: up by a cosine, then down (Smith and Topin, 2019)."""
    if done < warm:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * done / warm)) / 2
    return (1 + math.cos(math.pi * (done - warm) / (1 - warm))) / 2


class _Pair:
    """A pair of towers that learns."""

    def __init__(self, garments: Garments, drawn: _Batches, recipe: StyleRecipe, seed: int) -> None:
        self._garments, self._drawn, self._recipe = garments, drawn, recipe
        self._random = np.random.default_rng(seed)
        width, kinds = garments.features.shape[1], len(garments.kind_names)
        self.wanted = _LearningTower(width + 2 * kinds, recipe.hidden, recipe.style, self._random)
        self.offered = _LearningTower(width, recipe.hidden, recipe.style, self._random)
        self._optimisers = [_AdamW(one.weights, recipe.weight_decay) for one in (self.wanted, self.offered)]

    def step(self, rate: float) -> None:
        """Learns from one batch."""
        recipe, garments = self._recipe, self._garments
        here, candidates = self._drawn.draw(self._random)
        groups, queries = here.shape
        kinds = garments.kinds[candidates[:, :queries].ravel()]
        inputs = with_kinds(
            self._features(here), garments.kinds[here.ravel()], kinds, len(garments.kind_names)
        )
        wants = self.wanted.forward(inputs, recipe.hidden_dropout)
        offers = self.offered.forward(self._features(candidates), recipe.hidden_dropout)
        wanted = wants.outputs.reshape(groups, queries, -1)
        offered = offers.outputs.reshape(groups, candidates.shape[1], -1)
        error = _info_nce_gradient(wanted @ offered.transpose(0, 2, 1), candidates, recipe.temperature)
        to_wanted = (error @ offered).reshape(wants.outputs.shape)
        to_offered = (error.transpose(0, 2, 1) @ wanted).reshape(offers.outputs.shape)
        self._optimisers[0].step(self.wanted.backward(wants, to_wanted), rate)
        self._optimisers[1].step(self.offered.backward(offers, to_offered), rate)

    def _features(self, rows: np.ndarray) -> np.ndarray:
        chosen = self._garments.features[rows.ravel()]
        kept: np.ndarray = chosen * _dropped(chosen.shape, self._recipe.input_dropout, self._random)
        return kept


class _Batches:
    """Draws batches of groups: in each, answers of one family and others of it, which are their negatives."""

    def __init__(self, garments: Garments, outfits: Sequence[Sequence[int]], recipe: StyleRecipe) -> None:
        pairs = np.array(
            [(here, there) for outfit in outfits for here in outfit for there in outfit if here != there]
        ).reshape(-1, 2)
        self._recipe = recipe
        used = np.unique(pairs)
        self._others = _by_family(used, garments.families[used])
        pairs_of = _by_family(pairs, garments.families[pairs[:, 1]])
        self._pairs = {family: found for family, found in pairs_of.items() if len(self._others[family]) > 1}
        if not self._pairs:
            raise InputError(
                "No two products of one category are in outfits, so that there is nothing to learn from. "
                "Give more outfits."
            )
        sizes = np.array([len(found) for found in self._pairs.values()], float)
        self._families, self._shares = list(self._pairs), sizes / sizes.sum()

    def draw(self, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """int [groups, answers], what is there; int [groups, answers + others], the answers, then others."""
        here, candidates = [], []
        for family in random.choice(self._families, self._recipe.groups, p=self._shares):
            pairs, others = self._pairs[family], self._others[family]
            drawn = pairs[random.integers(len(pairs), size=self._recipe.answers)]
            here.append(drawn[:, 0])
            extra = others[random.integers(len(others), size=self._recipe.negatives)]
            candidates.append(np.concatenate([drawn[:, 1], extra]))
        return np.array(here), np.array(candidates)


def _by_family(values: np.ndarray, families: np.ndarray) -> dict[int, np.ndarray]:
    return {int(family): values[families == family] for family in np.unique(families)}


def _info_nce_gradient(scores: np.ndarray, candidates: np.ndarray, temperature: float) -> np.ndarray:
    """The gradient of InfoNCE by the scores, whose diagonal are the right answers.

    :param scores: float32 [groups, answers, candidates].
    :param candidates: int [groups, candidates]; the answer itself, drawn twice, is no negative.
    """
    answers = scores.shape[1]
    logits = scores / temperature
    again = candidates[:, :answers, None] == candidates[:, None, :]
    diagonal = np.arange(answers)
    again[:, diagonal, diagonal] = False
    logits[again] = -np.inf
    shares = np.exp(logits - logits.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    shares[:, diagonal, diagonal] -= 1
    gradient: np.ndarray = shares / np.float32(temperature * answers * len(scores))
    return gradient


@dataclass
class _Pass:
    """What the backward pass needs of the forward pass."""

    inputs: np.ndarray
    normalised: np.ndarray
    spread: np.ndarray
    active: np.ndarray
    kept: np.ndarray
    norms: np.ndarray
    outputs: np.ndarray


class _LearningTower:
    """A linear layer, batch normalisation, ReLU, dropout, a linear layer, scaling to norm 1.

    :ivar weights: by name, changed in place by the optimiser.
    """

    def __init__(self, inputs: int, hidden: int, style: int, random: np.random.Generator) -> None:
        self._random = random
        self.weights = {
            "hidden": _uniform(random, inputs, hidden),
            "scale": np.ones(hidden, np.float32),
            "shift": np.zeros(hidden, np.float32),
            "output": _uniform(random, hidden, style),
            "output_bias": np.zeros(style, np.float32),
        }
        self._mean = np.zeros(hidden, np.float32)
        self._variance = np.ones(hidden, np.float32)

    def forward(self, inputs: np.ndarray, dropout: float) -> _Pass:
        """Style vectors of a batch, float32 [n, inputs]; `dropout` of the hidden layer's values are 0."""
        weights = self.weights
        hidden = inputs @ weights["hidden"]
        mean, variance = hidden.mean(axis=0), hidden.var(axis=0)
        self._mean += _AVERAGED * (mean - self._mean)
        self._variance += _AVERAGED * (variance - self._variance)
        spread = np.sqrt(variance + _VARIANCE_FLOOR)
        normalised = (hidden - mean) / spread
        kept = _dropped(normalised.shape, dropout, self._random)
        active = np.maximum(normalised * weights["scale"] + weights["shift"], 0) * kept
        raw = active @ weights["output"] + weights["output_bias"]
        norms = np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-6)
        return _Pass(inputs, normalised, spread, active, kept, norms, raw / norms)

    def backward(self, done: _Pass, gradient: np.ndarray) -> dict[str, np.ndarray]:
        """The loss's gradient by the weights.

        :param gradient: by the outputs, float32 [n, style].
        """
        along = (done.outputs * gradient).sum(axis=1, keepdims=True)
        raw = (gradient - done.outputs * along) / done.norms
        scaled = (raw @ self.weights["output"].T) * done.kept * (done.active > 0)
        normalised = scaled * self.weights["scale"]
        centred = normalised - normalised.mean(axis=0)
        hidden = (centred - done.normalised * (normalised * done.normalised).mean(axis=0)) / done.spread
        return {
            "hidden": done.inputs.T @ hidden,
            "scale": (scaled * done.normalised).sum(axis=0),
            "shift": scaled.sum(axis=0),
            "output": done.active.T @ raw,
            "output_bias": raw.sum(axis=0),
        }

    def frozen(self) -> Tower:
        """The tower as it answers queries."""
        factor = self.weights["scale"] / np.sqrt(self._variance + _VARIANCE_FLOOR)
        return Tower(
            (self.weights["hidden"] * factor).astype(np.float32),
            (self.weights["shift"] - self._mean * factor).astype(np.float32),
            self.weights["output"].copy(),
            self.weights["output_bias"].copy(),
        )


class _AdamW:
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019)."""

    def __init__(self, weights: dict[str, np.ndarray], decay: float) -> None:
        self._weights, self._decay, self._steps = weights, decay, 0
        self._first = {name: np.zeros_like(values) for name, values in weights.items()}
        self._second = {name: np.zeros_like(values) for name, values in weights.items()}

    def step(self, gradients: dict[str, np.ndarray], rate: float) -> None:
        """Moves the weights against a gradient."""
        self._steps += 1
        for name, gradient in gradients.items():
            first, second, values = self._first[name], self._second[name], self._weights[name]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient * gradient - second)
            corrected = np.sqrt(second / (1 - 0.999**self._steps)) + 1e-8
            values *= 1 - rate * self._decay
            values -= rate * first / (1 - 0.9**self._steps) / corrected


def _dropped(shape: tuple[int, ...], share: float, random: np.random.Generator) -> np.ndarray:
    """What values are multiplied with so that a share of them is 0 and their mean stays, float32."""
    kept = random.random(shape, dtype=np.float32) >= share
    return kept / np.float32(1 - share)


def _uniform(random: np.random.Generator, inputs: int, outputs: int) -> np.ndarray:
    bound = 1 / np.sqrt(inputs)
    return random.uniform(-bound, bound, (inputs, outputs)).astype(np.float32)
