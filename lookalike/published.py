"""The published generation, with what recommends and completes from it."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lookalike.generation import OpenGeneration

if TYPE_CHECKING:
    from lookalike.browse import Browser
    from lookalike.complete import Completer
    from lookalike.recommend import Shopper
    from lookalike.word_index import WordIndex


class Published(OpenGeneration):
    """An open generation; what recommends, completes, browses and reads words is made at its first use."""

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

    @functools.cached_property
    def browser(self) -> Browser:
        """Browses this generation."""
        from lookalike.browse import Browser

        return Browser(self)

    @functools.cached_property
    def words(self) -> WordIndex:
        """Finds products of this generation by words.

        :raises LookalikeError: the heads are damaged.
        """
        from lookalike.word_index import WordIndex

        return WordIndex(self.index, self.heads(), self.manifest.encoder.dim)
