"""Learning from outfits, and judging what was learnt by outfits and products that were held back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from embedding.outfits.kinds import KINDS
from embedding.outfits.outfit_model import Figures, OutfitCounts, OutfitModel, blended
from embedding.outfits.questions import (
    OutfitData,
    Questions,
    ask,
    default_scores,
    filled,
    fold_of,
    style_scores,
)
from embedding.outfits.style_head import StyleHead, StyleInputs
from embedding.outfits.train import Garments, StyleRecipe, train_style_head
from storage.errors import InputError

FEWEST_OUTFITS = 20

_EVERY = 100  # steps between two looks at how well held-back products are ranked
_BLENDS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)
_FEWEST_QUESTIONS = 10
_MARGIN = 1.0
"""Twice a share's standard error, at most, where there is one question: when to stop and how to blend are
chosen on the questions that judge, so that a lead within chance says nothing.
"""

OnProgress = Callable[[str, int, int], None]
"""Called with what is done, steps done and in all."""


def learn(
    data: OutfitData,
    recipe: StyleRecipe | None = None,
    on_progress: OnProgress = lambda _what, _done, _total: None,
) -> OutfitModel:
    """Trains on outfits; used only where it beats the default and popularity on what it never saw.

    A fifth of the product models and of the outfits is held back first: they decide when to stop, how counts
    are blended in, and whether the result is used. Then all is learnt from.

    :raises InputError: too few outfits.
    """
    # Many small products: on a busy machine BLAS waits for its own threads, measured twenty times as long.
    with threadpool_limits(limits=1, user_api="blas"):
        return _learn(data, recipe or StyleRecipe(), on_progress)


def _learn(data: OutfitData, recipe: StyleRecipe, on_progress: OnProgress) -> OutfitModel:
    if len(data.outfits) < FEWEST_OUTFITS:
        raise InputError(
            f"There are {len(data.outfits)} outfits of products that are published, too few to "
            f"learn from. Give at least {FEWEST_OUTFITS}."
        )
    models = np.array([fold_of(model) for model in data.models])
    held = [fold_of(",".join(sorted(data.products[one] for one in outfit))) == 0 for outfit in data.outfits]
    learnt = [
        kept
        for outfit, out in zip(data.outfits, held, strict=True)
        if not out and len(kept := tuple(one for one in outfit if models[one] != 0)) > 1
    ]
    if not learnt:
        raise InputError(
            "The outfits hold too few products to hold some back and judge by. Give more outfits."
        )
    trained = np.zeros(len(models), bool)
    trained[[one for outfit in learnt for one in outfit]] = True
    cold = ask(data, data.outfits, models == 0)
    warm_outfits = [outfit for outfit, out in zip(data.outfits, held, strict=True) if out]
    warm = ask(data, warm_outfits, trained, context=trained)
    steps, inputs, head = _stopped_early(data, learnt, cold, recipe, on_progress)
    blend, figures = _judged(data, OutfitCounts.of(learnt, len(models)), inputs, head, cold, warm)
    inputs = fitted_inputs(data, data.outfits)
    final = train_style_head(
        _garments(data, inputs),
        data.outfits,
        replace(recipe, steps=steps),
        every=_EVERY,
        on_head=lambda done, _: on_progress("learn from all outfits", done, steps),
    )
    used = _beats(figures.cold, len(cold)) and (
        len(warm) < _FEWEST_QUESTIONS or _beats(figures.warm, len(warm))
    )
    return OutfitModel(
        inputs,
        final,
        OutfitCounts.of(data.outfits, len(models)),
        data.products,
        blend,
        figures,
        used,
    )


def fitted_inputs(data: OutfitData, outfits: Sequence[Sequence[int]]) -> StyleInputs:
    """Main directions of the products of some outfits."""
    rows = np.unique([one for outfit in outfits for one in outfit])
    return StyleInputs.fit(data.embeddings[rows], data.histograms[rows])


def _stopped_early(
    data: OutfitData,
    outfits: Sequence[Sequence[int]],
    cold: Questions,
    recipe: StyleRecipe,
    on_progress: OnProgress,
) -> tuple[int, StyleInputs, StyleHead]:
    """The steps after which products that were held back are ranked best, and the head as it was then."""
    inputs = fitted_inputs(data, outfits)
    found: list[tuple[float, int, StyleHead]] = []

    def judge(done: int, head: StyleHead) -> None:
        found.append((filled(style_scores(data, inputs, head, cold)), done, head))
        on_progress("learn", done, recipe.steps)

    garments = _garments(data, inputs)
    train_style_head(garments, outfits, recipe, every=min(_EVERY, recipe.steps), on_head=judge)
    _, steps, head = max(found, key=lambda one: one[0])
    return steps, inputs, head


def _judged(
    data: OutfitData,
    counts: OutfitCounts,
    inputs: StyleInputs,
    head: StyleHead,
    cold: Questions,
    warm: Questions,
) -> tuple[tuple[float, float], Figures]:
    """The weights of counts with which most warm blanks are filled, and the figures of each method."""
    style, signs = style_scores(data, inputs, head, warm), signs_of_questions(counts, warm)
    blends = [(first, second) for first in _BLENDS for second in _BLENDS]
    blend = max(blends, key=lambda one: filled(blended(style, signs, one)))
    return blend, Figures(
        cold={
            "learnt": filled(style_scores(data, inputs, head, cold)),
            "default": filled(default_scores(data, cold)),
            "popularity": filled(signs_of_questions(counts, cold)[1]),
        },
        warm={
            "learnt": filled(blended(style, signs, blend)),
            "default": filled(default_scores(data, warm)),
            "popularity": filled(signs[1]),
        },
    )


def signs_of_questions(counts: OutfitCounts, questions: Questions) -> tuple[np.ndarray, np.ndarray]:
    """What counts say of each question's candidates, float32 [questions, candidates] each."""
    found = [counts.signs(questions.of(at).tolist()) for at in range(len(questions))]
    both = [
        np.array([one[side][questions.candidates[at]] for at, one in enumerate(found)], np.float32)
        for side in (0, 1)
    ]
    return both[0].reshape(questions.candidates.shape), both[1].reshape(questions.candidates.shape)


def _garments(data: OutfitData, inputs: StyleInputs) -> Garments:
    features = inputs(data.embeddings, data.histograms)
    return Garments(features, np.maximum(data.looks.kinds, 0), data.families, KINDS)


def _beats(figures: Mapping[str, float], questions: int) -> bool:
    """Whether what was learnt leads by more than chance."""
    others = max(figures["default"], figures["popularity"])
    return questions >= _FEWEST_QUESTIONS and figures["learnt"] > others + _MARGIN / questions**0.5
