"""Describes a photo by the encoder's heads, and warns of a photo that does not show clothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedding.encoder.heads import CLOTHING, CLOTHING_LEAST, Head, clothing_probability
from lookalike.language import marked
from lookalike.language import translated as _
from storage.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

UNNAMED = (marked("a photo"), marked("an image"), marked("an array"))
"""What photos without a name are called in sentences."""

MOST_VALUES = 3
"""Most values that are given of an attribute, the likeliest first."""

LEAST_PROBABILITY = 0.05
"""Least probability of a value that is given, unless it is the likeliest."""

MOST_NAMED = 3
"""Most attributes in a summary: those whose likeliest value has a probability above one half."""


@dataclass(frozen=True)
class Guess:
    """A value and its calibrated probability."""

    value: str
    probability: float


@dataclass(frozen=True)
class Description:
    """What a photo shows.

    :ivar query: what was looked at, in words.
    :ivar model: the encoder.
    :ivar clothing: the probability that the photo shows clothing; None where the encoder does not predict it.
    :ivar attributes: by attribute, such as `article_type` and `colour`, its values, the likeliest first.
    :ivar picture: makes a JPEG of the photo.
    """

    query: str
    model: str
    clothing: float | None
    attributes: Mapping[str, tuple[Guess, ...]]
    picture: Callable[[], bytes] = field(repr=False, compare=False)

    @property
    def is_clothing(self) -> bool | None:
        """Whether the photo shows clothing; None where the encoder does not predict it."""
        return None if self.clothing is None else self.clothing >= CLOTHING_LEAST

    def summary(self) -> str:
        """The most certain values in a line, such as "Tshirts (91 %), Blue (64 %)"; may be empty."""
        if self.is_clothing is False:
            return ""
        likeliest = [guesses[0] for guesses in self.attributes.values() if guesses[0].probability > 0.5]
        return ", ".join(f"{guess.value} ({percent(guess.probability)})" for guess in likeliest[:MOST_NAMED])

    def to_dict(self) -> dict[str, Any]:
        """The description as `lookalike describe --json` prints it."""
        attributes = {
            name: [{"value": guess.value, "probability": round(guess.probability, 4)} for guess in guesses]
            for name, guesses in self.attributes.items()
        }
        clothing = None if self.clothing is None else round(self.clothing, 4)
        return {
            "model": self.model,
            "is_clothing": self.is_clothing,
            "clothing": clothing,
            "attributes": attributes,
        }

    def rows(self) -> list[tuple[str, str, str]]:
        """Attribute, value and probability as text; the attribute only before its first value."""
        found = []
        if self.clothing is not None:
            sure = self.clothing if self.is_clothing else 1 - self.clothing
            found.append((CLOTHING, "yes" if self.is_clothing else "no", percent(sure)))
        for name, guesses in self.attributes.items():
            for place, guess in enumerate(guesses):
                shown = "" if place else name.replace("_", " ")
                found.append((shown, guess.value, percent(guess.probability)))
        return found

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        ]
        head = printable(f"{self.query}, as {self.model} sees it")
        return "\n".join([head, *(line.rstrip() for line in lines)])

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: the photo itself, in place of what makes it."""
        return self.__dict__ | {"picture": partial(bytes, self.picture())}

    def _repr_html_(self) -> str:
        from lookalike.rendering import render

        return render("description", described=self)


def predict_attributes(heads: Mapping[str, Head], embedding: np.ndarray) -> dict[str, tuple[Guess, ...]]:
    """Predicts the likeliest values of each attribute but `CLOTHING`.

    :param embedding: float32 [dim], L2 norm 1.
    """
    return {
        attribute: _likeliest(head, head.probabilities(embedding[None])[0])
        for attribute, head in heads.items()
        if attribute != CLOTHING
    }


def clothing_of(heads: Mapping[str, Head], embedding: np.ndarray) -> float | None:
    """The probability that a photo shows clothing; None without a head for it.

    :param embedding: float32 [dim], L2 norm 1.
    """
    found = clothing_probability(heads, embedding[None])
    return None if found is None else float(found[0])


def not_clothing_warning(heads: Mapping[str, Head], photos: Iterable[tuple[str, np.ndarray]]) -> str | None:
    """A sentence that names the photos that do not look like clothing; None if there are none.

    :param photos: label and embedding of each, float32 [dim], L2 norm 1.
    """
    found = []
    for label, embedding in photos:
        likely = clothing_of(heads, embedding)
        if likely is not None and likely < CLOTHING_LEAST:
            found.append((label, percent(likely)))
    if not found:
        return None
    if len(found) == 1:
        [(label, likely_in_words)] = found
        said = _(
            "{photo} does not look like clothing ({share}); these are the nearest products all the same.",
            photo=label,
            share=likely_in_words,
        )
    else:
        *some, last = [f"{label} ({in_words})" for label, in_words in found]
        said = _(
            "{photos} and {last} do not look like clothing; these are the nearest products all the same.",
            photos=", ".join(some),
            last=last,
        )
    return said[0].upper() + said[1:] if said.startswith(tuple(f"{_(name)} " for name in UNNAMED)) else said


def percent(probability: float) -> str:
    """Formats a probability; never as 0 % or 100 %."""
    if probability < 0.01:
        return "under 1 %"
    return "over 99 %" if probability > 0.99 else f"{probability:.0%}".replace("%", " %")


def _likeliest(head: Head, probabilities: np.ndarray) -> tuple[Guess, ...]:
    order = np.argsort(-probabilities, kind="stable")[:MOST_VALUES]
    return tuple(
        Guess(head.classes[at], float(probabilities[at]))
        for place, at in enumerate(order)
        if place == 0 or probabilities[at] >= LEAST_PROBABILITY
    )
