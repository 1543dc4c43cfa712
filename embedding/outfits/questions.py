"""Fill-in-the-blank questions from outfits, and what share of them scores answer as the outfits do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedding.outfits.compatibility import compatibility
from embedding.outfits.looks import Looks
from embedding.outfits.style_head import StyleHead, StyleInputs

FOLDS = 5
CANDIDATES = 4
"""Products of one family among which a blank is filled."""

_MOST_QUESTIONS = 4000


@dataclass(frozen=True, eq=False)
class OutfitData:
    """Products with outfits of them.

    :param looks: see `embedding.outfits.looks`.
    :param embeddings: float32 [n, dim], the encoder's, L2 norm 1.
    :param histograms: float32 [n, bins], see `embedding.outfits.colours`.
    :param families: int64 [n], the store's own category: what negatives have in common with the answer.
    :param products: names, `store:product_id`.
    :param models: what names a product's model: its colours are held back together.
    :param outfits: rows of products that were put together.
    """

    looks: Looks
    embeddings: np.ndarray
    histograms: np.ndarray
    families: np.ndarray
    products: tuple[str, ...]
    models: tuple[str, ...]
    outfits: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, eq=False)
class Questions:
    """Blanks to fill.

    :ivar present: int64 [m], rows of what is there, those of one question side by side.
    :ivar starts: int64 [questions + 1], where each question's begin, and the end of the last's.
    :ivar candidates: int64 [questions, CANDIDATES], rows of one family, the answer first.
    """

    present: np.ndarray
    starts: np.ndarray
    candidates: np.ndarray

    def __len__(self) -> int:
        return len(self.candidates)

    @property
    def owners(self) -> np.ndarray:
        """The question of each of `present`, int64 [m]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def of(self, question: int) -> np.ndarray:
        """What is there in one question, int64 [n]."""
        return self.present[self.starts[question] : self.starts[question + 1]]

    def means(self, values: np.ndarray) -> np.ndarray:
        """Means over what is there, [questions, d], of [m, d]."""
        if not len(self):
            return np.empty((0, values.shape[1]), values.dtype)
        means: np.ndarray = np.add.reduceat(values, self.starts[:-1]) / np.diff(self.starts)[:, None]
        return means


def fold_of(name: str) -> int:
    """Which of `FOLDS` parts a name belongs to, the same for ever."""
    # By five first: a benchmark's judges keep back the part whose hash five divides.
    return int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), 16) // FOLDS % FOLDS


def ask(
    data: OutfitData,
    outfits: Sequence[Sequence[int]],
    answers: np.ndarray,
    *,
    context: np.ndarray | None = None,
    seed: int = 0,
) -> Questions:
    """Blanks of outfits, with negatives of the answer's family that may be answers, too.

    :param answers: bool [n], the products that may be answers and negatives.
    :param context: bool [n], those that may be there; None takes those that are no answers.
    """
    random = np.random.default_rng(seed)
    there = ~answers if context is None else context
    pools = {
        int(family): np.flatnonzero(answers & (data.families == family))
        for family in np.unique(data.families[answers])
    }
    models = np.array(data.models)
    present, candidates = [], []
    for outfit in outfits:
        for answer in outfit:
            if not answers[answer] or data.looks.kinds[answer] < 0:
                continue
            others = [one for one in outfit if one != answer and there[one]]
            pool = pools[int(data.families[answer])]
            pool = pool[(models[pool] != models[answer]) & ~np.isin(pool, outfit)]
            if others and len(pool) >= CANDIDATES - 1:
                present.append(others)
                candidates.append(np.r_[answer, random.choice(pool, CANDIDATES - 1, replace=False)])
    kept = np.sort(random.permutation(len(present))[:_MOST_QUESTIONS])
    lengths = [len(present[at]) for at in kept]
    return Questions(
        np.array([one for at in kept for one in present[at]], np.int64),
        np.r_[0, np.cumsum(lengths, dtype=np.int64)],
        np.array([candidates[at] for at in kept], np.int64).reshape(-1, CANDIDATES),
    )


def filled(scores: np.ndarray) -> float:
    """Share of questions whose answer, the first, scores best; a tie counts by its share.

    :param scores: float [questions, candidates].
    """
    if not len(scores):
        return 0.0
    best = scores >= scores.max(axis=1, keepdims=True)
    return float((best[:, 0] / best.sum(axis=1)).mean())


def style_scores(data: OutfitData, inputs: StyleInputs, head: StyleHead, questions: Questions) -> np.ndarray:
    """A style head's scores of each question's candidates, float32 [questions, candidates]."""
    features = inputs(data.embeddings, data.histograms)
    kinds = np.maximum(data.looks.kinds, 0)
    wanted = kinds[questions.candidates[:, 0]][questions.owners]
    wants = questions.means(head.wants(features[questions.present], kinds[questions.present], wanted))
    offers = head.offers(features)[questions.candidates]
    scores: np.ndarray = np.einsum("qcs,qs->qc", offers, wants) / np.float32(len(head.offered))
    return scores


def default_scores(data: OutfitData, questions: Questions) -> np.ndarray:
    """The untrained default's scores of each question's candidates, float32 [questions, candidates]."""
    looks = data.looks
    scores = [
        compatibility(looks.take(questions.of(at)), looks.take(candidates))
        for at, candidates in enumerate(questions.candidates)
    ]
    return np.array(scores, np.float32).reshape(questions.candidates.shape)
