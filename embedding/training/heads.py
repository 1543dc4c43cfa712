"""Fits heads, linear classifiers, to the vectors of labelled photos, and calibrates them on others.

Multinomial logistic regression on whitened vectors, with a Gaussian prior on its weights. Every photo has the
same weight: equal weights of classes worsened log-likelihood on the validation split and did not improve F1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from sklearn.metrics import f1_score, fbeta_score

from embedding.encoder.heads import Head
from embedding.training.datasets import ABSENT

PAPERS_THRESHOLD = 0.2
"""Threshold of probability at which a value counts as predicted, in `cell_accuracy` and `f2`."""

# Of the 2,048 dimensions: all of them cost eight times as much, improve article types by 1 % and worsen
# colours.
_AXES = 512
_PRIOR = 64.0  # its precision, in photos; 40 to 250 were tried
_STEPS = 100
_BINS = 15
_LOG_TEMPERATURES = (-3.0, 3.0)


@dataclass(frozen=True)
class Examples:
    """Vectors of photos, with their labels.

    :param vectors: float32 [n, dim], L2 norm 1.
    :param codes: label to int32 [n], an index into `classes` or `ABSENT`; or to int8 [n, classes] of a label
        with several values a photo: 1, 0, or all `ABSENT`.
    :param classes: label to its values, in code order.
    """

    vectors: np.ndarray
    codes: Mapping[str, np.ndarray]
    classes: Mapping[str, list[str]]


@dataclass(frozen=True)
class HeadFigures:
    """Figures of a head on photos that it was not fitted to.

    :param classes: number of values: those with a training photo.
    :param fitted: photos it was fitted to.
    :param validated: photos the other figures are of: those of one of its values.
    :param accuracy: share of photos whose likeliest value is right.
    :param macro_f1: F1 of the likeliest value, the mean over values.
    :param cell_accuracy: the papers' accuracy: share of (photo, value) cells predicted correctly at
        `PAPERS_THRESHOLD`. With many values it is nearly 1 for a head that never predicts anything.
    :param f2: the papers' F-beta, as fastai computes it: F with beta 2 of the cells of each photo, the mean
        over photos.
    :param ece: expected calibration error of the likeliest value, over 15 equal bins of probability; each
        half of the photos is judged by a temperature found on the other.
    :param temperature: what the logits were divided by.
    """

    attribute: str
    classes: int
    fitted: int
    validated: int
    accuracy: float
    macro_f1: float
    cell_accuracy: float
    f2: float
    ece: float
    temperature: float


@dataclass(frozen=True)
class Whitening:
    """A whitening of an encoder's vectors, in which fitting takes few steps.

    :param mean: float32 [dim].
    :param axes: float32 [dim, axes].
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> Whitening:
        """The whitening of some vectors, float32 [n, dim]."""
        mean = vectors.mean(axis=0)
        centred = vectors - mean
        spread, axes = np.linalg.eigh((centred.T @ centred / len(centred)).astype(np.float64))
        kept = spread > spread[-1] * 1e-6
        largest = np.flatnonzero(kept)[::-1][:_AXES]
        return cls(mean, (axes[:, largest] / np.sqrt(spread[largest])).astype(np.float32))

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """Vectors in these axes, float32 [n, axes]."""
        whitened: np.ndarray = (vectors - self.mean) @ self.axes
        return whitened


def fit_heads(train: Examples, validation: Examples) -> tuple[dict[str, Head], list[HeadFigures]]:
    """Fits and calibrates a head for every label.

    :param train: photos to fit to.
    :param validation: others, with the same classes: to calibrate on and to measure.
    :raises ValueError: no photo has a value of some label.
    """
    whitening = Whitening.of(train.vectors)
    heads, figures = {}, []
    for label in train.codes:
        head = fit_head(label, train.vectors, train.codes[label], train.classes[label], whitening=whitening)
        codes = _as_head(validation.codes[label], train.classes[label], head)
        known = _known(codes)
        heads[label], measured = calibrate(head, validation.vectors[known], codes[known])
        figures.append(replace(measured, fitted=int(_known(train.codes[label]).sum())))
    return heads, figures


def fit_head(
    attribute: str,
    vectors: np.ndarray,
    codes: np.ndarray,
    classes: list[str],
    *,
    whitening: Whitening | None = None,
    weights: np.ndarray | None = None,
) -> Head:
    """Fits a head to the photos that have a value; values without a photo are left out.

    :param vectors: float32 [n, dim], L2 norm 1.
    :param codes: see `Examples.codes`.
    :param whitening: the vectors' own if not given.
    :param weights: of the photos, [n]; equal if not given.
    :raises ValueError: no photo has a value.
    """
    known = _known(codes)
    if not known.any():
        raise ValueError(f"no photo has a value of '{attribute}'")
    whitening = whitening or Whitening.of(vectors)
    targets = _cells(codes[known], len(classes))
    present = np.flatnonzero(targets.any(axis=0))
    multi = codes.ndim == 2
    shares = np.ones(len(targets)) if weights is None else weights[known]
    slopes, offsets = _regression(
        whitening.apply(vectors[known]), targets[:, present], shares.astype(np.float32), multi=multi
    )
    kernel = whitening.axes @ slopes
    bias = offsets - whitening.mean @ kernel
    return Head(attribute, tuple(classes[at] for at in present), kernel, bias, multi)


def calibrate(
    head: Head, vectors: np.ndarray, codes: np.ndarray, *, weights: np.ndarray | None = None
) -> tuple[Head, HeadFigures]:
    """Calibrates a head's probabilities on photos that it was not fitted to.

    Temperature scaling: Guo et al., "On Calibration of Modern Neural Networks" (2017).

    :param vectors: float32 [n, dim], L2 norm 1.
    :param codes: in the head's own classes, int32 [n], or int8 [n, classes]; all photos have a value.
    :param weights: of the photos, for the temperature, [n]; equal if not given.
    """
    shares = np.ones(len(vectors)) if weights is None else weights
    cells = _cells(codes, len(head.classes))
    temperature = _temperature(head, vectors, cells, shares)
    calibrated = _cooled(head, temperature)
    probabilities = calibrated.probabilities(vectors)
    halves = np.arange(len(vectors)) % 2
    honest = np.empty_like(probabilities)
    for half in (0, 1):
        own, other = halves == half, halves != half
        judged = _cooled(head, _temperature(head, vectors[other], cells[other], shares[other]))
        honest[own] = judged.probabilities(vectors[own])
    said, best = probabilities >= PAPERS_THRESHOLD, probabilities.argmax(axis=1)
    right = cells[np.arange(len(cells)), best] > 0
    guesses = probabilities >= 0.5 if head.multi else best
    truth = cells > 0 if head.multi else codes
    return calibrated, HeadFigures(
        attribute=head.attribute,
        classes=len(head.classes),
        fitted=0,
        validated=len(vectors),
        accuracy=float(right.mean()),
        macro_f1=float(f1_score(truth, guesses, average="macro", zero_division=0)),
        cell_accuracy=float((said == (cells > 0)).mean()),
        f2=float(fbeta_score(cells > 0, said, beta=2, average="samples", zero_division=0)),
        ece=calibration_error(honest, right),
        temperature=temperature,
    )


def calibration_error(probabilities: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error of the likeliest value.

    :param probabilities: float32 [n, classes].
    :param right: bool [n], whether the likeliest value is right.
    """
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(right[bins == at].sum() - confidence[bins == at].sum()) for at in range(_BINS)]
    return float(sum(gaps) / len(right))


def _regression(
    features: np.ndarray, targets: np.ndarray, shares: np.ndarray, *, multi: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Maximum a posteriori slopes and offsets, float32 [axes, classes] and [classes]."""
    count, axes = features.shape
    classes = targets.shape[1]
    shares = (shares / shares.sum())[:, None]
    penalty = _PRIOR / count

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        slopes, offsets = np.split(flat.astype(np.float32).reshape(axes + 1, classes), [axes])
        logits = features @ slopes + offsets
        likely, missed = _likelihood(logits, targets, multi=multi)
        error = (likely - targets) * shares
        gradient = np.concatenate([features.T @ error + penalty * slopes, error.sum(axis=0)[None]])
        value = float((missed * shares[:, 0]).sum()) + 0.5 * penalty * float((slopes**2).sum())
        return value, gradient.ravel().astype(np.float64)

    start = np.zeros((axes + 1) * classes)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    slopes, offsets = np.split(found.x.reshape(axes + 1, classes).astype(np.float32), [axes])
    return slopes, offsets[0]


def _likelihood(logits: np.ndarray, targets: np.ndarray, *, multi: bool) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and the negative log-likelihood of each photo's targets."""
    if multi:
        surprise = np.logaddexp(0, np.where(targets > 0, -logits, logits))
        return np.exp(-np.logaddexp(0, -logits)), surprise.sum(axis=1)
    shifted = logits - logits.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    total = shares.sum(axis=1, keepdims=True)
    return shares / total, np.log(total[:, 0]) - (shifted * targets).sum(axis=1)


def _temperature(head: Head, vectors: np.ndarray, cells: np.ndarray, shares: np.ndarray) -> float:
    logits = head.logits(vectors)

    def missed(log_temperature: float) -> float:
        _, surprise = _likelihood(logits / np.exp(log_temperature), cells, multi=head.multi)
        return float((surprise * shares).sum())

    return float(np.exp(minimize_scalar(missed, bounds=_LOG_TEMPERATURES, method="bounded").x))


def _cooled(head: Head, temperature: float) -> Head:
    return replace(head, kernel=head.kernel / temperature, bias=head.bias / temperature)


def _known(codes: np.ndarray) -> np.ndarray:
    """Which photos have a value, bool [n]."""
    return np.atleast_2d(codes.T).T[:, 0] != ABSENT


def _cells(codes: np.ndarray, classes: int) -> np.ndarray:
    """Codes as float32 [n, classes], 1 where a photo has the value."""
    if codes.ndim == 2:
        return codes.astype(np.float32)
    cells = np.zeros((len(codes), classes), np.float32)
    cells[np.arange(len(codes)), codes] = 1
    return cells


def _as_head(codes: np.ndarray, classes: list[str], head: Head) -> np.ndarray:
    """Maps codes of all classes to codes of the head's classes; `ABSENT` where the head lacks the value."""
    kept = [classes.index(value) for value in head.classes]
    if codes.ndim == 2:
        return codes[:, kept]
    own = np.full(len(classes) + 1, ABSENT, np.int32)  # the last is for `ABSENT` itself
    own[kept] = np.arange(len(kept))
    mapped: np.ndarray = own[codes]
    return mapped
