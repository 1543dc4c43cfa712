"""The published generation, with what recommends and completes from it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lookalike.generation import OpenGeneration

if TYPE_CHECKING:
    from lookalike.complete import Completer
    from lookalike.recommend import Shopper


class Published(OpenGeneration):
    """An open generation whose recommender and completer are made at their first use."""

    @functools.cached_property
    def shopper(self) -> Shopper:
        """Recommends from this generation."""
        from lookalike.recommend import Shopper

        return Shopper(self, self.root)

    @functools.cached_property
    def completer(self) -> Completer:
        """Completes outfits from this generation.

        :raises SignatureError: the encoders' folder is not as it was signed.
        """
        from lookalike.complete import Completer

        self.require_signed("encoders")
        return Completer(self, self.root)
